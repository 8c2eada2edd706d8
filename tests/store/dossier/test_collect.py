"""A dossier by role: what each party gets, what is left out or masked, and the reason that stands beside it."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlmodel import Session

from store.database import Database
from store.dossier.scope import MASK
from store.lifecycle import TicketState
from store.models import Dossier, LeftOut, Message, Source, StaffRole, Ticket
from store.register import dossier
from store.register_import import add_customer
from store.register_labels import keep_labels
from store.staff import add_member

NOW = datetime(2026, 3, 2, 10, tzinfo=UTC)
METER = {"kind": "meter", "value": "LM1"}
CONTRACT = {"kind": "contract", "value": "LS-1001"}


def add(database: Database, number: str, name: str, **parts: Any) -> int:
    entry = {"customer_number": number, "kind": "person", "name": name, **parts}
    return database.write_now(lambda session: add_customer(session, entry, source=Source.MIGRATION, now=NOW))


def read(database: Database, customer_id: int, *, outline: bool = False) -> Dossier:
    return database.read_now(lambda session: dossier(session, customer_id, NOW, outline=outline))


def record(category: str, kind: str, *, valid_from: str | None = None, **fields: Any) -> dict[str, Any]:
    return {"category": category, "kind": kind, "fields": fields, "valid_from": valid_from}


def values(found: Dossier, category: str = "") -> list[str]:
    chosen = [one for one in found.categories if category in ("", one.key)]
    return [value for one in chosen for item in one.items for _, value in item.fields]


def masked(found: Dossier) -> list[tuple[str, int]]:
    return [reason for one in found.categories for item in one.items for reason in item.masked]


OWNERS = [
    record("invoices", "invoice", number="L-881", total="148.11"),
    record("contracts", "heat_contract", number="LS-1001", contract_flow="0.25"),
]


@pytest.mark.parametrize("role", ["tenant", "owner", "guardian", "property_manager", "contact", "agent", "caretaker"])
def test_a_role_at_another_customer_gives_nothing_of_that_customer(database: Database, role: str) -> None:
    """A tenant gets no invoices of the owner, a manager no data of the company: own contact data, and the role."""
    add(database, "1", "Eino Mallikas", records=OWNERS, contacts=[{"kind": "phone", "value": "+358400000013"}])
    holder = add(
        database,
        "2",
        "Aino Esimerkkilä",
        contacts=[{"kind": "email", "value": "aino.esimerkkila@posti.test"}],
        roles=[{"kind": role, "for": "1", "mandate": "Kansio 7"}],
        identifiers=[CONTRACT],
    )
    found = read(database, holder)
    assert {"aino.esimerkkila@posti.test", role, "Kansio 7"} <= set(values(found))
    assert not {"L-881", "148.11", "0.25", "+358400000013", "Eino Mallikas"} & set(values(found))
    assert found.left_out == (LeftOut(f"ROLE_OF_ANOTHER:{role}", "", 0),), "nor how much the other has"
    assert masked(found) == [("OTHER_PERSON", 1)], "that the other is not named is told"


def test_a_co_owner_gets_the_common_contract_but_neither_invoices_nor_the_others_phone(database: Database) -> None:
    both = record(
        "contracts", "heat_contract", number="LS-1001", contract_flow="0.25", contact="+358 40 000 0013",
        parties="Eino Mallikas, Aino Esimerkkilä",
    )  # fmt: skip
    add(
        database,
        "1",
        "Eino Mallikas",
        records=[both, OWNERS[0], record("contracts", "heat_contract", number="LS-77", contract_flow="9.9")],
        contacts=[{"kind": "phone", "value": "+358400000013"}],
        identifiers=[CONTRACT],
    )
    aino = add(database, "2", "Aino Esimerkkilä", roles=[{"kind": "co_owner", "for": "1"}], identifiers=[CONTRACT])
    found = read(database, aino)
    assert values(found, "contracts") == ["LS-1001", "LS-1001", "0.25", MASK, f"{MASK}, Aino Esimerkkilä"]
    assert values(found, "invoices") == []
    assert ("OTHER_PERSON", 2) in masked(found)


def test_a_co_ownership_that_has_ended_shares_nothing(database: Database) -> None:
    add(database, "1", "Eino Mallikas", records=OWNERS, identifiers=[CONTRACT])
    past = {"kind": "co_owner", "for": "1", "valid_to": "2025-12-31"}
    found = read(database, add(database, "2", "Aino Esimerkkilä", roles=[past], identifiers=[CONTRACT]))
    assert values(found, "contracts") == ["LS-1001"], "their own number alone"


def test_a_buyer_does_not_get_the_former_owners_use_of_heat(database: Database) -> None:
    """The meter stayed, and its whole series came with it into the buyer's rows."""
    add(database, "1", "Eino Mallikas", identifiers=[METER])
    buyer = add(
        database,
        "2",
        "Aino Esimerkkilä",
        identifiers=[METER],
        records=[record("contracts", "heat_contract", valid_from="2025-06-01", meter="LM1")],
        readings=[
            {"meter": "LM1", "read_at": f"2025-{month:02}-01T00:00:00+03:00", "mwh": 100 + month}
            for month in range(1, 13)
        ],
    )
    found = read(database, buyer)
    told = [dict(item.fields) for item in found.categories[3].items if item.kind == "reading"]
    assert [one["mwh"] for one in told] == [f"{100 + month}.0" for month in range(6, 13)]
    assert found.left_out == (LeftOut("BEFORE_THEIR_TIME", "deliveries", 5),)
    assert read(database, buyer, outline=True).left_out == found.left_out, "the letter counts as the copy does"


def test_whose_contract_was_merely_renewed_keeps_the_whole_series(database: Database) -> None:
    aino = add(
        database,
        "2",
        "Aino Esimerkkilä",
        identifiers=[METER],
        records=[record("contracts", "heat_contract", valid_from="2025-06-01", meter="LM1")],
        readings=[{"meter": "LM1", "read_at": "2024-01-01T00:00:00+02:00", "mwh": 7}],
    )
    found = read(database, aino)
    assert "7.0" in values(found, "deliveries")
    assert found.left_out == ()


@pytest.mark.parametrize(
    ("note", "shown", "times"),
    [
        ("Naapuri Eino Mallikas soitti.", f"Naapuri {MASK} soitti.", 1),
        ("Mallikas, Eino soitti numerosta 040 000 0013.", f"{MASK} soitti numerosta {MASK}.", 2),
        ("Vastaus Eino.Mallikas@posti.test-osoitteeseen", f"Vastaus {MASK}-osoitteeseen", 1),
        ("Sopimus siirtyi asiakkaalta 100236.", f"Sopimus siirtyi asiakkaalta {MASK}.", 1),
        ("Aino Esimerkkilä soitti numerosta 040 000 0011.", None, 0),
        ("Isännöinti Koe Oy kysyi laskusta.", None, 0),
        ("Toisen asiakkaan numero on 555000, jota ei ole.", None, 0),
    ],
)
def test_other_people_in_a_note_are_masked_and_counted(
    database: Database, note: str, shown: str | None, times: int
) -> None:
    add(
        database,
        "100236",
        "Eino Mallikas",
        contacts=[{"kind": "phone", "value": "+358400000013"}, {"kind": "email", "value": "eino.mallikas@posti.test"}],
    )
    add(database, "200020", "Isännöinti Koe Oy", kind="company")
    aino = add(
        database,
        "100234",
        "Aino Esimerkkilä",
        contacts=[{"kind": "phone", "value": "+358400000011"}],
        records=[record("contacts", "call", summary=note)],
    )
    found = read(database, aino)
    assert values(found, "contacts") == [shown or note]
    assert masked(found) == ([("OTHER_PERSON", times)] if times else [])


def test_a_namesake_is_not_masked_for_nobody_can_tell_the_two_apart(database: Database) -> None:
    add(database, "100237", "Eino Mallikas")
    note = "Eino Mallikas soitti."
    eino = add(database, "100236", "Eino Mallikas", records=[record("contacts", "call", summary=note)])
    assert values(read(database, eino), "contacts") == [note]


def test_staff_and_identity_codes_are_masked_at_any_depth(database: Database) -> None:
    database.write_now(lambda s: add_member(s, login="dora", name="Dora Virkailija", role=StaffRole.CLERK, now=NOW))
    call = record(
        "contacts",
        "call",
        summary="Dora Virkailija lupasi soittaa.",
        handled_by="DV",
        visits=[{"text": "Hetu 010190-999X"}],
    )
    found = read(database, add(database, "1", "Eino Mallikas", records=[call]))
    assert values(found, "contacts") == [f"{MASK} lupasi soittaa.", MASK, "Hetu 010190-****"]
    assert masked(found) == [("IDENTITY_CODE", 1), ("STAFF", 2)]


def test_messages_are_copied_with_their_words_and_anothers_only_noted(database: Database) -> None:
    aino = add(database, "1", "Aino Esimerkkilä", contacts=[{"kind": "email", "value": "aino.esimerkkila@posti.test"}])

    def live(session: Session) -> None:
        add_member(session, login="dora", name="Dora Virkailija", role=StaffRole.CLERK, now=NOW)
        ticket = Ticket(
            reference="7F3K-92QX", state=TicketState.OPEN, customer_id=aino, channel="email", language="fi",
            received_at=NOW,
        )  # fmt: skip
        session.add(ticket)
        session.flush()
        for direction, address, text in (
            ("in", "Aino.Esimerkkila@posti.test", "Naapurini Eino kysyy samaa."),
            ("in", "seija@tuntematon.test", "Olen Ainon sisko."),
            ("out", "", "Hei Aino, terveisin Dora Virkailija"),
            ("note", "", "Soitettu takaisin."),
        ):
            session.add(
                Message(
                    ticket_id=ticket.id, direction=direction, channel="email", from_address=address, subject="Asia",
                    text=text, received_at=NOW - timedelta(days=1), sha256="",
                    details={"attachments": [{"name": "kuva.png"}]} if direction == "in" else {},
                )
            )  # fmt: skip

    database.write_now(live)
    found = read(database, aino)
    texts = [dict(item.fields).get("text") for item in found.categories[5].items if item.kind == "message"]
    assert texts == ["Naapurini Eino kysyy samaa.", None, f"Hei Aino, terveisin {MASK}", "Soitettu takaisin."]
    assert "kuva.png" in values(found, "contacts")
    assert masked(found) == [("OTHER_WRITER", 1), ("STAFF", 1)]


def test_an_outline_tells_the_newest_reading_of_each_meter_and_all_else(database: Database) -> None:
    readings = [
        {"meter": meter, "read_at": (NOW - timedelta(days=day)).isoformat(), "mwh": 100 - day}
        for day in range(30)
        for meter in ("LM1", "LM2")
    ]
    aino = add(database, "1", "Aino Esimerkkilä", readings=readings, records=OWNERS)
    whole, outline = read(database, aino), read(database, aino, outline=True)
    assert [dict(item.fields) for item in outline.categories[3].items] == [
        {"meter": "LM1", "read_at": "2026-03-02T12:00+02:00"},
        {"meter": "LM2", "read_at": "2026-03-02T12:00+02:00"},
    ]
    assert [one for one in outline.categories if one.key != "deliveries"] == [
        one for one in whole.categories if one.key != "deliveries"
    ]
    assert {item.recorded_on for item in outline.categories[3].items} == {date(2026, 3, 2)}


def test_the_names_that_a_mapping_gave_go_with_the_dossier(database: Database) -> None:
    labels = {"invoices.invoice.oma_kentta": {"fi": "Oma kenttä", "sv": "Eget fält", "en": "Own field"}}
    database.write_now(lambda session: keep_labels(session, labels))
    assert read(database, add(database, "1", "Eino Mallikas")).labels == labels
