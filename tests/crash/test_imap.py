"""The service killed while it reads a mailbox, at each named point: every mail is stored once and moved in the end."""

import multiprocessing
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from bot import demo
from store.database import Database
from store.models import RawMessageRow, table_of
from tests.crash.child import Life, live
from tests.crash.points import IMAP_POINTS, Fate
from tests.imap.mailroom import PASSWORD, digest, mail
from tests.stand_ins.dovecot import Dovecot, running_dovecot

MAILS = [mail(number) for number in range(70)]
SECONDS = 60.0
_RAW = table_of(RawMessageRow)


@pytest.fixture
def dovecot() -> Iterator[Dovecot]:
    """A mailbox of its own for each death."""
    with running_dovecot({"office": PASSWORD}) as server:
        yield server


def prepared(folder: Path, dovecot: Dovecot) -> Path:
    """An installation that reads the mailbox; returns its configuration."""
    demo.prepare(folder, 0, 0)
    path = folder / "kirjaamo.toml"
    table = f'host = "127.0.0.1"\nport = {dovecot.port}\ntls = "none"\nuser = "office"\npassword = "{PASSWORD}"\n'
    path.write_text(path.read_text("utf-8") + f"\n[imap.office]\n{table}poll_seconds = 0.5\n", "utf-8")
    return path


def stored(config: Path) -> list[str]:
    """Hashes of all mails in the store that came by the mailbox."""
    database = Database(f"sqlite:///{config.parent / 'kirjaamo.db'}")
    try:
        query = select(_RAW.c.sha256).where(_RAW.c.door == "imap.office")
        return list(database.read_now(lambda session: session.connection().execute(query).scalars().all()))
    finally:
        database.close()


def lives(config: Path, fate: Fate) -> multiprocessing.context.ForkServerProcess:
    """Start a child."""
    child = multiprocessing.get_context("forkserver").Process(target=live, args=(Life(config, fate=fate),))
    child.start()
    return child


@pytest.mark.parametrize("point", IMAP_POINTS)
def test_a_death_while_a_mailbox_is_read_loses_nothing_and_doubles_nothing(
    tmp_path: Path, dovecot: Dovecot, point: str
) -> None:
    config = prepared(tmp_path / "there", dovecot)
    dovecot.drop("office", MAILS)
    for passage in (1, 2):
        child = lives(config, Fate(point, passage))
        child.join(SECONDS)
        assert child.exitcode == -signal.SIGKILL
        known = stored(config)
        assert len(known) == len(set(known))
    (config.parent / "open").unlink()
    child = lives(config, Fate())
    ends = time.monotonic() + SECONDS
    while not (config.parent / "open").exists():
        assert time.monotonic() < ends
        time.sleep(0.05)
    with dovecot.client("office") as client:
        while client.folder_status("INBOX", ["MESSAGES"])[b"MESSAGES"]:
            assert time.monotonic() < ends
            time.sleep(0.1)
        assert client.select_folder("Kirjaamo.Done")[b"EXISTS"] == len(MAILS)
    child.terminate()
    child.join(SECONDS)
    assert child.exitcode == 0
    assert sorted(stored(config)) == sorted(map(digest, MAILS))
