"""The golden dossier: a canary in every field, in its owner's files once a form and in nobody else's."""

import io
import zipfile
from datetime import UTC, datetime
from typing import Any

import pypdfium2
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import Session

from bot.copies import CopyOrder, make_copy
from replies.notice import LANGUAGES, NOTICE_OF_THE_DEMO, ReplyLanguage, load_notice
from store.database import Database
from store.models import Source
from store.register_import import add_customer

NOTICE = load_notice(NOTICE_OF_THE_DEMO)
THEN, NOW = datetime(2026, 3, 2, 10, tzinfo=UTC), datetime(2026, 3, 9, 10, tzinfo=UTC)
CATEGORIES = [one.key for one in NOTICE.categories]
ROLES = ["owner", "co_owner", "tenant", "payer", "property_manager", "guardian", "contact", "caretaker", "agent"]


class Planting:
    """Gives out canaries and remembers whose they are."""

    def __init__(self) -> None:
        self.owner: dict[str, str] = {}

    def value(self, number: str) -> str:
        canary = f"kanaria{len(self.owner):04}ö"
        self.owner[canary] = number
        return canary

    def entry(self, number: str, *, records: int = 1, roles: tuple[tuple[str, str], ...] = ()) -> dict[str, Any]:
        """A customer with a canary in every field that can hold one."""

        def plant() -> str:
            return self.value(number)

        return {
            "customer_number": number,
            "kind": "person",
            "name": f"Nimi {plant()}",
            "contacts": [
                {"kind": "email", "value": f"{plant()}@posti.test"},
                {"kind": "postal", "value": f"Testikuja {plant()}\n85100 Kalajoki"},
            ],
            "identifiers": [
                {"kind": kind, "value": plant()}
                for kind in ("contract", "property", "meter", "invoice", "payment_reference", "iban", "business_id")
            ],
            "records": [
                {
                    "category": category,
                    "kind": f"thing_{place}",
                    "fields": {"number": plant(), "note": f"Sanoja {plant()} muita", "list": [plant(), {"a": plant()}]},
                }
                for category in CATEGORIES
                for place in range(records)
            ],
            "readings": [{"meter": plant(), "read_at": THEN.isoformat(), "mwh": 1.5, "quality": plant()}],
            "disclosures": [
                {"recipient": plant(), "purpose": plant(), "categories": ["basic"], "first_on": "2026-01-01",
                 "last_on": "2026-02-01"}
            ],
            "roles": [{"kind": kind, "for": other} for kind, other in roles],
        }  # fmt: skip


def forms(database: Database, customer_id: int, language: ReplyLanguage) -> dict[str, str]:
    """The texts of both files, the ZIP by its two forms."""
    order = CopyOrder(customer_id, NOW, False, language, "7F3K-92QX", "access", "Europe/Helsinki")
    pdf, package = make_copy(database.url, order, NOTICE)
    document = pypdfium2.PdfDocument(pdf.content)
    text = "\n".join(page.get_textpage().get_text_range() for page in document)
    document.close()
    with zipfile.ZipFile(io.BytesIO(package.content)) as archive:
        members = {name: archive.read(name).decode("utf-8") for name in archive.namelist()}
    tables = "\n".join(content for name, content in members.items() if name.endswith(".csv"))
    assert "kanaria" not in members["README.txt"] + members["schema.json"]
    return {"pdf": text, "json": members["dossier.json"], "csv": tables}


def assert_each_once(database: Database, planting: Planting, ids: dict[str, int], language: ReplyLanguage) -> None:
    for number, customer_id in ids.items():
        for form, text in forms(database, customer_id, language).items():
            found = {canary: text.count(canary) for canary in planting.owner if canary in text}
            own = dict.fromkeys((canary for canary, owner in planting.owner.items() if owner == number), 1)
            assert found == own, f"{form} of {number}"


def put_in(database: Database, entries: dict[str, dict[str, Any]]) -> dict[str, int]:
    def work(session: Session) -> dict[str, int]:
        return {
            number: add_customer(session, entry, source=Source.MIGRATION, now=THEN) for number, entry in entries.items()
        }

    return database.write_now(work)


def test_every_planted_value_is_in_its_owners_files_once_a_form_and_in_nobody_elses(database: Database) -> None:
    planting = Planting()
    entries = {"1": planting.entry("1"), "2": planting.entry("2"), "3": planting.entry("3", roles=(("co_owner", "1"),))}
    ids = put_in(database, entries)
    for language in LANGUAGES:
        assert_each_once(database, planting, ids, language)


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    roles=st.lists(st.tuples(st.integers(1, 3), st.sampled_from(ROLES), st.integers(0, 2)), max_size=6, unique=True),
    records=st.integers(0, 3),
    language=st.sampled_from(LANGUAGES),
)
def test_no_package_of_any_register_ever_holds_anothers_canary(
    sqlite_database: Database, roles: list[tuple[int, str, int]], records: int, language: ReplyLanguage
) -> None:
    planting = Planting()
    start = str(datetime.now(UTC).timestamp()).replace(".", "")
    entries = {}
    for place in range(4):
        held = tuple((kind, f"{start}-{other}") for holder, kind, other in roles if holder == place and other < place)
        entries[f"{start}-{place}"] = planting.entry(f"{start}-{place}", records=records, roles=held)
    assert_each_once(sqlite_database, planting, put_in(sqlite_database, entries), language)
