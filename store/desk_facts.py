"""The frozen facts of one ticket, as the review desk shows them. Read by `store.desk_ticket`."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from store.lifecycle import DraftState, OutboxState, Resolution, TicketState
from store.models import ContactStatus, CustomerKind, Level, RecipientKind, RequestKind


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
    bounced: bool
    """Whether mail to it has come back and nobody has decided since."""


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
class SearchFacts:
    """One place to search for a request, and what came of it."""

    id: int
    kind: str
    names: Mapping[str, str]
    outcome: str
    """Empty while it is open."""
    found: str
    answered_by: str
    answered_at: datetime | None


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
    searches: tuple[SearchFacts, ...] = ()
    """Where else must be looked, in the notice's order."""


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
    address_bounced: bool
    """Whether the contact it went to stands flagged because mail to it came back."""


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
