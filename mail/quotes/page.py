"""The lines of a mail as the search for quotation sees them: cleaned of invisible marks, and marked or not.

A line is *marked* when its mail program put a sign of quotation before it: `>` in all its spellings, bars below a line
that says who wrote, or the writer's initials (`DK>`), as The Bat does. Not every `>` is such a sign: an arrow, a
prompt in pasted output and a lone "> 28 degrees" are the writer's own.
"""

import re
from collections import Counter

LINE_LIMIT = 500
"""Longer lines are text: no program writes an attribution or a header field of that length."""

CUT = "\ue001"
"""A line of its own, put in by `mail.quotes.markup`: below it the HTML says that another's mail stands."""
SIGNATURE_BEGINS = "\ue002"
SIGNATURE_ENDS = "\ue003"
SOFT_SIGNATURE_BEGINS = "\ue004"
"""A signature's element in which people are known to write their text too."""
_OUR_MARKS = (CUT, SIGNATURE_BEGINS, SIGNATURE_ENDS, SOFT_SIGNATURE_BEGINS)

_INVISIBLE = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\u00ad]")
_GROUPWISE = re.compile(r">>> .{1,160}\d.{1,80}>>>\s*$")
_MARK = re.compile(r"\s{0,8}(?:>|&gt;|＞)")
_DEEPER = re.compile(r"\s{0,8}(?:> ?){3}")
_INITIALS = re.compile(r" {0,2}([A-ZÀ-ÞА-Я]{1,4})>")
_COMPARED = re.compile(r"\s{0,8}> ?\d")


class Page:
    """The lines of one text; `shown[i]` is line `i` for matching, `lines[i]` as it is kept."""

    def __init__(self, text: str) -> None:
        self.lines = text.split("\n")
        self.shown = [_shown(line) for line in self.lines]
        self.marked = [bool(_MARK.match(line)) for line in self.shown]
        self._mark_initials()
        self._unmark_own()

    def blank(self, at: int) -> bool:
        """Whether line `at` holds nothing that a reader sees."""
        return not self.shown[at].strip()

    def next_text(self, at: int) -> int | None:
        """The first line at or below `at`, at most twelve down, that is not blank."""
        return next((i for i in range(at, min(len(self.lines), at + 12)) if not self.blank(i)), None)

    def marked_below(self, at: int) -> bool:
        """Whether what follows from line `at` on is marked as quotation, by whatever sign."""
        found = self.next_text(at)
        return found is not None and (self.marked[found] or self.is_barred(found))

    def is_barred(self, at: int) -> bool:
        """Whether line `at` begins with a bar and is no row of a table."""
        line = self.shown[at].strip()
        return line.startswith("|") and not (len(line) > 1 and line.endswith("|"))

    def barred_from(self, at: int) -> range:
        """The barred lines that begin with the first text at or below `at`."""
        first = self.next_text(at)
        if first is None:
            return range(at, at)
        end = first
        while end < len(self.lines) and self.is_barred(end):
            end += 1
        return range(first, end)

    def _mark_initials(self) -> None:
        found = [(i, match.group(1)) for i, line in enumerate(self.shown) if (match := _INITIALS.match(line))]
        often = Counter(name for _, name in found)
        for i, name in found:
            self.marked[i] = self.marked[i] or often[name] > 1

    def _unmark_own(self) -> None:
        """What begins with `>` and yet is the writer's: prompts, a headline of GroupWise, a lone comparison."""
        at = [i for i, marked in enumerate(self.marked) if marked]
        if not at:
            return
        deep = [i for i in at if _DEEPER.match(self.shown[i])]
        if len(deep) == len(at):
            for i in deep:
                self.marked[i] = False
            return
        for i in deep:
            self.marked[i] = not is_groupwise(self.shown[i])
        if len(at) == 1 and at[0] and _COMPARED.match(self.shown[at[0]]):
            above = self.shown[at[0] - 1].strip()
            self.marked[at[0]] = not above or above.endswith((":", "："))


def without_marks(text: str, instead: str = "") -> str:
    """`text` without the characters that only we may put in; `instead`, a pattern with {}, stands in their place."""
    for mark in _OUR_MARKS:
        if mark in text:
            text = text.replace(mark, instead.format(mark))
    return text


def is_groupwise(line: str) -> bool:
    """The headline of GroupWise: `>>> NAME <ADDRESS> 3.3.2026 12:15 >>>`; the quoted mail below it is not marked."""
    return bool(_GROUPWISE.match(line))


def _shown(line: str) -> str:
    if len(line) > LINE_LIMIT:
        return line[:LINE_LIMIT]
    if line.isascii():
        return line
    return _INVISIBLE.sub("", line).replace("\xa0", " ").replace("\u202f", " ").replace("\u2009", " ")
