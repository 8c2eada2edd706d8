"""The commands of `kirjaamo`: their names, their options, and nothing else.

What each does stands in `bot.commands`, and is loaded only when it is called, so that a small command starts quickly.
What a command cannot do it says in one sentence on standard error, and exits 1.
"""

import io
import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from bot.commands.ground import said_clearly
from store.models import StaffRole

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="The request desk of a small data controller.",
)
database_app = typer.Typer(no_args_is_help=True, help="The database.")
register_app = typer.Typer(no_args_is_help=True, help="The customer register.")
staff_app = typer.Typer(no_args_is_help=True, help="Who may read and approve.")
audit_app = typer.Typer(no_args_is_help=True, help="The audit trail.")
app.add_typer(database_app, name="db")
app.add_typer(register_app, name="register")
app.add_typer(staff_app, name="staff")
app.add_typer(audit_app, name="audit")

Config = Annotated[Path, typer.Option("--config", help="The configuration file.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]
DEFAULT = Path("kirjaamo.toml")


@app.command()
def demo(
    directory: Annotated[Path, typer.Option("--dir", help="Folder of the demo.")] = Path("demo"),
    smtp_port: Annotated[int, typer.Option(help="0 takes any free port.", min=0, max=65535)] = 2525,
    web_port: Annotated[int, typer.Option(help="0 takes any free port.", min=0, max=65535)] = 8080,
) -> None:
    """Run the whole system on embedded parts, feed it sample requests, and keep running."""
    with said_clearly():
        from bot.commands import demonstrating

        demonstrating.demo(directory, smtp_port, web_port)


@app.command()
def serve(config: Config = DEFAULT) -> None:
    """Run the service until it is told to stop (SIGTERM, SIGINT)."""
    with said_clearly():
        from bot.commands import running

        running.serve(config)


@app.command()
def check(config: Config = DEFAULT) -> None:
    """Look at configuration, notice, database, relay, letters and Telegram; one line each, exit 1 with a problem."""
    with said_clearly():
        from bot.commands import checking

        checking.check(config)


@app.command()
def explain(
    files: Annotated[list[Path], typer.Argument(help="Messages as .eml files.")],
    config: Annotated[Path | None, typer.Option("--config", help="Without it, the demo's register.")] = None,
    received_at: Annotated[str | None, typer.Option(help="ISO 8601; now, when left out.")] = None,
    as_json: Json = False,
) -> None:
    """Say what the service would do with a message, and why; nothing is stored or sent."""
    with said_clearly():
        from bot.commands import explaining

        explaining.explain(files, config, received_at, as_json=as_json)


@app.command()
def tickets(config: Config = DEFAULT, as_json: Json = False) -> None:
    """List the tickets, the earliest due date first."""
    with said_clearly():
        from bot.commands import cases

        cases.list_tickets(config, as_json=as_json)


@app.command()
def ticket(
    ticket_id: Annotated[int, typer.Argument(metavar="ID")], config: Config = DEFAULT, as_json: Json = False
) -> None:
    """Show one ticket with its messages, drafts, outbox and events."""
    with said_clearly():
        from bot.commands import cases

        cases.show_ticket(config, ticket_id, as_json=as_json)


@database_app.command("upgrade")
def database_upgrade(config: Config = DEFAULT) -> None:
    """Bring the tables up to this version of the program."""
    with said_clearly():
        from bot.commands import checking

        checking.upgrade_database(config)


@register_app.command("import")
def register_import(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...")],
    config: Config = DEFAULT,
    mapping: Annotated[Path | None, typer.Option(help="Which column is which field; CSV and XLSX need it.")] = None,
    source: Annotated[str, typer.Option(help="Where these values come from.")] = "migration",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")] = False,
    complete: Annotated[bool, typer.Option("--complete", help="End what the file leaves out.")] = False,
    accept_invalid: Annotated[
        bool, typer.Option("--accept-invalid", help="Keep numbers and contacts of a wrong form; no search finds them.")
    ] = False,
) -> None:
    """Take JSON Lines, CSV, XLSX or Finvoice in; a bad row is named and nothing of its file is kept."""
    with said_clearly():
        from bot.commands import importing

        importing.import_files(
            files,
            config,
            source,
            mapping,
            dry_run=dry_run,
            complete=complete,
            accept_invalid=accept_invalid,
        )


@register_app.command("dossier")
def register_dossier(
    customer: Annotated[str, typer.Argument(metavar="CUSTOMER", help="The customer number.")],
    folder: Annotated[Path, typer.Option("--out", help="Folder for the files.")],
    config: Config = DEFAULT,
) -> None:
    """Write everything held about one customer: the readable PDF and the machine-readable ZIP of an access answer."""
    with said_clearly():
        from bot.commands import records

        records.write_customer_dossier(customer, folder, config)


@register_app.command("sample")
def register_sample(
    customers: Annotated[int, typer.Option("--customers", min=1)],
    folder: Annotated[Path, typer.Option("--out", help="Folder for the files.")],
    months: Annotated[
        int | None, typer.Option(min=0, max=1200, help="Monthly readings; 24 for a small register, none for a big one.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Another one makes other people.")] = 1,
) -> None:
    """Write a believable synthetic register of any size: tables with their mapping, and JSON Lines."""
    with said_clearly():
        from bot.commands import records

        records.write_sample_register(customers, folder, months, seed)


@staff_app.command("add")
def staff_add(
    login: Annotated[str, typer.Argument()],
    name: Annotated[str, typer.Option(help="As colleagues know them.")],
    role: Annotated[StaffRole, typer.Option()] = StaffRole.CLERK,
    committed_on: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Date of the signed confidentiality commitment.")
    ] = None,
    telegram_user_id: Annotated[int | None, typer.Option(help="Their numeric user id in the staff chat.")] = None,
    config: Config = DEFAULT,
) -> None:
    """Add a staff member and print a one-time code for their first log-in."""
    with said_clearly():
        from bot.commands import records

        records.add_member(login, name, role, committed_on.date() if committed_on else None, telegram_user_id, config)


@staff_app.command("list")
def staff_list(config: Config = DEFAULT) -> None:
    """List all staff members."""
    with said_clearly():
        from bot.commands import records

        records.list_members(config)


@staff_app.command("code")
def staff_code(login: Annotated[str, typer.Argument()], config: Config = DEFAULT) -> None:
    """Print a fresh one-time log-in code, for a forgotten password or for a member who has none."""
    with said_clearly():
        from bot.commands import records

        records.print_log_in_code(login, config)


@staff_app.command("password")
def staff_password(login: Annotated[str, typer.Argument()], config: Config = DEFAULT) -> None:
    """Set a member's password; asks for it twice without showing it."""
    with said_clearly():
        from bot.commands import records

        records.set_password(login, config)


@staff_app.command("commit")
def staff_commit(
    login: Annotated[str, typer.Argument()],
    on: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="Date of the signature.")],
    config: Config = DEFAULT,
) -> None:
    """Record a member's signed confidentiality commitment, which opens the account."""
    with said_clearly():
        from bot.commands import records

        records.record_commitment(login, on.date(), config)


@staff_app.command("bind")
def staff_bind(
    login: Annotated[str, typer.Argument()],
    telegram_user_id: Annotated[int, typer.Option(help="Their numeric user id in the staff chat.")],
    config: Config = DEFAULT,
) -> None:
    """Bind a member to their account in the staff chat."""
    with said_clearly():
        from bot.commands import records

        records.bind_chat(login, telegram_user_id, config)


@staff_app.command("address")
def staff_address(
    login: Annotated[str, typer.Argument()],
    address: Annotated[str, typer.Option(help="The address they write from; empty takes it away.")],
    config: Config = DEFAULT,
) -> None:
    """Note the address from which a member may write to their own tickets by mail."""
    with said_clearly():
        from bot.commands import records

        records.set_address(login, address, config)


@staff_app.command("disable")
def staff_disable(login: Annotated[str, typer.Argument()], config: Config = DEFAULT) -> None:
    """Shut an account at once: its sessions end, its cards no longer count."""
    with said_clearly():
        from bot.commands import records

        records.disable_member(login, config)


@audit_app.command("verify")
def audit_verify(config: Config = DEFAULT) -> None:
    """Walk the hash chain of all events; name the first broken link, exit 1."""
    with said_clearly():
        from bot.commands import cases

        cases.verify_trail(config)


def main() -> None:
    """The entry point of the installed command. A sign that the terminal cannot show stops nothing."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    app()
