"""`kirjaamo check` on mailboxes: one clear line for each thing, and never a secret."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.config import ConfigError, load_settings
from bot.doctor import Finding
from store import mailboxes
from store.database import Database
from store.mailboxes import NewEntry
from tests.bot.test_doctor import MAILDIR, findings, problems
from tests.conftest import Clock
from tests.stand_ins.imap_server import ImapServer

PASSWORD = "secret-1"
MAIL = b"Subject: x\r\n\r\nHei\r\n"


@pytest.fixture
def server() -> Iterator[ImapServer]:
    """A mailbox with sixty mails."""
    with ImapServer({"INBOX": [MAIL] * 60}) as there:
        yield there


def table(port: int, more: str = f'password = "{PASSWORD}"\n', host: str = "127.0.0.1", tls: str = "none") -> str:
    """The mailbox's table, after a relay that sends nothing."""
    return f'{MAILDIR}[imap.office]\nhost = "{host}"\nport = {port}\ntls = "{tls}"\nuser = "office"\n{more}'


def said(found: list[Finding]) -> str:
    """All lines on the mailbox."""
    return "\n".join(one.text for one in found if one.place == "imap.office")


async def test_a_mailbox_that_can_be_read_has_no_problem(tmp_path: Path, server: ImapServer) -> None:
    found = await findings(tmp_path, table(server.port))
    assert problems(found) == []
    text = said(found)
    assert "lets us in" in text
    assert "INBOX holds 60 messages; every one becomes a ticket" in text
    assert "the junk folder is Junk" in text
    assert "Kirjaamo/Done will be made" in text
    assert "Kirjaamo/Done" not in server.folders


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ('password = "wrong-1"\n', "refuses the password"),
        ('token_file = "gone"\n', "no token is to be had (FILE)"),
        ('password_file = "gone"\n', "password_file"),
        (f'password = "{PASSWORD}"\nfolders = ["INBOX", "Gone"]\n', "the folder Gone is not there"),
        (f'password = "{PASSWORD}"\njunk = "Gone"\n', "the folder Gone is not there"),
    ],
)
async def test_what_keeps_a_mailbox_from_being_read_is_said(
    tmp_path: Path, server: ImapServer, more: str, words: str
) -> None:
    found = problems(await findings(tmp_path, table(server.port, more)))
    assert [where for where, _ in found] == ["imap.office"]
    assert words in found[0][1]
    assert "wrong-1" not in found[0][1]


async def test_a_server_that_is_not_there_or_speaks_no_imap_is_said(tmp_path: Path, server: ImapServer) -> None:
    gone = problems(await findings(tmp_path, table(1)))
    assert "cannot be reached" in gone[0][1]
    plain = problems(await findings(tmp_path, table(server.port, tls="tls"), store=False))
    assert any("look at tls" in text for _, text in plain)


async def test_a_mailbox_abroad_or_nowhere_is_a_problem(tmp_path: Path) -> None:
    found = problems(await findings(tmp_path, table(1, host="imap.invalid", tls="tls")))
    assert any("declares no region; customers' mail lies there, so set [imap.office] region" in one for _, one in found)
    more = f'password = "{PASSWORD}"\nregion = "us"\n'
    found = problems(await findings(tmp_path, table(1, more, host="imap.invalid", tls="tls"), store=False))
    assert any("region US is outside the EU/EEA" in one for _, one in found)


async def test_mail_that_cannot_be_taken_is_counted_and_read_folders_are_no_surprise(
    tmp_path: Path, server: ImapServer, clock: Clock
) -> None:
    await findings(tmp_path, table(server.port))
    database = Database(f"sqlite:///{tmp_path / 'kirjaamo.db'}")
    now = clock.now()
    account = database.write_now(lambda session: mailboxes.open_account(session, "office", "INBOX", 1, now)).id
    parked = [NewEntry(uid, "parked", "TOO_LARGE", now) for uid in (3, 4)]
    database.write_now(lambda session: mailboxes.note(session, account, parked, now))
    database.close()
    found = await findings(tmp_path, table(server.port), store=False)
    assert problems(found) == [("imap.office", "INBOX: 2 messages cannot be taken (TOO_LARGE): look at them by hand")]
    assert "every one becomes a ticket" not in said(found)


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("", "needs one of password_file, token_file, token_command and oauth"),
        ('password = "x"\ntoken_file = "y"\n', "needs one of password_file"),
        ('token_command = ["x"]\ntoken_file = "y"\n', "names more than one of token_file"),
        ('oauth = "google"\n', "needs oauth_key_file"),
        ('oauth = "microsoft"\noauth_tenant = "x"\n', "needs oauth_tenant, oauth_client_id"),
        ('password = "x"\nfolders = ["INBOX", "Kirjaamo/Done"]\n', "name another for done"),
        ('password = "x"\npoll_secnds = 5\n', "[imap.office] has no key poll_secnds; did you mean poll_seconds?"),
        ('password = "x"\npoll_seconds = 0\n', "[imap.office] poll_seconds"),
    ],
)
def test_a_table_that_cannot_work_is_refused_with_its_place(tmp_path: Path, lines: str, words: str) -> None:
    path = tmp_path / "kirjaamo.toml"
    head = '[controller]\nname = "x"\ndomain = "lampo.test"\naddresses = ["a@lampo.test"]\n'
    path.write_text(head + table(143, lines), "utf-8")
    with pytest.raises(ConfigError) as caught:
        load_settings(path)
    assert words in str(caught.value)
    assert "[imap.office]" in str(caught.value)


def test_a_password_without_tls_goes_to_this_machine_only(tmp_path: Path) -> None:
    path = tmp_path / "kirjaamo.toml"
    head = '[controller]\nname = "x"\ndomain = "lampo.test"\naddresses = ["a@lampo.test"]\n'
    path.write_text(head + table(143, host="imap.lampo.test"), "utf-8")
    with pytest.raises(ConfigError, match='tls = "none" is for a server on this machine only'):
        load_settings(path)


def test_the_environment_may_hold_a_mailboxs_password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIRJAAMO_IMAP__OFFICE__PASSWORD", "from-outside")
    path = tmp_path / "kirjaamo.toml"
    head = '[controller]\nname = "x"\ndomain = "lampo.test"\naddresses = ["a@lampo.test"]\n'
    path.write_text(head + table(143, ""), "utf-8")
    assert load_settings(path).imap["office"].password.get_secret_value() == "from-outside"
