"""Mistakes that the campaign must catch, put into a child on purpose: without them a count of nought proves nothing."""

import asyncio
import secrets
from collections.abc import Callable

from sqlalchemy import select
from sqlmodel import Session, col

from bot.app import App
from mail.message import RawMessage
from store import outbox
from store.lifecycle import OutboxState
from store.models import OutboxRow
from tests.crash.points import replace

LATE_SECONDS = 0.3


def answer_before_commit(app: App) -> None:
    """250 first, the commit a little later."""
    take_in = app.intake.take_in
    kept: set[asyncio.Task[bool]] = set()

    async def later(raw: RawMessage) -> bool:
        await asyncio.sleep(LATE_SECONDS)
        return await take_in(raw)

    async def taking_in(raw: RawMessage) -> bool:
        task = asyncio.create_task(later(raw))
        kept.add(task)
        task.add_done_callback(kept.discard)
        return True

    replace(app.intake, "take_in", taking_in)


def know_nothing_again(_app: App) -> None:
    """No idempotency key: what is offered twice is stored twice."""
    replace(RawMessage, "key", property(lambda _raw: secrets.token_hex(32)))


def try_unknown_again(app: App) -> None:
    """What was being sent when the process died is simply sent again."""

    def work(session: Session) -> int:
        rows = outbox.interrupted(session)
        for row in rows:
            outbox.move(session, row, OutboxState.APPROVED, actor="dispatch", at=app.dispatch._clock())
        return len(rows)

    async def recover() -> int:
        return await app.database.write(work)

    replace(app.dispatch, "recover", recover)


def send_without_claim(app: App) -> None:
    """Send first; claim and record in one transaction afterwards."""
    dispatch, clock = app.dispatch, app.dispatch._clock

    def due(session: Session) -> list[OutboxRow]:
        now = clock()
        query = select(OutboxRow).where(
            col(OutboxRow.state) == OutboxState.APPROVED, col(OutboxRow.next_attempt_at) <= now
        )
        return list(session.execute(query.limit(8)).scalars())

    def claim(session: Session, row_id: int) -> None:
        outbox.move(session, session.get_one(OutboxRow, row_id), OutboxState.SENDING, actor="dispatch", at=clock())

    async def send(row: OutboxRow) -> None:
        message = await app.database.read(lambda session: dispatch._compose(session, row))
        receipt = await app.channels[message.channel].send(message)

        def record(session: Session) -> None:
            claim(session, row.id or 0)
            dispatch._sent(session, row.id or 0, receipt)

        await app.database.write(record)

    async def send_next() -> int:
        rows = await app.database.read(due)
        await asyncio.gather(*map(send, rows))
        return len(rows)

    replace(dispatch, "send_next", send_next)


MUTANTS: dict[str, Callable[[App], None]] = {
    "250-before-commit": answer_before_commit,
    "no-key": know_nothing_again,
    "retry-unknown": try_unknown_again,
    "no-claim": send_without_claim,
}
