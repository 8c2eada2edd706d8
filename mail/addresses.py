"""Two readers of address fields: a strict one that identification may trust, a lenient one for showing.

`strict_from` reads the one From address, or says why it will not. Programs disagree about odd From fields: what one
takes for a name is the address to the other, and that is how a forger passes one name's check and shows another's
(THREATS 3). So the strict reader knows a small grammar only: a phrase and one `<addr-spec>`, or a bare `addr-spec`. Any
doubt is no address. Encoded words are left as they are: what they hold is never read as an address.

`address_list` reads To, Cc and Reply-To as people meet them, and an address from it never identifies anyone.
"""

import re
import unicodedata
from collections.abc import Sequence

from mail.charsets import clean_line, decode
from mail.fields import decode_words

NO_FROM = "NO_FROM"
TWO_FROM = "TWO_FROM"
SEVERAL_MAILBOXES = "SEVERAL_MAILBOXES"
CONTROL_CHARACTER = "CONTROL_CHARACTER"
UNQUOTED_AT = "UNQUOTED_AT"
ROUTE_OR_GROUP = "ROUTE_OR_GROUP"
COMMENT = "COMMENT"
BAD_ADDRESS = "BAD_ADDRESS"
BAD_DOMAIN = "BAD_DOMAIN"
TOO_LONG = "TOO_LONG"
HIDDEN_CHARACTER = "HIDDEN_CHARACTER"

MAX_FROM = 2000
MAX_ADDRESSES = 500

# RFC 5321, 4.5.3.1: 64 octets of local part, 255 of domain. RFC 6531 adds letters beyond ASCII.
_LOCAL = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\u00a1-\U0010ffff-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~\u00a1-\U0010ffff-]+)*"
)
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_ANGLED = re.compile(r"([^<>]*)<([^<>]*)>\s*")
_LOOSE = re.compile(r"[ \t]{0,20}([.@])[ \t]{0,20}(?=\S)")
_LENIENT = re.compile(
    r"""(?:"(?:[^"\\\r\n]|\\.){1,64}"|[^\s<>()\[\]@,;:"]{1,200})@(?:\[[^][\s<>]{1,255}\]|[^\s<>()@,;:"'\\]{1,255})"""
)


def strict_from(values: Sequence[str | bytes]) -> tuple[str, tuple[str, ...]]:
    """The one address of the From field, domain as lower-case A-labels, or "" and the reasons why not.

    `values` are the raw, undecoded values of every From field of the message, unfolded.
    """
    if len(values) != 1:
        return "", (TWO_FROM if values else NO_FROM,)
    text = _as_text(values[0])
    if text is None:
        return "", (BAD_ADDRESS,)
    spec, reason = "", _unreadable(text)
    if not reason:
        spec, reason = _specification(text.strip())
    return ("", (reason,)) if reason else _checked(spec)


def normalise_address(address: str) -> str:
    """The form in which addresses are compared: all in lower case, the domain as A-labels; nothing else is folded.

    Dots and subaddresses stay: whether `aino.e+x@` is `aino.e@` only its own provider knows (THREATS 26).
    """
    local, at, domain = unicodedata.normalize("NFC", address.strip()).rpartition("@")
    if not at:
        return address.strip().lower()
    return f"{local.lower()}@{a_label(domain) or domain.lower()}"


def a_label(domain: str) -> str:
    """The domain in lower case with its labels in ASCII (RFC 5890), or "" when it is not one. Asks no one."""
    name = domain.lower()
    if not name.isascii():
        try:
            encoded = name.encode("idna")
            # The codec maps full-width letters, sharp s and other look-alikes; what changes so is another name.
            if encoded.decode("idna") != name:
                return ""
        except UnicodeError:
            return ""
        name = encoded.decode("ascii").lower()
    labels = name.split(".")
    return name if len(name) <= 253 and all(_LABEL.fullmatch(label) for label in labels) else ""


def address_list(values: Sequence[str | bytes] | str | bytes) -> tuple[str, ...]:
    """The bare addresses of address fields, domains in lower case, in their order; at most `MAX_ADDRESSES`."""
    fields = (values,) if isinstance(values, str | bytes) else values
    found: list[str] = []
    for value in fields:
        text = decode(value)[0] if isinstance(value, bytes) else value
        for mailbox in _mailboxes(text):
            found.extend(_lenient(mailbox))
    return tuple(found[:MAX_ADDRESSES])


def _as_text(value: str | bytes) -> str | None:
    """Raw UTF-8 is allowed (RFC 6532). Other 8-bit text could be read in two ways: allowed in a name only.

    In no charset of mail that is ASCII below 128 does a letter hold an octet that is also a bracket, a comma, a colon
    or a quotation mark; in some it holds a backslash.
    """
    if isinstance(value, str):
        return value
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        name, bracket, rest = value.rpartition(b"<")
        if not bracket or not rest.isascii() or b"\\" in name:
            return None
        return f"{name.decode('latin-1')}<{rest.decode('ascii')}"


def _unreadable(text: str) -> str:
    if not text.strip() or len(text) > MAX_FROM:
        return TOO_LONG if text.strip() else NO_FROM
    for char in text:
        if char == "\t" or "\x20" <= char < "\x7f":
            continue
        category = unicodedata.category(char)
        if category in {"Cc", "Cs", "Zl", "Zp"}:
            return CONTROL_CHARACTER
        if category in {"Cf", "Co", "Cn"}:
            return HIDDEN_CHARACTER
    return ""


def _specification(text: str) -> tuple[str, str]:
    """The addr-spec of a field that holds one mailbox and nothing that could be taken for a second one."""
    outside = _QUOTED.sub("", text)
    if outside.count('"'):
        return "", BAD_ADDRESS
    if "(" in outside or ")" in outside:
        return _commented(text, outside)
    if "<" not in outside and ">" not in outside:
        if "," in outside or ";" in outside:
            return "", SEVERAL_MAILBOXES
        return (text, "") if '"' not in text else ("", BAD_ADDRESS)
    # The quoted phrase is set aside first, so a bracket inside it is only a character of a name.
    phrase = re.match(r'\s*((?:"(?:[^"\\]|\\.)*"|[^"<>])*)<([^<>]*)>\s*\Z', text)
    if phrase is None:
        return "", SEVERAL_MAILBOXES if outside.count("<") > 1 else BAD_ADDRESS
    inside = phrase[2].strip()
    reason = _doubt_about_phrase(_QUOTED.sub("", phrase[1]))
    if not reason and (inside.startswith("@") or ":" in inside or "," in inside):
        reason = ROUTE_OR_GROUP
    return ("", reason) if reason else (inside, "")


def _doubt_about_phrase(name: str) -> str:
    """Why the unquoted words before `<...>` could be taken for more than a name, or ""."""
    for signs, reason in (("@", UNQUOTED_AT), (",", SEVERAL_MAILBOXES), (":;", ROUTE_OR_GROUP), ('[]"\\', BAD_ADDRESS)):
        if any(sign in name for sign in signs):
            return reason
    return ""


def _commented(text: str, outside: str) -> tuple[str, str]:
    """Only `address (Name)`, the form of old programs, is read; any other comment is doubt."""
    match = re.fullmatch(r"\s*([^\s()<>\",;:]+)\s+\(([^()@<>\\]*)\)\s*", text)
    if match is None:
        # A parenthesis in the name before `<...>`, as in `Aino (koti) <a@b.test>`, hides no address.
        plain = re.fullmatch(r"([^()<>@,;:\"\\]*)\(([^()<>@,;:\"\\]*)\)([^()<>@,;:\"\\]*)<([^<>()]*)>\s*", outside)
        if plain is None or '"' in text or not plain[4].strip() or ":" in plain[4]:
            return "", COMMENT
        return plain[4].strip(), ""
    return match[1], ""


def _checked(spec: str) -> tuple[str, tuple[str, ...]]:
    local, at, domain = spec.rpartition("@")
    if not at or not _LOCAL.fullmatch(local) or "=?" in spec or len(local.encode()) > 64:
        return "", (BAD_ADDRESS,)
    if unicodedata.normalize("NFKC", local) != local:
        return "", (HIDDEN_CHARACTER,)
    name = a_label(domain)
    if not name or "." not in name:
        return "", (BAD_DOMAIN,)
    return f"{local}@{name}", ()


def _mailboxes(text: str) -> list[str]:
    """Cut at commas and semicolons outside quotation marks, brackets and comments; a group's name falls away."""
    pieces, start, quoted, depth, angle, escaped, literal = [], 0, False, 0, False, False, False
    for at, char in enumerate(text[: 64 * 1024]):
        if escaped:
            escaped = False
        elif char == "\\" and (quoted or depth):
            escaped = True
        elif char == '"' and not depth:
            quoted = not quoted
        elif quoted:
            continue
        elif char == "(":
            depth += 1
        elif char == ")":
            depth = max(0, depth - 1)
        elif depth:
            continue
        elif char in "<>":
            angle = char == "<"
        elif char in "[]":
            literal = char == "[" and text[at - 1 : at] == "@"
        elif (char in ",;" and not angle) or (char == ":" and not angle and not literal):
            pieces.append(text[start:at])
            start = at + 1
    pieces.append(text[start : 64 * 1024])
    if quoted or depth or angle:  # something never closed: every comma cuts
        return [piece for piece in re.split(r"[,;]", text[: 64 * 1024]) if piece.strip()]
    return [piece for piece in pieces if piece.strip()]


def _lenient(mailbox: str) -> list[str]:
    """The address of one mailbox; of a piece with neither brackets nor commas every address in it."""
    if "(" in mailbox:
        mailbox = _without_comments(mailbox)
    angled = list(_ANGLED.finditer(_QUOTED.sub(_masked, mailbox))) if "<" in mailbox else []
    if len(angled) > 1:  # a comma was forgotten
        return [address for one in angled for address in _lenient(mailbox[slice(*one.span())])]
    inner = mailbox[slice(*angled[0].span(2))] if angled else mailbox
    if angled and inner.startswith("@") and ":" in inner:
        inner = inner.rsplit(":", 1)[1]
    if "=?" in inner:
        inner = decode_words(inner)
    inner = _LOOSE.sub(r"\1", inner)  # RFC 5322, 4.4: old mail may have blanks around dots and the at sign
    inner = clean_line(inner).strip(" '\"") if not inner.strip().startswith('"') else clean_line(inner)
    found: list[str] = []
    for match in _LENIENT.finditer(inner):
        local, _, domain = match[0].rpartition("@")
        if domain.strip(".]"):
            found.append(f"{local}@{domain.rstrip('.').removesuffix(']' if '[' not in domain else '').lower()}")
    return found[:1] if angled else found


def _without_comments(text: str) -> str:
    out: list[str] = []
    depth, quoted, escaped = 0, False, False
    for char in text:
        if escaped:
            escaped = False
        elif char == "\\":
            escaped = True
        elif char == '"' and not depth:
            quoted = not quoted
        elif char in "()" and not quoted:
            depth = max(0, depth + (1 if char == "(" else -1))
            continue
        if not depth:
            out.append(char)
    return "".join(out)


def _masked(match: re.Match[str]) -> str:
    return "_" * len(match[0])
