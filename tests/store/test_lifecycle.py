"""The tables of states: what may follow what, and nothing else, in the program and in both databases."""

from enum import StrEnum
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from store.database import Database
from store.lifecycle import (
    DRAFT_MOVES,
    FIRST_STATES,
    OUTBOX_MOVES,
    TICKET_MOVES,
    DraftState,
    IllegalMove,
    OutboxState,
    TicketState,
    check_draft_move,
    check_outbox_move,
    check_ticket_move,
)
from store.models import ContactKind, OutboxRow
from store.models.base import Word

TABLES = [
    (TICKET_MOVES, check_ticket_move, TicketState),
    (DRAFT_MOVES, check_draft_move, DraftState),
    (OUTBOX_MOVES, check_outbox_move, OutboxState),
]


@pytest.mark.parametrize(("moves", "check", "states"), TABLES)
def test_every_pair_is_either_in_the_table_or_refused(moves: Any, check: Any, states: type[StrEnum]) -> None:
    for old in states:
        for new in states:
            if new in moves[old]:
                check(old, new)
            else:
                with pytest.raises(IllegalMove):
                    check(old, new)


@pytest.mark.parametrize(("moves", "_check", "states"), TABLES)
def test_nothing_moves_to_where_it_stands_or_back_to_its_birth_unseen(
    moves: Any, _check: Any, states: type[StrEnum]
) -> None:
    assert all(state not in moves[state] for state in states)
    assert FIRST_STATES[states] in moves


def test_what_has_left_never_leaves_again() -> None:
    for state in (OutboxState.SENT, OutboxState.POSTED, OutboxState.BOUNCED, OutboxState.WITHDRAWN):
        reached, open_ = {state}, [state]
        while open_:
            fresh = OUTBOX_MOVES[open_.pop()] - reached
            reached |= fresh
            open_.extend(fresh)
        assert OutboxState.SENDING not in reached
        assert OutboxState.APPROVED not in reached


def test_a_draft_that_was_sent_or_superseded_stays_so() -> None:
    assert DRAFT_MOVES[DraftState.SENT] == DRAFT_MOVES[DraftState.SUPERSEDED] == frozenset()


INSERTS = {
    "ticket.state": (
        "INSERT INTO ticket (reference, state, level, channel, language, sender, subject, received_at, quarantined,"
        " flags, identification, version) VALUES ('R', 'lost', 'none', 'email', 'fi', '', '',"
        " '2026-03-02 10:00:00+00:00', false, '[]', '{}', 1)"
    ),
    "raw.state": (
        "INSERT INTO raw_message (key, channel, door, media_type, sha256, size, envelope_sender, envelope_recipients,"
        " peer, received_at, state, attempts) VALUES ('k', 'email', 'smtp', 'message/rfc822', 's', 0, '', '[]', '',"
        " '2026-03-02 10:00:00+00:00', 'forgotten', 0)"
    ),
    "outbox.state": (
        "INSERT INTO outbox (kind, state, channel, to_address, language, subject, text, attachments, message_id,"
        " in_reply_to, automatic, holds_data, created_at, release_at, next_attempt_at, attempts, receipt) VALUES"
        " ('notice', 'gone', 'email', 'a@b.test', 'fi', '', '', '[]', '<1@lampo.test>', '', false, false,"
        " '2026-03-02 10:00:00+00:00', '2026-03-02 10:00:00+00:00', '2026-03-02 10:00:00+00:00', 0, '')"
    ),
    "customer.kind": (
        "INSERT INTO customer (key, kind, name, name_key, language, turvakielto, source, recorded_at) VALUES"
        " ('1', 'robot', 'N', 'n', 'fi', false, 'staff', '2026-03-02 10:00:00+00:00')"
    ),
    "staff.role": (
        "INSERT INTO staff_member (login, name, role, password_hash, created_at, failed_log_ins) VALUES"
        " ('x', 'X', 'king', 'h', '2026-03-02 10:00:00+00:00', 0)"
    ),
}


@pytest.mark.parametrize("place", INSERTS)
async def test_the_database_itself_refuses_a_word_that_nobody_knows(database: Database, place: str) -> None:
    with pytest.raises(IntegrityError, match="is_known"):
        await database.write(lambda session: session.connection().execute(text(INSERTS[place])))
    known = {"lost": "new", "forgotten": "new", "gone": "approved", "robot": "person", "king": "clerk"}
    statement = INSERTS[place]
    for wrong, right in known.items():
        statement = statement.replace(f"'{wrong}'", f"'{right}'")
    await database.write(lambda session: session.connection().execute(text(statement)))


def test_the_program_refuses_it_before_the_database_does() -> None:
    with pytest.raises(ValueError, match="gone"):
        Word(OutboxState).process_bind_param("gone", None)  # type: ignore[arg-type]  # the dialect is not looked at
    assert Word(ContactKind).process_result_value("email", None) is ContactKind.EMAIL  # type: ignore[arg-type]  # the same


def test_a_new_row_begins_where_the_table_says() -> None:
    assert OutboxRow.model_fields["state"].default is FIRST_STATES[OutboxState]
