"""A mail's bytes to its parts, and its parts to what a person would read.

The standard library's parser has no limit to its depth, reads every line once for each open boundary, and leaves a
base64-encoded `message/rfc822` unread, so the tree is cut here: each part is a slice found by searching for its
boundary, to a fixed depth and number. What lies deeper is kept as an attachment and named in `problems`.

`read` answers one question: what would the reader of this mail see? The best of the alternatives, the text parts one
after another, forwarded mail below them, and beside that the list of all that is not text. Nothing is dropped: a
part that cannot be read is an attachment.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256

from mail import charsets, hypertext, transfer
from mail.fields import Header, parameters, split_header
from mail.message import Attachment

MAX_DEPTH = 40
MAX_PARTS = 1000
MAX_TEXT = 2_000_000
"""Longest text in characters that is handed on; the bytes stay whole in the store."""

TOO_DEEP = "TOO_DEEP"
TOO_MANY_PARTS = "TOO_MANY_PARTS"
NO_BOUNDARY = "NO_BOUNDARY"
TEXT_CUT = "TEXT_CUT"

_GUESSED_BOUNDARY = re.compile(
    rb"(?:\A|\r\n|\n)--([^\s-][^\r\n]{0,200}|-[^\r\n]{1,200}?)[ \t]*\r?\n(?:[!-9;-~]+:|\r?\n)"
)
_META_CHARSET = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([\w.:-]{2,40})", re.I)
_FLOWED_QUOTE = re.compile(r"(>*) ?(.*)", re.DOTALL)
_WORD = re.compile(r"\w+")
_REPORT_TEXT = frozenset(
    {"message/delivery-status", "message/disposition-notification", "message/feedback-report", "text/rfc822-headers"}
)
_SHOWN_FIELDS = ("from", "to", "date", "subject")


@dataclass(slots=True)
class Part:
    """One node of the tree. A leaf has `body`, transfer-decoded; a container has `children`."""

    header: Header
    media_type: str
    charset: str = ""
    options: dict[str, str] = field(default_factory=dict)
    disposition: str = ""
    name: str = ""
    body: bytes = b""
    children: list["Part"] = field(default_factory=list)

    @property
    def is_attached(self) -> bool:
        """Whether the sender attached the part rather than wrote it."""
        return self.disposition == "attachment"

    def walk(self) -> Iterator["Part"]:
        """This part and all below it, in order."""
        yield self
        for child in self.children:
            yield from child.walk()


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


_Span = tuple[int, int]


class _Budget:
    """How many parts may still be cut, and what went wrong on the way."""

    def __init__(self) -> None:
        self.parts = MAX_PARTS
        self.problems: list[str] = []


def parse(content: bytes) -> tuple[Part, list[str]]:
    """The tree of the mail's parts and the defects met. Never raises, whatever the bytes."""
    budget = _Budget()
    root = _part(content, (0, len(content)), "text/plain", 0, budget)
    root.header.charset = next((part.charset for part in root.walk() if part.charset), "")
    return root, budget.problems


def read(root: Part, problems: list[str]) -> Reading:
    """What a person sees of a parsed mail."""
    reading = Reading(problems=list(dict.fromkeys(problems)))
    own, forwarded = _Shown(), _Shown()
    _collect(root, reading, own, forwarded, inside=False)
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


def _part(content: bytes, span: _Span, default_type: str, depth: int, budget: _Budget) -> Part:
    """The part that `content` holds between two offsets: only leaves are copied out, so a large mail is not doubled."""
    budget.parts -= 1
    header, at = split_header(content, *span)
    media_type, options = parameters(header.first("content-type"))
    if not re.fullmatch(r"[\w.+-]+/[\w.+-]+", media_type):
        media_type = default_type if not media_type or media_type == "text" else "text/plain"
    disposition, file_options = parameters(header.first("content-disposition"))
    part = Part(
        header=header,
        media_type=media_type,
        charset=options.get("charset", ""),
        options=options,
        disposition=_disposition(disposition),
        name=file_options.get("filename") or options.get("name") or "",
    )
    if media_type.startswith("multipart/"):
        _cut_multipart(part, content, (at, span[1]), depth, budget)
    else:
        part.body = transfer.decoded(header, content[at : span[1]], textual=media_type.startswith("text/"))
        if media_type in {"message/rfc822", "message/global"}:
            _read_inner(part, depth, budget)
    return part


def _disposition(value: str) -> str:
    """RFC 2183, 2.8: an unknown word means `attachment`; what is not a word at all means nothing."""
    if value in {"", "inline"}:
        return value
    return "attachment" if re.fullmatch(r"[a-z][a-z0-9-]*", value) else ""


def _cut_multipart(part: Part, content: bytes, span: _Span, depth: int, budget: _Budget) -> None:
    if depth >= MAX_DEPTH or budget.parts <= 0:
        budget.problems.append(TOO_DEEP if depth >= MAX_DEPTH else TOO_MANY_PARTS)
        part.media_type, part.disposition, part.body = "application/octet-stream", "attachment", content[slice(*span)]
        return
    boundary = part.options.get("boundary", "").encode("utf-8", "replace")
    slices = _slices(content, span, boundary, budget.parts)
    if not slices:
        decoded = transfer.decoded(part.header, content[slice(*span)], textual=True)
        found = _GUESSED_BOUNDARY.search(decoded)
        slices = _slices(decoded, (0, len(decoded)), found[1], budget.parts) if found else []
        content = decoded
        budget.problems.append(NO_BOUNDARY)
        if not slices:
            part.media_type, part.body = "text/plain", decoded
            return
    inner = "message/rfc822" if part.media_type == "multipart/digest" else "text/plain"
    for piece in slices:
        if budget.parts <= 0:
            budget.problems.append(TOO_MANY_PARTS)
            rest = Part(Header([]), "application/octet-stream", disposition="attachment", body=content[slice(*piece)])
            part.children.append(rest)
            break
        part.children.append(_part(content, piece, inner, depth + 1, budget))


def _slices(body: bytes, span: _Span, boundary: bytes, most: int) -> list[_Span]:
    """The spans between the delimiter lines (RFC 2046, 5.1.1); the line break before a delimiter belongs to it."""
    if not boundary:
        return []
    first, last = span
    delimiter, start, at = b"--" + boundary, -1, first
    found: list[_Span] = []
    while (hit := body.find(delimiter, at, last)) >= 0:
        at = hit + len(delimiter)
        if hit > first and body[hit - 1] not in b"\r\n":
            continue
        closing = body[at : at + 2] == b"--"
        line_end = _line_end(body, at + 2 if closing else at, last)
        if line_end < 0:
            continue
        if start >= 0:
            found.append((start, _before_break(body, hit, start)))
        start = -1 if closing else line_end
        if closing or len(found) > most:
            break
        at = line_end
    if 0 <= start < last:
        found.append((start, last))
    return found


def _line_end(body: bytes, at: int, last: int) -> int:
    """Where the next line begins when only blanks follow on this one, else -1."""
    while at < last and body[at] in b" \t":
        at += 1
    if at >= last:
        return last
    if body[at : at + 2] == b"\r\n":
        return at + 2
    return at + 1 if body[at] in b"\r\n" else -1


def _before_break(body: bytes, at: int, start: int) -> int:
    if at - 2 >= start and body[at - 2 : at] == b"\r\n":
        return at - 2
    return max(start, at - 1)


def _read_inner(part: Part, depth: int, budget: _Budget) -> None:
    if depth >= MAX_DEPTH or budget.parts <= 0:
        budget.problems.append(TOO_DEEP if depth >= MAX_DEPTH else TOO_MANY_PARTS)
        return
    part.children.append(_part(part.body, (0, len(part.body)), "text/plain", depth + 1, budget))


def _collect(part: Part, reading: Reading, own: _Shown, forwarded: _Shown, *, inside: bool) -> None:
    shown = forwarded if inside else own
    if part.children and part.media_type in {"message/rfc822", "message/global"}:
        _attach(part, reading)
        _forwarded(part.children[0], reading, forwarded)
    elif part.media_type == "multipart/alternative":
        _alternatives(part, reading, own, forwarded, inside=inside)
    elif part.children:
        for child in part.children:
            _collect(child, reading, own, forwarded, inside=inside)
    elif part.media_type in _REPORT_TEXT:
        forwarded.add(charsets.decode(part.body, part.charset)[0])
    elif _is_written(part):
        if part.name:
            _attach(part, reading)
        shown.add(_text(part, reading, keep_html=None if inside else own))
    elif part.body or part.name or part.disposition:
        _attach(part, reading)


def _is_written(part: Part) -> bool:
    return part.media_type in {"text/plain", "text/html", "text/enriched", "text/richtext", "text/x-amp-html"} and (
        not part.is_attached
    )


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
        if child.media_type in {"text/enriched", "text/richtext", "text/x-amp-html"} and shown.has_text():
            continue
        _collect(child, reading, own, forwarded, inside=inside)


def _better(plain: str, rich: str) -> tuple[str, ...]:
    plain_words, rich_words = set(_WORD.findall(plain[:MAX_TEXT])), set(_WORD.findall(rich[:MAX_TEXT]))
    if not rich_words or not plain_words:
        return (plain,) if plain_words else (rich,)
    common = len(plain_words & rich_words)
    if common >= 0.7 * len(rich_words):
        return (plain,)
    return (rich,) if common >= 0.7 * len(plain_words) else (plain, rich)


def _text(part: Part, reading: Reading, keep_html: _Shown | None) -> str:
    declared = part.charset
    if part.media_type == "text/html" and (match := _META_CHARSET.search(part.body[:4096])):
        declared = (
            declared if declared.lower() not in {"", "us-ascii", "ascii"} else match[1].decode("ascii", "replace")
        )
    text, defect = charsets.decode(part.body, declared)
    reading.problem(defect)
    text = text[: 2 * MAX_TEXT].replace("\r\n", "\n").replace("\r", "\n")
    if part.media_type == "text/html":
        if keep_html is not None and not keep_html.html:
            keep_html.html = text
        return hypertext.text_of(text)
    if part.media_type in {"text/enriched", "text/richtext", "text/x-amp-html"}:
        return re.sub(r"<[^<>]{0,200}>", "", text)
    if part.options.get("format", "").lower() == "flowed":
        return _unflowed(text, delete_space=part.options.get("delsp", "").lower() == "yes")
    return _without_uuencoded(text, reading)


def _unflowed(text: str, *, delete_space: bool) -> str:
    """RFC 3676, 4: a line that ends in a space goes on in the next one of the same quote depth."""
    out: list[str] = []
    open_depth = -1
    for line in text.split("\n"):
        match = _FLOWED_QUOTE.match(line)
        marks, rest = (match[1], match[2]) if match else ("", line)
        depth = len(marks)
        if open_depth == depth and rest != "-- ":
            out[-1] += rest
        else:
            out.append(f"{marks} {rest}" if marks else rest)
        flows = rest.endswith(" ") and rest != "-- "
        if flows and delete_space:
            out[-1] = out[-1][:-1]
        open_depth = depth if flows else -1
    return "\n".join(out)


def _without_uuencoded(text: str, reading: Reading) -> str:
    """Attachments of the time before MIME stand in the text itself, between `begin` and `end`."""
    out, at = [], 0
    for _ in range(50):
        match = transfer.UUENCODED.search(text, at)
        if match is None:
            break
        data, length = transfer.uudecoded(text[match.end() :])
        if length < 0:
            out.append(text[at : match.end()])
            at = match.end()
            continue
        out.append(text[at : match.start()])
        at = match.end() + length
        name = charsets.clean_line(match[1])
        reading.attachments.append(_attachment(name, "application/octet-stream", data))
    return "".join(out) + text[at:]


def _show_attached_text(root: Part, reading: Reading, own: _Shown) -> None:
    """A mail whose only words are in an attached text file: the request is there, so it is read (THREATS 45)."""
    for part in root.walk():
        if part.media_type in {"text/plain", "text/html"} and part.is_attached and not part.children:
            own.add(_text(part, reading, keep_html=None))


def _attach(part: Part, reading: Reading) -> None:
    reading.attachments.append(_attachment(part.name, part.media_type, part.body))


def _attachment(name: str, media_type: str, data: bytes) -> Attachment:
    bare = charsets.clean_line(name).replace("\\", "/").rsplit("/", 1)[-1][:255]
    return Attachment(bare, media_type, len(data), sha256(data).hexdigest())


def _cut(text: str, reading: Reading) -> str:
    if len(text) > MAX_TEXT:
        reading.problem(TEXT_CUT)
        return text[:MAX_TEXT]
    return text
