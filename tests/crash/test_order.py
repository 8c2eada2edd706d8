"""What a kill cannot show: that the disk had the bytes before the client had its 250 (CRASH-PLAN 3.1).

The kernel's page cache survives the death of a process, so the campaign would pass without a single fsync. Here the
system calls of `kirjaamo serve` are written down while mails come in, and for each mail its order is read back: its
last octets received, its bytes in the write-ahead log, an fdatasync of that log that has returned, only then the 250.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot import demo
from tests.crash.clients import Clients
from tests.crash.ledger import Ledger
from tests.crash.mails import MailBag
from tests.journeys.installation import COMMAND, START_SECONDS, Installation, wait_for

MAILS = 30
CALLS = "read,recv,recvfrom,recvmsg,write,pwrite64,writev,pwritev,sendto,sendmsg,fsync,fdatasync"
MARK = re.compile(r"Message-ID: <([\w.-]+@crash\.test)>")
_LINE = re.compile(r"(?P<thread>\d+) +(?P<rest>.*)")
_CALL = re.compile(r"(?P<name>\w+)\((?P<file>\d+<[^>]*>+)?(?P<rest>.*)", re.DOTALL)
_RESUMED = re.compile(r"<\.\.\. (?P<name>\w+) resumed>(?P<rest>.*)", re.DOTALL)
UNFINISHED = " <unfinished ...>"


@dataclass(frozen=True, slots=True)
class Call:
    """One system call as it returned: its name, the file or socket, and the rest of the line with its result."""

    name: str
    file: str
    rest: str


def calls(trace: str) -> Iterator[Call]:
    """The calls of a trace in the order in which they returned; one begun and resumed later is put together."""
    begun: dict[str, str] = {}
    for line in trace.splitlines():
        found = _LINE.match(line)
        if found is None:
            continue
        thread, rest = found["thread"], found["rest"]
        if rest.endswith(UNFINISHED):
            begun[thread] = rest.removesuffix(UNFINISHED)
            continue
        if resumed := _RESUMED.match(rest):
            rest = begun.pop(thread, "") + resumed["rest"]
        if call := _CALL.match(rest):
            yield Call(call["name"], call["file"] or "", call["rest"])


def faults(trace: str) -> tuple[set[str], list[str]]:
    """The mails that were answered 250 in the trace, and those whose answer came before the disk had them."""
    coming: dict[str, str] = {}
    """What each socket has brought so far."""
    written: dict[str, bool] = {}
    """Mails whose bytes are in the log; True once an fdatasync has returned after that."""
    answered: set[str] = set()
    early: list[str] = []
    for call in calls(trace):
        if "TCP" in call.file and call.name.startswith(("re", "recv")):
            coming[call.file] = coming.get(call.file, "") + call.rest
        elif "kirjaamo.db-wal" in call.file and "write" in call.name:
            written.update((mark, False) for mark in MARK.findall(call.rest) if mark not in written)
        elif "kirjaamo.db-wal" in call.file and "sync" in call.name and call.rest.rstrip().endswith("= 0"):
            written = dict.fromkeys(written, True)
        elif "TCP" in call.file and "250 2.0.0 stored" in call.rest:
            for mark in MARK.findall(coming.pop(call.file, "")):
                answered.add(mark)
                if not written.get(mark):
                    early.append(mark)
    return answered, early


def test_the_disk_has_every_mail_before_its_250(tmp_path: Path) -> None:
    assert shutil.which("strace"), "this test needs strace: apt-get install strace"
    demo.prepare(tmp_path / "there", 0, 0)
    there = Installation(tmp_path / "there")
    trace = tmp_path / "trace"
    watched = ["strace", "-f", "--seccomp-bpf", "-yy", "-s", "100000", "-e", f"trace={CALLS}", "-o", str(trace)]
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(
            [*watched, COMMAND, "serve", "--config", there.config], stdout=log, stderr=log, start_new_session=True
        )
    try:
        wait_for("the mail door", lambda: _answers(there.smtp_port), START_SECONDS)
        mails = Ledger(tmp_path / "mail.jsonl")
        # Without files: a mail longer than a page of the database may have its mark cut in two.
        bag = MailBag(1, demo.CUSTOMERS, attached=0)
        clients = Clients(there.smtp_port, bag, mails, count=3, seed=1, pause=0.05)
        clients.start()
        wait_for("the mails' replies", lambda: sum("answered" in line for line in mails) >= MAILS, START_SECONDS)
        assert clients.finish(START_SECONDS)
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(START_SECONDS)
    answered, early = faults(trace.read_text("utf-8", "replace"))
    assert len(answered) >= MAILS
    assert early == []
    mails.close()


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), 0.5):
            return True
    except OSError:
        return False


SOCKET = '7<TCP:[127.0.0.1:2525->127.0.0.1:40000]>, "{}", 99, 0, NULL, NULL) = 9'
WRITTEN = '12 pwrite64(5</there/kirjaamo.db-wal>, "Message-ID: <a.1@crash.test>", 28, 0) = 28'
RECEIVED = f"11 recvfrom({SOCKET.format('Message-ID: <a.1@crash.test>')}"
ANSWERED = f"11 sendto({SOCKET.format('250 2.0.0 stored')}"
SYNCED = ["12 fdatasync(5</there/kirjaamo.db-wal> <unfinished ...>", "12 <... fdatasync resumed>) = 0"]


@pytest.mark.parametrize(
    ("lines", "is_early"),
    [
        ([RECEIVED, WRITTEN, *SYNCED, ANSWERED], False),
        ([RECEIVED, WRITTEN, ANSWERED, *SYNCED], True),
        ([RECEIVED, WRITTEN, SYNCED[0], ANSWERED, SYNCED[1]], True),
        ([RECEIVED, *SYNCED, WRITTEN, ANSWERED], True),
        ([RECEIVED, WRITTEN, SYNCED[0], SYNCED[1].replace("= 0", "= -1 EIO"), ANSWERED], True),
        ([RECEIVED, ANSWERED], True),
    ],
)
def test_an_answer_before_the_disk_has_the_mail_is_seen(lines: list[str], is_early: bool) -> None:
    answered, early = faults("\n".join(lines))
    assert answered == {"a.1@crash.test"}
    assert bool(early) is is_early
