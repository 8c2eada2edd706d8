"""What `kirjaamo check` finds out about each mailbox: whether it can be reached, read and emptied, and what lies there.

It logs in as the service would, looks, and changes nothing.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bot.config import EU_EEA, ConfigError, Settings
from bot.mail_tables import LOOPBACK, ImapTable
from bot.mailboxes import access_of
from mail.imap.access import Access
from mail.imap.connection import Connection, Listed
from mail.imap.ends import ConnectionLost, Denied, LogInRefused
from mail.imap.session import folder_name, junk_folder
from mail.tokens import TokenError

REASONS = {
    "UNREACHABLE": "cannot be reached; look at host, port and the firewall",
    "TLS": "shows no certificate that can be trusted for this name, or offers no TLS; look at tls and certificate_file",
    "CUT": "hangs up; look at port and tls",
    "SILENT": "does not answer in time; look at port and tls",
    "GARBLED": "does not speak IMAP; look at port and tls",
}
MANY = 50
"""Messages in a folder that was never read, from which on it is said that all of them will be taken."""


@dataclass(frozen=True, slots=True)
class Look:
    """One thing found out: in words, and whether a person must act."""

    text: str
    problem: bool = False


async def look_into(settings: Settings, config_path: Path, name: str, known: frozenset[str]) -> list[Look]:
    """All that can be said of one mailbox. `known` names its folders that have been read before."""
    table = settings.imap[name]
    found = [_region(name, table)] if table.host not in LOOPBACK else []
    try:
        access = access_of(name, table, config_path)
    except ConfigError as error:
        return [*found, Look(str(error), problem=True)]
    return [*found, *await asyncio.to_thread(_log_in, access, table, known)]


def _region(name: str, table: ImapTable) -> Look:
    declared = table.region.upper()
    if declared in EU_EEA:
        return Look(f"{table.host}: region {declared}")
    what = f"region {declared} is outside the EU/EEA" if declared else "declares no region"
    return Look(f"{table.host}: {what}; customers' mail lies there, so set [imap.{name}] region", problem=True)


def _log_in(access: Access, table: ImapTable, known: frozenset[str]) -> list[Look]:
    place = f"{access.host}:{access.port}"
    try:
        connection = Connection(access, largest=table.size_limit, is_ended=lambda: False)
    except ConnectionLost as lost:
        return [Look(f"{place} {REASONS.get(lost.reason, REASONS['CUT'])}", problem=True)]
    try:
        connection.log_in()
        return [Look(f"{place} lets us in"), *_folders(connection, table, known)]
    except LogInRefused:
        kind = "token" if access.tokens is not None else "password"
        return [Look(f"{place} refuses the {kind} of [imap] user", problem=True)]
    except TokenError as error:
        return [Look(f"no token is to be had ({error})", problem=True)]
    except (ConnectionLost, Denied) as error:
        return [Look(f"{place} broke off ({error})", problem=True)]
    finally:
        connection.close()


def _folders(connection: Connection, table: ImapTable, known: frozenset[str]) -> Iterator[Look]:
    listed = connection.folders()
    for wanted in table.folders:
        name = folder_name(connection, listed, wanted)
        try:
            count = connection.select(name, to_move=bool(table.done)).count
        except Denied as denied:
            what = "may not be changed" if denied.code == "READ-ONLY" else "is not there"
            yield Look(f"the folder {wanted} {what}", problem=True)
            continue
        more = ""
        if name not in known and count > MANY and table.adopt == "all":
            more = '; every one becomes a ticket, also the old ones. adopt = "new" leaves them'
        yield Look(f"the folder {wanted} holds {count} messages{more}")
    yield _junk(listed, table)
    yield from _done(connection, listed, table)


def _junk(listed: list[Listed], table: ImapTable) -> Look:
    if not table.junk:
        return Look("no junk folder is read: what the filter takes for spam is never seen")
    junk = junk_folder(listed, table.junk)
    if not junk:
        return Look("there is no junk folder")
    is_there = junk in {one.name for one in listed}
    return Look(f"the junk folder is {junk}" if is_there else f"the folder {junk} is not there", problem=not is_there)


def _done(connection: Connection, listed: list[Listed], table: ImapTable) -> Iterator[Look]:
    if not table.done:
        yield Look("messages stay where they are once they are stored")
        return
    if not (connection.can("MOVE") or connection.can("UIDPLUS")):
        yield Look("the server can move no messages safely; they stay where they are once they are stored")
        return
    is_there = folder_name(connection, listed, table.done) in {one.name for one in listed}
    yield Look(f"the folder {table.done} {'is there' if is_there else 'will be made'}")
