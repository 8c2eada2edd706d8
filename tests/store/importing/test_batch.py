"""A register that is imported again and again: what differs gets a successor, and nothing that was is lost."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from store import reviews
from store.customers import find_candidates
from store.database import Database
from store.importing import journal
from store.models import (
    Clues,
    ContactKind,
    ContactPoint,
    ContactStatus,
    Customer,
    Disclosure,
    Event,
    FormerCustomer,
    FormerReading,
    Identifier,
    Reading,
    Record,
    RegisterImport,
    Review,
    Role,
    Source,
)
from store.register import dossier
from store.register_changes import change
from store.register_contacts import change_contact
from store.register_rows import BASELINE
from tests.store.importing_files import FIRST, LAST, LATER, aino, counts, jsonl, rows, take, take_all
from tests.store.people import add_dora

MAIL = {"kind": "email", "value": "aino.esimerkkila@posti.test"}
OTHER_MAIL = {"kind": "email", "value": "aino.toinen@posti.test"}
INVOICE = {
    "category": "invoices",
    "kind": "invoice",
    "external_id": "20261",
    "fields": {"number": "20261", "total": "5"},
}
READING = {"meter": "LM1", "read_at": "2026-01-31T22:00:00Z", "mwh": 12.5}
GIVEN = {"recipient": "Välittäjä Oy", "purpose": "laskutus", "categories": ["invoices"], "first_on": "2020-01-01"}


def whole() -> dict[str, Any]:
    """Something in every table."""
    return aino(
        language="fi",
        contacts=[MAIL, {"kind": "postal", "value": "Testikuja 3\n85100 Kalajoki"}],
        identifiers=[{"kind": "contract", "value": "LS-1001"}],
        roles=[{"kind": "payer", "for": "200010", "mandate": "Sopimus"}],
        records=[INVOICE, {"category": "contacts", "kind": "call", "fields": {"summary": "Ääni"}}],
        readings=[READING],
        disclosures=[{**GIVEN, "last_on": "2026-02-01"}],
    )


HOUSE = {"customer_number": "200010", "kind": "housing_company", "name": "As Oy Malliranta"}


def test_the_same_file_again_changes_nothing(database: Database, tmp_path: Path) -> None:
    file = jsonl(tmp_path, whole(), HOUSE)
    assert {name: found["new"] for name, found in counts(take(database, file)).items()} == {
        "customer": 2, "contact_point": 2, "identifier": 1, "role": 1, "record": 2, "reading": 1, "disclosure": 1
    }  # fmt: skip
    models = (Customer, ContactPoint, Identifier, Role, Record, Reading, Disclosure)
    before = [rows(database, model) for model in models]
    again = counts(take(database, file, LATER))
    assert all(set(found) == {"unchanged"} for found in again.values())
    assert [rows(database, model) for model in models] == before


def test_what_differs_gets_a_successor_and_keeps_its_history(database: Database, tmp_path: Path) -> None:
    take(database, jsonl(tmp_path, whole(), HOUSE))
    newer = whole()
    newer |= {"name": "Aino Mallikas", "roles": [{"kind": "payer", "for": "200010", "mandate": "Uusi sopimus"}]}
    newer["records"] = [{**INVOICE, "fields": {"number": "20261", "total": "6"}}]
    newer["readings"] = [{**READING, "mwh": 13.0}]
    newer["disclosures"] = [{**GIVEN, "last_on": "2026-03-01"}]
    found = counts(take(database, jsonl(tmp_path, newer, HOUSE), LATER))
    assert {name: one["changed"] for name, one in found.items() if "changed" in one} == {
        "customer": 1, "role": 1, "record": 1, "reading": 1, "disclosure": 1
    }  # fmt: skip
    customer, former = rows(database, Customer)[0], rows(database, FormerCustomer)[0]
    assert (customer.name, customer.name_key, customer.recorded_at) == ("Aino Mallikas", "aino mallikas", LATER)
    assert (former.name, former.recorded_at, former.superseded_at) == ("Aino Esimerkkilä", FIRST, LATER)
    old, _, new = rows(database, Record)
    assert (old.fields["total"], old.ended_at, new.fields["total"], new.ended_at) == ("5", LATER, "6", None)
    assert (rows(database, Reading)[0].mwh, rows(database, FormerReading)[0].mwh) == (13.0, 12.5)
    assert [one.ended_at for one in rows(database, Role)] == [LATER, None]
    assert [one.last_on.month for one in rows(database, Disclosure)] == [2, 3]


def test_a_copy_of_the_data_shows_what_was_true_when_it_was_asked_for(database: Database, tmp_path: Path) -> None:
    take(database, jsonl(tmp_path, whole(), HOUSE))
    newer = whole() | {"name": "Aino Mallikas", "readings": [{**READING, "mwh": 13.0}]}
    newer["records"] = [{**INVOICE, "fields": {"number": "20261", "total": "6"}}]
    take(database, jsonl(tmp_path, newer, HOUSE), LATER)
    customer = rows(database, Customer)[0].id

    def told(days: int) -> str:
        held = database.read_now(lambda session: dossier(session, customer, LATER + timedelta(days=days)))
        return repr(held.categories)

    assert "Aino Mallikas" not in told(-1)
    assert "'total', '6'" not in told(-1)
    assert "13.0" not in told(-1)
    assert "ends_on" not in told(-1)
    for value in ("Aino Mallikas", "Aino Esimerkkilä", "'total', '6'", "'total', '5'", "13.0", "12.5"):
        assert value in told(1), "what was superseded is still held, and said to be former"
    assert told(1).count("('ends_on', '2026-04-02')") == 3


def test_somebody_is_found_by_their_former_name_which_weighs_nothing(database: Database, tmp_path: Path) -> None:
    take(database, jsonl(tmp_path, whole(), HOUSE))
    take(database, jsonl(tmp_path, aino(name="Aino Mallikas")), LATER)
    clues = Clues(name_keys=("aino esimerkkilä",))
    (found,) = database.read_now(lambda session: find_candidates(session, clues))
    assert (found.key, found.name, found.matched) == ("100234", "Aino Mallikas", ("FORMER_NAME",))


def test_a_field_that_a_file_does_not_give_stays_as_it_is(database: Database, tmp_path: Path) -> None:
    take(database, jsonl(tmp_path, aino(language="sv", ended_on="2026-01-01")))
    assert counts(take(database, jsonl(tmp_path, aino()), LATER)) == {"customer": {"unchanged": 1}}
    assert rows(database, Customer)[0].language == "sv"


def test_a_contact_with_a_key_is_replaced_and_its_successor_waits(database: Database, tmp_path: Path) -> None:
    take(database, jsonl(tmp_path, aino(contacts=[{**MAIL, "external_id": "e1"}])))
    take(database, jsonl(tmp_path, aino(contacts=[{**OTHER_MAIL, "external_id": "e1"}])), LATER)
    old, new = rows(database, ContactPoint)
    assert (old.status, old.ended_at, old.usable_from) == (ContactStatus.ENDED, LATER, BASELINE)
    assert (new.status, new.on_file_since, new.usable_from) == ("active", LATER, LATER + timedelta(days=90))


def test_an_address_spelled_in_capitals_is_the_same_and_need_not_wait(database: Database, tmp_path: Path) -> None:
    take(database, jsonl(tmp_path, aino(contacts=[MAIL])))
    louder = {**MAIL, "value": MAIL["value"].upper(), "external_id": "e1"}
    assert counts(take(database, jsonl(tmp_path, aino(contacts=[louder])), LATER))["contact_point"] == {"unchanged": 1}


def test_what_a_file_leaves_out_ends_only_when_it_is_complete(database: Database, tmp_path: Path) -> None:
    take(database, jsonl(tmp_path, whole(), HOUSE))
    clerk = rows(database, Customer)[0].id
    database.write_now(
        lambda session: change_contact(
            session, clerk, kind=ContactKind.EMAIL, value="x@posti.test", source=Source.STAFF, now=FIRST
        )
    )
    less = jsonl(tmp_path, aino(contacts=[OTHER_MAIL]))
    assert counts(take(database, less, LATER))["contact_point"] == {"new": 1}
    assert counts(take(database, less, LAST, complete=True))["contact_point"] == {"ended": 1, "unchanged": 1}
    ended = [one.value for one in rows(database, ContactPoint) if one.ended_at]
    assert ended == [MAIL["value"]], "no other kind ends, and nothing that staff recorded"
    assert len(rows(database, Customer)) == 2
    assert not any(one.ended_at for one in rows(database, Identifier))


def test_a_batch_does_not_overwrite_what_was_put_right_but_asks_once(database: Database, tmp_path: Path) -> None:
    take(database, jsonl(tmp_path, whole(), HOUSE))
    record = rows(database, Record)[0].id
    right = {"fields": {"number": "20261", "total": "4"}}
    database.write_now(
        lambda session: change(session, "record", record, right, source=Source.CUSTOMER, now=LATER, corrected=True)
    )
    file = jsonl(tmp_path, whole(), HOUSE, name="kuukausi.jsonl")
    assert counts(take(database, file, LAST))["record"] == {"reviews": 1, "unchanged": 1}
    (asked,) = database.read_now(reviews.list_open)
    assert (asked.customer_key, asked.subject, asked.reason) == ("100234", "record", reviews.CORRECTED)
    assert (asked.current["fields"]["total"], "5" in asked.proposed["fields"]) == ("4", True)
    assert counts(take(database, file, LAST))["record"] == {"unchanged": 2}
    dora = database.write_now(add_dora)
    database.write_now(lambda session: reviews.reject(session, asked.id, dora, LAST))
    assert counts(take(database, file, LAST))["record"] == {"unchanged": 2}, "what was rejected is not asked again"
    assert [one.fields["total"] for one in rows(database, Record) if one.kind == "invoice" and not one.ended_at] == [
        "4"
    ]
    with pytest.raises(reviews.AlreadyDecided):
        database.write_now(lambda session: reviews.accept(session, asked.id, dora, LAST))


def test_a_review_that_is_accepted_changes_the_value(database: Database, tmp_path: Path) -> None:
    take(database, jsonl(tmp_path, whole(), HOUSE))
    record = rows(database, Record)[0].id
    right = {"fields": {"number": "20261", "total": "4"}}
    database.write_now(
        lambda session: change(session, "record", record, right, source=Source.CUSTOMER, now=LATER, corrected=True)
    )
    take(database, jsonl(tmp_path, whole(), HOUSE), LAST)
    (asked,) = database.read_now(reviews.list_open)
    dora = database.write_now(add_dora)
    database.write_now(lambda session: reviews.accept(session, asked.id, dora, LAST))
    live = [one for one in rows(database, Record) if one.kind == "invoice" and not one.ended_at]
    assert [one.fields["total"] for one in live] == ["5"]
    assert database.read_now(reviews.list_open) == ()


def test_a_wrong_address_that_a_batch_brings_back_waits_for_staff(database: Database, tmp_path: Path) -> None:
    take(database, jsonl(tmp_path, aino(contacts=[MAIL])))
    old = rows(database, ContactPoint)[0]
    database.write_now(
        lambda session: change_contact(
            session, old.customer_id, kind=ContactKind.EMAIL, value=OTHER_MAIL["value"],
            source=Source.CUSTOMER, now=LATER, replaces=old.id, corrected=True,
        )
    )  # fmt: skip
    found = counts(take(database, jsonl(tmp_path, aino(contacts=[MAIL])), LAST, complete=True))
    assert found["contact_point"] == {"reviews": 1}
    assert [one.value for one in rows(database, ContactPoint) if not one.ended_at] == [OTHER_MAIL["value"]]
    (asked,) = database.read_now(reviews.list_open)
    assert asked.reason == reviews.RETURNS
    dora = database.write_now(add_dora)
    database.write_now(lambda session: reviews.accept(session, asked.id, dora, LAST))
    back = rows(database, ContactPoint)[-1]
    assert (back.value, back.usable_from) == (MAIL["value"], LAST + timedelta(days=90))


def test_a_file_sets_a_turvakielto_at_once_and_never_lifts_one(database: Database, tmp_path: Path) -> None:
    take(database, jsonl(tmp_path, aino()))
    take(database, jsonl(tmp_path, aino(turvakielto=True)), LATER)
    assert rows(database, Customer)[0].turvakielto
    found = counts(take(database, jsonl(tmp_path, aino(turvakielto=False, name="Aino Mallikas")), LAST))
    assert found["customer"] == {"changed": 1, "reviews": 1}
    customer = rows(database, Customer)[0]
    assert (customer.name, customer.turvakielto) == ("Aino Mallikas", True)
    (asked,) = database.read_now(reviews.list_open)
    assert (asked.reason, dict(asked.proposed)) == (reviews.PROTECTION_ENDS, {"turvakielto": 0})
    dora = database.write_now(add_dora)
    database.write_now(lambda session: reviews.accept(session, asked.id, dora, LAST))
    assert not rows(database, Customer)[0].turvakielto


def test_a_corrected_name_is_asked_about_and_protection_is_set_all_the_same(database: Database, tmp_path: Path) -> None:
    take(database, jsonl(tmp_path, aino()))
    key = rows(database, Customer)[0].id
    name = {"name": "Aino Mallikas"}
    database.write_now(
        lambda session: change(session, "customer", key, name, source=Source.CUSTOMER, now=LATER, corrected=True)
    )
    found = counts(take(database, jsonl(tmp_path, aino(turvakielto=True)), LAST))
    assert found["customer"] == {"changed": 1, "reviews": 1}
    customer = rows(database, Customer)[0]
    assert (customer.name, customer.turvakielto) == ("Aino Mallikas", True)
    assert dict(rows(database, Review)[0].proposed) == {"name": "Aino Esimerkkilä"}


def test_a_rehearsal_tells_what_would_change_and_changes_nothing(database: Database, tmp_path: Path) -> None:
    first = jsonl(tmp_path, aino(), name="a.jsonl")
    second = jsonl(tmp_path, HOUSE | {"roles": [{"kind": "payer", "for": "100234"}]}, name="b.jsonl")
    told = take_all(database, first, second, dry_run=True)
    assert [one.problems for one in told if hasattr(one, "problems")] == [[], []]
    assert told[0].difference.examples == ["customer 100234: customer new"]  # type: ignore[union-attr]
    assert rows(database, Customer) == rows(database, RegisterImport) == rows_of_events(database) == []
    assert list(tmp_path.glob("*.rehearsal*")) == []


def rows_of_events(database: Database) -> list[Any]:
    """The lines of the trail."""
    from sqlmodel import select  # noqa: PLC0415

    return database.read_now(lambda session: list(session.exec(select(Event))))


def test_the_first_import_lasts_until_a_call_has_taken_in_all_its_files(database: Database, tmp_path: Path) -> None:
    good = jsonl(tmp_path, aino(contacts=[MAIL]), name="a.jsonl")
    bad = jsonl(tmp_path, {**HOUSE, "kind": "robot"}, name="b.jsonl")
    take_all(database, good, bad)
    jsonl(tmp_path, HOUSE | {"contacts": [{"kind": "email", "value": "hallitus@malliranta.test"}]}, name="b.jsonl")
    take_all(database, good, bad, at=LATER)
    assert {one.usable_from for one in rows(database, ContactPoint)} == {BASELINE}
    take(database, jsonl(tmp_path, aino(contacts=[OTHER_MAIL])), LAST)
    assert rows(database, ContactPoint)[-1].usable_from == LAST + timedelta(days=90)


def test_the_trail_tells_of_an_import_without_a_name_in_it(database: Database, tmp_path: Path) -> None:
    take(database, jsonl(tmp_path, whole(), HOUSE))
    (line,) = rows_of_events(database)
    assert (line.kind, line.data["customers"], line.data["baseline"]) == ("register_imported", 2, True)
    assert len(line.data["sha256"]) == 64
    assert "Aino" not in repr(line.data)
    (done,) = rows(database, RegisterImport)
    assert (done.state, done.file) == ("done", "register.jsonl")


def test_one_import_runs_at_a_time(database: Database, tmp_path: Path) -> None:
    file = jsonl(tmp_path, aino())
    with journal.alone(database), pytest.raises(journal.ImportRuns, match="another import"):
        take(database, file)
    take(database, file)
