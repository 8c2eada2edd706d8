"""Whose data may not be deleted now, whatever their age: those of whom a request is open.

The copy is of the moment at which the request came (GDPR Art. 15(3); EDPB 01/2022, 2.3): what a retention run took away
before the answer has left would be missing in it.
"""

from sqlalchemy import select
from sqlmodel import Session, col

from store.models import STATUTORY, Customer, Request, Ticket


def held_for_requests(session: Session) -> set[int]:
    """Ids of the customers whose data a retention run must leave alone.

    They are those of every ticket with a right that is not decided yet: the one whom the ticket is bound to, and where
    it is bound to nobody, all who may be meant.
    """
    query = (
        select(col(Ticket.customer_id), col(Ticket.identification))
        .join(Request, col(Request.ticket_id) == col(Ticket.id))
        .where(col(Request.resolution).is_(None), col(Request.kind).in_(sorted(STATUTORY)))
    )
    bound: set[int] = set()
    meant: set[str] = set()
    for customer_id, identification in session.execute(query):
        if customer_id is not None:
            bound.add(customer_id)
        else:
            meant.update(identification.get("candidates", ()))
    ids = select(col(Customer.id)).where(col(Customer.key).in_(sorted(meant)))
    return bound | {found for found in session.execute(ids).scalars() if found is not None}
