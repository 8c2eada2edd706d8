"""One message's whole outcome in one transaction: its ticket, requests, drafts, acknowledgement and alert, or nothing.

The raw row's own compare-and-set comes first: whoever finishes it writes the rest, so a message led on twice at the
same time is entered once.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session

from bot.intake.canary import came_home
from bot.intake.filing import file_automatic, file_copy, give_back, held, message_values, without_identity_codes
from bot.intake.prepare import Addressed, Prepared
from bot.rules.deadlines import receipt_date
from bot.rules.policy import FILED_ONLY
from bot.rules.verdicts import AskedFor, Assessment
from mail.message import InboundMessage
from replies.acknowledgement import write_acknowledgement, write_chat_receipt, write_duty_alert, write_summary
from replies.draft import Words
from replies.notice import Notice, ReplyLanguage
from store import drafts, messages, outbox, searches, tickets
from store.lifecycle import RawState, TicketState
from store.messages import StoredRaw
from store.models import Level, RequestKind, Ticket
from store.models.facts import normalise_email
from store.searches import Place

KNOWN_LEVELS = frozenset({Level.CLAIMED, Level.CONFIRMED_CHANNEL})
REOPENED_BY_A_MESSAGE = frozenset(
    {TicketState.ANSWERED, TicketState.CLOSED, TicketState.AWAITING_CUSTOMER, TicketState.AWAITING_IDENTITY}
)


@dataclass(frozen=True, slots=True)
class Filed:
    """The ticket that a message has come to."""

    id: int
    reference: str
    channel: str


class Entering:
    """Writes what was prepared."""

    def __init__(
        self,
        *,
        notice: Notice,
        on_call: str,
        time_zone: str,
        language: ReplyLanguage,
        duty_addresses: Sequence[str],
        desk_url: str,
        new_message_id: Callable[[], str],
        own_addresses: Collection[str] = (),
    ) -> None:
        """`duty_addresses` get a notice without personal data when a fault is suspected, at any hour. A canary is
        known only from one of `own_addresses` (normalised).
        """
        self._notice = notice
        self._places = tuple(
            Place(one.key, one.kind, one.categories[0], one.name.model_dump()) for one in notice.search_places
        )
        self._on_call = on_call
        self._time_zone = time_zone
        self._language = language
        self._duty_addresses = tuple(duty_addresses)
        self._desk_url = desk_url
        self._new_message_id = new_message_id
        self._own_addresses = frozenset(own_addresses)

    def enter(
        self, session: Session, raw: StoredRaw, message: InboundMessage, prepared: Prepared, now: datetime
    ) -> None:
        """Write everything about one message; does nothing when another has done so."""
        assessment = prepared.assessment
        if not messages.finish_raw(session, raw.id, RawState.DONE):
            return
        message = without_identity_codes(message, receipt_date(raw.received_at, self._time_zone))
        if came_home(session, raw, message, self._own_addresses, now):
            values = message_values(raw, message, None, "none") | {"automatic": "canary"}
            tickets.add_message(session, at=now, **values)
            return
        if assessment.placement == "none":
            tickets.add_message(session, at=now, **message_values(raw, message, None, "none"))
            give_back(session, message, assessment, now)
            return
        if assessment.joined_by in {"bounce", "automatic"}:
            file_automatic(session, raw, message, assessment, now)
            return
        if file_copy(session, raw, message, assessment, now):
            return
        joined = held(session, assessment.joins)
        if joined is None:
            filed = self._open(session, raw, message, prepared, now)
            self._acknowledge(session, filed, assessment, now)
        else:
            filed = Filed(tickets.id_of(joined.id), joined.reference, joined.channel)
            tickets.add_message(session, at=now, **message_values(raw, message, filed.id, assessment.joined_by))
            self._add_requests(session, joined, prepared, now)
        if "POSSIBLE_FAULT" in assessment.flags and assessment.placement != "quarantine":
            self._alert_duty(session, filed, now)

    def _open(
        self, session: Session, raw: StoredRaw, message: InboundMessage, prepared: Prepared, now: datetime
    ) -> Filed:
        """A new ticket with all that is in it. Nobody has seen it yet, so it is written as what it becomes."""
        assessment = prepared.assessment
        kinds = {asked.kind for asked in assessment.requests}
        drafted = {one.plan.kind: one for one in prepared.drafts if one.plan.kind in kinds}
        state = TicketState.AWAITING_APPROVAL if drafted else TicketState.OPEN
        if assessment.placement == "quarantine":
            state = TicketState.NEW
        values = _ticket_values(raw, message, prepared)
        ticket_id = tickets.open_as(session, state, at=now, **values)
        entered = message_values(raw, message, ticket_id, "opened")
        if "AUTOMATIC_MAIL" in assessment.flags:
            entered["automatic"] = "none"  # a person asks in it; what it looks like stands in its details
        tickets.add_message(session, at=now, **entered)
        ids = self._new_requests(session, ticket_id, assessment, set(), now)
        for version, (kind, addressed) in enumerate(drafted.items(), start=1):
            drafts.write_draft(
                session,
                version=version,
                customer_id=values["customer_id"],
                actor="intake",
                at=now,
                **_draft_values(ticket_id, ids[kind], addressed),
            )
        tickets.note_first_move(session, ticket_id, state, at=now)
        return Filed(ticket_id, prepared.reference, message.channel)

    def _add_requests(self, session: Session, ticket: Ticket, prepared: Prepared, now: datetime) -> None:
        """What a message adds to the ticket that it joins."""
        assessment = prepared.assessment
        ticket_id = tickets.id_of(ticket.id)
        already = tickets.open_requests(session, ticket_id)
        ids = self._new_requests(session, ticket_id, assessment, {request.kind for request in already}, now)
        # An unverified line may join, but data of whom it names are not drafted into somebody else's ticket.
        theirs = ticket.customer_id is not None and ticket.customer_id == assessment.identification.customer_id
        fitting = [one for one in prepared.drafts if theirs or not one.plan.holds_data]
        drafted = [addressed for addressed in fitting if addressed.plan.kind in ids]
        for addressed in drafted:
            drafts.add_draft(
                session,
                customer_id=ticket.customer_id,
                actor="intake",
                at=now,
                **_draft_values(ticket_id, ids[addressed.plan.kind], addressed),
            )
        if assessment.placement == "quarantine":
            return
        values = tickets.earliest_dates(tickets.open_requests(session, ticket_id)) | {
            "flags": list(dict.fromkeys((*ticket.flags, *(one for one in assessment.flags if one not in FILED_ONLY))))
        }
        if FILED_ONLY.intersection(assessment.flags):
            tickets.change(session, ticket, **values)
            return
        if not already and not ids and prepared.opens_again is not None:
            # Open without anything to do by a day, it could be neither answered nor missed.
            self._add_request(session, ticket_id, prepared.opens_again, assessment.received_at, now)
            values |= tickets.earliest_dates(tickets.open_requests(session, ticket_id))
        state = TicketState.AWAITING_APPROVAL if drafted else TicketState.OPEN
        if ticket.state is TicketState.CLOSED and drafted:
            tickets.move(session, ticket, TicketState.OPEN, actor="intake", at=now, resolution=None)
        moves = ticket.state is TicketState.NEW or ticket.state in REOPENED_BY_A_MESSAGE or drafted
        if moves and ticket.state is not state:
            tickets.move(session, ticket, state, actor="intake", at=now, resolution=None, **values)
        else:
            tickets.change(session, ticket, **values)

    def _new_requests(
        self, session: Session, ticket_id: int, assessment: Assessment, known: set[RequestKind], now: datetime
    ) -> dict[RequestKind, int]:
        """Add a request for each kind that the ticket does not hold open already: a reminder starts no new clock."""
        return {
            asked.kind: self._add_request(session, ticket_id, asked, assessment.received_at, now)
            for asked in assessment.requests
            if asked.kind not in known and not (known and asked.kind is RequestKind.OTHER)
        }

    def _add_request(
        self, session: Session, ticket_id: int, asked: AskedFor, received_at: datetime, now: datetime
    ) -> int:
        request_id = tickets.add_request(
            session,
            ticket_id=ticket_id,
            kind=asked.kind,
            confidence=asked.confidence,
            reasons=asked.reasons,
            received_at=received_at,
            received_on=receipt_date(received_at, self._time_zone),
            due_on=asked.due_on,
            target_on=asked.target_on,
            at=now,
        )
        if asked.kind is RequestKind.ACCESS and self._places:
            searches.open_tasks(session, ticket_id=ticket_id, request_id=request_id, places=self._places)
        return request_id

    def _acknowledge(self, session: Session, ticket: Filed, assessment: Assessment, now: datetime) -> None:
        """INV-7: once a ticket, three a day an address, then one summary, then silence, whoever it is."""
        acknowledgement = assessment.acknowledgement
        if acknowledgement is None:
            return
        # However an address is written, it is one: a cap that capitals evade would be none.
        to = acknowledgement.to if ticket.channel == "chat" else normalise_email(acknowledgement.to)
        sent = outbox.acknowledgements_since(session, to, now - timedelta(hours=24))
        if sent > outbox.ACKNOWLEDGEMENTS_A_DAY:
            return
        language = acknowledgement.language
        if ticket.channel == "chat":
            words = write_chat_receipt(language, reference=ticket.reference)
        else:
            write = write_summary if sent == outbox.ACKNOWLEDGEMENTS_A_DAY else write_acknowledgement
            words = write(
                language,
                reference=ticket.reference,
                received_on=receipt_date(assessment.received_at, self._time_zone),
                due_on=assessment.due_on if acknowledgement.states_due_date else None,
                notice=self._notice,
                on_call=self._on_call,
            )
        self._queue(
            session,
            ticket,
            words,
            now,
            kind="acknowledgement",
            channel=ticket.channel,
            to=to,
            language=language,
        )

    def _alert_duty(self, session: Session, ticket: Filed, now: datetime) -> None:
        """Tell whoever is on duty at once, at night too: a reference and a link, nothing of the customer."""
        language = self._language
        words = write_duty_alert(language, reference=ticket.reference, desk_url=f"{self._desk_url}/tickets/{ticket.id}")
        for address in self._duty_addresses:
            self._queue(session, ticket, words, now, kind="notice", channel="email", to=address, language=language)

    def _queue(
        self,
        session: Session,
        ticket: Filed,
        words: Words,
        now: datetime,
        *,
        kind: str,
        channel: str,
        to: str,
        language: str,
    ) -> None:
        outbox.queue(
            session,
            actor="intake",
            kind=kind,
            ticket_id=ticket.id,
            channel=channel,
            to_address=to,
            language=language,
            subject=words.subject,
            text=words.text,
            message_id=self._new_message_id(),
            automatic=kind == "acknowledgement",
            created_at=now,
            release_at=now,
            next_attempt_at=now,
        )


def _ticket_values(raw: StoredRaw, message: InboundMessage, prepared: Prepared) -> dict[str, Any]:
    assessment = prepared.assessment
    identification = assessment.identification
    known = identification.level in KNOWN_LEVELS
    return {
        "reference": prepared.reference,
        "customer_id": identification.customer_id if known else None,
        "level": identification.level,
        "channel": message.channel,
        "language": message.language,
        "sender": raw.envelope_sender if message.channel == "chat" else message.from_address,
        "subject": message.subject,
        "received_at": assessment.received_at,
        "due_on": min((asked.due_on for asked in assessment.requests if asked.due_on), default=None),
        "target_on": min((asked.target_on for asked in assessment.requests), default=None),
        "quarantined": assessment.placement == "quarantine",
        "flags": list(assessment.flags),
        "identification": {
            "level": identification.level.value,
            "customer": identification.customer,
            "candidates": list(identification.candidates),
            "reasons": list(identification.reasons),
        },
        "linked_to": prepared.linked_to,
    }


def _draft_values(ticket_id: int, request_id: int, addressed: Addressed) -> dict[str, Any]:
    plan = addressed.plan
    return {
        "ticket_id": ticket_id,
        "request_id": request_id,
        "template": plan.template,
        "language": plan.language,
        "recipient_kind": plan.recipient.kind,
        "contact_point_id": plan.recipient.contact_point_id,
        "recipient": addressed.recipient,
        "channel": addressed.channel,
        "subject": addressed.words.subject,
        "text": addressed.words.text,
        "holds_data": plan.holds_data,
    }
