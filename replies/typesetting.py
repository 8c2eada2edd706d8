"""Setting a sheet: plain values in, one tagged PDF out (PDF/A-2a and PDF/UA-1), the same bytes for the same values.

A sheet is a file of the package (`templates/*.typ`); whatever a person wrote reaches it as JSON and stays a string
(THREATS 22). The compiler sees no system fonts, no network and no package registry; each process keeps its own.
"""

import json
import re
import unicodedata
from collections.abc import Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Literal

import typst

from replies.printing import one_line

_SHEETS = Path(__file__).parent / "templates"
_UNBROKEN = re.compile(r"\S{41,}")
_MARKS = r"\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"
_SIGN = re.compile(rf".[{_MARKS}]*", re.DOTALL)
"""A character and the marks that combine with it: one font must have them all."""
_ZERO_WIDTH_SPACE = "\u200b"
_REPLACEMENT = "\ufffd"
_BLOCKS = (range(0x20, 0x530), range(0x1E00, 0x2000), range(0x2010, 0x2600))
"""Latin, Greek, Cyrillic, punctuation and signs: what other scripts the embedded fonts have, they cannot join."""
_Standard = Literal["a-2a", "ua-1"]
CONFORMING: tuple[_Standard, ...] = ("a-2a", "ua-1")


class NotPrintable(Exception):
    """The sheet cannot be set. It says no more: the compiler's own words quote the text."""


def set_sheet(sheet: str, values: Mapping[str, Any], *, conforming: bool = True) -> bytes:
    """`templates/SHEET.typ` with `values` as `sys.inputs.SHEET`. Raises `NotPrintable`."""
    try:
        return _compile(sheet, json.dumps(values, ensure_ascii=False), CONFORMING if conforming else ())
    except typst.TypstError:
        raise NotPrintable(sheet) from None


def words(value: str) -> str:
    """`value` as paper shows it: one line, only signs that the fonts have, long words with places to break."""
    return _UNBROKEN.sub(lambda long: _ZERO_WIDTH_SPACE.join(_SIGN.findall(long[0])), printable(one_line(value)))


def printable(value: str) -> str:
    """`value` with U+FFFD for every sign that the embedded fonts lack."""
    if value.isascii():
        return value
    signs = _SIGN.findall(unicodedata.normalize("NFC", value))
    return "".join(sign if _has_glyph(sign) else _REPLACEMENT for sign in signs)


@lru_cache(maxsize=4096)
def _has_glyph(sign: str) -> bool:
    """Whether the embedded fonts can print `sign`, a letter with its marks: asked of the compiler, once for each."""
    if sign.isascii() or sign in "åäöÅÄÖéüÉÜ–—€§·…’”²³":
        return True
    if not all(any(ord(char) in block for block in _BLOCKS) for char in sign):
        return False
    try:
        _compile("glyph", sign, CONFORMING)
    except typst.TypstError:
        return False
    return True


@cache
def _compiler() -> typst.Compiler:
    return typst.Compiler(root=str(_SHEETS), ignore_system_fonts=True, font_paths=[])


def _compile(sheet: str, value: str, standards: tuple[_Standard, ...]) -> bytes:
    pdf = _compiler().compile(
        str(_SHEETS / f"{sheet}.typ"),
        format="pdf",
        sys_inputs={sheet: value},
        pdf_standards=list(standards),
        timestamp=0,
    )
    if not isinstance(pdf, bytes):
        raise TypeError("the compiler gave no single PDF")
    return pdf
