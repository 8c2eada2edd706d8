"""What staff do in the chat: press a card's button, ask for a list. Every press is judged anew (THREATS 12).

A press counts only in the staff's own chat, by the chat account of an active member, on the card itself and not a copy,
with a token that was not used before, and for the very draft that the card showed. Whether this member may approve this
version from a card is for `approval` to say. Whatever the end, the presser is told in a sentence, and a press that was
refused is in the audit trail.
"""

import logging
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, Protocol

from sqlmodel import Session

from bot.chat.allowed import NotAllowed, allowed, is_word
from bot.chat.cards import APPROVE, RETURN, list_line, token_hash, word
from bot.chat.voice import Unsaid, Voice
from bot.staff import CardFacts, Refused
from bot.words import say
from store import chat, events, staff
from store.chat import ShownCard
from store.database import Database
from store.models import StaffMember

log = logging.getLogger(__name__)

LIST_LINES: Final = 25
SOON_DAYS: Final = 7


class Released(Protocol):
    """What an approval gives back."""

    @property
    def release_at(self) -> datetime:
        """Until then it can be taken back; aware, UTC."""
        ...


class Approves(Protocol):
    """The door through which a draft becomes a reply: `bot.approval.Approvals`."""

    async def approve(self, staff_id: int, draft_id: int, sha256: str, via: Literal["desk", "chat"]) -> Released:
        """Let exactly this hash out, once. Raises `Refused`."""
        ...

    async def return_draft(self, staff_id: int, draft_id: int, sha256: str, note: str) -> None:
        """Send a draft back to be mended. Raises `Refused`."""
        ...


class Room(Protocol):
    """What a press needs of its room."""

    async def mend(self, card_id: int) -> None:
        """Bring one card up to date. Raises `Unsaid`."""
        ...

    async def waiting_cards(self) -> list[CardFacts]:
        """The cards that wait for a press, the earliest due first."""
        ...

    async def drafts_without_card(self) -> int:
        """How many drafts wait on the desk alone."""
        ...


@dataclass(frozen=True, slots=True)
class Press:
    """A callback query, as far as it could be read."""

    update_id: int
    query_id: str
    user_id: int
    chat_id: int
    message_id: int
    act: str
    token: str


@dataclass(frozen=True, slots=True)
class _Judged:
    """Why a press does not count, or an empty reason and whose it is on which card."""

    reason: str
    member: StaffMember | None = None
    card: ShownCard | None = None


class Presses:
    """Judges what comes from the staff's chat."""

    def __init__(
        self,
        *,
        database: Database,
        voice: Voice,
        approvals: Approves,
        language: str,
        clock: Callable[[], datetime],
        room: Room,
        new_token: Callable[[], str],
    ) -> None:
        self._database = database
        self._voice = voice
        self._approvals = approvals
        self._language = language
        self._clock = clock
        self._room = room
        self._new_token = new_token

    async def handle(self, update: Mapping[str, Any]) -> str:
        """Deal with one update; how it ended, as a word or two."""
        if isinstance(update.get("callback_query"), Mapping):
            return await self._press(read_press(update))
        return await self._command(update)

    async def _press(self, press: Press) -> str:
        judged = await self._judge(press)
        member, card = judged.member, judged.card
        if judged.reason or member is None or card is None or card.matter.draft_id is None:
            return await self._refuse(press, judged.reason, card)
        try:
            outcome, sentence = await self._act(press.act, member, card.matter.draft_id, card.matter.sha256)
        except Refused as refused:
            return await self._refuse(press, refused.key, card, refused.facts)
        await self._tell(press, sentence, card)
        await self._mend(card)
        return outcome

    async def _judge(self, press: Press) -> _Judged:
        """Whether the press counts; if it does, its token is spent, whatever comes of the press."""
        if press.chat_id != self._voice.chat_id:
            return _Judged("other_chat")
        member = await self._member(press.user_id)
        if member is None:
            return _Judged("unbound")
        hashed, fresh = token_hash(press.token), token_hash(self._new_token())
        card = await self._database.read(lambda session: chat.card_by_token(session, hashed))
        if card is None or press.act not in {APPROVE, RETURN}:
            await self._take_dead_buttons_away(press)
            return _Judged("used_card")
        reason = _mismatch(press, card)
        if not reason and not await self._database.write(lambda session: chat.use_card(session, hashed, fresh)):
            reason = "used_card"
        return _Judged(reason, member, card)

    async def _take_dead_buttons_away(self, press: Press) -> None:
        """A message that is no card of ours any more, say one whose sending nobody confirmed, loses its buttons."""
        is_card = await self._database.read(
            lambda session: chat.is_live_message(session, press.chat_id, press.message_id)
        )
        if not is_card:
            await self._voice.strip(press.message_id)

    async def _act(self, act: str, member: StaffMember, draft_id: int, sha256: str) -> tuple[str, str]:
        staff_id = member.id or 0
        if act == RETURN:
            await self._approvals.return_draft(staff_id, draft_id, sha256, "")
            return "returned", say("chat.returned", self._language)
        released = await self._approvals.approve(staff_id, draft_id, sha256, via="chat")
        minutes = math.ceil((released.release_at - self._clock()).total_seconds() / 60)
        if minutes <= 0:
            return "approved", say("chat.approved_now", self._language)
        return "approved", say("chat.approved", self._language, minutes=minutes)

    async def _member(self, user_id: int) -> StaffMember | None:
        return await self._database.read(lambda session: staff.member_by_telegram(session, user_id))

    async def _refuse(
        self, press: Press, key: str, card: ShownCard | None = None, facts: Mapping[str, object] | None = None
    ) -> str:
        ticket_id = card.matter.ticket_id if card else None
        await self._record(press.update_id, key, ticket_id)
        await self._tell(press, self._sentence(key, facts or {}), card)
        if card is not None:
            await self._mend(card)
        return f"refused:{key}"

    async def _record(self, update_id: int, key: str, ticket_id: int | None) -> None:
        now = self._clock()
        data = {"reason": key, "update": update_id}

        def work(session: Session) -> None:
            events.append(
                session, at=now, actor="channel:telegram", kind="chat_act_refused", ticket_id=ticket_id, data=data
            )

        await self._database.write(work)

    def _sentence(self, key: str, facts: Mapping[str, object]) -> str:
        """Why not, in our own words: of `facts` only versions and a state may be said here, never a name."""
        own = f"refused_{key}"
        if is_word(own):
            return say(f"chat.{own}", self._language)
        said = dict(facts)
        if "state" in said:
            said["state"] = word("state", str(said["state"]), self._language)
        try:
            return allowed(say(f"refusal.{key}", self._language, **said), self._language)
        except (KeyError, NotAllowed):
            return say("chat.refused", self._language)

    async def _tell(self, press: Press, sentence: str, card: ShownCard | None) -> None:
        """Answer the press; when the network has forgotten it, say it in the chat, lest anybody believe otherwise."""
        if await self._voice.answer(press.query_id, sentence) or press.chat_id != self._voice.chat_id:
            return
        late = (
            say("chat.late_answer", self._language, number=card.number)
            if card
            else say("chat.late_refusal", self._language)
        )
        try:
            await self._voice.send(f"{late}\n{sentence}")
        except Unsaid:
            log.warning("a press stays unanswered", extra={"update_id": press.update_id})

    async def _mend(self, card: ShownCard) -> None:
        try:
            await self._room.mend(card.id)
        except Unsaid:
            log.warning("a card is behind", extra={"card": card.id})

    async def _command(self, update: Mapping[str, Any]) -> str:
        message = _mapping(update.get("message"))
        text = message.get("text")
        if not isinstance(text, str) or not text.startswith("/"):
            return "ignored:talk"
        if _number(_mapping(message.get("chat")).get("id")) != self._voice.chat_id:
            return "ignored:other_chat"
        command = text.split()[0].partition("@")[0]
        if command not in {"/list", "/due", "/help", "/start"}:
            return "ignored:unknown_command"
        if await self._member(_number(_mapping(message.get("from")).get("id"))) is None:
            await self._record(_number(update.get("update_id")), "unbound", None)
            return "refused:unbound"
        try:
            await self._voice.send(await self._reply(command))
        except Unsaid:
            return "unsaid"
        return command.removeprefix("/")

    async def _reply(self, command: str) -> str:
        if command not in {"/list", "/due"}:
            return say("chat.help", self._language)
        cards = await self._room.waiting_cards()
        head = "chat.list_head"
        if command == "/due":
            head = "chat.due_head"
            cards = [card for card in cards if card.days_left is not None and card.days_left <= SOON_DAYS]
        lines = [say(head, self._language, count=len(cards))]
        lines += [list_line(card, self._language) for card in cards[:LIST_LINES]]
        more = len(cards[LIST_LINES:]) + await self._room.drafts_without_card()
        if more:
            lines.append(say("chat.list_more", self._language, count=more))
        return "\n".join(lines)


def read_press(update: Mapping[str, Any]) -> Press:
    """A callback query as the network tells it; what is missing or odd becomes 0 or empty, which matches nothing."""
    query = _mapping(update.get("callback_query"))
    message = _mapping(query.get("message"))
    data = query.get("data")
    act, _, token = data.partition(":") if isinstance(data, str) else ("", "", "")
    query_id = query.get("id")
    return Press(
        update_id=_number(update.get("update_id")),
        query_id=query_id if isinstance(query_id, str) else "",
        user_id=_number(_mapping(query.get("from")).get("id")),
        chat_id=_number(_mapping(message.get("chat")).get("id")),
        message_id=_number(message.get("message_id")),
        act=act,
        token=token,
    )


def _mismatch(press: Press, card: ShownCard) -> str:
    """Why the press is not of this card as it stands; empty when it is."""
    if card.chat_message_id != press.message_id:
        return "other_card"
    shows_this_draft = card.matter.draft_id is not None and card.shown.endswith(f":{card.matter.sha256}")
    return "" if shows_this_draft else "changed"


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _number(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
