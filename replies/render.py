"""Turns a template of the package and a context into words, so that no value can be anything but a value.

The templates are files signed off with the program; nothing from outside is ever compiled (THREATS 22). A template that
names something that is not there fails, and everything that it prints goes through `replies.printing`.
"""

import re
from dataclasses import dataclass, fields
from functools import cache
from typing import Any

from jinja2 import PackageLoader, StrictUndefined, Template
from jinja2.sandbox import ImmutableSandboxedEnvironment

from replies.context import VIEWS, ReplyContext
from replies.notice import LANGUAGES, ReplyLanguage
from replies.printing import printed

_CONTEXT_NAMES = tuple(field.name for field in fields(ReplyContext))
_OWN_FIELDS = frozenset((view, field.name) for view in VIEWS for field in fields(view))
_BLANK_LINES = re.compile(r"\n{3,}")
_BLANKS_AT_LINE_END = re.compile(r"[^\S\n]+$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Words:
    """What a reply says: one line of subject, and plain text with `\\n` line ends.

    The text keeps a small convention that reads well as mail and that `replies.letter` lays out: a line underlined with
    hyphens is a heading, `- ` begins an item of a list, two spaces begin a `label: value` line, four continue it.
    """

    subject: str
    text: str


def render(template: str, context: ReplyContext) -> Words:
    """The words of `template` in the context's language; its first line is the subject.

    Raises `jinja2.UndefinedError` for what the context lacks, `ValueError` for a language that replies do not speak.
    """
    whole = _compiled(template, context.language).render({name: getattr(context, name) for name in _CONTEXT_NAMES})
    subject, _, body = whole.lstrip().partition("\n")
    text = _BLANK_LINES.sub("\n\n", _BLANKS_AT_LINE_END.sub("", body)).strip("\n")
    return Words(subject=" ".join(subject.split()), text=text + "\n")


@cache
def _compiled(template: str, language: ReplyLanguage) -> Template:
    if language not in LANGUAGES:
        raise ValueError(f"replies are written in {', '.join(LANGUAGES)}, not in {language!r}")
    return environment(language).get_template(f"{language}/{template}.j2")


class _Sandbox(ImmutableSandboxedEnvironment):
    """The library's, which looks anew at every attribute of every value; those of our own frozen views are known."""

    def getattr(self, obj: Any, attribute: str) -> Any:
        """What `obj.attribute` in a template gives; undefined where it is not safe."""
        return getattr(obj, attribute) if (type(obj), attribute) in _OWN_FIELDS else super().getattr(obj, attribute)


@cache
def environment(language: ReplyLanguage) -> ImmutableSandboxedEnvironment:
    """The one place where templates are compiled: sandboxed, strict, from the package's own files only."""

    def finalize(value: object) -> object:
        return printed(value, language)

    # No autoescape: the output is plain text, never HTML, and `printed` guards every value.
    return _Sandbox(
        loader=PackageLoader("replies", "templates"),
        undefined=StrictUndefined,
        finalize=finalize,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
