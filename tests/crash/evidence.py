"""Everything that the judge joins: what was seen from outside, and the rows; and the figures that it adds up to."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from sqlmodel import Session, SQLModel, select

from mail.spool import PrintSpool
from store.lifecycle import OutboxState
from store.models import Approval, Draft, Event, Message, OutboxRow, RawMessageRow, Ticket
from tests.crash.ledger import Ledger

Row = TypeVar("Row", bound=SQLModel)


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything there is to join: what was seen from outside, and the rows."""

    mail: list[dict[str, Any]]
    relay: list[dict[str, Any]]
    presses: list[dict[str, Any]]
    letters: list[bytes]
    """Octets of all scans that were put into the folder."""
    printed: list[str]
    """Names of the letters as the printer service took them away, in that order."""
    raws: list[RawMessageRow]
    messages: list[Message]
    tickets: dict[int, Ticket]
    drafts: dict[int, Draft]
    approvals: list[Approval]
    outbox: list[OutboxRow]
    events: list[Event]

    def taken(self) -> list[dict[str, Any]]:
        """Mails that the relay has taken, whether or not it could say so."""
        return [one for one in self.relay if one["taken"]]

    def by_message_id(self) -> dict[str, OutboxRow]:
        """The outbox by the Message-ID that goes out."""
        return {row.message_id: row for row in self.outbox}

    def by_letter(self) -> dict[str, OutboxRow]:
        """The outbox by the file name that a letter has in the spool."""
        name_of = PrintSpool(Path()).name_of
        letters = [row for row in self.outbox if row.channel == "letter" and row.ticket_id is not None]
        return {name_of(self.tickets[row.ticket_id or 0].reference, row.message_id): row for row in letters}


def collect(session: Session, folder: Path, letters: list[bytes]) -> Evidence:
    """Read the ledgers in `folder` and all rows."""
    return Evidence(
        mail=list(Ledger(folder / "mail.jsonl")),
        relay=list(Ledger(folder / "relay.jsonl")),
        presses=list(Ledger(folder / "presses.jsonl")),
        letters=letters,
        printed=[line["printed"] for line in Ledger(folder / "printer.jsonl")],
        raws=_all(session, RawMessageRow),
        messages=_all(session, Message),
        tickets={row.id or 0: row for row in _all(session, Ticket)},
        drafts={row.id or 0: row for row in _all(session, Draft)},
        approvals=_all(session, Approval),
        outbox=_all(session, OutboxRow),
        events=sorted(_all(session, Event), key=lambda row: row.seq or 0),
    )


def _all(session: Session, model: type[Row]) -> list[Row]:
    return list(session.exec(select(model)))


def figures_of(evidence: Evidence) -> dict[str, int]:
    """What is printed above the counts."""
    offered = [line for line in evidence.mail if "offered" in line]
    uncertain = [row for row in evidence.outbox if row.state is OutboxState.UNCERTAIN]
    taken = {one["message_id"] for one in evidence.taken()} | {
        row.message_id for name, row in evidence.by_letter().items() if name in evidence.printed
    }
    return {
        "mails offered": len({line["offered"] for line in offered}),
        "acknowledged with 250": len({line["answered"] for line in evidence.mail if line.get("code") == 250}),
        "offered again": len(offered) - len({line["offered"] for line in offered}),
        "letters scanned": len(evidence.letters),
        "stored": len(evidence.raws),
        "tickets": len(evidence.tickets),
        "of these not understood": sum("NOT_UNDERSTOOD" in ticket.flags for ticket in evidence.tickets.values()),
        "approvals pressed": sum("pressed" in line for line in evidence.presses),
        "approved": len(evidence.approvals),
        "replies and receipts taken by the relay": len(evidence.taken()),
        "refused for now by the relay": sum(not one["taken"] for one in evidence.relay),
        "letters printed": len(evidence.printed),
        "uncertain": len(uncertain),
        "of these taken all the same": sum(row.message_id in taken for row in uncertain),
        "failed": sum(row.state is OutboxState.FAILED for row in evidence.outbox),
    }
