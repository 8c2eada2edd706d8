"""The last look at what a person typed to an address that is not on file."""

from dataclasses import dataclass
from typing import Any

import pytest
from sqlmodel import Session

from store.database import Database
from store.models import ContactKind, ContactPoint, ContactStatus, Draft, Reading, Record, Source, Ticket
from store.spill import register_values_in
from tests.store.people import NOW, add_customer, add_draft, add_request, add_ticket


@dataclass
class Held:
    """A store in which something is held about Aino, and a ticket that may be hers."""

    database: Database
    ticket: int
    request: int

    def spills(self, text: str, subject: str = "Vastaus") -> bool:
        def work(session: Session) -> bool:
            draft = add_draft(session, self.ticket, self.request, subject=subject, text=text, edited=True)
            return register_values_in(session, session.get_one(Ticket, self.ticket), draft)

        return self.database.write_now(work)


def _held(database: Database, *, bound: bool) -> Held:
    def work(session: Session) -> Held:
        aino, other = add_customer(session), add_customer(session, "100236", name="Eino Mallikas", name_key="eino")
        for owner, kind, value in (
            (aino, ContactKind.PHONE, "+358400000011"),
            (aino, ContactKind.POSTAL, "Testikuja 3\n85100 Kalajoki"),
            (aino, ContactKind.EMAIL, "aino.esimerkkila@posti.test"),
            (other, ContactKind.PHONE, "+358400000013"),
        ):
            session.add(
                ContactPoint(
                    customer_id=owner,
                    kind=kind,
                    value=value,
                    normalised=value,
                    status=ContactStatus.ACTIVE,
                    source=Source.CUSTOMER,
                    on_file_since=NOW,
                    usable_from=NOW,
                )
            )
        fields = {"total": "1148.11", "sent_on": "2026-01-05", "delivery": "paper", "floor": 3}
        session.add(
            Record(
                customer_id=aino,
                category="invoices",
                kind="invoice",
                fields=fields,
                source=Source.STAFF,
                recorded_at=NOW,
            )
        )
        session.add(Reading(customer_id=aino, meter="LM1", read_at=NOW, mwh=61.234, source=Source.METER))
        changes: dict[str, Any] = {"customer_id": aino} if bound else {"identification": {"candidates": ["100234"]}}
        ticket = add_ticket(session, **changes)
        request = add_request(session, ticket)
        add_draft(session, ticket, request, text="Kalajoen Lämpö Oy, 85100 Kalajoki\n")
        return Held(database, ticket, request)

    return database.write_now(work)


@pytest.fixture(params=["bound", "candidate"])
def held(database: Database, request: pytest.FixtureRequest) -> Held:
    """The ticket is Aino's, or may be."""
    return _held(database, bound=request.param == "bound")


@pytest.mark.parametrize(
    "text",
    [
        "040 000 0011",
        "0400000011",
        "+358 40-000 0011",
        "testikuja 3",
        "TESTIKUJA\u00a03",
        "1148.11",
        "1 148,11 euroa",
        "１１４８.11",
        "asiakas 100234",
        "aino.esimerkkila@posti.test",
        "luettu 61,234 MWh",
        "testi\u00adkuja\u200b 3",
    ],
)
def test_a_value_is_found_however_a_person_writes_it(held: Held, text: str) -> None:
    assert held.spills(f"Hei\n\n{text}.\n")
    assert held.spills("Hei\n", subject=text)


@pytest.mark.parametrize(
    "text",
    [
        "Hei Aino Esimerkkilä, kiitos viestistänne.",
        "Vastaamme 5.1.2026 tai 2026-01-05.",
        "Saatte laskun paperilla kolmanteen kerrokseen 3.",
        "Kalajoen Lämpö Oy, 85100 Kalajoki",
        "Kirjoititte osoitteesta seija@tuntematon.test.",
        "Soittakaa numeroon 040 000 0013.",
        "",
    ],
)
def test_what_is_no_secret_of_the_one_who_is_meant_may_be_said(held: Held, text: str) -> None:
    assert not held.spills(f"Hei\n\n{text}\n")


def test_of_a_stranger_nothing_is_known(database: Database) -> None:
    def work(session: Session) -> tuple[Ticket, Draft]:
        ticket = add_ticket(session)
        return session.get_one(Ticket, ticket), add_draft(session, ticket, add_request(session, ticket), text="100234")

    ticket, draft = database.write_now(work)
    assert not database.read_now(lambda session: register_values_in(session, ticket, draft))
