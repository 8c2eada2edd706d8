"""What the rules say of a message: one `Assessment`, printed by `explain` and acted on by intake.

Every part carries named reasons, in capitals: the same names stand in the event, on the desk and in the output of
`explain`, so that "why?" has one answer.
"""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal

from mail.message import Authentication, Automatic, Language
from store.models import Level, RecipientKind, RequestKind

Placement = Literal["new", "join", "none", "quarantine"]
"""`none` only for automatic mail and the canary, which the desk lists."""
JoinedBy = Literal["none", "reference", "reply_address", "bounce", "automatic"]
"""How a message comes to a ticket that is there already."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What the controller has settled; everything the rules know besides the message and the register."""

    time_zone: str = "Europe/Helsinki"
    """Whose local date a receipt has (DOMAIN 3.1, 3)."""
    language: Language = "fi"
    """Answers go in this language when the message's is none of fi, sv, en."""
    own_addresses: tuple[str, ...] = ()
    """Normalised addresses that customers write to; mail from them is our own."""
    eves_closed: bool = False
    """True counts Midsummer Eve and Christmas Eve as closed days; the safe reading is False (DOMAIN 3.2)."""
    months: int = 1
    """Length of the statutory period (GDPR Art. 12(3)); data, because the law moves (DOMAIN 2.6)."""
    target_working_days: dict[str, int] = field(default_factory=dict)
    """Service target by kind or topic of ordinary request, working days; unnamed kinds have 10, topics their own."""
    customer_number_pattern: str = r"\d{4,8}"
    """What a customer number looks like, as a regular expression without anchors."""


@dataclass(frozen=True, slots=True)
class Identification:
    """Who we think wrote, how sure, and why."""

    level: Level
    customer: str | None = None
    """Customer number of the one who is meant."""
    customer_id: int | None = None
    candidates: tuple[str, ...] = ()
    """Customer numbers of all who may be meant."""
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AskedFor:
    """One thing that the message asks for, with its dates (local)."""

    kind: RequestKind
    confidence: float
    reasons: tuple[str, ...]
    due_on: date | None
    """Statutory due date; None for ordinary business."""
    target_on: date
    """Service target, or the internal target of a statutory request (ten working days, DOMAIN 3.1, 7)."""
    topic: str = ""
    """What an ordinary request is about, by `bot.rules.topics`; empty where that is not sure."""
    named: tuple[str, ...] = ()
    """What the message names of its topic: numbers and months of an invoice, or that a reading was sent in."""


@dataclass(frozen=True, slots=True)
class Recipient:
    """Where a draft is to go. `sender` only without register data (INV-1)."""

    kind: RecipientKind
    contact_point_id: int | None
    value: str
    """The address itself; empty when the sender left none we trust, and staff must choose."""


@dataclass(frozen=True, slots=True)
class DraftPlan:
    """Which words to draft for which request, to whom."""

    kind: RequestKind
    """The request that this answers."""
    template: str
    language: Literal["fi", "sv", "en"]
    recipient: Recipient
    holds_data: bool


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """Where the one automatic answer goes (INV-7). Frequency caps are the outbox's, not the rules'."""

    to: str
    language: Literal["fi", "sv", "en"]
    states_due_date: bool
    """True for rights requests, whose due date is told; else "within a month" (DOMAIN 8)."""


@dataclass(frozen=True, slots=True)
class Thread:
    """The ticket that the message refers to, as far as the rules need it."""

    ticket_id: int
    customer: str | None
    """Customer number that the ticket is bound to."""
    sender: str
    """Normalised address that opened it."""
    signed: bool = False
    """Whether the mail came to the ticket's own signed address, which only those who had mail of ours know."""
    link_only: bool = False
    """Whether the mail may only be linked to it: it names two tickets, came to the address for bounces, or the ticket
    lies in quarantine."""
    staff: str = ""
    """Normalised address of the staff member whose ticket it is; empty without one."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A mail of ours that an automatic mail speaks of, by its signed bounce address or its Message-ID."""

    outbox_id: int
    kind: str
    """`acknowledgement`, `reply` or `notice`."""
    ticket_id: int | None
    to: str
    """Normalised address that it went to."""


@dataclass(frozen=True, slots=True)
class Assessment:
    """Everything the service would do with a message, and why."""

    automatic: Automatic
    authentication: Authentication
    identification: Identification
    requests: tuple[AskedFor, ...]
    due_on: date | None
    """Earliest statutory date of the requests, local."""
    placement: Placement
    joins: int | None
    """Ticket that the message joins; None unless `placement` is `join`."""
    joined_by: JoinedBy
    """Why it does, as the thread shows it; `none` unless it joins."""
    returned: int | None
    """Row of the outbox that a bounce gives back."""
    acknowledgement: Acknowledgement | None
    drafts: tuple[DraftPlan, ...]
    """At most one a request, in the requests' order."""
    flags: tuple[str, ...]
    """Named signs for staff: `POSSIBLE_FAULT`, `CONTACT_CHANGE`, `THIRD_PARTY`, `AUTHENTICATION_FAILED` ..."""
    received_at: datetime
