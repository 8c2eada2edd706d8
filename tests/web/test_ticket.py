"""The page of a ticket: the request beside its draft, acts that say what they did, refusals that say what changed."""

import re
from datetime import date

from sqlmodel import select

from store.lifecycle import DraftState, OutboxState, TicketState
from store.models import (
    Approval,
    ContactPoint,
    Customer,
    Draft,
    DraftView,
    Message,
    OutboxRow,
    RawMessageRow,
    Ticket,
    ViewLog,
)


def rows(database, table):
    return database.read_now(lambda session: list(session.execute(select(table)).scalars()))


async def test_the_page_shows_request_reasons_draft_and_to_whom_it_goes(dora, arrange):
    arranged = arrange.ticket()
    page = (await dora.see(f"/tickets/{arranged.ticket}")).text
    for shown in (
        "Pyydän kopion kaikista minua koskevista tiedoista",
        "Aino Esimerkkilä",
        "100234",
        "Osoite on rekisterissä",
        "Lakisääteinen määräaika",
        "to 2.4.2026",
        "Olette pyytänyt jäljennöksen",
        "Sisältää asiakkaan tietoja",
        "versio 1",
        arranged.sha256[:10],
        "Hyväksy ja lähetä sähköpostilla",
        "vastaanottajalle aino.esimerkkila@posti.test",
    ):
        assert shown in page


async def test_opening_the_page_records_the_opened_version_and_one_view_a_day(dora, arrange, sqlite_database, clock):
    arranged = arrange.ticket()
    for _ in range(3):
        await dora.see(f"/tickets/{arranged.ticket}")
    assert [(view.draft_id, view.staff_id) for view in rows(sqlite_database, DraftView)] == [(arranged.draft, 1)]
    assert [(log.customer_id, log.staff_id, log.ticket_id) for log in rows(sqlite_database, ViewLog)] == [
        (1, 1, arranged.ticket),
    ]
    clock.advance(minutes=90)
    await dora.see(f"/tickets/{arranged.ticket}")
    clock.advance(minutes=100)
    await dora.see(f"/tickets/{arranged.ticket}")
    assert len(rows(sqlite_database, ViewLog)) == 1


async def test_a_strangers_matter_is_no_view_of_a_customers_data(dora, arrange, sqlite_database):
    arranged = arrange.ticket(known=False)
    await dora.see(f"/tickets/{arranged.ticket}")
    assert rows(sqlite_database, ViewLog) == []


async def test_dora_approves_and_takes_it_back(dora, arrange, sqlite_database):
    arranged = arrange.ticket()
    await dora.see(f"/tickets/{arranged.ticket}")
    answer = await dora.send_form(f"/drafts/{arranged.draft}/approve", sha256=arranged.sha256)
    assert answer.status_code == 303
    page = (await dora.see(answer.headers["location"])).text
    assert "Vastaus on hyväksytty" in page
    assert "Lähtee kello 12.05.00" in page
    [row] = rows(sqlite_database, OutboxRow)
    assert (row.to_address, row.state) == ("aino.esimerkkila@posti.test", OutboxState.APPROVED)
    answer = await dora.send_form(f"/outbox/{row.id}/undo")
    page = (await dora.see(answer.headers["location"])).text
    assert "Hyväksyntä on peruttu" in page
    assert rows(sqlite_database, OutboxRow)[0].state is OutboxState.WITHDRAWN
    assert "Hyväksy ja lähetä" in page


async def test_what_was_typed_becomes_the_next_version_and_the_old_one_can_be_compared(dora, arrange, sqlite_database):
    arranged = arrange.ticket()
    await dora.see(f"/tickets/{arranged.ticket}")
    answer = await dora.send_form(
        f"/drafts/{arranged.draft}/amend",
        sha256=arranged.sha256,
        subject="Vastaus pyyntöönne",
        text="Hyvä Aino\r\n\r\nTässä tietonne, ä ja ö tallella.\r\n",
    )
    page = (await dora.see(answer.headers["location"])).text
    assert "Uusi versio on tallennettu" in page
    assert "Muokannut Dora" in page
    old, new = rows(sqlite_database, Draft)
    assert (old.state, new.state) == (DraftState.SUPERSEDED, DraftState.DRAFT)
    assert new.text == "Hyvä Aino\n\nTässä tietonne, ä ja ö tallella.\n"
    compared = (await dora.see(f"/drafts/{new.id}")).text
    assert re.search(r"<ins>.*ä ja ö tallella", compared)
    assert re.search(r"<del>.*Olette pyytänyt", compared)
    assert "vanha versio" in (await dora.see(f"/drafts/{old.id}")).text


async def test_a_stale_approval_is_refused_with_a_sentence_and_the_newest_draft(dora, arrange, sqlite_database):
    arranged = arrange.ticket()
    await dora.send_form(
        f"/drafts/{arranged.draft}/amend", sha256=arranged.sha256, subject="Vastaus", text="Uusi teksti."
    )
    answer = await dora.send_form(f"/drafts/{arranged.draft}/approve", sha256=arranged.sha256)
    assert answer.status_code == 409
    assert "näit version 1, uusin on 2" in answer.text
    assert "Uusi teksti." in answer.text
    assert rows(sqlite_database, Approval) == []


async def test_another_hash_approves_nothing(dora, arrange, sqlite_database):
    arranged = arrange.ticket()
    answer = await dora.send_form(f"/drafts/{arranged.draft}/approve", sha256="0" * 64)
    assert answer.status_code == 409
    assert "ei ole se, jonka näit" in answer.text
    assert rows(sqlite_database, OutboxRow) == []


async def test_a_second_press_sends_nothing_twice(dora, arrange, sqlite_database):
    arranged = arrange.ticket()
    for _ in range(2):
        answer = await dora.send_form(f"/drafts/{arranged.draft}/approve", sha256=arranged.sha256)
    assert answer.status_code == 409
    assert "jo hyväksynyt Dora" in answer.text
    assert len(rows(sqlite_database, OutboxRow)) == 1


async def test_words_that_were_refused_are_given_back(dora, arrange):
    arranged = arrange.ticket()
    answer = await dora.send_form(f"/drafts/{arranged.draft}/amend", sha256="0" * 64, subject="A", text="Pitkä työ.")
    assert answer.status_code == 409
    assert re.search(r"<textarea[^>]*>\s*Pitkä työ\.</textarea>", answer.text)


async def test_a_returned_draft_keeps_what_should_be_mended(dora, arrange, sqlite_database):
    arranged = arrange.ticket()
    answer = await dora.send_form(
        f"/drafts/{arranged.draft}/return", sha256=arranged.sha256, note="Laskutiedot puuttuvat."
    )
    page = (await dora.see(answer.headers["location"])).text
    assert "palautettu korjattavaksi" in page
    assert "Laskutiedot puuttuvat." in page
    assert "Hyväksy ja lähetä" not in page
    assert rows(sqlite_database, Draft)[0].state is DraftState.RETURNED


async def test_dora_takes_notes_closes_and_reopens(dora, arrange, sqlite_database):
    arranged = arrange.ticket()
    path = f"/tickets/{arranged.ticket}"
    await dora.send_form(f"{path}/take")
    await dora.send_form(f"{path}/note", note="Soitti, odottaa rauhassa.")
    page = (await dora.see(path)).text
    assert "Käsittelijä: Dora" in page
    assert "Soitti, odottaa rauhassa." in page
    version = re.search(r'name="version" value="(\d+)"', page).group(1)
    answer = await dora.send_form(f"{path}/close", version=version, resolution="withdrawn", note="")
    assert "Asia on suljettu" in (await dora.see(answer.headers["location"])).text
    assert rows(sqlite_database, Ticket)[0].state is TicketState.CLOSED
    answer = await dora.send_form(f"{path}/close", version=version, resolution="spam", note="")
    assert answer.status_code == 409
    assert "”Suljettu”" in answer.text
    page = (await dora.see(path)).text
    version = re.search(r'name="version" value="(\d+)"', page).group(1)
    answer = await dora.send_form(f"{path}/reopen", version=version)
    assert "avattu uudelleen" in (await dora.see(answer.headers["location"])).text


async def test_a_quarantined_ticket_is_rescued(dora, arrange):
    arranged = arrange.ticket(quarantined=True, known=False)
    assert "Karanteenissa" in (await dora.see(f"/tickets/{arranged.ticket}")).text
    answer = await dora.send_form(f"/tickets/{arranged.ticket}/rescue")
    page = (await dora.see(answer.headers["location"])).text
    assert "siirretty karanteenista" in page
    assert "Karanteenissa" not in page


async def test_an_uncertain_send_is_decided_by_a_person(dora, arrange, sqlite_database):
    arranged = arrange.ticket()
    send = arrange.send(arranged.ticket, "uncertain", receipt="no reply after the final dot")
    page = (await dora.see(f"/tickets/{arranged.ticket}")).text
    assert "no reply after the final dot" in page
    answer = await dora.send_form(f"/outbox/{send}/decide", verdict="sent")
    assert "Päätös lähetyksestä" in (await dora.see(answer.headers["location"])).text
    assert rows(sqlite_database, OutboxRow)[0].state is OutboxState.SENT


async def test_a_reply_that_came_back_is_seen_and_its_address_decided_on(dora, auditor, arrange, sqlite_database):
    arranged = arrange.ticket(flags=["REPLY_BOUNCED"])
    send = arrange.send(arranged.ticket, "bounced", contact_point_id=1, bounced_at=arrange.now)
    automatic = {"kind": "bounce", "status": "5.1.1", "failed_recipients": ["aino.esimerkkila@posti.test"]}

    def file(session):
        session.get_one(ContactPoint, 1).bounced_at = arrange.now
        session.add(
            Message(
                ticket_id=arranged.ticket,
                direction="in",
                channel="email",
                from_text="MAILER-DAEMON",
                text="Ei löydy <script>alert(1)</script>",
                received_at=arrange.now,
                sha256="0" * 64,
                joined_by="bounce",
                automatic="bounce",
                details={"automatic": automatic},
            )
        )

    sqlite_database.write_now(file)
    page = (await dora.see(f"/tickets/{arranged.ticket}")).text
    for words in (
        "Vastaus palautui",
        "Lähettämämme viesti palautui",
        "5.1.1",
        "aino.esimerkkila@posti.test",
        "Tarkista osoite ennen",
    ):
        assert words in page, words
    assert "<script>" not in page
    for language, words in (("sv", "Svaret studsade"), ("en", "The reply bounced")):
        assert words in (await dora.see(f"/tickets/{arranged.ticket}?lang={language}")).text
    assert "address-works" not in (await auditor.see(f"/tickets/{arranged.ticket}")).text
    answer = await dora.send_form(f"/outbox/{send}/address-works")
    page = (await dora.see(f"{answer.headers['location']}&lang=fi")).text
    assert "Osoitetta käytetään taas" in page
    assert "Tarkista osoite ennen" not in page
    again = await dora.send_form(f"/outbox/{send}/address-works")
    assert again.status_code == 409


async def test_nobody_can_make_a_link_that_says_something_was_done(dora, arrange):
    arranged = arrange.ticket()
    for forged in ("approved", "approved.", "approved.0123456789abcdef", "x.y", "approved.ä"):
        page = await dora.see(f"/tickets/{arranged.ticket}?said={forged}")
        assert page.status_code == 200
        assert "Vastaus on hyväksytty" not in page.text


async def test_an_auditor_sees_the_page_without_its_buttons(auditor, arrange):
    arranged = arrange.ticket()
    page = (await auditor.see(f"/tickets/{arranged.ticket}")).text
    assert "Roolisi sallii vain lukemisen" in page
    assert "/approve" not in page
    assert "/close" not in page


async def test_a_protected_address_is_told_on_the_ticket_and_in_no_list(dora, arrange, sqlite_database):
    arranged = arrange.ticket(flags=["TURVAKIELTO_CLAIMED"])
    sqlite_database.write_now(_protect)
    assert "Turvakielto." in (await dora.see(f"/tickets/{arranged.ticket}")).text
    assert "urvakielto" not in (await dora.see("/")).text


async def test_the_original_downloads_and_never_opens(dora, arrange):
    arranged = arrange.ticket(text="<html><script>alert(1)</script></html>")
    answer = await dora.get(f"/messages/{arranged.message}/raw")
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]
    assert answer.headers["content-disposition"].startswith(f'attachment; filename="{arranged.reference}-')
    assert b"<script>" in answer.content


async def test_the_files_of_a_reply_can_be_read_by_who_approves_it(dora, arrange):
    arranged = arrange.ticket(files=[("tiedot ä.zip", b"PK bytes")])
    answer = await dora.get(f"/drafts/{arranged.draft}/files/0")
    assert answer.content == b"PK bytes"
    assert "filename*=UTF-8''tiedot%20%C3%A4.zip" in answer.headers["content-disposition"]
    assert (await dora.get(f"/drafts/{arranged.draft}/files/1")).status_code == 404


async def test_an_erased_original_is_gone_and_said_to_be(dora, arrange, sqlite_database):
    arranged = arrange.ticket()
    sqlite_database.write_now(_erase)
    assert "Alkuperäinen on poistettu" in (await dora.see(f"/tickets/{arranged.ticket}")).text
    assert (await dora.get(f"/messages/{arranged.message}/raw")).status_code == 404


async def test_the_page_speaks_swedish_and_english_when_asked(dora, arrange):
    arranged = arrange.ticket(due_on=date(2026, 4, 2))
    page = await dora.see(f"/tickets/{arranged.ticket}?lang=sv")
    assert "Godkänn och skicka med e-post" in page.text
    assert 'lang="sv"' in page.text
    assert "Approve and send by e-mail" in (await dora.see(f"/tickets/{arranged.ticket}?lang=en")).text
    assert "Thu 2 Apr 2026" in (await dora.see(f"/tickets/{arranged.ticket}")).text, "the choice is remembered"


async def test_odd_details_of_a_message_break_nothing(dora, arrange, sqlite_database):
    arranged = arrange.ticket(attachments=[{"name": None}, {"name": '"><img src=x>', "size": 3, "type": "text/html"}])

    def strip(session):
        message = session.get(Message, arranged.message)
        message.text = message.new_text = message.from_text = message.from_address = ""

    sqlite_database.write_now(strip)
    page = await dora.see(f"/tickets/{arranged.ticket}")
    assert page.status_code == 200
    assert "<img src=x" not in page.text
    assert "Viestissä ei ole tekstiä" in page.text


def _protect(session):
    session.get(Customer, 1).turvakielto = True


def _erase(session):
    session.get(RawMessageRow, 1).content = None
