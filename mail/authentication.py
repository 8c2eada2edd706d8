"""What the site's own MTA found out about the sender, and nothing that anybody else wrote (RFC 8601).

`Authentication-Results` is plain text that a forger may write too. A field counts only when it bears the configured
authserv-id *and* stands where no sender can put one: above the Received field of the border host, for each host writes
above what it got. Some sites stamp right below it and strip what others forged (Postfix with most milters, Gmail);
there the topmost field alone counts, for below it the sender's own begin. All others are dropped before anything looks
at them. Exchange Online writes no authserv-id; a door declared so (`exchange-online`) believes the nameless field that
stands directly above the Received field of that service's border.

From the trusted fields comes one verdict on the domain of the strict From address (RFC 7489): `dmarc=pass` for that
domain, or, when the MTA gives no DMARC verdict, an SPF or DKIM pass aligned with it. `none`, `neutral`, `softfail`,
`temperror` and `permerror` are never a pass, nor is `compauth` alone. What forwarding broke may be mended by the sealed
results of a forwarder that the controller names (`mail.arc`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from mail.addresses import a_label
from mail.alignment import aligned
from mail.arc import newest_set, sealed_results
from mail.fields import Field, Header
from mail.hops import exchange_online_hops, inner_hops, own_hops
from mail.message import Authentication, Verdict
from mail.results import Result, parse_results

EXCHANGE_ONLINE = "exchange-online"
"""What stands for an authserv-id where Exchange Online delivers, which writes none."""

NOTHING_TRUSTED = "NOTHING_TRUSTED"
NO_TRUSTED_FIELD = "NO_TRUSTED_FIELD"
NO_FROM_ADDRESS = "NO_FROM_ADDRESS"
FIELDS_DISAGREE = "FIELDS_DISAGREE"
OTHER_DOMAIN = "OTHER_DOMAIN"
DMARC_PASS = "DMARC_PASS"  # noqa: S105  # a verdict, not a password
DMARC_FAIL = "DMARC_FAIL"
SPF_ALIGNED = "SPF_ALIGNED"
DKIM_ALIGNED = "DKIM_ALIGNED"
SPF_AND_DKIM_FAIL = "SPF_AND_DKIM_FAIL"
NO_PASS = "NO_PASS"  # noqa: S105  # a verdict, not a password
ARC_SEALED = "ARC_SEALED"

UNKNOWN = (NOTHING_TRUSTED, NO_TRUSTED_FIELD)
"""Reasons that say nobody checked: only then is a mail verified here, where a door wants that."""


@dataclass(frozen=True, slots=True)
class Zone:
    """Where the border host's own fields stand among all fields of a header."""

    fields: Sequence[Field]
    """Those of them in which its results may stand."""
    end: int
    """Index, among all fields, of the first that a stranger may have written."""


def authenticate(
    header: Header,
    from_address: str,
    *,
    authserv_id: str,
    own_hosts: tuple[str, ...] = (),
    position: Literal["above", "below"] = "above",
    arc_sealers: tuple[str, ...] = (),
) -> Authentication:
    """The verdict on the domain of `from_address` (the strict reader's answer, may be empty)."""
    domain = from_address.rpartition("@")[2]
    if not authserv_id:
        return Authentication("none", domain, (NOTHING_TRUSTED,))
    zone = border_zone(header.fields, authserv_id, own_hosts, position)
    found = _trusted(zone, authserv_id.lower(), first_only=position == "below")
    if not found:
        return Authentication("none", domain, (NO_TRUSTED_FIELD,))
    if not domain:
        return Authentication("none", "", (NO_FROM_ADDRESS,))
    verdict, reason = _agreed(found, domain)
    if verdict != "pass" and arc_sealers and any(_says_arc_pass(results) for results in found):
        newest = newest_set(header.fields[zone.end :])
        if newest and by_sealer(newest.sealer, newest.results, arc_sealers, domain):
            verdict, reason = "pass", ARC_SEALED
    return Authentication(verdict, domain, (reason,))


def border_zone(
    fields: list[Field], authserv_id: str, own_hosts: tuple[str, ...], position: Literal["above", "below"]
) -> Zone:
    """The fields that only our own hosts can have written; none where no border is known.

    With hosts named, the Received fields by them at the top are passed; the lowest of these is the border's. `below`
    means the fields between the border's Received and the next one.
    """
    received = [at for at, item in enumerate(fields) if item.name == "received"]
    values = [fields[at].value for at in received]
    if authserv_id.lower() == EXCHANGE_ONLINE:
        hops = exchange_online_hops(values)
        start = received[hops - 2] + 1 if hops > 1 else 0
        return Zone(fields[start : received[hops - 1]], received[hops - 1]) if hops else Zone([], 0)
    hops = own_hops(values, own_hosts) if own_hosts else min(inner_hops(values) + 1, len(received))
    if position == "below":
        end = received[hops] if hops < len(received) else len(fields)
        return Zone(fields[received[hops - 1] + 1 : end], received[hops - 1] + 1) if hops else Zone([], 0)
    if not received and not own_hosts:
        return Zone(fields, len(fields))
    # With hosts named and the topmost Received by none of them, or none at all, no border is known: nothing counts.
    return Zone(fields[: received[hops - 1]], received[hops - 1]) if hops else Zone([], 0)


def by_sealer(sealer: str, value: bytes, sealers: tuple[str, ...], domain: str) -> bool:
    """Whether a valid seal by a named forwarder says that DMARC, or what stands for it, passed for `domain`."""
    if sealer not in {name.lower() for name in sealers}:
        return False
    results = sealed_results(value)
    named = all("header.from" in result.properties for result in results if result.method == "dmarc")
    return named and judged(results, domain)[0] == "pass"


def judged(results: list[Result], domain: str) -> tuple[Verdict, str]:
    """What the results of one check say of `domain`, and the reason's name."""
    dmarc = [result for result in results if result.method == "dmarc" and result.word not in {"none", "bestguesspass"}]
    if dmarc:
        return _by_dmarc(dmarc, domain)
    spf = [result for result in results if result.method == "spf"]
    dkim = [result for result in results if result.method == "dkim"]
    if any(result.word == "pass" and aligned(_spf_domain(result), domain) for result in spf):
        return "pass", SPF_ALIGNED
    if any(result.word == "pass" and aligned(_dkim_domain(result), domain) for result in dkim):
        return "pass", DKIM_ALIGNED
    failed = spf and dkim and all(result.word in {"fail", "hardfail"} for result in (*spf, *dkim))
    return ("fail", SPF_AND_DKIM_FAIL) if failed else ("none", NO_PASS)


def _trusted(zone: Zone, authserv_id: str, *, first_only: bool) -> list[list[Result]]:
    """The results of each field that counts. `first_only` is for below: what follows may be the sender's."""
    values = [item.value for item in zone.fields if item.name == "authentication-results"]
    wanted = "" if authserv_id == EXCHANGE_ONLINE else authserv_id
    read = [parse_results(value) for value in (values[:1] if first_only and wanted else values)]
    return [results for name, results in read if name == wanted and (results or wanted)]


def _agreed(fields: list[list[Result]], domain: str) -> tuple[Verdict, str]:
    """One MTA may write a field for each method; then they are read as one. Contradiction is never a pass."""
    verdicts = {judged(results, domain) for results in fields}
    if len(verdicts) == 1:
        return verdicts.pop()
    methods = [{result.method for result in results} for results in fields]
    if sum(len(found) for found in methods) == len(set().union(*methods)):
        return judged([result for results in fields for result in results], domain)
    return ("fail" if any(verdict == "fail" for verdict, _ in verdicts) else "none"), FIELDS_DISAGREE


def _says_arc_pass(results: list[Result]) -> bool:
    words = [result.word for result in results if result.method == "arc"]
    return bool(words) and all(word == "pass" for word in words)


def _by_dmarc(dmarc: list[Result], domain: str) -> tuple[Verdict, str]:
    words = {result.word for result in dmarc}
    if words & {"fail", "hardfail"}:
        return "fail", DMARC_FAIL
    if words != {"pass"}:
        return "none", NO_PASS
    named = {result.properties["header.from"] for result in dmarc if "header.from" in result.properties}
    if any(_domain_of(name) != domain for name in named):
        return "none", OTHER_DOMAIN
    return "pass", DMARC_PASS


def _spf_domain(result: Result) -> str:
    """Only the envelope sender authorises; a HELO name says nothing of the From domain."""
    return _domain_of(result.properties.get("smtp.mailfrom") or result.properties.get("smtp.mail") or "")


def _dkim_domain(result: Result) -> str:
    return _domain_of(result.properties.get("header.d") or result.properties.get("header.i") or "")


def _domain_of(text: str) -> str:
    return a_label(text.strip("<>").rpartition("@")[2].rstrip("."))
