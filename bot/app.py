"""All parts built by hand, once, and started and stopped in order. Nothing else imports the configuration.

Reading this page top to bottom is reading what the service is made of: the database and who owns it, the workers, the
three channels, the stages, the staff room, the desk.
"""

import asyncio
import contextlib
import logging
import secrets
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot import copies
from bot.access_tokens import tokens_of
from bot.approval import Approvals
from bot.casework import Casework
from bot.commands.ground import store_url
from bot.config import Settings, read_secret, resolve, split_listen
from bot.dispatch import Dispatch, Sender
from bot.health import HealthBoard
from bot.heap import give_back_large_buffers
from bot.intake import Intake
from bot.intake.enter import Entering
from bot.paper import render_letter_message
from bot.pipeline import Bell, Pipeline
from bot.reminders import Reminders
from bot.rules.deadlines import receipt_date
from bot.serving import listen, serving
from bot.settled import canary_of, notice_of, own_addresses_of, packing_of, preparing_of, trusts_of
from bot.staff import StaffRoom
from bot.understanding import Understanding
from bot.web.app import desk
from mail.channel import Channel
from mail.letters import LetterChannel
from mail.maildir import MaildirRelay
from mail.message import OutboundMessage
from mail.messenger import Messenger
from mail.ocr import OCR_MEMORY, OCR_SECONDS
from mail.post import EmailChannel, MailDoor, Relay
from mail.relay import SubmissionRelay
from mail.smtp import SmtpDoor
from mail.worker import Workers
from replies.draft import Words, write
from replies.notice import ReplyLanguage
from store import chat
from store.database import Database
from store.models import Request, Ticket
from store.ownership import Ownership
from store.schema import require_current

if TYPE_CHECKING:
    from bot.chat.room import TelegramRoom
    from mail.imap.door import ImapDoor

log = logging.getLogger(__name__)

OWNERSHIP_LOOK_SECONDS = 5.0
"""How often the right to serve is looked at: bounds how long two processes could believe they have it."""


def now_utc() -> datetime:
    """The one clock of the service: aware, UTC."""
    return datetime.now(UTC)


class App:
    """The running service."""

    _room: "TelegramRoom | None" = None

    def __init__(self, settings: Settings, config_path: Path, *, clock: Callable[[], datetime] = now_utc) -> None:
        """Builds every part; opens nothing. Raises `ConfigError` and `NoticeError`."""
        self.settings = settings
        self.notice = notice_of(settings, config_path)
        self._path = config_path
        self._clock = clock
        self.bell = Bell()
        self.database = Database(store_url(settings, config_path))
        self._ownership = Ownership(self.database.url)
        self._workers = Workers(count=1)
        self._letter_workers = Workers(count=1, seconds=OCR_SECONDS, memory=OCR_MEMORY)
        self._copy_workers = Workers(count=1, seconds=copies.SECONDS, memory=copies.MEMORY)
        self._build_staff_side()
        self._build_channels()
        self._build_stages()
        self._web_socket: socket.socket | None = None
        self.lost = asyncio.Event()
        """Set when another process may have taken the database over: then this one must stop."""

    def _first_words(self, ticket: Ticket, request: Request) -> Words:
        zone, fallback = self.settings.controller.time_zone, self.settings.controller.language
        spoken: dict[str, ReplyLanguage] = {"fi": "fi", "sv": "sv", "en": "en"}
        return write(
            "other",
            spoken.get(ticket.language, fallback),
            reference=ticket.reference,
            received_on=receipt_date(ticket.received_at, zone),
            today=receipt_date(self._clock(), zone),
            due_on=request.due_on,
            notice=self.notice,
            on_call=self.settings.controller.on_call_number,
        )

    def _new_message_id(self) -> str:
        return f"<{secrets.token_hex(16)}@{self.settings.controller.domain}>"

    def _build_staff_side(self) -> None:
        hold = timedelta(seconds=self.settings.policy.hold_seconds)
        self.packing = packing_of(
            self.settings,
            self.notice,
            database=self.database,
            workers=self._copy_workers,
            clock=self._clock,
            wake=partial(self.bell.ring, "room"),
        )
        self.approvals = Approvals(
            database=self.database,
            clock=self._clock,
            new_message_id=self._new_message_id,
            hold=hold,
            complete=self.packing.complete,
            wake=self.bell.ring,
        )
        self.casework = Casework(
            database=self.database,
            clock=self._clock,
            first_words=self._first_words,
            time_zone=self.settings.controller.time_zone,
            wake=self.bell.ring,
        )

    def _build_channels(self) -> None:
        self.smtp = self._smtp_door()
        self.mailboxes = self._mailboxes()
        doors: list[MailDoor] = [self.smtp] if self.smtp else []
        self.channels: dict[str, Channel] = {"email": EmailChannel([*doors, *self.mailboxes], self._relay())}
        if self.settings.letters is not None:
            self.channels["letter"] = LetterChannel(
                scans=resolve(self._path, self.settings.letters.scans),
                spool=resolve(self._path, self.settings.letters.spool),
                clock=self._clock,
                render=self._render,
            )
        self.messenger = self._messenger()
        self.rooms: list[StaffRoom] = []
        if self.messenger is not None:
            self.channels["chat"] = self.messenger
            self._build_room(self.messenger)

    def _smtp_door(self) -> SmtpDoor | None:
        table = self.settings.smtp
        if table is None:
            return None
        host, port = split_listen(table.listen)
        return SmtpDoor(
            host=host,
            port=port,
            protocol=table.protocol,
            hostname=self.settings.controller.domain,
            peers=table.peers,
            size_limit=table.size_limit,
            clock=self._clock,
        )

    def _mailboxes(self) -> "list[ImapDoor]":
        if not self.settings.imap:
            return []
        from bot.mailboxes import imap_doors  # noqa: PLC0415 - loads the client library

        return imap_doors(self.settings, self._path, self.database, self._clock)

    def _relay(self) -> Relay:
        table = self.settings.relay
        if table.maildir is not None:
            return MaildirRelay(resolve(self._path, table.maildir), self._clock)
        certificate = resolve(self._path, table.certificate_file) if table.certificate_file else None
        return SubmissionRelay(
            host=table.host,
            port=table.port,
            hostname=self.settings.controller.domain,
            clock=self._clock,
            tls=table.tls,
            user=table.user,
            password=read_secret(self._path, table.password, table.password_file, "[relay] password_file"),
            tokens=tokens_of(table, self._path, "[relay]"),
            certificate_file=certificate,
        )

    def _messenger(self) -> Messenger | None:
        table = self.settings.telegram
        if table is None:
            return None
        token = read_secret(self._path, table.token, table.token_file, "[telegram] token_file")
        write, read, clock = self.database.write, self.database.read, self._clock

        async def keep(update_id: int, payload: dict[str, Any]) -> bool:
            return await write(lambda session: chat.keep_update(session, update_id, payload, clock()))

        async def waiting() -> list[tuple[int, dict[str, Any]]]:
            return await read(chat.waiting_updates)

        async def handled(update_id: int, outcome: str) -> None:
            await write(lambda session: chat.mark_handled(session, update_id, outcome, clock()))

        return Messenger(
            token=token or None,
            base_url=f"{table.api}/bot",
            keep=keep,
            waiting=waiting,
            handled=handled,
            staff_chat=table.staff_chat,
            staff=self._staff_update if table.staff_chat is not None else None,
            customers=table.customers or table.rehearsal is not None,
            clock=clock,
            outbox=resolve(self._path, table.rehearsal) if table.rehearsal else None,
        )

    def _build_room(self, messenger: Messenger) -> None:
        table = self.settings.telegram
        self._room = None
        if table is None or table.staff_chat is None or messenger.bot is None:
            return
        from bot.chat import room  # noqa: PLC0415 - loads the chat network's library, 25 MiB

        self._room = room.TelegramRoom(
            database=self.database,
            bot=messenger.bot,
            approvals=self.approvals,
            staff_chat=table.staff_chat,
            public_url=self.settings.web.public_url,
            language=self.settings.controller.language,
            clock=self._clock,
            time_zone=self.settings.controller.time_zone,
        )
        self.rooms.append(self._room)

    async def _staff_update(self, update: dict[str, Any]) -> str:
        return await self._room.handle(update) if self._room is not None else "no staff room"

    async def _render(self, message: OutboundMessage) -> bytes:
        today = receipt_date(self._clock(), self.settings.controller.time_zone)
        return await self._workers.run(render_letter_message, message, self.notice, today)

    def _build_stages(self) -> None:
        controller = self.settings.controller
        desk_url = self.settings.web.public_url
        preparing = preparing_of(self.settings, self.notice)
        entering = Entering(
            notice=self.notice,
            on_call=controller.on_call_number,
            time_zone=controller.time_zone,
            language=controller.language,
            duty_addresses=controller.duty_addresses,
            desk_url=desk_url,
            new_message_id=self._new_message_id,
            own_addresses=preparing.policy.own_addresses,
        )
        understanding = Understanding(mail=self._workers, letters=self._letter_workers, trusts=trusts_of(self.settings))
        self.intake = Intake(
            database=self.database,
            understand=understanding,
            preparing=preparing,
            entering=entering,
            clock=self._clock,
            wake=partial(self.bell.ring, "intake", "letters"),
        )
        self.dispatch = Dispatch(
            database=self.database,
            channels=self.channels,
            sender=Sender(
                controller.name,
                controller.addresses[0],
                signing=own_addresses_of(self.settings) if controller.subaddresses else None,
                plain_envelope=self.settings.relay.envelope == "plain",
            ),
            clock=self._clock,
            wake=partial(self.bell.ring, "dispatch", "room"),
        )
        reminders = Reminders(
            database=self.database,
            clock=self._clock,
            time_zone=controller.time_zone,
            language=controller.language,
            addresses=controller.digest_addresses,
            desk_url=desk_url,
            new_message_id=self._new_message_id,
        )
        canary = canary_of(
            self.settings, database=self.database, clock=self._clock, new_message_id=self._new_message_id
        )
        self.pipeline = Pipeline(
            bell=self.bell,
            intake=self.intake,
            dispatch=self.dispatch,
            reminders=reminders,
            canary=canary,
            packing=self.packing,
            channels=list(self.channels.values()),
            rooms=self.rooms,
        )
        self.health = HealthBoard(
            database=self.database,
            clock=self._clock,
            time_zone=controller.time_zone,
            parts={
                "owner": lambda: not self.lost.is_set(),
                "chat": self._chat_is_well,
                "letters": self._letters_are_well,
            },
            doors={door.name: partial(_problems, door) for door in self.mailboxes},
            troubles=lambda: canary.troubles,
            canary_addresses=canary.addresses,
        )

    def _chat_is_well(self) -> bool:
        return self.messenger is None or not self.messenger.trouble

    def _letters_are_well(self) -> bool:
        channel = self.channels.get("letter")
        return not (isinstance(channel, LetterChannel) and channel.problems)

    @property
    def web_port(self) -> int:
        """Port that the desk listens on, once the app runs."""
        if self._web_socket is None:
            raise RuntimeError("the desk is not open")
        port: int = self._web_socket.getsockname()[1]
        return port

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Own the database, open the doors and the desk; close all in reverse.

        Raises `AlreadyServed`, `StoreUnusable`, and `OSError` for a port in use.
        """
        give_back_large_buffers()
        async with contextlib.AsyncExitStack() as stack:
            self._ownership.acquire()
            stack.callback(self._ownership.release)
            self.database.open()
            stack.callback(self.database.close)
            require_current(self.database)
            self._web_socket = listen(self.settings.web.listen)
            stack.callback(self._web_socket.close)
            for workers in (self._workers, self._letter_workers, self._copy_workers):
                stack.push_async_callback(workers.close)
            stack.push_async_callback(self.pipeline.close)
            await self.pipeline.open()
            await stack.enter_async_context(serving(self._desk(), self._web_socket))
            watch = asyncio.create_task(self._watch_ownership(), name="ownership")
            stack.callback(watch.cancel)
            yield

    async def _watch_ownership(self) -> None:
        """A right to serve that went with PostgreSQL's connection is somebody else's to take: stop, do not go on."""
        while True:
            await asyncio.sleep(OWNERSHIP_LOOK_SECONDS)
            if not await asyncio.to_thread(self._ownership.holds):
                break
        log.error("the right to serve this database was lost; stopping")
        self.lost.set()

    def _desk(self) -> Any:
        public = self.settings.web.public_url
        return desk(
            database=self.database,
            approvals=self.approvals,
            casework=self.casework,
            clock=self._clock,
            language=self.settings.controller.language,
            controller_name=self.settings.controller.name,
            time_zone=self.settings.controller.time_zone,
            secure_cookies=public.startswith("https://"),
            health=self.health.ready,
            metrics=self.health.metrics,
        )


def _problems(door: "ImapDoor") -> tuple[str, ...]:
    return door.problems
