"""`kirjaamo explain`, as an operator or a script calls it: any file, any terminal."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from tests.journeys.installation import COMMAND

MAIL = "From: aino@posti.test\r\nSubject: Pyyntö 😀\r\n\r\nPyydän tietoni.\r\n".encode()


def explained(
    *arguments: bytes | str | Path, given: bytes = b"", **environment: str
) -> subprocess.CompletedProcess[bytes]:
    """The command to its end, with bytes in and out."""
    command = [os.fsencode(one) for one in (COMMAND, "explain", *arguments)]
    settings = os.environ | environment
    return subprocess.run(command, input=given, capture_output=True, env=settings, timeout=120, check=False)


def lines(done: subprocess.CompletedProcess[bytes]) -> list[dict[str, Any]]:
    """The objects that it printed."""
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    return [json.loads(line.decode("utf-8")) for line in done.stdout.splitlines()]


def test_a_file_whose_name_is_in_old_bytes_is_named_so_that_it_can_be_found(tmp_path: Path) -> None:
    path = os.fsencode(tmp_path) + b"/pyynt\xf6.eml"
    Path(os.fsdecode(path)).write_bytes(MAIL)
    (found,) = lines(explained("--json", path, LC_ALL="C.UTF-8"))
    assert os.fsencode(found["file"]) == path
    assert explained(path, LC_ALL="C.UTF-8").returncode == 0


def test_on_a_terminal_that_knows_no_umlauts_everything_is_said_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "a.eml").write_bytes(MAIL)
    (found,) = lines(explained("--json", tmp_path / "a.eml", PYTHONIOENCODING="ascii"))
    assert found["message"]["subject"] == "Pyyntö 😀"
    assert b"Pyynt\\xf6" in explained(tmp_path / "a.eml", PYTHONIOENCODING="ascii").stdout


def test_a_mail_may_come_by_a_pipe() -> None:
    (found,) = lines(explained("--json", "/dev/stdin", given=MAIL))
    assert found["message"]["from_address"] == "aino@posti.test"


def test_what_is_no_file_is_said_in_one_sentence_before_any_work(tmp_path: Path) -> None:
    (tmp_path / "a.eml").write_bytes(MAIL)
    for absent in (tmp_path, tmp_path / "b.eml"):
        done = explained("--json", tmp_path / "a.eml", absent)
        assert (done.returncode, done.stdout) == (1, b"")
        assert done.stderr.decode() == f"kirjaamo: {absent}: there is no such file\n"
