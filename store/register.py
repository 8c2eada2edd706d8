"""What is held about a customer, read for an answer: the dossier, and to whom and in whose name the answer goes.

The dossier is everything: each thing held with its kind, its fields, its source and its date, by category of the
privacy notice (GDPR Art. 15, C-487/21: faithful and complete), this service's own tickets, messages and views included
(C-579/21). It reads by exactly one customer id; what belongs to others is left out or masked with a named reason
(`store.dossier`).
"""

from sqlmodel import Session, col, select

from store.customers import ACTING_ROLES
from store.dossier.collect import CATEGORIES, dossier
from store.models import ContactKind, ContactPoint, Customer, Role

__all__ = ["CATEGORIES", "acts_for", "dossier", "postal_block"]


def postal_block(session: Session, contact_point_id: int) -> tuple[str, ...]:
    """The lines of a letter's address: the customer's name, then the address. Raises `LookupError`."""
    contact = session.get(ContactPoint, contact_point_id)
    customer = session.get(Customer, contact.customer_id) if contact else None
    if contact is None or customer is None or contact.kind is not ContactKind.POSTAL:
        raise LookupError(f"contact point {contact_point_id} is no postal address")
    return (customer.name, *(line.strip() for line in contact.value.split("\n") if line.strip()))


def acts_for(session: Session, holder_id: int, customer_id: int) -> bool:
    """Whether one customer acts for another by a role on file (`store.customers.ACTING_ROLES`)."""
    query = select(Role.id).where(
        Role.holder_id == holder_id,
        Role.customer_id == customer_id,
        col(Role.kind).in_(ACTING_ROLES),
        col(Role.ended_at).is_(None),
    )
    return session.exec(query).first() is not None
