"""The files of a draft: which drafts must have some, and how they come to it once, before anybody approves.

The words of an access answer are written when the request is taken in; the copy that goes with them may be a book, so
it is made afterwards. Until then the draft is not complete and cannot be approved. Completing is a compare-and-set on
the hash that was seen: it changes a draft that waits, gives it the hash over words and files together, and is on the
trail.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import select, update
from sqlmodel import Session, col

from store import events
from store.drafts import hash_of
from store.lifecycle import DraftState, RawState
from store.models import AttachmentFile, Draft, RawMessageRow, Request, Ticket

WITH_FILES = frozenset({"access", "portability_copy"})
"""Templates whose answer is the copy of the data: without its files it is none."""


@dataclass(frozen=True, slots=True)
class FilesOrder:
    """What the files of a draft are made from."""

    draft_id: int
    sha256: str
    """The draft's hash without them."""
    template: str
    language: str
    channel: str
    reference: str
    request_id: int
    customer_id: int
    as_of: datetime
    """When the request was received: the copy is the register of that moment."""


@dataclass(frozen=True, slots=True)
class NewFile:
    """A file to attach."""

    name: str
    media_type: str
    content: bytes


def lacks_files(draft: Draft) -> bool:
    """Whether the draft waits and has not the files that it needs."""
    return draft.template in WITH_FILES and draft.holds_data and not draft.attachments


def order_for(session: Session, draft_id: int) -> FilesOrder | None:
    """What to make for a draft; None when it needs nothing, or nobody is waiting for it."""
    draft = session.get(Draft, draft_id)
    if draft is None or draft.state is not DraftState.DRAFT or not lacks_files(draft):
        return None
    ticket = session.get_one(Ticket, draft.ticket_id)
    request = session.get_one(Request, draft.request_id)
    if ticket.customer_id is None:
        return None
    return FilesOrder(
        draft_id=draft_id,
        sha256=draft.sha256,
        template=draft.template,
        language=draft.language,
        channel=draft.channel,
        reference=ticket.reference,
        request_id=draft.request_id,
        customer_id=ticket.customer_id,
        as_of=request.received_at,
    )


def next_after(session: Session, draft_id: int) -> int | None:
    """The first waiting draft after this one whose template needs files, whether it has them or not."""
    query = select(col(Draft.id)).where(
        col(Draft.id) > draft_id, col(Draft.state) == DraftState.DRAFT, col(Draft.template).in_(WITH_FILES)
    )
    return session.execute(query.order_by(col(Draft.id)).limit(1)).scalar_one_or_none()


def intake_is_busy(session: Session) -> bool:
    """Whether messages wait to be led on: they come first."""
    waiting = select(col(RawMessageRow.id)).where(col(RawMessageRow.state) == RawState.NEW)
    return session.execute(waiting.limit(1)).first() is not None


def attach(session: Session, order: FilesOrder, files: Sequence[NewFile], at: datetime) -> bool:
    """Complete the draft; False when it is no longer what the files were made for."""
    draft = session.get(Draft, order.draft_id)
    if draft is None or order_for(session, order.draft_id) != order:
        return False
    named = [_keep(session, file) for file in files]
    return _set_files(session, draft, order.customer_id, named, actor="packing", at=at)


def detach(session: Session, request_id: int, actor: str, at: datetime) -> None:
    """Take the files from the waiting draft of a request: what goes into them has changed, so they are made anew."""
    waiting = select(Draft).where(col(Draft.request_id) == request_id, col(Draft.state) == DraftState.DRAFT)
    for draft in session.execute(waiting).scalars().all():
        if draft.template in WITH_FILES and draft.attachments:
            ticket = session.get_one(Ticket, draft.ticket_id)
            _set_files(session, draft, ticket.customer_id, [], actor=actor, at=at)


def _keep(session: Session, file: NewFile) -> dict[str, Any]:
    """The bytes once by their hash, and how a draft names them."""
    digest = sha256(file.content).hexdigest()
    if session.get(AttachmentFile, digest) is None:
        session.add(AttachmentFile(sha256=digest, content=file.content))
        session.flush()
    return {"name": file.name, "media_type": file.media_type, "sha256": digest}


def _set_files(
    session: Session, draft: Draft, customer_id: int | None, named: list[dict[str, Any]], *, actor: str, at: datetime
) -> bool:
    digest = hash_of(draft, customer_id, named)
    same = (col(Draft.id) == draft.id, col(Draft.state) == DraftState.DRAFT, col(Draft.sha256) == draft.sha256)
    changed = session.connection().execute(update(Draft).where(*same).values(attachments=named, sha256=digest))
    if changed.rowcount != 1:
        return False
    session.refresh(draft)
    data = {"draft": draft.id, "version": draft.version, "sha256": digest, "files": len(named)}
    kind = "draft_completed" if named else "draft_files_outdated"
    events.append(session, at=at, actor=actor, kind=kind, ticket_id=draft.ticket_id, data=data)
    return True
