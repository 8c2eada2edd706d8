"""A dossier in the words of one language: every key of the register named, every value in the look that people read.

`view_dossier` gives what templates and the readable copy print; the `Speaker` also names the columns of tables.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal, InvalidOperation
from math import isfinite
from zoneinfo import ZoneInfo

from replies.context import (
    CategoryView,
    FieldView,
    GroupView,
    HeldView,
    ItemView,
    LeftOutView,
    RecipientView,
    ViewedView,
)
from replies.notice import Basis, Category, FieldLabel, Notice, ReplyLanguage, Text
from replies.package_words import say_reason
from replies.printing import one_line, print_date, print_number
from store.models import Dossier, Held, HeldCategory
from store.models.masking import mask_identity_codes

_BASES = {
    "6(1)(a)": Text(fi="suostumus", sv="samtycke", en="consent"),
    "6(1)(b)": Text(fi="sopimus", sv="avtal", en="contract"),
    "6(1)(c)": Text(fi="lakisääteinen velvoite", sv="rättslig förpliktelse", en="legal obligation"),
    "6(1)(d)": Text(fi="elintärkeä etu", sv="grundläggande intresse", en="vital interest"),
    "6(1)(e)": Text(fi="yleinen etu", sv="allmänt intresse", en="public interest"),
    "6(1)(f)": Text(fi="oikeutettu etu", sv="berättigat intresse", en="legitimate interest"),
}
_ARTICLE = Text(fi="6 artiklan 1 kohdan {} alakohta", sv="artikel 6.1 {}", en="Article 6(1) point ({})")


def view_dossier(dossier: Dossier, notice: Notice, language: ReplyLanguage, time_zone: str) -> HeldView:
    """What is held, by category of the notice in its order; a category that the notice does not know comes last."""
    dossier = cleaned(dossier)
    speaker = Speaker(notice, language, ZoneInfo(time_zone), dossier.labels)
    held = {category.key: category for category in dossier.categories}
    known = [speaker.category(category, held.pop(category.key, None)) for category in notice.categories]
    unknown = [speaker.unknown_category(category) for category in held.values()]
    filled = {category.key for category in dossier.categories if category.items}
    logged = {disclosed.recipient.casefold() for disclosed in dossier.disclosures}
    return HeldView(
        anything=bool(filled),
        as_of=dossier.as_of.astimezone(speaker.zone).date(),
        heading=speaker.heading(dossier),
        categories=(*known, *unknown),
        recipients=tuple(
            RecipientView(one.recipient, speaker.purpose(one.purpose), one.first_on, one.last_on)
            for one in dossier.disclosures
        ),
        processors=tuple(
            RecipientView(one.name, one.role[language])
            for one in notice.disclosures.recipients
            if filled.intersection(one.categories) and one.name.casefold() not in logged
        ),
        views=tuple(ViewedView(on, speaker.purpose(purpose)) for on, purpose in dossier.views),
        left_out=speaker.left_out(dossier),
    )


def cleaned(dossier: Dossier) -> Dossier:
    """The same without an identity code in any value, and with the count of those cut (Tietosuojalaki 29 §)."""
    return replace(
        dossier,
        categories=tuple(
            replace(category, items=tuple(map(_without_codes, category.items))) for category in dossier.categories
        ),
    )


def _without_codes(item: Held) -> Held:
    masked = [mask_identity_codes(value) for _, value in item.fields]
    codes = sum(count for _, count in masked)
    if not codes:
        return item
    counts = Counter(dict(item.masked)) + Counter({"IDENTITY_CODE": codes})
    fields = tuple((key, value) for (key, _), (value, _) in zip(item.fields, masked, strict=True))
    return replace(item, fields=fields, masked=tuple(sorted(counts.items())))


class Speaker:
    """Puts one dossier into the words of one language."""

    def __init__(
        self, notice: Notice, language: ReplyLanguage, zone: ZoneInfo, mapped: Mapping[str, Mapping[str, str]]
    ) -> None:
        self.labels = notice.labels
        self.mapped = mapped
        self.sources = notice.sources.names
        self.language: ReplyLanguage = language
        self.zone = zone
        self._categories = {one.key: one.label[language] for one in notice.categories}
        self._looks: dict[str, Callable[[str], str]] = {
            "date": self._date,
            "number": self._number,
            "address": lambda value: ", ".join(line.strip() for line in value.splitlines() if line.strip()),
        }

    def category(self, category: Category, held: HeldCategory | None) -> CategoryView:
        """A category of the notice with what is held under it."""
        items = held.items if held else ()
        return CategoryView(
            key=category.key,
            label=category.label[self.language],
            purpose=category.purpose[self.language],
            bases="; ".join(self._ground(basis) for basis in category.legal_basis),
            interest=category.interest[self.language] if category.interest else "",
            retention=category.retention[self.language],
            sources=self._sources(items),
            groups=self._groups(category.key, items),
        )

    def unknown_category(self, held: HeldCategory) -> CategoryView:
        """Nothing held is left out because the notice forgot it."""
        groups = self._groups(held.key, held.items)
        return CategoryView(held.key, _readable(held.key), "", "", "", "", self._sources(held.items), groups)

    def heading(self, dossier: Dossier) -> tuple[FieldView, ...]:
        """Whose data these are."""
        facts = (("name", dossier.customer_name), ("customer_number", dossier.customer_key))
        return tuple(self._field("basic", "customer", key, value) for key, value in facts)

    def left_out(self, dossier: Dossier) -> tuple[LeftOutView, ...]:
        """What was left out as a whole, then what was masked within what is told."""
        within: Counter[tuple[str, str]] = Counter()
        for category in dossier.categories:
            for item in category.items:
                for reason, count in item.masked:
                    within[reason, category.key] += count
        whole = [(one.reason, one.category, one.count) for one in dossier.left_out]
        return tuple(
            LeftOutView(self.reason(reason), self.category_name(category), count)
            for reason, category, count in (*whole, *((*which, count) for which, count in within.items()))
        )

    def reason(self, reason: str) -> str:
        """Why something is not told; a role of a reason is named."""
        kind, roles = reason.partition(":")[2], self.labels.fields.get("role")
        words = roles.values.get(kind) if roles else None
        return say_reason(reason, self.language, words[self.language] if words else _readable(kind).lower())

    def category_name(self, category: str) -> str:
        """The notice's name of a category."""
        return self._categories.get(category, _readable(category))

    def purpose(self, purpose: str) -> str:
        """The purpose of a view or a disclosure, in words where the notice has them."""
        words = self.labels.purposes.get(purpose)
        return words[self.language] if words else purpose

    def _ground(self, basis: Basis) -> str:
        return f"{_BASES[basis][self.language]}, {_ARTICLE[self.language].replace('{}', basis[-2])}"

    def _sources(self, items: tuple[Held, ...]) -> str:
        return ", ".join(dict.fromkeys(self.source(item.source) for item in items))

    def source(self, source: str) -> str:
        """The name of a source."""
        name = self.sources.get(source)
        return name[self.language] if name else _readable(source)

    def _groups(self, category: str, items: tuple[Held, ...]) -> tuple[GroupView, ...]:
        by_kind: dict[str, list[Held]] = {}
        for item in items:
            by_kind.setdefault(item.kind, []).append(item)
        return tuple(
            GroupView(kind, self.kind(kind), tuple(self._item(category, item) for item in alike))
            for kind, alike in by_kind.items()
        )

    def kind(self, kind: str) -> str:
        """The name of a kind of thing."""
        label = self.labels.kinds.get(kind)
        return label[self.language] if label else _readable(kind)

    def _item(self, category: str, item: Held) -> ItemView:
        fields = tuple(self._field(category, item.kind, key, value) for key, value in item.fields)
        masked = tuple((self.reason(reason), count) for reason, count in item.masked)
        return ItemView(fields, self.source(item.source), item.recorded_on, masked)

    def label(self, category: str, kind: str, key: str) -> str:
        """The name of a field: the importing mapping's for exactly this one, the notice's, the mapping's for any."""
        for place in (f"{category}.{kind}.{key}", f"{category}.*.{key}", f"*.{kind}.{key}"):
            if self.language in self.mapped.get(place, ()):
                return one_line(self.mapped[place][self.language])
        outer, dot, inner = key.partition(".")
        known = self.labels.fields.get(outer)
        if known is not None:
            return f"{known[self.language]}: {_readable(inner)}" if dot else known[self.language]
        anywhere = self.mapped.get(f"*.*.{key}") or {}
        return one_line(anywhere[self.language]) if self.language in anywhere else _readable(key)

    def unit(self, key: str) -> str:
        """The unit of a field's numbers; empty without one."""
        known = self.labels.fields.get(key)
        return known.unit if known else ""

    def in_table(self, key: str, value: str) -> str:
        """A value in a cell: known words and decimals as the language writes them, all else as the register has it."""
        known = self.labels.fields.get(key)
        if known is None:
            return value
        if known.values:
            return self._in_words(known, value)
        return self._number(value) if known.format == "number" else value

    def in_json(self, key: str, value: str) -> str | int | float:
        """A value for a machine: a number as a number where nothing of it is lost, all else as the register has it."""
        known = self.labels.fields.get(key)
        if known is None or known.format != "number":
            return value
        for read in (int, float):
            try:
                number = read(value)
            except ValueError:
                continue
            if str(number) == value and isfinite(number):
                return number
        return value

    def _field(self, category: str, kind: str, key: str, value: str) -> FieldView:
        name = self.label(category, kind, key)
        known = self.labels.fields.get(key)
        return FieldView(name, one_line(value)) if known is None else self._labelled(name, known, value)

    def _labelled(self, name: str, label: FieldLabel, value: str) -> FieldView:
        lines = tuple(line for line in map(one_line, value.splitlines()) if line) if label.format == "text" else ()
        if len(lines) > 1:
            return FieldView(name, "", lines)
        if label.values:
            return FieldView(name, self._in_words(label, value))
        look = self._looks.get(label.format)
        shown = one_line(look(value) if look else value)
        return FieldView(name, f"{shown} {label.unit}" if label.unit and shown else shown)

    def _in_words(self, label: FieldLabel, value: str) -> str:
        words = ((part, label.values.get(part.casefold())) for part in value.split(", "))
        return ", ".join(word[self.language] if word else one_line(part) for part, word in words)

    def _date(self, value: str) -> str:
        """An ISO date or moment in the language's look, a moment in local time; anything else as it stands."""
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            return value
        if len(value) <= len("2026-11-22"):
            return print_date(moment.date(), self.language)
        local = moment.astimezone(self.zone) if moment.tzinfo else moment
        return f"{print_date(local.date(), self.language)} {local:%H:%M}"

    def _number(self, value: str) -> str:
        try:
            number = Decimal(value)
        except InvalidOperation:
            return value
        return print_number(number, self.language) if number.is_finite() else value


def _readable(key: str) -> str:
    """`paper_location` as `Paper location`: better than nothing where the notice gives no label."""
    words = one_line(key.replace("_", " "))
    return words[:1].upper() + words[1:]
