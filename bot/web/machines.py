"""What machines ask for, without a log-in and without a word of personal data: live, ready, counted; and two files."""

import asyncio

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, PlainTextResponse, Response

from bot.web.pages import STATIC
from bot.web.visit import Desk, Visit


async def live(_desk: Desk, _visit: Visit) -> Response:
    """The process answers."""
    return PlainTextResponse("ok\n")


async def ready(desk: Desk, _visit: Visit) -> Response:
    """Whether every part can do its work: 200, or 503 with the names of those that cannot."""
    if desk.health is None:
        return JSONResponse({"ready": True, "parts": {}})
    health = await desk.health()
    told = {"ready": health.ready, "parts": dict(health.parts)}
    if health.troubles:
        told["troubles"] = dict(health.troubles)
    return JSONResponse(told, status_code=200 if health.ready else 503)


async def metrics(desk: Desk, _visit: Visit) -> Response:
    """Figures in the text format of Prometheus."""
    if desk.metrics is None:
        raise HTTPException(404)
    # Counting reads the store: not on the loop.
    figures = await asyncio.to_thread(desk.metrics)
    return Response(figures, media_type="text/plain; version=0.0.4; charset=utf-8")


async def static(_desk: Desk, visit: Visit) -> Response:
    """The style sheet or the mark. Their address changes with their content, so that they may be kept."""
    found = STATIC.get(visit.request.path_params["name"])
    if found is None:
        raise HTTPException(404)
    media_type, content = found
    return Response(content, media_type=media_type, headers={"Cache-Control": "public, max-age=31536000, immutable"})
