"""How a conversation with an IMAP server ends, in words of our own: three errors, and what the library's mean.

ConnectionLost    cut, silent, or not to be understood any more: of no further use
Denied           the server said NO or BAD to one command; the connection may be used on
LogInRefused      the password or the token was not taken
"""

import re
import socket
import ssl
from typing import Final

from imapclient.exceptions import (
    IMAPClientAbortError,
    ProtocolError,
)

_CODE: Final = re.compile(r"\[([A-Z][A-Z-]*)")


class ConnectionLost(Exception):
    """The connection is of no further use. `reason`: `UNREACHABLE`, `TLS`, `CUT`, `SILENT`, `GARBLED`, `CLOSED`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Denied(Exception):
    """The server would not do one thing. `what` is the command, `code` the response code (RFC 5530) or empty."""

    def __init__(self, what: str, code: str = "") -> None:
        super().__init__(f"{what} {code}".strip())
        self.what = what
        self.code = code


class LogInRefused(Exception):
    """The server does not take what we show; trying again soon would only lock the account."""


def code_of(said: str) -> str:
    """The response code (RFC 5530) in what the server said; empty where there is none."""
    found = _CODE.search(said)
    return found.group(1) if found else ""


def reason_of(error: Exception) -> str:
    """Which of our words fits what the library raised."""
    if isinstance(error, ssl.SSLError) and not isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return "TLS"
    if isinstance(error, TimeoutError):
        return "SILENT"
    if isinstance(error, ConnectionRefusedError | socket.gaierror):
        return "UNREACHABLE"
    if isinstance(error, ProtocolError | ValueError):
        return "GARBLED"
    if isinstance(error, IMAPClientAbortError) and "unexpected" in str(error):
        return "GARBLED"
    return "CUT"
