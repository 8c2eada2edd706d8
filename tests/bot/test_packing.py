"""The files of an access answer: of the moment of receipt, bound by the approval, never missing when it leaves."""

import asyncio
import io
import json
import zipfile
from datetime import timedelta
from typing import Any

import pypdfium2
import pytest
from sqlmodel import Session, select

from bot.approval import Approvals
from bot.copies import make_copy
from bot.packing import AGAIN, Packing
from bot.paper import render_letter_message
from bot.settled import copy_order
from bot.staff import Refused
from mail.message import OutboundAttachment, OutboundMessage
from mail.worker import Workers
from replies.package import PackedFile
from store.database import Database
from store.draft_files import FilesOrder
from store.models import AttachmentFile, ContactKind, Customer, Draft, Source
from store.register_contacts import change_contact
from tests.bot.house import ASTRID, BILLING, DORA, HOLD, NOTICE, SEIJA, STRANGERS, House

WANTED = "Jag begär en kopia av alla personuppgifter ni har om mig."


def draft_of(database: Database, draft_id: int) -> Draft:
    return database.read_now(lambda session: session.get_one(Draft, draft_id))


def content_of(database: Database, draft: Draft, ending: str) -> bytes:
    named = next(one for one in draft.attachments if one["name"].endswith(ending))
    return database.read_now(lambda session: session.get_one(AttachmentFile, named["sha256"]).content)


def data_of(package: bytes) -> dict[str, Any]:
    with zipfile.ZipFile(io.BytesIO(package)) as archive:
        found: dict[str, Any] = json.loads(archive.read("dossier.json"))
        return found


def told_values(data: dict[str, Any]) -> list[str]:
    return [str(value) for one in data["categories"] for item in one["items"] for value in item["fields"].values()]


async def led_on(house: House, *mail: str, **changes: Any) -> dict[str, Any]:
    """A request that intake has entered, before anything was packed."""
    await house.take(*mail, **changes)
    while await house.intake.work_on():
        pass
    return house.ticket(max(one["id"] for one in house.tickets()))


async def test_an_access_draft_gets_its_two_files_and_a_hash_over_them(house: House) -> None:
    ticket = await led_on(house)
    before = draft_of(house.database, ticket["drafts"][0]["id"])
    assert before.attachments == []
    assert await house.packing.complete_next() == 1
    after = draft_of(house.database, before.id or 0)
    reference = ticket["reference"]
    assert [one["name"] for one in after.attachments] == [f"access-{reference}.pdf", f"access-{reference}.zip"]
    assert (after.version, after.text, after.sha256 != before.sha256) == (before.version, before.text, True)
    assert [one["kind"] for one in house.ticket(ticket["id"])["events"]].count("draft_completed") == 1
    assert await house.packing.complete_next() == 0


async def test_the_mail_carries_the_files_that_were_approved(house: House) -> None:
    ticket = await house.receive(WANTED, sender=ASTRID)
    await house.answer(ticket)
    (sent,) = [one for one in house.channels["email"].sent if one.kind == "reply"]
    data = data_of(sent.attachments[1].content)
    assert (data["language"], data["reference"]) == ("sv", ticket["reference"])
    assert "Astrid Påhitt" in told_values(data)
    assert "Kopia av era personuppgifter" in page_text(sent.attachments[0].content)


def page_text(pdf: bytes) -> str:
    document = pypdfium2.PdfDocument(pdf)
    text = "\n".join(page.get_textpage().get_text_range() for page in document)
    document.close()
    return text


async def test_without_its_files_nobody_can_approve_it(house: House) -> None:
    ticket = await led_on(house)
    draft = ticket["drafts"][0]
    unpacked = Approvals(database=house.database, clock=house.clock, new_message_id=house.new_message_id, hold=HOLD)
    await unpacked.open_draft(DORA, draft["id"])
    with pytest.raises(Refused, match="not_packed"):
        await unpacked.approve(DORA, draft["id"], draft["sha256"])
    assert house.outbox("reply") == []


async def test_who_opens_a_draft_reads_it_with_its_files_and_an_older_press_is_void(house: House) -> None:
    ticket = await led_on(house)
    draft = ticket["drafts"][0]
    assert await house.approvals.open_draft(DORA, draft["id"]) is True
    assert await house.approvals.open_draft(DORA, draft["id"]) is False
    with pytest.raises(Refused, match="changed"):
        await house.approvals.approve(DORA, draft["id"], draft["sha256"])
    now = house.ticket(ticket["id"])["drafts"][0]
    await house.approvals.approve(DORA, now["id"], now["sha256"])


async def test_the_copy_is_the_register_of_the_moment_of_receipt(house: House) -> None:
    """What has changed since is not in it, and the request itself is not in its own answer."""
    ticket = await led_on(house)
    house.clock.advance(days=3)

    def move(session: Session) -> None:
        aino = session.exec(select(Customer).where(Customer.key == "100234")).one()
        change_contact(
            session,
            aino.id or 0,
            kind=ContactKind.EMAIL,
            value="uusi@posti.test",
            source=Source.CUSTOMER,
            now=house.clock(),
        )

    house.database.write_now(move)
    await house.packing.complete_next()
    told = told_values(data_of(content_of(house.database, draft_of(house.database, ticket["drafts"][0]["id"]), ".zip")))
    assert "aino.esimerkkila@posti.test" in told
    assert "uusi@posti.test" not in told
    assert ticket["reference"] not in told


async def test_a_later_answer_tells_of_the_earlier_request(house: House) -> None:
    first = await house.receive()
    await house.answer(first)
    house.clock.advance(days=40)
    again = await house.receive()
    told = told_values(data_of(content_of(house.database, draft_of(house.database, again["drafts"][-1]["id"]), ".zip")))
    assert first["reference"] in told
    assert any("pyydän kopion kaikista" in value for value in told), "the words of the mail are held too"


async def test_packing_waits_while_messages_wait(house: House) -> None:
    await led_on(house)
    await house.take(BILLING)
    assert await house.packing.complete_next() == 0
    while await house.intake.work_on():
        pass
    assert await house.packing.complete_next() == 1


async def test_what_needs_no_files_is_left_alone(house: House) -> None:
    for text, sender in ((STRANGERS, SEIJA), (BILLING, ASTRID)):
        ticket = await led_on(house, text, sender=sender, subject="Asia")
        assert await house.packing.complete(ticket["drafts"][0]["id"]) is False
    assert await house.packing.complete_next() == 0
    assert await house.packing.complete(4711) is False


async def test_files_that_cannot_be_made_are_tried_again_and_hold_up_nobody(house: House) -> None:
    ends = [ValueError("no pages"), None]

    async def make(order: FilesOrder) -> tuple[PackedFile, ...]:
        end = ends.pop(0)
        if end is not None:
            raise end
        return await house.make_files(order)

    packing = Packing(database=house.database, make=make, clock=house.clock)
    ticket = await led_on(house)
    assert await packing.complete_next() == 1
    assert draft_of(house.database, ticket["drafts"][0]["id"]).attachments == []
    assert await packing.complete_next() == 0, "not again at once"
    house.clock.advance(seconds=AGAIN.total_seconds() + 1)
    assert await packing.complete_next() == 1
    assert len(draft_of(house.database, ticket["drafts"][0]["id"]).attachments) == 2


async def test_what_nobody_waits_for_any_more_is_not_tried_for_ever(house: House) -> None:
    """A stage that always says it has done something would turn without rest."""

    async def make(order: FilesOrder) -> tuple[PackedFile, ...]:
        raise OSError(28, f"no room for {order.draft_id}")

    packing = Packing(database=house.database, make=make, clock=house.clock)
    ticket = await led_on(house)
    assert await packing.complete_next() == 1
    draft = draft_of(house.database, ticket["drafts"][0]["id"])
    await house.approvals.open_draft(DORA, draft.id or 0)  # somebody else made them meanwhile
    house.clock.advance(seconds=AGAIN.total_seconds() + 1)
    turns = [await packing.complete_next() for _ in range(3)]
    assert turns[-1] == 0


async def test_two_who_open_it_at_once_have_it_made_once(house: House) -> None:
    made = 0

    async def make(order: FilesOrder) -> tuple[PackedFile, ...]:
        nonlocal made
        made += 1
        await asyncio.sleep(0)
        return await house.make_files(order)

    packing = Packing(database=house.database, make=make, clock=house.clock)
    ticket = await led_on(house)
    draft_id = ticket["drafts"][0]["id"]
    assert await asyncio.gather(*(packing.complete(draft_id) for _ in range(3))) == [True, True, True]
    assert made == 1


async def test_files_made_for_words_that_have_changed_are_not_attached(house: House) -> None:
    ticket = await led_on(house)
    draft = ticket["drafts"][0]

    async def make(order: FilesOrder) -> tuple[PackedFile, ...]:
        await house.approvals.amend(DORA, draft["id"], draft["sha256"], draft["text"][:20], draft["text"])
        return await house.make_files(order)

    packing = Packing(database=house.database, make=make, clock=house.clock)
    assert await packing.complete(draft["id"]) is False
    newest = house.ticket(ticket["id"])["drafts"][-1]
    assert draft_of(house.database, newest["id"]).attachments == []
    assert await house.packing.complete(newest["id"]) is True, "the new words get files of their own"


async def test_another_process_goes_on_where_one_died(house: House) -> None:
    ticket = await led_on(house)
    never = asyncio.Event()

    async def hang(_: FilesOrder) -> tuple[PackedFile, ...]:
        await never.wait()
        return ()

    dying = Packing(database=house.database, make=hang, clock=house.clock)
    waiting = asyncio.create_task(dying.complete(ticket["drafts"][0]["id"]))
    await asyncio.sleep(0.05)
    await dying.close()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert await house.packing.complete_next() == 1


async def test_the_copy_is_made_in_a_worker_as_the_app_has_it_made(house: House) -> None:
    ticket = await led_on(house)
    draft_id = ticket["drafts"][0]["id"]
    workers = Workers(count=1, seconds=60, memory=512 * 1024 * 1024)

    async def make(order: FilesOrder) -> tuple[PackedFile, ...]:
        return await workers.run(make_copy, house.database.url, copy_order(order, "fi", "Europe/Helsinki"), NOTICE)

    try:
        assert await Packing(database=house.database, make=make, clock=house.clock).complete(draft_id) is True
    finally:
        await workers.close()
    assert "100234" in told_values(data_of(content_of(house.database, draft_of(house.database, draft_id), ".zip")))


async def test_on_paper_the_pages_of_the_copy_follow_those_of_the_letter(house: House) -> None:
    await house.receive()
    draft = draft_of(house.database, house.tickets()[0]["id"])
    pdf = content_of(house.database, draft, ".pdf")
    message = OutboundMessage(
        kind="reply", channel="letter", language="fi", subject=draft.subject, text=draft.text, reference="7F3K-92QX",
        message_id="<a@lampo.test>", to="", address_lines=("Aino Esimerkkilä", "Testikuja 3", "85100 Kalajoki"),
        from_name="Kalajoen Lämpö Oy", from_address="asiakaspalvelu@lampo.test",
        attachments=(
            OutboundAttachment("a.pdf", "application/pdf", pdf), OutboundAttachment("a.zip", "application/zip", b"PK"),
        ),
    )  # fmt: skip
    printed = render_letter_message(message, NOTICE, (house.clock() + timedelta(days=1)).date())
    whole, copy = pypdfium2.PdfDocument(printed), pypdfium2.PdfDocument(pdf)
    behind = len(whole) - len(copy)
    assert behind >= 1
    pages = [page.get_textpage().get_text_range() for page in whole]
    assert pages[behind:] == [page.get_textpage().get_text_range() for page in copy]
    assert "Aino Esimerkkilä" in pages[0]
    whole.close()
    copy.close()


PORTABLE = "Hei, haluan tietoni koneluettavassa muodossa siirrettäväksi toiselle palvelulle (20 artikla). T. Aino"


async def test_who_asks_for_portable_data_gets_the_narrower_package_alone(house: House) -> None:
    ticket = await house.receive(PORTABLE, subject="Tietojen siirto")
    draft = next(one for one in ticket["drafts"] if one["template"] == "portability_copy")
    files = draft_of(house.database, draft["id"]).attachments
    assert [one["name"] for one in files] == [f"portability-{ticket['reference']}.zip"]
    data = data_of(content_of(house.database, draft_of(house.database, draft["id"]), ".zip"))
    kinds = {item["kind"] for one in data["categories"] for item in one["items"]}
    assert data["kind"] == "portability"
    assert "reading" in kinds
    assert not kinds & {"invoice", "call", "ticket", "message"}
    assert (await house.answer(ticket))["state"] == "answered"


async def test_who_asks_for_portable_data_from_elsewhere_gets_what_a_stranger_gets(house: House) -> None:
    ticket = await house.receive(
        f"{PORTABLE} Esimerkkilä, asiakasnumero 100234", sender="aino@muualta.test", subject="Tietojen siirto"
    )
    assert {one["template"] for one in ticket["drafts"]} <= {"portability", "nothing_held", "identity"}
    assert not any(one["holds_data"] for one in ticket["drafts"])
