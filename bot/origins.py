"""Whether what a door says about trust fits the mails that come by it: part of `kirjaamo check`.

A wrong `authserv_id`, `own_hosts` or `results_position` makes no error: every mail is only *claimed*, for ever. So the
newest mails of a door that names any of them are read again, and when none yields a verdict, what stands in them
instead is told: names of results and of hosts, which are no personal data.
"""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from bot.commands.ground import Unable, read
from bot.config import Settings
from bot.settled import trusts_of
from bot.understanding import raw_of
from mail.addresses import strict_from
from mail.authentication import border_zone
from mail.fields import split_header
from mail.hops import by_host
from mail.results import parse_results
from mail.understand import Trust, origin
from store.database import StoreUnusable
from store.messages import StoredRaw, newest_raws

NEWEST = 50
NAMED = 5
"""How many names are told, the most frequent first."""


@dataclass(frozen=True, slots=True)
class Origins:
    """What the newest mails of one door say."""

    door: str
    text: str
    problem: bool


def look_at_origins(settings: Settings, path: Path) -> list[Origins]:
    """One for each door that believes somebody or verifies; none while the database cannot be read."""
    doors = {door: trust for door, trust in trusts_of(settings).items() if trust.authserv_id or trust.verify}
    try:
        return read(
            settings,
            path,
            lambda session: [_of(door, trust, newest_raws(session, door, NEWEST)) for door, trust in doors.items()],
        )
    except (Unable, StoreUnusable, SQLAlchemyError):
        return []


def _of(door: str, trust: Trust, raws: list[StoredRaw]) -> Origins:
    if not raws:
        return Origins(door, "no mail yet that could show whether the results are found", problem=False)
    if any(_has_verdict(raw, trust) for raw in raws):
        return Origins(door, "the senders of its newest mails are told apart", problem=False)
    return Origins(door, _mend(door, trust, raws), problem=True)


def _has_verdict(raw: StoredRaw, trust: Trust) -> bool:
    header, _ = split_header(raw.content)
    address, _ = strict_from(header.all("from"))
    return origin(raw_of(raw), header, address, trust).verdict != "none"


def _mend(door: str, trust: Trust, raws: list[StoredRaw]) -> str:
    results: Counter[str] = Counter()
    hosts: Counter[str] = Counter()
    for raw in raws:
        header, _ = split_header(raw.content)
        zone = border_zone(header.fields, trust.authserv_id, trust.own_hosts, trust.results_position)
        fields = [item.value for item in zone.fields if item.name == "authentication-results"]
        results.update({parse_results(value)[0] or "(no name)" for value in fields})
        hosts[by_host(header.first("received")) or "(nobody)"] += 1
    return (
        f"none of the newest {len(raws)} mails tells who sent it: set [{door}] authserv_id, own_hosts and "
        f"results_position to what your mail server writes; where results are looked for stand those of "
        f"{_most(results) or 'nobody'}, and the topmost Received is by {_most(hosts)}"
    )


def _most(names: Counter[str]) -> str:
    return ", ".join(name[:80] for name, _ in names.most_common(NAMED))
