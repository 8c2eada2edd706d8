"""The servers that take mail in, each in a process of its own: prints its port, serves until it is killed.

python -m tests.bench.doors ours FOLDER      our door and intake, into an SQLite file (WAL, synchronous=FULL)
python -m tests.bench.doors unsynced FOLDER  the same with synchronous=OFF, to see what durability costs
python -m tests.bench.doors stock FOLDER     aiosmtpd as it comes, with a handler that does nothing
"""

import asyncio
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP

from bot.intake import Intake
from mail.smtp import SmtpDoor
from store.database import Database
from store.schema import upgrade

SIZE_LIMIT = 50 * 1024 * 1024


class Nothing:
    """The handler that keeps nothing: the library answers 250 by itself."""


async def stock() -> None:
    """aiosmtpd's own server class in a loop, as its Controller runs it."""
    server = await asyncio.get_running_loop().create_server(
        lambda: SMTP(Nothing(), hostname="mx.lampo.test", data_size_limit=SIZE_LIMIT), "127.0.0.1", 0
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.Event().wait()


async def ours(folder: Path, *, durable: bool) -> None:
    """The door and the intake of the service, built as the app builds them; no mail is led on."""
    database = Database(f"sqlite:///{folder / 'acceptance.db'}")
    upgrade(database)
    database.open()
    if not durable:
        _forget_durability(database)
    stage: Any = None
    intake = Intake(database=database, understand=stage, preparing=stage, entering=stage, clock=_now)
    door = SmtpDoor(
        host="127.0.0.1",
        port=0,
        protocol="smtp",
        hostname="mx.lampo.test",
        peers=["127.0.0.0/8"],
        size_limit=SIZE_LIMIT,
        clock=_now,
    )
    await door.open(intake.take_in)
    print(door.port, flush=True)
    await asyncio.Event().wait()


def _now() -> datetime:
    return datetime.now(UTC)


def _forget_durability(database: Database) -> None:
    """Let the writer's one connection wait for no disk; it stays in the pool."""
    connection = database.engine.raw_connection()
    connection.cursor().execute("PRAGMA synchronous=OFF")
    connection.close()


if __name__ == "__main__":
    if sys.argv[1] == "stock":
        asyncio.run(stock())
    else:
        asyncio.run(ours(Path(sys.argv[2]), durable=sys.argv[1] == "ours"))
