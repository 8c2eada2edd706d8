"""What is compared is folded alike on both sides, and folding never makes two people or two addresses one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.models import IdentifierKind, fold_postal, identifier_key, name_key, normalise_email, normalise_phone


@pytest.mark.parametrize(
    "written", ["Aino Esimerkkilä", "ESIMERKKILÄ, Aino", "  aino\tesimerkkila\u0308 ", "Aino Esimerkkilä."]
)
def test_a_name_is_found_in_every_order_case_and_composition(written: str) -> None:
    assert name_key(written) == "aino esimerkkilä"


def test_a_double_name_keeps_its_hyphen() -> None:
    assert name_key("Anna-Maija Koe–Malli") == "anna-maija koe malli"


def test_names_that_differ_by_a_dot_or_a_script_stay_apart() -> None:
    assert name_key("Mallikäs") != name_key("Mallikas")
    assert name_key("Eino Mallikas") != name_key("Ein\u043e Mallikas")


@given(st.text())
def test_folding_a_name_twice_changes_nothing_more(name: str) -> None:
    assert name_key(name_key(name)) == name_key(name)


@given(st.lists(st.text(), max_size=5), st.randoms(use_true_random=False))
def test_the_order_of_words_does_not_matter(words: list[str], chance: object) -> None:
    assert name_key(" ".join(words)) == name_key(" ".join(reversed(words)))


def test_an_address_is_compared_without_case() -> None:
    assert normalise_email(" Aino.Esimerkkila@Posti.TEST ") == "aino.esimerkkila@posti.test"
    assert normalise_email("aino@lämpö.test") == "aino@xn--lmp-qla6g.test"


@pytest.mark.parametrize(
    "lookalike", ["aino\u212a@posti.test", "\uff41inok@posti.test", "\u0430inok@posti.test", "ainok@\uff50osti.test"]
)
def test_a_look_alike_does_not_become_the_address_itself(lookalike: str) -> None:
    assert normalise_email(lookalike) != "ainok@posti.test"


@pytest.mark.parametrize("written", ["040 000 0011", "0400-000011", "+358 (0)40 0000011", "00358400000011"])
def test_a_phone_number_has_one_form(written: str) -> None:
    assert normalise_phone(written) == "+358400000011"


def test_what_is_no_phone_number_is_none() -> None:
    assert normalise_phone("call me") == ""


def test_an_address_on_paper_is_compared_without_case_and_commas() -> None:
    assert fold_postal(["Testikuja 3 A,", " 85100  KALAJOKI", ""]) == "testikuja 3 a / 85100 kalajoki"


@pytest.mark.parametrize(
    ("kind", "written", "folded"),
    [
        (IdentifierKind.CUSTOMER_NUMBER, " 100 234", "100234"),
        (IdentifierKind.BUSINESS_ID, "FI01858914", "0185891-4"),
        (IdentifierKind.PROPERTY, "999-401-12-34", "99940100120034"),
        (IdentifierKind.PAYMENT_REFERENCE, "00012 34561", "1234561"),
        (IdentifierKind.METER, "lm 4711", "LM4711"),
    ],
)
def test_a_number_has_one_form(kind: IdentifierKind, written: str, folded: str) -> None:
    assert identifier_key(kind, written) == folded
