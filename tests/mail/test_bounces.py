"""What mail systems say of mail that did not arrive is understood, whoever wrote it and however broken it is."""

import base64
import time
from typing import Any

import pytest
from corpora import entries, mail, written
from hypothesis import given
from hypothesis import strategies as st

from mail.message import Automatic
from mail.understand import Trust, understand

DOOR = Trust(own_addresses=("asiakaspalvelu@lampo.test",))
BOUNCES = entries("bounces")
REPORT = (
    "Reporting-MTA: dns; mx.muu.test\r\n\r\nOriginal-Recipient: rfc822;aino@posti.test\r\n"
    "Final-Recipient: rfc822; aino@sisa.test\r\nAction: failed\r\nStatus: 5.1.1\r\n"
)


def understood(content: bytes, envelope: str = "jokin@muu.test") -> Automatic:
    return understand(mail(content, envelope), DOOR).automatic


def composed(*parts: str, kind: str = "multipart/mixed", head: str = "From: MAILER-DAEMON@muu.test\r\n") -> bytes:
    body = "".join(f"--raja\r\n{part}\r\n" for part in parts)
    return f"{head}Content-Type: {kind}; boundary=raja\r\n\r\n{body}--raja--\r\n".encode()


@pytest.mark.parametrize("entry", BOUNCES, ids=[f"{at} {entry['family']}" for at, entry in enumerate(BOUNCES)])
def test_a_mail_system_is_understood_whichever_it_is(entry: dict[str, Any]) -> None:
    found = understood(written(entry), entry.get("envelope", "jokin@muu.test"))
    assert found.kind == entry.get("kind", "bounce")
    assert set(found.failed_recipients) == set(entry["failed"])
    assert found.status == entry.get("status", "")
    assert set(found.returned_message_ids) == set(entry.get("returned_ids", []))
    assert not found.may_acknowledge
    assert found.reasons


@pytest.mark.parametrize(
    "content",
    [
        composed(f"Content-Type: message/delivery-status\r\n\r\n{REPORT}"),
        composed(f"Content-Type: message/delivery-status\r\n\r\n{REPORT}", kind="multipart/report; report-type=status"),
        composed(f"Content-Type: message/global-delivery-status\r\n\r\n{REPORT}", kind="multipart/report"),
        composed(f"Content-Type: text/plain\r\n\r\n{REPORT}", kind="multipart/report; report-type=delivery-status"),
        composed(f"Content-Type: application/octet-stream\r\n\r\n{REPORT}"),
        composed(
            "Content-Type: message/delivery-status\r\nContent-Transfer-Encoding: base64\r\n\r\n"
            + base64.b64encode(REPORT.encode()).decode()
        ),
        composed(
            "Content-Type: multipart/report; report-type=delivery-status; boundary=sisa\r\n\r\n--sisa\r\n"
            f"Content-Type: message/delivery-status\r\n\r\n{REPORT}\r\n--sisa--"
        ),
        f"From: postmaster@muu.test\r\nContent-Type: message/delivery-status\r\n\r\n{REPORT}".encode(),
        f"From: postmaster@muu.test\r\nSubject: Tiedoksi\r\n\r\nSee:\r\n\r\n{REPORT}".encode(),
    ],
)
def test_a_report_is_read_wherever_it_stands(content: bytes) -> None:
    found = understood(content)
    assert (found.kind, found.failed_recipients, found.status) == ("bounce", ("aino@posti.test",), "5.1.1")


def test_a_report_within_the_returned_mail_is_not_what_this_one_reports() -> None:
    inner = REPORT.replace("aino", "vanha")
    content = composed(
        f"Content-Type: message/delivery-status\r\n\r\n{REPORT}",
        "Content-Type: message/rfc822\r\n\r\nContent-Type: multipart/report; boundary=sisa\r\n\r\n--sisa\r\n"
        f"Content-Type: message/delivery-status\r\n\r\n{inner}\r\n--sisa--",
        kind="multipart/report; report-type=delivery-status",
    )
    assert understood(content).failed_recipients == ("aino@posti.test",)


@pytest.mark.parametrize("subject", ["Undelivered Mail Returned to Sender", "Fwd: Undelivered Mail", "Apua"])
def test_a_person_who_attaches_a_bounce_is_a_person(subject: str) -> None:
    bounce = composed(f"Content-Type: message/delivery-status\r\n\r\n{REPORT}", kind="multipart/report").decode()
    bounce = bounce.replace("raja", "sisa")
    content = composed(
        "Content-Type: text/plain; charset=utf-8\r\n\r\nSain tämän. Mikä on oikea osoite?",
        f"Content-Type: message/rfc822\r\n\r\n{bounce}",
        head=f"From: aino.esimerkkila@posti.test\r\nSubject: {subject}\r\n",
    )
    assert understood(content, "aino.esimerkkila@posti.test").kind == "none"


def test_a_person_who_pastes_a_report_is_a_person() -> None:
    content = f"From: aino@posti.test\r\nSubject: Palautunut\r\n\r\nMiksi tuli tällainen?\r\n\r\n{REPORT}"
    assert understood(content.encode(), "aino@posti.test").kind == "none"


def test_a_responder_with_the_null_path_keeps_its_own_kind_whatever_it_answers() -> None:
    content = b"From: aino@posti.test\r\nSubject: Autosvar: Delivery failure of my meter\r\n\r\nJag har semester.\r\n"
    assert understood(content, "").kind == "auto_reply"


def test_we_are_never_named_as_failed() -> None:
    content = (
        "From: MAILER-DAEMON@muu.test\r\nSubject: failure notice\r\n\r\n"
        "Mail from\r\nasiakaspalvelu@lampo.test\r\nto\r\n<aino@posti.test>\r\nfailed: 550 5.1.1\r\n"
    )
    assert understood(content.encode()).failed_recipients == ("aino@posti.test",)


def test_of_several_addressees_none_is_guessed() -> None:
    content = composed(
        "Content-Type: text/plain\r\n\r\nYour message could not be delivered.",
        "Content-Type: message/rfc822\r\n\r\nTo: aino@posti.test, eino@posti.test\r\n"
        "Message-ID: <1@lampo.test>\r\n\r\nHei",
        head="From: MAILER-DAEMON@muu.test\r\nSubject: failure notice\r\n",
    )
    found = understood(content)
    assert (found.kind, found.failed_recipients, found.returned_message_ids) == ("bounce", (), ("<1@lampo.test>",))


def test_identifiers_are_bounded_and_named_once() -> None:
    many = " ".join(f"<{number}@lampo.test>" for number in range(50))
    content = f"From: MAILER-DAEMON@muu.test\r\nIn-Reply-To: <1@lampo.test>\r\nReferences: {many}\r\n\r\nfailed\r\n"
    found = understood(content.encode()).returned_message_ids
    assert len(found) == len(set(found)) == 20
    assert found[0] == "<1@lampo.test>"


HOSTILE = {
    "addresses": "a@b.test " * 100_000,
    "almost addresses": "a." * 500_000 + "@",
    "one word": "a" * 1_000_000,
    "colons": "could not be delivered:\n" * 50_000,
    "recipients": "Final-Recipient: rfc822; a@b.test\nAction: failed\n" * 50_000,
    "folded": "Final-Recipient: rfc822; a\n" + " b" * 500_000,
    "parentheses": "a@b.test (" * 100_000,
    "quotation marks": '"' * 500_000,
    "identifiers": "Message-ID: <a@b.test>\n" * 50_000,
    "olen": "olen " * 200_000,
    "numbers": "5.1." * 250_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_bounces_end_in_time(name: str) -> None:
    head = "From: MAILER-DAEMON@muu.test\nSubject: failure notice\nContent-Type: message/delivery-status\n\n"
    for start in (head, head.replace("message/delivery-status", "text/plain"), "From: aino@posti.test\n\n"):
        began = time.monotonic()
        understood((start + HOSTILE[name]).encode())
        assert time.monotonic() - began < 10  # INV-8


PIECES = st.sampled_from(
    [
        b"From: MAILER-DAEMON@muu.test\r\n",
        b"From: \r\n",
        b"Subject: failure notice\r\n",
        b"Subject: =?utf-8?q?Autosvar=3A?=\r\n",
        b"Subject: \xe8\x87\xaa\xe5\x8b\x95\r\n",
        b"Auto-Submitted: (\r\n",
        b"Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n",
        b"Content-Type: message/delivery-status\r\n",
        b"Content-Type: text/calendar; method=REPLY\r\n",
        b"List-Id: <a>\r\n",
        b"Return-Path: <>\r\n",
        b"\r\n",
        b"--b\r\n",
        b"--b--\r\n",
        b"Final-Recipient: rfc822;<\r\n",
        b"Original-Recipient: x400; /RFC-822=a(a)b\r\n",
        b"Final-Recipient: utf-8; \\x{D800}\\x{110000}@\\x{41}\r\n",
        b"Action: failed\r\n",
        b"Status: 5\r\n",
        b"Message-ID: <>\r\n",
        b"To: a@b.test\r\n",
        b"could not be delivered to:\r\n a\r\n",
        b"This is an automated response\r\n",
        b'"bouncedRecipients": {"emailAddress": "@"}\r\n',
    ]
)


@given(st.lists(st.one_of(PIECES, st.binary(max_size=40)), max_size=30))
def test_whatever_the_bytes_something_is_decided(pieces: list[bytes]) -> None:
    message = understand(mail(b"".join(pieces), ""), DOOR)
    assert "UNREADABLE" not in message.problems
    assert message.automatic.kind != "bounce" or not message.automatic.may_acknowledge
