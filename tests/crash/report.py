"""What a campaign has to say, and the table that it prints."""

from collections import Counter
from dataclasses import dataclass, field

from rich.console import Console
from rich.table import Table

from tests.crash.judge import Findings


@dataclass(slots=True)
class Report:
    """All that a campaign has to say."""

    seed: int
    deaths: Counter[str] = field(default_factory=Counter)
    unreached: Counter[str] = field(default_factory=Counter)
    workers: int = 0
    """Worker processes killed under a child that lived on."""
    stops: int = 0
    hung: int = 0
    """Children that did not stop when asked to."""
    unsettled: str = ""
    findings: Findings = field(default_factory=Findings)
    seconds: float = 0.0

    @property
    def is_clean(self) -> bool:
        """Whether the service has kept its word."""
        return self.findings.is_clean and not self.hung and not self.unsettled


def show(report: Report, out: Console) -> None:
    """Print everything."""
    table = Table("what", "times", title=f"seed {report.seed}, {report.seconds:.0f} s")
    for name, times in report.findings.figures.items():
        table.add_row(name, str(times))
    table.add_row("stopped by SIGTERM, of these not in time", f"{report.stops}, {report.hung}")
    table.add_row("worker processes killed", str(report.workers), end_section=True)
    table.add_row("kills", str(report.deaths.total() + report.unreached.total()))
    for name, times in sorted(report.deaths.items()):
        table.add_row(f"  {name}", str(times))
    for name, times in sorted(report.unreached.items()):
        table.add_row(f"  {name}: not reached, killed elsewhere", str(times))
    table.add_section()
    for name, times in report.findings.counts().items():
        table.add_row(name, str(times))
    out.print(table)
    for name, found in report.findings.faults.items():
        for one in found[:10]:
            out.print(f"{name}: {one}", markup=False)
    if report.unsettled:
        out.print(f"never settled: {report.unsettled}")
