"""From an understood message to everything that is to be written: who, what, until when, and in which words.

Runs on a reader of the store and changes nothing, so `explain` and intake share it: the same candidates, the same
assessment, the same templates. A message that trips it comes out as `unprepared`: a plain ticket for staff.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from sqlmodel import Session

from bot.intake.thread import SignedAddresses, spoken_of
from bot.rules.assessment import assess, opened_again
from bot.rules.clues import clues
from bot.rules.deadlines import due_on, receipt_date, receipt_moment, target_on
from bot.rules.policy import TOPICS_WITH_DATA
from bot.rules.verdicts import (
    AskedFor,
    Assessment,
    DraftPlan,
    Identification,
    Policy,
)
from mail.message import InboundMessage
from replies.check import problems
from replies.draft import Words, write
from replies.notice import Notice
from store import tickets
from store.customers import find_candidates
from store.database import is_away
from store.dossier.matters import matter
from store.messages import StoredRaw
from store.models import Dossier, Level, RecipientKind, RequestKind
from store.register import dossier, postal_block
from store.tickets import ThreadFacts

log = logging.getLogger(__name__)

NOT_READ = frozenset({"UNREADABLE", "TIME_LIMIT", "MEMORY_LIMIT", "CRASHED", "ERROR"})
"""Problems of a message that nobody has read: nothing may be concluded from its bytes, and nothing drafted."""
CHANNEL_OF = {RecipientKind.EMAIL: "email", RecipientKind.POSTAL: "letter"}


@dataclass(frozen=True, slots=True)
class Addressed:
    """A planned draft with its words and its recipient spelled out."""

    plan: DraftPlan
    channel: str
    recipient: str
    words: Words


@dataclass(frozen=True, slots=True)
class Prepared:
    """All that `enter` writes about one message."""

    reference: str
    assessment: Assessment
    linked_to: int | None
    """Ticket that the message refers to without joining it."""
    drafts: tuple[Addressed, ...]
    opens_again: AskedFor | None = None
    """What a line that joins asks for where nothing is open any more, and it names nothing."""


class Preparing:
    """Knows the policy, the notice and the words; asks the store for candidates, thread and dossier."""

    def __init__(
        self,
        *,
        policy: Policy,
        notice: Notice,
        on_call: str,
        new_reference: Callable[[], str] = tickets.new_reference,
        addresses: SignedAddresses | None = None,
    ) -> None:
        """`on_call` is the number for urgent faults, printed in every acknowledgement; `addresses` know our own signed
        addresses again.
        """
        self.policy = policy
        self.notice = notice
        self.on_call = on_call
        self._new_reference = new_reference
        self._addresses = addresses

    def prepare(self, session: Session, raw: StoredRaw, message: InboundMessage, now: datetime) -> Prepared:
        """Everything about one message; never raises for what the message holds, only when the store is away."""
        try:
            assessment, thread = self.judge(session, message, raw.envelope_sender, raw.received_at)
            joined = thread is not None and assessment.joins is not None
            reference = thread.reference if thread is not None and joined else self._new_reference()
            addressed = [
                self._address(session, plan, assessment, message, reference, now) for plan in assessment.drafts
            ]
        except Exception as error:  # any message must end as a ticket (INV-4)
            if is_away(error):
                raise
            session.rollback()  # else PostgreSQL would answer nothing to the next message of the batch
            log.warning("message could not be prepared raw=%s error=%s", raw.id, type(error).__name__)
            return unprepared(raw, message)
        drafts = tuple(one for one in addressed if one is not None)
        if len(drafts) < len(addressed):
            assessment = replace(assessment, flags=(*assessment.flags, "DRAFT_CHECK_FAILED"))
        linked = thread.ticket_id if thread is not None and not joined else None
        opens_again = opened_again(assessment.received_at, self.policy) if joined else None
        return Prepared(reference, assessment, linked, drafts, opens_again)

    def judge(
        self, session: Session, message: InboundMessage, envelope_sender: str, received_at: datetime
    ) -> tuple[Assessment, ThreadFacts | None]:
        """The pure assessment with the facts it needs, and the ticket that the message refers to."""
        if NOT_READ.intersection(message.problems):
            return plain_assessment(message, received_at), None
        received_at = receipt_moment(received_at, message.accepted_at)
        day = receipt_date(received_at, self.policy.time_zone)
        candidates = find_candidates(session, clues(message, self.policy), on=day)
        spoken = spoken_of(session, message, self._addresses)
        assessment = assess(
            message,
            candidates,
            spoken.thread,
            self.policy,
            received_at,
            envelope_sender=envelope_sender,
            sent=spoken.sent,
        )
        return assessment, spoken.facts

    def _address(
        self,
        session: Session,
        plan: DraftPlan,
        assessment: Assessment,
        message: InboundMessage,
        reference: str,
        now: datetime,
    ) -> Addressed | None:
        """The draft in words, or None when they fail the last check: then a person writes the answer."""
        held: Dossier | None = None
        customer_id = assessment.identification.customer_id
        asked = {one.kind: one for one in assessment.requests}
        named = asked[plan.kind].named if plan.kind in asked else ()
        zone = self.policy.time_zone
        if plan.template in TOPICS_WITH_DATA and customer_id is not None:
            held = matter(
                session, customer_id, assessment.received_at, topic=plan.template, named=named, time_zone=zone
            )
        elif plan.holds_data and customer_id is not None:
            # The words need no more than an outline: the copy itself is made afterwards (`bot.packing`).
            held = dossier(session, customer_id, assessment.received_at, time_zone=zone, outline=True)
        words = write(
            plan.template,
            plan.language,
            reference=reference,
            received_on=receipt_date(assessment.received_at, self.policy.time_zone),
            today=receipt_date(now, self.policy.time_zone),
            due_on=asked[plan.kind].due_on if plan.kind in asked else None,
            notice=self.notice,
            on_call=self.on_call,
            dossier=held,
            time_zone=self.policy.time_zone,
            by_letter=plan.recipient.kind is RecipientKind.POSTAL,
            named=named,
        )
        others = [key for key in assessment.identification.candidates if key != assessment.identification.customer]
        failed = problems(
            words,
            template=plan.template,
            holds_data=plan.holds_data,
            reference=reference,
            notice=self.notice,
            dossier=held,
            other_identifiers=others if plan.holds_data else (),
        )
        if failed:
            log.warning("draft failed its check template=%s problems=%s", plan.template, ",".join(failed))
            return None
        recipient = plan.recipient.value
        if plan.recipient.kind is RecipientKind.POSTAL and plan.recipient.contact_point_id is not None:
            recipient = "\n".join(postal_block(session, plan.recipient.contact_point_id))
        channel = CHANNEL_OF.get(plan.recipient.kind, "letter" if message.channel == "letter" else "email")
        return Addressed(plan, channel, recipient, words)


def unprepared(raw: StoredRaw, message: InboundMessage) -> Prepared:
    """A plain ticket for staff: the last resort of INV-4."""
    return Prepared(tickets.new_reference(), plain_assessment(message, raw.received_at), None, ())


def plain_assessment(message: InboundMessage, received_at: datetime) -> Assessment:
    """Promises and concludes nothing. It may be a request with a time limit in law, so it has one until staff look."""
    day = receipt_date(received_at, "UTC")
    asked = AskedFor(RequestKind.OTHER, 0.0, ("NOT_UNDERSTOOD",), due_on(day), target_on(day, 1))
    return Assessment(
        automatic=replace(message.automatic, may_acknowledge=False),
        authentication=message.authentication,
        identification=Identification(Level.NONE, reasons=("NOT_UNDERSTOOD",)),
        requests=(asked,),
        due_on=asked.due_on,
        placement="new",
        joins=None,
        joined_by="none",
        returned=None,
        acknowledgement=None,
        drafts=(),
        flags=("NOT_UNDERSTOOD",),
        received_at=received_at,
    )
