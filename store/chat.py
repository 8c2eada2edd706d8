"""What the chat network told us, and what we show of drafts in a staff room.

Updates are stored before they are confirmed and marked once they are dealt with. Cards are read as `Matter`s: the few
columns that a card may show, with ids. No query here selects a name, an address, a subject or a text (INV-6), so that a
room cannot show what it was never given.

A card lives from its first sending until its draft has reached an end. Its token changes whenever it is used or shown
anew, always by compare-and-set: of two presses one finds it.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, cast

from sqlalchemy import ColumnElement, CursorResult, String, and_, exists, insert, select, update
from sqlalchemy import cast as sql_cast
from sqlmodel import Session, col

from store.lifecycle import DraftState, OutboxState, TicketState
from store.models import Card, ChatUpdate, Draft, OutboxRow, Request, Setting, Ticket

URGENT_FLAG = "POSSIBLE_FAULT"
_BATCH = 500
_FORGOTTEN = "sha256_of_what_was_here"
_KEPT_OUTCOME = "staff:refused"
_OVER = (TicketState.ANSWERED, TicketState.CLOSED)


@dataclass(frozen=True, slots=True)
class Matter:
    """A draft, or an urgent ticket without regard to its drafts, as far as a card may know it."""

    ticket_id: int
    draft_id: int | None
    """None for the urgent card of a ticket."""
    sha256: str
    """Hash of the draft; empty for an urgent card."""
    kinds: tuple[str, ...]
    language: str
    channel: str
    due_on: date | None
    """Statutory due date of the draft's request, or the earliest of the ticket; local."""
    state: str
    """The outbox's word once approved, else the draft's; the ticket's when it is closed or has no draft."""
    level: str
    flags: tuple[str, ...]
    """All flags of the ticket; the room shows only neutral ones."""


@dataclass(frozen=True, slots=True)
class ShownCard:
    """A live card and the matter that it shows."""

    id: int
    number: str
    chat_id: int
    chat_message_id: int | None
    """None when it is not known whether the card was ever sent."""
    shown: str
    matter: Matter


def keep_update(session: Session, update_id: int, payload: dict[str, Any], now: datetime) -> bool:
    """Store one update; False when it is known.

    The network may begin its numbers anew (Bot API, `Update`): another update under a known number is kept under one
    of its own, below zero, made from its content.
    """
    known = session.get(ChatUpdate, update_id)
    if known is not None:
        if _digest(payload) == (known.payload.get(_FORGOTTEN) or _digest(known.payload)):
            return False
        update_id = -1 - int(_digest(payload)[:14], 16)
        if session.get(ChatUpdate, update_id) is not None:
            return False
    session.execute(insert(ChatUpdate).values(update_id=update_id, payload=payload, stored_at=now, outcome=""))
    return True


def waiting_updates(session: Session) -> list[tuple[int, dict[str, Any]]]:
    """The oldest updates that nobody has dealt with, by number, at most 500."""
    rows = session.execute(
        select(col(ChatUpdate.update_id), col(ChatUpdate.payload))
        .where(col(ChatUpdate.handled_at).is_(None))
        .order_by(col(ChatUpdate.update_id))
        .limit(_BATCH)
    )
    return [(row[0], row[1]) for row in rows]


def mark_handled(session: Session, update_id: int, outcome: str, now: datetime) -> bool:
    """Record how an update ended; False when that was recorded before.

    Its content is then forgotten but for a hash: what a customer wrote is the raw message's from now on, and can be
    erased there alone. Only a refused act in the staff's chat is kept, to see who tried.
    """
    known = session.get(ChatUpdate, update_id)
    if known is None or known.handled_at is not None:
        return False
    values: dict[str, Any] = {"handled_at": now, "outcome": outcome}
    if not outcome.startswith(_KEPT_OUTCOME):
        values["payload"] = {_FORGOTTEN: _digest(known.payload)}
    where = (col(ChatUpdate.update_id) == update_id, col(ChatUpdate.handled_at).is_(None))
    return _changed_one(session, update(ChatUpdate).where(*where).values(**values))


def drafts_without_card(session: Session, room: str) -> list[Matter]:
    """Drafts that wait for staff and have no live card in `room`, the earliest due first."""
    rows = session.execute(
        _draft_matters()
        .where(
            col(Draft.state) == DraftState.DRAFT,
            col(Ticket.state) != TicketState.CLOSED,
            ~exists().where(_live_in(room), col(Card.draft_id) == col(Draft.id)),
        )
        .order_by(col(Request.due_on).is_(None), col(Request.due_on), col(Draft.id))
    )
    return [_draft_matter(row, None) for row in rows]


def urgent_without_card(session: Session, room: str) -> list[Matter]:
    """Tickets with a suspected fault, not yet answered, that `room` was never told of."""
    rows = session.execute(
        _ticket_matters()
        .where(
            sql_cast(col(Ticket.flags), String).like(f'%"{URGENT_FLAG}"%'),
            col(Ticket.state).not_in(_OVER),
            ~exists().where(
                col(Card.room) == room,
                col(Card.ticket_id) == col(Ticket.id),
                col(Card.draft_id).is_(None),
                col(Card.live) | col(Card.chat_message_id).is_not(None),
            ),
        )
        .order_by(col(Ticket.id))
    ).all()
    kinds = _kinds(session, [row.ticket_id for row in rows])
    return [_ticket_matter(row, kinds) for row in rows]


def live_cards(session: Session, room: str) -> list[ShownCard]:
    """All cards of `room` that are still followed, each with its matter as it stands now."""
    return _cards(session, _live_in(room))


def card_by_token(session: Session, token_hash: str) -> ShownCard | None:
    """The live card whose buttons carry this token."""
    found = _cards(session, and_(col(Card.live), col(Card.token_hash) == token_hash))
    return found[0] if found else None


def card_by_id(session: Session, card_id: int) -> ShownCard | None:
    """A live card by its row."""
    found = _cards(session, and_(col(Card.live), col(Card.id) == card_id))
    return found[0] if found else None


def is_live_message(session: Session, chat_id: int, chat_message_id: int) -> bool:
    """Whether a message of a chat is a card that is still followed."""
    which = (col(Card.live), col(Card.chat_id) == chat_id, col(Card.chat_message_id) == chat_message_id)
    return session.execute(select(col(Card.id)).where(*which)).first() is not None


def card_target(session: Session, number: str) -> tuple[int, int | None] | None:
    """Ticket and draft that a card's number stands for, also when the card is no longer live: for its *Open* link."""
    row = session.execute(select(col(Card.ticket_id), col(Card.draft_id)).where(col(Card.number) == number)).first()
    return (row[0], row[1]) if row else None


def open_card(
    session: Session, matter: Matter, *, room: str, number: str, token_hash: str, chat_id: int, now: datetime
) -> int | None:
    """Write a card down before it is sent; None when its draft has a live card already, or the number is taken."""
    same = col(Card.draft_id) == matter.draft_id if matter.draft_id is not None else col(Card.draft_id).is_(None)
    clash = and_(_live_in(room), same, col(Card.ticket_id) == matter.ticket_id) | (col(Card.number) == number)
    if session.execute(select(col(Card.id)).where(clash)).first() is not None:
        return None
    card = Card(
        number=number,
        room=room,
        draft_id=matter.draft_id,
        ticket_id=matter.ticket_id,
        token_hash=token_hash,
        chat_id=chat_id,
        created_at=now,
    )
    session.add(card)
    session.flush()
    return card.id


def card_was_shown(session: Session, card_id: int, chat_message_id: int, shown: str) -> None:
    """Record that the network holds the card as message `chat_message_id`, showing what `shown` is the hash of."""
    session.execute(update(Card).where(col(Card.id) == card_id).values(chat_message_id=chat_message_id, shown=shown))


def use_card(session: Session, token_hash: str, fresh_hash: str) -> bool:
    """Spend a token: of all who come with it one gets True. The card waits to be shown anew with a fresh one."""
    return _changed_one(
        session,
        update(Card).where(col(Card.token_hash) == token_hash, col(Card.live)).values(token_hash=fresh_hash, shown=""),
    )


def renew_token(session: Session, card_id: int, fresh_hash: str) -> bool:
    """Give a live card another token before it is shown anew: the buttons shown so far are dead from now on."""
    return _changed_one(
        session,
        update(Card).where(col(Card.id) == card_id, col(Card.live)).values(token_hash=fresh_hash, shown=""),
    )


def retire_card(session: Session, card_id: int) -> bool:
    """Follow a card no longer; its buttons are dead. False when it was retired before."""
    return _changed_one(session, update(Card).where(col(Card.id) == card_id, col(Card.live)).values(live=False))


def digest(session: Session, room: str) -> str:
    """What `room` remembers of its digest message; empty without one."""
    row = session.get(Setting, f"digest:{room}")
    return row.value if row else ""


def remember_digest(session: Session, room: str, value: str) -> None:
    """Remember the digest message of `room`; empty forgets it."""
    session.merge(Setting(key=f"digest:{room}", value=value))


def _digest(payload: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(payload, sort_keys=True).encode()).hexdigest()


def _changed_one(session: Session, statement: Any) -> bool:
    return cast("CursorResult[Any]", session.execute(statement)).rowcount == 1


def _live_in(room: str) -> ColumnElement[bool]:
    return and_(col(Card.room) == room, col(Card.live))


_SHOWN_OF_TICKET: tuple[ColumnElement[Any], ...] = (
    col(Ticket.id).label("ticket_id"),
    col(Ticket.state).label("ticket_state"),
    col(Ticket.language).label("language"),
    col(Ticket.channel).label("channel"),
    col(Ticket.level).label("level"),
    col(Ticket.flags).label("flags"),
)


def _draft_matters() -> Any:
    return (
        select(
            *_SHOWN_OF_TICKET,
            col(Draft.id).label("draft_id"),
            col(Draft.state).label("draft_state"),
            col(Draft.sha256).label("sha256"),
            col(Request.kind).label("kind"),
            col(Request.due_on).label("due_on"),
        )
        .select_from(Draft)
        .join(Ticket, col(Ticket.id) == col(Draft.ticket_id))
        .join(Request, col(Request.id) == col(Draft.request_id))
    )


def _ticket_matters() -> Any:
    return select(*_SHOWN_OF_TICKET, col(Ticket.due_on).label("due_on"))


def _cards(session: Session, which: ColumnElement[bool]) -> list[ShownCard]:
    cards = session.execute(
        select(
            col(Card.id),
            col(Card.number),
            col(Card.chat_id),
            col(Card.chat_message_id),
            col(Card.shown),
            col(Card.draft_id),
            col(Card.ticket_id),
        )
        .where(which)
        .order_by(col(Card.id))
    ).all()
    drafts = _matters_of_drafts(session, [card.draft_id for card in cards if card.draft_id is not None])
    tickets = _matters_of_tickets(session, [card.ticket_id for card in cards if card.draft_id is None])
    return [
        ShownCard(
            card.id,
            card.number,
            card.chat_id,
            card.chat_message_id,
            card.shown,
            tickets[card.ticket_id] if card.draft_id is None else drafts[card.draft_id],
        )
        for card in cards
    ]


def _matters_of_drafts(session: Session, draft_ids: Sequence[int]) -> dict[int, Matter]:
    rows = session.execute(_draft_matters().where(col(Draft.id).in_(draft_ids))).all()
    out = session.execute(
        select(col(OutboxRow.draft_id), col(OutboxRow.state))
        .where(col(OutboxRow.draft_id).in_(draft_ids))
        .order_by(col(OutboxRow.id))
    )
    last = {row[0]: row[1] for row in out}
    return {row.draft_id: _draft_matter(row, last.get(row.draft_id)) for row in rows}


def _matters_of_tickets(session: Session, ticket_ids: Sequence[int]) -> dict[int, Matter]:
    rows = session.execute(_ticket_matters().where(col(Ticket.id).in_(ticket_ids))).all()
    kinds = _kinds(session, ticket_ids)
    return {row.ticket_id: _ticket_matter(row, kinds) for row in rows}


def _kinds(session: Session, ticket_ids: Sequence[int]) -> dict[int, list[str]]:
    kinds: dict[int, list[str]] = {}
    rows = session.execute(
        select(col(Request.ticket_id), col(Request.kind))
        .where(col(Request.ticket_id).in_(ticket_ids))
        .order_by(col(Request.id))
    )
    for ticket_id, kind in rows:
        kinds.setdefault(ticket_id, []).append(str(kind))
    return kinds


def _draft_matter(row: Any, out: OutboxState | None) -> Matter:
    on_its_way = out is not None and row.draft_state in {DraftState.APPROVED, DraftState.SENT}
    state = str(out) if on_its_way else str(row.draft_state)
    if row.draft_state == DraftState.DRAFT and row.ticket_state == TicketState.CLOSED:
        state = str(TicketState.CLOSED)
    return Matter(
        row.ticket_id,
        row.draft_id,
        row.sha256,
        (str(row.kind),),
        row.language,
        row.channel,
        row.due_on,
        state,
        str(row.level),
        tuple(row.flags),
    )


def _ticket_matter(row: Any, kinds: dict[int, list[str]]) -> Matter:
    return Matter(
        row.ticket_id,
        None,
        "",
        tuple(kinds.get(row.ticket_id, ())),
        row.language,
        row.channel,
        row.due_on,
        str(row.ticket_state),
        str(row.level),
        tuple(row.flags),
    )
