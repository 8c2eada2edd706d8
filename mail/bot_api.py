"""The chat network's library, and what its errors mean: all that knows it, loaded only where there is a token.

The library and what it brings along take some 25 MiB, which a desk without a chat does without.
"""

import logging
import os
from datetime import timedelta
from typing import Any, Final

import httpx
from telegram.error import BadRequest, ChatMigrated, Conflict, Forbidden, InvalidToken, RetryAfter, TelegramError
from telegram.ext import AIORateLimiter, ExtBot
from telegram.request import HTTPXRequest

from mail.channel import DeliveryError, DeliveryUncertain

SLOW_SECONDS: Final = 60.0
"""Pause after a refusal that only an operator can mend: a wrong token, a second consumer of the same bot."""
LONGEST_PAUSE: Final = 60.0
_KINDS: Final = ["message", "edited_message", "callback_query"]


class OwnBot(ExtBot[int]):
    """The library's bot, with updates as the network wrote them: one that the library cannot read stops no other."""

    def __init__(self, token: str, base_url: str) -> None:
        self._lines = (
            HTTPXRequest(connection_pool_size=2, pool_timeout=20),
            HTTPXRequest(connection_pool_size=8, read_timeout=20, pool_timeout=20),
        )
        # No retries inside: "come again in an hour" is for the caller, who then still holds nothing claimed.
        limiter = AIORateLimiter(max_retries=0)
        receiving, speaking = self._lines
        super().__init__(
            token, base_url=base_url, request=speaking, get_updates_request=receiving, rate_limiter=limiter
        )

    async def updates(self, offset: int | None, seconds: int) -> list[Any]:
        """The next batch, as the network wrote it; it may hold an empty answer back for so many seconds."""
        wanted = {"offset": offset, "timeout": seconds, "limit": 100, "allowed_updates": _KINDS}
        found = await self._post("getUpdates", wanted, read_timeout=seconds + 10)
        return found if isinstance(found, list) else []

    async def say(self, chat_id: int, text: str) -> int:
        """Send a text; return the message's id. Raises `DeliveryError`, `DeliveryUncertain`."""
        try:
            sent = await self.send_message(chat_id, text)
        except TelegramError as error:
            # "from None": the cause would carry the request's address, and the token in it, into a log.
            raise _delivery_error(error) from None
        return sent.message_id

    @staticmethod
    def pause_seconds(error: Exception, attempts: int) -> float:
        """How long to wait before the next call after so many that failed."""
        if isinstance(error, RetryAfter):
            return _seconds(error)
        if isinstance(error, InvalidToken | Conflict | Forbidden):
            return SLOW_SECONDS
        return min(LONGEST_PAUSE, 2.0 ** min(attempts, 6))

    async def hang_up(self) -> None:
        """Close the connections."""
        for line in self._lines:
            await line.shutdown()


def build_bot(token: str, base_url: str | None) -> OwnBot:
    """The bot of a token; `base_url` ends in `/bot`, None is Telegram's own."""
    # These write addresses with the token in them, and whole answers with what customers wrote (THREATS 40).
    for library in ("httpx", "httpcore", "telegram"):
        logging.getLogger(library).setLevel(logging.CRITICAL + 1)
    os.environ.setdefault("PTB_TIMEDELTA", "1")  # the library's own switch: times as timedelta, without a warning
    return OwnBot(token, base_url or "https://api.telegram.org/bot")


def _seconds(error: RetryAfter) -> float:
    after = error.retry_after
    return after.total_seconds() if isinstance(after, timedelta) else float(after)


def _delivery_error(error: TelegramError) -> DeliveryError:
    """Which of the three ends an error is. Only an answer that refuses, or no connection at all, is known not sent."""
    if isinstance(error, RetryAfter):
        return DeliveryError("the chat network asks for patience", 429, permanent=False)
    if isinstance(error, Forbidden):
        return DeliveryError("the chat is closed to us", 403, permanent=True)
    if isinstance(error, BadRequest | ChatMigrated):
        return DeliveryError("the chat network refused the message", 400, permanent=True)
    if isinstance(error, InvalidToken | Conflict):
        return DeliveryError("the chat network does not know our bot", 401, permanent=False)
    if isinstance(error.__cause__, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout):
        return DeliveryError("the chat network cannot be reached", permanent=False)
    # A time-out, a torn answer or a failing gateway: the message may well be there (RFC 9110, 9.2.2).
    return DeliveryUncertain("no answer from the chat network")
