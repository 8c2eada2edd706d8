"""Transfer encodings: the octets that a part carries, whatever its encoder did wrong (RFC 2045, 6; uuencode, yEnc).

Real mail has padding in the middle, footers below the base64, blanks at the ends of uuencoded lines and encodings that
nobody ever defined. As much is decoded as is there.
"""

import binascii
import re

from mail.fields import Header

UUENCODED = re.compile(r"^begin [0-7]{3,4} ([^\n]{1,200})\n", re.M)
"""The first line of a uuencoded file within a text; the group is its name."""

_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="
_NOT_BASE64 = bytes(set(range(256)) - set(_BASE64))
_PLAIN = frozenset({b"7bit", b"8bit", b"7BIT", b"8BIT", b"binary"})
_SOFT_BREAK = re.compile(rb"=[ \t]+\r?\n")  # RFC 2045, 6.7, rule 3: blanks that a relay appended
_YENC_BEGIN = re.compile(rb"^=ybegin [^\r\n]{0,200}?name=([^\r\n]{1,200})\r?\n(?:=ypart [^\r\n]{0,200}\r?\n)?", re.M)
_YENC = bytes((octet - 42) % 256 for octet in range(256))
_STEP = 1024 * 1024
_BASE64_LINES = re.compile(rb"[A-Za-z0-9+/=\s]*")


def decoded(header: Header, body: bytes, *, textual: bool) -> bytes:
    """The octets of a part's body. An encoding that does not exist leaves them as they are; never raises."""
    value = header.first("content-transfer-encoding")
    if value in _PLAIN or not value:
        return body
    encoding = re.sub(r"[^a-z0-9]", "", value.decode("latin-1").lower().split(";")[0].split("(")[0])
    if encoding in {"base64", "xbase64", "b64"}:
        return _base64(body, textual=textual)
    if encoding == "quotedprintable":
        return binascii.a2b_qp(_SOFT_BREAK.sub(b"=\n", body))
    if encoding in {"xuuencode", "uuencode", "xuue", "uue"}:
        text = body.decode("latin-1").replace("\r\n", "\n")
        if match := UUENCODED.search(text):
            return uudecoded(text, match.end())[0]
    return body


def without_yenc(body: bytes) -> tuple[bytes, list[tuple[bytes, bytes]]]:
    """`body` without the yEnc blocks that stand in it, and the name and data of each (yEnc draft 1.3)."""
    out: list[bytes] = []
    files: list[tuple[bytes, bytes]] = []
    at = 0
    while (match := _YENC_BEGIN.search(body, at)) and (end := body.find(b"\n=yend", match.end() - 1)) >= 0:
        first, *escaped = body[match.end() : end].translate(None, b"\r\n").split(b"=")
        pieces = [bytes([(one[0] - 106) % 256]) + one[1:].translate(_YENC) for one in escaped if one]
        files.append((match[1], first.translate(_YENC) + b"".join(pieces)))
        out.append(body[at : match.start()])
        stop = body.find(b"\n", end + 1)
        at = stop + 1 if stop >= 0 else len(body)
    return b"".join(out) + body[at:], files


def _base64(body: bytes, *, textual: bool) -> bytes:
    """Decoded as far as it is base64; several padded runs are joined, a plain footer below a text is kept."""
    if textual and (line := _footer(body)) >= 0:
        return _base64(body[:line], textual=False) + body[line:]
    pieces: list[bytes] = []
    carry = b""
    for at in range(0, len(body), _STEP):  # in steps, so that a large attachment is not held in several forms at once
        *padded, rest = (carry + body[at : at + _STEP].translate(None, _NOT_BASE64)).split(b"=")
        pieces.extend(_run(run) for run in padded if run)
        whole = len(rest) // 4 * 4
        pieces.append(binascii.a2b_base64(rest[:whole]))
        carry = rest[whole:]
    pieces.append(_run(carry))
    return b"".join(pieces)


def _run(digits: bytes) -> bytes:
    """One run of base64 without its padding."""
    bare = digits[:-1] if len(digits) % 4 == 1 else digits
    return binascii.a2b_base64(bare + b"=" * (-len(bare) % 4))


def _footer(body: bytes) -> int:
    """Where plain lines begin below base64 ones, as list software adds them, or -1."""
    matched = _BASE64_LINES.match(body)
    clear = matched.end() if matched else 0
    if clear >= len(body):
        return -1
    line = body.rfind(b"\n", 0, clear)
    if line < 0:  # not even the first line is base64: nothing was encoded
        return 0 if b" " in body[: body.find(b"\n", clear) + 1 or len(body)].strip() else -1
    return line if b" " in body[line:].strip() else -1


def uudecoded(text: str, at: int = 0) -> tuple[bytes, int]:
    """The data of a uuencoded block whose first line begins at `at`, and where the block ends; -1 if it does not."""
    out: list[bytes] = []
    while at < len(text):
        stop = text.find("\n", at)
        stop = len(text) if stop < 0 else stop
        line = text[at:stop].rstrip("\r")
        if line.strip() == "end":
            return b"".join(out), min(stop + 1, len(text))
        try:
            out.append(binascii.a2b_uu(line.encode("latin-1", "replace")))
        except binascii.Error:
            try:  # as the standard library does it: some encoders leave blanks at the end of a line
                count = (((ord(line[0]) - 32) & 63) * 4 + 5) // 3
                out.append(binascii.a2b_uu(line[:count].encode("latin-1", "replace")))
            except (binascii.Error, IndexError):
                return b"".join(out), -1
        at = stop + 1
    return b"".join(out), -1
