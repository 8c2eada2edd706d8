"""In which encoding a text file is written, and by which signs its columns are parted: told by looking, and said aloud.

A file that is UTF-8 throughout is UTF-8: other encodings do not happen to be so. What is not is one octet a letter, and
is Windows-1252 when it holds an octet that ISO-8859-1 keeps for control signs.
"""

import codecs
import csv
import io
from dataclasses import dataclass
from pathlib import Path

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig", "UTF-8 with a byte order mark"),
    (codecs.BOM_UTF16_LE, "utf-16", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16", "UTF-16"),
)
_LABELS = {"utf-8": "UTF-8", "utf-16-le": "UTF-16", "utf-16-be": "UTF-16", "cp1252": "Windows-1252"}
_CONTROL = bytes(range(0x80, 0xA0))
_UNDEFINED = b"\x81\x8d\x8f\x90\x9d"
"""Octets that Windows-1252 does not use."""
_CHUNK = 1 << 20
_SEEN = 1 << 16
"""Signs of a file that are looked at to tell its separator."""
SEPARATORS = {";": "semicolon", ",": "comma", "\t": "tab", "|": "bar"}


@dataclass(frozen=True, slots=True)
class Encoding:
    """A codec of Python and the name that people know it by."""

    codec: str
    label: str


@dataclass(frozen=True, slots=True)
class Dialect:
    """How the columns of a file are parted and quoted."""

    separator: str
    quote: str


def detect_encoding(path: Path) -> Encoding:
    """The encoding of a whole file, read once; one in which every octet of it can be read."""
    with path.open("rb") as file:
        head = file.read(4)
        for mark, codec, label in _MARKS:
            if head.startswith(mark):
                return Encoding(codec, label)
        if head[1:2] == b"\0" or head[:1] == b"\0":
            codec = "utf-16-le" if head[1:2] == b"\0" else "utf-16-be"
            return Encoding(codec, _LABELS[codec])
        file.seek(0)
        decoder = codecs.getincrementaldecoder("utf-8")()
        is_utf8, holds_controls, holds_undefined = True, False, False
        while chunk := file.read(_CHUNK):
            if is_utf8:
                try:
                    decoder.decode(chunk)
                except UnicodeDecodeError:
                    is_utf8 = False
                    file.seek(0)
                continue
            holds_controls = holds_controls or len(chunk.translate(None, _CONTROL)) != len(chunk)
            holds_undefined = holds_undefined or len(chunk.translate(None, _UNDEFINED)) != len(chunk)
    if is_utf8 and not decoder.getstate()[0]:
        return Encoding("utf-8", "UTF-8")
    if holds_controls and not holds_undefined:
        return Encoding("cp1252", "Windows-1252")
    return Encoding("iso-8859-1", "ISO-8859-1")


def named_encoding(name: str) -> Encoding:
    """An encoding by a name that a mapping gives. Raises `LookupError` when there is no such one."""
    codec = codecs.lookup(name).name
    return Encoding(codec, _LABELS.get(codec, name))


def detect_dialect(path: Path, encoding: Encoding) -> Dialect:
    """The separator that parts all of the first lines into the same number of columns, the most of them."""
    with path.open(encoding=encoding.codec, newline="") as file:
        text = file.read(_SEEN)
    quote = '"' if text.count('"') >= text.count("'") or "'" not in _around_separators(text) else "'"
    scores = {sign: _columns(text, sign, quote) for sign in SEPARATORS}
    best = max(scores, key=lambda sign: scores[sign])
    return Dialect(best if scores[best] > (0, 1) else ";", quote)


def _around_separators(text: str) -> set[str]:
    first = text.partition("\n")[0].strip()
    return {first[:1], first[-1:]}


def _columns(text: str, separator: str, quote: str) -> tuple[int, int]:
    """How alike the rows are in length (2 when all are, 0 when none), and how many columns they have."""
    try:
        rows = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator, quotechar=quote) if row]
    except csv.Error:
        return 0, 1
    if len(text) == _SEEN:
        rows = rows[:-1]
    if not rows:
        return 0, 1
    header = len(rows[0])
    alike = sum(len(row) == header for row in rows) / len(rows)
    return (0 if header == 1 else 2 if alike == 1 else 1 if alike > 0.8 else 0), header
