"""A stand-in of Telegram's HTTP Bot API: real HTTP on loopback, as strict as the original, and a ledger of all it got.

    with Telegram() as telegram:
        telegram.base_url, telegram.token        for the program under test
        telegram.message_from(1001, "Hei")       somebody writes to the bot
        telegram.press(message_id, "Hyväksy", 7) somebody presses a button of a message that the bot sent
        telegram.fault("sendMessage", error(429, retry_after=1), hang_up(taken=True))

It refuses what Telegram refuses: a wrong token (401), a text of more than 4,096 characters, callback data of more than
64 bytes, a chat it does not know, an edit that changes nothing (400), a chat that threw the bot out (403), a second
consumer of the updates (409). An update is given again and again until a call names a higher offset.
"""

import json
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

Json = dict[str, Any]
BOT_ID = 990001


class ApiError(Exception):
    """An answer `ok: false`, as the Bot API words it."""

    def __init__(self, status: int, description: str, **parameters: int) -> None:
        super().__init__(description)
        self.status = status
        self.body: Json = {"ok": False, "error_code": status, "description": description}
        if parameters:
            self.body["parameters"] = parameters


@dataclass(frozen=True)
class Fault:
    """One scripted trouble; `taken` says that the server did what was asked before it failed to say so."""

    status: int = 0
    """HTTP status to answer; 0 ends the connection without an answer."""
    body: bytes = b""
    taken: bool = False
    seconds: float = 0.0
    """How long nothing is answered first."""


def error(status: int, description: str = "scripted", *, taken: bool = False, **parameters: int) -> Fault:
    """An answer with an error of the Bot API, say `error(429, retry_after=3)`."""
    return Fault(status, json.dumps(ApiError(status, description, **parameters).body).encode(), taken)


def hang_up(*, taken: bool) -> Fault:
    """The connection ends without an answer."""
    return Fault(taken=taken)


def torn(*, taken: bool) -> Fault:
    """The answer is JSON that ends in the middle."""
    return Fault(200, b'{"ok":true,"result":{"message_id":', taken)


def gateway(status: int = 502, *, taken: bool) -> Fault:
    """The answer is a page of a proxy, not JSON."""
    return Fault(status, b"<html><body>Bad Gateway</body></html>", taken)


@dataclass(frozen=True)
class Call:
    """One request as it came."""

    method: str
    arguments: Json
    raw: bytes


@dataclass
class SentMessage:
    """A message of the bot as its readers see it now."""

    message_id: int
    chat_id: int
    text: str
    keyboard: list[list[Json]] = field(default_factory=list)
    history: list[str] = field(default_factory=list)
    """Every text that it ever showed."""

    @property
    def buttons(self) -> dict[str, Json]:
        """Buttons by their words."""
        return {button["text"]: button for row in self.keyboard for button in row}


class Telegram:
    """The server. Its methods may be called from any thread."""

    def __init__(self) -> None:
        self.token = f"{BOT_ID}:a-token-of-the-stand-in"
        self.calls: list[Call] = []
        self.messages: dict[int, SentMessage] = {}
        self.answers: dict[str, str] = {}
        """What each press was answered, by the id of its callback query."""
        self.chats: dict[int, str] = {}
        """Type by id: `private`, `group`, `supergroup`."""
        self.thrown_out: set[int] = set()
        self.migrated: dict[int, int] = {}
        self._updates: dict[int, Json] = {}
        self._queries: set[str] = set()
        self._faults: dict[str, deque[Fault]] = defaultdict(deque)
        self._next = {"update": 700_001, "message": 5_001, "query": 1}
        self._poll = 0
        self._deeds: dict[str, Callable[[Json], Any]] = {
            "getMe": self._get_me,
            "getUpdates": self._get_updates,
            "sendMessage": self._send,
            "editMessageText": self._edit_text,
            "editMessageReplyMarkup": self._edit_keyboard,
            "answerCallbackQuery": self._answer_press,
        }
        self._changed = threading.Condition(threading.RLock())
        self._stopping = False
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> "Telegram":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        self._server.shutdown()
        self._thread.join()
        self._server.close_all()

    @property
    def base_url(self) -> str:
        """What the program is given for `https://api.telegram.org/bot`."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/bot"

    # What people do

    def message_from(self, user_id: int, text: str = "", chat_id: int | None = None, **content: Any) -> int:
        """Somebody writes, in private or to `chat_id`; the number of the update. `content` adds or replaces fields."""
        with self._changed:
            chat = chat_id if chat_id is not None else user_id
            if chat == user_id:
                self.chats.setdefault(chat, "private")
            message = {
                "message_id": self._number("message"),
                "date": int(time.time()),
                "chat": {"id": chat, "type": self.chats.get(chat, "group")},
                "from": person(user_id),
                **({"text": text} if text else {}),
                **content,
            }
            return self.update(message=message)

    def press(self, message_id: int, button: str, user_id: int, chat_id: int | None = None) -> str:
        """Somebody presses a button of the message as it is shown now; the id of the callback query."""
        with self._changed:
            data = self.messages[message_id].buttons[button]["callback_data"]
            return self.press_data(message_id, data, user_id, chat_id)

    def press_data(self, message_id: int, data: str, user_id: int, chat_id: int | None = None) -> str:
        """A press with any data: of an old client, a copy of the card, or a forger."""
        with self._changed:
            query = str(self._number("query"))
            self._queries.add(query)
            chat = chat_id if chat_id is not None else self.messages[message_id].chat_id
            message = {"message_id": message_id, "date": int(time.time()), "chat": {"id": chat, "type": "group"}}
            self.update(
                callback_query={
                    "id": query,
                    "from": person(user_id),
                    "message": message,
                    "chat_instance": "1",
                    "data": data,
                }
            )
            return query

    def update(self, number: int | None = None, **content: Any) -> int:
        """Put any update in line, under the next number or a number of your choice."""
        with self._changed:
            number = self._number("update") if number is None else number
            self._updates[number] = {"update_id": number, **content}
            self._changed.notify_all()
            return number

    def too_old(self, query: str) -> None:
        """The window in which a press can be answered has passed."""
        with self._changed:
            self._queries.discard(query)

    def fault(self, method: str, *faults: Fault) -> None:
        """The next calls of `method` meet these troubles, one each."""
        with self._changed:
            self._faults[method].extend(faults)

    # What a test asks

    @property
    def unconfirmed(self) -> list[int]:
        """Numbers of the updates that the program has not confirmed."""
        with self._changed:
            return sorted(self._updates)

    def called(self, method: str) -> list[Call]:
        """All calls of one method so far."""
        with self._changed:
            return [call for call in self.calls if call.method == method]

    def in_chat(self, chat_id: int) -> list[SentMessage]:
        """The bot's messages in one chat, oldest first."""
        with self._changed:
            return [message for message in self.messages.values() if message.chat_id == chat_id]

    def everything(self) -> str:
        """All that the network ever received, decoded, for a search."""
        with self._changed:
            asked = [json.dumps([call.method, call.arguments], ensure_ascii=False) for call in self.calls]
            return "\n".join(asked + [call.raw.decode("utf-8", "replace") for call in self.calls])

    # What the program asks

    def answer(self, method: str, arguments: Json, raw: bytes) -> tuple[Fault | None, Json | None]:
        """Do one call: the trouble it meets, if any, and the result, if it was done."""
        with self._changed:
            self.calls.append(Call(method, arguments, raw))
            trouble = self._faults[method].popleft() if self._faults[method] else None
            self._changed.notify_all()
            if trouble is not None and not trouble.taken:
                return trouble, None
            if method not in self._deeds:
                raise ApiError(404, "Not Found")
            return trouble, {"ok": True, "result": self._deeds[method](arguments)}

    def _get_me(self, _arguments: Json) -> Json:
        return {"id": BOT_ID, "is_bot": True, "first_name": "Kirjaamo", "username": "kirjaamo_test_bot"}

    def _get_updates(self, arguments: Json) -> list[Json]:
        offset, limit = int(arguments.get("offset", 0)), int(arguments.get("limit", 100))
        if offset < 0 or not 1 <= limit <= 100:
            raise ApiError(400, "Bad Request: the stand-in knows neither negative offsets nor such a limit")
        self._poll += 1
        mine = self._poll
        self._changed.notify_all()
        for number in [number for number in self._updates if number < offset]:
            del self._updates[number]
        wanted = set(arguments.get("allowed_updates") or ())
        until = time.monotonic() + float(arguments.get("timeout", 0))
        while True:
            if mine != self._poll:
                text = (
                    "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"
                )
                raise ApiError(409, text)
            found = [self._updates[number] for number in self._updates if self._is_wanted(number, wanted)]
            left = until - time.monotonic()
            if found or left <= 0 or self._stopping:
                return found[:limit]
            self._changed.wait(left)

    def _is_wanted(self, number: int, wanted: Iterable[str]) -> bool:
        return not wanted or bool(self._updates[number].keys() & set(wanted))

    def _send(self, arguments: Json) -> Json:
        chat = self._chat(arguments)
        keyboard = self._keyboard(arguments)
        sent = SentMessage(self._number("message"), chat, _text(arguments), keyboard)
        sent.history.append(sent.text)
        self.messages[sent.message_id] = sent
        return self._shown(sent)

    def _edit_text(self, arguments: Json) -> Json:
        return self._edit(arguments, _text(arguments))

    def _edit_keyboard(self, arguments: Json) -> Json:
        return self._edit(arguments, None)

    def _answer_press(self, arguments: Json) -> bool:
        query, text = str(arguments.get("callback_query_id", "")), str(arguments.get("text", ""))
        if query not in self._queries:
            raise ApiError(400, "Bad Request: query is too old and response timeout expired or query ID is invalid")
        if len(text) > 200:
            raise ApiError(400, "Bad Request: MESSAGE_TOO_LONG")
        self._queries.discard(query)
        self.answers[query] = text
        return True

    def _edit(self, arguments: Json, text: str | None) -> Json:
        chat = self._chat(arguments)
        message = self.messages.get(int(arguments.get("message_id", 0)))
        if message is None or message.chat_id != chat:
            raise ApiError(400, "Bad Request: message to edit not found")
        keyboard = self._keyboard(arguments)
        new_text = message.text if text is None else text
        if (new_text, keyboard) == (message.text, message.keyboard):
            raise ApiError(
                400,
                "Bad Request: message is not modified: new content and reply markup are the same",
            )
        message.text, message.keyboard = new_text, keyboard
        message.history.append(new_text)
        return self._shown(message)

    def _chat(self, arguments: Json) -> int:
        chat = int(arguments.get("chat_id", 0))
        if chat in self.migrated:
            text = "Bad Request: group chat was upgraded to a supergroup chat"
            raise ApiError(400, text, migrate_to_chat_id=self.migrated[chat])
        if chat in self.thrown_out:
            raise ApiError(403, "Forbidden: bot was kicked from the group chat")
        if chat not in self.chats:
            raise ApiError(400, "Bad Request: chat not found")
        return chat

    def _keyboard(self, arguments: Json) -> list[list[Json]]:
        if "parse_mode" in arguments:
            raise ApiError(400, "Bad Request: can't parse entities: the stand-in wants plain text")
        rows: list[list[Json]] = (arguments.get("reply_markup") or {}).get("inline_keyboard", [])
        for button in (button for row in rows for button in row):
            if set(button) not in ({"text", "callback_data"}, {"text", "url"}) or not button["text"]:
                raise ApiError(400, "Bad Request: can't parse inline keyboard button")
            if not 1 <= len(button.get("callback_data", "x").encode()) <= 64:
                raise ApiError(400, "Bad Request: BUTTON_DATA_INVALID")
            url = urlsplit(button.get("url", "https://a.test"))
            if url.scheme not in {"http", "https"} or not url.hostname or "." not in url.hostname:
                raise ApiError(400, f"Bad Request: inline keyboard button URL '{button['url']}' is invalid")
        return rows

    def _shown(self, message: SentMessage) -> Json:
        return {
            "message_id": message.message_id,
            "date": int(time.time()),
            "chat": {"id": message.chat_id, "type": self.chats[message.chat_id]},
            "from": self._get_me({}),
            "text": message.text,
        }

    def _number(self, kind: str) -> int:
        self._next[kind] += 1
        return self._next[kind] - 1


def person(user_id: int) -> Json:
    """Somebody on the network, by a number."""
    return {"id": user_id, "is_bot": False, "first_name": f"Henkilö {user_id}"}


def _text(arguments: Json) -> str:
    text = str(arguments.get("text", ""))
    if not text.strip():
        raise ApiError(400, "Bad Request: message text is empty")
    if len(text.encode("utf-16-le")) // 2 > 4096:
        raise ApiError(400, "Bad Request: message is too long")
    return text


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, telegram: Telegram) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.telegram = telegram
        self.open: set[_Connection] = set()

    def close_all(self) -> None:
        """Close the listening socket and end every connection that a client keeps alive."""
        for connection in list(self.open):
            connection.end()
        for connection in list(self.open):
            connection.done.wait(5)
        self.server_close()


class _Connection(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def setup(self) -> None:
        super().setup()
        self.done = threading.Event()
        self.server.open.add(self)

    def finish(self) -> None:
        try:
            super().finish()
        finally:
            self.server.open.discard(self)
            self.done.set()

    def end(self) -> None:
        """Make the thread of this connection see the end of its input."""
        try:
            self.connection.shutdown(2)
        except OSError:
            return

    def handle(self) -> None:
        try:
            super().handle()
        except (ConnectionError, ValueError):
            return

    def log_message(self, *_: object) -> None:
        """Say nothing: the path holds the token."""

    def do_POST(self) -> None:
        """One call of the API."""
        telegram = self.server.telegram
        raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        prefix, _, method = self.path.rpartition("/")
        if prefix != f"/bot{telegram.token}":
            self._say(401, json.dumps(ApiError(401, "Unauthorized").body).encode())
            return
        try:
            trouble, result = telegram.answer(method, _arguments(raw), raw)
        except ApiError as refusal:
            self._say(refusal.status, json.dumps(refusal.body).encode())
            return
        if trouble is None:
            self._say(200, json.dumps(result).encode())
            return
        time.sleep(trouble.seconds)
        if trouble.status:
            self._say(trouble.status, trouble.body)
        else:
            self.close_connection = True

    def _say(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _arguments(raw: bytes) -> Json:
    """A form's fields; those that are JSON are read as such, as the API does with `reply_markup`."""
    fields = {name: values[-1] for name, values in parse_qs(raw.decode(), keep_blank_values=True).items()}
    read: Json = dict(fields)
    for name in ("reply_markup", "allowed_updates", "link_preview_options"):
        if name in fields:
            read[name] = json.loads(fields[name])
    return read
