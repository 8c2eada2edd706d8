"""Who wrote: what confirms, what only claims, and what a person must decide."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.rules.identification import identify, is_settled
from store.models import Candidate, ContactKind, ContactStatus, Level
from tests.rules.people import AINO, EINO, HOUSING, MANAGER, NOW, POLICY, contact, customer, mail


def agreeing(candidate: Candidate, *matched: str) -> Candidate:
    return replace(candidate, matched=matched)


@pytest.mark.parametrize(
    ("matched", "level"),
    [
        (("IDENTIFIER:customer_number", "NAME"), Level.CLAIMED),
        (("NAME", "PHONE"), Level.CLAIMED),
        (("IDENTIFIER:contract", "NAME"), Level.CLAIMED),
        (("IDENTIFIER:customer_number", "IDENTIFIER:meter", "IDENTIFIER:invoice"), Level.AMBIGUOUS),
        (("IDENTIFIER:customer_number",), Level.AMBIGUOUS),
        (("PHONE",), Level.AMBIGUOUS),
        (("INACTIVE_ADDRESS",), Level.NONE),
        (("INACTIVE_ADDRESS", "NAME"), Level.AMBIGUOUS),
    ],
)
def test_knowledge_claims_at_most_and_numbers_off_one_bill_count_once(matched: tuple[str, ...], level: Level) -> None:
    found = identify(mail("Tietoni", "joku@uusi.test"), [agreeing(AINO, *matched)], POLICY, NOW)
    assert found.level is level


def test_two_namesakes_with_equal_agreement_are_for_a_person_to_tell_apart() -> None:
    twins = [agreeing(AINO, "NAME", "PHONE"), agreeing(EINO, "NAME", "PHONE")]
    found = identify(mail("Tietoni", "joku@uusi.test"), twins, POLICY, NOW)
    assert (found.level, found.customer) == (Level.AMBIGUOUS, None)
    assert set(found.candidates) == {"100234", "100236"}


def test_the_name_and_number_of_one_beside_the_number_of_another_conflict() -> None:
    candidates = [agreeing(AINO, "IDENTIFIER:customer_number", "NAME"), agreeing(EINO, "IDENTIFIER:customer_number")]
    found = identify(mail("Tietoni", "joku@uusi.test"), candidates, POLICY, NOW)
    assert (found.level, "CONFLICT" in found.reasons) == (Level.AMBIGUOUS, True)


def test_a_forged_mail_lists_whose_address_it_used_and_names_nobody() -> None:
    found = identify(mail("Tietoni", verdict="fail"), [agreeing(AINO, "ADDRESS", "NAME")], POLICY, NOW)
    assert (found.level, found.customer, found.candidates) == (Level.NONE, None, ("100234",))
    assert found.reasons == ("AUTHENTICATION_FAILED",)


@pytest.mark.parametrize("address", ["aino.esimerkkila+x@posti.test", "aino.esimerkkilä@posti.test", "aino@posti.test"])
def test_an_address_that_only_looks_alike_confirms_nothing(address: str) -> None:
    found = identify(mail("Tietoni", address), [agreeing(AINO, "NAME")], POLICY, NOW)
    assert found.level is not Level.CONFIRMED_CHANNEL


def test_a_manager_who_names_two_companies_stays_the_one_who_wrote() -> None:
    other = customer(200012, "As Oy Koepiha")
    manager = replace(MANAGER, matched=("ADDRESS",), acts_for=("200010", "200012"))
    named = [agreeing(HOUSING, "NAME"), agreeing(other, "NAME")]
    found = identify(mail("", "toimisto@isannointi.test"), [manager, *named], POLICY, NOW)
    assert (found.customer, "ACTS_FOR" in found.reasons) == ("200011", False)
    one = identify(mail("", "toimisto@isannointi.test"), [manager, named[0]], POLICY, NOW)
    assert (one.customer, one.level) == ("200010", Level.CONFIRMED_CHANNEL)


def test_the_role_of_nobody_lets_nobody_act() -> None:
    manager = replace(MANAGER, matched=("ADDRESS",), acts_for=())
    message = mail("", "toimisto@isannointi.test")
    found = identify(message, [manager, agreeing(HOUSING, "NAME")], POLICY, NOW)
    assert found.customer != "200010"


def test_our_own_address_from_outside_is_nobody() -> None:
    found = identify(mail("Tietoni", "tietosuoja@lampo.test"), [agreeing(AINO, "NAME", "PHONE")], POLICY, NOW)
    assert (found.level, found.reasons) == (Level.NONE, ("OWN_ADDRESS",))


def test_a_contact_is_settled_only_when_it_was_there_before_and_its_waiting_is_over() -> None:
    plain = contact(1, ContactKind.EMAIL, "a@posti.test")
    assert is_settled(plain, NOW)
    assert not is_settled(replace(plain, on_file_since=NOW), NOW)
    assert not is_settled(replace(plain, usable_from=NOW + timedelta(seconds=1)), NOW)
    assert not is_settled(replace(plain, status=ContactStatus.INACTIVE), NOW)
