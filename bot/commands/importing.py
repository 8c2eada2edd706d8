"""`register import`: files in, with a bar that moves, and every row that is wrong named by line and column."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from bot.commands.ground import Unable, now_utc, opened
from bot.config import load_settings
from store.importing import Batch, CutOff, Options, Outcome
from store.importing.journal import ImportRuns
from store.importing.mapping import MappingRefused, load_mapping
from store.models import Source
from store.register_lines import Problem


def import_files(
    files: list[Path],
    config: Path,
    source: str,
    mapping: Path | None,
    *,
    dry_run: bool,
    complete: bool,
    accept_invalid: bool,
) -> None:
    """Take files in, or say what they would change."""
    if source not in set(Source):
        raise Unable(f"--source {source}: choose one of {', '.join(Source)}")
    try:
        chosen = load_mapping(mapping) if mapping else None
    except MappingRefused as refused:
        raise Unable(str(refused)) from None
    options = Options(Source(source), chosen, dry_run=dry_run, complete=complete, accept_invalid=accept_invalid)
    with opened(load_settings(config), config) as database, _bar() as progress:
        try:
            for result in Batch(database, options, clock=now_utc, progress=progress).take(files):
                if isinstance(result, CutOff):
                    _tell_cut_off(result)
                else:
                    _tell(result, dry_run=dry_run)
        except ImportRuns as error:
            raise Unable(str(error)) from None


def _tell_cut_off(before: CutOff) -> None:
    if before.finished:
        print(f"{before.file}: the import that was cut off is finished")
        return
    print(f"{before.file}: the import was cut off and its plan is gone; import the same file again to bring the rest")


def _tell(outcome: Outcome, *, dry_run: bool) -> None:
    path = outcome.file
    if outcome.found:
        print(f"{path}: {outcome.found}")
    if outcome.problems:
        _list(path, outcome.problems, outcome.problem_count)
        raise Unable(f"{path}: nothing was imported; {outcome.problem_count} problems")
    if outcome.invalid:
        _list(path, outcome.invalid, outcome.invalid_count)
        print(f"{path}: {outcome.invalid_count} values of a wrong form are kept as they stand and found by no search")
    counts = outcome.difference.plain()
    for table, found in counts.items():
        said = ", ".join(f"{number} {what}" for what, number in sorted(found.items()) if number)
        print(f"{path}: {table.replace('_', ' ')}: {said}")
    if dry_run:
        for example in outcome.difference.examples:
            print(f"{path}: {example}")
        print(f"{path}: nothing was imported; this was a rehearsal")
        return
    new = {name: counts.get(name, {}).get("new", 0) for name in ("customer", "contact_point", "record")}
    print(f"{path}: {new['customer']} customers, {new['contact_point']} contacts, {new['record']} records")


def _list(path: Path, problems: list[Problem], total: int) -> None:
    for problem in problems:
        print(f"{path}, line {problem.line}, {problem.field or 'the whole line'}: {problem.reason}", file=sys.stderr)
    if total > len(problems):
        print(f"{path}: and {total - len(problems)} more", file=sys.stderr)


@contextmanager
def _bar() -> Iterator[Callable[[str, int, int], None]]:
    """A bar on a terminal; nothing anywhere else."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=None)
        yield lambda name, done, total: bar.update(
            task, description=name.replace("_", " "), completed=done, total=total or None
        )
