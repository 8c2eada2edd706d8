"""Which mails an automatic one returns or answers, by their Message-IDs.

A relay may refuse the envelope address that we signed for each mail; then its bounces are matched by what they quote of
the mail. Whatever is found is a claim of whoever wrote the bounce: it only points at a mail, and changes nothing.
"""

import re
from collections.abc import Iterator

from mail.bounces import returned_headers
from mail.facts import Facts
from mail.references import references

MOST = 20
"""At most so many identifiers are named."""

_ID_LINE = re.compile(
    r"^[\s>|*]{0,20}(?:x-)?(?:original-)?message-?id(?: ?\(.{0,40}\))?\s{0,5}[:=][ \t]{0,20}\n?"
    r"[\s>|]{0,20}(<[^<>\s]{1,500}@[^<>\s]{1,500}>)",
    re.I | re.M,
)
_REPORT_FIELD = re.compile(
    rb"^[ \t]{0,8}(?:x-)?original-message-id[ \t]{0,8}:[ \t\r\n]{0,20}(<[^<>\s]{1,500}>)", re.I | re.M
)
_FOLD = re.compile(r"\n[ \t]+(?=<)")
_LONGEST = 200_000


def message_ids(facts: Facts) -> tuple[str, ...]:
    """The identifiers with angle brackets, each once: the returned mail's own first, then what it is an answer to."""
    return tuple(dict.fromkeys(_found(facts)))[:MOST]


def _found(facts: Facts) -> Iterator[str]:
    for header in returned_headers(facts):
        yield from references(header.all("message-id")[:1])
    for part in facts.parts:
        if part.media_type.startswith("message/") and not part.children:
            for value in _REPORT_FIELD.findall(part.body[:_LONGEST]):
                yield from references([value])
    yield from _ID_LINE.findall(_FOLD.sub(" ", facts.text[:_LONGEST]))
    header = facts.header
    for name in ("x-original-message-id", "original-message-id", "in-reply-to"):
        yield from references(header.all(name))
    yield from reversed(references(header.all("references")))
