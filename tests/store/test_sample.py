"""The invented heat company: the same for the same seed, whole, and made of nothing real."""

import json
import re
from datetime import UTC, datetime
from itertools import islice, pairwise

from stdnum.fi import ytunnus

from store.database import Database
from store.register_import import import_jsonl
from store.sample import load_sample, sample_customers

NOW = datetime(2026, 3, 2, 10, tzinfo=UTC)


def test_the_named_people_come_first_with_their_numbers() -> None:
    named = {entry["customer_number"]: entry for entry in sample_customers(12)}
    assert named["100234"]["name"] == "Aino Esimerkkilä"
    assert named["100236"]["name"] == named["100237"]["name"] == "Eino Mallikas"
    assert (named["100240"]["name"], named["100240"]["language"]) == ("Astrid Påhitt", "sv")
    assert (named["100250"]["name"], named["100250"]["language"]) == ("Imogen Placeholder", "en")
    assert named["200020"]["roles"][0]["for"] == "200010"
    assert named["100234"]["contacts"][0] == named["100235"]["contacts"][0], "a couple shares an address"
    assert [key for key, entry in named.items() if entry["turvakielto"]] == ["100260"]


def test_the_same_seed_gives_the_same_people_and_more_are_only_added() -> None:
    forty = list(sample_customers(40))
    assert forty == list(islice(sample_customers(500), 40))
    assert forty != list(sample_customers(40, seed=2))


def test_all_kinds_of_customer_occur_and_every_role_names_someone_who_is_there() -> None:
    entries = list(sample_customers(500))
    assert {entry["kind"] for entry in entries} == {
        "person", "sole_trader", "company", "housing_company", "public_body", "estate"
    }  # fmt: skip
    assert {entry["language"] for entry in entries} == {"fi", "sv", "en"}
    seen: set[str] = set()
    for entry in entries:
        assert {role["for"] for role in entry.get("roles", ())} <= seen
        seen.add(entry["customer_number"])
    assert len(seen) == 500


def test_nothing_in_it_is_anyones() -> None:
    for entry in sample_customers(300):
        for contact in entry["contacts"]:
            if contact["kind"] == "email":
                assert re.search(r"@[a-z]+\.test$", contact["value"])
            if contact["kind"] == "phone":
                assert contact["value"].startswith("+3584000")
        for identifier in entry["identifiers"]:
            if identifier["kind"] == "property":
                assert identifier["value"].startswith("999-")


def test_numbers_have_right_check_digits_and_are_nobody_elses() -> None:
    ids = [
        identifier["value"]
        for entry in sample_customers(2_000, months=0)
        for identifier in entry["identifiers"]
        if identifier["kind"] == "business_id"
    ]
    assert len(ids) > 100
    assert all(ytunnus.is_valid(value) for value in ids)
    assert len(set(ids)) == len(ids)


def test_the_series_of_a_meter_is_two_years_long_and_only_grows() -> None:
    readings = next(sample_customers(1))["readings"]
    assert len(readings) == 24
    assert readings[-1]["read_at"] == "2026-02-28T22:00:00+00:00"
    assert all(before["mwh"] < after["mwh"] for before, after in pairwise(readings))


def test_its_files_are_the_published_shape(database: Database) -> None:
    lines = [json.dumps(entry, ensure_ascii=False) for entry in sample_customers(60)]
    imported = database.write_now(lambda session: import_jsonl(session, lines, now=NOW))
    assert (imported.customers, imported.readings) == (60, 60 * 24)


def test_it_fills_a_register(database: Database) -> None:
    assert load_sample(database, 2_500, now=NOW).customers == 2_500
