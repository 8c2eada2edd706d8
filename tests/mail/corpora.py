"""Reads the shared corpora and says how much of each is read right. Used by the tests and as a command to look at."""

import json
import re
import tomllib
import unicodedata
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mail.addresses import address_list
from mail.message import Envelope, InboundMessage, RawMessage
from mail.understand import Trust, understand

SHARED = Path(__file__).parents[2] / ".." / "shared"
RECEIVED_AT = datetime(2026, 3, 3, 10, 15, tzinfo=UTC)


def mail(content: bytes, sender: str = "aino.esimerkkila@posti.test") -> RawMessage:
    """A mail as the SMTP door hands it on."""
    envelope = Envelope(sender, ("asiakaspalvelu@lampo.test",), "192.0.2.1")
    return RawMessage("email", "smtp", content, "message/rfc822", envelope, RECEIVED_AT)


def read(content: bytes, sender: str = "aino.esimerkkila@posti.test") -> InboundMessage:
    """What is understood of a mail at a door that trusts nothing."""
    return understand(mail(content, sender), Trust())


def entries(name: str) -> list[dict[str, Any]]:
    """The mails that one of our own data files about machines and people describes."""
    path = Path(__file__).parent / "data" / "automatic" / f"{name}.toml"
    found: list[dict[str, Any]] = tomllib.loads(path.read_text("utf-8"))["mail"]
    return found


def written(entry: dict[str, Any]) -> bytes:
    """The bytes of the mail that an entry describes."""
    fields = {
        "From": entry.get("from", entry.get("sender", "aino.esimerkkila@posti.test")),
        "To": "asiakaspalvelu@lampo.test",
        "Subject": entry["subject"],
        "MIME-Version": "1.0",
    } | entry.get("fields", {})
    head = "".join(f"{name}: {value}\n" for name, value in fields.items())
    subtype = "html" if entry.get("html") else "plain"
    parts = [f"Content-Type: text/{subtype}; charset=utf-8\n\n" + entry["text"].strip("\n") + "\n"]
    if report := entry.get("report"):
        parts.append("Content-Type: message/delivery-status\n\n" + report.strip("\n") + "\n")
    if returned := entry.get("returned"):
        parts.append("Content-Type: message/rfc822\n\n" + returned.strip("\n") + "\n\nHei\n")
    whole = head + parts[0]
    if len(parts) > 1:
        kind = "multipart/report; report-type=delivery-status" if report else "multipart/mixed"
        body = "".join(f"--raja\n{part}\n" for part in parts)
        whole = f"{head}Content-Type: {kind}; boundary=raja\n\n{body}--raja--\n"
    return whole.replace("\n", "\r\n").encode()


def cases(name: str) -> Iterator[tuple[str, bytes, dict[str, Any]]]:
    """Name, bytes and expectation of each mail of one corpus."""
    folder = SHARED / "corpora" / name
    assert folder.is_dir(), f"the shared corpus {name} is not there: put shared/ beside the project's folder"
    for file, expected in json.loads((folder / "expectations.json").read_bytes()).items():
        yield file, (folder / file).read_bytes(), expected


def lines(name: str) -> list[dict[str, Any]]:
    """The labelled cases of one JSON Lines file."""
    path = SHARED / "cases" / name
    assert path.is_file(), f"the shared cases {name} are not there: put shared/ beside the project's folder"
    return [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]


def plain(text: str) -> str:
    """Text for comparing: NFC, white space folded."""
    return re.sub(r"\s+", " ", unicodedata.normalize("NFC", text)).strip()


def wrong_fields(message: InboundMessage, expected: dict[str, Any]) -> set[str]:
    """The fields of a MIME expectation that are not as expected."""
    wrong = set()
    if "subject" in expected and expected["subject"] != "None" and plain(expected["subject"]) != plain(message.subject):
        wrong.add("subject")
    if "from" in expected and _same(expected["from"], address_list(message.from_text)) is False:
        wrong.add("from")
    wrong |= {name for name in ("to", "cc", "reply_to") if not _same(expected[name], getattr(message, name))}
    if any(plain(part) not in plain(message.text) for part in expected.get("body_text_contains", [])):
        wrong.add("text")
    if sorted(expected["attachments"]) != sorted(found.name for found in message.attachments if found.name):
        wrong.add("attachment names")
    if not {digest for digest in expected["attachment_sha256"] if digest} <= {a.sha256 for a in message.attachments}:
        wrong.add("attachment bytes")
    if len(message.attachments) != expected["attachment_count"]:
        wrong.add("attachment count")
    return wrong


def _same(expected: list[str], found: tuple[str, ...]) -> bool:
    return sorted(a.lower() for a in expected if "@" in a) == sorted(a.lower() for a in found)


def mime_table() -> tuple[int, int, Counter[str]]:
    """Mails fully right, mails in all, and how often each field is wrong."""
    right, total, tally = 0, 0, Counter[str]()
    for _, content, expected in cases("mime_imaptools"):
        wrong = wrong_fields(read(content), expected)
        tally.update(wrong)
        right += not wrong
        total += 1
    return right, total, tally


def bounce_table() -> tuple[int, int, int]:
    """Bounces told from other mail, failed recipients right, mails in all."""
    kinds = recipients = total = 0
    for _, content, expected in cases("bounce_flufl"):
        found = read(content).automatic
        kinds += (found.kind == "bounce") == expected["is_bounce"]
        wanted = sorted(a.lower() for a in expected.get("failed_recipients", []))
        recipients += not expected["is_bounce"] or sorted(a.lower() for a in found.failed_recipients) == wanted
        total += 1
    return kinds, recipients, total


def reply_table() -> tuple[int, int, int]:
    """Mails whose writer's own words were lost, mails from which quotation leaked, mails in all."""
    lost = leaked = total = 0
    for _, content, expected in cases("reply_github"):
        found = plain(read(content).new_text)
        lost += any(plain(part) not in found for part in expected.get("reply_contains", []))
        leaked += any(plain(part) in found for part in expected.get("reply_not_contains", []))
        total += 1
    return lost, leaked, total
