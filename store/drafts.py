"""Drafts and approvals: versions that count up, one hash that binds what leaves to what was read.

A draft is never changed: amending writes the next version and supersedes the one before. Its hash covers ticket,
version, customer, channel, recipient, words and files; an approval names the hash, and is worth nothing for any other
(INV-2).
"""

import json
from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.engine import CursorResult
from sqlmodel import Session, col

from store import events
from store.lifecycle import DraftState, check_draft_move
from store.models import Approval, Draft, DraftView, RecipientKind


def content_hash(
    *,
    ticket_id: int,
    version: int,
    customer_id: int | None,
    channel: str,
    recipient_kind: str,
    contact_point_id: int | None,
    recipient: str,
    subject: str,
    text: str,
    attachments: Sequence[dict[str, Any]],
) -> str:
    """SHA-256 over everything that an approval binds (INV-2), in one canonical form."""
    content = [
        ticket_id,
        version,
        customer_id,
        channel,
        str(recipient_kind),
        contact_point_id,
        recipient,
        subject,
        text,
        [[file["name"], file["media_type"], file["sha256"]] for file in attachments],
    ]
    return sha256(json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()).hexdigest()


def hash_of(draft: Draft, customer_id: int | None) -> str:
    """The hash that `draft` has now, for the customer its ticket is bound to now."""
    return content_hash(
        ticket_id=draft.ticket_id,
        version=draft.version,
        customer_id=customer_id,
        channel=draft.channel,
        recipient_kind=draft.recipient_kind,
        contact_point_id=draft.contact_point_id,
        recipient=draft.recipient,
        subject=draft.subject,
        text=draft.text,
        attachments=draft.attachments,
    )


def add_draft(
    session: Session,
    *,
    ticket_id: int,
    request_id: int,
    customer_id: int | None,
    template: str,
    language: str,
    recipient_kind: RecipientKind,
    contact_point_id: int | None,
    recipient: str,
    channel: str,
    subject: str,
    text: str,
    holds_data: bool,
    actor: str,
    at: datetime,
    author_id: int | None = None,
    edited: bool = False,
    attachments: Sequence[dict[str, Any]] = (),
) -> Draft:
    """Write the next version for a request; a live one before it is superseded."""
    newest = session.connection().execute(select(func.max(col(Draft.version))).where(col(Draft.ticket_id) == ticket_id))
    version = (newest.scalar_one() or 0) + 1
    for old in live_drafts(session, request_id):
        move(session, old, DraftState.SUPERSEDED, actor=actor, at=at)
    draft = Draft(
        ticket_id=ticket_id,
        request_id=request_id,
        version=version,
        template=template,
        language=language,
        recipient_kind=recipient_kind,
        contact_point_id=contact_point_id,
        recipient=recipient,
        channel=channel,
        subject=subject,
        text=text,
        attachments=list(attachments),
        holds_data=holds_data,
        edited=edited,
        sha256="",
        author_id=author_id,
        created_at=at,
    )
    draft.sha256 = hash_of(draft, customer_id)
    session.add(draft)
    session.flush()
    data = {"draft": draft.id, "version": version, "template": template, "sha256": draft.sha256}
    events.append(session, at=at, actor=actor, kind="draft_written", ticket_id=ticket_id, data=data)
    return draft


def live_drafts(session: Session, request_id: int) -> list[Draft]:
    """The drafts of a request that may still be superseded: waiting, or returned."""
    states = [DraftState.DRAFT, DraftState.RETURNED]
    return list(
        session.execute(
            select(Draft).where(col(Draft.request_id) == request_id, col(Draft.state).in_(states))
        ).scalars()
    )


def newest_version(session: Session, request_id: int) -> int:
    """The highest version that a request's drafts have reached."""
    query = select(func.max(col(Draft.version))).where(col(Draft.request_id) == request_id)
    return int(session.connection().execute(query).scalar_one() or 0)


def move(session: Session, draft: Draft, new: DraftState, *, actor: str, at: datetime, **data: Any) -> bool:
    """Compare-and-set of a draft's state with its event; False when someone was first."""
    old = draft.state
    check_draft_move(old, new)
    result = session.connection().execute(
        update(Draft).where(col(Draft.id) == draft.id, col(Draft.state) == old).values(state=new)
    )
    if not _changed_one(result):
        return False
    session.refresh(draft)
    facts = {"draft": draft.id, "version": draft.version, "from": old.value, "to": new.value} | data
    events.append(session, at=at, actor=actor, kind=f"draft_{new.value}", ticket_id=draft.ticket_id, data=facts)
    return True


def record_view(session: Session, draft_id: int, staff_id: int, at: datetime) -> bool:
    """Note that this staff member has opened this version; False when that was noted before."""
    if has_viewed(session, draft_id, staff_id):
        return False
    session.add(DraftView(draft_id=draft_id, staff_id=staff_id, viewed_at=at))
    session.flush()
    return True


def has_viewed(session: Session, draft_id: int, staff_id: int) -> bool:
    """Whether this staff member has opened this version on the desk."""
    seen = select(col(DraftView.id)).where(col(DraftView.draft_id) == draft_id, col(DraftView.staff_id) == staff_id)
    return session.execute(seen).first() is not None


def live_approval(session: Session, draft_id: int) -> Approval | None:
    """The approval of a draft that has not been taken back."""
    query = select(Approval).where(col(Approval.draft_id) == draft_id, col(Approval.voided_at).is_(None))
    return session.execute(query).scalars().first()


def _changed_one(result: CursorResult[Any]) -> bool:
    return result.rowcount == 1
