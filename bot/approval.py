"""Approve, amend, return, undo: the only door through which a draft becomes a reply (INV-2).

Each act is one transaction that reads everything again: the member is still staff, the draft is still the newest, its
hash, computed anew from the rows, is what the person saw, the recipient is still on file and was so before the request
came. Only then are the approval, the outbox row and their events written together. Anything else raises `Refused` with
the key of a sentence that says what changed; nothing is half done, and a second press finds the first.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlmodel import Session

from bot.staff import MAY_APPROVE, MAY_WORK, Refused, entitled
from store import draft_files, drafts, events, outbox, searches, spill, tickets
from store.database import Database
from store.lifecycle import DraftState, OutboxState, TicketState
from store.models import (
    Approval,
    ContactKind,
    ContactPoint,
    ContactStatus,
    Customer,
    Draft,
    OutboxRow,
    RecipientKind,
    StaffMember,
    StaffRole,
    Ticket,
)
from store.register import acts_for, postal_block

Via = Literal["desk", "chat"]


@dataclass(frozen=True, slots=True)
class Released:
    """An approved reply on its way: until `release_at` (UTC) it can be taken back."""

    outbox_id: int
    release_at: datetime


async def _nothing_to_complete(_draft_id: int) -> bool:
    return False


class Approvals:
    """The acts of staff on a draft."""

    def __init__(
        self,
        *,
        database: Database,
        clock: Callable[[], datetime],
        new_message_id: Callable[[], str],
        hold: timedelta,
        complete: Callable[[int], Awaitable[bool]] = _nothing_to_complete,
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        """`hold` is how long a reply waits after approval; `complete` gives a draft the files that it lacks, and tells
        whether it did; `wake` tells the pipeline that something is due.
        """
        self._complete = complete
        self._database = database
        self._clock = clock
        self._new_message_id = new_message_id
        self._hold = hold
        self._wake = wake

    async def open_draft(self, staff_id: int, draft_id: int) -> bool:
        """Record that this staff member has read this version on the desk. Raises `Refused`.

        A draft that lacks its files gets them first, so that what is read is what can be approved; returns whether the
        draft changed by it.
        """
        changed = await self._complete(draft_id)

        def work(session: Session) -> None:
            now = self._clock()
            entitled(session.get(StaffMember, staff_id), frozenset(StaffRole))
            draft = _draft(session, draft_id)
            if drafts.record_view(session, draft_id, staff_id, now):
                data = {"draft": draft_id, "version": draft.version}
                actor = f"staff:{staff_id}"
                events.append(session, at=now, actor=actor, kind="draft_opened", ticket_id=draft.ticket_id, data=data)

        await self._database.write(work)
        return changed

    async def approve(self, staff_id: int, draft_id: int, sha256: str, via: Via = "desk") -> Released:
        """Let exactly this hash out, once. Raises `Refused`."""
        released = await self._database.write(lambda session: self._approve(session, staff_id, draft_id, sha256, via))
        self._wake()
        return released

    def _approve(self, session: Session, staff_id: int, draft_id: int, sha256: str, via: Via) -> Released:
        now = self._clock()
        entitled(session.get(StaffMember, staff_id), MAY_APPROVE)
        draft = _draft(session, draft_id)
        ticket = _ticket(session, draft.ticket_id)
        _is_newest_and_seen(session, draft, ticket, sha256)
        if via == "chat" and not _may_press(session, draft, staff_id):
            raise Refused("not_opened")
        _recipient_holds(session, draft, ticket)
        if draft_files.lacks_files(draft):
            raise Refused("not_packed")
        if draft.template in draft_files.WITH_FILES and not searches.is_complete(session, draft.request_id):
            raise Refused("not_searched")
        approval = Approval(draft_id=draft_id, staff_id=staff_id, sha256=draft.sha256, via=via, approved_at=now)
        session.add(approval)
        session.flush()
        actor = f"staff:{staff_id}"
        if not drafts.move(session, draft, DraftState.APPROVED, actor=actor, at=now, sha256=draft.sha256, via=via):
            raise Refused("already_approved", name=_approver(session, draft_id))
        answers = tickets.newest_message_id(session, draft.ticket_id) if draft.channel == "email" else ""
        row = outbox.add(session, self._outbox_row(draft, ticket, approval, now, answers), actor=actor)
        return Released(tickets.id_of(row.id), row.release_at)

    def _outbox_row(
        self, draft: Draft, ticket: Ticket, approval: Approval, now: datetime, in_reply_to: str
    ) -> OutboxRow:
        release_at = now + self._hold
        return OutboxRow(
            kind="reply",
            state=OutboxState.APPROVED,
            ticket_id=ticket.id,
            draft_id=draft.id,
            approval_id=approval.id,
            contact_point_id=draft.contact_point_id,
            channel=draft.channel,
            to_address=draft.recipient,
            language=draft.language,
            subject=draft.subject,
            text=draft.text,
            attachments=draft.attachments,
            message_id=self._new_message_id(),
            in_reply_to=in_reply_to,
            holds_data=draft.holds_data,
            created_at=now,
            release_at=release_at,
            next_attempt_at=release_at,
        )

    async def amend(self, staff_id: int, draft_id: int, sha256: str, subject: str, text: str) -> int:
        """Write the next version with a person's own words; returns its id. Raises `Refused`."""
        new_id = await self._database.write(
            lambda session: self._amend(session, staff_id, draft_id, sha256, subject, text)
        )
        self._wake()
        return new_id

    def _amend(self, session: Session, staff_id: int, draft_id: int, sha256: str, subject: str, text: str) -> int:
        now = self._clock()
        entitled(session.get(StaffMember, staff_id), MAY_WORK)
        if not text.strip() or not subject.strip():
            raise Refused("empty_text")
        draft = _draft(session, draft_id)
        ticket = _ticket(session, draft.ticket_id)
        _is_newest_and_seen(session, draft, ticket, sha256, also=DraftState.RETURNED)
        new = drafts.add_draft(
            session,
            ticket_id=draft.ticket_id,
            request_id=draft.request_id,
            customer_id=ticket.customer_id,
            template=draft.template,
            language=draft.language,
            recipient_kind=draft.recipient_kind,
            contact_point_id=draft.contact_point_id,
            recipient=draft.recipient,
            channel=draft.channel,
            subject=" ".join(subject.split()),
            text="\n".join(text.splitlines()).strip() + "\n",
            # A person may type anything: words to a contact on file are treated as data from then on, and words to a
            # sender are compared with the register below, before they can be approved.
            holds_data=draft.recipient_kind is not RecipientKind.SENDER,
            actor=f"staff:{staff_id}",
            at=now,
            author_id=staff_id,
            edited=True,
            attachments=draft.attachments,
        )
        _await_approval(session, ticket, f"staff:{staff_id}", now)
        return tickets.id_of(new.id)

    async def return_draft(self, staff_id: int, draft_id: int, sha256: str, note: str) -> None:
        """Send a draft back to be mended; nothing leaves. Raises `Refused`."""

        def work(session: Session) -> None:
            now = self._clock()
            entitled(session.get(StaffMember, staff_id), MAY_WORK)
            draft = _draft(session, draft_id)
            ticket = _ticket(session, draft.ticket_id)
            _is_newest_and_seen(session, draft, ticket, sha256)
            actor = f"staff:{staff_id}"
            drafts.move(session, draft, DraftState.RETURNED, actor=actor, at=now, has_note=bool(note.strip()))
            requests = tickets.open_requests(session, draft.ticket_id)
            still = any(drafts.waits(session, tickets.id_of(request.id)) for request in requests)
            if ticket.state is TicketState.AWAITING_APPROVAL and not still:
                tickets.move(session, ticket, TicketState.OPEN, actor=actor, at=now)

        await self._database.write(work)
        self._wake()

    async def undo(self, staff_id: int, outbox_id: int) -> None:
        """Take an approval back while the reply still waits, for its release or for a relay that put it off.

        Raises `Refused`.
        """

        def work(session: Session) -> None:
            now = self._clock()
            entitled(session.get(StaffMember, staff_id), MAY_APPROVE)
            row = session.get(OutboxRow, outbox_id)
            if row is None or row.draft_id is None or row.approval_id is None:
                raise Refused("no_such_draft")
            actor = f"staff:{staff_id}"
            if row.state is not OutboxState.APPROVED:
                raise Refused("already_sent")
            if not outbox.move(session, row, OutboxState.WITHDRAWN, actor=actor, at=now):
                raise Refused("already_sent")
            approval = session.get_one(Approval, row.approval_id)
            approval.voided_at = now
            draft = _draft(session, row.draft_id)
            drafts.move(session, draft, DraftState.DRAFT, actor=actor, at=now, undone=outbox_id)
            _await_approval(session, _ticket(session, draft.ticket_id), actor, now)

        await self._database.write(work)
        self._wake()


def _await_approval(session: Session, ticket: Ticket, actor: str, at: datetime) -> None:
    """A draft waits: so does its ticket."""
    if ticket.state not in {TicketState.AWAITING_APPROVAL, TicketState.CLOSED}:
        tickets.move(session, ticket, TicketState.AWAITING_APPROVAL, actor=actor, at=at)


def _draft(session: Session, draft_id: int) -> Draft:
    draft = session.get(Draft, draft_id)
    if draft is None:
        raise Refused("no_such_draft")
    return draft


def _ticket(session: Session, ticket_id: int) -> Ticket:
    """The ticket, held until the transaction ends: what is read of it is still true when the act is written."""
    return session.get_one(Ticket, ticket_id, with_for_update=True)


def _is_newest_and_seen(
    session: Session, draft: Draft, ticket: Ticket, sha256: str, also: DraftState | None = None
) -> None:
    """Refuse unless `draft` still waits and its content, hashed now, is what the person saw."""
    if ticket.state is TicketState.CLOSED:
        raise Refused("ticket_closed")
    if draft.state is DraftState.SUPERSEDED:
        newest = drafts.newest_version(session, draft.request_id)
        raise Refused("stale", seen=draft.version, version=newest)
    if draft.state in {DraftState.APPROVED, DraftState.SENT}:
        raise Refused("already_approved", name=_approver(session, tickets.id_of(draft.id)))
    if draft.state is DraftState.RETURNED and also is not DraftState.RETURNED:
        raise Refused("returned")
    if sha256 != draft.sha256 or drafts.hash_of(draft, ticket.customer_id) != draft.sha256:
        raise Refused("changed")


def _may_press(session: Session, draft: Draft, staff_id: int) -> bool:
    """A card counts only for a version its presser has opened, or a data-free template that nobody edited."""
    if not draft.holds_data and not draft.edited:
        return True
    return drafts.has_viewed(session, tickets.id_of(draft.id), staff_id)


def _recipient_holds(session: Session, draft: Draft, ticket: Ticket) -> None:
    """INV-1: the row on file is active, was on file before the request, and still says what the draft says."""
    if not draft.recipient:
        raise Refused("no_recipient")
    if draft.recipient_kind is RecipientKind.SENDER:
        wrote = {ticket.sender, *tickets.senders(session, tickets.id_of(ticket.id))}
        if draft.contact_point_id is not None or draft.holds_data or draft.recipient not in wrote:
            raise Refused("recipient_changed")
        typed = draft.edited and (
            spill.register_values_in(session, ticket, draft) or spill.names_another(session, ticket, draft)
        )
        if typed:
            raise Refused("holds_register_data")
        return
    if draft.edited and spill.names_another(session, ticket, draft):
        raise Refused("other_customer")
    contact = session.get(ContactPoint, draft.contact_point_id) if draft.contact_point_id else None
    if contact is None:
        raise Refused("no_recipient")
    usable = (
        contact.status is ContactStatus.ACTIVE
        and contact.on_file_since < ticket.received_at
        and contact.usable_from <= ticket.received_at
    )
    if not usable or contact.kind != draft.recipient_kind.value or not _concerns(session, contact, draft, ticket):
        raise Refused("recipient_changed")
    email = contact.kind is ContactKind.EMAIL
    if draft.recipient != (contact.value if email else "\n".join(postal_block(session, draft.contact_point_id or 0))):
        raise Refused("recipient_changed")


def _concerns(session: Session, contact: ContactPoint, draft: Draft, ticket: Ticket) -> bool:
    """Whether a contact is the ticket's customer's own, or of one who acts for that customer by a role on file.

    Of a ticket bound to nobody, words that hold no data from the register may go to one who may be meant. Data about
    somebody protected go by no e-mail (THREATS 14).
    """
    owner = session.get_one(Customer, contact.customer_id)
    meant = session.get_one(Customer, ticket.customer_id) if ticket.customer_id is not None else owner
    if contact.kind is ContactKind.EMAIL and draft.holds_data and (owner.turvakielto or meant.turvakielto):
        return False
    if ticket.customer_id is None:
        return owner.key in ticket.identification.get("candidates", ())
    return owner.id == meant.id or acts_for(session, owner.id or 0, ticket.customer_id)


def _approver(session: Session, draft_id: int) -> str:
    approval = drafts.live_approval(session, draft_id)
    member = session.get(StaffMember, approval.staff_id) if approval else None
    return member.name if member else "?"
