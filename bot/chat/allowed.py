"""The last look at every text before it goes to a chat network: only our own words, numbers and dates pass (INV-6).

The words of `chat.toml` and `refusal.toml` are turned into a grammar, a sentence a line, with a narrow pattern for
each place that is filled in. A text of which any line is not such a sentence is never sent, however it was made: a
mistake elsewhere becomes an error here, and not a leak. It follows that no markup, no hidden or right-to-left mark and
no link can be in a text either (THREATS 13, 47).
"""

import re
import tomllib
from functools import cache
from importlib.resources import files
from string import Formatter
from typing import Final

LONGEST: Final = 4096
"""Characters of a message (Bot API, `sendMessage`)."""

_LISTS: Final = {
    "kinds": "kind",
    "flags": "flag",
    "state": "state",
    "level": "level",
    "channel": "channel",
    "language": "language",
}
_SEVERAL: Final = frozenset({"kinds", "flags"})
_PATTERNS: Final = {
    "number": r"K-[A-HJ-NP-Z2-9]{5}",
    "date": r"(?:\d{1,2}\.\d{1,2}\.\d{4}|\d{4}-\d{2}-\d{2})",
    "days": r"\d{1,7}",
    "count": r"\d{1,6}",
    "minutes": r"\d{1,6}",
    "seen": r"\d{1,6}",
    "version": r"\d{1,6}",
}


class NotAllowed(Exception):
    """A text held something that is not ours to say in a chat. It is not repeated here, for errors are logged."""

    def __init__(self) -> None:
        super().__init__("a text for the chat holds what no sentence of ours holds; it was not sent")


def allowed(text: str, language: str) -> str:
    """`text` itself, when every line of it is a sentence of ours in `language`. Raises `NotAllowed`."""
    grammar = _grammar(language)
    if len(text) > LONGEST or not all(grammar.fullmatch(line) for line in text.split("\n")):
        raise NotAllowed
    return text


def is_word(name: str) -> bool:
    """Whether `chat.toml` holds a word or sentence of this name."""
    return name in _words("chat")


@cache
def _words(place: str) -> dict[str, dict[str, str]]:
    return tomllib.loads(files("bot.words").joinpath(f"{place}.toml").read_text("utf-8"))


@cache
def _grammar(language: str) -> re.Pattern[str]:
    sentences = [words.get(language, words["en"]) for place in ("chat", "refusal") for words in _words(place).values()]
    lines = [line for sentence in sentences for line in sentence.split("\n")]
    return re.compile("|".join(dict.fromkeys(filter(None, (_pattern(line, language) for line in lines)))))


def _pattern(line: str, language: str) -> str:
    """The line as a pattern; empty when it has a place for something that a chat may not show."""
    pattern = ""
    for literal, place, _spec, _conversion in Formatter().parse(line):
        pattern += re.escape(literal)
        if place is None:
            continue
        filled = _PATTERNS.get(place) or (_one_of(_LISTS[place], place, language) if place in _LISTS else "")
        if not filled:
            return ""
        pattern += filled
    return pattern


def _one_of(prefix: str, place: str, language: str) -> str:
    chat = _words("chat")
    names = [name for name in chat if name.startswith(f"{prefix}_")]
    words = [re.escape(chat[name].get(language, chat[name]["en"])) for name in [*names, "unknown"]]
    one = f"(?:{'|'.join(words)})"
    return f"{one}(?:, {one})*" if place in _SEVERAL else one
