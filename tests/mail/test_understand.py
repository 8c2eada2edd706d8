"""A mail, whatever its bytes, ends as a message that a person can read."""

import time

import corpora
import pytest
from corpora import read

from mail.message import Envelope, RawMessage
from mail.understand import Trust, understand, unread

AINO = b"From: Aino Esimerkkil\xc3\xa4 <aino.esimerkkila@posti.test>\r\nTo: asiakaspalvelu@lampo.test\r\n"


def test_most_mails_of_the_mime_corpus_are_fully_right(capsys: pytest.CaptureFixture[str]) -> None:
    right, total, tally = corpora.mime_table()
    with capsys.disabled():
        print(f"\nmime_imaptools: {right} of {total} fully right; wrong fields: {dict(tally)}")
    assert right >= 104


def test_bounces_are_told_from_other_mail_and_their_recipients_named(capsys: pytest.CaptureFixture[str]) -> None:
    kinds, recipients, total = corpora.bounce_table()
    with capsys.disabled():
        print(f"\nbounce_flufl: {kinds} of {total} told apart, recipients right in {recipients}")
    assert kinds >= 116
    assert recipients >= 113


def test_no_word_of_a_writer_is_lost_with_the_quotation(capsys: pytest.CaptureFixture[str]) -> None:
    lost, leaked, total = corpora.reply_table()
    with capsys.disabled():
        print(f"\nreply_github: own words lost in {lost}, quotation leaked in {leaked} of {total}")
    assert lost == 0
    assert leaked == 0


@pytest.mark.parametrize("name", ["mime_imaptools", "bounce_flufl", "reply_github"])
def test_no_mail_of_a_corpus_is_unreadable_or_slow(name: str) -> None:
    for file, content, _ in corpora.cases(name):
        began = time.monotonic()
        message = read(content)
        assert "UNREADABLE" not in message.problems, file
        assert time.monotonic() - began < 10, file  # INV-8


def _nested(depth: int) -> bytes:
    head = b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (level, level) for level in range(depth)
    )
    return AINO + head + b"Content-Type: text/plain\r\n\r\nMoi\r\n"


HOSTILE = {
    "empty": b"",
    "only line ends": b"\r\n" * 1000,
    "only NUL": b"\0" * 100_000,
    "junk": bytes(range(256)) * (10 * 1024 * 4),
    "nested a thousand deep": _nested(1000),
    "forwarded a thousand deep": AINO + b"Content-Type: message/rfc822\r\n\r\n" * 1000 + b"Moi",
    "ten thousand parts": AINO + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nMoi\r\n" * 10_000,
    "a header of a million fields": b"X: y\r\n" * 1_000_000 + AINO + b"\r\nMoi",
    "one field of ten megabytes": b"Subject: " + b"=?a?q?" * 1_700_000 + b"\r\n" + AINO + b"\r\nMoi",
    "a million quoted lines": AINO + b"\r\n" + b"> moi\r\n" * 1_000_000,
    "a million blank lines before attributions": AINO + b"\r\n" + b"\n" * 500_000 + b"On 3.3.2026 A wrote:\n" * 50_000,
    "html nested deep": AINO + b"Content-Type: text/html\r\n\r\n" + b"<div>" * 200_000 + b"Moi",
    "html with open formatting": AINO + b"Content-Type: text/html\r\n\r\n" + b"<b><p>" * 30_000 + b"Moi",
    "html with endless attributes": AINO + b"Content-Type: text/html\r\n\r\n<p " + b"a=b " * 200_000 + b">Moi",
    "combining marks": AINO + b"Content-Type: text/plain; charset=utf-8\r\n\r\na" + "\u0301\u0327".encode() * 300_000,
    "uuencoded without end": AINO + b"\r\n" + b"begin 644 a\r\n" * 50_000,
    "commas in To": b"To: " + b"," * 1_000_000 + b"\r\n" + AINO + b"\r\nMoi",
    "parentheses in From": b"From: " + b"(" * 500_000 + b"\r\n\r\nMoi",
    "references without end": AINO + b"References: " + b"<a@b.test> " * 100_000 + b"\r\n\r\nMoi",
    "a content type of semicolons": AINO + b"Content-Type: text/plain" + b";" * 1_000_000 + b"\r\n\r\nMoi",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_bytes_end_as_a_message_in_time(name: str) -> None:
    began = time.monotonic()
    message = read(HOSTILE[name])
    assert "UNREADABLE" not in message.problems
    assert "\0" not in message.text + message.subject
    assert time.monotonic() - began < 10  # INV-8


def test_a_mail_with_a_missing_or_doubled_from_names_no_sender() -> None:
    assert "NO_FROM" in read(b"Subject: Moi\r\n\r\nMoi").problems
    twice = read(AINO + b"From: eino.mallikas@posti.test\r\n\r\nMoi")
    assert twice.from_address == ""
    assert "TWO_FROM" in twice.problems


def test_an_ordinary_mail_is_read_as_its_reader_would() -> None:
    message = read(
        AINO + b"Subject: =?utf-8?q?L=C3=A4mm=C3=B6n_hinta?=\r\nMessage-ID: <1@posti.test>\r\n"
        b"Date: Tue, 3 Mar 2026 12:15:00 +0200\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
        + "Hei, pyydän kopion kaikista tiedoistani.\r\n\r\n-- \r\nAino\r\n".encode()
    )
    assert message.from_address == "aino.esimerkkila@posti.test"
    assert message.from_text == "Aino Esimerkkilä <aino.esimerkkila@posti.test>"
    assert message.subject == "Lämmön hinta"
    assert message.date == "2026-03-03T12:15:00+02:00"
    assert message.message_id == "<1@posti.test>"
    assert message.language == "fi"
    assert message.new_text == "Hei, pyydän kopion kaikista tiedoistani."
    assert message.automatic.kind == "none"
    assert message.automatic.may_acknowledge


def test_what_a_worker_could_not_finish_is_still_shown_and_never_acknowledged() -> None:
    raw = RawMessage("email", "smtp", b"Hei \xe4\0", "message/rfc822", Envelope(), corpora.RECEIVED_AT)
    message = unread(raw, "TIME_LIMIT")
    assert message.text == "Hei ä"
    assert message.problems == ("TIME_LIMIT",)
    assert not message.automatic.may_acknowledge


def test_our_own_mail_is_known_as_our_own() -> None:
    raw = corpora.mail(b"From: tietosuoja@lampo.test\r\n\r\nMoi")
    assert understand(raw, Trust(own_addresses=("Tietosuoja@lampo.test",))).automatic.kind == "own"
