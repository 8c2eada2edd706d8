"""The channel of e-mail: the doors by which mail comes in, and the relay by which it goes out."""

from collections.abc import Sequence
from typing import Protocol

from mail.channel import TakeIn
from mail.message import ChannelName, OutboundMessage, Receipt


class MailDoor(Protocol):
    """A way in for mail: an SMTP or LMTP port, a mailbox."""

    async def open(self, take_in: TakeIn) -> None:
        """Begin to receive."""

    async def close(self) -> None:
        """Stop receiving and let begun work finish. Idempotent."""


class Relay(Protocol):
    """A way out for mail."""

    async def send(self, message: OutboundMessage) -> Receipt:
        """Deliver one message, or raise `DeliveryError` or `DeliveryUncertain`."""


class EmailChannel:
    """`Channel` of e-mail."""

    def __init__(self, doors: Sequence[MailDoor], relay: Relay) -> None:
        self._doors = tuple(doors)
        self._relay = relay

    @property
    def name(self) -> ChannelName:
        """Always `email`."""
        return "email"

    async def open(self, take_in: TakeIn) -> None:
        """Open every door; when one cannot be opened, close those that were and raise its error."""
        opened: list[MailDoor] = []
        try:
            for door in self._doors:
                await door.open(take_in)
                opened.append(door)
        except BaseException:
            for door in opened:
                await door.close()
            raise

    async def close(self) -> None:
        """Close every door."""
        for door in self._doors:
            await door.close()

    async def send(self, message: OutboundMessage) -> Receipt:
        """Hand one message to the relay."""
        return await self._relay.send(message)
