"""The files that the desk hands to staff: a message as it came, and what a reply carries."""

from dataclasses import dataclass

from sqlmodel import Session

from store.models import AttachmentFile, Draft, Message, RawMessageRow, Ticket


@dataclass(frozen=True, slots=True)
class FileFacts:
    """A file to hand to staff. `name` is what it is called, never a path."""

    name: str
    content: bytes


def raw_file(session: Session, message_id: int) -> FileFacts | None:
    """The bytes of a message as they came; None when there are none or they are erased.

    The file is named by the ticket's reference and the message's number: a name holds no personal data.
    """
    message = session.get(Message, message_id)
    raw = session.get(RawMessageRow, message.raw_id) if message is not None and message.raw_id is not None else None
    if message is None or raw is None or raw.content is None:
        return None
    ticket = session.get(Ticket, message.ticket_id) if message.ticket_id is not None else None
    ending = _ENDINGS.get(raw.media_type, "bin")
    return FileFacts(f"{ticket.reference if ticket else 'viesti'}-{message_id}.{ending}", raw.content)


_ENDINGS = {
    "message/rfc822": "eml",
    "application/pdf": "pdf",
    "image/png": "png",
    "image/jpeg": "jpg",
    "image/tiff": "tif",
    "application/json": "json",
}


def draft_file(session: Session, draft_id: int, position: int) -> FileFacts | None:
    """The file at `position` (from 0) of those that a draft carries, so that who approves it can read it."""
    draft = session.get(Draft, draft_id)
    if draft is None or not 0 <= position < len(draft.attachments):
        return None
    named = draft.attachments[position]
    stored = session.get(AttachmentFile, str(named.get("sha256", "")))
    return None if stored is None else FileFacts(str(named.get("name", "")), stored.content)
