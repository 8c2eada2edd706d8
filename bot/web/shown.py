"""Text from outside, made safe and honest to look at: escaped, and what is meant to be unseen made visible.

Bidirectional controls can turn the reading order round (THREATS 47), zero-width signs hide words inside words, other
controls can do anything at all. Each is shown as its code point in a mark of its own, so that staff see what is there.
"""

import unicodedata
from urllib.parse import quote

from markupsafe import Markup, escape

_KEPT = frozenset("\n\t")
_JOINER = "\u200d"


def visible(text: str) -> Markup:
    """`text` escaped, with every unseen sign shown as a mark that names it."""
    parts: list[Markup] = []
    plain: list[str] = []
    before = ""
    for sign in text.replace("\r\n", "\n").replace("\r", "\n"):
        in_emoji = sign == _JOINER and before != "" and unicodedata.category(before) in {"So", "Sk", "Mn"}
        before = sign
        if is_unseen(sign) and not in_emoji:
            parts.append(escape("".join(plain)))
            parts.append(Markup('<span class="unseen" title="{0}">{0}</span>').format(f"U+{ord(sign):04X}"))
            plain = []
        else:
            plain.append(sign)
    parts.append(escape("".join(plain)))
    return Markup("").join(parts)


def one_line(text: str) -> Markup:
    """As `visible`, for a name or a subject: line ends and tabs become spaces."""
    return visible(" ".join(text.split()))


def is_unseen(sign: str) -> bool:
    """Whether a sign has no shape of its own: controls, formats (bidi, zero-width, tags), lone surrogates."""
    return sign not in _KEPT and unicodedata.category(sign) in {"Cc", "Cf", "Cs"}


def clean_field(text: str) -> str:
    """A form field as the house stores text: NFC, `\\n` line ends, no controls that a database refuses."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    kept = "".join(sign for sign in lines if sign in _KEPT or unicodedata.category(sign) not in {"Cc", "Cs"})
    return unicodedata.normalize("NFC", kept)


def content_disposition(name: str) -> str:
    """A `Content-Disposition` that always downloads, under a harmless name (RFC 6266, 4.3; RFC 8187, 3.2)."""
    base = name.replace("\\", "/").rsplit("/", 1)[-1]
    safe = "".join(sign for sign in base if not is_unseen(sign) and sign not in '\n\t"<>:|?*;').strip(". ")[:120]
    safe = safe or "file"
    plain = unicodedata.normalize("NFKD", safe).encode("ascii", "ignore").decode().strip(". ") or "file"
    plain = plain.replace("%", "_").replace("\\", "_")
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(safe, safe='')}"
