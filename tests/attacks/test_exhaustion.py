"""THREATS 25 and 50: what is made to tire the reader or to swell is read like any other mail, within INV-8's limits."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime

import pytest
import pytest_asyncio

from bot.intake.prepare import NOT_READ
from bot.rules.assessment import assess
from bot.rules.clues import clues
from bot.rules.verdicts import Policy
from bot.understanding import understood
from mail.message import Envelope, RawMessage
from mail.understand import Trust
from mail.worker import Workers
from tests.attacks.hostile import hostile

NOON = datetime(2026, 3, 3, 10, 0, tzinfo=UTC)
TRUST = Trust(authserv_id="demo.lampo.test", own_addresses=("asiakaspalvelu@lampo.test",), own_domains=("lampo.test",))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def workers() -> AsyncIterator[Workers]:
    """One worker with the limits of the service: 10 s, 256 MiB."""
    pool = Workers(count=1)
    yield pool
    await pool.close()


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("make", [make for _, make in hostile()], ids=[name for name, _ in hostile()])
async def test_threat_25_it_is_read_within_the_limits(workers: Workers, make: Callable[[], bytes]) -> None:
    envelope = Envelope("seija@tuntematon.test", ("asiakaspalvelu@lampo.test",))
    raw = RawMessage("email", "smtp", make(), "message/rfc822", envelope, NOON)
    (message,) = await understood(workers, [(raw, TRUST)])
    assert not NOT_READ & set(message.problems)
    policy = Policy(own_addresses=("asiakaspalvelu@lampo.test",))
    clues(message, policy)
    assert assess(message, [], None, policy, NOON).placement in {"new", "none", "quarantine"}
