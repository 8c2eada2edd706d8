"""Stored bytes to messages, each in a worker process that can be killed (INV-8), in the order they came.

Mails share small workers. A scan may need a recognition engine, so letters have a worker of their own with limits of
their own, and a letter never makes a mail wait. A message that kills its worker comes out as what can be said without
reading it: that it is there, and why it could not be read.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import cast

from mail.message import ChannelName, Envelope, InboundMessage, RawMessage
from mail.understand import Trust, understand_pair, unread
from mail.worker import WorkerFailed, Workers
from store.messages import StoredRaw

log = logging.getLogger(__name__)


class Understanding:
    """Calls `mail.understand` in workers. `trusts` says per door whose word counts; an unnamed door trusts nobody."""

    def __init__(self, *, mail: Workers, letters: Workers, trusts: Mapping[str, Trust]) -> None:
        self._mail = mail
        self._letters = letters
        self._trusts = trusts

    async def __call__(self, stored: Sequence[StoredRaw]) -> list[InboundMessage]:
        """One message for each, in order; never raises for what they hold."""
        raws = [raw_of(one) for one in stored]
        scans = [index for index, raw in enumerate(raws) if raw.channel == "letter"]
        others = [index for index, raw in enumerate(raws) if raw.channel != "letter"]
        read = await asyncio.gather(
            self._map(self._mail, [raws[index] for index in others]),
            self._map(self._letters, [raws[index] for index in scans]),
        )
        by_index = dict(zip([*others, *scans], [*read[0], *read[1]], strict=True))
        return [by_index[index] for index in range(len(raws))]

    async def _map(self, workers: Workers, raws: Sequence[RawMessage]) -> list[InboundMessage]:
        return await understood(workers, [(raw, self._trusts.get(raw.door, Trust())) for raw in raws])


async def understood(workers: Workers, pairs: Sequence[tuple[RawMessage, Trust]]) -> list[InboundMessage]:
    """Each message as its worker read it, in order; what could not be read is shown unread."""
    if not pairs:
        return []
    answers = await workers.map(understand_pair, pairs)
    return [
        await _again(workers, pair, answer) if isinstance(answer, WorkerFailed) else answer
        for pair, answer in zip(pairs, answers, strict=True)
    ]


async def _again(workers: Workers, pair: tuple[RawMessage, Trust], failure: WorkerFailed) -> InboundMessage:
    """Once more for a worker that somebody else killed, or that was full of the messages before this one.

    Both have a fresh worker by then. A message that took too long is not read again.
    """
    if failure.reason in {"CRASHED", "MEMORY_LIMIT"}:
        try:
            return await workers.run(understand_pair, pair)
        except WorkerFailed as second:
            failure = second
    return _failed(pair[0], failure)


def raw_of(stored: StoredRaw) -> RawMessage:
    """A stored row as the value that came in."""
    return RawMessage(
        channel=cast("ChannelName", stored.channel),
        door=stored.door,
        content=stored.content,
        media_type=stored.media_type,
        envelope=Envelope(stored.envelope_sender, stored.envelope_recipients, stored.peer),
        received_at=stored.received_at,
        junk=stored.junk,
    )


def _failed(raw: RawMessage, failure: WorkerFailed) -> InboundMessage:
    log.warning("message not understood reason=%s door=%s", failure.reason, raw.door)
    return unread(raw, failure.reason)
