"""The whole path, from the socket to a drafted ticket with its acknowledgement sent, against django-helpdesk.

django-helpdesk is handed its mails in its own process, without a socket, and drafts no answer; ours come through the
door, are stored first, and end with a draft, a ticket and an acknowledgement in a Maildir. Rounds alternate.
"""

import json
import shutil
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from statistics import median

from tests.bench.acceptance import Rate, build_folder
from tests.bench.mails import Mail, mails
from tests.bench.running import Service, register_of, serving

REQUIREMENTS = Path(__file__).parent / "helpdesk-requirements.txt"
WARM_UP = 48
OURS, THEIRS = 240, 40
"""Mails a round: enough for some seconds each."""


@dataclass(frozen=True, slots=True)
class Feed:
    """A service and the mails for it."""

    service: Service
    mails: Iterator[Mail]

    def round(self, count: int = OURS) -> Rate:
        """Feed so many mails."""
        done = self.service.feed(list(islice(self.mails, count)))
        if done.drafted < count:
            print(f"note: {count - done.drafted} of {count} mails got no draft", file=sys.stderr)
        return Rate(count / done.seconds, 1000 * done.cpu_seconds / count)


def against_helpdesk(rounds: int) -> tuple[Rate, Rate]:
    """Ours and theirs, on the register of a thousand with all its readings and invoices."""
    ours, theirs = [], []
    with ExitStack() as stack:
        feed = stack.enter_context(_feeding(1_000, months=24, invoices=4))
        helpdesk = stack.enter_context(_helpdesk(10 + rounds * THEIRS))
        feed.round(WARM_UP)
        _ask(helpdesk, 10)
        for _ in range(rounds):
            ours.append(feed.round())
            theirs.append(_ask(helpdesk, THEIRS))
    return _median(ours), _median(theirs)


def by_size(rounds: int) -> tuple[Rate, Rate]:
    """Ours with a thousand customers, and with a hundred thousand who are alike in what is held of them."""
    small, large = [], []
    with ExitStack() as stack:
        feeds = [stack.enter_context(_feeding(count, months=0, invoices=1)) for count in (1_000, 100_000)]
        for feed in feeds:
            feed.round(WARM_UP)
        for _ in range(rounds):
            small.append(feeds[0].round())
            large.append(feeds[1].round())
    return _median(small), _median(large)


@contextmanager
def _feeding(customers: int, *, months: int, invoices: int) -> Iterator[Feed]:
    register = register_of(customers, months=months, invoices=invoices)
    with _folder() as folder, serving(folder, register) as service:
        yield Feed(service, mails(customers, uuid.uuid4().hex[:8]))


@contextmanager
def _helpdesk(count: int) -> Iterator["subprocess.Popen[str]"]:
    with _folder() as folder:
        letters = [mail.content.decode() for mail in islice(mails(1_000, uuid.uuid4().hex[:8]), count)]
        sheet = folder / "mails.jsonl"
        sheet.write_text("".join(json.dumps(letter) + "\n" for letter in letters), "utf-8")
        process = subprocess.Popen(
            [_helpdesk_python(), Path(__file__).parent / "their_desk.py", folder, sheet],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            if process.stdout is None or process.stdout.readline() != "ready\n":
                raise SystemExit("django-helpdesk did not start")
            yield process
        finally:
            process.kill()
            process.wait()


def _ask(helpdesk: "subprocess.Popen[str]", count: int) -> Rate:
    if helpdesk.stdin is None or helpdesk.stdout is None:
        raise RuntimeError("no pipes")
    helpdesk.stdin.write(f"{count}\n")
    helpdesk.stdin.flush()
    seconds, spent = map(float, helpdesk.stdout.readline().split())
    return Rate(count / seconds, 1000 * spent / count)


def _helpdesk_python() -> Path:
    """The interpreter of an environment that holds django-helpdesk at its pinned version; made when there is none."""
    folder = build_folder() / "bench-venv"
    made_for = folder / "requirements.txt"
    if not made_for.exists() or made_for.read_text() != REQUIREMENTS.read_text():
        uv = Path(sys.executable).with_name("uv")
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([uv, "venv", "-q", "--python", sys.executable, folder], check=True)
        install = [uv, "pip", "install", "-q", "--python", folder / "bin" / "python", "-r", REQUIREMENTS]
        subprocess.run(install, check=True)
        shutil.copyfile(REQUIREMENTS, made_for)
    return folder / "bin" / "python"


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="bench-", dir=build_folder()) as folder:
        yield Path(folder)


def _median(rates: list[Rate]) -> Rate:
    return Rate(median(one.mails_a_second for one in rates), median(one.cpu_milliseconds for one in rates))
