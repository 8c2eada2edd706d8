"""What a reply must hold and must not, looked at before a person approves it, and again after a person has changed it.

Every finding is a named reason without personal data, fit for an event, the desk and a log alike:

`NO_SUBJECT`, `NO_REFERENCE`, `PLACEHOLDER`, `IDENTITY_CODE`, `OTHER_CUSTOMER`, `NO_COMPLAINT`, `MISSING_SECTION:4`,
`REGISTER_DATA:invoices.amount`, `DATA_WITHOUT_DOSSIER`.
"""

import re
from collections.abc import Collection, Iterator

from replies.catalogue import TEMPLATES
from replies.notice import LANGUAGES, Notice
from replies.printing import one_line
from replies.render import Words
from store.models import Dossier
from store.models.masking import holds_identity_code, mask_identity_codes

ACCESS_SECTIONS = range(1, 13)
"""Numbered headings that an access reply has (GDPR Art. 15; DOMAIN 2.3)."""

_PLACEHOLDER_SIGNS = ("{{", "}}", "{%", "%}", "TODO", "XXX")
_PLACEHOLDER = re.compile(r"\{\{|\}\}|\{%|%\}|\bTODO\b|\bXXX+\b")
_HEADING = re.compile(r"^(\d{1,2})\. .+\n-{3,}$", re.MULTILINE)


def problems(
    words: Words,
    *,
    template: str,
    holds_data: bool,
    reference: str,
    notice: Notice,
    dossier: Dossier | None = None,
    other_identifiers: Collection[str] = (),
) -> tuple[str, ...]:
    """Named reasons why `words` should not leave; empty when all is well.

    `dossier` is that of the customer whom the reply concerns: a reply that holds data may print it, another may not
    print any value of it but the name (INV-1). `other_identifiers` are numbers and addresses of other customers: none
    may appear.
    """
    text = f"{words.subject}\n{words.text}"
    found = []
    if not words.subject.strip() or "\n" in words.subject:
        found.append("NO_SUBJECT")
    if reference not in text:
        found.append("NO_REFERENCE")
    if any(sign in text for sign in _PLACEHOLDER_SIGNS):  # which is rare, and found at once
        own_words = _without(text, tuple(_pieces(dossier))) if holds_data and dossier else text
        if _PLACEHOLDER.search(own_words):
            found.append("PLACEHOLDER")
    if holds_identity_code(text):
        found.append("IDENTITY_CODE")
    if any(_stands_in(identifier, text) for identifier in other_identifiers):
        found.append("OTHER_CUSTOMER")
    if TEMPLATES[template].rights and not _tells_how_to_complain(text, notice):
        found.append("NO_COMPLAINT")
    if template == "access":
        headings = {int(number) for number in _HEADING.findall(text)}
        found += [f"MISSING_SECTION:{number}" for number in ACCESS_SECTIONS if number not in headings]
    if holds_data and dossier is None:
        found.append("DATA_WITHOUT_DOSSIER")
    if not holds_data and dossier:
        theirs = _without(text, [*_own_lines(notice), reference])
        found += dict.fromkeys(
            f"REGISTER_DATA:{name}" for name, value in _telling_values(dossier) if _stands_in(value, theirs)
        )
    return tuple(found)


def _telling_values(dossier: Dossier) -> Iterator[tuple[str, str]]:
    """Values that tell something, and their place: numbers, addresses, sentences; no name, no `paid`."""
    yield "customer_number", dossier.customer_key
    for category in dossier.categories:
        for item in category.items:
            for key, raw in item.fields:
                value = one_line(raw)
                if value != dossier.customer_name and _tells(value):
                    yield f"{category.key}.{key}", value


def _pieces(dossier: Dossier) -> Iterator[str]:
    """Every line that the dossier puts into a reply that holds data."""
    for category in dossier.categories:
        for item in category.items:
            for _, value in item.fields:
                yield from (one_line(line) for line in mask_identity_codes(value)[0].splitlines())
                yield one_line(mask_identity_codes(value)[0])
    yield from (
        one_line(words) for disclosed in dossier.disclosures for words in (disclosed.recipient, disclosed.purpose)
    )
    yield from (one_line(purpose) for _, purpose in dossier.views)


def _tells(value: str) -> bool:
    if re.fullmatch(r"\d{4}-\d\d-\d\d", value):
        return False  # a bare date is never printed so, and in another look it may be the date of the reply
    has_number = any(char.isdigit() for char in value)
    return len(value) >= 4 and (has_number or "@" in value or value.count(" ") >= 2)


def _stands_in(value: str, text: str) -> bool:
    """Whether `value` stands in `text` by itself, not as a part of a longer word or number."""
    if not value or value not in text:
        return False
    return re.search(rf"(?<!\w){re.escape(value)}(?!\w)", text) is not None


def _without(text: str, values: Collection[str]) -> str:
    for value in sorted(values, key=len, reverse=True):
        text = text.replace(value, " ") if value else text
    return text


def _tells_how_to_complain(text: str, notice: Notice) -> bool:
    named = any(notice.complaint.name[language] in text for language in LANGUAGES)
    return named and notice.complaint.email in text


def _own_lines(notice: Notice) -> list[str]:
    """What every reply prints of the controller itself; a customer in the same town shares some of it."""
    controller = notice.controller
    return [
        f"{controller.street}, {controller.postal_code} {controller.city}",
        controller.business_id,
        notice.contact_person.phone,
        notice.contact_person.email,
        notice.complaint.email,
        notice.complaint.phone,
        *(notice.complaint.address[language] for language in LANGUAGES),
    ]
