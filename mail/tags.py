"""Lists of `tag=value` pairs, as DKIM, ARC and DMARC write them (RFC 6376, 3.2)."""

import re

MAX_LIST = 16_384
"""Octets of the longest list that is read: a signature or a key of 4096 bits takes a tenth."""
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_FOLDING = re.compile(r"[ \t\r\n]+")


def tag_list(value: bytes) -> dict[str, str] | None:
    """The tags, values without white space around them; None for what is no such list or gives a tag twice."""
    if len(value) > MAX_LIST:
        return None
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError:
        return None
    tags: dict[str, str] = {}
    for piece in text.strip(" \t\r\n;").split(";"):
        name, equals, content = piece.partition("=")
        name = name.strip(" \t\r\n")
        if not equals or not _NAME.fullmatch(name) or name in tags:
            return None
        tags[name] = content.strip(" \t\r\n")
    return tags


def unfolded(value: str) -> str:
    """A tag's value without any white space: for base64, and for lists that may be folded."""
    return _FOLDING.sub("", value)
