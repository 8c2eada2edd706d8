"""Lines that say who wrote what follows, and when: "On Tue, 3 Mar 2026 at 12:15, NAME <ADDRESS> wrote:".

Every program and language has its own, wrapped over up to four lines. What they share is enough to know them by: they
end with a colon and hold a date, a time, an address, a verb of writing. Where marked lines follow, two of these are
enough; where nothing marks what follows, more is asked, and nobody may be telling a story in them ("on 3 March the
neighbour wrote to me:").
"""

import re
from collections.abc import Iterator

from mail.quotes.page import Page, is_groupwise
from mail.quotes.phrases import phrases

_LONGEST = 400
_MOST_LINES = 4
_LONGEST_HALF_DATE = 30
_FEW_WORDS = 12
_NAME_WORDS = 6
_WORDS_AFTER_VERB = 14
_LONGEST_DATED = 100
_DATE = re.compile(
    r"\d{1,4}[./-]\s?\d{1,2}[./-]\s?\d{2,4}|\b(?:19|20)\d\d\b.{0,25}?(?<!\d)\d{1,2}(?!\d)|"
    r"(?<!\d)\d{1,2}(?!\d)(?![:.]\d\d).{1,25}?\b(?:19|20)\d\d\b|(?<!\d)\d{1,2}\.\s?\d{1,2}\.|[年년]\s?\d{1,2}\s?[月월]"
)
_TIME = re.compile(
    r"(?<!\d)\d{1,2}[:h]\d{2}|(?<![\d.])\d{1,2}\.\d{2}(?![.\d])|\b(?:klo|kl\.?|kello|um|ore|at)\s\d{1,2}\.\d{2}", re.I
)
_ADDRESS = re.compile(r"[\w.+'&/=-]{1,64}\s?@[\w.-]{1,255}|\[mailto:", re.I)
_BRACKETED = re.compile(r"[<(\[][^<>()\[\]@]{1,80}@[^<>()\[\]@]{1,255}[>)\]]|mailto:", re.I)
_ANGLED = re.compile(r"<[^<>@]{1,80}@[^<>@]{1,255}>|\[mailto:")
_NAME_AND_ADDRESS = re.compile(r"\S.{0,100}<[^<>@]{1,80}@[^<>@]{1,255}>\s?[:：]$")
_DATE_AND_ADDRESS = re.compile(r"\s{0,3}\d{4}[-/]\d\d?[-/]\d\d?\b.{0,90}<[^<>\s]{3,200}>:?\s*$")
_LISTED = re.compile(r"\s*(?:[-*•–]|\d{1,2}[.)]\s+(?=[^\W\d_]{3}[^\W\d_]*\s+[^\W\d_]+\s))")
_ENDS = (":", "：")
_SENTENCE_ENDS = (".", "!", "?", ":", "…")
_TOKEN = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")


def may_end_attribution(page: Page, at: int) -> bool:
    """Whether line `at` could at all be an attribution's last: a cheap look before the dear one."""
    last = page.shown[at].rstrip()
    if last.endswith((*_ENDS, ">")):
        return True
    return at + 1 < len(page.lines) and page.marked_below(at + 1)


def attribution(page: Page, at: int) -> int | None:
    """The first line of the attribution whose last line is `at`; None when there is none."""
    last = page.shown[at].strip()
    if not last or page.marked[at]:
        return None
    if is_groupwise(last) or _DATE_AND_ADDRESS.match(last):
        return at
    marked = page.marked_below(at + 1)
    if not last.endswith(_ENDS) and not (marked and phrases().wrote.search(last)):
        return None
    for start, joined in _joined_upwards(page, at):
        introduces = _introduces_marked(joined) if marked else _introduces_bare(joined, page, start, at)
        if introduces and not _goes_on_above(page, start, joined):
            return start
    return None


def _joined_upwards(page: Page, at: int) -> Iterator[tuple[int, str]]:
    """Line `at` alone, with the line above it, and so on: what may be one wrapped line."""
    joined = ""
    for start in range(at, max(-1, at - _MOST_LINES), -1):
        line = page.shown[start].strip()
        if start < at and (page.marked[start] or not _goes_on(line)):
            return
        joined = f"{line} {joined}".strip()
        if len(joined) > _LONGEST:
            return
        yield start, joined


def _goes_on(line: str) -> bool:
    """Whether a line may go on in the next: it is no whole sentence, unless an abbreviation ends it."""
    return bool(line) and (not line.endswith(_SENTENCE_ENDS) or _open_end(line))


def _open_end(line: str) -> bool:
    """Whether a line that ends with a full stop may yet go on: "ti 3. maalisk."."""
    return bool(line.endswith(".") and len(line) < _LONGEST_HALF_DATE and phrases().begins.match(line))


def _goes_on_above(page: Page, start: int, joined: str) -> bool:
    """Whether the line above `start` is a part of the same, wrapped attribution."""
    for above in range(start - 1, max(-1, start - _MOST_LINES), -1):
        line = page.shown[above].strip()
        if page.marked[above] or not _goes_on(line):
            return False
        begins = phrases().begins.match(line) and any(letter.isdigit() for letter in line)
        dated = _DATE.search(line) and not _DATE.search(joined)
        named = not _ADDRESS.search(joined) and _BRACKETED.search(line)
        said = not phrases().wrote.search(joined) and phrases().wrote.search(line)
        if named or (said and not _tells(line)):
            return True
        if (begins and not phrases().begins.match(joined)) or (dated and len(line) < _LONGEST_DATED):
            return True
    return False


def _introduces_marked(joined: str) -> bool:
    """Whether it introduces the marked lines that follow it."""
    wrote = phrases().wrote.search(joined)
    dated = _DATE.search(joined)
    addressed = _ADDRESS.search(joined)
    if dated and _TIME.search(joined) and (wrote or addressed):
        return True
    if _NAME_AND_ADDRESS.match(joined):
        return True
    if _tells(joined):
        return False
    if wrote:
        return bool(dated or addressed) or (joined.endswith(_ENDS) and _is_name(joined[: wrote.start()]))
    return bool(dated and _TIME.search(joined)) and len(joined.split()) <= _FEW_WORDS


def _is_name(before_verb: str) -> bool:
    words = before_verb.split()
    return 0 < len(words) <= _NAME_WORDS and all(not word[0].islower() for word in words)


def _introduces_bare(joined: str, page: Page, start: int, at: int) -> bool:
    """Whether it introduces what follows although nothing there is marked."""
    dated = _DATE.search(joined)
    if not dated or _tells(joined) or _LISTED.match(joined):
        return False
    wrote = phrases().wrote.search(joined)
    if wrote and not _said_last(joined[wrote.end() :]):
        return False
    timed = _TIME.search(joined)
    if timed and (_ANGLED.search(joined) or (wrote and _BRACKETED.search(joined))):
        return True
    return bool(wrote) and _stands_alone(page, start, at)


def _said_last(after_verb: str) -> bool:
    """The verb ends the line, or only a name, an address and a time follow it: not whom or what was written to."""
    words = after_verb.split()
    return len(words) <= _WORDS_AFTER_VERB and not (words and words[0] in phrases().objects)


def _stands_alone(page: Page, start: int, at: int) -> bool:
    below = at + 1 >= len(page.lines) or page.blank(at + 1)
    return below and (start == 0 or page.blank(start - 1))


def _tells(joined: str) -> bool:
    """Whether a person speaks: words that no program puts there. Names are in capitals, so case counts."""
    words = _TOKEN.findall(joined)
    if words:
        words[0] = words[0] if words[0] == "I" else words[0].lower()
    return not phrases().telling.isdisjoint(words)
