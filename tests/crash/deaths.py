"""Which deaths a campaign deals, and in which order: drawn from a seed, the same for the same seed.

Three kinds by SIGKILL, mixed: at a named point (`tests.crash.points`), at a random moment of the first 0.9 s after the
doors have opened, and at a random moment of the start, three times in a row. Between them some children lose their
workers, and some are asked to stop, and must do so.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random

from tests.crash.points import ONCE_A_LIFE, POINTS, Fate

IN_A_ROW = 3
"""Deaths at the start come in such rows, so that recovery itself is interrupted again and again."""
NEEDS = {
    "recover-before-commit": "relay-dot",
    "recover-after-commit": "relay-dot",
}
"""Deaths that leave behind what another point needs to be passed at all."""


@dataclass(frozen=True, slots=True)
class Death:
    """One child's end: at a point, or so many seconds after its doors opened (or after its start), or by SIGTERM.

    At the end named `workers` the child's own worker processes are killed, and it is then asked to stop.
    """

    kind: str
    fate: Fate = field(default_factory=Fate)
    seconds: float = 0.0


def deaths(kills: int, chance: Random) -> Iterator[Death]:
    """The order of a campaign: three of five deaths at a named point, each point as often as any other."""
    blocks: list[list[Death]] = []
    for point in _points(kills * 3 // 5, chance):
        before = [Death("point", Fate(NEEDS[point]))] if point in NEEDS else []
        blocks.append([*before, Death("point", Fate(point, _passage(point, chance)))])
    while (left := kills - sum(map(len, blocks))) > 0:
        if left >= IN_A_ROW and chance.random() < 0.1:
            blocks.append([Death("start-up", seconds=chance.uniform(0, 0.3)) for _ in range(IN_A_ROW)])
        else:
            blocks.append([Death("random", seconds=chance.uniform(0.02, 0.9))])
    chance.shuffle(blocks)
    for block in blocks:
        yield from block
        if chance.random() < 0.08:
            yield Death("stop", seconds=chance.uniform(0.1, 2.5))
        if chance.random() < 0.08:
            yield Death("workers", seconds=chance.uniform(0.5, 2.5))


def _points(count: int, chance: Random) -> Iterator[str]:
    """So many deaths' points, in rounds of all, counting those that a point needs."""
    while count > 0:
        for point in chance.sample(POINTS, len(POINTS)):
            count -= 2 if point in NEEDS else 1
            if count < 0:
                return
            yield point


def _passage(point: str, chance: Random) -> int:
    return 1 if point in ONCE_A_LIFE else chance.choice((1, 1, 2, 3))
