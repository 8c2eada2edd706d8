"""`serve`: the service, until it is told to stop. Loads nothing that it does not run on."""

import asyncio
import signal
from pathlib import Path

from bot import logs
from bot.app import App
from bot.commands.ground import Unable
from bot.config import load_settings


def serve(config: Path) -> None:
    """Run the service until SIGTERM or SIGINT."""
    settings = load_settings(config)
    logs.configure()
    asyncio.run(_serve(App(settings, config)))


async def _serve(service: App) -> None:
    stop = stop_signal()
    async with service.running():
        await _either(stop, service.lost)
    if service.lost.is_set():
        raise Unable("the right to serve this database was lost; start the service again")


async def _either(*events: asyncio.Event) -> None:
    waits = [asyncio.create_task(event.wait()) for event in events]
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()


def stop_signal() -> asyncio.Event:
    """An event that SIGTERM and SIGINT set."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop
