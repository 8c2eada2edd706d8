"""Kinds of request in what people write: labelled lines in three languages, and the traps of the languages."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.rules.classification import SURE, classify
from bot.rules.other_languages import recognise
from bot.rules.vocabulary import fold, split
from store.models import RequestKind

CASES = Path(__file__).parents[2] / ".." / "shared" / "cases"
OWN = Path(__file__).parent / "data"


def lines(path: Path) -> list[dict[str, Any]]:
    """The labelled lines of a file; fails in words where the shared folder is missing."""
    if not path.is_file():
        pytest.fail(f"The labelled cases are missing: {path.name} must lie in shared/cases beside the project folder.")
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def kinds(text: str, language: str = "other") -> set[str]:
    return {one.kind.value for one in classify(text, language).kinds}


def test_every_labelled_phrase_is_recognised() -> None:
    missed = []
    for row in lines(CASES / "phrases.jsonl"):
        # The label of lines that cite Art. 18 is `objection` too; restriction is what they ask for.
        wanted = {row["kind"], "restriction"} if row["kind"] == "objection" else {row["kind"]}
        if not wanted & kinds(row["text"], row["lang"]):
            missed.append(row["text"])
    assert missed == []


@pytest.mark.parametrize("name", ["phrases_of_our_own.jsonl", "phrases_held_out.jsonl", "phrases_third.jsonl"])
def test_our_own_phrases_are_recognised_whatever_language_the_parser_guessed(name: str) -> None:
    rows = lines(OWN / name)
    missed = [row["text"] for row in rows if not set(row["kinds"]) <= kinds(row["text"], row["lang"])]
    unguessed = [row["text"] for row in rows if not set(row["kinds"]) <= kinds(row["text"])]
    assert len(missed) <= len(rows) * 0.02, missed
    assert len(unguessed) <= len(rows) * 0.03, unguessed


def test_our_own_phrases_raise_few_kinds_that_nobody_asked_for() -> None:
    rows = [row for path in sorted(OWN.glob("phrases_*.jsonl")) for row in lines(path)]
    spare = sum(len(kinds(row["text"], row["lang"]) - set(row["kinds"])) for row in rows)
    assert spare <= len(rows) * 0.15


def test_our_own_phrases_cover_every_kind_in_every_language() -> None:
    rows = [row for path in OWN.glob("phrases_*.jsonl") for row in lines(path)]
    for language in ("fi", "sv", "en"):
        assert {kind for row in rows if row["lang"] == language for kind in row["kinds"]} == set(RequestKind)


@pytest.mark.parametrize(
    ("text", "wanted", "unwanted"),
    [
        ("Poistakaa väärä osoite tiedoistani, oikea on Mallitie 2.", "rectification", "access"),
        ("Tarkistakaa lasku 2026000123.", "billing", "access"),
        ("Milloin putken korjaus alkaa? Vuoto jatkuu.", "fault", "rectification"),
        ("Can the due date be moved by two weeks?", "billing", "moving"),
        ("Tilaan tietokoneen kautta e-laskun.", "billing", "access"),
        ("Kiitos tiedosta!", "other", "access"),
    ],
)
def test_the_traps_of_the_languages(text: str, wanted: str, unwanted: str) -> None:
    found = kinds(text)
    assert wanted in found
    assert unwanted not in found


def test_a_right_hidden_in_a_complaint_about_a_bill_is_found_beside_it() -> None:
    found = classify("Lasku on väärin. Ja haluan nähdä kaikki tiedot mitä teillä minusta on.", "fi")
    assert {one.kind for one in found.kinds} >= {RequestKind.ACCESS, RequestKind.BILLING}
    assert found.kinds[0].confidence >= SURE


def test_a_letter_that_bundles_access_and_portability_asks_for_both() -> None:
    letter = """I am hereby requesting access according to Article 15 GDPR. Please confirm whether or not you are
    processing personal data concerning me. In addition, I exercise my right under Art. 20 GDPR and ask for the data
    I provided in a structured, commonly used and machine-readable format."""
    assert kinds(letter, "en") >= {"access", "portability"}


@pytest.mark.parametrize(
    ("text", "flag"),
    [
        ("Perun tietopyyntöni, kiitos.", "WITHDRAWAL"),
        ("Teen kantelun tietosuojavaltuutetulle.", "COMPLAINT_THREAT"),
        ("Pyysin tietojani 3.2. enkä ole saanut vastausta.", "REMINDER"),
        ("I asked for my data in February and still have not received an answer.", "REMINDER"),
        ("Riittää pelkät vuoden 2025 laskutiedot.", "NARROWING"),
        ("Minulla on turvakielto, älkää lähettäkö mitään sähköpostilla.", "TURVAKIELTO_CLAIMED"),
        ("Poliisilaitos pyytää tietoja poliisilain 4 luvun 3 §:n nojalla.", "AUTHORITY"),
        ("Pyydämme GDPR:n nojalla yhtiömme Koe Oy:n tiedot.", "LEGAL_PERSON"),
        ("Haluan tietää missä entinen vaimoni nyt asuu.", "THIRD_PARTY"),
        ("inget varmvatten i hela huset, när kommer det tillbaka??", "POSSIBLE_FAULT"),
        ("We have no heat and a baby in the house", "POSSIBLE_FAULT"),
    ],
)
def test_signs_for_staff(text: str, flag: str) -> None:
    assert flag in classify(text).flags


def test_a_withdrawn_request_is_no_new_one() -> None:
    assert kinds("Perun tietopyyntöni, kiitos.", "fi") == {"other"}


def test_what_is_only_perhaps_a_right_is_kept_and_flagged() -> None:
    found = classify("Asia koskee gdpr:ää.", "fi")
    assert "POSSIBLE_RIGHTS_REQUEST" in found.flags
    assert found.kinds[0].kind is RequestKind.ACCESS
    assert found.kinds[0].confidence < SURE


@pytest.mark.parametrize(
    "text",
    ["Pyydan kopion henkilotiedoistani", "PYYDÄN KOPION HENKILÖTIEDOISTANI", "pyydän kopijon henkilötietoistani"],
)
def test_missing_dots_capitals_and_typing_errors_change_nothing(text: str) -> None:
    assert "access" in kinds(text, "fi")


def test_other_languages_are_possibilities_only() -> None:
    assert [one.kind for one in recognise("Прошу удалить мои персональные данные")] == [
        RequestKind.ACCESS,
        RequestKind.ERASURE,
    ]
    assert recognise("Bonjour, merci") == ()


def test_a_megabyte_is_read_to_its_limit_only() -> None:
    assert kinds("poistakaa tietoni " + "a" * 1_000_000, "fi") == {"erasure"}
    assert kinds("höpö " * 5_000 + "poistakaa tietoni", "fi") == {"other"}


def test_an_abbreviation_or_a_date_ends_no_sentence() -> None:
    assert len(split("Sain laskun nro. 5 esim. 3.2. ja maksoin. Toinen virke.")) == 2


@given(st.text(max_size=200))
def test_any_text_has_a_kind_and_folds_to_the_same_twice(text: str) -> None:
    found = classify(text)
    assert found.kinds
    assert all(0 <= one.confidence <= 1 and one.reasons for one in found.kinds)
    assert split(fold(text)) == split(text)
