"""The tables of the configuration that say how mail comes in and goes out: `[smtp]`, `[imap.NAME]`, `[relay]`."""

import re
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
"""This machine."""


class Table(BaseModel):
    """What all tables have in common."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


def split_nameserver(value: str) -> tuple[str, int]:
    """`192.0.2.53`, `192.0.2.53:5353`, `2001:db8::53` or `[2001:db8::53]:5353` as address and port."""
    if found := re.fullmatch(r"\[([0-9a-fA-F:.]+)\](?::(\d{1,5}))?|([0-9.]+):(\d{1,5})", value):
        return found[1] or found[3], int(found[2] or found[4] or 53)
    return value, 53


class DoorTable(Table):
    """What every way in for mail says about whose word counts there: `[smtp]`, `[imap.NAME]`."""

    authserv_id: str = ""
    """Whose `Authentication-Results` are believed; `exchange-online` for the nameless ones of that service; none, when
    empty."""
    own_hosts: list[str] = []
    """Host names of the site's MTA, as they stand in its Received fields."""
    results_position: Literal["above", "below"] = "above"
    verify: bool = False
    """Check SPF, DKIM and DMARC here, by DNS, where no believed result stands in a mail."""
    nameservers: list[str] = []
    """Addresses, or address:port, that are asked then; the system's when empty."""
    arc_sealers: list[str] = []
    """Domains of forwarders whose sealed results (RFC 8617) are believed where forwarding broke the sender's own."""

    @field_validator("nameservers")
    @classmethod
    def _addresses_of_servers(cls, values: list[str]) -> list[str]:
        for value in values:
            host, port = split_nameserver(value)
            ip_address(host)
            if not 0 < port < 65536:
                raise ValueError(f"{value} names no port")
        return values


class SmtpTable(DoorTable):
    """`[smtp]`: the door that the site's MTA hands mail to."""

    listen: str = "127.0.0.1:2525"
    protocol: Literal["smtp", "lmtp"] = "smtp"
    peers: list[str] = ["127.0.0.0/8", "::1/128"]
    """Networks that may connect: the site's MTA, nobody else."""
    size_limit: int = Field(default=50 * 1024 * 1024, ge=1024)
    """Octets."""

    @field_validator("peers")
    @classmethod
    def _networks(cls, values: list[str]) -> list[str]:
        for value in values:
            ip_network(value, strict=False)
        return values


class TokenTable(Table):
    """The ways to an access token, for servers that take no passwords: `[imap.NAME]`, `[relay]`. At most one."""

    token_file: Path | None = None
    """A file that another program keeps fresh; its first line is the token."""
    token_command: list[str] = []
    """A command that prints a token, as a list of words; no shell."""
    oauth: Literal["", "microsoft", "google"] = ""
    """The service that gives tokens."""
    oauth_tenant: str = ""
    """Microsoft: the directory's id."""
    oauth_client_id: str = ""
    """Microsoft: the registered application's id."""
    oauth_client_secret: SecretStr = SecretStr("")
    oauth_client_secret_file: Path | None = None
    oauth_refresh_token_file: Path | None = None
    """Microsoft: the refresh token of a person who agreed, instead of the application's own permission."""
    oauth_key_file: Path | None = None
    """Google: the service account's key, as JSON."""

    @property
    def has_tokens(self) -> bool:
        """Whether the log-in is by token."""
        return self.token_file is not None or bool(self.token_command) or bool(self.oauth)

    @model_validator(mode="after")
    def _one_way_to_tokens(self) -> Self:
        if sum((self.token_file is not None, bool(self.token_command), bool(self.oauth))) > 1:
            raise ValueError("names more than one of token_file, token_command and oauth; keep one")
        if self.oauth == "google" and self.oauth_key_file is None:
            raise ValueError('oauth = "google" needs oauth_key_file')
        if self.oauth == "microsoft":
            secret = self.oauth_client_secret.get_secret_value() or self.oauth_client_secret_file
            if not (self.oauth_tenant and self.oauth_client_id and (secret or self.oauth_refresh_token_file)):
                raise ValueError(
                    'oauth = "microsoft" needs oauth_tenant, oauth_client_id, and oauth_client_secret_file '
                    "or oauth_refresh_token_file"
                )
        return self


class ImapTable(DoorTable, TokenTable):
    """`[imap.NAME]`: a mailbox that is read."""

    host: str
    port: int = Field(default=993, ge=1, le=65535)
    tls: Literal["none", "starttls", "tls"] = "tls"
    user: str
    password: SecretStr = SecretStr("")
    password_file: Path | None = None
    certificate_file: Path | None = None
    """Certificates to trust instead of the system's."""
    region: str = ""
    """Country code of where the server stands."""
    folders: list[str] = Field(default=["INBOX"], min_length=1)
    junk: str = "auto"
    """The junk folder, read too; `auto` finds the one that the server marks, empty reads none."""
    done: str = "Kirjaamo/Done"
    """Where messages go that have been taken; empty leaves them where they are."""
    adopt: Literal["all", "new"] = "all"
    """What is taken from a folder that is read for the first time."""
    poll_seconds: float = Field(default=60.0, ge=0.1, le=1500)
    """How often every folder is looked at."""
    size_limit: int = Field(default=50 * 1024 * 1024, ge=1024)
    """Octets; a larger message stays in its folder and is shown as parked."""

    @model_validator(mode="after")
    def _can_be_read(self) -> Self:
        password = bool(self.password.get_secret_value()) or self.password_file is not None
        if password == self.has_tokens:
            raise ValueError("needs one of password_file, token_file, token_command and oauth")
        if self.tls == "none" and self.host not in LOOPBACK:
            raise ValueError('tls = "none" is for a server on this machine only')
        if self.done and self.done in (*self.folders, self.junk):
            raise ValueError("reads the folder that taken messages go to; name another for done")
        return self


class RelayTable(TokenTable):
    """`[relay]`: the way out for mail: the site's submission server, or a Maildir for trying things out."""

    host: str = ""
    port: int = Field(default=587, ge=1, le=65535)
    tls: Literal["none", "starttls", "tls"] = "starttls"
    user: str = ""
    password: SecretStr = SecretStr("")
    password_file: Path | None = None
    certificate_file: Path | None = None
    """Certificates to trust besides the system's."""
    envelope: Literal["signed", "plain"] = "signed"
    """`signed`: acknowledgements leave with the null path, all else with a signed bounce address, where subaddresses
    are on. `plain`: everything leaves with our first address, for servers that let us send as nobody else."""
    region: str = ""
    """Country code of where the server stands: personal data leave through it."""
    maildir: Path | None = None
    """Write every mail into this Maildir instead of sending it."""

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if not self.host and self.maildir is None:
            raise ValueError("needs host (the submission server) or maildir (a folder for trying things out)")
        if self.has_tokens and (self.password.get_secret_value() or self.password_file is not None):
            raise ValueError("names a password and a way to tokens; keep one")
        if self.has_tokens and not self.user:
            raise ValueError("needs user, the account that the tokens are for")
        return self
