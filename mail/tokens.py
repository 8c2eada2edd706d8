"""Access tokens for mail servers that take no passwords (XOAUTH2; OAUTHBEARER of RFC 7628): where the next comes from.

A site gets its tokens in one of four ways: another program writes them into a file, a command prints them, Microsoft
gives them to a registered application, Google to a service account. Whoever logs in asks for one each time, from a
thread, because every way may block; who was refused with one says `forget` and asks once more. The libraries of the two
vendors are loaded when a configuration names them, and not before.

A token is a secret: none is ever in a log, in an error's text or on a command line.
"""

import importlib
import os
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Protocol

COMMAND_SECONDS: Final = 30.0
KEPT_SECONDS: Final = 300.0
"""How long a command's token is used again, so that a command is not run for each mail that leaves."""
LONGEST: Final = 16_384
"""Octets of the longest token taken; the vendors' own have 2,000 to 3,000."""
MICROSOFT_AUTHORITY: Final = "https://login.microsoftonline.com"
MICROSOFT_SCOPE: Final = "https://outlook.office365.com/.default"
"""All that the registered application was granted for mail, IMAP and submission alike."""
MICROSOFT_PERSONAL_SCOPES: Final = (
    "https://outlook.office365.com/IMAP.AccessAsUser.All",
    "https://outlook.office365.com/SMTP.Send",
)
GOOGLE_SCOPE: Final = "https://mail.google.com/"


class TokenError(Exception):
    """No token is to be had. The text is one short name, safe to log: `FILE`, `COMMAND`, `EMPTY`, `REFUSED` ..."""


class TokenSource(Protocol):
    """Gives the token for the next log-in."""

    def token(self) -> str:
        """A token that may be used now. May block for some seconds. Raises `TokenError`."""
        ...

    def forget(self) -> None:
        """The server refused the last one: do not give it again if another can be had."""
        ...


class FileToken:
    """A file that another program keeps fresh; read anew each time."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def token(self) -> str:
        """The file's first line."""
        try:
            with self._path.open("rb") as file:
                return _first_line(file.read(LONGEST + 1))
        except OSError:
            raise TokenError("FILE") from None

    def forget(self) -> None:
        """The next reading shows what is there then."""


class CommandToken:
    """A command that prints a token; its arguments as a list, run without a shell."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        seconds: float = COMMAND_SECONDS,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._command = tuple(command)
        self._seconds = seconds
        self._monotonic = monotonic
        self._kept = ""
        self._kept_until = 0.0

    def token(self) -> str:
        """The first line that the command prints, or the one it printed a moment ago."""
        if self._kept and self._monotonic() < self._kept_until:
            return self._kept
        try:
            done = subprocess.run(  # noqa: S603 - the operator's own command, as a list
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                timeout=self._seconds,
                check=True,
            )
        except subprocess.TimeoutExpired:
            raise TokenError("COMMAND_TOO_SLOW") from None
        except (OSError, subprocess.CalledProcessError):
            raise TokenError("COMMAND") from None
        self._kept = _first_line(done.stdout)
        self._kept_until = self._monotonic() + KEPT_SECONDS
        return self._kept

    def forget(self) -> None:
        """Run the command again next time."""
        self._kept = ""


class MicrosoftToken:
    """A registered application of Microsoft Entra: its own permission, or that of a person who once agreed."""

    def __init__(
        self,
        *,
        tenant: str,
        client_id: str,
        client_secret: str = "",
        refresh_token_file: Path | None = None,
        http_client: Any = None,
    ) -> None:
        """`client_secret` alone is the application's own permission (client credentials). With `refresh_token_file`
        the tokens are those of the person it was issued for; Microsoft replaces it now and then, so the file must be
        writable. `http_client` is the network, handed in by tests.
        """
        self._authority = f"{MICROSOFT_AUTHORITY}/{tenant}"
        self._client_id = client_id
        self._client_secret = client_secret
        self._refresh_token_file = refresh_token_file
        self._http_client = http_client
        self._application: Any = None

    def token(self) -> str:
        """The library keeps a token until shortly before its end; only then the network is asked."""
        try:
            answer = self._ask()
        except OSError:  # the library's network errors are OSErrors (requests), and so are the file's
            raise TokenError("UNREACHABLE") from None
        except ValueError:
            raise TokenError("CONFIGURATION") from None
        token = answer.get("access_token") if isinstance(answer, dict) else None
        if not isinstance(token, str):
            raise TokenError("REFUSED")
        return _first_line(token.encode())

    def forget(self) -> None:
        """Drop what the library keeps."""
        self._application = None

    def _ask(self) -> Any:
        if self._application is None:
            msal = importlib.import_module("msal")
            kind = msal.ConfidentialClientApplication if self._client_secret else msal.PublicClientApplication
            more = {"client_credential": self._client_secret} if self._client_secret else {}
            self._application = kind(
                self._client_id, authority=self._authority, http_client=self._http_client, timeout=30, **more
            )
        if self._refresh_token_file is None:
            return self._application.acquire_token_for_client(scopes=[MICROSOFT_SCOPE])
        return self._refresh(self._refresh_token_file)

    def _refresh(self, file: Path) -> Any:
        scopes = list(MICROSOFT_PERSONAL_SCOPES)
        for account in self._application.get_accounts():
            if answer := self._application.acquire_token_silent(scopes, account):
                return answer
        old = _first_line(file.read_bytes())
        answer = self._application.acquire_token_by_refresh_token(old, scopes=scopes)
        new = answer.get("refresh_token") if isinstance(answer, dict) else None
        if isinstance(new, str) and new != old:
            _replace(file, new)
        return answer


class GoogleToken:
    """A service account of Google that may act for the mailbox (domain-wide delegation)."""

    def __init__(self, *, key_file: Path, user: str) -> None:
        self._key_file = key_file
        self._user = user
        self._credentials: Any = None

    def token(self) -> str:
        """The kept one until shortly before its end, then a new one from the network."""
        google_errors = importlib.import_module("google.auth.exceptions")
        try:
            if self._credentials is None:
                accounts = importlib.import_module("google.oauth2.service_account")
                self._credentials = accounts.Credentials.from_service_account_file(
                    str(self._key_file), scopes=[GOOGLE_SCOPE], subject=self._user
                )
            if not self._credentials.valid:
                transport = importlib.import_module("google.auth.transport.requests")
                self._credentials.refresh(transport.Request())
        except google_errors.TransportError:
            raise TokenError("UNREACHABLE") from None
        except google_errors.RefreshError:
            raise TokenError("REFUSED") from None
        except (google_errors.GoogleAuthError, OSError, ValueError):
            raise TokenError("CONFIGURATION") from None
        return _first_line(str(self._credentials.token).encode())

    def forget(self) -> None:
        """Ask the network next time."""
        self._credentials = None


def _first_line(octets: bytes) -> str:
    """What a token may be (RFC 6750, 2.1): printable ASCII without blanks, one line."""
    line = octets.split(b"\n", 1)[0].strip()
    if not line:
        raise TokenError("EMPTY")
    if len(line) > LONGEST or not all(0x21 <= octet <= 0x7E for octet in line):
        raise TokenError("NO_TOKEN")
    return line.decode("ascii")


def _replace(file: Path, token: str) -> None:
    """Write the new refresh token so that a crash leaves the old one or the new one, readable by us alone."""
    fresh = file.with_name(f".{file.name}.new")
    with suppress(FileNotFoundError):
        fresh.unlink()
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "w", encoding="ascii") as sink:  # noqa: PTH123 - a descriptor, not a path
        sink.write(f"{token}\n")
        sink.flush()
        os.fsync(sink.fileno())
    fresh.replace(file)
