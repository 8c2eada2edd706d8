"""The first page: what waits, the earliest due date first, and above all what went wrong on its way out."""

from collections.abc import Mapping
from typing import Any

from sqlmodel import Session
from starlette.exceptions import HTTPException
from starlette.responses import Response

from bot.web.answers import page, what_was_said
from bot.web.visit import Desk, Visit
from store import canaries, mailboxes
from store import desk as lists

PAGE = 50
"""Lines a page."""


async def show(desk: Desk, visit: Visit, *, refused: str = "") -> Response:
    """One of the lists; with `refused`, as the answer (409) to an act that was not done."""
    view = visit.request.query_params.get("view", "open")
    number = visit.request.query_params.get("page", "1")
    if view not in lists.VIEWS or not number.isascii() or not number.isdigit() or not 1 <= int(number) <= 10_000:
        raise HTTPException(404)
    values = await desk.database.read(lambda session: _values(session, view, int(number)))
    return page(
        desk,
        visit,
        "worklist.html",
        status=409 if refused else 200,
        here=visit.here if visit.request.method == "GET" else "/",
        view=view,
        page_number=int(number),
        said=what_was_said(visit),
        refused=refused,
        **values,
    )


def _values(session: Session, view: str, number: int) -> Mapping[str, Any]:
    offset = (number - 1) * PAGE
    tickets: tuple[lists.TicketLine, ...] = ()
    automatic: tuple[lists.AutomaticLine, ...] = ()
    letters: tuple[lists.SendLine, ...] = ()
    flights: tuple[canaries.Flight, ...] = ()
    if view == "automatic":
        automatic = lists.automatic_lines(session, limit=PAGE + 1, offset=offset)
        flights = canaries.flights(session, canaries.addresses(session))
    elif view == "letters":
        letters = lists.letters_to_post(session)
    else:
        tickets = lists.ticket_lines(session, view, limit=PAGE + 1, offset=offset)
    return {
        "views": lists.VIEWS,
        "counts": lists.counts(session),
        "tickets": tickets[:PAGE],
        "automatic": automatic[:PAGE],
        "letters": letters,
        "more": len(tickets) > PAGE or len(automatic) > PAGE,
        "troubled": lists.troubled_sends(session),
        "alarms": canaries.open_alarms(session),
        "flights": flights,
        "parked": mailboxes.count_parked(session),
    }
