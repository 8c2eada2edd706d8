"""`explain`: what the service would do with a message, and why; nothing is stored or sent."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bot import logs
from bot.commands.ground import Unable, now_utc, say, store_url
from bot.demo import settings_for
from bot.explain import explainer
from bot.settled import preparing_of, trust_of
from replies.notice import load_notice


def explain(files: list[Path], config: Path | None, received_at: str | None, *, as_json: bool) -> None:
    """Print one object, or one readable account, for each file."""
    logs.configure("ERROR")
    moment = _moment(received_at)
    for path in files:  # a pipe is as good as a file
        if path.is_dir() or not path.exists():
            raise Unable(f"{path}: there is no such file")
    asyncio.run(_explain(files, config, moment, as_json=as_json))


async def _explain(files: list[Path], config: Path | None, moment: datetime, *, as_json: bool) -> None:
    with settings_for(config) as (settings, path):
        notice = load_notice(path.parent / settings.controller.notice)
        url = store_url(settings, path) if config is not None else None
        async with explainer(preparing_of(settings, notice), trust_of(settings), url) as one:
            async for found in one.explain(files, moment):
                if as_json:
                    say(found)
                else:
                    print(_readable(found))


def _moment(text: str | None) -> datetime:
    if text is None:
        return now_utc()
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Unable(f"--received-at {text}: write it as 2026-11-22T10:00:00+02:00") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _readable(found: dict[str, Any]) -> str:
    draft = found["draft"]
    who = found["identification"]
    lines = [
        found["file"],
        f"  subject         {found['message']['subject']}",
        f"  from            {found['message']['from_address'] or 'no address we can be sure of'}",
        f"  automatic       {found['automatic']['kind']} {' '.join(found['automatic']['reasons'])}",
        f"  authentication  {found['authentication']['verdict']} {' '.join(found['authentication']['reasons'])}",
        f"  identification  {who['level']} {who['customer'] or ''} {' '.join(who['reasons'])}",
        *(
            f"  asks for        {one['type']} ({one['confidence']:.2f}) {' '.join(one['reasons'])}"
            for one in found["requests"]
        ),
        f"  due             {found['due_at'] or 'no statutory date'}",
        f"  ticket          {found['ticket']}",
        f"  acknowledgement {found['acknowledgement']['to'] or 'none'}",
        f"  draft           {draft['template'] + ' → ' + draft['recipient']['kind'] if draft else 'none'}",
        f"  flags           {' '.join(found['flags'])}",
    ]
    return "\n".join(lines)
