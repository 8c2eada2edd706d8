"""A reply on paper: plain text and an address block in, one tagged PDF out (PDF/A-2a and PDF/UA-1).

The lay-out is `templates/letter.typ`, a file of the package; whatever a person wrote reaches it as JSON and stays a
string (THREATS 22). The compiler sees no system fonts, no network and no package registry. `render_letter` may run in a
worker process: it takes and gives plain values, and each process keeps its own compiler.

The text's convention is that of `replies.render.Words`: a line underlined with hyphens is a heading, `- ` begins an
item, two spaces begin a `label: value` line, four continue it; a line right above such lines is their title.
"""

import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from functools import cache, lru_cache
from itertools import groupby
from pathlib import Path
from typing import Any

import typst

from replies.notice import Notice, ReplyLanguage
from replies.printing import one_line, print_date

_SHEET = Path(__file__).parent / "templates" / "letter.typ"
_PAGE_WORD: dict[ReplyLanguage, str] = {"fi": "sivu", "sv": "sida", "en": "page"}
_UNBROKEN = re.compile(r"\S{41,}")
_MARKS = r"\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"
_SIGN = re.compile(rf".[{_MARKS}]*", re.DOTALL)
"""A character and the marks that combine with it: one font must have them all."""
_ZERO_WIDTH_SPACE = "\u200b"
_REPLACEMENT = "\ufffd"


class LetterError(Exception):
    """The letter cannot be made; the text names why and holds no personal data."""


def sender_lines(notice: Notice) -> tuple[str, ...]:
    """The controller's own lines at the head of a letter."""
    controller = notice.controller
    return (
        controller.name,
        controller.street,
        f"{controller.postal_code} {controller.city}",
        notice.contact_person.email,
        notice.contact_person.phone,
    )


def render_letter(
    *,
    address_lines: Sequence[str],
    sender: Sequence[str],
    subject: str,
    text: str,
    reference: str,
    on: date,
    language: ReplyLanguage,
) -> bytes:
    """The letter as PDF. `address_lines` is the address block, name first, as the register has it (INV-1, THREATS 36).

    `sender` is the controller's lines, name first; `on` the local date printed. Equal input gives equal bytes.
    Raises `LetterError` when the address has no line, more than seven, or a sign that cannot be printed: an envelope
    with a doubtful address must be a person's matter. In the text such a sign becomes U+FFFD.
    """
    address = [line for line in map(one_line, address_lines) if line]
    if not 1 <= len(address) <= 7:
        raise LetterError(f"ADDRESS_LINES: the address block has {len(address)} lines, not 1 to 7")
    if any(_printable(line) != line for line in address):
        raise LetterError("ADDRESS_UNPRINTABLE: the address holds a sign that the letter's font lacks")
    letter = {
        "language": language,
        "subject": _words(subject) or _words(reference),  # PDF/UA-1, 7.1: a document has a title
        "sender": [_words(line) for line in sender],
        "sender_footer": ", ".join(_words(line) for line in sender[:3]),
        "address": address,
        "reference": _words(reference),
        "date": {"year": on.year, "month": on.month, "day": on.day},
        "date_word": print_date(on, language),
        "page_word": _PAGE_WORD[language],
        "parts": list(_titled(_parts(text))),
    }
    try:
        return _compile(_SHEET, "letter", json.dumps(letter, ensure_ascii=False))
    except typst.TypstError:
        # The compiler's own words quote the text, so they go no further.
        raise LetterError("NOT_PRINTABLE: the letter's text cannot be set as a conforming PDF") from None


def _parts(text: str) -> Iterator[dict[str, Any]]:
    """The text's blocks in order: headings, lists, tables of fields, paragraphs."""
    rows = [(_sort_of(line), line) for line in _with_headings(text)]
    for sort, run in groupby(rows, key=lambda row: row[0]):
        lines = [line for _, line in run]
        match sort:
            case "blank":
                yield {"kind": "blank"}
            case "heading":
                yield from (_heading(line) for line in lines)
            case "list":
                yield {"kind": "list", "items": [_words(line[2:]) for line in lines]}
            case "fields":
                yield {"kind": "fields", "title": "", "rows": _rows(lines)}
            case "lines":
                yield {"kind": "paragraph", "lines": [_words(line) for line in lines]}


def _titled(parts: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """A line right above a table becomes the table's title, so that no page ends between the two."""
    held: dict[str, Any] | None = None
    for part in parts:
        if part["kind"] == "fields" and held:
            *before, title = held["lines"]
            if before:
                yield {"kind": "paragraph", "lines": before}
            yield part | {"title": title}
            held = None
            continue
        if held:
            yield held
        held = part if part["kind"] == "paragraph" else None
        if not held and part["kind"] != "blank":
            yield part
    if held:
        yield held


_UNDERLINE = re.compile(r"-{3,}")
_MARK = "\0"


def _with_headings(text: str) -> list[str]:
    """The lines, with an underlined one marked as a heading and its underline gone."""
    lines = text.replace(_MARK, "").split("\n")
    kept: list[str] = []
    for line in lines:
        is_underline = (
            _UNDERLINE.fullmatch(line) and kept and kept[-1].strip() and not kept[-1].startswith(("  ", "- "))
        )
        if is_underline:
            kept[-1] = _MARK + kept[-1].lstrip(_MARK)
        else:
            kept.append(line)
    return kept


def _sort_of(line: str) -> str:
    if line.startswith(_MARK):
        return "heading"
    if not line.strip():
        return "blank"
    if line.startswith("- "):
        return "list"
    return "fields" if line.startswith("  ") else "lines"


def _heading(line: str) -> dict[str, Any]:
    """Numbered headings are sections, the others stand below them."""
    words = line[len(_MARK) :]
    return {"kind": "heading", "level": 2 if re.match(r"\d+\. ", words) else 3, "text": _words(words)}


def _rows(lines: list[str]) -> list[list[str]]:
    """`  Label: value` as two cells; a line of four spaces goes on in the right cell below."""
    rows: list[list[str]] = []
    for line in lines:
        if line.startswith("    "):
            words = _words(line)
            if rows and not rows[-1][1]:
                rows[-1][1] = words
            else:
                rows.append(["", words])
        else:
            label, _, value = line.strip().partition(": ")
            rows.append([_words(f"{label.removesuffix(':')}:"), _words(value)])
    return rows


def _words(value: str) -> str:
    """`value` as the letter prints it: one line, only signs that the fonts have, long words with places to break."""
    return _UNBROKEN.sub(lambda long: _ZERO_WIDTH_SPACE.join(_SIGN.findall(long[0])), _printable(one_line(value)))


def _printable(value: str) -> str:
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
        _compile(_GLYPH_SHEET, "glyph", sign)
    except typst.TypstError:
        return False
    return True


_BLOCKS = (range(0x20, 0x530), range(0x1E00, 0x2000), range(0x2010, 0x2600))
"""Latin, Greek, Cyrillic, punctuation and signs: what other scripts the embedded fonts have, they cannot join."""

_GLYPH_SHEET = _SHEET.with_name("glyph.typ")


@cache
def _compiler() -> typst.Compiler:
    return typst.Compiler(root=str(_SHEET.parent), ignore_system_fonts=True, font_paths=[])


def _compile(sheet: Path, name: str, value: str) -> bytes:
    pdf = _compiler().compile(
        str(sheet), format="pdf", sys_inputs={name: value}, pdf_standards=["a-2a", "ua-1"], timestamp=0
    )
    if not isinstance(pdf, bytes):
        raise TypeError("the compiler gave no single PDF")
    return pdf
