"""All words said to staff, in fi, sv and en, apart from all logic: one TOML file a place, `[key]` with its languages.

`say("refusal.stale", "fi", version=3)` gives the sentence of `refusal.toml`'s table `stale`. A word that lacks a
language, or a place that lacks a key, is a mistake of the program; tests walk all of them.
"""

import tomllib
from functools import cache
from importlib.resources import files


@cache
def _place(name: str) -> dict[str, dict[str, str]]:
    return tomllib.loads(files(__name__).joinpath(f"{name}.toml").read_text("utf-8"))


def say(key: str, language: str, /, **facts: object) -> str:
    """The words for `place.key` in `language`, with `facts` put in. Raises `KeyError` for an unknown key."""
    place, _, name = key.partition(".")
    words = _place(place)[name]
    return words.get(language, words["en"]).format_map(facts)
