"""The way out: claim, commit, send, record.

A row is moved to `sending` and committed before a byte leaves, so that a process that dies in between leaves a mark; at
the next start such rows become `uncertain` and a person decides (INV-9). A channel ends a sending in one of four ways:

    receipt            sent
    DeliveryError      temporary: approved again, later, with the same Message-ID; permanent: failed, staff are told
    DeliveryUncertain  uncertain; never tried again by the program
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import cast

from sqlmodel import Session

from mail.channel import Channel, DeliveryError, DeliveryUncertain
from mail.message import ChannelName, Language, OutboundAttachment, OutboundKind, OutboundMessage, Receipt
from store import drafts, outbox, tickets
from store.database import Database
from store.lifecycle import DraftState, OutboxState, Resolution, TicketState
from store.models import AttachmentFile, Draft, Message, OutboxRow, Ticket

log = logging.getLogger(__name__)

WAITS_FOR_IDENTITY = frozenset({"identity", "mandate"})
"""Templates that ask for something: sending one does not answer the request."""
RESOLUTION_OF = {"nothing_held": Resolution.NOTHING_HELD}


@dataclass(frozen=True, slots=True)
class Sender:
    """In whose name messages go out."""

    name: str
    address: str


class Dispatch:
    """Sends what is approved, each row once."""

    def __init__(
        self,
        *,
        database: Database,
        channels: Mapping[str, Channel],
        sender: Sender,
        clock: Callable[[], datetime],
        at_once: int = 32,
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        """`at_once` bounds how many messages are under way; `wake` tells the pipeline that something has moved."""
        self._database = database
        self._channels = channels
        self._sender = sender
        self._clock = clock
        self._at_once = at_once
        self._under_way: set[asyncio.Task[None]] = set()
        self._wake = wake

    async def recover(self) -> int:
        """At start: what an earlier process was sending when it died is uncertain. Returns how many."""

        def work(session: Session) -> int:
            rows = outbox.interrupted(session)
            for row in rows:
                outbox.move(
                    session, row, OutboxState.UNCERTAIN, actor="dispatch", at=self._clock(), receipt="INTERRUPTED"
                )
            return len(rows)

        return await self._database.write(work)

    async def send_next(self) -> int:
        """Claim what is due as far as there is room, and begin to send it; returns how many. Ends never wait for each
        other: a relay that is silent for ten minutes holds up its own message alone."""
        room = self._at_once - len(self._under_way)
        if room <= 0:
            return 0
        claimed = await self._database.write(
            lambda session: [
                (tickets.id_of(row.id), self._compose(session, row))
                for row in outbox.claim_due(session, self._clock(), room)
            ]
        )
        for row_id, message in claimed:
            task = asyncio.create_task(self._send(row_id, message))
            self._under_way.add(task)
            task.add_done_callback(self._done)
        return len(claimed)

    def _done(self, task: "asyncio.Task[None]") -> None:
        self._under_way.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("end of sending not recorded error=%s", type(task.exception()).__name__)
        self._wake()

    async def settle(self) -> None:
        """Wait for what is under way to end."""
        while self._under_way:
            await asyncio.wait(self._under_way)

    async def _send(self, row_id: int, message: OutboundMessage) -> None:
        try:
            receipt = await self._channels[message.channel].send(message)
        except DeliveryUncertain as uncertain:
            log.warning("outcome unknown outbox=%s stage=%s", row_id, uncertain.stage)
            await self._record(row_id, OutboxState.UNCERTAIN, str(uncertain))
        except DeliveryError as refusal:
            log.warning("not delivered outbox=%s stage=%s permanent=%s", row_id, refusal.stage, refusal.permanent)
            state = OutboxState.FAILED if refusal.permanent else OutboxState.APPROVED
            await self._record(row_id, state, str(refusal))
        except Exception as failure:  # noqa: BLE001 - whatever a channel raises unforeseen, its outcome is unknown
            log.warning("channel failed outbox=%s error=%s", row_id, type(failure).__name__)
            await self._record(row_id, OutboxState.UNCERTAIN, type(failure).__name__)
        else:
            await self._database.write(lambda session: self._sent(session, row_id, receipt))

    async def _record(self, row_id: int, state: OutboxState, receipt: str) -> None:
        def work(session: Session) -> None:
            row = session.get_one(OutboxRow, row_id)
            now = self._clock()
            values: dict[str, object] = {"receipt": receipt}
            if state is OutboxState.APPROVED:
                values["next_attempt_at"] = now + outbox.back_off(row.attempts)
            outbox.move(session, row, state, actor="dispatch", at=now, **values)

        await self._database.write(work)

    def _sent(self, session: Session, row_id: int, receipt: Receipt) -> None:
        row = session.get_one(OutboxRow, row_id)
        now = self._clock()
        moved = outbox.move(
            session, row, OutboxState.SENT, actor="dispatch", at=now, sent_at=receipt.at, receipt=receipt.text
        )
        if moved and row.kind == "reply" and row.draft_id is not None:
            record_sent_reply(session, row, actor="dispatch", at=now)

    def _compose(self, session: Session, row: OutboxRow) -> OutboundMessage:
        ticket = session.get(Ticket, row.ticket_id) if row.ticket_id is not None else None
        letter = row.channel == "letter"
        return OutboundMessage(
            kind=cast("OutboundKind", row.kind),
            channel=cast("ChannelName", row.channel),
            language=cast("Language", row.language),
            subject=row.subject,
            text=row.text,
            reference=ticket.reference if ticket else "",
            message_id=row.message_id,
            to="" if letter else row.to_address,
            address_lines=tuple(row.to_address.splitlines()) if letter else (),
            from_name=self._sender.name,
            from_address=self._sender.address,
            envelope_sender="" if row.automatic else self._sender.address,
            automatic=row.automatic,
            in_reply_to=row.in_reply_to,
            references=(row.in_reply_to,) if row.in_reply_to else (),
            attachments=tuple(
                OutboundAttachment(
                    file["name"], file["media_type"], session.get_one(AttachmentFile, file["sha256"]).content
                )
                for file in row.attachments
            ),
        )


def record_sent_reply(session: Session, row: OutboxRow, *, actor: str, at: datetime) -> None:
    """Everything that follows from a reply having left: draft, request, thread and ticket."""
    draft = session.get_one(Draft, row.draft_id)
    ticket = session.get_one(Ticket, draft.ticket_id)
    if draft.state is DraftState.APPROVED:
        drafts.move(session, draft, DraftState.SENT, actor=actor, at=at)
    session.add(_outbound_row(row, draft, at))
    session.flush()
    asks = draft.template in WAITS_FOR_IDENTITY
    if not asks:
        tickets.end_request(session, draft.request_id, RESOLUTION_OF.get(draft.template, Resolution.ANSWERED))
    left = tickets.open_requests(session, draft.ticket_id)
    waiting = [one for request in left for one in drafts.live_drafts(session, tickets.id_of(request.id))]
    if any(one.state is DraftState.DRAFT for one in waiting):
        state = TicketState.AWAITING_APPROVAL
    elif asks:
        state = TicketState.AWAITING_IDENTITY
    else:
        state = TicketState.OPEN if left else TicketState.ANSWERED
    if ticket.state is not state and ticket.state is not TicketState.CLOSED:
        tickets.move(session, ticket, state, actor=actor, at=at, **tickets.earliest_dates(left))
    else:
        tickets.change(session, ticket, **tickets.earliest_dates(left))


def _outbound_row(row: OutboxRow, draft: Draft, at: datetime) -> Message:
    return Message(
        ticket_id=draft.ticket_id,
        direction="out",
        channel=row.channel,
        subject=row.subject,
        text=row.text,
        new_text=row.text,
        language=row.language,
        message_id=row.message_id,
        received_at=at,
        sha256=sha256(row.text.encode()).hexdigest(),
        joined_by="sent",
    )
