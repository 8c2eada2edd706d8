"""What the review desk shows of one ticket: its thread, who is meant, each request beside its draft, what went out."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlmodel import Session, col

from store.lifecycle import DraftState, OutboxState, Resolution, TicketState
from store.models import (
    Approval,
    AttachmentFile,
    ClockSegment,
    ContactPoint,
    ContactStatus,
    Customer,
    CustomerKind,
    Draft,
    Event,
    Level,
    Message,
    OutboxRow,
    RawMessageRow,
    RecipientKind,
    Request,
    RequestKind,
    StaffMember,
    Ticket,
)


@dataclass(frozen=True, slots=True)
class CustomerFacts:
    """Who the ticket is bound to."""

    id: int
    key: str
    name: str
    kind: CustomerKind
    language: str
    turvakielto: bool
    ended_on: date | None


@dataclass(frozen=True, slots=True)
class MessageFacts:
    """One message of the thread, with what staff may want to see of it."""

    id: int
    direction: str
    channel: str
    from_text: str
    from_address: str
    subject: str
    text: str
    new_text: str
    language: str
    received_at: datetime
    sha256: str
    joined_by: str
    details: dict[str, Any]
    has_raw: bool


@dataclass(frozen=True, slots=True)
class RecipientFacts:
    """Where a draft goes, spelled out, and the row of the register that it stands on."""

    kind: RecipientKind
    channel: str
    value: str
    name: str
    """Name of the customer whose contact this is; empty when the reply goes back to the sender."""
    status: ContactStatus | None
    on_file_since: datetime | None


@dataclass(frozen=True, slots=True)
class DraftFacts:
    """One version of the words of a reply."""

    id: int
    ticket_id: int
    request_id: int
    version: int
    state: DraftState
    template: str
    language: str
    recipient: RecipientFacts
    subject: str
    text: str
    files: tuple[str, ...]
    """Names of the files it carries, in their order."""
    holds_data: bool
    edited: bool
    sha256: str
    author: str
    """Empty while it is the template's own text."""
    created_at: datetime
    approved_by: str
    """Who approved it, while that holds."""


@dataclass(frozen=True, slots=True)
class SegmentFacts:
    """One stretch of a request's clock."""

    kind: str
    from_on: date
    to_on: date | None
    reason: str
    actor: str


@dataclass(frozen=True, slots=True)
class RequestFacts:
    """One thing that the customer wants, with its clock and its newest draft."""

    id: int
    kind: RequestKind
    confidence: float
    reasons: tuple[str, ...]
    received_at: datetime
    due_on: date | None
    target_on: date | None
    resolution: Resolution | None
    segments: tuple[SegmentFacts, ...]
    draft: DraftFacts | None
    older: tuple[tuple[int, int], ...]
    """Id and version of its earlier drafts, the newest first."""


@dataclass(frozen=True, slots=True)
class SendFacts:
    """One message on its way out, or gone."""

    id: int
    kind: str
    state: OutboxState
    draft_id: int | None
    channel: str
    to_address: str
    created_at: datetime
    release_at: datetime
    sent_at: datetime | None
    attempts: int
    receipt: str
    approved_by: str


@dataclass(frozen=True, slots=True)
class EventFacts:
    """One line of the audit trail."""

    seq: int
    at: datetime
    actor: str
    kind: str
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class TicketFacts:
    """All that the page of a ticket shows."""

    id: int
    reference: str
    state: TicketState
    resolution: Resolution | None
    version: int
    level: Level
    channel: str
    language: str
    sender: str
    subject: str
    received_at: datetime
    due_on: date | None
    target_on: date | None
    quarantined: bool
    flags: tuple[str, ...]
    identification: dict[str, Any]
    assigned_to: str
    assigned_id: int | None
    linked_to: int | None
    linked_reference: str
    customer: CustomerFacts | None
    messages: tuple[MessageFacts, ...]
    requests: tuple[RequestFacts, ...]
    sends: tuple[SendFacts, ...]
    events: tuple[EventFacts, ...]
    staff: dict[int, str]
    """Names by id, for the actors of events."""


@dataclass(frozen=True, slots=True)
class FileFacts:
    """A file to hand to staff. `name` is what it is called, never a path."""

    name: str
    content: bytes


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


def raw_file(session: Session, message_id: int) -> FileFacts | None:
    """The bytes of a message as they came; None when there are none or they are erased.

    The file is named by the ticket's reference and the message's number: a name holds no personal data.
    """
    message = session.get(Message, message_id)
    raw = session.get(RawMessageRow, message.raw_id) if message is not None and message.raw_id is not None else None
    if message is None or raw is None or raw.content is None:
        return None
    ticket = session.get(Ticket, message.ticket_id) if message.ticket_id is not None else None
    ending = _ENDINGS.get(raw.media_type, "bin")
    return FileFacts(f"{ticket.reference if ticket else 'viesti'}-{message_id}.{ending}", raw.content)


_ENDINGS = {
    "message/rfc822": "eml",
    "application/pdf": "pdf",
    "image/png": "png",
    "image/jpeg": "jpg",
    "image/tiff": "tif",
    "application/json": "json",
}


def draft_file(session: Session, draft_id: int, position: int) -> FileFacts | None:
    """The file at `position` (from 0) of those that a draft carries, so that who approves it can read it."""
    draft = session.get(Draft, draft_id)
    if draft is None or not 0 <= position < len(draft.attachments):
        return None
    named = draft.attachments[position]
    stored = session.get(AttachmentFile, str(named.get("sha256", "")))
    return None if stored is None else FileFacts(str(named.get("name", "")), stored.content)


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
    )


def _sends(session: Session, ticket_id: int, staff: dict[int, str]) -> tuple[SendFacts, ...]:
    rows = session.execute(
        select(OutboxRow, col(Approval.staff_id))
        .outerjoin(Approval, col(Approval.id) == col(OutboxRow.approval_id))
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
        )
        for row, approver in rows
    )


def _events(session: Session, ticket_id: int) -> tuple[EventFacts, ...]:
    rows = session.execute(select(Event).where(col(Event.ticket_id) == ticket_id).order_by(col(Event.seq))).scalars()
    return tuple(EventFacts(row.seq or 0, row.at, row.actor, row.kind, dict(row.data)) for row in rows)
