"""What a value looks like: one line, nothing hidden, dates and decimals as people write them."""

import unicodedata
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replies.printing import one_line, print_date, printed
from store.models.masking import holds_identity_code, mask_identity_codes

ANY_TEXT = st.text(alphabet=st.characters(), max_size=60)


@given(ANY_TEXT)
def test_any_text_becomes_one_line_that_hides_nothing_and_can_be_sent(value: str):
    line = one_line(value)
    line.encode("utf-8")
    assert line == line.strip()
    assert not any(unicodedata.category(char) in {"Cc", "Cf", "Cs", "Zl", "Zp"} for char in line)
    assert one_line(line) == line


def test_finnish_names_survive():
    assert one_line("Åke Öhman-Ääri  &  Cie") == "Åke Öhman-Ääri & Cie"


@pytest.mark.parametrize("hidden", ["\u200b", "\u202e", "\u2066", "\ufeff", "\x00", "\x1b", "\u00ad"])
def test_what_nobody_sees_is_gone(hidden: str):
    assert one_line(f"Ai{hidden}no") == "Aino"


@pytest.mark.parametrize("line_break", ["\n", "\r\n", "\r", "\u2028", "\x85", "\x0b"])
def test_a_line_break_is_a_space(line_break: str):
    assert one_line(f"Aino{line_break}Bcc: x@evil.test") == "Aino Bcc: x@evil.test"


def test_dates_and_decimals():
    assert print_date(date(2026, 11, 2), "fi") == print_date(date(2026, 11, 2), "sv") == "2.11.2026"
    assert print_date(date(2026, 11, 2), "en") == "2 November 2026"
    assert (printed(Decimal("1E+2"), "fi"), printed(0.25, "sv"), printed(0.25, "en")) == ("100", "0,25", "0.25")


@pytest.mark.parametrize("value", [None, True, datetime(2026, 1, 1, tzinfo=UTC), object(), ["a"]])
def test_what_has_no_look_is_refused(value: object):
    with pytest.raises(TypeError):
        printed(value, "fi")


@pytest.mark.parametrize("code", ["010190-999X", "010190A999X", "311299+9991", "010103Y998U"])
def test_identity_codes_are_found_and_cut(code: str):
    assert holds_identity_code(f"Hetu: {code}.")
    assert mask_identity_codes(f"Hetu: {code}.") == (f"Hetu: {code[:7]}****.", 1)


@pytest.mark.parametrize(
    "number", ["010190", "450190-999X", "011390-999X", "X010190-999X", "0185891-4", "FI2112345600000785"]
)
def test_other_numbers_are_left_alone(number: str):
    assert mask_identity_codes(number) == (number, 0)
