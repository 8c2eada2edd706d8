"""The load: many connections that hand in mail after mail, each waiting for each answer, as a plain MTA does.

    python -m tests.bench.load PORT CONNECTIONS SIZE SECONDS      prints mails a second, and in all

One thread over epoll and no library in between, so that it costs a small part of what the servers cost. The same
octets go to every server; each mail is unique, as a server that recognises a repeated mail would not store it twice.
"""

import os
import select
import socket
import sys
import time
from dataclasses import dataclass, field

WARM_UP = 0.5
"""Seconds that do not count."""
COMMANDS = (b"MAIL FROM:<aino.esimerkkila@posti.test>\r\n", b"RCPT TO:<asiakaspalvelu@lampo.test>\r\n", b"DATA\r\n")
EXPECTED = (b"250", b"250", b"354", b"250")


@dataclass(slots=True)
class Line:
    """One connection and where it stands: 0 to 2 a command is answered next, 3 the mail itself."""

    connection: socket.socket
    step: int = 0
    received: bytes = b""
    unsent: list[memoryview] = field(default_factory=list)


class Load:
    """All connections to one server."""

    def __init__(self, port: int, connections: int, size: int) -> None:
        self._body = _body(size)
        self._count = 0
        self._run = os.urandom(6).hex()
        self._poll = select.epoll()
        self._lines = {line.connection.fileno(): line for line in (_open(port) for _ in range(connections))}
        self.accepted = 0

    def run(self, seconds: float) -> float:
        """Mails accepted a second, once warm."""
        for number, line in self._lines.items():
            self._poll.register(number, select.EPOLLIN)
            self._send(line, COMMANDS[0])
        self._until(time.perf_counter() + WARM_UP)
        begun, before = time.perf_counter(), self.accepted
        self._until(begun + seconds)
        return (self.accepted - before) / (time.perf_counter() - begun)

    def _until(self, end: float) -> None:
        while time.perf_counter() < end:
            for number, event in self._poll.poll(0.2):
                line = self._lines[number]
                if event & select.EPOLLOUT:
                    self._go_on(line)
                if event & select.EPOLLIN:
                    self._hear(line)

    def _hear(self, line: Line) -> None:
        line.received += line.connection.recv(4096)
        if not line.received.endswith(b"\n"):
            return
        if not line.received.startswith(EXPECTED[line.step]):
            raise SystemExit(f"step {line.step} was answered {line.received!r}")
        line.received = b""
        line.step = (line.step + 1) % 4
        if line.step == 3:
            self._count += 1
            head = b"Message-ID: <%s.%d@posti.test>\r\n" % (self._run.encode(), self._count)
            self._send(line, head, self._body)
            return
        if line.step == 0:
            self.accepted += 1
        self._send(line, COMMANDS[line.step])

    def _send(self, line: Line, *pieces: bytes) -> None:
        line.unsent = [memoryview(piece) for piece in pieces]
        self._go_on(line)

    def _go_on(self, line: Line) -> None:
        was_blocked = False
        while line.unsent:
            try:
                sent = line.connection.sendmsg(line.unsent)
            except BlockingIOError:
                was_blocked = True
                break
            while line.unsent and sent >= len(line.unsent[0]):
                sent -= len(line.unsent.pop(0))
            if line.unsent:
                line.unsent[0] = line.unsent[0][sent:]
        self._poll.modify(line.connection, select.EPOLLIN | (select.EPOLLOUT if was_blocked else 0))


def _open(port: int) -> Line:
    connection = socket.create_connection(("127.0.0.1", port))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    _answer(connection)
    connection.sendall(b"EHLO mta.lampo.test\r\n")
    while not _answer(connection).rstrip().rpartition(b"\n")[2].startswith(b"250 "):
        pass
    connection.setblocking(False)
    return Line(connection)


def _answer(connection: socket.socket) -> bytes:
    received = b""
    while not received.endswith(b"\n"):
        received += connection.recv(4096)
    return received


def _body(size: int) -> bytes:
    """The rest of a mail of about `size` octets, with the final dot: lines of text, as most mail is."""
    head = (
        b"From: =?utf-8?q?Aino_Esimerkkil=C3=A4?= <aino.esimerkkila@posti.test>\r\n"
        b"To: asiakaspalvelu@lampo.test\r\nSubject: Laskusta kysyisin\r\nMIME-Version: 1.0\r\n"
        b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
    )
    text = b"Hei, kysyisin laskusta, jonka sain viime viikolla kotiin postissa.\r\n"
    return head + text * ((size - len(head)) // len(text)) + b".\r\n"


if __name__ == "__main__":
    load = Load(*map(int, sys.argv[1:4]))
    print(load.run(float(sys.argv[4])), load.accepted)
