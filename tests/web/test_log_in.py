"""Log-in: by password, by a code that only its button spends, and out again; machines need none."""

from datetime import timedelta

import httpx
import pytest

from bot.approval import Approvals
from bot.casework import Casework
from bot.web.app import desk
from bot.web.health import Health
from replies.draft import Words

PASSWORD = "oikea hevonen akku niitti"


async def test_dora_logs_in_by_password_and_goes_on_to_what_she_asked_for(stranger, arrange):
    arranged = arrange.ticket()
    asked = await stranger.get(f"/tickets/{arranged.ticket}")
    assert asked.headers["location"] == f"/log-in?next=%2Ftickets%2F{arranged.ticket}"
    await stranger.see(asked.headers["location"])
    answer = await stranger.send_form("/log-in", login="Dora", password=PASSWORD, next=f"/tickets/{arranged.ticket}")
    assert (answer.status_code, answer.headers["location"]) == (303, f"/tickets/{arranged.ticket}")
    assert (await stranger.get(answer.headers["location"])).status_code == 200


async def test_a_wrong_password_and_an_unknown_name_read_alike(stranger, arrange):
    answers = []
    for login, password in (
        ("dora", "väärä salasana tässä"),
        ("ei-ketään", PASSWORD),
        ("x" * 5000, "y"),
        ("a\0b", "c"),
    ):
        await stranger.see("/log-in")
        answer = await stranger.send_form("/log-in", login=login, password=password)
        answers.append((answer.status_code, answer.text.replace(stranger.token, "")))
    assert len(set(answers)) == 1
    assert answers[0][0] == 401
    assert "Tunnus tai salasana ei kelpaa" in answers[0][1]


async def test_looking_at_the_link_does_not_spend_the_code_and_using_it_does(stranger, arrange):
    code = arrange.code()
    for _ in range(3):
        assert (await stranger.see(f"/log-in?code={code}")).status_code == 200
    assert (await stranger.send_form("/log-in", code=code)).status_code == 303
    stranger.cookies.clear()
    await stranger.see(f"/log-in?code={code}")
    again = await stranger.send_form("/log-in", code=code)
    assert again.status_code == 401
    assert "jo käytetty" in again.text


async def test_the_log_in_form_of_another_site_is_refused(stranger, arrange):
    answer = await stranger.post("/log-in", data={"login": "dora", "password": PASSWORD, "csrf": ""})
    assert answer.status_code == 403
    await stranger.see("/log-in")
    answer = await stranger.post("/log-in", data={"login": "dora", "password": PASSWORD, "csrf": "x" * 43})
    assert answer.status_code == 403


async def test_log_out_ends_the_session_also_for_a_kept_cookie(dora):
    kept = dora.cookies["desk"]
    assert (await dora.send_form("/log-out")).status_code == 303
    assert (await dora.get("/", headers={"Cookie": f"desk={kept}"})).status_code == 303


async def test_with_tls_the_cookies_are_tied_to_the_host(sqlite_database, clock, arrange):
    app = _desk(sqlite_database, clock, secure_cookies=True)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="https://desk.test") as client:
        answer = await client.get("/log-in")
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-form=")
    assert "Secure" in cookie
    assert "Path=/;" in cookie


@pytest.mark.parametrize(("ready", "status"), [(True, 200), (False, 503)])
async def test_machines_are_told_whether_the_service_is_ready(sqlite_database, clock, ready, status):
    async def health() -> Health:
        return Health(ready, {"store": True, "relay": ready})

    app = _desk(sqlite_database, clock, health=health, metrics=lambda: b"kirjaamo_tickets 3\n")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://desk.test") as client:
        answer = await client.get("/readyz")
        assert (answer.status_code, answer.json()["parts"]) == (status, {"store": True, "relay": ready})
        assert (await client.get("/healthz")).text == "ok\n"
        assert (await client.get("/metrics")).text == "kirjaamo_tickets 3\n"


async def test_a_failure_is_a_page_with_a_sentence_and_a_log_line_without_its_text(sqlite_database, clock, caplog):
    async def health() -> Health:
        raise RuntimeError("aino.esimerkkila@posti.test")

    app = _desk(sqlite_database, clock, health=health)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://desk.test") as client:
        answer = await client.get("/readyz")
    assert answer.status_code == 500
    assert "Jokin meni vikaan" in answer.text
    assert "RuntimeError" not in answer.text
    assert "desk_page_failed" in caplog.text
    assert "aino" not in caplog.text


def _desk(database, clock, **values):
    settings = {"secure_cookies": False, "language": "fi", "time_zone": "Europe/Helsinki"} | values
    approvals = Approvals(database=database, clock=clock, new_message_id=lambda: "<x@lampo.test>", hold=timedelta())
    casework = Casework(database=database, clock=clock, first_words=lambda _ticket, _request: Words("Asia", "Hei,\n"))
    return desk(
        database=database,
        approvals=approvals,
        casework=casework,
        clock=clock,
        controller_name="Kalajoen Lämpö Oy",
        **settings,
    )
