"""What the service would do with a message: the stable keys, for any bytes, with nothing stored or sent."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from bot.explain import Explainer, explainer
from mail.worker import Workers
from store.database import Database
from tests.bot.house import ACCESS, AINO, SEIJA, STRANGERS, TRUST, House, mail

KEYS = {
    "": "file message automatic authentication identification requests due_at ticket acknowledgement draft flags",
    "message": "subject from from_address to cc reply_to date message_id in_reply_to references language text new_text"
    " attachments",
    "automatic": "kind failed_recipients may_acknowledge reasons",
    "authentication": "verdict domain reasons",
    "identification": "level customer candidates reasons",
    "acknowledgement": "to language",
    "draft": "template language recipient holds_data",
}


@asynccontextmanager
async def explaining(house: House) -> AsyncIterator[Any]:
    """Explains files against the house's own store."""
    workers = Workers(count=1)
    one = Explainer(database=house.database, preparing=house.preparing, trust=TRUST, workers=workers)

    async def explain(*files: Path) -> list[dict[str, Any]]:
        return [found async for found in one.explain(list(files), house.clock())]

    try:
        yield explain
    finally:
        await workers.close()


def written(folder: Path, name: str, content: bytes) -> Path:
    """A file of these bytes."""
    path = folder / name
    path.write_bytes(content)
    return path


async def test_the_keys_are_those_that_checks_rely_on(house: House, tmp_path: Path) -> None:
    path = written(tmp_path, "a.eml", b"Return-Path: <" + AINO.encode() + b">\r\n" + mail(f"{ACCESS} ä ö"))
    async with explaining(house) as explain:
        (found,) = await explain(path)
    assert list(found) == KEYS[""].split()
    for part, names in list(KEYS.items())[1:]:
        assert list(found[part]) == names.split()
    assert list(found["requests"][0]) == ["type", "confidence", "reasons"]
    assert list(found["draft"]["recipient"]) == ["kind", "contact_point"]
    assert (found["file"], found["due_at"], found["ticket"]) == (str(path), "2026-04-02", "new")
    assert (found["identification"]["level"], found["identification"]["customer"]) == ("confirmed_channel", "100234")
    assert found["acknowledgement"] == {"to": AINO, "language": "fi"}
    assert "ä ö" in found["message"]["text"]


async def test_it_says_what_intake_then_does(house: House, tmp_path: Path) -> None:
    several = {
        "customer": (ACCESS, AINO, "pass"),
        "stranger": (STRANGERS, SEIJA, "pass"),
        "forged": (ACCESS, AINO, "fail"),
        "unknown": (ACCESS, AINO, None),
    }
    contents = {name: mail(text_, sender=sender, verdict=verdict) for name, (text_, sender, verdict) in several.items()}
    files = [written(tmp_path, f"{name}.eml", content) for name, content in contents.items()]
    async with explaining(house) as explain:
        explained = await explain(*files)
    assert house.tickets() == []
    assert house.outbox() == []
    for (name, content), said in zip(contents.items(), explained, strict=True):
        await house.intake.take_in(house.raw(content, envelope_sender=several[name][1]))
        await house.work()
        done = house.ticket(max(one["id"] for one in house.tickets()))
        assert done["identification"] == said["identification"]["level"]
        assert done["kinds"] == [one["type"] for one in said["requests"]]
        assert done["due_at"] == said["due_at"]
        assert [one["template"] for one in done["drafts"][:1]] == ([said["draft"]["template"]] if said["draft"] else [])
        assert [one["to"] for one in done["outbox"]] == [to for to in [said["acknowledgement"]["to"]] if to]


async def test_files_are_answered_in_their_order_and_any_bytes_are_answered(small_house: House, tmp_path: Path) -> None:
    contents = [
        b"",
        b"\x00" * 1000,
        bytes(range(256)) * 40,
        b"From: a@b.test\r\nFrom: c@d.test\r\n\r\nHei",
        b"Subject: " + b"x" * 100_000,
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\n" + b"--x\r\n" * 500,
        b"Message-ID: <"
        + b"\xed\xa0\x80" * 50
        + b"@x.test>\r\nReferences: \xff\r\n\r\n\xed\xa0\x80 asiakasnumero 99999999999999999",
        "From: Åsa\x00 <a\u202e@b.test>\r\n\r\n\u0000\ufffe".encode(),
        mail(),
    ] * 4
    files = [written(tmp_path, f"{number}.eml", content) for number, content in enumerate(contents)]
    async with explaining(small_house) as explain:
        found = await explain(*files)
    assert [one["file"] for one in found] == [str(path) for path in files]
    assert {one["ticket"] for one in found} <= {"new", "none", "quarantine"}
    assert found[8]["requests"][0]["type"] == "access"


async def test_a_message_that_trips_the_rules_is_explained_as_the_plain_ticket_it_becomes(
    small_house: House, tmp_path: Path
) -> None:
    real = small_house.preparing.judge

    def judge(*_: Any, **__: Any) -> Any:
        raise ZeroDivisionError

    small_house.preparing.judge = judge  # type: ignore[method-assign]
    async with explaining(small_house) as explain:
        (found,) = await explain(written(tmp_path, "a.eml", mail()))
    small_house.preparing.judge = real  # type: ignore[method-assign]
    assert (found["ticket"], found["draft"], "NOT_UNDERSTOOD" in found["flags"]) == ("new", None, True)


async def test_a_file_that_is_not_there_is_an_error_of_the_caller(small_house: House, tmp_path: Path) -> None:
    async with explaining(small_house) as explain:
        with pytest.raises(FileNotFoundError):
            await explain(tmp_path / "nowhere.eml")


async def test_without_a_configuration_it_uses_a_register_of_its_own(small_house: House, tmp_path: Path) -> None:
    async with explainer(small_house.preparing, TRUST, None) as one:
        found = [found async for found in one.explain([written(tmp_path, "a.eml", mail())], small_house.clock())]
    assert found[0]["identification"]["customer"] == "100234"
    counted = small_house.database.read_now(
        lambda session: session.connection().execute(text("SELECT count(*) FROM message")).scalar_one()
    )
    assert counted == 0


async def test_nothing_is_stored(house: House, database: Database, tmp_path: Path) -> None:
    def counts(session: Any) -> list[int]:
        tables = ("raw_message", "message", "ticket", "draft", "outbox", "event")
        return [session.connection().execute(text(f"SELECT count(*) FROM {table}")).scalar_one() for table in tables]  # noqa: S608 - names of our own

    async with explaining(house) as explain:
        await explain(written(tmp_path, "a.eml", mail()))
    assert database.read_now(counts) == [0] * 6
