"""From running text to the concepts that the rules of classification speak of: `asks`, `gives`, `data`, `wrong` ...

What people write is varied; what they mean by it is not. So the words of each language stand in `data/words.*.toml` as
stems under a concept's name, and the rules combine concepts, never words. Stems meet inflection and compounds, folding
meets missing dots and doubled letters, and the edit distance meets typing errors in long words.

A concept is one bit; a sentence is the union of its words' bits. Every step is linear in the text, and a word is looked
up once and remembered, so a long mail costs a few hundred dictionary look-ups.
"""

import re
import tomllib
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from rapidfuzz.distance import OSA

DATA = Path(__file__).parent / "data"
LANGUAGES = ("fi", "sv", "en")
MISTYPED = frozenset(
    {
        *(
            "access_word",
            "data",
            "mydata",
            "delete",
            "delete_strong",
            "correct",
            "correct_strong",
            "restrict",
            "object",
        ),
        *("portable", "readings", "marketing", "invoice", "pay", "contract_strong", "heat", "outage", "leak"),
        *("move", "ownership"),
    }
)
"""Concepts whose long words are also known with a typing error: what nobody may miss."""

_DOUBLED = re.compile(r"([^\W\d_])\1+")
_MARKS = re.compile(r"[\u0300-\u036f]+")
_PIECES = re.compile(r"[^\W_]+|[.!?;]+|\n\s*\n\s*")
_ABBREVIATIONS = frozenset(
    {
        *("art", "nro", "no", "nr", "tel", "puh", "kl", "klo", "esim", "st", "dr", "t", "bl", "osv", "resp", "ca", "n"),
        *("mom", "p", "kohd", "kohta"),
    }
)
_MAX_WORD = 40
_MAX_SENTENCE_WORDS = 120
_GAP = 3
_OTHER_LETTERS = str.maketrans({"ø": "o", "æ": "a", "đ": "d", "ł": "l", "'": "", "’": "", "´": "", "`": ""})


def fold(text: str) -> str:
    """Lower case, without marks over letters, doubled letters once: `Lämmönjakokeskus` is `lamonjakokeskus`."""
    lowered = unicodedata.normalize("NFKD", text).lower().translate(_OTHER_LETTERS)
    return _DOUBLED.sub(_once, lowered if lowered.isascii() else _MARKS.sub("", lowered))


def _once(doubled: re.Match[str]) -> str:
    return doubled[0][0]


@dataclass(frozen=True, slots=True)
class Sentence:
    """The words of one sentence, folded, each with its concepts; `mask` is all of them together."""

    words: tuple[str, ...]
    masks: tuple[int, ...]
    mask: int


def split(text: str) -> list[list[str]]:
    """The folded words of each sentence. A full stop after a number or an abbreviation ends nothing."""
    sentences: list[list[str]] = []
    words: list[str] = []
    for piece in _PIECES.findall(fold(text)):
        if piece[0].isalnum():
            words.append(piece[:_MAX_WORD])
        elif words and not (piece == "." and (words[-1].isdigit() or words[-1] in _ABBREVIATIONS)):
            sentences.append(words)
            words = []
        if len(words) >= _MAX_SENTENCE_WORDS:
            sentences.append(words)
            words = []
    if words:
        sentences.append(words)
    return sentences


@dataclass(frozen=True, slots=True)
class _Phrase:
    """Words that mean something only together; `gapped` lets up to three others stand between them."""

    rest: tuple[str, ...]
    gapped: bool
    bit: int

    def follows(self, words: list[str], at: int) -> bool:
        """Whether the rest of the phrase stands after the word at `at`."""
        for element in self.rest:
            for place in range(at + 1, min(len(words), at + 2 + (_GAP if self.gapped else 0))):
                if _fits(words[place], element):
                    at = place
                    break
            else:
                return False
        return True


class _Phrases:
    """All phrases with the same first word; most words that follow it are turned away by one look."""

    def __init__(self) -> None:
        self.all: list[_Phrase] = []
        self._seconds: dict[bool, tuple[str, ...]] = {False: (), True: ()}

    def add(self, phrase: _Phrase) -> None:
        self.all.append(phrase)
        second = phrase.rest[0]
        self._seconds[phrase.gapped] += ("" if second.startswith("*") else second.rstrip("*"),)

    def met(self, words: list[str], at: int) -> int:
        """The concepts of all phrases that begin with the word at `at`."""
        after = words[at + 1 : at + 2 + _GAP]
        near, far = self._seconds[False], self._seconds[True]
        if not (near and after and after[0].startswith(near)) and not (far and any(w.startswith(far) for w in after)):
            return 0
        mask = 0
        for phrase in self.all:
            if not mask & phrase.bit and phrase.follows(words, at):
                mask |= phrase.bit
        return mask


def _fits(word: str, element: str) -> bool:
    if element.startswith("*"):
        return element.strip("*") in word
    return word.startswith(element[:-1]) if element.endswith("*") else word == element


class Vocabulary:
    """The words of one language, and the concepts they stand for.

    In the data, `stem*` is a beginning, `*stem*` stands anywhere in a word, `*stem` ends it, `word` is the whole word;
    `two_words` is a phrase (a hyphen does the same), `ta~bort`
    one with room for other words; its first word is no `*stem*`. The concept `ignored` takes words out.
    """

    def __init__(self, language: str, bits: dict[str, int]) -> None:
        self.exact: dict[str, int] = {}
        self.starts: dict[str, int] = {}
        self.inside: dict[str, int] = {}
        self.ends: dict[str, int] = {}
        self.phrases: dict[str, _Phrases] = {}
        self.typed: dict[str, list[tuple[str, int]]] = {}
        self.ignored = bits["ignored"]
        self.common = frozenset[str]()
        concepts = tomllib.loads((DATA / f"words.{language}.toml").read_text("utf-8"))
        for concept, words in concepts.items():
            if concept == "common":
                self.common = frozenset(fold(word) for word in words.split())
                continue
            for entry in words.split():
                self._add(entry, bits[concept], mistyped=concept in MISTYPED)
        self.concepts_of = lru_cache(maxsize=20_000)(self._concepts_of)

    def _add(self, entry: str, bit: int, *, mistyped: bool) -> None:
        if any(mark in entry for mark in "_~-"):
            first, *rest = (fold(part) for part in re.split("[_~-]", entry))
            self.phrases.setdefault(first, _Phrases()).add(_Phrase(tuple(rest), "~" in entry, bit))
            return
        word = fold(entry.strip("*"))
        place = {(False, False): self.exact, (False, True): self.starts, (True, True): self.inside}.get(
            (entry.startswith("*"), entry.endswith("*")), self.ends
        )
        place[word] = place.get(word, 0) | bit
        if mistyped and place is not self.ends and len(word) >= 6:
            self.typed.setdefault(word[0], []).append((word, bit))

    def sentence(self, words: list[str]) -> Sentence:
        """The concepts of a sentence's words, and those of the phrases among them."""
        masks: list[int] = []
        whole = 0
        for at, word in enumerate(words):
            mask, phrases = self.concepts_of(word)
            for begun in phrases:
                mask |= begun.met(words, at)
            masks.append(mask)
            whole |= mask
        return Sentence(tuple(words), tuple(masks), whole)

    def _concepts_of(self, word: str) -> tuple[int, tuple[_Phrases, ...]]:
        mask = self.exact.get(word, 0)
        phrases = [self.phrases[word]] if word in self.phrases else []
        for end in range(2, len(word) + 1):
            mask |= self.starts.get(word[:end], 0)
            if begun := self.phrases.get(word[:end] + "*"):
                phrases.append(begun)
        for begin in range(max(1, len(word) - 2)):
            mask |= self.ends.get(word[begin:], 0)
            for end in range(begin + 3, len(word) + 1):
                mask |= self.inside.get(word[begin:end], 0)
        if not mask and not phrases and len(word) >= 5 and word.isalpha():
            mask = self._mistyped(word)
        return (0 if mask & self.ignored else mask), tuple(phrases)

    def _mistyped(self, word: str) -> int:
        """Concepts of the nearest long stem with the same first letter: one error, or two in ten letters."""
        for stem, bit in self.typed.get(word[0], ()):
            allowed = 1 if len(stem) < 10 else 2
            for length in (len(stem), len(stem) + 1, len(stem) - 1):
                if OSA.distance(word[:length], stem, score_cutoff=allowed) <= allowed:
                    return bit
        return 0
