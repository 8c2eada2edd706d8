"""Words, dates and unseen signs: what the desk shows is complete in three languages and hides nothing."""

import re
import tomllib
from datetime import UTC, date, datetime
from pathlib import Path
from string import Formatter
from zoneinfo import ZoneInfo

import pytest

from bot.staff import NEUTRAL_FLAGS
from bot.web.answers import SAID
from bot.web.moments import day_words, days_left_words, time_words, urgency
from bot.web.own_paths import safe_next
from bot.web.pages import known_word, language_links
from bot.web.shown import clean_field, content_disposition, one_line, visible
from store.desk import VIEWS
from store.lifecycle import DraftState, OutboxState, Resolution, TicketState
from store.models import ContactStatus, CustomerKind, Level, RequestKind, StaffRole

ROOT = Path(__file__).parents[2]
WORDS = tomllib.loads((ROOT / "bot" / "words" / "desk.toml").read_text("utf-8"))
HELSINKI = ZoneInfo("Europe/Helsinki")


@pytest.mark.parametrize("key", WORDS)
def test_every_word_is_there_in_three_languages_with_the_same_facts(key):
    words = WORDS[key]
    assert set(words) == {"fi", "sv", "en"}
    assert all(text.strip() for text in words.values())
    facts = [{name for _, name, _, _ in Formatter().parse(text) if name} for text in words.values()]
    assert facts[0] == facts[1] == facts[2]


@pytest.mark.parametrize(
    ("place", "names"),
    [
        ("state", TicketState),
        ("draft", DraftState),
        ("outbox", OutboxState),
        ("resolution", Resolution),
        ("kind", RequestKind),
        ("level", Level),
        ("customer", CustomerKind),
        ("contact", ContactStatus),
        ("role", StaffRole),
        ("flag", sorted(NEUTRAL_FLAGS)),
        ("said", sorted(SAID)),
        ("view", VIEWS),
        ("lead", VIEWS),
        ("channel", ["email", "letter", "chat"]),
        ("by_channel", ["email", "letter", "chat"]),
        ("out", ["acknowledgement", "reply", "notice"]),
        ("canary", ["missing", "junk"]),
        ("flag", ["JUNK_FOLDER", "SPAM_FLAG", "SPAM_STATUS", "SPAM_ACTION", "SPAM_LEVEL", "SPAM_VERDICT"]),
        ("flag", ["RESCUED_BY_WORDS", "RESCUED_BY_SENDER", "RESCUED_BY_THREAD", "AUTOMATIC_MAIL"]),
    ],
)
def test_every_value_of_the_house_has_a_word(place, names):
    assert [name for name in names if f"{place}_{name}" not in WORDS] == []


def test_every_word_that_a_template_names_exists():
    templates = (ROOT / "bot" / "web" / "templates").glob("*.html")
    named = {key for path in templates for key in re.findall(r'\bt\("([a-z_0-9]+)"\s*[,)]', path.read_text("utf-8"))}
    assert named - set(WORDS) == set()


def test_a_reason_with_a_detail_is_told_in_words_and_an_unknown_one_is_readable():
    assert known_word("reason", "IDENTIFIER:meter", "fi") == "Viestissä on asiakkaan tunniste: mittarinumero"
    assert known_word("reason", "SOMETHING_NEW", "fi") == "Something new"


def test_dates_are_written_as_their_reader_writes_them():
    moment = datetime(2026, 3, 29, 0, 30, tzinfo=UTC)
    assert time_words(moment, "fi", HELSINKI) == "su 29.3.2026 klo 2.30"
    assert time_words(moment, "sv", HELSINKI) == "sön 29.3.2026 kl. 2:30"
    assert time_words(moment, "en", HELSINKI, seconds=True) == "Sun 29 Mar 2026, 2:30:00"
    assert day_words(date(2026, 12, 24), "en") == "Thu 24 Dec 2026"


@pytest.mark.parametrize(
    ("due", "words", "mark"),
    [
        (date(2026, 2, 28), "myöhässä 2 päivää", "overdue"),
        (date(2026, 3, 1), "myöhässä 1 päivän", "overdue"),
        (date(2026, 3, 2), "tänään", "soon"),
        (date(2026, 3, 3), "huomenna", "soon"),
        (date(2026, 4, 1), "30 päivää jäljellä", "calm"),
    ],
)
def test_how_far_off_a_date_is_stands_in_words(due, words, mark):
    today = date(2026, 3, 2)
    assert (days_left_words(due, today, "fi"), urgency(due, today)) == (words, mark)


def test_unseen_signs_are_seen():
    shown = visible("a\u202eb\u200bc\x07d\u2066e\ufeff<i>\U000e0041")
    for sign in ("U+202E", "U+200B", "U+0007", "U+2066", "U+FEFF", "U+E0041"):
        assert sign in shown
    assert "\u202e" not in shown
    assert "&lt;i&gt;" in shown
    assert visible("ääkköset ja\nrivit\t👩\u200d🚒") == "ääkköset ja\nrivit\t👩\u200d🚒"
    assert one_line("a\r\n\t b") == "a b"


def test_a_field_of_a_form_holds_nothing_that_a_database_refuses():
    assert clean_field("a\r\nb\x00c\ud800 a\u0308") == "a\nbc ä"


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("tiedot.zip", "attachment; filename=\"tiedot.zip\"; filename*=UTF-8''tiedot.zip"),
        ("../../etc/passwd", "attachment; filename=\"passwd\"; filename*=UTF-8''passwd"),
        ("a\\b\\c.txt", "attachment; filename=\"c.txt\"; filename*=UTF-8''c.txt"),
        (
            'a";\r\nSet-Cookie: x=1.txt',
            "attachment; filename=\"aSet-Cookie x=1.txt\"; filename*=UTF-8''aSet-Cookie%20x%3D1.txt",
        ),
        ("\u202efdp.exe", "attachment; filename=\"fdp.exe\"; filename*=UTF-8''fdp.exe"),
        ("..", "attachment; filename=\"file\"; filename*=UTF-8''file"),
    ],
)
def test_the_name_of_a_download_is_harmless(name, header):
    assert content_disposition(name) == header


@pytest.mark.parametrize(
    "wanted",
    [
        "https://evil.test",
        "//evil.test",
        "/\\evil.test",
        "\\evil",
        "javascript:alert(1)",
        "",
        "/a\r\nb",
        "/log-out",
        "x",
    ],
)
def test_a_log_in_never_leads_elsewhere(wanted):
    assert safe_next(wanted) == "/"


@pytest.mark.parametrize("wanted", ["/", "/tickets/5", "/?view=closed&page=2", "/tickets/5?lang=sv"])
def test_a_log_in_leads_on_to_own_pages(wanted):
    assert safe_next(wanted) == wanted


def test_the_language_links_keep_the_rest_of_the_address():
    assert language_links("/?view=closed&lang=fi")[1] == ("sv", "/?view=closed&lang=sv")
