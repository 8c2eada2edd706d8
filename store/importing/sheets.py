"""Tables out of files: CSV and XLSX as rows of cells, each with the number of its line.

A workbook is a ZIP of XML. Before a reader sees it, each of its parts is unpacked once and counted: a small file that
would fill the memory is refused (THREATS 50). The reader itself (calamine) knows no entities and runs no formulas.
"""

import csv
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path

from store.importing.encodings import SEPARATORS, Dialect, detect_dialect, detect_encoding, named_encoding
from store.register_lines import Problem

LARGEST_WORKBOOK = 512 << 20
"""Octets that the parts of a workbook may have when they are unpacked."""
MOST_PARTS = 2_000
LONGEST_CELL = 1 << 17
_CHUNK = 1 << 20

Line = tuple[int, list[str]] | Problem


class UnreadableFile(ValueError):
    """A file that cannot be read as a table; the text is one sentence without a value of the file."""


@dataclass(slots=True)
class Sheet:
    """One table of a file: its columns, its lines as they come, and what had to be told by looking."""

    columns: list[str]
    lines: Iterator[Line]
    found: str


def open_csv(path: Path, *, encoding: str = "", separator: str = "", quote: str = "", header: int = 1) -> Sheet:
    """A CSV file; what is not given is told by looking. Raises `UnreadableFile`."""
    try:
        code = named_encoding(encoding) if encoding else detect_encoding(path)
    except LookupError:
        raise UnreadableFile(f"there is no encoding {encoding}") from None
    try:
        seen = detect_dialect(path, code)
    except UnicodeDecodeError:
        raise UnreadableFile(f"is not {code.label} throughout") from None
    dialect = Dialect(separator or seen.separator, quote or seen.quote)
    lines = _csv_lines(path, code.codec, dialect)
    columns: list[str] = []
    for _ in range(header):
        first = next(lines, None)
        if first is None or isinstance(first, Problem):
            raise UnreadableFile("has no row of column names")
        columns = first[1]
    name = SEPARATORS.get(dialect.separator, "own separator")
    return Sheet(_names(columns), _of_width(lines, len(columns)), f"{code.label}, {name}, quoted by {dialect.quote}")


def _csv_lines(path: Path, codec: str, dialect: Dialect) -> Iterator[Line]:
    with path.open(encoding=codec, newline="") as file:
        reader = csv.reader(file, delimiter=dialect.separator, quotechar=dialect.quote, strict=True)
        line = 1
        while True:
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield Problem(line, "", f"not CSV: {error}")
                return  # nobody can tell where the next row begins
            except UnicodeDecodeError as error:
                yield Problem(line, "", f"not {error.encoding}")
                return
            if any(cell.strip() for cell in cells):
                yield line, cells
            line = reader.line_num + 1


def _of_width(lines: Iterator[Line], width: int) -> Iterator[Line]:
    for line in lines:
        if isinstance(line, Problem) or len(line[1]) == width:
            yield line
        else:
            yield Problem(line[0], "", f"has {len(line[1])} cells; there are {width} columns")


def _names(cells: list[str]) -> list[str]:
    """Column names as they are compared: trimmed, single spaces, lower case."""
    names = [" ".join(cell.replace("\ufeff", "").split()).casefold() for cell in cells]
    twice = {name for name in names if name and names.count(name) > 1}
    if twice:
        raise UnreadableFile(f"has the column {min(twice)} twice")
    return names


def open_xlsx(path: Path, *, sheet: str = "", header: int = 1) -> Sheet:
    """A table of a workbook, its first one unless `sheet` names another. Raises `UnreadableFile`."""
    _refuse_bomb(path)
    from python_calamine import CalamineError, load_workbook  # noqa: PLC0415 - only an import loads it

    try:
        book = load_workbook(str(path))
        name = sheet or book.sheet_names[0]
        if name not in book.sheet_names:
            raise UnreadableFile(f"has no sheet {sheet}")
        rows = book.get_sheet_by_name(name).iter_rows()
    except (CalamineError, IndexError) as error:
        raise UnreadableFile(f"is no workbook that can be read ({type(error).__name__})") from None
    numbered = ((line, [_text(cell) for cell in row]) for line, row in enumerate(rows, start=1))
    columns: list[str] = []
    for _ in range(header):
        columns = next(numbered, (0, []))[1]
    while columns and not columns[-1].strip():
        columns.pop()
    if not columns:
        raise UnreadableFile("has no row of column names")
    return Sheet(_names(columns), _cut(numbered, len(columns)), f"workbook, sheet {name}")


def _cut(lines: Iterator[tuple[int, list[str]]], width: int) -> Iterator[Line]:
    """Rows of a workbook are as wide as its widest; what stands right of the columns must be empty."""
    for line, cells in lines:
        if any(cell.strip() for cell in cells[width:]):
            yield Problem(line, "", "has a value in a column without a name")
        elif any(cell.strip() for cell in cells):
            yield line, (cells + [""] * width)[:width]


def _text(cell: int | float | str | bool | time | date | datetime | timedelta) -> str:
    """A cell as the text that a CSV file would hold; a whole number without `.0`, a date in ISO 8601."""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:
        return str(int(cell))
    if isinstance(cell, datetime):
        return cell.date().isoformat() if cell.time() == time() else cell.isoformat()
    return cell.isoformat() if isinstance(cell, date | time) else str(cell)


def _refuse_bomb(path: Path) -> None:
    """Unpack every part to nowhere, up to the limit: the sizes that a ZIP names of itself prove nothing."""
    total = 0
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
            if len(parts) > MOST_PARTS:
                raise UnreadableFile(f"is a workbook of more than {MOST_PARTS} parts")
            for part in parts:
                with archive.open(part) as unpacked:
                    while chunk := unpacked.read(_CHUNK):
                        total += len(chunk)
                        if total > LARGEST_WORKBOOK:
                            raise UnreadableFile(f"unpacks to more than {LARGEST_WORKBOOK >> 20} MiB")
    except (zipfile.BadZipFile, NotImplementedError, EOFError, RuntimeError, OSError) as error:
        raise UnreadableFile(f"is no workbook ({type(error).__name__})") from None
