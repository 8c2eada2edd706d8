"""The invented customer system's tables: they come in by their own mapping, whole, and say what JSON Lines say."""

from pathlib import Path

from store.database import Database
from store.importing import Outcome
from store.importing.mapping import load_mapping
from store.models import ContactPoint, Customer, Disclosure, Identifier, Reading, Record, Role
from store.sample import sample_customers
from store.sample_files import write_tables
from tests.store.importing_files import LATER, counts, jsonl, rows, take, take_all


def test_the_tables_come_in_by_their_mapping_and_say_what_json_lines_say(
    sqlite_database: Database, tmp_path: Path
) -> None:
    people = list(sample_customers(150, months=2))
    tables = write_tables(people, tmp_path)
    outcomes = take_all(sqlite_database, *tables, mapping=load_mapping(tmp_path / "mapping.toml"))
    assert [one.problems for one in outcomes if isinstance(one, Outcome)] == [[]] * len(tables)
    models = (Customer, ContactPoint, Identifier, Role, Record, Reading, Disclosure)
    expected = [
        len(people),
        *(sum(len(one.get(name, ())) for one in people) for name in ("contacts", "identifiers", "roles", "records")),
        *(sum(len(one[name]) for one in people) for name in ("readings", "disclosures")),
    ]
    assert [len(rows(sqlite_database, model)) for model in models] == expected
    lines = counts(take(sqlite_database, jsonl(tmp_path, *people), LATER))
    differing = {name for name, found in lines.items() if set(found) != {"unchanged"}}
    assert differing <= {"record"}, "a table holds figures as text"
    assert "new" not in lines["record"]


def test_life_happens_in_a_large_sample() -> None:
    people = list(sample_customers(3_000, months=0, invoices=1))
    homes = [one["contacts"][0]["value"] for one in people]
    mails = [part["value"] for one in people for part in one["contacts"] if part["kind"] == "email"]
    names = [one["name"] for one in people]
    assert len(set(homes)) < len(homes), "couples"
    assert len(set(mails)) < len(mails), "shared mailboxes"
    assert len(set(names)) < len(names), "namesakes"
    assert any(one.get("ended_on") for one in people), "former owners"
    assert any(part.get("status") == "ended" for one in people for part in one["contacts"]), "movers"
    managed = [len(one.get("roles", ())) for one in people]
    assert max(managed) >= 60, "a manager of sixty companies"
    assert {part["value"][:9] for one in people for part in one["contacts"] if part["kind"] == "phone"} == {"+35840000"}
    properties = [
        part["value"] for one in people for part in one["identifiers"] if part["kind"] == "property"
    ]  # fmt: skip
    assert len(set(properties)) < len(properties), "a house that was sold"
