"""Builds the desk from plain values: the table of routes behind the gate, inside the shell."""

from collections import defaultdict
from collections.abc import Awaitable, Callable
from datetime import datetime
from zoneinfo import ZoneInfo

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route as Served

from bot.approval import Approvals
from bot.casework import Casework
from bot.web.answers import error_page
from bot.web.gate import Endpoint, begin, gated
from bot.web.health import Health
from bot.web.pages import build_pages
from bot.web.routes import ROUTES
from bot.web.sessions import Sessions
from bot.web.shell import Shell
from bot.web.visit import Desk
from store.database import Database


def desk(
    *,
    database: Database,
    approvals: Approvals,
    casework: Casework,
    clock: Callable[[], datetime],
    language: str,
    controller_name: str,
    time_zone: str,
    secure_cookies: bool,
    health: Callable[[], Awaitable[Health]] | None = None,
    metrics: Callable[[], bytes] | None = None,
) -> Starlette:
    """The desk as an ASGI application. `clock` gives aware UTC; `time_zone` is the controller's."""
    zone = ZoneInfo(time_zone)
    parts = Desk(
        database=database,
        approvals=approvals,
        casework=casework,
        clock=clock,
        language=language,
        controller_name=controller_name,
        zone=zone,
        secure_cookies=secure_cookies,
        health=health,
        metrics=metrics,
        sessions=Sessions(database),
        pages=build_pages(controller_name, zone),
    )

    async def failed(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        return error_page(parts, begin(parts, request), status)

    app = Starlette(routes=_served(parts), middleware=[Middleware(Shell)], exception_handlers={HTTPException: failed})
    # A redirect to the address without its last slash would name a host that the request itself gave.
    app.router.redirect_slashes = False
    return app


def _served(parts: Desk) -> list[Served]:
    """One Starlette route an address, so that a method that is not offered gets 405."""
    by_path: dict[str, dict[str, Endpoint]] = defaultdict(dict)
    for route in ROUTES:
        by_path[route.path][route.method] = gated(parts, route)
    return [Served(path, _by_method(endpoints), methods=list(endpoints)) for path, endpoints in by_path.items()]


def _by_method(endpoints: dict[str, Endpoint]) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        method = "GET" if request.method == "HEAD" else request.method
        return await endpoints[method](request)

    return endpoint
