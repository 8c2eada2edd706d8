"""Staff come in by password or code, stay for a while, and are shut out when they must be."""

import asyncio
from datetime import date, timedelta
from typing import Any

import pytest
from argon2 import PasswordHasher
from sqlmodel import Session, select

from store import staff
from store.database import Database
from store.models import OneTimeCode, StaffMember, StaffRole, StaffSession

PASSWORD = "oikea hevonen akku niitti"


@pytest.fixture
def dora(database: Database, clock: Any) -> int:
    """Dora, an approver whose account is open."""
    return database.write_now(
        lambda session: staff.add_member(
            session,
            login="Dora",
            name="Dora",
            role=StaffRole.APPROVER,
            password=PASSWORD,
            committed_on=date(2026, 1, 7),
            now=clock.now(),
        )
    )


def _session_of(database: Database, token: str, clock: Any) -> tuple[StaffMember, str] | None:
    return database.write_now(lambda session: staff.session_member(session, token, clock.now()))


async def test_the_right_password_lets_in_whatever_the_case_of_the_login(
    database: Database, dora: int, clock: Any
) -> None:
    assert await staff.log_in(database, " DORA ", PASSWORD, clock.now()) == dora


async def test_a_password_is_the_same_however_the_keyboard_writes_its_letters(database: Database, clock: Any) -> None:
    password = "Äiti söi öljyä"
    emil = database.write_now(
        lambda session: staff.add_member(
            session,
            login="emil",
            name="Emil",
            role=StaffRole.CLERK,
            password=password,
            committed_on=date(2026, 1, 7),
            now=clock.now(),
        )
    )
    assert await staff.log_in(database, "emil", "A\u0308iti so\u0308i o\u0308ljya\u0308", clock.now()) == emil


async def test_five_failures_lock_even_the_right_password_out_for_a_quarter_of_an_hour(
    database: Database, dora: int, clock: Any
) -> None:
    for _ in range(staff.FAILURES_ALLOWED):
        assert await staff.log_in(database, "dora", "something else", clock.now()) is None
    assert await staff.log_in(database, "dora", PASSWORD, clock.now()) is None
    clock.advance(minutes=14, seconds=59)
    assert await staff.log_in(database, "dora", PASSWORD, clock.now()) is None
    clock.advance(seconds=1)
    assert await staff.log_in(database, "dora", PASSWORD, clock.now()) == dora


async def test_a_success_forgets_the_failures_before_it(database: Database, dora: int, clock: Any) -> None:
    for _ in range(3):
        for _ in range(staff.FAILURES_ALLOWED - 1):
            await staff.log_in(database, "dora", "something else", clock.now())
        assert await staff.log_in(database, "dora", PASSWORD, clock.now()) == dora


async def test_guesses_at_the_same_moment_are_all_counted(database: Database, dora: int, clock: Any) -> None:
    guesses = (staff.log_in(database, "dora", f"guess number {n}", clock.now()) for n in range(staff.FAILURES_ALLOWED))
    assert await asyncio.gather(*guesses) == [None] * staff.FAILURES_ALLOWED
    assert await staff.log_in(database, "dora", PASSWORD, clock.now()) is None


async def test_a_password_changed_while_it_was_verified_does_not_count(
    database: Database, dora: int, clock: Any
) -> None:
    attempt = await database.read(lambda session: staff.begin_log_in(session, "dora"))
    await database.write(lambda session: staff.set_password(session, dora, staff.hash_password("uusi salasana 1")))
    assert (
        await database.write(lambda session: staff.finish_log_in(session, attempt, verified=True, now=clock.now()))
        is None
    )


async def test_an_unknown_login_costs_the_same_hash_and_gets_the_same_answer(database: Database, clock: Any) -> None:
    attempt = await database.read(lambda session: staff.begin_log_in(session, "nobody"))
    hasher = PasswordHasher()
    assert not hasher.check_needs_rehash(attempt.password_hash)
    assert not staff.verify_password(attempt.password_hash, "")
    assert await staff.log_in(database, "nobody", PASSWORD, clock.now()) is None


@pytest.mark.parametrize("password", ["", "lyhyt", "x" * 11, "a" * 30, "y" * 257])
def test_a_weak_password_is_refused(password: str) -> None:
    with pytest.raises(staff.WeakPassword, match="a password has"):
        staff.hash_password(password)


def test_a_very_long_guess_is_wrong_and_no_trouble() -> None:
    assert not staff.verify_password(staff.hash_password(PASSWORD), PASSWORD + "x" * 1_000_000)


@pytest.mark.parametrize("strange", ["", "not a hash", "$argon2id$v=19$"])
def test_a_broken_hash_lets_nobody_in(strange: str) -> None:
    assert not staff.verify_password(strange, PASSWORD)


async def test_an_account_without_a_signed_commitment_stays_shut(database: Database, clock: Any) -> None:
    emil = database.write_now(
        lambda session: staff.add_member(
            session, login="emil", name="Emil", role=StaffRole.CLERK, password=PASSWORD, now=clock.now()
        )
    )
    code = database.write_now(lambda session: staff.new_log_in_code(session, emil, clock.now()))
    database.write_now(lambda session: staff.bind_telegram(session, emil, 4711))
    assert await staff.log_in(database, "emil", PASSWORD, clock.now()) is None
    assert database.write_now(lambda session: staff.use_log_in_code(session, code, clock.now())) is None
    assert database.read_now(lambda session: staff.member_by_telegram(session, 4711)) is None
    database.write_now(lambda session: staff.record_commitment(session, emil, date(2026, 3, 2)))
    assert await staff.log_in(database, "emil", PASSWORD, clock.now()) == emil


def test_a_login_belongs_to_one_member(database: Database, dora: int, clock: Any) -> None:
    with pytest.raises(staff.LoginTaken):
        database.write_now(
            lambda session: staff.add_member(
                session, login="DORA", name="Another", role=StaffRole.CLERK, now=clock.now()
            )
        )
    assert [member.login for member in database.read_now(staff.list_members)] == ["dora"]


def test_a_session_knows_its_member_and_keeps_no_secret(database: Database, dora: int, clock: Any) -> None:
    token, csrf_token = database.write_now(lambda session: staff.open_session(session, dora, clock.now()))
    found = _session_of(database, token, clock)
    assert found is not None
    assert (found[0].login, found[1]) == ("dora", csrf_token)
    row = database.read_now(lambda session: session.exec(select(StaffSession)).one())
    assert token not in repr(row)
    assert csrf_token not in repr(row)
    assert _session_of(database, csrf_token, clock) is None
    assert _session_of(database, row.token_hash, clock) is None


def test_a_session_ends_when_idle_for_two_hours(database: Database, dora: int, clock: Any) -> None:
    token, _ = database.write_now(lambda session: staff.open_session(session, dora, clock.now()))
    for _ in range(3):
        clock.advance(hours=1, minutes=59)
        assert _session_of(database, token, clock) is not None
    clock.advance(hours=2)
    assert _session_of(database, token, clock) is None


def test_a_session_ends_after_twelve_hours_however_busy(database: Database, dora: int, clock: Any) -> None:
    token, _ = database.write_now(lambda session: staff.open_session(session, dora, clock.now()))
    for _ in range(11):
        clock.advance(hours=1)
        assert _session_of(database, token, clock) is not None
    clock.advance(hours=1)
    assert _session_of(database, token, clock) is None


def test_a_closed_session_is_over(database: Database, dora: int, clock: Any) -> None:
    token, _ = database.write_now(lambda session: staff.open_session(session, dora, clock.now()))
    database.write_now(lambda session: staff.close_session(session, token))
    database.write_now(lambda session: staff.close_session(session, token))
    assert _session_of(database, token, clock) is None


def test_disabling_a_member_ends_everything_at_once(database: Database, dora: int, clock: Any) -> None:
    token, _ = database.write_now(lambda session: staff.open_session(session, dora, clock.now()))
    code = database.write_now(lambda session: staff.new_log_in_code(session, dora, clock.now()))
    database.write_now(lambda session: staff.bind_telegram(session, dora, 4711))
    database.write_now(lambda session: staff.disable_member(session, dora, clock.now()))
    assert _session_of(database, token, clock) is None
    assert database.write_now(lambda session: staff.use_log_in_code(session, code, clock.now())) is None
    assert database.read_now(lambda session: staff.member_by_telegram(session, 4711)) is None
    assert database.read_now(lambda session: session.exec(select(StaffSession)).all()) == []


async def test_a_new_password_ends_the_sessions_and_lifts_the_lock(database: Database, dora: int, clock: Any) -> None:
    token, _ = database.write_now(lambda session: staff.open_session(session, dora, clock.now()))
    for _ in range(staff.FAILURES_ALLOWED):
        await staff.log_in(database, "dora", "something else", clock.now())
    hashed = staff.hash_password("aivan uusi salasana")
    database.write_now(lambda session: staff.set_password(session, dora, hashed))
    assert _session_of(database, token, clock) is None
    assert await staff.log_in(database, "dora", "aivan uusi salasana", clock.now()) == dora


def test_a_chat_account_belongs_to_one_member(database: Database, dora: int, clock: Any) -> None:
    emil = database.write_now(
        lambda session: staff.add_member(session, login="emil", name="Emil", role=StaffRole.CLERK, now=clock.now())
    )
    database.write_now(lambda session: staff.bind_telegram(session, dora, 2**40))
    with pytest.raises(staff.LoginTaken):
        database.write_now(lambda session: staff.bind_telegram(session, emil, 2**40))
    found = database.read_now(lambda session: staff.member_by_telegram(session, 2**40))
    assert found is not None
    assert found.login == "dora"
    database.write_now(lambda session: staff.bind_telegram(session, dora, None))
    assert database.read_now(lambda session: staff.member_by_telegram(session, 2**40)) is None


def test_a_code_lets_in_once_and_only_its_hash_is_kept(database: Database, dora: int, clock: Any) -> None:
    code = database.write_now(lambda session: staff.new_log_in_code(session, dora, clock.now()))
    assert code not in repr(database.read_now(lambda session: session.exec(select(OneTimeCode)).one()))
    assert database.write_now(lambda session: staff.use_log_in_code(session, "x" + code, clock.now())) is None
    assert database.write_now(lambda session: staff.use_log_in_code(session, code, clock.now())) == dora
    assert database.write_now(lambda session: staff.use_log_in_code(session, code, clock.now())) is None


async def test_of_two_who_use_a_code_at_once_one_gets_in(database: Database, dora: int, clock: Any) -> None:
    code = database.write_now(lambda session: staff.new_log_in_code(session, dora, clock.now()))
    uses = (database.write(lambda session: staff.use_log_in_code(session, code, clock.now())) for _ in range(5))
    assert sorted(await asyncio.gather(*uses), key=str) == [dora, None, None, None, None]


def test_a_code_grows_old(database: Database, dora: int, clock: Any) -> None:
    code = database.write_now(lambda session: staff.new_log_in_code(session, dora, clock.now(), 10))
    clock.advance(minutes=10)
    assert database.write_now(lambda session: staff.use_log_in_code(session, code, clock.now())) is None


def test_what_has_expired_is_forgotten_and_what_lives_stays(database: Database, dora: int, clock: Any) -> None:
    def prepare(session: Session) -> str:
        staff.open_session(session, dora, clock.now() - timedelta(hours=13))
        staff.open_session(session, dora, clock.now() - timedelta(hours=3))
        staff.new_log_in_code(session, dora, clock.now() - timedelta(hours=1))
        staff.new_log_in_code(session, dora, clock.now())
        return staff.open_session(session, dora, clock.now())[0]

    token = database.write_now(prepare)
    database.write_now(lambda session: staff.delete_expired(session, clock.now()))
    assert len(database.read_now(lambda session: session.exec(select(StaffSession)).all())) == 1
    assert len(database.read_now(lambda session: session.exec(select(OneTimeCode)).all())) == 1
    assert _session_of(database, token, clock) is not None


def test_an_address_is_one_members_and_can_be_taken_away(database: Database, clock: Any) -> None:
    def work(session: Session) -> None:
        first, second = (
            staff.add_member(session, login=login, name=login, role=StaffRole.CLERK, now=clock.now())
            for login in ("dora", "emil")
        )
        staff.set_email(session, first, "Dora@LAMPO.test")
        assert session.get_one(StaffMember, first).email == "dora@lampo.test"
        with pytest.raises(staff.LoginTaken):
            staff.set_email(session, second, "dora@lampo.test")
        staff.set_email(session, first, "")
        staff.set_email(session, second, "")
        staff.set_email(session, second, "dora@lampo.test")

    database.write_now(work)
