"""Every address that a mail was delivered or addressed to: where our own signed addresses are looked for.

The envelope knows best, but not every door has one, and a mail system that forwards or sorts writes down the address
it was given in a field of its own. None of these is believed: only a valid signature in one of them counts.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from mail.addresses import address_list
from mail.fields import Header

AT_MOST: Final = 50
"""Addresses in all."""
FIELDS_AT_MOST: Final = 20
"""Fields of one name that are looked at: each system on the way adds one."""
LONGEST: Final = 1000
"""Octets of such a field: it holds one address."""
_FIELDS: Final = ("delivered-to", "x-original-to", "envelope-to", "x-envelope-to", "x-delivered-to")


def delivered_to(
    header: Header, recipients: Sequence[str], to: Sequence[str] = (), cc: Sequence[str] = ()
) -> tuple[str, ...]:
    """Bare addresses, each once: the envelope's `recipients` first, then those of delivery fields, `to` and `cc`."""
    found: dict[str, None] = {}
    for address in (*recipients[:AT_MOST], *_by_fields(header), *to[:AT_MOST], *cc[:AT_MOST]):
        found.setdefault(address.strip().strip("<>"))
    return tuple(one for one in found if one)[:AT_MOST]


def _by_fields(header: Header) -> Iterable[str]:
    values: dict[str, list[bytes]] = {name: [] for name in _FIELDS}
    for field in header.fields:
        listed = values.get(field.name)
        if listed is not None and len(listed) < FIELDS_AT_MOST and len(field.value) <= LONGEST:
            listed.append(field.value)
    for name in _FIELDS:
        if values[name]:
            yield from address_list(values[name])
