"""One IMAP connection (RFC 3501) on imapclient, with bounds of our own and the ends of `mail.imap.ends` alone.

imapclient stands on the standard library's client, which reads a literal of any announced length in one piece and lets
no other thread end it. Here a literal is read in chunks: never more than the limit, never slower than `LEAST_SPEED`,
and ended at once by `abort`. What the conversation holds is never logged.
"""

import io
import select
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from imapclient.exceptions import (
    CapabilityError,
    IMAPClientError,
    IMAPClientReadOnlyError,
)

from mail.imap.access import Access
from mail.imap.ends import ConnectionLost, Denied, code_of, reason_of
from mail.imap.greeting import READ_SECONDS, connect, log_in

T = TypeVar("T")

LEAST_SPEED: Final = 4_096
"""Octets a second, below which a literal is given up; a peer that trickles is a dead one."""
CHUNK: Final = 262_144
SEARCH_SLICE: Final = 50_000
"""Messages searched at once: the answer is one line, and a line may have a million octets."""
SMALL_LITERAL: Final = 65_536


@dataclass(frozen=True, slots=True)
class Selected:
    """What the server said of a folder when it was selected."""

    uid_validity: int
    uid_next: int
    """0 when the server did not say."""
    count: int


@dataclass(frozen=True, slots=True)
class Listed:
    """One folder of the mailbox; `flags` in lower case (`\\junk`, `\\noselect`)."""

    name: str
    flags: frozenset[str]


@dataclass(frozen=True, slots=True)
class Facts:
    """What the server says of a message before it is fetched. `internal_date` is aware UTC, None when unreadable."""

    size: int
    internal_date: datetime | None


class Connection:
    """A connection. Used by one thread; only `abort` may be called from another."""

    def __init__(self, access: Access, *, largest: int, is_ended: Callable[[], bool]) -> None:
        """Connect. `largest` bounds all literals of one answer together, in octets. Raises `ConnectionLost`."""
        self._largest = largest
        self._literals = 0
        """Octets of literals in the answer that is being read."""
        self._is_ended = is_ended
        self._client = connect(access)
        self._client._imap.read = self._read
        self._client.normalise_times = False
        self._access = access

    def log_in(self) -> None:
        """Show the password or a token. Raises `ConnectionLost`, `LogInRefused`, `mail.tokens.TokenError`."""
        log_in(self._client, self._access)

    # Ending

    def close(self) -> None:
        """Say goodbye where that can be done, then let go. Idempotent."""
        with suppress(Exception):
            _raw_socket(self._client).settimeout(1.0)
            self._client.logout()
        with suppress(Exception):
            self._client.shutdown()

    def abort(self) -> None:
        """Cut the connection, whatever is going on in it. From any thread; `close` must follow in the owner's."""
        with suppress(OSError):
            # Below TLS: its own way of shutting down would let the reader go on without decrypting.
            socket.socket.shutdown(_raw_socket(self._client), socket.SHUT_RDWR)

    # Folders

    def can(self, capability: str) -> bool:
        """Whether the server announced a capability."""
        return bool(self._do("capability", lambda: self._client.has_capability(capability)))

    def folders(self) -> list[Listed]:
        """All folders of the mailbox."""
        listed = self._do("list", self._client.list_folders)
        return [
            Listed(str(name), frozenset(flag.decode("ascii", "replace").lower() for flag in flags))
            for flags, _, name in listed
        ]

    def full_name(self, name: str) -> str:
        """`Kirjaamo/Done` as this server writes it: with its own separator, under its prefix for personal folders."""
        roots = self._do("list", lambda: self._client.list_folders("", ""))
        separator = roots[0][1].decode("ascii", "replace") if roots and roots[0][1] else "/"
        prefix = ""
        if self.can("NAMESPACE"):
            spaces = self._do("namespace", self._client.namespace)
            prefix = spaces.personal[0][0] if spaces.personal else ""
        wanted = name.replace("/", separator) if separator != "/" else name
        return wanted if wanted.startswith(prefix) else prefix + wanted

    def make_folder(self, name: str) -> None:
        """Make a folder where it is not there yet. Raises `Denied`."""
        if not self._do("list", lambda: self._client.folder_exists(name)):
            self._do("create", lambda: self._client.create_folder(name))
            with suppress(Denied):
                self._do("subscribe", lambda: self._client.subscribe_folder(name))

    def select(self, folder: str, *, to_move: bool) -> Selected:
        """Select a folder, or only examine it. Raises `Denied` when there is none, or when it may not be changed."""
        said: Mapping[bytes, Any] = self._do("select", lambda: self._client.select_folder(folder, not to_move))
        validity, count, following = (said.get(key, 0) for key in (b"UIDVALIDITY", b"EXISTS", b"UIDNEXT"))
        if not all(isinstance(one, int) for one in (validity, count, following)):
            raise ConnectionLost("GARBLED")
        return Selected(validity, following, count)

    # Messages of the selected folder

    def uids(self, count: int) -> list[int]:
        """The UIDs of the first `count` messages, ascending.

        Slices go from the end to the beginning: when another client expunges meanwhile, what is left moves down into
        slices that are yet to come, and nothing is passed over.
        """
        found: set[int] = set()
        for last in range(count, 0, -SEARCH_SLICE):
            found.update(self._search(f"{max(1, last - SEARCH_SLICE + 1)}:{last}"))
        return sorted(found)

    def _search(self, criterion: str) -> list[int]:
        found: list[int] = self._do("search", lambda: self._client.search([criterion]))
        return found

    def facts(self, uids: Sequence[int]) -> dict[int, Facts]:
        """Size and date of those of `uids` that are still there."""
        answer = self._do("fetch", lambda: self._client.fetch(uids, ["RFC822.SIZE", "INTERNALDATE"]))
        return {
            uid: Facts(told[b"RFC822.SIZE"], _utc(told.get(b"INTERNALDATE")))
            for uid, told in answer.items()
            if isinstance(told.get(b"RFC822.SIZE"), int)
        }

    def contents(self, uids: Sequence[int]) -> dict[int, bytes]:
        """The octets of those of `uids` that the server gave; `\\Seen` stays as it is."""
        answer = self._do("fetch", lambda: self._client.fetch(uids, ["BODY.PEEK[]"]))
        return {uid: told[b"BODY[]"] for uid, told in answer.items() if isinstance(told.get(b"BODY[]"), bytes)}

    def move(self, uids: Sequence[int], folder: str, copied: set[int]) -> bool:
        """Move messages to a folder; False when this server has no safe way to. Raises `Denied`.

        Without MOVE (RFC 6851) they are copied, marked and expunged, by UID (RFC 4315): a plain EXPUNGE would take what
        people have marked. `copied` remembers over calls what has been copied already.
        """
        if self.can("MOVE"):
            self._do("move", lambda: self._client.move(uids, folder))
            return True
        if not self.can("UIDPLUS"):
            return False
        fresh = [uid for uid in uids if uid not in copied]
        if fresh:
            self._do("copy", lambda: self._client.copy(fresh, folder))
            copied.update(fresh)
        self._do("store", lambda: self._client.add_flags(uids, [rb"\Deleted"], silent=True))
        self._do("expunge", lambda: self._client.uid_expunge(uids))
        copied.difference_update(uids)
        return True

    # Waiting

    def idle(self, seconds: float, wake: socket.socket) -> bool:
        """Wait for news in the selected folder (RFC 2177), at most so long, or until `wake` can be read.

        True when the number of messages has changed. A peer that has gone is found out at the end: it owes an answer.
        """
        return bool(self._do("idle", lambda: self._idle(seconds, wake)))

    def _idle(self, seconds: float, wake: socket.socket) -> bool:
        imap = self._client._imap
        imap.untagged_responses.clear()
        tag = imap._command("IDLE")
        while imap._get_response() is not None:  # news may come before the server says that it waits
            if imap.tagged_commands[tag]:
                raise Denied("idle")
        until = time.monotonic() + seconds
        while "EXISTS" not in imap.untagged_responses:
            left = until - time.monotonic()
            if left <= 0 or not _can_be_read(self._client, left, wake):
                break
            imap._get_response()
        news = "EXISTS" in imap.untagged_responses
        imap.send(b"DONE\r\n")
        imap._command_complete("IDLE", tag)
        return news or "EXISTS" in imap.untagged_responses

    # Underneath

    def _read(self, size: int) -> bytes:
        """A literal of `size` octets."""
        self._literals += size
        if self._literals > self._largest + SMALL_LITERAL:
            raise ConnectionLost("GARBLED")  # other than what was said of the sizes: do not hold it in memory
        file = self._client._imap.file
        if size <= SMALL_LITERAL:
            content: bytes = file.read(size)
        else:
            until = time.monotonic() + READ_SECONDS + size / LEAST_SPEED
            gathered = io.BytesIO()  # hands its octets over without a copy
            while (left := size - gathered.tell()) and (chunk := file.read1(min(left, CHUNK))):
                gathered.write(chunk)
                if self._is_ended():
                    raise ConnectionLost("CLOSED")
                if time.monotonic() > until:
                    raise ConnectionLost("SILENT")
            content = gathered.getvalue()
        if len(content) < size:
            raise ConnectionLost("CUT")
        return content

    def _do(self, what: str, step: Callable[[], T]) -> T:
        """One step of the conversation; whatever the library raises comes out as one of ours."""
        self._literals = 0
        try:
            done = step()
        except (ConnectionLost, Denied):
            raise
        except IMAPClientReadOnlyError:
            raise Denied(what, "READ-ONLY") from None
        except IMAPClientError as error:
            if type(error) is not IMAPClientError and not isinstance(error, CapabilityError):
                raise ConnectionLost(reason_of(error)) from None
            said = str(error)
            if isinstance(error, CapabilityError) or " failed: " in said or " command error: " in said:
                raise Denied(what, code_of(said)) from None
            raise ConnectionLost("GARBLED") from None
        except OSError as error:
            raise ConnectionLost(reason_of(error)) from None
        except (ValueError, TypeError, KeyError, IndexError, AttributeError, AssertionError, RuntimeError):
            # What the library makes of an answer that is no IMAP, or of a connection that was cut under it.
            raise ConnectionLost("CLOSED" if self._is_ended() else "GARBLED") from None
        if self._is_ended():
            raise ConnectionLost("CLOSED")  # what was read from a connection that another thread cut is worth nothing
        return done


def _raw_socket(client: Any) -> socket.socket:
    raw: socket.socket = client._imap.sock
    return raw


def _can_be_read(client: Any, seconds: float, wake: socket.socket) -> bool:
    """Whether the server says something before the time is over or `wake` can be read."""
    if _holds_more(client):
        return True
    poller = select.poll()
    connected = _raw_socket(client).fileno()
    poller.register(connected, select.POLLIN)
    poller.register(wake.fileno(), select.POLLIN)
    ready = {number for number, _ in poller.poll(seconds * 1000)}
    return connected in ready and wake.fileno() not in ready


def _holds_more(client: Any) -> bool:
    """Whether something has been read from the socket, or decrypted, that nobody has looked at yet."""
    connected = _raw_socket(client)
    connected.settimeout(0)
    try:
        return bool(client._imap.file.peek(1))
    except OSError:  # nothing there, in the words of TLS
        return False
    finally:
        connected.settimeout(READ_SECONDS)


def _utc(moment: object) -> datetime | None:
    if not isinstance(moment, datetime) or moment.tzinfo is None:
        return None
    try:
        return moment.astimezone(UTC)
    except (OverflowError, ValueError):
        return None


def batched(uids: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    """The UIDs in runs of at most `size`."""
    for at in range(0, len(uids), size):
        yield uids[at : at + size]
