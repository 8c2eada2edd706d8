"""Nobody sees a page without a log-in, nobody changes a thing without our own form, and every answer is armoured."""

import re

import pytest

from bot.web.routes import ROUTES, Route
from bot.web.shell import HEADERS, LARGEST_BODY

BEHIND = [route for route in ROUTES if not route.public]
FORMS = [route for route in ROUTES if route.method == "POST"]


def path_of(route: Route, number: int = 1) -> str:
    """The route's address with every number filled in."""
    return re.sub(r"\{\w+:int\}", str(number), route.path.replace("{name}", "desk.css"))


def named(route: Route) -> str:
    return f"{route.method} {route.path}"


def test_only_these_few_addresses_need_no_log_in():
    assert {route.path for route in ROUTES if route.public} == {
        "/healthz", "/readyz", "/metrics", "/static/{name}", "/log-in",
    }  # fmt: skip


@pytest.mark.parametrize("route", BEHIND, ids=named)
@pytest.mark.parametrize("number", [1, 999], ids=["there", "not-there"])
async def test_a_stranger_is_sent_to_the_log_in_whether_the_thing_exists_or_not(stranger, arrange, route, number):
    arrange.ticket()
    answer = await stranger.request(route.method, path_of(route, number), headers=_form_type(route))
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/log-in")
    assert answer.text == ""


@pytest.mark.parametrize("route", FORMS, ids=named)
async def test_a_form_without_its_token_changes_nothing(dora, arrange, route):
    arrange.ticket()
    answer = await dora.post(path_of(route), data={"sha256": "x"}, headers={"Origin": "http://desk.test"})
    assert answer.status_code == 403


@pytest.mark.parametrize("route", FORMS, ids=named)
@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.test"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
    ids=["origin", "null", "cross-site", "same-site"],
)
async def test_a_form_from_another_site_changes_nothing_even_with_the_token(dora, arrange, route, headers):
    arrange.ticket()
    answer = await dora.post(path_of(route), data={"csrf": dora.token}, headers=headers)
    assert answer.status_code == 403


@pytest.mark.parametrize("route", [route for route in ROUTES if route.act], ids=named)
async def test_an_auditor_reads_and_changes_nothing(auditor, arrange, route):
    arrange.ticket()
    answer = await auditor.send_form(path_of(route), sha256="x", note="x", verdict="sent", resolution="answered")
    assert answer.status_code == 403


@pytest.mark.parametrize("route", [route for route in BEHIND if "{" in route.path], ids=named)
@pytest.mark.parametrize("number", [0, 999, 2**31, 10**40], ids=["zero", "foreign", "too-large", "absurd"])
async def test_a_number_that_names_nothing_is_not_found(dora, arrange, route, number):
    arrange.ticket()
    fields = {"sha256": "x", "note": "x", "verdict": "sent", "resolution": "answered", "version": "1"}
    path = path_of(route, number)
    answer = await (dora.send_form(path, **fields) if route.method == "POST" else dora.get(path))
    assert answer.status_code == 404


@pytest.mark.parametrize("route", ROUTES, ids=named)
async def test_every_answer_carries_the_headers(stranger, route):
    answer = await stranger.request(route.method, path_of(route), headers=_form_type(route))
    for name, value in HEADERS.items():
        if not (name == "Cache-Control" and route.path.startswith("/static/")):
            assert answer.headers[name] == value


@pytest.mark.parametrize("path", ["/nothing", "/tickets/abc", "/static/../visit.py", "/tickets/1/"])
async def test_what_is_not_found_carries_the_headers_too(stranger, path):
    answer = await stranger.get(path)
    assert answer.status_code == 404
    assert answer.headers["Content-Security-Policy"] == HEADERS["Content-Security-Policy"]


async def test_a_method_that_is_not_offered_is_a_page_with_a_sentence(dora):
    answer = await dora.delete("/")
    assert answer.status_code == 405
    assert "Traceback" not in answer.text
    assert "Sivua ei voi näyttää" in answer.text


async def test_a_form_that_is_too_large_is_refused(dora, arrange):
    arranged = arrange.ticket()
    answer = await dora.send_form(f"/drafts/{arranged.draft}/amend", text="x" * (LARGEST_BODY + 1))
    assert answer.status_code == 413
    assert "liikaa tekstiä" in answer.text


async def test_a_form_of_another_type_is_refused(dora, arrange):
    arranged = arrange.ticket()
    answer = await dora.post(f"/tickets/{arranged.ticket}/note", json={"csrf": dora.token, "note": "x"})
    assert answer.status_code == 403


async def test_cookies_are_out_of_reach_for_scripts_and_other_sites(stranger, arrange):
    code = arrange.code()
    await stranger.see(f"/log-in?code={code}")
    answer = await stranger.send_form("/log-in", code=code)
    for cookie in answer.headers.get_list("set-cookie"):
        assert "HttpOnly" in cookie
        assert "samesite=strict" in cookie.lower()


def _form_type(route: Route) -> dict[str, str]:
    return {"Content-Type": "application/x-www-form-urlencoded"} if route.method == "POST" else {}
