"""Whether a mail that the site's filter suspects is set aside, or led on all the same.

Set aside means: kept, no word to the sender, no card, no alarm, counted once a day and shown in a list of its own.
Three things lead a suspected mail on at once, for losing an honest request costs more than looking at an advertisement:
it belongs to a ticket that it may join, it comes authenticated from an address on file, or it asks for what the law
gives a person. Even then nothing is acknowledged (INV-7). Its clock runs from its receipt either way: who takes it out
of quarantine later gets the date that it would have had.
"""

from collections.abc import Sequence
from typing import Final

from bot.rules.classification import Recognised
from bot.rules.policy import Case
from bot.rules.verdicts import Placement
from store.models import STATUTORY

RESCUED_BY_THREAD: Final = "RESCUED_BY_THREAD"
RESCUED_BY_SENDER: Final = "RESCUED_BY_SENDER"
RESCUED_BY_WORDS: Final = "RESCUED_BY_WORDS"
POSSIBLE: Final = 0.5
"""Confidence from which words may be those of a rights request: as much as a mere possibility has."""


def set_aside(case: Case, placement: Placement, kinds: Sequence[Recognised]) -> tuple[Placement, tuple[str, ...]]:
    """The placement that stands, with the filter's reasons and what rescued the mail as flags.

    `placement` is where it belongs as if nobody suspected it, `kinds` what its words ask for.
    """
    reasons = case.message.suspected
    if not reasons or placement == "none":
        return placement, ()
    rescue = _rescued_by(case, placement, kinds)
    return (placement, (*reasons, rescue)) if rescue else ("quarantine", reasons)


def _rescued_by(case: Case, placement: Placement, kinds: Sequence[Recognised]) -> str:
    if placement == "join":
        return RESCUED_BY_THREAD
    if case.message.authentication.verdict == "pass" and case.from_on_file:
        return RESCUED_BY_SENDER
    asks = any(one.kind in STATUTORY and one.confidence >= POSSIBLE for one in kinds)
    return RESCUED_BY_WORDS if asks else ""
