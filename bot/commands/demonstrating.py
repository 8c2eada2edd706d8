"""`demo`: the service on embedded parts, fed with samples, and a readable account of what became of each."""

import asyncio
import sys
from pathlib import Path
from typing import Any

from rich.table import Table

from bot import demo as demonstration
from bot import logs
from bot.app import App
from bot.commands.ground import now_utc, out, today
from bot.commands.running import stop_signal
from bot.demo import samples


def demo(directory: Path, smtp_port: int, web_port: int) -> None:
    """Run the whole system on embedded parts, feed it sample requests, and keep running."""
    logs.configure("WARNING")
    config = demonstration.prepare(directory, smtp_port, web_port)
    asyncio.run(_demo(demonstration.open_app(config), directory))


async def _demo(service: App, directory: Path) -> None:
    stop = stop_signal()
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
