"""A mere thank-you is told from everything that a person may still want."""

from dataclasses import replace

import pytest

from bot.rules.thanks import is_mere_thanks
from mail.message import Attachment
from tests.rules.people import mail

NAMED = "Aino Esimerkkilä <aino.esimerkkila@posti.test>"


@pytest.mark.parametrize(
    "text",
    [
        "Kiitos!",
        "Kiitos vastauksesta!",
        "Hei,\n\nkiitos paljon nopeasta vastauksesta ja avusta.",
        "Kiitoksia tiedoista.\n\nYstävällisin terveisin\nAino Esimerkkilä",
        "Kiitos, hyvää viikonloppua! T. Aino",
        "Kiitos!\n\nAino",
        "Tack så mycket för hjälpen!\n\nMed vänliga hälsningar\nAstrid Påhitt",
        "Tack för snabba svaret. Mvh Astrid",
        "Thank you very much for your quick reply!\n\nKind regards,\nImogen Placeholder",
        "Thanks a lot :-)",
        "KIITOS",
    ],
)
def test_thanks_and_no_more(text: str) -> None:
    assert is_mere_thanks(mail(text, from_text=NAMED), text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Hei",
        "Terveisin Aino",
        "Kiitos, mutta lasku puuttuu.",
        "Kiitos. Voitteko vielä lähettää kopion?",
        "Kiitos jo etukäteen!",
        "Kiitos, poistakaa tietoni.",
        "Ei kiitos.",
        "Kiitos ei riitä.",
        "Kiitos? Tämä ei ollut vastaus.",
        "Tack, men jag vill ha resten också.",
        "Tack på förhand",
        "Thanks in advance.",
        "Thanks, best send me the invoice.",
        "Thanks, but I have not received anything.",
        "Thank you. Regards to nobody: erase my data",
        "Kiitos. Laskusta 12 puuttuu rivi",
        "Kiitos. Puhelinnumeroni on +358400000011",
        "Kiitos! T. poistakaa kaikki tietoni heti",
        "Kiitos " * 100,
        "Svar, tack!",
        "Hjälp tack",
        "Help! Thanks",
        "Information, thanks.",
        "Vastaus, kiitos!",
    ],
)
def test_one_word_more_is_for_a_person_to_read(text: str) -> None:
    assert not is_mere_thanks(mail(text, from_text=NAMED), text)


def test_a_file_with_thanks_is_for_a_person_to_open() -> None:
    file = Attachment("valtakirja.pdf", "application/pdf", 10, "0" * 64)
    message = replace(mail("Kiitos!"), attachments=(file,))
    assert not is_mere_thanks(message, "Kiitos!")
