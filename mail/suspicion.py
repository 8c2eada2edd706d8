"""Why the site's own filter takes a mail for spam: its junk folder, or a verdict written into the header.

Only verdicts count, each as its maker documents it: a flag, a "Yes", an action, a level of Exchange. Bare scores
(`X-Spam-Score`, `X-Spam-Level`, `X-Mimecast-Spam-Score`) say nothing without the site's own threshold, and mass mail
(BCL, `Precedence: bulk`) is no spam.

A sender's own filter may have marked his mail before it left, and a forwarder's too. So where the door names its own
hosts, a mark counts only where one of them can have put it: above or directly below the Received field of the border,
and, because filters that sit beside the MTA append what they write, below all other fields. There the lowest of each
name is the last writer's. When our own filter has spoken at the top, nothing else is asked. Where no host is named,
every mark counts: the worst that comes of it is a mail in quarantine, which staff see daily.
"""

import re
from collections.abc import Callable, Iterable
from functools import partial
from typing import Final

from mail.fields import Field, Header
from mail.hops import own_hops

JUNK_FOLDER = "JUNK_FOLDER"
SPAM_FLAG = "SPAM_FLAG"
SPAM_STATUS = "SPAM_STATUS"
SPAM_ACTION = "SPAM_ACTION"
SPAM_LEVEL = "SPAM_LEVEL"
SPAM_VERDICT = "SPAM_VERDICT"

LONGEST: Final = 2000
"""Octets of a field that are looked at; every verdict stands at its beginning."""
EXCHANGE_SPAM: Final = 5
"""Spam confidence level from which Exchange delivers to the junk folder by default."""

Judge = Callable[[str], bool | None]
"""True for spam, False for none, None for a field that does not say; the value is in lower case."""

_SCL = re.compile(r"(?:^|;)\s*scl:(-?\d+)\s*(?=;|$)")
_SFV = re.compile(r"(?:^|;)\s*sfv:(\w+)\s*(?=;|$)")
_SFV_SPAM: Final = frozenset({"spm", "sks", "skb", "blk"})
_RULE = re.compile(r"\brule=(?:inbound_)?(?:policy_)?(not)?(?:definite)?(?:spam|phish|malware)\b")
_STRUCTURE: Final = frozenset({"from", "to", "cc", "subject", "date", "message-id", "received"})
"""Fields of the sender and of the path: below the last of them stands what filters appended. Some servers write the
MIME fields anew, so these tell nothing.
"""
_BY_EXCHANGE: Final = "x-ms-exchange-organization-scl"
"""Exchange writes it anywhere, and takes it out of all that comes from or goes to others (its header firewall)."""


def suspected(header: Header, *, junk: bool, own_hosts: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Named reasons, each once, in a fixed order; empty for a mail that no filter objects to."""
    found = {JUNK_FOLDER} if junk else set()
    marks = _marks(header.fields)
    if any(map(_says, marks)):
        found |= _spam(_ours(header.fields, marks, own_hosts))
    return tuple(reason for reason in _ORDER if reason in found)


def _marks(fields: list[Field]) -> list[Field]:
    return [item for item in fields if item.name.startswith("x-") and _judge_of(item.name)]


def _ours(fields: list[Field], marks: list[Field], own_hosts: tuple[str, ...]) -> list[Field]:
    """Those marks that the site itself can have written; all, where nothing tells."""
    received = [at for at, item in enumerate(fields) if item.name == "received"]
    borders = own_hops([fields[at].value for at in received], own_hosts) if own_hosts else 0
    if not borders:
        return marks
    end = received[borders] if borders < len(received) else _first_structure(fields, received[borders - 1] + 1)
    own = [item for item in marks if item.name == _BY_EXCHANGE]
    at_top = _marks(fields[:end])
    if any(_says(item) is not None for item in at_top):
        return [*at_top, *own]
    last = max(at for at, item in enumerate(fields) if item.name in _STRUCTURE)
    appended = {item.name: item for item in _marks(fields[last + 1 :])}
    return [*appended.values(), *own]


def _first_structure(fields: list[Field], start: int) -> int:
    return next((at for at in range(start, len(fields)) if fields[at].name in _STRUCTURE), len(fields))


def _spam(marks: Iterable[Field]) -> set[str]:
    return {judged[0] for item in marks if (judged := _judge_of(item.name)) and _says(item)}


def _says(item: Field) -> bool | None:
    judged = _judge_of(item.name)
    value = " ".join(item.value[:LONGEST].decode("ascii", "replace").lower().split())
    return judged[1](value) if judged else None


def _judge_of(name: str) -> tuple[str, Judge] | None:
    plain = name.replace("_", "-") if "_" in name else name
    if plain in _JUDGES:
        return _JUDGES[plain]
    return (SPAM_STATUS, _first_word_spam) if plain.endswith("mailscanner-spamcheck") else None


def _one_of(spam: str, clean: str, value: str) -> bool | None:
    """By the first word of the value, which is how nearly all of them begin."""
    match = re.match(r"[a-z]+|\d+", value)
    word = match[0] if match else ""
    return True if word in spam.split() else False if word in clean.split() else None


_yes = partial(_one_of, "yes true", "no false")
_first_word_spam = partial(_one_of, "spam yes", "ham not no clean innocent whitelisted unsure good")


def _spamd_result(value: str) -> bool | None:
    """`default: True [17.40 / 15.00]; ...` (rspamd)."""
    match = re.match(r"\w+: (true|false)\b", value)
    return match[1] == "true" if match else None


def _action(value: str) -> bool | None:
    """Rspamd's actions; greylisting and a soft reject only delay."""
    if value in {"reject", "add header", "rewrite subject", "quarantine", "discard"}:
        return True
    return False if value else None


def _level(value: str) -> bool | None:
    match = re.match(r"-?\d+", value)
    return int(match[0]) >= EXCHANGE_SPAM if match and len(match[0]) < 5 else None


def _forefront(value: str) -> bool | None:
    """Microsoft's report: the filter's verdict (SFV), else the confidence level (SCL)."""
    verdict, level = _SFV.search(value), _SCL.search(value)
    if verdict and verdict[1] in _SFV_SPAM:
        return True
    if level:
        return _level(level[1])
    return False if verdict else None


def _proofpoint(value: str) -> bool | None:
    match = _RULE.search(value)
    return not match[1] if match else None


def _tagged(value: str) -> bool | None:
    """`SPAM`, `spam:high`, `phishing` against `OK`, `HAM`, `clean` (Vade, as several European hosters use it)."""
    return _one_of("spam phishing phish scam virus malware", "ok ham clean legit commercial", value)


_JUDGES: Final[dict[str, tuple[str, Judge]]] = {
    "x-spam-flag": (SPAM_FLAG, _yes),
    "x-spam": (SPAM_FLAG, partial(_one_of, "yes true spam", "no false ham not")),
    "x-barracuda-spam-flag": (SPAM_FLAG, _yes),
    "x-spam-status": (SPAM_STATUS, _yes),
    "x-barracuda-spam-status": (SPAM_STATUS, _yes),
    "x-rspamd-action": (SPAM_ACTION, _action),
    "x-spamd-result": (SPAM_STATUS, _spamd_result),
    "x-ms-exchange-organization-scl": (SPAM_LEVEL, _level),
    "x-forefront-antispam-report": (SPAM_LEVEL, _forefront),
    "x-proofpoint-spam-details": (SPAM_VERDICT, _proofpoint),
    "x-vr-spamstate": (SPAM_VERDICT, _tagged),
    "x-ovh-spamstate": (SPAM_VERDICT, _tagged),
    "x-vade-spamstate": (SPAM_VERDICT, _tagged),
    "x-yandex-spam": (SPAM_VERDICT, partial(_one_of, "4", "1 2 3")),
    "x-tm-as-result": (SPAM_VERDICT, _yes),
    "x-spamreason": (SPAM_VERDICT, _yes),
    "x-bogosity": (SPAM_VERDICT, _first_word_spam),
    "x-dspam-result": (SPAM_VERDICT, _first_word_spam),
    "x-crm114-status": (SPAM_VERDICT, _first_word_spam),
    "x-spamprobe": (SPAM_VERDICT, _first_word_spam),
    "x-spambayes-classification": (SPAM_VERDICT, _first_word_spam),
    "x-text-classification": (SPAM_VERDICT, _first_word_spam),
    "x-klms-antispam-status": (SPAM_VERDICT, _first_word_spam),
    "x-ksmg-antispam-status": (SPAM_VERDICT, _first_word_spam),
    "x-ui-filterresults": (SPAM_VERDICT, partial(_one_of, "junk", "notjunk")),
}
"""What each maker's field says, by name in lower case."""
_ORDER: Final = (JUNK_FOLDER, SPAM_FLAG, SPAM_STATUS, SPAM_ACTION, SPAM_LEVEL, SPAM_VERDICT)
