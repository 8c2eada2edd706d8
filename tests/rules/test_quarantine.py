"""Suspected mail: set aside without a word, unless it belongs, is known, or asks for a right."""

import pytest

from bot.rules.verdicts import Thread
from mail.message import Automatic
from tests.rules.people import Judge, mail

STRANGER = "seija@tuntematon.test"
MARKS = ("JUNK_FOLDER", "SPAM_FLAG")
OFFER = "Hei, teemme edullisia kattoremontteja. Pyydä tarjous, tervetuloa tutustumaan!"
ORDINARY = "Hei, haluaisin kysyä, milloin asiakaspalvelunne on avoinna jouluna."


def test_a_suspected_mail_is_set_aside_with_the_filters_reasons(judge: Judge) -> None:
    found = judge(mail(OFFER, STRANGER, suspected=MARKS))
    assert found.placement == "quarantine"
    assert found.acknowledgement is None
    assert found.drafts == ()
    assert found.requests == ()
    assert set(MARKS) <= set(found.flags)


def test_the_same_mail_unsuspected_is_a_ticket_and_acknowledged(judge: Judge) -> None:
    found = judge(mail(ORDINARY, STRANGER))
    assert found.placement == "new"
    assert found.acknowledgement is not None
    assert judge(mail(ORDINARY, STRANGER, suspected=MARKS)).placement == "quarantine"


@pytest.mark.parametrize(
    "words",
    [
        "Pyydän kopion kaikista minua koskevista henkilötiedoista.",
        "Poistakaa kaikki henkilötietoni rekisteristänne.",
        "Jag begär att få tillgång till alla personuppgifter som ni har om mig.",
        "I object to the processing of my personal data for marketing.",
        "Please restrict the processing of my personal data under Article 18 GDPR.",
        "Oikaiskaa minusta tallennetut virheelliset henkilötiedot.",
        "Please transfer my personal data to another controller in a machine-readable format.",
    ],
)
def test_words_of_a_right_lead_it_on_without_a_word_to_the_sender(judge: Judge, words: str) -> None:
    found = judge(mail(words, STRANGER, suspected=MARKS))
    assert found.placement == "new"
    assert "RESCUED_BY_WORDS" in found.flags
    assert found.due_on is not None
    assert found.acknowledgement is None


def test_a_known_customers_mail_in_the_junk_folder_is_not_lost(judge: Judge) -> None:
    found = judge(mail(ORDINARY, suspected=MARKS))
    assert found.placement == "new"
    assert "RESCUED_BY_SENDER" in found.flags
    assert found.acknowledgement is None


@pytest.mark.parametrize("verdict", ["none", "fail"])
def test_an_address_that_is_only_claimed_rescues_nothing(judge: Judge, verdict: str) -> None:
    found = judge(mail(ORDINARY, verdict=verdict, suspected=MARKS))  # type: ignore[arg-type]
    assert found.placement == "quarantine"
    assert found.acknowledgement is None


def test_a_reply_that_may_join_its_ticket_joins_it(judge: Judge) -> None:
    thread = Thread(ticket_id=7, customer=None, sender=STRANGER)
    found = judge(mail("Tässä lisätieto.", STRANGER, suspected=MARKS), thread=thread)
    assert (found.placement, found.joins) == ("join", 7)
    assert "RESCUED_BY_THREAD" in found.flags


def test_a_reference_to_anothers_ticket_rescues_nothing_but_staff_see_the_link(judge: Judge) -> None:
    thread = Thread(ticket_id=7, customer="100236", sender="eino.mallikas@posti.test")
    found = judge(mail(OFFER, STRANGER, suspected=MARKS), thread=thread)
    assert found.placement == "quarantine"
    assert "REFERS_TO_ANOTHER_TICKET" in found.flags


def test_automatic_mail_stays_what_it_is(judge: Judge) -> None:
    found = judge(mail(OFFER, STRANGER, suspected=MARKS, automatic=Automatic("bounce", may_acknowledge=False)))
    assert found.placement == "none"


def test_a_failed_authentication_alone_is_a_ticket_as_ever(judge: Judge) -> None:
    assert judge(mail(ORDINARY, verdict="fail")).placement == "new"


def test_a_forged_mail_with_words_of_a_right_is_led_on_and_gets_no_data(judge: Judge) -> None:
    found = judge(mail("Pyydän kopion kaikista tiedoistani.", verdict="fail", suspected=MARKS))
    assert found.placement == "new"
    assert not any(one.holds_data for one in found.drafts)
    assert found.acknowledgement is None
