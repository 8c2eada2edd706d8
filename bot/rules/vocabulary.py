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

_DOUBLED = re.compile(r"([^\W\d_])\1+")
_PIECES = re.compile(r"[^\W_]+|[.!?;]+|\n\s*\n\s*")
_ABBREVIATIONS = frozenset(
    [
        "art",
        "nro",
        "no",
        "nr",
        "tel",
        "puh",
        "kl",
        "klo",
        "esim",
        "st",
        "dr",
        "t",
        "bl",
        "osv",
        "resp",
        "ca",
        "n",
        "mom",
        "p",
        "kohd",
        "kohta",
    ]
)
_MAX_WORD = 40
_MAX_SENTENCE_WORDS = 120
_GAP = 3
_OTHER_LETTERS = str.maketrans({"ø": "o", "æ": "a", "đ": "d", "ł": "l", "'": "", "’": "", "´": "", "`": ""})


def fold(text: str) -> str:
    """Lower case, without marks over letters, doubled letters once: `Lämmönjakokeskus` is `lamonjakokeskus`."""
    lowered = unicodedata.normalize("NFKC", text).lower().translate(_OTHER_LETTERS)
    if not lowered.isascii():
        parts = unicodedata.normalize("NFD", lowered)
        lowered = "".join(char for char in parts if not unicodedata.combining(char))
    return _DOUBLED.sub(r"\1", lowered)


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
    for match in _PIECES.finditer(fold(text)):
        piece = match.group()
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
            reach = range(at + 1, min(len(words), at + 2 + (_GAP if self.gapped else 0)))
            found = next((i for i in reach if _fits(words[i], element)), None)
            if found is None:
                return False
            at = found
        return True


def _fits(word: str, element: str) -> bool:
    return word.startswith(element[:-1]) if element.endswith("*") else word == element


class Vocabulary:
    """The words of one language, and the concepts they stand for.

    In the data, `stem*` is a beginning, `*stem*` stands anywhere in a word, `*stem` ends it, `word` is the whole word;
    `two_words` is a phrase, `ta~bort` a phrase with room for other words. The concept `ignored` takes words out.
    """

    def __init__(self, language: str, bits: dict[str, int]) -> None:
        self.exact: dict[str, int] = {}
        self.starts: dict[str, int] = {}
        self.inside: dict[str, int] = {}
        self.ends: dict[str, int] = {}
        self.phrases: dict[str, list[_Phrase]] = {}
        self.typed: dict[str, list[tuple[str, int]]] = {}
        self.ignored = bits["ignored"]
        concepts = tomllib.loads((DATA / f"words.{language}.toml").read_text("utf-8"))
        for concept, words in concepts.items():
            for entry in words.split():
                self._add(entry, bits[concept])
        self.concepts_of = lru_cache(maxsize=20_000)(self._concepts_of)

    def _add(self, entry: str, bit: int) -> None:
        if "_" in entry or "~" in entry:
            first, *rest = (fold(part) for part in re.split("[_~]", entry))
            self.phrases.setdefault(first, []).append(_Phrase(tuple(rest), "~" in entry, bit))
            return
        word = fold(entry.strip("*"))
        place = {(False, False): self.exact, (False, True): self.starts, (True, True): self.inside}.get(
            (entry.startswith("*"), entry.endswith("*")), self.ends
        )
        place[word] = place.get(word, 0) | bit
        if place is not self.ends and len(word) >= 6 and bit != self.ignored:
            self.typed.setdefault(word[0], []).append((word, bit))

    def sentence(self, words: list[str]) -> Sentence:
        """The concepts of a sentence's words, and those of the phrases among them."""
        masks: list[int] = []
        whole = 0
        for at, word in enumerate(words):
            mask, phrases = self.concepts_of(word)
            for phrase in phrases:
                if not mask & phrase.bit and phrase.follows(words, at):
                    mask |= phrase.bit
            masks.append(mask)
            whole |= mask
        return Sentence(tuple(words), tuple(masks), whole)

    def _concepts_of(self, word: str) -> tuple[int, tuple[_Phrase, ...]]:
        mask = self.exact.get(word, 0)
        phrases = list(self.phrases.get(word, ()))
        for end in range(2, len(word) + 1):
            mask |= self.starts.get(word[:end], 0)
            phrases += self.phrases.get(word[:end] + "*", ())
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
