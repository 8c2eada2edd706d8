"""The door of one mailbox: a thread that logs in, serves, and begins anew when that ends.

What ends a log-in by chance (a cut, a restart of the server) is answered by another one soon, ever more slowly while
nothing comes of it. A password or token that is refused is an alarm, and is shown again a minute later at the earliest
and every quarter of an hour in the end: more would lock the account. Everything that a person should know of stands in
`problems`, in words of the program.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Any, Final, TypeVar

from mail.channel import TakeIn
from mail.imap.access import Access
from mail.imap.book import Book
from mail.imap.connection import Connection
from mail.imap.ends import ConnectionLost, Denied, LogInRefused
from mail.imap.session import Plan, Session, Waker
from mail.imap.taking import Desk, NotStored
from mail.tokens import TokenError

log = logging.getLogger(__name__)

T = TypeVar("T")

STEADY_SECONDS: Final = 30.0
"""A connection that lasted so long was of use, and its end is no failure in a row of failures."""
STORE_SECONDS: Final = 30.0
"""Longest pause when it is the store that is away."""
GRACE_SECONDS: Final = 1.5
"""How long a step under way may take to end when the door is shut, before its connection is cut."""


@dataclass(frozen=True, slots=True)
class Pauses:
    """Seconds between two log-ins: the first, doubled each time up to the longest; half of each is left to chance."""

    first: float = 1.0
    longest: float = 300.0
    refused_first: float = 60.0
    refused_longest: float = 900.0

    def after(self, failures: int, chance: Random, *, refused: bool) -> float:
        """How long to wait after so many failures in a row, one at least. After a refusal never less than the first."""
        first, longest = (self.refused_first, self.refused_longest) if refused else (self.first, self.longest)
        whole: float = min(first * 2.0 ** min(failures - 1, 30), longest)
        return whole + chance.uniform(0, 0.1 * whole) if refused else whole * chance.uniform(0.5, 1.0)


class ImapDoor:
    """One mailbox. `open` once, `close` at the end."""

    def __init__(
        self,
        *,
        name: str,
        access: Access,
        plan: Plan,
        book: Book,
        clock: Callable[[], datetime],
        size_limit: int = 52_428_800,
        adopt_all: bool = True,
        pauses: Pauses | None = None,
        chance: Random | None = None,
    ) -> None:
        """`size_limit` is in octets. `adopt_all` false leaves what lies in a folder when it is seen for the first
        time. The door's name in the house is `imap.NAME`.
        """
        self.name = f"imap.{name}"
        self._access = access
        self._plan = plan
        self._book = book
        self._clock = clock
        self._size_limit = size_limit
        self._adopt_all = adopt_all
        self._pauses = pauses or Pauses()
        self._chance = chance or Random()  # noqa: S311 - spreads log-ins, guards nothing
        self._thread: threading.Thread | None = None
        self._waker: Waker | None = None
        self._connection: Connection | None = None
        self._own_problems: frozenset[str] = frozenset()
        self._session_problems: frozenset[str] = frozenset()

    @property
    def problems(self) -> tuple[str, ...]:
        """What a person should know of, in words of the program; empty when all is well.

        `LOG_IN_REFUSED`, `NO_TOKEN`, `UNREACHABLE` (and `TLS`, `CUT`, `SILENT`, `GARBLED`), `NOT_STORED`, `NO_FOLDER`,
        `NO_DONE_FOLDER`, `NOT_MOVED`, `PARKED`.
        """
        return tuple(sorted(self._own_problems | self._session_problems))

    async def open(self, take_in: TakeIn) -> None:
        """Start the thread; whether the server can be reached shows later, in `problems`."""
        if self._thread is not None:
            return
        waker = self._waker = Waker()
        loop = asyncio.get_running_loop()
        desk = Desk(
            door=self.name,
            take_in=take_in,
            book=self._book,
            wait=lambda work: _wait(loop, work),
            clock=self._clock,
            size_limit=self._size_limit,
            adopt_all=self._adopt_all,
        )
        self._thread = threading.Thread(target=self._run, args=(desk, waker), name=self.name, daemon=True)
        self._thread.start()

    async def close(self) -> None:
        """Ask the thread to end; what it has committed is written down first. Idempotent."""
        thread, waker = self._thread, self._waker
        if thread is None or waker is None:
            return
        self._thread = None
        waker.set()
        await asyncio.to_thread(thread.join, GRACE_SECONDS)
        if thread.is_alive():
            if (connection := self._connection) is not None:
                connection.abort()
            await asyncio.to_thread(thread.join, GRACE_SECONDS)
        if thread.is_alive():  # connecting to a host that does not answer; it ends by itself, and takes nothing
            log.warning("mailbox thread left behind door=%s", self.name)

    def _run(self, desk: Desk, waker: Waker) -> None:
        try:
            self._serve_again_and_again(desk, waker)
        finally:
            waker.close()

    def _serve_again_and_again(self, desk: Desk, waker: Waker) -> None:
        failures = 0
        while not waker.is_set():
            begun, before = time.monotonic(), desk.taken
            problem = self._serve(desk, waker)
            if waker.is_set():
                return
            was_of_use = desk.taken > before or time.monotonic() - begun > STEADY_SECONDS
            failures = 1 if was_of_use else failures + 1
            if failures > 1 or problem.startswith(("LOG_IN", "NO")):
                self._tell(problem)
            waker.wait(self._pause(problem, failures))

    def _pause(self, problem: str, failures: int) -> float:
        # A token may have ended a moment ago: the next one is shown at once, and only then slowly.
        refused = problem.startswith(("LOG_IN", "NO_TOKEN")) and (self._access.tokens is None or failures > 1)
        pause = self._pauses.after(failures, self._chance, refused=refused)
        return min(pause, STORE_SECONDS) if problem == "NOT_STORED" else pause

    def _serve(self, desk: Desk, waker: Waker) -> str:
        """One log-in to its end; returns the problem that ended it."""
        try:
            self._connection = Connection(self._access, largest=self._size_limit, is_ended=waker.is_set)
            self._connection.log_in()
            session = Session(self._connection, desk, self._plan, waker)
            while not waker.is_set():
                session.look()
                self._tell("")
                self._session_problems = session.problems
                session.wait()
        except LogInRefused:
            if self._access.tokens is not None:
                self._access.tokens.forget()
            return "LOG_IN_REFUSED"
        except (TokenError, ConnectionLost, NotStored, Denied) as error:
            return _word_for(error)
        except Exception:  # a mailbox that stops for a mistake of ours must begin anew all the same
            log.exception("mailbox stumbled door=%s", self.name)
            return "STUMBLED"
        finally:
            if self._connection is not None:
                self._connection.close()
                self._connection = None
        return ""

    def _tell(self, problem: str) -> None:
        """Show a problem, or that there is none; a log line whenever that changes."""
        told = frozenset({problem} if problem else ())
        if told == self._own_problems:
            return
        self._own_problems = told
        if problem:
            log.error("mailbox cannot be read door=%s problem=%s", self.name, problem)
        else:
            log.info("mailbox is read again door=%s", self.name)


def _word_for(error: TokenError | ConnectionLost | NotStored | Denied) -> str:
    if isinstance(error, ConnectionLost):
        return error.reason
    if isinstance(error, TokenError):
        return f"NO_TOKEN_{error}"
    return "NOT_STORED" if isinstance(error, NotStored) else "REFUSED"


def _wait(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on the loop and block this thread until it has ended."""
    return asyncio.run_coroutine_threadsafe(work, loop).result()
