"""The gate that every request passes: who is it, may this role do that, and does the form come from our own page.

A page for staff shows nothing of itself to anyone who is not logged in: the log-in page is all they get, whether what
they asked for exists or not. A form counts only when it comes from our own origin and carries the session's token.
"""

import hmac
import logging
import re
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bot.web.answers import error_page
from bot.web.routes import Route
from bot.web.shell import TooLarge
from bot.web.visit import LANGUAGES, Desk, Visit

Endpoint = Callable[[Request], Coroutine[Any, Any, Response]]

MOST_FIELDS = 100
"""Fields of a form: a page of marked lines, and what goes with them."""
_log = logging.getLogger(__name__)
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_LONGEST_KEPT = 400 * 24 * 3600
"""Seconds that a browser keeps the chosen language."""


def gated(desk: Desk, route: Route) -> Endpoint:
    """The route's handler behind the gate."""

    async def endpoint(request: Request) -> Response:
        visit = begin(desk, request)
        try:
            visit = await _identify(desk, route, visit)
            response = await _pass(desk, route, visit)
        except TooLarge:
            response = error_page(desk, visit, 413)
        except HTTPException as error:
            response = error_page(desk, visit, error.status_code)
        except Exception as error:  # noqa: BLE001 - the text of an exception may hold personal data: it goes nowhere
            _log.error("desk_page_failed", extra={"error": type(error).__name__, "route": route.path})
            response = error_page(desk, visit, 500)
        if request.query_params.get("lang") in LANGUAGES:
            _remember_language(desk, response, visit.language)
        return response

    return endpoint


def begin(desk: Desk, request: Request) -> Visit:
    """A visit by somebody not yet known, in the language of the query, the cookie or the house."""
    now = desk.clock()
    language = desk.language
    for wanted in (request.cookies.get("lang"), request.query_params.get("lang")):
        if wanted in LANGUAGES:
            language = wanted
    return Visit(request, language, now, now.astimezone(desk.zone).date())


async def _identify(desk: Desk, route: Route, visit: Visit) -> Visit:
    """The same visit, by the staff member whose session the cookie names."""
    token = "" if route.bare else visit.request.cookies.get(desk.cookie("desk"), "")
    signed_in = await desk.sessions.signed_in(token, visit.now) if token else None
    return visit if signed_in is None else replace(visit, member=signed_in, csrf=signed_in.csrf)


async def _pass(desk: Desk, route: Route, visit: Visit) -> Response:
    if visit.member is None and not route.public:
        return _to_log_in(visit)
    if route.act and not visit.may_work:
        raise HTTPException(403)
    if visit.request.method != "POST":
        return await route.handler(desk, visit)
    form = await _form(visit.request)
    expected = visit.request.cookies.get(desk.cookie("form"), "") if route.public else visit.csrf
    if not _is_our_own(visit.request) or not _same(form.get("csrf", ""), expected):
        raise HTTPException(403)
    return await route.handler(desk, replace(visit, form=form))


def _to_log_in(visit: Visit) -> Response:
    """303 to the log-in page, which leads back to the page asked for; a form's page is not asked for again."""
    if visit.request.method == "POST" or visit.here == "/":
        return RedirectResponse("/log-in", 303)
    return RedirectResponse(f"/log-in?next={quote(visit.here, safe='')}", 303)


async def _form(request: Request) -> dict[str, str]:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    body = await request.body()
    if kind != "application/x-www-form-urlencoded":
        raise HTTPException(403)
    try:
        fields = parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="replace")
    except ValueError as error:
        raise HTTPException(403) from error
    # No keyboard writes control characters, and not every database keeps them.
    return {name: _CONTROLS.sub("", value) for name, value in fields}


def _is_our_own(request: Request) -> bool:
    """Whether the browser says that the form stood on a page of ours (Fetch Metadata; RFC 6454, 7)."""
    if request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        return False
    origin = request.headers.get("origin")
    return origin is None or urlsplit(origin).netloc.lower() == request.headers.get("host", "").lower()


def _same(given: str, expected: str) -> bool:
    return bool(expected) and hmac.compare_digest(given.encode(), expected.encode())


def _remember_language(desk: Desk, response: Response, language: str) -> None:
    response.set_cookie(
        "lang", language, max_age=_LONGEST_KEPT, secure=desk.secure_cookies, httponly=True, samesite="strict"
    )
