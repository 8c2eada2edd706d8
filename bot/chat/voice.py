"""The one mouth of the staff chat: whatever is said there passes here, is looked at, and ends in one of three ways.

    it is there | `Gone`: the message it should change is not | `Unsaid`: not now, and perhaps nobody knows

After a refusal the voice keeps quiet for as long as the network asks; the room then tries again with its next
refresh, from the store. Nothing waits here, so a flood of an hour holds no row and no button (THREATS 43).
"""

import asyncio
import logging
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from telegram import Bot, InlineKeyboardButton, InlineKeyboardMarkup
from telegram.error import BadRequest, ChatMigrated, Forbidden, InvalidToken, RetryAfter, TelegramError

from bot.chat.allowed import allowed
from bot.chat.cards import Button

log = logging.getLogger(__name__)

LONGEST_ANSWER: Final = 200
"""Characters of the answer to a press (Bot API, `answerCallbackQuery`)."""
SHUT_SECONDS: Final = 60.0
AWAY_SECONDS: Final = 5.0


class Unsaid(Exception):
    """The network did not take it, or did not say so."""


class Gone(Exception):
    """The message that was to be changed cannot be."""


class Voice:
    """Speaks in one chat."""

    def __init__(self, bot: Bot, chat_id: int, language: str) -> None:
        self._bot = bot
        self._language = language
        self._quiet_until = 0.0
        self.chat_id = chat_id
        """Where staff are; changes when the network makes a bigger group of the chat."""

    @property
    def is_quiet(self) -> bool:
        """Whether the network has asked for patience, or has shut us out, a moment ago."""
        return asyncio.get_running_loop().time() < self._quiet_until

    async def send(self, text: str, buttons: Sequence[Button] = ()) -> int:
        """Say something new; the message's id. Raises `Unsaid`."""
        said = allowed(text, self._language)
        try:
            try:
                sent = await self._bot.send_message(self.chat_id, said, reply_markup=_keyboard(buttons))
            except BadRequest:
                # The network refuses addresses that it takes for no address; without *Open* the card still informs.
                sent = await self._bot.send_message(self.chat_id, said, reply_markup=_keyboard(_acts(buttons)))
        except TelegramError as error:
            raise self._unsaid(error) from None
        return sent.message_id

    async def change(self, message_id: int, text: str, buttons: Sequence[Button] = ()) -> None:
        """Say something else in place of what was said. Raises `Gone`, `Unsaid`."""
        said = allowed(text, self._language)
        try:
            try:
                await self._edit(message_id, said, buttons)
            except BadRequest as error:
                if _is_the_same(error):
                    return
                await self._edit(message_id, said, _acts(buttons))
        except BadRequest as error:
            if not _is_the_same(error):
                raise Gone from None
        except TelegramError as error:
            raise self._unsaid(error) from None

    async def answer(self, query_id: str, text: str) -> bool:
        """Tell the one who pressed, on his screen alone; False when the network has forgotten the press."""
        said = allowed(text, self._language)
        try:
            await self._bot.answer_callback_query(query_id, said[:LONGEST_ANSWER], show_alert=True)
        except TelegramError as error:
            log.warning("a press could not be answered", extra={"error": type(error).__name__})
            return False
        return True

    async def strip(self, message_id: int) -> None:
        """Take the buttons from a message, if that can be done; they are dead already."""
        try:
            await self._bot.edit_message_reply_markup(self.chat_id, message_id)
        except TelegramError as error:
            log.info("dead buttons stay", extra={"error": type(error).__name__})

    async def _edit(self, message_id: int, text: str, buttons: Sequence[Button]) -> None:
        await self._bot.edit_message_text(text, self.chat_id, message_id, reply_markup=_keyboard(buttons))

    def _unsaid(self, error: TelegramError) -> Unsaid:
        seconds = AWAY_SECONDS
        if isinstance(error, RetryAfter):
            after = error.retry_after
            seconds = after.total_seconds() if isinstance(after, timedelta) else float(after)
        elif isinstance(error, ChatMigrated):
            log.warning("the staff chat has become another one; put its new id into the configuration")
            self.chat_id = error.new_chat_id
            seconds = 0.0
        elif isinstance(error, Forbidden | InvalidToken | BadRequest):
            log.warning("the staff chat is shut to us", extra={"error": type(error).__name__})
            seconds = SHUT_SECONDS
        self._quiet_until = asyncio.get_running_loop().time() + seconds
        return Unsaid(type(error).__name__)


def _acts(buttons: Sequence[Button]) -> list[Button]:
    return [button for button in buttons if not button.url]


def _keyboard(buttons: Sequence[Button]) -> InlineKeyboardMarkup | None:
    if not buttons:
        return None
    row = [InlineKeyboardButton(b.text, url=b.url or None, callback_data=b.data or None) for b in buttons]
    return InlineKeyboardMarkup([row])


def _is_the_same(error: BadRequest) -> bool:
    """An edit that would change nothing: an earlier one arrived after all."""
    return "not modified" in str(error).lower()
