"""`kirjaamo demo`: the whole service on embedded parts, fed with sample requests through its real doors.

The folder it makes is an installation like any other: `kirjaamo.toml`, `notice.toml`, the database, a scan folder, a
Maildir that stands for the relay, a print spool. Every other command works on it with `--config`. Started again on the
same folder it goes on where it stopped; the samples, being the same bytes, are known and not entered twice.
"""

import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from importlib.resources import as_file, files
from pathlib import Path

from sqlmodel import Session

from bot.app import App
from bot.config import Settings, load_settings
from store import listing, staff
from store.database import Database
from store.models import StaffRole
from store.sample import load_sample
from store.schema import upgrade

CUSTOMERS = 40
CODE_MINUTES = 12 * 60
PEOPLE = (("dora", "Dora Demonen"), ("emil", "Emil Demonen"))


@dataclass(frozen=True, slots=True)
class LogIn:
    """A staff member of the demo and the one-time code that lets them in."""

    name: str
    code: str


def prepare(folder: Path, smtp_port: int, web_port: int) -> Path:
    """Make the folder an installation, or leave it as it is but for the ports; returns the configuration's path."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("scans", "letters", "sent", "chat"):
        (folder / name).mkdir(exist_ok=True)
    config = folder / "kirjaamo.toml"
    web = web_port or _free_port()
    config.write_text(_config(smtp_port or _free_port(), web), "utf-8")
    notice = folder / "notice.toml"
    if not notice.exists():
        with as_file(files("replies").joinpath("demo/notice.toml")) as source:
            shutil.copyfile(source, notice)
    database = Database(f"sqlite:///{folder / 'kirjaamo.db'}")
    try:
        upgrade(database)
        if not database.read_now(_has_staff):
            load_sample(database, CUSTOMERS)
            database.write_now(add_people)
    finally:
        database.close()
    return config


def open_app(config: Path) -> App:
    """The service of a prepared folder."""
    return App(load_settings(config), config)


def log_ins(session: Session, now: datetime) -> list[LogIn]:
    """A fresh one-time code for each of the demo's people."""
    members = {member.login: member for member in staff.list_members(session)}
    return [
        LogIn(name, staff.new_log_in_code(session, members[login].id or 0, now, CODE_MINUTES))
        for login, name in PEOPLE
        if login in members
    ]


def account(session: Session, today: date) -> list[dict[str, object]]:
    """What happened to each request, for the table that the demo prints."""
    shown = []
    for ticket in listing.list_tickets(session, today):
        whole = listing.show_ticket(session, ticket["id"], today)
        if whole is not None:
            shown.append(whole)
    return sorted(shown, key=lambda ticket: ticket["id"])


def _has_staff(session: Session) -> bool:
    return bool(staff.list_members(session))


def add_people(session: Session) -> None:
    """Add the two people who may approve in the demo."""
    now = datetime.now(UTC)
    for login, name in PEOPLE:
        staff.add_member(
            session,
            login=login,
            name=name,
            role=StaffRole.APPROVER,
            password=None,
            committed_on=(now - timedelta(days=1)).date(),
            now=now,
        )


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    return port


def _config(smtp_port: int, web_port: int) -> str:
    template = files("bot.demo").joinpath("kirjaamo.toml").read_text("utf-8")
    return template.replace("127.0.0.1:2525", f"127.0.0.1:{smtp_port}").replace(
        "127.0.0.1:8080", f"127.0.0.1:{web_port}"
    )


@contextmanager
def settings_for(config: Path | None) -> Iterator[tuple[Settings, Path]]:
    """The settings of `config`, or the demo's own in a folder that goes away again, for `explain`."""
    if config is not None:
        yield load_settings(config), config
        return
    with tempfile.TemporaryDirectory(prefix="kirjaamo-") as folder:
        path = Path(folder) / "kirjaamo.toml"
        path.write_text(_config(2525, 8080), "utf-8")
        with as_file(files("replies").joinpath("demo/notice.toml")) as source:
            shutil.copyfile(source, path.parent / "notice.toml")
        yield load_settings(path), path
