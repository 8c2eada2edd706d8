"""`check` and `db upgrade`: what must be well before the doors open."""

import asyncio
from pathlib import Path

import typer

from bot.commands.ground import opened
from bot.config import Settings, load_settings
from bot.doctor import examine
from store.schema import upgrade


def check(config: Path) -> None:
    """Print the doctor's findings; exit 1 when one is a problem."""
    if asyncio.run(_check(load_settings(config), config)):
        raise typer.Exit(1)


async def _check(settings: Settings, config: Path) -> bool:
    failed = False
    async for finding in examine(settings, config):
        failed |= finding.problem
        print(f"{'PROBLEM' if finding.problem else 'ok':8}{finding.place}: {finding.text}")
    return failed


def upgrade_database(config: Path) -> None:
    """Bring the tables up to this version of the program."""
    with opened(load_settings(config), config, current=False) as database:
        upgrade(database)
    print("the tables are current")
