"""Mail that reports of other mail or of an appointment: receipts, complaints, reports of DMARC and TLS, calendars.

Each is known by its form; a receipt in plain text only by its subject together with a mark that a machine wrote it.
"""

import re

from mail import facts as signs
from mail.facts import Facts
from mail.message import AutomaticKind
from mail.mime import Part
from mail.phrases import Words, phrases

Found = tuple[AutomaticKind, str]

_REPORT_SUBJECT = re.compile(
    r"^\s*(?:\[[^\]]{1,40}\]\s*)?(?:\[?preview\]?\s*)?report[ -]domain:\s*\S|\bsubmitter:\s*\S+.{0,200}\breport-id:",
    re.I,
)
_REPORT_FILE = re.compile(r"^[^!\s]{1,255}![^!\s]{1,255}!\d{1,12}!\d{1,12}[^\s]{0,100}\.(?:gz|zip|xml|json)$", re.I)
_REPORT_TYPES = frozenset({"application/tlsrpt+gzip", "application/tlsrpt+json"})
_RECEIPT_TYPES = frozenset({"message/disposition-notification", "message/global-disposition-notification"})
_REFUSED = re.compile(rb"^[ \t]{0,8}Disposition:[^\n]{0,300};\s{0,10}(?:deleted|denied|failed)", re.I | re.M)
_METHOD = re.compile(rb"^METHOD[^:\r\n]{0,100}:\s{0,5}([A-Za-z]{1,20})", re.M)
_ANSWERS = frozenset({"REPLY", "COUNTER", "DECLINECOUNTER", "REFRESH"})
_INVITATIONS = frozenset({"REQUEST", "CANCEL", "ADD"})
_SHORT = 3000
_SOME_WORDS = 12


def report(facts: Facts) -> Found | None:
    """Complaints (RFC 5965), and the daily reports of DMARC (RFC 7489, 7.2) and TLS (RFC 8460, 5.3)."""
    if facts.report_type == "feedback-report" or any(
        part.media_type == "message/feedback-report" for part in facts.parts
    ):
        return "report", signs.FEEDBACK_REPORT
    tls = facts.report_type == "tlsrpt" or facts.header.has("tls-report-domain")
    zipped = any(part.media_type in _REPORT_TYPES or _REPORT_FILE.match(part.name) for part in facts.parts)
    titled = _REPORT_SUBJECT.search(facts.subject[:1000]) is not None and not (facts.answers or _is_told(facts))
    if tls or titled or (zipped and len(facts.new_text) < _SHORT and not facts.answers):
        return "report", signs.AGGREGATE_REPORT
    return None


def _is_told(facts: Facts) -> bool:
    """Whether a person reports a domain to us: nothing is attached, and no report is named."""
    return not any(part.is_attached for part in facts.outer_parts) and "report-id" not in facts.subject.lower()


def receipt(facts: Facts, *, refusal_fits: bool) -> Found | None:
    """A read receipt (RFC 8098), unless a mail system uses one to refuse a mail: then `refusal_fits` by its subject."""
    if is_disposition(facts):
        refused = any(_REFUSED.search(part.body) for part in facts.parts if part.media_type in _RECEIPT_TYPES)
        return None if refused and refusal_fits else ("delivery_notice", signs.DISPOSITION_NOTIFICATION)
    marked = (
        facts.submitted not in {"", "no"}
        or facts.null_sender
        or facts.suppresses
        or facts.header.has("x-ms-exchange-inbox-rules-loop")
        or facts.header.text("x-ms-tnef-correlator").strip() != ""
    )
    if marked and facts.submitted != "no" and _is_receipt_subject(facts.subject[:300]):
        return "delivery_notice", signs.RECEIPT_SUBJECT
    return None


def is_disposition(facts: Facts) -> bool:
    """Whether the mail is a disposition notification by its form; a forwarded one in a person's mail is not."""
    if facts.report_type == "disposition-notification":
        return True
    return not facts.forwards and any(part.media_type in _RECEIPT_TYPES for part in facts.outer_parts)


def calendar(facts: Facts) -> Found | None:
    """An answer to an invitation (RFC 5546, 3.2.3), or an invitation that a calendar sent.

    A person who attaches an appointment to a letter of his own writes a letter.
    """
    for part in facts.outer_parts:
        if part.media_type not in {"text/calendar", "application/ics"}:
            continue
        method = part.options.get("method", "").upper()
        if not method and (match := _METHOD.search(part.body[:20_000])):
            method = match[1].decode("ascii").upper()
        if method in _ANSWERS:
            return "calendar", signs.CALENDAR_REPLY
        if method in _INVITATIONS and not _is_letter(facts, part):
            return "calendar", signs.CALENDAR_INVITATION
    return None


def _is_letter(facts: Facts, part: Part) -> bool:
    wants = facts.asks or phrases("absence")["wants"].within(facts.head)
    return (part.is_attached or facts.answers or wants) and len(facts.new_text.split()) >= _SOME_WORDS


def _is_receipt_subject(subject: str) -> bool:
    words = Words(subject)
    length = phrases("receipts")["subject"].opening(words)
    if not length:
        return False
    places = list(re.finditer(r"\w+", subject))
    at = places[length - 1].end() if length <= len(places) else len(subject)
    return re.match(r"\s{0,5}(?:[:：(\[-]|$)", subject[at:]) is not None or ord(subject.lstrip()[0]) > 0x2E80
