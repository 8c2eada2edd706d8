"""What of a dossier answers one matter: the invoice that is meant, the turns of the months, nothing of another's."""

from datetime import UTC, datetime
from typing import Any

import pytest

from store.database import Database
from store.dossier.matters import BOUNDARY, TOPICS, matter
from store.models import Dossier, Source
from store.register_import import add_customer

NOW = datetime(2026, 3, 2, 10, tzinfo=UTC)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def add(database: Database, number: str, name: str, **parts: Any) -> int:
    entry = {"customer_number": number, "kind": "person", "name": name, **parts}
    return database.write_now(lambda session: add_customer(session, entry, source=Source.MIGRATION, now=LONG_AGO))


def read(database: Database, customer_id: int, topic: str, *named: str) -> Dossier:
    return database.read_now(lambda session: matter(session, customer_id, NOW, topic=topic, named=named))


def told(found: Dossier, key: str) -> list[str]:
    return [value for one in found.categories for item in one.items for name, value in item.fields if name == key]


def record(category: str, kind: str, **fields: Any) -> dict[str, Any]:
    return {"category": category, "kind": kind, "fields": fields}


INVOICES = [
    record("invoices", "invoice", number="L-2025-7", reference="1009", invoiced_on="2025-11-10", total="1.00"),
    record("invoices", "invoice", number="L-2026-8", reference="2008", invoiced_on="2026-02-01", total="2.00"),
    record("invoices", "payment", reference="1009", amount="1.00", paid_on="2025-11-20"),
    record("contacts", "call", summary="Soitti laskusta."),
]


@pytest.fixture
def aino(database: Database) -> int:
    contacts = [{"kind": "phone", "value": "+358400000011"}, {"kind": "email", "value": "aino.esimerkkila@posti.test"}]
    return add(database, "100234", "Aino Esimerkkilä", records=INVOICES, contacts=contacts)


@pytest.mark.parametrize(
    ("named", "number"),
    [
        ((), ["L-2026-8"]),
        (("20257",), ["L-2025-7"]),
        (("0001009",), ["L-2025-7"]),
        (("2025-11",), ["L-2025-7"]),
        (("100234",), ["L-2026-8"]),
        (("0400000011",), ["L-2026-8"]),
        (("2024-01",), []),
        (("777777",), []),
    ],
)
def test_the_invoice_that_is_meant_comes_alone(
    database: Database, aino: int, named: tuple[str, ...], number: list[str]
):
    """By number, reference or month; own numbers of another sense name none; a name that fits none gives none."""
    found = read(database, aino, "invoice_copy", *named)
    assert told(found, "number") == number
    assert told(found, "summary") == told(found, "paid_on") == []


@pytest.mark.parametrize("topic", sorted(TOPICS))
def test_no_topic_has_tickets_views_recipients_or_calls(database: Database, aino: int, topic: str):
    found = read(database, aino, topic)
    assert (found.disclosures, found.views, found.left_out) == ((), (), ())
    assert told(found, "summary") == []


def reading(meter: str, read_at: str, mwh: float) -> dict[str, Any]:
    return {"meter": meter, "read_at": read_at, "mwh": mwh}


def test_readings_stand_for_the_turns_of_months_and_far_ones_do_not(database: Database):
    """Local midnight of the first, up to three days beside it; older than two years is not told."""
    readings = [
        reading("LM1", "2023-12-31T22:00:00+00:00", 1.0),
        reading("LM1", "2025-12-30T12:00:00+00:00", 10.5),
        reading("LM1", "2026-01-15T00:00:00+00:00", 11.0),
        reading("LM1", "2026-02-02T00:00:00+00:00", 12.25),
        reading("LM1", "2026-02-28T22:00:00+00:00", 13.0),
    ]
    found = read(database, add(database, "1", "Eino Mallikas", readings=readings), "consumption")
    assert told(found, BOUNDARY) == ["2026-01", "2026-02", "2026-03"]
    assert told(found, "mwh") == ["10.5", "12.25", "13.0"]


def test_the_use_of_heat_before_their_time_is_not_told(database: Database):
    """The house was bought in December 2025: what was used there before is another's."""
    site = {**record("property", "site", property_id="999-401-1-1"), "valid_from": "2025-12-01"}
    contract = {**record("contracts", "heat_contract", number="LS-1", meter="LM1"), "valid_from": "2025-12-01"}
    months = ("2025-09-30", "2025-10-31", "2025-11-30", "2025-12-31", "2026-01-31")
    readings = [reading("LM1", f"{day}T22:00:00+00:00", 10.0 + place) for place, day in enumerate(months)]
    buyer = add(database, "2", "Astrid Påhitt", records=[site, contract], readings=readings)
    assert told(read(database, buyer, "consumption"), BOUNDARY) == ["2025-12", "2026-01", "2026-02"]
    assert told(read(database, buyer, "meter_reading"), "mwh") == ["14.0"]


def test_a_contact_that_has_ended_is_not_confirmed(database: Database):
    contacts = [
        {"kind": "postal", "value": "Vanhakuja 1\n85100 Kalajoki", "status": "ended"},
        {"kind": "postal", "value": "Testikuja 3\n85100 Kalajoki"},
    ]
    found = read(database, add(database, "3", "Eino Mallikas", contacts=contacts), "contact_change")
    assert told(found, "postal") == ["Testikuja 3\n85100 Kalajoki"]


def test_a_topic_without_data_has_no_part_of_the_register(database: Database, aino: int):
    with pytest.raises(KeyError):
        read(database, aino, "outage")
