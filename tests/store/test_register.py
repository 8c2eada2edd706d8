"""The dossier holds everything of one customer and nothing of another; contacts change without being overwritten."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import Session, select

from store.customers import find_candidates
from store.database import Database
from store.lifecycle import TicketState
from store.models import (
    Clues,
    ContactKind,
    ContactPoint,
    ContactStatus,
    Customer,
    Dossier,
    Message,
    Request,
    RequestKind,
    Source,
    StaffRole,
    Ticket,
    ViewLog,
)
from store.register import CATEGORIES, dossier, postal_block
from store.register_contacts import change_contact, set_contact_status
from store.register_import import add_customer
from store.sample import load_sample
from store.staff import add_member

NOW = datetime(2026, 3, 2, 10, tzinfo=UTC)
AINO = {
    "customer_number": "100234",
    "kind": "person",
    "name": "Aino Esimerkkilä",
    "contacts": [
        {"kind": "postal", "value": "Testikuja 3\n85100 Kalajoki"},
        {"kind": "email", "value": "aino.esimerkkila@posti.test", "source": "customer"},
    ],
}


def _add(database: Database, entry: dict[str, Any], now: datetime = NOW, source: Source = Source.MIGRATION) -> int:
    return database.write_now(lambda session: add_customer(session, entry, source=source, now=now))


def _dossier(database: Database, customer_id: int, as_of: datetime = NOW) -> Dossier:
    return database.read_now(lambda session: dossier(session, customer_id, as_of))


def _values(found: Dossier) -> list[str]:
    return [value for category in found.categories for item in category.items for _, value in item.fields]


def _items(found: Dossier, category: str) -> list[tuple[str, dict[str, str], str, date]]:
    items = next(one.items for one in found.categories if one.key == category)
    return [(item.kind, dict(item.fields), item.source, item.recorded_on) for item in items]


def _contacts(database: Database, customer_id: int) -> list[ContactPoint]:
    query = select(ContactPoint).where(ContactPoint.customer_id == customer_id).order_by(ContactPoint.id)
    return database.read_now(lambda session: list(session.exec(query)))


def test_a_customer_of_whom_only_the_name_is_held_has_every_category_all_others_empty(database: Database) -> None:
    found = _dossier(database, _add(database, {"customer_number": "1", "kind": "person", "name": "Eino Mallikas"}))
    assert tuple(category.key for category in found.categories) == CATEGORIES
    assert [category.key for category in found.categories if category.items] == ["basic"]
    assert (found.customer_key, found.customer_name, found.disclosures, found.views) == ("1", "Eino Mallikas", (), ())


def test_contact_points_stand_with_source_and_date(database: Database) -> None:
    customer = _add(database, AINO)
    kinds = {kind: (fields, source, day) for kind, fields, source, day in _items(_dossier(database, customer), "basic")}
    assert kinds["postal"] == (
        {"postal": "Testikuja 3\n85100 Kalajoki", "status": "active"}, "migration", date(2026, 3, 2)
    )  # fmt: skip
    assert kinds["email"][0]["email"] == "aino.esimerkkila@posti.test"
    assert kinds["email"][1] == "customer"


def test_every_reading_is_there_none_is_summed_up(database: Database) -> None:
    readings = [
        {"meter": "LM1", "read_at": (NOW - timedelta(hours=hour)).isoformat(), "mwh": 100.125 + hour}
        for hour in range(48)
    ]
    customer = _add(database, {**AINO, "readings": readings})
    items = _items(_dossier(database, customer), "deliveries")
    assert {fields["mwh"] for _, fields, _, _ in items} == {str(100.125 + hour) for hour in range(48)}
    assert items[-1][1]["read_at"] == "2026-03-02T12:00+02:00"
    assert {source for _, _, source, _ in items} == {"meter"}


def test_records_stand_under_their_own_category_even_one_that_nobody_foresaw(database: Database) -> None:
    record = {"kind": "call", "fields": {"summary": "Kysyi laskusta", "flags": ["a", "b"], "at": {"floor": 2}}}
    customer = _add(
        database,
        {**AINO, "records": [{**record, "category": "contacts"}, {**record, "category": "recordings"}]},
    )
    found = _dossier(database, customer)
    assert found.categories[-1].key == "recordings"
    assert _items(found, "contacts")[0][1] == {"summary": "Kysyi laskusta", "flags": "a, b", "at.floor": "2"}


def test_what_came_after_the_moment_asked_for_is_not_in_it(database: Database) -> None:
    later = NOW + timedelta(days=1)
    entry = {
        **AINO,
        "recorded_at": "2020-01-01T00:00:00Z",
        "records": [
            {"category": "invoices", "kind": "invoice", "fields": {"number": "early"}, "recorded_at": NOW.isoformat()},
            {"category": "invoices", "kind": "invoice", "fields": {"number": "late"}, "recorded_at": later.isoformat()},
        ],
        "readings": [{"meter": "LM1", "read_at": later.isoformat(), "mwh": 1}],
        "disclosures": [
            {
                "recipient": "Välittäjä Oy",
                "purpose": "laskujen välitys",
                "categories": ["invoices"],
                "first_on": "2020-01-01",
                "last_on": "2026-12-31",
            }
        ],
    }
    customer = _add(database, entry)
    assert _values(_dossier(database, customer)).count("early") == 1
    assert "late" not in _values(_dossier(database, customer))
    assert _items(_dossier(database, customer), "deliveries") == []
    assert _dossier(database, customer).disclosures[0].last_on == date(2026, 3, 2)
    assert "late" in _values(_dossier(database, customer, later))


def test_the_services_own_tickets_messages_and_views_are_in_it_without_hours_and_names(database: Database) -> None:
    customer = _add(database, AINO)

    def live(session: Session) -> None:
        dora = add_member(session, login="dora", name="Dora", role=StaffRole.CLERK, now=NOW)
        ticket = Ticket(
            reference="K-7QX2", state=TicketState.OPEN, customer_id=customer,
            channel="email", language="fi", received_at=NOW - timedelta(hours=1),
        )  # fmt: skip
        session.add(ticket)
        session.flush()
        assert ticket.id is not None
        for kind in (RequestKind.ACCESS, RequestKind.BILLING):
            session.add(Request(ticket_id=ticket.id, kind=kind, confidence=1, reasons=[], received_at=NOW))
        session.add(
            Message(
                ticket_id=ticket.id, direction="in", channel="email", text="salainen",
                received_at=NOW - timedelta(hours=1), sha256="",
            )
        )  # fmt: skip
        for hour in range(3):
            at = NOW - timedelta(hours=hour)
            session.add(ViewLog(customer_id=customer, staff_id=dora, purpose="tarkastuspyyntö", viewed_at=at))

    database.write_now(live)
    found = _dossier(database, customer)
    ticket, message = _items(found, "contacts")
    assert ticket[1] == {"reference": "K-7QX2", "channel": "email", "kinds": "access, billing", "state": "open"}
    assert message[1] == {"reference": "K-7QX2", "direction": "in", "channel": "email"}
    assert found.views == ((date(2026, 3, 2), "tarkastuspyyntö"),)
    assert "Dora" not in repr(found)


def test_a_housing_company_is_named_to_its_manager_but_no_person_to_another(database: Database) -> None:
    _add(database, {"customer_number": "200010", "kind": "housing_company", "name": "As Oy Malliranta"})
    _add(database, {"customer_number": "100236", "kind": "person", "name": "Eino Mallikas"})
    roles = [
        {"kind": "property_manager", "for": "200010", "mandate": "Sopimus, kansio 12"},
        {"kind": "guardian", "for": "100236", "mandate": "Päätös 3"},
    ]
    holder = _add(
        database, {"customer_number": "100250", "kind": "person", "name": "Imogen Placeholder", "roles": roles}
    )
    values = _values(_dossier(database, holder))
    assert "As Oy Malliranta" in values
    assert "Päätös 3" in values
    assert "Eino Mallikas" not in values
    ward = database.read_now(lambda session: session.exec(select(Customer).where(Customer.key == "100236")).one())
    assert ward.id is not None
    assert "guardian" in _values(_dossier(database, ward.id))
    assert "Imogen Placeholder" not in repr(_dossier(database, ward.id))


def test_asking_for_a_customer_who_is_not_there_is_an_error(database: Database) -> None:
    with pytest.raises(LookupError):
        _dossier(database, 4711)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(owners=st.lists(st.integers(0, 4), min_size=1, max_size=25))
def test_no_dossier_ever_holds_a_value_of_another(sqlite_database: Database, owners: list[int]) -> None:
    """A canary a value: each is in its owner's dossier exactly once, and in nobody else's."""
    entries: dict[int, dict[str, Any]] = {}
    planted: dict[str, int] = {}
    for place, owner in enumerate(owners):
        entry = entries.setdefault(owner, {"kind": "person", "contacts": [], "identifiers": [], "records": []})
        canary = f"canary{place}x"
        planted[canary] = owner
        match place % 3:
            case 0:
                entry["contacts"].append({"kind": "email", "value": f"{canary}@posti.test"})
            case 1:
                entry["identifiers"].append({"kind": "contract", "value": canary})
            case _:
                entry["records"].append({"category": "faults", "kind": "fault", "fields": {"note": canary}})

    def add_all(session: Session) -> dict[int, int]:
        start = len(session.exec(select(Customer.id)).all())
        return {
            owner: add_customer(
                session, {**entry, "customer_number": f"{start}-{owner}", "name": f"Owner {owner}"}, now=NOW
            )
            for owner, entry in entries.items()
        }

    ids = sqlite_database.write_now(add_all)
    texts = {owner: " ".join(_values(_dossier(sqlite_database, ids[owner]))) for owner in ids}
    for canary, owner in planted.items():
        assert {other: text.count(canary) for other, text in texts.items()} == {
            other: int(other == owner) for other in texts
        }


def test_everything_that_the_sample_gives_a_customer_comes_back_out(database: Database) -> None:
    load_sample(database, 3, now=NOW)
    aino = database.read_now(lambda session: session.exec(select(Customer).where(Customer.key == "100234")).one())
    assert aino.id is not None
    found = _dossier(database, aino.id)
    counts = {category.key: len(category.items) for category in found.categories}
    assert counts["deliveries"] == 24 + 1
    assert counts["invoices"] == 4 + 3 + 2 * 4
    assert counts["contracts"] == 2
    assert counts["property"] == 2
    assert counts["contacts"] == 1
    assert [one.recipient for one in found.disclosures] == ["Välittäjä Oy"]


def test_a_letter_is_addressed_with_the_name_first(database: Database) -> None:
    customer = _add(database, AINO)
    postal, email = _contacts(database, customer)
    assert postal.id is not None
    block = database.read_now(lambda session: postal_block(session, postal.id or 0))
    assert block == ("Aino Esimerkkilä", "Testikuja 3", "85100 Kalajoki")
    with pytest.raises(LookupError):
        database.read_now(lambda session: postal_block(session, email.id or 0))


def _change(
    database: Database, customer: int, value: str, *, kind: ContactKind = ContactKind.EMAIL, **rest: Any
) -> int:
    given = {"source": Source.CUSTOMER, "now": NOW, **rest}
    return database.write_now(lambda session: change_contact(session, customer, kind=kind, value=value, **given))


def test_a_changed_contact_ends_the_old_row_and_waits_ninety_days(database: Database) -> None:
    customer = _add(database, AINO)
    old = _contacts(database, customer)[1]
    _change(database, customer, "Uusi@Posti.test", replaces=old.id)
    _, before, after = _contacts(database, customer)
    assert (before.value, before.status, before.ended_at) == (old.value, ContactStatus.ENDED, NOW)
    assert (after.value, after.normalised, after.status) == ("Uusi@Posti.test", "uusi@posti.test", ContactStatus.ACTIVE)
    assert after.on_file_since == NOW
    assert after.usable_from == NOW + timedelta(days=90)


@pytest.mark.parametrize(
    ("source", "days"),
    [
        (Source.CUSTOMER, 90),
        (Source.STAFF, 90),
        (Source.ADDRESS_SERVICE, 90),
        (Source.POPULATION_REGISTER, 0),
        (Source.CONTRACT, 0),
    ],
)
def test_only_what_no_writer_can_feign_may_be_used_at_once(database: Database, source: Source, days: int) -> None:
    customer = _add(database, AINO)
    _change(database, customer, "Uusikatu 1\n85100 Kalajoki", kind=ContactKind.POSTAL, source=source)
    assert _contacts(database, customer)[-1].usable_from == NOW + timedelta(days=days)


def test_an_address_that_comes_back_after_its_end_is_new_and_waits(database: Database) -> None:
    customer = _add(database, AINO)
    old = _contacts(database, customer)[1]
    new = _change(database, customer, "uusi@posti.test", replaces=old.id)
    later = NOW + timedelta(days=10)
    _change(database, customer, "aino.esimerkkila@posti.test", replaces=new, now=later)
    latest = _contacts(database, customer)[-1]
    assert latest.usable_from == later + timedelta(days=90)
    clues = Clues(address="aino.esimerkkila@posti.test")
    assert database.read_now(lambda session: find_candidates(session, clues))[0].matched == ("ADDRESS",)


def test_the_same_address_again_is_no_change(database: Database) -> None:
    customer = _add(database, AINO)
    before = _contacts(database, customer)
    assert _change(database, customer, "AINO.Esimerkkila@posti.test", replaces=before[1].id) == before[1].id
    assert _contacts(database, customer) == before


def test_nobody_ends_another_customers_contact(database: Database) -> None:
    _add(database, AINO)
    other = _add(database, {"customer_number": "2", "kind": "person", "name": "Eino Mallikas"})
    with pytest.raises(LookupError):
        _change(database, other, "eino@posti.test", replaces=2)
    assert _contacts(database, other) == []


@pytest.mark.parametrize(
    ("kind", "value"),
    [(ContactKind.EMAIL, "no address"), (ContactKind.PHONE, "soittakaa"), (ContactKind.POSTAL, " \n ,")],
)
def test_what_cannot_be_a_contact_is_refused(database: Database, kind: ContactKind, value: str) -> None:
    customer = _add(database, AINO)
    with pytest.raises(ValueError, match=f"cannot be a contact of kind {kind}"):
        _change(database, customer, value, kind=kind)


def test_a_bounced_address_may_be_set_aside_and_taken_back_but_an_ended_one_not(database: Database) -> None:
    contact = _contacts(database, _add(database, AINO))[1]

    def decide(status: ContactStatus) -> Callable[[Session], None]:
        return lambda session: set_contact_status(session, contact.id or 0, status, NOW)

    for status in (ContactStatus.INACTIVE, ContactStatus.ACTIVE, ContactStatus.ENDED):
        database.write_now(decide(status))
    with pytest.raises(ValueError, match="does not come back"):
        database.write_now(decide(ContactStatus.ACTIVE))


def test_the_dossier_shows_the_contacts_as_they_were(database: Database) -> None:
    customer = _add(database, AINO)
    old = _contacts(database, customer)[1]
    _change(database, customer, "uusi@posti.test", replaces=old.id, now=NOW + timedelta(days=5))
    at_receipt = _items(_dossier(database, customer, NOW + timedelta(days=1)), "basic")
    assert [fields for kind, fields, _, _ in at_receipt if kind == "email"] == [
        {"email": "aino.esimerkkila@posti.test", "status": "active"}
    ]
    today = _items(_dossier(database, customer, NOW + timedelta(days=6)), "basic")
    assert [fields["status"] for kind, fields, _, _ in today if kind == "email"] == ["ended", "active"]
