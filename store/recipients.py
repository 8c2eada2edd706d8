"""Where a reply that staff begin may go: the contact on file where the customer is known, else back to the writer.

The same rule as the policy's for drafts (INV-1): a contact counts only when it was on file, and usable, before the
request came; a protected customer is answered by post alone; a sender whose mail failed authentication is nobody.
"""

from dataclasses import dataclass

from sqlalchemy import select
from sqlmodel import Session, col

from store.models import ContactKind, ContactPoint, ContactStatus, Customer, Message, RecipientKind, Ticket


@dataclass(frozen=True, slots=True)
class ReplyTo:
    """A recipient as a draft holds it. `value` is empty where staff must add a letter's return address."""

    kind: RecipientKind
    contact_point_id: int | None
    value: str
    channel: str


def reply_to(session: Session, ticket: Ticket) -> ReplyTo | None:
    """Where a reply on `ticket` may go; None when there is nowhere."""
    customer = session.get(Customer, ticket.customer_id) if ticket.customer_id is not None else None
    if customer is not None:
        return _on_file(session, ticket, customer)
    if ticket.channel == "letter":
        return ReplyTo(RecipientKind.SENDER, None, ticket.sender, "letter")
    if ticket.channel == "email" and ticket.sender and not _failed(session, ticket):
        return ReplyTo(RecipientKind.SENDER, None, ticket.sender, "email")
    return None


def _on_file(session: Session, ticket: Ticket, customer: Customer) -> ReplyTo | None:
    contacts = session.execute(
        select(ContactPoint)
        .where(
            col(ContactPoint.customer_id) == customer.id,
            col(ContactPoint.status) == ContactStatus.ACTIVE,
            col(ContactPoint.on_file_since) < ticket.received_at,
            col(ContactPoint.usable_from) <= ticket.received_at,
        )
        .order_by(col(ContactPoint.id))
    ).scalars()
    usable = [one for one in contacts if one.kind is not ContactKind.PHONE]
    by_mail = ticket.channel != "letter" and not customer.turvakielto
    mails = [one for one in usable if one.kind is ContactKind.EMAIL and by_mail]
    posts = [one for one in usable if one.kind is ContactKind.POSTAL]
    mails.sort(key=lambda one: one.value.casefold() != ticket.sender.casefold())
    arriving = [one for one in mails if one.bounced_at is None]
    for contact in (*arriving, *posts, *mails):  # one that mail came back from only where there is no other
        if contact.kind is ContactKind.EMAIL:
            return ReplyTo(RecipientKind.EMAIL, contact.id, contact.value, "email")
        return ReplyTo(RecipientKind.POSTAL, contact.id, f"{customer.name}\n{contact.value}", "letter")
    return None


def _failed(session: Session, ticket: Ticket) -> bool:
    """Whether the message that opened the ticket failed authentication."""
    opened = select(Message).where(col(Message.ticket_id) == ticket.id, col(Message.direction) == "in")
    first = session.execute(opened.order_by(col(Message.id)).limit(1)).scalars().first()
    verdict = (first.details.get("authentication") or {}).get("verdict") if first is not None else None
    return verdict == "fail"
