"""Candidates: everyone whom a message may mean, found by index, with the names of what agrees."""

import re
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from sqlalchemy import event
from sqlmodel import Session, select

from store.customers import MOST_CANDIDATES, find_candidates
from store.database import Database
from store.models import Candidate, Clues, ContactPoint, ContactStatus, IdentifierKind, Role, name_key
from store.register_import import add_customer
from store.sample import load_sample

AINO, MALLIRANTA, MANAGER = "100234", "200010", "200020"


@pytest.fixture
def register(database: Database, clock: Any) -> Iterator[Database]:
    """The demo's register of thirty."""
    load_sample(database, 30, now=clock.now())
    return database


def _find(database: Database, on: date | None = None, **clues: Any) -> dict[str, Candidate]:
    found = database.read_now(lambda session: find_candidates(session, Clues(**clues), on=on))
    return {candidate.key: candidate for candidate in found}


def test_an_address_on_file_finds_its_customer_with_all_contacts(register: Database) -> None:
    found = _find(register, address="aino.esimerkkila@posti.test")
    assert list(found) == [AINO]
    assert found[AINO].matched == ("ADDRESS",)
    assert found[AINO].name == "Aino Esimerkkilä"
    assert {contact.kind for contact in found[AINO].contacts} == {"email", "postal", "phone"}
    assert all(contact.usable_from <= contact.on_file_since for contact in found[AINO].contacts)


@pytest.mark.parametrize("status", [ContactStatus.INACTIVE, ContactStatus.ENDED])
def test_an_address_no_longer_in_use_is_called_so(register: Database, status: ContactStatus) -> None:
    def let_go(session: Session) -> None:
        address = ContactPoint.normalised == "aino.esimerkkila@posti.test"
        session.exec(select(ContactPoint).where(address)).one().status = status

    register.write_now(let_go)
    assert _find(register, address="aino.esimerkkila@posti.test")[AINO].matched == ("INACTIVE_ADDRESS",)


def test_a_number_in_the_text_finds_its_customer(register: Database) -> None:
    found = _find(
        register,
        identifiers=((IdentifierKind.CUSTOMER_NUMBER, AINO), (IdentifierKind.CONTRACT, "LS100240")),
    )
    assert found[AINO].matched == ("IDENTIFIER:customer_number",)
    assert found["100240"].matched == ("IDENTIFIER:contract",)


def test_a_customer_number_is_known_even_when_it_is_no_identifier_row(register: Database, clock: Any) -> None:
    entry = {"customer_number": "777001", "kind": "person", "name": "Seija Koekäyttäjä"}
    register.write_now(lambda session: add_customer(session, entry, now=clock.now()))
    found = _find(register, identifiers=((IdentifierKind.CUSTOMER_NUMBER, "777001"),))
    assert found["777001"].matched == ("IDENTIFIER:customer_number",)


def test_all_that_agrees_is_named(register: Database) -> None:
    found = _find(
        register,
        address="aino.esimerkkila@posti.test",
        identifiers=((IdentifierKind.CUSTOMER_NUMBER, AINO),),
        name_keys=(name_key("Esimerkkilä Aino"),),
        phones=("+358400000011",),
    )
    assert found[AINO].matched == ("ADDRESS", "IDENTIFIER:customer_number", "NAME", "PHONE")


def test_namesakes_are_all_found(register: Database) -> None:
    assert {"100236", "100237"} <= set(_find(register, name_keys=(name_key("Eino Mallikas"),)))


def test_the_strongest_clue_comes_first(register: Database) -> None:
    found = _find(register, address="imogen.placeholder@mail.test", name_keys=(name_key("Aino Esimerkkilä"),))
    assert next(iter(found)) == "100250"


def test_a_property_manager_brings_those_it_acts_for(register: Database) -> None:
    found = _find(register, address="toimisto@isannointikoe.test", name_keys=(name_key("As Oy Malliranta"),))
    assert found[MANAGER].acts_for == (MALLIRANTA,)
    assert found[MALLIRANTA].matched == ("NAME",)
    assert found[MALLIRANTA].acts_for == ()


def test_a_mandate_counts_only_while_it_lasts(register: Database) -> None:
    def limit(session: Session) -> None:
        role = session.exec(select(Role)).first()
        assert role is not None
        role.valid_from, role.valid_to = date(2020, 1, 1), date(2025, 12, 31)

    register.write_now(limit)
    address = "toimisto@isannointikoe.test"
    assert _find(register, address=address)[MANAGER].acts_for == ()
    assert _find(register, on=date(2019, 12, 31), address=address)[MANAGER].acts_for == ()
    assert _find(register, on=date(2025, 12, 31), address=address)[MANAGER].acts_for == (MALLIRANTA,)
    assert _find(register, on=date(2026, 1, 1), address=address)[MANAGER].acts_for == ()


def test_a_payer_acts_for_nobody(register: Database) -> None:
    def pay(session: Session) -> None:
        role = session.exec(select(Role)).first()
        assert role is not None
        role.kind = "payer"

    register.write_now(pay)
    assert _find(register, address="toimisto@isannointikoe.test")[MANAGER].acts_for == ()


def test_a_stranger_finds_nobody_and_no_clue_asks_nothing(register: Database) -> None:
    assert _find(register, address="seija@tuntematon.test", phones=("+358400099999",)) == {}
    assert _find(register) == {}


def test_a_crowd_of_namesakes_never_hides_the_address_and_stays_bounded(database: Database, clock: Any) -> None:
    def crowd(session: Session) -> None:
        for number in range(60):
            contact = [{"kind": "email", "value": "m@posti.test"}] if number == 59 else []
            entry = {"customer_number": str(number), "kind": "person", "name": "Matti Mallikas", "contacts": contact}
            add_customer(session, entry, now=clock.now())

    database.write_now(crowd)
    found = _find(database, address="m@posti.test", name_keys=(name_key("Matti Mallikas"),))
    assert len(found) == MOST_CANDIDATES
    assert next(iter(found)) == "59"
    assert found["59"].matched == ("ADDRESS", "NAME")


MUCH = Clues(
    address="aino.esimerkkila@posti.test",
    identifiers=tuple((kind, str(n)) for n in range(1_000) for kind in IdentifierKind),
    name_keys=tuple(f"name {n}" for n in range(1_000)),
    phones=tuple(f"+35840000{n:04d}" for n in range(1_000)),
)


def _asked(database: Database, clues: Clues) -> list[tuple[str, Any]]:
    """The questions that a look-up puts to the database, with their parameters."""
    asked: list[tuple[str, Any]] = []

    def listen(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        if statement.startswith("SELECT"):
            asked.append((statement, parameters))

    def look(session: Session) -> None:
        event.listen(session.get_bind(), "before_cursor_execute", listen)
        find_candidates(session, clues)
        event.remove(session.get_bind(), "before_cursor_execute", listen)

    database.read_now(look)
    return asked


def test_however_much_a_message_says_five_questions_are_enough(register: Database) -> None:
    assert 0 < len(_asked(register, MUCH)) <= 5


def test_no_question_reads_through_a_table(sqlite_database: Database, clock: Any) -> None:
    load_sample(sqlite_database, 2_500, months=1, now=clock.now())
    with sqlite_database.engine.connect() as connection:
        for statement, parameters in _asked(sqlite_database, MUCH):
            plan = [row.detail for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)]
            walked = [step for step in plan if re.match(r"SCAN (customer|contact_point|identifier|role)\b", step)]
            assert walked == [], statement


def test_the_same_number_of_another_kind_is_not_the_same(register: Database) -> None:
    found = _find(
        register,
        identifiers=((IdentifierKind.INVOICE, "LS100240"), (IdentifierKind.CONTRACT, "LS100234")),
    )
    assert {key: candidate.matched for key, candidate in found.items()} == {AINO: ("IDENTIFIER:contract",)}
