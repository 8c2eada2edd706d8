"""Fi, sv, en or other; neighbours are not mistaken for ours."""

import tomllib
from pathlib import Path

import corpora
import pytest

from mail.language import detect


@pytest.mark.parametrize("file", ["phrases.jsonl", "edge_messages.jsonl"])
def test_every_labelled_case_is_known(file: str) -> None:
    wrong = []
    for case in corpora.lines(file):
        wanted = case["lang"] if case["lang"] in {"fi", "sv", "en"} else "other"
        if detect(case["text"]) != wanted:
            wrong.append((wanted, detect(case["text"]), case["text"]))
    assert not wrong


TEXTS = {
    "fi": [
        "moi ostettiin talo jossa kaukolämpö, pitääkö teille ilmottaa jotain?",
        "ei lämpöä, vauva talossa",
        "Mittari rikki",
        "muutan 1.3.",
        "voisko tän laskun maksaa myöhemmin",
        "kuka on katsonu mun tietoja",
        "Hei! Osoitteemme on muuttunut.",
        "Lisätietoja antaa isännöitsijä",
    ],
    "sv": [
        "ingen reklam tack",
        "Hej! Räkningen saknas.",
        "ingen värme",
        "jag flyttar",
        "Vem har sett mina uppgifter?",
        "Radera mig",
        "Kallt i huset",
        "Var god ändra vår adress.",
    ],
    "en": ["stop sending ads", "no heat", "invoice missing", "who has seen my file?", "Please erase me", "unsubscribe"],
    "other": [
        "Palun saatke mulle koopia minu andmetest.",
        "Bitte löschen Sie meine Daten.",
        "Guten Tag, wann kommt die Heizung wieder?",
        "Vennligst slett mine opplysninger, jeg er ikke kunde lenger.",
        "Jeg vil gerne have en kopi af mine personoplysninger.",
        "Hei, jeg har flyttet. Kan dere sende fakturaen til ny adresse?",
        "Hvorfor er regningen så høy?",
        "Tere, sooviksin teada, millal soojus tagasi tuleb.",
        "Merci de supprimer mes données personnelles",
        "Ik wil mijn gegevens laten verwijderen",
        "Proszę o kopię moich danych",
        "Прошу предоставить копию моих персональных данных.",
        "请把我的个人数据发给我。",
        "",
        "12345 67890",
        "https://lampo.test/fi/lasku",
    ],
}


@pytest.mark.parametrize(("language", "text"), [(name, text) for name, texts in TEXTS.items() for text in texts])
def test_short_and_careless_texts_are_known(language: str, text: str) -> None:
    assert detect(text) == language


def test_what_customers_write_in_a_hurry_is_known() -> None:
    sentences = tomllib.loads((Path(__file__).parent / "data/languages.toml").read_text("utf-8"))
    wrong = [(name, detect(text), text) for name, texts in sentences.items() for text in texts if detect(text) != name]
    assert wrong == []


@pytest.mark.parametrize(
    "text", ["Aino Esimerkkilä", "Eino Mallikas, Mallitie 1 A 2, Kalajoki", "ASTRID 100240", "Dora"]
)
def test_names_and_numbers_claim_no_language_of_their_own(text: str) -> None:
    assert detect(f"{text}\n\nJag vill ha en kopia av mina uppgifter.") == "sv"


def test_only_names_are_no_language() -> None:
    assert detect("Eino Mallikas, Mallitie 1 A 2, Kalajoki") == "other"


def test_quoted_lines_do_not_count() -> None:
    assert detect("Yes, please send it.\n> Hei, haluatteko kopion tiedoistanne?\n> Ystävällisin terveisin Dora") == "en"


def test_a_greeting_in_one_language_does_not_hide_the_body_in_another() -> None:
    assert detect("Hei,\njag har inte fått räkningen. Kan ni sända den igen?\nKiitos") == "sv"


def test_a_long_text_is_judged_by_its_beginning() -> None:
    assert detect("Hej, jag vill ha en kopia av mina uppgifter. " * 100_000) == "sv"
