"""Files handed to staff, only ever to be saved: never shown by the browser, whatever they are (THREATS 23, 49)."""

from starlette.exceptions import HTTPException
from starlette.responses import Response

from bot.web.shown import content_disposition
from bot.web.visit import Desk, Visit
from store.desk_files import FileFacts, draft_file, raw_file


async def of_message(desk: Desk, visit: Visit) -> Response:
    """The bytes of a message as they came."""
    message_id = visit.path_id("message_id")
    return _download(await desk.database.read(lambda session: raw_file(session, message_id)))


async def of_draft(desk: Desk, visit: Visit) -> Response:
    """A file that a draft carries: who approves it must be able to read it."""
    draft_id, position = visit.path_id("draft_id"), visit.path_id("position")
    return _download(await desk.database.read(lambda session: draft_file(session, draft_id, position)))


def _download(file: FileFacts | None) -> Response:
    if file is None:
        raise HTTPException(404)
    return Response(
        file.content,
        media_type="application/octet-stream",
        headers={
            "Content-Disposition": content_disposition(file.name),
            "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
        },
    )
