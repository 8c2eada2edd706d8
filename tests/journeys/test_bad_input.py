"""What nobody should have sent: each ends as a visible ticket within ten seconds, and the service goes on."""

import os

import pytest

from tests.journeys.installation import Installation, mail, wait_for

HEAD = b"From: a@x.test\r\nSubject: Malli\r\n"
TWO_FROM = b"From: aino.esimerkkila@posti.test\r\nFrom: seija@tuntematon.test\r\n"

BAD_MAILS = {
    "an empty mail": b"",
    "ten megabytes of junk": os.urandom(10 * 1024 * 1024).replace(b"\r\n.\r\n", b""),
    "no From": b"To: asiakaspalvelu@lampo.test\r\nMessage-ID: <1@x.test>\r\n\r\nMilloin lasku tulee?\r\n",
    "two From fields": TWO_FROM + b"Subject: Kaksi\r\n\r\nHei\r\n",
    "an unknown charset": HEAD + b"Content-Type: text/plain; charset=klingon\r\n\r\nHei \xe4\xf6\r\n",
    "no Message-ID": HEAD + b"\r\nHei\r\n",
    "NUL and controls": b"From: a@x.test\r\nSubject: \x00\x01\x1b[31m\r\n\r\n\x00\x00 hei \x07\r\n",
    "a deep nest of parts": b"From: a@x.test\r\nSubject: Syv\r\n"
    + b"".join(b'Content-Type: multipart/mixed; boundary="%d"\r\n\r\n--%d\r\n' % (n, n) for n in range(2000)),
    "a header without end": b"From: a@x.test\r\nSubject: " + b"a" * 2_000_000 + b"\r\n\r\nhei\r\n",
}


@pytest.mark.parametrize("what", BAD_MAILS)
def test_a_bad_mail_ends_as_a_visible_ticket(running_demo: Installation, what: str) -> None:
    known = {one["id"] for one in running_demo.tickets()}
    running_demo.send(BAD_MAILS[what], "joku@muualta.test")
    ticket = running_demo.new_ticket(known)
    assert ticket["identification"] != "confirmed_channel"
    assert not any(draft["holds_data"] for draft in running_demo.ticket(ticket["id"])["drafts"])
    running_demo.send(mail("Vielä hengissä?", subject="Jälkeen"), "joku@muualta.test")
    running_demo.new_ticket(known | {ticket["id"]})


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("rikki.pdf", b"%PDF-1.7\nrikki\n%%EOF\n"),
        ("rikki.png", b"\x89PNG\r\n\x1a\n" + os.urandom(500)),
        ("mika.xyz", b"?"),
    ],
)
def test_an_unreadable_scan_ends_as_a_visible_ticket(running_demo: Installation, name: str, content: bytes) -> None:
    known = {one["id"] for one in running_demo.tickets()}
    part = running_demo.folder / "scans" / f".{name}.part"
    part.write_bytes(content)
    part.rename(running_demo.folder / "scans" / name)
    ticket = running_demo.new_ticket(known)
    assert ticket["channel"] == "letter"
    kept = wait_for("the scan kept", lambda: list((running_demo.folder / "scans/taken").iterdir()))
    assert content in {path.read_bytes() for path in kept}
    assert not (running_demo.folder / "scans" / name).exists()
