"""The key of our own signed addresses: made once, whoever comes first, and kept."""

import asyncio

from sqlmodel import Session

from store import address_keys
from store.database import Database
from store.models import Setting


def test_a_fresh_store_knows_no_key_until_one_is_needed(database: Database) -> None:
    assert database.read_now(address_keys.known) == ()
    made = database.write_now(address_keys.newest)
    assert len(made) == 32
    assert database.read_now(address_keys.known) == (made,)
    assert database.write_now(address_keys.newest) == made


async def test_of_two_that_make_the_first_key_at_once_both_get_the_same(database: Database, database_url: str) -> None:
    second = Database(database_url)
    second.open()
    try:
        made = await asyncio.gather(*(one.write(address_keys.newest) for one in (database, second) * 4))
    finally:
        second.close()
    assert len(set(made)) == 1


def test_a_new_key_put_before_the_old_signs_and_the_old_is_still_known(database: Database) -> None:
    old = database.write_now(address_keys.newest)
    new = b"\x09" * 32

    def put(session: Session) -> None:
        setting = session.get_one(Setting, "address_keys")
        setting.value = f"{new.hex()} {setting.value}"

    database.write_now(put)
    assert database.write_now(address_keys.newest) == new
    assert database.read_now(address_keys.known) == (new, old)
