"""The canary of a house, and the way that it takes: out through the relay, back in through a door."""

from collections.abc import Mapping
from datetime import timedelta
from email.message import EmailMessage
from email.policy import SMTP
from hashlib import sha256
from types import MappingProxyType
from typing import Any

from bot.canary import Canary
from mail.message import Envelope, OutboundMessage, RawMessage
from tests.bot.house import DESK, House

EVERY, ALARM_AFTER = timedelta(hours=1), timedelta(minutes=15)


def canary_of(house: House, *addresses: str, staff: tuple[str, ...] = ("tiimi@lampo.test",)) -> Canary:
    """A canary to these addresses; to none, one that is switched off."""
    return Canary(
        database=house.database,
        clock=house.clock,
        addresses=addresses,
        every=EVERY,
        alarm_after=ALARM_AFTER,
        language="fi",
        time_zone="Europe/Helsinki",
        staff=staff,
        desk_url="http://desk.test",
        new_message_id=house.new_message_id,
        new_token=lambda: sha256(str(next(house.numbers)).encode()).hexdigest()[:32],
    )


def returned(
    sent: OutboundMessage,
    house: House,
    changed: Mapping[str, Any] = MappingProxyType({}),
    *,
    door: str = "smtp",
    junk: bool = False,
) -> RawMessage:
    """What the site's mail server hands back of a message that was sent to ourselves; `changed` fields of it differ."""
    mail = EmailMessage(policy=SMTP)
    mail["Received"] = f"from out.lampo.test by mx.lampo.test with ESMTP id {changed.get('copy', 1)}"
    mail["From"] = changed.get("sender", sent.from_address or DESK)
    mail["To"] = sent.to
    mail["Subject"] = changed.get("subject", sent.subject)
    mail["Message-ID"] = changed.get("message_id", sent.message_id)
    mail.set_content(changed.get("text", sent.text))
    envelope = Envelope(changed.get("envelope", DESK), (sent.to,), "127.0.0.1")
    return RawMessage("email", door, mail.as_bytes(), "message/rfc822", envelope, house.clock(), junk)
