"""Log-in and sessions of the desk, over the store's own functions. Tokens are random; only their hashes are kept."""

from dataclasses import dataclass
from datetime import datetime

from store import staff
from store.database import Database
from store.models import StaffMember


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A live session: whose, and the token its forms must carry."""

    member: StaffMember
    csrf: str


class Sessions:
    """Opens, looks up and ends sessions."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def log_in(self, login: str, password: str, now: datetime) -> int | None:
        """The staff member's id, or None: wrong, locked out or not active; which of these is not told."""
        return await self._database.write(lambda session: staff.log_in(session, login, password, now))

    async def use_code(self, code: str, now: datetime) -> int | None:
        """The staff member's id for a one-time code, or None; the code is spent either way it is right."""
        return await self._database.write(lambda session: staff.use_log_in_code(session, code, now))

    async def open(self, staff_id: int, now: datetime) -> str:
        """A new session; its token for the cookie."""
        token, _ = await self._database.write(lambda session: staff.open_session(session, staff_id, now))
        return token

    async def signed_in(self, token: str, now: datetime) -> SignedIn | None:
        """The live session of a cookie's token; its idle time starts anew."""
        found = await self._database.write(lambda session: staff.session_member(session, token, now))
        return None if found is None else SignedIn(*found)

    async def close(self, token: str) -> None:
        """End a session. Idempotent."""
        await self._database.write(lambda session: staff.close_session(session, token))
