"""The staff room in Telegram: a card for every draft that waits, brought up to date from the store.

    refresh   lost cards are given up > urgent cards > cards whose matter has moved > a card for each new draft
    handle    (`presses`) a press of a button, a command

A card is written down before it is sent, and is live until its draft has come to an end. If nobody can say whether it
was sent, it is given up: its token is dead, and the draft gets another card. So a draft has at most one live button,
whatever the network does. When many drafts wait at once, one message says so instead of a flood.
"""

import asyncio
import hashlib
import json
import logging
import secrets
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from telegram import Bot

from bot.chat.allowed import NotAllowed
from bot.chat.cards import Button, buttons, card_number, card_text, token_hash
from bot.chat.presses import Approves, Presses
from bot.chat.voice import Gone, Unsaid, Voice
from bot.staff import NEUTRAL_FLAGS, CardFacts
from bot.words import say
from store import chat
from store.chat import Matter, ShownCard
from store.database import Database

log = logging.getLogger(__name__)

ROOM: Final = "telegram"
FLOOD: Final = 10
"""With more drafts than this without a card, one digest is sent and no cards."""
_WAITS: Final = "draft"
_ENDS: Final = frozenset({"sent", "posted", "bounced", "returned", "superseded", "closed", "answered"})
"""States after which a card is followed no longer."""


class TelegramRoom:
    """Implements `bot.staff.StaffRoom`. The updates come from the one receive loop, to `handle`."""

    def __init__(
        self,
        *,
        database: Database,
        bot: Bot,
        approvals: Approves,
        staff_chat: int,
        public_url: str,
        language: str,
        clock: Callable[[], datetime],
        time_zone: str = "Europe/Helsinki",
        new_token: Callable[[], str] = lambda: secrets.token_urlsafe(16),
        new_number: Callable[[], str] = card_number,
    ) -> None:
        """`public_url` is the desk's; a card opens `public_url/cards/NUMBER` there. `new_token` has 128 random bits."""
        self._database = database
        self._voice = Voice(bot, staff_chat, language)
        self._desk = public_url.rstrip("/")
        self._language = language
        self._clock = clock
        self._zone = ZoneInfo(time_zone)
        self._new_token = new_token
        self._new_number = new_number
        self._refreshing = asyncio.Lock()
        self._card = asyncio.Lock()
        self._presses = Presses(
            database=database,
            voice=self._voice,
            approvals=approvals,
            language=language,
            clock=clock,
            room=self,
            new_token=new_token,
        )

    async def open(self) -> None:
        """Nothing to open: the receive loop is the messenger's, and the first `refresh` brings the room up to date."""

    async def close(self) -> None:
        """Wait until the card at hand is done with."""
        async with self._refreshing, self._card:
            return

    async def refresh(self) -> None:
        """Show a card for every draft that waits and mend every card whose matter has moved."""
        async with self._refreshing:
            if self._voice.is_quiet:
                return
            try:
                await self._give_up_lost_cards()
                await self._show_urgent()
                for card in await self._database.read(lambda session: chat.live_cards(session, ROOM)):
                    async with self._card:
                        await self.mend(card.id)
                await self._show_new()
            except (Unsaid, NotAllowed) as error:
                log.warning("the staff room is behind", extra={"error": type(error).__name__})

    async def handle(self, update: dict[str, Any]) -> str:
        """Deal with one update of the staff's chat or one press; how it ended, as a word or two for the record."""
        async with self._card:
            return await self._presses.handle(update)

    async def mend(self, card_id: int) -> None:
        """Bring one card up to date; the caller holds the room's attention. Raises `Unsaid`.

        The buttons shown so far die first, in the store: a new text needs its buttons again, and only a hash of their
        token is kept.
        """
        card = await self._database.read(lambda session: chat.card_by_id(session, card_id))
        if card is None or card.chat_message_id is None:
            return
        text, shown = self._text(card.number, card.matter)
        if shown == card.shown:
            return
        token = self._new_token()
        await self._database.write(lambda session: chat.renew_token(session, card_id, token_hash(token)))
        message_id = card.chat_message_id
        is_over = card.matter.state in _ENDS
        try:
            await self._voice.change(
                message_id, text, () if is_over else self._buttons(card.number, card.matter, token)
            )
        except Gone:
            is_over = True  # nobody sees it any more; if its draft still waits it gets a new card
        await self._database.write(lambda session: chat.card_was_shown(session, card_id, message_id, shown))
        if is_over:
            await self._database.write(lambda session: chat.retire_card(session, card_id))

    async def waiting_cards(self) -> list[CardFacts]:
        """The cards that wait for a press, the earliest due first."""
        cards = await self._database.read(lambda session: chat.live_cards(session, ROOM))
        facts = [self._facts(card.number, card.matter) for card in cards if card.matter.state == _WAITS]
        return sorted(facts, key=lambda one: (one.due_on is None, one.due_on or self._clock().date()))

    async def drafts_without_card(self) -> int:
        """How many drafts wait on the desk alone."""
        return len(await self._database.read(lambda session: chat.drafts_without_card(session, ROOM)))

    async def _give_up_lost_cards(self) -> None:
        cards = await self._database.read(lambda session: chat.live_cards(session, ROOM))
        for card in cards:
            if card.chat_message_id is None or card.chat_id != self._voice.chat_id:
                await self._retire(card)

    async def _retire(self, card: ShownCard) -> None:
        async with self._card:
            await self._database.write(lambda session: chat.retire_card(session, card.id))

    async def _show_urgent(self) -> None:
        """A card for each suspected fault; of the many of an outage morning, the first few and then their number."""
        new = await self._database.read(lambda session: chat.urgent_without_card(session, ROOM))
        live = await self._database.read(lambda session: chat.live_cards(session, ROOM))
        told = sum(card.matter.draft_id is None and card.matter.state not in _ENDS for card in live)
        for matter in new[: max(0, FLOOD - told)]:
            await self._show(matter)
        await self._tell_of_flood("urgent_digest", told + len(new) if told + len(new) > FLOOD else 0)

    async def _show_new(self) -> None:
        waiting = await self._database.read(lambda session: chat.drafts_without_card(session, ROOM))
        await self._tell_of_flood("digest", len(waiting) if len(waiting) > FLOOD else 0)
        if len(waiting) <= FLOOD:
            for matter in waiting:
                await self._show(matter)

    async def _show(self, matter: Matter) -> None:
        """Write a card down, send it, write down that it is there. Raises `Unsaid`."""
        async with self._card:
            number, token, chat_id, now = self._new_number(), self._new_token(), self._voice.chat_id, self._clock()
            card_id = await self._database.write(
                lambda session: chat.open_card(
                    session,
                    matter,
                    room=ROOM,
                    number=number,
                    token_hash=token_hash(token),
                    chat_id=chat_id,
                    now=now,
                )
            )
            if card_id is None:
                return
            text, shown = self._text(number, matter)
            message_id = await self._voice.send(text, self._buttons(number, matter, token))
            await self._database.write(lambda session: chat.card_was_shown(session, card_id, message_id, shown))

    async def _tell_of_flood(self, name: str, count: int) -> None:
        """Keep one message that says how many wait; 0 ends it."""
        key = f"{ROOM}:{name}"
        known = await self._database.read(lambda session: chat.digest(session, key))
        before = json.loads(known) if known else {}
        if not count and not before:
            return
        text = say(f"chat.{name}" if count else f"chat.{name}_over", self._language, count=count)
        if before.get("text") == text:
            return
        opens = [Button(say("chat.button_open", self._language), url=f"{self._desk}/")]
        message_id = before.get("message")
        try:
            if message_id is None:
                raise Gone
            await self._voice.change(message_id, text, opens)
        except Gone:
            message_id = await self._voice.send(text, opens) if count else None
        value = json.dumps({"message": message_id, "text": text}) if count else ""
        await self._database.write(lambda session: chat.remember_digest(session, key, value))

    def _facts(self, number: str, matter: Matter) -> CardFacts:
        today = self._clock().astimezone(self._zone).date()
        return CardFacts(
            number=number,
            kinds=matter.kinds,
            language=matter.language,
            channel=matter.channel,
            due_on=matter.due_on,
            days_left=(matter.due_on - today).days if matter.due_on else None,
            state=matter.state,
            level=matter.level,
            flags=tuple(flag for flag in matter.flags if flag in NEUTRAL_FLAGS),
            urgent=matter.draft_id is None,
        )

    def _text(self, number: str, matter: Matter) -> tuple[str, str]:
        """What the card says, and the mark by which a change of that, or of the draft itself, is seen."""
        text = card_text(self._facts(number, matter), self._language)
        return text, f"{hashlib.sha256(text.encode()).hexdigest()}:{matter.sha256}"

    def _buttons(self, number: str, matter: Matter, token: str) -> Sequence[Button]:
        acts = token if matter.draft_id is not None and matter.state == _WAITS else ""
        return buttons(self._language, open_url=f"{self._desk}/cards/{number}", token=acts)
