"""The channel of e-mail: its doors open and close together, and it sends by its relay."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from smtp_client import Store, connected

from mail.channel import Channel
from mail.maildir import MaildirRelay
from mail.message import OutboundMessage
from mail.post import EmailChannel
from mail.smtp import SmtpDoor

NOW = datetime(2026, 11, 23, 8, 30, tzinfo=UTC)


def door(port: int = 0) -> SmtpDoor:
    return SmtpDoor(
        host="127.0.0.1",
        port=port,
        protocol="smtp",
        hostname="demo.lampo.test",
        peers=["127.0.0.0/8"],
        size_limit=1_000_000,
        clock=lambda: NOW,
    )


async def test_mail_comes_in_by_every_door_and_goes_out_by_the_relay(tmp_path: Path) -> None:
    doors = [door(), door()]
    store = Store()
    channel: Channel = EmailChannel(doors, MaildirRelay(tmp_path, lambda: NOW))
    assert channel.name == "email"
    await channel.open(store.take_in)
    for one in doors:
        async with connected(one) as wire:
            await wire.begin(sender=f"p{one.port}@posti.test")
            assert (await wire.say("Subject: x\r\n\r\nx\r\n.")).startswith("250")
    await channel.close()
    await channel.close()
    assert len(store.taken) == 2
    message = OutboundMessage(
        kind="acknowledgement",
        channel="email",
        language="sv",
        subject="Mottaget",
        text="Tack för ditt meddelande.",
        reference="KIR-7QK4",
        message_id="<kir-7qk4.a@lampo.test>",
        to="astrid.pahitt@post.test",
        from_address="tietosuoja@lampo.test",
        automatic=True,
    )
    receipt = await channel.send(message)
    assert (tmp_path / "new" / receipt.text).exists()


async def test_when_one_door_cannot_be_opened_none_stays_open(tmp_path: Path) -> None:
    first = door()
    await first.open(Store().take_in)
    free = door()
    channel = EmailChannel([free, door(first.port)], MaildirRelay(tmp_path, lambda: NOW))
    with pytest.raises(OSError, match="in use"):
        await channel.open(Store().take_in)
    await first.close()
    with pytest.raises(ConnectionError):
        async with connected(free):
            pass
