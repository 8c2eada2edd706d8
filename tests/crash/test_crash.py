"""The service is killed sixty times under load, between any two stages and at random: nothing lost, nothing sent twice.

A fixed seed, so that everybody's run has the same deaths in the same order; `make soak` draws a new one each time.
"""

from pathlib import Path
from random import Random

import pytest

from tests.crash.campaign import Campaign
from tests.crash.deaths import Death, deaths
from tests.crash.points import POINTS, Fate

SEED = 1047


def test_sixty_deaths_lose_no_request_and_send_no_answer_twice(tmp_path: Path) -> None:
    report = Campaign(tmp_path / "there", SEED).run(deaths(60, Random(SEED)))
    assert report.findings.counts() == dict.fromkeys(report.findings.faults, 0), report.findings.faults
    assert not report.unsettled
    assert not report.hung
    # The campaign was what it says: every point was passed and killed at, every mail answered, some outcomes unknown.
    assert not report.unreached
    assert set(POINTS) <= set(report.deaths)
    assert report.deaths.total() == 60
    figures = report.findings.figures
    assert figures["mails offered"] == figures["acknowledged with 250"] > 100
    assert figures["offered again"] > 0
    assert figures["uncertain"] > figures["of these taken all the same"] > 0
    assert figures["approved"] > 50
    assert figures["letters printed"] > 0


@pytest.mark.parametrize(
    ("mutant", "fault", "death"),
    [
        ("250-before-commit", "lost", Death("random", seconds=1.0)),
        ("retry-unknown", "duplicate answers", Death("point", Fate("relay-dot"))),
    ],
)
def test_the_judge_finds_a_mistake_put_in_on_purpose(tmp_path: Path, mutant: str, fault: str, death: Death) -> None:
    report = Campaign(tmp_path / "there", SEED, mutant).run([death] * 3)
    assert report.findings.faults[fault]
