"""Workers do what they are given, and whatever happens to one, the next call is served."""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator

import psutil
import pytest
import work_to_do
from corpora import mail

from mail.understand import Trust, understand
from mail.worker import WorkerFailed, Workers


@pytest.fixture
async def workers() -> AsyncIterator[Workers]:
    pool = Workers(seconds=1.0)
    yield pool
    await pool.close()


async def test_a_value_goes_there_and_back_from_another_process(workers: Workers) -> None:
    assert await workers.run(work_to_do.echo, {"ä": [1, b"\0", None]}) == {"ä": [1, b"\0", None]}
    assert await workers.run(work_to_do.own_pid) != os.getpid()


async def test_a_mail_is_understood_in_a_worker_as_it_is_here(workers: Workers) -> None:
    raw = mail("From: aino.esimerkkila@posti.test\r\nSubject: Moi\r\n\r\nHei, pyydän tietoni.".encode())
    assert await workers.run(understand, raw, Trust()) == understand(raw, Trust())


async def test_a_mail_of_fifty_megabytes_is_read_within_the_limits() -> None:
    pool = Workers()
    head = b"From: aino.esimerkkila@posti.test\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    head += b"--b\r\n\r\nMoi\r\n--b\r\nContent-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    lines = (b"QUJD" * 19 + b"\r\n") * 670_000
    message = await pool.run(understand, mail(head + lines), Trust())
    assert message.text == "Moi"
    assert [attachment.size for attachment in message.attachments] == [57 * 670_000]
    await pool.close()


async def test_a_call_without_end_is_killed_and_the_next_one_served(workers: Workers) -> None:
    with pytest.raises(WorkerFailed) as failure:
        await workers.run(work_to_do.sleep, 60)
    assert failure.value.reason == "TIME_LIMIT"
    assert await workers.run(work_to_do.echo, 1) == 1


async def test_a_call_that_swells_is_stopped_at_its_memory_limit() -> None:
    pool = Workers(memory=64 * 1024 * 1024)
    with pytest.raises(WorkerFailed) as failure:
        await pool.run(work_to_do.fill, 100 * 1024 * 1024)
    assert failure.value.reason == "MEMORY_LIMIT"
    assert await pool.run(work_to_do.fill, 16 * 1024 * 1024) == 16 * 1024 * 1024
    await pool.close()


async def test_a_crash_is_told_from_an_error_and_neither_tells_what_it_held(workers: Workers) -> None:
    with pytest.raises(WorkerFailed) as crash:
        await workers.run(work_to_do.crash)
    assert crash.value.reason == "CRASHED"
    with pytest.raises(WorkerFailed) as error:
        await workers.run(work_to_do.refuse, "aino.esimerkkila@posti.test")
    assert (error.value.reason, error.value.error) == ("ERROR", "ValueError")
    assert "aino" not in str(error.value)


async def test_a_worker_cannot_make_its_parent_call_anything(workers: Workers) -> None:
    with pytest.raises(WorkerFailed) as failure:
        await workers.run(work_to_do.hold)
    assert failure.value.reason == "CRASHED"


async def test_one_bad_item_of_a_batch_costs_no_other_its_value(workers: Workers) -> None:
    answers = await workers.map(work_to_do.crash_on_seven, range(20))
    failed = [number for number, answer in enumerate(answers) if isinstance(answer, WorkerFailed)]
    assert failed == [7]
    assert [answer for answer in answers if not isinstance(answer, WorkerFailed)] == [
        n * 2 for n in range(20) if n != 7
    ]


async def test_more_callers_than_workers_are_all_served(workers: Workers) -> None:
    assert await asyncio.gather(*(workers.run(work_to_do.echo, number) for number in range(50))) == list(range(50))


@pytest.mark.alone
async def test_the_loop_stays_quick_while_a_worker_is_killed_and_a_large_mail_goes_over(workers: Workers) -> None:
    slowest = 0.0

    async def watch() -> None:
        nonlocal slowest
        while True:
            began = time.monotonic()
            await asyncio.sleep(0.005)
            slowest = max(slowest, time.monotonic() - began - 0.005)

    watcher = asyncio.create_task(watch())
    with pytest.raises(WorkerFailed):
        await workers.run(work_to_do.sleep, 60)
    large = bytes(25 * 1024 * 1024)
    assert await workers.run(work_to_do.size, large) == len(large)
    watcher.cancel()
    assert slowest < 0.1  # INV-8


async def test_a_worker_without_work_ends_and_comes_back_when_needed() -> None:
    pool = Workers(idle_seconds=0.05)
    pid = await pool.run(work_to_do.own_pid)
    for _ in range(100):
        await asyncio.sleep(0.05)
        if not psutil.pid_exists(pid):
            break
    assert not psutil.pid_exists(pid)
    assert await pool.run(work_to_do.own_pid) != pid
    await pool.close()


async def test_a_cancelled_call_leaves_no_half_answer_to_the_next(workers: Workers) -> None:
    call = asyncio.create_task(workers.run(work_to_do.sleep, 0.3))
    await asyncio.sleep(0.15)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert await workers.run(work_to_do.echo, "mine") == "mine"


async def test_a_worker_ends_when_its_parent_is_gone() -> None:
    script = (
        "import asyncio, os, sys; sys.path[:0] = sys.argv[1:]\n"
        "import work_to_do; from mail.worker import Workers\n"
        "async def main():\n"
        "    print(await Workers().run(work_to_do.own_pid), flush=True)\n"
        "    os.kill(os.getpid(), 9)\n"
        "asyncio.run(main())\n"
    )

    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, *sys.path, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    pid = int(out)
    for _ in range(100):
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            break
        await asyncio.sleep(0.05)
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
