"""What may be answered to whom: where a message belongs, who gets the acknowledgement, which draft goes where.

Data go to a contact that was on file before, and nowhere else; asking nothing and delivering there is the first choice,
because the delivery itself protects (DOMAIN 7.3). A question about identity needs a named doubt: several may be meant,
a third party asks, the data shall go elsewhere, or there is no contact on file. What holds no data may go back to
whoever wrote. Nothing here may look different to a stranger and to a customer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from bot.rules.classification import SURE
from bot.rules.identification import address_on_file, is_settled
from bot.rules.verdicts import (
    Acknowledgement,
    AskedFor,
    DraftPlan,
    Identification,
    Placement,
    Policy,
    Recipient,
    Thread,
)
from mail.message import InboundMessage
from store.models import (
    STATUTORY,
    Candidate,
    Contact,
    ContactKind,
    CustomerKind,
    Level,
    RecipientKind,
    RequestKind,
)
from store.models.facts import normalise_email

AnswerLanguage = Literal["fi", "sv", "en"]

TEMPLATES = frozenset(
    {
        "access",
        "access_legal_person",
        "nothing_held",
        "identity",
        "confirm_request",
        "mandate",
        "rectification",
        "erasure",
        "restriction",
        "portability",
        "portability_copy",
        "objection",
        "moving",
        "billing",
        "fault",
        "contract",
        "other",
        *("invoice_copy", "balance", "consumption", "meter_reading", "owner_change", "contact_change"),
        *("fault_follow_up", "outage", "connection_offer"),
    }
)
"""Every template a plan may name; the catalogue of replies holds each in fi, sv and en."""

TOPICS_WITH_DATA = frozenset(
    {
        *("invoice_copy", "balance", "consumption", "meter_reading", "owner_change"),
        *("contact_change", "fault_follow_up"),
    }
)
"""Topics of ordinary requests whose answer is the customer's own data: they go where the data of a right may go."""
TOPICS_WITHOUT_DATA = frozenset({"outage", "connection_offer"})
"""Topics whose answer is the same for everyone, so it goes back to whoever wrote."""

RED_FLAGS = frozenset({"CONTACT_CHANGE_WITH_REQUEST", "ELSEWHERE"})
"""Doubts on which identity is asked for before anything leaves (DOMAIN 7.2, 2)."""
NO_NEW_CLOCK = frozenset({"REMINDER", "WITHDRAWAL", "NARROWING", "COMPLAINT_THREAT"})
"""Follow-ups to what was asked before: in its own thread such a message asks for nothing anew (INV-3)."""
FILED_ONLY = frozenset({"MERE_THANKS", "FROM_STAFF"})
"""Lines of a thread that ask for nothing and open nothing again."""
_LEGAL_PERSONS = frozenset({CustomerKind.COMPANY, CustomerKind.HOUSING_COMPANY, CustomerKind.PUBLIC_BODY})
_OWN_DATA = frozenset(
    {"ASKS_FOR_OWN_DATA", "ASKS_TO_BE_GIVEN_OWN_DATA", "ASKS_FOR_DATA_ABOUT_SELF", "ASKS_WHAT_IS_HELD", "ASKED_BEFORE"}
)


@dataclass(frozen=True, slots=True)
class Case:
    """All that the decisions rest on."""

    message: InboundMessage
    envelope_sender: str
    identification: Identification
    candidates: tuple[Candidate, ...]
    flags: frozenset[str]
    policy: Policy
    received_at: datetime

    @property
    def failed(self) -> bool:
        """Whether the trusted MTA says that the From is forged."""
        return self.message.channel == "email" and self.message.authentication.verdict == "fail"

    @property
    def language(self) -> AnswerLanguage:
        """The message's language, or the controller's own where it is none of ours."""
        for language in (self.message.language, self.policy.language):
            if language != "other":
                return language
        return "fi"

    @property
    def may_write_back(self) -> bool:
        """Whether the From address is where the message came from: it passed, or the envelope says the same."""
        return self.message.authentication.verdict == "pass" or (
            self.message.authentication.verdict == "none"
            and normalise_email(self.envelope_sender) == normalise_email(self.message.from_address)
        )

    @property
    def from_on_file(self) -> bool:
        """Whether the mail came from an address that some customer has on file.

        All that goes back to any other address must read the same whether or not its words fit a customer: else
        whoever tries names and numbers learns from the answer which of them are in the register (THREATS 32).
        """
        address = normalise_email(self.message.from_address) if self.message.channel == "email" else ""
        return any(address_on_file(one, address) for one in self.candidates)

    @property
    def from_bounced(self) -> bool:
        """Whether mail to the very address that it came from has come back before (THREATS 10: a recycled one)."""
        address = normalise_email(self.message.from_address) if self.message.channel == "email" else ""
        held = (address_on_file(one, address) for one in self.candidates)
        return any(one.bounced_at is not None for one in held if one is not None)

    def one_meant(self) -> Candidate | None:
        """The candidate whom the identification settled on, if it did."""
        return next((one for one in self.candidates if one.id == self.identification.customer_id), None)


SPOKEN: dict[str, AnswerLanguage] = {"fi": "fi", "sv": "sv", "en": "en"}


def place(case: Case, thread: Thread | None, *, nothing_asked: bool) -> tuple[Placement, tuple[str, ...]]:
    """Where the message belongs, with flags. It joins another's ticket never (THREATS 8).

    A reference or our own signed address joins as the ticket's customer when the sender is confirmed as that one, or
    is the staff member whose ticket it is. From the very address that opened the ticket it joins as an unverified line,
    which raises nothing: authenticated, or to the signed address where nobody says that it is forged. A subject joins
    nothing, ever.
    """
    if case.message.automatic.kind != "none":
        return "none", ()
    if thread is not None and (entitled := _joins(case, thread)) is not None:
        return "join", entitled
    if thread is not None:
        return "new", ("REFERS_TO_ANOTHER_TICKET",)
    stranger = case.identification.level is Level.NONE and not case.identification.candidates
    if "SPAM_LIKE" in case.flags and nothing_asked and stranger:
        return "quarantine", ()
    return "new", ()


def _joins(case: Case, thread: Thread) -> tuple[str, ...] | None:
    """The flags with which a message joins the ticket it refers to; None when its writer may not."""
    found = case.identification
    if thread.link_only or case.failed:
        return None
    if found.level is Level.CONFIRMED_CHANNEL and found.customer == thread.customer:
        return ()
    if _passed(case) and thread.staff and normalise_email(case.message.from_address) == thread.staff:
        return ("FROM_STAFF",)
    return ("JOINED_UNVERIFIED",) if _same_sender(case, thread) else None


def _same_sender(case: Case, thread: Thread) -> bool:
    if case.message.channel == "chat":
        return bool(thread.sender) and case.envelope_sender == thread.sender
    entitled = case.message.channel == "email" and (_passed(case) or thread.signed)
    return entitled and bool(thread.sender) and normalise_email(case.message.from_address) == thread.sender


def _passed(case: Case) -> bool:
    return case.message.channel == "email" and case.message.authentication.verdict == "pass"


def acknowledge(
    case: Case, placement: Placement, thread: Thread | None, requests: Sequence[AskedFor]
) -> Acknowledgement | None:
    """To which one address the automatic answer goes, if any (INV-7). Never depends on who is a customer."""
    to = _acknowledged_address(case)
    silent = placement in {"none", "quarantine"} or thread is not None or not case.message.automatic.may_acknowledge
    # A stranger's advertisement is quarantined unless it names a customer; no answer may tell these two apart.
    nothing_asked = all(one.kind is RequestKind.OTHER for one in requests)
    if "SPAM_LIKE" in case.flags and nothing_asked and not case.from_on_file:
        silent = True
    if case.message.suspected:  # also where its words or its sender led it on
        silent = True
    if silent or not to:
        return None
    told = any(one.kind in STATUTORY and one.confidence >= SURE for one in requests)
    return Acknowledgement(to, case.language, states_due_date=told)


def _acknowledged_address(case: Case) -> str:
    if case.message.channel == "chat":
        return case.envelope_sender
    if case.message.channel == "letter" or not case.may_write_back:
        return ""
    own = normalise_email(case.message.from_address) in case.policy.own_addresses
    return "" if own else case.message.from_address


def plan_drafts(case: Case, requests: Sequence[AskedFor]) -> tuple[DraftPlan, ...]:
    """The first answer to each request, in the requests' order."""
    if case.failed:
        return _ask_the_one_on_file(case, requests)
    return tuple(_answer(case, one) for one in requests)


def _ask_the_one_on_file(case: Case, requests: Sequence[AskedFor]) -> tuple[DraftPlan, ...]:
    """To a forged-looking mail nothing goes back; the one whose address it used may be asked, without data."""
    rights = [one for one in requests if one.kind in STATUTORY]
    holder = case.candidates[0] if len(case.candidates) == 1 else None
    if not rights or holder is None or holder.key not in case.identification.candidates:
        return ()
    contact = _contact_on_file(case, holder, prefer_post=holder.turvakielto)
    if contact is None:
        return ()
    language = SPOKEN.get(holder.language, case.language)  # the holder's own: the message may be anybody's
    return (DraftPlan(rights[0].kind, "confirm_request", language, _to(contact), holds_data=False),)


def _answer(case: Case, asked: AskedFor) -> DraftPlan:
    """The copy of the data where that may leave, else the words that fit without any."""
    template = asked.kind.value
    if asked.kind is RequestKind.ACCESS:
        template = _access_template(case, asked)
    if asked.topic in TOPICS_WITHOUT_DATA:
        template = asked.topic
    if asked.topic in TOPICS_WITH_DATA and (contact := _contact_for_topic(case)):
        return DraftPlan(asked.kind, asked.topic, case.language, _to(contact), holds_data=True)
    if asked.kind is RequestKind.PORTABILITY and (contact := _contact_for_package(case, asked)):
        return DraftPlan(asked.kind, "portability_copy", case.language, _to(contact), holds_data=True)
    if template == "access" and (customer := case.one_meant()):
        if contact := _contact_for_data(case, customer):
            return DraftPlan(asked.kind, "access", case.language, _to(contact), holds_data=True)
        template = _without_data(case)
    return DraftPlan(asked.kind, template, case.language, _back_to_sender(case), holds_data=False)


def _contact_for_topic(case: Case) -> Contact | None:
    """The contact on file that gets an ordinary answer with data; None leaves the plain answer without.

    What comes by mail from any other address is answered as a stranger's would be, whatever its words fit: an answer
    that failed to come there would tell that they fit (THREATS 32). Who acts for others and names none of them may mean
    any of them, and a third party or a named doubt is a person's to judge.
    """
    customer = case.one_meant()
    unknown = case.message.channel == "email" and not case.from_on_file
    doubtful = case.flags & (RED_FLAGS | {"THIRD_PARTY"}) or case.identification.level in {Level.NONE, Level.AMBIGUOUS}
    if customer is None or unknown or doubtful or customer.acts_for or customer.kind is CustomerKind.ESTATE:
        return None
    return _contact_for_data(case, customer)


def _contact_for_package(case: Case, asked: AskedFor) -> Contact | None:
    """The e-mail address on file that gets a package for machines, where a copy might be sent to who wrote from it.

    Nobody can print it; to any other the plain first answer goes, which tells nothing of who is a customer.
    """
    customer = case.one_meant()
    if customer is None or not case.from_on_file or _access_template(case, asked) != "access":
        return None
    contact = _contact_for_data(case, customer)
    return contact if contact is not None and contact.kind is ContactKind.EMAIL else None


def _access_template(case: Case, asked: AskedFor) -> str:
    """Which answer an access request gets; `access` only for exactly one person, without a named doubt."""
    level, customer = case.identification.level, case.one_meant()
    if asked.confidence < SURE:
        return "other"
    asks_for_own = bool(_OWN_DATA & set(asked.reasons))
    if "THIRD_PARTY" in case.flags and not asks_for_own:
        return "mandate"
    if "LEGAL_PERSON" in case.flags and not asks_for_own:
        return "access_legal_person"
    doubtful = level in {Level.NONE, Level.AMBIGUOUS} or case.flags & RED_FLAGS
    if customer is None or doubtful or customer.kind is CustomerKind.ESTATE:
        return _without_data(case)
    if customer.kind in _LEGAL_PERSONS:
        return "access_legal_person" if case.from_on_file else "nothing_held"
    return "access"


def _without_data(case: Case) -> str:
    """What whoever cannot be answered with data is told: a known address is asked, any other gets what all get."""
    return "identity" if case.from_on_file else "nothing_held"


def _back_to_sender(case: Case) -> Recipient:
    """The strict From address where we trust it; else empty, and staff choose. A chat gets no draft: it is no post."""
    trusted = case.message.channel == "email" and case.may_write_back
    return Recipient(RecipientKind.SENDER, None, case.message.from_address if trusted else "")


def _contact_for_data(case: Case, customer: Candidate) -> Contact | None:
    """The contact on file that receives the copy: where it was asked from, if that is one; the postal one for a letter.

    Whoever has, or only says to have, a non-disclosure for safety is answered by letter (THREATS 14).
    """
    protected = customer.turvakielto or "TURVAKIELTO_CLAIMED" in case.flags
    by_post = protected or case.message.channel == "letter"
    if not by_post and case.message.channel == "email":
        own = address_on_file(customer, normalise_email(case.message.from_address))
        if own is not None and _receives(own, case.received_at):
            return own
    return _contact_on_file(case, customer, prefer_post=by_post, only_post=protected)


def _contact_on_file(case: Case, customer: Candidate, *, prefer_post: bool, only_post: bool = False) -> Contact | None:
    """The oldest settled contact of the preferred kind, else of the other."""
    kinds = [ContactKind.POSTAL, ContactKind.EMAIL] if prefer_post else [ContactKind.EMAIL, ContactKind.POSTAL]
    for kind in kinds[: 1 if only_post else 2]:
        settled = [one for one in customer.contacts if one.kind is kind and _receives(one, case.received_at)]
        if settled:
            return min(settled, key=lambda one: (one.on_file_since, one.id))
    return None


def _receives(contact: Contact, received_at: datetime) -> bool:
    """Whether data may be drafted to it: settled, and no mail to it came back since a person last decided on it."""
    return is_settled(contact, received_at) and contact.bounced_at is None


def _to(contact: Contact) -> Recipient:
    kind = RecipientKind.EMAIL if contact.kind is ContactKind.EMAIL else RecipientKind.POSTAL
    return Recipient(kind, contact.id, contact.value)
