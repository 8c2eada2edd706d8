"""Every row of the labelled calendar cases, and what must hold on every day."""

import csv
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.rules import deadlines

CASES = Path(__file__).parents[2] / ".." / "shared" / "cases"


def rows(name: str, count: int) -> list[dict[str, str]]:
    """The rows of a case file. Fails in words, not with a trace, where the shared folder is missing."""
    path = CASES / name
    if not path.is_file():
        pytest.fail(f"The labelled cases are missing: shared/cases/{name} must lie beside the project folder.")
    with path.open(encoding="utf-8", newline="") as file:
        found = list(csv.DictReader(file))
    assert len(found) == count
    return found


def day(text: str) -> date:
    return date.fromisoformat(text.split(maxsplit=1)[0])


def test_every_one_month_case_comes_out_as_labelled() -> None:
    for row in rows("deadline_cases.csv", 42):
        received = day(row["received"])
        assert deadlines.nominal(received) == day(row["nominal"]), row
        assert deadlines.due_on(received) == day(row["due_strict"]), row
        assert deadlines.due_on(received, eves_closed=True) == day(row["due_if_eves_closed"]), row


def test_every_extension_counts_from_receipt() -> None:
    for row in rows("extension_cases.csv", 14):
        received = day(row["received"])
        assert deadlines.extension_notice_by(received) == day(row["notice_by"]), row
        assert deadlines.nominal(received, 3) == day(row["nominal_3m"]), row
        assert deadlines.extended_due_on(received) == day(row["due_strict"]), row
        assert deadlines.extended_due_on(received, eves_closed=True) == day(row["due_if_eves_closed"]), row


def test_every_pause_for_identity_is_as_long_as_it_was_and_no_longer() -> None:
    for row in rows("suspension_cases.csv", 9):
        received, months = day(row["received"]), int(row["months"])
        paused = deadlines.suspended_days(received, day(row["asked"]), day(row["info_received"]))
        assert paused == int(row["suspended_days"]), row
        assert deadlines.due_on(received, months=months) == day(row["due_without_suspension"]), row
        assert deadlines.nominal(received, months, paused) == day(row["nominal"]), row
        assert deadlines.due_on(received, months=months, suspended_days=paused) == day(row["due_strict"]), row


def test_every_receipt_near_midnight_has_its_local_date() -> None:
    for row in rows("receipt_tz_cases.csv", 8):
        received = deadlines.receipt_date(datetime.fromisoformat(row["received_utc"]), "Europe/Helsinki")
        assert received == day(row["receipt_date_helsinki"]), row
        assert deadlines.nominal(received) == day(row["nominal"]), row
        assert deadlines.due_on(received) == day(row["due_strict"]), row


def test_every_breach_has_72_real_hours() -> None:
    for row in rows("breach_72h_cases.csv", 4):
        by = deadlines.breach_notify_by(datetime.fromisoformat(row["aware"]))
        assert by == datetime.fromisoformat(row["notify_by_local"]), row


def test_a_pause_that_nobody_has_ended_has_no_length_yet() -> None:
    assert deadlines.suspended_days(date(2026, 3, 2), date(2026, 3, 3), None) == 0


def test_a_question_on_the_seventh_day_is_in_time_and_on_the_eighth_it_is_not() -> None:
    received = date(2026, 3, 2)
    assert deadlines.suspended_days(received, date(2026, 3, 9), date(2026, 3, 12)) == 3
    assert deadlines.suspended_days(received, date(2026, 3, 10), date(2026, 3, 12)) == 0


def test_a_target_of_one_working_day_from_maundy_thursday_is_the_tuesday_after_easter() -> None:
    assert deadlines.target_on(date(2026, 4, 2), 1) == date(2026, 4, 7)
    assert deadlines.working_days_between(date(2026, 4, 2), date(2026, 4, 7)) == 1
    assert deadlines.working_days_between(date(2026, 4, 7), date(2026, 4, 2)) == -1


days = st.dates(date(2024, 1, 1), date(2040, 12, 31))


@given(days)
def test_no_due_date_is_closed_or_later_than_the_law_lets_it_be(received: date) -> None:
    nominal = deadlines.nominal(received)
    strict, lenient = deadlines.due_on(received), deadlines.due_on(received, eves_closed=True)
    assert received < nominal <= strict <= lenient
    assert strict - nominal <= timedelta(days=4)
    assert not deadlines.is_closed(strict)
    assert not deadlines.is_closed(lenient, eves_closed=True)
    assert deadlines.extended_due_on(received) > strict


@given(days, days)
def test_who_asks_later_is_never_due_earlier(first: date, second: date) -> None:
    earlier, later = sorted((first, second))
    assert deadlines.due_on(earlier) <= deadlines.due_on(later)


@given(days, st.integers(1, 3))
def test_a_pause_of_no_days_changes_nothing(received: date, months: int) -> None:
    assert deadlines.due_on(received, months=months, suspended_days=0) == deadlines.due_on(received, months=months)


@given(days)
def test_twelve_months_twice_are_twenty_four(received: date) -> None:
    assert deadlines.add_months(deadlines.add_months(received, 12), 12) == deadlines.add_months(received, 24)


@given(days, st.times(timezones=st.sampled_from([ZoneInfo("Europe/Helsinki"), ZoneInfo("Asia/Tokyo"), UTC])))
def test_the_zone_of_the_clock_matters_only_through_the_local_date(on: date, at: time) -> None:
    moment = datetime.combine(on, at)
    assert deadlines.receipt_date(moment, "Europe/Helsinki") == deadlines.receipt_date(
        moment.astimezone(UTC), "Europe/Helsinki"
    )


@given(days, st.integers(0, 30))
def test_a_target_lies_as_many_working_days_ahead_as_was_said(received: date, count: int) -> None:
    target = deadlines.target_on(received, count)
    assert deadlines.working_days_between(received, target) == count


def test_a_mail_that_waited_in_the_queue_was_received_when_the_mta_took_it() -> None:
    stored = datetime(2026, 2, 1, 6, 0, tzinfo=UTC)
    assert deadlines.receipt_moment(stored, datetime(2026, 1, 31, 21, 59, tzinfo=UTC)) == datetime(
        2026, 1, 31, 21, 59, tzinfo=UTC
    )


@pytest.mark.parametrize("accepted", [None, datetime(2026, 2, 2, tzinfo=UTC), datetime(2020, 1, 1, tzinfo=UTC)])
def test_a_stamp_from_the_future_or_from_years_ago_changes_nothing(accepted: datetime | None) -> None:
    stored = datetime(2026, 2, 1, 6, 0, tzinfo=UTC)
    assert deadlines.receipt_moment(stored, accepted) == stored
