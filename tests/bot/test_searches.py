"""What the register does not hold is looked for, place by place, before an access answer can leave."""

import io
import json
import zipfile
from typing import Any

import pytest
from sqlmodel import Session, select

from bot.intake.enter import Entering
from bot.staff import Refused
from replies.notice import load_notice
from store.models import AttachmentFile, Customer, Draft, Request, SearchTask
from store.retention import held_for_requests
from store.searches import tasks_of
from tests.bot.house import BILLING, DESK, DORA, EMIL, OWN, SEIJA, STRANGERS, House
from tests.test_house import ROOT

DEPLOYED = load_notice(ROOT / "deploy" / "notice.toml")


@pytest.fixture
def searching(house: House) -> House:
    """A house whose notice names a billing system and a paper archive."""
    entering = Entering(
        notice=DEPLOYED,
        on_call="",
        time_zone="Europe/Helsinki",
        language="fi",
        duty_addresses=(),
        desk_url=f"http://{DESK}",
        new_message_id=house.new_message_id,
        own_addresses=OWN,
    )
    house.intake = house.another_intake(entering=entering)
    return house


def tasks(house: House, ticket: dict[str, Any]) -> list[SearchTask]:
    query = select(Request).where(Request.ticket_id == ticket["id"]).order_by(Request.id)
    return house.database.read_now(lambda s: [task for one in s.exec(query) for task in tasks_of(s, one.id or 0)])


def data_of(house: House, draft_id: int) -> dict[str, Any]:
    def work(session: Session) -> bytes:
        draft = session.get_one(Draft, draft_id)
        named = next(one for one in draft.attachments if one["name"].endswith(".zip"))
        return session.get_one(AttachmentFile, named["sha256"]).content

    with zipfile.ZipFile(io.BytesIO(house.database.read_now(work))) as archive:
        found: dict[str, Any] = json.loads(archive.read("dossier.json"))
        return found


async def test_an_access_request_opens_the_checklist_of_the_notice_and_no_other_does(searching: House) -> None:
    ticket = await searching.receive()
    assert [(task.place, task.kind, task.outcome) for task in tasks(searching, ticket)] == [
        ("billing", "system", None),
        ("paper", "paper", None),
    ]
    assert tasks(searching, await searching.receive(BILLING, subject="Lasku")) == []


async def test_no_answer_leaves_before_every_place_is_answered(searching: House) -> None:
    ticket = await searching.receive()
    billing, paper = tasks(searching, ticket)
    with pytest.raises(Refused, match="not_searched"):
        await searching.approve(ticket)
    await searching.casework.answer_search(DORA, billing.id or 0, "nothing", "")
    with pytest.raises(Refused, match="not_searched"):
        await searching.approve(ticket)
    await searching.casework.answer_search(EMIL, paper.id or 0, "not_applicable", "")
    await searching.approve(ticket)
    told = [one["data"] for one in searching.ticket(ticket["id"])["events"] if one["kind"] == "search_answered"]
    assert [(one["place"], one["outcome"]) for one in told] == [("billing", "nothing"), ("paper", "not_applicable")]
    answered = tasks(searching, ticket)
    assert [(one.answered_by, one.answered_at is not None) for one in answered] == [(DORA, True), (EMIL, True)]


async def test_what_was_found_goes_into_the_copy_and_voids_the_hash_that_was_seen(searching: House) -> None:
    ticket = await searching.receive()
    seen = ticket["drafts"][0]
    billing, paper = tasks(searching, ticket)
    await searching.casework.answer_search(DORA, billing.id or 0, "nothing", "")
    await searching.casework.answer_search(DORA, paper.id or 0, "found", "Sopimus 1998, kansio 3.\nHetu 010190-999X.")
    with pytest.raises(Refused, match="changed"):
        await searching.approvals.approve(DORA, seen["id"], seen["sha256"])
    await searching.approvals.open_draft(DORA, seen["id"])
    now = searching.ticket(ticket["id"])["drafts"][0]
    contracts = next(one for one in data_of(searching, now["id"])["categories"] if one["key"] == "contracts")
    found = next(item for item in contracts["items"] if item["kind"] == "search_result")
    assert found["fields"] == {"place": "Paperiarkisto", "text": "Sopimus 1998, kansio 3.\nHetu 010190-****."}
    assert found["masked"] == {"IDENTITY_CODE": 1}
    await searching.approve(searching.ticket(ticket["id"]))


async def test_found_must_say_what_and_an_approved_answer_is_not_searched_again(searching: House) -> None:
    ticket = await searching.receive()
    billing, paper = tasks(searching, ticket)
    with pytest.raises(Refused, match="nothing_found_said"):
        await searching.casework.answer_search(DORA, billing.id or 0, "found", "  \n")
    for task in (billing, paper):
        await searching.casework.answer_search(DORA, task.id or 0, "nothing", "")
    await searching.approve(ticket)
    with pytest.raises(Refused, match="reply_under_way"):
        await searching.casework.answer_search(DORA, paper.id or 0, "found", "Sopimus 1998")
    with pytest.raises(Refused, match="no_such_ticket"):
        await searching.casework.answer_search(DORA, 4711, "nothing", "")


async def test_without_places_the_answer_needs_no_more_than_an_approval(house: House) -> None:
    ticket = await house.receive()
    await house.approve(ticket)
    assert tasks(house, ticket) == []


async def test_nothing_is_deleted_of_whom_a_right_is_undecided(house: House) -> None:
    def held() -> set[str]:
        def work(session: Session) -> set[str]:
            ids = held_for_requests(session)
            return {one.key for one in session.exec(select(Customer)).all() if one.id in ids}

        return house.database.read_now(work)

    assert held() == set()
    await house.receive(BILLING, subject="Lasku")
    await house.receive(STRANGERS, sender=SEIJA)
    assert held() == set(), "an ordinary matter and a stranger hold up nothing"
    ticket = await house.receive()
    assert held() == {"100234"}
    await house.receive("Olen Eino Mallikas ja pyydän kopion kaikista tiedoistani.", sender="eino@muualta.test")
    assert held() >= {"100234", "100236", "100237"}, "whoever may be meant"
    await house.answer(ticket)
    assert "100234" not in held()
