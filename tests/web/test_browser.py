"""The desk in a real browser: found without help, usable without JavaScript, deaf to what hostile mail says."""

import asyncio
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import uvicorn
from playwright.async_api import Browser, Page, async_playwright
from starlette.applications import Starlette

CHROMIUM = Path("/usr/bin/chromium")


@dataclass(frozen=True, slots=True)
class Served:
    """A desk that listens, and a browser beside it."""

    address: str
    browser: Browser


@pytest.fixture
def chromium() -> str:
    """Where the browser is."""
    if not CHROMIUM.exists():
        pytest.fail("the browser tests need Debian's package `chromium`")
    return str(CHROMIUM)


@pytest.fixture
async def served(app: Starlette, chromium: str) -> AsyncIterator[Served]:
    """The desk on a free loopback port, and Chromium."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()  # whoever knocks before the server is up waits
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off", timeout_graceful_shutdown=1))
        running = asyncio.create_task(server.serve([listening]))
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            yield Served(f"http://127.0.0.1:{listening.getsockname()[1]}", browser)
            await browser.close()
        server.should_exit = True
        await running


@dataclass
class Watched:
    """What a page did that it should not have done."""

    elsewhere: list[str]
    dialogs: list[str]
    complaints: list[str]


def watch(page: Page, address: str) -> Watched:
    """Note every request to another origin, every dialog and every complaint of the content security policy."""
    seen = Watched([], [], [])
    own = urlsplit(address).netloc
    page.on("request", lambda asked: None if urlsplit(asked.url).netloc == own else seen.elsewhere.append(asked.url))
    page.on("dialog", lambda dialog: (seen.dialogs.append(dialog.message), asyncio.ensure_future(dialog.dismiss())))
    page.on("console", lambda said: seen.complaints.append(said.text) if "Content Security" in said.text else None)
    return seen


@pytest.mark.parametrize("scripts", [False, True], ids=["without-javascript", "with-javascript"])
async def test_someone_new_finds_the_oldest_request_amends_approves_and_takes_it_back(served, arrange, scripts):
    arrange.ticket(subject="Uudempi pyyntö", due_on=date(2026, 4, 20))
    arrange.ticket(subject="Vanhin pyyntö", due_on=date(2026, 2, 27))
    context = await served.browser.new_context(java_script_enabled=scripts)
    page = await context.new_page()
    await page.goto(f"{served.address}/log-in?code={arrange.code()}")
    await page.get_by_role("button", name="Kirjaudu kertalinkillä").click()
    first = page.locator("table.tickets tbody tr").first
    assert "Vanhin pyyntö" in await first.inner_text()
    assert "myöhässä" in await first.inner_text()
    await first.get_by_role("link").click()
    await page.get_by_text("Muokkaa", exact=False).first.click()
    await page.get_by_label("Vastauksen teksti").fill("Hyvä Aino\n\nTässä ovat tietonne.\n")
    await page.get_by_role("button", name="Tallenna uutena versiona").click()
    assert await page.get_by_role("status").inner_text() == "Tehty Uusi versio on tallennettu. Lue se ja hyväksy."
    button = page.get_by_role("button", name="Hyväksy ja lähetä sähköpostilla")
    assert "aino.esimerkkila@posti.test" in await button.inner_text()
    await button.click()
    assert "hyväksytty" in await page.get_by_role("status").inner_text()
    assert "Odottaa lähetystä" in await page.locator("#outbox").inner_text()
    await page.get_by_role("button", name="Peru hyväksyntä").click()
    assert "peruttu" in await page.get_by_role("status").inner_text()
    assert "Peruttu" in await page.locator("#outbox").inner_text()
    await context.close()


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
async def test_suspected_mail_is_marked_and_sorted_with_the_mouse_alone(served, arrange, scripts):
    for number in range(3):
        arrange.ticket(
            subject=f"Tarjous {number}", quarantined=True, known=False, state="new", flags=["JUNK_FOLDER", "SPAM_FLAG"]
        )
    context = await served.browser.new_context(java_script_enabled=scripts)
    page = await context.new_page()
    await page.goto(f"{served.address}/log-in?code={arrange.code()}")
    await page.get_by_role("button").first.click()
    await page.get_by_role("link", name="Karanteeni").click()
    rows = page.locator("tbody tr")
    await rows.filter(has_text="Tarjous 0").get_by_role("button", name="Siirrä työjonoon").click()
    assert "Siirretty karanteenista" in await page.get_by_role("status").inner_text()
    assert await rows.count() == 2
    for box in await page.get_by_role("checkbox").all():
        await box.check()
    await page.get_by_role("button", name="Merkityt ovat roskapostia").click()
    assert "Suljettu roskapostina" in await page.get_by_role("status").inner_text()
    assert await rows.count() == 0
    await page.get_by_role("link", name="Avoimet").click()
    assert await page.get_by_role("link", name="Tarjous 0").count() == 1
    await context.close()


HOSTILE = """<script>alert('text')</script><img src="http://evil.test/x.png" onerror="alert(1)">
<iframe src="http://evil.test"></iframe><style>@import 'http://evil.test/x.css';body{display:none}</style>
</pre></textarea></template><svg onload=alert(2)><a href="javascript:alert(3)">x</a>{{ 7*7 }}{% raw %}
<meta http-equiv="refresh" content="0;url=http://evil.test"><form action="http://evil.test"><button>Approve</button>
\u202egnp.exe\u202c \u200bhidden\u2066\x07"""


async def test_hostile_mail_opens_nothing_calls_nobody_and_shows_what_it_hides(served, arrange):
    arranged = arrange.ticket(
        subject=HOSTILE.splitlines()[0],
        text=HOSTILE,
        reply=HOSTILE,
        from_text=HOSTILE,
        attachments=[{"name": '"><script>alert("file")</script>\u202efdp.exe', "media_type": "<b>x</b>", "size": 1}],
        files=[('"><script>alert("out")</script>.html', b"<script>alert(4)</script>")],
    )
    context = await served.browser.new_context()
    page = await context.new_page()
    seen = watch(page, served.address)
    await page.goto(f"{served.address}/log-in?code={arrange.code()}")
    await page.get_by_role("button").first.click()
    for path in ("/", f"/tickets/{arranged.ticket}", f"/drafts/{arranged.draft}"):
        await page.goto(served.address + path, wait_until="networkidle")
        for closed in await page.locator("details").all():
            await closed.evaluate("element => { element.open = true }")
        assert await page.locator("script, iframe, svg, main form[action^='http']").count() == 0
        assert page.url == served.address + path
    assert "U+202E" in await page.locator("pre").first.inner_text()
    assert "{{ 7*7 }}" in await page.locator("pre").first.inner_text()
    async with page.expect_download() as download:
        await page.locator(".files a").first.click()
    assert (await download.value).suggested_filename.endswith(".html")
    assert page.url.endswith(f"/drafts/{arranged.draft}")
    assert seen == Watched([], [], [])
    await context.close()


@pytest.mark.parametrize("width", [360, 1280])
async def test_every_page_fits_its_screen_and_every_field_has_a_name(served, arrange, width):
    arranged = arrange.ticket(subject="Pitkä" + "sana" * 60, text="sana" * 400, flags=["POSSIBLE_FAULT"])
    arrange.ticket(subject="Mainos" * 40, quarantined=True, known=False, flags=["JUNK_FOLDER", "SPAM_STATUS"])
    arrange.send(arranged.ticket, "uncertain", receipt="kuittaus" * 40)
    arrange.send(None, "sent", channel="letter", to_address="Aino Esimerkkilä\nKoekatu 1\n85100 Kalajoki")
    context = await served.browser.new_context(viewport={"width": width, "height": 800})
    page = await context.new_page()
    await page.goto(f"{served.address}/log-in?code={arrange.code()}")
    await page.get_by_role("button").first.click()
    for path in (
        "/",
        "/?view=letters",
        "/?view=quarantine",
        f"/tickets/{arranged.ticket}",
        f"/drafts/{arranged.draft}",
        "/nothing",
    ):
        await page.goto(served.address + path)
        for closed in await page.locator("details").all():
            await closed.evaluate("element => { element.open = true }")
        too_wide = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert too_wide <= 0, path
        unnamed = await page.evaluate(_UNNAMED)
        assert unnamed == [], path
        assert await page.locator("h1").count() == 1, path
        assert await page.locator("html[lang=fi]").count() == 1
        repeated = await page.evaluate(_REPEATED_IDS)
        assert repeated == [], path
    await context.close()


async def test_the_keyboard_alone_reaches_the_content_first(served, arrange):
    arrange.ticket()
    context = await served.browser.new_context()
    page = await context.new_page()
    await page.goto(f"{served.address}/log-in?code={arrange.code()}")
    await page.keyboard.press("Tab")
    assert await page.evaluate("document.activeElement.textContent") == "Siirry sisältöön"
    await page.keyboard.press("Enter")
    await page.keyboard.press("Tab")
    assert "Kirjaudu kertalinkillä" in await page.evaluate("document.activeElement.textContent")
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"{served.address}/")
    await context.close()


_UNNAMED = """[...document.querySelectorAll('input:not([type=hidden]),textarea,select')]
  .filter(field => !field.labels.length).map(field => field.name)"""
_REPEATED_IDS = """(() => { const ids = [...document.querySelectorAll('[id]')].map(element => element.id);
  return ids.filter((id, place) => ids.indexOf(id) !== place) })()"""
