"""Named points at which a child dies: laid around the parts from outside, the product knows nothing of them.

Most lie at the store's commits, told apart by what the transaction has written; the others at the seams between the
stages. A point is passed many times; the child dies by SIGKILL on the passage that the driver chose. The stages of the
conversation with the relay are the relay's own points (`RELAY_POINTS`): it kills the child itself.
"""

import os
import re
import signal
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import event

from bot.app import App
from mail.imap.connection import Connection
from mail.message import OutboundMessage, RawMessage

COMMITTED = ("store", "enter", "approve", "claim", "record", "recover")
"""What a transaction may be about. Each is a point before its commit and one after."""
STATEMENTS = {
    "enter-at-ticket": re.compile(r"INSERT INTO ticket\b"),
    "enter-at-draft": re.compile(r"INSERT INTO draft\b"),
    "enter-at-outbox": re.compile(r"INSERT INTO outbox\b"),
    "approve-at-approval": re.compile(r"INSERT INTO approval\b"),
}
"""Points in the middle of a transaction: right before such a statement."""
SEAMS = (
    "before-store",
    "before-250",
    "before-understanding",
    "after-understanding",
    "send-claimed",
    "send-returned",
    "letter-claimed",
    "letter-rendered",
    "letter-spooled",
    "scan-stored",
    "doors-opening",
)
ONCE_A_LIFE = ("recover-before-commit", "recover-after-commit", "doors-opening", "scan-stored", *SEAMS[6:9])
"""Points that a child may pass only once, however long it lives."""
RELAY_POINTS = ("relay-connected", "relay-mail", "relay-rcpt", "relay-data", "relay-dot", "relay-250")
IMAP_POINTS = ("imap-fetched", "imap-committed", "imap-noted", "imap-moved")
"""Points of the reading of mailboxes, for `test_imap.py`: the campaign's children have none."""
POINTS = (
    *(f"{name}-{side}-commit" for name in COMMITTED for side in ("before", "after")),
    *STATEMENTS,
    *SEAMS,
    *RELAY_POINTS,
)

_RAW = re.compile(r"INSERT INTO raw_message\b")
_MESSAGE = re.compile(r"INSERT INTO (message|ticket)\b")
_APPROVAL = re.compile(r"INSERT INTO approval\b")
_OUTBOX = re.compile(r"UPDATE outbox\b")


@dataclass(frozen=True, slots=True)
class Fate:
    """Where a child is to die, and at the how manieth passage. No point: it lives until the driver kills it."""

    point: str = ""
    passage: int = 1


class Reaper:
    """Counts passages, and kills its own process."""

    def __init__(self, fate: Fate) -> None:
        self._point = fate.point
        self._left = fate.passage
        self._lock = threading.Lock()

    def pass_by(self, *points: str) -> None:
        """Say that these points are reached; does not return from the one where the child is to die."""
        if self._point not in points:
            return
        with self._lock:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
                signal.pause()

    def lay(self, app: App) -> None:
        """Put all points around the parts of an app that does not run yet."""
        self._around_commits(app)
        self._around_stages(app)
        self._around_channels(app)

    def _around_commits(self, app: App) -> None:
        engine = app.database.engine
        written: set[str] = set()

        def begun(_connection: Any) -> None:
            written.clear()

        def executing(_c: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool) -> None:
            self.pass_by(*(point for point, words in STATEMENTS.items() if words.search(statement)))
            written.update(_about(statement, repr(parameters) if _OUTBOX.search(statement) else ""))

        commit = engine.dialect.do_commit

        def committing(connection: Any) -> None:
            about = sorted(written)
            self.pass_by(*(f"{name}-before-commit" for name in about))
            commit(connection)
            self.pass_by(*(f"{name}-after-commit" for name in about))

        event.listen(engine, "begin", begun)
        event.listen(engine, "before_cursor_execute", executing)
        replace(engine.dialect, "do_commit", committing)

    def _around_stages(self, app: App) -> None:
        take_in, understand = app.intake.take_in, app.intake._understand

        async def taking_in(raw: RawMessage) -> bool:
            self.pass_by("before-store")
            mailbox = raw.door.startswith("imap.")
            if mailbox:
                self.pass_by("imap-fetched")
            new = await take_in(raw)
            if mailbox:
                self.pass_by("imap-committed")
            self.pass_by("scan-stored" if raw.channel == "letter" else "before-250")
            return new

        async def understanding(stored: Any) -> Any:
            self.pass_by("before-understanding")
            messages = await understand(stored)
            self.pass_by("after-understanding")
            return messages

        replace(app.intake, "take_in", taking_in)
        replace(app.intake, "_understand", understanding)

    def _around_channels(self, app: App) -> None:
        mail, letters = app.channels["email"], app.channels["letter"]
        replace(mail, "send", self._between(mail.send, "send-claimed", "send-returned"))
        replace(letters, "send", self._between(letters.send, "letter-claimed", "letter-spooled"))
        replace(letters, "_render", self._between(letters._render, "", "letter-rendered"))  # type: ignore[attr-defined]  # a port has no such part
        if app.mailboxes:
            self._around_moving()
        opened = mail.open

        async def opening(take_in: Any) -> None:
            self.pass_by("doors-opening")
            await opened(take_in)

        replace(mail, "open", opening)

    def _around_moving(self) -> None:
        move = Connection.move

        def moving(connection: Connection, *arguments: Any) -> bool:
            self.pass_by("imap-noted")
            moved = move(connection, *arguments)
            self.pass_by("imap-moved")
            return moved

        replace(Connection, "move", moving)

    def _between(self, step: Callable[[OutboundMessage], Awaitable[Any]], before: str, after: str) -> Any:
        async def stepping(message: OutboundMessage) -> Any:
            self.pass_by(before or "no point")
            ended = await step(message)
            self.pass_by(after)
            return ended

        return stepping


def replace(owner: object, name: str, by: object) -> None:
    """Put something else in a part's place, on this one object."""
    assert hasattr(owner, name)
    setattr(owner, name, by)


def _about(statement: str, parameters: str) -> set[str]:
    about = set()
    if _RAW.search(statement):
        about.add("store")
    if _MESSAGE.search(statement):
        about.add("enter")
    if _APPROVAL.search(statement):
        about.add("approve")
    if "INTERRUPTED" in parameters:
        about.add("recover")
    elif "attempts=" in statement:  # counted when a row is claimed, and never else
        about.add("claim")
    elif parameters:
        about.add("record")
    return about
