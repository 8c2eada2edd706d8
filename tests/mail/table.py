"""How much of the shared corpora is read right, as `kirjaamo explain` reads it: one line a set.

    python tests/mail/table.py            prints the table

The command itself is run over every file, in the workers and with the limits of the service; what it prints is compared
with what each set expects.
"""

import json
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import corpora

COMMAND = Path(sys.executable).with_name("kirjaamo")
RECIPIENTS = ("to", "cc", "reply_to")


def explained(name: str) -> dict[str, dict[str, Any]]:
    """What `explain` says of each file of a set, by the file's name."""
    folder = corpora.SHARED / "corpora" / name
    files = [folder / file for file in json.loads((folder / "expectations.json").read_bytes())]
    done = subprocess.run([COMMAND, "explain", "--json", *map(str, files)], capture_output=True, text=True, check=True)
    told = [json.loads(line) for line in done.stdout.split("\n") if line]
    return {Path(one["file"]).name: one for one in told}


def wrong_of_mime(told: dict[str, Any], expected: dict[str, Any]) -> set[str]:
    """The fields of one mail that are not as expected."""
    message = told["message"]
    names = [one["name"] for one in message["attachments"] if one["name"]]
    digests = {one["sha256"] for one in message["attachments"]}
    checks = {
        "subject": expected.get("subject", "None") in {"None", message["subject"]}
        or corpora.plain(expected["subject"]) == corpora.plain(message["subject"]),
        "text": all(
            corpora.plain(part) in corpora.plain(message["text"]) for part in expected.get("body_text_contains", [])
        ),
        "attachment names": sorted(names) == sorted(expected["attachments"]),
        "attachment bytes": {one for one in expected["attachment_sha256"] if one} <= digests,
        "attachment count": len(message["attachments"]) == expected["attachment_count"],
    }
    checks |= {name: _same(expected[name], message[name]) for name in RECIPIENTS}
    return {name for name, right in checks.items() if not right}


def _same(expected: list[str], found: list[str]) -> bool:
    return sorted(one.lower() for one in expected if "@" in one) == sorted(one.lower() for one in found)


def rows() -> list[tuple[str, str]]:
    """A name and a finding a line."""
    began = time.monotonic()
    mime, bounces, replies = (explained(name) for name in ("mime_imaptools", "bounce_flufl", "reply_github"))
    seconds = time.monotonic() - began
    tally = Counter[str]()
    right = 0
    for file, _, expected in corpora.cases("mime_imaptools"):
        wrong = wrong_of_mime(mime[file], expected)
        tally.update(wrong)
        right += not wrong
    told = recipients = 0
    for file, _, expected in corpora.cases("bounce_flufl"):
        found = bounces[file]["automatic"]
        told += (found["kind"] == "bounce") == expected["is_bounce"]
        recipients += sorted(found["failed_recipients"]) == sorted(
            one.lower() for one in expected.get("failed_recipients", [])
        )
    lost = leaked = 0
    for file, _, expected in corpora.cases("reply_github"):
        own = corpora.plain(replies[file]["message"]["new_text"])
        lost += any(corpora.plain(part) not in own for part in expected.get("reply_contains", []))
        leaked += any(corpora.plain(part) in own for part in expected.get("reply_not_contains", []))
    unread = sum("UNREADABLE" in one["flags"] for one in (*mime.values(), *bounces.values(), *replies.values()))
    return [
        ("mime_imaptools", f"{right} of {len(mime)} fully right; wrong: {dict(tally) or 'nothing'}"),
        ("bounce_flufl", f"{told} of {len(bounces)} told apart, {recipients} with the right recipients"),
        ("reply_github", f"own words lost in {lost}, quotation leaked in {leaked} of {len(replies)}"),
        ("all", f"{unread} unreadable; {len(mime) + len(bounces) + len(replies)} mails in {seconds:.1f} s"),
    ]


if __name__ == "__main__":
    for name, finding in rows():
        print(f"{name:16}{finding}")
