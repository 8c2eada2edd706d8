"""The text of `Authentication-Results` (RFC 8601, 2.2) as methods, words and properties. Believes nothing yet.

Exchange Online writes no authserv-id and begins with the first result; such a field is read with an empty name.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from mail.charsets import decode

MAX_RESULTS = 100
# A quotation that nothing ends goes to the end of the field, or a run of them would be searched again and again.
_TOKEN = re.compile(r'"((?:[^"\\]|\\.)*)(?:"|\\?\Z)|([^\s;="()]+)|([;=])|(\()|\s+|.', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Result:
    """One `method=word` with its properties, for instance `spf=pass smtp.mailfrom=posti.test`."""

    method: str
    word: str
    properties: dict[str, str] = field(default_factory=dict)


def parse_results(value: bytes) -> tuple[str, list[Result]]:
    """The authserv-id in lower case and the results of one field; ("", []) when it is not well formed.

    A field that begins with a result has no name: ("", [...]).
    """
    groups: list[list[str]] = [[]]
    for piece in _tokens(decode(value)[0]):
        if piece == "\0;":
            groups.append([])
        else:
            groups[-1].append(piece)
    if not groups[0] or groups[0][0].startswith("\0"):
        return "", []
    if groups[0][1:2] == ["\0="]:
        return "", [result for group in groups[:MAX_RESULTS] if (result := _result(group))]
    results = [result for group in groups[1:MAX_RESULTS] if (result := _result(group))]
    return groups[0][0].lower(), results


def _tokens(text: str) -> Iterator[str]:
    """Words as they are; separators with a leading NUL, so that none can be forged by quoting.

    A quoted string is a part of the word that it touches: `"aino@posti.test"@muu.test` is one mailbox of `muu.test`.
    """
    at = 0
    word: list[str] = []
    while at < len(text) and (match := _TOKEN.match(text, at)):
        at = match.end()
        if match[1] is not None:
            word.append(re.sub(r"\\(.)", r"\1", match[1]).replace("\0", ""))
        elif match[2] is not None:
            word.append(match[2].replace("\0", ""))
        elif match[3] is None and match[4] is None and not match[0].isspace():
            word.append(match[0])
        else:
            if word:
                yield "".join(word)
                word = []
            if match[3] is not None:
                yield "\0" + match[3]
            elif match[4] is not None:
                at = _after_comment(text, match.start())
    if word:
        yield "".join(word)


def _after_comment(text: str, at: int) -> int:
    depth, escaped = 0, False
    for index in range(at, len(text)):
        char = text[index]
        if escaped:
            escaped = False
        elif char == "\\":
            escaped = True
        elif char == "(":
            depth += 1
        elif char == ")":
            depth -= 1
            if not depth:
                return index + 1
    return len(text)


def _result(group: list[str]) -> Result | None:
    if len(group) < 3 or group[1] != "\0=" or group[2].startswith("\0"):
        return None
    method = group[0].lower().split("/", 1)[0]
    properties: dict[str, str] = {}
    name = ""
    at = 3
    while at + 2 < len(group):
        if group[at + 1] == "\0=" and not group[at + 2].startswith("\0"):
            # A property given twice would let the reader choose, so it is no property.
            name = group[at].lower()
            properties[name] = "" if name in properties else group[at + 2].lower()
            at += 3
        else:
            if name:
                # A value that goes on after a blank is not known whole, and its end may be another domain.
                properties[name] = ""
            at += 1
    if name and at < len(group):
        properties[name] = ""
    return Result(method, group[2].lower(), properties)
