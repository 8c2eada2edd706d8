"""Memory of the service: at rest when the workers have gone, and how far it rises when ten large mails come at once.

Resident memory (RSS) is summed over the process and its workers, which counts what they share twice, against us. PSS
shares it out fairly; USS is what nobody else has.
"""

import os
import tempfile
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import psutil

from tests.bench.acceptance import build_folder
from tests.bench.mails import Mail, mails
from tests.bench.running import Service, register_of, serving

MIB = 1024 * 1024
REST_SECONDS = 40.0
LARGE, AT_ONCE = 25 * MIB, 10


@dataclass(frozen=True, slots=True)
class Memory:
    """All in MiB."""

    main_rss: float
    tree_rss: float
    tree_pss: float
    tree_uss: float
    processes: int
    rise: float
    """Highest sum of RSS while the large mails came and were understood, above that at rest."""
    large_seconds: float
    """Until the last of them had its ticket and acknowledgement."""


def measure() -> Memory:
    """Start, take in some mails, rest, look; then the large ones."""
    with (
        tempfile.TemporaryDirectory(prefix="bench-", dir=build_folder()) as folder,
        serving(Path(folder), register_of(1_000, months=24, invoices=4)) as service,
    ):
        run = uuid.uuid4().hex[:8]
        service.feed(list(islice(mails(1_000, run), 24)))
        time.sleep(REST_SECONDS)
        tree = _tree(service)
        full = [process.memory_full_info() for process in tree]
        rest = _rss(tree)
        with _Watch(service) as watch:
            done = service.feed(_large(run), senders=AT_ONCE)
        return Memory(
            main_rss=full[0].rss / MIB,
            tree_rss=rest / MIB,
            tree_pss=sum(one.pss for one in full) / MIB,
            tree_uss=sum(one.uss for one in full) / MIB,
            processes=len(tree),
            rise=(watch.highest - rest) / MIB,
            large_seconds=done.seconds,
        )


class _Watch:
    """Looks at the tree twenty times a second, in a thread."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self.highest = 0

    def __enter__(self) -> "_Watch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._stop.wait(0.05):
            self.highest = max(self.highest, _rss(_tree(self._service)))


def _tree(service: Service) -> list[psutil.Process]:
    return [service.process, *service.process.children(recursive=True)]


def _rss(tree: list[psutil.Process]) -> int:
    total = 0
    for process in tree:
        try:
            total += process.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total


def _large(run: str) -> list[Mail]:
    """Ten requests with an attachment each, as base64 in lines; none is like another."""
    with ThreadPoolExecutor(2) as makers:
        return list(makers.map(lambda number: _with_attachment(run, number), range(AT_ONCE)))


def _with_attachment(run: str, number: int) -> Mail:
    line = os.urandom(28).hex().encode() + b"\r\n"
    head = (
        f"Authentication-Results: demo.lampo.test; dmarc=pass header.from=tuntematon.test\r\n"
        f"From: Seija <seija.{run}.{number}@tuntematon.test>\r\nTo: asiakaspalvelu@lampo.test\r\n"
        f"Subject: Lasku {number}\r\nMessage-ID: <large.{run}.{number}@tuntematon.test>\r\nMIME-Version: 1.0\r\n"
        "Content-Type: multipart/mixed; boundary=edge\r\n\r\n--edge\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
        "Hei, laskussa on väärä summa, liitteenä kuva laskusta.\r\n--edge\r\n"
        "Content-Type: image/jpeg; name=lasku.jpg\r\nContent-Disposition: attachment; filename=lasku.jpg\r\n"
        "Content-Transfer-Encoding: base64\r\n\r\n"
    ).encode()
    body = line * ((LARGE - len(head)) // len(line))
    return Mail(f"seija.{run}.{number}@tuntematon.test", head + body + b"--edge--\r\n")
