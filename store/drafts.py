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
from store.rows import add_row

_BOUND = (
    "ticket_id",
    "channel",
    "recipient_kind",
    "contact_point_id",
    "recipient",
    "subject",
    "text",
    "attachments",
)
"""Columns that the hash of a draft covers, besides its version and customer."""


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


def hash_of(draft: Draft, customer_id: int | None, attachments: Sequence[dict[str, Any]] | None = None) -> str:
    """The hash that `draft` has now, or with other `attachments`, for the customer its ticket is bound to now."""
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
        attachments=draft.attachments if attachments is None else attachments,
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
    draft_id = write_draft(
        session,
        version=version,
        customer_id=customer_id,
        actor=actor,
        at=at,
        ticket_id=ticket_id,
        request_id=request_id,
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
        author_id=author_id,
    )
    return session.get_one(Draft, draft_id)


def write_draft(
    session: Session, *, version: int, customer_id: int | None, actor: str, at: datetime, **values: Any
) -> int:
    """Write a version of which the caller knows that it is the next, by the columns of `Draft`; returns its id.

    For a ticket just opened: there is no earlier version to look for, and none to supersede.
    """
    values = {"attachments": [], "contact_point_id": None} | values
    digest = content_hash(version=version, customer_id=customer_id, **{name: values[name] for name in _BOUND})
    draft_id = add_row(session, Draft, version=version, sha256=digest, created_at=at, **values)
    data = {"draft": draft_id, "version": version, "template": values["template"], "sha256": digest}
    events.append(session, at=at, actor=actor, kind="draft_written", ticket_id=values["ticket_id"], data=data)
    return draft_id


def live_drafts(session: Session, request_id: int) -> list[Draft]:
    """The drafts of a request that may still be superseded: waiting, or returned."""
    states = [DraftState.DRAFT, DraftState.RETURNED]
    return list(
        session.execute(
            select(Draft).where(col(Draft.request_id) == request_id, col(Draft.state).in_(states))
        ).scalars()
    )


def waits(session: Session, request_id: int) -> bool:
    """Whether a draft of the request waits for a person."""
    return any(draft.state is DraftState.DRAFT for draft in live_drafts(session, request_id))


def template_text(session: Session, request_id: int) -> str:
    """The words that the template gave for a request, before any person changed them; empty without a template."""
    query = select(col(Draft.text)).where(col(Draft.request_id) == request_id, col(Draft.edited).is_(False))
    return session.execute(query.order_by(col(Draft.version)).limit(1)).scalar_one_or_none() or ""


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
