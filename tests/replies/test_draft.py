"""Every template speaks in every language, says what it must, and only the access reply sees the register."""

import re
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from replies.catalogue import TEMPLATES
from replies.draft import write
from replies.notice import LANGUAGES, NOTICE_OF_THE_DEMO, ReplyLanguage, load_notice
from replies.package_words import say_reason
from store.dossier.scope import REASONS
from store.models import Dossier, Held, HeldCategory, LeftOut

REFERENCE = "KL-7F3K-92QD"
ANSWERS = [name for name, entry in TEMPLATES.items() if not entry.automatic]
DATA_FREE = [name for name in ANSWERS if not TEMPLATES[name].holds_data]
DUE = {"fi": "22.12.2026", "sv": "22.12.2026", "en": "22 December 2026"}
ON_CALL = "+358 40 000 0011"
TOPICS = {name for name, entry in TEMPLATES.items() if entry.topic}
PROMISES_NO_DATE = {"access", "portability_copy", "nothing_held", "identity", "confirm_request", *TOPICS}
"""Answers that are whole, and questions: nothing is promised in them for later."""
NOTICE = load_notice(NOTICE_OF_THE_DEMO)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("template", TEMPLATES)
def test_every_template_speaks_with_and_without_a_date_and_a_number_to_call(write_any, template, language):
    for due_on in (date(2026, 12, 22), None):
        for on_call in (ON_CALL, ""):
            words = write_any(template, language, due_on, on_call)
            assert REFERENCE in words.subject
            assert "\n" not in words.subject
            assert words.text.endswith("\n")
            assert not re.search(r"\n{3}|[ \t]+\n|\{\{|\}\}|None|Undefined|\s,|\s\.\s", words.text)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("template", ANSWERS)
def test_every_answer_names_controller_authority_notice_and_date(write_any, template, language):
    text = write_any(template, language).text
    for fact in ("Kalajoen Lämpö Oy", "0185891-4", "tietosuoja@om.fi", NOTICE.fingerprint, REFERENCE):
        assert fact in text
    assert (DUE[language] in text) == (template not in PROMISES_NO_DATE)
    assert DUE[language] not in write_any(template, language, None).text


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_rights_answer_tells_how_to_complain_once_and_to_whom(write_any, language):
    for template in (name for name in ANSWERS if TEMPLATES[name].rights):
        text = write_any(template, language).text
        assert text.count("tietosuoja@om.fi") == 1
        assert "+358 29 566 6700" in text


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("template", DATA_FREE)
def test_an_answer_without_data_is_the_same_whoever_the_customer_is(write_any, aino, template, language):
    words = write_any(template, language)
    stranger = write(
        template,
        language,
        reference=REFERENCE,
        received_on=date(2026, 11, 22),
        today=date(2026, 11, 23),
        due_on=date(2026, 12, 22),
        notice=NOTICE,
        on_call=ON_CALL,
    )
    assert words == stranger
    assert "Esimerkkilä" not in words.text


@pytest.mark.parametrize(
    ("language", "start"), [("fi", "Jos lämpö"), ("sv", "Om värmen"), ("en", "If you are without heat")]
)
def test_a_fault_answer_begins_with_the_number_to_call(write_any, language, start):
    paragraphs = write_any("fault", language).text.split("\n\n")
    assert paragraphs[1].startswith(start)
    assert ON_CALL in paragraphs[1]


@pytest.mark.parametrize(
    ("language", "never"),
    [
        ("fi", "Älkää lähettäkö henkilötunnusta"),
        ("sv", "Sänd inte personbeteckning"),
        ("en", "do not send a personal identity code"),
    ],
)
@pytest.mark.parametrize("template", ["identity", "mandate", "nothing_held"])
def test_who_must_be_known_better_is_asked_for_the_least(write_any, template, language, never):
    assert never in write_any(template, language).text


def test_nothing_held_is_said_without_telling_who_is_a_customer(write_any):
    text = write_any("nothing_held", "fi").text
    assert "lukuun ottamatta tätä pyyntöä ja siihen liittyvää viestintää" in text
    assert "Vastauksesta ei voi päätellä, kuka on asiakkaamme" in text


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_access_reply_has_its_twelve_sections_in_order(write_any, language):
    numbers = re.findall(r"^(\d+)\. .+\n-+$", write_any("access", language).text, re.MULTILINE)
    assert [int(number) for number in numbers] == list(range(1, 13))


def test_the_access_reply_reads_like_this(write_any):
    text = write_any("access", "fi").text
    assert "Vahvistamme, että käsittelemme teitä koskevia henkilötietoja." in text
    assert "sellaisena kuin se oli 23.11.2026" in text, "the snapshot's date is local: 00.30 in Helsinki"
    assert "  Nimi: Aino Esimerkkilä\n  Asiakasnumero: 100234\n" in text
    assert "- Välittäjä Oy: laskujen välitys (1.1.2024–1.11.2026)" in text
    assert "Jäljennös on liitteenä kahdessa muodossa" in text
    assert "Näissä tietoryhmissä ei ole teitä koskevia tietoja:\n- Kiinteistön tiedot\n" in text
    assert "Päivät ja tarkoitukset ovat jäljennöksen lopussa." in text
    assert "Tietoja ei siirretä Euroopan unionin" in text
    assert "LS-2011-77" not in text, "the copy itself is in the files"


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("fi", "Jäljennös on tämän kirjeen jatkona."),
        ("sv", "Kopian följer efter"),
        ("en", "The copy follows this letter."),
    ],
)
def test_on_paper_the_copy_follows_the_letter_and_the_files_come_when_asked_for(language: ReplyLanguage, words: str):
    text = access(dossier_of(), language, by_letter=True)
    assert words in text
    assert "JSON" in text


def test_recipients_and_sources_are_true_for_this_person(write_any):
    text = write_any("access", "fi").text
    assert text.count("Välittäjä Oy") == 1, "logged, so not told again as a standing recipient"
    assert "- Koemittaus Palvelut Oy: mittareiden etäluenta" in text
    sources = text.split("6. Mistä tiedot ovat peräisin")[1].split("7. ")[0]
    assert "Kalajoen kaupungilta" not in sources, "a source of the notice, but of nothing that is held here"
    assert "Viat ja häiriöt" not in sources
    purposes = text.split("1. Mitä tietoja käsittelemme")[1].split("2. ")[0]
    assert "Laskutus ja maksut" in purposes
    assert "Viat ja häiriöt" not in purposes


def access(dossier: Dossier, language: ReplyLanguage = "fi", *, by_letter: bool = False) -> str:
    words = write(
        "access",
        language,
        reference=REFERENCE,
        received_on=date(2026, 11, 22),
        today=date(2026, 11, 23),
        due_on=None,
        notice=NOTICE,
        on_call="",
        dossier=dossier,
        by_letter=by_letter,
    )
    return words.text


def dossier_of(*categories: HeldCategory, name: str = "Eino Mallikas") -> Dossier:
    return Dossier("100236", name, datetime(2026, 11, 22, tzinfo=UTC), categories, (), ())


def test_a_customer_of_whom_nothing_is_held_is_told_so():
    text = access(dossier_of())
    assert "teistä muita tietoja kuin ne, jotka tässä vastauksessa näkyvät" in text
    assert "Nimi: Eino Mallikas\n  Asiakasnumero: 100236" in text
    for category in NOTICE.categories:
        assert f"\n- {category.label['fi']}\n" in text


def test_a_category_that_the_notice_forgot_is_told_of_all_the_same():
    odd = HeldCategory("heat_pumps", (Held("pump", (("serial_number", "HP-77"),), "installer", date(2026, 1, 2)),))
    assert "- Heat pumps: Installer." in access(dossier_of(odd))


def test_what_was_left_out_or_masked_is_counted_with_its_reason():
    call = Held("call", (("text", "Hetu 010190-999X, [***]"),), "staff", date(2026, 1, 2), (("OTHER_PERSON", 2),))
    left_out = (LeftOut("BEFORE_THEIR_TIME", "deliveries", 5), LeftOut("ROLE_OF_ANOTHER:tenant", "", 0))
    text = access(replace(dossier_of(HeldCategory("contacts", (call,))), left_out=left_out))
    eleventh = text.split("11. Mitä vastauksesta on jätetty pois")[1].split("12. ")[0]
    assert "- Paikan edellisen haltijan ajalta, ei teitä koskeva: 5 (Palvelujen toimitus ja lämmön käyttö)." in eleventh
    assert "(vuokralainen), ovat hänen tietojaan.\n" in eleventh
    assert "peitetty hänen suojakseen: 2 (Yhteydenotot ja asiointi)." in eleventh
    assert "(tietosuojalaki 29 §): 1 (Yhteydenotot ja asiointi)." in eleventh


def test_every_reason_of_the_rule_book_has_words():
    for reason in REASONS:
        for language in LANGUAGES:
            assert reason not in say_reason(reason, language, "x")


@pytest.mark.parametrize(
    "hostile",
    [
        "{{ 7 * 7 }}",
        "{% include 'fi/other.j2' %}",
        "%(x)s {0} ${x}",
        "#eval(1)",
        "<script>",
        "a\n9. Jäljennös\n---",
        "\u202etxt.exe",
    ],
)
def test_a_value_stays_a_value(hostile: str):
    item = Held("note", (("value", hostile), ("note", hostile)), "staff", date(2026, 1, 2))
    text = access(dossier_of(HeldCategory("contacts", (item,)), name=hostile))
    assert "49" not in text
    assert " ".join(hostile.replace("\u202e", "").split()) in text
    assert len(re.findall(r"^9\. .+\n-+$", text, re.MULTILINE)) == 1
    assert "\u202e" not in text


def test_a_template_with_data_needs_a_dossier_and_names_must_be_known():
    facts = {"reference": "x", "received_on": date(2026, 1, 1), "today": date(2026, 1, 1), "due_on": None}
    with pytest.raises(ValueError, match="needs a dossier"):
        write("access", "fi", **facts, notice=NOTICE, on_call="")
    with pytest.raises(ValueError, match="no template"):
        write("../../etc/passwd", "fi", **facts, notice=NOTICE, on_call="")
