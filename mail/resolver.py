"""The few DNS questions that SPF, DKIM and DMARC ask, within hard bounds: the one exception to INV-5.

All questions about one mail share one `Resolver`, and with it a time limit over all, a shorter one for each, and a
largest number. What is not answered in time or in full is `Unanswered`, which nobody may read as "there is none". Only
TXT, A, AAAA and MX are ever asked for; a name is asked for once.
"""

import re
import time
from collections.abc import Callable, Sequence

import dns.exception
import dns.name
import dns.rdata
import dns.resolver

TOTAL_SECONDS = 5.0
EACH_SECONDS = 1.5
MAX_QUESTIONS = 60
"""SPF may need ten and as many for the addresses behind them (RFC 7208, 4.6.4); the rest is for keys and policies."""
MAX_RECORDS = 100
MAX_TEXT = 8192
"""Octets of one TXT record. The largest key, RSA of 4096 bits, takes under 800."""
_NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})+")


class Unanswered(Exception):
    """There is no certain answer: time-out, a server's failure, too many questions, too long an answer."""


class Resolver:
    """Asks `nameservers` (address and port; the system's when empty) about one mail."""

    def __init__(
        self,
        nameservers: Sequence[tuple[str, int]] = (),
        *,
        total: float = TOTAL_SECONDS,
        each: float = EACH_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._nameservers = tuple(nameservers)
        self._each = each
        self._clock = clock
        self._end = clock() + total
        self._answers: dict[tuple[str, str], list[dns.rdata.Rdata] | None] = {}
        self._made: dns.resolver.Resolver | None = None

    def text(self, name: str) -> list[bytes]:
        """The TXT records at `name`, the strings of each put together; empty when there are none."""
        found = [b"".join(getattr(one, "strings", ())) for one in self._ask(name, "TXT")]
        if any(len(one) > MAX_TEXT for one in found):
            raise Unanswered
        return found

    def addresses(self, name: str, *, version: int) -> list[str]:
        """The A (`version` 4) or AAAA records at `name`."""
        return [one.to_text() for one in self._ask(name, "AAAA" if version == 6 else "A")]

    def mail_hosts(self, name: str) -> list[str]:
        """The hosts of the MX records at `name`, in no order."""
        return [str(getattr(one, "exchange", "")).rstrip(".").lower() for one in self._ask(name, "MX")]

    def _ask(self, name: str, kind: str) -> list[dns.rdata.Rdata]:
        key = (name.lower().rstrip("."), kind)
        if len(key[0]) > 253 or not _NAME.fullmatch(key[0]):
            return []  # no name that the public DNS could hold
        if key not in self._answers:
            self._answers[key] = self._asked(*key) if len(self._answers) < MAX_QUESTIONS else None
        answer = self._answers[key]
        if answer is None:
            raise Unanswered
        return answer

    def _asked(self, name: str, kind: str) -> list[dns.rdata.Rdata] | None:
        left = min(self._each, self._end - self._clock())
        if left <= 0:
            return None
        try:
            answer = self._resolver().resolve(
                dns.name.from_text(f"{name}."), kind, search=False, raise_on_no_answer=False, lifetime=left
            )
        except dns.resolver.NXDOMAIN:
            return []
        except (dns.exception.DNSException, OSError, ValueError):
            return None
        records = [] if answer.rrset is None else list(answer.rrset)
        return records if len(records) <= MAX_RECORDS else None

    def _resolver(self) -> dns.resolver.Resolver:
        if self._made is None:
            self._made = dns.resolver.Resolver(configure=not self._nameservers)
            if self._nameservers:
                self._made.nameservers = [dns.nameserver.Do53Nameserver(host, port) for host, port in self._nameservers]
            self._made.timeout = self._each / 2  # so that a second server is asked when the first is silent
            self._made.use_edns(0, 0, 1232)
        return self._made
