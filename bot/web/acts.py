"""What staff do: every form of the desk ends here, as one call of an act and a redirect that says what was done.

An act that is refused gives the ticket's page as it stands now, with the sentence that says what changed (409) and with
what the person had typed.
"""

from collections.abc import Awaitable, Callable
from typing import cast, get_args

from starlette.exceptions import HTTPException
from starlette.responses import Response

from bot.casework import UncertainVerdict
from bot.staff import Refused
from bot.web.answers import done, refusal
from bot.web.shown import clean_field
from bot.web.ticket import Typed, ticket_page
from bot.web.visit import LARGEST_ID, Desk, Visit
from bot.web.worklist import show as show_worklist
from store.desk_ticket import draft_facts, ticket_facts, ticket_of_request, ticket_of_search, ticket_of_send
from store.lifecycle import Resolution
from store.searches import Outcome

LONGEST_TEXT = 100_000
LONGEST_SUBJECT = 300
LONGEST_ADDRESS = 1_000


async def approve(desk: Desk, visit: Visit) -> Response:
    """Let the draft out, exactly as it was shown."""
    draft_id, ticket_id = await _draft(desk, visit)
    sha256 = visit.form.get("sha256", "")

    async def act() -> None:
        await desk.approvals.approve(visit.staff_id, draft_id, sha256, via="desk")

    return await _do(desk, visit, ticket_id, "approved", act)


async def amend(desk: Desk, visit: Visit) -> Response:
    """Write the next version with a person's own words."""
    draft_id, ticket_id = await _draft(desk, visit)
    sha256 = visit.form.get("sha256", "")
    subject = " ".join(clean_field(visit.form.get("subject", "")).split())[:LONGEST_SUBJECT]
    text = clean_field(visit.form.get("text", ""))[:LONGEST_TEXT]

    async def act() -> None:
        await desk.approvals.amend(visit.staff_id, draft_id, sha256, subject, text)

    return await _do(desk, visit, ticket_id, "amended", act, Typed(draft_id, subject, text))


async def return_draft(desk: Desk, visit: Visit) -> Response:
    """Send the draft back. What should be mended is kept as an internal note."""
    draft_id, ticket_id = await _draft(desk, visit)
    sha256, note = visit.form.get("sha256", ""), _note(visit)

    async def act() -> None:
        await desk.approvals.return_draft(visit.staff_id, draft_id, sha256, note)
        if note.strip():
            await desk.casework.note(visit.staff_id, ticket_id, note)

    return await _do(desk, visit, ticket_id, "returned", act, Typed(note=note))


async def undo(desk: Desk, visit: Visit) -> Response:
    """Take an approval back while the reply still waits."""
    outbox_id, ticket_id = await _send(desk, visit)
    if ticket_id is None:
        raise HTTPException(404)
    return await _do(desk, visit, ticket_id, "undone", lambda: desk.approvals.undo(visit.staff_id, outbox_id))


async def decide(desk: Desk, visit: Visit) -> Response:
    """Say what became of a message whose outcome is unknown."""
    outbox_id, ticket_id = await _send(desk, visit)
    verdict = visit.form.get("verdict", "")
    if verdict not in get_args(UncertainVerdict):
        raise HTTPException(404)
    return await _do(
        desk,
        visit,
        ticket_id,
        "decided",
        lambda: desk.casework.decide_uncertain(visit.staff_id, outbox_id, cast("UncertainVerdict", verdict)),
    )


async def trust_address(desk: Desk, visit: Visit) -> Response:
    """Say that the address of a mail that came back is right all the same."""
    outbox_id, ticket_id = await _send(desk, visit)
    return await _do(desk, visit, ticket_id, "trusted", lambda: desk.casework.trust_address(visit.staff_id, outbox_id))


async def mark_posted(desk: Desk, visit: Visit) -> Response:
    """Say that a letter has been taken to the post."""
    outbox_id, ticket_id = await _send(desk, visit)
    return await _do(desk, visit, ticket_id, "posted", lambda: desk.casework.mark_posted(visit.staff_id, outbox_id))


async def set_return_address(desk: Desk, visit: Visit) -> Response:
    """Give a stranger's letter the address it is answered to."""
    draft_id, ticket_id = await _draft(desk, visit)
    sha256, address = visit.form.get("sha256", ""), clean_field(visit.form.get("address", ""))[:LONGEST_ADDRESS]
    return await _do(
        desk,
        visit,
        ticket_id,
        "addressed",
        lambda: desk.casework.set_return_address(visit.staff_id, draft_id, sha256, address),
    )


async def begin_reply(desk: Desk, visit: Visit) -> Response:
    """Open a draft that a person writes."""
    request_id = visit.path_id("request_id")
    ticket_id = await desk.database.read(lambda session: ticket_of_request(session, request_id))
    if ticket_id is None:
        raise HTTPException(404)

    async def act() -> None:
        await desk.casework.begin_reply(visit.staff_id, request_id)

    return await _do(desk, visit, ticket_id, "begun", act)


async def answer_search(desk: Desk, visit: Visit) -> Response:
    """Say what came of searching one place."""
    task_id, outcome = visit.path_id("task_id"), visit.form.get("outcome", "")
    if outcome not in get_args(Outcome):
        raise HTTPException(404)
    ticket_id = await desk.database.read(lambda session: ticket_of_search(session, task_id))
    if ticket_id is None:
        raise HTTPException(404)
    found = clean_field(visit.form.get("found", ""))[:LONGEST_TEXT]

    async def act() -> None:
        await desk.casework.answer_search(visit.staff_id, task_id, cast("Outcome", outcome), found)

    return await _do(desk, visit, ticket_id, "searched", act)


async def take(desk: Desk, visit: Visit) -> Response:
    """Make the ticket one's own."""
    ticket_id = await _ticket(desk, visit)
    return await _do(desk, visit, ticket_id, "taken", lambda: desk.casework.take(visit.staff_id, ticket_id))


async def note(desk: Desk, visit: Visit) -> Response:
    """Add an internal note."""
    ticket_id = await _ticket(desk, visit)
    text = _note(visit)
    return await _do(
        desk, visit, ticket_id, "noted", lambda: desk.casework.note(visit.staff_id, ticket_id, text), Typed(note=text)
    )


async def close(desk: Desk, visit: Visit) -> Response:
    """Close the ticket as it was seen."""
    ticket_id = await _ticket(desk, visit)
    if visit.form.get("resolution", "") not in set(Resolution):
        raise HTTPException(404)
    resolution, version, text = Resolution(visit.form["resolution"]), _version(visit), _note(visit)
    return await _do(
        desk,
        visit,
        ticket_id,
        "closed",
        lambda: desk.casework.close(visit.staff_id, ticket_id, version, resolution, text),
        Typed(note=text),
    )


async def reopen(desk: Desk, visit: Visit) -> Response:
    """Open a closed ticket again."""
    ticket_id = await _ticket(desk, visit)
    version = _version(visit)
    return await _do(
        desk, visit, ticket_id, "reopened", lambda: desk.casework.reopen(visit.staff_id, ticket_id, version)
    )


async def rescue(desk: Desk, visit: Visit) -> Response:
    """Take the ticket out of quarantine."""
    ticket_id = await _ticket(desk, visit)
    return await _do(desk, visit, ticket_id, "rescued", lambda: desk.casework.rescue(visit.staff_id, ticket_id))


async def _do(
    desk: Desk,
    visit: Visit,
    ticket_id: int | None,
    said: str,
    act: Callable[[], Awaitable[None]],
    typed: Typed | None = None,
) -> Response:
    try:
        await act()
    except Refused as refused:
        sentence = refusal(refused, visit.language)
        if ticket_id is None:
            return await show_worklist(desk, visit, refused=sentence)
        return await ticket_page(desk, visit, ticket_id, refused=sentence, typed=typed)
    return done(visit, "/" if ticket_id is None else f"/tickets/{ticket_id}", said)


async def _draft(desk: Desk, visit: Visit) -> tuple[int, int]:
    """The draft of the path and its ticket; 404 when there is none."""
    draft_id = visit.path_id("draft_id")
    facts = await desk.database.read(lambda session: draft_facts(session, draft_id))
    if facts is None:
        raise HTTPException(404)
    return draft_id, facts.ticket_id


async def _send(desk: Desk, visit: Visit) -> tuple[int, int | None]:
    outbox_id = visit.path_id("outbox_id")
    exists, ticket_id = await desk.database.read(lambda session: ticket_of_send(session, outbox_id))
    if not exists:
        raise HTTPException(404)
    return outbox_id, ticket_id


async def _ticket(desk: Desk, visit: Visit) -> int:
    ticket_id = visit.path_id("ticket_id")
    if await desk.database.read(lambda session: ticket_facts(session, ticket_id)) is None:
        raise HTTPException(404)
    return ticket_id


def _note(visit: Visit) -> str:
    return clean_field(visit.form.get("note", ""))[:LONGEST_TEXT]


def _version(visit: Visit) -> int:
    given = visit.form.get("version", "")
    return int(given) if given.isascii() and given.isdigit() and len(given) < len(str(LARGEST_ID)) else 0
