"""Taking in the register: a whole file or nothing, and every fault named by line and field, never by value."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import select

from store.database import Database
from store.models import ContactPoint, Customer, Identifier, Reading, Record, Role, Source
from store.register_import import BATCH, Imported, ImportRefused, import_jsonl
from store.register_lines import Problem
from store.register_rows import BASELINE
from store.register_shape import register_schema

NOW = datetime(2026, 3, 2, 10, tzinfo=UTC)


X = '{"customer_number": "9", "kind": "person", "name": "x", '


def _lines(*entries: dict[str, Any]) -> list[str]:
    return [json.dumps(entry, ensure_ascii=False) for entry in entries]


def _person(number: str, **more: Any) -> dict[str, Any]:
    return {"customer_number": number, "kind": "person", "name": f"Mallikas Äö {number}", **more}


def _mail(value: str, **more: Any) -> dict[str, Any]:
    return {"contacts": [{"kind": "email", "value": value, **more}]}


def _take(database: Database, lines: list[Any], now: datetime = NOW, **more: Any) -> Imported:
    return database.write_now(lambda session: import_jsonl(session, lines, now=now, file="asiakkaat.jsonl", **more))


def _refused(database: Database, lines: list[Any]) -> list[tuple[int, str]]:
    before = len(_customers(database))
    with pytest.raises(ImportRefused) as refusal:
        _take(database, lines)
    assert len(_customers(database)) == before, "nothing of a refused file may stay"
    assert str(refusal.value).startswith("asiakkaat.jsonl, line ")
    return [(problem.line, problem.field) for problem in refusal.value.problems]


def _customers(database: Database) -> list[Customer]:
    return database.read_now(lambda session: list(session.exec(select(Customer).order_by(Customer.key))))


def _contacts(database: Database) -> list[ContactPoint]:
    return database.read_now(lambda session: list(session.exec(select(ContactPoint).order_by(ContactPoint.id))))


def test_a_file_with_everything_in_it_is_taken_in(database: Database) -> None:
    entry = _person(
        "1",
        language="sv",
        turvakielto=True,
        contacts=[
            {"kind": "postal", "value": "Testikuja 3\n85100 Kalajoki"},
            {"kind": "email", "value": "Maija@Posti.test"},
            {"kind": "phone", "value": "040 000 0011"},
        ],
        identifiers=[{"kind": "meter", "value": "lm 47-11", "source": "meter"}],
        roles=[{"kind": "payer", "for": "2"}],
        records=[{"category": "contracts", "kind": "heat_contract", "fields": {"number": "ÄÖ 1"}}],
        readings=[{"meter": "LM1", "read_at": "2026-01-31T22:00:00Z", "mwh": 12.5, "cubic_metres": 3}],
        disclosures=[
            {"recipient": "V", "purpose": "p", "categories": ["a", "b"],
             "first_on": "2020-01-01", "last_on": "2021-01-01"},
        ],
    )  # fmt: skip
    imported = _take(database, [*_lines(entry), "", "  \n", *_lines(_person("2"))])
    assert imported == Imported(customers=2, contacts=3, identifiers=1, records=1, readings=1)
    assert [contact.normalised for contact in _contacts(database)] == [
        "testikuja 3 / 85100 kalajoki", "maija@posti.test", "+358400000011"
    ]  # fmt: skip
    customer = _customers(database)[0]
    assert (customer.name, customer.name_key, customer.turvakielto) == ("Mallikas Äö 1", "1 mallikas äö", True)
    identifier = database.read_now(lambda session: session.exec(select(Identifier)).one())
    assert (identifier.value, identifier.source) == ("lm 47-11", Source.METER)
    role = database.read_now(lambda session: session.exec(select(Role)).one())
    assert (role.holder_id, role.customer_id) == tuple(one.id for one in _customers(database))
    assert database.read_now(lambda session: session.exec(select(Record)).one()).fields == {"number": "ÄÖ 1"}
    reading = database.read_now(lambda session: session.exec(select(Reading)).one())
    assert reading.read_at == datetime(2026, 1, 31, 22, tzinfo=UTC)


def test_contacts_of_the_first_import_are_on_file_from_of_old(database: Database) -> None:
    since = "2019-05-02T00:00:00Z"
    _take(
        database,
        _lines(_person("1", **_mail("a@posti.test")), _person("2", **_mail("b@posti.test", on_file_since=since))),
    )
    first, second = _contacts(database)
    assert (first.on_file_since, first.usable_from) == (BASELINE, BASELINE)
    assert second.usable_from == second.on_file_since == datetime(2019, 5, 2, tzinfo=UTC)


def test_contacts_of_a_later_import_wait_and_no_file_can_make_them_older(database: Database) -> None:
    _take(database, _lines(_person("1")))
    old = {"on_file_since": "2019-05-02T00:00:00Z"}
    _take(
        database,
        _lines(
            _person("2", **_mail("a@posti.test", **old)),
            _person("3", **_mail("b@posti.test", source="population_register", **old)),
        ),
    )
    waits, may = _contacts(database)
    assert (waits.on_file_since, waits.usable_from) == (NOW, NOW + timedelta(days=90))
    assert (may.on_file_since, may.usable_from) == (NOW, NOW)


def test_several_files_may_be_one_first_import(database: Database) -> None:
    _take(database, _lines(_person("1")), baseline=True)
    _take(database, _lines(_person("2", **_mail("a@posti.test"))), baseline=True)
    assert _contacts(database)[0].usable_from == BASELINE


@pytest.mark.parametrize(
    ("bad", "field"),
    [
        ('{"kind": "person", "name": "x"}', "customer_number"),
        ('{"customer_number": "9", "kind": "robot", "name": "x"}', "kind"),
        ('{"customer_number": "9", "kind": "person", "name": " "}', "name"),
        (X + '"emial": "x"}', "emial"),
        (X + '"language": "finnish"}', "language"),
        (X + '"contacts": [{"kind": "email", "value": "x"}]}', "contacts.0"),
        (X + '"roles": [{"kind": "payer", "for": "77"}]}', "roles.for"),
        (X + '"recorded_at": "2026-01-01T00:00:00"}', "recorded_at"),
        ('{"customer_number": "1", "kind": "person", "name": "twice"}', "customer_number"),
        ('{"customer_number": "9", "kind": "person", "name": "x\\u0000"}', ""),
        ('{"customer_number": "9", "kind": "person", "name": "x\\ud800"}', ""),
        (X + '"records": NaN}', ""),
        ('{"customer_number": "9", "kind": ', ""),
        ("[" * 100_000, ""),
        ('["a list"]', ""),
        ("null", ""),
        (b'{"customer_number": "9", "kind": "person", "name": "\xe4"}', ""),
    ],
)  # fmt: skip
def test_a_bad_line_is_named_and_nothing_of_its_file_stays(database: Database, bad: str | bytes, field: str) -> None:
    assert _refused(database, [*_lines(_person("1")), bad, *_lines(_person("2"))]) == [(2, field)]


def test_a_meter_is_read_once_at_a_time(database: Database) -> None:
    reading = {"meter": "LM1", "read_at": "2026-01-31T22:00:00Z", "mwh": 1}
    same = {**reading, "read_at": "2026-02-01T00:00:00+02:00"}
    assert _refused(database, _lines(_person("1", readings=[reading, same]))) == [(1, "")]


def test_all_that_is_wrong_is_named_at_once(database: Database) -> None:
    bad = [_person("1", language="x"), _person("2"), _person("3", kind="robot", name="")]
    assert _refused(database, _lines(*bad)) == [(1, "language"), (3, "kind"), (3, "name")]


def test_a_fault_behind_a_thousand_good_lines_undoes_them(database: Database) -> None:
    good = [_person(str(number)) for number in range(BATCH + 1)]
    assert _refused(database, [*_lines(*good), "{"]) == [(BATCH + 2, "")]


def test_a_customer_who_is_in_the_register_already_is_not_taken_in_again(database: Database) -> None:
    _take(database, _lines(_person("1")))
    assert _refused(database, _lines(_person("2"), _person("1", name="Another"))) == [(2, "customer_number")]
    assert [customer.name for customer in _customers(database)] == ["Mallikas Äö 1"]


def test_a_refusal_tells_no_value(database: Database) -> None:
    secret = "salaisuus"
    bad = _person(
        "1",
        kind=secret,
        contacts=[{"kind": "email", "value": secret}],
        readings=[{"meter": "m", "read_at": secret, "mwh": secret}],
    )
    with pytest.raises(ImportRefused) as refusal:
        _take(database, [*_lines(bad), f'{{"{secret}'])
    assert secret not in str(refusal.value)
    assert secret not in repr(refusal.value.problems)


def test_a_file_begins_with_a_byte_order_mark_when_a_spreadsheet_wrote_it(database: Database) -> None:
    text = "\ufeff" + _lines(_person("1"))[0]
    _take(database, [text.encode()])
    assert len(_customers(database)) == 1


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    value=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(
                st.sampled_from(["customer_number", "kind", "name", "contacts", "value", "records", "fields", "roles"])
                | st.text(),
                inner | st.sampled_from(["person", "email", "1"]),
                max_size=6,
            )
        ),
        max_leaves=20,
    )
)
def test_whatever_a_line_holds_it_is_taken_in_or_refused(sqlite_database: Database, value: Any) -> None:
    problems: tuple[Problem, ...] = ()
    try:
        _take(sqlite_database, [json.dumps(value)])
    except ImportRefused as refusal:
        problems = refusal.problems
    assert all(problem.line == 1 for problem in problems)


def test_the_published_shape_names_every_field() -> None:
    schema = register_schema()
    assert set(schema["required"]) == {"customer_number", "kind", "name"}
    assert "for" in schema["$defs"]["RoleEntry"]["properties"]
