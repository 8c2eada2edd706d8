"""What would the reader of this mail see?

The best of the alternatives, the text parts one after another, forwarded mail below them, and beside that the list of
all that is not text: the files that the sender attached, what Outlook packed into `winmail.dat`, and every part that no
one here can read. Nothing is dropped.
"""

import re
from dataclasses import dataclass, field
from hashlib import sha256
from urllib.parse import unquote_to_bytes

from mail import charsets, hypertext
from mail.message import Attachment
from mail.mime import Part
from mail.wording import MAX_TEXT, WRITTEN, wording

TEXT_CUT = "TEXT_CUT"

_WORD = re.compile(r"\w+")
_FORWARDED = frozenset({"message/rfc822", "message/global"})
_REPORT_TEXT = frozenset(
    {"message/delivery-status", "message/disposition-notification", "message/feedback-report", "text/rfc822-headers"}
)
_DATA = frozenset({"text/calendar", "text/vcard", "text/x-vcard", "text/directory", "text/css", "text/csv", "text/rtf"})
_DATA |= {"text/xml", "text/javascript"}
_SHOWN_FIELDS = ("from", "to", "date", "subject")
_OUTLOOK = frozenset({"application/ms-tnef", "application/vnd.ms-tnef"})
_PERCENT = re.compile(r"%[0-9A-Fa-f]{2}")
_BIDI = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_LONGEST_NAME = 255


@dataclass(slots=True)
class Reading:
    """What the reader of a mail sees."""

    text: str = ""
    own_text: str = ""
    """Without forwarded mails and reports: what the mail itself says."""
    html: str = ""
    """The HTML of the mail itself, when it has any; input for the search of quotation, never shown."""
    attachments: list[Attachment] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def problem(self, name: str) -> None:
        """Name a defect, once."""
        if name and name not in self.problems:
            self.problems.append(name)


def read(root: Part, problems: list[str]) -> Reading:
    """What a person sees of a parsed mail."""
    reading = Reading(problems=list(dict.fromkeys(problems)))
    own, forwarded = _Shown(), _Shown()
    _collect(root, reading, own, forwarded, inside=False)
    if not own.has_text() and not forwarded.has_text():
        _show_packed_text(root, own)
    if not own.has_text() and not forwarded.has_text():
        _show_attached_text(root, reading, own)
    reading.own_text = _cut(charsets.clean(own.text()), reading)
    rest = charsets.clean(forwarded.text())
    reading.text = _cut("\n\n".join(text for text in (reading.own_text, rest) if text.strip()), reading)
    reading.html = own.html
    return reading


class _Shown:
    """Pieces of text in reading order."""

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.html = ""

    def add(self, text: str) -> None:
        if text.strip():
            self.pieces.append(text.strip("\r\n"))

    def has_text(self) -> bool:
        return bool(self.pieces)

    def text(self) -> str:
        return "\n\n".join(self.pieces)


def _collect(part: Part, reading: Reading, own: _Shown, forwarded: _Shown, *, inside: bool) -> None:
    shown = forwarded if inside else own
    if part.children and part.media_type in _FORWARDED:
        _attach(part, reading)
        _forwarded(part.children[0], reading, forwarded)
    elif part.media_type == "multipart/alternative":
        _alternatives(part, reading, own, forwarded, inside=inside)
    elif part.children:
        for child in part.children:
            _collect(child, reading, own, forwarded, inside=inside)
    elif part.media_type in _REPORT_TEXT:
        forwarded.add(charsets.decode(part.body, part.charset)[0])
    elif part.media_type in WRITTEN and not part.is_attached:
        if part.name:
            _attach(part, reading)
        shown.add(_text(part, reading, keep_html=None if inside else own))
    elif part.body or part.name or part.disposition:
        _attach(part, reading)
        if _is_outlooks(part):
            _unpack(part.body, reading)


def _forwarded(inner: Part, reading: Reading, forwarded: _Shown) -> None:
    """A mail inside the mail: its header as a mail program shows it, then its text; its attachments are ours too."""
    lines = [f"{name.title()}: {text}" for name in _SHOWN_FIELDS if (text := inner.header.text(name))]
    forwarded.add("\n".join(lines))
    _collect(inner, reading, forwarded, forwarded, inside=True)


def _alternatives(part: Part, reading: Reading, own: _Shown, forwarded: _Shown, *, inside: bool) -> None:
    """The plain text when it says as much as the HTML, else the HTML, else both: nothing said in one form is lost."""
    plain, rich = _Shown(), _Shown()
    others: list[Part] = []
    for child in part.children:
        if child.media_type == "text/plain" and not child.is_attached:
            plain.add(_text(child, reading, keep_html=None))
            if child.name:
                _attach(child, reading)
        elif child.media_type == "text/html" or child.media_type.startswith("multipart/"):
            _collect(child, reading, rich, forwarded, inside=False)
        else:
            others.append(child)
    shown = forwarded if inside else own
    shown.html = shown.html or rich.html
    for text in _better(plain.text(), rich.text()):
        shown.add(text)
    for child in others:
        if child.media_type in WRITTEN and shown.has_text():
            continue
        _collect(child, reading, own, forwarded, inside=inside)


def _better(plain: str, rich: str) -> tuple[str, ...]:
    in_plain, in_rich = set(plain[:MAX_TEXT].split()), set(rich[:MAX_TEXT].split())
    if in_rich and len(in_plain & in_rich) >= 0.7 * len(in_rich):
        return (plain,)  # as in most mails: no need to look at the words without their commas
    plain_words, rich_words = set(_WORD.findall(plain[:MAX_TEXT])), set(_WORD.findall(rich[:MAX_TEXT]))
    if not rich_words or not plain_words:
        return (plain,) if plain_words else (rich,)
    common = len(plain_words & rich_words)
    if common >= 0.7 * len(rich_words):
        return (plain,)
    return (rich,) if common >= 0.7 * len(plain_words) else (plain, rich)


def _text(part: Part, reading: Reading, keep_html: _Shown | None) -> str:
    found = wording(part)
    reading.problem(found.defect)
    if keep_html is not None and not keep_html.html:
        keep_html.html = found.html
    for name, data in found.files:
        reading.attachments.append(_attachment(name, "application/octet-stream", data))
    return found.text


def _is_outlooks(part: Part) -> bool:
    return part.media_type in _OUTLOOK or part.name.lower() == "winmail.dat"


def _unpack(stream: bytes, reading: Reading) -> None:
    """The files inside a `winmail.dat`, and those in the messages attached to it, listed after it."""
    from mail import tnef  # noqa: PLC0415 - few mails need it

    opened = [tnef.contents(stream)]
    while opened:
        for file in packed.files if (packed := opened.pop()) else ():
            media_type = file.media_type or "application/octet-stream"
            reading.attachments.append(_attachment(file.name, media_type, file.data))
            opened.append(file.message)


def _show_packed_text(root: Part, own: _Shown) -> None:
    """A mail that says nothing outside its `winmail.dat`: the text inside is what Outlook would show."""
    from mail import rtf, tnef  # noqa: PLC0415 - few mails need it

    for part in root.walk():
        packed = tnef.contents(part.body) if _is_outlooks(part) else None
        if packed is None:
            continue
        text = packed.text
        if not text.strip() and packed.html:
            text = hypertext.text_of(charsets.decode(packed.html, packed.charset)[0])
        own.add(text if text.strip() else rtf.text_of(packed.rtf))


def _show_attached_text(root: Part, reading: Reading, own: _Shown) -> None:
    """A mail whose only words are in an attached text file: the request is there, so it is read (THREATS 45).

    A text of an unknown subtype is plain text (RFC 2046, 4.1.4), and read so where nothing else says anything.
    """
    for part in root.walk():
        attached = part.media_type in {"text/plain", "text/html"} and part.is_attached
        unknown = part.media_type.startswith("text/") and part.media_type not in WRITTEN | _DATA
        if (attached or unknown) and not part.children:
            own.add(_text(part, reading, keep_html=None))


def _attach(part: Part, reading: Reading) -> None:
    reading.attachments.append(_attachment(part.name, part.media_type, part.body))


def _attachment(name: str, media_type: str, data: bytes) -> Attachment:
    return Attachment(_bare_name(name), media_type, len(data), sha256(data).hexdigest())


def _bare_name(name: str) -> str:
    """A file's name to show: no folders, no control characters, no turned reading direction; a long one is cut."""
    shown = _BIDI.sub("", charsets.clean_line(name))
    if "%" in shown and " " not in shown:
        shown = _without_percents(shown)
    bare = shown.replace("\\", "/").rsplit("/", 1)[-1].strip()
    if len(bare) <= _LONGEST_NAME:
        return bare
    stem, dot, ending = bare.rpartition(".")
    return f"{stem[: _LONGEST_NAME - 17]}{dot}{ending}" if dot and len(ending) <= 16 else bare[:_LONGEST_NAME]


def _without_percents(name: str) -> str:
    """Some programs write a name as in a web address; a per cent sign that stands for itself is left alone."""
    try:
        plain = unquote_to_bytes(name).decode("utf-8")
    except UnicodeDecodeError:
        return name
    readable = plain.isprintable() and (" " in plain or not plain.isascii())
    return charsets.clean_line(plain) if readable and not _PERCENT.search(plain) else name


def _cut(text: str, reading: Reading) -> str:
    if len(text) > MAX_TEXT:
        reading.problem(TEXT_CUT)
        return text[:MAX_TEXT]
    return text
