"""One text part to the text a person would read: its charset, its own format, and what stands in it that is no text.

Plain text may be flowed (RFC 3676), enriched (RFC 1896) or hold encoded files between its lines; HTML goes through
`mail.hypertext`.
"""

import re
from typing import NamedTuple

from mail import charsets, hypertext, transfer
from mail.mime import Part

MAX_TEXT = 2_000_000
"""Longest text in characters that is handed on; the bytes stay whole in the store."""

WRITTEN = frozenset({"text/plain", "text/html", "text/enriched", "text/richtext", "text/x-amp-html"})
"""The media types that a person writes mail in."""

_SAYS_NOTHING = frozenset({"", "us-ascii", "ascii"})
_META_CHARSET = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([\w.:-]{2,40})", re.I)
_XML_ENCODING = re.compile(rb"\s*<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([\w.:-]{2,40})", re.I)
_HEAD = 4096
_FLOWED_QUOTE = re.compile(r"(>*)( ?)(.*)", re.DOTALL)
_PARAMETER = re.compile(r"<param>[^<]{0,2000}</param>", re.I)
_COMMAND = re.compile(r"<<|</?([A-Za-z0-9-]{1,60})>")
_SOFT_BREAK = re.compile(r"(?<!\n)\n(?!\n)|\n(?=\n)")
_MOST_FILES = 50


class Wording(NamedTuple):
    """What one text part says."""

    text: str
    html: str = ""
    """The HTML that `text` was made from, if any."""
    defect: str = ""
    """The charset's defect (`UNKNOWN_CHARSET` ...), or nothing."""
    files: tuple[tuple[str, bytes], ...] = ()
    """Name and data of each file that was written into the text."""


def wording(part: Part) -> Wording:
    """The readable text of a part whose media type is one of `WRITTEN`. Never raises."""
    declared = part.charset
    if part.media_type == "text/html" and declared.lower() in _SAYS_NOTHING:
        declared = _declared_inside(part.body) or declared
    body, packed = transfer.without_yenc(part.body) if b"=ybegin " in part.body else (part.body, [])
    text, defect = charsets.decode(body, declared)
    text = text[: 2 * MAX_TEXT].replace("\r\r\n", "\n").replace("\r\n", "\n").replace("\r", "\n")
    if part.media_type == "text/html":
        return Wording(hypertext.text_of(text), text, defect)
    if part.media_type == "text/x-amp-html":
        return Wording(hypertext.text_of(text), "", defect)
    if part.media_type in {"text/enriched", "text/richtext"}:
        return Wording(_unenriched(text), "", defect)
    if part.options.get("format", "").lower() == "flowed":
        text = _unflowed(text, delete_space=part.options.get("delsp", "").lower() == "yes")
    text, files = _without_uuencoded(text)
    return Wording(text, "", defect, (*files, *((charsets.decode(name)[0], data) for name, data in packed)))


def _declared_inside(html: bytes) -> str:
    """The charset that HTML or XML names in its own head; the bytes before it must be ASCII for it to be read so."""
    head = html[:_HEAD]
    match = _META_CHARSET.search(head) or _XML_ENCODING.match(head)
    name = match[1].decode("ascii", "replace") if match else ""
    return "" if name.lower().startswith(("utf-16", "utf-32", "utf-7")) else name


def _unenriched(text: str) -> str:
    """RFC 1896: commands in angle brackets, `<<` for the sign itself, single line ends that only wrap."""
    text = _COMMAND.sub(lambda found: "<" if found[1] is None else "", _PARAMETER.sub("", text))
    return _SOFT_BREAK.sub(lambda found: "" if text[found.end() : found.end() + 1] == "\n" else " ", text)


def _unflowed(text: str, *, delete_space: bool) -> str:
    """RFC 3676, 4: a line that ends in a space goes on in the next one of the same quote depth."""
    out: list[str] = []
    flowing: list[str] = []
    open_depth = -1
    for line in text.split("\n"):
        match = _FLOWED_QUOTE.match(line)
        marks, blank, rest = match.groups() if match else ("", "", line)
        depth = len(marks)
        if open_depth != depth or rest == "-- ":
            out.append("".join(flowing))
            flowing = [f"{marks}{blank}" if marks else ""]
        flows = rest.endswith(" ") and rest != "-- "
        flowing.append(rest[:-1] if flows and delete_space else rest)
        open_depth = depth if flows else -1
    return "\n".join([*out[1:], "".join(flowing)])


def _without_uuencoded(text: str) -> tuple[str, tuple[tuple[str, bytes], ...]]:
    """Attachments of the time before MIME stand in the text itself, between `begin` and `end`."""
    if "begin " not in text:
        return text, ()
    out: list[str] = []
    files: list[tuple[str, bytes]] = []
    at = 0
    for _ in range(_MOST_FILES):
        match = transfer.UUENCODED.search(text, at)
        if match is None:
            break
        data, end = transfer.uudecoded(text, match.end())
        if end < 0:
            out.append(text[at : match.end()])
            at = match.end()
            continue
        out.append(text[at : match.start()])
        at = end
        files.append((match[1], data))
    return "".join(out) + text[at:], tuple(files)
