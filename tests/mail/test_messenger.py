"""The chat's receive loop against a strict stand-in of Telegram, with the real store behind it."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select
from sqlmodel import Session

from mail.channel import DeliveryError, DeliveryUncertain
from mail.message import Envelope, OutboundMessage, RawMessage
from mail.messenger import Messenger, read_update
from store import chat
from store.database import Database
from store.models import ChatUpdate, table_of
from tests.conftest import Clock
from tests.stand_ins.telegram import Fault, Telegram, error, gateway, hang_up, torn

STAFF_CHAT = -100_200
AINO = 77_001


@pytest.fixture
def telegram() -> Iterator[Telegram]:
    with Telegram() as running:
        running.chats[STAFF_CHAT] = "group"
        yield running


class House:
    """What stands behind the messenger: the store, the staff room, customers' intake, and pauses that take no time."""

    def __init__(self, database: Database, telegram: Telegram, clock: Clock) -> None:
        self.database = database
        self.telegram = telegram
        self.clock = clock
        self.taken: list[RawMessage] = []
        self.keys: set[str] = set()
        self.staff_got: list[dict[str, Any]] = []
        self.pauses: list[float] = []
        self.broken_store = 0
        self.broken_intake = 0
        self.broken_staff = 0

    async def keep(self, update_id: int, update: dict[str, Any]) -> bool:
        if self.broken_store:
            self.broken_store -= 1
            raise OSError("the store is away")
        now = self.clock()
        return await self.database.write(lambda session: chat.keep_update(session, update_id, update, now))

    async def waiting(self) -> list[tuple[int, dict[str, Any]]]:
        return await self.database.read(chat.waiting_updates)

    async def handled(self, update_id: int, outcome: str) -> None:
        now = self.clock()
        await self.database.write(lambda session: chat.mark_handled(session, update_id, outcome, now))

    async def take_in(self, raw: RawMessage) -> bool:
        if self.broken_intake:
            self.broken_intake -= 1
            raise OSError("intake is away")
        if raw.key in self.keys:
            return False
        self.keys.add(raw.key)
        self.taken.append(raw)
        return True

    async def staff(self, update: dict[str, Any]) -> str:
        if self.broken_staff:
            self.broken_staff -= 1
            raise OSError("the staff room is away")
        self.staff_got.append(update)
        return "seen"

    async def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        await asyncio.sleep(0.005)

    def messenger(self, **settings: Any) -> Messenger:
        wired: dict[str, Any] = {
            "token": self.telegram.token,
            "base_url": self.telegram.base_url,
            "keep": self.keep,
            "waiting": self.waiting,
            "handled": self.handled,
            "staff_chat": STAFF_CHAT,
            "staff": self.staff,
            "customers": True,
            "clock": self.clock,
            "poll_seconds": 2,
            "pause": self.pause,
        }
        return Messenger(**wired | settings)

    @asynccontextmanager
    async def running(self, **settings: Any) -> AsyncIterator[Messenger]:
        messenger = self.messenger(**settings)
        await messenger.open(self.take_in)
        try:
            yield messenger
        finally:
            await messenger.close()

    def outcomes(self) -> dict[int, str]:
        table = table_of(ChatUpdate)
        rows = self.database.read_now(lambda session: session.execute(select(table.c.update_id, table.c.outcome)).all())
        return {row[0]: row[1] for row in rows}


@pytest.fixture
def house(sqlite_database: Database, telegram: Telegram, clock: Clock) -> House:
    clock.set(datetime.now(UTC) + timedelta(hours=1))
    return House(sqlite_database, telegram, clock)


async def until(holds: Callable[[], object], seconds: float = 15.0) -> None:
    """Wait until something holds; the limit only ends a test that has failed."""
    for _ in range(int(seconds / 0.01)):
        if holds():
            return
        await asyncio.sleep(0.01)
    pytest.fail("what the test waits for never came")


def text_of(raw: RawMessage) -> str:
    return read_update(raw).text


def receipt(to: str = str(AINO), **changes: Any) -> OutboundMessage:
    given: dict[str, Any] = {
        "kind": "acknowledgement",
        "channel": "chat",
        "language": "fi",
        "subject": "",
        "text": "Viestisi on saapunut. Viitteesi on KL-7F3Q-9X.",
        "reference": "KL-7F3Q-9X",
        "message_id": "<1@lampo.test>",
        "to": to,
    }
    return OutboundMessage(**given | changes)


# Receiving


async def test_a_customers_words_reach_intake_whole_and_are_confirmed(house: House, telegram: Telegram) -> None:
    number = telegram.message_from(AINO, "Hei, haluan nähdä tietoni. Ystävällisin terveisin Aino Esimerkkilä ÄÖ")
    async with house.running():
        await until(lambda: house.taken and not telegram.unconfirmed)
    (raw,) = house.taken
    assert (raw.channel, raw.door, raw.envelope) == ("chat", "telegram", Envelope(sender=str(AINO)))
    assert text_of(raw).endswith("Aino Esimerkkilä ÄÖ")
    assert raw.received_at < house.clock()
    assert house.outcomes() == {number: "taken_in"}


async def test_an_update_is_stored_before_it_is_confirmed(house: House, telegram: Telegram) -> None:
    house.broken_store = 3
    number = telegram.message_from(AINO, "Lämpö puuttuu")
    async with house.running():
        await until(lambda: house.broken_store == 0)
        offsets = [call.arguments.get("offset") for call in telegram.called("getUpdates")]
        assert str(number + 1) not in offsets[:3]
        await until(lambda: len(house.taken) == 1 and not telegram.unconfirmed)


async def test_what_was_stored_when_the_process_died_is_led_on_at_the_next_start(
    house: House, telegram: Telegram
) -> None:
    numbers = [telegram.message_from(AINO, f"viesti {n}") for n in range(3)]
    house.broken_intake = 10_000
    async with house.running():
        await until(lambda: not telegram.unconfirmed)
    assert house.taken == []
    house.broken_intake = 0
    async with house.running():
        await until(lambda: len(house.taken) == 3)
    assert [text_of(raw) for raw in house.taken] == ["viesti 0", "viesti 1", "viesti 2"]
    assert set(house.outcomes().values()) == {"taken_in"}
    assert sorted(house.outcomes()) == numbers


async def test_each_update_is_led_on_once_over_many_restarts(house: House, telegram: Telegram) -> None:
    for n in range(30):
        telegram.message_from(AINO, f"viesti {n}")
        if n % 3 == 0:
            async with house.running():
                await until(lambda n=n: len(house.taken) > n // 2)
    async with house.running():
        await until(lambda: len(house.taken) == 30 and not telegram.unconfirmed)
    assert [text_of(raw) for raw in house.taken] == [f"viesti {n}" for n in range(30)]


class Dying(House):
    """A house whose process dies before or after every third call of one of its three doors to the store."""

    def __init__(self, alive: House, door: str, *, after: bool) -> None:
        super().__init__(alive.database, alive.telegram, alive.clock)
        self.door, self.after, self.calls, self.deaths = door, after, 0, 0
        self.taken, self.keys = alive.taken, alive.keys
        for name in ("keep", "take_in", "handled"):
            setattr(self, name, self._mortal(name, getattr(self, name)))

    def _mortal(self, name: str, deed: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def done(*arguments: Any) -> Any:
            self.calls += name == self.door
            dies = name == self.door and self.calls % 3 == 0
            if dies and not self.after:
                self.die()
            result = await deed(*arguments)
            if dies:
                self.die()
            return result

        return done

    def die(self) -> None:
        self.deaths += 1
        raise asyncio.CancelledError


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("door", ["keep", "take_in", "handled"])
async def test_a_death_at_any_door_loses_nothing_and_doubles_nothing(
    house: House, telegram: Telegram, door: str, after: bool
) -> None:
    for n in range(9):
        telegram.message_from(AINO, f"viesti {n}")
    dying = Dying(house, door, after=after)
    for _ in range(6):
        messenger = dying.messenger(poll_seconds=0)
        deaths = dying.deaths
        await messenger.open(dying.take_in)
        await until(lambda deaths=deaths: dying.deaths > deaths or len(house.taken) == 9)
        await messenger.close()
    async with house.running():
        await until(lambda: not telegram.unconfirmed and set(house.outcomes().values()) <= {"taken_in", "known"})
    assert dying.deaths >= 2
    assert sorted(text_of(raw) for raw in house.taken) == sorted(f"viesti {n}" for n in range(9))
    assert len(house.outcomes()) == 9


async def test_a_backlog_longer_than_the_store_gives_at_once_is_led_on_to_its_end(
    house: House, telegram: Telegram
) -> None:
    def pile_up(session: Session) -> None:
        for number in range(1, 521):
            chat.keep_update(session, number, {"update_id": number, "message": message(f"nro {number}")}, house.clock())

    house.database.write_now(pile_up)
    async with house.running(token=None, base_url=None):
        assert [text_of(raw) for raw in house.taken] == [f"nro {number}" for number in range(1, 521)]


async def test_two_consumers_of_one_bot_lead_each_update_on_once(house: House, telegram: Telegram) -> None:
    async with house.running(), house.running():
        for n in range(20):
            telegram.message_from(AINO, f"viesti {n}")
        await until(lambda: len(house.taken) == 20 and not telegram.unconfirmed)
    assert sorted(text_of(raw) for raw in house.taken) == sorted(f"viesti {n}" for n in range(20))


async def test_what_is_being_led_on_when_the_door_closes_is_finished(house: House, telegram: Telegram) -> None:
    begun, released = asyncio.Event(), asyncio.Event()

    async def slow_staff(update: dict[str, Any]) -> str:
        begun.set()
        await released.wait()
        return "finished"

    number = telegram.message_from(1, "/list", chat_id=STAFF_CHAT)
    messenger = house.messenger(staff=slow_staff)
    await messenger.open(house.take_in)
    await begun.wait()
    closing = asyncio.create_task(messenger.close())
    await asyncio.sleep(0.05)
    assert not closing.done()
    released.set()
    await closing
    assert house.outcomes() == {number: "staff:finished"}


async def test_numbers_out_of_order_repeated_and_with_a_gap_lose_nothing(house: House, telegram: Telegram) -> None:
    telegram.chats[AINO] = "private"
    for number in (900_005, 900_003, 1_900_000, 900_004):
        telegram.update(number, message=message(f"nro {number}"))
    async with house.running():
        await until(lambda: len(house.taken) == 4 and not telegram.unconfirmed)
        telegram.update(900_003, message=message("nro 900003"))
        await until(lambda: not telegram.unconfirmed)
    assert len(house.taken) == 4


async def test_numbers_that_begin_anew_after_a_quiet_week_lose_nothing(house: House, telegram: Telegram) -> None:
    telegram.update(900_000, message=message("ennen"))
    async with house.running():
        await until(lambda: len(house.taken) == 1 and not telegram.unconfirmed)
        await until(lambda: "offset" not in telegram.called("getUpdates")[-1].arguments)
        telegram.update(17, message=message("lähes alusta"))
        telegram.update(900_000, message=message("sama numero, toinen viesti"))
        await until(lambda: len(house.taken) == 3 and not telegram.unconfirmed)
    assert {text_of(raw) for raw in house.taken} == {"ennen", "lähes alusta", "sama numero, toinen viesti"}


@pytest.mark.parametrize(
    "trouble",
    [
        error(429, "Too Many Requests: retry after 1", retry_after=1),
        error(409, "Conflict: terminated by other getUpdates request"),
        error(500, "Internal Server Error"),
        gateway(502, taken=False),
        gateway(504, taken=True),
        hang_up(taken=False),
        hang_up(taken=True),
        torn(taken=True),
        Fault(200, b'{"ok":true,"result":[{"update_id":"x"},3,null,{}]}'),
        Fault(200, b'{"ok":true,"result":{}}'),
        Fault(200, b"\xff\xfe"),
    ],
    ids=lambda fault: f"{fault.status}-{fault.body[:20]!r}-{fault.taken}",
)
async def test_the_loop_outlives_every_trouble_of_the_network(house: House, telegram: Telegram, trouble: Fault) -> None:
    telegram.fault("getUpdates", trouble, trouble)
    telegram.message_from(AINO, "Hej, jag flyttar")
    async with house.running():
        await until(lambda: len(house.taken) == 1 and not telegram.unconfirmed)


async def test_the_networks_wish_for_patience_is_obeyed(house: House, telegram: Telegram) -> None:
    telegram.fault("getUpdates", error(429, retry_after=35))
    telegram.message_from(AINO, "Hej")
    async with house.running():
        await until(lambda: house.taken)
    assert house.pauses[0] == 35


async def test_a_wrong_token_is_one_warning_slow_retries_and_never_in_a_log(
    house: House, telegram: Telegram, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    secret = "990001:wrong-but-still-secret"
    async with house.running(token=secret) as messenger:
        await until(lambda: len(house.pauses) > 5)
    warnings = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(warnings) == 1
    assert set(house.pauses) == {60.0}
    assert messenger.trouble == "InvalidToken"
    assert secret not in caplog.text
    assert "wrong-but-still-secret" not in "".join(str(vars(record)) for record in caplog.records)


async def test_a_failing_send_keeps_the_token_out_of_its_error(house: House, telegram: Telegram) -> None:
    telegram.fault("sendMessage", hang_up(taken=False))
    async with house.running() as messenger:
        with pytest.raises(DeliveryError) as caught:
            await messenger.send(receipt())
    seen: BaseException | None = caught.value
    while seen is not None:
        assert telegram.token not in repr(seen)
        seen = seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)


# Who gets what


def message(text: str, **changes: Any) -> dict[str, Any]:
    return {
        "message_id": 1,
        "date": 1_790_000_000,
        "chat": {"id": AINO, "type": "private"},
        "from": {"id": AINO, "is_bot": False, "first_name": "Aino", "last_name": "Esimerkkilä"},
        "text": text,
        **changes,
    }


async def test_staffs_words_and_every_press_go_to_the_staff_room(house: House, telegram: Telegram) -> None:
    first = telegram.message_from(55, "/list", chat_id=STAFF_CHAT)
    second = telegram.update(callback_query={"id": "1", "from": {"id": 1}, "data": "x"})
    async with house.running():
        await until(lambda: len(house.staff_got) == 2 and not telegram.unconfirmed)
    assert house.taken == []
    assert house.outcomes() == {first: "staff:seen", second: "staff:seen"}


async def test_what_is_nobodys_is_kept_and_marked_so(house: House, telegram: Telegram) -> None:
    ignored = {
        telegram.message_from(AINO, "hei", chat_id=-5): "ignored:not_private",
        telegram.message_from(AINO, "/start"): "ignored:start",
        telegram.message_from(AINO, pinned_message={"message_id": 2}): "ignored:service_message",
        telegram.update(message={"text": "no chat"}): "ignored:other_kind",
    }
    async with house.running():
        await until(lambda: house.outcomes() == ignored)
    assert house.taken == []


async def test_where_customers_are_not_served_by_chat_nothing_is_taken_in(house: House, telegram: Telegram) -> None:
    number = telegram.message_from(AINO, "hei")
    async with house.running(customers=False):
        await until(lambda: house.outcomes() == {number: "ignored:not_for_customers"})
    assert house.taken == []


async def test_an_update_that_breaks_the_staff_room_is_given_up_and_stalls_nobody(
    house: House, telegram: Telegram
) -> None:
    house.broken_staff = 10_000
    press = telegram.update(callback_query={"id": "1", "from": {"id": 1}, "data": "x"})
    written = telegram.message_from(AINO, "hei")
    async with house.running():
        await until(lambda: house.outcomes() == {press: "staff:failed", written: "taken_in"})


async def test_a_sample_message_comes_in_by_the_same_door_without_a_network(
    house: House, telegram: Telegram, tmp_path: Path
) -> None:
    async with house.running(token=None, base_url=None, outbox=tmp_path / "chat") as messenger:
        update = {"update_id": 1, "message": message("Hei, patteri on kylmä")}
        await messenger.accept(update)
        await messenger.accept(update)
        assert [text_of(raw) for raw in house.taken] == ["Hei, patteri on kylmä"]
        got = await messenger.send(receipt())
    written = json.loads((tmp_path / "chat" / got.text).read_text("utf-8"))
    assert written["text"].startswith("Viestisi on saapunut")
    assert written["to"] == str(AINO)
    assert telegram.calls == []


async def test_without_token_and_folder_a_receipt_is_refused_for_good(house: House) -> None:
    async with house.running(token=None, base_url=None) as messenger:
        with pytest.raises(DeliveryError) as caught:
            await messenger.send(receipt())
    assert caught.value.permanent


async def test_closing_twice_or_before_opening_does_no_harm(house: House) -> None:
    messenger = house.messenger()
    await messenger.close()
    async with house.running() as opened:
        await opened.close()


# Sending


async def test_a_receipt_arrives_once_as_plain_text(house: House, telegram: Telegram) -> None:
    telegram.chats[AINO] = "private"
    async with house.running() as messenger:
        got = await messenger.send(receipt(text="Viitteesi on KL-1. <b>*_[ei](merkintää)"))
    (sent,) = telegram.in_chat(AINO)
    assert sent.text == "Viitteesi on KL-1. <b>*_[ei](merkintää)"
    assert got.text == f"telegram message {sent.message_id}"


@pytest.mark.parametrize(
    ("trouble", "end", "copies"),
    [
        (error(429, retry_after=3600), "again", 0),
        (error(403, "Forbidden: bot was blocked by the user"), "never", 0),
        (error(400, "Bad Request: chat not found"), "never", 0),
        (error(401, "Unauthorized"), "again", 0),
        (error(500, taken=True), "uncertain", 1),
        (error(500), "uncertain", 0),
        (gateway(502, taken=True), "uncertain", 1),
        (hang_up(taken=True), "uncertain", 1),
        (hang_up(taken=False), "uncertain", 0),
        (torn(taken=True), "uncertain", 1),
    ],
    ids=lambda value: f"{value.status}-{value.taken}" if isinstance(value, Fault) else str(value),
)
async def test_every_end_of_a_sending_is_told_as_what_it_is(
    house: House, telegram: Telegram, trouble: Fault, end: str, copies: int
) -> None:
    telegram.chats[AINO] = "private"
    telegram.fault("sendMessage", trouble)
    async with house.running() as messenger:
        with pytest.raises(DeliveryError) as caught:
            await messenger.send(receipt())
    told = caught.value
    assert isinstance(told, DeliveryUncertain) == (end == "uncertain")
    assert told.permanent == (end != "again")
    assert len(telegram.in_chat(AINO)) == copies


async def test_a_network_that_cannot_be_reached_may_be_tried_again(house: House) -> None:
    async with house.running(base_url="http://127.0.0.1:1/bot") as messenger:
        with pytest.raises(DeliveryError) as caught:
            await messenger.send(receipt())
    assert not caught.value.permanent


@pytest.mark.parametrize(
    "unfit",
    [
        {"kind": "reply"},
        {"kind": "notice"},
        {"text": "ä" * 4097},
        {"text": ""},
        {"to": "aino.esimerkkila@posti.test"},
        {"to": ""},
    ],
    ids=",".join,
)
async def test_only_a_short_receipt_to_a_chat_ever_leaves_by_chat(
    house: House, telegram: Telegram, unfit: dict[str, Any]
) -> None:
    async with house.running() as messenger:
        with pytest.raises(DeliveryError) as caught:
            await messenger.send(receipt(**unfit))
    assert caught.value.permanent
    assert telegram.called("sendMessage") == []


# Reading


def raw_of(content: bytes) -> RawMessage:
    return RawMessage("chat", "telegram", content, "application/json", Envelope(str(AINO)), datetime.now(UTC))


def read(**update: Any) -> Any:
    return read_update(raw_of(json.dumps({"update_id": 1, **update}).encode()))


def test_a_message_is_shown_with_the_name_its_writer_gave_and_no_address() -> None:
    seen = read(message=message("Hei!\r\nLaskuni on väärin."))
    assert (seen.from_text, seen.from_address, seen.subject) == ("Aino Esimerkkilä", "", "")
    assert seen.new_text == seen.text == "Hei!\nLaskuni on väärin."
    assert seen.date == "2026-09-21T14:13:20+00:00"
    assert (seen.problems, seen.automatic.may_acknowledge) == ((), True)


def test_a_picture_with_a_caption_is_text_and_a_listed_file() -> None:
    changes = {"caption": "Mittarini lukema", "photo": [{"file_size": 10}, {"file_size": 2048}]}
    seen = read(message={k: v for k, v in message("", **changes).items() if k != "text"})
    assert seen.text == "Mittarini lukema"
    assert [(part.name, part.media_type, part.size) for part in seen.attachments] == [("photo.jpg", "image/jpeg", 2048)]
    assert seen.problems == ("FILE_NOT_FETCHED",)


def test_a_voice_message_says_that_it_holds_no_text() -> None:
    seen = read(message=message("", voice={"duration": 3, "mime_type": "audio/ogg", "file_size": 9}))
    assert seen.problems == ("NO_TEXT", "FILE_NOT_FETCHED")
    assert seen.attachments[0].name == "voice.ogg"


def test_a_later_wording_and_anothers_words_are_named() -> None:
    seen = read(edited_message=message("korjaus", forward_origin={"type": "user"}))
    assert seen.problems == ("EDITED", "FORWARDED")


def test_half_an_emoji_and_a_nul_do_no_harm() -> None:
    seen = read(message=message("hei \ud83d\x00 loppu"))
    seen.text.encode("utf-8")
    assert "\x00" not in seen.text
    assert seen.text.endswith("loppu")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["message", "chat", "id", "from", "text", "photo", "date", "document", "file_size", "is_bot"]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=15,
)


@given(json_values)
def test_reading_never_raises_whatever_the_json(value: object) -> None:
    assert read_update(raw_of(json.dumps({"message": value}).encode())).channel == "chat"
    assert read_update(raw_of(json.dumps(value).encode())).channel == "chat"


@given(st.binary(max_size=60))
def test_reading_never_raises_whatever_the_bytes(content: bytes) -> None:
    assert read_update(raw_of(content)).channel == "chat"
