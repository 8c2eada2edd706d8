"""What messages tell of their writers."""

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.rules.clues import MAX_OF_EACH, clues, holds_identity_code
from bot.rules.verdicts import Policy
from store.models import IdentifierKind
from tests.rules.people import POLICY, mail

CASES = Path(__file__).parents[2] / ".." / "shared" / "cases" / "identifiers.csv"


def identifiers(of_type: str) -> list[dict[str, str]]:
    if not CASES.is_file():
        pytest.fail("The labelled cases are missing: shared/cases/identifiers.csv must lie beside the project folder.")
    with CASES.open(encoding="utf-8", newline="") as file:
        return [row for row in csv.DictReader(file) if row["type"] == of_type]


def numbers(text: str, kind: IdentifierKind) -> list[str]:
    return [value for found, value in clues(mail(text), POLICY).identifiers if found is kind]


@pytest.mark.parametrize(
    "text",
    [
        "asiakasnro 100234",
        "Asiakasnumeroni on 100234.",
        "kundnr 100234",
        "Kundnummer: 100234",
        "customer no. 100234",
        "Customer number is 100234",
        "Terveisin Aino, 100234",
    ],
)
def test_a_customer_number_is_known_by_the_word_before_it_or_by_standing_alone(text: str) -> None:
    assert numbers(text, IdentifierKind.CUSTOMER_NUMBER) == ["100234"]


def test_other_digits_are_no_customer_number() -> None:
    assert (
        numbers("Postinumero 85100, lasku 2026000123, p. 040 000 0011, 123456-7", IdentifierKind.CUSTOMER_NUMBER) == []
    )


def test_every_business_id_of_the_cases_is_taken_or_left_as_labelled() -> None:
    for row in identifiers("ytunnus"):
        found = numbers(f"Y-tunnus {row['value']}.", IdentifierKind.BUSINESS_ID)
        assert bool(found) == (row["expected"] in {"valid", "pad"}), row


def test_every_property_id_of_the_cases_is_taken_or_left_as_labelled() -> None:
    for row in identifiers("kiinteistotunnus"):
        found = numbers(f"kiinteistötunnus {row['value']}, kiitos", IdentifierKind.PROPERTY)
        assert bool(found) == (row["expected"] == "valid"), row


def test_every_payment_reference_of_the_cases_is_taken_or_left_as_labelled() -> None:
    for row in identifiers("viitenumero"):
        found = numbers(f"viite {row['value']}", IdentifierKind.PAYMENT_REFERENCE)
        assert bool(found) == (row["expected"] == "valid"), row


def test_every_phone_of_the_cases_is_taken_in_one_form() -> None:
    for row in identifiers("puhelin"):
        told = clues(mail(f"Soittakaa {row['value']} iltaisin"), POLICY)
        assert told.phones in {("+358400000011",), ("+35880001234",)}, row


def test_invoice_contract_and_meter_numbers_are_known_by_their_words() -> None:
    text = "Laskussa 2026000123 ja sopimus nro S-2015-77, mittari K123456. Mätare nr M-9981."
    assert numbers(text, IdentifierKind.INVOICE) == ["2026000123"]
    assert numbers(text, IdentifierKind.CONTRACT) == ["S201577"]
    assert numbers(text, IdentifierKind.METER) == ["K123456", "M9981"]


def test_an_identity_code_is_seen_when_valid_and_never_a_clue() -> None:
    for row in identifiers("hetu"):
        if row["expected"] == "valid(test range)":
            told = clues(mail(f"hetuni on {row['value']} ja muuta"), POLICY)
            assert holds_identity_code(f"hetuni on {row['value']}."), row
            assert (told.identifiers, told.phones) == ((), ()), row
    assert not holds_identity_code("010180-9016")


@pytest.mark.parametrize(
    ("text", "from_text", "key"),
    [
        ("Hei", "Aino Esimerkkilä <aino@posti.test>", "aino esimerkkilä"),
        ("Hei", '"Esimerkkilä, Aino" <aino@posti.test>', "aino esimerkkilä"),
        ("Terveisin\nEino Mallikas", "e@posti.test", "eino mallikas"),
        ("Nimi: Eino Mallikas", "e@posti.test", "eino mallikas"),
        ("Asia koskee yhtiötä As Oy Malliranta.", "e@posti.test", "as malliranta oy"),
        ("päämieheni Eino Mallikkaan tiedot", "e@posti.test", "eino mallikas"),
        ("Matti Virtasen asiakkuus", "e@posti.test", "matti virtanen"),
        ("Mvh Astrid Påhitt", "a@post.test", "astrid påhitt"),
    ],
)
def test_names_come_from_the_phrase_the_signature_and_the_text(text: str, from_text: str, key: str) -> None:
    assert key in clues(mail(text, from_text=from_text), POLICY).name_keys


def test_the_address_is_compared_in_one_form_and_a_look_alike_stays_another() -> None:
    assert clues(mail("", "Aino.Esimerkkila@posti.test"), POLICY).address == "aino.esimerkkila@posti.test"
    assert clues(mail("", "aino.esimerkkila+x@posti.test"), POLICY).address != "aino.esimerkkila@posti.test"
    assert clues(mail("", "", channel="letter"), POLICY).address == ""


def test_a_long_list_of_numbers_is_cut() -> None:
    text = " ".join(f"asiakasnro {number}" for number in range(100_000, 100_900))
    assert len(clues(mail(text), POLICY).identifiers) == MAX_OF_EACH


def test_the_controller_says_what_a_customer_number_looks_like() -> None:
    policy = Policy(customer_number_pattern=r"K\d{3}")
    assert clues(mail("asiakasnro K123"), policy).identifiers == ((IdentifierKind.CUSTOMER_NUMBER, "K123"),)


@given(st.text(max_size=300), st.text(max_size=60))
def test_any_text_is_read_within_bounds(text: str, phrase: str) -> None:
    told = clues(mail(text, from_text=phrase), POLICY)
    assert len(told.identifiers) <= MAX_OF_EACH
    assert len(told.name_keys) <= MAX_OF_EACH
    assert len(told.phones) <= MAX_OF_EACH
