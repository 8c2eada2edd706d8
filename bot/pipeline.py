"""The whole path on one page.

    smtp | imap | letters | messenger .receive
        intake.take_in        raw bytes and receipt time committed, only then acknowledged
        intake.work_on        understood > identified > classified > due date > ticket > acknowledgement and drafts
        packing.complete_next the copy that goes with an access draft, when nothing else waits
        rooms.refresh         staff are told
        approval.approve      a person lets one hash out                       (from the desk or a staff room)
        dispatch.send_next    claim, commit, send, record
        reminders.remind      what is due, overdue, or stuck
        canary.watch          a message to ourselves each hour, and an alarm when it does not come back

Each stage is a loop of its own that is woken when something may have come for it, and looks by itself now and then in
case a waking was lost. They share nothing but the store. When the store is away a stage waits and tries again; it never
gives up, and never lets go of anything.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Sequence

from bot.canary import Canary
from bot.dispatch import Dispatch
from bot.intake import Intake
from bot.packing import Packing
from bot.reminders import Reminders
from bot.staff import StaffRoom
from mail.channel import Channel

log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
"""How often a stage looks without being woken: bounds how late a delayed release or a lost waking is noticed."""
SETTLE_SECONDS = 20.0
"""How long sendings under way may take to end when the service stops; under what init systems grant."""
PAUSE_SECONDS = 1.0
"""How long a stage waits after a failure of the store before it tries again."""


AFTER = {
    "intake": ("dispatch", "room"),
    "letters": ("dispatch", "room"),
    "packing": ("packing", "room"),
    "reminders": ("dispatch",),
    "canary": ("dispatch",),
}
"""Which stages may find work when one has done some."""


class Bell:
    """Wakes stages: rung by whoever has changed what another stage may wait for. Safe within one event loop."""

    def __init__(self) -> None:
        self._waiting: list[tuple[str, asyncio.Event]] = []

    def hear(self, stage: str = "") -> asyncio.Event:
        """A fresh event that each ring for this stage sets."""
        event = asyncio.Event()
        self._waiting.append((stage, event))
        return event

    def ring(self, *stages: str) -> None:
        """Wake these stages, or without a name all. Whoever is woken asks the store, so nobody is for nothing."""
        for stage, event in self._waiting:
            if not stages or stage in stages:
                event.set()


class Pipeline:
    """Runs the channels and the stages until it is closed."""

    def __init__(
        self,
        *,
        bell: Bell,
        intake: Intake,
        dispatch: Dispatch,
        reminders: Reminders,
        canary: Canary,
        packing: Packing,
        channels: Sequence[Channel],
        rooms: Sequence[StaffRoom],
    ) -> None:
        self._bell = bell
        self._intake = intake
        self._dispatch = dispatch
        self._reminders = reminders
        self._canary = canary
        self._packing = packing
        self._channels = channels
        self._rooms = rooms
        self._stages: list[asyncio.Task[None]] = []

    async def open(self) -> None:
        """Settle what an earlier process left, start the stages, then open the doors. Raises what a door raises."""
        uncertain = await self._dispatch.recover()
        if uncertain:
            log.warning("sendings interrupted by an earlier stop count=%s", uncertain)
        self._start("intake", self._intake.work_on)
        self._start("letters", self._intake.work_on_letters)
        self._start("dispatch", self._dispatch.send_next)
        self._start("packing", self._packing.complete_next)
        self._start("reminders", self._reminders.remind)
        self._start("canary", self._canary.watch)
        for room in self._rooms:
            await room.open()
            self._start("room", _refreshing(room))
        for channel in self._channels:
            await channel.open(self._intake.take_in)

    async def close(self) -> None:
        """Shut the doors, let what is under way end, stop the stages. Idempotent."""
        for channel in self._channels:
            await channel.close()
        for room in self._rooms:
            await room.close()
        for stage in self._stages:
            stage.cancel()
        await asyncio.gather(*self._stages, return_exceptions=True)
        self._stages.clear()
        await self._packing.close()
        await self._dispatch.settle(SETTLE_SECONDS)

    def _start(self, name: str, step: Callable[[], Awaitable[int]]) -> None:
        self._stages.append(asyncio.create_task(self._run(name, step), name=name))

    async def _run(self, name: str, step: Callable[[], Awaitable[int]]) -> None:
        rung = self._bell.hear(name)
        while True:
            rung.clear()
            try:
                if await step():
                    self._bell.ring(*AFTER.get(name, (name,)))
                    continue
            except Exception as error:  # noqa: BLE001 - a stage outlives every failure of the store
                log.warning("stage failed stage=%s error=%s", name, type(error).__name__)
                await asyncio.sleep(PAUSE_SECONDS)
                continue
            # Not `wait_for`: it may swallow a cancelling that meets the ring, and the stage would never end.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await rung.wait()


def _refreshing(room: StaffRoom) -> Callable[[], Awaitable[int]]:
    async def step() -> int:
        await room.refresh()
        return 0

    return step
