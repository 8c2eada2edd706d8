"""What the writer newly wrote: the text without what it quotes and without its signature.

Losing the writer's own words is the worst error, so each cut needs a sure sign, and doubt keeps the text. Lines that
are marked as quotation go, wherever they stand, with the attribution above them; what is written between and below
them stays. Where another's mail begins without marks (a block of header fields, a line between dashes, an attribution)
all below it goes, unless the writer says that answers stand there, or wrote nothing above it: then it is handed on to
us, and is what we are to read. `mail.quotes.phrases` knows the languages, `mail.quotes.markup` the HTML.

Every step looks at a bounded number of lines, each of a bounded length, so the time is linear in the text.
"""

from collections import Counter

from mail import hypertext
from mail.quotes import markup
from mail.quotes.attributions import attribution, may_end_attribution
from mail.quotes.headers import Head, above_line, head, may_begin_head
from mail.quotes.page import LINE_LIMIT, Page, without_marks
from mail.quotes.phrases import phrases
from mail.quotes.signatures import without_signature

_MOST_LINES = 100_000
"""No person wrote a text of more lines, so nothing in it is judged."""
_MOST_LOOKS = 5000
"""So many lines are looked at closely; a text with more that look like announcements is no mail of a person."""
_SHOWN_IN_HTML = 0.9
_LOOKED_AT_FOR_BELOW = 200
_WORDS_OF_A_FORWARDER = 6
"""Who forwards with so few words of his own ("for your information") wants us to read what he forwards."""


def new_text(text: str, html: str | None = None) -> str:
    """What the writer wrote anew in `text`; all of it when that cannot be told. `html` is the same mail's HTML, if any.

    The HTML is a second opinion: where the plain text lost the marks of quotation, the HTML may still have them. It is
    believed only as far as it shows, as quotation, what the plain text would leave in.
    """
    plain = _new_part(without_marks(text)) or text.strip()
    if html and plain:
        rich = without_marks(_new_part(markup.text_of(html))).strip()
        if rich and _is_better(rich, plain, html):
            return rich
    return plain


def _is_better(rich: str, plain: str, html: str) -> bool:
    """Whether `rich`, found in `html`, is `plain` without what only the HTML shows to be quoted."""
    words, kept = Counter(plain.split()), Counter(rich.split())
    if kept.total() >= words.total() or kept - words:
        return False
    left_out = words - kept
    shown = left_out & (Counter(hypertext.text_of(html).split()) - kept)
    return shown.total() >= _SHOWN_IN_HTML * left_out.total()


def _new_part(text: str) -> str:
    if text.count("\n") > _MOST_LINES:
        return text.strip()
    stretches = _Reader(Page(text)).stretches()
    signed = "\n".join(line for stretch in stretches for line in stretch).strip()
    unsigned = "\n".join(line for stretch in stretches for line in without_signature(stretch)).strip()
    return unsigned or signed or text.strip()


class _Reader:
    """One pass over a page, which decides of every line whether it is the writer's own."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._own = [not marked for marked in page.marked]
        self._looks_left = _MOST_LOOKS
        self._cuts = True
        """Whether a quotation without marks may still end the text: not once one was met that had to be kept."""

    def stretches(self) -> list[list[str]]:
        """The own lines, a list for each stretch between quotations."""
        at = 0
        while at < len(self._own):
            at = self._next(at) if self._own[at] and not self._page.blank(at) else at + 1
        if self._answers_inside():
            self._own = [True] * len(self._own)
        found: list[list[str]] = [[]]
        for line, own in zip(self._page.lines, self._own, strict=True):
            if own:
                found[-1].append(line)
            elif found[-1]:
                found.append([])
        return found

    def _answers_inside(self) -> bool:
        """The writer says that answers stand in the quotation, and none stands outside: they are marked with it."""
        if not any(self._page.marked):
            return False
        first = self._page.marked.index(True)
        own = [at for at, mine in enumerate(self._own) if mine and not self._page.blank(at)]
        if not own or own[-1] > first:
            return False
        return any(phrases().answers.search(self._page.shown[at]) for at in own[-_LOOKED_AT_FOR_BELOW:])

    def _next(self, at: int) -> int:
        """Judge line `at`, which is not marked; the line to read on from."""
        page = self._page
        found = self._head(at) or self._attribution(at)
        if found is None:
            if self._cuts and above_line(page, at) and self._own_words(at):
                self._drop(at, len(page.lines))
            return at + 1
        if page.marked_below(found.end):
            for barred in page.barred_from(found.end):
                page.marked[barred], self._own[barred] = True, False
            self._drop(found.begin, found.end)
            return found.end
        return self._another(found)

    def _head(self, at: int) -> Head | None:
        if self._looks_left and may_begin_head(self._page, at):
            self._looks_left -= 1
            return head(self._page, at)
        return None

    def _attribution(self, at: int) -> Head | None:
        if self._looks_left and may_end_attribution(self._page, at):
            self._looks_left -= 1
            start = attribution(self._page, at)
            if start is not None:
                return Head(start, at + 1, forwards=False)
        return None

    def _another(self, found: Head) -> int:
        """Another's mail without marks is announced: it ends the text, or has to be kept."""
        if not self._cuts:
            return found.end
        own = [line for line, mine in zip(self._page.lines[: found.begin], self._own, strict=False) if mine]
        words = self._own_words(found.begin)
        if found.forwards and words <= _WORDS_OF_A_FORWARDER:
            self._own[found.begin :] = [True] * (len(self._own) - found.begin)
            return len(self._own)
        if not words or any(phrases().below.search(line[:LINE_LIMIT]) for line in own[-_LOOKED_AT_FOR_BELOW:]):
            self._cuts = False
            return found.end
        self._drop(found.begin, len(self._own))
        return len(self._own)

    def _drop(self, begin: int, end: int) -> None:
        self._own[begin:end] = [False] * (end - begin)

    def _own_words(self, before: int) -> int:
        """How many own words stand above line `before`, devices' lines not counted."""
        own = [line for line, mine in zip(self._page.lines[:before], self._own, strict=False) if mine]
        written = without_signature(own)
        return sum(len(without_marks(line).split()) for line in written)
