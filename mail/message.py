"""The frozen shapes that pass between a channel and the rest of the house.

A channel hands in a `RawMessage`: the bytes exactly as they came, with their envelope and the moment of receipt. Only
after these are durably stored is the sender told that we have them. Later, perhaps in another process and perhaps for
the second time, `mail.understand` turns the bytes into an `InboundMessage`: what a person would read, and what may be
believed about its origin. The other way, a stage hands a channel an `OutboundMessage`.

Nothing here does anything: these are values, safe to pickle to a worker and to compare in a test.
"""

from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Literal

ChannelName = Literal["email", "letter", "chat"]
Language = Literal["fi", "sv", "en", "other"]
Verdict = Literal["pass", "fail", "none"]
AutomaticKind = Literal["none", "auto_reply", "bounce", "delivery_notice", "list", "report", "calendar", "own"]
OutboundKind = Literal["acknowledgement", "reply", "notice", "canary"]


@dataclass(frozen=True, slots=True)
class Envelope:
    """Who delivered a message to whom, as the transport said it (RFC 5321, 2.3.1), never as the text claims it."""

    sender: str = ""
    """Reverse-path without angle brackets; empty is the null reverse-path. For chat the chat's own id."""
    recipients: tuple[str, ...] = ()
    """Forward-paths in the order given."""
    peer: str = ""
    """IP address of the host that handed the message over; empty where there is none (a scan folder)."""


@dataclass(frozen=True, slots=True)
class RawMessage:
    """One thing that came in, byte for byte."""

    channel: ChannelName
    door: str
    """Configured name of the way in: `smtp`, `imap.NAME`, `letters`, `telegram`."""
    content: bytes
    """A mail as RFC 5322 bytes, a scan as its file's bytes, a chat update as its JSON."""
    media_type: str
    """`message/rfc822`, `application/pdf`, `image/png`, `image/jpeg`, `image/tiff` or `application/json`."""
    envelope: Envelope
    received_at: datetime
    """Moment of receipt, aware, UTC. The clock of GDPR Art. 12(3) runs from its local date."""
    junk: bool = False
    """True when the mailbox's own filter had put it into its junk folder."""

    @property
    def sha256(self) -> str:
        """Hex digest of the content alone: what a person compares with the sender's copy."""
        return sha256(self.content).hexdigest()

    @property
    def key(self) -> str:
        """Idempotency key: hex digest of channel, envelope sender, recipients and content.

        A transfer that broke between our commit and the peer's reading of our reply is tried again with all four
        unchanged (RFC 1047), so the second copy finds the first. Peer and time are left out: both may differ.
        """
        digest = sha256()
        for part in (self.channel, self.envelope.sender, *sorted(self.envelope.recipients)):
            digest.update(part.encode("utf-8", "surrogateescape"))
            digest.update(b"\0")
        digest.update(b"\0")
        digest.update(self.content)
        return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class Attachment:
    """A part of a message that is not its text. `name` is metadata to show, escaped; never a path to write to."""

    name: str
    media_type: str
    size: int
    """Octets after transfer decoding."""
    sha256: str


@dataclass(frozen=True, slots=True)
class Automatic:
    """Whether a machine wrote the message, of what sort, and why we think so (RFC 3834, 3464, 8098, 2919)."""

    kind: AutomaticKind = "none"
    failed_recipients: tuple[str, ...] = ()
    may_acknowledge: bool = True
    """False where an automatic answer could loop or annoy, even when a person wrote the message."""
    reasons: tuple[str, ...] = ()
    status: str = ""
    """Enhanced status code of the first failed recipient (RFC 3463), `5.1.1` for instance; empty without one."""
    returned_message_ids: tuple[str, ...] = ()
    """Message-IDs of the mails that a bounce, a notice or an automatic reply says it answers, with angle brackets."""


@dataclass(frozen=True, slots=True)
class Authentication:
    """What the trusted MTA says of the one From domain (RFC 8601, 7489). `none` is not a pass and not a fail."""

    verdict: Verdict = "none"
    domain: str = ""
    """The From domain that the verdict speaks of, in lower case; empty without one."""
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class InboundMessage:
    """A message as a person would read it, whatever channel it came by. Text is NFC, with `\\n` line ends."""

    channel: ChannelName
    subject: str = ""
    from_text: str = ""
    """The From field decoded for display. Never used to identify."""
    from_address: str = ""
    """The strict reader's one mailbox, domain in lower case; empty when there is any doubt (THREATS 3)."""
    to: tuple[str, ...] = ()
    cc: tuple[str, ...] = ()
    reply_to: tuple[str, ...] = ()
    """Shown to staff; never written to (INV-1)."""
    delivered_to: tuple[str, ...] = ()
    """Every address that it was delivered or addressed to, by envelope, delivery fields and header, each once: where
    our own signed addresses are looked for. A claim, like all that stands in a mail; only a valid signature counts."""
    date: str = ""
    """The Date field as ISO 8601, or as it stands when it cannot be read. Never used for a deadline."""
    accepted_at: datetime | None = None
    """When the site's own MTA took the mail, aware, UTC (INV-4); None where its Received field says nothing sure."""
    message_id: str = ""
    in_reply_to: str = ""
    references: tuple[str, ...] = ()
    language: Language = "other"
    text: str = ""
    """All text a person would read."""
    new_text: str = ""
    """What the writer newly wrote: `text` without quotation and signature. In doubt, the same as `text`."""
    attachments: tuple[Attachment, ...] = ()
    automatic: Automatic = field(default_factory=Automatic)
    authentication: Authentication = field(default_factory=Authentication)
    suspected: tuple[str, ...] = ()
    """Why a filter took it for spam (`JUNK_FOLDER`, `SPAM_FLAG` ...); empty for all others. Then it is quarantined."""
    problems: tuple[str, ...] = ()
    """Named defects met on the way (`UNKNOWN_CHARSET`, `NO_FROM`, `TWO_FROM`, `UNREADABLE_SCAN` ...), for staff."""


@dataclass(frozen=True, slots=True)
class OutboundAttachment:
    """A file that goes out with a message. `name` holds no personal data."""

    name: str
    media_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class OutboundMessage:
    """One message to one recipient, complete: a channel adds nothing of its own but its format."""

    kind: OutboundKind
    channel: ChannelName
    language: Language
    subject: str
    text: str
    reference: str
    """The ticket's public reference; names a letter's file."""
    message_id: str
    """Stable over all attempts, with angle brackets, so that a doubtful delivery can be looked up."""
    to: str = ""
    """One bare e-mail address, or a chat id; empty for a letter."""
    address_lines: tuple[str, ...] = ()
    """The postal address block, name first; empty but for a letter."""
    from_name: str = ""
    from_address: str = ""
    envelope_sender: str = ""
    """Reverse-path; empty is the null one, which an acknowledgement carries (RFC 3834, 4)."""
    reply_to: str = ""
    """Our own signed address that an answer is to come to; empty writes none, and answers go to From."""
    automatic: bool = False
    """True writes `Auto-Submitted: auto-replied` (RFC 3834, 5)."""
    in_reply_to: str = ""
    references: tuple[str, ...] = ()
    attachments: tuple[OutboundAttachment, ...] = ()


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the channel said when it took a message: an SMTP reply, a spool file's name, a chat message's id."""

    text: str
    at: datetime
    """Aware, UTC."""
