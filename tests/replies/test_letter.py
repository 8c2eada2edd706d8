"""A letter shows in its window exactly the address that the register has, and every word on it is only a word."""

import json
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from datetime import date

import pypdfium2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from replies.letter import LetterError, render_letter, sender_lines
from replies.notice import LANGUAGES, NOTICE_OF_THE_DEMO, load_notice

SENDER = sender_lines(load_notice(NOTICE_OF_THE_DEMO))
POINTS_PER_MM = 72 / 25.4
A4_HEIGHT = 297
HOSTILE = [
    "#eval(1+1)",
    '#read("/etc/passwd")',
    "$x^2$ _a_ *b*",
    "C:\\Temp\\n",
    'Aino "Ainokki" E.',
    "= Otsikko",
    "`code` // kommentti",
    "@viite <merkki>",
    "Ääkkönen & Öhman Åbo",
    "O'Brien [x](y)",
    "{{ 7*7 }} {% raw %}",
    "\\u{1F600} ~ --- ...",
    "- 1. + 2/3",
    "https://evil.test/x",
]


def letter(**changes: object) -> bytes:
    facts: dict[str, object] = {
        "address_lines": ["Aino Esimerkkilä", "Mallikatu 1 A 2", "85100 KALAJOKI"],
        "sender": SENDER,
        "subject": "Vastaus tarkastuspyyntöönne",
        "text": "Hei,\n\nKiitos pyynnöstänne.\n",
        "reference": "KL-7F3K-92QD",
        "on": date(2026, 11, 23),
        "language": "fi",
    }
    return render_letter(**(facts | changes))  # type: ignore[arg-type] - one test changes one fact


def lines_in(page: pypdfium2.PdfPage, left: float, top: float, width: float, height: float) -> list[str]:
    """The text inside a rectangle of the paper, by line; millimetres from the top left corner."""
    text = page.get_textpage().get_text_bounded(
        left=left * POINTS_PER_MM,
        right=(left + width) * POINTS_PER_MM,
        top=(A4_HEIGHT - top) * POINTS_PER_MM,
        bottom=(A4_HEIGHT - top - height) * POINTS_PER_MM,
    )
    return [line for line in text.replace("\r", "").split("\n") if line.strip()]


def window_of(pdf: bytes) -> list[str]:
    """What a window envelope may show: all between 35 and 95 mm from the top, on the whole width of the paper."""
    return lines_in(pypdfium2.PdfDocument(pdf)[0], 0, 35, 210, 60)


def all_text(pdf: bytes) -> str:
    return "\n".join(page.get_textpage().get_text_bounded().replace("\r", "") for page in pypdfium2.PdfDocument(pdf))


def boxes_outside(pdf: bytes) -> list[str]:
    """Signs that stand outside the paper's margins of 15 mm left and right."""
    outside = []
    for page in pypdfium2.PdfDocument(pdf):
        words = page.get_textpage()
        for index in range(words.count_chars()):
            left, _, right, _ = words.get_charbox(index)
            if right > left and not 15 * POINTS_PER_MM <= left <= right <= 195 * POINTS_PER_MM:
                outside.append(words.get_text_range(index, 1))
    return outside


NAMES = st.one_of(
    st.sampled_from(HOSTILE),
    st.text(alphabet="abcåäöÅÄÖéü#$\\\"'[]{}*_`<>@=/~-+&%^;:!?.,()| 0123456789", min_size=1, max_size=40).filter(
        # What reads the PDF here takes a hyphen at the end of a line for a broken word.
        lambda name: not name.rstrip().endswith("-")
    ),
)


@settings(max_examples=200, deadline=None)
@given(name=NAMES, street=NAMES, place=st.sampled_from(["85100 KALAJOKI", "68230 LOHTAJA", "00531 Helsinki"]))
def test_the_window_shows_the_registers_address_and_nothing_else(name: str, street: str, place: str):
    given_lines = [" ".join(line.split()) for line in (name, street, place)]
    shown = window_of(letter(address_lines=[name, street, place]))
    assert ["".join(line.split()) for line in shown] == ["".join(line.split()) for line in given_lines if line]


def test_the_address_stands_where_the_window_is():
    shown = lines_in(pypdfium2.PdfDocument(letter())[0], 19, 51, 90, 33)
    assert shown == ["Aino Esimerkkilä", "Mallikatu 1 A 2", "85100 KALAJOKI"]


@pytest.mark.parametrize("lines", [1, 7])
def test_a_long_address_is_set_smaller_and_never_broken(lines: int):
    address = ["Kiinteistöyhtymä Esimerkkilä-Mallikas-Koekäyttäjä, Påhitt ja Placeholder"] * lines
    assert window_of(letter(address_lines=address)) == address


@pytest.mark.parametrize("words", HOSTILE)
def test_a_word_that_looks_like_a_command_is_printed_as_it_stands(words: str):
    text = all_text(letter(subject=words, text=f"{words}\n\n- {words}\n\n  Nimi: {words}\n", reference=words))
    assert "".join(text.split()).count("".join(words.split())) >= 5
    assert "root:" not in text


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("template", ["access", "identity", "fault"])
def test_every_word_of_a_reply_reaches_the_paper_within_the_margins(write_any, template, language):
    words = write_any(template, language)
    pdf = letter(subject=words.subject, text=words.text, language=language)
    printed = "".join(all_text(pdf).split())
    for line in words.text.splitlines():
        for word in line.removeprefix("- ").split():
            assert word in printed or set(word) == {"-"}
    assert boxes_outside(pdf) == []


def test_a_letter_is_tagged_and_says_that_it_conforms():
    pdf = letter()
    document = pypdfium2.PdfDocument(pdf)
    assert document.is_tagged()
    assert document.get_metadata_value("Title") == "Vastaus tarkastuspyyntöönne"
    assert b"<pdfaid:part>2" in pdf
    assert b"<pdfaid:conformance>A" in pdf
    assert b"<pdfuaid:part>1" in pdf


def test_every_page_carries_reference_and_number():
    document = pypdfium2.PdfDocument(letter(text="Rivi.\n\n" * 120))
    pages = len(document)
    assert pages > 2
    for number, page in enumerate(document, start=1):
        foot = " ".join(lines_in(page, 0, 275, 210, 22))
        assert "KL-7F3K-92QD" in foot
        assert f"sivu {number} / {pages}" in foot


@pytest.mark.parametrize("long", ["x" * 400, "https://lampo.test/" + "a/" * 300])
def test_a_word_without_end_stays_on_the_paper(long: str):
    pdf = letter(text=f"{long}\n\n- {long}\n\n  Nimi: {long}\n", subject=long)
    assert boxes_outside(pdf) == []
    assert "".join(all_text(pdf).replace("\u200b", "").replace("\ufffe", "").split()).count(long) >= 3


@pytest.mark.parametrize(
    "odd", ["\u02ed\u20ed", "e\u0301", "x" * 45 + "\u0350", "\u1fa8\u20f0" * 30, "Ж λ ő", "ع漢😀", "\ue41b"]
)
def test_marks_that_combine_and_letters_of_other_scripts_never_stop_a_letter(odd: str):
    assert letter(text=f"{odd}\n\n- {odd}\n\n  Nimi: {odd}\n", subject=odd).startswith(b"%PDF-")


def test_a_sign_that_no_font_has_is_marked_in_the_text_but_stops_an_address():
    assert "Hei \ufffd" in all_text(letter(text="Hei 😀\n"))
    with pytest.raises(LetterError, match="ADDRESS_UNPRINTABLE") as refusal:
        letter(address_lines=["漢 Esimerkkilä", "Mallikatu 1"])
    assert "Esimerkkilä" not in str(refusal.value)


@pytest.mark.parametrize("address", [[], ["", " "], ["Rivi"] * 8])
def test_an_address_of_no_line_or_too_many_is_refused(address: list[str]):
    with pytest.raises(LetterError, match="ADDRESS_LINES"):
        letter(address_lines=address)


def test_equal_letters_are_equal_bytes_also_from_a_worker_process():
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        from_worker = pool.submit(
            render_letter,
            address_lines=["Aino Esimerkkilä", "Mallikatu 1 A 2", "85100 KALAJOKI"],
            sender=SENDER,
            subject="Vastaus tarkastuspyyntöönne",
            text="Hei,\n\nKiitos pyynnöstänne.\n",
            reference="KL-7F3K-92QD",
            on=date(2026, 11, 23),
            language="fi",
        ).result(timeout=60)
    assert from_worker == letter()


@settings(max_examples=40, deadline=None)
@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=80))
def test_no_text_at_all_breaks_the_press(text: str):
    assert letter(text=text, subject=json.dumps(text)).startswith(b"%PDF-")
