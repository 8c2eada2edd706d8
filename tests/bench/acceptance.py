"""How many mails a second a door takes in: ours, durably, against stock aiosmtpd that forgets them.

Server and load are processes of their own. Rounds alternate, so that a slow minute of the machine meets all alike, and
the median of the rounds counts.
"""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import psutil

SERVERS = ("ours", "stock", "unsynced")


@dataclass(frozen=True, slots=True)
class Traffic:
    """What a measurement sends: `goal` is the ratio of ours to stock."""

    connections: int
    size: int
    goal: float


TRAFFIC = (Traffic(10, 4096, 1.5), Traffic(50, 4096, 1.5), Traffic(10, 102_400, 8.0))


@dataclass(frozen=True, slots=True)
class Rate:
    """What one server did with one traffic."""

    mails_a_second: float
    cpu_milliseconds: float
    """Processor time of the server a mail: what a machine busy with other things does not blur."""


def measure(traffic: Traffic, *, rounds: int, seconds: float) -> dict[str, Rate]:
    """The median rate of each server."""
    rates: dict[str, list[Rate]] = {server: [] for server in SERVERS}
    for _ in range(rounds):
        for server in SERVERS:
            with _serving(server) as (process, port):
                rates[server].append(_load(process, port, traffic, seconds))
    return {
        server: Rate(median(one.mails_a_second for one in found), median(one.cpu_milliseconds for one in found))
        for server, found in rates.items()
    }


@contextmanager
def _serving(server: str) -> Iterator[tuple[psutil.Process, int]]:
    """A fresh server on a fresh database, in the project's own folder: a folder in memory would make fsync free."""
    with tempfile.TemporaryDirectory(prefix="bench-", dir=build_folder()) as folder:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.doors", server, folder], stdout=subprocess.PIPE, text=True
        )
        try:
            if process.stdout is None:
                raise RuntimeError("no pipe")
            yield psutil.Process(process.pid), int(process.stdout.readline())
        finally:
            process.kill()
            process.wait()


def _load(server: psutil.Process, port: int, traffic: Traffic, seconds: float) -> Rate:
    command = [sys.executable, "-m", "tests.bench.load", port, traffic.connections, traffic.size, seconds]
    before = server.cpu_times()
    found = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=True)
    after = server.cpu_times()
    rate, accepted = found.stdout.split()
    spent = after.user + after.system - before.user - before.system
    return Rate(float(rate), 1000 * spent / int(accepted))


def build_folder() -> Path:
    """Where measurements keep their files: on the disk of the project, ignored by git."""
    folder = Path(__file__).parents[2] / "build"
    folder.mkdir(exist_ok=True)
    return folder
