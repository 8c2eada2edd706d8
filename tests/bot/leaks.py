"""INV-1, INV-2, INV-7 and the trail's chain over all that stands in an outbox: asked after every test."""

import io
import re
import zipfile
from collections.abc import Iterator
from hashlib import sha256

import pypdfium2
from sqlalchemy import select
from sqlmodel import Session, col

from replies.letter import sender_lines
from replies.notice import NOTICE_OF_THE_DEMO, load_notice
from store import draft_files, drafts, events
from store.dossier.third_parties import PEOPLE
from store.lifecycle import OutboxState
from store.models import (
    Approval,
    AttachmentFile,
    ContactKind,
    ContactPoint,
    Customer,
    Draft,
    Identifier,
    OutboxRow,
    Record,
    Ticket,
)
from store.register import acts_for, postal_block
from store.tickets import senders

SHORTEST = 5
_NOTICE = "\n".join((NOTICE_OF_THE_DEMO.read_text("utf-8"), *sender_lines(load_notice(NOTICE_OF_THE_DEMO)))).casefold()
"""What the controller says of itself is no customer's secret: its own town, for one."""


def assert_nothing_leaks(session: Session) -> None:
    """Fail, naming the row by its id, when anything of an outbox breaks an invariant or the chain is broken."""
    rows = list(session.execute(select(OutboxRow)).scalars())
    for row in rows:
        if row.kind == "reply":
            _assert_reply(session, row)
        else:
            _assert_automatic(session, row)
    alive = [row.draft_id for row in rows if row.draft_id and row.state is not OutboxState.WITHDRAWN]
    assert len(alive) == len(set(alive)), "a draft has two rows that may leave (INV-9)"
    chain = events.first_broken_link(session)
    assert chain.broken_seq is None, chain.reason


def register_values(session: Session, ids: set[int] | None = None) -> Iterator[str]:
    """Every value of the register by which somebody could be known or reached: of these customers, or of all."""
    chosen = set(session.execute(select(col(Customer.id))).scalars()) if ids is None else ids
    for contact in session.execute(select(ContactPoint).where(col(ContactPoint.customer_id).in_(chosen))).scalars():
        yield from contact.value.splitlines()
    yield from session.execute(select(col(Identifier.value)).where(col(Identifier.customer_id).in_(chosen))).scalars()
    yield from session.execute(select(col(Customer.key)).where(col(Customer.id).in_(chosen))).scalars()
    yield from session.execute(select(col(Customer.name)).where(col(Customer.id).in_(chosen))).scalars()
    for fields in session.execute(select(col(Record.fields)).where(col(Record.customer_id).in_(chosen))).scalars():
        yield from (str(value) for value in fields.values() if re.search(r"\d{3}", str(value)))


def held_in(session: Session, text: str, ids: set[int] | None = None) -> list[str]:
    """The register values that `text` holds."""
    folded = text.casefold()
    return [
        value
        for value in register_values(session, ids)
        if len(value) >= SHORTEST and value.casefold() in folded and value.casefold() not in _NOTICE
    ]


def _assert_automatic(session: Session, row: OutboxRow) -> None:
    """INV-7: an acknowledgement is automatic and holds nothing; nor does a notice to staff, or a canary."""
    assert row.kind in {"acknowledgement", "notice", "canary"}, f"outbox {row.id}: a row of no known kind"
    assert row.kind != "canary" or row.to_address.endswith("@lampo.test"), f"outbox {row.id}: a canary to others"
    assert row.automatic is (row.kind == "acknowledgement"), f"outbox {row.id}"
    bound = (row.draft_id, row.approval_id, row.contact_point_id)
    assert bound == (None, None, None), f"outbox {row.id}: what nobody approved names a draft or a contact"
    assert not row.holds_data, f"outbox {row.id}: what leaves by itself holds data"
    assert not row.attachments, f"outbox {row.id}"
    assert held_in(session, f"{row.subject}\n{row.text}") == [], f"outbox {row.id}: register values leave by themselves"


def _assert_reply(session: Session, row: OutboxRow) -> None:
    """INV-2: approved, in exactly these words; INV-1: to a contact on file before, or without register data."""
    draft = session.get_one(Draft, row.draft_id)
    ticket = session.get_one(Ticket, draft.ticket_id)
    approval = session.get_one(Approval, row.approval_id)
    assert approval.sha256 == draft.sha256, f"outbox {row.id}: another hash was approved"
    assert (approval.voided_at is not None) == (row.state is OutboxState.WITHDRAWN), f"outbox {row.id}"
    content = drafts.content_hash(
        ticket_id=row.ticket_id or 0,
        version=draft.version,
        customer_id=ticket.customer_id,
        channel=row.channel,
        recipient_kind=draft.recipient_kind,
        contact_point_id=row.contact_point_id,
        recipient=row.to_address,
        subject=row.subject,
        text=row.text,
        attachments=row.attachments,
    )
    assert content == approval.sha256, f"outbox {row.id}: what leaves is not what was approved"
    assert row.holds_data == draft.holds_data, f"outbox {row.id}"
    _assert_files(session, row, draft, ticket)
    if row.contact_point_id is None:
        _assert_to_a_sender(session, row, ticket)
    else:
        _assert_on_file(session, row, approval, ticket)


def _assert_files(session: Session, row: OutboxRow, draft: Draft, ticket: Ticket) -> None:
    """A copy of the data goes with every access answer, whole, and holds nothing of another customer."""
    if draft.template in draft_files.WITH_FILES:
        assert row.attachments, f"outbox {row.id}: an access answer without the copy"
    assert not row.attachments or row.holds_data, f"outbox {row.id}: files with words that hold no data"
    if not row.attachments or ticket.customer_id is None:
        return
    own = {" ".join(value.split()).casefold() for value in register_values(session, {ticket.customer_id})}
    everybody = select(Customer).where(col(Customer.id) != ticket.customer_id)
    others = session.execute(everybody).scalars().all()
    # A company is no secret to who acts for it.
    told = {one.name.casefold() for one in others if one.kind not in PEOPLE}
    theirs = set(register_values(session, {one.id for one in others if one.id}))
    for file in row.attachments:
        stored = session.get_one(AttachmentFile, file["sha256"])
        assert sha256(stored.content).hexdigest() == file["sha256"], f"outbox {row.id}: another file"
        words = words_of(stored.content).casefold()
        leaked = [
            value
            for value in theirs
            if len(value) >= SHORTEST
            and value.casefold() not in own | told
            and value.casefold() not in _NOTICE
            and value.casefold() in words
            and re.search(rf"(?<!\w){re.escape(value.casefold())}(?!\w)", words)
        ]
        assert leaked == [], f"outbox {row.id}: values of others in a file: {leaked}"


def words_of(content: bytes) -> str:
    """What a file of an answer says: the text of a PDF, every member of a ZIP."""
    if content.startswith(b"%PDF-"):
        document = pypdfium2.PdfDocument(content)
        words = "\n".join(page.get_textpage().get_text_range() for page in document)
        document.close()
        return words
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return "\n".join(archive.read(name).decode("utf-8") for name in archive.namelist())


def _assert_to_a_sender(session: Session, row: OutboxRow, ticket: Ticket) -> None:
    assert not row.holds_data, f"outbox {row.id}: data to an address that is not on file"
    wrote = {ticket.sender, *senders(session, ticket.id or 0)}
    assert row.to_address in wrote, f"outbox {row.id}: to somebody who did not write"
    known = [value.casefold() for value in ticket.sender.splitlines()]
    names = set(session.execute(select(col(Customer.name))).scalars())
    leaked = [value for value in held_in(session, f"{row.subject}\n{row.text}") if value not in names]
    told = [value for value in leaked if value.casefold() not in known]
    assert told == [], f"outbox {row.id}: register values {told}"


def _assert_on_file(session: Session, row: OutboxRow, approval: Approval, ticket: Ticket) -> None:
    contact = session.get_one(ContactPoint, row.contact_point_id)
    assert contact.on_file_since < ticket.received_at, f"outbox {row.id}: the contact is younger than the request"
    assert contact.usable_from <= ticket.received_at, f"outbox {row.id}: the contact still waited"
    ended = contact.ended_at
    assert ended is None or ended >= approval.approved_at, f"outbox {row.id}: the contact had ended"
    if contact.kind is ContactKind.EMAIL:
        assert row.to_address == contact.value, f"outbox {row.id}"
    else:
        assert tuple(row.to_address.split("\n")) == postal_block(session, contact.id or 0), f"outbox {row.id}"
    if ticket.customer_id is not None:
        own = contact.customer_id == ticket.customer_id
        assert own or acts_for(session, contact.customer_id, ticket.customer_id), f"outbox {row.id}: another's contact"
        owner = session.get_one(Customer, contact.customer_id)
        if row.holds_data and owner.turvakielto:
            assert row.channel == "letter", f"outbox {row.id}: data about somebody protected by e-mail"
