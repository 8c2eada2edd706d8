"""A way in over a real store, and a real Dovecot for all tests of mailboxes."""

from collections.abc import AsyncIterator, Iterator

import pytest

from store.database import Database
from tests.conftest import Clock
from tests.imap.mailroom import PASSWORD, Mailroom
from tests.stand_ins.dovecot import Dovecot, running_dovecot


@pytest.fixture
async def mailroom(sqlite_database: Database, clock: Clock) -> AsyncIterator[Mailroom]:
    """A way in over a real store; its doors are shut at the end."""
    room = Mailroom(sqlite_database, clock)
    yield room
    await room.close()


@pytest.fixture(scope="module")
def dovecot() -> Iterator[Dovecot]:
    """A real server with plenty of mailboxes; each test uses one of its own."""
    with running_dovecot({f"office{number}": PASSWORD for number in range(40)}) as server:
        server.free = iter(list(server.people))
        yield server


@pytest.fixture
def office(dovecot: Dovecot) -> str:
    """Name of a fresh mailbox."""
    return next(dovecot.free)
