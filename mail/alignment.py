"""Whether the domain that SPF or DKIM vouches for may speak for the domain in From (RFC 7489, 3.1).

The same name always may. One name below the other may, unless the upper one is a suffix under which strangers register
(`fi`, `co.uk`, a hoster's `blogspot.com`): the public suffix list tells, loaded when the first such pair comes. Two
names beside each other may only for a domain whose own DMARC record asks for it, and only under a suffix that the list
names: about a suffix it does not know it would guess, and let one customer of a hoster speak for another.
"""

from functools import cache

from publicsuffixlist import PublicSuffixList


def aligned(signer: str, domain: str) -> bool:
    """Whether `signer` may speak for `domain` where nothing is known of its wishes. Both as lower-case A-labels."""
    if not signer or "." not in signer or "." not in domain:
        return False
    if signer == domain:
        return True
    upper = signer if domain.endswith("." + signer) else domain if signer.endswith("." + domain) else ""
    return bool(upper) and not is_public_suffix(upper)


def aligned_by_record(signer: str, domain: str, *, strict: bool) -> bool:
    """The same for a domain with a DMARC record of its own that says how strictly (`adkim`, `aspf`)."""
    if strict or not signer:
        return signer == domain != ""
    return aligned(signer, domain) or bool((shared := _listed_parent(signer)) and shared == _listed_parent(domain))


def is_public_suffix(domain: str) -> bool:
    """Whether anybody may register a name below `domain`: it is on the list, or has one label only."""
    return "." not in domain or bool(_list().is_public(domain))


def organisational(domain: str) -> str:
    """The name below which all is one organisation's (RFC 7489, 3.2); "" for a public suffix."""
    return _list().privatesuffix(domain) or ""


def _listed_parent(domain: str) -> str:
    return _list().privatesuffix(domain, accept_unknown=False) or ""


@cache
def _list() -> PublicSuffixList:
    """All of it, hosters' suffixes too: 0.1 s once in a worker's life, and no look-up anywhere."""
    return PublicSuffixList()
