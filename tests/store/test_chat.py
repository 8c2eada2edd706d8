"""Updates and cards in the store, on SQLite and PostgreSQL alike."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import event
from sqlmodel import Session

from store import chat, drafts, tickets
from store.chat import Matter
from store.database import Database
from store.lifecycle import DraftState, TicketState
from store.models import ChatUpdate, Draft, Level, RecipientKind, RequestKind, Ticket

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
ROOM = "telegram"


def ticket(session: Session, reference: str, **changes: Any) -> int:
    values: dict[str, Any] = {
        "reference": reference,
        "channel": "email",
        "language": "sv",
        "sender": "astrid.pahitt@post.test",
        "subject": "Begäran",
        "received_at": NOW,
        "level": Level.CONFIRMED_CHANNEL,
        "flags": ["CONTACT_CHANGE"],
    }
    return tickets.open_ticket(session, Ticket(**values | changes), at=NOW)


def draft(session: Session, ticket_id: int, due_on: date | None = date(2026, 4, 2)) -> int:
    request = tickets.add_request(
        session,
        ticket_id=ticket_id,
        kind=RequestKind.RECTIFICATION,
        confidence=0.9,
        reasons=[],
        received_at=NOW,
        received_on=NOW.date(),
        due_on=due_on,
        target_on=NOW.date(),
        at=NOW,
    )
    made = drafts.add_draft(
        session,
        ticket_id=ticket_id,
        request_id=request,
        customer_id=None,
        template="rectification",
        language="sv",
        recipient_kind=RecipientKind.SENDER,
        contact_point_id=None,
        recipient="astrid.pahitt@post.test",
        channel="email",
        subject="Svar",
        text="Hej Astrid Påhitt",
        holds_data=False,
        actor="intake",
        at=NOW,
    )
    return tickets.id_of(made.id)


def card(session: Session, matter: Matter, number: str, token: str) -> int | None:
    return chat.open_card(session, matter, room=ROOM, number=number, token_hash=token, chat_id=-1, now=NOW)


def one_card(session: Session) -> int:
    """A card sent as message 7, of the only draft."""
    draft(session, ticket(session, "AAAA-0001"))
    card_id = card(session, chat.drafts_without_card(session, ROOM)[0], "K-AAAAA", "hash-1")
    assert card_id is not None
    chat.card_was_shown(session, card_id, 7, "shown")
    return card_id


def move_draft(session: Session, draft_id: int, state: DraftState) -> None:
    assert drafts.move(session, session.get_one(Draft, draft_id), state, actor="staff:1", at=NOW)


# Updates


def test_an_update_is_kept_once_and_waits_until_it_is_handled(database: Database) -> None:
    update = {"update_id": 5, "message": {"text": "Hej å\u0000ä \ud83d 😀"}}
    assert database.write_now(lambda session: chat.keep_update(session, 5, update, NOW))
    assert not database.write_now(lambda session: chat.keep_update(session, 5, update, NOW))
    assert database.read_now(chat.waiting_updates) == [(5, update)]
    assert database.write_now(lambda session: chat.mark_handled(session, 5, "taken_in", NOW))
    assert not database.write_now(lambda session: chat.mark_handled(session, 5, "again", NOW))
    assert database.read_now(chat.waiting_updates) == []
    assert not database.write_now(lambda session: chat.keep_update(session, 5, update, NOW))


def test_another_update_under_a_known_number_is_kept_beside_it_once(database: Database) -> None:
    first, second = {"update_id": 5, "message": {"text": "a"}}, {"update_id": 5, "message": {"text": "b"}}
    assert database.write_now(lambda session: chat.keep_update(session, 5, first, NOW))
    assert database.write_now(lambda session: chat.keep_update(session, 5, second, NOW))
    assert not database.write_now(lambda session: chat.keep_update(session, 5, second, NOW))
    waiting = database.read_now(chat.waiting_updates)
    assert sorted(update["message"]["text"] for _, update in waiting) == ["a", "b"]
    assert min(number for number, _ in waiting) < 0


def test_what_was_written_is_forgotten_once_it_is_dealt_with_but_known_again(database: Database) -> None:
    words, refused = {"update_id": 5, "message": {"text": "Aino"}}, {"update_id": 6, "callback_query": {"id": "1"}}
    for number, update, outcome in ((5, words, "taken_in"), (6, refused, "staff:refused:unbound")):
        database.write_now(lambda session, n=number, u=update: chat.keep_update(session, n, u, NOW))
        database.write_now(lambda session, n=number, o=outcome: chat.mark_handled(session, n, o, NOW))
    rows = [database.read_now(lambda session, n=n: session.get_one(ChatUpdate, n)) for n in (5, 6)]
    assert "Aino" not in str(rows[0].payload)
    assert rows[1].payload == refused
    assert not database.write_now(lambda session: chat.keep_update(session, 5, words, NOW))
    assert not database.write_now(lambda session: chat.keep_update(session, 6, refused, NOW))


def test_updates_wait_in_the_order_of_their_numbers_however_big(database: Database) -> None:
    for number in (2**62, 3, 2**40):
        database.write_now(lambda session, number=number: chat.keep_update(session, number, {"n": number}, NOW))
    assert [number for number, _ in database.read_now(chat.waiting_updates)] == [3, 2**40, 2**62]


# Cards


def test_drafts_wait_for_a_card_with_the_earliest_due_first(database: Database) -> None:
    def work(session: Session) -> list[int | None]:
        late = draft(session, ticket(session, "AAAA-0001"), date(2026, 5, 1))
        none = draft(session, ticket(session, "AAAA-0002"), None)
        soon = draft(session, ticket(session, "AAAA-0003"), date(2026, 3, 5))
        done = draft(session, ticket(session, "AAAA-0004"))
        move_draft(session, done, DraftState.APPROVED)
        assert [m.draft_id for m in chat.drafts_without_card(session, "another room")] == [soon, late, none]
        return [soon, late, none]

    expected = database.write_now(work)
    found = database.read_now(lambda session: chat.drafts_without_card(session, ROOM))
    assert [matter.draft_id for matter in found] == expected
    assert found[0] == Matter(
        ticket_id=3,
        draft_id=found[0].draft_id,
        sha256=found[0].sha256,
        kinds=("rectification",),
        language="sv",
        channel="email",
        due_on=date(2026, 3, 5),
        state="draft",
        level="confirmed_channel",
        flags=("CONTACT_CHANGE",),
    )


def test_a_card_is_never_built_from_a_name_a_text_or_an_address(sqlite_database: Database) -> None:
    sqlite_database.write_now(one_card)
    asked: list[str] = []

    def listen(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        asked.append(statement.lower())

    def read_everything(session: Session) -> None:
        event.listen(session.get_bind(), "before_cursor_execute", listen)
        chat.drafts_without_card(session, ROOM)
        chat.urgent_without_card(session, ROOM)
        assert len(chat.live_cards(session, ROOM)) == 1
        assert chat.card_by_token(session, "hash-1") is not None
        event.remove(session.get_bind(), "before_cursor_execute", listen)

    sqlite_database.read_now(read_everything)
    assert len(asked) > 5
    for column in ("sender", "subject", "reference", ".text", "recipient", "to_address", "name", "customer"):
        assert not [statement for statement in asked if column in statement.partition("where")[0]], column


def test_a_draft_has_one_live_card_in_a_room(database: Database) -> None:
    def work(session: Session) -> None:
        draft(session, ticket(session, "AAAA-0001"))
        (matter,) = chat.drafts_without_card(session, ROOM)
        first = card(session, matter, "K-AAAAA", "hash-1")
        assert first is not None
        assert card(session, matter, "K-BBBBB", "hash-2") is None
        assert chat.drafts_without_card(session, ROOM) == []
        assert chat.retire_card(session, first)
        assert not chat.retire_card(session, first)
        assert len(chat.drafts_without_card(session, ROOM)) == 1
        assert card(session, matter, "K-AAAAA", "hash-3") is None
        assert card(session, matter, "K-CCCCC", "hash-4") is not None

    database.write_now(work)


def test_of_all_who_come_with_one_token_one_is_let_in(database: Database) -> None:
    database.write_now(one_card)
    ends = [database.write_now(lambda session, n=n: chat.use_card(session, "hash-1", f"fresh-{n}")) for n in range(5)]
    assert ends == [True, False, False, False, False]
    found = database.read_now(lambda session: chat.card_by_token(session, "fresh-0"))
    assert found is not None
    assert (found.number, found.chat_message_id, found.shown) == ("K-AAAAA", 7, "")


def test_a_renewed_or_retired_card_has_no_use_for_its_old_token(database: Database) -> None:
    card_id = database.write_now(one_card)
    assert database.write_now(lambda session: chat.renew_token(session, card_id, "hash-2"))
    assert database.read_now(lambda session: chat.card_by_token(session, "hash-1")) is None
    assert not database.write_now(lambda session: chat.use_card(session, "hash-1", "x"))
    assert database.write_now(lambda session: chat.retire_card(session, card_id))
    assert not database.write_now(lambda session: chat.use_card(session, "hash-2", "x"))
    assert not database.write_now(lambda session: chat.renew_token(session, card_id, "x"))
    assert database.read_now(lambda session: chat.card_by_id(session, card_id)) is None
    assert not database.read_now(lambda session: chat.is_live_message(session, -1, 7))
    assert database.read_now(lambda session: chat.card_target(session, "K-AAAAA")) == (1, 1)
    assert database.read_now(lambda session: chat.card_target(session, "K-ZZZZZ")) is None


@pytest.mark.parametrize(
    ("change", "state"),
    [
        (lambda session: move_draft(session, 1, DraftState.RETURNED), "returned"),
        (lambda session: move_draft(session, 1, DraftState.SUPERSEDED), "superseded"),
        (lambda session: move_draft(session, 1, DraftState.APPROVED), "approved"),
        (
            lambda session: tickets.move(
                session, session.get_one(Ticket, 1), TicketState.CLOSED, actor="staff:1", at=NOW
            ),
            "closed",
        ),
    ],
    ids=["returned", "superseded", "approved", "closed"],
)
def test_a_card_knows_where_its_matter_stands(
    database: Database, change: Callable[[Session], object], state: str
) -> None:
    database.write_now(one_card)
    database.write_now(change)
    (found,) = database.read_now(lambda session: chat.live_cards(session, ROOM))
    assert found.matter.state == state
    assert database.read_now(lambda session: chat.is_live_message(session, -1, 7))


def test_a_suspected_fault_is_told_once_a_room_until_it_is_answered(database: Database) -> None:
    def work(session: Session) -> None:
        ticket(session, "AAAA-0001")
        hot = ticket(session, "AAAA-0002", flags=["OTHER_LANGUAGE", "POSSIBLE_FAULT"])
        ticket(session, "AAAA-0003", flags=["POSSIBLE_FAULT"], state=TicketState.ANSWERED)
        ticket(session, "AAAA-0004", flags=["NOT_POSSIBLE_FAULT"])
        (matter,) = chat.urgent_without_card(session, ROOM)
        assert (matter.ticket_id, matter.draft_id, matter.state) == (hot, None, "new")
        first = card(session, matter, "K-AAAAA", "hash-1")
        assert first is not None
        assert chat.urgent_without_card(session, ROOM) == []
        assert len(chat.urgent_without_card(session, "another room")) == 1
        chat.retire_card(session, first)
        assert len(chat.urgent_without_card(session, ROOM)) == 1, "never known to be sent, so told again"
        second = card(session, matter, "K-BBBBB", "hash-2")
        assert second is not None
        chat.card_was_shown(session, second, 9, "shown")
        chat.retire_card(session, second)
        assert chat.urgent_without_card(session, ROOM) == []

    database.write_now(work)


def test_a_room_remembers_its_digest(database: Database) -> None:
    assert database.read_now(lambda session: chat.digest(session, ROOM)) == ""
    for value in ("a", "b", ""):
        database.write_now(lambda session, value=value: chat.remember_digest(session, ROOM, value))
        assert database.read_now(lambda session: chat.digest(session, ROOM)) == value
