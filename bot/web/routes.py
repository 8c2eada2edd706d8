"""Every address of the desk in one table. What is not marked `public` needs a log-in; `act` needs a role that works."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.responses import Response

from bot.web import acts, cards, downloads, log_in, machines, mailboxes, quarantine, ticket, worklist
from bot.web.visit import Desk, Visit

Handler = Callable[[Desk, Visit], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Route:
    """One address and who may ask for it."""

    path: str
    handler: Handler
    method: str = "GET"
    public: bool = False
    """Needs no log-in."""
    bare: bool = False
    """Does not even look whether there is one: for machines and files."""
    act: bool = False
    """Changes something: needs one of `bot.staff.MAY_WORK`."""


ROUTES: tuple[Route, ...] = (
    Route("/healthz", machines.live, public=True, bare=True),
    Route("/readyz", machines.ready, public=True, bare=True),
    Route("/metrics", machines.metrics, public=True, bare=True),
    Route("/static/{name}", machines.static, public=True, bare=True),
    Route("/log-in", log_in.show, public=True),
    Route("/log-in", log_in.enter, "POST", public=True),
    Route("/log-out", log_in.leave, "POST"),
    Route("/", worklist.show),
    Route("/mailboxes", mailboxes.show),
    Route("/tickets/{ticket_id:int}", ticket.show),
    Route("/cards/{number}", cards.follow),
    Route("/drafts/{draft_id:int}", ticket.show_draft),
    Route("/drafts/{draft_id:int}/files/{position:int}", downloads.of_draft),
    Route("/messages/{message_id:int}/raw", downloads.of_message),
    Route("/drafts/{draft_id:int}/approve", acts.approve, "POST", act=True),
    Route("/drafts/{draft_id:int}/amend", acts.amend, "POST", act=True),
    Route("/drafts/{draft_id:int}/return", acts.return_draft, "POST", act=True),
    Route("/drafts/{draft_id:int}/return-address", acts.set_return_address, "POST", act=True),
    Route("/outbox/{outbox_id:int}/posted", acts.mark_posted, "POST", act=True),
    Route("/outbox/{outbox_id:int}/address-works", acts.trust_address, "POST", act=True),
    Route("/outbox/{outbox_id:int}/undo", acts.undo, "POST", act=True),
    Route("/outbox/{outbox_id:int}/decide", acts.decide, "POST", act=True),
    Route("/requests/{request_id:int}/reply", acts.begin_reply, "POST", act=True),
    Route("/searches/{task_id:int}/answer", acts.answer_search, "POST", act=True),
    Route("/tickets/{ticket_id:int}/take", acts.take, "POST", act=True),
    Route("/tickets/{ticket_id:int}/note", acts.note, "POST", act=True),
    Route("/tickets/{ticket_id:int}/close", acts.close, "POST", act=True),
    Route("/tickets/{ticket_id:int}/reopen", acts.reopen, "POST", act=True),
    Route("/tickets/{ticket_id:int}/rescue", acts.rescue, "POST", act=True),
    Route("/quarantine", quarantine.sort, "POST", act=True),
)
