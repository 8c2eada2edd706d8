"""An installation in a folder, driven the way its operator does: by the installed command, in processes of its own."""

import json
import re
import signal
import smtplib
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path
from typing import Any, TypeVar

from sqlmodel import Session

from bot.commands.ground import opened
from bot.config import load_settings
from store import listing

T = TypeVar("T")

COMMAND = Path(sys.executable).with_name("kirjaamo")
START_SECONDS = 90.0
VISIBLE_SECONDS = 10.0
"""How long a message may take to its ticket, whatever it holds."""


def free_port() -> int:
    """A loopback port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """One command to its end."""
    return subprocess.run([COMMAND, *map(str, arguments)], capture_output=True, text=True, timeout=120, check=False)


def wait_for(what: str, look: Callable[[], T | None], seconds: float = VISIBLE_SECONDS) -> T:
    """What `look` finds, as soon as it is neither None nor empty."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        if found := look():
            return found
        time.sleep(0.1)
    raise AssertionError(f"not within {seconds:.0f} s: {what}")


@dataclass
class Installation:
    """A folder with its configuration, and the service that may be running on it."""

    folder: Path
    process: subprocess.Popen[str] | None = None
    output: list[str] = field(default_factory=list)

    @property
    def config(self) -> Path:
        """Path of the configuration."""
        return self.folder / "kirjaamo.toml"

    @property
    def smtp_port(self) -> int:
        """The mail door's port."""
        return self._port("smtp")

    @property
    def url(self) -> str:
        """The desk's address."""
        return f"http://127.0.0.1:{self._port('web')}"

    def _port(self, table: str) -> int:
        found = re.search(rf"\[{table}\]\nlisten = \"127\.0\.0\.1:(\d+)\"", self.config.read_text("utf-8"))
        assert found
        return int(found.group(1))

    def amend(self, old: str, new: str) -> None:
        """Change the configuration."""
        text = self.config.read_text("utf-8")
        assert old in text
        self.config.write_text(text.replace(old, new), "utf-8")

    def start(self, *arguments: str, until: str) -> None:
        """Start the command and wait until it prints `until`."""
        self.process = subprocess.Popen(
            [COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, bufsize=1
        )
        assert self.process.stdout
        ends = time.monotonic() + START_SECONDS
        for line in self.process.stdout:
            self.output.append(line)
            if until in line:
                return
            assert time.monotonic() < ends
        raise AssertionError(f"the command ended: {''.join(self.output)}")

    def serve(self) -> None:
        """Start `kirjaamo serve` and wait until the desk answers."""
        with (self.folder / "serve.log").open("a") as log:
            self.process = subprocess.Popen(
                [COMMAND, "serve", "--config", str(self.config)], stdout=log, stderr=subprocess.STDOUT, text=True
            )
        wait_for("the desk", self._answers, START_SECONDS)

    def _answers(self) -> bool:
        assert self.process
        assert self.process.poll() is None, (self.folder / "serve.log").read_text()
        try:
            with socket.create_connection(("127.0.0.1", self._port("web")), 0.5):
                return True
        except OSError:
            return False

    def stop(self) -> int:
        """Ask the service to stop, as an init system does; returns its exit status."""
        if self.process is None:
            return 0
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(30)
        if self.process.stdout:
            self.process.stdout.close()
        self.process = None
        return status

    def send(self, content: bytes, sender: str = "aino.esimerkkila@posti.test") -> None:
        """Hand one mail to the door."""
        with smtplib.SMTP("127.0.0.1", self.smtp_port, timeout=30) as client:
            client.sendmail(sender, ["asiakaspalvelu@lampo.test"], content)

    def tickets(self) -> list[dict[str, Any]]:
        """What `kirjaamo tickets --json` prints, without starting it each time."""
        return self.read(lambda session: listing.list_tickets(session, datetime.now(UTC).date()))

    def ticket(self, ticket_id: int) -> dict[str, Any]:
        """What `kirjaamo ticket ID --json` prints, without starting it each time."""
        found = self.read(lambda session: listing.show_ticket(session, ticket_id, datetime.now(UTC).date()))
        assert found is not None
        return found

    def read(self, work: Callable[[Session], T]) -> T:
        with opened(load_settings(self.config), self.config) as database:
            return database.read_now(work)

    def printed(self, *arguments: str) -> list[Any]:
        """The JSON lines that a command prints."""
        done = run(*arguments, "--config", self.config)
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    def new_ticket(self, known: set[int], seconds: float = VISIBLE_SECONDS) -> dict[str, Any]:
        """The ticket that has come since `known` were there."""

        def look() -> dict[str, Any] | None:
            return next((one for one in self.tickets() if one["id"] not in known), None)

        return wait_for("a new ticket", look, seconds)

    def sent_mails(self) -> list[EmailMessage]:
        """All mails in the Maildir that stands for the relay."""
        parser = BytesParser(policy=policy.default)
        return [parser.parsebytes(path.read_bytes()) for path in sorted((self.folder / "sent/new").glob("*"))]


def mail(
    text: str,
    *,
    subject: str = "Asia",
    sender: str = "aino.esimerkkila@posti.test",
    name: str = "",
    verdict: str = "pass",
) -> bytes:
    """A mail as the site's MTA hands it over, with its verdict on top."""
    message = EmailMessage(policy=policy.SMTP)
    if verdict:
        domain = sender.partition("@")[2]
        message["Authentication-Results"] = f"demo.lampo.test; dmarc={verdict} header.from={domain}"
    message["From"] = f"{name} <{sender}>" if name else sender
    message["To"] = "asiakaspalvelu@lampo.test"
    message["Subject"] = subject
    message["Message-ID"] = f"<{time.time_ns()}@{sender.partition('@')[2]}>"
    message.set_content(text)
    return message.as_bytes()
