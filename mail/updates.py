"""What one update of the Telegram Bot API is: whose it is, the bytes that stand for it, and what a person would read.

Pure values (Bot API, `Update`): nothing here knows a network, so a worker can read a chat message without loading one.

    destination(update) -> staff | customer | why it is nobody's
    raw_message(update) -> the bytes and the moment of receipt that intake stores
    read_update(raw)    -> the message as a person would read it

A customer types what he likes; none of it is believed. His chat's id is the envelope's sender, the name he gave
himself is shown, and there is no address: a chat says nothing of who somebody is until a loop-back code has.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from mail import charsets
from mail.message import Attachment, Automatic, Envelope, InboundMessage, RawMessage

Update = Mapping[str, Any]

STAFF: Final = "staff"
CUSTOMER: Final = "customer"

NO_TEXT: Final = "NO_TEXT"
"""The message has no words of its own: a picture, a voice, a place on the map."""
FILE_NOT_FETCHED: Final = "FILE_NOT_FETCHED"
"""A file lies with the chat network and is listed only; staff must ask for it another way."""
EDITED: Final = "EDITED"
"""The writer changed an earlier message; this is the later wording."""
FORWARDED: Final = "FORWARDED"
"""The words are another person's, passed on."""
UNREADABLE: Final = "UNREADABLE"

_FILES: Final = {
    "document": ("", "application/octet-stream"),
    "voice": ("voice.ogg", "audio/ogg"),
    "audio": ("audio", "audio/mpeg"),
    "video": ("video.mp4", "video/mp4"),
    "video_note": ("video.mp4", "video/mp4"),
    "animation": ("animation.mp4", "video/mp4"),
    "sticker": ("sticker.webp", "image/webp"),
}
_WORDLESS: Final = frozenset({"location", "venue", "contact", "poll", "dice"})
_CONTENT: Final = frozenset({"text", "caption", "photo"}) | _FILES.keys() | _WORDLESS
_START: Final = "/start"


def destination(update: Update, staff_chat: int | None) -> str:
    """`STAFF`, `CUSTOMER`, or `ignored:` and the reason.

    Every press of a button is staff's to judge, wherever it comes from. What somebody says in private is a customer's,
    but for the bare `/start` that the client itself sends when a chat is opened.
    """
    if isinstance(update.get("callback_query"), Mapping):
        return STAFF
    message = _message(update)
    chat = message.get("chat")
    if not isinstance(chat, Mapping):
        return "ignored:other_kind"
    if staff_chat is not None and chat.get("id") == staff_chat:
        return STAFF
    if chat.get("type") != "private":
        return "ignored:not_private"
    if not _CONTENT & message.keys():
        return "ignored:service_message"
    return "ignored:start" if message.get("text") == _START else CUSTOMER


def raw_message(update: Update, now: datetime) -> RawMessage:
    """The update as intake stores it; received at the earlier of `now` and the network's own date (INV-4)."""
    message = _message(update)
    return RawMessage(
        channel="chat",
        door="telegram",
        content=json.dumps(update, sort_keys=True, separators=(",", ":")).encode("ascii"),
        media_type="application/json",
        envelope=Envelope(sender=str(message["chat"]["id"])),
        received_at=min(now, _moment(message.get("edit_date") or message.get("date")) or now),
    )


def read_update(raw: RawMessage) -> InboundMessage:
    """What a person would read in a stored update. Never raises: what it cannot read it shows as `UNREADABLE`."""
    try:
        update = json.loads(raw.content)
        return _read(update if isinstance(update, dict) else {})
    except (ValueError, TypeError, AttributeError, RecursionError):
        return InboundMessage(
            channel="chat",
            automatic=Automatic(may_acknowledge=False, reasons=(UNREADABLE,)),
            problems=(UNREADABLE,),
        )


def _read(update: Update) -> InboundMessage:
    message = _message(update)
    text = _text(message.get("text")) or _text(message.get("caption"))
    attachments = tuple(_attachments(message))
    problems = [
        name
        for name, holds in (
            (NO_TEXT, not text.strip()),
            (FILE_NOT_FETCHED, bool(attachments)),
            (EDITED, "edited_message" in update),
            (FORWARDED, "forward_origin" in message),
        )
        if holds
    ]
    sent = _moment(message.get("date"))
    writer = message.get("from")
    read = InboundMessage(
        channel="chat",
        from_text=_name(writer),
        date=sent.isoformat() if sent else "",
        text=text,
        new_text=text,
        attachments=attachments,
        problems=tuple(problems),
    )
    if isinstance(writer, Mapping) and writer.get("is_bot") is True:
        return replace(read, automatic=Automatic("auto_reply", may_acknowledge=False, reasons=("BOT",)))
    return read


def _message(update: Update) -> Mapping[str, Any]:
    for kind in ("message", "edited_message"):
        message = update.get(kind)
        if isinstance(message, Mapping):
            return message
    return {}


def _text(value: object) -> str:
    return charsets.clean(value) if isinstance(value, str) else ""


def _line(value: object) -> str:
    return charsets.clean_line(value) if isinstance(value, str) else ""


def _name(writer: object) -> str:
    if not isinstance(writer, Mapping):
        return ""
    name = " ".join(filter(None, (_line(writer.get(part)) for part in ("first_name", "last_name"))))
    handle = _line(writer.get("username"))
    return f"{name} (@{handle})".strip() if handle else name


def _attachments(message: Mapping[str, Any]) -> list[Attachment]:
    found = []
    photo = message.get("photo")
    if isinstance(photo, list) and photo and isinstance(photo[-1], Mapping):
        found.append(Attachment("photo.jpg", "image/jpeg", _size(photo[-1]), ""))
    for kind, (name, media_type) in _FILES.items():
        part = message.get(kind)
        if isinstance(part, Mapping):
            given, given_type = _line(part.get("file_name")), _line(part.get("mime_type"))
            found.append(Attachment(given or name, given_type or media_type, _size(part), ""))
    # An animation is told twice, the second time as a document for older clients.
    return found[1:] if "animation" in message and "document" in message else found


def _size(part: Mapping[str, Any]) -> int:
    size = part.get("file_size")
    return size if isinstance(size, int) and size >= 0 else 0


def _moment(seconds: object) -> datetime | None:
    """The network's Unix time, aware, UTC; None for what is none."""
    if not isinstance(seconds, int) or isinstance(seconds, bool):
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):
        return None
