"""`make bench`: every measurement in one run, printed as one table of ours, theirs and their ratio.

Nothing is asserted. On a busy machine the clock tells little; the processor times below the table tell more.
"""

from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from tests.bench import acceptance, memory, path
from tests.bench.acceptance import Rate

ROUNDS, SECONDS = 3, 3.0


@dataclass(frozen=True, slots=True)
class Line:
    """One measurement as it is printed."""

    what: str
    ours: str
    theirs: str
    ratio: str
    goal: str
    met: bool


def main() -> None:
    """Measure and print."""
    console = Console(width=150)
    lines: list[Line] = []
    notes: list[str] = []
    for traffic in acceptance.TRAFFIC:
        what = f"durable acceptance, {traffic.size // 1024} KiB over {traffic.connections} connections"
        console.print(f"measuring {what} ...", style="dim")
        rates = acceptance.measure(traffic, rounds=ROUNDS, seconds=SECONDS)
        lines.append(_faster(what, rates["ours"], rates["stock"], traffic.goal))
        notes.append(
            f"{what}: {_cpu(rates['ours'], rates['stock'])}; "
            f"without waiting for the disk ours takes {rates['unsynced'].mails_a_second:.0f}/s, "
            f"so durability costs {_durability(rates):.0%} of the mails"
        )
    console.print("measuring the whole path beside django-helpdesk ...", style="dim")
    ours, theirs = path.against_helpdesk(ROUNDS)
    lines.append(_faster("socket to draft and acknowledgement; django-helpdesk", ours, theirs, 10.0))
    notes.append(f"whole path: {_cpu(ours, theirs)}")
    console.print("measuring the whole path at two sizes of the register ...", style="dim")
    lines.append(_by_size(notes))
    console.print("measuring memory ...", style="dim")
    lines += _memory(notes)
    _print(console, lines, notes)


def _faster(what: str, ours: Rate, theirs: Rate, goal: float) -> Line:
    ratio = ours.mails_a_second / theirs.mails_a_second
    return Line(
        what,
        f"{ours.mails_a_second:.0f}/s",
        f"{theirs.mails_a_second:.0f}/s",
        f"{ratio:.2f}x",
        f">= {goal:.1f}x",
        met=ratio >= goal,
    )


def _cpu(ours: Rate, theirs: Rate) -> str:
    return f"processor time a mail {ours.cpu_milliseconds:.2f} ms ours, {theirs.cpu_milliseconds:.2f} ms theirs"


def _durability(rates: dict[str, Rate]) -> float:
    return 1 - rates["ours"].mails_a_second / rates["unsynced"].mails_a_second


def _by_size(notes: list[str]) -> Line:
    small, large = path.by_size(ROUNDS)
    ratio = small.mails_a_second / large.mails_a_second
    notes.append(
        f"register of 100,000: processor time a mail {large.cpu_milliseconds:.2f} ms, "
        f"of 1,000: {small.cpu_milliseconds:.2f} ms"
    )
    return Line(
        "whole path at 100,000 customers; at 1,000",
        f"{large.mails_a_second:.0f}/s",
        f"{small.mails_a_second:.0f}/s",
        f"{ratio:.2f}x the cost",
        "<= 1.3x",
        met=ratio <= 1.3,
    )


def _memory(notes: list[str]) -> list[Line]:
    found = memory.measure()
    notes.append(
        f"at rest: {found.processes} process(es), RSS of the main one {found.main_rss:.0f} MiB, "
        f"PSS {found.tree_pss:.0f} MiB, USS {found.tree_uss:.0f} MiB; "
        f"ten 25 MiB mails were ticketed and acknowledged after {found.large_seconds:.1f} s"
    )
    return [
        Line("memory at rest (RSS)", f"{found.tree_rss:.0f} MiB", "", "", "< 120 MiB", met=found.tree_rss < 120),
        Line("ten 25 MiB mails at once", f"+{found.rise:.0f} MiB", "", "", "< +256 MiB", met=found.rise < 256),
    ]


def _print(console: Console, lines: list[Line], notes: list[str]) -> None:
    table = Table(title="Kirjaamo beside others: medians of alternating rounds")
    for heading in ("what", "ours", "theirs", "ratio", "goal", "met"):
        table.add_column(heading)
    for line in lines:
        table.add_row(line.what, line.ours, line.theirs, line.ratio, line.goal, "yes" if line.met else "no")
    console.print(table)
    for note in notes:
        console.print(f"- {note}")


if __name__ == "__main__":
    main()
