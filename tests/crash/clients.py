"""The MTA in front of the service: several connections, and no mail given up before it has a final reply.

Each mail is offered with the same bytes until it is answered; what was offered and what was answered stands in the
ledger. Now and then a client hangs up after its final dot without waiting for the answer, as an MTA does whose
patience has ended.
"""

import smtplib
import threading
import time
from random import Random

from bot.demo.samples import OUR_ADDRESS
from tests.crash.ledger import Ledger
from tests.crash.mails import Mail, MailBag

PATIENCE_SECONDS = 15.0
RETRY_SECONDS = 0.1


class Clients:
    """Threads that send from `start` to `finish`."""

    def __init__(self, port: int, bag: MailBag, ledger: Ledger, *, count: int, seed: int, pause: float) -> None:
        """Each of `count` clients rests `pause` seconds on average after a mail."""
        self._port = port
        self._bag = bag
        self._ledger = ledger
        self._pause = pause
        self._is_enough = threading.Event()
        self._is_hopeless = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(Random(seed * 1000 + number),), name=f"client-{number}")
            for number in range(count)
        ]

    def start(self) -> None:
        """Begin to send."""
        for thread in self._threads:
            thread.start()

    def finish(self, seconds: float) -> bool:
        """Take no new mail, offer those under way until they are answered; whether all were within `seconds`.

        Those that were not are given up then. Idempotent.
        """
        self._is_enough.set()
        ends = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, ends - time.monotonic()))
        all_answered = not any(thread.is_alive() for thread in self._threads)
        self._is_hopeless.set()
        for thread in self._threads:
            thread.join()
        return all_answered

    def _run(self, chance: Random) -> None:
        while not self._is_enough.is_set():
            mail = self._bag.take()
            attempt = 0
            while not self._offer(mail, attempt, hang_up=attempt == 0 and chance.random() < 0.03):
                if self._is_hopeless.is_set():
                    return
                attempt += 1
                time.sleep(RETRY_SECONDS * (1 + chance.random()))
            time.sleep(chance.uniform(0, 2 * self._pause))

    def _offer(self, mail: Mail, attempt: int, *, hang_up: bool) -> bool:
        """One attempt; True when it ended with a final reply that says so for good."""
        try:
            with smtplib.SMTP("127.0.0.1", self._port, timeout=PATIENCE_SECONDS) as connection:
                connection.ehlo()
                connection.mail(mail.sender)
                connection.rcpt(OUR_ADDRESS)
                self._ledger.note(offered=mail.number, attempt=attempt, sha256=mail.sha256)
                if hang_up:
                    connection.docmd("DATA")
                    connection.send(mail.content.replace(b"\r\n.", b"\r\n..") + b".\r\n")
                    connection.close()
                    return False
                code, _ = connection.data(mail.content)
        except (smtplib.SMTPException, OSError):
            return False
        self._ledger.note(answered=mail.number, code=code, sha256=mail.sha256)
        return not 400 <= code < 500
