"""Where a ticket and a reply may stand, and every move between. No SQL here: this file is the whole table.

A move is written by the store as a compare-and-set on the old state, with its event in the same transaction; a move
that is not in these tables cannot be written at all. Lateness is no state: it is computed from the due date.

    ticket   new > awaiting_identity | awaiting_customer > open > awaiting_approval > answered > closed
    reply    draft > approved > sending > sent > bounced          letters: sent (spooled) > posted
             draft > returned | superseded        approved > draft (undo)      sending > failed | uncertain | approved
    raw      new > done | failed                                   (failed has a visible ticket of its own)
"""

from enum import StrEnum


class TicketState(StrEnum):
    """What the ticket waits for."""

    NEW = "new"
    AWAITING_IDENTITY = "awaiting_identity"
    AWAITING_CUSTOMER = "awaiting_customer"
    OPEN = "open"
    AWAITING_APPROVAL = "awaiting_approval"
    ANSWERED = "answered"
    CLOSED = "closed"


class Resolution(StrEnum):
    """How a closed ticket ended."""

    ANSWERED = "answered"
    NOTHING_HELD = "nothing_held"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    NOT_IDENTIFIED = "not_identified"
    MERGED = "merged"
    AUTOMATIC = "automatic"
    SPAM = "spam"


class DraftState(StrEnum):
    """Where the words of a reply stand. The way out of the house is the outbox's."""

    DRAFT = "draft"
    APPROVED = "approved"
    RETURNED = "returned"
    SUPERSEDED = "superseded"
    SENT = "sent"


class OutboxState(StrEnum):
    """Where an outgoing message stands. `approved` waits for its release and its turn."""

    APPROVED = "approved"
    SENDING = "sending"
    SENT = "sent"
    POSTED = "posted"
    BOUNCED = "bounced"
    FAILED = "failed"
    UNCERTAIN = "uncertain"
    WITHDRAWN = "withdrawn"


class RawState(StrEnum):
    """How far a stored raw message has been led."""

    NEW = "new"
    DONE = "done"
    FAILED = "failed"


_T, _D, _O = TicketState, DraftState, OutboxState

TICKET_MOVES: dict[TicketState, frozenset[TicketState]] = {
    _T.NEW: frozenset({_T.AWAITING_IDENTITY, _T.AWAITING_CUSTOMER, _T.OPEN, _T.AWAITING_APPROVAL, _T.CLOSED}),
    _T.AWAITING_IDENTITY: frozenset({_T.OPEN, _T.AWAITING_APPROVAL, _T.CLOSED}),
    _T.AWAITING_CUSTOMER: frozenset({_T.OPEN, _T.AWAITING_APPROVAL, _T.CLOSED}),
    _T.OPEN: frozenset({_T.AWAITING_APPROVAL, _T.AWAITING_IDENTITY, _T.AWAITING_CUSTOMER, _T.ANSWERED, _T.CLOSED}),
    _T.AWAITING_APPROVAL: frozenset(
        {_T.OPEN, _T.ANSWERED, _T.AWAITING_IDENTITY, _T.AWAITING_CUSTOMER, _T.CLOSED},
    ),
    _T.ANSWERED: frozenset({_T.OPEN, _T.AWAITING_APPROVAL, _T.CLOSED}),
    _T.CLOSED: frozenset({_T.OPEN}),
}

DRAFT_MOVES: dict[DraftState, frozenset[DraftState]] = {
    _D.DRAFT: frozenset({_D.APPROVED, _D.RETURNED, _D.SUPERSEDED}),
    _D.APPROVED: frozenset({_D.SENT, _D.DRAFT, _D.RETURNED}),
    _D.RETURNED: frozenset({_D.SUPERSEDED}),
    _D.SUPERSEDED: frozenset(),
    _D.SENT: frozenset(),
}

OUTBOX_MOVES: dict[OutboxState, frozenset[OutboxState]] = {
    _O.APPROVED: frozenset({_O.SENDING, _O.WITHDRAWN, _O.FAILED}),
    _O.SENDING: frozenset({_O.SENT, _O.FAILED, _O.UNCERTAIN, _O.APPROVED}),
    _O.SENT: frozenset({_O.BOUNCED, _O.POSTED}),
    _O.POSTED: frozenset(),
    _O.BOUNCED: frozenset(),
    _O.FAILED: frozenset({_O.APPROVED, _O.WITHDRAWN}),
    _O.UNCERTAIN: frozenset({_O.SENT, _O.APPROVED, _O.WITHDRAWN}),
    _O.WITHDRAWN: frozenset(),
}

FIRST_STATES: dict[type[StrEnum], StrEnum] = {
    TicketState: _T.NEW,
    DraftState: _D.DRAFT,
    OutboxState: _O.APPROVED,
}
"""Where each kind of row begins its life."""


class IllegalMove(ValueError):
    """A move that the tables above do not hold: a mistake of the program, not of a person."""


def check_ticket_move(old: TicketState, new: TicketState) -> None:
    """Raise `IllegalMove` unless a ticket may go from `old` to `new`."""
    if new not in TICKET_MOVES[old]:
        raise IllegalMove(f"ticket: {old} > {new}")


def check_draft_move(old: DraftState, new: DraftState) -> None:
    """Raise `IllegalMove` unless a draft may go from `old` to `new`."""
    if new not in DRAFT_MOVES[old]:
        raise IllegalMove(f"draft: {old} > {new}")


def check_outbox_move(old: OutboxState, new: OutboxState) -> None:
    """Raise `IllegalMove` unless an outbox row may go from `old` to `new`."""
    if new not in OUTBOX_MOVES[old]:
        raise IllegalMove(f"outbox: {old} > {new}")
