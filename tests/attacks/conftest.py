"""The attacks use the judgement of the rules' own tests."""

from tests.rules.conftest import judge

__all__ = ["judge"]
