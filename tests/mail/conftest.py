"""Makes the corpus reader importable by name, in tests and in worker processes alike; examples have no time limit."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from name_server import NameServer

sys.path.insert(0, str(Path(__file__).parent))

settings.register_profile("mail", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("mail")


@pytest.fixture
def names() -> Iterator["NameServer"]:
    """A name server of this test alone."""
    from name_server import NameServer  # noqa: PLC0415  # found by the path above

    with NameServer() as server:
        yield server
