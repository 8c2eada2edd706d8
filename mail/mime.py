"""A mail's bytes to its parts.

The standard library's parser has no limit to its depth, reads every line once for each open boundary, and leaves a
base64-encoded `message/rfc822` unread, so the tree is cut here: each part is a slice found by searching for its
boundary, to a fixed depth and number. What lies deeper is kept as an attachment and named in `problems`.
What a reader of the mail would see is made of the tree in `mail.reading`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from mail import charsets, transfer
from mail.fields import Header, parameters, split_header

MAX_DEPTH = 40
MAX_PARTS = 1000

TOO_DEEP = "TOO_DEEP"
TOO_MANY_PARTS = "TOO_MANY_PARTS"
NO_BOUNDARY = "NO_BOUNDARY"

_GUESSED_BOUNDARY = re.compile(
    rb"(?:\A|\r\n|\n)--([^\s-][^\r\n]{0,200}|-[^\r\n]{1,200}?)[ \t]*\r?\n(?:[!-9;-~]+:|\r?\n)"
)


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
    if not root.header.charset and not all(field.value.isascii() for field in root.header.fields):
        texts = (part.body for part in root.walk() if part.media_type.startswith("text/") and part.body)
        root.header.charset = charsets.likely(next(texts, b""))
    return root, budget.problems


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
    """RFC 2183, 2.8: an unknown word means `attachment`; a form's field or what is not a word at all means nothing."""
    if value in {"", "inline"}:
        return value
    if value == "form-data":  # RFC 7578: what was typed into a form; a file has a name
        return ""
    return "attachment" if re.fullmatch(r"[a-z][a-z0-9-]*", value) else ""


def _cut_multipart(part: Part, content: bytes, span: _Span, depth: int, budget: _Budget) -> None:
    if depth >= MAX_DEPTH or budget.parts <= 0:
        budget.problems.append(TOO_DEEP if depth >= MAX_DEPTH else TOO_MANY_PARTS)
        part.media_type, part.disposition, part.body = "application/octet-stream", "attachment", content[slice(*span)]
        return
    boundary = part.options.get("boundary", "").encode("utf-8", "replace")
    slices = _slices(content, span, boundary, budget.parts)
    if not slices and boundary and content[slice(*span)].strip() in {b"--" + boundary, b"--" + boundary + b"--"}:
        return  # opened and closed with nothing in between
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
