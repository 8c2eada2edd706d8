"""A reply on paper: plain text and an address block in, one tagged PDF out (PDF/A-2a and PDF/UA-1).

The lay-out is `templates/letter.typ`, a file of the package; whatever a person wrote reaches it as JSON and stays a
string (THREATS 22). The compiler sees no system fonts, no network and no package registry. `render_letter` may run in a
worker process: it takes and gives plain values, and each process keeps its own compiler.

The text's convention is that of `replies.render.Words`: a line underlined with hyphens is a heading, `- ` begins an
item, two spaces begin a `label: value` line, four continue it; a line right above such lines is their title.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from itertools import groupby
from typing import Any

from replies.notice import Notice, ReplyLanguage
from replies.printing import one_line, print_date
from replies.typesetting import NotPrintable, printable, set_sheet, words

_PAGE_WORD: dict[ReplyLanguage, str] = {"fi": "sivu", "sv": "sida", "en": "page"}


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
    conforming: bool = True,
) -> bytes:
    """The letter as PDF. `address_lines` is the address block, name first, as the register has it (INV-1, THREATS 36).

    `sender` is the controller's lines, name first; `on` the local date printed. Equal input gives equal bytes.
    Raises `LetterError` when the address has no line, more than seven, or a sign that cannot be printed: an envelope
    with a doubtful address must be a person's matter. In the text such a sign becomes U+FFFD. One that is not
    `conforming` says of itself no more than that it is tagged: other pages will be put behind its own.
    """
    address = [line for line in map(one_line, address_lines) if line]
    if not 1 <= len(address) <= 7:
        raise LetterError(f"ADDRESS_LINES: the address block has {len(address)} lines, not 1 to 7")
    if any(printable(line) != line for line in address):
        raise LetterError("ADDRESS_UNPRINTABLE: the address holds a sign that the letter's font lacks")
    letter = {
        "language": language,
        "subject": words(subject) or words(reference),  # PDF/UA-1, 7.1: a document has a title
        "sender": [words(line) for line in sender],
        "sender_footer": ", ".join(words(line) for line in sender[:3]),
        "address": address,
        "reference": words(reference),
        "date": {"year": on.year, "month": on.month, "day": on.day},
        "date_word": print_date(on, language),
        "page_word": _PAGE_WORD[language],
        "parts": list(_titled(_parts(text))),
    }
    try:
        return set_sheet("letter", letter, conforming=conforming)
    except NotPrintable:
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
                yield {"kind": "list", "items": [words(line[2:]) for line in lines]}
            case "fields":
                yield {"kind": "fields", "title": "", "rows": _rows(lines)}
            case "lines":
                yield {"kind": "paragraph", "lines": [words(line) for line in lines]}


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
    title = line[len(_MARK) :]
    return {"kind": "heading", "level": 2 if re.match(r"\d+\. ", title) else 3, "text": words(title)}


def _rows(lines: list[str]) -> list[list[str]]:
    """`  Label: value` as two cells; a line of four spaces goes on in the right cell below."""
    rows: list[list[str]] = []
    for line in lines:
        if line.startswith("    "):
            more = words(line)
            if rows and not rows[-1][1]:
                rows[-1][1] = more
            else:
                rows.append(["", more])
        else:
            label, _, value = line.strip().partition(": ")
            rows.append([words(f"{label.removesuffix(':')}:"), words(value)])
    return rows
