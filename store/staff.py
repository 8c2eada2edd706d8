"""Staff accounts: who may log in, how a log-in is proved, how long it lasts.

Passwords are argon2id hashes; tokens and codes are random and only their SHA-256 is kept, so a copy of the database
lets nobody in. Hashing takes its time on purpose, so it happens in a thread of its own outside any transaction
(`log_in` reads, hashes, then writes), or many guesses would hold up the mail. A log-in that nobody has costs the same
time and gives the same answer as a wrong password.
"""

import asyncio
import secrets
import unicodedata
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from hashlib import sha256

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import delete, update
from sqlmodel import Session, col, select

from store.database import Database
from store.models import OneTimeCode, StaffMember, StaffRole, StaffSession, normalise_email

SHORTEST_PASSWORD = 12
LONGEST_PASSWORD = 256
"""Characters; a longer one only costs us time."""
FAILURES_ALLOWED = 5
LOCKED_FOR = timedelta(minutes=15)
LASTS_AT_MOST = timedelta(hours=12)
"""A session ends then, however busy."""
LASTS_IDLE = timedelta(hours=2)
"""A session ends then, when nothing was asked of it."""
TOUCH_EVERY = timedelta(minutes=1)
"""How exactly the last use of a session is written down: not every click is a write."""

_HASHER = PasswordHasher()
_NOBODYS = "$argon2id$v=19$m=65536,t=3,p=4$S9iHHbCgEOqUsvnx/zDEcg$/euEDdOR86/ATkD5vG+QNqCZaduX6WpyQSLMDIRZp+s"
"""Hash of a password that nobody knows, checked when there is no such login."""


class WeakPassword(ValueError):
    """The password does not meet the policy; the text says what is wanted."""


class LoginTaken(ValueError):
    """Another member has this login, or this chat account."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """A log-in that was begun: what to verify, and for whom."""

    login: str
    staff_id: int | None
    password_hash: str


def hash_password(password: str) -> str:
    """The argon2id hash of a new password; takes tens of milliseconds. Raises `WeakPassword`."""
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise WeakPassword(f"a password has {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters")
    if len(set(password)) < 5:
        raise WeakPassword("a password has at least five different characters")
    return _HASHER.hash(_composed(password))


def verify_password(password_hash: str, password: str) -> bool:
    """Whether `password` is the one of the hash; takes tens of milliseconds, right or wrong."""
    try:
        _HASHER.verify(password_hash, _composed(password[:LONGEST_PASSWORD]))
    except (VerificationError, InvalidHashError):
        return False
    return len(password) <= LONGEST_PASSWORD


def add_member(
    session: Session,
    *,
    login: str,
    name: str,
    role: StaffRole,
    now: datetime,
    password: str | None = None,
    committed_on: date | None = None,
) -> int:
    """Add a member and return its id. Without a password only one-time codes let it in; without `committed_on` nothing.

    Hashes the password here: for commands, not for the service. Raises `LoginTaken`, `WeakPassword`.
    """
    folded = _folded(login)
    if not folded or not name.strip():
        raise ValueError("a member has a login and a name")
    if session.exec(select(StaffMember.id).where(StaffMember.login == folded)).first() is not None:
        raise LoginTaken("another member has this login")
    member = StaffMember(
        login=folded,
        name=name.strip(),
        role=role,
        password_hash=_NOBODYS if password is None else hash_password(password),
        committed_on=committed_on,
        created_at=now,
    )
    session.add(member)
    session.flush()
    return _id(member)


def list_members(session: Session) -> list[StaffMember]:
    """All members, disabled ones too, by login."""
    return list(session.exec(select(StaffMember).order_by(StaffMember.login)))


def find_member(session: Session, login: str) -> StaffMember | None:
    """The member of this login, in whatever state."""
    return session.exec(select(StaffMember).where(StaffMember.login == _folded(login))).one_or_none()


def member_by_telegram(session: Session, user_id: int) -> StaffMember | None:
    """The member who may act and is bound to this chat account; None for all others."""
    member = session.exec(select(StaffMember).where(StaffMember.telegram_user_id == user_id)).one_or_none()
    return member if _is_active(member) else None


def bind_telegram(session: Session, staff_id: int, user_id: int | None) -> None:
    """Bind a chat account to a member; None unbinds. Raises `LoginTaken` when it is another member's."""
    if user_id is not None:
        holder = session.exec(select(StaffMember).where(StaffMember.telegram_user_id == user_id)).one_or_none()
        if holder is not None and holder.id != staff_id:
            raise LoginTaken("another member is bound to this chat account")
    _member(session, staff_id).telegram_user_id = user_id
    session.flush()


def set_email(session: Session, staff_id: int, address: str) -> None:
    """Note the address that the member writes from; empty takes it away. Raises `LoginTaken` when it is another's."""
    normalised = normalise_email(address) or None
    if normalised is not None:
        holder = session.exec(select(StaffMember).where(StaffMember.email == normalised)).one_or_none()
        if holder is not None and holder.id != staff_id:
            raise LoginTaken("another member writes from this address")
    _member(session, staff_id).email = normalised
    session.flush()


def record_commitment(session: Session, staff_id: int, committed_on: date) -> None:
    """Write down when the member signed the confidentiality commitment: that opens the account."""
    _member(session, staff_id).committed_on = committed_on
    session.flush()


def set_password(session: Session, staff_id: int, password_hash: str) -> None:
    """Replace the password; all sessions end and a lock is lifted."""
    member = _member(session, staff_id)
    member.password_hash = password_hash
    member.failed_log_ins, member.locked_until = 0, None
    session.flush()
    _end_all(session, staff_id)


def disable_member(session: Session, staff_id: int, now: datetime) -> None:
    """Shut the account: sessions end, codes are void, the chat account is let go. Idempotent."""
    member = _member(session, staff_id)
    member.disabled_at = member.disabled_at or now
    member.telegram_user_id = None
    session.flush()
    _end_all(session, staff_id)


async def log_in(database: Database, login: str, password: str, now: datetime) -> int | None:
    """The member's id when login and password hold, else None: unknown, wrong, locked or shut, which is not told."""
    attempt = await database.read(lambda session: begin_log_in(session, login))
    verified = await asyncio.to_thread(verify_password, attempt.password_hash, password)
    return await database.write(lambda session: finish_log_in(session, attempt, verified=verified, now=now))


def begin_log_in(session: Session, login: str) -> Attempt:
    """What to verify a password against; for an unknown login a hash that no password fits."""
    member = find_member(session, login)
    if member is None:
        return Attempt(_folded(login), None, _NOBODYS)
    return Attempt(member.login, member.id, member.password_hash)


def finish_log_in(session: Session, attempt: Attempt, *, verified: bool, now: datetime) -> int | None:
    """The member's id when the log-in holds, else None; five failures in a row lock for 15 minutes.

    While locked, even the right password is refused. `verified` is what `verify_password` said of the attempt.
    """
    if attempt.staff_id is None:
        return None
    # Taken for writing first: two attempts at once are counted as two.
    locked = select(StaffMember).where(StaffMember.id == attempt.staff_id).with_for_update()
    member = session.exec(locked.execution_options(populate_existing=True)).one()
    if member.locked_until is not None and now < member.locked_until:
        return None
    if not verified or member.password_hash != attempt.password_hash:
        member.failed_log_ins += 1
        if member.failed_log_ins >= FAILURES_ALLOWED:
            member.failed_log_ins, member.locked_until = 0, now + LOCKED_FOR
        session.flush()
        return None
    member.failed_log_ins, member.locked_until = 0, None
    session.flush()
    return member.id if _is_active(member) else None


def open_session(session: Session, staff_id: int, now: datetime) -> tuple[str, str]:
    """Begin a session of the desk: its token for the cookie, and the one for the forms. Told here and never again."""
    token = secrets.token_urlsafe(32)
    csrf_token = _csrf_token(token)
    session.add(
        StaffSession(
            token_hash=_hashed(token),
            staff_id=staff_id,
            csrf_token=_hashed(csrf_token),
            created_at=now,
            seen_at=now,
            expires_at=now + LASTS_AT_MOST,
        )
    )
    session.flush()
    return token, csrf_token


def session_member(session: Session, token: str, now: datetime) -> tuple[StaffMember, str] | None:
    """Who the token belongs to, and the token of the forms; the idle time starts anew (written once a minute).

    None when the token is unknown, has expired or idled, or the member may no longer act.
    """
    row = session.get(StaffSession, _hashed(token))
    if row is None or now >= row.expires_at or now - row.seen_at >= LASTS_IDLE:
        return None
    member = session.get(StaffMember, row.staff_id)
    if member is None or not _is_active(member):
        return None
    if now - row.seen_at >= TOUCH_EVERY:
        row.seen_at = now
        session.flush()
    return member, _csrf_token(token)


def close_session(session: Session, token: str) -> None:
    """End one session. Idempotent."""
    session.execute(delete(StaffSession).where(col(StaffSession.token_hash) == _hashed(token)))


def delete_expired(session: Session, now: datetime) -> None:
    """Forget sessions and codes whose time is over."""
    session.execute(delete(StaffSession).where(col(StaffSession.expires_at) <= now))
    session.execute(delete(StaffSession).where(col(StaffSession.seen_at) <= now - LASTS_IDLE))
    session.execute(delete(OneTimeCode).where(col(OneTimeCode.expires_at) <= now))


def new_log_in_code(session: Session, staff_id: int, now: datetime, minutes: int = 15) -> str:
    """A code that logs the member in once within `minutes`; told here and never again."""
    code = secrets.token_urlsafe(32)
    expires_at = now + timedelta(minutes=minutes)
    session.add(OneTimeCode(code_hash=_hashed(code), purpose="log_in", staff_id=staff_id, expires_at=expires_at))
    session.flush()
    return code


def use_log_in_code(session: Session, code: str, now: datetime) -> int | None:
    """The id of the member whom the code lets in, once; None when it is unknown, used, too old or the account shut."""
    row = OneTimeCode
    usable = (
        col(row.code_hash) == _hashed(code),
        col(row.purpose) == "log_in",
        col(row.used_at).is_(None),
        col(row.expires_at) > now,
    )
    used = session.execute(update(row).where(*usable).values(used_at=now).returning(col(row.staff_id))).scalar()
    return used if used is not None and _is_active(session.get(StaffMember, used)) else None


def _end_all(session: Session, staff_id: int) -> None:
    session.execute(delete(StaffSession).where(col(StaffSession.staff_id) == staff_id))
    session.execute(delete(OneTimeCode).where(col(OneTimeCode.staff_id) == staff_id))


def _is_active(member: StaffMember | None) -> bool:
    return member is not None and member.disabled_at is None and member.committed_on is not None


def _member(session: Session, staff_id: int) -> StaffMember:
    member = session.get(StaffMember, staff_id)
    if member is None:
        raise LookupError(f"no staff member {staff_id}")
    return member


def _id(member: StaffMember) -> int:
    if member.id is None:
        raise LookupError("a member who was never stored has no id")
    return member.id


def _folded(login: str) -> str:
    return unicodedata.normalize("NFC", login.strip()).casefold()


def _composed(password: str) -> str:
    """One form for what keyboards write in two: ä as one sign or as a and dots."""
    return unicodedata.normalize("NFC", password).encode("utf-8", "replace").decode()


def _hashed(secret: str) -> str:
    return sha256(secret.encode("utf-8", "replace")).hexdigest()


def _csrf_token(token: str) -> str:
    """The forms' token follows from the session's, one way: whoever reads one page has not got the cookie."""
    return sha256(b"forms of " + token.encode("utf-8", "replace")).hexdigest()
