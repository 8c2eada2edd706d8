"""Did a machine write this, and of what sort?

A machine that is taken for a customer gets answered, and two machines that answer each other never stop (THREATS 20).
A customer who is taken for a machine gets no answer at all, which is worse. So the standards' own marks count first
(RFC 3834, 3464, 8098, 5965, 2369, 5546), in an order in which the more telling sort wins: a bounce that came by a
list is a bounce. Without marks, the words of known programs count, and only together with a sender or subject that
fits: a person may write from postmaster@, forward a bounce, or tell that they were out of office.

Apart from that, `may_acknowledge` is False also for people's mail that says it wants no automatic answer.
"""

import re
from collections.abc import Iterable

from mail import absence, bounces, reports, returned
from mail import facts as signs
from mail.facts import Facts
from mail.message import Automatic, AutomaticKind
from mail.phrases import Words, phrases
from mail.references import message_id

_LIST_FIELDS = (
    "list-id",
    "list-post",
    "mailing-list",
    "x-mailing-list",
    "x-beenthere",
    "x-mailman-version",
    "x-ezmlm-id",
)
"""Fields that only list software writes."""
_BULK_FIELDS = (
    "list-unsubscribe",
    "feedback-id",
    "list-help",
    "list-owner",
    "x-campaign-id",
    "x-campaignid",
    "x-mailgun-sid",
)
"""Fields that newsletters have, and programs of people too."""
_ENOUGH = 2
_OUR_MESSAGE_ID = re.compile(r"<[0-9a-f]{32}@([^<>@\s]+)>")
"""What the house calls its mails: 128 random bits at its own domain."""


def classify(facts: Facts) -> Automatic:
    """Whether and what sort of machine wrote the mail, with reasons, and whether it may be acknowledged."""
    for question in (_report, _bounce, _receipt, _own, _calendar, _auto_reply, _list):
        answer = question(facts)
        if answer is not None:
            return answer
    reasons = tuple(_unwanted(facts))
    return Automatic(may_acknowledge=not reasons, reasons=reasons)


def _found(facts: Facts, kind: AutomaticKind, *reasons: str) -> Automatic:
    return Automatic(
        kind,
        may_acknowledge=False,
        reasons=tuple(dict.fromkeys(reasons)),
        returned_message_ids=returned.message_ids(facts) if kind not in {"own", "list"} else (),
    )


def _own(facts: Facts) -> Automatic | None:
    """From an address of ours, which says little: web forms and forgers write it too. What says more stands beside it.

    Our own automatic answers are `auto-replied`; a form's mail may well be `auto-generated`.
    """
    senders = [address for address in (facts.from_address, *facts.shown_senders) if address]
    if any(facts.is_own(address) for address in senders):
        proofs = [signs.OWN_MARK] if facts.submitted == "auto-replied" else []
        proofs += [signs.OWN_MESSAGE_ID] if _bears_our_message_id(facts) else []
        return _found(facts, "own", signs.OWN_ADDRESS, *proofs)
    ours = any(facts.is_ours(sender.rpartition("@")[2]) for sender in senders)
    return _found(facts, "own", signs.OWN_MARK) if ours and facts.submitted not in {"", "no"} else None


def _bears_our_message_id(facts: Facts) -> bool:
    identifier = message_id(facts.header.all("message-id"))
    match = _OUR_MESSAGE_ID.fullmatch(identifier)
    return match is not None and facts.is_ours(match[1])


def _report(facts: Facts) -> Automatic | None:
    found = reports.report(facts)
    return _found(facts, *found) if found else None


def _bounce(facts: Facts) -> Automatic | None:
    if reports.receipt(facts, refusal_fits=_fits_bounce(facts)):
        return None
    found = bounces.verdict(facts)
    if found is None:
        return None
    return Automatic(found.kind, found.failed, False, (found.reason,), found.status, returned.message_ids(facts))


def _receipt(facts: Facts) -> Automatic | None:
    found = reports.receipt(facts, refusal_fits=False)
    return _found(facts, *found) if found else None


def _calendar(facts: Facts) -> Automatic | None:
    found = reports.calendar(facts)
    return _found(facts, *found) if found else None


def _auto_reply(facts: Facts) -> Automatic | None:
    reasons = absence.reasons(facts)
    return _found(facts, "auto_reply", *reasons) if reasons else None


def _list(facts: Facts) -> Automatic | None:
    """List software says so by a field of its own; a newsletter by two signs of bulk. Our own list is no list."""
    if _is_our_list(facts):
        return None
    if any(facts.header.has(name) for name in _LIST_FIELDS):
        return _found(facts, "list", signs.LIST_FIELD)
    if facts.precedence == "list":
        return _found(facts, "list", signs.BULK_PRECEDENCE)
    marks = sum(facts.header.has(name) for name in _BULK_FIELDS)
    marks += facts.precedence in {"bulk", "junk"} or facts.machine_sender
    personal = facts.answers or facts.header.has("in-reply-to") or facts.submitted == "no"
    if facts.header.has("list-unsubscribe") and not personal and (marks >= _ENOUGH or not _wants(facts)):
        return _found(facts, "list", signs.BULK_FIELD)
    return None


def _is_our_list(facts: Facts) -> bool:
    """A group address of ours (a Google group, say) forwards customers' mail with the fields of a list."""
    named = " ".join(
        facts.header.text(name).lower() for name in ("list-id", "list-post", "mailing-list", "x-beenthere")
    )
    own = [address.lower() for address in facts.own_addresses]
    return any(address in named or address.replace("@", ".") in named for address in own)


def _wants(facts: Facts) -> bool:
    return facts.asks or phrases("absence")["wants"].within(facts.head)


def _fits_bounce(facts: Facts) -> bool:
    return phrases("bounces")["subject"].within(Words(facts.subject[:1000]))


def _unwanted(facts: Facts) -> Iterable[str]:
    if facts.precedence in {"bulk", "junk", "list", "auto-reply"}:
        yield signs.BULK_PRECEDENCE
    if any(facts.header.has(name) for name in (*_LIST_FIELDS, *_BULK_FIELDS)):
        yield signs.BULK_FIELD
    if facts.suppresses:
        yield signs.SUPPRESS_REPLY
    if facts.null_sender:
        yield signs.NULL_SENDER
    if facts.machine_sender:
        yield signs.MACHINE_SENDER
