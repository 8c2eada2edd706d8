"""`tickets`, `ticket`, `audit verify`: what has come in and what became of it."""

import json
from pathlib import Path

from rich.table import Table

from bot.commands.ground import Unable, out, read, say, today
from bot.config import load_settings
from store import events, listing


def list_tickets(config: Path, *, as_json: bool) -> None:
    """Print all tickets, the earliest due date first."""
    settings = load_settings(config)
    found = read(settings, config, lambda session: listing.list_tickets(session, today(settings)))
    if as_json:
        for ticket in found:
            say(ticket)
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


def show_ticket(config: Path, ticket_id: int, *, as_json: bool) -> None:
    """Print one ticket with its messages, drafts, outbox and events."""
    settings = load_settings(config)
    found = read(settings, config, lambda session: listing.show_ticket(session, ticket_id, today(settings)))
    if found is None:
        raise Unable(f"there is no ticket {ticket_id}; `kirjaamo tickets` lists them")
    if as_json:
        say(found)
    else:
        print(json.dumps(found, ensure_ascii=False, indent=2))


def verify_trail(config: Path) -> None:
    """Walk the hash chain of all events; name the first broken link."""
    found = read(load_settings(config), config, events.first_broken_link)
    if found.broken_seq is not None:
        raise Unable(f"the trail is broken: {found.reason}; {found.lines} lines before it are whole")
    print(f"the trail is whole: {found.lines} lines, head {found.head}")
