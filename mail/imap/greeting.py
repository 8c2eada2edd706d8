"""The beginning of a conversation with an IMAP server: connect, secure, log in."""

import ssl
from contextlib import suppress
from typing import Any, Final

from imapclient import IMAPClient, SocketTimeout
from imapclient.exceptions import (
    CapabilityError,
    IMAPClientAbortError,
    IMAPClientError,
    LoginError,
)

from mail.imap.access import Access
from mail.imap.ends import ConnectionLost, LogInRefused, code_of, reason_of

CONNECT_SECONDS: Final = 30.0
READ_SECONDS: Final = 60.0
"""How long the server may be silent when it owes us an answer."""
_NOT_THE_PASSWORD: Final = frozenset({"UNAVAILABLE", "INUSE", "LIMIT", "SERVERBUG", "CONTACTADMIN"})
"""Response codes (RFC 5530) of a refused log-in that is not the fault of what we showed."""


def connect(access: Access) -> Any:
    """A client that has heard the server's greeting, over TLS where that is configured; never in clear instead."""
    timeout = SocketTimeout(CONNECT_SECONDS, READ_SECONDS)
    client: Any = None
    try:
        context = ssl.create_default_context(cafile=access.certificate_file) if access.tls != "none" else None
        client = IMAPClient(
            access.host, access.port, ssl=access.tls == "tls", ssl_context=context, timeout=timeout, use_uid=True
        )
        # The library would write the conversation, and the repr of every literal, into a debug log.
        client._imap.debug = 0
        if access.tls == "starttls":
            client.starttls(context)
    except (IMAPClientError, OSError, ValueError) as error:
        if client is not None:
            with suppress(Exception):
                client.shutdown()
        reason = reason_of(error)
        raise ConnectionLost("TLS" if isinstance(error, ssl.SSLError | CapabilityError) else reason) from None
    return client


def log_in(client: Any, access: Access) -> None:
    """Show the password or a token. Raises `ConnectionLost`, `LogInRefused`, `mail.tokens.TokenError`."""
    try:
        if access.tokens is not None:
            _show_token(client, access.user, access.tokens.token())
        elif not access.password.isascii() or client.has_capability("LOGINDISABLED"):
            client.plain_login(access.user, access.password)
        else:
            client.login(access.user, access.password)
    except LoginError as error:
        if isinstance(error.__context__, IMAPClientAbortError):
            raise ConnectionLost("CUT") from None
        if code_of(str(error)) in _NOT_THE_PASSWORD:
            raise ConnectionLost("UNREACHABLE") from None
        raise LogInRefused from None
    except (IMAPClientError, OSError, ValueError) as error:
        raise ConnectionLost(reason_of(error)) from None


def _show_token(client: Any, user: str, token: str) -> None:
    bearer = client.has_capability("AUTH=OAUTHBEARER") and not client.has_capability("AUTH=XOAUTH2")
    name = user.replace("=", "=3D").replace(",", "=2C")
    shown = f"n,a={name},\1auth=Bearer {token}\1\1" if bearer else f"user={user}\1auth=Bearer {token}\1\1"
    # A refusal comes as a challenge that holds the error; it is answered with nothing, then the NO follows.
    answers = iter((shown.encode(),))
    nothing = b"\1" if bearer else b""
    client.sasl_login("OAUTHBEARER" if bearer else "XOAUTH2", lambda _challenge: next(answers, nothing))
