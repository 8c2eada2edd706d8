"""The site's MTA as the campaign plays it: it notes all that it takes, and is not always a good peer.

Its ledger has a line for every message whose final dot has come, written before anything is answered, for from then on
nobody knows but the relay. Sometimes it answers late, refuses for now (then it has not taken the message), or hangs up
instead of answering (then it has). It can kill the service at any step of the conversation.
"""

import asyncio
import os
import signal
import threading
from contextlib import suppress
from email import policy
from email.parser import BytesParser
from random import Random
from typing import Any

from tests.crash.ledger import Ledger, hash_of_words

LATE_SECONDS = (0.1, 1.0)
MAIL_LIMIT = 16 * 1024 * 1024


class ScriptedRelay:
    """Listens on a loopback port in a thread of its own, from construction to `close`."""

    def __init__(self, ledger: Ledger, seed: int) -> None:
        self._ledger = ledger
        self._chance = Random(seed)
        self._victim: tuple[str, int] = ("", 0)
        self._passages = 0
        self.behaves = False
        """True: every message is taken and answered at once."""
        self._loop = asyncio.new_event_loop()
        self._conversations: set[asyncio.Task[None]] = set()
        self._server = self._loop.run_until_complete(
            asyncio.start_server(self._accept, "127.0.0.1", 0, limit=MAIL_LIMIT)
        )
        self.port: int = self._server.sockets[0].getsockname()[1]
        self._thread = threading.Thread(target=self._loop.run_forever, name="relay")
        self._thread.start()

    def aim(self, process_id: int, point: str, passage: int) -> None:
        """Kill that process when a conversation reaches `point` for the `passage`th time from now."""
        self._victim, self._passages = (point, process_id), passage

    def close(self) -> None:
        """Stop listening, end all conversations."""
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _close(self) -> None:
        self._server.close()
        for conversation in self._conversations:
            conversation.cancel()
        await asyncio.gather(*self._conversations, return_exceptions=True)

    def _pass_by(self, point: str) -> None:
        if self._victim[0] != point:
            return
        self._passages -= 1
        if self._passages == 0:
            with suppress(ProcessLookupError):
                os.kill(self._victim[1], signal.SIGKILL)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        conversation = self._loop.create_task(self._converse(reader, writer))
        self._conversations.add(conversation)
        conversation.add_done_callback(self._conversations.discard)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # A peer that was killed leaves in the middle of anything.
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            self._pass_by("relay-connected")
            await _say(writer, "220 relay.test ESMTP")
            recipient = ""
            while command := (await reader.readline()).decode():
                word = command.split(maxsplit=1)[0].upper() if command.strip() else ""
                if word in ("MAIL", "RCPT"):
                    self._pass_by(f"relay-{word.lower()}")
                    if word == "RCPT":
                        recipient = command.partition("<")[2].partition(">")[0]
                if word == "DATA":
                    self._pass_by("relay-data")
                    await self._take(reader, writer, recipient)
                else:
                    await _say(writer, _answer(word))
                if word == "QUIT":
                    break
        writer.close()

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, recipient: str) -> None:
        await _say(writer, "354 go ahead")
        content = await reader.readuntil(b"\r\n.\r\n")
        mood = "good" if self.behaves else self._chance.choices(("good", "late", "busy", "cut"), (88, 5, 4, 3))[0]
        self._ledger.note(mood=mood, taken=mood != "busy", to=recipient, **_facts(content[:-3]))
        self._pass_by("relay-dot")
        if mood == "late":
            await asyncio.sleep(self._chance.uniform(*LATE_SECONDS))
        if mood == "cut":
            writer.transport.abort()
            raise ConnectionResetError
        await _say(writer, "451 4.3.0 come again" if mood == "busy" else "250 2.0.0 taken")
        self._pass_by("relay-250")


def _answer(word: str) -> str:
    return {"EHLO": "250-relay.test\r\n250 8BITMIME", "QUIT": "221 bye"}.get(word, "250 OK")


def _facts(content: bytes) -> dict[str, Any]:
    mail = BytesParser(policy=policy.default).parsebytes(content.replace(b"\r\n..", b"\r\n."))
    body = mail.get_body(("plain",))
    return {"message_id": mail["Message-ID"], "words": hash_of_words(body.get_content() if body else "")}


async def _say(writer: asyncio.StreamWriter, line: str) -> None:
    writer.write(f"{line}\r\n".encode())
    await writer.drain()
