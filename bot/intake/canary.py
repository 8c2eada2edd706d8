"""Recognises our own canary among what comes in, and nothing else: whatever says anything more is not one.

Four things must agree: it is from an address of ours, its text holds the token of a canary that has not come back yet,
and its subject and its whole text are those that we wrote. A second copy, and one with another's words in it, are mail
like any other.
"""

import re
from collections.abc import Collection
from datetime import datetime
from typing import Final

from sqlmodel import Session

from mail.message import InboundMessage
from store import canaries
from store.messages import StoredRaw
from store.models.facts import normalise_email

LONGEST: Final = 2000
"""Characters of text above which nothing is a canary."""
_TOKEN = re.compile(r"(?<![0-9a-z])[0-9a-f]{32}(?![0-9a-z])")


def came_home(
    session: Session, raw: StoredRaw, message: InboundMessage, own_addresses: Collection[str], now: datetime
) -> bool:
    """Whether the message is a canary that was waited for; then it is noted as arrived at `now`, by the raw's door.

    `own_addresses` are normalised.
    """
    ours = normalise_email(message.from_address) in own_addresses
    if not ours or message.attachments or len(message.text) > LONGEST:
        return False
    found = _TOKEN.search(message.text)
    sent = canaries.expected(session, found[0]) if found else None
    if sent is None or _plain(message.text) != _plain(sent.text) or _plain(message.subject) != _plain(sent.subject):
        return False
    return canaries.note_arrival(session, sent.id, at=now, door=raw.door, junk=raw.junk or bool(message.suspected))


def _plain(text: str) -> str:
    """Without regard to how lines were broken on the way."""
    return " ".join(text.split())
