"""The rule book on paper: whose a thing is, and the reason that is named when it is another's."""

from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from store.dossier import scope
from store.dossier.scope import AFTER_THEIR_TIME, BEFORE_THEIR_TIME, Thing, periods, places_to_ask_about, shared, whose

HELSINKI = ZoneInfo("Europe/Helsinki")
BOUGHT, SOLD = date(2024, 6, 1), date(2025, 5, 31)
NOBODY: frozenset[str] = frozenset()


def contract(valid_from: date | None = BOUGHT, valid_to: date | None = None, **fields: Any) -> Thing:
    return Thing("contracts", {"number": "LS-1", "meter": "LM 1", **fields}, valid_from, valid_to)


def site(valid_from: date | None = BOUGHT, valid_to: date | None = None, **fields: Any) -> Thing:
    return Thing("property", {"property_id": "999-401-1-2", **fields}, valid_from, valid_to)


@pytest.mark.parametrize(
    ("role", "thing", "own", "common"),
    [
        ("co_owner", contract(), {"contract": frozenset({"LS-1"})}, True),
        ("co_owner", contract(), {"contract": frozenset({"LS-2"})}, False),
        ("co_owner", contract(), {"invoice": frozenset({"LS-1"})}, False),
        ("co_owner", Thing("invoices", {"number": "LS-1"}), {"contract": frozenset({"LS-1"})}, False),
        ("payer", Thing("invoices", {"reference": "1232"}), {"payment_reference": frozenset({"1232"})}, True),
        ("payer", contract(), {"contract": frozenset({"LS-1"})}, False),
        ("tenant", contract(), {"contract": frozenset({"LS-1"})}, False),
        ("property_manager", contract(), {"contract": frozenset({"LS-1"})}, False),
        ("guardian", contract(), {"contract": frozenset({"LS-1"})}, False),
        ("a role that nobody foresaw", contract(), {"contract": frozenset({"LS-1"})}, False),
    ],
)
def test_a_role_shares_only_what_carries_a_number_on_file_for_both(
    role: str, thing: Thing, own: dict[str, frozenset[str]], common: bool
) -> None:
    assert shared(role, thing, own) is common


def test_a_place_of_which_nothing_says_since_when_is_not_limited() -> None:
    assert periods([site(None), contract(None)], frozenset({"LM1"})) == {}


def test_a_contract_limits_only_where_the_meter_is_anothers_too() -> None:
    assert places_to_ask_about([contract()]) == {"LM1"}
    assert periods([contract()], NOBODY) == {}, "an old contract was merely renewed"
    assert periods([contract()], frozenset({"LM1"})) == {"LM1": (scope.Period(BOUGHT, None),)}


def test_the_property_always_limits_and_takes_the_meters_of_the_only_place_with_it() -> None:
    times = periods([site(), contract(None)], NOBODY)
    assert set(times) == {"999-401-1-2", "LM1"}
    two_places = periods([site(), Thing("property", {"property_id": "999-401-3-4"}), contract(None)], NOBODY)
    assert "LM1" not in two_places, "nothing says at which of the two it hangs"


def test_two_stays_at_one_place_add_up() -> None:
    first, second = contract(date(2020, 1, 1), date(2021, 1, 1)), contract(date(2024, 6, 1))
    times = periods([first, second], frozenset({"LM1"}))
    reading = {day: reason(times, day) for day in ("2019-07-01", "2020-07-01", "2022-07-01", "2025-07-01")}
    assert reading == {
        "2019-07-01": BEFORE_THEIR_TIME,
        "2020-07-01": None,
        "2022-07-01": AFTER_THEIR_TIME,
        "2025-07-01": None,
    }


def reason(times: scope.Periods, moment: str) -> str | None:
    read_at = datetime.fromisoformat(moment).replace(tzinfo=HELSINKI)
    return scope.whose_reading("lm 1", read_at, times, HELSINKI)


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2024-05-31T23:00", BEFORE_THEIR_TIME),
        ("2024-06-01T00:00", None),
        ("2025-05-31T12:00", None),
        ("2025-06-01T00:00", None),
        ("2025-06-01T00:01", AFTER_THEIR_TIME),
    ],
)
def test_the_reading_at_the_midnight_of_the_move_is_both_parties(moment: str, expected: str | None) -> None:
    assert reason(periods([site(BOUGHT, SOLD, meter="LM1")], NOBODY), moment) == expected


def test_a_reading_is_judged_by_the_local_day() -> None:
    times = periods([site(BOUGHT, None, meter="LM1")], NOBODY)
    assert scope.whose_reading("LM1", datetime(2024, 5, 31, 21, 30, tzinfo=UTC), times, HELSINKI) is None
    assert scope.whose_reading("LM1", datetime(2024, 5, 31, 20, 30, tzinfo=UTC), times, HELSINKI) == BEFORE_THEIR_TIME
    assert scope.whose_reading("LM2", datetime(2020, 1, 1, tzinfo=UTC), times, HELSINKI) is None


@pytest.mark.parametrize(
    ("category", "fields", "expected"),
    [
        ("faults", {"property_id": "999-401-1-2", "reported_on": "2023-01-05"}, BEFORE_THEIR_TIME),
        ("faults", {"property_id": "999-401-1-2", "reported_on": "2024-07-01"}, None),
        ("faults", {"reported_on": "2023-01-05"}, None),
        ("faults", {"property_id": "999-401-1-2", "reported_on": "talvella"}, None),
        ("deliveries", {"property_id": "999-401-1-2", "read_on": "2023-01-05"}, BEFORE_THEIR_TIME),
        ("invoices", {"property_id": "999-401-1-2", "date": "2023-01-05"}, None),
    ],
)
def test_what_names_the_place_and_a_day_before_the_customers_time_is_anothers(
    category: str, fields: dict[str, str], expected: str | None
) -> None:
    assert whose(Thing(category, fields), periods([site()], NOBODY)) == expected


def test_every_reason_of_the_module_is_listed() -> None:
    named = {value for name, value in vars(scope).items() if name.isupper() and name == value}
    assert named == set(scope.REASONS)
