"""The shell round every answer: security headers, a bound on what may be sent in, and no trace of a failure.

It is the outermost layer, so that also a page that is not found, a refused form and a mistake of ours carry headers.
"""

import logging

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LARGEST_BODY = 512 * 1024
"""Octets of a form; the longest letter is far below."""

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; "
        "base-uri 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Robots-Tag": "noindex, nofollow",
    "Cache-Control": "no-store",
}
"""On every answer. Only the style sheet and the mark set a `Cache-Control` of their own."""

_log = logging.getLogger(__name__)


class TooLarge(Exception):
    """More was sent than a form can be."""


class Shell:
    """Wraps the application."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; anything that fails inside becomes a bare 500 and one line in the log."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = False

        async def send_with_headers(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                _add_headers(message)
            await send(message)

        try:
            await self._app(scope, _bounded(scope, receive), send_with_headers)
        except Exception as error:  # noqa: BLE001 - the text of an exception may hold personal data: it goes nowhere
            _log.error("desk_page_failed", extra={"error": type(error).__name__})
            if begun:
                return
            await _send_plain(send_with_headers, 500, b"500\n")


def _bounded(scope: Scope, receive: Receive) -> Receive:
    announced = Headers(scope=scope).get("content-length", "0")
    too_large = not announced.isdigit() or int(announced) > LARGEST_BODY
    taken = 0

    async def receive_bounded() -> Message:
        nonlocal taken
        if too_large:
            raise TooLarge
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > LARGEST_BODY:
            raise TooLarge
        return message

    return receive_bounded


def _add_headers(message: Message) -> None:
    headers = MutableHeaders(scope=message)
    for name, value in HEADERS.items():
        headers.setdefault(name, value)


async def _send_plain(send: Send, status: int, body: bytes) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
