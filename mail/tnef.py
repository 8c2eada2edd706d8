"""Outlook's `winmail.dat`: a mail packed into one attachment that no other mail program opens (MS-OXTNEF).

A stream of attributes, each with a level, a number and a length; attributes of an attachment follow the one that
begins it, and newer Outlooks put names and contents into lists of MAPI properties within an attribute (MS-OXTNEF,
2.1.3; MS-OXPROPS for the numbers). Everything is sliced, nothing is unpacked, and every length is held against what is
there, so no stream makes more of itself than its own size. What is torn off in the middle yields what stands before.
"""

import codecs
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

MAX_DEPTH = 5
"""How deep messages within messages are opened; a deeper one stays a file."""
MAX_ATTRIBUTES = 20_000

_SIGNATURE = b"\x78\x9f\x3e\x22"
_BODY, _DATA, _TITLE, _BEGINS = 0x800C, 0x800F, 0x8010, 0x9002
_MESSAGE_PROPERTIES, _ATTACHMENT_PROPERTIES, _CODE_PAGE = 0x9003, 0x9005, 0x9007

_PLAIN_BODY, _RTF_BODY, _HTML_BODY = 0x1000, 0x1009, 0x1013
_CONTENT, _SHORT_NAME, _LONG_NAME, _DISPLAY_NAME, _MEDIA_TYPE = 0x3701, 0x3704, 0x3707, 0x3001, 0x370E
_INTERNET_CODE_PAGE = 0x3FDE

_OBJECT, _BYTE_STRING, _WIDE_STRING, _BINARY = 0x000D, 0x001E, 0x001F, 0x0102
_VARIABLE = frozenset({_OBJECT, _BYTE_STRING, _WIDE_STRING, _BINARY})
_SIZES = {1: 4, 2: 4, 3: 4, 4: 4, 5: 8, 6: 8, 7: 8, 0xA: 4, 0xB: 4, 0x14: 8, 0x40: 8, 0x48: 16}
_INTERFACE = 16  # an embedded object begins with the identifier of the interface that made it


@dataclass(slots=True)
class File:
    """One attachment inside. `name` is as the sender saw it, or empty; `media_type` too."""

    name: str = ""
    media_type: str = ""
    data: bytes = b""
    message: "Contents | None" = None
    """What an attached Outlook message holds in its turn."""


@dataclass(slots=True)
class Contents:
    """What a `winmail.dat` holds: the text of the mail in up to three forms, and its attachments in order."""

    text: str = ""
    html: bytes = b""
    rtf: bytes = b""
    """Compressed (MS-OXRTFCP)."""
    charset: str = ""
    """What `html` is written in, as the stream says; empty when it does not."""
    files: list[File] = field(default_factory=list)


def contents(stream: bytes, depth: int = 0) -> Contents | None:
    """What the stream holds, or None when it is no TNEF at all. Never raises."""
    if not stream.startswith(_SIGNATURE):
        return None
    found, codec = Contents(), "cp1252"
    for number, data in _attributes(stream):
        if number == _CODE_PAGE and len(data) >= 4:
            codec = _codec(struct.unpack_from("<I", data)[0]) or codec
        elif number == _BODY:
            found.text = found.text or _string(data, codec)
        elif number == _MESSAGE_PROPERTIES:
            _message(found, data, codec)
        elif number == _BEGINS:
            found.files.append(File())
        elif found.files:
            _attachment(found.files[-1], number, data, codec, depth)
    found.files = [file for file in found.files if file.data or file.name]
    return found


def _attributes(stream: bytes) -> Iterator[tuple[int, bytes]]:
    at = 6
    for _ in range(MAX_ATTRIBUTES):
        if at + 9 > len(stream):
            return
        level, number, _, length = struct.unpack_from("<BHHI", stream, at)
        if level not in {1, 2}:
            return
        yield number, stream[at + 9 : at + 9 + length]
        at += 9 + length + 2  # a checksum follows, which nobody writes wrong but on purpose


def _message(found: Contents, data: bytes, codec: str) -> None:
    for number, kind, value in _properties(data):
        if number == _PLAIN_BODY:
            found.text = _value(kind, value, codec) or found.text
        elif number == _HTML_BODY:
            found.html = _value(kind, value, codec).encode() if kind == _WIDE_STRING else value
            found.charset = "utf-8" if kind == _WIDE_STRING else found.charset
        elif number == _RTF_BODY:
            found.rtf = value
        elif number == _INTERNET_CODE_PAGE and len(value) >= 4 and not found.charset:
            found.charset = _codec(struct.unpack_from("<I", value)[0])


def _attachment(file: File, number: int, data: bytes, codec: str, depth: int) -> None:
    if number == _TITLE:
        file.name = file.name or _string(data, codec)
    elif number == _DATA:
        file.data = data
    elif number == _ATTACHMENT_PROPERTIES:
        names: dict[int, str] = {}
        for prop, kind, value in _properties(data):
            if prop in {_LONG_NAME, _SHORT_NAME, _DISPLAY_NAME}:
                names[prop] = _value(kind, value, codec)
            elif prop == _MEDIA_TYPE:
                file.media_type = _value(kind, value, codec).lower()
            elif prop == _CONTENT and value:
                _content(file, kind, value, depth)
        name = names.get(_LONG_NAME) or file.name or names.get(_SHORT_NAME) or names.get(_DISPLAY_NAME)
        file.name = name or ""


def _content(file: File, kind: int, value: bytes, depth: int) -> None:
    inside = value[_INTERFACE:]
    if kind == _OBJECT and inside.startswith(_SIGNATURE):
        file.data, file.media_type = inside, "application/ms-tnef"
        file.message = contents(inside, depth + 1) if depth < MAX_DEPTH else None
    else:
        file.data = inside if kind == _OBJECT else value


def _properties(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Number, type and first value of each property; stops where the list is torn."""
    if len(data) < 4:
        return
    at = 4
    for _ in range(min(struct.unpack_from("<I", data)[0], MAX_ATTRIBUTES)):
        if at + 4 > len(data):
            return
        kind, number = struct.unpack_from("<HH", data, at)
        at = _past_name(data, at + 4) if number >= 0x8000 else at + 4
        if at < 0:
            return
        several, kind = kind & 0x1000, kind & 0x0FFF
        count = 1
        if several or kind in _VARIABLE:
            if at + 4 > len(data):
                return
            count = struct.unpack_from("<I", data, at)[0]
            at += 4
        first: bytes | None = None
        for _ in range(min(count, MAX_ATTRIBUTES)):
            size = _SIZES.get(kind, -1)
            if kind in _VARIABLE:
                if at + 4 > len(data):
                    return
                size = struct.unpack_from("<I", data, at)[0]
                at += 4
            if size < 0 or at > len(data):
                return
            first = data[at : at + size] if first is None else first
            at += _padded(size)
        yield number, kind, first or b""


def _past_name(data: bytes, at: int) -> int:
    """Where a named property's value begins: after a GUID, the sort of name, and a number or a string."""
    if at + 24 > len(data):
        return -1
    sort, size = struct.unpack_from("<II", data, at + 16)
    return at + 24 + (_padded(size) if sort == 1 else 0)


def _padded(size: int) -> int:
    return (size + 3) // 4 * 4


def _value(kind: int, value: bytes, codec: str) -> str:
    if kind == _WIDE_STRING:
        return value.decode("utf-16-le", "replace").rstrip("\0")
    return _string(value, codec)


def _string(data: bytes, codec: str) -> str:
    return data.rstrip(b"\0").decode(codec, "replace")


def _codec(page: int) -> str:
    """Python's name of a Windows code page, or ""."""
    name = {65001: "utf-8", 20127: "ascii", 28591: "cp1252", 28605: "iso8859-15", 20866: "koi8-r", 50220: "iso2022_jp"}
    try:
        return codecs.lookup(name.get(page, f"cp{page}")).name
    except LookupError:
        return ""
