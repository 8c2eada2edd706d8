"""What a delivery status notification says of each recipient (RFC 3464; RFC 6533 for addresses beyond ASCII).

Mail systems break this form in every way: the report stands in a part of another type or in the text itself, blank
lines lack between recipients or stand between fields, addresses come with or without their type, in brackets, in
quotation marks, as xtext (RFC 3461, 4) or in X.400 form. What can be read is read; nothing here decides anything.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from mail.charsets import decode
from mail.mime import Part

STATUS_TYPES = frozenset({"message/delivery-status", "message/global-delivery-status"})
MAX_REPORT = 512 * 1024
"""Longest report in octets that is read; a recipient takes some hundred."""

MOST = 100
"""At most so many recipients are named."""

ADDRESS = re.compile(
    r"(?<![\w.!#$%&'*+/=?^`{|}~-])[\w!#$%&'*+/=?^`{|}~-]+(?:\.{1,3}[\w!#$%&'*+/=?^`{|}~-]+)*\.?@"
    r"(?:\[[0-9a-fA-F:.]{3,45}\]|\w(?:[\w-]{0,62})(?:\.\w[\w-]{0,62}){0,8})"
)
"""An address as it stands in running text, a lone host name as its domain too."""

ENHANCED = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d]|\.\d)")
"""An enhanced status code (RFC 3463, 2)."""

_FIELD = re.compile(
    r"^[ \t]{0,8}(final-recipient|original-recipient|action|status|diagnostic-code|x-actual-recipient|"
    r"x-original-recipient|original-rcpt-to|reporting-mta|original-envelope-id|remote-mta|last-attempt-date|"
    r"will-retry-until|arrival-date|x-[\w-]{1,40}|received-from-mta|dsn-gateway|final-log-id)[ \t]*:[ \t]*(.*)$",
    re.I,
)
_TYPED = re.compile(
    r"^\s*[A-Za-z0-9-]{1,20}\s*;\s*|^\s*(?:rfc-?822|smtp|x\.?400|unknown|local|dns|system)\s*[:;]?\s+", re.I
)
_FROM_X400 = re.compile(r"RFC-?822=([^;/]{3,200})", re.I)
_XTEXT = re.compile(r"\+(2B|3D|40|20)", re.I)
_UNICODE = re.compile(r"\\x\{([0-9A-Fa-f]{1,6})\}")
_NO_FAILURE = ("delay", "deliver", "relay", "expand", "transfer", "success")  # RFC 3464, 2.3.3, and what is meant by it
_RECIPIENT_FIELDS = (
    "original-recipient",
    "x-original-recipient",
    "original-rcpt-to",
    "final-recipient",
    "x-actual-recipient",
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a report says of one recipient."""

    address: str
    """May be a bare mailbox name, or empty where the report's form of address is of another world."""
    action: str
    """The first word of Action in lower case, or empty."""
    status: str
    """Enhanced status code, or empty."""
    diagnostic: str = ""

    @property
    def failed(self) -> bool:
        """Whether the mail will never arrive: `failed`, or no known action and no status of another class."""
        if self.action.startswith(_NO_FAILURE):
            return False
        return self.action.startswith(("fail", "undeliver", "reject", "bounce", "error")) or self.status[:1] in {
            "",
            "5",
        }

    @property
    def delayed(self) -> bool:
        """Whether the mail is still being tried."""
        return self.action.startswith("delay") or (not self.action and self.status.startswith("4"))


def typed_reports(parts: tuple[Part, ...]) -> tuple[str, ...]:
    """The texts of the parts that are delivery reports by their type."""
    return tuple(_text(part) for part in parts if part.media_type in STATUS_TYPES)


def found_reports(parts: tuple[Part, ...]) -> tuple[str, ...]:
    """The text that has a report's fields, in a part of any other type; people paste such texts too."""
    for part in parts:
        if part.children or not part.body or part.media_type in {*STATUS_TYPES, "text/rfc822-headers", "text/html"}:
            continue
        if part.media_type.startswith(("text/", "message/", "application/octet-stream")):
            text = _text(part)
            if names_recipient(text) and re.search(r"^[ \t]{0,8}(?:action|status)[ \t]*:", text, re.I | re.M):
                return (text,)
    return ()


def outcomes(text: str) -> Iterator[Outcome]:
    """What a report says, recipient by recipient."""
    for values in _groups(text):
        action = re.match(r"[a-z]*", values.get("action", "").strip().lower())
        diagnostic = values.get("diagnostic-code", "")
        found = ENHANCED.search(values.get("status", ""))
        said = ENHANCED.search(diagnostic)
        status = found[1] if found else ""
        if said and (not status or status.endswith(".0.0")) and said[1][0] == (status or said[1])[0]:
            status = said[1]  # the remote system's own words are more exact than `5.0.0`
        yield Outcome(_best_address(values), action[0] if action else "", status, diagnostic)


def address_in(value: str) -> str:
    """The address in a recipient field's value, with or without its type; a bare mailbox name as it is; or empty."""
    bare = _TYPED.sub("", value[:1000], count=1)
    if gateway := _FROM_X400.search(bare):
        bare = gateway[1].replace("(a)", "@").replace("(A)", "@")
    bare = _UNICODE.sub(lambda match: _character(match[1]), bare)
    bare = _XTEXT.sub(lambda match: chr(int(match[1], 16)), bare) if "+" in bare else bare
    bare = re.sub(r"\s*\([^()]*\)\s*$", "", bare).strip().strip("<>\"' ,;.")
    if found := ADDRESS.search(bare):
        return with_small_domain(found[0])
    return bare if re.fullmatch(r"[\w.+-]{1,64}", bare) else ""


def with_small_domain(address: str) -> str:
    """The address with its domain in lower case."""
    local, _, domain = address.rpartition("@")
    return f"{local}@{domain.lower()}"


def _text(part: Part) -> str:
    return decode(part.body[:MAX_REPORT], part.charset)[0].replace("\r\n", "\n").replace("\r", "\n")


def names_recipient(text: str) -> bool:
    """Whether the text has a recipient field of a report."""
    return re.search(r"^[ \t]{0,8}(?:final|original)-recipient[ \t]*:", text, re.I | re.M) is not None


def _groups(text: str) -> Iterator[dict[str, str]]:
    """The fields of each recipient. A blank line ends a group that is complete; another recipient ends any."""
    values: dict[str, str] = {}
    last, gap = "", False
    for line in text.split("\n"):
        if match := _FIELD.match(line):
            last = match[1].lower()
            if _begins_group(last, values, gap=gap):
                yield from _complete(values)
                values = {}
            gap = False if not values else gap
            values.setdefault(last, match[2].strip())
        elif line[:1] in {" ", "\t"} and line.strip() and last:
            values[last] = f"{values[last]} {line.strip()}"[:2000]
        else:
            last = ""
            gap = gap or not line.strip()
            if gap and values.keys().isdisjoint({*_RECIPIENT_FIELDS, "action"}):
                values = {}  # the fields that speak of the message, not of a recipient
    yield from _complete(values)


def _begins_group(name: str, values: dict[str, str], *, gap: bool) -> bool:
    """Whether the field is the first one of the next recipient."""
    if gap and {"action", "status"} <= values.keys() and not values.keys().isdisjoint(_RECIPIENT_FIELDS):
        return True
    if name not in {"final-recipient", "original-recipient", "action"}:
        return False
    return name in values or (gap and name != "action" and "action" in values)


def _complete(values: dict[str, str]) -> Iterator[dict[str, str]]:
    if any(name in values for name in _RECIPIENT_FIELDS):
        yield values


def _best_address(values: dict[str, str]) -> str:
    """The recipient as the sender wrote it where the report tells, for that is whom we know; else the final one."""
    found = [address for name in _RECIPIENT_FIELDS if (address := address_in(values.get(name, "")))]
    return next((address for address in found if "@" in address), found[0] if found else "")


def _character(digits: str) -> str:
    code = int(digits, 16)
    return chr(code) if 0xA0 <= code <= 0x10FFFF and not 0xD800 <= code <= 0xDFFF else ""
