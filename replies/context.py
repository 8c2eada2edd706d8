"""All that a template may see: frozen views, in one language, with every key of the register already in words.

A template has no way to the register, to a message or to a clock. What it may print about a customer is the `HeldView`,
and only a template of the catalogue that holds data gets one.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from zoneinfo import ZoneInfo

from replies.notice import Basis, Category, FieldLabel, Notice, ReplyLanguage, Text
from replies.printing import one_line, print_date, print_number
from store.models import Dossier, Held, HeldCategory
from store.models.masking import mask_identity_codes

COMPACT_FROM = 7
"""So many things of one kind, or more, are printed one a line: a series of readings is a list, not a pile of forms."""

_BASES = {
    "6(1)(a)": Text(fi="suostumus", sv="samtycke", en="consent"),
    "6(1)(b)": Text(fi="sopimus", sv="avtal", en="contract"),
    "6(1)(c)": Text(fi="lakisääteinen velvoite", sv="rättslig förpliktelse", en="legal obligation"),
    "6(1)(d)": Text(fi="elintärkeä etu", sv="grundläggande intresse", en="vital interest"),
    "6(1)(e)": Text(fi="yleinen etu", sv="allmänt intresse", en="public interest"),
    "6(1)(f)": Text(fi="oikeutettu etu", sv="berättigat intresse", en="legitimate interest"),
}
_ARTICLE = Text(fi="6 artiklan 1 kohdan {} alakohta", sv="artikel 6.1 {}", en="Article 6(1) point ({})")


@dataclass(frozen=True, slots=True)
class NoticeView:
    """The notice in the language of the reply, as far as replies print it."""

    controller: str
    business_id: str
    address: str
    contact: str
    contact_title: str
    phone: str
    email: str
    register: str
    url: str
    version: str
    dated: date
    fingerprint: str
    authority: str
    authority_address: str
    authority_phone: str
    authority_email: str
    authority_website: str
    transfers: str
    automated_decisions: str
    requests_kept: str
    """How long requests like this one are kept: the retention of the category `contacts`; empty if there is none."""


@dataclass(frozen=True, slots=True)
class FieldView:
    """One value with its label; `more` are the lines of a text of several, whose `value` is then empty."""

    label: str
    value: str
    more: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ItemView:
    """One thing held, with its source and date."""

    fields: tuple[FieldView, ...]
    source: str
    recorded_on: date


@dataclass(frozen=True, slots=True)
class GroupView:
    """Things of one kind that stand together."""

    label: str
    items: tuple[ItemView, ...]
    compact: bool


@dataclass(frozen=True, slots=True)
class CategoryView:
    """One category of the notice, and what is held under it about this customer."""

    label: str
    purpose: str
    bases: str
    """`sopimus, 6 artiklan 1 kohdan b alakohta`; several joined by semicolons."""
    interest: str
    retention: str
    sources: str
    """The true sources of this customer's data, joined by commas; empty where nothing is held."""
    groups: tuple[GroupView, ...]


@dataclass(frozen=True, slots=True)
class RecipientView:
    """Who got data, or gets them as a rule (then without dates)."""

    name: str
    purpose: str
    first_on: date | None = None
    last_on: date | None = None


@dataclass(frozen=True, slots=True)
class ViewedView:
    """A day on which the data were looked at, and why."""

    on: date
    purpose: str


@dataclass(frozen=True, slots=True)
class HeldView:
    """All that is held about one customer, ready to print."""

    anything: bool
    """False when the register holds nothing but the name and number."""
    as_of: date
    """Local date of the snapshot."""
    heading: tuple[FieldView, ...]
    """Name and customer number, as far as no item of the copy shows them."""
    categories: tuple[CategoryView, ...]
    recipients: tuple[RecipientView, ...]
    processors: tuple[RecipientView, ...]
    """Standing recipients of the notice that have data of a category in which something is held, and are not logged."""
    views: tuple[ViewedView, ...]
    masked: int
    """How many identity codes were cut short (Tietosuojalaki 29 §)."""


@dataclass(frozen=True, slots=True)
class ReplyContext:
    """The names that stand in templates."""

    language: ReplyLanguage
    template: str
    rights: bool
    reference: str
    received_on: date | None
    today: date | None
    due_on: date | None
    on_call: str
    desk_url: str
    notice: NoticeView | None
    held: HeldView | None


VIEWS = (NoticeView, FieldView, ItemView, GroupView, CategoryView, RecipientView, ViewedView, HeldView)
"""Every class whose fields a template may read."""


def view_notice(notice: Notice, language: ReplyLanguage) -> NoticeView:
    """The notice as replies in `language` print it."""
    return NoticeView(
        controller=notice.controller.name,
        business_id=notice.controller.business_id,
        address=f"{notice.controller.street}, {notice.controller.postal_code} {notice.controller.city}",
        contact=notice.contact_person.name,
        contact_title=notice.contact_person.title[language],
        phone=notice.contact_person.phone,
        email=notice.contact_person.email,
        register=notice.register_.name[language],
        url=notice.url,
        version=notice.version,
        dated=notice.dated,
        fingerprint=notice.fingerprint,
        authority=notice.complaint.name[language],
        authority_address=notice.complaint.address[language],
        authority_phone=notice.complaint.phone,
        authority_email=notice.complaint.email,
        authority_website=notice.complaint.website,
        transfers=notice.transfers[language],
        automated_decisions=notice.automated_decisions[language],
        requests_kept=next((one.retention[language] for one in notice.categories if one.key == "contacts"), ""),
    )


def view_dossier(dossier: Dossier, notice: Notice, language: ReplyLanguage, time_zone: str) -> HeldView:
    """What is held, by category of the notice in its order; a category that the notice does not know comes last."""
    speaker = _Speaker(notice, language, ZoneInfo(time_zone))
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
        masked=speaker.masked,
    )


class _Speaker:
    """Puts one dossier into the words of one language, and counts what it had to mask."""

    def __init__(self, notice: Notice, language: ReplyLanguage, zone: ZoneInfo) -> None:
        self.labels = notice.labels
        self.sources = notice.sources.names
        self.language: ReplyLanguage = language
        self.zone = zone
        self.masked = 0
        self._looks: dict[str, Callable[[str], str]] = {
            "date": self._date,
            "number": self._number,
            "address": lambda value: ", ".join(line.strip() for line in value.splitlines() if line.strip()),
        }

    def category(self, category: Category, held: HeldCategory | None) -> CategoryView:
        items = held.items if held else ()
        return CategoryView(
            label=category.label[self.language],
            purpose=category.purpose[self.language],
            bases="; ".join(self._ground(basis) for basis in category.legal_basis),
            interest=category.interest[self.language] if category.interest else "",
            retention=category.retention[self.language],
            sources=self._sources(items),
            groups=self._groups(items),
        )

    def unknown_category(self, held: HeldCategory) -> CategoryView:
        """Nothing held is left out because the notice forgot it."""
        return CategoryView(_readable(held.key), "", "", "", "", self._sources(held.items), self._groups(held.items))

    def heading(self, dossier: Dossier) -> tuple[FieldView, ...]:
        shown = {value for category in dossier.categories for item in category.items for _, value in item.fields}
        facts = (("name", dossier.customer_name), ("customer_number", dossier.customer_key))
        return tuple(self._field(key, value) for key, value in facts if value not in shown)

    def purpose(self, purpose: str) -> str:
        words = self.labels.purposes.get(purpose)
        return words[self.language] if words else purpose

    def _ground(self, basis: Basis) -> str:
        return f"{_BASES[basis][self.language]}, {_ARTICLE[self.language].replace('{}', basis[-2])}"

    def _sources(self, items: tuple[Held, ...]) -> str:
        return ", ".join(dict.fromkeys(self._source(item.source) for item in items))

    def _source(self, source: str) -> str:
        name = self.sources.get(source)
        return name[self.language] if name else _readable(source)

    def _groups(self, items: tuple[Held, ...]) -> tuple[GroupView, ...]:
        by_kind: dict[str, list[Held]] = {}
        for item in items:
            by_kind.setdefault(item.kind, []).append(item)
        groups = []
        for kind, alike in by_kind.items():
            together = tuple(
                ItemView(
                    tuple(self._field(key, value) for key, value in item.fields),
                    self._source(item.source),
                    item.recorded_on,
                )
                for item in alike
            )
            label = self.labels.kinds.get(kind)
            words = label[self.language] if label else _readable(kind)
            groups.append(GroupView(words, together, compact=len(together) >= COMPACT_FROM))
        return tuple(groups)

    def _field(self, key: str, value: str) -> FieldView:
        value, codes = mask_identity_codes(value)
        self.masked += codes
        outer, dot, inner = key.partition(".")
        label = self.labels.fields.get(outer)
        if label is None:
            return FieldView(_readable(key), one_line(value))
        if dot:
            return FieldView(f"{label[self.language]}: {_readable(inner)}", one_line(value))
        return self._labelled(label, value)

    def _labelled(self, label: FieldLabel, value: str) -> FieldView:
        name = label[self.language]
        lines = tuple(line for line in map(one_line, value.splitlines()) if line) if label.format == "text" else ()
        if len(lines) > 1:
            return FieldView(name, "", lines)
        if label.values:
            parts = value.split(", ")
            words = [label.values.get(part.casefold()) for part in parts]
            return FieldView(
                name,
                ", ".join(
                    word[self.language] if word else one_line(part) for word, part in zip(words, parts, strict=True)
                ),
            )
        look = self._looks.get(label.format)
        shown = one_line(look(value) if look else value)
        return FieldView(name, f"{shown} {label.unit}" if label.unit and shown else shown)

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
