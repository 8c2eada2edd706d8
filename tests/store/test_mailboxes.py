"""The accounts of mailboxes, on both databases: every UID in one state, and the sums right at every moment."""

from datetime import UTC, datetime, timedelta

from store import mailboxes
from store.database import Database
from store.mailboxes import FolderBalance, NewEntry

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)


def opened(database: Database, validity: int = 7, now: datetime = NOW, leave: tuple[int, ...] = ()) -> int:
    """The account of the office's INBOX."""
    return database.write_now(
        lambda session: mailboxes.open_account(session, "office", "INBOX", validity, now, leave)
    ).id


def noted(database: Database, account: int, *entries: NewEntry) -> None:
    """Write entries down."""
    database.write_now(lambda session: mailboxes.note(session, account, entries, NOW))


def balance(database: Database) -> FolderBalance:
    """How the one folder stands."""
    (one,) = database.read_now(mailboxes.balance)
    return one


def test_every_message_is_in_one_state_and_the_rest_waits(database: Database) -> None:
    account = opened(database)
    database.write_now(lambda session: mailboxes.looked(session, account, 10, NOW))
    assert balance(database).waiting == 10
    retry = NOW + timedelta(hours=1)
    noted(
        database,
        account,
        NewEntry(1, "stored"),
        NewEntry(2, "stored"),
        NewEntry(3, "duplicate"),
        NewEntry(4_000_000_000, "parked", "TOO_LARGE", retry),
    )
    one = balance(database)
    assert (one.stored, one.duplicate, one.here, one.parked, one.left, one.waiting) == (
        2,
        1,
        3,
        (("TOO_LARGE", 1),),
        0,
        6,
    )
    assert database.read_now(mailboxes.count_parked) == 1
    database.write_now(lambda session: mailboxes.gone(session, account, [1, 3], moved=True))
    one = balance(database)
    assert (one.present, one.here, one.moved, one.stored, one.duplicate, one.waiting) == (8, 1, 2, 2, 1, 6)


def test_an_account_is_found_again_with_all_that_lies_there(database: Database) -> None:
    retry = NOW + timedelta(hours=1)
    account = opened(database)
    noted(database, account, NewEntry(5, "parked", "REFUSED", retry), NewEntry(2, "stored"))
    again = database.write_now(lambda session: mailboxes.open_account(session, "office", "INBOX", 7, NOW, (9,)))
    assert again.id == account
    assert again.entries == (NewEntry(2, "stored"), NewEntry(5, "parked", "REFUSED", retry))


def test_a_parked_message_that_is_taken_at_last_is_stored(database: Database) -> None:
    account = opened(database)
    noted(database, account, NewEntry(5, "parked", "REFUSED", NOW))
    noted(database, account, NewEntry(5, "stored"))
    one = balance(database)
    assert (one.parked, one.here, one.stored) == ((), 1, 1)


def test_a_folder_numbered_anew_begins_anew_and_keeps_its_sums(database: Database) -> None:
    account = opened(database)
    noted(database, account, NewEntry(1, "stored"), NewEntry(2, "parked", "TOO_LARGE", NOW))
    later = NOW + timedelta(days=3)
    assert database.read_now(lambda session: mailboxes.adopted(session, "office", "INBOX", 8)) == (False, NOW)
    fresh = opened(database, 8, later)
    assert fresh != account
    assert database.read_now(lambda session: mailboxes.adopted(session, "office", "INBOX", 8)) == (True, NOW)
    one = balance(database)
    assert (one.stored, one.here, one.parked, one.waiting) == (1, 0, (), 0)
    assert opened(database, 7, later) == account  # back again, as after a restore: read anew all the same
    assert balance(database).here == 0


def test_what_is_left_from_before_the_adoption_is_noted_with_the_account(database: Database) -> None:
    never = database.read_now(lambda session: mailboxes.adopted(session, "office", "INBOX", 7))
    assert never == (False, None)
    opened(database, leave=tuple(range(1, 1_201)))
    one = balance(database)
    assert (one.left, one.stored) == (1_200, 0)


def test_many_messages_leave_at_once(database: Database) -> None:
    account = opened(database)
    noted(database, account, *(NewEntry(uid, "stored") for uid in range(1, 1_201)))
    database.write_now(lambda session: mailboxes.looked(session, account, 1_200, NOW))
    database.write_now(lambda session: mailboxes.gone(session, account, list(range(1, 1_201)), moved=False))
    one = balance(database)
    assert (one.present, one.here, one.moved, one.stored) == (0, 0, 0, 1_200)
