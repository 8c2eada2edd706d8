"""A DNS server on loopback that speaks the real protocol: answers from a table, and faults by name."""

import socket
import threading
from collections import Counter
from contextlib import suppress

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

SILENT, FAILS = "SILENT", "FAILS"
LARGEST = 65_535


def both_at_one_port() -> tuple[socket.socket, socket.socket]:
    """A UDP and a listening TCP socket with the same number, which others may have taken half of."""
    while True:
        stream = socket.create_server(("127.0.0.1", 0))
        datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            datagrams.bind(stream.getsockname())
        except OSError:
            stream.close()
            datagrams.close()
        else:
            return datagrams, stream


class NameServer:
    """Serves `records`, {(name, type): [values]}, over UDP, and over TCP what UDP cannot hold, in its own threads."""

    def __init__(self) -> None:
        self.records: dict[tuple[str, str], list[str]] = {}
        self.faults: dict[str, str] = {}
        """Names that get no answer (`SILENT`) or a server's failure (`FAILS`)."""
        self.asked: Counter[tuple[str, str]] = Counter()
        self._udp, self._tcp = both_at_one_port()
        self.address: tuple[str, int] = self._udp.getsockname()
        self._threads = [threading.Thread(target=serve, daemon=True) for serve in (self._serve_udp, self._serve_tcp)]

    def __enter__(self) -> "NameServer":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._udp.sendto(b"", self.address)  # the sign to end
        self._tcp.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(timeout=5)
        self._udp.close()
        self._tcp.close()

    def text(self, name: str, *values: str) -> None:
        """Publish TXT records, each cut into strings of at most 255 octets."""
        quoted = [" ".join(f'"{value[at : at + 255]}"' for at in range(0, len(value), 255)) for value in values]
        self.records[name, "TXT"] = quoted

    def _serve_udp(self) -> None:
        while (received := self._udp.recvfrom(LARGEST))[0]:
            if (answer := self._answer(received[0])) is None:
                continue
            sent = answer.to_wire(max_size=LARGEST)
            if len(sent) > 1232:
                answer.answer.clear()
                answer.flags |= dns.flags.TC
                sent = answer.to_wire()
            self._udp.sendto(sent, received[1])

    def _serve_tcp(self) -> None:
        with suppress(OSError):  # which is how a shutdown ends it
            while True:
                stream, _ = self._tcp.accept()
                with stream:
                    stream.settimeout(2)
                    size = int.from_bytes(stream.recv(2), "big")
                    answer = self._answer(stream.recv(size))
                    if answer is not None:
                        sent = answer.to_wire(max_size=LARGEST)
                        stream.sendall(len(sent).to_bytes(2, "big") + sent)

    def _answer(self, wire: bytes) -> dns.message.Message | None:
        query = dns.message.from_wire(wire)
        question = query.question[0]
        name, kind = question.name.to_text(omit_final_dot=True).lower(), dns.rdatatype.to_text(question.rdtype)
        self.asked[name, kind] += 1
        if self.faults.get(name) == SILENT:
            return None
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.RA
        if self.faults.get(name) == FAILS:
            answer.set_rcode(dns.rcode.SERVFAIL)
        elif not any(known == name for known, _ in self.records):
            answer.set_rcode(dns.rcode.NXDOMAIN)
        self._add(answer, name, kind, 0)
        return answer

    def _add(self, answer: dns.message.Message, name: str, kind: str, depth: int) -> None:
        """The records of a name, and, as a resolver would, those of the name that a CNAME leads to."""
        if values := self.records.get((name, kind)):
            answer.answer.append(dns.rrset.from_text(f"{name}.", 60, "IN", kind, *values))
        elif (aliases := self.records.get((name, "CNAME"))) and depth < 20:
            answer.answer.append(dns.rrset.from_text(f"{name}.", 60, "IN", "CNAME", *aliases))
            self._add(answer, aliases[0].rstrip("."), kind, depth + 1)
