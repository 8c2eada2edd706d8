"""Bounces and other answers of machines to what the house sent, as mail systems write them."""

from hashlib import sha256

from mail.message import Envelope, OutboundMessage
from tests.bot.house import DESK, House

DAEMON = "MAILER-DAEMON@mx.posti.test"


def dsn(
    sent: OutboundMessage,
    *,
    status: str = "5.1.1",
    action: str = "failed",
    failed: str = "",
    with_returned: bool = True,
) -> bytes:
    """A delivery status notification (RFC 3464) about `sent`, with the head of the mail that it returns."""
    recipient = failed or sent.to
    subject = "Undelivered Mail Returned to Sender" if action == "failed" else "Delayed Mail (still being retried)"
    number = sha256(f"{sent.message_id} {status} {action}".encode()).hexdigest()[:16]
    returned = f"""--=_b
Content-Type: text/rfc822-headers

From: {sent.from_address}
To: {sent.to}
Message-ID: {sent.message_id}

"""
    report = f"""From: Mail Delivery System <{DAEMON}>
To: {sent.envelope_sender or DESK}
Subject: {subject}
Auto-Submitted: auto-replied
Message-ID: <{number}@mx.posti.test>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="=_b"

--=_b
Content-Type: text/plain; charset=utf-8

This is the mail system at host mx.posti.test.

<{recipient}>: host mx.posti.test said: 550 {status} (in reply to RCPT TO)

--=_b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.posti.test

Final-Recipient: rfc822; {recipient}
Action: {action}
Status: {status}

{returned if with_returned else ""}--=_b--
"""
    return report.replace("\n", "\r\n").encode()


async def hand_in(house: House, content: bytes, *, to: str = DESK, envelope_sender: str = "") -> None:
    """Give the house a mail for this address, and lead it on."""
    await house.intake.take_in(house.raw(content, envelope=Envelope(envelope_sender, (to,), "127.0.0.1")))
    await house.work()
