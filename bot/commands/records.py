"""`register import|dossier|sample` and `staff add|list|disable`."""

import sys
from datetime import date
from pathlib import Path

from rich.table import Table
from sqlmodel import Session

from bot.commands.ground import Unable, now_utc, opened, out, read
from bot.config import load_settings, resolve
from bot.register_files import DossierRefused, write_dossier, write_sample
from replies.notice import load_notice
from store import staff
from store.database import Database
from store.models import Source, StaffRole
from store.register_import import ImportRefused, import_jsonl

FIRST_LOG_IN_MINUTES = 24 * 60


def import_files(files: list[Path], config: Path, source: str) -> None:
    """Take customers in from JSON Lines; a bad row is named and nothing of its file is kept."""
    if source not in set(Source):
        raise Unable(f"--source {source}: choose one of {', '.join(Source)}")
    with opened(load_settings(config), config) as database:
        for path in files:
            _import_one(database, path, Source(source))


def _import_one(database: Database, path: Path, source: Source) -> None:
    try:
        with path.open("rb") as lines:
            found = database.write_now(
                lambda session: import_jsonl(session, lines, source, now=now_utc(), file=str(path))
            )
    except ImportRefused as refused:
        for problem in refused.problems:
            place = problem.field or "the whole line"
            print(f"{path}, line {problem.line}, {place}: {problem.reason}", file=sys.stderr)
        raise Unable(f"{path}: nothing was imported") from None
    print(f"{path}: {found.customers} customers, {found.contacts} contacts, {found.records} records")


def write_customer_dossier(customer: str, folder: Path, config: Path) -> None:
    """Write the readable PDF and the machine-readable ZIP of an access answer."""
    settings = load_settings(config)
    notice = load_notice(resolve(config, settings.controller.notice))
    with opened(settings, config) as database:
        try:
            for path in write_dossier(database, notice, settings.controller, customer, folder, now_utc()):
                print(path)
        except DossierRefused as refused:
            raise Unable(str(refused)) from None


def write_sample_register(customers: int, folder: Path) -> None:
    """Write a believable synthetic register of any size, ready to import."""
    print(write_sample(customers, folder))


def add_member(
    login: str, name: str, role: StaffRole, committed_on: date | None, telegram_user_id: int | None, config: Path
) -> None:
    """Add a staff member and print a one-time code for their first log-in."""
    settings = load_settings(config)

    def work(session: Session) -> str:
        member_id = staff.add_member(
            session, login=login, name=name, role=role, committed_on=committed_on, now=now_utc()
        )
        if telegram_user_id is not None:
            staff.bind_telegram(session, member_id, telegram_user_id)
        return staff.new_log_in_code(session, member_id, now_utc(), FIRST_LOG_IN_MINUTES)

    with opened(settings, config) as database:
        try:
            code = database.write_now(work)
        except staff.LoginTaken as error:
            raise Unable(f"{login}: {error}; choose another") from None
    print(f"{login} added. First log-in, within 24 hours: {settings.web.public_url}/log-in?code={code}")
    if committed_on is None:
        print("The account stays shut until a confidentiality commitment is recorded (--committed-on).")


def list_members(config: Path) -> None:
    """Print all staff members."""
    table = Table("login", "name", "role", "commitment", "chat", "state")
    for member in read(load_settings(config), config, staff.list_members):
        state = "disabled" if member.disabled_at else "active" if member.committed_on else "no commitment"
        bound = "bound" if member.telegram_user_id else ""
        table.add_row(member.login, member.name, member.role.value, str(member.committed_on or ""), bound, state)
    out.print(table)


def disable_member(login: str, config: Path) -> None:
    """Shut an account at once: its sessions end, its cards no longer count."""
    with opened(load_settings(config), config) as database:
        member = database.read_now(lambda session: staff.find_member(session, login))
        if member is None or member.id is None:
            raise Unable(f"there is no staff member {login}; `kirjaamo staff list` shows them")
        member_id = member.id
        database.write_now(lambda session: staff.disable_member(session, member_id, now_utc()))
    print(f"{login} is disabled")
