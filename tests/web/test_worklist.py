"""The lists: overdue first, trouble above all, and nothing hidden."""

from datetime import date

from sqlmodel import Session

from store import canaries
from store.models import Message


async def test_the_most_urgent_comes_first_and_lateness_is_said(dora, arrange):
    arrange.ticket(subject="Kolmas", due_on=date(2026, 4, 10))
    arrange.ticket(subject="Ensimmäinen", due_on=date(2026, 2, 20))
    arrange.ticket(subject="Toinen", due_on=date(2026, 3, 4))
    page = (await dora.see("/")).text
    assert page.index("Ensimmäinen") < page.index("Toinen") < page.index("Kolmas")
    assert "myöhässä 10 päivää" in page


async def test_each_list_holds_what_its_name_says(dora, arrange):
    arrange.ticket(subject="Avoin asia")
    arrange.ticket(subject="Vastattu asia", state="answered")
    arrange.ticket(subject="Suljettu asia", state="closed")
    arrange.ticket(subject="Karanteeniasia", quarantined=True)
    arrange.ticket(subject="Odottava asia", state="awaiting_identity")
    expected = {
        "open": {"Avoin asia", "Odottava asia"},
        "awaiting_approval": {"Avoin asia"},
        "awaiting_customer": {"Odottava asia"},
        "answered": {"Vastattu asia"},
        "closed": {"Suljettu asia"},
        "quarantine": {"Karanteeniasia"},
    }
    every = set().union(*expected.values())
    for view, subjects in expected.items():
        page = (await dora.see(f"/?view={view}")).text
        assert {subject for subject in every if subject in page} == subjects, view


async def test_sends_that_need_a_person_stand_above_every_list(dora, arrange):
    arranged = arrange.ticket()
    arrange.send(arranged.ticket, "uncertain")
    lone = arrange.send(None, "failed", kind="notice")
    for view in ("open", "closed", "letters"):
        page = (await dora.see(f"/?view={view}")).text
        assert "Ei tiedetä, lähtikö viesti" in page
        assert "Viestiä ei saatu lähetetyksi" in page
        assert arranged.reference in page
    answer = await dora.send_form(f"/outbox/{lone}/decide", verdict="withdraw")
    assert answer.headers["location"].startswith("/?said=decided.")
    assert "Viestiä ei saatu lähetetyksi" not in (await dora.see("/")).text
    again = await dora.send_form(f"/outbox/{lone}/decide", verdict="withdraw")
    assert again.status_code == 409
    assert "”Peruttu”" in again.text


async def test_letters_wait_to_be_posted_and_automatic_mail_is_listed(dora, arrange, sqlite_database):
    arranged = arrange.ticket()
    arrange.send(arranged.ticket, "sent", channel="letter", to_address="Aino Esimerkkilä\nKoekatu 1\n85100 Kalajoki")

    def bounce(session: Session) -> None:
        session.add(
            Message(
                direction="in", channel="email", from_text="Postipalvelin", subject="Palautus",
                received_at=arrange.now, sha256="0" * 64, automatic="bounce",
            ),
        )  # fmt: skip

    sqlite_database.write_now(bounce)
    assert "Koekatu 1" in (await dora.see("/?view=letters")).text
    assert "Postipalvelin" in (await dora.see("/?view=automatic")).text


async def test_a_long_list_goes_on_over_the_page(dora, arrange):
    for number in range(51):
        arrange.ticket(subject=f"Asia {number:02}", due_on=date(2026, 4, 2))
    first = (await dora.see("/")).text
    assert "Asia 49" in first
    assert "Asia 50" not in first
    assert "Asia 50" in (await dora.see("/?view=open&page=2")).text


async def test_an_empty_desk_says_so_kindly_and_an_unknown_list_is_not_found(dora):
    assert "Kaikki on hoidettu" in (await dora.see("/")).text
    for query in ("view=nothing", "page=0", "page=x", "page=99999999999999999999"):
        assert (await dora.get(f"/?{query}")).status_code == 404


async def test_a_canary_is_no_line_among_automatic_mail_but_told_above_it(dora, arrange, sqlite_database):
    outbox_id = arrange.send(None, "failed", kind="canary", to_address="asiakaspalvelu@lampo.test")

    def fly(session: Session) -> None:
        canaries.note_sent(
            session, outbox_id=outbox_id, token="0" * 32, address="asiakaspalvelu@lampo.test", at=arrange.now
        )
        session.add(
            Message(
                direction="in", channel="email", from_text="Kanarialintu", subject="Tarkistusviesti",
                received_at=arrange.now, sha256="0" * 64, automatic="canary",
            ),
        )  # fmt: skip

    def come_home(session: Session) -> None:
        sent = canaries.expected(session, "0" * 32)
        assert sent
        canaries.note_arrival(session, sent.id, at=arrange.now, door="imap.palvelu", junk=False)

    sqlite_database.write_now(fly)
    page = (await dora.see("/?view=automatic")).text
    assert "Viestiä ei saatu lähetetyksi" not in page, "the canary has alarms of its own"
    assert "Kanarialintu" not in page
    assert "ei ole vielä tullut perille" in page
    sqlite_database.write_now(come_home)
    page = (await dora.see("/?view=automatic")).text
    assert "tuli viimeksi perille ma 2.3.2026" in page
    assert "imap.palvelu" in page
