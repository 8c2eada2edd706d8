"""What the site's own MTA found out about the sender, and nothing that anybody else wrote (RFC 8601).

`Authentication-Results` is plain text that a forger may write too. A field counts only when it bears the configured
authserv-id *and* stands where no sender can put one: above the Received field of the border host (or, for sites that
stamp below it and strip forged fields, directly below it). All others are dropped before anything looks at them.

From the trusted fields comes one verdict on the domain of the strict From address (RFC 7489): `dmarc=pass` for that
domain, or, when the MTA gives no DMARC verdict, an SPF or DKIM pass aligned with it. `none`, `neutral`, `softfail`,
`temperror` and `permerror` are never a pass.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from mail.addresses import a_label
from mail.charsets import decode
from mail.fields import Field, Header
from mail.hops import own_hops
from mail.message import Authentication

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

MAX_RESULTS = 100
_TOKEN = re.compile(r'"((?:[^"\\]|\\.)*)"|([^\s;="()]+)|([;=])|(\()|\s+|.', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Result:
    """One `method=word` with its properties, for instance `spf=pass smtp.mailfrom=posti.test`."""

    method: str
    word: str
    properties: dict[str, str] = field(default_factory=dict)


def authenticate(
    header: Header,
    from_address: str,
    *,
    authserv_id: str,
    own_hosts: tuple[str, ...] = (),
    position: Literal["above", "below"] = "above",
) -> Authentication:
    """The verdict on the domain of `from_address` (the strict reader's answer, may be empty)."""
    domain = from_address.rpartition("@")[2]
    if not authserv_id:
        return Authentication("none", domain, (NOTHING_TRUSTED,))
    fields = list(_trusted(header, authserv_id.lower(), tuple(host.lower() for host in own_hosts), position))
    if not fields:
        return Authentication("none", domain, (NO_TRUSTED_FIELD,))
    if not domain:
        return Authentication("none", "", (NO_FROM_ADDRESS,))
    verdicts = {_judged(results, domain) for results in fields}
    if len(verdicts) == 1:
        verdict, reason = verdicts.pop()
        return Authentication(verdict, domain, (reason,))
    return _several(fields, verdicts, domain)


def parse_results(value: bytes) -> tuple[str, list[Result]]:
    """The authserv-id in lower case and the results of one field; ("", []) when it is not well formed."""
    groups: list[list[str]] = [[]]
    for piece in _tokens(decode(value)[0]):
        if piece == "\0;":
            groups.append([])
        else:
            groups[-1].append(piece)
    if not groups[0] or groups[0][0].startswith("\0"):
        return "", []
    results = [result for group in groups[1:MAX_RESULTS] if (result := _result(group))]
    return groups[0][0].lower(), results


def _several(
    fields: list[list[Result]], verdicts: set[tuple[Literal["pass", "fail", "none"], str]], domain: str
) -> Authentication:
    """One MTA may write a field for each method; then they are read as one. Contradiction is never a pass."""
    words = [verdict for verdict, _ in verdicts]
    methods = [{result.method for result in results} for results in fields]
    apart = sum(len(found) for found in methods) == len(set().union(*methods))
    if apart:
        verdict, reason = _judged([result for results in fields for result in results], domain)
        return Authentication(verdict, domain, (reason,))
    return Authentication("fail" if "fail" in words else "none", domain, (FIELDS_DISAGREE,))


def _trusted(
    header: Header, authserv_id: str, own_hosts: tuple[str, ...], position: Literal["above", "below"]
) -> Iterator[list[Result]]:
    for item in _zone(header.fields, own_hosts, position):
        if item.name == "authentication-results":
            name, results = parse_results(item.value)
            if name == authserv_id:
                yield results


def _zone(fields: list[Field], own_hosts: tuple[str, ...], position: Literal["above", "below"]) -> Iterator[Field]:
    """The fields that only our own hosts can have written.

    Each host writes above what it got, so everything above the border host's Received is ours. With hosts named, the
    Received fields by them at the top are passed; the lowest of these is the border's. `below` adds the
    fields between the border's Received and the next one.
    """
    received = [at for at, item in enumerate(fields) if item.name == "received"]
    borders = own_hops([fields[at].value for at in received], own_hosts) if own_hosts else min(1, len(received))
    if position == "below":
        end = received[borders] if borders < len(received) else len(fields)
        start = received[borders - 1] + 1 if borders else end
        yield from fields[start:end]
        return
    if not received:
        yield from fields
    elif borders:  # with hosts named and the topmost Received by none of them, no border is known: nothing counts
        yield from fields[: received[borders - 1]]


def _tokens(text: str) -> Iterator[str]:
    """Words as they are; separators with a leading NUL, so that none can be forged by quoting.

    A quoted string is a part of the word that it touches: `"aino@posti.test"@muu.test` is one mailbox of `muu.test`.
    """
    at = 0
    word: list[str] = []
    while at < len(text) and (match := _TOKEN.match(text, at)):
        at = match.end()
        if match[1] is not None:
            word.append(re.sub(r"\\(.)", r"\1", match[1]).replace("\0", ""))
        elif match[2] is not None:
            word.append(match[2].replace("\0", ""))
        elif match[3] is None and match[4] is None and not match[0].isspace():
            word.append(match[0])
        else:
            if word:
                yield "".join(word)
                word = []
            if match[3] is not None:
                yield "\0" + match[3]
            elif match[4] is not None:
                at = _after_comment(text, match.start())
    if word:
        yield "".join(word)


def _after_comment(text: str, at: int) -> int:
    depth, escaped = 0, False
    for index in range(at, len(text)):
        char = text[index]
        if escaped:
            escaped = False
        elif char == "\\":
            escaped = True
        elif char == "(":
            depth += 1
        elif char == ")":
            depth -= 1
            if not depth:
                return index + 1
    return len(text)


def _result(group: list[str]) -> Result | None:
    if len(group) < 3 or group[1] != "\0=" or group[2].startswith("\0"):
        return None
    method = group[0].lower().split("/", 1)[0]
    properties: dict[str, str] = {}
    name = ""
    at = 3
    while at + 2 < len(group):
        if group[at + 1] == "\0=" and not group[at + 2].startswith("\0"):
            # A property given twice would let the reader choose, so it is no property.
            name = group[at].lower()
            properties[name] = "" if name in properties else group[at + 2].lower()
            at += 3
        else:
            if name:
                # A value that goes on after a blank is not known whole, and its end may be another domain.
                properties[name] = ""
            at += 1
    if name and at < len(group):
        properties[name] = ""
    return Result(method, group[2].lower(), properties)


def _judged(results: list[Result], domain: str) -> tuple[Literal["pass", "fail", "none"], str]:
    dmarc = [result for result in results if result.method == "dmarc" and result.word not in {"none", "bestguesspass"}]
    if dmarc:
        return _by_dmarc(dmarc, domain)
    spf = [result for result in results if result.method == "spf"]
    dkim = [result for result in results if result.method == "dkim"]
    if any(result.word == "pass" and _aligned(_spf_domain(result), domain) for result in spf):
        return "pass", SPF_ALIGNED
    if any(result.word == "pass" and _aligned(_dkim_domain(result), domain) for result in dkim):
        return "pass", DKIM_ALIGNED
    failed = spf and dkim and all(result.word in {"fail", "hardfail"} for result in (*spf, *dkim))
    return ("fail", SPF_AND_DKIM_FAIL) if failed else ("none", NO_PASS)


def _by_dmarc(dmarc: list[Result], domain: str) -> tuple[Literal["pass", "fail", "none"], str]:
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


def _aligned(signer: str, domain: str) -> bool:
    """Relaxed alignment (RFC 7489, 3.1) without a public-suffix list: the same name, or one below the other.

    A name of one label aligns with nothing but itself, or `fi` would speak for every Finnish domain.
    """
    if not signer or "." not in signer or "." not in domain:
        return False
    return signer == domain or signer.endswith("." + domain) or domain.endswith("." + signer)
