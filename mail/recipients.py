"""Whom a bounce says it could not reach, when it has no report that a program could read.

Mail systems of forty years tell it in prose. The address mostly stands alone on a line, or begins one before a colon;
else it follows a label, or it stands in the dialogue with the other system, or within the sentence that tells of the
failure. So addresses are sorted by where they stand, and only the most telling kind counts. Left out are whoever sent
the mail, we ourselves, the mail systems and the help desks that are named for further questions, and whoever did
receive the mail.
"""

import re
from collections.abc import Iterable, Iterator

from mail.status import ADDRESS, ENHANCED, MOST, with_small_domain

MAX_WORDS = 20_000
"""Longest text of a mail system, in characters, in which addresses are sought."""

NOTIFICATION = '"bouncedRecipients"'
"""What a sending service writes in its notifications, which are JSON in the text of a mail."""

_MOST_LINES = 2000
_SENTENCE = 100  # so many characters before an address are looked at
_DAEMON_LOCAL = re.compile(
    r"^(?:mailer[-_.]?daemon|mail[-_.]?daemon|postmaster|mail[-_.]?delivery[-_.]?\w*|mdaemon|smtp|system|administrator|"
    r"mailadmin|bounces?|mail-?system|mmdf|uucp|listserv|daemon|abuse|helpdesk|hostmaster|support|no-?reply)\b",
    re.I,
)
_ALONE = re.compile(
    r"^[\s>*#•·-]{0,20}(?:\d{1,3}[.)]\s{1,4})?[\"'<(\[`]{0,2}(?:mailto:|smtp:|"
    r"rfc822;\s?)?[^\s<>\"'()\[\]`]{1,64}@[^\s<>\"':;,()\[\]`]{1,255}"
    r"[\"'>)\]`.,]{0,3}(?:\s{0,8}\([^)]{0,300}\)?)?\s{0,20}(?:$|[:;,|=<]|\s-|\s{2,}|\t|\s(?:on|at|error|address|"
    r"invalid|unknown|user|"
    r"550|551|552|553|554|5\.\d|mailbox|failed|rejected|not|was|is|does|nicht|existe|action)\b|\.\.\.)",
    re.I,
)
_LABEL = re.compile(
    r"^[\s>*#-]{0,20}(?:(?:final|original|failed|failing|bad|invalid|unknown|undeliverable|intended|actual|rejected|"
    r"remote|"
    r"e-?mail|mail|affected|destination|target|local)[ -]{1,3}){0,3}(?:recipients?|addresse?e?s?|address\(es\)|"
    r"recipient\(s\)|"
    r"destinations?|users?|mailbox(?:es)?|rcpt(?:[ -]to)?|addressed to|envelope[ -]to|deliver(?:ed|y)? to|"
    r"vastaanottajat?|vastaanottajan osoite|osoite|mottagare|mottagaradress|empf[äa]nger(?:adresse)?|destinataires?|"
    r"destinatarios?|destinatari[oi]?|ontvangers?|modtagere?|mottakere?|odbiorc[ay]|adresat|получател[ьи]|адрес|"
    r"宛先|送信先|受信者|收件人|收件者|받는 사람)(?: (?:address|name|e-?mail|email address))?\s{0,5}[:=：;]",
    re.I,
)
_DIALOGUE = re.compile(r"\b(?:rcpt to|550|551|552|553|554)\b|\b5\.[0-7]\.\d", re.I)
_FAILING = re.compile(
    r"undeliver|not (?:be )?(?:deliver|reach|sent)|n't (?:be )?(?:deliver|reach|sent|exist|found)|could not|cannot|"
    r"unable|fail|reject|unknown|"
    r"invalid|no such|not (?:exist|found|known|listed|recogni|match|accept)|disabled|full|quota|refused|bounced|error|"
    r"unzustell|nicht|epäonnistu|ei voi|inte levere|kunde inte|kan inte|ikke|"
    r"échou|échec|pas pu|no se pudo|no pudo|impossibile|не |配信|存在し|エラー|失敗",
    re.I,
)
_ARRIVED = re.compile(
    r"\bsuccess(?:ful|fully) (?:deliver|relay|sent|transmi|complet|notif|expand)\w*|\bsuccessful\b|"
    r"(?:deliver|relay|transmit|complet)\w* success|\bsent success|\b(?:was|were|been) (?:delivered|relayed) to\b|"
    r"transient non-?fatal|deliveries? (?:that )?succeeded",
    re.I,
)
_EXPANDED = re.compile(r"\((?:\w{1,20} )?(?:expanded|generated|forwarded) from", re.I)
_HEADING = re.compile(r"[:：]\s*$|^\s*-{2,}.*-{2,}\s*$|:\s*-{2,}\s*$")
_NOT_ABOUT = re.compile(
    r"^[\s>*]{0,20}(?:cc|from|sender|mail from|reply-to|subject|message-id|message id|return-path|received|date|sent|"
    r"reporting-mta|x-[\w-]{1,40}|lähettäjä|från|von|absender|de|expéditeur|remitente|mittente|van|fra)\s{0,5}:",
    re.I,
)
_TO = re.compile(r"^[\s>*]{0,20}(?:to|an|à|para|aan|til|vastaanottaja|till)\s{0,3}:", re.I)
_SENDER_BEFORE = re.compile(
    r"(?:(?<!expanded )(?<!generated )(?<!forwarded )\bfrom|\bsender|\bby|by user|\bvon|\bid)\s*[:=<\"'(]{0,3}\s*$",
    re.I,
)
_CONTACT = re.compile(
    r"\bcontact\b|assist|further (?:help|information|question)|\babuse\b|\bsupport\b|\bhelp ?desk\b|questions|"
    r"please (?:write|mail|e-?mail|send|forward)"
    r"|kontaktier|wenden sie|send mail to|"
    r"report (?:this )?(?:problem|error)|new (?:e-?mail )?address|has (?:moved|changed)",
    re.I,
)
_COPY = re.compile(
    r"^[\s>*#|+]{0,20}(?:-{2,}|={2,}|_{2,}|\*{2,})?\s{0,10}(?:below this line is (?:a|the) copy|below is a copy of|"
    r"this is a copy of (?:the|"
    r"your) message|original (?:message|mail|e-?mail|headers?|text|subject)\b|(?:the )?original message (?:follows|"
    r"headers?|was|as|is|text)|"
    r"unsent message|returned message|message headers?\b|(?:the |your )?(?:body|headers?|text) of (?:your|"
    r"the) (?:original |returned )?message|"
    r"headers? of the original|start of (?:the )?(?:returned|original)|copy of (?:the|your)|forwarded message|"
    r"your (?:original )?message (?:follows|reads)|included is a copy|message non-deliverable|undelivered message|"
    r"message (?:text )?follows|alkuperäinen viesti|ursprungligt meddelande|ursprungsnachricht|original-?nachricht|"
    r"message d'origine|"
    r"the first \d+ lines|the following is the (?:original|first)|mail text follows|received message|元のメッセージ|"
    r"-+ 以下)",
    re.I,
)
_NOT_A_COPY = re.compile(r"^[\s>*#|+-]{0,20}(?:the )?original message was (?:received|sent)|original recipient", re.I)
_COPIED_FIELD = re.compile(
    r"^[\s>|]{0,20}(?:received|return-path|message-id|mime-version|dkim-signature|from|delivered-to)\s{0,3}:", re.I
)
_DESCRIBED = 8  # so many lines the mail system takes to tell of which mail it speaks
_DESCRIBES = re.compile(r"following header fields|relates to", re.I)
_FIELD_LINE = re.compile(r"[>\s|]{0,20}[A-Za-z-]{2,40}:\s")
_JSON_RECIPIENT = re.compile(r'"emailAddress"\s*:\s*"([^"]{3,320})"')
_BARE_NAME = re.compile(r"^[\s>*-]{1,20}[\"'<]?([a-z0-9][\w.+-]{1,40})[\"'>]?(?:\s{2,}\S.*)?$", re.I)


def own_words(text: str) -> str:
    """What the mail system says, without the copy of the mail that it returns."""
    lines = text[: 4 * MAX_WORDS].split("\n")[:_MOST_LINES]
    for at, line in enumerate(lines):
        if at and _begins_copy(lines, at, line[:300]):
            return "\n".join(lines[:at])[:MAX_WORDS]
    return "\n".join(lines)[:MAX_WORDS]


def named_in_text(words: str, *, avoid: Iterable[str], reporter: str) -> tuple[str, ...]:
    """The addresses that a mail system's own words name as failed, the first ones first.

    `avoid` are addresses that it may name for other reasons: the sender's and our own. `reporter` is the domain of the
    mail system, to which mailbox names without a domain belong.
    """
    if NOTIFICATION in words:
        return tuple(
            dict.fromkeys(with_small_domain(found) for found in _JSON_RECIPIENT.findall(words) if "@" in found)
        )[:MOST]
    places = _places(words)
    avoided = {address.lower() for address in avoid}
    for kind in (("alone", "expanded"), ("labelled",), ("failing", "expanded"), ("dialogue",)):
        named = [address for place in kind for address in places.get(place, ()) if address.lower() not in avoided]
        if named:
            return tuple(dict.fromkeys(named))[:MOST]
    if bare := _bare_names(words, reporter):
        return bare
    for place in ("to", "within", "asked"):
        if named := [address for address in places.get(place, ()) if address.lower() not in avoided]:
            return tuple(dict.fromkeys(named))[:MOST]
    return tuple(dict.fromkeys(places.get("alone", ())))[:MOST]


def status_in_text(words: str) -> str:
    """The enhanced status code that a mail system's words tell, one of class 5 before one of class 4; or empty."""
    found = ENHANCED.findall(words[:MAX_WORDS])
    failed = [code for code in found if code.startswith("5")]
    return next(iter(failed or [code for code in found if code.startswith("4")]), "")


def addresses_in(text: str) -> Iterator[str]:
    """The addresses in a line of text, but for those of mail systems and help desks."""
    return (address for address, _ in _with_preceding(text))


def _with_preceding(line: str) -> Iterator[tuple[str, str]]:
    """Each address with what stands before it in the same sentence."""
    for match in ADDRESS.finditer(line):
        local, _, domain = match[0].rpartition("@")
        local = local.rpartition("=")[2].strip("'`*/|{}~#$!")
        if local and "." in domain and not _DAEMON_LOCAL.match(local) and not domain.startswith("["):
            preceding = re.split(r"[.;!?]\s", line[max(0, match.start() - _SENTENCE) : match.start()])[-1]
            yield f"{local}@{domain.lower().rstrip('._')}", preceding


def _begins_copy(lines: list[str], at: int, line: str) -> bool:
    if _COPY.match(line) and not _NOT_A_COPY.match(line):
        return True
    if not _COPIED_FIELD.match(line[:100]) or not _is_header_block(lines, at):
        return False
    return not any(_DESCRIBES.search(above[:300]) for above in lines[max(0, at - _DESCRIBED) : at])


def _is_header_block(lines: list[str], at: int) -> bool:
    following = [line for line in lines[at + 1 : at + 6] if line.strip()]
    return sum(1 for line in following if _FIELD_LINE.match(line[:100])) >= 2


def _places(words: str) -> dict[str, list[str]]:
    """The addresses by where they stand."""
    found: dict[str, list[str]] = {}
    before, arrived = "", False
    for whole in words.split("\n"):
        line = whole[:1000].replace("mailto:", " ").replace("MAILTO:", " ")
        if not line.strip():
            continue
        if _HEADING.search(line) or _FAILING.search(line):
            arrived = bool(_ARRIVED.search(line)) and not re.search(r"\bnot\b|n't|\bunable\b", line)
        place = "" if arrived else _place(line, before)
        for address, preceding in _with_preceding(line):
            if place and not _SENDER_BEFORE.search(preceding):
                where = "asked" if _CONTACT.search(preceding) else place
                found.setdefault(where, []).append(address)
        before = line
    return found


def _place(line: str, before: str) -> str:
    """How telling it is that an address stands on this line; nothing when the line is not about recipients."""
    if _NOT_ABOUT.match(line):
        return ""
    if _CONTACT.search(before) and _HEADING.search(before):
        return "asked"
    alone = _ALONE.match(line) is not None
    forms = (
        ("expanded", not alone and _EXPANDED.search(line)),
        ("labelled", _LABEL.match(line)),
        ("to", _TO.match(line)),
        ("alone", alone),
        ("failing", _FAILING.search(line) or _FAILING.search(before)),
        ("dialogue", _DIALOGUE.search(line)),
    )
    return next((name for name, fits in forms if fits), "within")


def _bare_names(words: str, reporter: str) -> tuple[str, ...]:
    """Mailbox names without a domain, on the lines after one that tells of a failure and ends in a colon."""
    if not reporter:
        return ()
    names: list[str] = []
    listing = False
    for line in words[:4000].split("\n"):
        if not line.strip():
            continue
        if listing and (match := _BARE_NAME.match(line)):
            names.append(f"{match[1]}@{reporter.lower()}")
            continue
        listing = bool(_HEADING.search(line) and _FAILING.search(line))
    return tuple(dict.fromkeys(names))[:MOST]
