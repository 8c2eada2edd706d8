"""What is known of a mail when it is asked whether a machine wrote it, and the small readings of it that all ask.

The names of the reasons stand here too: they are stored with the message and shown to staff.
"""

import re
from dataclasses import dataclass
from functools import cached_property

from mail.addresses import a_label, address_list, normalise_address
from mail.charsets import decode
from mail.fields import Header, parameters
from mail.mime import Part
from mail.phrases import Words

AUTO_SUBMITTED = "AUTO_SUBMITTED"
DELIVERY_STATUS = "DELIVERY_STATUS"
DELAY = "DELAY"
BOUNCE_WORDS = "BOUNCE_WORDS"
FAILED_RECIPIENTS_FIELD = "FAILED_RECIPIENTS_FIELD"
DISPOSITION_NOTIFICATION = "DISPOSITION_NOTIFICATION"
RECEIPT_SUBJECT = "RECEIPT_SUBJECT"
FEEDBACK_REPORT = "FEEDBACK_REPORT"
AGGREGATE_REPORT = "AGGREGATE_REPORT"
CALENDAR_REPLY = "CALENDAR_REPLY"
CALENDAR_INVITATION = "CALENDAR_INVITATION"
LIST_FIELD = "LIST_FIELD"
BULK_PRECEDENCE = "BULK_PRECEDENCE"
BULK_FIELD = "BULK_FIELD"
OWN_ADDRESS = "OWN_ADDRESS"
OWN_MARK = "OWN_MARK"
OWN_MESSAGE_ID = "OWN_MESSAGE_ID"
AUTO_REPLY_FIELD = "AUTO_REPLY_FIELD"
AUTO_REPLY_SUBJECT = "AUTO_REPLY_SUBJECT"
AUTO_REPLY_WORDS = "AUTO_REPLY_WORDS"
CHALLENGE_WORDS = "CHALLENGE_WORDS"
SYSTEM_FIELD = "SYSTEM_FIELD"
NULL_SENDER = "NULL_SENDER"
MACHINE_SENDER = "MACHINE_SENDER"
SUPPRESS_REPLY = "SUPPRESS_REPLY"

HEAD = 4000
"""Longest beginning of the new text, in characters, in which words of machines are sought."""

_MACHINE = re.compile(
    r"^(?:mailer-?daemon|no[-_.]?reply|do-?not-?reply|donotreply|noreply[-+_.]\S*|\S*[-_.]no-?reply|auto-?(?:reply|"
    r"responder|antwort|svar|confirm\w*|mailer)|mail\.?delivery\S*|bounces?(?:[+-]\S*)?|ei-?vastata|eivastausta|alavastaa|"
    r"svara-?(?:inte|ej)|ikke-?svar|nicht-?antworten|ne-?pas-?repondre|majordomo|listserv|daemon|root|cron|nobody)$",
    re.I,
)
ANSWER = re.compile(
    r"^\s*(?:\[[^\]]{1,40}\]\s*)?(?:(?:re|vs|sv|aw|antw|odp|fw|fwd|vl|vb|wg|tr|rv|rif|ref|i|enc|doorst|vá|ynt|ha)"
    r"(?:\[\d+\])?\s*:\s*)+",
    re.I,
)
_FORWARD = re.compile(r"^\s*(?:fw|fwd|vl|vb|vidarebefordrat|wg|tr|rv|i|enc|doorst)\s*:", re.I)
_QUOTED = re.compile(r"[\"“”„«»][^\"“”„«»\n]{1,300}[\"“”„«»]")
_NULL_PATH = re.compile(rb"\s*<\s*>")


@dataclass(frozen=True)
class Facts:
    """All that is known of a mail when this question is asked."""

    root: Part
    envelope_sender: str
    from_address: str
    subject: str
    text: str
    new_text: str
    own_text: str = ""
    """The text without that of mails and reports inside the mail."""
    own_addresses: tuple[str, ...] = ()
    own_domains: tuple[str, ...] = ()
    door_has_envelope: bool = False
    """Whether the door tells the reverse-path, so that an empty one means the null reverse-path."""

    @property
    def header(self) -> Header:
        """The header of the mail itself."""
        return self.root.header

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        """Every part, in order."""
        return tuple(self.root.walk())

    @cached_property
    def outer_parts(self) -> tuple[Part, ...]:
        """The parts of the mail itself, without those of mails inside it."""
        found, open_ = [], [self.root]
        while open_:
            part = open_.pop()
            found.append(part)
            if part.media_type not in {"message/rfc822", "message/global"}:
                open_.extend(reversed(part.children))
        return tuple(found)

    @cached_property
    def head(self) -> Words:
        """The words of the new text's beginning, without what stands in quotation marks: that is another's."""
        return Words(_QUOTED.sub(" ", self.new_text[:HEAD]))

    @cached_property
    def asks(self) -> bool:
        """Whether the beginning of the new text holds a question."""
        return re.search(r"\?(?!\S)|[？؟]", re.sub(r"https?://\S+", "", self.new_text[:HEAD])) is not None

    @cached_property
    def subject_words(self) -> Words:
        """The words of the subject without `Re:` and its like."""
        return Words(ANSWER.sub("", self.subject[:1000]))

    @cached_property
    def answers(self) -> bool:
        """Whether the subject is that of an answer or a forwarded mail."""
        return ANSWER.match(self.subject[:1000]) is not None

    @cached_property
    def forwards(self) -> bool:
        """Whether the subject is that of a forwarded mail."""
        return _FORWARD.match(self.subject[:1000]) is not None

    @cached_property
    def submitted(self) -> str:
        """The keyword of Auto-Submitted (RFC 3834, 5) in lower case; comments and parameters do not matter."""
        text = decode(self.header.first("auto-submitted"))[0].lower()
        match = re.search(r"[a-z][a-z-]*", re.sub(r"\([^()]*\)", " ", text))
        return match[0] if match else ""

    @cached_property
    def precedence(self) -> str:
        """The value of Precedence, never standardised, in lower case."""
        return self.header.text("precedence").lower().strip().replace("_", "-")

    @cached_property
    def suppresses(self) -> bool:
        """Whether X-Auto-Response-Suppress asks for no automatic answer (MS-OXCMAIL, 2.2.3.2.14)."""
        words = re.findall(r"[a-z]+", self.header.text("x-auto-response-suppress").lower())
        return bool({"all", "oof", "autoreply"} & set(words))

    @cached_property
    def null_sender(self) -> bool:
        """Whether the reverse-path is the null one (RFC 5321, 4.5.5)."""
        if self.door_has_envelope and not self.envelope_sender.strip("<> "):
            return True
        return _NULL_PATH.match(self.header.first("return-path")) is not None

    @cached_property
    def machine_sender(self) -> bool:
        """Whether nobody reads what is sent to the From address, by its name."""
        return _MACHINE.match(self.from_address.partition("@")[0]) is not None

    @cached_property
    def report_type(self) -> str:
        """The `report-type` of the mail's own Content-Type (RFC 6522, 3)."""
        return parameters(self.header.first("content-type"))[1].get("report-type", "").lower()

    def is_own(self, address: str) -> bool:
        """Whether the address is one of our own."""
        return normalise_address(address) in {normalise_address(own) for own in self.own_addresses}

    def is_ours(self, domain: str) -> bool:
        """Whether the domain is one of our own."""
        return bool(domain) and (a_label(domain) or domain) in {a_label(own) for own in self.own_domains}

    @cached_property
    def shown_senders(self) -> tuple[str, ...]:
        """Every address that the From fields hold, read leniently."""
        return address_list(self.header.all("from"))
