"""The search checklist of a request: opened with it, answered by staff place by place, part of the copy that leaves."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlmodel import Session, col

from store import draft_files, events
from store.models import Dossier, Held, HeldCategory, SearchTask, Source
from store.models.masking import mask_identity_codes
from store.rows import add_row

Outcome = Literal["nothing", "found", "not_applicable"]
FOUND_KIND = "search_result"


@dataclass(frozen=True, slots=True)
class Place:
    """Somewhere that must be searched."""

    key: str
    kind: str
    category: str
    names: Mapping[str, str]


def open_tasks(session: Session, *, ticket_id: int, request_id: int, places: Iterable[Place]) -> None:
    """Write the checklist of a request."""
    for place in places:
        add_row(
            session,
            SearchTask,
            request_id=request_id,
            ticket_id=ticket_id,
            place=place.key,
            kind=place.kind,
            category=place.category,
            names=dict(place.names),
        )


def tasks_of(session: Session, request_id: int) -> list[SearchTask]:
    """The checklist of a request, in the notice's order."""
    query = select(SearchTask).where(col(SearchTask.request_id) == request_id).order_by(col(SearchTask.id))
    return list(session.execute(query).scalars())


def is_complete(session: Session, request_id: int) -> bool:
    """Whether every place of a request has been answered; a request without places is complete."""
    still = select(col(SearchTask.id)).where(
        col(SearchTask.request_id) == request_id, col(SearchTask.outcome).is_(None)
    )
    return session.execute(still.limit(1)).first() is None


def answer(session: Session, task: SearchTask, outcome: Outcome, found: str, *, staff_id: int, at: datetime) -> None:
    """Record what came of a search; the copy is made anew where it changes what was found."""
    changed = found != task.found
    task.outcome, task.found = outcome, found
    task.answered_by, task.answered_at = staff_id, at
    session.add(task)
    session.flush()
    data = {"request": task.request_id, "place": task.place, "outcome": outcome}
    actor = f"staff:{staff_id}"
    events.append(session, at=at, actor=actor, kind="search_answered", ticket_id=task.ticket_id, data=data)
    if changed:
        draft_files.detach(session, task.request_id, actor, at)


def with_found(session: Session, dossier: Dossier, request_id: int, language: str, time_zone: str) -> Dossier:
    """The dossier with what was found elsewhere for this request, under its category."""
    zone = ZoneInfo(time_zone)
    for task in tasks_of(session, request_id):
        if task.outcome != "found" or task.answered_at is None:
            continue
        text, codes = mask_identity_codes(task.found)
        held = Held(
            FOUND_KIND,
            (("place", str(task.names.get(language, task.place))), ("text", text)),
            Source.STAFF.value,
            task.answered_at.astimezone(zone).date(),
            (("IDENTITY_CODE", codes),) if codes else (),
        )
        dossier = _put_in(dossier, task.category, held)
    return dossier


def _put_in(dossier: Dossier, category: str, held: Held) -> Dossier:
    if all(one.key != category for one in dossier.categories):
        return replace(dossier, categories=(*dossier.categories, HeldCategory(category, (held,))))
    categories = tuple(
        replace(one, items=(*one.items, held)) if one.key == category else one for one in dossier.categories
    )
    return replace(dossier, categories=categories)
