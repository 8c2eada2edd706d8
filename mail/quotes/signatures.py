"""What stands below a text without having been written for it: signatures, lines of devices, companies' disclaimers.

A signature goes below the `-- ` line of RFC 3676 (4.3), up to the next thing that a person must have written: people do
write below their signatures. A device's line goes where it stands alone, and only when every word of it is a device's.
"""

import re

from mail.quotes.page import LINE_LIMIT, SIGNATURE_BEGINS, SIGNATURE_ENDS, SOFT_SIGNATURE_BEGINS
from mail.quotes.phrases import footers

_DELIMITER = re.compile(r"(?:--|—|__)\s*$")
_POSTSCRIPT = re.compile(r"(?:p\.?\s?p?\.?\s?s\b|ps[.:]|lisäys|lisäksi|tillägg|edit|n\.?b\.?)[\s.:,]", re.I)
_CONTACT = re.compile(r"https?://|www\.|@|\+?\d[\d ()/-]{6,}|\b(?:tel|puh|gsm|fax|y-tunnus|unsubscribe)\b", re.I)
_SENTENCE = re.compile(r"[.!?…]['\")”]?\s*$")
_LINKS = re.compile(r"<[^<>\s]{1,300}>|\[[^\[\]\s]{1,300}\]|\(?https?://\S{1,300}|\bwww\.\S{1,200}")
_WORD = re.compile(r"[^\s.,;:!–—()<>\[\]\"“”*_]+")
_RULE = re.compile(r"\s*(?:_{20,}|-{20,})\s*$")
_LIST = re.compile(r"mailing list|postituslista|e-postlista|sähköpostilista|mailingliste|liste de diffusion", re.I)
_MOST_SIGNED = 15
_MOST_SHORT = 10
_LONG_LINE = 80
_WRITTEN_WORDS = 12
_SENTENCE_WORDS = 5
_DEVICE_WORDS = 14
_SHORTEST_DEVICE_LINE = 5
_UNKNOWN_WORDS = 3
_STOPPED = re.compile(r"[.!?;:]\s")
_OF_ME = re.compile(r"\b\w{3,}(?:ni|mme)\b")
_DISCLAIMER_WORDS = 12
_LONGEST_DISCLAIMER = 3000
_MOST_PLEADING = 2


def without_signature(lines: list[str]) -> list[str]:
    """The lines of one stretch of own text without what closes it."""
    lines = _without_marked_signature(lines)
    lines = _without_delimited(lines)
    lines = _without_list_footer(lines)
    lines = [line for line in lines if not is_device_line(line)]
    return _without_disclaimers(lines)


def is_device_line(line: str) -> bool:
    """Whether a line is a program's own: "Sent from my iPhone", "Virus-free. www..."; never one of a person's words."""
    if not _SHORTEST_DEVICE_LINE < len(line) < LINE_LIMIT:
        return False
    bare = line.strip().strip("*_-–—> ").lower()
    known = footers()
    if known.whole.fullmatch(bare.rstrip(".")) or _is_virus_line(bare):
        return True
    first = _WORD.search(bare)
    return first is not None and first.group().strip("'’-") in known.leads and _is_of_devices_words(bare)


def _is_of_devices_words(bare: str) -> bool:
    """Whether a device is named and every other word is one that such lines are made of."""
    known = footers()
    words = [stripped for word in _WORD.findall(_LINKS.sub(" ", bare)) if (stripped := word.strip("'’-"))]
    if not 1 < len(words) <= _DEVICE_WORDS:
        return False
    named = [word.startswith(known.devices) for word in words]
    if named[0] and named[-1]:  # "Outlook for Android" may be an answer; "Outlook für Android herunterladen" is none
        return False
    unknown = [
        word
        for word, is_named in zip(words, named, strict=True)
        if not is_named and word not in known.words and not any(letter.isdigit() for letter in word)
    ]
    if bare.startswith(known.senders) and named[-1]:
        return len(unknown) <= _UNKNOWN_WORDS and not _STOPPED.search(bare)
    return any(named) and not unknown


def _is_virus_line(bare: str) -> bool:
    if bare.endswith("?") or len(bare.split()) > _DEVICE_WORDS * 2:
        return False
    return all(any(word in bare for word in words) for words in footers().virus)


def _without_marked_signature(lines: list[str]) -> list[str]:
    """The stretches that the HTML calls a signature go, but for what a person must have written there."""
    kept: list[str] = []
    inside: list[str] | None = None
    soft = False
    for line in lines:
        mark = line.strip()
        if mark in {SIGNATURE_BEGINS, SOFT_SIGNATURE_BEGINS}:
            kept.extend(inside or [])
            inside, soft = [], mark == SOFT_SIGNATURE_BEGINS
        elif mark == SIGNATURE_ENDS:
            kept.extend(_written_lines(inside or []) if soft else _written(_paragraphs(inside or [])))
            inside = None
        elif inside is None:
            kept.append(line)
        else:
            inside.append(line)
    return [*kept, *(inside or [])]


def _without_delimited(lines: list[str]) -> list[str]:
    at = [i for i, line in enumerate(lines) if len(line) < 8 and _DELIMITER.match(line)]
    standard = [i for i in at if lines[i].rstrip("\r") == "-- "]
    if not at or (len(at) > 1 and not standard):
        return lines
    begin = standard[0] if standard else at[-1]
    below = _paragraphs(lines[begin + 1 :])
    if not below:
        return lines[:begin]
    first = below[0]
    if len(first) > _MOST_SIGNED or (not standard and not _is_short(first)):
        return lines
    return [*lines[:begin], *_written(below[1:])]


def _is_short(paragraph: list[str]) -> bool:
    """Names, titles and addresses: few lines, none of them a sentence."""
    return len(paragraph) <= _MOST_SHORT and not any(
        len(line) > _LONG_LINE or (_SENTENCE.search(line) and len(line.split()) > _SENTENCE_WORDS) for line in paragraph
    )


def _paragraphs(lines: list[str]) -> list[list[str]]:
    found: list[list[str]] = []
    last_blank = True
    for line in lines:
        if not line.strip():
            last_blank = True
            continue
        if last_blank:
            found.append([])
        found[-1].append(line)
        last_blank = False
    return found


def _written(paragraphs: list[list[str]]) -> list[str]:
    """Of the paragraphs below a signature those that a person wrote for this mail."""
    kept: list[str] = []
    for paragraph in paragraphs:
        text = " ".join(line.strip()[:LINE_LIMIT] for line in paragraph[:20])
        asks = text.endswith("?") and not _CONTACT.search(text)
        says = len(text.split()) >= _WRITTEN_WORDS and _SENTENCE.search(text) and not _is_companys(text)
        if asks or says or _POSTSCRIPT.match(text):
            kept += ["", *paragraph]
    return kept


def _written_lines(lines: list[str]) -> list[str]:
    """Of the lines of an element in which people write too what looks like speech, not like a name or a title."""
    kept = []
    for line in lines:
        part = line[:LINE_LIMIT]
        words = part.split()
        speaks = sum(word[:1].islower() for word in words) >= _SENTENCE_WORDS
        speaks = speaks or (len(words) >= _SENTENCE_WORDS and bool(_SENTENCE.search(line[-LINE_LIMIT:])))
        if _POSTSCRIPT.match(part) or line.rstrip().endswith("?") or (speaks and not _is_companys(part)):
            kept.append(line)
    return kept


def _is_companys(text: str) -> bool:
    known = footers()
    return bool(_CONTACT.search(text) or known.sure.search(text) or _holds(text, known.environment))


def _without_list_footer(lines: list[str]) -> list[str]:
    """What mailing list software adds below every mail: a rule, the list's name, its addresses."""
    for at in range(len(lines) - 1, max(-1, len(lines) - 12), -1):
        if _RULE.match(lines[at][:LINE_LIMIT]) and any(
            _LIST.search(line[:LINE_LIMIT]) for line in lines[at + 1 : at + 3]
        ):
            return lines[:at]
    return lines


def _without_disclaimers(lines: list[str]) -> list[str]:
    """A company's paragraphs at the end: two sure words of a disclaimer, or the plea for the forests."""
    kept = end = len(lines)
    while end:
        while end and not lines[end - 1].strip():
            end -= 1
        begin = end
        while begin and end - begin < _MOST_SIGNED and lines[begin - 1].strip():
            begin -= 1
        if not _is_disclaimer(lines[begin:end]):
            break
        kept = end = begin
    return lines[:kept]


def _is_disclaimer(paragraph: list[str]) -> bool:
    known = footers()
    text = " ".join(paragraph)[:_LONGEST_DISCLAIMER]
    if len(paragraph) <= _MOST_PLEADING and _holds(text[:LINE_LIMIT], known.environment):
        return True
    if len(text.split()) < _DISCLAIMER_WORDS or not _holds(text, known.also) or not known.sure.search(text):
        return False
    return known.persons.isdisjoint(word.lower() for word in _WORD.findall(text)) and not _OF_ME.search(text)


def _holds(text: str, pieces: tuple[str, ...]) -> bool:
    lowered = text.lower()
    return any(piece in lowered for piece in pieces)
