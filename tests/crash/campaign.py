"""The driver: kills the service again and again under load, lets the last one finish its work, and calls the judge.

    python -m tests.crash.campaign --kills 200 [--seed 7] [--folder DIR] [--mutant NAME]

The seed decides the order of the deaths; what each moment meets is up to the machine. Exit 1 when the judge finds a
fault, a child does not stop when asked to, or the last one leaves work undone.
"""

import argparse
import contextlib
import multiprocessing
import secrets
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from datetime import timedelta
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from random import Random
from typing import TypeVar

import psutil
from rich.console import Console
from sqlalchemy import func, select
from sqlmodel import Session, col

from bot import demo
from bot.config import load_settings, split_listen
from store.database import Database
from store.lifecycle import DraftState, OutboxState, RawState
from store.models import Draft, OutboxRow, RawMessageRow
from tests.crash.child import Life, live
from tests.crash.clients import Clients
from tests.crash.deaths import Death, deaths
from tests.crash.judge import judge
from tests.crash.ledger import Ledger
from tests.crash.mails import MailBag, scanned_letter
from tests.crash.mutants import MUTANTS
from tests.crash.points import RELAY_POINTS, Fate
from tests.crash.relay import ScriptedRelay
from tests.crash.report import Report, show

T = TypeVar("T")

START_SECONDS = 60.0
REACH_SECONDS = 40.0
"""How long a child may take to its named point before it is killed where it is."""
STOP_SECONDS = 30.0
SETTLE_SECONDS = 180.0
AHEAD = timedelta(minutes=2)
"""How much further the clock of each next child is ahead: what the relay refused for now comes due again."""


class Campaign:
    """A prepared folder, its load, and the children that live and die on it."""

    def __init__(self, folder: Path, seed: int, mutant: str = "") -> None:
        self._folder = folder
        self._mutant = mutant
        self._chance = Random(seed)
        self.report = Report(seed)
        self._config = demo.prepare(folder, 0, 0)
        self._relay_ledger, self._mail_ledger = Ledger(folder / "relay.jsonl"), Ledger(folder / "mail.jsonl")
        self._printer_ledger = Ledger(folder / "printer.jsonl")
        self._relay = ScriptedRelay(self._relay_ledger, seed)
        self._amend('maildir = "sent"', f'host = "127.0.0.1"\nport = {self._relay.port}\ntls = "none"')
        self._amend("hold_seconds = 10", "hold_seconds = 0")
        settings = load_settings(self._config)
        assert settings.smtp is not None
        port = split_listen(settings.smtp.listen)[1]
        bag = MailBag(seed, demo.CUSTOMERS)
        self._clients = Clients(port, bag, self._mail_ledger, count=6, seed=seed, pause=0.2)
        self._letters: list[bytes] = []
        self._is_over = threading.Event()
        self._printer = threading.Thread(target=self._print, name="printer")
        self._lives = 0
        self._child: ForkServerProcess | None = None
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["tests.crash.child"])

    def run(self, order: Iterable[Death]) -> Report:
        """All deaths, the last undisturbed life, the judgement."""
        begun = time.monotonic()
        self._printer.start()
        self._clients.start()
        try:
            for death in order:
                self._drop_letter(death)
                self._live_and_die(death)
            self._settle()
        finally:
            self._end_child()
            self._clients.finish(0)
            self._is_over.set()
            self._printer.join()
            self._relay.close()
            for ledger in (self._relay_ledger, self._mail_ledger, self._printer_ledger):
                ledger.close()
        self.report.findings = self._read(lambda session: judge(session, self._folder, self._letters))
        self.report.seconds = time.monotonic() - begun
        return self.report

    def _amend(self, old: str, new: str) -> None:
        text = self._config.read_text("utf-8")
        assert old in text
        self._config.write_text(text.replace(old, new), "utf-8")

    def _start(self, fate: Fate) -> ForkServerProcess:
        self._lives += 1
        (self._folder / "open").unlink(missing_ok=True)
        inside = Fate() if fate.point in RELAY_POINTS else fate
        life = Life(self._config, AHEAD * self._lives, inside, self._mutant)
        process = self._context.Process(target=live, args=(life,), daemon=True)
        process.start()
        self._child = process
        self._relay.aim(process.pid or 0, fate.point, fate.passage)
        return process

    def _live_and_die(self, death: Death) -> None:
        process = self._start(death.fate)
        name = death.fate.point or death.kind
        if death.kind == "point":
            process.join(START_SECONDS + REACH_SECONDS if not self._wait_open(process) else REACH_SECONDS)
            (self.report.unreached if process.is_alive() else self.report.deaths)[name] += 1
        else:
            if death.kind != "start-up":
                self._wait_open(process)
            time.sleep(death.seconds)
        if death.kind == "workers":
            self.report.workers += _kill_workers(process.pid or 0)
            time.sleep(death.seconds)
        if death.kind in ("stop", "workers"):
            self._stop(process)
            return
        if death.kind != "point":
            self.report.deaths[name] += 1
        process.kill()
        process.join()
        if process.exitcode != -9:
            raise RuntimeError(f"a child ended by itself with {process.exitcode}: see {self._folder / 'child.log'}")

    def _end_child(self) -> None:
        """Kill the child that lives when a campaign breaks off."""
        if self._child is not None and self._child.is_alive():
            self._child.kill()
            self._child.join()

    def _wait_open(self, process: ForkServerProcess) -> bool:
        """Wait until the doors are open; False when the child has died before, as some are meant to."""
        ends = time.monotonic() + START_SECONDS
        while process.is_alive():
            if (self._folder / "open").exists():
                return True
            if time.monotonic() > ends:
                raise RuntimeError(f"a child does not open its doors: see {self._folder / 'child.log'}")
            time.sleep(0.01)
        return False

    def _stop(self, process: ForkServerProcess) -> None:
        process.terminate()
        process.join(STOP_SECONDS)
        self.report.stops += 1
        if process.exitcode != 0:
            self.report.hung += 1
            process.kill()
            process.join()

    def _settle(self) -> None:
        """The last life: the relay behaves, every mail gets its final reply, all work is done; then it is stopped."""
        self._relay.behaves = True
        self._lives += 60  # nothing that was put off waits any longer
        process = self._start(Fate())
        self._wait_open(process)
        ends = time.monotonic() + SETTLE_SECONDS
        if not self._clients.finish(SETTLE_SECONDS):
            self.report.unsettled = "mails without a final reply"
        while time.monotonic() < ends and (left := self._left()):
            time.sleep(0.3)
        if left:
            self.report.unsettled = left
        time.sleep(0.5)  # the printer takes away the last letter
        self._stop(process)

    def _left(self) -> str:
        """What still waits, in words; empty when all is done."""
        counts = self._read(_waiting)
        counts["scans"] = sum(entry.is_file() for entry in (self._folder / "scans").iterdir())
        return ", ".join(f"{name} {count}" for name, count in counts.items() if count)

    def _read(self, work: Callable[[Session], T]) -> T:
        database = Database(f"sqlite:///{self._folder / 'kirjaamo.db'}")
        try:
            return database.read_now(work)
        finally:
            database.close()

    def _drop_letter(self, death: Death) -> None:
        """A scan for every point that needs one, and now and then another."""
        if not death.fate.point.startswith(("letter", "scan")) and self._chance.random() > 0.1:
            return
        content = scanned_letter(len(self._letters))
        self._letters.append(content)
        part = self._folder / "scans" / ".scan.part"
        part.write_bytes(content)
        part.rename(self._folder / "scans" / f"scan-{len(self._letters)}.pdf")

    def _print(self) -> None:
        """The printer service: takes every finished letter out of the spool, so that one spooled again is a second."""
        printed = self._folder / "printed"
        printed.mkdir()
        while not self._is_over.wait(0.05):
            for letter in sorted((self._folder / "letters").glob("[!.]*.pdf")):
                self._printer_ledger.note(printed=letter.name)
                letter.rename(printed / f"{time.monotonic_ns()}-{letter.name}")


def _kill_workers(process_id: int) -> int:
    """Kill all processes that a child has started; how many there were."""
    workers = psutil.Process(process_id).children(recursive=True)
    for worker in workers:
        with contextlib.suppress(psutil.NoSuchProcess):
            worker.kill()
    return len(workers)


def _waiting(session: Session) -> dict[str, int]:
    def count(model: type, *conditions: object) -> int:
        query = select(func.count()).select_from(model).where(*conditions)  # type: ignore[arg-type]  # conditions of any column
        return int(session.execute(query).scalar_one())

    return {
        "raw": count(RawMessageRow, col(RawMessageRow.state) == RawState.NEW),
        "drafts": count(Draft, col(Draft.state) == DraftState.DRAFT, col(Draft.recipient) != ""),
        "outbox": count(OutboxRow, col(OutboxRow.state).in_([OutboxState.APPROVED, OutboxState.SENDING])),
    }


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tests.crash.campaign")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1_000_000))
    parser.add_argument("--folder", type=Path, help="where to work; must be new or empty. Default: a temporary one")
    parser.add_argument("--mutant", choices=sorted(MUTANTS), default="", help="a mistake that the judge must find")
    arguments = parser.parse_args()
    out = Console()
    out.print(f"seed {arguments.seed}")
    with tempfile.TemporaryDirectory(prefix="crash-") as folder:
        campaign = Campaign(arguments.folder or Path(folder), arguments.seed, arguments.mutant)
        report = campaign.run(deaths(arguments.kills, Random(arguments.seed)))
        show(report, out)
    sys.exit(not report.is_clean)


if __name__ == "__main__":
    main()
