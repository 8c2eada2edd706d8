"""What all commands stand on: the configuration's database, the clock, one clear sentence when something is wrong."""

import contextlib
import json
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, NoReturn, TypeVar
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session

from bot.config import ConfigError, Settings, resolve
from replies.notice import NoticeError
from store.database import Database, StoreUnusable
from store.ownership import AlreadyServed
from store.schema import require_current

T = TypeVar("T")

out = Console(width=None if sys.stdout.isatty() else 150)


class Unable(Exception):
    """A command cannot do what was asked; the text is one sentence that names the place and the mend."""


def now_utc() -> datetime:
    """The moment, aware, UTC."""
    return datetime.now(UTC)


def today(settings: Settings) -> date:
    """The controller's local date."""
    return now_utc().astimezone(ZoneInfo(settings.controller.time_zone)).date()


def fail(sentence: str) -> NoReturn:
    """Say it on standard error, one line, and exit 1."""
    print(f"kirjaamo: {sentence}", file=sys.stderr)
    raise typer.Exit(1)


def say(value: Any) -> None:
    """One JSON object on a line, whatever the terminal can show and whatever bytes a file's name is of."""
    readable = json.dumps(value, ensure_ascii=False)
    try:
        readable.encode(sys.stdout.encoding)
    except UnicodeEncodeError:
        readable = json.dumps(value)
    print(readable)


@contextlib.contextmanager
def said_clearly() -> Iterator[None]:
    """Turn what a person can mend into one sentence on standard error."""
    try:
        yield
    except (ConfigError, NoticeError, StoreUnusable, AlreadyServed, Unable) as error:
        fail(str(error))
    except OSError as error:
        fail(f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror or error))
    except SQLAlchemyError as error:
        fail(f"the database refused ({type(error).__name__}); `kirjaamo check` tells more")
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


def store_url(settings: Settings, config_path: Path) -> str:
    """The database's address, a relative SQLite file taken from the configuration's folder."""
    scheme, found, file = settings.store.url.partition("sqlite:///")
    if not found or scheme:
        return settings.store.url
    return f"sqlite:///{resolve(config_path, Path(file))}"


@contextlib.contextmanager
def opened(settings: Settings, path: Path, *, current: bool = True) -> Iterator[Database]:
    """The configuration's database; `current` refuses one whose tables are not this version's."""
    url = store_url(settings, path)
    file = url.removeprefix("sqlite:///")
    if current and file != url and not Path(file).exists():
        raise Unable(f"{file}: there is no database yet; `kirjaamo db upgrade` makes it")
    database = Database(url)
    try:
        if current:
            require_current(database)
        yield database
    finally:
        database.close()


def read(settings: Settings, path: Path, work: Callable[[Session], T]) -> T:
    """What `work` finds in the configuration's database."""
    with opened(settings, path) as database:
        return database.read_now(work)
