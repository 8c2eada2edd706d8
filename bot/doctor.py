"""`kirjaamo check`: everything that can be known before the doors open, one clear line per problem.

The notice promises that nothing leaves the EU/EEA (its section 8). So every host that personal data goes to is listed
with its declared region, and an undeclared or outside one is a problem; loopback is the controller's own machine.
Telegram gets cards without personal data, and customers' own messages only when the notice names it.
"""

import asyncio
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import make_url
from sqlalchemy.exc import SQLAlchemyError

from bot.commands.ground import Unable, read, store_url
from bot.config import EU_EEA, ConfigError, Settings, read_secret, resolve
from bot.origins import look_at_origins
from bot.settled import notice_of
from mail.ocr import missing_languages
from replies.notice import NoticeError, gaps
from store import mailboxes
from store.database import Database, StoreUnusable
from store.mailboxes import FolderBalance
from store.schema import require_current

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
CONNECT_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor's report."""

    place: str
    text: str
    problem: bool


async def examine(settings: Settings, config_path: Path) -> AsyncIterator[Finding]:
    """All findings, in the order of the configuration's tables."""
    yield Finding("config", f"{config_path} is complete", problem=False)
    yield _notice(settings, config_path)
    for gap in _gaps(settings, config_path):
        yield Finding("notice", f"lacks: {gap}", problem=False)
    yield _database(settings, config_path)
    async for finding in _mailboxes(settings, config_path):
        yield finding
    for one in await asyncio.to_thread(look_at_origins, settings, config_path):
        yield Finding(one.door, one.text, problem=one.problem)
    async for finding in _relay(settings, config_path):
        yield finding
    yield _canary(settings)
    for finding in _letters(settings, config_path):
        yield finding
    for finding in _telegram(settings, config_path):
        yield finding


def _notice(settings: Settings, path: Path) -> Finding:
    try:
        notice = notice_of(settings, path)
    except (NoticeError, ConfigError) as error:
        return Finding("notice", str(error), problem=True)
    return Finding("notice", f"version {notice.version}, {notice.fingerprint}", problem=False)


def _gaps(settings: Settings, path: Path) -> tuple[str, ...]:
    try:
        return gaps(notice_of(settings, path))
    except (NoticeError, ConfigError):
        return ()


def _database(settings: Settings, path: Path) -> Finding:
    url = store_url(settings, path)
    backend = make_url(url).get_backend_name()
    file = url.removeprefix("sqlite:///")
    if file != url and not Path(file).exists():
        return Finding("store", f"{file}: there is no database yet; `kirjaamo db upgrade` makes it", problem=True)
    database = Database(url)
    try:
        database.open()
        require_current(database)
    except (StoreUnusable, SQLAlchemyError) as error:
        text = str(error) if isinstance(error, StoreUnusable) else "the database does not answer as it should"
        return Finding("store", text, problem=True)
    finally:
        database.close()
    host = make_url(url).host
    region = "this machine" if not host or host in LOOPBACK else "declared by you in [store] url"
    return Finding("store", f"{backend} answers, tables are current, region: {region}", problem=False)


async def _mailboxes(settings: Settings, path: Path) -> AsyncIterator[Finding]:
    if not settings.imap:
        return
    from bot.mailbox_doctor import look_into  # noqa: PLC0415 - loads the client library

    balances = _balances(settings, path)
    for name in settings.imap:
        mine = [one for one in balances if one.mailbox == name]
        for look in await look_into(settings, path, name, frozenset(one.folder for one in mine)):
            yield Finding(f"imap.{name}", look.text, problem=look.problem)
        for one in mine:
            for reason, count in one.parked:
                text = f"{one.folder}: {count} messages cannot be taken ({reason}): look at them by hand"
                yield Finding(f"imap.{name}", text, problem=True)


def _balances(settings: Settings, path: Path) -> list[FolderBalance]:
    """How the mailboxes' accounts stand; none while the database cannot be read, which is said elsewhere."""
    try:
        return read(settings, path, mailboxes.balance)
    except (Unable, StoreUnusable, SQLAlchemyError):
        return []


async def _relay(settings: Settings, path: Path) -> AsyncIterator[Finding]:
    table = settings.relay
    if table.maildir is not None:
        yield Finding(
            "relay", f"writes into the Maildir {resolve(path, table.maildir)}; nothing is sent", problem=False
        )
        return
    try:
        read_secret(path, table.password, table.password_file, "[relay] password_file")
    except ConfigError as error:
        yield Finding("relay", str(error), problem=True)
    if table.host not in LOOPBACK:
        declared = table.region.upper()
        if declared not in EU_EEA:
            what = f"region {declared} is outside the EU/EEA" if declared else "declares no region"
            text = f"{table.host}: {what}; replies with personal data leave through it, so set [relay] region"
            yield Finding("relay", text, problem=True)
        else:
            yield Finding("relay", f"{table.host}: region {declared}", problem=False)
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            _, writer = await asyncio.open_connection(table.host, table.port)
            writer.close()
    except (OSError, TimeoutError) as error:
        text = f"{table.host}:{table.port} cannot be reached ({type(error).__name__})"
        yield Finding("relay", text, problem=True)
    else:
        yield Finding("relay", f"{table.host}:{table.port} answers", problem=False)


def _canary(settings: Settings) -> Finding:
    if settings.canary is None:
        text = "off: nothing would tell that mail no longer comes in; set [canary] address"
        return Finding("canary", text, problem=False)
    if settings.relay.maildir is not None:
        text = "cannot come back from the Maildir of [relay]: leave [canary] out, or name a submission server"
        return Finding("canary", text, problem=True)
    if not settings.controller.digest_addresses:
        return Finding("canary", "nobody is written to; set [controller] digest_addresses", problem=False)
    return Finding("canary", f"every {settings.canary.every_minutes} minutes", problem=False)


def _letters(settings: Settings, path: Path) -> list[Finding]:
    if settings.letters is None:
        return []
    found = []
    for name, folder in (("scans", settings.letters.scans), ("spool", settings.letters.spool)):
        place = resolve(path, folder)
        if not place.is_dir():
            found.append(Finding("letters", f"{name}: the folder {place} is not there; make it", problem=True))
    missing = missing_languages()
    if missing:
        text = f"text recognition lacks {', '.join(missing)}; install the tesseract language packages"
        found.append(Finding("letters", text, problem=True))
    return found or [Finding("letters", "folders and text recognition are there", problem=False)]


def _telegram(settings: Settings, path: Path) -> list[Finding]:
    table = settings.telegram
    if table is None:
        return []
    if table.rehearsal is not None:
        return [Finding("telegram", "rehearsal: nothing reaches the network", problem=False)]
    try:
        token = read_secret(path, table.token, table.token_file, "[telegram] token_file")
    except ConfigError as error:
        return [Finding("telegram", str(error), problem=True)]
    if not token:
        return [Finding("telegram", "there is no token; name a token_file", problem=True)]
    host = table.api.partition("://")[2].partition("/")[0].partition(":")[0]
    found = [Finding("telegram", f"{host}: region outside the EU/EEA; cards hold no personal data", problem=False)]
    try:
        socket.getaddrinfo(host, 443)
    except OSError:
        found.append(Finding("telegram", f"{host} cannot be found", problem=True))
    return found
