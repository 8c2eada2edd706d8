"""`demo`, `serve`, `check`, `db upgrade`: the service itself."""

import asyncio
import signal
import sys
from pathlib import Path
from typing import Any

import typer
from rich.table import Table

from bot import demo as demonstration
from bot import logs
from bot.app import App
from bot.commands.ground import Unable, now_utc, opened, out, today
from bot.config import Settings, load_settings
from bot.demo import samples
from bot.doctor import examine
from store.schema import upgrade


def demo(directory: Path, smtp_port: int, web_port: int) -> None:
    """Run the whole system on embedded parts, feed it sample requests, and keep running."""
    logs.configure("WARNING")
    config = demonstration.prepare(directory, smtp_port, web_port)
    asyncio.run(_demo(demonstration.open_app(config), directory))


async def _demo(service: App, directory: Path) -> None:
    stop = _stop_signal()
    async with service.running():
        with out.status("Sending the sample requests through the real doors …"):
            await samples.feed(service, directory)
        day = today(service.settings)
        tickets = await service.database.read(lambda session: demonstration.account(session, day))
        people = await service.database.write(lambda session: demonstration.log_ins(session, now_utc()))
        out.print(_account_table(tickets))
        url = service.settings.web.public_url
        out.print(f"\nThe desk: [bold]{url}[/]. Log in once with one of these:")
        for person in people:
            out.print(f"  {person.name}: {url}/log-in?code={person.code}", soft_wrap=True)
        if service.smtp is not None:
            out.print(
                f"\nMail to try: swaks --server 127.0.0.1:{service.smtp.port} "
                f"--from joku@muualta.test --to {samples.OUR_ADDRESS}",
                soft_wrap=True,
            )
        out.print(
            f"Scans go into {directory / 'scans'}, letters come out in {directory / 'letters'}, mail in "
            f"{directory / 'sent'}.\nEvery other command works with --config {directory / 'kirjaamo.toml'}. "
            "Ctrl-C stops.",
            soft_wrap=True,
        )
        sys.stdout.flush()
        await stop.wait()


def serve(config: Path) -> None:
    """Run the service until SIGTERM or SIGINT."""
    settings = load_settings(config)
    logs.configure()
    asyncio.run(_serve(App(settings, config)))


async def _serve(service: App) -> None:
    stop = _stop_signal()
    async with service.running():
        await _either(stop, service.lost)
    if service.lost.is_set():
        raise Unable("the right to serve this database was lost; start the service again")


async def _either(*events: asyncio.Event) -> None:
    waits = [asyncio.create_task(event.wait()) for event in events]
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()


def check(config: Path) -> None:
    """Print the doctor's findings; exit 1 when one is a problem."""
    if asyncio.run(_check(load_settings(config), config)):
        raise typer.Exit(1)


async def _check(settings: Settings, config: Path) -> bool:
    failed = False
    async for finding in examine(settings, config):
        failed |= finding.problem
        print(f"{'PROBLEM' if finding.problem else 'ok':8}{finding.place}: {finding.text}")
    return failed


def upgrade_database(config: Path) -> None:
    """Bring the tables up to this version of the program."""
    with opened(load_settings(config), config, current=False) as database:
        upgrade(database)
    print("the tables are current")


def _stop_signal() -> asyncio.Event:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop


def _account_table(tickets: list[dict[str, Any]]) -> Table:
    table = Table("ticket", "came by", "who, how sure", "asks for", "due", "receipt", "draft", title="What happened")
    for ticket in tickets:
        receipts = [one for one in ticket["outbox"] if one["kind"] == "acknowledgement"]
        table.add_row(
            ticket["reference"],
            f"{ticket['channel']}, {ticket['language']}",
            f"{ticket['customer'] or 'nobody known'}, {ticket['identification']}",
            ", ".join(ticket["kinds"]),
            ticket["due_at"] or "",
            receipts[0]["state"] if receipts else "none",
            "\n".join(f"{one['template']} → {_where(one)}" for one in ticket["drafts"]) or "for staff to write",
        )
    return table


def _where(draft: dict[str, Any]) -> str:
    if not draft["recipient"]["value"]:
        return "nowhere yet, no data"
    places = {"email": "e-mail on file", "postal": "letter to the address on file", "sender": "back to the sender"}
    return f"{places[draft['recipient']['kind']]}, {'with data' if draft['holds_data'] else 'no data'}"
