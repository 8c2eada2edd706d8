"""The text of an RTF body: what Outlook sends inside `winmail.dat` when it sends no other form.

It comes compressed (MS-OXRTFCP): runs copied from a window of 4096 octets that begins with the usual words of an RTF
head. Of the RTF itself (version 1.9.1) only what a person would read is taken: words, line ends, tabs; fonts, pictures
and hidden destinations are left aside. Both steps are linear, and the first is stopped at `MAX_RTF`.
"""

import codecs
import re
import struct

MAX_RTF = 2_000_000
"""Longest RTF, in octets, that is unpacked; the rest is left aside."""

_WINDOW = 4096
_HEAD = (
    rb"{\rtf1\ansi\mac\deff0\deftab720{\fonttbl;}{\f0\fnil \froman \fswiss \fmodern \fscript \fdecor MS Sans Serif"
    rb"SymbolArialTimes New RomanCourier{\colortbl\red0\green0\blue0"
    + b"\r\n"
    + rb"\par \pard\plain\f0\fs20\b\i\u\tab\tx"
)
_COMPRESSED, _STORED = b"LZFu", b"MELA"
_TOKEN = re.compile(rb"\\([a-z]{1,32})(-?\d{1,10})? ?|\\'([0-9A-F]{2})|\\([^a-z])|([{}])|[\r\n]+|([^\\{}\r\n]+)", re.I)
_BREAKS = {b"par": "\n", b"line": "\n", b"sect": "\n", b"page": "\n", b"row": "\n", b"tab": "\t", b"cell": "\t"}
_SIGNS = {b"emdash": "—", b"endash": "–", b"lquote": "‘", b"rquote": "’", b"ldblquote": "“", b"rdblquote": "”"}
_SIGNS |= {b"bullet": "•"}
_UNREAD = frozenset({b"fonttbl", b"colortbl", b"stylesheet", b"info", b"pict", b"object", b"header", b"footer"})
_UNREAD |= {b"themedata", b"datastore"}


def text_of(packed: bytes) -> str:
    """The readable text of a compressed RTF body; empty when it is none. Never raises."""
    return _read(_unpacked(packed))


def _unpacked(packed: bytes) -> bytes:
    if len(packed) < 16:
        return b""
    size, kind = struct.unpack_from("<I4s", packed, 4)
    if kind == _STORED:
        return packed[16 : 16 + min(size, MAX_RTF)]
    return _decompressed(packed) if kind == _COMPRESSED else b""


def _decompressed(packed: bytes) -> bytes:
    window = bytearray(_HEAD.ljust(_WINDOW, b"\0"))
    write, at, out = len(_HEAD), 16, bytearray()
    while at < len(packed) and len(out) < MAX_RTF:
        control = packed[at]
        at += 1
        for bit in range(8):
            if not control >> bit & 1:
                piece = packed[at : at + 1]
                at += 1
                if not piece:
                    return bytes(out)
                out += piece
                window[write] = piece[0]
                write = (write + 1) % _WINDOW
                continue
            if at + 2 > len(packed):
                return bytes(out)
            reference = packed[at] << 8 | packed[at + 1]
            at += 2
            read, length = reference >> 4, (reference & 0xF) + 2
            if read == write:
                return bytes(out)
            for _ in range(length):
                octet = window[read]
                out.append(octet)
                window[write] = octet
                read, write = (read + 1) % _WINDOW, (write + 1) % _WINDOW
    return bytes(out)


def _read(rtf: bytes) -> str:
    reader = _Reader()
    for match in _TOKEN.finditer(rtf):
        word, number, octet, sign, brace, text = match.groups()
        if brace:
            reader.brace(brace)
        elif word:
            reader.word(word.lower(), int(number) if number else None)
        elif octet:
            reader.octets(bytes([int(octet, 16)]))
        elif sign:
            reader.sign(sign)
        elif text:
            reader.octets(text)
    return reader.text()


class _Reader:
    """Walks through the groups of an RTF text, keeping what is for reading."""

    def __init__(self) -> None:
        self._out: list[str] = []
        self._raw = bytearray()
        self._codec = "cp1252"
        self._depth = 0
        self._unread_from = 0
        """Depth of the group that is being left out, or 0."""
        self._fallback = 1
        self._skip = 0

    def brace(self, brace: bytes) -> None:
        self._depth += 1 if brace == b"{" else -1
        if self._depth < self._unread_from:
            self._unread_from = 0

    def word(self, word: bytes, number: int | None) -> None:
        if word in _UNREAD:
            self._unread_from = self._unread_from or self._depth
        elif word == b"ansicpg" and number:
            self._codec = _codec(number) or self._codec
        elif word == b"uc" and number is not None:
            self._fallback = max(0, min(number, 8))
        elif word == b"u" and number is not None:
            self._put(chr(number % 0x10000))
            self._skip = self._fallback
        elif word in _BREAKS or word in _SIGNS:
            self._put(_BREAKS.get(word) or _SIGNS[word])

    def sign(self, sign: bytes) -> None:
        if sign == b"*":
            self._unread_from = self._unread_from or self._depth
        elif sign == b"~":
            self._put(" ")
        elif sign in b"\\{}":
            self.octets(sign)
        elif sign == b"_":
            self._put("-")

    def octets(self, data: bytes) -> None:
        kept = data[self._skip :]
        self._skip = max(0, self._skip - len(data))
        if not self._unread_from:
            self._raw += kept

    def text(self) -> str:
        self._put("")
        text = "".join(self._out)
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")

    def _put(self, text: str) -> None:
        if self._raw:
            self._out.append(self._raw.decode(self._codec, "replace"))
            self._raw.clear()
        if not self._unread_from:
            self._out.append(text)


def _codec(page: int) -> str:
    try:
        return codecs.lookup(f"cp{page}").name
    except LookupError:
        return ""
