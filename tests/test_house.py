"""The house itself: who may import whom, what every route and template and state must have, what the samples must say.

These tests read the source. A new room, door or word that breaks a rule of ARCHITECTURE fails here, by name.
"""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from jinja2 import Environment

from bot.config import Settings, load_settings
from bot.rules.policy import TEMPLATES
from bot.staff import NEUTRAL_FLAGS
from bot.web.routes import ROUTES
from replies.catalogue import TEMPLATES as CATALOGUE
from replies.notice import load_notice
from store import lifecycle

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("bot", "mail", "store", "replies")

STAGES = (
    *("bot.intake", "bot.approval", "bot.casework", "bot.dispatch"),
    *("bot.reminders", "bot.canary", "bot.packing"),
)
APP_SIDE = (
    "bot.app",
    "bot.access_tokens",
    "bot.mailbox_doctor",
    "bot.mailboxes",
    "bot.settled",
    "bot.serving",
    "bot.cli",
    "bot.commands",
    "bot.demo",
    "bot.doctor",
    "bot.explain",
    "bot.health",
    "bot.origins",
    "bot.register_files",
    "bot.dossier_files",
)
"""Wiring, commands and what serves them: they may know everything."""
MAY_IMPORT: dict[str, tuple[str, ...]] = {
    "mail": ("mail",),
    "store": ("store",),
    "replies": ("replies", "store.models"),
    "bot.rules": ("bot.rules", "mail.message", "store.models"),
    "bot.words": ("bot.words",),
    "bot.staff": ("store.models",),
    "bot.intake": (
        "bot.intake",
        "bot.rules",
        "bot.staff",
        "bot.words",
        "store",
        "mail.message",
        "mail.channel",
        "replies",
    ),
    "bot.approval": ("bot.rules", "bot.staff", "store", "mail.message", "mail.channel", "replies"),
    "bot.casework": ("bot.rules", "bot.staff", "store", "mail.message", "mail.channel", "replies"),
    "bot.dispatch": ("bot.rules", "bot.staff", "store", "mail.message", "mail.channel", "replies"),
    "bot.reminders": ("bot.rules", "bot.staff", "bot.words", "store", "mail.message", "mail.channel", "replies"),
    "bot.canary": ("bot.words", "store"),
    "bot.packing": ("store",),
    "bot.copies": ("replies", "store"),
    "bot.pipeline": (*STAGES, "bot.staff", "mail.channel"),
    "bot.understanding": ("mail", "store.messages"),
    "bot.chat": ("bot.chat", "bot.staff", "bot.words", "store"),
    "bot.web": ("bot.web", "bot.approval", "bot.casework", "bot.staff", "bot.words", "store"),
    "bot.config": ("bot.mail_tables",),
    "bot.mail_tables": (),
    "bot.logs": (),
    "bot.heap": (),
    "bot.paper": ("mail.message", "replies"),
}
PURE = "bot.rules"


def modules() -> Iterator[tuple[str, Path]]:
    """Every module of the product by its dotted name."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


def imported(path: Path) -> set[str]:
    """Dotted names that a module imports from the house, at any depth of it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in found if name.partition(".")[0] in PACKAGES}


def within(name: str, places: tuple[str, ...]) -> bool:
    """Whether a dotted name is one of the places or lies in one."""
    return any(name == place or name.startswith(f"{place}.") for place in places)


def room_of(module: str) -> str | None:
    """The row of the table that a module falls under; None for the wiring."""
    if within(module, APP_SIDE) or module == "bot":
        return None
    rows = [row for row in MAY_IMPORT if within(module, (row,))]
    assert rows, f"{module} stands in no row of the table: give it one, here and in ARCHITECTURE"
    return max(rows, key=len)


def test_every_arrow_runs_down() -> None:
    wrong = [
        f"{module} imports {name}"
        for module, path in modules()
        if (room := room_of(module)) is not None
        for name in imported(path)
        if not within(name, MAY_IMPORT[room])
    ]
    assert wrong == []


def test_no_stage_knows_another() -> None:
    wrong = [
        f"{module} imports {name}"
        for module, path in modules()
        for stage in STAGES
        if within(module, (stage,))
        for name in imported(path)
        if within(name, tuple(other for other in STAGES if other != stage))
    ]
    assert wrong == []


def test_only_the_wiring_reads_the_configuration() -> None:
    wrong = [
        module
        for module, path in modules()
        if not within(module, (*APP_SIDE, "bot.config"))
        and any(within(name, ("bot.config",)) for name in imported(path))
    ]
    assert wrong == []


def test_rules_await_nothing_and_know_no_clock() -> None:
    for module, path in modules():
        if not within(module, (PURE,)):
            continue
        tree = ast.parse(path.read_text("utf-8"))
        kinds = {type(node) for node in ast.walk(tree)}
        assert not kinds & {ast.Await, ast.AsyncFunctionDef, ast.AsyncFor, ast.AsyncWith}, f"{module} awaits"
        calls = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
        clocks = {call for call in calls if re.search(r"\b(now|today|utcnow|time|monotonic)$", call)}
        assert not {call for call in clocks if call.split(".")[-1] in {"now", "today", "utcnow"}}, f"{module}: {clocks}"


def test_nothing_outside_the_renderer_makes_templates() -> None:
    for module, path in modules():
        text = path.read_text("utf-8")
        assert "from_string" not in text, f"{module} makes a template from a string (THREATS 22)"


def test_no_module_is_a_drawer_for_everything() -> None:
    names = {module.rpartition(".")[2] for module, _ in modules()}
    assert not names & {"utils", "util", "helpers", "common", "misc", "manager", "service", "handler"}


def test_files_stay_one_room() -> None:
    written = [(module, path) for module, path in modules() if not within(module, ("store.migrations.versions",))]
    long = {module: lines for module, path in written if (lines := path.read_text("utf-8").count("\n")) > 400}
    assert long == {}


def test_every_module_begins_with_its_story() -> None:
    silent = [module for module, path in modules() if not ast.get_docstring(ast.parse(path.read_text("utf-8")))]
    assert silent == []


def test_every_route_needs_a_log_in() -> None:
    public = {route.path for route in ROUTES if route.public}
    assert public == {"/healthz", "/readyz", "/metrics", "/static/{name}", "/log-in"}


def test_every_route_that_acts_is_a_post() -> None:
    assert [route.path for route in ROUTES if route.act and route.method != "POST"] == []
    assert [route.path for route in ROUTES if route.method == "POST" and not (route.act or route.public)] == [
        "/log-out"
    ]


@pytest.mark.parametrize(
    ("moves", "first"),
    [
        (lifecycle.TICKET_MOVES, lifecycle.TicketState.NEW),
        (lifecycle.DRAFT_MOVES, lifecycle.DraftState.DRAFT),
        (lifecycle.OUTBOX_MOVES, lifecycle.OutboxState.APPROVED),
    ],
)
def test_every_state_can_be_reached(moves: dict, first: object) -> None:  # type: ignore[type-arg]
    reached, open_ = {first}, [first]
    while open_:
        for state in moves[open_.pop()]:
            if state not in reached:
                reached.add(state)
                open_.append(state)
    assert reached == set(type(first))
    assert set(moves) == set(type(first))


def test_only_ends_cannot_be_left() -> None:
    assert [state for state, moves in lifecycle.TICKET_MOVES.items() if not moves] == []
    ends = {lifecycle.DraftState.SUPERSEDED, lifecycle.DraftState.SENT}
    assert {state for state, moves in lifecycle.DRAFT_MOVES.items() if not moves} == ends
    ends_of_sending = {lifecycle.OutboxState.POSTED, lifecycle.OutboxState.BOUNCED, lifecycle.OutboxState.WITHDRAWN}
    assert {state for state, moves in lifecycle.OUTBOX_MOVES.items() if not moves} == ends_of_sending


def test_every_template_that_policy_names_is_in_the_catalogue_and_in_every_language() -> None:
    assert set(CATALOGUE) >= TEMPLATES
    environment = Environment(autoescape=False)  # noqa: S701 - parses only
    for name in CATALOGUE:
        for language in ("fi", "sv", "en"):
            found = list((ROOT / "replies/templates" / language).glob(f"{name}.*"))
            assert len(found) == 1, f"template {name} in {language}: {found}"
            environment.parse(found[0].read_text("utf-8"))


def test_every_template_file_is_in_the_catalogue() -> None:
    for language in ("fi", "sv", "en"):
        names = {path.name.partition(".")[0] for path in (ROOT / "replies/templates" / language).iterdir()}
        assert {name for name in names if not name.startswith("_")} <= set(CATALOGUE)


def test_every_word_said_to_staff_exists_in_three_languages() -> None:
    for path in (ROOT / "bot/words").glob("*.toml"):
        for key, words in tomllib.loads(path.read_text("utf-8")).items():
            assert set(words) == {"fi", "sv", "en"}, f"{path.name}: {key}"
            facts = [set(re.findall(r"{(\w+)", text)) for text in words.values()]
            assert facts[0] == facts[1] == facts[2], f"{path.name}: {key} says different facts"


def test_every_refusal_has_its_sentence() -> None:
    sentences = tomllib.loads((ROOT / "bot/words/refusal.toml").read_text("utf-8"))
    named = set()
    for _, path in modules():
        named |= set(re.findall(r'Refused\("(\w+)"', path.read_text("utf-8")))
    assert named <= set(sentences)


def test_no_card_can_show_a_sign_of_a_protected_address() -> None:
    assert not {flag for flag in NEUTRAL_FLAGS if "TURVA" in flag or "PROTECT" in flag}


def test_the_sample_configuration_names_every_setting_and_no_other() -> None:
    path = ROOT / "deploy/kirjaamo.toml"
    load_settings(path)
    text = path.read_text("utf-8")
    shown: dict[str, set[str]] = {}
    table = ""
    for line in text.splitlines():
        bare = line.removeprefix("# ").strip() if re.match(r"# ?(\[[\w.]+\]|\w+ = )", line) else line.strip()
        if found := re.match(r"\[(\w+)(?:\.\w+)?\]", bare):
            table = found.group(1)
            shown.setdefault(table, set())
        elif found := re.match(r"(\w+) = ", bare):
            shown[table].add(found.group(1))
    expected = {}
    for name, field in Settings.model_fields.items():
        options = getattr(field.annotation, "__args__", (field.annotation,))
        model = next(option for option in options if hasattr(option, "model_fields"))
        expected[name] = set(model.model_fields)
    assert shown == expected


def test_the_notice_of_the_demo_is_the_one_in_deploy_but_for_the_places_to_search() -> None:
    """The demo's company has nothing besides its register; who sets up a real one is asked where else to look."""

    def bare(path: str) -> list[str]:
        return [line.removeprefix("#").strip() for line in (ROOT / path).read_text("utf-8").splitlines()]

    assert bare("deploy/notice.toml") == bare("replies/demo/notice.toml")
    assert load_notice(ROOT / "replies/demo/notice.toml").search_places == ()
    assert [place.key for place in load_notice(ROOT / "deploy/notice.toml").search_places] == ["billing", "paper"]
