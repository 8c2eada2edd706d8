"""Phrases that programs write, in the languages they write them in, and whether a text holds one of them.

The phrases are data (`mail/data/*.toml`), written as a person would read them. Text and phrases are compared folded:
compatibility forms, case and diacritics away (`Lästes` is `lastes`), for programs lose the dots as often as they keep
them. Punctuation does not count. In a phrase `word*` stands for every word that begins so, `#` for a number and `~` for
up to five words of any kind. A phrase in a script that sets no blanks between words is sought as it stands.

A text is cut into words once; each word is looked up by its first letters, so the time is linear in the text however
many phrases there are.
"""

import re
import tomllib
import unicodedata
from collections.abc import Iterable, Sequence
from functools import cache
from importlib.resources import files

MOST_WORDS = 4000
"""So many words of a text are looked at; what programs say of themselves stands at the beginning."""

_GAP = 5
_STEM = 3
_MARKS = re.compile("[\u0300-\u036f]")
_WORD = re.compile(r"\w+")
_UNDECOMPOSED = str.maketrans({"ø": "o", "æ": "ae", "œ": "oe", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i"})
_NO_BLANKS = re.compile("[\u0e00-\u0e7f\u1100-\u11ff\u3000-\u9fff]")


def fold(text: str) -> str:
    """The form in which text is compared with phrases; never shown to anyone."""
    folded = unicodedata.normalize("NFKD", text.casefold()) if not text.isascii() else text.lower()
    return _MARKS.sub("", folded).translate(_UNDECOMPOSED).replace("e-mail", "email")


class Words:
    """A text folded and cut into words."""

    __slots__ = ("folded", "items", "places", "vocabulary")

    def __init__(self, text: str) -> None:
        self.folded = fold(text[: 12 * MOST_WORDS])
        self.items = _WORD.findall(self.folded)[:MOST_WORDS]
        self.vocabulary = frozenset(self.items)
        self.places: dict[str, list[int]] = {}
        """The numbers of the words that begin with the same letters."""
        for at, word in enumerate(self.items):
            self.places.setdefault(word[:_STEM], []).append(at)


class Phrases:
    """A set of phrases to look for."""

    def __init__(self, phrases: Iterable[str]) -> None:
        self._by_stem: dict[str, list[tuple[tuple[str, ...], frozenset[str]]]] = {}
        self._unspaced: list[str] = []
        for phrase in phrases:
            folded = fold(phrase)
            if _NO_BLANKS.search(folded):
                self._unspaced.append(folded)
            elif words := tuple(re.findall(r"\w+\*?|[#~]", folded)):
                whole = frozenset(word for word in words if word not in {"#", "~"} and not word.endswith("*"))
                self._by_stem.setdefault(words[0].rstrip("*")[:_STEM], []).append((words, whole))

    def within(self, words: Words) -> bool:
        """Whether one of the phrases stands anywhere in the text."""
        if any(phrase in words.folded for phrase in self._unspaced):
            return True
        return any(
            _matched(phrase, words.items, at)
            for stem in self._by_stem.keys() & words.places.keys()
            for phrase, whole in self._by_stem[stem]
            if whole <= words.vocabulary
            for at in words.places[stem]
        )

    def opening(self, words: Words) -> int:
        """How many words of the text's beginning are one of the phrases, the longest counting; 0 for none."""
        if any(words.folded.lstrip().startswith(phrase) for phrase in self._unspaced):
            return 1
        candidates = self._by_stem.get(words.items[0][:_STEM], ()) if words.items else ()
        return max((_matched(phrase, words.items, 0) for phrase, _ in candidates), default=0)


def _matched(phrase: tuple[str, ...], items: Sequence[str], at: int) -> int:
    """How many words from `at` on fit the phrase; 0 when they do not. A gap takes as few words as it can."""
    here = at
    gap = False
    for wanted in phrase:
        if wanted == "~":
            gap = True
            continue
        last = min(len(items), here + (_GAP if gap else 0) + 1)
        found = next((number for number in range(here, last) if _fits(wanted, items[number])), -1)
        if found < 0:
            return 0
        here, gap = found + 1, False
    return here - at


def _fits(wanted: str, word: str) -> bool:
    if wanted == "#":
        return word.isdecimal()
    return word.startswith(wanted[:-1]) if wanted.endswith("*") else word == wanted


@cache
def phrases(name: str) -> dict[str, Phrases]:
    """The named sets of phrases of one data file."""
    groups = tomllib.loads(files("mail").joinpath("data", f"{name}.toml").read_text("utf-8"))
    return {group: Phrases(entries) for group, entries in groups.items()}
