"""The controller's settings: one TOML file, secrets also from files or the environment, each mistake one sentence.

Relative paths are relative to the folder of the file they stand in. A value from the environment
(`KIRJAAMO_RELAY__PASSWORD`) beats the file. An unknown key is refused with the nearest known name, because a setting
that is silently ignored is worse than none. Only `bot.app` and `bot.cli` read this; others are handed plain values.
"""

import difflib
import re
import tomllib
from pathlib import Path
from typing import Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import BaseModel, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, SettingsError

from bot.mail_tables import ImapTable, RelayTable, SmtpTable, Table

_UNION = "AT BE BG HR CY CZ DK EE FI FR DE GR HU IE IT LV LT LU MT NL PL PT RO SK SI ES SE"
EU_EEA = frozenset(f"{_UNION} IS LI NO".split())
"""Countries where personal data may be sent by the notice's promise (its section 8)."""

LONGEST_SIGNED_LOCAL = 31
"""Octets before the @ that leave room for a separator and a token (`mail.signed_address`)."""


class ConfigError(ValueError):
    """The configuration cannot be used; the text is one sentence a line, each naming the place and the mend."""


class ControllerTable(Table):
    """`[controller]`: whose desk this is."""

    name: str
    domain: str
    """Mail domain of our Message-IDs."""
    addresses: list[str] = Field(min_length=1)
    """Addresses that customers write to; the first is the sender of all that goes out."""
    subaddresses: bool = False
    """Whether `first+detail@domain` reaches the first address too: then answers and bounces are known by a token."""
    language: Literal["fi", "sv", "en"] = "fi"
    time_zone: str = "Europe/Helsinki"
    notice: Path = Path("notice.toml")
    """The privacy notice as data."""
    on_call_number: str = ""
    """Printed in acknowledgements for urgent faults."""
    duty_addresses: list[str] = Field(default=[])
    """Mailboxes told at once of a suspected fault, without personal data."""
    digest_addresses: list[str] = Field(default=[])
    """Staff mailboxes that get the daily counts."""

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError) as error:
            raise ValueError("is no time zone; write one such as Europe/Helsinki") from error
        return value

    @field_validator("addresses", "duty_addresses", "digest_addresses")
    @classmethod
    def _bare_addresses(cls, values: list[str]) -> list[str]:
        for value in values:
            if not re.fullmatch(r"[^@\s<>]+@[^@\s<>]+", value):
                raise ValueError("holds something that is no bare e-mail address")
        return values

    @model_validator(mode="after")
    def _room_for_a_token(self) -> Self:
        local = self.addresses[0].rpartition("@")[0]
        if self.subaddresses and len(local.encode()) > LONGEST_SIGNED_LOCAL:
            raise ValueError(
                f"subaddresses = true needs a first address of at most {LONGEST_SIGNED_LOCAL} letters before the @"
            )
        return self


class StoreTable(Table):
    """`[store]`: where everything is kept."""

    url: str = "sqlite:///kirjaamo.db"
    """`sqlite:///FILE` or `postgresql+psycopg://...`."""

    @field_validator("url")
    @classmethod
    def _known_kind(cls, value: str) -> str:
        if not re.match(r"sqlite:///.|postgresql\+psycopg://.", value):
            raise ValueError("is no store; write sqlite:///FILE or postgresql+psycopg://USER@HOST/NAME")
        return value


class LettersTable(Table):
    """`[letters]`: the scan folder in, the print spool out."""

    scans: Path
    spool: Path


class TelegramTable(Table):
    """`[telegram]`: off unless named. Staff cards hold no personal data."""

    token: SecretStr = SecretStr("")
    token_file: Path | None = None
    staff_chat: int | None = None
    customers: bool = False
    """True lets customers write to the bot; the notice must then name Telegram."""
    api: str = "https://api.telegram.org"
    rehearsal: Path | None = None
    """Instead of a token, for trying things out: nothing reaches the network, receipts go into this folder."""

    @model_validator(mode="after")
    def _not_both(self) -> Self:
        if self.rehearsal is not None and (self.token_file is not None or self.token.get_secret_value()):
            raise ValueError("names rehearsal and a token; a rehearsal has none")
        return self


class CanaryTable(Table):
    """`[canary]`: off unless named. A message to ourselves, which proves that mail still comes in."""

    address: str | list[str]
    """Which of `[controller] addresses` it is sent to: one, or one canary each for several."""
    every_minutes: int = Field(default=60, ge=5, le=1440)
    alarm_after_minutes: int = Field(default=15, ge=1, le=1440)
    """How long it may be on its way."""

    @property
    def addresses(self) -> tuple[str, ...]:
        """Each address once."""
        given = [self.address] if isinstance(self.address, str) else self.address
        return tuple(dict.fromkeys(given))


class WebTable(Table):
    """`[web]`: the review desk."""

    listen: str = "127.0.0.1:8080"
    public_url: str = "http://127.0.0.1:8080"
    """As staff reach it; https makes the cookies secure."""


class PolicyTable(Table):
    """`[policy]`: what the controller has settled."""

    hold_seconds: int = Field(default=60, ge=0, le=86_400)
    """How long an approved reply waits, so that it can be taken back."""
    eves_closed: bool = False
    customer_number_pattern: str = r"\d{4,8}"
    target_working_days: dict[str, int] = Field(default={"fault": 1, "billing": 5})

    @field_validator("customer_number_pattern")
    @classmethod
    def _compiles(cls, value: str) -> str:
        try:
            re.compile(value)
        except re.error as error:
            raise ValueError(f"is no regular expression: {error}") from error
        return value


class Settings(BaseSettings):
    """All tables. Made by `load_settings`."""

    model_config = SettingsConfigDict(
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        env_prefix="KIRJAAMO_",
        env_nested_delimiter="__",
        nested_model_default_partial_update=True,
    )

    controller: ControllerTable
    store: StoreTable = StoreTable()
    smtp: SmtpTable | None = None
    imap: dict[str, ImapTable] = {}
    relay: RelayTable
    letters: LettersTable | None = None
    telegram: TelegramTable | None = None
    canary: CanaryTable | None = None
    web: WebTable = WebTable()
    policy: PolicyTable = PolicyTable()

    @model_validator(mode="after")
    def _canary_to_ourselves(self) -> Self:
        """Each hour a mail to somebody else would be a nuisance, and would prove nothing."""
        if self.canary is not None and not set(self.canary.addresses) <= set(self.controller.addresses):
            raise ValueError("[canary] address: holds an address that is none of [controller] addresses")
        if self.canary is not None and not self.canary.addresses:
            raise ValueError("[canary] address: names no address; name one, or leave the table out")
        return self

    @field_validator("imap")
    @classmethod
    def _names_of_mailboxes(cls, tables: dict[str, ImapTable]) -> dict[str, ImapTable]:
        for name in tables:
            if not re.fullmatch(r"[a-z0-9_-]{1,40}", name):
                raise ValueError(f"the mailbox's name {name!r} must be of small letters, digits, - and _")
        return tables

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the library's signature
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the library's signature
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the library's signature
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment beats the file."""
        return (env_settings, init_settings)


def load_settings(path: Path) -> Settings:
    """Read and check the file. Raises `ConfigError`."""
    try:
        tables = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise ConfigError(f"{path}: there is no such file; give the configuration's path with --config") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: the file cannot be read ({type(error).__name__})") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: this is not TOML: {error}") from error
    _refuse_unknown(path, tables)
    try:
        settings = Settings(**tables)
    except ValidationError as error:
        raise ConfigError("\n".join(_sentence(path, one) for one in error.errors())) from error
    except SettingsError:
        # Not from the error: what could not be read may be a secret, and its text would quote it.
        raise ConfigError(
            "a variable KIRJAAMO_... of the environment cannot be read; name a key with TABLE__KEY"
        ) from None
    return settings


def resolve(settings_path: Path, path: Path) -> Path:
    """A path of the configuration, relative to the configuration's own folder."""
    return path if path.is_absolute() else settings_path.parent / path


def split_listen(listen: str) -> tuple[str, int]:
    """`host:port` in two, `[::1]:25` too. Raises `ConfigError`."""
    host, _, port = listen.rpartition(":")
    if not host or not port.isdigit() or int(port) > 65535:
        raise ConfigError(f"listen = {listen!r}: write host:port, such as 127.0.0.1:2525")
    return host.strip("[]"), int(port)


def read_secret(settings_path: Path, value: SecretStr, file: Path | None, what: str) -> str:
    """A secret from its file when one is named, else its own value. Raises `ConfigError` without telling it."""
    if file is None:
        return value.get_secret_value()
    try:
        return resolve(settings_path, file).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{what}: the file {file} cannot be read ({type(error).__name__})") from None


def _refuse_unknown(path: Path, tables: dict[str, Any]) -> None:
    wrong: list[str] = []
    known = Settings.model_fields
    for name, table in tables.items():
        if name not in known:
            wrong.append(f"{path}: there is no table [{name}]{_nearest(name, known)}")
            continue
        model = _model_of(known[name].annotation)
        named = table if name == "imap" and isinstance(table, dict) else {"": table}
        for inner, keys in named.items():
            if isinstance(keys, dict) and model is not None:
                wrong += [
                    f"{path}: [{name}{inner and f'.{inner}'}] has no key {key}{_nearest(key, model.model_fields)}"
                    for key in keys
                    if key not in model.model_fields
                ]
    if wrong:
        raise ConfigError("\n".join(wrong))


def _model_of(annotation: Any) -> type[BaseModel] | None:
    options = getattr(annotation, "__args__", (annotation,))
    return next((one for one in options if isinstance(one, type) and issubclass(one, BaseModel)), None)


def _nearest(name: str, known: Any) -> str:
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f"; did you mean {close[0]}?" if close else ""


def _sentence(path: Path, error: Any) -> str:
    place = [str(part) for part in error["loc"]]
    if place[:1] == ["imap"] and len(place) > 1:
        place[:2] = [f"imap.{place[1]}"]
    where = f"[{place[0]}] {'.'.join(place[1:])}".strip() if place else "the file"
    message = str(error["msg"]).removeprefix("Value error, ")
    return f"{path}: {where}: {message[:1].lower()}{message[1:]}"
