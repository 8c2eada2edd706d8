"""The way out: claim, commit, send, record.

A row is moved to `sending` and committed before a byte leaves, so that a process that dies in between leaves a mark; at
the next start such rows become `uncertain` and a person decides (INV-9). A channel ends a sending in one of four ways:

    receipt            sent
    DeliveryError      temporary: approved again, later, with the same Message-ID; permanent: failed, staff are told
    DeliveryUncertain  uncertain; never tried again by the program

What cannot even be handed to a channel (its file is gone, its contact is no longer on file, there is no such channel)
has failed before a byte left: staff are told, and it holds up nobody else. How a sending ended is written again and
again until the store takes it.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol, cast

from sqlalchemy.exc import NoResultFound, OperationalError
from sqlmodel import Session

from mail.channel import Channel, DeliveryError, DeliveryUncertain
from mail.message import ChannelName, Language, OutboundAttachment, OutboundKind, OutboundMessage, Receipt
from store import address_keys, departures, outbox, returns, tickets
from store.database import Database
from store.lifecycle import OutboxState
from store.models import AttachmentFile, OutboxRow

log = logging.getLogger(__name__)

PAUSE_SECONDS = 1.0
"""How long the end of a sending waits for a store that is away before it is written again."""


class Signing(Protocol):
    """Writes our own signed addresses."""

    def sign(self, key: bytes, purpose: Literal["reply", "bounce"], number: int, /) -> str:
        """The address that names row `number` for this purpose."""
        ...


@dataclass(frozen=True, slots=True)
class Sender:
    """In whose name messages go out."""

    name: str
    address: str
    signing: Signing | None = None
    """None where the site delivers no signed addresses: then answers and bounces come to the plain one."""
    plain_envelope: bool = False
    """True where the relay takes no other envelope sender than the plain address, not even the null one."""


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
        self._begun: set[asyncio.Task[int]] = set()
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
                returns.catch_up(session, row, actor="dispatch", at=self._clock())
            return len(rows)

        return await self._database.write(work)

    async def send_next(self) -> int:
        """Claim what is due as far as there is room, and begin to send it; returns how many. Ends never wait for each
        other: a relay that is silent for ten minutes holds up its own message alone."""
        room = self._at_once - len(self._under_way)
        if room <= 0:
            return 0
        beginning = asyncio.create_task(self._begin(room))
        self._begun.add(beginning)
        beginning.add_done_callback(self._begun.discard)
        # What is claimed is begun even when the caller is stopped in between: else it would be uncertain for nothing.
        return await asyncio.shield(beginning)

    async def _begin(self, room: int) -> int:
        if not await self._database.read(lambda session: outbox.is_due(session, self._clock())):
            return 0
        claimed = await self._database.write(lambda session: self._claim(session, room))
        for row_id, message in claimed:
            task = asyncio.create_task(self._send(row_id, message))
            self._under_way.add(task)
            task.add_done_callback(self._done)
        return len(claimed)

    def _claim(self, session: Session, room: int) -> Sequence[tuple[int, OutboundMessage]]:
        now = self._clock()
        claimed = []
        due = outbox.claim_due(session, now, room)
        references = tickets.references_of(session, (row.ticket_id for row in due if row.ticket_id is not None))
        key = address_keys.newest(session) if due and self._sender.signing is not None else b""
        for row in due:
            message, obstacle = None, "RECIPIENT_CHANGED"
            if departures.still_on_file(session, row):
                try:
                    message = self._compose(session, row, references, key)
                except (LookupError, NoResultFound) as error:
                    obstacle = type(error).__name__
            if message is None:
                log.warning("cannot be sent outbox=%s obstacle=%s", row.id, obstacle)
                outbox.move(session, row, OutboxState.FAILED, actor="dispatch", at=now, receipt=obstacle)
            else:
                claimed.append((tickets.id_of(row.id), message))
        return claimed

    def _done(self, task: "asyncio.Task[None]") -> None:
        self._under_way.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("end of sending not recorded error=%s", type(task.exception()).__name__)
        self._wake()

    async def settle(self, seconds: float | None = None) -> None:
        """Wait for what is under way to end, for so long at the most; what has not ended then is let go.

        A sending that was let go stays `sending` in the store, and is `uncertain` at the next start (INV-9): a relay
        that is silent for ten minutes must not keep the service from stopping.
        """
        ends = None if seconds is None else asyncio.get_running_loop().time() + seconds
        while busy := {*self._begun, *self._under_way}:
            left = None if ends is None else max(0.0, ends - asyncio.get_running_loop().time())
            done, _ = await asyncio.wait(busy, timeout=left)
            if not done:
                for task in busy:
                    task.cancel()
                await asyncio.gather(*busy, return_exceptions=True)
                return

    async def _send(self, row_id: int, message: OutboundMessage) -> None:
        channel = self._channels.get(message.channel)
        if channel is None:
            log.warning("no such channel outbox=%s channel=%s", row_id, message.channel)
            await self._record(row_id, OutboxState.FAILED, "NO_CHANNEL")
            return
        try:
            receipt = await channel.send(message)
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
            await self._until_taken(lambda: self._database.write_together(self._sent_all, (row_id, receipt)))

    async def _record(self, row_id: int, state: OutboxState, receipt: str) -> None:
        def work(session: Session) -> None:
            row = session.get_one(OutboxRow, row_id)
            now = self._clock()
            values: dict[str, object] = {"receipt": receipt}
            if state is OutboxState.APPROVED:
                values["next_attempt_at"] = now + outbox.back_off(row.attempts)
            outbox.move(session, row, state, actor="dispatch", at=now, **values)
            returns.catch_up(session, row, actor="dispatch", at=now)

        await self._until_taken(lambda: self._database.write(work))

    async def _until_taken(self, write: Callable[[], Awaitable[None]]) -> None:
        """Write how a sending ended; while the store is away, again and again: only this task knows it."""
        while True:
            try:
                await write()
            except OperationalError as error:
                log.warning("end of sending waits for the store error=%s", type(error).__name__)
                await asyncio.sleep(PAUSE_SECONDS)
            else:
                return

    def _sent_all(self, session: Session, ends: Sequence[tuple[int, Receipt]]) -> list[None]:
        """What relays took at about the same time is recorded together."""
        held = outbox.rows_of(session, [row_id for row_id, _ in ends])
        for end in ends:
            self._sent(session, *end)
        del held  # the session holds its rows weakly
        return [None] * len(ends)

    def _sent(self, session: Session, row_id: int, receipt: Receipt) -> None:
        row = session.get_one(OutboxRow, row_id)
        now = self._clock()
        moved = outbox.move(
            session, row, OutboxState.SENT, actor="dispatch", at=now, sent_at=receipt.at, receipt=receipt.text
        )
        if moved:
            departures.record_sent_reply(session, row, actor="dispatch", at=now)
            returns.catch_up(session, row, actor="dispatch", at=now)  # a bounce may be quicker than we are

    def _envelope_sender(self, row: OutboxRow, key: bytes) -> str:
        """INV-7: an acknowledgement has the null path; all else tells by its path which row a bounce gives back."""
        if self._sender.plain_envelope:
            return self._sender.address
        if row.automatic:
            return ""
        signing = self._sender.signing
        return self._sender.address if signing is None else signing.sign(key, "bounce", tickets.id_of(row.id))

    def _reply_to(self, row: OutboxRow, key: bytes) -> str:
        """The address of the ticket for whoever answers; a notice to staff is not answered."""
        signing = self._sender.signing
        answered = row.kind in {"reply", "acknowledgement"} and row.channel == "email"
        if signing is None or row.ticket_id is None or not answered:
            return ""
        return signing.sign(key, "reply", row.ticket_id)

    def _compose(self, session: Session, row: OutboxRow, references: Mapping[int, str], key: bytes) -> OutboundMessage:
        letter = row.channel == "letter"
        return OutboundMessage(
            kind=cast("OutboundKind", row.kind),
            channel=cast("ChannelName", row.channel),
            language=cast("Language", row.language),
            subject=row.subject,
            text=row.text,
            reference=references[row.ticket_id] if row.ticket_id is not None else "",
            message_id=row.message_id,
            to="" if letter else row.to_address,
            address_lines=tuple(row.to_address.splitlines()) if letter else (),
            from_name=self._sender.name,
            from_address=self._sender.address,
            envelope_sender=self._envelope_sender(row, key),
            reply_to=self._reply_to(row, key),
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
