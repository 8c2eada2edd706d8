"""Our service as a process, as `kirjaamo serve` runs it, on a sample register; fed by its socket, watched by its file.

A register is built once and kept in `build/`, since a hundred thousand customers take their time to load.
"""

import shutil
import smtplib
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pysqlite3.dbapi2 as sqlite

from bot import demo
from store.database import Database
from store.models import Source
from store.register_import import import_entries
from store.sample import sample_customers
from store.schema import newest, upgrade
from tests.bench.acceptance import build_folder
from tests.bench.mails import OUR_ADDRESS, Mail

SENDERS = 8
"""Connections by which mails are handed in."""
PATIENCE = 120.0
"""Seconds after which a measurement is given up."""


@dataclass(frozen=True, slots=True)
class Done:
    """What became of some mails, how long it took, and the processor time of service and workers together."""

    mails: int
    drafted: int
    seconds: float
    cpu_seconds: float


@dataclass(frozen=True, slots=True)
class Service:
    """A running service."""

    process: psutil.Process
    port: int
    database: Path

    def feed(self, batch: Sequence[Mail], *, senders: int = SENDERS) -> Done:
        """Hand in mails over the socket, and wait until each has a ticket and its acknowledgement has been sent."""
        before, drafted = self._sent(), self._drafted()
        cpu, begun = self._cpu(), time.perf_counter()
        with ThreadPoolExecutor(senders) as pool:
            list(pool.map(self._send, [batch[index::senders] for index in range(senders)]))
        while (sent := self._sent() - before) < len(batch):
            if time.perf_counter() - begun > PATIENCE:
                raise SystemExit(f"only {sent} of {len(batch)} mails were acknowledged")
            time.sleep(0.02)
        seconds = time.perf_counter() - begun
        return Done(len(batch), self._drafted() - drafted, seconds, self._cpu() - cpu)

    def _send(self, mails: Sequence[Mail]) -> None:
        with smtplib.SMTP("127.0.0.1", self.port) as connection:
            for mail in mails:
                connection.sendmail(mail.sender, [OUR_ADDRESS], mail.content)

    def _sent(self) -> int:
        return self._count("SELECT count(*) FROM outbox WHERE kind = 'acknowledgement' AND state = 'sent'")

    def _drafted(self) -> int:
        return self._count("SELECT count(DISTINCT ticket_id) FROM draft")

    def _count(self, query: str) -> int:
        connection = sqlite.connect(self.database)
        try:
            return int(connection.execute(query).fetchone()[0])
        finally:
            connection.close()

    def _cpu(self) -> float:
        """Processor seconds of the whole tree; a worker that has ended counts with its parent."""
        own = self.process.cpu_times()
        spent = own.user + own.system + own.children_user + own.children_system
        for child in self.process.children(recursive=True):
            times = child.cpu_times()
            spent += times.user + times.system
        return spent


@contextmanager
def serving(folder: Path, register: Path) -> Iterator[Service]:
    """`kirjaamo serve` on the demo's configuration and a copy of `register`."""
    config = demo.prepare(folder, 0, 0)
    for file in folder.glob("kirjaamo.db*"):
        file.unlink()
    shutil.copyfile(register, folder / "kirjaamo.db")
    listen = tomllib.loads(config.read_text("utf-8"))["smtp"]["listen"]
    port = int(listen.rpartition(":")[2])
    log = (folder / "log").open("wb")
    process = subprocess.Popen(
        [Path(sys.executable).with_name("kirjaamo"), "serve", "--config", config], stdout=log, stderr=log
    )
    try:
        _wait_for(port, process)
        yield Service(psutil.Process(process.pid), port, folder / "kirjaamo.db")
    finally:
        process.terminate()
        process.wait()
        log.close()


def register_of(customers: int, *, months: int, invoices: int) -> Path:
    """An SQLite file with a sample register."""
    path = build_folder() / f"register-{newest()}-{customers}-{months}-{invoices}.db"
    if not path.exists():
        draft = path.with_suffix(".part")
        draft.unlink(missing_ok=True)
        database = Database(f"sqlite:///{draft}")
        upgrade(database)
        entries = sample_customers(customers, months=months, invoices=invoices)
        database.write_now(lambda session: import_entries(session, entries, Source.MIGRATION, now=datetime.now(UTC)))
        database.close()
        draft.rename(path)
    return path


def _wait_for(port: int, process: "subprocess.Popen[bytes]") -> None:
    for _ in range(600):
        try:
            with smtplib.SMTP("127.0.0.1", port):
                return
        except OSError:
            if process.poll() is not None:
                raise SystemExit("the service did not start; see its log") from None
            time.sleep(0.05)
    raise SystemExit("the service did not open its door")
