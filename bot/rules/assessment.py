"""The whole judgement of one message as a value: `explain` prints it, intake acts on it.

Read what was newly written, find what it asks for, say who wrote, count the days, and decide where it goes and what
may be answered. Facts come in as arguments; nothing is looked up here and nothing is changed.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime

from bot.rules import deadlines
from bot.rules.classification import MAX_TEXT, SURE, Classification, Recognised, classify
from bot.rules.footers import without_footer
from bot.rules.identification import identify
from bot.rules.other_languages import recognise
from bot.rules.policy import FILED_ONLY, NO_NEW_CLOCK, Case, acknowledge, place, plan_drafts
from bot.rules.quarantine import set_aside
from bot.rules.signs import signs
from bot.rules.thanks import is_mere_thanks
from bot.rules.topics import SENT_IN, Topic, named_in, topic_of
from bot.rules.verdicts import AskedFor, Assessment, Identification, JoinedBy, Policy, Sent, Thread
from mail.message import Automatic, InboundMessage
from store.models import STATUTORY, Candidate, ContactStatus, RequestKind
from store.models.facts import normalise_email

STATUTORY_TARGET = 10
"""Working days of the internal target of a statutory request (DOMAIN 3.1, 7)."""
_TARGETS = {RequestKind.FAULT: 1, RequestKind.BILLING: 5}
_OTHER_TARGET = 10
_INNER = frozenset({"BAIT", "CLICK", "ASKS_TO_SEND_ELSEWHERE"})
"""Signs that only lead to others; staff see what they lead to."""
_REPEATED = re.compile(r"\s*(?:re|vs|sv|aw|antw|fw|fwd|vl|vb|wg)\s*(?:\[\d+\])?\s*:", re.IGNORECASE)
"""What mail programs put before the subject of an answer or of a mail passed on."""
_ASKS_FOR_ITSELF = frozenset(
    {
        *("ASKS_FOR_OWN_DATA", "ASKS_TO_BE_GIVEN_OWN_DATA", "ASKS_FOR_DATA_ABOUT_SELF", "ASKS_TO_REMOVE_SELF"),
        *("ARTICLE_15", "ARTICLE_16", "ARTICLE_17", "ARTICLE_18", "ARTICLE_20"),
    }
)
"""Words of one who asks. Newsletters and absence notes speak of the reader's rights, in other words."""
_MISREAD = str.maketrans({"@": "a", "4": "a", "3": "e", "0": "o", "1": "i", "5": "s", "€": "e", "|": "l"})


def assess(
    message: InboundMessage,
    candidates: Sequence[Candidate],
    thread: Thread | None,
    policy: Policy,
    received_at: datetime,
    *,
    envelope_sender: str = "",
    sent: Sent | None = None,
) -> Assessment:
    """Everything the service would do with `message`, and why.

    `candidates` are what the register found for the message's clues, `thread` the ticket it refers to, `received_at`
    the moment of receipt (aware, UTC), `envelope_sender` the reverse-path, for chat the chat's own id, `sent` the mail
    of ours that an automatic one speaks of. Never raises for what a message holds.
    """
    automatic = message.automatic
    message, mark = _person_behind(message, alone=thread is None and sent is None)
    identification = identify(message, candidates, policy, received_at)
    if message.automatic.kind != "none":
        return _of_a_machine(message, identification, received_at, thread, sent)
    read = _read(message, thread)
    found = _found(message, read, thread)
    known = _known_addresses(identification, candidates, policy)
    own_domains = frozenset(address.rpartition("@")[2] for address in policy.own_addresses)
    flags = dict.fromkeys((*found.flags, *signs(message, read, found, known, own_domains)))
    flags.update(dict.fromkeys(one for one in identification.reasons if one == "AUTHENTICATION_FAILED"))
    if mark:
        flags[mark] = None
    case = Case(message, envelope_sender, identification, tuple(candidates), frozenset(flags), policy, received_at)
    if case.from_bounced:
        flags["ADDRESS_BOUNCED"] = None
    nothing_asked = all(one.kind is RequestKind.OTHER for one in found.kinds)
    placement, more = place(case, thread, nothing_asked=nothing_asked)
    placement, suspicion = set_aside(case, placement, found.kinds)
    flags.update(dict.fromkeys((*more, *suspicion)))
    if placement == "join" and nothing_asked and is_mere_thanks(message, read):
        flags["MERE_THANKS"] = None
    asks_anew = placement == "new" or (
        placement == "join" and not nothing_asked and not flags.keys() & (NO_NEW_CLOCK | FILED_ONLY)
    )
    received = deadlines.receipt_date(received_at, policy.time_zone)
    requests = _requests(found.kinds, read, received, policy) if asks_anew else ()
    return Assessment(
        automatic=automatic,
        authentication=message.authentication,
        identification=identification,
        requests=requests,
        due_on=_earliest(one.due_on for one in requests),
        placement=placement,
        joins=thread.ticket_id if thread is not None and placement == "join" else None,
        joined_by=_joined_by(thread) if placement == "join" else "none",
        returned=None,
        acknowledgement=acknowledge(case, placement, thread, requests),
        # An unverified line shows nothing: what it asks for is recorded, and a person begins the answer.
        drafts=tuple(
            one
            for one in plan_drafts(case, requests)
            if not (one.holds_data and "JOINED_UNVERIFIED" in flags) and mark != "AUTOMATIC_MAIL"
        ),
        flags=tuple(flag for flag in flags if flag not in _INNER),
        received_at=received_at,
    )


def _person_behind(message: InboundMessage, *, alone: bool) -> tuple[InboundMessage, str]:
    """A machine's mail that may hold a person's words, as a person's, with the flag that says so.

    What bears our own address, and nothing more of ours, is by a web form or a forger. And some write to us through
    programs that mark all they send: a list, a form, a service that asks for people's data in their name. So what is
    `alone`, for it speaks of no mail of ours, and plainly asks for a right is led on, and a person looks at it before
    anything is drafted. Neither is ever acknowledged.
    """
    automatic = message.automatic
    unmarked = replace(automatic, kind="none", may_acknowledge=False)
    if automatic.kind == "own" and automatic.reasons == ("OWN_ADDRESS",):
        return replace(message, from_address="", automatic=unmarked), "OWN_ADDRESS"
    marked = automatic.kind in {"auto_reply", "list"} or (
        automatic.kind == "own" and automatic.reasons == ("OWN_MARK",)
    )
    if not alone or not marked:
        return message, ""
    asked = classify(_read(message, None), message.language).kinds
    asks = any(
        one.kind in STATUTORY and one.confidence >= SURE and _ASKS_FOR_ITSELF.intersection(one.reasons) for one in asked
    )
    return (replace(message, automatic=unmarked), "AUTOMATIC_MAIL") if asks else (message, "")


def _known_addresses(identification: Identification, candidates: Sequence[Candidate], policy: Policy) -> frozenset[str]:
    """Our own addresses, and those in use of the one who is meant."""
    on_file = (point for one in candidates if one.id == identification.customer_id for point in one.contacts)
    live = (point.normalised for point in on_file if point.status is ContactStatus.ACTIVE)
    return frozenset((*policy.own_addresses, *live))


def _joined_by(thread: Thread | None) -> JoinedBy:
    return "reply_address" if thread is not None and thread.signed else "reference"


def _of_a_machine(
    message: InboundMessage,
    identification: Identification,
    received_at: datetime,
    thread: Thread | None,
    sent: Sent | None,
) -> Assessment:
    """An automatic mail asks for nothing and gets nothing: it is filed where it belongs, or the desk lists it."""
    ticket_id, joined_by = _filed_with(message, thread, sent)
    bounced = sent if _is_final(message.automatic) else None
    return Assessment(
        automatic=message.automatic,
        authentication=message.authentication,
        identification=identification,
        requests=(),
        due_on=None,
        placement="none" if ticket_id is None else "join",
        joins=ticket_id,
        joined_by=joined_by,
        returned=bounced.outbox_id if bounced is not None else None,
        acknowledgement=None,
        drafts=(),
        flags=(),
        received_at=received_at,
    )


def _is_final(automatic: Automatic) -> bool:
    """Whether a bounce says that the mail will not arrive, not merely that it has not yet."""
    return automatic.kind == "bounce" and "DELAY" not in automatic.reasons


def _filed_with(message: InboundMessage, thread: Thread | None, sent: Sent | None) -> tuple[int | None, JoinedBy]:
    """The ticket whose thread shows an automatic mail; it moves nothing there.

    Whoever has the signed bounce address or the Message-ID of a mail had the mail, or had it from one who did: enough
    for a bounce or a notice of delivery. An automatic answer must come from where the mail went, or from the opener.
    """
    kind = message.automatic.kind
    if kind in {"bounce", "delivery_notice"} and sent is not None and sent.ticket_id is not None:
        return sent.ticket_id, "bounce" if _is_final(message.automatic) else "automatic"
    if kind == "auto_reply" and message.authentication.verdict != "fail":
        address = normalise_email(message.from_address)
        if sent is not None and address and address == sent.to and sent.ticket_id is not None:
            return sent.ticket_id, "automatic"
        if thread is not None and address and address == thread.sender and not thread.link_only:
            return thread.ticket_id, "automatic"
    return None, "none"


def _read(message: InboundMessage, thread: Thread | None) -> str:
    """Subject and what was newly written. A subject that only repeats an old one (`Re:`) is left out of an answer."""
    written = message.new_text if message.new_text.strip() else message.text
    repeats = thread is not None and (not message.subject.strip() or _REPEATED.match(message.subject))
    written = without_footer(written)
    return written if repeats else f"{message.subject}\n\n{written}"


def _found(message: InboundMessage, read: str, thread: Thread | None) -> Classification:
    """What the new text asks for; where it says nothing, what a quotation does, as a mere possibility."""
    found = classify(read, message.language)
    nothing = all(one.kind is RequestKind.OTHER for one in found.kinds)
    # Below an answer to us stands what is known already; only a mail that refers to nothing may hide a request there.
    whole = without_footer(message.text)
    if nothing and thread is None and not found.flags and whole.strip() not in read:
        quoted = classify(whole, message.language)
        if rights := _possible(quoted):
            return Classification(rights, (*quoted.flags, "POSSIBLE_RIGHTS_REQUEST", "ONLY_IN_QUOTATION"))
    if nothing and message.language == "other" and (foreign := recognise(read[:MAX_TEXT])):
        return Classification(foreign, (*found.flags, "OTHER_LANGUAGE", "POSSIBLE_RIGHTS_REQUEST"))
    if nothing and message.channel == "letter":
        rights = _possible(classify(read.translate(_MISREAD), message.language))
        if rights:
            return Classification(rights, (*found.flags, "POSSIBLE_RIGHTS_REQUEST", "HARD_TO_READ"))
    if not read.strip():
        return Classification((Recognised(RequestKind.OTHER, 0.0, ("NOTHING_READABLE",)),), found.flags)
    return found


def _possible(found: Classification) -> tuple[Recognised, ...]:
    """The rights among what was found, as mere possibilities: they were not plainly said."""
    rights = [one for one in found.kinds if one.kind in STATUTORY]
    return tuple(Recognised(one.kind, min(one.confidence, 0.5), one.reasons) for one in rights)


def _requests(kinds: Sequence[Recognised], read: str, received: date, policy: Policy) -> tuple[AskedFor, ...]:
    """One request a kind; what several of them are about is told of the surest only."""
    requests: list[AskedFor] = []
    told: set[str] = set()
    for one in kinds:
        topic = None if one.kind in STATUTORY else topic_of(read, one.kind)
        if topic is not None and topic.name in told:
            topic = None
        named = named_in(read, topic.name, received) if topic is not None else ()
        told |= {topic.name} if topic is not None else set()
        requests.append(_asked(one, received, policy, topic, named))
    return tuple(requests)


def _asked(
    one: Recognised, received: date, policy: Policy, topic: Topic | None = None, named: tuple[str, ...] = ()
) -> AskedFor:
    due = None
    if one.kind in STATUTORY:
        due = deadlines.due_on(received, months=policy.months, eves_closed=policy.eves_closed)
        days = STATUTORY_TARGET
    else:
        days = _target_days(one.kind, topic, policy)
    target = deadlines.target_on(received, days, eves_closed=policy.eves_closed)
    reasons = (
        one.reasons
        if topic is None
        else (*one.reasons, topic.reason, *(("READING_SENT_IN",) if SENT_IN in named else ()))
    )
    return AskedFor(one.kind, one.confidence, reasons, due, target, topic.name if topic else "", named)


def _target_days(kind: RequestKind, topic: Topic | None, policy: Policy) -> int:
    """The topic's own where the controller has settled one, else the sooner of its usual one and the kind's."""
    of_kind = policy.target_working_days.get(kind.value, _TARGETS.get(kind, _OTHER_TARGET))
    if topic is None:
        return of_kind
    return policy.target_working_days.get(topic.name, min(topic.target, of_kind))


def opened_again(received_at: datetime, policy: Policy) -> AskedFor:
    """What a line asks for that opens an ended ticket again and names nothing: a look by a person, within a target."""
    received = deadlines.receipt_date(received_at, policy.time_zone)
    return _asked(Recognised(RequestKind.OTHER, 0.5, ("NOTHING_RECOGNISED",)), received, policy)


def _earliest(days: Iterable[date | None]) -> date | None:
    return min((day for day in days if day is not None), default=None)
