"""What stands above a mail that is quoted or forwarded whole: a block of its header fields, or a line between dashes.

Such a block is known by the kinds of its fields, in any order and language: a sender and two more, of which something
shows that a program wrote it (an address, a subject with a time of day, or all of sender, recipient, date and subject).
A person's own "From: 1 Sample Street / To: 2 Sample Street / Date: 1 April, 12:00" has none of that.
"""

import re
from typing import NamedTuple

from mail.quotes.page import CUT, LINE_LIMIT, Page
from mail.quotes.phrases import phrases

_MOST_LINES = 16
_LONGEST_NAME = 30
_DASHES = ("-", "_", "=", "*", "~", "─", "\u2014", CUT)
_CONTINUED = 3
_RULE = re.compile(r"\s*(?:_{10,}|-{10,}|={10,}|\*{10,}|─{5,})\s*$")
_DASHED = re.compile(r"\s*[-_=*~]{2,}\s*\S.{0,80}?\s*[-_=*~]{0,40}\s*:?\s*$")
_TRIMMED = " \t-_=*~>|:：.\u2014\u2013"
_CLOCK = re.compile(r"\d{1,2}[:.h]\d{2}(?![.\d]{2})")


class Head(NamedTuple):
    """The lines `begin` to `end` (not included) say that another's mail follows."""

    begin: int
    end: int
    forwards: bool
    """Whether it is said that the mail is handed on, not answered."""


def may_begin_head(page: Page, at: int) -> bool:
    """Whether line `at` could at all begin a head: a cheap look before the dear one."""
    line = page.shown[at].lstrip()
    return line.startswith(_DASHES) or line.rstrip().endswith((":", "：")) or bool(field_kinds(line))


def head(page: Page, at: int) -> Head | None:
    """The head whose first line is `at`, or that follows the rule or the dashed line at `at`; else None."""
    line = page.shown[at]
    if len(page.lines[at]) > LINE_LIMIT or page.marked[at]:
        return None
    if line.strip() == CUT:
        following = page.next_text(at + 1)
        block = fields_end(page, following) if following is not None else None
        return Head(at, block or at + 1, forwards=False)
    kind = divider(line)
    if kind or _RULE.match(line) or _DASHED.match(line):
        following = page.next_text(at + 1)
        near = following is not None and following <= at + 3
        if near and following is not None and not page.marked[following]:
            block = fields_end(page, following, led=bool(kind))
            if block:
                return Head(at, block, forwards=kind == "forwarded")
        if kind:
            return Head(at, at + 1, forwards=kind == "forwarded")
    end = fields_end(page, at) if not _is_led_in(page, at) else None
    return Head(at, end, forwards=False) if end else None


def _is_led_in(page: Page, at: int) -> bool:
    """Whether the writer leads in what follows, on the very line above: no program sets its block so close."""
    above = page.shown[at - 1].strip() if at else ""
    return above.endswith((":", "：")) and not (page.marked[at - 1] or field_kinds(above) or divider(above))


def divider(line: str) -> str:
    """`original`, `forwarded` or nothing: what a line between dashes says about what follows."""
    bare = line.strip()
    dashed = bare.startswith(("--", "__", "==", "**", "- -", "~~", "\u2014"))
    if not dashed and not bare.endswith((":", "：")):
        return ""
    words = " ".join(bare.strip(_TRIMMED).lower().split())
    if words in phrases().forwarded:
        return "forwarded"
    if words.startswith("forwarded by ") and dashed:
        return "forwarded"
    return "original" if dashed and words in phrases().original else ""


def above_line(page: Page, at: int) -> bool:
    """Whether line `at` is a service's "reply above this line"."""
    return at > 0 and bool(phrases().above.match(page.shown[at]))


def field_kinds(line: str) -> frozenset[str]:
    """What a header field's line may be, by its name; empty when it is none."""
    name, colon, _ = line[: _LONGEST_NAME + 8].replace("：", ":").partition(":")
    if not colon:
        return frozenset()
    return phrases().fields.get(" ".join(name.strip(" \t*_\xa0").lower().split()), frozenset())


def fields_end(page: Page, at: int, *, led: bool = False) -> int | None:
    """The line after the block of header fields that begins at line `at`; None when no such block begins there.

    `led` blocks stand below a line that said so already: two fields are enough.
    """
    if not field_kinds(page.shown[at]):
        return None
    found: list[frozenset[str]] = []
    values: list[str] = []
    end, stray, blanks = at, 0, 0
    for i in range(at, min(len(page.lines), at + _MOST_LINES)):
        line = page.shown[i]
        if page.marked[i]:
            break
        if not line.strip():
            blanks += 1
            if blanks > 1:
                break
            continue
        if kinds := field_kinds(line):
            found.append(kinds)
            values.append(line)
            end, stray, blanks = i + 1, 0, 0
            continue
        stray += 1
        if blanks or stray > _CONTINUED or not _continues(line, found[-1]):
            break
    return _after_continuation(page, end, found[-1]) if _is_block(found, values, led=led) else None


def _continues(line: str, above: frozenset[str]) -> bool:
    """Whether a line goes on with a long list of recipients, or with a folded field."""
    return line[:1] in " \t<" or "@" in line or (bool(above & {"to", "cc"}) and ";" in line)


def _after_continuation(page: Page, end: int, last: frozenset[str]) -> int:
    while end < len(page.lines) and not page.blank(end) and _continues(page.shown[end], last) and last & {"to", "cc"}:
        end += 1
    return end


def _is_block(found: list[frozenset[str]], values: list[str], *, led: bool) -> bool:
    """Whether fields of these kinds are a mail's: an ambiguous name counts as whatever is lacking."""
    kinds: set[str] = set()
    for may_be in sorted(found, key=len):
        kinds |= set(sorted(may_be - kinds)[:1])
    if led:
        return len(kinds) >= 1
    if not any("from" in may_be for may_be in found) or len(kinds - {"other"}) < 3:
        return False
    if {"from", "sent", "to", "subject"} <= kinds:
        return True
    text = "\n".join(values)
    return "@" in text or ("subject" in kinds and bool(_CLOCK.search(text)))
