"""One instance serves on a database; when it dies, however it dies, the next one may."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from store.ownership import AlreadyServed, Ownership

SERVE = """
import sys, time
from store.ownership import Ownership
owner = Ownership(sys.argv[1])
owner.acquire()
print("serving", flush=True)
time.sleep(60)
"""


@pytest.fixture
def served_elsewhere(database_url: str) -> "Iterator[subprocess.Popen[str]]":
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE, database_url],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "serving\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_a_second_process_is_refused_with_one_sentence(database_url: str, served_elsewhere: object) -> None:
    with pytest.raises(AlreadyServed, match=r"another instance is already serving on .*; stop it first") as refusal:
        Ownership(database_url).acquire()
    assert "\n" not in str(refusal.value)


def test_a_killed_process_leaves_the_database_free(
    database_url: str, served_elsewhere: "subprocess.Popen[str]"
) -> None:
    served_elsewhere.send_signal(signal.SIGKILL)
    served_elsewhere.wait()
    successor = Ownership(database_url)
    _acquire_soon(successor)
    assert successor.holds()
    successor.release()


def test_what_is_released_may_be_taken_again(database_url: str) -> None:
    first, second = Ownership(database_url), Ownership(database_url)
    first.acquire()
    with pytest.raises(AlreadyServed):
        second.acquire()
    first.release()
    first.release()
    assert not first.holds()
    _acquire_soon(second)
    second.release()


def test_a_refused_instance_may_try_again_without_leaking(database_url: str) -> None:
    owner, other = Ownership(database_url), Ownership(database_url)
    owner.acquire()
    for _ in range(5):
        with pytest.raises(AlreadyServed):
            other.acquire()
    assert not other.holds()
    owner.release()


def _acquire_soon(owner: Ownership) -> None:
    """PostgreSQL hears of a dead client from its socket, a moment later."""
    until = time.monotonic() + 20
    while True:
        try:
            owner.acquire()
        except AlreadyServed:
            if time.monotonic() > until:
                raise
            time.sleep(0.02)
        else:
            return
