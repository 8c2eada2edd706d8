"""An IMAP server that does what a test tells it: right in all it says, until a fault is due.

    with ImapServer(mails={"INBOX": [b"..."]}) as server:
        server.port
        server.fault("fetch-inside-literal")            hang up there, the next time it is passed
        server.lie["literal"] = 7                       announce seven octets more than come

It speaks what the door needs of RFC 3501 with IDLE, MOVE, UIDPLUS and SPECIAL-USE, one thread a connection, and keeps a
ledger of all commands. At a point named in `faults` it hangs up; what was asked for before that point has happened.
"""

import base64
import contextlib
import re
import socket
import socketserver
import threading
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

PASSWORD = "secret-1"
POINTS = (
    "greeting",
    "login",
    "login-done",
    "list",
    "select",
    "select-done",
    "search",
    "search-done",
    "facts",
    "facts-done",
    "fetch",
    "fetch-header",
    "fetch-inside-literal",
    "fetch-after-literal",
    "fetch-done",
    "move",
    "move-done",
    "idle",
    "idle-waiting",
    "idle-done",
)
"""Where a connection can be cut: before a command is done, in the middle of its answer, before its tagged OK."""


class HungUp(Exception):
    """The server ends the connection."""


@dataclass
class Mailbox:
    """One folder: its messages by UID."""

    mails: dict[int, bytes] = field(default_factory=dict)
    flags: dict[int, set[str]] = field(default_factory=dict)
    validity: int = 1
    next_uid: int = 1
    kind: str = ""

    def put(self, content: bytes) -> int:
        """A new message; returns its UID."""
        uid = self.next_uid
        self.next_uid += 1
        self.mails[uid] = content
        self.flags[uid] = set()
        return uid


class ImapServer:
    """The server; a context manager."""

    def __init__(self, mails: dict[str, Iterable[bytes]], password: str = PASSWORD) -> None:
        self.password = password
        self.token = ""
        self.capabilities = "IMAP4rev1 IDLE MOVE UIDPLUS SPECIAL-USE AUTH=XOAUTH2"
        self.folders: dict[str, Mailbox] = {"INBOX": Mailbox(), "Junk": Mailbox(kind=r"\Junk")}
        self.faults: Counter[str] = Counter()
        """Points at which to hang up, and how often."""
        self.no: dict[str, str] = {}
        """Commands that are answered with this NO: `{"MOVE": "[OVERQUOTA] full"}`."""
        self.lie: dict[str, Any] = {}
        """`literal`: octets announced too many; `size`: what RFC822.SIZE says; `date`: INTERNALDATE; `body`: `NIL`."""
        self.refused_uid = 0
        """A message that is refused whenever it is asked for."""
        self.vanishing_uid = 0
        """A message that another client expunges before it can be fetched."""
        self.read_only = False
        """Folders may be read and not changed."""
        self.deaf = False
        """Nothing is answered any more, and no connection ended."""
        self.slow_literal = False
        """Literals begin and do not end."""
        self.ledger: list[str] = []
        self.lock = threading.RLock()
        self.changed = threading.Event()
        for name, contents in mails.items():
            for content in contents:
                self.folders.setdefault(name, Mailbox()).put(content)
        outer = self

        class Handler(socketserver.StreamRequestHandler):
            disable_nagle_algorithm = True

            def handle(self) -> None:
                with contextlib.suppress(HungUp, OSError, ValueError):
                    Conversation(outer, self.rfile, self.wfile, self.connection).lead()

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True
            allow_reuse_address = True

            def shutdown_request(self, request: Any) -> None:
                with contextlib.suppress(OSError):
                    super().shutdown_request(request)

        self._server = Server(("127.0.0.1", 0), Handler)
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> "ImapServer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.changed.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def fault(self, point: str, times: int = 1) -> None:
        """Hang up at a point, so many times."""
        assert point in POINTS
        self.faults[point] = times

    def put(self, folder: str, content: bytes) -> int:
        """A new message; whoever waits is told."""
        with self.lock:
            uid = self.folders[folder].put(content)
        self.changed.set()
        return uid

    def renumber(self, folder: str) -> None:
        """Another UIDVALIDITY, and the same UIDs for other mails."""
        with self.lock:
            old = self.folders[folder]
            fresh = self.folders[folder] = Mailbox(validity=old.validity + 1, kind=old.kind)
            for content in reversed(list(old.mails.values())):
                fresh.put(content)

    def commands(self, name: str) -> int:
        """How often a command was given."""
        return sum(1 for line in self.ledger if re.match(rf"(UID )?{name}\b", line))


class Conversation:
    """One connection."""

    def __init__(self, server: ImapServer, reading: Any, writing: Any, connection: socket.socket) -> None:
        self.server, self.reading, self.writing, self.connection = server, reading, writing, connection
        self.folder = ""

    def lead(self) -> None:
        """From the greeting to the end."""
        self.point("greeting")
        self.say("* OK ready")
        while line := self.reading.readline():
            while self.server.deaf:
                time.sleep(0.01)
            tag, _, command = line.decode().strip().partition(" ")
            self.server.ledger.append(command)
            words = command.upper().split()
            verb = words[1] if words[0] == "UID" else words[0]
            if verb in self.server.no:
                self.say(f"{tag} NO {self.server.no[verb]}")
                continue
            answer = getattr(self, f"do_{verb.lower()}")(command)
            self.say(f"{tag} {answer or 'OK done'}")
            if verb == "LOGOUT":
                return

    def say(self, line: str) -> None:
        self.writing.write(line.encode() + b"\r\n")

    def point(self, name: str) -> None:
        if self.server.faults[name]:
            self.server.faults[name] -= 1
            raise HungUp

    @property
    def box(self) -> Mailbox:
        return self.server.folders[self.folder]

    def uids(self, command: str) -> list[int]:
        """Those of a command's UIDs that are there."""
        found: set[int] = set()
        for part in command.split()[2].split(","):
            first, _, last = part.partition(":")
            found.update(range(int(first), int(last or first) + 1))
        return sorted(found & self.box.mails.keys())

    # What is asked

    def do_capability(self, _: str) -> None:
        self.say(f"* CAPABILITY {self.server.capabilities}")

    def do_noop(self, _: str) -> None:
        """Nothing."""

    do_subscribe = do_noop

    def do_logout(self, _: str) -> None:
        self.say("* BYE goodbye")

    def do_login(self, command: str) -> str:
        self.point("login")
        good = command.rpartition(" ")[2].strip('"') == self.server.password
        self.point("login-done")
        return "OK in" if good else "NO [AUTHENTICATIONFAILED] not you"

    def do_authenticate(self, _: str) -> str:
        self.say("+ ")
        shown = base64.b64decode(self.reading.readline()).decode()
        if shown == f"user=office\1auth=Bearer {self.server.token}\1\1":
            return "OK in"
        self.say("+ " + base64.b64encode(b'{"status":"400","schemes":"Bearer","scope":"mail"}').decode())
        self.server.ledger.append(f"answer {self.reading.readline().decode().strip()}")
        return "NO [AUTHENTICATIONFAILED] not you"

    def do_list(self, command: str) -> None:
        self.point("list")
        pattern = re.findall(r'"([^"]*)"', command)[-1]
        if not pattern:
            self.say('* LIST (\\Noselect) "/" ""')
            return
        for name, box in self.server.folders.items():
            if pattern in ("*", name):
                self.say(f'* LIST ({box.kind}) "/" "{name}"')

    def do_create(self, command: str) -> None:
        self.server.folders[re.findall(r'"([^"]*)"', command)[0]] = Mailbox()

    def do_select(self, command: str) -> str:
        self.point("select")
        name = re.findall(r'"([^"]*)"', command)[0]
        if name not in self.server.folders:
            return "NO [NONEXISTENT] no such folder"
        self.folder = name
        with self.server.lock:
            self.say(f"* {len(self.box.mails)} EXISTS")
            self.say(f"* OK [UIDVALIDITY {self.box.validity}] so")
            self.say(f"* OK [UIDNEXT {self.box.next_uid}] so")
        self.point("select-done")
        may_write = command.upper().startswith("SELECT") and not self.server.read_only
        return "OK [READ-WRITE] selected" if may_write else "OK [READ-ONLY] selected"

    do_examine = do_select

    def do_search(self, command: str) -> None:
        self.point("search")
        first, _, last = command.rsplit(maxsplit=1)[-1].partition(":")
        found = sorted(self.box.mails)[int(first) - 1 : int(last or first)]
        self.say(f"* SEARCH {' '.join(map(str, found))}")
        self.point("search-done")

    def do_fetch(self, command: str) -> str:
        if "BODY.PEEK[]" not in command:
            self.facts(command)
            return ""
        self.point("fetch")
        self.box.mails.pop(self.server.vanishing_uid, None)
        if self.server.refused_uid in self.uids(command):
            return "NO [SERVERBUG] cannot be read"
        for number, uid in enumerate(self.uids(command), 1):
            content = self.box.mails[uid]
            if self.server.lie.get("body"):
                self.say(f"* {number} FETCH (UID {uid} BODY[] {self.server.lie['body']})")
                continue
            announced = len(content) + self.server.lie.get("literal", 0)
            self.writing.write(f"* {number} FETCH (UID {uid} BODY[] ".encode())
            self.point("fetch-header")
            self.writing.write(f"{{{announced}}}\r\n".encode() + content[: len(content) // 2])
            self.point("fetch-inside-literal")
            while self.server.slow_literal:
                self.writing.write(b"x")
                time.sleep(0.01)
            self.writing.write(content[len(content) // 2 :])
            self.point("fetch-after-literal")
            self.say(")")
        self.point("fetch-done")
        return ""

    def facts(self, command: str) -> None:
        self.point("facts")
        date = self.server.lie.get("date", "02-Mar-2026 09:00:00 +0000")
        for number, uid in enumerate(self.uids(command), 1):
            size = self.server.lie.get("size", len(self.box.mails[uid]))
            self.say(f'* {number} FETCH (UID {uid} RFC822.SIZE {size} INTERNALDATE "{date}")')
        self.point("facts-done")

    def do_move(self, command: str) -> None:
        self.point("move")
        self.do_copy(command)
        with self.server.lock:
            for uid in self.uids(command):
                del self.box.mails[uid]
        self.point("move-done")

    def do_copy(self, command: str) -> None:
        with self.server.lock:
            target = self.server.folders[re.findall(r'"([^"]*)"', command)[0]]
            for uid in self.uids(command):
                target.put(self.box.mails[uid])

    def do_store(self, command: str) -> None:
        for uid in self.uids(command):
            self.box.flags[uid].add(r"\Deleted")

    def do_expunge(self, command: str) -> None:
        with self.server.lock:
            for uid in self.uids(command):
                if r"\Deleted" in self.box.flags[uid]:
                    del self.box.mails[uid]

    def do_idle(self, _: str) -> None:
        self.point("idle")
        self.server.changed.clear()
        self.say("+ idling")
        self.point("idle-waiting")
        self.connection.settimeout(0.02)
        while True:
            if self.server.changed.is_set():
                self.server.changed.clear()
                self.say(f"* {len(self.box.mails)} EXISTS")
            try:
                line = self.connection.recv(64)
            except TimeoutError:
                continue
            if not line:
                raise HungUp
            break
        while self.server.deaf:
            time.sleep(0.01)
        self.connection.settimeout(None)
        self.point("idle-done")
