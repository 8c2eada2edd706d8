"""The port that every way in and out keeps: receive into a function, send one message, say how it ended.

A channel never decides anything. It hands every raw message to `take_in` and tells its peer "yours no longer" only
when `take_in` has returned (INV-4); it sends an `OutboundMessage` once and reports one of three ends:

    Exception
      DeliveryError            not delivered, and known not to be; `permanent` says whether trying again can help
        DeliveryUncertain      the peer may have taken it; only a person may decide (INV-9)
"""

from collections.abc import Awaitable, Callable
from typing import Protocol

from mail.message import ChannelName, OutboundMessage, RawMessage, Receipt

TakeIn = Callable[[RawMessage], Awaitable[bool]]
"""Commits a raw message durably; True when it is new, False when its key was known. Raises when it is not stored."""


class DeliveryError(Exception):
    """A message was not delivered. `stage` and `code` are safe to log; they hold no address and no peer's text."""

    def __init__(self, stage: str, code: int | None = None, *, permanent: bool) -> None:
        super().__init__(f"{stage} ({code})" if code is not None else stage)
        self.stage = stage
        self.code = code
        self.permanent = permanent


class DeliveryUncertain(DeliveryError):
    """The connection was lost after the peer may have taken the message (RFC 1047). Never tried again by itself."""

    def __init__(self, stage: str) -> None:
        super().__init__(stage, permanent=True)


class Channel(Protocol):
    """One way in and out. `open` starts receiving and returns; `close` ends it and lets begun work finish."""

    @property
    def name(self) -> ChannelName:
        """Which kind of message this channel carries."""
        ...

    async def open(self, take_in: TakeIn) -> None:
        """Begin to receive; every raw message goes to `take_in`."""
        ...

    async def close(self) -> None:
        """Stop receiving. Idempotent."""
        ...

    async def send(self, message: OutboundMessage) -> Receipt:
        """Deliver one message, or raise `DeliveryError` or `DeliveryUncertain`."""
        ...
