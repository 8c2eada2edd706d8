"""What a company's mail program writes below every mail: "if this reached you by mistake, delete it".

It speaks of the mail and not of data, and the sender does not mean it, so it asks for nothing: read as a request, every
mail from a firm would begin a demand for erasure with a date in law. Only sentences that speak to a wrong recipient are
taken out, for the classification alone; staff see the whole text.
"""

import re

from bot.rules.clues import MAX_TEXT

_SENTENCE = re.compile(r"[^.!?\n]*(?:[.!?]+|\n|\Z)")
_TO_YOU = re.compile(r"\b(?:jos (?:sinä |te )?(?:olet|olette|et|ette)|om (?:du|ni)|if you|should you)\b", re.IGNORECASE)
_ASTRAY = re.compile(
    r"vahingossa|erehdyksessä|epähuomiossa|virheellisesti|ole\b.{0,40}\bvastaanottaja|"
    r"misstag|felaktigt|inte\b.{0,30}\bmottagare|"
    r"in error|by mistake|mistakenly|not\b.{0,30}\b(?:recipient|addressee)",
    re.IGNORECASE,
)
_OF_THE_MAIL = re.compile(
    r"\b(?:viest|sähköpost|liite|liitte|kopio(?!n)|meddelande|mejl|e-?post|bilag|kopior|message|e-?mail|attachment|copies|"
    r"sender|lähettäj|avsändar)",
    re.IGNORECASE,
)
_OF_ONESELF = re.compile(
    r"\b(?:minu[na]|minä|itseäni|tieto(?:ni|jani)|tietoni|mig|mina?|mitt|jag|my|me|i)\b|tietojani", re.IGNORECASE
)


def without_footer(text: str) -> str:
    """`text` without sentences to whoever got the mail by mistake, and without those after it that go on so."""
    if not (_TO_YOU.search(text[:MAX_TEXT]) and _ASTRAY.search(text[:MAX_TEXT])):
        return text
    kept: list[str] = []
    goes_on = False
    for match in _SENTENCE.finditer(text[:MAX_TEXT]):
        sentence = match[0]
        if not sentence.strip():
            kept.append(sentence)
            continue
        astray = _TO_YOU.search(sentence) is not None and _ASTRAY.search(sentence) is not None
        more = goes_on and _OF_THE_MAIL.search(sentence) is not None
        goes_on = (astray or more) and _OF_ONESELF.search(sentence) is None
        kept.append("\n" if goes_on else sentence)
    return "".join(kept) + text[MAX_TEXT:]
