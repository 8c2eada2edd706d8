"""Access tokens: from a file, a command, Microsoft and Google; never in an error's text, never kept when refused."""

import json
import stat
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from mail.tokens import CommandToken, FileToken, GoogleToken, MicrosoftToken, TokenError, TokenSource

SECRET = "a-very-secret-token"


def refused(source: TokenSource) -> str:
    """The short name of what went wrong; it must not tell the secret."""
    with pytest.raises(TokenError) as caught:
        source.token()
    assert SECRET not in repr(caught.value)
    return str(caught.value)


def test_a_file_is_read_anew_each_time(tmp_path: Path) -> None:
    file = tmp_path / "token"
    source = FileToken(file)
    assert refused(source) == "FILE"
    file.write_text("one\n")
    assert source.token() == "one"
    file.write_text("  two\r\nrest\n")
    assert source.token() == "two"


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"", "EMPTY"),
        (b"\n", "EMPTY"),
        (SECRET.encode() + b"\1x", "NO_TOKEN"),
        (b"a b", "NO_TOKEN"),
        (b"\xff", "NO_TOKEN"),
        (b"x" * 20_000, "NO_TOKEN"),
    ],
)
def test_what_is_no_token_is_not_shown_to_anybody(tmp_path: Path, content: bytes, name: str) -> None:
    (tmp_path / "token").write_bytes(content)
    assert refused(FileToken(tmp_path / "token")) == name


def test_a_commands_token_is_used_again_for_a_while_and_not_when_it_was_refused(tmp_path: Path) -> None:
    count = tmp_path / "count"
    moment = [0.0]
    script = f'echo x >> {count}; echo "token-$(wc -l < {count})"'
    source = CommandToken(["sh", "-c", script], monotonic=lambda: moment[0])
    assert [source.token(), source.token()] == ["token-1", "token-1"]
    source.forget()
    assert source.token() == "token-2"
    moment[0] = 301
    assert source.token() == "token-3"


@pytest.mark.parametrize(
    ("command", "name"),
    [
        (["false"], "COMMAND"),
        (["/nowhere/at/all"], "COMMAND"),
        (["true"], "EMPTY"),
        (["sh", "-c", f"echo {SECRET}; exit 3"], "COMMAND"),
        (["sh", "-c", f"echo {SECRET} {SECRET}"], "NO_TOKEN"),
        (["sleep", "30"], "COMMAND_TOO_SLOW"),
    ],
)
def test_a_command_that_fails_is_named_and_tells_nothing(command: list[str], name: str) -> None:
    assert refused(CommandToken(command, seconds=0.5)) == name


class Answer:
    """An HTTP answer as the library reads it."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        self.status_code = status
        self.text = json.dumps(body)
        self.headers: dict[str, str] = {}

    def raise_for_status(self) -> None:
        assert self.status_code < 500


class Entra:
    """Microsoft's network, as far as the library asks it: the discovery document and the token endpoint."""

    def __init__(self, *answers: tuple[int, dict[str, Any]]) -> None:
        self.answers = list(answers)
        self.asked: list[dict[str, Any]] = []

    def get(self, url: str, **_: Any) -> Answer:
        base = "https://login.microsoftonline.com/directory"
        return Answer(
            200,
            {
                "authorization_endpoint": f"{base}/authorize",
                "token_endpoint": f"{base}/token",
                "issuer": f"{base}/v2.0",
                "tenant_discovery_endpoint": url,
                "metadata": [],
            },
        )

    def post(self, _url: str, data: dict[str, Any], **_: Any) -> Answer:
        self.asked.append(dict(data))
        return Answer(*self.answers.pop(0))

    def close(self) -> None:
        """Nothing is open."""


GIVEN = {"access_token": SECRET, "expires_in": 3600, "token_type": "Bearer"}


def test_an_application_of_microsoft_gets_a_token_and_keeps_it_until_it_is_refused() -> None:
    network = Entra((200, GIVEN), (200, GIVEN | {"access_token": "another"}))
    source = MicrosoftToken(tenant="directory", client_id="app", client_secret="secret-7", http_client=network)
    assert [source.token(), source.token()] == [SECRET, SECRET]
    assert len(network.asked) == 1
    assert network.asked[0]["grant_type"] == "client_credentials"
    assert network.asked[0]["scope"] == "https://outlook.office365.com/.default"
    source.forget()
    assert source.token() == "another"


def test_a_refusal_by_microsoft_is_named_and_tells_nothing() -> None:
    network = Entra((401, {"error": "invalid_client", "error_description": SECRET}))
    source = MicrosoftToken(tenant="directory", client_id="app", client_secret=SECRET, http_client=network)
    assert refused(source) == "REFUSED"


def test_a_refresh_token_that_microsoft_replaces_is_kept_for_next_time(tmp_path: Path) -> None:
    file = tmp_path / "refresh"
    file.write_text("old-refresh\n")
    network = Entra((200, GIVEN | {"refresh_token": "new-refresh"}))
    source = MicrosoftToken(tenant="directory", client_id="app", refresh_token_file=file, http_client=network)
    assert source.token() == SECRET
    assert network.asked[0]["refresh_token"] == "old-refresh"
    assert file.read_text() == "new-refresh\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.fixture
def google() -> Iterator[tuple[int, list[dict[str, list[str]]], list[tuple[int, dict[str, Any]]]]]:
    """Google's token endpoint on loopback: its port, what it was asked, and what it will answer."""
    asked: list[dict[str, list[str]]] = []
    answers: list[tuple[int, dict[str, Any]]] = []

    class Endpoint(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode()))
            status, body = answers.pop(0)
            octets = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(octets)))
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(octets)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_address[1], asked, answers
    server.shutdown()
    server.server_close()
    thread.join()


def key_file(folder: Path, port: int) -> Path:
    """A service account's key, as Google hands it out."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    account = {
        "type": "service_account",
        "client_email": "kirjaamo@lampo.test",
        "private_key_id": "1",
        "private_key": pem,
        "token_uri": f"http://127.0.0.1:{port}/token",
    }
    path = folder / "key.json"
    path.write_text(json.dumps(account))
    return path


def test_a_service_account_of_google_gets_a_token_for_the_mailbox(tmp_path: Path, google: Any) -> None:
    port, asked, answers = google
    answers += [(200, GIVEN), (200, GIVEN | {"access_token": "another"})]
    source = GoogleToken(key_file=key_file(tmp_path, port), user="asiakaspalvelu@lampo.test")
    assert [source.token(), source.token()] == [SECRET, SECRET]
    assert len(asked) == 1
    assert asked[0]["grant_type"] == ["urn:ietf:params:oauth:grant-type:jwt-bearer"]
    source.forget()
    assert source.token() == "another"


def test_a_refusal_by_google_and_a_key_that_is_none_are_named(tmp_path: Path, google: Any) -> None:
    port, _, answers = google
    answers.append((401, {"error": "unauthorized_client", "error_description": SECRET}))
    assert refused(GoogleToken(key_file=key_file(tmp_path, port), user="x@lampo.test")) == "REFUSED"
    (tmp_path / "key.json").write_text(json.dumps({"private_key": SECRET}))
    assert refused(GoogleToken(key_file=tmp_path / "key.json", user="x@lampo.test")) == "CONFIGURATION"
    assert refused(GoogleToken(key_file=tmp_path / "nowhere.json", user="x@lampo.test")) == "CONFIGURATION"
