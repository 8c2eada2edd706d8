"""Bounces: what a delivery status notification says (RFC 3464), and what programs say that do not write one.

A bounce is known by its report, by a field that only mail systems write, or by its words; the words count only with a
sender or a subject that fits, and a mail that shows signs of a person (a forwarded bounce, a question) needs more. A
report that only tells of a delay is a bounce that is not final: it names no failed recipient, and says `DELAY`. One
that tells of success is none. Whatever it is, it only tells us something; nothing is ever sent again because of it
(THREATS 33).
"""

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from mail import absence
from mail import facts as signs
from mail.addresses import address_list
from mail.facts import Facts
from mail.fields import Header, split_header
from mail.message import AutomaticKind
from mail.phrases import Words, phrases
from mail.recipients import NOTIFICATION, addresses_in, named_in_text, own_words, status_in_text
from mail.status import ADDRESS, ENHANCED, MOST, Outcome, found_reports, names_recipient, outcomes, typed_reports

Sender = Literal["daemon", "null", "office", ""]

_OFFICE = re.compile(
    r"^(?:mailer[-_.]?daemon|mail[-_.]?daemon|postmaster|post_master|mail[-_.]?delivery[-_.]?\w*|mdaemon|smtp|system|"
    r"administrator|mailadmin|bounces?|mail-?system|mmdf|uucp|listserv|daemon|mailer|mailservice|maildelivery\w*|ndr)\b",
    re.I,
)
_OFFICE_NAME = re.compile(
    r"mail(?:er)?[ _-]?(?:delivery|daemon|administrator|system)|delivery (?:sub)?system|postmaster|"
    r"system administrator|"
    r"microsoft outlook|microsoft exchange|internet mail|mail router|message transfer|mail gateway|anti-?virus",
    re.I,
)
_DAEMON = re.compile(r"^(?:mailer[-_.]?daemon|mail[-_.]?daemon|mail[-_.]?delivery[-_.]?\w*|mdaemon|mmdf)\b", re.I)
_DAEMON_PATH = re.compile(rb"\s*<?\s*mailer-daemon\b", re.I)
_PROGRAM_FIELDS = ("user-agent", "x-mailer", "x-originating-ip", "in-reply-to", "references", "thread-index")
_OPENING_WORDS = 80
_FIRST_WORDS = 16
_FIRST_SIGHT = 6000


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a mail is that a mail system wrote about another mail."""

    kind: AutomaticKind
    reason: str
    failed: tuple[str, ...] = ()
    status: str = ""


@dataclass(frozen=True)
class _Evidence:
    """What there is to decide by, each thing found when it is first asked for."""

    facts: Facts

    @cached_property
    def typed(self) -> tuple[str, ...]:
        """The reports that are such by their type; one within a mail inside counts only from a mail system."""
        return typed_reports(self.facts.outer_parts) or (typed_reports(self.facts.parts) if self.sender else ())

    @cached_property
    def pasted(self) -> tuple[str, ...]:
        """A report that stands in a part of another type, which only a mail system's word makes one."""
        return found_reports(self.facts.outer_parts) if self.sender or self.facts.report_type else ()

    @cached_property
    def outcomes(self) -> tuple[Outcome, ...]:
        """What the reports say of each recipient."""
        texts = self.typed if any(names_recipient(text) for text in self.typed) else (*self.typed, *self.pasted)
        return tuple(outcome for text in texts for outcome in outcomes(text))

    @cached_property
    def sender(self) -> Sender:
        """`daemon` for a mail system by its name, `null` for the null reverse-path (RFC 5321, 4.5.5) under another
        name, `office` for an address such as postmaster@ where a person may sit too (RFC 2142, 5), else "".
        """
        header = self.facts.header
        shown = header.text("from")
        senders = self.facts.shown_senders
        local = (senders[0].partition("@")[0] if senders else shown).strip(' "<')
        if _DAEMON.match(local):
            return "daemon"
        if self.facts.null_sender or _DAEMON_PATH.match(header.first("return-path")):
            return "null"
        return "office" if _OFFICE.match(local) or _OFFICE_NAME.search(shown) else ""

    @cached_property
    def subject_fits(self) -> bool:
        """Whether the subject is one that mail systems write."""
        return phrases("bounces")["subject"].within(Words(self.facts.subject[:1000]))

    @cached_property
    def own(self) -> str:
        """The mail system's own words; where the sender is none, the writer's own."""
        facts = self.facts
        return own_words((facts.own_text or facts.text) if self.sender else facts.new_text)

    @cached_property
    def words(self) -> Words:
        """The beginning of its own words, for phrases."""
        return Words(self.own[:_FIRST_SIGHT])

    def says(self, group: str) -> bool:
        """Whether the beginning of its own words holds a phrase of the group."""
        return phrases("bounces")[group].within(self.words)

    @cached_property
    def opens_as_program(self) -> bool:
        """Whether the text begins with what a known mail system writes of itself."""
        opening = " ".join(self.words.items[:_OPENING_WORDS])
        return phrases("bounces")["program"].within(Words(opening))


def verdict(facts: Facts) -> Verdict | None:
    """Whether a mail system wrote this mail about another one, and what it tells."""
    found = _Evidence(facts)
    is_report = facts.report_type in {"delivery-status", "delivery_status"} or (
        facts.root.media_type == "multipart/report" and bool(found.typed)
    )
    if not is_report and found.sender not in {"daemon", "null"} and _shows_a_person(found):
        return None
    if (
        is_report
        or (found.typed and (found.sender or (found.subject_fits and not facts.asks)))
        or (found.pasted and found.sender)
    ):
        return _reported(found)
    if named := address_list(facts.header.all("x-failed-recipients")):
        if _is_delay(found):
            return Verdict("bounce", signs.DELAY)
        return Verdict("bounce", signs.FAILED_RECIPIENTS_FIELD, named[:MOST], status_in_text(found.own))
    return _told(found) if _words_fit(found) else None


def _shows_a_person(found: _Evidence) -> bool:
    """A person who tells us of a bounce answers or forwards it, or writes from a program that people use."""
    facts = found.facts
    if facts.submitted not in {"", "no"} or not facts.from_address:
        return False
    if facts.submitted == "no" or facts.forwards:
        return True
    if found.sender and found.opens_as_program:
        return False
    if not found.sender and found.subject_fits and _begins_as_a_person(found):
        return True
    program = any(facts.header.has(name) for name in _PROGRAM_FIELDS)
    return program and (facts.answers or not found.subject_fits)


def _begins_as_a_person(found: _Evidence) -> bool:
    """Whether the text begins with what somebody tells of himself, however much of a mail system's stands below."""
    opening = Words(" ".join(found.words.items[:_FIRST_WORDS]))
    return phrases("absence")["oneself"].within(opening) and not phrases("bounces")["program"].opening(opening)


def _reported(found: _Evidence) -> Verdict:
    """By the report's own fields; where it has none that can be read, by the text beside it."""
    failed = [outcome for outcome in found.outcomes if outcome.failed]
    named = tuple(dict.fromkeys(outcome.address for outcome in failed if outcome.address))[:MOST]
    if named:
        return Verdict("bounce", signs.DELIVERY_STATUS, named, _status_of(failed) or status_in_text(found.own))
    if found.outcomes and not failed:
        if any(outcome.delayed for outcome in found.outcomes):
            return Verdict("bounce", signs.DELAY)
        return Verdict("delivery_notice", signs.DELIVERY_STATUS)
    told = _told(found)
    return Verdict(told.kind, signs.DELIVERY_STATUS, told.failed, _status_of(failed) or told.status)


def _status_of(failed: list[Outcome]) -> str:
    return failed[0].status if failed else ""


def _told(found: _Evidence) -> Verdict:
    """By the words alone."""
    if _is_delay(found):
        return Verdict("bounce", signs.DELAY)
    if found.says("delivered") and not found.says("failure"):
        return Verdict("delivery_notice", signs.BOUNCE_WORDS)
    facts = found.facts
    reporter = facts.shown_senders[0].rpartition("@")[2] if facts.shown_senders else ""
    returned = returned_headers(facts)
    authors = [address for header in returned for address in address_list(header.all("from"))]
    avoid = (*address_list(facts.header.all("to")), *facts.own_addresses, *facts.shown_senders, *authors)
    named = named_in_text(found.own, avoid=avoid, reporter=reporter if found.sender == "daemon" else "")
    if not named:
        avoided = {address.lower() for address in avoid}
        named = tuple(address for address in addresses_in(facts.subject[:1000]) if address.lower() not in avoided)
    if not named:
        named = _addressed(returned, facts)
    return Verdict("bounce", signs.BOUNCE_WORDS, named, status_in_text(found.own))


def _is_delay(found: _Evidence) -> bool:
    subject = Words(found.facts.subject[:1000])
    delayed = found.says("delay") or phrases("bounces")["delay"].within(subject)
    return delayed and not found.says("final")


def _addressed(returned: list[Header], facts: Facts) -> tuple[str, ...]:
    """The one recipient of the returned mail, as a last resort: a mail with several does not say which one failed."""
    for header in returned:
        if named := address_list(header.all("x-failed-recipients")):
            return named[:MOST]
        to = dict.fromkeys(address for address in address_list(header.all("to")) if not facts.is_own(address))
        if len(to) == 1 and not header.has("cc"):
            return tuple(address for one in to for address in addresses_in(one))
    return ()


def returned_headers(facts: Facts) -> list[Header]:
    """The headers of the mails that are returned: in parts of their own, or as text below the mail system's words."""
    headers = [
        part.header
        for outer in facts.parts
        if outer.media_type in {"message/rfc822", "message/global"}
        for part in outer.children
    ]
    for part in facts.parts:
        if (
            part.media_type
            in {"text/rfc822-headers", "message/rfc822-headers", "message/global-headers", "text/rfc822-header"}
            and part.body
        ):
            headers.append(split_header(part.body[:64_000])[0])
    if not headers:
        text = facts.own_text or facts.text
        below = text[len(own_words(text)) :][:64_000]
        lines = [line.lstrip("> |\t") if line[:1] in {">", "|"} else line for line in below.split("\n")[:400]]
        first = next((at for at, line in enumerate(lines) if re.match(r"[A-Za-z-]{2,40}:\s?\S", line.strip())), -1)
        if first >= 0:
            block = "\n".join([lines[first].strip(), *lines[first + 1 :]])
            headers.append(split_header(block.encode("utf-8", "replace"))[0])
    return headers


def _words_fit(found: _Evidence) -> bool:
    """Whether a mail without a report reads as a bounce: sender, subject and wording must agree enough."""
    if found.sender == "daemon" or NOTIFICATION in found.own:
        return True
    if absence.subject_form(found.facts) == "prefix":
        return False
    return _sender_fits(found) or (found.subject_fits and _words_tell(found))


def _sender_fits(found: _Evidence) -> bool:
    """Whether the sender may be a mail system, and the mail begins or is marked as one of its mails."""
    marked = found.facts.submitted not in {"", "no"}
    if found.sender == "null" and found.subject_fits:
        return True
    if not found.sender and not marked:
        return False
    return found.opens_as_program or (bool(found.sender) and marked and found.says("failure"))


def _words_tell(found: _Evidence) -> bool:
    """Whether the words under a fitting subject are those of a mail system rather than of a person."""
    facts = found.facts
    told = found.says("failure") or found.opens_as_program or (bool(found.sender) and found.says("delay"))
    if not told:
        return False
    if found.sender:
        return not (found.sender == "office" and facts.answers and facts.asks)
    if facts.answers and not re.search(r"delivery failed|non remis|undeliver", facts.subject, re.I):
        return False
    tells_whom = ADDRESS.search(found.own) is not None or ENHANCED.search(found.own) is not None
    return found.opens_as_program or (tells_whom and not (facts.asks or _tells_of_oneself(facts)))


def _tells_of_oneself(facts: Facts) -> bool:
    """Whether a person speaks: he wants something, or tells of what is his."""
    known = phrases("absence")
    return known["wants"].within(facts.head) or known["oneself"].within(facts.head)
