"""The canary: each hour a message to our own address, out through the relay and in through the customers' door.

That it comes back proves every part on the way: the relay, the site's mail server, the mailbox, the door, the reading,
the store. That it does not is told to staff where they look (the desk), where machines look (`/readyz`, `/metrics`) and
by a notice, once an outage; the notice takes the same relay, so it alone would not do. A canary that comes back as spam
is an alarm too: customers' mail may go the same way.

What was sent while we were down proves nothing, so the waiting begins when we begin to look, at the earliest.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from sqlmodel import Session

from bot.words import say
from store import canaries, outbox
from store.canaries import Alarm, Flight
from store.database import Database
from store.lifecycle import OutboxState
from store.models import OutboxRow

MISSING: Final = "missing"
JUNK: Final = "junk"
QUIET: Final = timedelta(hours=24)
"""How long staff are not written to again about the same address, however often its canary comes and goes."""
_EPOCH: Final = datetime(2020, 1, 1, tzinfo=UTC)


class Canary:
    """Sends the canaries, waits for them, and begins and ends the alarms."""

    def __init__(
        self,
        *,
        database: Database,
        clock: Callable[[], datetime],
        addresses: Sequence[str],
        every: timedelta,
        alarm_after: timedelta,
        language: str,
        time_zone: str,
        staff: Sequence[str],
        desk_url: str,
        new_message_id: Callable[[], str],
        new_token: Callable[[], str],
    ) -> None:
        """One canary for each of `addresses`; none at all switches it off. `staff` are the mailboxes that get notices,
        `new_token` gives 32 random hexadecimal digits.
        """
        self._database = database
        self._clock = clock
        self.addresses = tuple(addresses)
        self._every = every
        self._alarm_after = alarm_after
        self._language = language
        self._zone = ZoneInfo(time_zone)
        self._staff = tuple(staff)
        self._desk_url = desk_url
        self._new_message_id = new_message_id
        self._new_token = new_token
        self._waiting_since: datetime | None = None
        self._looked_at: datetime | None = None
        self._alarms: tuple[Alarm, ...] = ()

    @property
    def troubles(self) -> tuple[str, ...]:
        """What was wrong at the last look, as `missing ADDRESS` or `junk ADDRESS`; our own addresses only."""
        return tuple(f"{alarm.kind} {alarm.address}" for alarm in self._alarms)

    async def watch(self) -> int:
        """Send what is due, begin and end alarms; returns how many messages were queued."""
        now = self._clock()
        if not self.addresses and self._looked_at is not None and not self._alarms:
            return 0
        flights, alarms = await self._database.read(
            lambda session: (canaries.flights(session, self.addresses), canaries.open_alarms(session))
        )
        self._note_look(now)
        self._alarms = alarms
        due = [one.address for one in flights if self._is_due(one, now)]
        begin = [
            (one, kind)
            for one in flights
            for kind in (MISSING, JUNK)
            if self._is_wrong(one, kind, now) and not any(_is(alarm, one.address, kind) for alarm in alarms)
        ]
        end = [alarm for alarm in alarms if self._is_over(alarm, flights)]
        if not (due or begin or end):
            return 0
        queued = await self._database.write(lambda session: self._write(session, due, begin, end, now))
        self._alarms = await self._database.read(canaries.open_alarms)
        return queued

    def _note_look(self, now: datetime) -> None:
        """Nobody looked for a while (a start, a machine that slept): what is on its way gets its full time again."""
        last = self._looked_at
        if last is None or now - last >= self._alarm_after:
            self._waiting_since = now
        self._looked_at = now

    def _is_due(self, flight: Flight, now: datetime) -> bool:
        return flight.sent_at is None or self._slot(flight.sent_at) < self._slot(now)

    def _slot(self, moment: datetime) -> datetime:
        """The beginning of the hour, or whatever `every` is, that holds the moment."""
        return moment - (moment - _EPOCH) % self._every

    def _is_wrong(self, flight: Flight, kind: str, now: datetime) -> bool:
        if kind == JUNK:
            return flight.junk
        if flight.missing_since is None or self._waiting_since is None:
            return False
        return now >= max(flight.missing_since, self._waiting_since) + self._alarm_after

    def _is_over(self, alarm: Alarm, flights: Sequence[Flight]) -> bool:
        flight = next((one for one in flights if one.address == alarm.address), None)
        if flight is None:
            return True  # its canary has been switched off
        if alarm.kind == JUNK:
            return not flight.junk
        return flight.arrived_at is not None and flight.arrived_at >= alarm.began_at

    def _write(
        self,
        session: Session,
        due: Sequence[str],
        begin: Sequence[tuple[Flight, str]],
        end: Sequence[Alarm],
        now: datetime,
    ) -> int:
        queued = sum(self._send(session, address, now) for address in due)
        for flight, kind in begin:
            if canaries.begin_alarm(session, flight.address, kind, at=now, quiet=QUIET):
                since = (flight.missing_since if kind == MISSING else flight.arrived_at) or now
                queued += self._tell(session, kind, flight.address, since, now)
        for alarm in end:
            if canaries.end_alarm(session, alarm, at=now) and alarm.told and alarm.address in self.addresses:
                queued += self._tell(session, f"{alarm.kind}_over", alarm.address, alarm.began_at, now)
        return queued

    def _send(self, session: Session, address: str, now: datetime) -> int:
        """Queue this hour's canary. An earlier one that no relay has taken has missed its hour and stays here."""
        if not canaries.claim_slot(session, address, self._slot(now)):
            return 0
        for late in canaries.unsent(session, address):
            outbox.move(session, late, OutboxState.WITHDRAWN, actor="canary", at=now)
        token = self._new_token()
        subject = say("canary.subject", self._language)
        text = say("canary.text", self._language, token=token)
        row = outbox.add(session, self._row("canary", address, subject, text, now), actor="canary")
        canaries.note_sent(session, outbox_id=row.id or 0, token=token, address=address, at=now)
        return 1

    def _tell(self, session: Session, what: str, address: str, since: datetime, now: datetime) -> int:
        local = since.astimezone(self._zone)
        facts = {"address": address, "day": f"{local:%d.%m.%Y}", "time": f"{local:%H.%M}", "url": self._desk_url}
        subject = say(f"canary.{what}_subject", self._language)
        text = say(f"canary.{what}_text", self._language, **facts)
        for mailbox in self._staff:
            outbox.add(session, self._row("notice", mailbox, subject, text, now), actor="canary")
        return len(self._staff)

    def _row(self, kind: str, to: str, subject: str, text: str, now: datetime) -> OutboxRow:
        return OutboxRow(
            kind=kind,
            channel="email",
            to_address=to,
            language=self._language,
            subject=subject,
            text=text,
            message_id=self._new_message_id(),
            created_at=now,
            release_at=now,
            next_attempt_at=now,
        )


def _is(alarm: Alarm, address: str, kind: str) -> bool:
    return alarm.address == address and alarm.kind == kind
