"""The copy to read: a tagged PDF (PDF/A-2a and PDF/UA-1) by category of the notice, then who got and who saw the data.

Things of one kind with short values stand in a table under header cells, all others as labels with their values. A
series that would fill a book is told by its months, and where every single value stands.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from replies.context import CategoryView, FieldView, GroupView, HeldView, ItemView
from replies.held import Speaker, view_dossier
from replies.notice import Notice, ReplyLanguage
from replies.package_words import say
from replies.printing import print_date
from replies.typesetting import set_sheet, words
from store.models import Dossier, Held, HeldCategory

PRINTED = 1_000
"""So many things of one kind are printed; of more, the newest, or of readings the last of each month."""
_TABLE_FROM = 3
_TABLE_WIDTH = 104
"""Signs that fit beside each other in a table's line, nothing of it broken."""
READING = "reading"


@dataclass(frozen=True, slots=True)
class Sheet:
    """What the PDF says of itself."""

    title: str
    reference: str
    notice: Notice
    language: ReplyLanguage
    time_zone: str


@dataclass(frozen=True, slots=True)
class Shortened:
    """A kind of which not everything is printed: how many there are and how many of them are."""

    count: int
    shown: int


def readable_copy(dossier: Dossier, sheet: Sheet, files: Mapping[tuple[str, str], str]) -> bytes:
    """The PDF. `files` names the table of each category and kind. Raises `replies.typesetting.NotPrintable`."""
    printed, shortened = shorten(dossier)
    held = view_dossier(printed, sheet.notice, sheet.language, sheet.time_zone)
    if shortened:  # what was left out is counted over all
        speaker = Speaker(sheet.notice, sheet.language, ZoneInfo(sheet.time_zone), dossier.labels)
        held = replace(held, left_out=speaker.left_out(dossier))
    return set_sheet("copy", _page(held, sheet, shortened, files))


def shorten(dossier: Dossier) -> tuple[Dossier, dict[tuple[str, str], Shortened]]:
    """The dossier with no kind of more than `PRINTED` things, and what was shortened, by category and kind."""
    shortened: dict[tuple[str, str], Shortened] = {}
    categories = []
    for category in dossier.categories:
        by_kind: dict[str, list[Held]] = {}
        for item in category.items:
            by_kind.setdefault(item.kind, []).append(item)
        if all(len(items) <= PRINTED for items in by_kind.values()):
            categories.append(category)
            continue
        kept: list[Held] = []
        for kind, items in by_kind.items():
            if len(items) > PRINTED:
                shown = (last_of_each_month(items) if kind == READING else items)[-PRINTED:]
                shortened[category.key, kind] = Shortened(len(items), len(shown))
                kept += shown
            else:
                kept += items
        categories.append(HeldCategory(category.key, tuple(kept)))
    return replace(dossier, categories=tuple(categories)), shortened


def last_of_each_month(readings: Iterable[Held]) -> list[Held]:
    """Of each meter's readings the last of each month, in their own order."""
    last: dict[tuple[str, str], Held] = {}
    for item in readings:
        fields = dict(item.fields)
        place = (fields.get("meter", ""), fields.get("read_at", "")[:7])
        known = last.get(place)
        if known is None or dict(known.fields).get("read_at", "") <= fields.get("read_at", ""):
            last[place] = item
    return list(last.values())


def _page(
    held: HeldView, sheet: Sheet, shortened: Mapping[tuple[str, str], Shortened], files: Mapping[tuple[str, str], str]
) -> dict[str, Any]:
    language, notice = sheet.language, sheet.notice
    about = [
        ("register", notice.register_.name[language]),
        ("controller", f"{notice.controller.name}, {notice.controller.business_id}"),
        ("as_of", print_date(held.as_of, language)),
        ("reference", sheet.reference),
        (
            "notice",
            say("copy", "version", language, version=notice.version, dated=print_date(notice.dated, language)),
        ),
    ]
    return {
        "language": language,
        "title": words(sheet.title),
        "author": words(notice.controller.name),
        "reference": words(sheet.reference),
        "date": _day(held.as_of),
        "page_word": say("copy", "page", language),
        "about": [_fact(say("copy", key, language), value) for key, value in about],
        "lead": [say("copy", "lead", language)],
        "sections": [
            *(_category(one, language, shortened, files) for one in held.categories),
            _recipients(held, language),
            _views(held, language),
            _left_out(held, language),
        ],
    }


def _category(
    category: CategoryView,
    language: ReplyLanguage,
    shortened: Mapping[tuple[str, str], Shortened],
    files: Mapping[tuple[str, str], str],
) -> dict[str, Any]:
    why = (("purpose", category.purpose), ("basis", category.bases), ("retention", category.retention))
    return {
        "title": words(category.label),
        "facts": [_fact(say("copy", key, language), value) for key, value in why if value],
        "lead": [] if category.groups else [say("copy", "nothing", language)],
        "groups": [
            _group(group, language, _why_short(group, category, language, shortened, files))
            for group in category.groups
        ],
    }


def _why_short(
    group: GroupView,
    category: CategoryView,
    language: ReplyLanguage,
    shortened: Mapping[tuple[str, str], Shortened],
    files: Mapping[tuple[str, str], str],
) -> list[str]:
    place = (category.key, group.kind)
    cut = shortened.get(place)
    if cut is None:
        return []
    how = "months" if group.kind == READING else "newest"
    return [say("copy", how, language, count=cut.count, shown=cut.shown, file=files.get(place, ""))]


def _group(group: GroupView, language: ReplyLanguage, lead: list[str]) -> dict[str, Any]:
    columns, rows = _as_table(group.items, language)
    widths = _widths(columns, rows)
    fits = sum(widths) <= _TABLE_WIDTH and not any(_is_long(item) for item in group.items)
    told = {"title": words(group.label), "lead": lead}
    if len(rows) >= _TABLE_FROM and fits:
        return told | _chart(columns, rows, widths)
    return told | {"columns": [], "items": [_item(item, language) for item in group.items]}


def _chart(columns: list[str], rows: list[list[str]], widths: list[int]) -> dict[str, Any]:
    return {"columns": columns, "rows": rows, "widths": widths}


def _widths(columns: list[str], rows: list[list[str]]) -> list[int]:
    """Signs that each column needs: its longest value unbroken, and the longest word of its head."""
    heads = (max(map(len, column.split()), default=0) for column in columns)
    return [2 + max(head, *(len(row[place]) for row in rows)) if rows else 2 + head for place, head in enumerate(heads)]


def _is_long(item: ItemView) -> bool:
    return bool(item.masked) or any(one.more for one in item.fields)


def _as_table(items: Sequence[ItemView], language: ReplyLanguage) -> tuple[list[str], list[list[str]]]:
    labels = list(dict.fromkeys(one.label for item in items for one in item.fields))
    columns = [*map(words, labels), say("copy", "source", language), say("copy", "recorded", language)]
    rows = []
    for item in items:
        cells = {one.label: one.value for one in item.fields}
        row = [words(cells.get(label, "")) for label in labels]
        rows.append([*row, words(item.source), print_date(item.recorded_on, language)])
    return columns, rows


def _item(item: ItemView, language: ReplyLanguage) -> list[dict[str, Any]]:
    return [
        *(_field(one) for one in item.fields),
        *(_fact(say("copy", "masked", language), f"{why} ({count})") for why, count in item.masked),
        _fact(say("copy", "source", language), item.source),
        _fact(say("copy", "recorded", language), print_date(item.recorded_on, language)),
    ]


def _recipients(held: HeldView, language: ReplyLanguage) -> dict[str, Any]:
    rows = [
        [words(one.name), words(one.purpose), _date_word(one.first_on, language), _date_word(one.last_on, language)]
        for one in held.recipients
    ]
    return _log("recipients", "no_recipients", ("recipient", "purpose", "first_on", "last_on"), rows, language)


def _views(held: HeldView, language: ReplyLanguage) -> dict[str, Any]:
    rows = [[print_date(one.on, language), words(one.purpose)] for one in held.views]
    return _log("views", "no_views", ("day", "purpose"), rows, language)


def _left_out(held: HeldView, language: ReplyLanguage) -> dict[str, Any]:
    rows = [[words(one.why), words(one.category), str(one.count) if one.count else ""] for one in held.left_out]
    return _log("left_out", "nothing_left_out", ("why", "category", "count"), rows, language)


def _log(
    title: str, empty: str, columns: Iterable[str], rows: list[list[str]], language: ReplyLanguage
) -> dict[str, Any]:
    """A section that is one table; where the table is empty it says so."""
    heads = [say("copy", key, language) for key in columns]
    longest = [min(width, _TABLE_WIDTH) for width in _widths(heads, rows)]
    group = {"title": "", "lead": [], **_chart(heads, rows, longest)}
    return {
        "title": say("copy", title, language),
        "facts": [],
        "lead": [] if rows else [say("copy", empty, language)],
        "groups": [group] if rows else [],
    }


def _field(field: FieldView) -> dict[str, Any]:
    return {"label": words(field.label), "lines": [words(line) for line in field.more or (field.value,)]}


def _fact(label: str, value: str) -> dict[str, Any]:
    return {"label": words(label), "lines": [words(value)]}


def _date_word(day: date | None, language: ReplyLanguage) -> str:
    return print_date(day, language) if day is not None else ""


def _day(day: date) -> dict[str, int]:
    return {"year": day.year, "month": day.month, "day": day.day}
