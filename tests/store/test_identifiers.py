"""Numbers told by their form: every labelled case, in running text and as a scan makes of it."""

import csv
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.models.identifiers import Form, find, mask, recognise

CASES = Path(__file__).parents[2] / ".." / "shared" / "cases" / "identifiers.csv"
TODAY = date(2026, 3, 2)
FORMS = {
    "hetu": Form.IDENTITY_CODE,
    "ytunnus": Form.BUSINESS_ID,
    "vat": Form.VAT,
    "ovt": Form.EINVOICE_ADDRESS,
    "viitenumero": Form.PAYMENT_REFERENCE,
    "rf": Form.CREDITOR_REFERENCE,
    "iban": Form.IBAN,
    "kiinteistotunnus": Form.PROPERTY,
    "postinumero": Form.POSTAL_CODE,
    "puhelin": Form.PHONE,
}
RIGHT = {"valid", "valid(test range)", "pad", "format", "normalise"}
WRONG = {"invalid", "impossible", "reject in app", "invalid(strict)"}


def cases() -> list[dict[str, str]]:
    assert CASES.is_file(), "the shared cases are not there: put shared/ beside the project's folder"
    with CASES.open(encoding="utf-8") as rows:
        return list(csv.DictReader(rows))


@pytest.mark.parametrize("case", cases(), ids=lambda case: f"{case['type']} {case['value']}")
def test_every_labelled_number_is_taken_or_left_as_labelled(case: dict[str, str]) -> None:
    form, value = FORMS[case["type"]], case["value"]
    found = recognise(form, value, TODAY)
    if case["expected"] == "OCR":
        assert found is None
        assert [(one.normalised, one.repaired) for one in find(value, TODAY)] == [("010180-9015", True)]
    else:
        assert case["expected"] in RIGHT | WRONG
        assert (found is not None) == (case["expected"] in RIGHT)
    if case["note"].startswith("-> "):
        assert found == case["note"].removeprefix("-> ").partition(" ")[0]


def test_all_ways_of_writing_a_property_are_one() -> None:
    written = ("999-401-12-34", "999-401-0012-0034", "99940100120034", "999\u2013401\u201312\u201334")
    assert {recognise(Form.PROPERTY, one, TODAY) for one in written} == {"99940100120034"}
    assert recognise(Form.PROPERTY, "999-401-12-34-M601", TODAY) == "99940100120034M0601"


def test_two_people_may_differ_by_the_century_sign_alone() -> None:
    assert recognise(Form.IDENTITY_CODE, "010594Y9032", TODAY) != recognise(Form.IDENTITY_CODE, "010594-9032", TODAY)


def test_nobody_is_born_tomorrow() -> None:
    code = "010326A903W"
    day = date(2026, 3, 1)
    assert recognise(Form.IDENTITY_CODE, code, day) == code
    assert recognise(Form.IDENTITY_CODE, code, date(2026, 2, 28)) is None


TEXT = """Hei, hetuni on 010180-9015 ja yritykseni Y-tunnus 9999991-7 (FI99999917). Kiinteistö 999-401-12-34,
tili FI93 9999 9900 0000 14, viite RF18 1002 340. Verkkolaskuosoite 003799999917. Puh. 040 000 0011, 2.3.2026 klo 12."""


def test_numbers_are_found_in_running_text_by_their_form() -> None:
    assert [(one.form, one.normalised) for one in find(TEXT, TODAY)] == [
        (Form.IDENTITY_CODE, "010180-9015"),
        (Form.BUSINESS_ID, "9999991-7"),
        (Form.VAT, "FI99999917"),
        (Form.PROPERTY, "99940100120034"),
        (Form.IBAN, "FI9399999900000014"),
        (Form.CREDITOR_REFERENCE, "RF181002340"),
        (Form.EINVOICE_ADDRESS, "003799999917"),
    ]


@pytest.mark.parametrize("written", ["010180-9015", "010180\u20139015", "0IO18O-9OIS", "010I80-9o15", "01018O-9015"])
def test_an_identity_code_is_masked_however_it_was_scanned(written: str) -> None:
    assert mask(f"Tunnus on {written}, kiitos.", TODAY) == "Tunnus on 010180-****, kiitos."


@pytest.mark.parametrize("text", ["010180-9016", "112233-4455", "SOSOLIBBIZI", "a010180-9015", "010180-90155"])
def test_what_only_looks_like_one_is_left_alone(text: str) -> None:
    assert mask(text, TODAY) == text


@given(st.text(max_size=200))
def test_any_text_is_searched_without_complaint_and_a_masked_one_holds_none(text: str) -> None:
    masked = mask(text, TODAY)
    assert not [one for one in find(masked, TODAY) if one.form is Form.IDENTITY_CODE]
    for form in Form:
        recognise(form, text, TODAY)
