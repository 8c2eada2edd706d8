"""A mere thank-you: kept with its ticket, which stays ended. All else opens an ended ticket again.

Only a short text counts in which every word is one of thanks, politeness or parting, in Finnish, Swedish or English, or
is a name: the writer's own, or one that stands after the parting word. What is thanked for must stand where thanks put
it ("tack för svaret"), because *kiitos* and *tack* also mean *please* ("svar, tack!"). One word more, a figure or a
question mark, and a person looks at it: to open a ticket once too often costs a glance, once too rarely an answer.
"""

import re
from typing import Final

from mail.message import InboundMessage

LONGEST: Final = 400
"""Characters of a text that may be no more than thanks."""
NAMES_AT_MOST: Final = 4
"""Words of a signature after the parting word."""

_THANKS: Final = frozenset(
    re.findall(r"\w+", "kiitos kiitokset kiitoksia kiitän kiitämme tack tackar thanks thank thx")
)
_POLITE: Final = frozenset(
    re.findall(
        r"\w+",
        """
        hei moi ja hyvä hyvää paljon kovasti tosi oikein erittäin todella vastauksesta vastauksestanne vastauksestasi
        avusta avustanne avustasi tiedosta tiedoista viestistä viestistänne nopeasta pikaisesta ystävällisestä
        selvityksestä palvelusta ok okei selvä hienoa mukavaa päivää päivänjatkoa viikonloppua jatkoa kunnioittaen
        hej hejsan så mycket trevlig dag helg fint bra och vänliga vänligen med ystävällisin
        hi hello dear you very much so many a lot and great kind best with yours
        """,
    )
)
_PARTING: Final = frozenset(
    re.findall(r"\w+", "terveisin terveiset t yst terv hälsningar hälsning mvh regards sincerely")
)
_THANKED_FOR: Final = re.compile(
    r"\b(?:för|for)(?: (?:your|the|all|very|quick|fast|prompt|kind|din|ditt|er|ert|det|den|snabba|fina)){0,3}"
    r" (?:svar|svaret|hjälp|hjälpen|informationen|reply|answer|help|information|response)\b",
    re.IGNORECASE,
)
_WORD: Final = re.compile(r"[^\W\d_]+(?:[-'’][^\W\d_]+)*")
_ASKS: Final = re.compile(r"[?\d@%€/]")


def is_mere_thanks(message: InboundMessage, written: str) -> bool:
    """Whether `written`, the newly written text with a subject that is not a mere `Re:`, thanks and does no more."""
    if message.attachments or len(written) > LONGEST or _ASKS.search(written):
        return False
    words = _WORD.findall(_THANKED_FOR.sub(" ", written))
    last = max((place for place, word in enumerate(words) if word.lower() in _PARTING), default=len(words))
    own_name = {word.lower() for word in _WORD.findall(message.from_text)[:NAMES_AT_MOST]}
    signature = [word for word in words[last + 1 :] if word.lower() not in own_name]
    if len(signature) > NAMES_AT_MOST or not all(word[0].isupper() for word in signature):
        return False
    body = {word.lower() for word in words[:last]} - own_name
    return bool(body & _THANKS) and body <= _THANKS | _POLITE | _PARTING
