"""Addresses of our own that say what a mail is about: `asiakaspalvelu+TOKEN@lampo.test`.

A token names one row of ours, a ticket in the Reply-To of what we send, an outgoing message in its envelope sender
(VERP), and is signed, so that nobody who was not given it can make one (THREATS 8, 33). It says nothing to whoever
reads it: the row's number is masked, because numbers in clear would let anybody count our tickets. It proves nothing of
who wrote either, only that the writer had mail of ours before him.

    token    base32(mac[12] + masked number[8])      32 letters and digits, no padding
    mac      HMAC-SHA-256(key, "address" purpose number), its first 96 bits
    mask     HMAC-SHA-256(key, "mask" purpose mac), its first 64 bits

Mail systems may change the case of a local part (RFC 5321, 2.4, forbids it, and yet), so a token means the same in
capitals. Reading takes a bounded time whatever the address, and compares in constant time.
"""

import hmac
import re
from base64 import b32decode, b32encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, Literal

from mail.addresses import a_label

Purpose = Literal["reply", "bounce", "canary"]

TOKEN_LETTERS: Final = 32
LOCAL_LIMIT: Final = 64
"""Octets of a local part (RFC 5321, 4.5.3.1.1)."""
SEPARATOR: Final = "+"
"""What we write between a mailbox and its detail (RFC 5233, 4)."""
SEPARATORS: Final = "+-"
"""What we understand there: a mail server may be set up to put another in its place."""
TOKENS_AT_MOST: Final = 8
"""A mail that names more of our addresses than that is no answer to one."""

_MAC_OCTETS: Final = 12
_NUMBER_OCTETS: Final = 8
_TOKEN: Final = re.compile(r"[a-z2-7]{32}")


def sign(key: bytes, purpose: Purpose, number: int) -> str:
    """The token of row `number`, the same each time. Raises OverflowError for a number outside 0 to 2**64 - 1."""
    plain = number.to_bytes(_NUMBER_OCTETS)
    mac = _mac(key, purpose, plain)
    return b32encode(mac + _masked(key, purpose, mac, plain)).decode("ascii").lower()


def address(base_address: str, token: str) -> str:
    """`base_address` with the token as its detail. Raises ValueError where its local part leaves no room."""
    local, _, domain = base_address.rpartition("@")
    if not local or len(f"{local}{SEPARATOR}{token}".encode()) > LOCAL_LIMIT:
        raise ValueError(f"an address whose part before the @ is longer than {room_for_local()} leaves no room")
    return f"{local}{SEPARATOR}{token}@{domain}"


def room_for_local() -> int:
    """Octets that a local part may have to be signed."""
    return LOCAL_LIMIT - TOKEN_LETTERS - len(SEPARATOR)


def tokens(base_addresses: Iterable[str], addresses: Iterable[str]) -> tuple[str, ...]:
    """What looks like a token among `addresses`, each once and in order: cheap, and needs no key."""
    bases = {_folded(one) for one in base_addresses}
    found: dict[str, None] = {}
    for one in addresses:
        local, _, domain = one.rpartition("@")
        base, separator, token = local[: -TOKEN_LETTERS - 1], local[-TOKEN_LETTERS - 1 :][:1], local[-TOKEN_LETTERS:]
        # Lowered only where it is ASCII: some signs of other scripts become ASCII letters when their case is changed.
        known = local.isascii() and separator and separator in SEPARATORS and _TOKEN.fullmatch(token.lower())
        if known and _folded(f"{base}@{domain}") in bases:
            found[token.lower()] = None
        if len(found) == TOKENS_AT_MOST:
            break
    return tuple(found)


def number_of(keys: Sequence[bytes], purpose: Purpose, token: str) -> int | None:
    """The row that a token names under any of `keys`; None unless it was signed with one, for this purpose."""
    lowered = token.lower() if token.isascii() else ""
    if not _TOKEN.fullmatch(lowered):
        return None
    octets = b32decode(lowered.upper())
    mac, hidden = octets[:_MAC_OCTETS], octets[_MAC_OCTETS:]
    for key in keys:
        plain = _masked(key, purpose, mac, hidden)
        if hmac.compare_digest(mac, _mac(key, purpose, plain)):
            return int.from_bytes(plain)
    return None


def read(keys: Sequence[bytes], base_addresses: Iterable[str], purpose: Purpose, address: str) -> int | None:
    """The row that one of our own signed addresses names; None for any other address."""
    return next((number_of(keys, purpose, token) for token in tokens(base_addresses, (address,))), None)


@dataclass(frozen=True, slots=True)
class OwnAddresses:
    """The controller's addresses, to be signed and to be known again: what the stages are handed."""

    bases: tuple[str, ...]
    """Bare addresses that customers write to; the first is the one that is signed."""

    def tokens(self, addresses: Iterable[str]) -> tuple[str, ...]:
        """What looks like a token of ours among `addresses`."""
        return tokens(self.bases, addresses)

    def number_of(self, keys: Sequence[bytes], purpose: Purpose, token: str) -> int | None:
        """The row that a token names."""
        return number_of(keys, purpose, token)

    def sign(self, key: bytes, purpose: Purpose, number: int) -> str:
        """The signed address of row `number`."""
        return address(self.bases[0], sign(key, purpose, number))


def _folded(base: str) -> str:
    local, _, domain = base.rpartition("@")
    return f"{local.lower()}@{a_label(domain)}"


def _mac(key: bytes, purpose: str, plain: bytes) -> bytes:
    return hmac.digest(key, b"kirjaamo address\0" + purpose.encode() + b"\0" + plain, sha256)[:_MAC_OCTETS]


def _masked(key: bytes, purpose: str, mac: bytes, octets: bytes) -> bytes:
    """`octets` masked, or unmasked: the same either way."""
    mask = hmac.digest(key, b"kirjaamo mask\0" + purpose.encode() + b"\0" + mac, sha256)
    return bytes(one ^ other for one, other in zip(octets, mask[:_NUMBER_OCTETS], strict=True))
