"""INV-8: a mailbox that is read, however full it is and however large its mails, keeps nobody else waiting."""

import asyncio
import time

import pytest

from tests.imap.mailroom import Mailroom, mail
from tests.stand_ins.dovecot import Dovecot


@pytest.mark.alone
async def test_the_loop_stays_quick_while_a_full_mailbox_is_read(
    mailroom: Mailroom, dovecot: Dovecot, office: str
) -> None:
    delays: list[float] = []

    async def watch() -> None:
        while True:
            before = time.perf_counter()
            await asyncio.sleep(0.005)
            delays.append(time.perf_counter() - before - 0.005)

    mails = [mail(number, size=4_000) for number in range(3_000)]
    dovecot.drop(office, [*mails[:1_500], mail(9_999, size=50 * 1024 * 1024), *mails[1_500:]])
    watcher = asyncio.create_task(watch())
    await mailroom.open(dovecot.port, user=office)
    await mailroom.until("all stored", lambda: len(mailroom.kept()) > len(mails), 60)
    watcher.cancel()
    delays.sort()
    assert delays[len(delays) * 99 // 100] < 0.1
