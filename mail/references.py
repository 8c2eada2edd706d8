"""Message-IDs: what a message is called and which ones it answers (RFC 5322, 3.6.4).

Programs break these fields in many ways: no angle brackets, several identifiers in `In-Reply-To`, comments, folds
in the middle of an identifier, encoded words. An identifier is believed only in the form `<something@somewhere>` or,
when the whole field is one word, with the brackets added. The number is bounded; the newest are the last.
"""

import re
from collections.abc import Sequence

from mail.charsets import clean_line, decode
from mail.fields import decode_words

MAX_REFERENCES = 100
MAX_LENGTH = 998  # RFC 5322, 2.1.1

_BRACKETED = re.compile(r"<\s*([^<>]{1,1200}?)\s*>")
_BARE = re.compile(r"[^\s<>,;\"']+@[^\s<>,;\"']+")
_SPACE = re.compile(r"\s+")


def message_id(values: Sequence[bytes]) -> str:
    """The message's own identifier with angle brackets, or "" when it has none that can be told apart."""
    found = _identifiers(values[:1])
    return found[0] if found else ""


def in_reply_to(values: Sequence[bytes]) -> str:
    """The first identifier that the message says it answers, or ""."""
    found = _identifiers(values)
    return found[0] if found else ""


def references(values: Sequence[bytes]) -> tuple[str, ...]:
    """All identifiers of `References`, oldest first, each once; of too many the oldest one and the newest."""
    found = list(dict.fromkeys(_identifiers(values)))
    if len(found) > MAX_REFERENCES:
        found = [found[0], *found[-(MAX_REFERENCES - 1) :]]
    return tuple(found)


def _identifiers(values: Sequence[bytes]) -> list[str]:
    found: list[str] = []
    for value in values:
        text = clean_line(decode_words(decode(value)[0]))
        inside = [_SPACE.sub("", match) for match in _BRACKETED.findall(text)]
        if not inside and " " not in text and text:
            inside = [text.strip("<>")]
        elif not inside:
            inside = _BARE.findall(text)
        found.extend(f"<{identifier}>" for identifier in inside if identifier and len(identifier) <= MAX_LENGTH)
    return found
