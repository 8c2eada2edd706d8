"""One log-in to a mailbox: look into every folder, wait for news, look again.

With IDLE (RFC 2177) the first folder tells of news by itself; the others are looked at every `poll_seconds`, and so is
the first, in case its word was lost. IDLE is thereby begun anew long before the 29 minutes after which servers end it,
and a peer that has gone without a word is found out when it owes the answer.
"""

import logging
import re
import socket
import threading
import time
from dataclasses import dataclass
from typing import Final

from mail.imap.connection import Connection, Listed
from mail.imap.ends import Denied
from mail.imap.taking import Desk, Folder, Reader

log = logging.getLogger(__name__)

JUNK_NAMES: Final = (
    "junk",
    "junk email",
    "junk e-mail",
    "spam",
    "bulk mail",
    "roskaposti",
    "roskaposti (spam)",
    "skräppost",
    "[gmail]/spam",
    "[gmail]/roskaposti",
    "[gmail]/skräppost",
)
"""What the folder is called where the server does not mark it (RFC 6154): vendors' names in our three languages."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Which folders are read, and what becomes of what lies in them."""

    folders: tuple[str, ...] = ("INBOX",)
    junk: str = "auto"
    """`auto` finds the folder that the server marks as junk, a name is that folder, empty reads none."""
    done: str = "Kirjaamo/Done"
    """Where taken messages go; empty leaves them. Junk stays where it is: moving it would teach the filter."""
    poll_seconds: float = 60.0


class Waker:
    """Ends every waiting of the mailbox's thread, from another thread, once and for all."""

    def __init__(self) -> None:
        self.reading, self._writing = socket.socketpair()
        self._is_set = threading.Event()

    def is_set(self) -> bool:
        """Whether the end was asked for."""
        return self._is_set.is_set()

    def set(self) -> None:
        """Ask for the end."""
        if not self._is_set.is_set():
            self._writing.send(b"!")  # first: once it is set, the thread may end and let go of the sockets
            self._is_set.set()

    def wait(self, seconds: float) -> bool:
        """Sleep, at most so long; True when the end was asked for."""
        return self._is_set.wait(seconds)

    def close(self) -> None:
        """Let go of the sockets."""
        self.reading.close()
        self._writing.close()


class Session:
    """What one connection is used for."""

    def __init__(self, connection: Connection, desk: Desk, plan: Plan, waker: Waker) -> None:
        """Finds the folders, and makes the one of the done. Raises `ConnectionLost`."""
        self._connection = connection
        self._door = desk.door
        self._plan = plan
        self._waker = waker
        self._missing: set[str] = set()
        self._can_idle = connection.can("IDLE")
        listed = connection.folders()
        done = self._folder_of_the_done(listed)
        junk = junk_folder(listed, plan.junk)
        names = [name for one in plan.folders if (name := folder_name(connection, listed, one)) != done]
        self._readers = [Reader(desk, Folder(name, done=done)) for name in dict.fromkeys(names) if name != junk]
        if junk:
            self._readers.append(Reader(desk, Folder(junk, junk=True)))

    @property
    def problems(self) -> frozenset[str]:
        """`NO_FOLDER`, `NO_DONE_FOLDER`, `NOT_MOVED`, `PARKED`."""
        return frozenset(self._missing).union(*(reader.problems for reader in self._readers))

    def look(self) -> None:
        """One look into every folder. Raises `ConnectionLost`, `NotStored`, and `Denied` for more than a folder."""
        self._missing.discard("NO_FOLDER")
        for reader in self._readers:
            try:
                reader.look(self._connection)
            except Denied as denied:
                if denied.what != "select":
                    raise
                self._missing.add("NO_FOLDER")
                log.error("mailbox folder cannot be read door=%s", self._door)

    def wait(self) -> None:
        """Until the next look is due; news in the first folder is fetched meanwhile."""
        until = time.monotonic() + self._plan.poll_seconds
        while not self._waker.is_set() and (left := until - time.monotonic()) > 0:
            first = self._readers[0]
            try:
                if self._has_news(first, left):
                    first.look(self._connection)
            except Denied:
                self._can_idle = False

    def _has_news(self, first: Reader, seconds: float) -> bool:
        if not self._can_idle or "NO_FOLDER" in self._missing:
            self._waker.wait(seconds)
            return False
        now = first.select(self._connection)
        if now.uid_validity != first.selected.uid_validity or now.uid_next > first.selected.uid_next:
            return True  # it came while another folder was looked at
        return self._connection.idle(seconds, self._waker.reading)

    def _folder_of_the_done(self, listed: list[Listed]) -> str:
        if not self._plan.done:
            return ""
        name = folder_name(self._connection, listed, self._plan.done)
        try:
            self._connection.make_folder(name)
        except Denied:
            self._missing.add("NO_DONE_FOLDER")
            log.error("mailbox folder cannot be made door=%s", self._door)
            return ""
        return name


def folder_name(connection: Connection, listed: list[Listed], wanted: str) -> str:
    """A configured folder as the server calls it."""
    if wanted.upper() == "INBOX":
        return "INBOX"
    return wanted if wanted in {one.name for one in listed} else connection.full_name(wanted)


def junk_folder(listed: list[Listed], wanted: str) -> str:
    """The junk folder's name on this server; empty when there is none or none is wanted."""
    if wanted != "auto":
        return wanted
    real = [one for one in listed if "\\noselect" not in one.flags and "\\nonexistent" not in one.flags]
    marked = [one.name for one in real if "\\junk" in one.flags]
    usual = [one.name for one in real if re.sub(r"^inbox[./]", "", one.name.casefold()) in JUNK_NAMES]
    return next(iter((*marked, *usual)), "")
