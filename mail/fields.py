"""Header fields: from the bytes of a header block to names and values, and from values to what a person reads.

Three layers, kept apart on purpose. `split_header` cuts the block into raw fields and decodes nothing. `readable`
decodes encoded words (RFC 2047) and raw 8-bit text for display; its answer is never parsed again, or a name could
smuggle an address in. `parameters` reads `Content-Type` and `Content-Disposition` (RFC 2045, 2231) with the mistakes
that programs make there.
"""

import binascii
import re
from collections.abc import Iterator
from typing import NamedTuple

from mail import charsets

MAX_FIELDS = 2000
MAX_VALUE = 64 * 1024
"""Longest value in octets that is looked at; the rest of a longer one is left aside."""

_BLANKS = b" \t\r\n"
"""What may stand around a value and is no part of it; any other control character is."""
_LINE = re.compile(rb"([^\r\n]*)(\r\n|\r|\n|\Z)")
_NAME = re.compile(rb"([!-9;-~]+)[ \t]*:")
_CONTINUED = re.compile(rb"[ \t]+[^\s][^\r\n]*(?:\r\n|\r|\n)(?=[!-9;-~]{1,60}:)")
_ENCODED = re.compile(r"=\?([\w.*:+-]{1,60})\?([bBqQ])\?(.{0,3000}?)\?=")
_SLASH = re.compile(r"[ \t]{0,9}/[ \t]{0,9}")
_HEX = re.compile(rb"=([0-9A-Fa-f]{2})")
_BASE64_JUNK = re.compile(rb"[^A-Za-z0-9+/]")


_NAMES = frozenset({"name", "filename"})
"""Parameters in which programs write parentheses without quotation marks; in others they are comments."""
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class Field(NamedTuple):
    """One header field: name in lower case, value unfolded but otherwise as it came."""

    name: str
    value: bytes


class Header:
    """The fields of one header block, in their order."""

    __slots__ = ("charset", "fields")

    def __init__(self, fields: list[Field]) -> None:
        self.fields = fields
        self.charset = ""
        """The charset of the mail's text: what raw 8-bit text in the fields is most likely written in, too."""

    def all(self, name: str) -> list[bytes]:
        """Every value of the field `name` (lower case), top to bottom."""
        return [field.value for field in self.fields if field.name == name]

    def first(self, name: str) -> bytes:
        """The topmost value of the field, or nothing."""
        return next((field.value for field in self.fields if field.name == name), b"")

    def text(self, name: str) -> str:
        """The topmost value, decoded for reading."""
        return readable(self.first(name), self.charset)

    def has(self, name: str) -> bool:
        """Whether the field is there at all, even if empty."""
        return any(field.name == name for field in self.fields)


def split_header(content: bytes, start: int = 0, end: int | None = None) -> tuple[Header, int]:
    """The header block of `content[start:end]` and the offset in `content` at which the body begins.

    Leading empty lines and a mailbox separator (`From someone ...`) are passed over. The block ends at an empty line
    or, as the relays have it, before the first line that cannot belong to a header: a From field below such a line is
    one that they did not see.
    """
    limit = len(content) if end is None else end
    at = _skip_leading(content, start, limit)
    fields: list[Field] = []
    name, lines, size = "", [b""], 0
    for line, first, last in _lines(content, at, limit):
        if not line:
            at = last
            break
        if line[:1] in b" \t" and name:
            if size < MAX_VALUE:
                lines.append(line)
                size += len(line)
        elif (match := _NAME.match(line)) and len(fields) < MAX_FIELDS:
            if name:
                fields.append(Field(name, b"".join(lines)[:MAX_VALUE].strip(_BLANKS)))
            name = match[1].decode("ascii").lower()
            lines, size = [line[match.end() :]], len(line)
        elif not line.startswith((b">From ", b"From ")) and line.strip():
            at = first
            break
        at = last
    if name:
        fields.append(Field(name, b"".join(lines)[:MAX_VALUE].strip(_BLANKS)))
    return Header(fields), at


def readable(value: bytes, charset: str = "") -> str:
    """A value as a person reads it: one line, encoded words and raw 8-bit text decoded, no control characters."""
    declared = "" if value.isascii() else charset
    return charsets.clean_line(decode_words(charsets.decode(value, declared)[0]))


def decode_words(text: str) -> str:
    """`text` with its encoded words decoded (RFC 2047, 6.2: white space between two of them is not shown).

    Neighbours in one charset are put together before decoding, for many programs cut a character in two.
    """
    if "=?" not in text:
        return text
    out: list[str] = []
    pending, charset, last = b"", "", 0
    for match in _ENCODED.finditer(text):
        between = text[last : match.start()]
        this_charset = match[1].lower()
        if between.strip() or (between and not (pending or charset)) or (pending and this_charset != charset):
            out.append(charsets.decode(pending, charset)[0])
            pending = b""
            if between.strip() or not charset:
                out.append(between)
        pending += _word_bytes(match[2], match[3])
        charset, last = this_charset, match.end()
    out.append(charsets.decode(pending, charset)[0])
    out.append(text[last:])
    return "".join(out)


def parameters(value: bytes) -> tuple[str, dict[str, str]]:
    """The main value in lower case and the parameters of a `Content-Type` or `Content-Disposition` value, decoded."""
    pieces = list(_pieces(charsets.decode(value)[0]))
    main, *loose = _SLASH.sub("/", pieces[0]).strip().lower().split(None, 1) or [""]
    if "=" in main:  # `filename=a.pdf`, without the word before it
        main, pieces = "", ["", *pieces]
    elif loose and "=" in loose[0]:  # `text/html charset=utf-8`, without the semicolon
        pieces.insert(1, pieces[0].strip().split(None, 1)[1])
    plain: dict[str, str] = {}
    split: dict[str, list[tuple[int, bool, str]]] = {}
    for piece in pieces[1:]:
        name, equals, raw = piece.partition("=")
        name = name.strip().lower()
        if not equals or not name:
            continue
        base, star, number = name.partition("*")
        if star:
            index = number.rstrip("*")
            order = int(index) if index.isascii() and index.isdigit() and len(index) < 5 else 0
            split.setdefault(base, []).append((order, number.endswith("*") or not number, _unquoted(raw)))
        else:
            meant = raw if name in _NAMES else _without_comment(raw.rstrip())
            plain.setdefault(name, charsets.clean_line(decode_words(_unquoted(meant))))
    for base, sections in split.items():
        plain[base] = charsets.clean_line(_continued(sections)) or plain.get(base, "")
    return main, plain


def _skip_leading(content: bytes, start: int, end: int) -> int:
    if content.startswith(_BYTE_ORDER_MARK, start):
        start += len(_BYTE_ORDER_MARK)
    if first := _CONTINUED.match(content, start, end):  # a continuation of nothing is passed over
        return first.end()
    at = re.compile(rb"(?:[ \t]*(?:\r\n|\r|\n))*").match(content, start, end).end()  # type: ignore[union-attr]  # matches always
    if at == start:
        return at
    line = _LINE.match(content, at, end)
    return at if line and (_NAME.match(line[1]) or line[1].startswith(b"From ")) else start


def _lines(content: bytes, at: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Each line with the offsets of its first octet and of the next line's, whatever ends it."""
    stop = -1
    while at < end:
        if stop < at:  # sought once for each LF, or a header of bare CRs would be read over and over
            stop = content.find(b"\n", at, end)
            stop = end if stop < 0 else stop
        bare = content.find(b"\r", at, stop)
        doubled = bare == stop - 2 and stop < end and content[stop - 1 : stop] == b"\r"  # CR CR LF is one line end
        if not doubled and (0 <= bare < stop - 1 or (bare == stop - 1 and stop == end)):  # a CR without LF is one, too
            yield content[at:bare], at, bare + 1
            at = bare + 1
            continue
        yield content[at : stop if bare < 0 else bare], at, min(stop + 1, end)
        at = stop + 1


def _word_bytes(encoding: str, text: str) -> bytes:
    data = text.encode("utf-8", "replace")
    if encoding in "qQ":
        return _HEX.sub(lambda found: bytes([int(found[1], 16)]), data.replace(b"_", b" "))
    data = _BASE64_JUNK.sub(b"", data)
    data = data[:-1] if len(data) % 4 == 1 else data
    return binascii.a2b_base64(data + b"=" * (-len(data) % 4))


def _pieces(text: str) -> Iterator[str]:
    """Cut at semicolons that stand outside quotation marks."""
    start, quoted, escaped = 0, False, False
    for at, char in enumerate(text):
        if escaped:
            escaped = False
        elif char == "\\" and quoted:
            escaped = True
        elif char == '"':
            quoted = not quoted
        elif char == ";" and not quoted:
            yield text[start:at]
            start = at + 1
    rest = text[start:]
    if quoted and ";" in rest:  # a quotation that never ends holds no more than its first piece
        yield from rest.split(";")
    else:
        yield rest


def _without_comment(raw: str) -> str:
    """RFC 2045, 5.1: `us-ascii (Plain text)` is a value and a comment."""
    value, opened, _ = raw.rpartition("(") if raw.endswith(")") else ("", "", "")
    return value if opened and value.endswith((" ", "\t")) else raw


def _unquoted(raw: str) -> str:
    text = raw.strip()
    if not text.startswith('"'):
        return text[1:-1] if len(text) > 2 and text[0] == text[-1] == "'" else text
    end = len(text)
    match = re.match(r'"((?:[^"\\]|\\.)*)"', text, re.DOTALL)
    inner = match[1] if match else text[1:end]
    # Programs on Windows write paths unescaped, so a backslash counts only before what needs one.
    return re.sub(r'\\(["\\])', r"\1", inner)


def _continued(sections: list[tuple[int, bool, str]]) -> str:
    """RFC 2231, 3 and 4: numbered sections, some percent-encoded, the first naming the charset."""
    sections.sort(key=lambda section: section[0])
    charset, data = "", b""
    for number, (_, encoded, text) in enumerate(sections):
        value = text
        if encoded and number == 0 and value.count("'") >= 2:
            charset, _, value = value.split("'", 2)
        raw = value.encode("utf-8", "replace")
        data += re.sub(rb"%([0-9A-Fa-f]{2})", lambda found: bytes([int(found[1], 16)]), raw) if encoded else raw
    return decode_words(charsets.decode(data, charset)[0])
