"""Whether the service is ready, and what waits, in numbers: for the host's watchers, without personal data.

Ready means that the store answers. What has failed behind it (a sending, a letter nobody could read) is work for staff,
shown on the desk and counted in the metrics, not a reason to take the service away from its mail.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from prometheus_client import CollectorRegistry, Gauge, generate_latest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from bot.web.health import Health
from store import messages, waiting
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
    ) -> None:
        """`parts` are named further looks: they are told, and do not decide whether the service is ready."""
        self._database = database
        self._parts = parts or {}
        self._clock = clock
        self._zone = ZoneInfo(time_zone)
        self._registry = CollectorRegistry()
        self._gauges = {
            name: Gauge(f"kirjaamo_{name}", words, registry=self._registry)
            for name, words in (
                ("overdue", "Open tickets past their statutory due date"),
                ("soon", "Open tickets due within five days"),
                ("drafts", "Drafts that wait for approval"),
                ("stuck", "Sendings that failed, bounced, or whose outcome is unknown"),
                ("quarantined", "Tickets in quarantine"),
                ("unread", "Messages stored and not yet led to a ticket"),
            )
        }

    async def ready(self) -> Health:
        """Ready while the store can be read; how the other parts do is told beside it."""
        others = {name: look() for name, look in self._parts.items()}
        try:
            await self._database.read(lambda session: session.connection().execute(text("SELECT 1")).scalar_one())
        except SQLAlchemyError:
            return Health(ready=False, parts={"store": False} | others)
        return Health(ready=True, parts={"store": True} | others)

    def metrics(self) -> bytes:
        """The gauges in Prometheus' text format, counted now."""
        today = self._clock().astimezone(self._zone).date()
        counted = self._database.read_now(
            lambda session: (
                waiting.counts(session, today, today + timedelta(days=5)) | {"unread": messages.count_waiting(session)}
            )
        )
        for name, value in counted.items():
            self._gauges[name].set(value)
        return generate_latest(self._registry)
