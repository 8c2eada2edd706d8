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
_SPACE = re.compile(r'("(?:[^"\\]|\\.)*")|\s+')
_COMMENT = re.compile(r"\s*\([^()<>]{0,200}\)\s*")
_TOLD = re.compile(r"\s*(?:message from|your message)\b", re.I)


def message_id(values: Sequence[bytes]) -> str:
    """The message's own identifier with angle brackets, or "" when it has none that can be told apart."""
    found = _identifiers(values[:1])
    return found[0] if found else ""


def in_reply_to(values: Sequence[bytes]) -> str:
    """The first identifier that the message says it answers, or "".

    `Message from Aino <aino@posti.test> of "Mon" <1@posti.test>`, as MH and its kin write it, names the sender first.
    """
    found = _identifiers(values)
    if len(found) == 2 and len(values) == 1 and _TOLD.match(values[0].decode("latin-1")):
        return found[1]
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
        inside = [_joined(match) for match in _BRACKETED.findall(text)]
        if not inside and " " not in text and text:
            inside = [text.strip("<>")]
        elif not inside:
            inside = _BARE.findall(text)
        found.extend(f"<{identifier}>" for identifier in inside if identifier and len(identifier) <= MAX_LENGTH)
    return found


def _joined(identifier: str) -> str:
    """Without the blanks and comments that old syntax allows within it (RFC 5322, 4.5.4), but for quoted ones."""
    if " " not in identifier:
        return identifier
    return _SPACE.sub(lambda found: found[1] or "", _COMMENT.sub(" ", identifier))
