"""A real Dovecot of our own: on loopback and a free port, with mailboxes that tests make, ended with this process.

    with running_dovecot(people={"office": "secret-1"}) as dovecot:
        dovecot.port, dovecot.tls_port             for the program under test
        with dovecot.client("office") as client:   an IMAPClient, to append mail and to look
            client.append("INBOX", content)

Mail lies in Maildirs under a folder of its own. A token is taken as `Bearer` of a user when a test has put it into
`dovecot.tokens` (Dovecot asks our HTTP server, as it would ask a provider).
"""

import contextlib
import getpass
import grp
import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import psutil
import pytest
import trustme
from imapclient import IMAPClient

STARTS_WITHIN = 20.0
WHO = "nobody" if os.geteuid() == 0 else getpass.getuser()
"""Whom the mail belongs to: Dovecot opens none as root."""


@dataclass
class Dovecot:
    """The running server."""

    folder: Path
    port: int
    tls_port: int
    people: dict[str, str]
    authority: Path
    """Certificate of the authority that signed the server's; its name is `localhost`."""
    pid: int = 0
    free: Iterator[str] = field(default_factory=lambda: iter(()))
    """Names of mailboxes that no test has used yet."""
    tokens: dict[str, str] = field(default_factory=dict)
    """Tokens in force, with their users."""

    def write_people(self) -> None:
        """Put names and passwords in force: Dovecot reads the file anew for each log-in."""
        lines = [f"{name}:{{PLAIN}}{password}::::::\n" for name, password in self.people.items()]
        (self.folder / "people").write_text("".join(lines), "utf-8")

    @contextlib.contextmanager
    def client(self, name: str) -> Iterator[Any]:
        """Another client of the same mailbox: a person, or the delivery of mail."""
        client = IMAPClient("127.0.0.1", self.port, ssl=False, timeout=30)
        try:
            client.plain_login(name, self.people[name])
            yield client
        finally:
            with contextlib.suppress(Exception):
                client.logout()
            with contextlib.suppress(Exception):
                client.shutdown()

    def deliver(self, name: str, contents: list[bytes], folder: str = "INBOX") -> None:
        """Append mails, quickly: many of them in one Maildir are written as files, as a delivery agent does."""
        with self.client(name) as client:
            if folder != "INBOX" and not client.folder_exists(folder):
                client.create_folder(folder)
            for content in contents:
                client.append(folder, content)

    def throw_out(self) -> None:
        """End every connection, as a restart does."""
        for process in psutil.process_iter(["name", "cmdline"]):
            if process.info["name"] == "imap" and psutil.pid_exists(process.pid) and self._is_ours(process):
                process.kill()

    def _is_ours(self, process: psutil.Process) -> bool:
        return any(parent.pid == self.pid for parent in process.parents())

    def drop(self, name: str, contents: list[bytes]) -> None:
        """Put mails into INBOX as a local delivery agent does, by files: thousands in a moment."""
        with self.client(name) as client:
            client.select_folder("INBOX")  # makes the Maildir
        new = self.folder / "mail" / name / "Maildir" / "new"
        owner = pwd.getpwnam(WHO)
        for number, content in enumerate(contents):
            path = new / f"{time.time_ns()}.P{number}.test"
            path.write_bytes(content)
            os.chown(path, owner.pw_uid, owner.pw_gid)


@contextlib.contextmanager
def running_dovecot(people: Mapping[str, str], more: str = "") -> Iterator[Dovecot]:
    """Dovecot until the block ends; `more` is added to its configuration."""
    program = shutil.which("dovecot", path="/usr/sbin:/usr/local/sbin:/usr/bin")
    if program is None:
        pytest.fail("the tests need Dovecot: install Debian's package `dovecot-imapd`")
    # A short path: Dovecot's sockets lie below it, and a socket's path has little room.
    with tempfile.TemporaryDirectory(prefix="kd-") as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "mail").mkdir()
        if os.geteuid() == 0:
            shutil.chown(folder / "mail", WHO)
        authority = trustme.CA()
        authority.cert_pem.write_to_path(folder / "authority.pem")
        certificate = authority.issue_cert("localhost")
        certificate.private_key_and_cert_chain_pem.write_to_path(folder / "server.pem")
        dovecot = Dovecot(folder, _free_port(), _free_port(), dict(people), folder / "authority.pem")
        dovecot.write_people()
        checking = stack.enter_context(_token_server(dovecot))
        (folder / "dovecot.conf").write_text(_configuration(dovecot, checking) + more, "utf-8")
        (folder / "oauth2.conf").write_text(_oauth(checking), "utf-8")
        log = (folder / "log").open("wb")
        stack.callback(log.close)
        server = subprocess.Popen(
            ["setpriv", "--pdeathsig=TERM", program, "-F", "-c", folder / "dovecot.conf"], stdout=log, stderr=log
        )
        dovecot.pid = server.pid
        try:
            _wait_for(dovecot, server)
            yield dovecot
        finally:
            server.send_signal(signal.SIGTERM)
            try:
                server.wait(STARTS_WITHIN)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def _configuration(dovecot: Dovecot, checking: int) -> str:
    folder, owner = dovecot.folder, pwd.getpwnam(WHO)
    inner = "" if os.geteuid() == 0 else f"default_internal_user = {WHO}\ndefault_login_user = {WHO}\n"
    if inner:
        inner += f"default_internal_group = {grp.getgrgid(owner.pw_gid).gr_name}\n"
        inner += "service anvil {\n  chroot =\n}\nservice imap-login {\n  chroot =\n}\n"
    return f"""
base_dir = {folder}/run
state_dir = {folder}/run
log_path = {folder}/dovecot.log
protocols = imap
listen = 127.0.0.1
ssl = yes
ssl_cert = <{folder}/server.pem
ssl_key = <{folder}/server.pem
disable_plaintext_auth = no
auth_mechanisms = plain login xoauth2 oauthbearer
auth_failure_delay = 0
first_valid_uid = 1
mail_location = maildir:~/Maildir
mail_fsync = never
mail_max_userip_connections = 100
imap_idle_notify_interval = 1 mins
maildir_very_dirty_syncs = no
{inner}
passdb {{
  driver = passwd-file
  args = {folder}/people
}}
passdb {{
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = {folder}/oauth2.conf
}}
userdb {{
  driver = static
  args = uid={owner.pw_uid} gid={owner.pw_gid} home={folder}/mail/%n
}}
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
namespace inbox {{
  inbox = yes
  mailbox Junk {{
    auto = create
    special_use = \\Junk
  }}
}}
service imap-login {{
  process_min_avail = 1
  service_count = 0
  inet_listener imap {{
    port = {dovecot.port}
  }}
  inet_listener imaps {{
    port = {dovecot.tls_port}
    ssl = yes
  }}
}}
"""


def _oauth(checking: int) -> str:
    return f"""
introspection_mode = auth
introspection_url = http://127.0.0.1:{checking}/
username_attribute = user
active_attribute = active
active_value = true
"""


@contextlib.contextmanager
def _token_server(dovecot: Dovecot) -> Iterator[int]:
    """Tells Dovecot whose a token is, as a provider would."""

    class Checking(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            token = self.headers.get("Authorization", "").removeprefix("Bearer ")
            user = dovecot.tokens.get(token)
            body = json.dumps({"active": "true", "user": user} if user else {"active": "false"}).encode()
            self.send_response(200 if user else 401)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Checking)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _wait_for(dovecot: Dovecot, server: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + STARTS_WITHIN
    while True:
        try:
            with socket.create_connection(("127.0.0.1", dovecot.port), 1) as probe:
                probe.settimeout(5)
                if probe.recv(4) == b"* OK":
                    return
        except OSError:
            pass
        if server.poll() is not None or time.monotonic() > until:
            said = [path.read_text("utf-8", "replace")[-2000:] for path in dovecot.folder.glob("*log")]
            pytest.fail(f"Dovecot did not start: {said}")
        time.sleep(0.05)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])
