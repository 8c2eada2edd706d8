"""From a card's *Open* to its ticket: the number on the card says nothing, the log-in comes first."""

from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from bot.web.visit import Desk, Visit
from store import chat


async def follow(desk: Desk, visit: Visit) -> Response:
    """Lead on to the ticket that the card stands for; 404 for a number that no card has."""
    number = visit.request.path_params["number"]
    target = await desk.database.read(lambda session: chat.card_target(session, number))
    if target is None:
        raise HTTPException(404)
    return RedirectResponse(f"/tickets/{target[0]}", status_code=303)
