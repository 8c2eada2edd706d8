"""The attacks use the judgement of the rules' own tests, and the house of the stages' with its look for leaks."""

from tests.bot.conftest import small_house, sqlite_database, sqlite_template
from tests.rules.conftest import judge

__all__ = ["judge", "small_house", "sqlite_database", "sqlite_template"]
