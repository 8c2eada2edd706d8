"""Who wrote, how sure we are, and why.

Only control of a channel that was on file before confirms (DESIGN, "What confirms what"): an active address on file,
and the trusted MTA's `pass`. All else, numbers and names and phones, is knowledge, which many have: it raises to
`claimed` at most, and a claim is answered to the contact on file, never to the claimant. Where more than one may be
meant, that is a state of its own, and a person decides (THREATS 9).

Reasons are named in capitals; what agreed stands among them as the register named it.
"""

from collections.abc import Sequence
from datetime import datetime

from bot.rules.clues import MAX_TEXT
from bot.rules.verdicts import Identification, Policy
from mail.message import InboundMessage
from store.models import Candidate, Contact, ContactKind, ContactStatus, Level
from store.models.facts import fold_postal, normalise_email

_NUMBER = "IDENTIFIER:customer_number"
_NAME = "NAME"
_POSTAL = "POSTAL_ADDRESS"


def identify(
    message: InboundMessage, candidates: Sequence[Candidate], policy: Policy, received_at: datetime
) -> Identification:
    """The verdict on who wrote, from the candidates that the clues found. `received_at` is aware UTC."""
    address = normalise_email(message.from_address) if message.channel == "email" else ""
    if address and address in policy.own_addresses:
        return Identification(Level.NONE, reasons=("OWN_ADDRESS",))
    if message.channel == "email" and message.authentication.verdict == "fail":
        holders = _holders(candidates, address)
        return Identification(Level.NONE, candidates=_keys(holders), reasons=("AUTHENTICATION_FAILED",))
    holders = _holders(candidates, address)
    if not holders:
        return _by_knowledge(message, candidates, address)
    chosen, reasons = _one_of(holders, candidates)
    if chosen is None:
        return Identification(Level.AMBIGUOUS, candidates=_keys([*holders, *_named(candidates)]), reasons=reasons)
    level, why = _sureness(message, chosen, address, received_at)
    principal = _principal(chosen, candidates)
    meant = principal or chosen
    if principal:
        reasons = (*reasons, "ACTS_FOR")
    return Identification(level, meant.key, meant.id, _keys([meant, chosen]), ("ADDRESS", *why, *reasons))


def address_on_file(candidate: Candidate, address: str) -> Contact | None:
    """The candidate's active e-mail contact with exactly this normalised address; inactive ones never match."""
    for contact in candidate.contacts:
        live = contact.kind is ContactKind.EMAIL and contact.status is ContactStatus.ACTIVE
        if live and address and contact.normalised == address:
            return contact
    return None


def is_settled(contact: Contact, received_at: datetime) -> bool:
    """Whether a contact may receive data: active, on file before the request, its waiting period over (INV-1)."""
    return (
        contact.status is ContactStatus.ACTIVE
        and contact.on_file_since < received_at
        and contact.usable_from <= received_at
    )


def _holders(candidates: Sequence[Candidate], address: str) -> list[Candidate]:
    return [one for one in candidates if address_on_file(one, address)]


def _named(candidates: Sequence[Candidate]) -> list[Candidate]:
    return [one for one in candidates if _NUMBER in one.matched or _NAME in one.matched]


def _keys(candidates: Sequence[Candidate]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one.key for one in candidates))


def _sureness(
    message: InboundMessage, chosen: Candidate, address: str, received_at: datetime
) -> tuple[Level, tuple[str, ...]]:
    """Confirmed only with a pass and a contact that has settled (THREATS 1, 5)."""
    contact = address_on_file(chosen, address)
    if contact is None or not is_settled(contact, received_at):
        return Level.CLAIMED, ("RECENT_CONTACT",)
    if message.authentication.verdict != "pass":
        return Level.CLAIMED, ("NOT_AUTHENTICATED",)
    return Level.CONFIRMED_CHANNEL, ("AUTHENTICATED",)


def _one_of(holders: list[Candidate], candidates: Sequence[Candidate]) -> tuple[Candidate | None, tuple[str, ...]]:
    """The one holder of the address who is meant, or None; with the reasons.

    A mailbox that several share needs a number or a full name in the text that only one of them has. An address of one
    with the number, or the name alone, of another is a conflict.
    """
    if len(holders) > 1:
        numbered = [one for one in holders if _NUMBER in one.matched]
        named = [one for one in holders if _NAME in one.matched]
        if len(numbered) > 1 or (not numbered and len(named) != 1):
            return None, ("SHARED_ADDRESS",)
        chosen = (numbered or named)[0]
        if numbered and named and chosen not in named:
            return None, ("SHARED_ADDRESS", "CONFLICT")
        return chosen, ("SHARED_ADDRESS", *_agreements(chosen))
    chosen = holders[0]
    strangers = [one for one in candidates if one is not chosen and one.key not in chosen.acts_for]
    if any(_contradicts(other, chosen) for other in strangers):
        return None, ("CONFLICT",)
    return chosen, _agreements(chosen)


def _contradicts(other: Candidate, chosen: Candidate) -> bool:
    """Whether the message gives a number of the other's of a kind that the chosen has not, or only the other's name."""
    own = set(chosen.matched)
    numbers = {one for one in other.matched if one.startswith("IDENTIFIER:")}
    return bool(numbers - own) or (_NAME in other.matched and not own & {_NUMBER, _NAME})


def _agreements(candidate: Candidate) -> tuple[str, ...]:
    return tuple(one for one in candidate.matched if one != "ADDRESS")


def _principal(sender: Candidate, candidates: Sequence[Candidate]) -> Candidate | None:
    """The one customer whom the message names and for whom the sender acts by a role on file (THREATS 7)."""
    principals = [one for one in _named(candidates) if one.key in sender.acts_for]
    return principals[0] if len(principals) == 1 else None


def _by_knowledge(message: InboundMessage, candidates: Sequence[Candidate], address: str) -> Identification:
    """No address on file: one match on two independent agreements is a claim, less is ambiguous (DOMAIN 7.2, 8)."""
    text = fold_postal(message.text[:MAX_TEXT].splitlines()).replace(" / ", " ") if candidates else ""
    agreeing = {one.key: _independent(one, text) for one in candidates}
    old = ("INACTIVE_ADDRESS",) if any("INACTIVE_ADDRESS" in one.matched for one in candidates) else ()
    strong = [one for one in candidates if len(agreeing[one.key]) >= 2]
    some = [one for one in candidates if agreeing[one.key]]
    unknown = (*old, *(("UNKNOWN_ADDRESS",) if address else ("NO_ADDRESS",)))
    if len(strong) == 1:
        chosen = strong[0]
        if any(_NUMBER in agreeing[other.key] for other in some if other is not chosen):
            return Identification(Level.AMBIGUOUS, candidates=_keys(some), reasons=("CONFLICT", *unknown))
        why = ("KNOWLEDGE_ONLY", *agreeing[chosen.key], *unknown)
        return Identification(Level.CLAIMED, chosen.key, chosen.id, (chosen.key,), why)
    if some:
        why = ("SEVERAL_MATCH",) if len(some) > 1 else ("SINGLE_CLUE",)
        return Identification(Level.AMBIGUOUS, candidates=_keys(some), reasons=(*why, *unknown))
    return Identification(Level.NONE, candidates=(), reasons=unknown)


def _independent(candidate: Candidate, text: str) -> tuple[str, ...]:
    """What agrees, each source once. All numbers stand on the same bill, so they are one agreement together."""
    numbers = [one for one in candidate.matched if one.startswith("IDENTIFIER:")]
    found = [_NUMBER] if _NUMBER in numbers else numbers[:1]
    found += [one for one in (_NAME, "PHONE") if one in candidate.matched]
    if any(contact.kind is ContactKind.POSTAL and _street_of(contact) in text for contact in _live(candidate)):
        found.append(_POSTAL)
    return tuple(found)


def _live(candidate: Candidate) -> list[Contact]:
    return [one for one in candidate.contacts if one.status is ContactStatus.ACTIVE and _street_of(one)]


def _street_of(contact: Contact) -> str:
    return fold_postal(contact.value.splitlines()[:1])
