"""What the review desk shows of one ticket: its thread, who is meant, each request beside its draft, what went out."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlmodel import Session, col

from store.desk_facts import (
    CustomerFacts,
    DraftFacts,
    EventFacts,
    MessageFacts,
    RecipientFacts,
    RequestFacts,
    SearchFacts,
    SegmentFacts,
    SendFacts,
    TicketFacts,
)
from store.models import (
    Approval,
    ClockSegment,
    ContactPoint,
    Customer,
    Draft,
    Event,
    Message,
    OutboxRow,
    RawMessageRow,
    Request,
    SearchTask,
    StaffMember,
    Ticket,
)
from store.searches import tasks_of


def ticket_facts(session: Session, ticket_id: int) -> TicketFacts | None:
    """All that the page of the ticket shows; None when there is no such ticket."""
    ticket = session.get(Ticket, ticket_id)
    if ticket is None:
        return None
    staff = {member.id: member.name for member in session.execute(select(StaffMember)).scalars() if member.id}
    linked = session.get(Ticket, ticket.linked_to) if ticket.linked_to is not None else None
    return TicketFacts(
        id=ticket_id,
        reference=ticket.reference,
        state=ticket.state,
        resolution=ticket.resolution,
        version=ticket.version,
        level=ticket.level,
        channel=ticket.channel,
        language=ticket.language,
        sender=ticket.sender,
        subject=ticket.subject,
        received_at=ticket.received_at,
        due_on=ticket.due_on,
        target_on=ticket.target_on,
        quarantined=ticket.quarantined,
        flags=tuple(ticket.flags),
        identification=dict(ticket.identification),
        assigned_to=staff.get(ticket.assigned_to or 0, ""),
        assigned_id=ticket.assigned_to,
        linked_to=ticket.linked_to,
        linked_reference=linked.reference if linked is not None else "",
        customer=_customer(session, ticket.customer_id),
        messages=_messages(session, ticket_id),
        requests=_requests(session, ticket_id, staff),
        sends=_sends(session, ticket_id, staff),
        events=_events(session, ticket_id),
        staff=staff,
    )


def draft_facts(session: Session, draft_id: int) -> DraftFacts | None:
    """One version of a draft, whatever its state; None when there is none."""
    draft = session.get(Draft, draft_id)
    if draft is None:
        return None
    staff = {member.id: member.name for member in session.execute(select(StaffMember)).scalars() if member.id}
    return _draft(session, draft, staff)


def earlier_version(session: Session, draft: DraftFacts) -> DraftFacts | None:
    """The version of the same request's draft before this one."""
    found = (
        session.execute(
            select(col(Draft.id))
            .where(col(Draft.request_id) == draft.request_id, col(Draft.version) < draft.version)
            .order_by(col(Draft.version).desc()),
        )
        .scalars()
        .first()
    )
    return None if found is None else draft_facts(session, found)


def ticket_of_send(session: Session, outbox_id: int) -> tuple[bool, int | None]:
    """Whether there is such an outgoing message, and its ticket."""
    row = session.get(OutboxRow, outbox_id)
    return (False, None) if row is None else (True, row.ticket_id)


def ticket_of_request(session: Session, request_id: int) -> int | None:
    """The ticket that a request belongs to; None when there is no such request."""
    row = session.get(Request, request_id)
    return None if row is None else row.ticket_id


def ticket_of_search(session: Session, task_id: int) -> int | None:
    """The ticket that a place to search belongs to; None when there is none."""
    row = session.get(SearchTask, task_id)
    return None if row is None else row.ticket_id


def _customer(session: Session, customer_id: int | None) -> CustomerFacts | None:
    row = session.get(Customer, customer_id) if customer_id is not None else None
    if row is None or row.id is None:
        return None
    return CustomerFacts(row.id, row.key, row.name, row.kind, row.language, row.turvakielto, row.ended_on)


def _messages(session: Session, ticket_id: int) -> tuple[MessageFacts, ...]:
    rows = (
        session.execute(
            select(Message)
            .where(col(Message.ticket_id) == ticket_id)
            .order_by(col(Message.received_at), col(Message.id)),
        )
        .scalars()
        .all()
    )
    raw_ids = [row.raw_id for row in rows if row.raw_id is not None]
    kept = set(
        session.execute(
            select(col(RawMessageRow.id)).where(
                col(RawMessageRow.id).in_(raw_ids), col(RawMessageRow.content).is_not(None)
            ),
        ).scalars(),
    )
    return tuple(
        MessageFacts(
            row.id or 0,
            row.direction,
            row.channel,
            row.from_text,
            row.from_address,
            row.subject,
            row.text,
            row.new_text,
            row.language,
            row.received_at,
            row.sha256,
            row.joined_by,
            dict(row.details),
            row.raw_id in kept,
        )
        for row in rows
    )


def _requests(session: Session, ticket_id: int, staff: dict[int, str]) -> tuple[RequestFacts, ...]:
    drafts = (
        session.execute(
            select(Draft).where(col(Draft.ticket_id) == ticket_id).order_by(col(Draft.version).desc()),
        )
        .scalars()
        .all()
    )
    rows = session.execute(
        select(Request).where(col(Request.ticket_id) == ticket_id).order_by(col(Request.id)),
    ).scalars()
    return tuple(
        _request(session, row, [draft for draft in drafts if draft.request_id == row.id], staff) for row in rows
    )


def _request(session: Session, row: Request, drafts: Sequence[Draft], staff: dict[int, str]) -> RequestFacts:
    segments = session.execute(
        select(ClockSegment).where(col(ClockSegment.request_id) == row.id).order_by(col(ClockSegment.id)),
    ).scalars()
    return RequestFacts(
        id=row.id or 0,
        kind=row.kind,
        confidence=row.confidence,
        reasons=tuple(row.reasons),
        received_at=row.received_at,
        due_on=row.due_on,
        target_on=row.target_on,
        resolution=row.resolution,
        segments=tuple(SegmentFacts(part.kind, part.from_on, part.to_on, part.reason, part.actor) for part in segments),
        draft=_draft(session, drafts[0], staff) if drafts else None,
        older=tuple((draft.id or 0, draft.version) for draft in drafts[1:]),
        searches=tuple(
            SearchFacts(
                task.id or 0,
                task.kind,
                dict(task.names),
                task.outcome or "",
                task.found,
                staff.get(task.answered_by or 0, ""),
                task.answered_at,
            )
            for task in tasks_of(session, row.id or 0)
        ),
    )


def _draft(session: Session, row: Draft, staff: dict[int, str]) -> DraftFacts:
    approver = (
        session.execute(
            select(col(Approval.staff_id))
            .where(col(Approval.draft_id) == row.id, col(Approval.voided_at).is_(None))
            .order_by(col(Approval.id).desc()),
        )
        .scalars()
        .first()
    )
    return DraftFacts(
        id=row.id or 0,
        ticket_id=row.ticket_id,
        request_id=row.request_id,
        version=row.version,
        state=row.state,
        template=row.template,
        language=row.language,
        recipient=_recipient(session, row),
        subject=row.subject,
        text=row.text,
        files=tuple(str(file.get("name", "")) for file in row.attachments),
        holds_data=row.holds_data,
        edited=row.edited,
        sha256=row.sha256,
        author=staff.get(row.author_id or 0, ""),
        created_at=row.created_at,
        approved_by=staff.get(approver or 0, ""),
    )


def _recipient(session: Session, row: Draft) -> RecipientFacts:
    point = session.get(ContactPoint, row.contact_point_id) if row.contact_point_id is not None else None
    owner = session.get(Customer, point.customer_id) if point is not None else None
    return RecipientFacts(
        kind=row.recipient_kind,
        channel=row.channel,
        value=row.recipient,
        name=owner.name if owner is not None else "",
        status=point.status if point is not None else None,
        on_file_since=point.on_file_since if point is not None else None,
        bounced=point is not None and point.bounced_at is not None,
    )


def _sends(session: Session, ticket_id: int, staff: dict[int, str]) -> tuple[SendFacts, ...]:
    rows = session.execute(
        select(OutboxRow, col(Approval.staff_id), col(ContactPoint.bounced_at))
        .outerjoin(Approval, col(Approval.id) == col(OutboxRow.approval_id))
        .outerjoin(ContactPoint, col(ContactPoint.id) == col(OutboxRow.contact_point_id))
        .where(col(OutboxRow.ticket_id) == ticket_id)
        .order_by(col(OutboxRow.id)),
    ).all()
    return tuple(
        SendFacts(
            row.id,
            row.kind,
            row.state,
            row.draft_id,
            row.channel,
            row.to_address,
            row.created_at,
            row.release_at,
            row.sent_at,
            row.attempts,
            row.receipt,
            staff.get(approver or 0, ""),
            bounced_at is not None,
        )
        for row, approver, bounced_at in rows
    )


def _events(session: Session, ticket_id: int) -> tuple[EventFacts, ...]:
    rows = session.execute(select(Event).where(col(Event.ticket_id) == ticket_id).order_by(col(Event.seq))).scalars()
    return tuple(EventFacts(row.seq or 0, row.at, row.actor, row.kind, dict(row.data)) for row in rows)
