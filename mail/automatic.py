"""Did a machine write this, and of what sort?

A machine that is taken for a customer gets answered, and two machines that answer each other never stop (THREATS 20).
A customer who is taken for a machine gets no answer at all, which is worse. So the standards' own marks count first
(RFC 3834, 3464, 8098, 5965, 2369, 5546), in an order in which the more telling sort wins: a bounce that came by a
list is a bounce. Without marks, the words of known programs count, and only together with a sender or subject that
fits: a person may write from postmaster@, forward a bounce, or tell that they were out of office.

Apart from that, `may_acknowledge` is False also for people's mail that says it wants no automatic answer.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from mail import bounces
from mail.addresses import a_label, address_list, normalise_address
from mail.charsets import decode
from mail.fields import Header, parameters
from mail.message import Automatic, AutomaticKind
from mail.mime import Part

AUTO_SUBMITTED = "AUTO_SUBMITTED"
DELIVERY_STATUS = "DELIVERY_STATUS"
BOUNCE_WORDS = "BOUNCE_WORDS"
FAILED_RECIPIENTS_FIELD = "FAILED_RECIPIENTS_FIELD"
DISPOSITION_NOTIFICATION = "DISPOSITION_NOTIFICATION"
FEEDBACK_REPORT = "FEEDBACK_REPORT"
AGGREGATE_REPORT = "AGGREGATE_REPORT"
CALENDAR_REPLY = "CALENDAR_REPLY"
LIST_FIELD = "LIST_FIELD"
BULK_PRECEDENCE = "BULK_PRECEDENCE"
OWN_ADDRESS = "OWN_ADDRESS"
OWN_MARK = "OWN_MARK"
AUTO_REPLY_FIELD = "AUTO_REPLY_FIELD"
AUTO_REPLY_SUBJECT = "AUTO_REPLY_SUBJECT"
AUTO_REPLY_WORDS = "AUTO_REPLY_WORDS"
NULL_SENDER = "NULL_SENDER"
MACHINE_SENDER = "MACHINE_SENDER"
SUPPRESS_REPLY = "SUPPRESS_REPLY"

_PROGRAM_FIELDS = ("user-agent", "x-mailer", "x-originating-ip", "in-reply-to", "references", "thread-index")
_LIST_FIELDS = ("list-id", "list-unsubscribe", "list-post", "list-help", "list-owner", "x-mailing-list", "feedback-id")
_AUTO_REPLY_FIELDS = (
    "x-autoreply",
    "x-autorespond",
    "x-autoresponse",
    "x-auto-reply",
    "x-autoreply-from",
    "x-mail-autoreply",
)
_MACHINE = re.compile(
    r"^(?:mailer-?daemon|no-?reply|do-?not-?reply|donotreply|noreply-\S*|auto-?(?:reply|responder)|"
    r"mail\.?delivery\S*|bounces?[+-]?\S*|ei-?vastata|eivastausta|svara-?(?:inte|ej)|majordomo|listserv|daemon)$",
    re.I,
)
_NAMED_RESPONDER = re.compile(r"auto-?(?:respond|reply|answer)|\bvacation\b", re.I)
_SUBJECT = re.compile(
    r"^\s*(?:(?:re|vs|sv|aw|fw)\s*:\s*)?[\[(]?\s*(?:"
    r"automaattinen (?:vastaus|poissaolo\w*|viesti|kuittaus)|automaattivastaus|poissaolo(?:viesti|ilmoitus|vastaus)\b|"
    r"poissa(?: toimistolta)?\s*:|"
    r"autosvar|automatiskt svar|automatsvar|frånvaromeddelande\b|semestermeddelande\b|ej på kontoret|"
    r"automatic (?:reply|response)|auto(?:mated)?[ -]?(?:reply|response|responder)|"
    r"out[ -]of[ -](?:the[ -])?office\b(?! hours)|"
    r"ooo\s*(?::|$)|vacation (?:reply|response|notice)|away from (?:the office|my mail|my desk)|autoreply|"
    r"automatische (?:antwort|rückantwort|abwesenheit\w*|e-?mail-?antwort)|abwesenheit(?:snotiz|smeldung|sagent)?\b|"
    r"autosvar|automatisk (?:svar|besvarelse)|fraværs\w+|"
    r"automatisch antwoord|afwezigheids\w*|réponse automatique|absence du bureau|absente? du bureau|"
    r"respuesta automática|fuera de (?:la )?oficina|risposta automatica|fuori (?:sede|ufficio)|resposta automática|"
    r"automatyczna odpowiedź|odpowiedź automatyczna|automaatvastus|kontorist väljas|automātiskā atbilde|"
    r"automatinis atsakymas|automatická odpověď|automatikus válasz|автоответ|автоматический ответ|otomatik yanıt)",
    re.I,
)
_WEAK_SUBJECT = re.compile(
    r"^\s*(?:(?:re|vs|sv|aw)\s*:\s*)?(?:olen\s|poissa\b|poissaolo\b|loma\w*|kesäloma\w*|frånvar\w*|semester\w*|"
    r"i am\b|i'm\b|on (?:vacation|holiday|leave)|away\b|holiday|abwesend|urlaub|ferie|fravær|ikke til stede|"
    r"afwezig|absent|"
    r"vacances|congés?|vacaciones|ausente|assente|ferie|nieobecn\w*|puhkus\w*)",
    re.I,
)
_AWAY = re.compile(
    r"\b(?:olen\s+(?:\w+\s+){0,3}(?:lomalla|poissa|vapaalla|vanhempainvapaalla|opintovapaalla)|lomalla\b.{0,40}\bast[ti]|"
    r"palaan\s+(?:\w+\s+){0,3}(?:\d|töihin|takaisin|lomalta|toimistolle)|poissa toimistolta|en ole tavoitettavissa|"
    r"jag (?:är|har)\s+(?:\w+\s+){0,3}(?:semester|ledig|föräldraledig|frånvarande|bortrest)|åter på (?:kontoret|"
    r"jobbet)|"
    r"jag (?:är )?(?:åter|tillbaka)\b.{0,30}\d|inte på kontoret|"
    r"(?:i am|i'm|i will be|i'll be|currently)\s+(?:\w+\s+){0,4}(?:out of (?:the )?office|on (?:vacation|holiday|leave|"
    r"annual leave|parental leave)|away from)|out of (?:the )?office|(?:limited|no) access to (?:my )?e-?mail|"
    r"ich bin\s+(?:\w+\s+){0,6}(?:nicht im (?:büro|hause)|abwesend|im urlaub)|jeg er\s+(?:\w+\s+){0,4}(?:ferie|"
    r"fraværende)|"
    r"je suis\s+(?:\w+\s+){0,4}(?:absente?|en congés?|en vacances)|actuellement absente?|"
    r"estoy\s+(?:\w+\s+){0,3}(?:fuera de la oficina|de vacaciones)|sono\s+(?:\w+\s+){0,3}(?:fuori ufficio|in ferie)|"
    r"ik ben\s+(?:\w+\s+){0,4}(?:afwezig|met vakantie|op vakantie)|olen\s+(?:\w+\s+){0,3}puhkusel)\b",
    re.I | re.S,
)
_AUTOMATED_WORDS = re.compile(
    r"\b(?:tämä on automaattinen (?:vastaus|viesti|kuittaus)|automaattinen vastaus|automaattivastaus|"
    r"älä vastaa tähän viestiin|tähän viestiin ei voi vastata|"
    r"detta är ett (?:automatiskt|autogenererat)\b.{0,20}(?:svar|meddelande|mejl|e-?post)|automatiskt svar|autosvar|"
    r"this is an? (?:automat(?:ed|ic)(?:ally generated)?|auto-?generated)\s+(?:\w+[ -]){0,2}"
    r"(?:response|reply|message|e-?mail|acknowledge?ment)|"
    r"this (?:message|e-?mail|reply) (?:was|is|has been) (?:automatically|auto-?)\s?(?:generated|sent)|"
    r"(?:please )?do not (?:reply|respond) to this (?:e-?mail|message)|"
    r"dies ist eine automatisch\w*|diese (?:e-?mail|nachricht) wurde automatisch|dette er et automatisk|"
    r"ceci est (?:un|une) (?:message|réponse) automatique|esta es una respuesta automática|"
    r"questa è una risposta automatica|dit is een automatisch|to jest automatyczna|see on automaatvastus)",
    re.I | re.S,
)
_URGENT = re.compile(
    r"kiireellisi|kiireise|kiiretapau|akuuteissa|sijaise|brådskande|akuta ärenden|vid akut|i akuta|urgent|"
    r"immediate (?:assistance|attention|help)|in my absence|during my absence|poissaoloni|under min frånvaro|"
    r"dringend|während meiner abwesenheit|haste(?:r|nde)|urgence|en mon absence|urgente|urgenza|dringende|pilne|"
    r"kiireloomuli|respond (?:to your|when i|upon)|reply (?:when i|upon|as soon as)|"
    r"vastaan (?:palattuani|viestiisi|viesteihin)|svarar när",
    re.I,
)
_REPORT_SUBJECT = re.compile(
    r"^\s*(?:\[[^\]]{1,40}\]\s*)?(?:\[?preview\]?\s*)?report domain:\s*\S|\bsubmitter:\s*\S+.*\breport-id:", re.I
)
_REPORT_FILE = re.compile(r"^[^!\s]+![^!\s]+!\d+!\d+.*\.(?:xml|json)?\.?(?:gz|zip|xml|json)$", re.I)
_RECEIPT_SUBJECT = re.compile(
    r"^\s*(?:lukukuittaus|luettu|läskvitto|läst|read(?: receipt)?|gelesen|lesebestätigung|lest|læst|kvittering|"
    r"not read|ei luettu|oläst|delivery receipt|return receipt \(displayed\)|return receipt|lu|gelezen|leído|"
    r"letto)\s*[:(]",
    re.I,
)
_HEAD = 4000


@dataclass(frozen=True, slots=True)
class Facts:
    """All that is known of a mail when this question is asked."""

    root: Part
    envelope_sender: str
    from_address: str
    subject: str
    text: str
    new_text: str
    own_addresses: tuple[str, ...] = ()
    own_domains: tuple[str, ...] = ()
    door_has_envelope: bool = False
    """Whether the door tells the reverse-path, so that an empty one means the null reverse-path."""


def classify(facts: Facts) -> Automatic:
    """Whether and what sort of machine wrote the mail, with reasons, and whether it may be acknowledged."""
    for question in (_own, _report, _bounce, _notice, _calendar, _auto_reply, _list):
        answer = question(facts)
        if answer is not None:
            return answer
    reasons = tuple(_unwanted(facts))
    return Automatic(may_acknowledge=not reasons, reasons=reasons)


def _found(kind: AutomaticKind, reasons: Iterable[str], failed: Iterable[str] = ()) -> Automatic:
    return Automatic(kind, tuple(failed), False, tuple(dict.fromkeys(reasons)))


def _own(facts: Facts) -> Automatic | None:
    header = facts.root.header
    own = {normalise_address(address) for address in facts.own_addresses}
    senders = [facts.from_address, *address_list(header.all("from"))]
    if own and any(normalise_address(address) in own for address in senders if address):
        return _found("own", [OWN_ADDRESS])
    domains = {a_label(domain) for domain in facts.own_domains}
    ours = any(sender.rpartition("@")[2] in domains for sender in senders if sender)
    return _found("own", [OWN_MARK]) if ours and _submitted(header) not in {"", "no"} else None


def _bounce(facts: Facts) -> Automatic | None:
    """RFC 3464, and the programs that never heard of it."""
    header = facts.root.header
    failed, reported, complete = bounces.reported_recipients(facts.root)
    top_type, options = parameters(header.first("content-type"))
    is_report = top_type == "multipart/report" and options.get("report-type", "").lower() == "delivery-status"
    machine = bounces.sender_kind(header, facts.envelope_sender, known=facts.door_has_envelope)
    returned_to = address_list(header.all("to"))
    if not is_report and machine not in {"daemon", "null"} and _shows_a_person(facts):
        return None
    if not reported and not is_report and _is_receipt(facts):
        return None
    if is_report or (reported and (machine or bounces.subject_fits(facts.subject))):
        return _found(
            "bounce", [DELIVERY_STATUS], failed if complete else bounces.recipients_in_text(facts.text, returned_to)
        )
    if named := address_list(header.all("x-failed-recipients")):
        return _found("bounce", [FAILED_RECIPIENTS_FIELD], named)
    if bounces.words_fit(facts.subject, facts.text, machine):
        return _found(
            "bounce", [BOUNCE_WORDS], failed if complete else bounces.recipients_in_text(facts.text, returned_to)
        )
    return None


def _shows_a_person(facts: Facts) -> bool:
    """A person who tells us of a bounce answers or forwards it, from a program that people use."""
    header = facts.root.header
    if _submitted(header) not in {"", "no"} or not facts.from_address:
        return False
    if _submitted(header) == "no":
        return True
    forwarded = re.match(r"^\s*(?:fw|fwd|vl|vb|wg|tr|re|vs|sv|aw)\s*:", facts.subject, re.I) is not None
    program = any(header.has(name) for name in _PROGRAM_FIELDS)
    return program and (forwarded or not bounces.subject_fits(facts.subject))


def _notice(facts: Facts) -> Automatic | None:
    """A read receipt (RFC 8098)."""
    if _is_receipt(facts):
        return _found("delivery_notice", [DISPOSITION_NOTIFICATION])
    marked = _submitted(facts.root.header) not in {"", "no"} or facts.root.header.has("x-ms-exchange-inbox-rules-loop")
    if marked and _RECEIPT_SUBJECT.match(facts.subject):
        return _found("delivery_notice", [DISPOSITION_NOTIFICATION])
    return None


def _is_receipt(facts: Facts) -> bool:
    """A disposition notification, unless a mail system uses one to refuse a mail."""
    _, options = parameters(facts.root.header.first("content-type"))
    parts = [part for part in facts.root.walk() if part.media_type == "message/disposition-notification"]
    if not parts and options.get("report-type", "").lower() != "disposition-notification":
        return False
    refused = any(re.search(rb"^Disposition:.*;\s*(?:deleted|denied|failed)", part.body, re.I | re.M) for part in parts)
    return not (refused and bounces.subject_fits(facts.subject))


def _report(facts: Facts) -> Automatic | None:
    """Complaints (RFC 5965), and the daily reports of DMARC (RFC 7489, 7.2) and TLS (RFC 8460, 5.3)."""
    parts = list(facts.root.walk())
    if any(part.media_type == "message/feedback-report" for part in parts):
        return _found("report", [FEEDBACK_REPORT])
    _, options = parameters(facts.root.header.first("content-type"))
    tls = options.get("report-type", "").lower() == "tlsrpt" or facts.root.header.has("tls-report-domain")
    zipped = any(_REPORT_FILE.match(part.name) or part.media_type == "application/tlsrpt+gzip" for part in parts)
    if tls or (zipped and len(facts.new_text) < 3000) or _REPORT_SUBJECT.search(facts.subject):
        return _found("report", [AGGREGATE_REPORT])
    return None


def _calendar(facts: Facts) -> Automatic | None:
    """An answer to an invitation (RFC 5546, 3.2.3). An invitation itself is a person's mail."""
    for part in facts.root.walk():
        if part.media_type != "text/calendar":
            continue
        method = part.options.get("method", "").upper()
        if not method and (match := re.search(rb"^METHOD:([A-Z]+)", part.body[:20000], re.M)):
            method = match[1].decode("ascii")
        if method in {"REPLY", "COUNTER", "DECLINECOUNTER", "REFRESH"}:
            return _found("calendar", [CALENDAR_REPLY])
    return None


def _auto_reply(facts: Facts) -> Automatic | None:
    header = facts.root.header
    submitted = _submitted(header)
    reasons = []
    if submitted not in {"", "no"}:
        reasons.append(AUTO_SUBMITTED)
    if any(header.has(name) for name in _AUTO_REPLY_FIELDS) or header.text("x-precedence").lower() == "auto_reply":
        reasons.append(AUTO_REPLY_FIELD)
    if _precedence(header) in {"auto_reply", "auto-reply", "autoreply"}:
        reasons.append(AUTO_REPLY_FIELD)
    subject_fits = _SUBJECT.match(facts.subject) is not None
    null_sender = facts.door_has_envelope and not facts.envelope_sender
    if _NAMED_RESPONDER.search(
        " ".join(header.text(name) for name in ("x-mailer", "delivered-to", "x-post-messageclass"))
    ):
        reasons.append(AUTO_REPLY_FIELD)
    unattended = null_sender or _precedence(header) in {"bulk", "junk"} or _suppresses(header)
    machine = _MACHINE.match(facts.from_address.partition("@")[0]) is not None
    weak = _WEAK_SUBJECT.match(facts.subject) is not None
    if submitted != "no" and _reads_as_stand_in(facts.new_text[:_HEAD]):
        reasons.append(AUTO_REPLY_WORDS)
    if submitted != "no" and (subject_fits or weak or unattended or machine):
        head = facts.new_text[:_HEAD]
        says_automatic = _AUTOMATED_WORDS.search(head) is not None
        says_away = _AWAY.search(head) is not None
        if subject_fits and not _asks_on(facts, says_away=says_away or says_automatic):
            reasons.append(AUTO_REPLY_SUBJECT)
        if weak and (says_automatic or says_away) and "?" not in head:
            reasons.append(AUTO_REPLY_WORDS)
        if (says_automatic and machine) or ((says_away or says_automatic) and unattended and not _is_list(header)):
            reasons.append(AUTO_REPLY_WORDS)
    if reasons and null_sender:
        reasons.append(NULL_SENDER)
    return _found("auto_reply", reasons) if reasons else None


def _reads_as_stand_in(head: str) -> bool:
    """The two texts that only a machine sends, also under a person's subject: "I am away, in urgent matters turn to",
    and a line that begins with "This is an automatic reply". A question in it makes it a person's.
    """
    if "?" in head:
        return False
    if _URGENT.search(head) and _AWAY.search(head):
        return True
    return any(_AUTOMATED_WORDS.match(line.lstrip(" *-")) for line in head[:800].split("\n"))


def _asks_on(facts: Facts, *, says_away: bool) -> bool:
    """A person who answers an automatic reply keeps its subject, with `Re:` and without its words."""
    answers = re.match(r"^\s*(?:re|vs|sv|aw|fw|vl|vb)\s*:", facts.subject, re.I) is not None
    return answers and not says_away


def _list(facts: Facts) -> Automatic | None:
    header = facts.root.header
    if _is_list(header):
        return _found("list", [LIST_FIELD])
    if _precedence(header) == "list":
        return _found("list", [BULK_PRECEDENCE])
    return None


def _is_list(header: Header) -> bool:
    return any(header.has(name) for name in _LIST_FIELDS)


def _unwanted(facts: Facts) -> Iterable[str]:
    header = facts.root.header
    if _precedence(header) in {"bulk", "junk"}:
        yield BULK_PRECEDENCE
    if _suppresses(header):
        yield SUPPRESS_REPLY
    if facts.door_has_envelope and not facts.envelope_sender:
        yield NULL_SENDER
    if _MACHINE.match(facts.from_address.partition("@")[0]):
        yield MACHINE_SENDER


def _submitted(header: Header) -> str:
    """The keyword of RFC 3834, 5; what follows it (comments, parameters) does not matter."""
    text = decode(header.first("auto-submitted"))[0].strip().lower()
    return re.split(r"[\s;(]", text, maxsplit=1)[0] if text else ""


def _precedence(header: Header) -> str:
    return header.text("precedence").lower().strip()


def _suppresses(header: Header) -> bool:
    words = re.findall(r"[a-z]+", header.text("x-auto-response-suppress").lower())
    return bool({"all", "oof", "autoreply"} & set(words))
