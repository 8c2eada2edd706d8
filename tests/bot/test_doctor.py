"""`kirjaamo check`: one clear line for each problem, and none where there is none."""

import hashlib
import shutil
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.config import load_settings
from bot.doctor import Finding, examine
from replies.notice import NOTICE_OF_THE_DEMO
from store import schema
from store.database import Database
from store.messages import NewRaw, store_raws

CONTROLLER = """
[controller]
name = "Kalajoen Lämpö Oy"
domain = "lampo.test"
addresses = ["asiakaspalvelu@lampo.test"]
"""


@pytest.fixture
def listening() -> Iterator[int]:
    """The port of somebody who answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


async def findings(folder: Path, more: str, *, notice: bool = True, store: bool = True) -> list[Finding]:
    """What the doctor says of this configuration."""
    path = folder / "kirjaamo.toml"
    path.write_text(CONTROLLER + more, "utf-8")
    if notice:
        shutil.copyfile(NOTICE_OF_THE_DEMO, folder / "notice.toml")
    if store:
        database = Database(f"sqlite:///{folder / 'kirjaamo.db'}")
        schema.upgrade(database)
        database.close()
    return [finding async for finding in examine(load_settings(path), path)]


def problems(found: list[Finding]) -> list[tuple[str, str]]:
    """The problems alone."""
    return [(one.place, one.text) for one in found if one.problem]


async def test_a_healthy_house_has_no_problem(tmp_path: Path, listening: int) -> None:
    for name in ("scans", "letters"):
        (tmp_path / name).mkdir()
    more = f"""
[relay]
host = "127.0.0.1"
port = {listening}
[letters]
scans = "scans"
spool = "letters"
[telegram]
rehearsal = "chat"
"""
    found = await findings(tmp_path, more)
    assert problems(found) == []
    assert {one.place for one in found} == {"config", "notice", "store", "relay", "canary", "letters", "telegram"}


async def test_a_maildir_is_no_relay_and_says_so(tmp_path: Path) -> None:
    found = await findings(tmp_path, '[relay]\nmaildir = "sent"\n')
    assert problems(found) == []
    assert any("nothing is sent" in one.text for one in found)


MAILDIR = '[relay]\nmaildir = "sent"\n'


@pytest.mark.parametrize(
    ("more", "changes", "place", "words"),
    [
        (MAILDIR, {"notice": False}, "notice", "notice.toml"),
        (MAILDIR, {"store": False}, "store", ""),
        (MAILDIR + '[store]\nurl = "postgresql+psycopg://nobody@127.0.0.1:1/none"\n', {}, "store", "cannot be opened"),
        ('[relay]\nhost = "127.0.0.1"\nport = 1\n', {}, "relay", "cannot be reached"),
        ('[relay]\nhost = "127.0.0.1"\npassword_file = "gone"\n', {}, "relay", "password_file"),
        ('[relay]\nhost = "relay.invalid"\n', {}, "relay", "declares no region"),
        ('[relay]\nhost = "relay.invalid"\nregion = "us"\n', {}, "relay", "US is outside the EU/EEA"),
        (MAILDIR + '[letters]\nscans = "nowhere"\nspool = "."\n', {}, "letters", "scans: the folder"),
        (MAILDIR + '[telegram]\ntoken_file = "gone"\n', {}, "telegram", "token_file"),
        (MAILDIR + "[telegram]\nstaff_chat = 5\n", {}, "telegram", "no token"),
        (MAILDIR + '[telegram]\ntoken = "1:x"\napi = "http://api.invalid"\n', {}, "telegram", "cannot be found"),
    ],
)
async def test_every_problem_has_a_line_that_names_the_place(
    tmp_path: Path, more: str, changes: dict[str, bool], place: str, words: str
) -> None:
    found = problems(await findings(tmp_path, more, **changes))
    assert any(where == place and words in said for where, said in found)
    assert all("\n" not in said for _, said in found)


async def test_no_line_tells_a_secret(tmp_path: Path) -> None:
    more = '[relay]\nhost = "relay.invalid"\npassword = "salainen-7"\n[telegram]\ntoken = "1:salainen-7"\napi = "http://x.invalid"\n'
    url = '[store]\nurl = "postgresql+psycopg://nobody:salainen-7@127.0.0.1:1/none"\n'
    assert "salainen" not in str(await findings(tmp_path, more + url))


@pytest.mark.parametrize(
    ("more", "word", "problem"),
    [
        ("[relay]\nmaildir = 'sent'", "off", False),
        ("[relay]\nmaildir = 'sent'\n[canary]\naddress = 'asiakaspalvelu@lampo.test'", "Maildir", True),
        ("[relay]\nhost = '127.0.0.1'\n[canary]\naddress = ['asiakaspalvelu@lampo.test']", "nobody", False),
    ],
)
async def test_a_canary_is_recommended_and_one_that_cannot_return_is_a_problem(
    tmp_path: Path, more: str, word: str, problem: bool
) -> None:
    (told,) = [one for one in await findings(tmp_path, more) if one.place == "canary"]
    assert word in told.text
    assert told.problem is problem


RESULTS = b"Authentication-Results: mx.lampo.test; dmarc=pass header.from=posti.test\r\n"
BORDER = b"Received: from mail.posti.test (mail.posti.test [192.0.2.7]) by mx.lampo.test with ESMTPS; Mon\r\n"
LETTER = b"From: aino.esimerkkila@posti.test\r\nSubject: Hei\r\n\r\nHei\r\n"
DOOR = '[relay]\nmaildir = "sent"\n[smtp]\nauthserv_id = "mx.lampo.test"\nown_hosts = ["mx.lampo.test"]\n'


def keep(folder: Path, *contents: bytes, door: str = "smtp") -> None:
    """Mails that came by a door."""
    database = Database(f"sqlite:///{folder / 'kirjaamo.db'}")
    schema.upgrade(database)
    database.open()
    now = datetime.now(UTC)
    raws = [
        NewRaw(
            key=f"{door}{number}",
            channel="email",
            door=door,
            media_type="message/rfc822",
            content=content,
            sha256=hashlib.sha256(content).hexdigest(),
            envelope_sender="aino.esimerkkila@posti.test",
            envelope_recipients=["asiakaspalvelu@lampo.test"],
            peer="127.0.0.1",
            received_at=now,
        )
        for number, content in enumerate(contents)
    ]
    database.write_now(lambda session: store_raws(session, raws))
    database.close()


async def test_a_door_without_mail_yet_is_no_problem(tmp_path: Path) -> None:
    found = await findings(tmp_path, DOOR)
    assert problems(found) == []
    assert any(one.place == "smtp" and "no mail yet" in one.text for one in found)


async def test_one_verdict_among_the_newest_mails_is_enough(tmp_path: Path) -> None:
    keep(tmp_path, RESULTS + BORDER + LETTER, *[BORDER + LETTER] * 49)
    assert problems(await findings(tmp_path, DOOR)) == []


async def test_a_door_whose_results_are_never_found_says_what_stands_there_instead(tmp_path: Path) -> None:
    keep(tmp_path, RESULTS + BORDER + LETTER, *[RESULTS.replace(b"mx.", b"postit.") + BORDER + LETTER] * 50)
    text = dict(problems(await findings(tmp_path, DOOR)))["smtp"]
    assert "none of the newest 50 mails" in text
    assert "[smtp] authserv_id, own_hosts and results_position" in text
    assert "postit.lampo.test" in text
    assert "topmost Received is by mx.lampo.test" in text
    assert "aino" not in text


async def test_a_door_that_believes_nobody_is_not_looked_at(tmp_path: Path) -> None:
    keep(tmp_path, LETTER)
    found = await findings(tmp_path, '[relay]\nmaildir = "sent"\n[smtp]\nlisten = "127.0.0.1:0"\n')
    assert [one for one in found if one.place == "smtp"] == []
