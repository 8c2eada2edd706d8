"""Log-in and sessions of the desk, over the store's own functions. Tokens are random; only their hashes are kept."""

import asyncio
from dataclasses import dataclass
from datetime import datetime

from store import staff
from store.database import Database
from store.models import StaffRole

PASSWORDS_AT_ONCE = 2
"""Verifying one takes 64 MiB for a moment, and anybody may knock."""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Whose session it is, and the token that its forms must carry."""

    staff_id: int
    name: str
    role: StaffRole
    csrf: str


class Sessions:
    """Opens, looks up and ends sessions."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._at_once = asyncio.Semaphore(PASSWORDS_AT_ONCE)

    async def log_in(self, login: str, password: str, now: datetime) -> int | None:
        """The staff member's id, or None: wrong, locked out or not active; which of these is not told."""
        async with self._at_once:
            return await staff.log_in(self._database, login, password, now)

    async def use_code(self, code: str, now: datetime) -> int | None:
        """The staff member's id for a one-time code, or None. A right code is spent."""
        return await self._database.write(lambda session: staff.use_log_in_code(session, code, now))

    async def open(self, staff_id: int, now: datetime) -> str:
        """A new session; its token for the cookie."""
        token, _ = await self._database.write(lambda session: staff.open_session(session, staff_id, now))
        return token

    async def signed_in(self, token: str, now: datetime) -> SignedIn | None:
        """The live session of a cookie's token; its idle time starts anew."""
        found = await self._database.write(lambda session: staff.session_member(session, token, now))
        if found is None or found[0].id is None:
            return None
        member, csrf = found
        return SignedIn(found[0].id, member.name, member.role, csrf)

    async def close(self, token: str) -> None:
        """End a session. Idempotent."""
        await self._database.write(lambda session: staff.close_session(session, token))
