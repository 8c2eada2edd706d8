"""Whether a host may send for a domain: SPF (RFC 7208), with its limits kept.

The answer is one of the standard's words, `pass fail softfail neutral none temperror permerror`. Two things differ, and
only ever away from a pass: `ptr` and the macro `%{p}` are not looked up, for whoever owns an address writes its name
as he likes, so a record that comes to them says `neutral`; and nothing is fetched for `exp=`.
"""

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Literal

from mail.resolver import Resolver, Unanswered

Word = Literal["pass", "fail", "softfail", "neutral", "none", "temperror", "permerror"]

MAX_LOOKUPS = 10
MAX_VOID = 2
MAX_HOSTS = 10
"""Limits of RFC 7208, 4.6.4: mechanisms that ask DNS, empty answers, hosts behind one `mx`."""
MAX_RECORD = 4096
_QUALIFIERS: dict[str, Word] = {"+": "pass", "-": "fail", "~": "softfail", "?": "neutral"}
_TERM = re.compile(
    r"([+?~-]?)(all|include|a|mx|ptr|ip4|ip6|exists)(?::([^\s/]+(?:/[^\s]*)?))?((?:/\d{1,3})?(?://\d{1,3})?)", re.I
)
_MODIFIER = re.compile(r"([a-z][a-z0-9_.-]*)=(\S*)", re.I)
_LENGTHS = re.compile(r"(.*?)(?:/(\d{1,3}))?(?://(\d{1,3}))?")
_MACRO = re.compile(r"%(?:\{([slodiphcrtv])(\d{0,3})(r?)([.+,/_=-]*)\}|([%_-])|(.?))", re.I | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Client:
    """Who handed the mail over, and what it said of itself."""

    address: IPv4Address | IPv6Address
    helo: str
    sender: str
    """The envelope sender, `local@domain`."""


class _Ends(Exception):
    """The evaluation ends here with a word."""

    def __init__(self, word: Word) -> None:
        super().__init__(word)
        self.word: Word = word


def check_host(address: str, sender: str, helo: str, resolver: Resolver) -> Word:
    """The word for `sender`'s domain and a mail from `address`. A null sender gives `none`: it authorises no From."""
    domain = sender.rpartition("@")[2]
    try:
        client = Client(_plain(ip_address(address)), helo, sender)
    except ValueError:
        return "none"
    if "." not in domain:
        return "none"
    try:
        return _Check(client, resolver).of(domain)
    except _Ends as end:
        return end.word
    except Unanswered:
        return "temperror"


class _Check:
    """One evaluation, with what it has used of its limits."""

    def __init__(self, client: Client, resolver: Resolver) -> None:
        self._client = client
        self._resolver = resolver
        self._lookups = 0
        self._void = 0

    def of(self, domain: str) -> Word:
        """RFC 7208, 4.4 to 4.7. Raises `_Ends` and `Unanswered`."""
        record = self._record(domain)
        if record is None:
            return "none"
        terms, redirect = _parsed(record)
        for qualifier, name, argument in terms:
            if self._matches(name, argument, domain):
                return _QUALIFIERS[qualifier or "+"]
        if redirect is None or any(name == "all" for _, name, _ in terms):
            return "neutral"
        self._count()
        word = self.of(self._expanded(redirect, domain))
        return "permerror" if word == "none" else word

    def _record(self, domain: str) -> str | None:
        found = [one for one in self._resolver.text(domain) if re.match(rb"v=spf1(?: |\Z)", one, re.I)]
        if not found:
            return None
        if len(found) > 1 or len(found[0]) > MAX_RECORD or not found[0].isascii():
            raise _Ends("permerror")
        return found[0].decode("ascii")

    def _matches(self, name: str, argument: str, domain: str) -> bool:
        if name == "all":
            return True
        if name in {"ip4", "ip6"}:
            return self._in_network(argument, 4 if name == "ip4" else 6)
        self._count()
        if name == "ptr":
            raise _Ends("neutral")
        if name == "include":
            return self._included(self._expanded(argument, domain))
        if name == "exists":
            return bool(self._noted(self._resolver.addresses(self._expanded(argument, domain), version=4)))
        place, four, six = _with_lengths(argument)
        target = self._expanded(place, domain) if place else domain
        hosts = [target] if name == "a" else self._noted(self._resolver.mail_hosts(target))
        if len(hosts) > MAX_HOSTS:
            raise _Ends("permerror")
        return any(self._lives_at(host, six if self._version == 6 else four, is_a=name == "a") for host in hosts)

    @property
    def _version(self) -> int:
        return self._client.address.version

    def _lives_at(self, host: str, length: int, *, is_a: bool) -> bool:
        found = self._resolver.addresses(host, version=self._version)
        if is_a:
            self._noted(found)
        return any(self._client.address in ip_network(f"{one}/{length}", strict=False) for one in found)

    def _included(self, domain: str) -> bool:
        word = self.of(domain)
        if word in {"none", "permerror"}:
            raise _Ends("permerror")
        return word == "pass"

    def _in_network(self, argument: str, version: int) -> bool:
        try:
            network = ip_network(argument, strict=False)
        except ValueError:
            raise _Ends("permerror") from None
        if network.version != version:
            raise _Ends("permerror")
        return self._client.address in network

    def _count(self) -> None:
        self._lookups += 1
        if self._lookups > MAX_LOOKUPS:
            raise _Ends("permerror")

    def _noted(self, found: list[str]) -> list[str]:
        self._void += not found
        if self._void > MAX_VOID:
            raise _Ends("permerror")
        return found

    def _expanded(self, spec: str, domain: str) -> str:
        """A domain-spec with its macros (RFC 7208, 7), cut from the left to 253 octets."""
        name = _MACRO.sub(lambda match: self._macro(match, domain), spec).rstrip(".").lower()
        while len(name) > 253 and "." in name:
            name = name.partition(".")[2]
        return name

    def _macro(self, match: re.Match[str], domain: str) -> str:
        if match[5]:
            return {"%": "%", "_": " ", "-": "%20"}[match[5]]
        letter = (match[1] or "").lower()
        if letter == "p":
            raise _Ends("neutral")
        local, _, of_sender = self._client.sender.rpartition("@")
        values = {
            "s": f"{local or 'postmaster'}@{of_sender}",
            "l": local or "postmaster",
            "o": of_sender,
            "d": domain,
            "i": self._dotted(),
            "h": self._client.helo,
            "v": "in-addr" if self._version == 4 else "ip6",
        }
        if letter not in values or match[2] == "0":
            raise _Ends("permerror")  # c, r and t belong to explanations only
        parts = re.split("[" + re.escape(match[4] or ".") + "]", values[letter])
        parts = parts[::-1] if match[3] else parts
        return ".".join(parts[-int(match[2]) :] if match[2] else parts)

    def _dotted(self) -> str:
        address = self._client.address
        return str(address) if address.version == 4 else ".".join(address.exploded.replace(":", ""))


def _parsed(record: str) -> tuple[list[tuple[str, str, str]], str | None]:
    """All terms and the target of `redirect`. An error anywhere is an error of the whole (RFC 7208, 4.6)."""
    terms: list[tuple[str, str, str]] = []
    modifiers: dict[str, str] = {}
    for term in record.split(" ")[1:]:
        if not term:
            continue
        if match := _TERM.fullmatch(term):
            name, argument = match[2].lower(), (match[3] or "") + (match[4] or "")
            needs = name in {"include", "exists", "ip4", "ip6"}
            if (needs and not match[3]) or (name == "all" and argument):
                raise _Ends("permerror")
            terms.append((match[1], name, argument))
        elif match := _MODIFIER.fullmatch(term):
            name = match[1].lower()
            if name in {"redirect", "exp"} and (name in modifiers or not match[2]):
                raise _Ends("permerror")
            modifiers[name] = match[2]
        else:
            raise _Ends("permerror")
    return terms, modifiers.get("redirect")


def _with_lengths(argument: str) -> tuple[str, int, int]:
    match = _LENGTHS.fullmatch(argument)
    place, four, six = (match[1], int(match[2] or 32), int(match[3] or 128)) if match else (argument, 32, 128)
    if four > 32 or six > 128:
        raise _Ends("permerror")
    return place, four, six


def _plain(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address
