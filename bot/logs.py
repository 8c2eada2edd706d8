"""Logs for operators: JSON lines on standard error, every record through one redactor, ids instead of people.

Code logs ids only; the redactor is for what slips in by way of libraries: addresses, telephone numbers, identity codes
and tokens are cut out of every string before it is written, and an exception is logged by its class, never its text.
"""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

_SECRETS = (
    # No word boundary before a token: in the Bot API's addresses it stands right behind the word `bot`.
    (re.compile(r"(?<!\d)\d{6,12}:[A-Za-z0-9_-]{30,}"), "[token]"),
    (re.compile(r"(?:\"[^\"]*\"|[^\s@<>\"'()]+)@[^\s@<>\"'()]+"), "[address]"),
    (re.compile(r"(?<!\d)\d{6}[-+–A-FU-Y]\d{3}[0-9A-Z](?![0-9A-Z])", re.IGNORECASE), "[identity code]"),
    # A full stop or colon beside a number ends a sentence or names it; with a digit beyond, it is a time or a version.
    (re.compile(r"(?<!\w)(?<!\d[.:/])(?:\+|00)?\(?\d[\d \u00a0()\u2010-\u2015-]{6,}\d(?!\w)(?![.:]\d)"), "[number]"),
)
_QUIET = ("httpx", "httpcore", "telegram", "uvicorn.access", "aiosqlite", "mail.log", "alembic")


def redact(text: str) -> str:
    """`text` without anything that looks like an address, a telephone number, an identity code or a token."""
    for pattern, instead in _SECRETS:
        text = pattern.sub(instead, text)
    return text


def configure(level: str = "INFO") -> None:
    """Send every record of the process, libraries' too, through the redactor to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[
                structlog.stdlib.add_log_level,
                structlog.stdlib.add_logger_name,
                structlog.stdlib.ExtraAdder(),
            ],
            processors=[
                structlog.processors.TimeStamper(fmt="iso", utc=True),
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _by_class,
                _redact_all,
                structlog.processors.JSONRenderer(ensure_ascii=False),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


def _by_class(_logger: Any, _name: str, record: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """An exception's text may quote a message: keep its class and the place, drop the rest."""
    information = record.pop("exc_info", None)
    if isinstance(information, tuple) and information[0] is not None:
        record["error"] = information[0].__name__
        trace = information[2]
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        if trace is not None:
            record["at"] = f"{trace.tb_frame.f_globals.get('__name__')}:{trace.tb_lineno}"
    return record


def _redact_all(_logger: Any, _name: str, record: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return {key: value if key == "timestamp" else _redacted(value) for key, value in record.items()}


def _redacted(value: Any) -> Any:
    """Numbers and truths as they are; everything else as text, redacted."""
    return value if value is None or isinstance(value, bool | int | float) else redact(str(value))
