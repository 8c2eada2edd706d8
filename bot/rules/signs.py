"""Signs in a message that no word list of one language gives: for staff, and for caution.

An identity code that nobody asked for, another address to send to, an unreadable scan, a language that is none of ours.
"""

import re
from collections.abc import Collection

from bot.rules.classification import Classification
from bot.rules.clues import holds_identity_code
from mail.message import InboundMessage
from store.models import RequestKind

_ADDRESS = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,5}")
_CONTACT = re.compile(
    r"osoit|osott|posti|puhelin|numero|kännyk|yhteystie|tili|adress|e-?post|mejl|telefon|nummer|mobil|kontakt|konto|"
    r"address|mail|phone|number|mobile|contact|account",
    re.IGNORECASE,
)
"""Words of where somebody is reached. Without any, what has changed is a name: that moves no data elsewhere."""
_LABEL = re.compile(
    r"[\w.+-]+@[\w.-]+|(?:https?://|www\.)\S+|\b(?:s-?posti|sähköposti|e-?mail|e-?post|mail|puh|puhelin|gsm|tel|mob|mobile|"
    r"phone|matkap|telefon|fax|t|p|m)\b",
    re.IGNORECASE,
)
_SIGNATURE_LINES = 5
_LINK = re.compile(r"https?://|www\.", re.IGNORECASE)
_RELEASING = frozenset({RequestKind.ACCESS, RequestKind.PORTABILITY})
_MAX_TEXT = 20_000


def signs(
    message: InboundMessage,
    read: str,
    found: Classification,
    known_addresses: Collection[str],
    own_domains: Collection[str],
) -> tuple[str, ...]:
    """Flags in a fixed order; `read` is the text that `found` was read from.

    `known_addresses` are ours and those on file for the one who is meant, `own_domains` those of the controller's
    addresses: naming one is nothing new.
    """
    releases = any(one.kind in _RELEASING for one in found.kinds)
    nothing = all(one.kind is RequestKind.OTHER for one in found.kinds)
    flags: list[str] = []
    if holds_identity_code(message.text):
        flags.append("IDENTITY_CODE")
    elsewhere = "ASKS_TO_SEND_ELSEWHERE" in found.flags or _names_another_address(
        message, read, known_addresses, own_domains
    )
    if releases and elsewhere:
        flags.append("ELSEWHERE")
    if releases and "CONTACT_CHANGE" in found.flags and _CONTACT.search(read[:_MAX_TEXT]):
        flags.append("CONTACT_CHANGE_WITH_REQUEST")
    if not read.strip():
        flags.append("NOTHING_READABLE")
    if "UNREADABLE_SCAN" in message.problems:
        flags.append("UNREADABLE_SCAN")
    if message.language == "other" and nothing and any(char.isalpha() for char in read):
        flags.append("OTHER_LANGUAGE")
    if (nothing and "BAIT" in found.flags) or (nothing and "CLICK" in found.flags and _LINK.search(read[:_MAX_TEXT])):
        flags.append("SPAM_LIKE")
    return tuple(flags)


def _names_another_address(
    message: InboundMessage, read: str, known_addresses: Collection[str], own_domains: Collection[str]
) -> bool:
    """Whether a request for data has an address in its text that is neither the sender's nor known (THREATS 4).

    People sign with all their addresses; that asks for nothing, and the data go to the one on file all the same.
    """
    known = {message.from_address.lower(), *known_addresses}
    lines = read[:_MAX_TEXT].splitlines()
    return any(
        address.lower().rstrip(".") not in known and address.lower().rpartition("@")[2] not in own_domains
        for at, line in enumerate(lines)
        for address in _ADDRESS.findall(line)
        if not _is_signature(message, lines, at)
    )


def _is_signature(message: InboundMessage, lines: list[str], at: int) -> bool:
    """Whether a line holds contact details only and stands below the sender's own name."""
    if any(sign.isalpha() for sign in _LABEL.sub(" ", lines[at])):
        return False
    own = set(re.findall(r"\w{3,}", message.from_text.lower().partition("@")[0]))
    above = lines[max(0, at - _SIGNATURE_LINES) : at]
    return any(
        own & set(re.findall(r"\w{3,}", line.lower())) and len(line.split()) <= _SIGNATURE_LINES for line in above
    )
