"""Log-in by password or one-time code, and log-out.

A one-time code comes in a link. The link only shows a button: what fetches links before people do (mail scanners, chat
previews) cannot spend the code, because only the button's form does.
"""

import secrets

from starlette.responses import RedirectResponse, Response

from bot.web.answers import page
from bot.web.own_paths import safe_next
from bot.web.visit import Desk, Visit
from bot.words import say

_LONGEST = 1024


async def show(desk: Desk, visit: Visit) -> Response:
    """The form, or the button for the code of the link."""
    query = visit.request.query_params
    wanted = safe_next(query.get("next", "/"))
    if visit.member is not None and "code" not in query:
        return RedirectResponse(wanted, 303)
    return _form(desk, visit, code=query.get("code", "")[:_LONGEST], wanted=wanted)


async def enter(desk: Desk, visit: Visit) -> Response:
    """Check the password or spend the code; open a session, and go on to the page that was asked for."""
    form = visit.form
    wanted = safe_next(form.get("next", "/"))
    code = form.get("code", "")[:_LONGEST]
    if code:
        staff_id = await desk.sessions.use_code(code, visit.now)
    else:
        login, password = form.get("login", "").strip(), form.get("password", "")
        short = len(login) <= _LONGEST and len(password) <= _LONGEST and "\0" not in login
        staff_id = await desk.sessions.log_in(login, password, visit.now) if short else None
    if staff_id is None:
        sentence = say("desk.log_in_code_failed" if code else "desk.log_in_failed", visit.language)
        return _form(desk, visit, code="", wanted=wanted, problem=sentence, status=401)
    old = visit.request.cookies.get(desk.cookie("desk"))
    if old:
        await desk.sessions.close(old)
    response = RedirectResponse(wanted, 303)
    _set_cookie(desk, response, "desk", await desk.sessions.open(staff_id, visit.now))
    response.delete_cookie(desk.cookie("form"), secure=desk.secure_cookies, httponly=True, samesite="strict")
    return response


async def leave(desk: Desk, visit: Visit) -> Response:
    """End the session."""
    await desk.sessions.close(visit.request.cookies.get(desk.cookie("desk"), ""))
    response = RedirectResponse("/log-in", 303)
    response.delete_cookie(desk.cookie("desk"), secure=desk.secure_cookies, httponly=True, samesite="strict")
    return response


def _form(desk: Desk, visit: Visit, *, code: str, wanted: str, problem: str = "", status: int = 200) -> Response:
    """The page with a token of its own in form and cookie: there is no session yet that could hold one."""
    token = visit.request.cookies.get(desk.cookie("form")) or secrets.token_urlsafe(32)
    response = page(
        desk, visit, "log_in.html", status=status, code=code, wanted=wanted, problem=problem, form_token=token
    )
    _set_cookie(desk, response, "form", token)
    return response


def _set_cookie(desk: Desk, response: Response, name: str, value: str) -> None:
    response.set_cookie(
        desk.cookie(name), value, path="/", secure=desk.secure_cookies, httponly=True, samesite="strict"
    )
