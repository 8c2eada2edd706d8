"""The automatic words: the same for everyone, without an echo, with the number to call when it is cold."""

from datetime import date

import pytest

from replies.acknowledgement import write_acknowledgement, write_chat_receipt, write_duty_alert, write_summary
from replies.notice import LANGUAGES

ON_CALL = "+358 40 000 0011"
FACTS = {"reference": "KL-7F3K-92QD", "received_on": date(2026, 11, 22), "due_on": date(2026, 12, 22)}


def test_the_finnish_words_are_those_that_were_agreed(notice):
    words = write_acknowledgement("fi", **FACTS, notice=notice, on_call=ON_CALL)
    assert words.text.startswith(
        "Kiitos viestistänne. Se on vastaanotettu 22.11.2026 ja saanut tunnuksen KL-7F3K-92QD. Vastaamme viimeistään "
        "22.12.2026.\n\nHenkilöllisyyden varmistamiseksi saatamme ottaa yhteyttä aiemmin ilmoitettuun yhteystietoon. "
        "Älkää lähettäkö henkilötunnusta tai henkilötodistuksen kopiota. Tähän viestiin ei tarvitse vastata.\n",
    )
    assert f"soittakaa heti päivystykseen: {ON_CALL}." in words.text


def test_the_swedish_and_english_words_too(notice):
    swedish = write_acknowledgement("sv", **FACTS, notice=notice, on_call=ON_CALL).text
    english = write_acknowledgement("en", **FACTS, notice=notice, on_call=ON_CALL).text
    assert swedish.startswith("Tack för ert meddelande. Det mottogs 22.11.2026 och har fått numret KL-7F3K-92QD. Vi")
    assert english.startswith(
        "Thank you for your message. It was received on 22 November 2026 and has number KL-7F3K-92QD. We"
    )
    assert "by 22 December 2026 at the latest" in english


@pytest.mark.parametrize(
    ("language", "within"),
    [("fi", "viimeistään kuukauden kuluessa"), ("sv", "inom en månad"), ("en", "within a month")],
)
def test_without_a_statutory_date_a_month_is_promised(notice, language, within):
    facts = FACTS | {"due_on": None}
    assert within in write_acknowledgement(language, **facts, notice=notice, on_call=ON_CALL).text
    assert within in write_summary(language, **facts, notice=notice, on_call=ON_CALL).text


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("automatic", [write_acknowledgement, write_summary])
def test_two_acknowledgements_differ_in_date_and_reference_only(notice, automatic, language):
    one = automatic(language, **FACTS, notice=notice, on_call=ON_CALL)
    facts = FACTS | {"reference": "KL-AAAA-1111"}
    other = automatic(language, **facts, notice=notice, on_call=ON_CALL)
    assert one.text.replace("KL-7F3K-92QD", "KL-AAAA-1111") == other.text
    assert one.subject.replace("KL-7F3K-92QD", "KL-AAAA-1111") == other.subject


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_chat_gets_a_receipt_and_nothing_else(language):
    words = write_chat_receipt(language, reference="KL-7F3K-92QD")
    assert "KL-7F3K-92QD" in words.text
    assert "@" not in words.text
    assert len(words.text) < 4096, "one message of a chat"


@pytest.mark.parametrize("language", LANGUAGES)
def test_who_is_on_duty_is_told_where_to_look(language):
    words = write_duty_alert(language, reference="KL-7F3K-92QD", desk_url="https://desk.lampo.test/t/7")
    assert "https://desk.lampo.test/t/7" in words.text
    assert "KL-7F3K-92QD" in words.text
