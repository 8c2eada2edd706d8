"""The page of a ticket: what was asked beside what we would answer, and everything that leads to a sure decision.

Showing a draft records that this staff member has opened this version; showing a customer's matter is written into the
view log. Both happen before the page is answered: what was seen is on record even when the answer is lost on its way.
"""

import difflib
from dataclasses import dataclass

from starlette.exceptions import HTTPException
from starlette.responses import Response

from bot.web.answers import page, what_was_said
from bot.web.visit import Desk, Visit
from store.desk import log_view
from store.desk_facts import DraftFacts
from store.desk_ticket import draft_facts, earlier_version, ticket_facts
from store.lifecycle import DraftState, OutboxState, Resolution

VIEW_PURPOSE = "request"
"""Purpose in the view log: a request of the customer was being handled."""


@dataclass(frozen=True, slots=True)
class Typed:
    """Words that a person typed into a form that was refused: they are given back, never lost."""

    draft_id: int = 0
    subject: str = ""
    text: str = ""
    note: str = ""


async def show(desk: Desk, visit: Visit) -> Response:
    """The ticket."""
    return await ticket_page(desk, visit, visit.path_id("ticket_id"))


async def ticket_page(
    desk: Desk, visit: Visit, ticket_id: int, *, refused: str = "", typed: Typed | None = None
) -> Response:
    """The ticket as it stands now; with `refused`, as the answer (409) to an act that was not done."""
    facts = await desk.database.read(lambda session: ticket_facts(session, ticket_id))
    if facts is None:
        raise HTTPException(404)
    opened = [request.draft.id for request in facts.requests if request.draft is not None]
    if any([await desk.approvals.open_draft(visit.staff_id, draft_id) for draft_id in opened]):
        facts = await desk.database.read(lambda session: ticket_facts(session, ticket_id)) or facts
    if facts.customer is not None:
        await _record_view(desk, visit, facts.customer.id, ticket_id)
    undoable = {
        send.draft_id: send
        for send in facts.sends
        if send.state is OutboxState.APPROVED and send.draft_id is not None and send.attempts == 0
    }
    return page(
        desk,
        visit,
        "ticket.html",
        status=409 if refused else 200,
        here=f"/tickets/{ticket_id}",
        ticket=facts,
        undoable=undoable,
        now=visit.now,
        said=what_was_said(visit),
        refused=refused,
        typed=typed or Typed(),
        live=(DraftState.DRAFT,),
        resolutions=_RESOLUTIONS,
    )


_RESOLUTIONS = tuple(ended for ended in Resolution if ended not in {Resolution.MERGED, Resolution.AUTOMATIC})
"""How staff may say that a ticket ended; the other two are the program's."""


async def show_draft(desk: Desk, visit: Visit) -> Response:
    """One version of a draft, and what changed since the version before."""
    draft_id = visit.path_id("draft_id")
    found = await desk.database.read(lambda session: draft_facts(session, draft_id))
    if found is None:
        raise HTTPException(404)
    if await desk.approvals.open_draft(visit.staff_id, draft_id):
        found = await desk.database.read(lambda session: draft_facts(session, draft_id)) or found
    earlier = await desk.database.read(lambda session: earlier_version(session, found))
    facts = await desk.database.read(lambda session: ticket_facts(session, found.ticket_id))
    if facts is None:
        raise HTTPException(404)
    if facts.customer is not None:
        await _record_view(desk, visit, facts.customer.id, facts.id)
    return page(desk, visit, "draft.html", draft=found, ticket=facts, earlier=earlier, changes=_changes(earlier, found))


def _changes(earlier: DraftFacts | None, draft: DraftFacts) -> tuple[tuple[str, str], ...]:
    """Line by line: `same`, `gone` or `new`, with the line; empty without an earlier version."""
    if earlier is None:
        return ()
    signs = {" ": "same", "-": "gone", "+": "new"}
    old, new = [(version.subject + "\n\n" + version.text).splitlines() for version in (earlier, draft)]
    return tuple((signs[line[0]], line[2:]) for line in difflib.ndiff(old, new, None, None) if line[0] in signs)


async def _record_view(desk: Desk, visit: Visit, customer_id: int, ticket_id: int) -> None:
    await desk.database.write(
        lambda session: log_view(session, customer_id, visit.staff_id, ticket_id, VIEW_PURPOSE, visit.now)
    )
