"""The judgement of the rules, from a message and a register of a few people."""

from collections.abc import Sequence

import pytest

from bot.rules.assessment import assess
from bot.rules.clues import clues
from bot.rules.verdicts import Assessment, Policy, Thread
from mail.message import InboundMessage
from store.models import Candidate
from tests.rules.people import AINO, ASTRID, EINO, HOUSING, MANAGER, NOW, POLICY, Judge, found_by


@pytest.fixture
def judge() -> Judge:
    """The whole judgement of a message against a register of the customers named."""

    def judged(
        message: InboundMessage,
        register: Sequence[Candidate] = (AINO, EINO, ASTRID, HOUSING, MANAGER),
        thread: Thread | None = None,
        envelope_sender: str | None = None,
        policy: Policy = POLICY,
    ) -> Assessment:
        sender = message.from_address if envelope_sender is None else envelope_sender
        candidates = found_by(register, clues(message, policy))
        return assess(message, candidates, thread, policy, NOW, envelope_sender=sender)

    return judged
