"""The sets of fields by which forwarders seal what they found before they changed a mail (ARC, RFC 8617).

Each forwarder adds three fields with its number: what it found (`ARC-Authentication-Results`), a signature over the
mail, and a seal over all sets so far. Only the newest set matters here: it is by whoever handed the mail on last, and
only the controller's word makes that one believed. Whether the seals are genuine is another's question: the site's own
MTA answers it with `arc=pass`, or `mail.signatures` where mail is verified here.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from mail.addresses import a_label
from mail.fields import Field
from mail.results import Result, parse_results
from mail.tags import tag_list

RESULTS = "arc-authentication-results"
SIGNATURE = "arc-message-signature"
SEAL = "arc-seal"
MAX_SETS = 50
"""RFC 8617, 4.2.1."""
_INSTANCE = re.compile(rb"\s*i\s*=\s*(\d{1,2})\s*;")


@dataclass(frozen=True, slots=True)
class NewestSet:
    """The set with the highest number, of a chain that is complete."""

    instance: int
    sealer: str
    """`d=` of its seal, in lower case."""
    results: bytes
    """Value of its `ARC-Authentication-Results`, the number still in front."""


def newest_set(fields: Sequence[Field]) -> NewestSet | None:
    """The newest set; None when a field lacks, stands twice or has no number."""
    kinds: dict[str, dict[int, bytes]] = {RESULTS: {}, SIGNATURE: {}, SEAL: {}}
    for item in fields:
        if item.name in kinds:
            number = instance_of(item.name, item.value)
            if not 0 < number <= MAX_SETS or number in kinds[item.name]:
                return None
            kinds[item.name][number] = item.value
    numbers = set(kinds[SEAL])
    if not numbers or numbers != set(range(1, len(numbers) + 1)) or any(set(one) != numbers for one in kinds.values()):
        return None
    newest = len(numbers)
    tags = tag_list(kinds[SEAL][newest]) or {}
    return NewestSet(newest, a_label(tags.get("d", "")), kinds[RESULTS][newest])


def instance_of(name: str, value: bytes) -> int:
    """The set's number in one of its fields; 0 without one."""
    if name == RESULTS:
        match = _INSTANCE.match(value)
        return int(match[1]) if match else 0
    number = (tag_list(value) or {}).get("i", "")
    return int(number) if re.fullmatch(r"[0-9]{1,2}", number) else 0


def sealed_results(value: bytes) -> list[Result]:
    """What the forwarder found, from its `ARC-Authentication-Results`."""
    match = _INSTANCE.match(value)
    return parse_results(value[match.end() :])[1] if match else []
