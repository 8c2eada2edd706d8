"""What the writer newly wrote stays, all of it; what he quotes goes."""

import time

import pytest
import reply_forms
from hypothesis import given
from hypothesis import strategies as st

from mail.hypertext import text_of
from mail.quotes import new_text

OWN = "Hei, kiitos vastauksesta.\n\nHaluan silti kopion kaikesta."

ATTRIBUTIONS = [
    "Lampo Asiakaspalvelu <asiakaspalvelu@lampo.test> kirjoitti 3.3.2026 klo 12.15:",
    "ti 3. maalisk. 2026 klo 12.15 Asiakaspalvelu (asiakaspalvelu@lampo.test) kirjoitti:",
    "Asiakaspalvelu kirjoitti tiistai 3. maaliskuuta 2026:",
    "Den 3 mars 2026 skrev Kundtjänst <asiakaspalvelu@lampo.test>:",
    "Den tis 3 mars 2026 kl 12:15 skrev Kundtjänst <asiakaspalvelu@lampo.test>:",
    "3 mars 2026 kl. 12:15 skrev Kundtjänst <asiakaspalvelu@lampo.test>:",
    "On Tue, 3 Mar 2026 at 12:15, Customer Service <asiakaspalvelu@lampo.test> wrote:",
    "On 3/3/26 12:15, Customer Service wrote:",
    "Am 03.03.26 um 12:15 schrieb Kundendienst:",
    "Am Di., 3. März 2026 um 12:15 Uhr schrieb Kundendienst <asiakaspalvelu@lampo.test>:",
    "tir. 3. mar. 2026 kl. 12:15 skrev Kundeservice <asiakaspalvelu@lampo.test>:",
    "Den tirs. 3. mar. 2026 kl. 12.15 skrev Kundeservice <asiakaspalvelu@lampo.test>:",
    "Le mar. 3 mars 2026 à 12:15, Service <asiakaspalvelu@lampo.test> a écrit :",
    "El mar, 3 mar 2026 a las 12:15, Servicio (<asiakaspalvelu@lampo.test>) escribió:",
    "Il giorno mar 3 mar 2026 alle ore 12:15 Servizio <asiakaspalvelu@lampo.test> ha scritto:",
    "Op di 3 mrt 2026 om 12:15 schreef Klantenservice <asiakaspalvelu@lampo.test>:",
    "wt., 3 mar 2026 o 12:15 Obsługa <asiakaspalvelu@lampo.test> napisał(a):",
    "Kuupäeval T, 3. märts 2026 kell 12:15 kirjutas Teenindus <asiakaspalvelu@lampo.test>:",
    "вт, 3 мар. 2026 г. в 12:15, Служба <asiakaspalvelu@lampo.test>:",
    "2026-03-03 12:15 GMT+02:00 Asiakaspalvelu <asiakaspalvelu@lampo.test>:",
    "2026년 3월 3일 (화) 12:15, <asiakaspalvelu@lampo.test>님이 작성:",
    "On Tue, 3 Mar 2026 at 12:15, Customer Service Kalajoki\n<asiakaspalvelu@lampo.test> wrote:",
    "ti 3. maalisk. 2026 klo 12.15 Asiakaspalvelu\n<asiakaspalvelu@lampo.test> kirjoitti:",
]
HEADS = [
    "Lähettäjä: Asiakaspalvelu <asiakaspalvelu@lampo.test>\nLähetetty: 3. maaliskuuta 2026 12:15\n"
    "Vastaanottaja: Aino\nAihe: Vastaus",
    "Från: Kundtjänst <asiakaspalvelu@lampo.test>\nSkickat: den 3 mars 2026 12:15\nTill: Astrid\nÄmne: Svar",
    "From: Service <asiakaspalvelu@lampo.test>\nSent: Tuesday, 3 March 2026 12:15\nTo: Imogen\nSubject: Reply",
    "*From:* Service <asiakaspalvelu@lampo.test>\n*Sent:* Tuesday, 3 March 2026 12:15\n*To:* Imogen\n*Subject:* Reply",
    "Von: Dienst <asiakaspalvelu@lampo.test>\nGesendet: Dienstag, 3. März 2026 12:15\nAn: Hans\nBetreff: Antwort",
    "Fra: Service <asiakaspalvelu@lampo.test>\nSendt: 3. mars 2026 12:15\nTil: Kari\nEmne: Svar",
    "De : Service <asiakaspalvelu@lampo.test>\nEnvoyé : mardi 3 mars 2026 12:15\nÀ : Luc\nObjet : Réponse",
    "Saatja: Teenindus\nSaadetud: 3. märts 2026 12:15\nKellele: Jaan\nTeema: Vastus",
    "________________________________\nFrom: Service <asiakaspalvelu@lampo.test>\nSent: Tuesday\nTo: "
    "Imogen\nSubject: Reply",
    "-----Alkuperäinen viesti-----\nLähettäjä: Asiakaspalvelu\nAihe: Vastaus",
    "-----Original Message-----\nFrom: Service",
    "-------- Alkuperäinen viesti --------\nAihe: Vastaus",
    "-------- Ursprungligt meddelande --------\nÄmne: Svar",
]


@pytest.mark.parametrize("attribution", ATTRIBUTIONS)
def test_an_attribution_and_the_marked_lines_below_it_go(attribution: str) -> None:
    assert new_text(f"{OWN}\n\n{attribution}\n\n> Teidän tietonne.\n> Terveisin Dora\n") == OWN


@pytest.mark.parametrize("attribution", ATTRIBUTIONS)
def test_an_attribution_with_unmarked_text_below_it_ends_the_own_text(attribution: str) -> None:
    assert new_text(f"{OWN}\n\n{attribution}\n\nTeidän tietonne.\nTerveisin Dora\n") == OWN


@pytest.mark.parametrize("head", HEADS)
def test_a_header_block_ends_the_own_text(head: str) -> None:
    assert new_text(f"{OWN}\n\n{head}\n\nTeidän tietonne.\nTerveisin Dora\n") == OWN


def test_answers_between_quoted_lines_stay() -> None:
    text = "Hei,\n\nDora kirjoitti 3.3.2026:\n> Mikä on osoitteenne?\nMallitie 1\n> Entä puhelin?\n040 000 0011\n"
    assert new_text(text) == "Hei,\n\nMallitie 1\n040 000 0011"


def test_answers_below_a_header_block_stay_when_the_writer_says_so() -> None:
    text = "Vastaukset alla punaisella.\n\nFrom: Dora\nSent: Tuesday\nTo: Aino\nSubject: x\n\nOsoite?\nMallitie 1\n"
    assert "Mallitie 1" in new_text(text)


def test_an_answer_below_the_quotation_stays() -> None:
    text = "Dora kirjoitti 3.3.2026 klo 12.15:\n> Mikä on osoitteenne?\n\nMallitie 1, kiitos."
    assert new_text(text) == "Mallitie 1, kiitos."


def test_a_mail_that_only_forwards_is_kept_whole() -> None:
    text = "-------- Forwarded Message --------\nFrom: Eino\nSubject: Lasku\n\nPyydän tietoni.\n"
    assert "Pyydän tietoni." in new_text(text)


@pytest.mark.parametrize(
    "text",
    [
        "Naapuri kirjoitti minulle että lasku on väärä.\nOnko näin?",
        "Dora kirjoitti:\nlasku on maksettu. Miksi?",
        "From: the meter room there is steam.\nPlease come.",
        "Hei,\nLähettäjä: en tiedä kuka\nmutta kirje tuli teiltä.",
        "Aihe: lämpö\nAsiakasnumero: 100234\nPyydän tietoni.",
        "Uusi osoite:\nMallitie 1\n-- tai ehkä Mallitie 2, tarkistan",
        "On se kumma kun lasku on aina väärin.\nAsiakaspalvelu lupasi soittaa 3.3.2026:\nei soittanut.",
        "Den dag ni skrev:\ningen värme.",
        "Minulle on lähetetty puhelimesta viesti\nLähetetty minun iPhone maksoi 100 euroa ja on rikki",
    ],
)
def test_own_words_that_look_like_quotation_stay(text: str) -> None:
    assert new_text(text) == text


@pytest.mark.parametrize(
    "tail",
    [
        "-- \nAino Esimerkkilä\nMallitie 1",
        "--\nAino",
        "Lähetetty iPhonesta",
        "Lähetetty minun iPhonesta",
        "Lähetetty Outlook for Androidista",
        "Hanki Outlook for iOS",
        "Skickat från min iPhone",
        "Skickades från Outlook för Android",
        "Hämta Outlook för iOS",
        "Sent from my iPhone",
        "Sent from my Galaxy",
        "Sent from Outlook for iOS",
        "Get Outlook for Android",
        "Von meinem iPhone gesendet",
        "Sendt fra min iPhone",
        "Envoyé de mon iPhone",
        "Lähetetty Samsung Galaxy -älypuhelimesta.",
    ],
)
def test_a_signature_goes(tail: str) -> None:
    assert new_text(f"{OWN}\n\n{tail}\n") == OWN


GMAIL = (
    '<div dir="ltr">Haluan kopion.</div><br><div class="gmail_quote">'
    '<div class="gmail_attr">ti 3. maalisk. 2026 klo 12.15 '
    'Dora (<a href="mailto:asiakaspalvelu@lampo.test">asiakaspalvelu@lampo.test</a>) kirjoitti:<br></div>'
    '<blockquote class="gmail_quote" style="margin:0">Mitä haluatte?</blockquote></div>'
)
APPLE = (
    '<div>Haluan kopion.</div><br><blockquote type="cite">'
    "<div>Dora &lt;asiakaspalvelu@lampo.test&gt; kirjoitti 3.3.2026 klo "
    "12.15:</div><br><div>Mitä haluatte?</div></blockquote>"
)
OUTLOOK = (
    '<p>Haluan kopion.</p><div style="border-top:solid #E1E1E1 1.0pt"><p><b>Lähettäjä:</b> Dora'
    "<br><b>Lähetetty:</b> tiistai 3. "
    "maaliskuuta 2026 12.15<br><b>Vastaanottaja:</b> Aino<br><b>Aihe:</b> Vastaus</p></div><p>Mitä haluatte?</p>"
)
THUNDERBIRD = (
    '<p>Haluan kopion.</p><div class="moz-cite-prefix">Dora kirjoitti 3.3.2026 klo 12.15:<br></div>'
    '<blockquote type="cite" cite="mid:1@lampo.test"><p>Mitä haluatte?</p></blockquote>'
)


@pytest.mark.parametrize("html", [GMAIL, APPLE, OUTLOOK, THUNDERBIRD])
def test_quotation_in_html_goes_too(html: str) -> None:
    assert new_text(text_of(html)) == "Haluan kopion."


def test_html_helps_where_the_plain_text_lost_the_marks() -> None:
    plain = "Haluan kopion.\n\nDora sanoi:\nMitä haluatte?\n"
    html = '<p>Haluan kopion.</p><blockquote type="cite"><p>Dora sanoi:</p><p>Mitä haluatte?</p></blockquote>'
    assert new_text(plain, html) == "Haluan kopion."


def test_an_indented_paragraph_is_no_quotation() -> None:
    assert "tärkeä" in new_text(text_of("<p>Hei</p><blockquote>tämä on tärkeä</blockquote>"))


@pytest.mark.parametrize("reply", list(reply_forms.odd()), ids=lambda reply: reply.name)
def test_people_write_in_odd_ways_and_keep_their_words(reply: reply_forms.Reply) -> None:
    assert reply.verdict() == ([], [])


def test_the_forms_of_mail_programs_in_many_languages_are_known() -> None:
    wrong = {reply.name: reply.verdict() for reply in reply_forms.made() if reply.verdict() != ([], [])}
    assert wrong == {}


def test_a_plain_text_that_says_more_than_the_html_is_kept() -> None:
    plain = "Haluan kopion tiedoistani.\n\nAino"
    assert new_text(plain, "<p>Aino</p>") == plain


@given(st.text(max_size=300), st.text(max_size=300))
def test_html_never_brings_in_words_that_the_plain_text_lacks(text: str, html: str) -> None:
    assert set(new_text(text, f"<blockquote type=cite>{html}</blockquote>").split()) <= set(text.split())


@given(st.text(max_size=400))
def test_something_always_remains(text: str) -> None:
    assert bool(new_text(text)) == bool(text.strip())


@given(st.lists(st.sampled_from([*ATTRIBUTIONS, *HEADS, "> x", "-- ", "", "Moi", "Lähetetty iPhonesta"]), max_size=12))
def test_what_is_kept_was_there(pieces: list[str]) -> None:
    text = "\n".join(pieces)
    assert set(new_text(text).split("\n")) <= {line.strip() for line in text.split("\n")} | set(text.split("\n")) | {""}


@pytest.mark.parametrize(
    "line",
    [
        "> x\n",
        ">\n",
        "\n",
        "On On On wrote:\n",
        "On 3.3.2026 A wrote:\n",
        "From: a\n",
        "From: a@b.test\nSent: 12:15\nTo: b\nSubject: c\n\n> x\n",
        "-- \n",
        "-----Original Message-----\n> x\n",
        "Sent from my iPhone\n",
        "reply above this line\n",
        "intended for see answers \n\n",
        "a" * 600 + "\n",
        "a@" * 240 + ":\n> x\n",
        ">" * 50,
        "| x\n",
        "AB> x\n",
    ],
)
def test_the_time_is_linear(line: str) -> None:
    began = time.monotonic()
    new_text(line * (2_000_000 // len(line)))
    new_text(line * min(99_999 // line.count("\n") if "\n" in line else 2_000_000, 2_000_000 // len(line)))
    assert time.monotonic() - began < 10  # INV-8


@pytest.mark.parametrize(
    "piece",
    [
        "<blockquote type=cite>",
        "<blockquote type=cite>x</blockquote>",
        "<div class=gmail_attr>x</div>",
        "<div id=Signature>x</div>",
        "<div class=yahoo_quoted>",
    ],
)
def test_html_of_nothing_but_quotation_costs_little(piece: str) -> None:
    began = time.monotonic()
    new_text("x", piece * (1_000_000 // len(piece)))
    assert time.monotonic() - began < 10  # INV-8
