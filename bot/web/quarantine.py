"""What staff do in the list of suspected mail: one press sorts one line, or all that are marked.

Each line is an act of its own. One that is refused, because a colleague was quicker, keeps none of the others from
being done; the list is shown again with the sentence that says why.
"""

import re
from typing import Literal

from starlette.exceptions import HTTPException
from starlette.responses import Response

from bot.staff import Refused
from bot.web.answers import done, refusal
from bot.web.visit import LARGEST_ID, Desk, Visit
from bot.web.worklist import show as show_worklist
from store.lifecycle import Resolution

What = Literal["rescue", "spam"]
_PRESS = re.compile(r"(rescue|spam)(?:\.([0-9]{1,10})\.([0-9]{1,10}))?")
_MARK = re.compile(r"mark-([0-9]{1,10})")


async def sort(desk: Desk, visit: Visit) -> Response:
    """Move to the queue, or close as spam: the line whose button was pressed, or every marked one."""
    press = _PRESS.fullmatch(visit.form.get("press", ""))
    if press is None:
        raise HTTPException(404)
    what: What = "rescue" if press[1] == "rescue" else "spam"
    chosen = [(int(press[2]), int(press[3]))] if press[2] else _marked(visit)
    refused = Refused("nothing_marked") if not chosen else None
    for ticket_id, version in chosen:
        try:
            await _act(desk, visit, what, ticket_id, version)
        except Refused as one:
            refused = one
    if refused is not None:
        return await show_worklist(desk, visit, refused=refusal(refused, visit.language))
    return done(visit, "/?view=quarantine", f"sorted_{what}")


async def _act(desk: Desk, visit: Visit, what: What, ticket_id: int, version: int) -> None:
    if not 0 < ticket_id <= LARGEST_ID:
        raise Refused("no_such_ticket")
    if what == "rescue":
        await desk.casework.rescue(visit.staff_id, ticket_id)
    else:
        await desk.casework.close(visit.staff_id, ticket_id, version, Resolution.SPAM)


def _marked(visit: Visit) -> list[tuple[int, int]]:
    """Ticket and the version of it that was shown, of every box that was ticked."""
    found = [(_MARK.fullmatch(name), value) for name, value in visit.form.items()]
    return [(int(mark[1]), int(seen)) for mark, seen in found if mark and re.fullmatch(r"[0-9]{1,10}", seen)]
