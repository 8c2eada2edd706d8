"""What nobody must have to remember: once a working day, one message without personal data that counts what waits.

Counts only: how many requests are due soon, how many overdue, how many drafts wait, how many sendings need a decision.
What they are is on the desk. The day's message is claimed in the store by its date, so that two processes or a restart
send one, not two.
"""

from collections.abc import Callable, Sequence
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlmodel import Session

from bot.rules.deadlines import is_closed
from bot.words import say
from store import outbox, waiting
from store.database import Database
from store.models import OutboxRow

AT = time(8, 0)
"""Local time of the daily message."""
SOON = timedelta(days=5)
"""How far ahead a due date counts as soon."""


class Reminders:
    """Sends the daily count to the staff's own addresses."""

    def __init__(
        self,
        *,
        database: Database,
        clock: Callable[[], datetime],
        time_zone: str,
        language: str,
        addresses: Sequence[str],
        desk_url: str,
        new_message_id: Callable[[], str],
    ) -> None:
        """`addresses` are staff mailboxes; without any nothing is sent, and the desk shows the same counts."""
        self._database = database
        self._clock = clock
        self._zone = ZoneInfo(time_zone)
        self._language = language
        self._addresses = tuple(addresses)
        self._desk_url = desk_url
        self._new_message_id = new_message_id
        self._done_on: date | None = None

    async def remind(self) -> int:
        """Queue today's message when its hour has come and something waits; returns how many were queued."""
        local = self._clock().astimezone(self._zone)
        today = local.date()
        if not self._addresses or self._done_on == today or local.time() < AT or is_closed(today):
            return 0
        queued = await self._database.write(lambda session: self._queue(session, today))
        self._done_on = today
        return queued

    def _queue(self, session: Session, today: date) -> int:
        if not waiting.claim_day(session, today):
            return 0
        counts = waiting.counts(session, today, today + SOON)
        if not any(counts.values()):
            return 0
        now = self._clock()
        text = say("digest.text", self._language, url=self._desk_url, **counts)
        for address in self._addresses:
            row = OutboxRow(
                kind="notice",
                channel="email",
                to_address=address,
                language=self._language,
                subject=say("digest.subject", self._language),
                text=text,
                message_id=self._new_message_id(),
                created_at=now,
                release_at=now,
                next_attempt_at=now,
            )
            outbox.add(session, row, actor="reminders")
        return len(self._addresses)
