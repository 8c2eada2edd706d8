"""Somebody tries names and numbers from an own address: no answer may tell which of them are in the register."""

from dataclasses import replace

import pytest

from store.models import CustomerKind
from tests.rules.people import EINO, HOUSING, Judge, mail

ESTATE = replace(
    EINO,
    id=400010,
    key="400010",
    name="Vilho Tarulaisen kuolinpesä",
    name_key="kuolinpesä tarulaisen vilho",
    kind=CustomerKind.ESTATE,
    contacts=(),
)
GUESSES = [
    ("Eino Mallikas", "Eero Olematon"),
    ("Asiakasnumero 100236", "Asiakasnumero 199999"),
    ("As Oy Malliranta, asiakasnumero 200010", "As Oy Ollaranta, asiakasnumero 299999"),
    ("Vilho Tarulaisen kuolinpesä, asiakasnumero 400010", "Vilho Olemattoman kuolinpesä, asiakasnumero 499999"),
]
TEXTS = [
    "Pyydän omat tietoni. {}",
    "Pyydän omat tietoni osoitteeseen x@muualta.test. {}",
    "Osoitteeni on muuttunut, korjatkaa tietoni. {}",
    "Pyydän mieheni tiedot. {}",
    "Lämpö ei toimi. {}",
    "Poistakaa tietoni. {}",
    "Hyvä asiakas, teille on saapunut maksu, klikatkaa tästä https://muualta.test/x {}",
]
REGISTER = [EINO, HOUSING, ESTATE]


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize(("known", "unknown"), GUESSES)
def test_a_guess_that_hits_is_answered_like_one_that_misses(judge: Judge, text: str, known: str, unknown: str) -> None:
    hit, miss = (judge(mail(text.format(one), "arvaaja@muualta.test"), REGISTER) for one in (known, unknown))
    assert hit.identification.candidates, "the guess should have met somebody, or this shows nothing"
    assert hit.acknowledgement == miss.acknowledgement
    if miss.placement == "new":
        answered = [(one.template, one.recipient, one.language) for one in hit.drafts if not one.holds_data]
        assert answered == [(one.template, one.recipient, one.language) for one in miss.drafts]


def test_an_advertisement_that_names_a_customer_is_still_seen_by_staff(judge: Judge) -> None:
    result = judge(mail(TEXTS[-1].format("Eino Mallikas"), "arvaaja@muualta.test"), REGISTER)
    assert (result.placement, result.acknowledgement) == ("new", None)
