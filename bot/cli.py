"""The commands of `kirjaamo`. What a command cannot do it says in one sentence on standard error, and exits 1."""

import asyncio
import contextlib
import json
import signal
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.table import Table
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session

from bot import demo as demonstration
from bot import logs
from bot.app import App, now_utc, preparing_of, store_url, trust_of
from bot.config import ConfigError, Settings, load_settings
from bot.demo import samples
from bot.doctor import examine
from bot.explain import explainer
from bot.register_files import DossierRefused, write_dossier, write_sample
from replies.notice import NoticeError, load_notice
from store import events, listing, staff
from store.database import Database, StoreUnusable
from store.models import Source, StaffRole
from store.ownership import AlreadyServed
from store.register_import import ImportRefused, import_jsonl
from store.schema import require_current, upgrade

T = TypeVar("T")

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
database_app = typer.Typer(no_args_is_help=True, help="The database.")
register_app = typer.Typer(no_args_is_help=True, help="The customer register.")
staff_app = typer.Typer(no_args_is_help=True, help="Who may read and approve.")
audit_app = typer.Typer(no_args_is_help=True, help="The audit trail.")
app.add_typer(database_app, name="db")
app.add_typer(register_app, name="register")
app.add_typer(staff_app, name="staff")
app.add_typer(audit_app, name="audit")

out = Console(width=None if sys.stdout.isatty() else 150)
Config = Annotated[Path, typer.Option("--config", help="The configuration file.")]
DEFAULT_CONFIG = Path("kirjaamo.toml")


@app.command("demo")
def demo_command(
    directory: Annotated[Path, typer.Option("--dir", help="Folder of the demo.")] = Path("demo"),
    smtp_port: Annotated[int, typer.Option(help="0 takes any free port.")] = 2525,
    web_port: Annotated[int, typer.Option(help="0 takes any free port.")] = 8080,
) -> None:
    """Run the whole system on embedded parts, feed it sample requests, and keep running."""
    with _said_clearly():
        logs.configure("WARNING")
        config = demonstration.prepare(directory, smtp_port, web_port)
        asyncio.run(_demo(demonstration.open_app(config), directory))


async def _demo(service: App, directory: Path) -> None:
    stop = _stop_signal()
    async with service.running():
        with out.status("Sending the sample requests through the real doors …"):
            await samples.feed(service, directory)
        today = _today(service.settings)
        tickets = await service.database.read(lambda session: demonstration.account(session, today))
        people = await service.database.write(lambda session: demonstration.log_ins(session, now_utc()))
        out.print(_account_table(tickets))
        url = service.settings.web.public_url
        out.print(f"\nThe desk: [bold]{url}[/]. Log in once with one of these:")
        for person in people:
            out.print(f"  {person.name}: {url}/log-in?code={person.code}", soft_wrap=True)
        if service.smtp is not None:
            out.print(f"\nMail to try: swaks --server 127.0.0.1:{service.smtp.port} --to {samples.OUR_ADDRESS}")
        out.print(
            f"Scans go into {directory / 'scans'}, letters come out in {directory / 'letters'}, mail in "
            f"{directory / 'sent'}.\nEvery other command works with --config {directory / 'kirjaamo.toml'}. "
            "Ctrl-C stops.",
            soft_wrap=True,
        )
        sys.stdout.flush()
        await stop.wait()


@app.command()
def serve(config: Config = DEFAULT_CONFIG) -> None:
    """Run the service until it is told to stop (SIGTERM, SIGINT)."""
    with _said_clearly():
        settings = load_settings(config)
        logs.configure()
        asyncio.run(_serve(App(settings, config)))


async def _serve(service: App) -> None:
    stop = _stop_signal()
    async with service.running():
        await stop.wait()


@app.command()
def check(config: Config = DEFAULT_CONFIG) -> None:
    """Look at configuration, notice, database, relay, letters and Telegram; one line each, exit 1 with a problem."""
    with _said_clearly():
        settings = load_settings(config)
        if asyncio.run(_check(settings, config)):
            raise typer.Exit(1)


async def _check(settings: Settings, config: Path) -> bool:
    failed = False
    async for finding in examine(settings, config):
        failed |= finding.problem
        print(f"{'PROBLEM' if finding.problem else 'ok':8}{finding.place}: {finding.text}")
    return failed


@app.command()
def explain(
    files: Annotated[list[Path], typer.Argument(help="Messages as .eml files.")],
    config: Annotated[Path | None, typer.Option("--config", help="Without it, the demo's register.")] = None,
    received_at: Annotated[str | None, typer.Option(help="ISO 8601; now, when left out.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Say what the service would do with a message, and why; nothing is stored or sent."""
    with _said_clearly():
        logs.configure("ERROR")
        moment = _moment(received_at)
        missing = [str(path) for path in files if not path.is_file()]
        if missing:
            _fail(f"{missing[0]}: there is no such file")
        asyncio.run(_explain(files, config, moment, as_json=as_json))


async def _explain(files: list[Path], config: Path | None, moment: datetime, *, as_json: bool) -> None:
    with demonstration.settings_for(config) as (settings, path):
        notice = load_notice(path.parent / settings.controller.notice)
        url = store_url(settings, path) if config is not None else None
        async with explainer(preparing_of(settings, notice), trust_of(settings), url) as one:
            async for found in one.explain(files, moment):
                print(json.dumps(found, ensure_ascii=False) if as_json else _readable(found))


@app.command("tickets")
def tickets_command(config: Config = DEFAULT_CONFIG, as_json: Annotated[bool, typer.Option("--json")] = False) -> None:
    """List the tickets, the earliest due date first."""
    with _said_clearly():
        settings = load_settings(config)
        found = _read(settings, config, lambda session: listing.list_tickets(session, _today(settings)))
        if as_json:
            for ticket in found:
                print(json.dumps(ticket, ensure_ascii=False))
            return
        table = Table("id", "reference", "state", "kinds", "customer", "identification", "channel", "due", "flags")
        for ticket in found:
            due = f"[red]{ticket['due_at']}[/]" if ticket["overdue"] else ticket["due_at"] or ""
            table.add_row(
                str(ticket["id"]),
                ticket["reference"],
                ticket["state"],
                ", ".join(ticket["kinds"]),
                ticket["customer"] or "",
                ticket["identification"],
                ticket["channel"],
                due,
                ", ".join(ticket["flags"]),
            )
        out.print(table)


@app.command("ticket")
def ticket_command(
    ticket_id: Annotated[int, typer.Argument(metavar="ID")],
    config: Config = DEFAULT_CONFIG,
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Show one ticket with its messages, drafts, outbox and events."""
    with _said_clearly():
        settings = load_settings(config)
        found = _read(settings, config, lambda session: listing.show_ticket(session, ticket_id, _today(settings)))
        if found is None:
            _fail(f"there is no ticket {ticket_id}; `kirjaamo tickets` lists them")
        print(json.dumps(found, ensure_ascii=False, indent=None if as_json else 2))


@database_app.command("upgrade")
def database_upgrade(config: Config = DEFAULT_CONFIG) -> None:
    """Bring the tables up to this version of the program."""
    with _said_clearly(), _opened(load_settings(config), config, current=False) as database:
        upgrade(database)
        print("the tables are current")


@register_app.command("import")
def register_import(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...")],
    config: Config = DEFAULT_CONFIG,
    source: Annotated[str, typer.Option(help="Where these values come from.")] = "migration",
) -> None:
    """Take customers in from JSON Lines; a bad row is named and nothing of its file is kept."""
    with _said_clearly(), _opened(load_settings(config), config) as database:
        for path in files:
            _import_one(database, path, source)


def _import_one(database: Database, path: Path, source: str) -> None:
    if source not in set(Source):
        _fail(f"--source {source}: choose one of {', '.join(Source)}")
    try:
        with path.open("rb") as lines:
            found = database.write_now(
                lambda session: import_jsonl(session, lines, Source(source), now=now_utc(), file=str(path))
            )
    except OSError as error:
        _fail(f"{path}: cannot be read ({error.strerror})")
    except ImportRefused as refused:
        for problem in refused.problems:
            print(
                f"{path}, line {problem.line}, {problem.field or 'the whole line'}: {problem.reason}", file=sys.stderr
            )
        _fail(f"{path}: nothing was imported")
    print(f"{path}: {found.customers} customers, {found.contacts} contacts, {found.records} records")


@register_app.command("dossier")
def register_dossier(
    customer: Annotated[str, typer.Argument(metavar="CUSTOMER", help="The customer number.")],
    folder: Annotated[Path, typer.Option("--out", help="Folder for the files.")],
    config: Config = DEFAULT_CONFIG,
) -> None:
    """Write everything held about one customer: the readable PDF and the machine-readable ZIP of an access answer."""
    with _said_clearly():
        settings = load_settings(config)
        notice = load_notice(config.parent / settings.controller.notice)
        with _opened(settings, config) as database:
            for path in write_dossier(database, notice, settings.controller, customer, folder, now_utc()):
                print(path)


@register_app.command("sample")
def register_sample(
    customers: Annotated[int, typer.Option("--customers", min=1)],
    folder: Annotated[Path, typer.Option("--out", help="Folder for the file.")],
) -> None:
    """Write a believable synthetic register of any size, ready to import."""
    with _said_clearly():
        print(write_sample(customers, folder))


@staff_app.command("add")
def staff_add(
    login: Annotated[str, typer.Argument()],
    name: Annotated[str, typer.Option(help="As colleagues know them.")],
    role: Annotated[StaffRole, typer.Option()] = StaffRole.CLERK,
    committed_on: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Date of the signed confidentiality commitment.")
    ] = None,
    telegram_user_id: Annotated[int | None, typer.Option(help="Their numeric user id in the staff chat.")] = None,
    config: Config = DEFAULT_CONFIG,
) -> None:
    """Add a staff member and print a one-time code for their first log-in."""
    with _said_clearly():
        settings = load_settings(config)

        def work(session: Session) -> str:
            member_id = staff.add_member(
                session,
                login=login,
                name=name,
                role=role,
                password=None,
                committed_on=committed_on.date() if committed_on else None,
                now=now_utc(),
            )
            if telegram_user_id is not None:
                staff.bind_telegram(session, member_id, telegram_user_id)
            return staff.new_log_in_code(session, member_id, now_utc(), 24 * 60)

        with _opened(settings, config) as database:
            code = database.write_now(work)
        print(f"{login} added. First log-in, within 24 hours: {settings.web.public_url}/log-in?code={code}")
        if committed_on is None:
            print("The account stays shut until a confidentiality commitment is recorded (--committed-on).")


@staff_app.command("list")
def staff_list(config: Config = DEFAULT_CONFIG) -> None:
    """List all staff members."""
    with _said_clearly():
        table = Table("login", "name", "role", "commitment", "chat", "state")
        for member in _read(load_settings(config), config, staff.list_members):
            state = "disabled" if member.disabled_at else "active" if member.committed_on else "no commitment"
            table.add_row(
                member.login,
                member.name,
                member.role.value,
                str(member.committed_on or ""),
                "bound" if member.telegram_user_id else "",
                state,
            )
        out.print(table)


@staff_app.command("disable")
def staff_disable(login: Annotated[str, typer.Argument()], config: Config = DEFAULT_CONFIG) -> None:
    """Shut an account at once: its sessions end, its cards no longer count."""
    with _said_clearly(), _opened(load_settings(config), config) as database:
        members = database.read_now(lambda session: {one.login: one.id for one in staff.list_members(session)})
        member_id = members.get(login)
        if member_id is None:
            _fail(f"there is no staff member {login}; `kirjaamo staff list` shows them")
        database.write_now(lambda session: staff.disable_member(session, member_id, now_utc()))
        print(f"{login} is disabled")


@audit_app.command("verify")
def audit_verify(config: Config = DEFAULT_CONFIG) -> None:
    """Walk the hash chain of all events; name the first broken link, exit 1."""
    with _said_clearly():
        found = _read(load_settings(config), config, events.first_broken_link)
        if found.broken_seq is not None:
            _fail(f"the trail is broken: {found.reason}; {found.lines} lines before it are whole")
        print(f"the trail is whole: {found.lines} lines, head {found.head}")


@contextlib.contextmanager
def _said_clearly() -> Iterator[None]:
    """Turn what a person can mend into one sentence on standard error."""
    try:
        yield
    except (ConfigError, NoticeError, StoreUnusable, AlreadyServed, DossierRefused) as error:
        _fail(str(error))
    except OSError as error:
        _fail(_about(error))
    except SQLAlchemyError as error:
        _fail(f"the database refused ({type(error).__name__}); `kirjaamo check` tells more")
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


def _about(error: OSError) -> str:
    return f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror or error)


def _fail(sentence: str) -> NoReturn:
    print(f"kirjaamo: {sentence}", file=sys.stderr)
    raise typer.Exit(1)


@contextlib.contextmanager
def _opened(settings: Settings, path: Path, *, current: bool = True) -> Iterator[Database]:
    database = Database(store_url(settings, path))
    try:
        if current:
            require_current(database)
        yield database
    finally:
        database.close()


def _read(settings: Settings, path: Path, work: Callable[[Session], T]) -> T:
    with _opened(settings, path) as database:
        return database.read_now(work)


def _stop_signal() -> asyncio.Event:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop


def _today(settings: Settings) -> date:
    return now_utc().astimezone(ZoneInfo(settings.controller.time_zone)).date()


def _moment(text: str | None) -> datetime:
    if text is None:
        return now_utc()
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        _fail(f"--received-at {text}: write it as 2026-11-22T10:00:00+02:00")
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _account_table(tickets: list[dict[str, Any]]) -> Table:
    table = Table("ticket", "came by", "who, how sure", "asks for", "due", "receipt", "draft", title="What happened")
    for ticket in tickets:
        drafts = [f"{one['template']} → {_where(one)}" for one in ticket["drafts"]]
        receipts = [one for one in ticket["outbox"] if one["kind"] == "acknowledgement"]
        table.add_row(
            f"{ticket['reference']}",
            f"{ticket['channel']}, {ticket['language']}",
            f"{ticket['customer'] or 'nobody known'}, {ticket['identification']}",
            ", ".join(ticket["kinds"]),
            ticket["due_at"] or "",
            receipts[0]["state"] if receipts else "none",
            "\n".join(drafts) or "for staff to write",
        )
    return table


def _where(draft: dict[str, Any]) -> str:
    kind = {"email": "e-mail on file", "postal": "letter to the address on file", "sender": "back to the sender"}
    data = "with data" if draft["holds_data"] else "no data"
    return f"{kind[draft['recipient']['kind']]}, {data}"


def _readable(found: dict[str, Any]) -> str:
    draft = found["draft"]
    who = found["identification"]
    lines = [
        found["file"],
        f"  subject         {found['message']['subject']}",
        f"  from            {found['message']['from_address'] or 'no address we can be sure of'}",
        f"  automatic       {found['automatic']['kind']} {' '.join(found['automatic']['reasons'])}",
        f"  authentication  {found['authentication']['verdict']} {' '.join(found['authentication']['reasons'])}",
        f"  identification  {who['level']} {who['customer'] or ''} {' '.join(who['reasons'])}",
        *(
            f"  asks for        {one['type']} ({one['confidence']:.2f}) {' '.join(one['reasons'])}"
            for one in found["requests"]
        ),
        f"  due             {found['due_at'] or 'no statutory date'}",
        f"  ticket          {found['ticket']}",
        f"  acknowledgement {found['acknowledgement']['to'] or 'none'}",
        f"  draft           {draft['template'] + ' → ' + draft['recipient']['kind'] if draft else 'none'}",
        f"  flags           {' '.join(found['flags'])}",
    ]
    return "\n".join(lines)


def main() -> None:
    """The entry point of the installed command."""
    app()
