"""The redactor: whatever a library says, no address, number, identity code or token reaches the log."""

import io
import json
import logging
import string
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import logs
from bot.logs import redact

around = st.sampled_from(
    [
        ("", ""),
        ("to ", "."),
        ("<", ">"),
        ("'", "'"),
        ('"', '"'),
        ("(", ")"),
        ("tel:", ","),
        ("from=", ";"),
        ("ä ", " ö"),
        ("", ":"),
    ]
)
local = st.text(string.ascii_letters + string.digits + ".!#$%&*+/=?^_`{|}~-äö", min_size=1, max_size=20)
domain = st.sampled_from(
    ["posti.test", "xn--pst-0qa.test", "sub.domain.posti.test", "localhost", "[127.0.0.1]", "pösti.test"]
)
digit = st.sampled_from(string.digits)
token = st.text(string.ascii_letters + string.digits + "_-", min_size=35, max_size=35)


@given(local=local, domain=domain, around=around)
def test_no_address_is_left(local: str, domain: str, around: tuple[str, str]) -> None:
    redacted = redact(f"{around[0]}{local}@{domain}{around[1]}")
    assert "@" not in redacted
    assert "[address]" in redacted


def test_a_quoted_local_part_goes_too() -> None:
    assert redact('to "aino esimerkkilä"@posti.test now') == "to [address] now"


@given(
    digits=st.lists(digit, min_size=6, max_size=8),
    prefix=st.sampled_from(["+35840", "040", "0035840", "+358 40 ", "(040) ", "+358-40-", "040 ", "08 "]),
    space=st.sampled_from(["", " ", "-", "\u00a0"]),
    around=around,
)
def test_no_telephone_number_is_left(digits: list[str], prefix: str, space: str, around: tuple[str, str]) -> None:
    number = "".join(digits)
    redacted = redact(f"{around[0]}{prefix}{number[:3]}{space}{number[3:]}{around[1]}")
    assert number[:3] + space + number[3:] not in redacted
    assert "[number]" in redacted or "[identity code]" in redacted


@given(
    born=st.lists(digit, min_size=6, max_size=6),
    sign=st.sampled_from("+-ABCDEFUVWXYabc–"),
    number=st.integers(900, 999),
    check=st.sampled_from("0123456789ABCDEFHJKLMNPRSTUVWXYz"),
    around=st.sampled_from([("", ""), ("hetu ", "."), ("_", "_"), ("id=", ","), ("(", ")")]),
)
def test_no_identity_code_is_left(born: list[str], sign: str, number: int, check: str, around: tuple[str, str]) -> None:
    code = f"{''.join(born)}{sign}{number}{check}"
    assert code not in redact(f"{around[0]}{code}{around[1]}")


@given(number=st.integers(10**7, 10**10 - 1), secret=token)
@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "https://api.telegram.org/bot{}/getMe",
        "token={}",
        "Bad token '{}'",
        'HTTP Request: POST "/bot{}/sendMessage"',
    ],
)
def test_no_bot_token_is_left_not_even_in_an_address(text: str, number: int, secret: str) -> None:
    assert secret not in redact(text.format(f"{number}:{secret}"))


@pytest.mark.parametrize(
    "text",
    [
        "message could not be entered raw=1234567 error=OperationalError",
        "stage failed stage=intake error=TimeoutError",
        "uvicorn running on 127.0.0.1:8080",
        "took 0.123456789 s",
        "outcome unknown outbox=17 stage=DATA",
        "sha256=9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "at 10:00:00.123456",
    ],
)
def test_what_operators_need_is_left_alone(text: str) -> None:
    assert redact(text) == text


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Configured logging; gives the objects written so far."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    written = io.StringIO()
    monkeypatch.setattr(sys, "stderr", written)
    logs.configure()
    yield lambda: [json.loads(line) for line in written.getvalue().splitlines()]
    root.handlers[:] = handlers
    root.setLevel(level)


def test_a_record_is_one_line_of_json_with_its_name_and_time(lines: Any) -> None:
    logging.getLogger("bot.intake").warning("message could not be entered raw=%s", 5)
    (line,) = lines()
    assert (line["event"], line["level"], line["logger"]) == (
        "message could not be entered raw=5",
        "warning",
        "bot.intake",
    )
    assert line["timestamp"].endswith("Z")


def test_an_exception_is_its_class_and_place_and_not_a_word_of_it(lines: Any) -> None:
    try:
        raise ValueError("Aino Esimerkkilä, Testikuja 3")
    except ValueError:
        logging.getLogger("aiosmtpd").exception("session failed for %s", "aino.esimerkkila@posti.test")
    (line,) = lines()
    assert (line["error"], line["event"]) == ("ValueError", "session failed for [address]")
    assert line["at"].startswith(f"{__name__}:") or "test_logs" in line["at"]
    assert "Esimerkkilä" not in json.dumps(line, ensure_ascii=False)


def test_several_lines_stay_one_record_and_libraries_that_chatter_are_quiet(lines: Any) -> None:
    logging.getLogger("some.library").warning("first\nsecond %s", "040 000 0011")
    logging.getLogger("httpx").info("HTTP Request: GET https://api.telegram.org")
    (line,) = lines()
    assert line["event"] == "first\nsecond [number]"


def test_what_is_logged_as_no_text_is_redacted_as_text(lines: Any) -> None:
    logging.getLogger("some.library").warning({"to": "aino.esimerkkila@posti.test"})
    logging.getLogger("some.library").warning(ValueError("aino.esimerkkila@posti.test"))
    assert "esimerkkila" not in json.dumps(lines())
