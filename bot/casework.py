"""All other acts of staff on a ticket: take, note, close, reopen, decide an uncertain sending, rescue from quarantine.

Like approval, each act is one transaction that reads everything again, moves states by compare-and-set, and writes its
event; what cannot be done raises `Refused` with the key of a sentence.
"""

from collections.abc import Callable
from datetime import datetime
from hashlib import sha256
from typing import Literal

from sqlmodel import Session

from bot.rules.deadlines import due_on, receipt_date, target_on
from bot.staff import MAY_WORK, Refused, entitled
from replies.draft import Words
from store import departures, drafts, events, outbox, returns, searches, tickets
from store.database import Database
from store.lifecycle import DraftState, OutboxState, Resolution, TicketState
from store.models import (
    Draft,
    Message,
    OutboxRow,
    RecipientKind,
    Request,
    RequestKind,
    SearchTask,
    StaffMember,
    Ticket,
)
from store.recipients import reply_to
from store.searches import Outcome

MIN_ADDRESS_LINES = 3
MAX_ADDRESS_LINES = 7
"""Name, street, town at the least; what an envelope's window shows at the most."""

RESCUED_TARGET_DAYS = 1
"""Working days: what was in quarantine has waited."""
ANSWERED_IN = frozenset({"fi", "sv", "en"})

UncertainVerdict = Literal["sent", "again", "withdraw"]


FirstWords = Callable[[Ticket, Request], Words]
"""The frame of a reply that a person will write: greeting, signature, reference; no register data."""


class Casework:
    """The acts of staff on a ticket, draft approval apart."""

    def __init__(
        self,
        *,
        database: Database,
        clock: Callable[[], datetime],
        first_words: FirstWords,
        time_zone: str = "Europe/Helsinki",
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        """`first_words` gives what a reply begins with; `wake` tells the pipeline that something may be due."""
        self._time_zone = time_zone
        self._database = database
        self._clock = clock
        self._first_words = first_words
        self._wake = wake

    async def take(self, staff_id: int, ticket_id: int) -> None:
        """Make the ticket one's own."""

        def work(session: Session) -> None:
            ticket = _worked_on(session, staff_id, ticket_id)
            _change(session, ticket, assigned_to=staff_id)
            self._event(session, staff_id, "ticket_taken", ticket_id)

        await self._act(work)

    async def note(self, staff_id: int, ticket_id: int, text: str) -> None:
        """Add an internal note: staff see it, the customer does not, unless the customer asks for all that is held."""
        if not text.strip():
            raise Refused("empty_text")

        def work(session: Session) -> None:
            ticket = _worked_on(session, staff_id, ticket_id)
            now = self._clock()
            note = Message(
                ticket_id=ticket.id,
                direction="note",
                channel="desk",
                text=text.strip(),
                new_text=text.strip(),
                received_at=now,
                sha256=sha256(text.encode()).hexdigest(),
                joined_by="staff",
                details={"staff_id": staff_id},
            )
            session.add(note)
            session.flush()
            self._event(session, staff_id, "note_added", ticket_id, message=note.id)

        await self._act(work)

    async def close(self, staff_id: int, ticket_id: int, version: int, resolution: Resolution, note: str = "") -> None:
        """End the ticket and its open requests. A draft that waits is withdrawn with it.

        Refused while an approved reply may still leave, or may have left: first it is undone, sent, or decided on.
        """

        def work(session: Session) -> None:
            now = self._clock()
            actor = f"staff:{staff_id}"
            ticket = _worked_on(session, staff_id, ticket_id)
            if ticket.version != version or ticket.state is TicketState.CLOSED:
                raise Refused("out_of_turn", state=ticket.state.value)
            if departures.replies_under_way(session, ticket_id):
                raise Refused("reply_under_way")
            for request in tickets.open_requests(session, ticket_id):
                for draft in drafts.live_drafts(session, tickets.id_of(request.id)):
                    drafts.move(session, draft, DraftState.SUPERSEDED, actor=actor, at=now)
                tickets.end_request(session, tickets.id_of(request.id), resolution)
            values = {"resolution": resolution, "due_on": None, "target_on": None, "quarantined": False}
            if not tickets.move(session, ticket, TicketState.CLOSED, actor=actor, at=now, **values):
                raise Refused("out_of_turn", state=ticket.state.value)

        await self._act(work)
        if note.strip():
            await self.note(staff_id, ticket_id, note)

    async def reopen(self, staff_id: int, ticket_id: int, version: int) -> None:
        """Open a closed or answered ticket again. Ended requests stay ended; their clocks do not start anew."""

        def work(session: Session) -> None:
            ticket = _worked_on(session, staff_id, ticket_id)
            if ticket.version != version or ticket.state not in {TicketState.CLOSED, TicketState.ANSWERED}:
                raise Refused("out_of_turn", state=ticket.state.value)
            actor = f"staff:{staff_id}"
            if not tickets.move(session, ticket, TicketState.OPEN, actor=actor, at=self._clock(), resolution=None):
                raise Refused("out_of_turn", state=ticket.state.value)

        await self._act(work)

    async def rescue(self, staff_id: int, ticket_id: int) -> None:
        """Take a ticket out of quarantine: a person says that it is a customer's."""

        def work(session: Session) -> None:
            ticket = _worked_on(session, staff_id, ticket_id)
            if not ticket.quarantined:
                raise Refused("out_of_turn", state=ticket.state.value)
            _change(session, ticket, quarantined=False)
            self._event(session, staff_id, "ticket_rescued", ticket_id)
            if not tickets.open_requests(session, ticket_id):
                self._add_plain_request(session, ticket)
            dates = tickets.earliest_dates(tickets.open_requests(session, ticket_id))
            if ticket.state is TicketState.NEW:
                actor = f"staff:{staff_id}"
                tickets.move(session, ticket, TicketState.OPEN, actor=actor, at=self._clock(), **dates)

        await self._act(work)

    async def decide_uncertain(self, staff_id: int, outbox_id: int, verdict: UncertainVerdict) -> None:
        """Say what became of a sending whose outcome is unknown, after looking at the relay's log (INV-9)."""

        def work(session: Session) -> None:
            now = self._clock()
            actor = f"staff:{staff_id}"
            entitled(session.get(StaffMember, staff_id), MAY_WORK)
            row = session.get(OutboxRow, outbox_id)
            if row is None:
                raise Refused("no_such_draft")
            if row.state not in {OutboxState.UNCERTAIN, OutboxState.FAILED}:
                raise Refused("out_of_turn", state=row.state.value)
            if verdict == "sent" and row.state is OutboxState.UNCERTAIN:
                done = outbox.move(session, row, OutboxState.SENT, actor=actor, at=now, sent_at=now)
                departures.record_sent_reply(session, row, actor=actor, at=now)
            elif verdict == "again":
                done = outbox.move(session, row, OutboxState.APPROVED, actor=actor, at=now, next_attempt_at=now)
            elif verdict == "withdraw":
                done = outbox.move(session, row, OutboxState.WITHDRAWN, actor=actor, at=now)
                departures.record_withdrawn_reply(session, row, actor=actor, at=now)
            else:
                done = False
            if not done:
                raise Refused("out_of_turn", state=row.state.value)

        await self._act(work)

    async def trust_address(self, staff_id: int, outbox_id: int) -> None:
        """Say that the address of a mail that came back is right all the same (INV-3: staff decide, no bounce does)."""

        def work(session: Session) -> None:
            entitled(session.get(StaffMember, staff_id), MAY_WORK)
            row = session.get(OutboxRow, outbox_id)
            if row is None or row.contact_point_id is None:
                raise Refused("no_such_draft")
            if not returns.trust_address(session, row, actor=f"staff:{staff_id}", at=self._clock()):
                raise Refused("out_of_turn", state=row.state.value)

        await self._act(work)

    async def begin_reply(self, staff_id: int, request_id: int) -> int:
        """Open a draft that a person writes: a first one where none was made, or another after one has left.

        Returns the draft's id. The recipient is chosen from the register or is whoever wrote, never typed (INV-1).
        """

        def work(session: Session) -> int:
            now = self._clock()
            actor = f"staff:{staff_id}"
            request = session.get(Request, request_id)
            ticket = _worked_on(session, staff_id, request.ticket_id if request is not None else 0)
            if request is None or ticket.state is TicketState.CLOSED:
                raise Refused("ticket_closed")
            if drafts.live_drafts(session, request_id) or departures.replies_under_way(session, request.ticket_id):
                raise Refused("draft_waits")
            recipient = reply_to(session, ticket)
            if recipient is None:
                raise Refused("no_recipient")
            words = self._first_words(ticket, request)
            draft = drafts.add_draft(
                session,
                ticket_id=request.ticket_id,
                request_id=request_id,
                customer_id=ticket.customer_id,
                template="other",
                language=ticket.language if ticket.language in ANSWERED_IN else "fi",
                recipient_kind=recipient.kind,
                contact_point_id=recipient.contact_point_id,
                recipient=recipient.value,
                channel=recipient.channel,
                subject=words.subject,
                text=words.text,
                holds_data=recipient.kind is not RecipientKind.SENDER,
                actor=actor,
                at=now,
            )
            if ticket.state is not TicketState.AWAITING_APPROVAL:
                tickets.move(session, ticket, TicketState.AWAITING_APPROVAL, actor=actor, at=now)
            return tickets.id_of(draft.id)

        draft_id = await self._database.write(work)
        self._wake()
        return draft_id

    async def mark_posted(self, staff_id: int, outbox_id: int) -> None:
        """Say that a spooled letter has been printed and taken to the post."""

        def work(session: Session) -> None:
            now = self._clock()
            entitled(session.get(StaffMember, staff_id), MAY_WORK)
            row = session.get(OutboxRow, outbox_id)
            if row is None or row.channel != "letter":
                raise Refused("no_such_draft")
            if row.state is not OutboxState.SENT:
                raise Refused("out_of_turn", state=row.state.value)
            if not outbox.move(session, row, OutboxState.POSTED, actor=f"staff:{staff_id}", at=now):
                raise Refused("out_of_turn", state=row.state.value)

        await self._act(work)

    async def answer_search(self, staff_id: int, task_id: int, outcome: Outcome, found: str) -> None:
        """Say what came of searching one place for a request; what was found goes into the copy. Raises `Refused`."""

        def work(session: Session) -> None:
            task = session.get(SearchTask, task_id)
            if task is None:
                raise Refused("no_such_ticket")
            ticket = _worked_on(session, staff_id, task.ticket_id)
            if ticket.state is TicketState.CLOSED:
                raise Refused("ticket_closed")
            if outcome == "found" and not found.strip():
                raise Refused("nothing_found_said")
            if departures.replies_under_way(session, task.ticket_id):
                raise Refused("reply_under_way")
            told = "\n".join(found.splitlines()).strip() if outcome == "found" else ""
            searches.answer(session, task, outcome, told, staff_id=staff_id, at=self._clock())

        await self._act(work)

    async def set_return_address(self, staff_id: int, draft_id: int, sha256: str, address: str) -> None:
        """Give a letter to somebody who is not in the register the return address that stands on their own letter.

        Only for a draft without register data (INV-1). The address is part of the next version's hash, so whoever
        approves approves it too.
        """

        def work(session: Session) -> None:
            now = self._clock()
            actor = f"staff:{staff_id}"
            entitled(session.get(StaffMember, staff_id), MAY_WORK)
            draft = session.get(Draft, draft_id)
            if draft is None:
                raise Refused("no_such_draft")
            if draft.sha256 != sha256 or draft.state is not DraftState.DRAFT:
                raise Refused("changed")
            if draft.recipient_kind is not RecipientKind.SENDER or draft.channel != "letter" or draft.holds_data:
                raise Refused("not_by_return_address")
            lines = [" ".join(line.split()) for line in address.splitlines() if line.strip()]
            if not MIN_ADDRESS_LINES <= len(lines) <= MAX_ADDRESS_LINES:
                raise Refused("address_lines", least=MIN_ADDRESS_LINES, most=MAX_ADDRESS_LINES)
            ticket = session.get_one(Ticket, draft.ticket_id)
            _change(session, ticket, sender="\n".join(lines))
            self._event(session, staff_id, "return_address_set", draft.ticket_id, draft=draft_id)
            drafts.add_draft(
                session,
                ticket_id=draft.ticket_id,
                request_id=draft.request_id,
                customer_id=ticket.customer_id,
                template=draft.template,
                language=draft.language,
                recipient_kind=draft.recipient_kind,
                contact_point_id=None,
                recipient="\n".join(lines),
                channel=draft.channel,
                subject=draft.subject,
                text=draft.text,
                holds_data=False,
                actor=actor,
                at=now,
                author_id=staff_id,
                edited=draft.edited,
                attachments=draft.attachments,
            )

        await self._act(work)

    def _add_plain_request(self, session: Session, ticket: Ticket) -> None:
        """Give a rescued ticket something to answer. It may be a right, so its clock runs from its true receipt."""
        received_on = receipt_date(ticket.received_at, self._time_zone)
        tickets.add_request(
            session,
            ticket_id=tickets.id_of(ticket.id),
            kind=RequestKind.OTHER,
            confidence=0.0,
            reasons=("RESCUED",),
            received_at=ticket.received_at,
            received_on=received_on,
            due_on=due_on(received_on),
            target_on=target_on(received_on, RESCUED_TARGET_DAYS),
            at=self._clock(),
        )

    async def _act(self, work: Callable[[Session], None]) -> None:
        await self._database.write(work)
        self._wake()

    def _event(self, session: Session, staff_id: int, kind: str, ticket_id: int, **data: object) -> None:
        events.append(session, at=self._clock(), actor=f"staff:{staff_id}", kind=kind, ticket_id=ticket_id, data=data)


def _worked_on(session: Session, staff_id: int, ticket_id: int) -> Ticket:
    entitled(session.get(StaffMember, staff_id), MAY_WORK)
    ticket = session.get(Ticket, ticket_id)
    if ticket is None:
        raise Refused("no_such_ticket")
    return ticket


def _change(session: Session, ticket: Ticket, **values: object) -> None:
    if not tickets.change(session, ticket, **values):
        raise Refused("out_of_turn", state=ticket.state.value)
