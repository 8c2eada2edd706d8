"""Which of a mail's Received fields our own hosts wrote (RFC 5321, 4.4), and where theirs end.

Every host writes its field above those it got, so ours stand at the top. But below them a sender may write what he
likes, a field "by" our border host too. So one field is believed because of the one above it: the next field down is
ours only when this one says that the mail came from a host of ours. What the other side said of itself (HELO) proves
nothing; where our host noted the address of the connection, that address must be one of the house, or bear our name.

Two large services write fields of their own kind. Google's inner machines name themselves by an address of a private
network and say of nobody that the mail came from him; such fields at the top are passed over. Exchange Online's inner
machines are many and strange to its customers, so its border is known by its own name: `*.mail.protection.outlook.com`.
"""

import re
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from mail.charsets import decode

MAX_FIELD = 4000
_BY = re.compile(r"(?:^|[\s)])by\s+([^\s;()]+)", re.I)
_FROM = re.compile(r"\s*from\s+([^\s;()]+)", re.I)
_LOCAL_PROTOCOL = re.compile(r"\swith\s+(?:lmtp\w*|local)\b", re.I)
_ADDRESS = re.compile(r"\[?(?:IPv6:)?((?:\d{1,3}\.){3}\d{1,3}|[0-9a-f]{0,4}:[0-9a-f:.%]+)\]?", re.I)
_RESOLVED = re.compile(r"\s*from\s+\S+\s+\(([^()\s]+)\s+\[[^()\s]+\]\s*\)", re.I)
"""`from NAME (RESOLVED [ADDRESS])`: what the host itself found out of the other side. More than that in the brackets is
another program's way, or `may be forged`; brackets further on tell of encryption, with names out of certificates.
"""
_LOCAL_HOSTS = frozenset({"localhost", "localhost.localdomain"})
"""What a filter beside the MTA may call itself."""
_HOUSE = tuple(
    ip_network(one)
    for one in ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1/128", "fc00::/7", "fe80::/10")
)
"""Addresses that no stranger connects from: loopback, private use (RFC 1918, RFC 4193) and link-local."""


_EXCHANGE_BORDER = ".mail.protection.outlook.com"
_EXCHANGE_INSIDE = (
    ".prod.outlook.com",
    ".prod.exchangelabs.com",
    ".outlook.office365.com",
    ".prod.protection.outlook.com",
)
_EXCHANGE_ADDRESSES = re.compile(r"2603:10[0-9a-f]6:", re.I)
"""What Exchange Online's machines have between each other: 2603:1006::/32, 2603:1016::/32 ... 2603:10f6::/32."""
_HELO_SAID = re.compile(r"\b(?:helo|ehlo)[=\s]\s*[^\s()]+", re.I)


def own_hops(values: Sequence[bytes], own_hosts: Sequence[str]) -> int:
    """How many Received fields from the top are by `own_hosts`; the last of them is the border host's."""
    own = {host.lower().rstrip(".") for host in own_hosts}
    inner = inner_hops(values)
    count = 0
    for value in values[inner:]:
        host = by_host(value)
        if host not in own and not (count and host in _LOCAL_HOSTS):
            break
        count += 1
        if not _came_from_inside(value, own):
            break
    return inner + count if count else 0


def inner_hops(values: Sequence[bytes]) -> int:
    """How many Received fields from the top are by a machine that names itself by an address of a private network.

    `Received: by 2002:a05:6a10:... with SMTP id ...` is how Google hands a mail from machine to machine inside. A field
    that says where a mail came from is never one of these, so none can stand above the border's own but ours.
    """
    count = 0
    for value in values:
        address = _address(by_host(value))
        if address is None or not _housed(address) or _FROM.match(_plain(value)):
            break
        count += 1
    return count


def exchange_online_hops(values: Sequence[bytes]) -> int:
    """How many Received fields from the top are Exchange Online's, down to the one by its border; 0 without a border.

    A mail that no border let in, because somebody with a log-in handed it over inside (`with mapi`), has none.
    """
    for count, value in enumerate(values, 1):
        host = by_host(value)
        if host.endswith(_EXCHANGE_BORDER):
            return count
        if not host.endswith(_EXCHANGE_INSIDE):
            return 0
        plain = _plain(value)
        came_from = _FROM.match(plain)
        if (
            came_from is None
            or " with mapi" in plain.lower()
            or not came_from[1].lower().rstrip(".").endswith(_EXCHANGE_INSIDE)
        ):
            return 0
        addresses = [found for one in _ADDRESS.findall(_from_clause(value)) if (found := _address(one))]
        if not all(_housed(one) or _EXCHANGE_ADDRESSES.match(str(one)) for one in addresses):
            return 0
    return 0


def client_of(value: bytes) -> tuple[str, str]:
    """Address of the host that handed the mail over, and the name it gave itself; "" for what is not certain.

    The address is what our host noted of the connection. The name is the client's own word, and might be an address
    too, so it is set aside first; two different addresses in the rest are no certainty.
    """
    clause = _from_clause(value)
    match = re.match(r"\s*from\s+(\S+)", clause, re.I)
    if match is None:
        return "", ""
    said = _HELO_SAID.search(clause)
    noted = {found for one in _ADDRESS.findall(_HELO_SAID.sub("", clause[match.end() :])) if (found := _address(one))}
    if not noted and "(" in clause[match.end() :] and (alone := _ADDRESS.fullmatch(match[1])):
        noted = {found for one in [alone[1]] if (found := _address(one))}  # Exim: from [192.0.2.7] (helo=...)
    name = re.split(r"[=\s]\s*", said[0], maxsplit=1)[1] if said else match[1]
    return (str(noted.pop()), name.strip("[]").lower()) if len(noted) == 1 else ("", "")


def is_of_the_house(address: str) -> bool:
    """Whether an address is of loopback, a private network or link-local: no stranger connects from it."""
    found = _address(address)
    return found is not None and _housed(found)


def by_host(value: bytes) -> str:
    """The host that wrote the field, in lower case; "" when it does not say."""
    match = _BY.search(_plain(value))
    return match[1].lower().rstrip(".") if match else ""


def _came_from_inside(value: bytes, own: set[str]) -> bool:
    """Whether the field says that a host of ours, or a program on the same host, handed the mail over."""
    plain = _plain(value)
    name = _FROM.match(plain)
    if name is None:
        return True  # no connection at all: handed over on the host itself
    clause = _from_clause(value)
    called = name[1].lower().rstrip(".")
    is_named = any(_is_called(one, called) for one in own)
    # Whoever connects calls himself as he likes; a host that greets itself does it in itself, or by LMTP.
    is_another = not _is_called(by_host(value), called) or _LOCAL_PROTOCOL.search(plain) is not None
    addresses = [found for one in _ADDRESS.findall(clause) if (found := _address(one))]
    if all(one.is_loopback for one in addresses) and addresses:
        return True
    if addresses:
        housed = all(_housed(one) for one in addresses)
        return is_named and ((housed and is_another) or _resolves_to_ours(clause, own))
    return is_named and is_another


def _is_called(host: str, called: str) -> bool:
    """Whether `called` is the host's name, or its first part."""
    return host == called or host.startswith(f"{called}.")


def _resolves_to_ours(clause: str, own: set[str]) -> bool:
    """Whether the connection's address resolves to a host of ours."""
    match = _RESOLVED.match(clause)
    return match is not None and match[1].rpartition("@")[2].lower().rstrip(".") in own


def _plain(value: bytes) -> str:
    return _without_comments(decode(value[:MAX_FIELD])[0])


def _from_clause(value: bytes) -> str:
    """All that stands before `by HOST`, comments and all."""
    text = decode(value[:MAX_FIELD])[0]
    by = f"by {by_host(value)}"
    return text[: text.lower().find(by)] if by in text.lower() else text


def _housed(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv6Address):
        address = address.sixtofour or address.ipv4_mapped or address
    return any(address in network for network in _HOUSE)


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text.partition("%")[0])
    except ValueError:
        return None


def _without_comments(text: str) -> str:
    out, depth, escaped = [], 0, False
    for char in text:
        if escaped:
            escaped = False
        elif char == "\\":
            escaped = True
        elif char == "(":
            depth += 1
        elif char == ")":
            depth = max(0, depth - 1)
        elif not depth:
            out.append(char)
    return "".join(out)
