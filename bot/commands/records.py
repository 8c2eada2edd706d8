"""`register dossier|sample` and `staff add|list|code|password|commit|bind|disable`."""

import re
import resource
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TypeVar

import typer
from rich.table import Table
from sqlmodel import Session

from bot.commands.ground import Unable, now_utc, opened, out, read
from bot.config import load_settings, resolve
from bot.dossier_files import DossierRefused, write_dossier
from bot.register_files import MANY, write_sample
from replies.notice import load_notice
from store import events, staff
from store.models import StaffRole

T = TypeVar("T")

LOG_IN_MINUTES = 24 * 60
"""How long a one-time code lasts."""


def _event(session: Session, kind: str, **data: object) -> None:
    events.append(session, at=now_utc(), actor="cli", kind=kind, data=data)


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


def write_sample_register(customers: int, folder: Path, months: int | None, seed: int) -> None:
    """Write a believable synthetic register of any size, ready to import; say what it took."""
    began = time.monotonic()
    if months is None:
        months = 24 if customers <= MANY else 0
    for path in write_sample(customers, folder, months=months, seed=seed):
        print(path)
    took, memory = time.monotonic() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"{customers} customers in {took:.1f} s, with {memory} MiB of memory at the most")
    print(f"to import them: kirjaamo register import {folder}/*.csv --mapping {folder}/mapping.toml")


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
        _event(session, "staff_added", staff=member_id, role=role.value, committed=committed_on is not None)
        return staff.new_log_in_code(session, member_id, now_utc(), LOG_IN_MINUTES)

    with opened(settings, config) as database:
        try:
            code = database.write_now(work)
        except staff.LoginTaken as error:
            raise Unable(f"{login}: {error}; choose another") from None
    print(f"{login} added. First log-in, within 24 hours: {settings.web.public_url}/log-in?code={code}")
    if committed_on is None:
        print("The account stays shut until a confidentiality commitment is recorded (`kirjaamo staff commit`).")


def print_log_in_code(login: str, config: Path) -> None:
    """Print a fresh one-time code: for a forgotten password, or for a member who has none."""
    settings = load_settings(config)

    def work(session: Session, member_id: int) -> str:
        _event(session, "staff_code_made", staff=member_id)
        return staff.new_log_in_code(session, member_id, now_utc(), LOG_IN_MINUTES)

    code = _on_member(login, config, work)
    print(f"Log-in of {login}, once, within 24 hours: {settings.web.public_url}/log-in?code={code}")


def set_password(login: str, config: Path) -> None:
    """Ask for a new password twice, without showing it, and keep its hash."""
    password = typer.prompt("New password", hide_input=True, confirmation_prompt="Once more")
    try:
        hashed = staff.hash_password(password)
    except staff.WeakPassword as error:
        raise Unable(f"{error}") from None

    def work(session: Session, member_id: int) -> None:
        staff.set_password(session, member_id, hashed)
        _event(session, "staff_password_set", staff=member_id)

    _on_member(login, config, work)
    print(f"{login} has a new password")


def record_commitment(login: str, committed_on: date, config: Path) -> None:
    """Record the signed confidentiality commitment: from then on the account is open (the notice, section 9)."""

    def work(session: Session, member_id: int) -> None:
        staff.record_commitment(session, member_id, committed_on)
        _event(session, "staff_committed", staff=member_id, committed_on=committed_on.isoformat())

    _on_member(login, config, work)
    print(f"the commitment of {login} is recorded")


def bind_chat(login: str, telegram_user_id: int, config: Path) -> None:
    """Bind a member to their account in the staff chat."""

    def work(session: Session, member_id: int) -> None:
        staff.bind_telegram(session, member_id, telegram_user_id)
        _event(session, "staff_chat_bound", staff=member_id)

    _on_member(login, config, work)
    print(f"{login} is bound to the chat account")


def set_address(login: str, address: str, config: Path) -> None:
    """Note the address from which a member may write to their tickets by mail; empty takes it away."""
    if address and not re.fullmatch(r"[^@\s<>]+@[^@\s<>]+", address):
        raise Unable("give a bare address, such as maija@lampo.test")

    def work(session: Session, member_id: int) -> None:
        staff.set_email(session, member_id, address)
        _event(session, "staff_address_set", staff=member_id)

    _on_member(login, config, work)
    print(f"{login} writes from {address}" if address else f"{login} has no address")


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

    def work(session: Session, member_id: int) -> None:
        staff.disable_member(session, member_id, now_utc())
        _event(session, "staff_disabled", staff=member_id)

    _on_member(login, config, work)
    print(f"{login} is disabled")


def _on_member(login: str, config: Path, work: Callable[[Session, int], T]) -> T:
    """Do something for the member with this login, in one transaction."""

    def for_member(session: Session) -> T:
        member = staff.find_member(session, login)
        if member is None or member.id is None:
            raise Unable(f"there is no staff member {login}; `kirjaamo staff list` shows them")
        return work(session, member.id)

    with opened(load_settings(config), config) as database:
        return database.write_now(for_member)
