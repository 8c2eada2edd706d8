"""A server that cuts, lies and refuses at every point: each mail is stored once, and every UID is accounted for."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mail.imap.access import Access
from mail.imap.door import Pauses
from mail.imap.session import Plan
from mail.imap.taking import received_at
from mail.tokens import FileToken
from tests.imap.mailroom import Mailroom, mail
from tests.stand_ins.imap_server import POINTS, ImapServer

MAILS = [mail(number) for number in range(1, 6)]
KEEP = Plan(done="", poll_seconds=0.1)


@pytest.mark.parametrize("point", POINTS)
async def test_a_connection_cut_at_any_point_loses_nothing_and_doubles_nothing(mailroom: Mailroom, point: str) -> None:
    with ImapServer({"INBOX": MAILS}) as server:
        server.fault(point)
        door = await mailroom.open(server.port)
        await mailroom.until_kept(MAILS)
        await mailroom.until_balanced(present=0, waiting=0, here=0)
        await mailroom.until("the fault", lambda: server.faults[point] == 0)
        later = mail(99)
        server.put("INBOX", later)
        await mailroom.until_kept([*MAILS, later])
        await mailroom.until("all is well", lambda: not door.problems)
        await mailroom.until_balanced(present=0, waiting=0, here=0)
        await mailroom.until("the last move", lambda: not server.folders["INBOX"].mails)
        assert sorted(server.folders["Kirjaamo/Done"].mails.values()) == sorted([*MAILS, later])


@pytest.mark.parametrize("point", ["fetch-inside-literal", "move", "idle-waiting"])
async def test_a_server_that_cuts_again_and_again_is_outlasted(mailroom: Mailroom, point: str) -> None:
    with ImapServer({"INBOX": MAILS}) as server:
        server.fault(point, 4)
        await mailroom.open(server.port)
        await mailroom.until_kept(MAILS)
        await mailroom.until_balanced(present=0)


@pytest.mark.parametrize("octets", [1, 2, 7, 10_000, -1, -2, -3, -40, 2**40])
async def test_a_literal_whose_length_lies_is_never_stored(
    mailroom: Mailroom, octets: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mail.imap.greeting.READ_SECONDS", 0.5)
    with ImapServer({"INBOX": MAILS[:1]}) as server:
        server.lie["literal"] = octets
        await mailroom.open(server.port, plan=KEEP)
        await mailroom.until("some tries", lambda: server.commands("FETCH") > 4)
        assert mailroom.attempts == []
        server.lie.clear()
        mailroom.clock.advance(hours=2)
        await mailroom.until_kept(MAILS[:1])


@pytest.mark.parametrize(
    ("lie", "no", "reason"),
    [
        ({"body": "NIL"}, {}, "NO_CONTENT"),
        ({"body": '""'}, {}, "NO_CONTENT"),
        ({"body": "{0}\r\n"}, {}, "NO_CONTENT"),
        ({"size": 10**9}, {}, "TOO_LARGE"),
    ],
)
async def test_a_mail_that_cannot_be_had_is_parked_and_seen_and_tried_again(
    mailroom: Mailroom, lie: dict[str, object], no: dict[str, str], reason: str
) -> None:
    with ImapServer({"INBOX": MAILS[:1]}) as server:
        server.lie.update(lie)
        server.no.update(no)
        door = await mailroom.open(server.port)
        balance = await mailroom.until_balanced(present=1, waiting=0)
        assert balance.parked == ((reason, 1),)
        await mailroom.until("the alarm", lambda: door.problems == ("PARKED",))
        tries = server.commands("FETCH")
        server.lie.clear()
        await asyncio.sleep(0.5)
        assert server.commands("FETCH") == tries  # not before its time
        mailroom.clock.advance(minutes=61)
        await mailroom.until_kept(MAILS[:1])
        await mailroom.until("no alarm", lambda: door.problems == ())


async def test_sizes_that_are_said_too_small_bring_no_more_into_memory_than_one_large_mail(mailroom: Mailroom) -> None:
    mails = [mail(number, size=300_000) for number in range(5)]
    with ImapServer({"INBOX": mails}) as server:
        server.lie["size"] = 10
        await mailroom.open(server.port, size_limit=500_000)
        await mailroom.until_kept(mails)
        assert server.commands("LOGIN") > 1  # the first answer was not heard to its end
        await mailroom.until_balanced(present=0, waiting=0)


async def test_a_server_that_names_no_uidvalidity_is_read_all_the_same(mailroom: Mailroom) -> None:
    with ImapServer({"INBOX": MAILS}) as server:
        server.folders["INBOX"].validity = 0
        await mailroom.open(server.port, plan=KEEP)
        await mailroom.until_kept(MAILS)
        await mailroom.until_balanced(present=5, here=5, waiting=0)


async def test_one_mail_that_the_server_refuses_does_not_hold_up_the_others(mailroom: Mailroom) -> None:
    bad = mail(7)
    with ImapServer({"INBOX": [*MAILS[:2], bad, *MAILS[2:]]}) as server:
        server.refused_uid = 3
        await mailroom.open(server.port)
        await mailroom.until_kept(MAILS)
        balance = await mailroom.until_balanced(present=1, waiting=0)
        assert balance.parked == (("REFUSED", 1),)


async def test_a_mail_expunged_by_another_client_between_search_and_fetch_is_nobodys_loss(mailroom: Mailroom) -> None:
    with ImapServer({"INBOX": MAILS}) as server:
        server.vanishing_uid = 2
        await mailroom.open(server.port)
        await mailroom.until_kept([MAILS[0], *MAILS[2:]])
        await mailroom.until_balanced(present=0, waiting=0)


async def test_another_uidvalidity_reads_the_folder_anew_and_doubles_nothing(mailroom: Mailroom) -> None:
    with ImapServer({"INBOX": MAILS}) as server:
        await mailroom.open(server.port, plan=KEEP)
        await mailroom.until_kept(MAILS)
        await mailroom.until_balanced(stored=5, here=5)
        server.renumber("INBOX")
        later = mail(99)
        server.put("INBOX", later)
        await mailroom.until_kept([*MAILS, later])
        balance = await mailroom.until_balanced(present=6, here=6, waiting=0)
        assert (balance.stored, balance.duplicate) == (6, 5)


async def test_a_server_without_move_copies_marks_and_expunges(mailroom: Mailroom) -> None:
    with ImapServer({"INBOX": MAILS}) as server:
        server.capabilities = "IMAP4rev1 UIDPLUS"
        await mailroom.open(server.port)
        await mailroom.until_kept(MAILS)
        await mailroom.until_balanced(present=0, moved=5)
        assert list(server.folders["Kirjaamo/Done"].mails.values()) == MAILS


async def test_where_a_mail_is_copied_and_cannot_be_marked_it_is_neither_copied_nor_stored_again(
    mailroom: Mailroom,
) -> None:
    with ImapServer({"INBOX": MAILS[:1]}) as server:
        server.capabilities = "IMAP4rev1 UIDPLUS"
        server.no["STORE"] = "[NOPERM] no"
        door = await mailroom.open(server.port)
        await mailroom.until_kept(MAILS[:1])
        await mailroom.until("the alarm", lambda: door.problems == ("NOT_MOVED",))
        server.no.clear()
        mailroom.clock.advance(minutes=11)
        await mailroom.until_balanced(present=0, moved=1)
        assert len(server.folders["Kirjaamo/Done"].mails) == 1
        assert len(mailroom.attempts) == 1


async def test_a_server_that_can_move_nothing_safely_keeps_its_mail(mailroom: Mailroom) -> None:
    with ImapServer({"INBOX": MAILS}) as server:
        server.capabilities = "IMAP4rev1"
        await mailroom.open(server.port)
        await mailroom.until_kept(MAILS)
        await mailroom.until_balanced(present=5, here=5, waiting=0)
        fetched = server.commands("FETCH")
        await mailroom.until("more looks", lambda: server.commands("SEARCH") > 8)
        assert server.commands("FETCH") == fetched
        assert server.commands("COPY") == server.commands("EXPUNGE") == 0


async def test_a_folder_that_may_not_be_changed_is_read_all_the_same(mailroom: Mailroom) -> None:
    with ImapServer({"INBOX": MAILS}) as server:
        server.read_only = True
        door = await mailroom.open(server.port)
        await mailroom.until_kept(MAILS)
        await mailroom.until_balanced(present=5, here=5, waiting=0)
        await mailroom.until("the alarm", lambda: door.problems == ("NOT_MOVED",))
        assert server.commands("MOVE") == 0


async def test_a_server_that_refuses_to_search_is_asked_again_and_again(mailroom: Mailroom) -> None:
    with ImapServer({"INBOX": MAILS}) as server:
        server.no["SEARCH"] = "[LIMIT] later"
        door = await mailroom.open(server.port)
        await mailroom.until("the alarm", lambda: door.problems == ("REFUSED",))
        server.no.clear()
        await mailroom.until_kept(MAILS)
        await mailroom.until("no alarm", lambda: door.problems == ())


async def test_a_full_folder_of_the_done_leaves_the_mail_stored_once_and_is_told(mailroom: Mailroom) -> None:
    with ImapServer({"INBOX": MAILS}) as server:
        server.no["MOVE"] = "[OVERQUOTA] full"
        door = await mailroom.open(server.port)
        await mailroom.until_kept(MAILS)
        await mailroom.until("the alarm", lambda: door.problems == ("NOT_MOVED",))
        looks = server.commands("SEARCH")
        await mailroom.until("more looks", lambda: server.commands("SEARCH") > looks + 4)
        assert (len(mailroom.attempts), server.commands("MOVE")) == (5, 1)
        server.no.clear()
        mailroom.clock.advance(minutes=11)
        await mailroom.until_balanced(present=0, moved=5)
        await mailroom.until("no alarm", lambda: door.problems == ())


async def test_a_wrong_password_is_an_alarm_and_a_slow_retry(mailroom: Mailroom) -> None:
    with ImapServer({"INBOX": MAILS}) as server:
        door = await mailroom.open(server.port, password="wrong")
        await mailroom.until("the alarm", lambda: door.problems == ("LOG_IN_REFUSED",))
        assert server.commands("LOGIN") == 1
        server.password = "wrong"
        await mailroom.until_kept(MAILS)
        await mailroom.until("no alarm", lambda: door.problems == ())


def test_refused_log_ins_are_a_minute_apart_at_least_and_a_quarter_of_an_hour_in_the_end() -> None:
    class Fixed:
        def uniform(self, low: float, _high: float) -> float:
            return low

    pauses = [Pauses().after(failures, Fixed(), refused=True) for failures in range(1, 9)]  # type: ignore[arg-type]  # the least that chance gives
    assert pauses == [60, 120, 240, 480, 900, 900, 900, 900]
    assert max(Pauses().after(failures, Fixed(), refused=False) for failures in range(1, 99)) <= 300  # type: ignore[arg-type]  # as above


async def test_a_token_that_was_refused_is_answered_with_nothing_and_the_next_one_is_shown(
    mailroom: Mailroom, tmp_path: Path
) -> None:
    file = tmp_path / "token"
    file.write_text("an-old-token\n")
    with ImapServer({"INBOX": MAILS}) as server:
        server.token = "a-new-token"
        door = await mailroom.open(server.port, tokens=FileToken(file))
        await mailroom.until("the alarm", lambda: door.problems == ("LOG_IN_REFUSED",))
        assert "answer " in [line.rstrip() + " " if line == "answer" else line for line in server.ledger]
        file.write_text("a-new-token\n")
        await mailroom.until_kept(MAILS)
        assert all("token" not in line for line in server.ledger)


async def test_a_token_that_is_not_to_be_had_is_an_alarm(mailroom: Mailroom, tmp_path: Path) -> None:
    with ImapServer({"INBOX": MAILS}) as server:
        door = await mailroom.open(server.port, tokens=FileToken(tmp_path / "nowhere"))
        await mailroom.until("the alarm", lambda: door.problems == ("NO_TOKEN_FILE",))


async def test_a_folder_that_is_not_there_is_told_and_the_others_are_read(mailroom: Mailroom) -> None:
    with ImapServer({"INBOX": MAILS[:2], "Tilaukset": MAILS[2:]}) as server:
        plan = Plan(folders=("INBOX", "Gone", "Tilaukset"), poll_seconds=0.2)
        door = await mailroom.open(server.port, plan=plan)
        await mailroom.until_kept(MAILS)
        await mailroom.until("the alarm", lambda: door.problems == ("NO_FOLDER",))


async def test_a_store_that_is_away_leaves_all_mail_where_it_is(mailroom: Mailroom) -> None:
    mailroom.trouble = lambda _raw: OSError("away")
    with ImapServer({"INBOX": MAILS}) as server:
        door = await mailroom.open(server.port)
        await mailroom.until("the alarm", lambda: door.problems == ("NOT_STORED",))
        assert len(server.folders["INBOX"].mails) == 5
        mailroom.trouble = lambda _raw: None
        await mailroom.until_kept(MAILS)
        await mailroom.until("no alarm", lambda: door.problems == ())


async def test_one_mail_that_the_store_will_not_have_is_parked_and_the_others_are_taken(mailroom: Mailroom) -> None:
    mailroom.trouble = lambda raw: ValueError("no") if raw.content == MAILS[2] else None
    with ImapServer({"INBOX": MAILS}) as server:
        await mailroom.open(server.port)
        await mailroom.until_kept([one for one in MAILS if one != MAILS[2]])
        mailroom.trouble = lambda _raw: None
        await mailroom.until_kept(MAILS)


@pytest.mark.parametrize("idles", [True, False])
async def test_a_peer_that_has_died_without_a_word_is_found_out(
    mailroom: Mailroom, monkeypatch: pytest.MonkeyPatch, idles: bool
) -> None:
    for limit in ("greeting.CONNECT_SECONDS", "greeting.READ_SECONDS", "connection.READ_SECONDS"):
        monkeypatch.setattr(f"mail.imap.{limit}", 0.3)
    with ImapServer({"INBOX": MAILS[:1]}) as server:
        if not idles:
            server.capabilities = "IMAP4rev1 MOVE"
        door = await mailroom.open(server.port)
        await mailroom.until_kept(MAILS[:1])
        server.deaf = True
        await mailroom.until("the alarm", lambda: door.problems == ("SILENT",))
        server.deaf = False
        server.put("INBOX", MAILS[1])
        await mailroom.until_kept(MAILS[:2])
        await mailroom.until("no alarm", lambda: door.problems == ())


async def test_news_is_heard_at_once_where_the_server_tells_it(mailroom: Mailroom) -> None:
    with ImapServer({"INBOX": []}) as server:
        await mailroom.open(server.port, plan=Plan(poll_seconds=1500))
        await mailroom.until("waiting", lambda: server.commands("IDLE") == 1)
        server.put("INBOX", MAILS[0])
        await mailroom.until_kept(MAILS[:1])


async def test_without_idle_the_folders_are_looked_at_now_and_then(mailroom: Mailroom) -> None:
    with ImapServer({"INBOX": []}) as server:
        server.capabilities = "IMAP4rev1 MOVE"
        await mailroom.open(server.port)
        await mailroom.until("a look", lambda: server.commands("SELECT") > 1)
        server.put("INBOX", MAILS[0])
        await mailroom.until_kept(MAILS[:1])
        assert server.commands("IDLE") == 0


@pytest.mark.parametrize(
    ("date", "received"),
    [
        ("02-Mar-2026 08:00:00 +0200", datetime(2026, 3, 2, 6, 0, tzinfo=UTC)),
        ("01-Apr-2025 08:00:00 +0000", datetime(2025, 4, 1, 8, 0, tzinfo=UTC)),
        ("01-Jan-1970 00:00:00 +0000", datetime(2026, 3, 2, 10, 0, tzinfo=UTC)),
        ("02-Mar-2027 08:00:00 +0000", datetime(2026, 3, 2, 10, 0, tzinfo=UTC)),
        ("no date at all", datetime(2026, 3, 2, 10, 0, tzinfo=UTC)),
        ("99-Foo-0000 99:99:99 +9999", datetime(2026, 3, 2, 10, 0, tzinfo=UTC)),
    ],
)
async def test_a_mail_was_received_when_the_server_took_it_unless_its_clock_is_wrong(
    mailroom: Mailroom, date: str, received: datetime
) -> None:
    with ImapServer({"INBOX": MAILS[:1]}) as server:
        server.lie["date"] = date
        await mailroom.open(server.port)
        await mailroom.until_kept(MAILS[:1])
    assert mailroom.kept()[0].received_at == received


async def test_a_mailbox_adopted_for_new_mail_only_leaves_its_past_alone(mailroom: Mailroom) -> None:
    old = "01-Jan-2026 08:00:00 +0000"
    with ImapServer({"INBOX": MAILS}) as server:
        server.lie["date"] = old
        await mailroom.open(server.port, adopt_all=False)
        await mailroom.until_balanced(present=5, left=5, waiting=0)
        server.lie.clear()
        later = mail(99)
        server.put("INBOX", later)
        await mailroom.until_kept([later])
        server.lie["date"] = old
        server.renumber("INBOX")
        await mailroom.until("a look", lambda: server.folders["INBOX"].validity == 2)
        await mailroom.until_balanced(present=5, left=5, waiting=0)
        await mailroom.until_kept([later])


async def test_an_end_is_an_end_whatever_is_going_on(mailroom: Mailroom) -> None:
    loop = asyncio.get_running_loop()
    large = mail(1, size=8_000_000)
    with ImapServer({"INBOX": [large]}) as server:
        server.slow_literal = True
        door = await mailroom.open(server.port)
        await mailroom.until("in the middle", lambda: server.commands("FETCH") == 2)
        began = loop.time()
        await door.close()
        assert loop.time() - began < 4
        assert mailroom.attempts == []
        server.slow_literal = False
        await mailroom.open(server.port)
        await mailroom.until_kept([large])


def test_a_mailbox_on_another_machine_needs_tls() -> None:
    with pytest.raises(ValueError, match="needs tls"):
        Access("imap.lampo.test", 143, "office", "none", None, "secret")
    assert "secret" not in repr(Access("127.0.0.1", 143, "office", "none", None, "secret"))


def test_a_date_in_the_future_by_a_little_is_our_own_clocks_moment() -> None:
    now = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
    assert received_at(now + timedelta(seconds=3), now) == now
