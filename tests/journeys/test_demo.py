"""The demo as a visitor meets it: every sample has become what it should, by the real doors, and the desk shows it."""

import shutil
import subprocess
import time
from email import policy
from email.parser import BytesParser

from tests.journeys.installation import COMMAND, Installation, mail, run, wait_for

TICKET_KEYS = {
    "id", "reference", "state", "resolution", "kinds", "customer", "identification", "channel", "language",
    "received_at", "due_at", "overdue", "flags",
}  # fmt: skip


def by_subject(there: Installation) -> dict[str, dict]:  # type: ignore[type-arg]
    shown = [there.ticket(one["id"]) for one in there.tickets()]
    return {one["subject"]: one for one in shown}


def test_three_languages_three_channels_and_the_keys_that_others_rely_on(running_demo: Installation) -> None:
    tickets = running_demo.printed("tickets", "--json")
    assert {"fi", "sv", "en"} <= {one["language"] for one in tickets}
    assert {"email", "letter", "chat"} == {one["channel"] for one in tickets}
    assert all(set(one) == TICKET_KEYS for one in tickets)
    assert all("-" in one["reference"] and len(one["reference"]) == 9 for one in tickets)


def test_one_ticket_is_printed_with_all_that_belongs_to_it(running_demo: Installation) -> None:
    listed = running_demo.tickets()[0]
    (shown,) = running_demo.printed("ticket", str(listed["id"]), "--json")
    assert shown == running_demo.ticket(listed["id"])
    assert set(shown) >= TICKET_KEYS | {"messages", "drafts", "outbox", "events"}
    message_keys = {"id", "direction", "channel", "from", "received_at", "sha256", "joined_by"}
    assert all(set(one) == message_keys for one in shown["messages"])
    draft_keys = {"version", "state", "template", "language", "recipient", "holds_data", "sha256", "text"}
    assert all(set(one) >= draft_keys for one in shown["drafts"])
    assert all(set(one) >= {"kind", "to", "state", "message_id", "approved_by"} for one in shown["outbox"])


def test_an_access_request_has_a_draft_with_her_own_data_and_a_receipt(running_demo: Installation) -> None:
    ticket = by_subject(running_demo)["Tarkastuspyyntö"]
    assert (ticket["customer"], ticket["identification"], ticket["kinds"]) == (
        "100234",
        "confirmed_channel",
        ["access"],
    )
    draft = ticket["drafts"][0]
    assert draft["holds_data"]
    assert draft["recipient"]["kind"] == "email"
    assert "Aino Esimerkkilä" in draft["text"]
    assert "Tietosuojavaltuutetun toimisto" in draft["text"]
    receipts = [one for one in ticket["outbox"] if one["kind"] == "acknowledgement"]
    assert [one["to"] for one in receipts] == ["aino.esimerkkila@posti.test"]


def test_a_receipt_says_nothing_but_that_it_came(running_demo: Installation) -> None:
    wait_for("receipts", lambda: len(running_demo.sent_mails()) >= 5)
    receipts = [one for one in running_demo.sent_mails() if one["Auto-Submitted"] == "auto-replied"]
    assert receipts
    for receipt in receipts:
        text = receipt.get_content()
        assert "+358 40 000 0099" in text
        assert receipt["In-Reply-To"] is None
        for word in ("Aino", "Astrid", "Imogen", "Seija", "Eino", "Tarkastuspyyntö", "baby"):
            assert word not in text
            assert word not in receipt["Subject"]


def test_a_fault_alerts_the_duty_person_without_a_word_about_the_customer(running_demo: Installation) -> None:
    alerts = wait_for(
        "the alert", lambda: [one for one in running_demo.sent_mails() if one["To"] == "paivystys@lampo.test"]
    )
    for alert in alerts:
        text = alert.get_content()
        assert "/tickets/" in text
        assert "Imogen" not in text
        assert "baby" not in text


def test_a_stranger_is_answered_without_learning_who_is_a_customer(running_demo: Installation) -> None:
    ticket = by_subject(running_demo)["Mistä saatte tietoni?"]
    draft = ticket["drafts"][0]
    assert (draft["template"], draft["holds_data"], draft["recipient"]["kind"]) == ("nothing_held", False, "sender")


def test_an_impostor_gets_neither_receipt_nor_data(running_demo: Installation) -> None:
    ticket = by_subject(running_demo)["Tietopyyntö kiireellinen"]
    assert ticket["identification"] in {"none", "ambiguous", "claimed"}
    assert [one for one in ticket["outbox"] if one["kind"] == "acknowledgement"] == []
    assert not any(draft["holds_data"] for draft in ticket["drafts"])


def test_a_right_hidden_in_a_bill_is_a_request_of_its_own_with_its_own_clock(running_demo: Installation) -> None:
    ticket = by_subject(running_demo)["Lasku väärin"]
    assert {"access", "billing"} <= {one["type"] for one in ticket["requests"]}
    due = {one["type"]: one["due_at"] for one in ticket["requests"]}
    assert due["access"] is not None
    assert due["billing"] is None
    assert ticket["due_at"] == due["access"]


def test_the_letter_was_read_and_is_answered_by_letter(running_demo: Installation) -> None:
    letters = [running_demo.ticket(one["id"]) for one in running_demo.tickets() if one["channel"] == "letter"]
    letter = next(one for one in letters if one["customer"] == "100236")
    assert letter["identification"] == "claimed"
    assert letter["kinds"] == ["access"]
    assert letter["drafts"][0]["recipient"]["kind"] == "postal"


def test_a_mail_from_another_program_is_on_the_desk(running_demo: Installation) -> None:
    known = {one["id"] for one in running_demo.tickets()}
    assert shutil.which("swaks")
    done = subprocess.run(
        ["swaks", "--server", f"127.0.0.1:{running_demo.smtp_port}", "--to", "asiakaspalvelu@lampo.test",
         "--from", "joku@muualta.test", "--header", "Subject: Hei swaksista", "--body", "Milloin lasku tulee?"],
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    ticket = running_demo.new_ticket(known)
    assert ticket["kinds"] == ["billing"]


def test_started_again_on_the_same_folder_it_enters_nothing_twice(running_demo: Installation) -> None:
    before = len(running_demo.tickets())
    samples = [one for one in running_demo.tickets() if one["identification"] == "confirmed_channel"]
    assert samples
    running_demo.send(mail("Sama viesti kahdesti", subject="Kerran"))
    content = mail("Toinen viesti", subject="Kahdesti", sender="joku@muualta.test")
    running_demo.send(content, "joku@muualta.test")
    running_demo.send(content, "joku@muualta.test")
    wait_for("both", lambda: len(running_demo.tickets()) == before + 2)
    time.sleep(1.0)
    assert len(running_demo.tickets()) == before + 2


def test_a_second_instance_on_the_same_database_is_refused_with_a_sentence(running_demo: Installation) -> None:
    done = run("serve", "--config", running_demo.config)
    assert done.returncode == 1
    assert done.stderr.startswith("kirjaamo: ")
    assert len(done.stderr.strip().splitlines()) == 1


def test_the_doctor_finds_the_demo_well_and_the_trail_whole(running_demo: Installation) -> None:
    checked = run("check", "--config", running_demo.config)
    assert checked.returncode == 0, checked.stdout
    verified = run("audit", "verify", "--config", running_demo.config)
    assert verified.returncode == 0, verified.stderr
    assert "whole" in verified.stdout


def test_what_goes_out_is_a_mail_that_others_can_read(running_demo: Installation) -> None:
    for path in (running_demo.folder / "sent/new").glob("*"):
        content = path.read_bytes()
        assert content.isascii()
        parsed = BytesParser(policy=policy.default).parsebytes(content)
        assert not parsed.defects
    assert COMMAND.exists()
