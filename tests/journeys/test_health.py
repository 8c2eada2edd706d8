"""What the host's watchers see, and what becomes of a service whose database is taken over."""

import httpx
import psycopg

from bot import demo
from store.database import Database
from store.sample import load_sample
from tests.journeys.installation import Installation, wait_for


def test_the_watchers_see_numbers_and_no_people(running_demo: Installation) -> None:
    assert httpx.get(f"{running_demo.url}/healthz").text == "ok\n"
    ready = httpx.get(f"{running_demo.url}/readyz").json()
    assert ready == {"ready": True, "parts": {"store": True, "owner": True, "chat": True, "letters": True}}
    metrics = httpx.get(f"{running_demo.url}/metrics").text
    assert "kirjaamo_drafts " in metrics
    assert "Aino" not in metrics


def test_a_service_that_loses_its_database_to_another_stops(installation: Installation, postgresql_url: str) -> None:
    installation.amend("sqlite:///kirjaamo.db", postgresql_url)
    database = Database(postgresql_url)
    load_sample(database, 14)
    database.write_now(demo.add_people)
    database.close()
    installation.serve()
    plain = postgresql_url.replace("postgresql+psycopg://", "postgresql://")
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
    process = installation.process
    assert process
    assert wait_for("the stop", lambda: process.poll() is not None, 30)
    assert process.returncode == 1
    assert "the right to serve this database was lost" in (installation.folder / "serve.log").read_text("utf-8")
    installation.process = None
