"""What a card says and which buttons it has: a pure function of `CardFacts`, which hold nothing personal (INV-6).

A value that is not in our lists is shown as "other", never as itself. A card's number is random, so it tells neither
how many tickets there are nor which one it stands for.
"""

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Final

from bot.chat.allowed import is_word
from bot.staff import NEUTRAL_FLAGS, CardFacts
from bot.words import say

ALPHABET: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""Letters and digits that nobody mistakes for one another when read aloud."""
APPROVE: Final = "a"
RETURN: Final = "r"


@dataclass(frozen=True, slots=True)
class Button:
    """A button with either an address or callback data (at most 64 bytes: Bot API, `InlineKeyboardButton`)."""

    text: str
    url: str = ""
    data: str = ""


def card_number(choose: Callable[[str], str] = secrets.choice) -> str:
    """A new number, such as `K-7F3QX`."""
    return "K-" + "".join(choose(ALPHABET) for _ in range(5))


def token_hash(token: str) -> str:
    """What is kept of a button's token."""
    return hashlib.sha256(token.encode()).hexdigest()


def card_text(facts: CardFacts, language: str) -> str:
    """The card in plain text, one fact a line."""
    title = "chat.urgent_title" if facts.urgent else "chat.card_title"
    lines = [
        say(title, language, number=facts.number, kinds=_words("kind", facts.kinds, language)),
        say("chat.card_state", language, state=word("state", facts.state, language)),
        due_line(facts, language),
        say(
            "chat.card_way",
            language,
            channel=word("channel", facts.channel, language),
            language=word("language", facts.language, language),
        ),
        say("chat.card_level", language, level=word("level", facts.level, language)),
    ]
    flags = tuple(flag.lower() for flag in facts.flags if flag in NEUTRAL_FLAGS)
    if flags:
        lines.append(say("chat.card_flags", language, flags=_words("flag", flags, language)))
    return "\n".join(lines)


def list_line(facts: CardFacts, language: str) -> str:
    """One card in a list."""
    kinds = _words("kind", facts.kinds, language)
    if facts.due_on is None:
        return say("chat.list_line_no_date", language, number=facts.number, kinds=kinds)
    return say("chat.list_line", language, number=facts.number, kinds=kinds, date=day(facts.due_on, language))


def due_line(facts: CardFacts, language: str) -> str:
    """When the answer is due, and how far off that is."""
    if facts.due_on is None or facts.days_left is None:
        return say("chat.no_due", language)
    when = day(facts.due_on, language)
    if facts.days_left == 0:
        return say("chat.due_today", language, date=when)
    key = "chat.due_later" if facts.days_left > 0 else "chat.overdue"
    return say(key, language, date=when, days=abs(facts.days_left))


def buttons(language: str, *, open_url: str, token: str = "") -> tuple[Button, ...]:
    """*Open*, and with a token *Approve* and *Return*."""
    acts = (
        Button(say("chat.button_approve", language), data=f"{APPROVE}:{token}"),
        Button(say("chat.button_return", language), data=f"{RETURN}:{token}"),
    )
    return (Button(say("chat.button_open", language), url=open_url), *(acts if token else ()))


def word(name: str, value: str, language: str) -> str:
    """The word for one value of a list; the word for "other" when the list lacks it."""
    key = f"{name}_{value}"
    return say(f"chat.{key}" if is_word(key) else "chat.unknown", language)


def day(when: date, language: str) -> str:
    """A date as it is written in `language`."""
    return f"{when.day}.{when.month}.{when.year:04}" if language == "fi" else when.isoformat()


def _words(name: str, values: tuple[str, ...], language: str) -> str:
    return ", ".join(dict.fromkeys(word(name, value, language) for value in values)) or say("chat.unknown", language)
