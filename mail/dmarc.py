"""What the owner of a From domain wishes: its DMARC record (RFC 7489, 6.6.3).

The record stands at `_dmarc.` and the domain, or, where there is none, at the organisational domain. What it would
have done with a failed mail (`p`, `sp`, `pct`) changes nothing here: a mail that failed is shown to staff as failed,
whatever the owner would have done with it.
"""

import re
from dataclasses import dataclass

from mail.alignment import organisational
from mail.resolver import Resolver
from mail.tags import tag_list

_RECORD = re.compile(rb"v[ \t]*=[ \t]*DMARC1[ \t]*(?:;|\Z)")
_POLICIES = frozenset({"none", "quarantine", "reject"})


@dataclass(frozen=True, slots=True)
class Wishes:
    """How strictly a domain wants its name to be matched."""

    strict_spf: bool
    strict_dkim: bool


def wishes_of(domain: str, resolver: Resolver) -> Wishes | None:
    """The record that holds for `domain`; None when there is none. Raises `Unanswered`."""
    places = dict.fromkeys((domain, organisational(domain)))
    for place in places:
        if place:
            found = [one for one in resolver.text(f"_dmarc.{place}") if _RECORD.match(one)]
            if found:
                return _read(found[0]) if len(found) == 1 else None
    return None


def _read(record: bytes) -> Wishes | None:
    tags = tag_list(record)
    if tags is None:
        return None
    policy = tags.get("p", "").lower()
    if policy not in _POLICIES and not tags.get("rua"):
        return None  # RFC 7489, 6.6.3: without a policy it holds only where reports are asked for
    return Wishes(strict_spf=tags.get("aspf", "").lower() == "s", strict_dkim=tags.get("adkim", "").lower() == "s")
