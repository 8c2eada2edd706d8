"""Pages: one Jinja environment, the words of `bot/words/desk.toml`, and the few filters that templates need.

Templates are files of ours; everything else is a value, escaped on its way in. A name that a template does not know is
a mistake and fails (StrictUndefined).
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from bot.web.moments import clock_words, day_words, days_left_words, time_words, urgency
from bot.web.shown import one_line, visible
from bot.words import say

_HOME = Path(__file__).parent
STATIC = {
    "desk.css": ("text/css; charset=utf-8", (_HOME / "static" / "desk.css").read_bytes()),
    "mark.svg": ("image/svg+xml", (_HOME / "static" / "mark.svg").read_bytes()),
}
"""The files that pages ask for besides themselves: name to media type and bytes."""


def known_word(place: str, name: object, language: str) -> str:
    """The word for a value of the house, such as a state or a reason; a readable form of the value where none is known.

    A name with a detail, `IDENTIFIER:customer_number`, is the word of both halves.
    """
    value = str(name)
    head, _, detail = value.partition(":")
    for key, rest in ((value, ""), (head, detail)):
        try:
            word = say(f"desk.{place}_{key}", language)
        except KeyError:
            continue
        return f"{word}: {known_word('detail', rest, language)}" if rest else word
    return value.replace("_", " ").capitalize() if value.isupper() else value


@dataclass(frozen=True, slots=True)
class Pages:
    """Renders templates for one controller."""

    controller_name: str
    zone: ZoneInfo
    environment: Environment

    def render(self, template: str, *, language: str, today: date, here: str, **values: Any) -> str:
        """The page as text. `here` is the path that the language links lead back to."""
        return self.environment.get_template(template).render(
            controller_name=self.controller_name,
            language=language,
            language_links=language_links(here),
            style=_style_address(),
            t=partial(_words, language),
            word=lambda place, name: known_word(place, name, language),
            day=lambda value: day_words(value, language),
            moment=lambda value, seconds=False: time_words(value, language, self.zone, seconds=seconds),
            clock=lambda value: clock_words(value, language, self.zone, seconds=True),
            days_left=lambda value: days_left_words(value, today, language),
            urgency=lambda value: urgency(value, today),
            **values,
        )


def build_pages(controller_name: str, zone: ZoneInfo) -> Pages:
    """The environment, loaded once: templates do not change while the service runs."""
    environment = Environment(
        loader=FileSystemLoader(_HOME / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        auto_reload=False,
        cache_size=-1,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters: dict[str, Callable[..., Any]] = {"visible": visible, "one_line": one_line, "iso": _iso}
    environment.filters.update(filters)
    return Pages(controller_name, zone, environment)


def language_links(here: str) -> tuple[tuple[str, str], ...]:
    """Each language with the address that shows this page in it."""
    path, _, query = here.partition("?")
    kept = "&".join(part for part in query.split("&") if part and not part.startswith("lang="))
    return tuple((name, f"{path}?{kept + '&' if kept else ''}lang={name}") for name in ("fi", "sv", "en"))


def _words(language: str, key: str, /, **facts: object) -> str:
    return say(f"desk.{key}", language, **facts)


def _iso(value: date | datetime) -> str:
    return value.isoformat()


def _style_address() -> str:
    return f"/static/desk.css?v={_STYLE_VERSION}"


_STYLE_VERSION = hashlib.sha256(STATIC["desk.css"][1]).hexdigest()[:12]
