"""What a message asks for: kinds of request with a confidence and named reasons, and signs for staff.

A request for one's data is a rare thing among bills and leaks, often hidden in a sentence about something else, and
to miss it is an infringement (DOMAIN 5.5). So recall comes before precision: what is only perhaps a right is kept,
with a low confidence and the flag `POSSIBLE_RIGHTS_REQUEST`, for a person to look at the same day.

The rules stand in `data/rules.toml` and combine concepts (see `vocabulary`). Each names its kind or flag, the concepts
that must meet within a sentence, near one another, or anywhere in the message, and those that must be absent.
"""

import tomllib
from dataclasses import dataclass
from typing import Any, Literal

from bot.rules.vocabulary import DATA, LANGUAGES, Sentence, Vocabulary, split
from store.models import STATUTORY, RequestKind

MAX_TEXT = 20_000
"""Characters that are read; what a request says, it says before that."""
SURE = 0.6
"""From this confidence on a right is taken for asked; below it only perhaps."""
_HINT = 0.3
_SPAN = 7


@dataclass(frozen=True, slots=True)
class Recognised:
    """One kind that the text asks for."""

    kind: RequestKind
    confidence: float
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Classification:
    """All kinds found, the surest first, never empty; and the flags."""

    kinds: tuple[Recognised, ...]
    flags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Rule:
    name: str
    kind: RequestKind | None
    weight: float
    scope: Literal["sentence", "near", "message"]
    span: int
    groups: tuple[int, ...]
    unless: int
    nowhere: int

    def holds(self, sentence: Sentence) -> bool:
        """Whether the sentence has one of each group, near one another where that is asked."""
        for group in self.groups:
            if not sentence.mask & group:
                return False
        if self.scope == "near":
            return self._holds_nearby(sentence.masks)
        return not sentence.mask & self.unless

    def _holds_nearby(self, masks: tuple[int, ...]) -> bool:
        first = self.groups[0]
        for at, mask in enumerate(masks):
            if not mask & first:
                continue
            window = 0
            for other in masks[max(0, at - self.span) : at + self.span + 1]:
                window |= other
            if not window & self.unless and all(window & group for group in self.groups):
                return True
        return False


class _Rules:
    """The words and the rules, read once."""

    def __init__(self) -> None:
        names: set[str] = {"ignored"}
        for language in LANGUAGES:
            names.update(tomllib.loads((DATA / f"words.{language}.toml").read_text("utf-8")))
        self.bits = {name: 1 << place for place, name in enumerate(sorted(names))}
        self.vocabularies = {language: Vocabulary(language, self.bits) for language in LANGUAGES}
        rules = [self._rule(entry) for entry in tomllib.loads((DATA / "rules.toml").read_text("utf-8"))["rule"]]
        self.within = tuple(rule for rule in rules if rule.scope != "message")
        self.overall = tuple(rule for rule in rules if rule.scope == "message")

    def _mask(self, names: str) -> int:
        mask = 0
        for name in names.split():
            mask |= self.bits[name]
        return mask

    def _rule(self, entry: dict[str, Any]) -> _Rule:
        return _Rule(
            name=entry["name"],
            kind=RequestKind(entry["kind"]) if "kind" in entry else None,
            weight=entry.get("weight", 1.0),
            scope=entry.get("scope", "sentence"),
            span=entry.get("span", _SPAN),
            groups=tuple(self._mask(group) for group in entry["when"]),
            unless=self._mask(entry.get("unless", "")),
            nowhere=self._mask(entry.get("nowhere", "")),
        )


_RULES = _Rules()


def classify(text: str, language: str = "other") -> Classification:
    """Kinds and flags of a text; `language` is a hint only, for short texts are easily mistaken for another's."""
    sentences = split(text[:MAX_TEXT])
    spoken = _spoken(sentences, language)
    found = [rule for name in spoken for rule in _apply(sentences, name)]
    if not any(rule.kind for rule in found):
        found += [rule for name in LANGUAGES if name not in spoken for rule in _apply(sentences, name)]
    return _conclude(list({rule.name: rule for rule in found}.values()))


def _spoken(sentences: list[list[str]], hint: str) -> list[str]:
    """Languages that the text seems to be in, by its small words: mixed mails are common."""
    words = {word for sentence in sentences for word in sentence}
    counts = {name: len(words & vocabulary.common) for name, vocabulary in _RULES.vocabularies.items()}
    most = max(counts.values())
    return [name for name in LANGUAGES if name == hint or (counts[name] >= 2 and counts[name] * 3 >= most) or not most]


def _apply(texts: list[list[str]], language: str) -> list[_Rule]:
    """The rules that hold when the text is read as this language."""
    vocabulary = _RULES.vocabularies[language]
    sentences = [vocabulary.sentence(words) for words in texts]
    whole = 0
    for sentence in sentences:
        whole |= sentence.mask
    found = [
        rule
        for rule in _RULES.overall
        if not whole & (rule.unless | rule.nowhere) and all(whole & group for group in rule.groups)
    ]
    for rule in _RULES.within:
        # Most rules are out at the first look: a concept they need stands nowhere in the message.
        if not whole & rule.groups[0] or whole & rule.nowhere or not all(whole & group for group in rule.groups):
            continue
        for sentence in sentences:
            if rule.holds(sentence):
                found.append(rule)
                break
    return found


def _conclude(found: list[_Rule]) -> Classification:
    flags = dict.fromkeys(rule.name for rule in found if rule.kind is None)
    by_kind: dict[RequestKind, list[_Rule]] = {}
    for rule in found:
        if rule.kind is not None:
            by_kind.setdefault(rule.kind, []).append(rule)
    kinds = [_weigh(kind, rules) for kind, rules in by_kind.items()]
    surest = max((one.confidence for one in kinds), default=0.0)
    if surest >= SURE:
        # A faint sign of ordinary business beside a clear request is noise; a faint sign of a right is kept.
        kinds = [one for one in kinds if one.confidence >= SURE or one.kind in STATUTORY]
        kinds = [one for one in kinds if one.confidence > _HINT or one.confidence == surest]
    if any(one.kind in STATUTORY and one.confidence < SURE for one in kinds):
        flags["POSSIBLE_RIGHTS_REQUEST"] = None
    if any(one.kind is RequestKind.FAULT for one in kinds):
        flags["POSSIBLE_FAULT"] = None
    if not kinds:
        kinds = [Recognised(RequestKind.OTHER, 0.5, ("NOTHING_RECOGNISED",))]
    kinds.sort(key=lambda one: (-one.confidence, list(RequestKind).index(one.kind)))
    return Classification(tuple(kinds), tuple(flags))


def _weigh(kind: RequestKind, rules: list[_Rule]) -> Recognised:
    """The strongest rule decides; each further one that agrees adds a little."""
    strongest = max(rule.weight for rule in rules)
    confidence = round(min(0.99, strongest + 0.03 * (len(rules) - 1)), 2)
    return Recognised(kind, confidence, tuple(rule.name for rule in sorted(rules, key=lambda one: -one.weight)))
