"""Joins the ledgers with the database. Every fault is a line of ids; a campaign is clean when there is none."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from typing import Any

from sqlalchemy import text
from sqlmodel import Session

from store import drafts, events
from store.lifecycle import (
    DRAFT_MOVES,
    OUTBOX_MOVES,
    TICKET_MOVES,
    DraftState,
    OutboxState,
    RawState,
    TicketState,
)
from store.models import Approval, OutboxRow
from store.outbox import ACKNOWLEDGEMENTS_A_DAY
from tests.crash.evidence import Evidence, collect, figures_of

FAULTS = (
    "lost",
    "refused for good",
    "duplicate requests",
    "not led on",
    "duplicate answers",
    "duplicate acknowledgements",
    "unapproved",
    "lost approvals",
    "sent but not taken",
    "stuck",
    "illegal states",
    "integrity",
)


@dataclass(slots=True)
class Findings:
    """What the judge found, and the figures of the campaign."""

    faults: dict[str, list[str]] = field(default_factory=lambda: {name: [] for name in FAULTS})
    figures: dict[str, int] = field(default_factory=dict)

    @property
    def is_clean(self) -> bool:
        """Whether nothing at all is wrong."""
        return not any(self.faults.values())

    def counts(self) -> dict[str, int]:
        """How many faults of each kind."""
        return {name: len(found) for name, found in self.faults.items()}


def judge(session: Session, folder: Path, letters: list[bytes]) -> Findings:
    """Every count that must be nought, and the figures to print."""
    evidence = collect(session, folder, letters)
    findings = Findings(figures=figures_of(evidence))
    faults = findings.faults
    _judge_intake(evidence, faults)
    _judge_answers(evidence, faults)
    _judge_approvals(evidence, faults)
    faults["stuck"] += _stuck(evidence)
    faults["illegal states"] += _illegal(evidence)
    faults["integrity"] += _broken(session)
    return findings


def _twice(values: Iterator[Any]) -> list[str]:
    return [f"{value}: {times} times" for value, times in Counter(values).items() if times > 1]


def _judge_intake(evidence: Evidence, faults: dict[str, list[str]]) -> None:
    stored = {raw.sha256 for raw in evidence.raws}
    accepted = {line["sha256"]: line["answered"] for line in evidence.mail if line.get("code") == 250}
    faults["lost"] += [f"mail {number}" for digest, number in accepted.items() if digest not in stored]
    faults["lost"] += [
        f"letter {number}"
        for number, content in enumerate(evidence.letters)
        if sha256(content).hexdigest() not in stored
    ]
    faults["refused for good"] += [f"mail {one['answered']}" for one in evidence.mail if one.get("code", 0) >= 500]
    # Every mail and letter of a campaign is unlike every other.
    faults["duplicate requests"] += _twice(raw.sha256 for raw in evidence.raws)
    inbound = [message for message in evidence.messages if message.direction == "in"]
    faults["duplicate requests"] += _twice(message.raw_id for message in inbound)
    opened = {message.ticket_id for message in inbound if message.joined_by == "opened"}
    faults["duplicate requests"] += [f"ticket {one} without a message" for one in evidence.tickets if one not in opened]
    led = {message.raw_id for message in inbound}
    faults["not led on"] += [
        f"raw {raw.id} {raw.state}" for raw in evidence.raws if raw.state is not RawState.DONE or raw.id not in led
    ]


def _judge_answers(evidence: Evidence, faults: dict[str, list[str]]) -> None:
    rows, letters, taken = evidence.by_message_id(), evidence.by_letter(), evidence.taken()
    faults["duplicate answers"] += _twice(one["message_id"] for one in taken) + _twice(iter(evidence.printed))
    left = [rows[one["message_id"]] for one in taken if one["message_id"] in rows]
    left += [letters[name] for name in evidence.printed if name in letters]
    different = {row.id: row for row in left}.values()
    faults["duplicate answers"] += _twice(f"draft {row.draft_id}" for row in different if row.kind == "reply")
    acknowledged = [row for row in evidence.outbox if row.kind == "acknowledgement"]
    faults["duplicate acknowledgements"] += _twice(f"ticket {row.ticket_id}" for row in acknowledged)
    faults["duplicate acknowledgements"] += _too_many(acknowledged)
    gone = {row.id for row in left}
    faults["sent but not taken"] += [
        f"outbox {row.id}"
        for row in evidence.outbox
        if row.state is OutboxState.SENT and row.id not in gone and row.channel != "chat"
    ]


def _too_many(acknowledged: list[OutboxRow]) -> Iterator[str]:
    """Addresses that got more than the acknowledgements of a day and one summary (INV-7)."""
    by_address: dict[str, list[OutboxRow]] = defaultdict(list)
    for row in sorted(acknowledged, key=lambda row: row.created_at):
        by_address[row.to_address].append(row)
    for rows in by_address.values():
        for first, last in zip(rows, rows[ACKNOWLEDGEMENTS_A_DAY + 1 :], strict=False):
            if last.created_at - first.created_at < timedelta(hours=24):
                yield f"outbox {last.id}: one too many in a day"


def _judge_approvals(evidence: Evidence, faults: dict[str, list[str]]) -> None:
    rows, letters = evidence.by_message_id(), evidence.by_letter()
    pressed = {
        (line["pressed"], line["sha256"], line["to"], line["words"]) for line in evidence.presses if "pressed" in line
    }
    approved = {one.id: one for one in evidence.approvals}
    for mail in evidence.taken():
        row = rows.get(mail["message_id"])
        if row is None or row.to_address != mail["to"]:
            faults["unapproved"].append(f"mail {mail['message_id']} that no row tells of")
        elif row.kind == "reply" and not _is_approved(evidence, row, approved, pressed, mail["words"]):
            faults["unapproved"].append(f"outbox {row.id}")
    for name in evidence.printed:
        row = letters.get(name)
        if row is None or not _is_approved(evidence, row, approved, pressed, None):
            faults["unapproved"].append(f"letter {name}")
    known = {one.draft_id for one in evidence.approvals}
    released = {line["released"] for line in evidence.presses if "released" in line}
    faults["lost approvals"] += [f"draft {draft}" for draft in sorted(released - known)]


def _is_approved(
    evidence: Evidence, row: OutboxRow, approved: dict[int | None, Approval], pressed: set[Any], words: str | None
) -> bool:
    """Whether a person pressed for exactly these words to this recipient, and the approval says the same."""
    draft = evidence.drafts.get(row.draft_id or 0)
    approval = approved.get(row.approval_id)
    if draft is None or approval is None:
        return False
    now = drafts.hash_of(draft, evidence.tickets[draft.ticket_id].customer_id)
    said = {press[3] for press in pressed if press[:3] == (draft.id, approval.sha256, row.to_address)}
    is_said = bool(said) if words is None else words in said
    return is_said and approval.draft_id == draft.id and approval.sha256 == draft.sha256 == now


def _stuck(evidence: Evidence) -> Iterator[str]:
    for row in evidence.outbox:
        if row.state in (OutboxState.APPROVED, OutboxState.SENDING):
            yield f"outbox {row.id} {row.state}"
    ended = {row.draft_id: row.state for row in evidence.outbox if row.kind == "reply"}
    for draft in evidence.drafts.values():
        if draft.state is DraftState.APPROVED and ended.get(draft.id) in (None, OutboxState.SENT):
            yield f"draft {draft.id} approved, its message {ended.get(draft.id)}"


def _illegal(evidence: Evidence) -> Iterator[str]:
    """Replays the audit trail: every move must be in the tables, and lead to the state that the row has now."""
    states: dict[str, dict[int, StrEnum]] = {
        "ticket": defaultdict(lambda: TicketState.NEW),
        "draft": defaultdict(lambda: DraftState.DRAFT),
        "outbox": defaultdict(lambda: OutboxState.APPROVED),
    }
    moves: dict[str, dict[Any, frozenset[Any]]] = {"ticket": TICKET_MOVES, "draft": DRAFT_MOVES, "outbox": OUTBOX_MOVES}
    for line in evidence.events:
        what = line.kind.partition("_")[0]
        if what not in states or not {"from", "to"} <= line.data.keys():
            continue
        row_id = int((line.ticket_id or 0) if what == "ticket" else line.data[what])
        old, new = line.data["from"], line.data["to"]
        if states[what][row_id] != old or new not in moves[what][states[what][row_id]]:
            yield f"{what} {row_id}: {states[what][row_id]} > {new} in line {line.seq}"
        states[what][row_id] = type(states[what][row_id])(new)
    rows: dict[str, list[Any]] = {
        "ticket": list(evidence.tickets.values()),
        "draft": list(evidence.drafts.values()),
        "outbox": list(evidence.outbox),
    }
    for what, all_rows in rows.items():
        for row in all_rows:
            if row.state is not states[what][row.id]:
                yield f"{what} {row.id}: {row.state}, the trail says {states[what][row.id]}"


def _broken(session: Session) -> Iterator[str]:
    checked = session.connection().execute(text("PRAGMA integrity_check")).scalar_one()
    if checked != "ok":
        yield str(checked)
    yield from map(str, session.connection().execute(text("PRAGMA foreign_key_check")).all())
    chain = events.first_broken_link(session)
    if chain.broken_seq is not None:
        yield chain.reason
