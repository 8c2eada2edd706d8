"""A real Postfix on loopback and a free port, as the site's MTA: in front of the service, behind it, or both.

It believes whoever connects from loopback, hands mail for our domain to a door of the service over LMTP, and mail for
other domains to whom a test says, so that its bounces are the true ones. It asks no DNS.
"""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PROGRAM = Path("/usr/sbin/postfix")
DAEMONS = Path("/usr/lib/postfix/sbin")
START_SECONDS = 20.0
_SERVICES = """
pickup    unix  n - n 60   1 pickup
cleanup   unix  n - n -    0 cleanup
qmgr      unix  n - n 1    1 qmgr
rewrite   unix  - - n -    - trivial-rewrite
bounce    unix  - - n -    0 bounce
defer     unix  - - n -    0 bounce
trace     unix  - - n -    0 bounce
flush     unix  n - n 1000? 0 flush
proxymap  unix  - - n -    - proxymap
smtp      unix  - - n -    - smtp
relay     unix  - - n -    - smtp
showq     unix  n - n -    - showq
error     unix  - - n -    - error
retry     unix  - - n -    - error
discard   unix  - - n -    - discard
lmtp      unix  - - n -    - lmtp
anvil     unix  - - n -    1 anvil
scache    unix  - - n -    1 scache
postlog   unix-dgram n - n - 1 postlogd
"""


@dataclass(frozen=True, slots=True)
class Postfix:
    """A running MTA."""

    folder: Path
    port: int

    def _run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [str(PROGRAM.with_name(program)), "-c", str(self.folder / "etc"), *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    @property
    def log(self) -> str:
        """Everything it has written so far."""
        path = self.folder / "mail.log"
        return path.read_text("utf-8", "replace") if path.exists() else ""

    def queued(self) -> list[str]:
        """One JSON line for each mail that still waits."""
        return self._run("postqueue", "-j").stdout.splitlines()

    def try_again(self) -> None:
        """Try every waiting mail at once."""
        self._run("postqueue", "-f")

    def stop(self) -> None:
        """Stop it and wait until it is gone."""
        self._run("postfix", "stop")


@contextmanager
def postfix(port: int, lmtp_port: int, *, elsewhere: Mapping[str, str] | None = None) -> Iterator[Postfix]:
    """Start it on `port`, the service's LMTP door being on `lmtp_port`; `elsewhere` names other domains' transports."""
    assert PROGRAM.exists(), "Postfix is not installed: run `make test`, which installs it"
    folder = Path(tempfile.mkdtemp(prefix="kirjaamo-mta-"))
    folder.chmod(0o755)
    for name in ("etc", "queue", "data"):
        (folder / name).mkdir()
    owner = pwd.getpwnam("postfix")
    os.chown(folder / "data", owner.pw_uid, owner.pw_gid)
    transports = "".join(f" {{ {domain} = {transport} }}" for domain, transport in (elsewhere or {}).items())
    settings = {
        "compatibility_level": "3.6",
        "queue_directory": f"{folder}/queue",
        "data_directory": f"{folder}/data",
        "command_directory": str(PROGRAM.parent),
        "daemon_directory": str(DAEMONS),
        "maillog_file": f"{folder}/mail.log",
        "maillog_file_prefixes": "/",
        "myhostname": "mx.lampo.test",
        "myorigin": "lampo.test",
        "mydestination": "",
        "relay_domains": "lampo.test",
        "relay_transport": f"lmtp:inet:127.0.0.1:{lmtp_port}",
        "default_transport": "error:5.4.4 this test knows no such domain",
        "transport_maps": f"inline:{{{transports} }}" if transports else "",
        "inet_interfaces": "127.0.0.1",
        "inet_protocols": "ipv4",
        "mynetworks": "127.0.0.0/8",
        "smtpd_relay_restrictions": "permit_mynetworks, reject",
        "smtpd_recipient_restrictions": "permit_mynetworks, reject",
        "smtp_dns_support_level": "disabled",
        "lmtp_dns_support_level": "disabled",
        "alias_maps": "",
        "alias_database": "",
        "recipient_delimiter": "+",
        "queue_run_delay": "1s",
        "minimal_backoff_time": "1s",
        "maximal_backoff_time": "1s",
        "lmtp_connect_timeout": "5s",
        "message_size_limit": "60000000",
        "biff": "no",
    }
    (folder / "etc/main.cf").write_text("".join(f"{name} = {value}\n" for name, value in settings.items()))
    (folder / "etc/master.cf").write_text(f"127.0.0.1:{port} inet n - n - - smtpd{_SERVICES}")
    mta = Postfix(folder, port)
    started = mta._run("postfix", "start")
    try:
        assert started.returncode == 0, started.stderr
        _wait_for_port(mta)
        yield mta
    finally:
        mta.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _wait_for_port(mta: Postfix) -> None:
    ends = time.monotonic() + START_SECONDS
    while time.monotonic() < ends:
        try:
            with socket.create_connection(("127.0.0.1", mta.port), 0.5) as found:
                found.settimeout(10)
                if found.recv(3) == b"220":
                    return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"Postfix does not answer: {mta.log}")
