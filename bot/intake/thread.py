"""What a message speaks of: the ticket it belongs to, and the mail of ours that a machine answers.

Two things name a ticket: our own signed address that the mail came to, and a Message-ID among its references. Neither
says who wrote; whether the message may join is the rules' decision. Where the two disagree nothing joins.

The address for bounces names a sent mail. A machine's mail to it is about that mail. A person's mail to it (some
programs answer to the envelope sender) is linked to the ticket and joins nothing by it: that address is seen by every
mail system on the way, the one in Reply-To only by those who read the mail.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from sqlmodel import Session

from bot.rules.verdicts import Sent, Thread
from mail.message import InboundMessage
from store import address_keys, messages, outbox, tickets
from store.models.facts import normalise_email
from store.outbox import WentOut
from store.tickets import ThreadFacts

_ABOUT_A_MAIL = frozenset({"bounce", "delivery_notice", "auto_reply"})
"""Kinds of automatic mail that answer one of ours; lists, reports and invitations do not."""


class SignedAddresses(Protocol):
    """Knows our own signed addresses again."""

    def tokens(self, addresses: Iterable[str], /) -> Sequence[str]:
        """What looks like a token of ours among `addresses`; needs no key."""
        ...

    def number_of(self, keys: Sequence[bytes], purpose: Literal["reply", "bounce"], token: str, /) -> int | None:
        """The row that a token names; None unless we signed it for this purpose."""
        ...


@dataclass(frozen=True, slots=True)
class Spoken:
    """What a message speaks of."""

    facts: ThreadFacts | None = None
    thread: Thread | None = None
    """The same ticket as the rules see it."""
    sent: Sent | None = None


def spoken_of(session: Session, message: InboundMessage, addresses: SignedAddresses | None) -> Spoken:
    """The ticket and the sent mail that `message` speaks of, as far as the store knows them."""
    signed, bounced = _by_address(session, message, addresses)
    referred = [one for one in (*message.references, message.in_reply_to) if one]
    by_reference = messages.ticket_of_message_ids(session, referred)
    sent = _sent(session, message, bounced, referred) if message.automatic.kind in _ABOUT_A_MAIL else None
    named = dict.fromkeys(one for one in (*signed, by_reference) if one is not None)
    by_bounce = [row.ticket_id for row in bounced if row.ticket_id is not None]
    found = (tickets.thread_facts(session, one) for one in (*named, *by_bounce))
    facts = next((one for one in found if one is not None), None)
    if facts is None:
        return Spoken(sent=sent)
    thread = Thread(
        facts.ticket_id,
        facts.customer_key,
        normalise_email(facts.sender),
        signed=facts.ticket_id in signed,
        link_only=len(named) != 1 or facts.quarantined,  # what joins a ticket set aside would be hidden with it
        staff=facts.staff_address,
    )
    return Spoken(facts, thread, sent)


def _by_address(
    session: Session, message: InboundMessage, addresses: SignedAddresses | None
) -> tuple[list[int], list[WentOut]]:
    """The tickets whose signed address the mail came to, and the sent mails to whose bounce address it did."""
    found = addresses.tokens(message.delivered_to) if addresses is not None else ()
    if addresses is None or not found:
        return [], []
    keys = address_keys.known(session)
    signed = [addresses.number_of(keys, "reply", token) for token in found]
    bounced = [addresses.number_of(keys, "bounce", token) for token in found]
    rows = [outbox.went_out(session, one) for one in bounced if one is not None]
    return list(dict.fromkeys(one for one in signed if one is not None)), [one for one in rows if one is not None]


def _sent(
    session: Session, message: InboundMessage, bounced: Sequence[WentOut], referred: Sequence[str]
) -> Sent | None:
    """The sent mail that a machine's mail is about: by the address it came to, else by the Message-ID it returns."""
    row = bounced[0] if bounced else outbox.went_out_as(session, message.automatic.returned_message_ids)
    row = row or outbox.went_out_as(session, referred[::-1])  # the newest is the last
    return None if row is None else Sent(row.outbox_id, row.kind, row.ticket_id, normalise_email(row.to_address))
