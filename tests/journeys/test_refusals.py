"""What cannot start says so in one clear sentence, and exits 1."""

import json
import socket
from pathlib import Path

import pysqlite3.dbapi2 as sqlite
import pytest
from sqlalchemy import select

from store.database import Database
from store.models import ContactPoint
from tests.journeys.installation import Installation, mail, run


def refused(*arguments: str | Path) -> str:
    """The one sentence of a command that refuses."""
    done = run(*arguments)
    assert done.returncode == 1, done.stdout + done.stderr
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    assert "Traceback" not in done.stderr
    return lines[0].removeprefix("kirjaamo: ")


def test_a_misspelt_key_is_named_with_its_nearest_neighbour(installation: Installation) -> None:
    installation.amend("authserv_id", "authserv_ids")
    assert "[smtp] has no key authserv_ids; did you mean authserv_id?" in refused(
        "serve", "--config", installation.config
    )


def test_a_configuration_that_is_not_there(tmp_path: Path) -> None:
    assert "there is no such file" in refused("serve", "--config", tmp_path / "nowhere.toml")


def test_a_configuration_that_is_no_toml(installation: Installation) -> None:
    installation.config.write_text("[controller\nname = ", "utf-8")
    assert "this is not TOML" in refused("check", "--config", installation.config)


def test_a_notice_that_lacks_a_section(installation: Installation) -> None:
    notice = installation.folder / "notice.toml"
    text = notice.read_text("utf-8")
    start = text.index("[transfers]")
    end = text.index("\n[", start)
    notice.write_text(text[:start] + text[end:], "utf-8")
    assert "transfers" in refused("serve", "--config", installation.config)


def test_telegram_for_customers_needs_a_notice_that_names_it(installation: Installation) -> None:
    (installation.folder / "token").write_text("123456:" + "a" * 35, "utf-8")
    installation.amend('rehearsal = "chat"', 'token_file = "token"\ncustomers = true')
    assert "names no Telegram" in refused("serve", "--config", installation.config)


@pytest.mark.parametrize("table", ["smtp", "web"])
def test_a_port_in_use(installation: Installation, table: str) -> None:
    port = installation.smtp_port if table == "smtp" else int(installation.url.rpartition(":")[2])
    with socket.create_server(("127.0.0.1", port)):
        sentence = refused("serve", "--config", installation.config)
    assert str(port) in sentence
    assert "in use" in sentence


def test_tables_of_another_version(installation: Installation) -> None:
    (installation.folder / "kirjaamo.db").unlink()
    assert "kirjaamo db upgrade" in refused("serve", "--config", installation.config)
    assert run("db", "upgrade", "--config", installation.config).returncode == 0
    assert run("tickets", "--config", installation.config).returncode == 0


def test_a_ticket_that_is_not_there(installation: Installation) -> None:
    assert "there is no ticket 4711" in refused("ticket", "4711", "--config", installation.config)


def test_a_bad_row_of_an_import_is_named_and_nothing_of_its_file_is_kept(
    installation: Installation, tmp_path: Path
) -> None:
    assert run("register", "sample", "--customers", "60", "--out", tmp_path).returncode == 0
    rows = (tmp_path / "register.jsonl").read_text("utf-8").splitlines()[-5:]
    broken = json.loads(rows[3])
    broken["kind"] = "martian"
    bad = tmp_path / "bad.jsonl"
    bad.write_text("\n".join([*rows[:3], json.dumps(broken), rows[4]]), "utf-8")
    done = run("register", "import", bad, "--config", installation.config)
    assert done.returncode == 1
    assert "line 4" in done.stderr
    assert "kind" in done.stderr
    good = tmp_path / "good.jsonl"
    good.write_text("\n".join(rows), "utf-8")
    done = run("register", "import", good, "--config", installation.config)
    assert done.returncode == 0, done.stderr
    assert "5 customers" in done.stdout


def test_a_broken_trail_is_named(installation: Installation) -> None:
    installation.serve()
    installation.send(mail("Milloin lasku tulee?"))
    installation.new_ticket(set())
    installation.stop()
    assert run("audit", "verify", "--config", installation.config).returncode == 0
    connection = sqlite.connect(str(installation.folder / "kirjaamo.db"))
    connection.execute("UPDATE event SET actor = 'somebody' WHERE seq = 2")
    connection.commit()
    connection.close()
    assert "line 2 has been changed" in refused("audit", "verify", "--config", installation.config)


def test_staff_come_and_go(installation: Installation) -> None:
    config = ("--config", installation.config)
    added = run("staff", "add", "fanni", "--name", "Fanni Testinen", *config)
    assert "/log-in?code=" in added.stdout
    assert "stays shut" in added.stdout
    assert "login" in refused("staff", "add", "fanni", "--name", "Fanni", *config)
    assert "no commitment" in run("staff", "list", *config).stdout
    assert run("staff", "commit", "fanni", "--on", "2026-11-01", *config).returncode == 0
    assert "active" in run("staff", "list", *config).stdout
    codes = [run("staff", "code", "fanni", *config).stdout.rpartition("=")[2] for _ in range(2)]
    assert codes[0] != codes[1]
    assert run("staff", "disable", "fanni", *config).returncode == 0
    assert "disabled" in run("staff", "list", *config).stdout
    assert "there is no staff member" in refused("staff", "code", "nobody", *config)
    assert "whole: 5 lines" in run("audit", "verify", *config).stdout


def test_all_files_of_the_first_import_count_as_on_file_from_of_old(installation: Installation, tmp_path: Path) -> None:
    (installation.folder / "kirjaamo.db").unlink()
    assert run("db", "upgrade", "--config", installation.config).returncode == 0
    assert run("register", "sample", "--customers", "20", "--out", tmp_path).returncode == 0
    rows = (tmp_path / "register.jsonl").read_text("utf-8").splitlines(keepends=True)
    first, second = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    first.write_text("".join(rows[:15]), "utf-8")
    second.write_text("".join(rows[15:]), "utf-8")
    done = run("register", "import", first, second, "--config", installation.config)
    assert done.returncode == 0, done.stderr
    database = Database(f"sqlite:///{installation.folder / 'kirjaamo.db'}")
    years = database.read_now(lambda session: {one.on_file_since.year for one in session.scalars(select(ContactPoint))})
    database.close()
    assert years == {1900}


def test_everything_held_about_one_customer_as_files(installation: Installation, tmp_path: Path) -> None:
    done = run("register", "dossier", "100234", "--out", tmp_path / "out", "--config", installation.config)
    assert done.returncode == 0, done.stderr
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["access-100234.pdf", "access-100234.zip"]
    sentence = refused("register", "dossier", "999999", "--out", tmp_path / "out", "--config", installation.config)
    assert "there is no customer 999999" in sentence
