"""Answers of the desk: a page, a page that says what went wrong, and a redirect that says what was done.

What was done is told after the redirect by a key of ours in the address, signed with the session's own token: nobody
can make a link that says "sent" to a clerk, and no word about a customer ever stands in an address.
"""

import hmac
from typing import Any

from starlette.responses import HTMLResponse, RedirectResponse, Response

from bot.staff import Refused
from bot.web.pages import known_word
from bot.web.visit import Desk, Visit
from bot.words import say

SAID = frozenset(
    {
        "approved", "amended", "returned", "undone", "closed", "reopened", "taken", "noted", "decided", "rescued",
        "sorted_rescue", "sorted_spam", "trusted", "searched",
    }
)  # fmt: skip
"""What can be told after a redirect; `said_*` in the words."""


def page(
    desk: Desk, visit: Visit, template: str, *, status: int = 200, here: str | None = None, **values: Any
) -> Response:
    """A page in the visit's language."""
    text = desk.pages.render(
        template,
        language=visit.language,
        today=visit.today,
        here=visit.here if here is None else here,
        member=visit.member,
        csrf=visit.csrf,
        may_work=visit.may_work,
        may_approve=visit.may_approve,
        **values,
    )
    return HTMLResponse(text, status)


def error_page(desk: Desk, visit: Visit, status: int) -> Response:
    """A page with a sentence. Those not logged in get it bare: it tells nothing of what exists."""
    known = status if status in {403, 404, 405, 413} else 500
    return page(desk, visit, "error.html", status=status, here="/", sentence=say(f"desk.error_{known}", visit.language))


def done(visit: Visit, address: str, key: str) -> Response:
    """303 to `address`, which will say `key`."""
    return RedirectResponse(f"{address}{'&' if '?' in address else '?'}said={key}.{_seal(visit.csrf, key)}", 303)


def what_was_said(visit: Visit) -> str:
    """The sentence of the address's `said`, when it is truly ours; else nothing."""
    key, _, seal = visit.request.query_params.get("said", "").partition(".")
    if key not in SAID or not hmac.compare_digest(seal.encode(), _seal(visit.csrf, key).encode()):
        return ""
    return say(f"desk.said_{key}", visit.language)


def refusal(refused: Refused, language: str) -> str:
    """The sentence that says why an act was not done and what changed."""
    facts = dict(refused.facts)
    if "state" in facts:
        state = str(facts["state"])
        word = known_word("state", state, language)
        facts["state"] = known_word("outbox", state, language) if word == state else word
    return say(f"refusal.{refused.key}", language, **facts)


def _seal(csrf: str, key: str) -> str:
    return hmac.new(csrf.encode(), key.encode(), "sha256").hexdigest()[:16]
