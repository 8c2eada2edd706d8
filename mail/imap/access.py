"""Where a mailbox is and how to log in to it: plain values, checked once."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from mail.tokens import TokenSource

Tls = Literal["none", "starttls", "tls"]
LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(frozen=True, slots=True)
class Access:
    """One mailbox on one server. Its `repr` tells no secret."""

    host: str
    port: int
    user: str
    tls: Tls = "tls"
    certificate_file: Path | None = None
    """Authority to trust instead of the system's; the host's name is checked all the same."""
    password: str = field(default="", repr=False)
    tokens: TokenSource | None = field(default=None, repr=False)
    """With it the log-in is XOAUTH2 or OAUTHBEARER, whichever the server has."""

    def __post_init__(self) -> None:
        if self.tls == "none" and self.host not in LOOPBACK:
            raise ValueError("a mailbox on another machine needs tls")
