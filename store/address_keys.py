"""The key that our own signed addresses are signed with: random, made at first use, kept here and nowhere else.

It stands among the settings, so it needs no configuration, is in every backup, and never in a log. To change it, put a
new one before the old: the first signs, all of them are still understood.
"""

import secrets

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session

from store.models import Setting, table_of

_NAME = "address_keys"
_OCTETS = 32
_SETTING = table_of(Setting)
_FIRST = {
    "sqlite": sqlite.insert(_SETTING).on_conflict_do_nothing(index_elements=["key"]),
    "postgresql": postgresql.insert(_SETTING).on_conflict_do_nothing(index_elements=["key"]),
}
_HELD = select(_SETTING.c.value).where(_SETTING.c.key == _NAME)


def known(session: Session) -> tuple[bytes, ...]:
    """The keys that an address may have been signed with, the newest first; none before the first use."""
    held = session.connection().execute(_HELD).scalar_one_or_none()
    return tuple(bytes.fromhex(one) for one in held.split()) if held else ()


def newest(session: Session) -> bytes:
    """The key to sign with, made now where there is none: of two who make it at once one wins, for both."""
    if keys := known(session):
        return keys[0]
    connection = session.connection()
    connection.execute(_FIRST[connection.dialect.name], {"key": _NAME, "value": secrets.token_hex(_OCTETS)})
    return known(session)[0]
