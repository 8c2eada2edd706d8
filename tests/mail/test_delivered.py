"""Where a mail was delivered and addressed to, from whatever says so."""

from datetime import UTC, datetime

from mail.delivered import AT_MOST
from mail.message import Envelope, RawMessage
from mail.understand import Trust, understand

SIGNED = "asiakaspalvelu+abcdefghijklmnopqrstuvwxyz234567@lampo.test"


def delivered(fields: str, recipients: tuple[str, ...] = ()) -> tuple[str, ...]:
    """What is read of a mail with these fields, from this envelope."""
    content = f"From: aino@posti.test\r\n{fields}\r\n\r\nHei\r\n".encode()
    raw = RawMessage(
        "email", "smtp", content, "message/rfc822", Envelope("", recipients), datetime(2026, 3, 2, tzinfo=UTC)
    )
    return understand(raw, Trust()).delivered_to


def test_every_field_that_names_a_recipient_is_read_and_each_address_once() -> None:
    fields = "\r\n".join(
        [
            "Delivered-To: a@lampo.test",
            "Delivered-To: <b@lampo.test>",
            "X-Original-To: c@lampo.test",
            "Envelope-To: d@lampo.test",
            "X-Envelope-To: <e@lampo.test>",
            "X-Delivered-To: f@lampo.test",
            "To: Asiakaspalvelu <g@lampo.test>, a@lampo.test",
            "Cc: =?utf-8?q?P=C3=A4ivi?= <h@lampo.test>",
        ]
    )
    named = delivered(fields, ("z@lampo.test",))
    assert named == tuple(f"{letter}@lampo.test" for letter in "zabcdefgh")


def test_the_envelope_comes_first_and_many_recipients_are_bounded() -> None:
    crowd = ", ".join(f"u{number}@muu.test" for number in range(5000))
    named = delivered(f"To: {crowd}\r\nCc: {crowd}", (SIGNED,))
    assert named[0] == SIGNED
    assert len(named) == AT_MOST


def test_hostile_delivery_fields_hide_no_recipient_and_cost_little() -> None:
    many = "\r\n".join(f"Delivered-To: u{number}@muu.test" for number in range(1900))
    long = "X-Original-To: " + "a," * 30_000
    named = delivered(f"{many}\r\n{long}\r\nTo: {SIGNED}")
    assert SIGNED in named
    assert len(named) == 21


def test_a_mail_to_nobody_was_delivered_nowhere() -> None:
    assert delivered("Subject: x") == ()
    assert delivered("Delivered-To: \r\nTo: undisclosed-recipients:;", ("", "<>")) == ()
