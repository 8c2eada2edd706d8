"""The words of the copy of the data (`package.toml`), found by section and key in one language."""

import tomllib
from functools import cache
from pathlib import Path
from typing import Literal

from replies.notice import ReplyLanguage

Section = Literal["title", "copy", "reason", "readme"]


@cache
def _book() -> dict[str, dict[str, dict[str, str]]]:
    return tomllib.loads(Path(__file__).with_name("package.toml").read_text("utf-8"))


def say(section: Section, key: str, language: ReplyLanguage, **facts: object) -> str:
    """The words of `key`, with `facts` put in where they name them. Raises `KeyError` for an unknown key."""
    words = _book()[section][key][language]
    for name, fact in facts.items():
        words = words.replace(f"{{{name}}}", str(fact))
    return words


def say_reason(reason: str, language: ReplyLanguage, role: str = "") -> str:
    """Why something was left out or masked: a named reason of the rule book, in words."""
    name, _, _ = reason.partition(":")
    if name not in _book()["reason"]:
        return say("reason", "other", language, reason=reason)
    return say("reason", name, language, role=role)
