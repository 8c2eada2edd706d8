"""How a contact of a customer changes by a person's act: a new one beside the old, which ends."""

from datetime import datetime

from sqlmodel import Session, select

from store.models import ContactKind, ContactPoint, ContactStatus, Source
from store.register_rows import usable_from
from store.register_shape import normalise_contact


def change_contact(
    session: Session,
    customer_id: int,
    *,
    kind: ContactKind,
    value: str,
    source: Source,
    now: datetime,
    replaces: int | None = None,
    corrected: bool = False,
) -> int:
    """Put a new contact on file beside the old ones and return its id; nothing is overwritten.

    `corrected` says that the customer demanded it: no batch then undoes it (`store.models.register.Kept`).

    `replaces` names the contact that it takes the place of: that one ends. A contact that is active already with the
    same value is left as it is. A new one waits 90 days before data may go to it, but for population-register moves and
    contracts (DOMAIN 7.2, 2); one that had ended and comes back is new. Raises `ValueError` when `value` cannot be a
    contact of that kind, `LookupError` when `replaces` is not an active contact of this customer and kind.
    """
    normalised = normalise_contact(kind, value)
    if not normalised:
        raise ValueError(f"the value cannot be a contact of kind {kind}")
    query = select(ContactPoint).where(ContactPoint.customer_id == customer_id, ContactPoint.kind == kind)
    active = session.exec(query.where(ContactPoint.status == ContactStatus.ACTIVE)).all()
    same = next((contact for contact in active if contact.normalised == normalised), None)
    if replaces is not None:
        old = next((contact for contact in active if contact.id == replaces), None)
        if old is None:
            raise LookupError(f"contact point {replaces} is no active {kind} contact of customer {customer_id}")
        if old is not same:
            old.status, old.ended_at = ContactStatus.ENDED, now
            old.corrected_at = now if corrected else old.corrected_at
    if same is None:
        same = ContactPoint(
            customer_id=customer_id,
            kind=kind,
            value=value.strip(),
            normalised=normalised,
            status=ContactStatus.ACTIVE,
            source=source,
            on_file_since=now,
            usable_from=usable_from(source, now),
        )
        session.add(same)
    if corrected:
        same.corrected_at = now
    session.flush()
    if same.id is None:
        raise LookupError("a contact that was never stored has no id")
    return same.id


def set_contact_status(session: Session, contact_point_id: int, status: ContactStatus, now: datetime) -> None:
    """Staff's decision on a contact: `INACTIVE` after a bounce, `ENDED` for good. Raises `LookupError`, `ValueError`.

    A contact that has ended stays so: what comes back is new (`change_contact`) and waits as such.
    """
    contact = session.get(ContactPoint, contact_point_id)
    if contact is None:
        raise LookupError(f"no contact point {contact_point_id}")
    if contact.status is ContactStatus.ENDED and status is not ContactStatus.ENDED:
        raise ValueError("an ended contact does not come back: put it on file as a new one")
    if status is ContactStatus.ENDED and contact.ended_at is None:
        contact.ended_at = now
    contact.status = status
    session.flush()
