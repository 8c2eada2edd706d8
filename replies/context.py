"""All that a template may see: frozen views, in one language, with every key of the register already in words.

A template has no way to the register, to a message or to a clock. What it may print about a customer is the `HeldView`,
and only a template of the catalogue that holds data gets one.
"""

from dataclasses import dataclass
from datetime import date

from replies.matter_views import MATTER_VIEWS, MatterView
from replies.notice import Notice, ReplyLanguage


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
    masked: tuple[tuple[str, int], ...] = ()
    """What was taken out of it, in words, and how often."""


@dataclass(frozen=True, slots=True)
class GroupView:
    """Things of one kind that stand together."""

    kind: str
    """Its key in the register."""
    label: str
    items: tuple[ItemView, ...]


@dataclass(frozen=True, slots=True)
class CategoryView:
    """One category of the notice, and what is held under it about this customer."""

    key: str
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
class LeftOutView:
    """What was left out or masked: why, of which category, how often (0: a number would tell of another)."""

    why: str
    category: str
    count: int


@dataclass(frozen=True, slots=True)
class HeldView:
    """All that is held about one customer, ready to print."""

    anything: bool
    """False when the register holds nothing but the name and number."""
    as_of: date
    """Local date of the snapshot."""
    heading: tuple[FieldView, ...]
    """Name and customer number."""
    categories: tuple[CategoryView, ...]
    recipients: tuple[RecipientView, ...]
    processors: tuple[RecipientView, ...]
    """Standing recipients of the notice that have data of a category in which something is held, and are not logged."""
    views: tuple[ViewedView, ...]
    left_out: tuple[LeftOutView, ...]


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
    by_letter: bool = False
    """Whether the answer goes on paper: then the copy follows the letter, and no file can."""
    matter: MatterView | None = None
    """The data of the one ordinary topic that the template answers."""


VIEWS = (
    *(NoticeView, FieldView, ItemView, GroupView, CategoryView),
    *(RecipientView, ViewedView, LeftOutView, HeldView),
    *MATTER_VIEWS,
)
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
