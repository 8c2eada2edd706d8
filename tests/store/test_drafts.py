"""Drafts: never changed, counted up, and bound by a hash that every word of what leaves goes into."""

from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, select

from store import drafts
from store.database import Database
from store.lifecycle import DraftState, IllegalMove
from store.models import Approval, Draft, Event, RecipientKind
from tests.store.people import NOW, add_customer, add_dora, add_draft, add_request, add_ticket

FILES = [{"name": "tiedot.zip", "media_type": "application/zip", "sha256": "1" * 64}]
CONTENT: dict[str, Any] = {
    "ticket_id": 1,
    "version": 1,
    "customer_id": 1,
    "channel": "email",
    "recipient_kind": "email",
    "contact_point_id": 1,
    "recipient": "a@posti.test",
    "subject": "Vastaus",
    "text": "Hei\n",
    "attachments": FILES,
}
OTHERWISE: dict[str, Any] = {
    "ticket_id": 2,
    "version": 2,
    "customer_id": None,
    "channel": "letter",
    "recipient_kind": "postal",
    "contact_point_id": 2,
    "recipient": "b@posti.test",
    "subject": "Vastaus ",
    "text": "Hei",
    "attachments": [FILES[0] | {"sha256": "2" * 64}],
}


@dataclass
class Desk:
    """A store with a ticket of two requests."""

    database: Database
    ticket: int
    requests: list[int]
    dora: int

    def add(self, which: int = 0, **changes: Any) -> Draft:
        return self.database.write_now(lambda session: add_draft(session, self.ticket, self.requests[which], **changes))

    def move(self, draft: Draft, *states: DraftState) -> list[bool]:
        def work(session: Session) -> list[bool]:
            row = session.get_one(Draft, draft.id)
            return [drafts.move(session, row, state, actor="staff:1", at=NOW) for state in states]

        return self.database.write_now(work)

    def states(self) -> list[str]:
        found = self.database.read_now(lambda session: session.exec(select(Draft).order_by(Draft.version)).all())  # type: ignore[arg-type]  # a column
        return [draft.state.value for draft in found]


@pytest.fixture
def desk(database: Database) -> Desk:
    def work(session: Session) -> Desk:
        ticket = add_ticket(session)
        return Desk(database, ticket, [add_request(session, ticket) for _ in range(2)], add_dora(session))

    return database.write_now(work)


@pytest.mark.parametrize("name", CONTENT)
def test_every_single_thing_that_leaves_changes_the_hash(name: str) -> None:
    changed = CONTENT | {name: OTHERWISE[name]}
    assert drafts.content_hash(**changed) != drafts.content_hash(**CONTENT)


@pytest.mark.parametrize("key", ["name", "media_type", "sha256"])
def test_so_does_everything_about_a_file(key: str) -> None:
    changed = CONTENT | {"attachments": [FILES[0] | {key: "other"}]}
    assert drafts.content_hash(**changed) != drafts.content_hash(**CONTENT)


def test_words_cannot_wander_between_subject_and_text_unnoticed() -> None:
    first = CONTENT | {"subject": "ab", "text": "c"}
    second = CONTENT | {"subject": "a", "text": "bc"}
    assert drafts.content_hash(**first) != drafts.content_hash(**second)


def test_a_hash_is_the_same_for_a_word_and_its_member(desk: Desk) -> None:
    draft = desk.add()
    assert draft.recipient_kind is RecipientKind.SENDER
    read = desk.database.read_now(lambda session: session.get_one(Draft, draft.id))
    assert drafts.hash_of(read, None) == draft.sha256
    assert drafts.hash_of(read, 1) != draft.sha256


def test_a_new_version_supersedes_its_requests_older_one_and_no_other(desk: Desk) -> None:
    desk.add(0)
    desk.add(1)
    third = desk.add(0)
    assert third.version == 3
    assert desk.states() == ["superseded", "draft", "draft"]
    assert desk.database.read_now(lambda session: drafts.newest_version(session, desk.requests[0])) == 3
    assert desk.database.read_now(lambda session: drafts.newest_version(session, 99)) == 0


def test_an_approved_draft_is_superseded_by_nothing(desk: Desk) -> None:
    first = desk.add()
    desk.move(first, DraftState.APPROVED)
    desk.add()
    assert desk.states() == ["approved", "draft"]


def test_two_rows_never_bear_one_version(desk: Desk) -> None:
    first = desk.add()
    values = first.model_dump(include=set(Draft.model_fields) - {"id", "sha256", "version", "created_at", "state"})
    with pytest.raises(IntegrityError):
        desk.database.write_now(
            lambda session: drafts.write_draft(session, version=1, customer_id=None, actor="x", at=NOW, **values)
        )


def test_a_move_made_twice_counts_once(desk: Desk) -> None:
    draft = desk.add()

    def twice(session: Session) -> list[bool]:
        row = session.get_one(Draft, draft.id)
        first = drafts.move(session, row, DraftState.APPROVED, actor="staff:1", at=NOW)
        stale = Draft(**row.model_dump() | {"state": DraftState.DRAFT})
        return [first, drafts.move(session, stale, DraftState.APPROVED, actor="staff:2", at=NOW)]

    assert desk.database.write_now(twice) == [True, False]
    events = desk.database.read_now(lambda session: session.exec(select(Event.actor, Event.kind)).all())
    assert [actor for actor, kind in events if kind == "draft_approved"] == ["staff:1"]


@pytest.mark.parametrize("state", [DraftState.SENT, DraftState.DRAFT])
def test_a_draft_is_not_sent_without_being_approved(desk: Desk, state: DraftState) -> None:
    with pytest.raises(IllegalMove):
        desk.move(desk.add(), state)


def test_a_draft_may_be_superseded_while_it_waits_or_is_returned_only(desk: Desk) -> None:
    draft = desk.add()
    request = desk.requests[0]

    def live() -> int:
        return desk.database.read_now(lambda session: len(drafts.live_drafts(session, request)))

    waits = [desk.database.read_now(lambda session: drafts.waits(session, request))]
    assert live() == 1
    desk.move(draft, DraftState.RETURNED)
    waits.append(desk.database.read_now(lambda session: drafts.waits(session, request)))
    assert live() == 1
    desk.move(draft, DraftState.SUPERSEDED)
    assert (live(), waits) == (0, [True, False])


def test_the_templates_own_words_are_those_before_anybody_edited(desk: Desk) -> None:
    desk.add(text="Mallin sanat\n")
    desk.add(text="Doran sanat\n", edited=True)
    request = desk.requests[0]
    assert desk.database.read_now(lambda session: drafts.template_text(session, request)) == "Mallin sanat\n"
    assert desk.database.read_now(lambda session: drafts.template_text(session, desk.requests[1])) == ""


def test_a_reader_is_noted_once_a_version(desk: Desk) -> None:
    draft = desk.add()
    seen = [
        desk.database.write_now(lambda session: drafts.record_view(session, draft.id or 0, desk.dora, NOW))
        for _ in range(2)
    ]
    assert seen == [True, False]
    assert desk.database.read_now(lambda session: drafts.has_viewed(session, draft.id or 0, desk.dora))
    newer = desk.add()
    assert not desk.database.read_now(lambda session: drafts.has_viewed(session, newer.id or 0, desk.dora))


def test_an_approval_that_was_voided_is_no_longer_live(desk: Desk) -> None:
    draft = desk.add()

    def approve(session: Session) -> int:
        approval = Approval(draft_id=draft.id, staff_id=desk.dora, sha256=draft.sha256, via="desk", approved_at=NOW)
        session.add(approval)
        session.flush()
        return approval.id or 0

    approval_id = desk.database.write_now(approve)
    assert desk.database.read_now(lambda session: drafts.live_approval(session, draft.id or 0)) is not None
    desk.database.write_now(lambda session: setattr(session.get_one(Approval, approval_id), "voided_at", NOW))
    assert desk.database.read_now(lambda session: drafts.live_approval(session, draft.id or 0)) is None


def test_a_draft_for_a_customer_is_bound_to_that_customer(desk: Desk) -> None:
    customer = desk.database.write_now(add_customer)
    draft = desk.add(customer_id=customer)
    assert drafts.hash_of(draft, customer) == draft.sha256
    assert drafts.hash_of(draft, None) != draft.sha256
