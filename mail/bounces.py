"""Bounces: what a delivery status notification says (RFC 3464), and what programs say that do not write one.

Only facts are found here; `mail.automatic` decides with them. Recipients of a delay are no failed ones: the mail may
still arrive.
"""

import re
from typing import Literal

from mail.addresses import address_list
from mail.charsets import decode
from mail.fields import Header
from mail.mime import Part

Sender = Literal["daemon", "null", "office", ""]

_SUBJECT = re.compile(
    r"undeliver(?:ed|able|y)|undelivered|delivery (?:status notification|failure|failed|has failed|problem|report|"
    r"error|delayed|"
    r"notification)|(?:mail|message|e-?mail)(?: \w+)? (?:delivery )?(?:failed|failure|problem|error|delayed|"
    r"not delivered|"
    r"could not be delivered|rejected|returned|undelivered|system error)|delivery warning|returned (?:mail|"
    r"e-?mail|message|to sender)|"
    r"failure (?:notice|delivery|notification)|failed delivery|non[- ]?(?:remis|delivery|delivered|deliverable)|"
    r"not delivered|could not (?:be delivered|send message)|could not deliver|cannot deliver|can't be delivered|"
    r"nondeliverable|unzustellbar|nicht zugestellt|nicht zustellbar|zustellung|delivery status|rejected mail|"
    r"mail status report|"
    r"toimitus(?:ongelma|virhe)|ei voitu toimittaa|toimittamaton|palautettu|perillemenemätön|toimitus epäonnistui|"
    r"toimituksen tila|toimittaminen epäonnistui|ei voida toimittaa|"
    r"kunde inte levereras|går inte att leverera|olevererbar|oleverer|leveransfel|misslyckad leverans|obeställbar|"
    r"levering|kunne ikke leveres|non recapitabile|mancata consegna|no se pudo entregar|no entregado|onbestelbaar|"
    r"niet (?:bezorgd|afgeleverd)|niedostarczon|nie można dostarczyć|не доставлено|недоставленное|échec|"
    r"non distribué|ei saa kohale toimetada|user unknown|unknown (?:user|address|recipient)|mail could not|"
    r"warning: (?:could not|message)|delayed mail|nameserver error|invalid (?:address|recipient)|bounce|"
    r"mailbox (?:full|unavailable|not found)|over quota|address (?:not found|unknown)|unable to deliver",
    re.I,
)
_PHRASES = re.compile(
    r"(?:could ?n(?:o|')t|cannot|can't|unable to|was not able to|wasn't able to|were not able to|"
    r"failed to)\s+(?:be\s+)?"
    r"(?:deliver|reach|send|relay|process|forward)|delivery to the following|undeliverable|"
    r"following (?:recipient|address|user|destination)\S*|"
    r"(?:was|were|has|have)(?: been)? (?:not|undelivered|un-?deliver\w+|rejected|returned|refused)|"
    r"did not (?:reach|receive)|"
    r"delivery (?:\w+ )?(?:has )?(?:failed|failure|error)|permanent (?:fatal )?(?:error|failure)|fatal errors?|"
    r"(?:user|recipient|mailbox|address|account|userid|alias)\S*\s+(?:is |was |does ?n(?:o|')t |do ?n(?:o|')t |not )?"
    r"(?:unknown|invalid|exist|found|disabled|full|rejected|unavailable|known|recogni[sz]ed|listed)|"
    r"(?:no such|unknown|invalid) (?:\w+ ){0,2}(?:user|recipient|address|mailbox|account|local|userid|domain)|"
    r"has been postponed|over (?:its )?(?:disk )?quota|quota exceeded|mailbox (?:is )?full|\b5[05]\d[ -]\d?\.?\d|"
    r"\b5\.[0-7]\.\d+\b|"
    r"retry (?:timeout|time)|returned to (?:the )?sender|original message (?:follows|text)|returned message|"
    r"message that you sent|your (?:message|mail|e-?mail)\b.{0,80}\b(?:not|fail|reject|undeliver)|"
    r"no longer (?:valid|in use|active)|"
    r"ei (?:voitu|voida|pystytty) toimittaa|toimitus epäonnistui|vastaanottajaa ei|"
    r"kunde inte (?:levereras|leverera|nå)|kan inte levereras|leveransen misslyckades|mottagar\w+ (?:finns|"
    r"hittades) inte|"
    r"konnte nicht (?:zugestellt|übermittelt)|nicht zugestellt|n'a pas (?:pu|été)|no se (?:pudo|ha podido)|"
    r"non è stato possibile|не может быть доставлено|kon niet",
    re.I | re.S,
)
_MACHINE_LOCAL = re.compile(
    r"^(?:mailer[-_.]?daemon|mail[-_.]?daemon|postmaster|mail[-_.]?delivery[-_.]?\w*|mdaemon|smtp|"
    r"system|administrator|mailadmin|bounces?|mail-?system|mmdf|uucp|listserv|daemon)\b",
    re.I,
)
_MACHINE_NAME = re.compile(
    r"mail(?:er)?[ _-]?(?:delivery|daemon|administrator|system)|delivery (?:sub)?system|postmaster|"
    r"system administrator|"
    r"microsoft outlook|internet mail|mail router|message transfer",
    re.I,
)
_DAEMON = re.compile(r"^(?:mailer[-_.]?daemon|mail[-_.]?daemon|mail[-_.]?delivery[-_.]?\w*|mdaemon|mmdf)\b", re.I)
_NULL_PATH = re.compile(rb"\s*(?:<\s*>|<?\s*mailer-daemon\b)", re.I)
_ALONE = re.compile(
    r"^[\s>*-]*[\"'<]?[^\s<>\"']{1,64}@[^\s<>\"':;,]{1,255}[\"'>]?(?:\s*\([^)]*\))?\s*(?:$|[:;]|\s+on\s|\.\.\.)"
)
_NOT_ABOUT = re.compile(r"^\s*(?:to|cc|from|sender|mail from|reply-to|subject)\s*:", re.I)
_FIELD = re.compile(
    r"^(Final-Recipient|Original-Recipient|Action|Status|X-Actual-Recipient|Original-Rcpt-to)\s*:\s*(.*)$", re.I
)
_TYPED = re.compile(r"^\s*(?:rfc822|rfc-822|utf-8|smtp|x400|unknown|local|dns)\s*;?\s*", re.I)
_ADDRESS = re.compile(r"[A-Za-z0-9._%+=/!#$&'*~^{}|-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8}")
_COPY = re.compile(
    r"^[\s>*-]*(?:-{2,}|={2,}|_{2,})?\s*(?:below this line is (?:a|the) copy|this is a copy of (?:the|"
    r"your) message|original message|"
    r"unsent message|returned message|message header|the (?:body|header|text) of (?:your|the) (?:original )?message|"
    r"header of the original|start of (?:the )?(?:returned|original)|copy of (?:the|your)|forwarded message|"
    r"your (?:original )?message (?:follows|reads)|original (?:mail|e-?mail|headers?)|included is a copy|"
    r"message (?:text )?follows|alkuperäinen viesti|ursprungligt meddelande|the first \d+ lines)",
    re.I,
)
_COPIED_FIELD = re.compile(r"^[\s>|]*(?:received|return-path|message-id|mime-version|dkim-signature|from)\s*:", re.I)
_DELAY = re.compile(
    r"\bwarning\b.{0,60}(?:could not|still|delay)|has been delayed|delayed\b|not yet been delivered|"
    r"still being (?:re)?tried|"
    r"will (?:keep|continue)(?: \w+)? (?:trying|to try|to be retried)|do(?:es)? not need to (?:resend|do anything)|"
    r"no action is required|will be retried|temporary (?:error|failure|problem)|"
    r"you do not need to resend|attempts? will continue|delivery attempts will|"
    r"viivästy|fördröj|försenad|verzögert",
    re.I | re.S,
)
_FINAL = re.compile(
    r"permanent|giving up|given up|fatal|failed permanently|could not be delivered within|\b5\.\d\.\d+\b", re.I
)
_NO_FAILURE = frozenset({"delayed", "delivered", "relayed", "expanded"})  # RFC 3464, 2.3.3
_MOST = 100


def sender_kind(header: Header, envelope_sender: str, *, known: bool) -> Sender:
    """`daemon` for a mail system by its name, `null` for the null reverse-path (RFC 5321, 4.5.5) under another name,
    `office` for an address such as postmaster@ where a person may sit too (RFC 2142, 5), else "".
    """
    shown = header.text("from")
    addresses = address_list(header.all("from"))
    local = (addresses[0].partition("@")[0] if addresses else shown).strip(' "<')
    if _DAEMON.match(local):
        return "daemon"
    if (known and envelope_sender.strip("<>") == "") or _NULL_PATH.match(header.first("return-path")):
        return "null"
    return "office" if _MACHINE_LOCAL.match(local) or _MACHINE_NAME.search(shown) else ""


def subject_fits(subject: str) -> bool:
    """Whether the subject is one that mail systems write."""
    return _SUBJECT.search(subject[:1000]) is not None


def words_fit(subject: str, text: str, machine: Sender) -> bool:
    """Whether a mail without a status report reads as a bounce: sender, subject and wording must agree enough."""
    if machine == "daemon":
        return True
    if machine == "null" and subject_fits(subject):
        return True
    if not subject_fits(subject) or not _PHRASES.search(_own_words(text)[:6000]):
        return False
    if machine:
        return True
    answers = re.match(r"\s*(?:re|fw|fwd|vs|vl|sv|vb)\s*:", subject, re.I) is not None
    return not answers or bool(re.search(r"delivery failed|non remis|undeliver", subject, re.I))


def reported_recipients(root: Part) -> tuple[tuple[str, ...], bool, bool]:
    """The recipients that failed by the `message/delivery-status` parts; whether there is such a part; and whether it
    names any recipient at all, so that no failed one means a delay.
    """
    failed: dict[str, None] = {}
    found = complete = False
    for part in root.walk():
        if part.media_type == "message/delivery-status":
            found = True
            text = decode(part.body)[0]
            complete = complete or re.search(r"^(?:Final|Original)-Recipient\s*:", text, re.I | re.M) is not None
            for address in _failed_in(text):
                failed.setdefault(address)
    return tuple(failed)[:_MOST], found, complete


def recipients_in_text(text: str, returned_to: tuple[str, ...] = ()) -> tuple[str, ...]:
    """The addresses that a bounce without a report names as failed; none when it only tells of a delay.

    Addresses that stand alone on a line, or before a colon, are what it is about; only where there are none do those
    within sentences count. `returned_to` are the bounce's own recipients, which it may name as the sender.
    """
    words = _own_words(text)[:20000]
    if _DELAY.search(words) and not _FINAL.search(words):
        return ()
    alone: dict[str, None] = {}
    within: dict[str, None] = {}
    for line in words.split("\n"):
        if _NOT_ABOUT.match(line):
            continue
        for address in _named_in(line[:1000]):
            (alone if _ALONE.match(line) else within).setdefault(address)
    for found in (alone, within):
        named = [address for address in found if address.lower() not in {own.lower() for own in returned_to}]
        if named:
            return tuple(named)[:_MOST]
    return ()


def _failed_in(text: str) -> list[str]:
    """RFC 3464, 2.3: a group of fields a recipient; `Action: failed`, or no action and a status of class 5."""
    failed = []
    for group in re.split(r"\n[ \t]*\n", text.replace("\r\n", "\n").replace("\r", "\n")):
        unfolded = re.sub(r"\n[ \t]+", " ", group)
        values: dict[str, str] = {}
        for line in unfolded.split("\n"):
            if match := _FIELD.match(line):
                values.setdefault(match[1].lower(), match[2].strip())
        action, status = values.get("action", "").lower(), values.get("status", "")
        if action in _NO_FAILURE or (not action.startswith("fail") and status and not status.startswith("5")):
            continue
        for name in ("original-recipient", "original-rcpt-to", "final-recipient", "x-actual-recipient"):
            if address := _recipient(values.get(name, "")):
                failed.append(address)
                break
    return failed


def _recipient(value: str) -> str:
    bare = _TYPED.sub("", value).strip().strip("<>").strip()
    found = _ADDRESS.search(bare)
    if found:
        local, _, domain = found[0].rpartition("@")
        return f"{local}@{domain.lower()}"
    return bare if re.fullmatch(r"[\w.+-]{1,64}", bare) else ""


def _own_words(text: str) -> str:
    """What the mail system says, without the copy of the mail that it returns."""
    lines = text.split("\n")
    for at, line in enumerate(lines[:2000]):
        if at and (_COPY.match(line[:300]) or (_COPIED_FIELD.match(line[:100]) and _is_header_block(lines, at))):
            return "\n".join(lines[:at])
    return "\n".join(lines[:2000])


def _is_header_block(lines: list[str], at: int) -> bool:
    following = [line for line in lines[at + 1 : at + 6] if line.strip()]
    return sum(1 for line in following if re.match(r"[>\s|]*[A-Za-z-]{2,40}:\s", line)) >= 2


def _named_in(line: str) -> list[str]:
    found = []
    for match in _ADDRESS.finditer(line):
        local, _, domain = match[0].rpartition("@")
        local = local.rpartition("=")[2].strip("'/")
        if not local or not _MACHINE_LOCAL.match(local):
            found.append(f"{local}@{domain.lower().rstrip('.')}")
    return found
