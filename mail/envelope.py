"""What a stored mail says of its envelope: the Return-Path that final delivery wrote on top (RFC 5321, 4.4)."""

import re

_FIELD = re.compile(rb"^return-path:[ \t]*(?:\r?\n[ \t]+)?<?([^\r\n<>]*)>?[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
_HEADER_LIMIT = 262_144


def return_path(content: bytes) -> str | None:
    """The first Return-Path, empty for the null one; None when the mail has none."""
    header = re.split(rb"\r?\n\r?\n", content[:_HEADER_LIMIT], maxsplit=1)[0]
    found = _FIELD.search(header)
    return None if found is None else found.group(1).decode("utf-8", "replace").strip()
