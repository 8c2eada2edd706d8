"""Letters on paper, rendered in a worker: neither the service nor a worker that reads mail loads the typesetter."""

from datetime import date

from mail.message import OutboundMessage
from replies.notice import Notice


def render_letter_message(message: OutboundMessage, notice: Notice, on: date) -> bytes:
    """The PDF of an outgoing letter; runs in a worker."""
    from replies.letter import render_letter, sender_lines  # noqa: PLC0415 - loads the typesetter, 8 MiB

    return render_letter(
        address_lines=message.address_lines,
        sender=sender_lines(notice),
        subject=message.subject,
        text=message.text,
        reference=message.reference,
        on=on,
        language="fi" if message.language == "other" else message.language,
    )
