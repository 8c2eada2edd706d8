"""A right asked for in a language that is none of ours: it exists all the same, and a person must read it.

Only the words for personal data and for deleting are known, in the languages one may meet in Finland; enough to put the
message where rights are looked at the same day, and no more.
"""

import tomllib

from bot.rules.classification import Recognised
from bot.rules.vocabulary import DATA, fold, split
from store.models import RequestKind

_CONFIDENCE = 0.5
_WORDS = {
    concept: tuple(fold(word) for word in words.split())
    for concept, words in tomllib.loads((DATA / "words.other.toml").read_text("utf-8")).items()
}


def recognise(text: str) -> tuple[Recognised, ...]:
    """Access, and erasure where the text speaks of deleting, each as a mere possibility; empty without such words."""
    words = {word for sentence in split(text) for word in sentence}
    if not _speaks_of("data", words):
        return ()
    found = [Recognised(RequestKind.ACCESS, _CONFIDENCE, ("PERSONAL_DATA_IN_ANOTHER_LANGUAGE",))]
    if _speaks_of("delete", words):
        found.append(Recognised(RequestKind.ERASURE, _CONFIDENCE, ("DELETING_IN_ANOTHER_LANGUAGE",)))
    return tuple(found)


def _speaks_of(concept: str, words: set[str]) -> bool:
    return any(word.startswith(_WORDS[concept]) for word in words)
