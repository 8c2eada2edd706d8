"""The two readings of SMTP that need no socket: where a mail ends, and what a path says.

`DotDecoder` takes the octets after `354` in whatever pieces the network gives them. A mail ends at CRLF . CRLF and at
nothing else (RFC 5321, 4.1.1.4): any other spelling that one server takes for the end and the next one does not lets
a stranger write a second mail inside the first ("SMTP smuggling"). The doubled dot at a line's beginning is undone
(4.5.2); nothing else is changed, lines may be as long as they like, and memory is bounded whether or not a line ever
ends.
"""

import re
from io import BytesIO
from typing import Final

END: Final = b"\r\n.\r\n"
DOT: Final = b"\r\n."

# A path in angle brackets or bare; a source route before the colon is to be accepted and ignored (RFC 5321, C).
# The alternatives of the mailbox begin with different characters, so the search is linear.
_PATH: Final = re.compile(
    r'\s*(?:<(?:@[^<>:\s"]*:)?(?P<angled>(?:"(?:[^"\\]|\\.)*"|[^<>"\s])*)>|(?P<bare>[^<>"\s]+))(?:\s+(?P<rest>.*))?\Z'
)
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")


def read_path(argument: str) -> tuple[str, str] | None:
    """Split `<path> parameters` into the bare path and the parameters; None when it is no path.

    Lenient on purpose: the site's MTA has already judged the address, and a strange one must not cost a customer's
    mail. The null path `<>` is the empty string.
    """
    if _CONTROL.search(argument):
        return None
    match = _PATH.match(argument)
    if match is None:
        return None
    path = match["angled"] if match["angled"] is not None else match["bare"]
    return path, (match["rest"] or "").strip()


class DotDecoder:
    """Undoes SMTP's transparency piece by piece, keeps at most `limit` octets, and finds the end."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._whole = BytesIO()
        # The mail begins after the CRLF of the DATA command, so that a first line may be the lone dot.
        self._tail = END[:2]
        self._kept = -len(self._tail)
        self.is_too_large = False
        """True once more than `limit` octets came; what was kept is gone and the rest is only read past."""
        self.rest = b""
        """What came after the end: the beginning of the client's next commands."""

    @property
    def size(self) -> int:
        """Octets of content known so far, counted on beyond the limit."""
        return max(self._kept, 0)

    def feed(self, piece: bytes) -> bool:
        """Take the next octets; True when the end was among them."""
        held = self._tail + piece if self._tail else piece
        dot = held.find(DOT)
        end = held.find(END, dot) if dot >= 0 else -1
        if end >= 0:
            self.rest = held[end + len(END) :]
            self._keep(held[: end + 2], dot < end)
            return True
        # What may be the beginning of the end stays back until more is known.
        back = next(length for length in (4, 3, 2, 1, 0) if held.endswith(END[:length]))
        self._tail = held[len(held) - back :]
        self._keep(held[: len(held) - back], dot >= 0)
        return False

    def _keep(self, octets: bytes, has_dots: bool) -> None:
        plain = octets.replace(DOT, DOT[:2]) if has_dots else octets
        lead = max(0, -self._kept)  # what is left of the CRLF before the mail
        self._kept += len(plain)
        if self._kept > self._limit:
            self.is_too_large = True
            self._whole = BytesIO()
        else:
            self._whole.write(plain[lead:] if lead else plain)

    def content(self) -> bytes:
        """The mail, once `feed` has said True. Empties the decoder; the octets are handed over, not copied."""
        whole, self._whole = self._whole, BytesIO()
        return whole.getvalue()
