"""Which of a mail's Received fields our own hosts wrote (RFC 5321, 4.4), and where theirs end.

Every host writes its field above those it got, so ours stand at the top. But below them a sender may write what he
likes, a field "by" our border host too. So one field is believed because of the one above it: the next field down is
ours only when this one says that the mail came from a host of ours. What the other side said of itself (HELO) proves
nothing; where our host noted the address of the connection, that address must be one of the house, or bear our name.
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
_HOST = re.compile(r"[\w-]+(?:\.[\w-]+)+")
_HOUSE = tuple(
    ip_network(one)
    for one in ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1/128", "fc00::/7", "fe80::/10")
)
"""Addresses that no stranger connects from: loopback, private use (RFC 1918, RFC 4193) and link-local."""


def own_hops(values: Sequence[bytes], own_hosts: Sequence[str]) -> int:
    """How many Received fields from the top are by `own_hosts`; the last of them is the border host's."""
    own = {host.lower().rstrip(".") for host in own_hosts}
    count = 0
    for value in values:
        if by_host(value) not in own:
            break
        count += 1
        if not _came_from_inside(value, own):
            break
    return count


def by_host(value: bytes) -> str:
    """The host that wrote the field, in lower case; "" when it does not say."""
    match = _BY.search(_without_comments(decode(value[:MAX_FIELD])[0]))
    return match[1].lower().rstrip(".") if match else ""


def _came_from_inside(value: bytes, own: set[str]) -> bool:
    """Whether the field says that a host of ours, or a program on the same host, handed the mail over."""
    text = decode(value[:MAX_FIELD])[0]
    plain = _without_comments(text)
    name = _FROM.match(plain)
    if name is None:
        return True  # no connection at all: handed over on the host itself
    clause = text[: text.lower().find(by) if (by := f"by {by_host(value)}") in text.lower() else len(text)]
    called = name[1].lower().rstrip(".")
    is_named = any(one == called or one.startswith(f"{called}.") for one in own)
    addresses = [found for one in _ADDRESS.findall(clause) if (found := _address(one))]
    if all(one.is_loopback for one in addresses) and addresses:
        return True
    if addresses:
        housed = all(any(one in network for network in _HOUSE) for one in addresses)
        return is_named and (housed or _all_ours(clause, own))
    return is_named and (called != by_host(value) or _LOCAL_PROTOCOL.search(plain) is not None)


def _all_ours(clause: str, own: set[str]) -> bool:
    """Whether every host name before `by`, the one that the connection's address resolves to among them, is ours."""
    resolved = " ".join(re.findall(r"\(([^()]*)\)", clause))
    names = [one.lower() for one in _HOST.findall(clause) if not _address(one)]
    return any(one.lower() in own for one in _HOST.findall(resolved)) and all(one in own for one in names)


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
