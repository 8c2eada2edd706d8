"""The accounts of the mailboxes: what could not be read stands above every list, and where it lies is told."""

from datetime import UTC, datetime

from sqlmodel import Session

from store import mailboxes
from store.mailboxes import NewEntry

NOON = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)


def _with_parked(session: Session) -> None:
    account = mailboxes.open_account(session, "toimisto", "INBOX", 7, NOON)
    entries = [NewEntry(1, "stored"), NewEntry(2, "duplicate"), NewEntry(3, "parked", "TOO_LARGE", NOON)]
    mailboxes.note(session, account.id, entries, NOON)
    mailboxes.looked(session, account.id, 4, NOON)


async def test_a_mailbox_without_trouble_is_not_spoken_of(dora, arrange):
    arrange.ticket()
    assert "postilaatik" not in (await dora.see("/")).text.lower()
    assert "Yhtään postilaatikkoa ei ole vielä luettu." in (await dora.see("/mailboxes")).text


async def test_what_could_not_be_read_is_told_above_every_list(dora, sqlite_database):
    sqlite_database.write_now(_with_parked)
    for view in ("open", "closed", "quarantine"):
        page = (await dora.see(f"/?view={view}")).text
        assert "Lukematta jäi 1." in page
        assert 'href="/mailboxes"' in page


async def test_the_sum_of_a_folder_is_shown_with_the_reason_of_what_lies_there(dora, sqlite_database):
    sqlite_database.write_now(_with_parked)
    page = (await dora.see("/mailboxes")).text
    for told in ("toimisto", "INBOX", "Liian suuri: 1"):
        assert told in page
    for label, count in (
        ("Otettu vastaan", 1),
        ("Tuttuja ennestään", 1),
        ("Ei saatu luettua", 1),
        ("Odottaa vuoroaan", 1),
    ):
        assert f'<td data-label="{label}">{count}' in page
