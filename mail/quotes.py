"""What the writer newly wrote: the text without what it quotes and without its signature.

Losing the writer's own words is the worst error, so each cut needs a sure sign, and doubt keeps the text. Lines that
begin with `>` go, wherever they stand, with the attribution line above them; what is written between them stays. Below
a header block of Outlook or an `Original message` line all goes, unless the writer says that answers stand below.
A signature goes below the `-- ` line of RFC 3676 (4.3), and a mobile program's own line at the end.

Every pattern looks at one line, or at a few joined ones of bounded length, so the time is linear in the text.
"""

import re

from mail import hypertext

_LINE_LIMIT = 500

# "On ... wrote:" in the languages of our correspondents. A date or an address must stand in the line as well.
_WROTE = re.compile(
    r"\b(?:kirjoitti|skrev|wrote|writes|schrieb|skreiv|schreef|escribió|a écrit|ha scritto|escreveu|napisał\(?a?\)?|"
    r"kirjutas|rašė|rakstīja|написал\(?а?\)?|пишет|написав|napsal\(?a?\)?|írta|a scris|yazdı|hat geschrieben|"
    r"geschrieben|"
    r"kirjoittaa|skriver|skrifaði|pisze|sent|lähetti|écrit)\b[^\n]{0,120}?:?\s*$",
    re.I,
)
_STARTS = re.compile(
    r"^\s*(?:on|den|am|le|il|el|em|op|w dniu|dne|at|ti|ma|ke|to|pe|la|su|mån|tis|ons|tors|fre|lör|sön|tor|fre|lør|søn|"
    r"man|tir|kl|vào|în)\b",
    re.I,
)
_DATED = re.compile(
    r"\d{1,4}[./-]\s?\d{1,2}[./-]\s?\d{2,4}|\b(?:19|20)\d\d\b|\b\d{1,2}[:.]\d{2}\b|\d{1,2}\.\s?\d{1,2}\.|[年月]", re.I
)
_ADDRESSED = re.compile(r"<[^<>@\s]{1,64}@[^<>@\s]{1,255}>|\[mailto:|[\w.+-]{1,64}@[\w.-]{1,255}")
_GMAIL_SHORT = re.compile(
    r"^\s*\d{4}-\d\d-\d\d \d{1,2}:\d\d [^\n]{0,40}<[^<>\s]{3,200}>:?\s*$|"
    r"^\s*\d{4}-\d\d-\d\d \d{1,2}:\d\d GMT[^\n]{0,80}:\s*$|^\s*\d{4}年\d{1,2}月[^\n]{0,100}:\s*$"
)

_VERBLESS = re.compile(
    r"\b\d{4}[^\n<]{0,40}\d{1,2}:\d\d[^\n<]{0,80}<[^<>@\s]{1,64}@[^<>@\s]{1,255}>"
    r"(?:\s?:|[^\n:：]{0,20}(?:작성|写道|寫道|書きました)\s?[:：])\s*$"
)
_CLOCK = re.compile(r"\d{1,2}[:.h]\d\d")

_DIVIDER = re.compile(
    r"^\s*[-_=*]{2,}\s*(?:alkuperäinen viesti|alkuperäinen sähköpostiviesti|välitetty viesti|edelleenlähetetty viesti|"
    r"ursprungligt meddelande|ursprungligt e-postmeddelande|vidarebefordrat meddelande|original message|"
    r"original appointment|"
    r"forwarded message|ursprüngliche nachricht|originalnachricht|weitergeleitete nachricht|opprinnelig melding|"
    r"original melding|videresendt melding|oprindelig meddelelse|original meddelelse|videresendt meddelelse|"
    r"message d'origine|"
    r"message transféré|mensaje original|messaggio originale|messaggio inoltrato|oorspronkelijk bericht|"
    r"wiadomość oryginalna|algne kiri|edastatud kiri|reply message|reply above this line|"
    r"исходное сообщение)\s*[-_=*]*\s*$",
    re.I,
)
_REPLY_ABOVE = re.compile(
    r"^\W{0,8}(?:reply above this line|please type your reply above this line|vastaa tämän rivin yläpuolelle|"
    r"svara ovanför den(?:na|här) rad(?:en)?|please reply above this line)\b",
    re.I,
)
_RULE = re.compile(r"^\s*_{20,}\s*$|^\s*-{20,}\s*$")
_LIST_NAME = re.compile(r"mailing list|postituslista|e-postlista|sähköpostilista|mailingliste|liste de diffusion", re.I)
_FROM_FIELD = re.compile(
    r"^[\s*>|]*(?:lähettäjä|från|from|von|fra|van|de|da|od|saatja|от|no|frá|kimden|feladó)\s?\*?\s?:\*?\s*\S", re.I
)
_OTHER_FIELD = re.compile(
    r"^[\s*>|]*(?:lähetetty|päivämäärä|päiväys|vastaanottaja|kopio|aihe|skickat|datum|till|kopia|ämne|sent|date|to|cc|"
    r"subject|gesendet|an|betreff|sendt|dato|til|emne|kopi|verzonden|aan|onderwerp|envoyé|à|objet|enviado|para|asunto|"
    r"inviato|a|oggetto|wysłano|do|temat|saadetud|kuupäev|kellele|teema|importance|prioriteetti|reply-to|"
    r"отправлено|кому|тема|дата|enviada|assunto)\s?\*?\s?:\*?(?:\s|$)",
    re.I,
)
_BELOW = re.compile(
    r"\b(?:vastau\w*\s+(?:alla|alle|alempana)|(?:alla|alempana)\s+(?:vastau\w*|kommen\w*)|kommen\w*\s+(?:alla|alempana)|"
    r"ks\.?\s+alla|katso\s+alla|(?:svar\w*|kommentar\w*)\s+(?:nedan|inline)|se\s+nedan|nedanför|"
    r"(?:see|answers?|comments?|replies|reply)\s+(?:\w+\s+){0,2}(?:below|inline|in ?line)|inline|punaisella|"
    r"i rött|in red|"
    r"siehe unten|se nedenfor|nederfor|tekstin (?:seassa|joukossa|sekaan))\b",
    re.I,
)
_SIGNATURE = re.compile(r"^(?:-- |--|—|__)\s*$")
_MOBILE = re.compile(
    r"^\s*(?:(?:lähetetty|lähetin tämän|hanki|skickat|skickades|hämta|sent|get|gesendet|von meinem|sendt|skaffa|"
    r"envoyé|enviado|inviato|verzonden|saadetud)\b[^\n.]{0,40}\b(?:iphone\w*|ipad\w*|android\w*|samsung\w*|galaxy\w*|nokia\w*|"
    r"huawei\w*|oneplus\w*|honor\w*|xiaomi\w*|outlook\w*|mobiili\w*|mobil\w*|puhelime\w*|"
    r"mobile|phone|device|smartphone|tablet\w*|blackberry\w*|windows|mail|sähköposti\w*|yahoo\w*|gmail|proton\w*|mailbox)"
    r"\b[^\n]{0,80}|von meinem \w+ gesendet|outlook för (?:ios|android)[^\n]{0,60}|"
    r"sent via [^\n]{1,40}|lähetetty laitteesta [^\n]{1,40})\s*$",
    re.I,
)
_NOT_A_DEVICE = re.compile(r"\b(?:is|on|my desk|mutta|but|men|and|ja|och)\b.*\b(?:is|on|easier|better)\b", re.I)


def new_text(text: str, html: str | None = None) -> str:
    """What the writer wrote anew in `text`; all of it when that cannot be told. `html` is the same mail's HTML, if any.

    The HTML is a second opinion: where the plain text lost the marks of quotation, the HTML may still have them.
    """
    plain = _new_lines(text)
    if html:
        rich = _new_lines(hypertext.text_of(html))
        if rich and 0 < len(rich.split()) < len(plain.split()) and _same_words(rich, plain):
            return _kept_part(plain, rich)
    return plain


def _same_words(shorter: str, longer: str) -> bool:
    return set(shorter.split()) <= set(longer.split())


def _kept_part(plain: str, rich: str) -> str:
    beginning = rich.split()[:3]
    return rich if plain.split()[: len(beginning)] == beginning else plain


def _new_lines(text: str) -> str:
    lines = text.split("\n")
    end = _end_of_own(lines)
    kept = _without_quoted(_without_list_footer(lines[:end]))
    kept = _without_signature(kept)
    answer = "\n".join(kept).strip()
    return answer or text.strip()


def _end_of_own(lines: list[str]) -> int:
    """The line at which another's mail begins, quoted whole; the number of lines when there is none."""
    first = next((at for at, line in enumerate(lines) if line.strip()), len(lines))
    for at, line in enumerate(lines):
        if len(line) > _LINE_LIMIT or not line.strip() or not (start := _starts_another(lines, at, first)):
            continue
        above = "\n".join(part[:_LINE_LIMIT] for part in lines[max(0, at - 60) : at])
        if not above.strip() or _BELOW.search(above):
            return len(lines)
        return at + 1 - start
    return len(lines)


def _starts_another(lines: list[str], at: int, first: int) -> int:
    """How many lines back, plus one, the quoted mail begins when line `at` proves it; else 0."""
    line = lines[at]
    if _DIVIDER.match(line) or (_REPLY_ABOVE.match(line) and at > 0):
        return 1
    if _FROM_FIELD.match(line) and not line.lstrip().startswith(">"):
        following = [part for part in lines[at + 1 : at + 10] if part.strip()][:5]
        fields = sum(1 for part in following if _OTHER_FIELD.match(part[:_LINE_LIMIT]))
        if fields >= 2:
            above = at - 1
            while above >= 0 and not lines[above].strip():
                above -= 1
            return at - above + 1 if above >= 0 and _RULE.match(lines[above]) else 1
        return 0
    if not _is_attribution(lines, at) or _quoted_follows(lines, at):
        return 0
    # An attribution at the very top with no quotation marks below it: the answer may stand at the end, so all stays.
    start = _attribution_start(lines, at)
    return at - start + 1 if start > first else 0


def _is_attribution(lines: list[str], at: int) -> bool:
    """Whether line `at` (alone, or as the last of up to three) says who wrote what follows, and when."""
    line = lines[at]
    if not line.strip() or len(line) > _LINE_LIMIT:
        return False
    if _GMAIL_SHORT.match(line):
        return True
    if not line.rstrip().endswith((":", "：")):
        return False
    if _VERBLESS.search(line) or (_quoted_follows(lines, at) and _names_writer_and_time(line)):
        return True
    if not _WROTE.search(line):
        return False
    joined = " ".join(part[:_LINE_LIMIT] for part in lines[_attribution_start(lines, at) : at + 1])
    return bool(_DATED.search(joined) or (_ADDRESSED.search(joined) and len(joined) < 250)) and len(joined) < 400


def _names_writer_and_time(line: str) -> bool:
    """In whatever language: what stands right above marked lines, with date and time or address, introduces them."""
    return bool(_DATED.search(line) and (_ADDRESSED.search(line) or _CLOCK.search(line)))


def _attribution_start(lines: list[str], at: int) -> int:
    """An attribution may be wrapped: it begins where its first word is, at most three lines up."""
    if _STARTS.match(lines[at]) or (_DATED.search(lines[at]) and _WROTE.search(lines[at])):
        return at
    for back in range(at - 1, max(-1, at - 4), -1):
        if not lines[back].strip() or lines[back].lstrip().startswith(">"):
            return at
        if _STARTS.match(lines[back]) and _DATED.search(lines[back][:_LINE_LIMIT]):
            return back
    return at


def _next_text(lines: list[str], at: int) -> str:
    for line in lines[at + 1 : at + 6]:
        if line.strip():
            return line
    return ""


def _quoted_follows(lines: list[str], at: int) -> bool:
    return _next_text(lines, at).lstrip().startswith((">", "|"))


def _without_quoted(lines: list[str]) -> list[str]:
    kept: list[str] = []
    at = 0
    while at < len(lines):
        line = lines[at]
        if line.lstrip(" \t").startswith((">", "&gt;")):
            at += 1
            continue
        if _quoted_follows(lines, at) and _is_attribution(lines, at):
            del kept[len(kept) - min(len(kept), at - _attribution_start(lines, at)) :]
            at += 1
            continue
        kept.append(line)
        at += 1
    return kept


def _without_list_footer(lines: list[str]) -> list[str]:
    """What mailing list software adds below every mail: a rule, the list's name, its addresses."""
    for at in range(len(lines) - 1, max(-1, len(lines) - 12), -1):
        if _RULE.match(lines[at]) and any(_LIST_NAME.search(line[:_LINE_LIMIT]) for line in lines[at + 1 : at + 3]):
            return lines[:at] if any(line.strip() for line in lines[:at]) else lines
    return lines


def _without_signature(lines: list[str]) -> list[str]:
    """Below the last `-- ` line, when little stands there, and a mobile program's line at the end."""
    for at in range(len(lines) - 1, -1, -1):
        if _SIGNATURE.match(lines[at]) and len(lines[at]) <= 4:
            below = [line for line in lines[at + 1 :] if line.strip()]
            standard = lines[at].startswith("--")
            if any(line.strip() for line in lines[:at]) and len(below) <= (25 if standard else 8):
                lines = lines[:at]
            break
    end = len(lines)
    while end and not lines[end - 1].strip():
        end -= 1
    lines = lines[:end]
    if lines and len(lines[-1]) < 160 and _MOBILE.match(lines[-1]) and not _NOT_A_DEVICE.search(lines[-1]):
        rest = lines[:-1]
        return rest if any(line.strip() for line in rest) else lines
    return lines
