"""The accounts of the mailboxes: what came in by each folder, and what lies there that could not be taken."""

from starlette.responses import Response

from bot.web.answers import page
from bot.web.visit import Desk, Visit
from store import mailboxes


async def show(desk: Desk, visit: Visit) -> Response:
    """Every folder that was ever read, with its sum."""
    folders = await desk.database.read(mailboxes.balance)
    return page(desk, visit, "mailboxes.html", here="/mailboxes", folders=folders)
