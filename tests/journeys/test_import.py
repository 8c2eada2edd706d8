"""A large import beside a running service: every mail is taken while it runs."""

import smtplib
import subprocess
import time
from datetime import datetime, timedelta
from pathlib import Path

from tests.journeys.installation import COMMAND, Installation, run

ROWS = 200_000
MAPPING = """
[[file]]
name = "lukemat.csv"
table = "readings"
decimal = ","
[file.columns]
"Asiakas" = "customer_number"
"Mittari" = "meter"
"Aika" = "read_at"
"MWh" = "mwh"
"""
MAIL = (
    b"From: aino.esimerkkila@posti.test\r\nTo: asiakaspalvelu@lampo.test\r\nSubject: Kysymys\r\n"
    b"Message-ID: <%d@posti.test>\r\n\r\nMilloin lasku tulee?\r\n"
)


def write_readings(folder: Path) -> Path:
    """Hourly readings of one customer, more than twenty years of them."""
    began, path = datetime(2001, 1, 1), folder / "lukemat.csv"  # noqa: DTZ001 - local, as a system exports it
    with path.open("w", encoding="utf-8") as file:
        file.write("Asiakas;Mittari;Aika;MWh\n")
        for hour in range(ROWS):
            moment, figure = began + timedelta(hours=hour), f"{hour / 100:.2f}".replace(".", ",")
            file.write(f"100234;LM7;{moment:%Y-%m-%d %H:%M}+00:00;{figure}\n")
    return path


def test_every_mail_is_taken_while_two_hundred_thousand_rows_come_in(
    installation: Installation, tmp_path: Path
) -> None:
    (tmp_path / "mapping.toml").write_text(MAPPING, "utf-8")
    file = write_readings(tmp_path)
    installation.serve()
    config = ["--config", str(installation.config)]
    taking = subprocess.Popen(
        [COMMAND, "register", "import", str(file), "--mapping", str(tmp_path / "mapping.toml"), *config],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    taken = 0
    while taking.poll() is None:
        # Its own limit: an answer that takes longer than five seconds fails here (CRASH-PLAN 5).
        with smtplib.SMTP("127.0.0.1", installation.smtp_port, timeout=5) as client:
            assert client.sendmail("aino.esimerkkila@posti.test", ["asiakaspalvelu@lampo.test"], MAIL % taken) == {}
        taken += 1
        time.sleep(0.05)
    said, wrong = taking.communicate()
    assert taking.returncode == 0, wrong
    assert f"reading: {ROWS} new" in said
    assert taken > 10
    again = run("register", "import", file, "--mapping", tmp_path / "mapping.toml", "--dry-run", *config)
    assert f"reading: {ROWS} unchanged" in again.stdout
