"""Letters on paper, rendered in a worker: neither the service nor a worker that reads mail loads the typesetter.

What a letter carries that can be printed is printed behind it, the very pages that were approved. A package for
machines cannot be; the letter's own words offer it.
"""

import io
from collections.abc import Sequence
from datetime import date

from mail.message import OutboundMessage
from replies.notice import Notice


def render_letter_message(message: OutboundMessage, notice: Notice, on: date) -> bytes:
    """The PDF of an outgoing letter; runs in a worker."""
    from replies.letter import render_letter, sender_lines  # noqa: PLC0415 - loads the typesetter, 8 MiB

    printed = [file.content for file in message.attachments if file.media_type == "application/pdf"]
    letter = render_letter(
        address_lines=message.address_lines,
        sender=sender_lines(notice),
        subject=message.subject,
        text=message.text,
        reference=message.reference,
        on=on,
        language="fi" if message.language == "other" else message.language,
        conforming=not printed,
    )
    return _behind(letter, printed) if printed else letter


def _behind(letter: bytes, others: Sequence[bytes]) -> bytes:
    """The letter's pages, then all pages of the others: what the printer gets, in one file."""
    import pypdfium2  # noqa: PLC0415 - loads the library that reads PDF, 7 MiB

    whole = pypdfium2.PdfDocument(letter)
    try:
        for other in others:
            source = pypdfium2.PdfDocument(other)
            whole.import_pages(source)
            source.close()
        content = io.BytesIO()
        whole.save(content)
        return content.getvalue()
    finally:
        whole.close()
