"""Whether the service is ready, and what waits, in numbers: for the host's watchers, without personal data.

Ready means that the store answers. What has failed behind it (a sending, a letter nobody could read) is work for staff,
shown on the desk and counted in the metrics, not a reason to take the service away from its mail.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from prometheus_client import CollectorRegistry, Gauge, generate_latest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session

from bot.web.health import Health
from store import canaries, mailboxes, messages, waiting
from store.database import Database


class HealthBoard:
    """Answers `/readyz` and `/metrics`."""

    def __init__(
        self,
        *,
        database: Database,
        clock: Callable[[], datetime],
        time_zone: str,
        parts: Mapping[str, Callable[[], bool]] | None = None,
        doors: Mapping[str, Callable[[], Sequence[str]]] | None = None,
        troubles: Callable[[], Sequence[str]] = tuple,
        canary_addresses: Sequence[str] = (),
    ) -> None:
        """`parts` are named further looks: they are told, and do not decide whether the service is ready; nor do
        `doors`, each of which says in words of the program what is wrong with it. `troubles` says so of the canaries
        of `canary_addresses`.
        """
        self._database = database
        self._parts = parts or {}
        self._doors = doors or {}
        self._troubles = troubles
        self._canary_addresses = tuple(canary_addresses)
        self._clock = clock
        self._zone = ZoneInfo(time_zone)
        self._registry = CollectorRegistry()
        self._gauges = {
            name: Gauge(f"kirjaamo_{name}", words, registry=self._registry)
            for name, words in (
                ("overdue", "Open tickets past their statutory due date"),
                ("soon", "Open tickets due within five days"),
                ("drafts", "Drafts that wait for approval"),
                ("stuck", "Sendings that failed or whose outcome is unknown"),
                ("bounced", "Replies that bounced and whose ticket waits again"),
                ("quarantined", "Tickets in quarantine"),
                ("unread", "Messages stored and not yet led to a ticket"),
                ("parked", "Messages in mailboxes that cannot be taken for now"),
                ("mailboxes_down", "Mailboxes that cannot be read as they should"),
                ("canary_age", "Seconds since a canary came back, of the address where it is longest; NaN without one"),
                ("canary_alarms", "Canaries that did not come back, or came back as spam"),
            )
        }

    async def ready(self) -> Health:
        """Ready while the store can be read; how the other parts do is told beside it."""
        troubles = {"canary": ", ".join(found)} if (found := self._troubles()) else {}
        others = {name: look() for name, look in self._parts.items()}
        for name, look_into in self._doors.items():
            problems = look_into()
            others[name] = not problems
            troubles |= {name: ", ".join(problems)} if problems else {}
        if self._canary_addresses:
            others["canary"] = "canary" not in troubles
        try:
            await self._database.read(lambda session: session.connection().execute(text("SELECT 1")).scalar_one())
        except SQLAlchemyError:
            return Health(ready=False, parts={"store": False} | others, troubles=troubles)
        return Health(ready=True, parts={"store": True} | others, troubles=troubles)

    def metrics(self) -> bytes:
        """The gauges in Prometheus' text format, counted now."""
        counted = self._database.read_now(self._count)
        for name, value in counted.items():
            self._gauges[name].set(value)
        return generate_latest(self._registry)

    def _count(self, session: Session) -> dict[str, float]:
        now = self._clock()
        today = now.astimezone(self._zone).date()
        flights = canaries.flights(session, self._canary_addresses)
        ages = [(now - one.arrived_at).total_seconds() if one.arrived_at else math.nan for one in flights]
        return waiting.counts(session, today, today + timedelta(days=5)) | {
            "unread": messages.count_waiting(session),
            "parked": mailboxes.count_parked(session),
            "mailboxes_down": sum(1 for look_into in self._doors.values() if look_into()),
            "canary_age": math.nan if not ages or any(map(math.isnan, ages)) else max(ages),
            "canary_alarms": len(canaries.open_alarms(session)),
        }
