"""Reading a register handed over as JSON Lines: one value a line, and each line that cannot be read named by number."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong in a file, and where. It names the field, never the value."""

    line: int
    field: str
    reason: str


def parsed(lines: Iterable[str | bytes]) -> Iterator[tuple[int, Any]]:
    """Number and JSON value of each line that is not blank; a `Problem` in place of what cannot be read."""
    for number, line in enumerate(lines, start=1):
        try:
            text = line.decode("utf-8") if isinstance(line, bytes) else line
            text = text.removeprefix("\ufeff") if number == 1 else text
            if text.strip():
                yield number, _storable(json.loads(text, parse_constant=_refuse_constant), text)
        except UnicodeDecodeError as error:
            yield number, Problem(number, "", f"not UTF-8 at octet {error.start + 1}")
        except json.JSONDecodeError as error:
            yield number, Problem(number, "", f"not JSON: {error.msg} at character {error.colno}")
        except ValueError as error:
            yield number, Problem(number, "", str(error))
        except RecursionError:
            yield number, Problem(number, "", "not JSON that can be read: nested too deeply")


def _storable(value: Any, text: str) -> Any:
    """Refuse what JSON can write and a database cannot keep: NUL and half a surrogate pair."""
    if "\\u0000" in text or "\0" in text:
        raise ValueError("holds a NUL character")
    if "\\ud" in text.lower():
        try:
            json.dumps(value, ensure_ascii=False).encode("utf-8")
        except UnicodeEncodeError:
            raise ValueError("holds half a character (an unpaired surrogate)") from None
    return value


def _refuse_constant(name: str) -> None:
    raise ValueError(f"not JSON: {name} is no number")
