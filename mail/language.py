"""The language of a message: fi, sv, en, or other.

Statistics alone err on the short and careless texts that people send ("ingen reklam tack"), and a detector that knows
only our three languages calls every German Swedish and every Estonian Finnish. So two witnesses speak. Common small
words and letters of each language are counted first, for their neighbours as well; lingua, limited to the neighbours
and in its small mode (20 MiB instead of 340), decides what the words leave open.
"""

import re
import tomllib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from mail.message import Language

if TYPE_CHECKING:
    from lingua import LanguageDetector

_WORDS = Path(__file__).parent / "data" / "languages.toml"
_LONGEST = 1500
"""Characters that are looked at; a message does not change its language after that."""

_TONGUES = {
    "FINNISH": "fi",
    "SWEDISH": "sv",
    "ENGLISH": "en",
    "ESTONIAN": "et",
    "GERMAN": "de",
    "DANISH": "da",
    "BOKMAL": "no",
    "DUTCH": "nl",
    "FRENCH": "fr",
    "SPANISH": "es",
    "ITALIAN": "it",
    "POLISH": "pl",
    "LATVIAN": "lv",
    "RUSSIAN": "ru",
}

_LETTERS = {
    "et": re.compile("[õ]"),
    "de": re.compile("[ß]"),
    "da": re.compile("[æø]"),
    "no": re.compile("[æø]"),
    "pl": re.compile("[łżźćńśąę]"),
    "cs": re.compile("[ěřůýžčš]"),
    "pt": re.compile("[ãõ]"),
    "hu": re.compile("[őű]"),
    "tr": re.compile("[şğı]"),
    "ro": re.compile("[țșăâ]"),
    "lt": re.compile("[ėųįž]"),
    "lv": re.compile("[āēīūļķģņ]"),
    "fr": re.compile("[çèêàùœ]"),
    "es": re.compile("[ñ¿¡]"),
}
_NOT_FINNISH_OR_ENGLISH = re.compile("å(?!land|bo)")
_MOST_NAMES = 8
_WITHOUT_DOTS = str.maketrans("äö", "ao")
_TOKEN = re.compile(r"[^\W\d_]+(?:'[a-z]+)?")
_NOISE = re.compile(r"\S*@\S+|https?://\S+|www\.\S+|^>.*$", re.M)
_FINNISH_SHAPE = re.compile(
    r"(?:ssa|ssä|sta|stä|lle|lta|ltä|lla|llä|mme|nne|kaa|kää|ään|aan|iin|een|uus|yys|inen|isen|ista|istä|ksi|tko|tkö|nko|nkö|ako|äkö|nut|nyt|taa|tää|oida|öidä)$"
)
_FINNISH_ENDING = re.compile(r"(?:[aeiouyäö]ni|mme|nne|ssä|llä|stä|ltä|issa|ella)$")
_SWEDISH_SHAPE = re.compile(r"(?:ar|ade|orna|arna|erna|ningar|ades)$")
_SHORT, _LONG = 4, 7
_FINNISH_PAIR = re.compile("aa|uu|ää|yy|öö|ii|uo|yö|ie|äy|öy")
_CYRILLIC_OR_FAR = re.compile("[\u0370-\u1cff\u3040-\u9fff\uac00-\ud7af]")


def detect(text: str) -> Language:
    """The language that an answer should be in; `other` for every language but three, and for no words at all."""
    sample = _NOISE.sub(" ", text[: 4 * _LONGEST])[:_LONGEST].lower()
    words = _TOKEN.findall(sample)
    if not words:
        return "other"
    if _are_names(text[:_LONGEST]):
        return "other"
    letters = sum(len(word) for word in words)
    if len(_CYRILLIC_OR_FAR.findall(sample)) * 2 > letters:
        return "other"
    scores = _word_scores(words, sample)
    ranked = sorted(scores.items(), key=lambda item: -item[1])
    best, second = ranked[0], ranked[1]
    if best[1] >= 2 and best[1] >= 1.6 * second[1]:
        return _ours(best[0])
    return _ours(_weighed(sample, scores, len(words)))


def _are_names(text: str) -> bool:
    """Whether there are only names, of people and streets: they say nothing of the language."""
    words = [word for word in _TOKEN.findall(_NOISE.sub(" ", text)) if len(word) > 1]
    return 1 < len(words) <= _MOST_NAMES and all(
        word[0].isupper() and not word.isupper() and word.lower() not in _index()[1] for word in words
    )


def _word_scores(words: list[str], sample: str) -> dict[str, float]:
    languages, index = _index()
    scores = dict.fromkeys(languages, 0.0)
    for word in words:
        owners = index.get(word, ())
        for owner in owners:
            scores[owner] += 1 / len(owners)
        if not owners and _looks_finnish(word):
            scores["fi"] += 0.5
        elif not owners and len(word) > _SHORT and _SWEDISH_SHAPE.search(word):
            scores["sv"] += 0.25
    for language, pattern in _LETTERS.items():
        scores[language] += min(2.0, 0.7 * len(pattern.findall(sample)))
    if found := len(_NOT_FINNISH_OR_ENGLISH.findall(sample)):
        for language in ("sv", "da", "no"):
            scores[language] += min(1.5, 0.5 * found)
        scores["en"] *= 0.5
        if "ä" in sample or "ö" in sample:
            scores["sv"] += 1
    if "ä" in sample or "ö" in sample:
        for language in ("da", "no", "en"):
            scores[language] *= 0.5
    return scores


def _looks_finnish(word: str) -> bool:
    if len(word) > _LONG and _FINNISH_ENDING.search(word):
        return True
    return len(word) > _SHORT and bool(_FINNISH_SHAPE.search(word) and _FINNISH_PAIR.search(word))


def _weighed(sample: str, scores: dict[str, float], words: int) -> str:
    """Both witnesses together: the fewer words there are, the less the statistics count."""
    total = sum(scores.values()) or 1.0
    weight = 0.5 if words < 4 else 1.0
    best, most = "other", -1.0
    for value in _detector().compute_language_confidence_values(sample):
        name = _TONGUES[value.language.name]
        joint = weight * value.value + scores.get(name, 0.0) / total
        if joint > most:
            best, most = name, joint
    return best


def _ours(name: str) -> Language:
    if name == "fi":
        return "fi"
    if name == "sv":
        return "sv"
    return "en" if name == "en" else "other"


@cache
def _index() -> tuple[tuple[str, ...], dict[str, tuple[str, ...]]]:
    """The languages, and for each word those that have it. Finnish is also known by its words without their dots."""
    data: dict[str, str] = tomllib.loads(_WORDS.read_text("utf-8"))
    owners: dict[str, set[str]] = {}
    for language, words in data.items():
        for word in words.split():
            owners.setdefault(word, set()).add(language)
            if language == "fi":
                owners.setdefault(word.translate(_WITHOUT_DOTS), set()).add(language)
    return (*data, "ru"), {word: tuple(sorted(names)) for word, names in owners.items()}


@cache
def _detector() -> "LanguageDetector":
    from lingua import Language as Tongue  # noqa: PLC0415 - models that only a reading worker needs
    from lingua import LanguageDetectorBuilder  # noqa: PLC0415

    tongues = [getattr(Tongue, name) for name in _TONGUES]
    return LanguageDetectorBuilder.from_languages(*tongues).with_low_accuracy_mode().build()
