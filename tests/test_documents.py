"""The documents say what is true: each command, setting, path, state, sentence and link is held against the code.

A document that promises what is not there costs somebody an evening. What these tests cannot know (whether a page
is understood) stays with its readers.
"""

import ast
import re
import shlex
import tomllib
from collections.abc import Iterator, Mapping
from enum import StrEnum
from functools import cache
from pathlib import Path

import pytest
import typer.main
from PIL import Image
from typer.core import TyperCommand, TyperGroup

from bot.cli import app
from bot.config import Settings
from store import lifecycle
from store.models import ContactKind, CustomerKind, IdentifierKind, Source, StaffRole
from store.register_shape import Entry, register_schema
from tests import test_house as house

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = (
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "SECURITY.md",
    "deploy/HANDBOOK.md",
)
PICTURES = ("docs/desk.png", "docs/ticket.png", "docs/letter.png")
LARGEST_PICTURE = 300_000
PLACES = ("bot", "mail", "store", "replies", "tests", "deploy", "docs", ".ci")


@pytest.fixture(params=DOCUMENTS)
def document(request: pytest.FixtureRequest) -> str:
    """Name of a document; the test runs for each."""
    name: str = request.param
    return name


def text_of(name: str) -> str:
    """A document's text."""
    return (ROOT / name).read_text("utf-8")


def section(text: str, title: str) -> str:
    """What stands under a heading, up to the next of its rank or higher."""
    found = re.search(rf"^(#+) {re.escape(title)}[^\n]*\n(.*?)(?=^#{{1,2}} |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found, f"there is no section {title}"
    body: str = found.group(2)
    return body if found.group(1) == "##" else re.split(r"^### ", body, flags=re.MULTILINE)[0]


def rows(text: str) -> Iterator[list[str]]:
    """The cells of each row of each table, heads and rules left out."""
    lines = text.splitlines()
    for at, line in enumerate(lines):
        below = lines[at + 1] if at + 1 < len(lines) else ""
        if line.startswith("|") and not line.startswith("|---") and not below.startswith("|---"):
            yield [cell.strip() for cell in line.strip().strip("|").split("|")]


def code_words(text: str) -> list[str]:
    """All that stands between single backticks, fenced blocks left out."""
    return re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL))


def command_lines(text: str) -> Iterator[list[str]]:
    """The words after `kirjaamo` of every command that the text names, in code or in indented blocks."""
    blocks = [line.strip() for line in text.splitlines() if line.startswith("    ")]
    for line in [*code_words(text), *blocks]:
        if found := re.match(r"(?:.*[ /])?kirjaamo ([a-z].*)$", line):
            yield shlex.split(found.group(1), comments=True)


@cache
def commands() -> dict[str, TyperCommand]:
    """Every command of the program by its full name."""
    found: dict[str, TyperCommand] = {}

    def walk(command: object, name: str) -> None:
        if isinstance(command, TyperGroup):
            for word, inner in command.commands.items():
                walk(inner, f"{name} {word}".strip())
        else:
            assert isinstance(command, TyperCommand)
            found[name] = command

    walk(typer.main.get_command(app), "")
    return found


def named(words: list[str]) -> str | None:
    """Which command a line calls."""
    return next((name for size in (2, 1) if (name := " ".join(words[:size])) in commands()), None)


@cache
def sentences() -> tuple[str, ...]:
    """Every string that the program's source holds, the pieces between an f-string's values too."""
    found = []
    for package in house.PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            tree = ast.parse(path.read_text("utf-8"))
            found += [
                node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)
            ]
    return tuple(found)


def test_every_command_that_a_document_names_exists(document: str) -> None:
    for words in command_lines(text_of(document)):
        name = named(words)
        assert name, f"{document}: kirjaamo {' '.join(words)}: there is no such command"
        known = {option for parameter in commands()[name].params for option in parameter.opts} | {"--help"}
        used = {word for word in words if word.startswith("--")}
        assert used <= known, f"{document}: kirjaamo {name} has no {', '.join(sorted(used - known))}"


def test_the_readme_names_every_command() -> None:
    told = {named(words) for words in command_lines(text_of("README.md"))}
    assert set(commands()) - told == set()


def test_every_make_target_that_a_document_names_exists(document: str) -> None:
    targets = set(re.findall(r"^([a-z]+):", text_of("Makefile"), re.MULTILINE))
    text = text_of(document)
    blocks = [line.strip() for line in text.splitlines() if line.startswith("    ")]
    used = {found.group(1) for line in [*code_words(text), *blocks] if (found := re.match(r"make ([a-z]+)", line))}
    assert used <= targets, document


def test_the_handbook_explains_every_setting_and_no_other() -> None:
    text = text_of("deploy/HANDBOOK.md")
    for table, field in Settings.model_fields.items():
        options = getattr(field.annotation, "__args__", (field.annotation,))
        model = next(option for option in options if hasattr(option, "model_fields"))
        told = {cells[0].strip("`") for cells in rows(section(text, f"`[{table}]`"))}
        assert told == set(model.model_fields), table
    assert set(re.findall(r"^### `\[(\w+)\]`", text, re.MULTILINE)) == set(Settings.model_fields)


def test_every_setting_that_a_document_sets_exists(document: str) -> None:
    known = {key for table in tomllib.loads(text_of("deploy/kirjaamo.toml")).values() for key in table}
    known |= set(re.findall(r"^# (\w+) = ", text_of("deploy/kirjaamo.toml"), re.MULTILINE)) | {"version", "dated"}
    for word in code_words(text_of(document)):
        if found := re.match(r"(\w+) = (?:\"|true|false|\d)", word):
            assert found.group(1) in known, f"{document}: {word}"
        if found := re.fullmatch(r"\[(\w+)\](?: (\w+))?", word):
            table, key = found.groups()
            assert table in Settings.model_fields, f"{document}: {word}"
            assert key is None or key in known, f"{document}: {word}"


def test_every_path_that_a_document_names_exists(document: str) -> None:
    for word in code_words(text_of(document)):
        path, _, test = word.partition("::")
        if re.match(rf"(?:{'|'.join(map(re.escape, PLACES))})/", path) and not re.search(r"[<>*{ ]|NAME", path):
            assert (ROOT / path).exists(), f"{document}: {path} is not there"
            source = (ROOT / path).read_text("utf-8") if test else ""
            assert not test or re.search(rf"^(?:async )?def {test}\(", source, re.MULTILINE), f"{document}: {word}"


def test_no_link_is_dead(document: str) -> None:
    text = text_of(document)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        path, _, anchor = target.partition("#")
        if "://" in target:
            continue
        place = (ROOT / document).parent / path if path else ROOT / document
        assert place.exists(), f"{document}: {target}"
        assert not anchor or anchor in anchors(place.read_text("utf-8")), f"{document}: {target}"


def anchors(text: str) -> set[str]:
    """The names that a forge gives to headings."""
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_there_and_light(name: str) -> None:
    path = ROOT / name
    assert path.stat().st_size < LARGEST_PICTURE
    with Image.open(path) as picture:
        assert 300 < picture.height <= 1400
        assert 600 < picture.width <= 1280


def test_the_import_table_is_the_one_that_is_kept() -> None:
    text = section(text_of("ARCHITECTURE.md"), "Who may import whom")
    table = {cells[0].strip("`"): set(re.findall(r"`([\w.]+)`", cells[1])) for cells in rows(text) if len(cells) == 2}
    assert table == {row: set(places) for row, places in house.MAY_IMPORT.items()}
    assert all(f"`{name}`" in text for name in house.APP_SIDE)


@pytest.mark.parametrize(
    ("title", "moves"),
    [
        ("Ticket", lifecycle.TICKET_MOVES),
        ("Draft", lifecycle.DRAFT_MOVES),
        ("Outbox", lifecycle.OUTBOX_MOVES),
    ],
)
def test_the_state_tables_are_those_of_the_code(title: str, moves: Mapping[StrEnum, frozenset[StrEnum]]) -> None:
    told, first = {}, ""
    for cells in rows(section(text_of("ARCHITECTURE.md"), title)):
        state = re.match(r"`(\w+)`( \(first\))?$", cells[0])
        assert state, cells[0]
        told[state.group(1)] = set(re.findall(r"`(\w+)`", cells[1]))
        first = state.group(1) if state.group(2) else first
    assert told == {old.value: {new.value for new in news} for old, news in moves.items()}
    assert first == lifecycle.FIRST_STATES[type(next(iter(moves)))].value


def test_every_way_to_end_a_ticket_is_told() -> None:
    text = text_of("ARCHITECTURE.md")
    assert all(f"`{ended.value}`" in text for ended in lifecycle.Resolution)


def test_the_handbook_describes_every_field_of_the_register() -> None:
    text = section(text_of("deploy/HANDBOOK.md"), "The customer register")
    told = {cells[0].strip("`"): " ".join(cells[1:]) for cells in rows(text)}
    shape = register_schema()
    assert set(told) == set(shape["properties"])
    for field, part in shape["properties"].items():
        reference = part.get("items", {}).get("$ref", "").rpartition("/")[2]
        inner = shape["$defs"][reference]["properties"] if reference else {}
        missing = [name for name in inner if f"`{name}`" not in told[field]]
        assert missing == [], field
    for words in (ContactKind, CustomerKind, IdentifierKind, Source):
        assert [word.value for word in words if f"`{word.value}`" not in text] == []


def test_the_handbooks_example_of_a_customer_would_be_taken_in() -> None:
    example = re.search(r"^```json\n(.*?)^```", text_of("deploy/HANDBOOK.md"), re.MULTILINE | re.DOTALL)
    assert example
    assert Entry.model_validate_json(example.group(1)).customer_number == "100234"


def test_the_handbook_names_every_role() -> None:
    text = section(text_of("deploy/HANDBOOK.md"), "Staff")
    assert [role.value for role in StaffRole if f"`{role.value}`" not in text] == []


def test_the_handbook_names_every_figure_that_is_measured() -> None:
    text = section(text_of("deploy/HANDBOOK.md"), "Monitoring and logs")
    told = {word.removeprefix("kirjaamo_") for word in code_words(text) if word.startswith("kirjaamo_")}
    source = text_of("bot/health.py")
    assert told
    assert all(f'"{name}"' in source for name in told)
    gauges = re.findall(r'\("(\w+)", "', source)
    assert set(gauges) == told


def test_every_sentence_in_the_troubleshooting_is_one_that_the_program_says() -> None:
    text = section(text_of("deploy/HANDBOOK.md"), "Troubleshooting")
    told = [cells[0].strip("`") for cells in rows(text) if cells[0].startswith("`")]
    told += [
        cells[0].strip("`")
        for cells in rows(section(text_of("deploy/HANDBOOK.md"), "Monitoring and logs"))
        if cells[0].startswith("`") and not cells[0].startswith(("`/", "`kirjaamo_"))
    ]
    of_the_system = {"Address already in use`, `address already in use"}
    for sentence in told:
        for piece in [part for part in sentence.split("…") if part.strip(" ?")]:
            known = any(piece in one for one in sentences()) or piece in of_the_system
            assert known, f"the program never says: {piece}"


def test_every_button_and_list_on_the_clerks_page_is_on_the_desk() -> None:
    page = section(text_of("deploy/HANDBOOK.md"), "A page for the clerk, for Friday afternoon")
    words = [table["en"] for table in tomllib.loads(text_of("bot/words/desk.toml")).values()]
    told = re.findall(r"\*\*([A-Z][^*]+?)\*\*", page)
    own = {"To answer a ticket.", "Never"}
    for name in told:
        known = name in own or name.endswith("?") or any(word.startswith(name) for word in words)
        assert known, f"the desk has nothing called {name}"


def test_no_document_leads_to_a_machine_or_a_person(document: str) -> None:
    text = text_of(document)
    assert not re.search(r"/work/|/tmp/|/root/|localhost:\d", text)
    addresses = re.findall(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+", text)
    assert [address for address in addresses if not address.endswith(".test")] == []


def test_the_service_unit_runs_the_command_of_the_handbook() -> None:
    unit = text_of("deploy/kirjaamo.service")
    lines = re.findall(r"^ExecStart(?:Pre)?=\S+/kirjaamo (.+)$", unit, re.MULTILINE)
    assert [named(shlex.split(line)) for line in lines] == ["db upgrade", "serve"]
    for place in ("/opt/kirjaamo", "/etc/kirjaamo", "/var/lib/kirjaamo"):
        assert place in unit
        assert place in text_of("deploy/HANDBOOK.md")
