"""Outgoing mail as files."""

import mailbox
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mail.channel import DeliveryError
from mail.maildir import MaildirRelay
from mail.message import OutboundMessage

NOW = datetime(2026, 11, 23, 8, 30, tzinfo=UTC)
REPLY = OutboundMessage(
    kind="reply",
    channel="email",
    language="fi",
    subject="Tietopyyntönne",
    text="Hyvä Aino,\nÄänekoskella yötä.\n",
    reference="KIR-7QK4",
    message_id="<kir-7qk4.1@lampo.test>",
    to="aino.esimerkkila@posti.test",
    from_name="Kalajoen Lämpö Oy",
    from_address="tietosuoja@lampo.test",
)


async def test_a_message_lies_in_new_and_can_be_read_by_any_mail_reader(tmp_path: Path) -> None:
    receipt = await MaildirRelay(tmp_path / "sent", lambda: NOW).send(REPLY)
    assert (tmp_path / "sent" / "new" / receipt.text).exists()
    assert receipt.at == NOW
    box = mailbox.Maildir(tmp_path / "sent", create=False)
    (message,) = box
    assert message["Message-ID"] == REPLY.message_id
    assert message["Return-Path"] == "<>"
    assert list((tmp_path / "sent" / "tmp").iterdir()) == []
    assert "aino" not in receipt.text


async def test_the_same_message_lies_there_once_even_when_it_was_read_meanwhile(tmp_path: Path) -> None:
    relay = MaildirRelay(tmp_path, lambda: NOW)
    first = await relay.send(REPLY)
    assert (await relay.send(replace(REPLY, text="another"))).text == first.text
    assert [file.name for file in (tmp_path / "new").iterdir()] == [first.text]
    (tmp_path / "new" / first.text).rename(tmp_path / "cur" / f"{first.text}:2,S")
    assert (await relay.send(REPLY)).text == first.text
    assert list((tmp_path / "new").iterdir()) == []


async def test_a_folder_that_cannot_be_written_may_be_tried_again(tmp_path: Path) -> None:
    (tmp_path / "sent").write_text("a file, not a folder")
    with pytest.raises(DeliveryError) as caught:
        await MaildirRelay(tmp_path / "sent", lambda: NOW).send(REPLY)
    assert (caught.value.stage, caught.value.permanent) == ("write", False)


async def test_a_message_that_cannot_be_written_is_refused_for_good(tmp_path: Path) -> None:
    with pytest.raises(DeliveryError) as caught:
        await MaildirRelay(tmp_path / "sent", lambda: NOW).send(replace(REPLY, to="a\r\nb@c.test"))
    assert caught.value.permanent
    assert not (tmp_path / "sent").exists()
