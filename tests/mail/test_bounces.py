"""What mail systems say of mail that did not arrive is understood, whoever wrote it and however broken it is."""

import tomllib
from pathlib import Path
from typing import Any

DATA = Path(__file__).parent / "data" / "automatic"


def as_mail(entry: dict[str, Any]) -> bytes:
    """The bytes of a mail that an entry of the data describes."""
    fields = {
        "From": entry["from"],
        "To": "asiakaspalvelu@lampo.test",
        "Subject": entry["subject"],
        "MIME-Version": "1.0",
    } | entry.get("fields", {})
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    subtype = "html" if entry.get("html") else "plain"
    text = f"Content-Type: text/{subtype}; charset=utf-8\r\n\r\n" + entry["text"].strip("\n").replace("\n", "\r\n") + "\r\n"
    parts = [text]
    if report := entry.get("report"):
        parts.append(
            "Content-Type: message/delivery-status\r\n\r\n" + report.strip("\n").replace("\n", "\r\n") + "\r\n"
        )
    if returned := entry.get("returned"):
        parts.append(
            "Content-Type: message/rfc822\r\n\r\n" + returned.strip("\n").replace("\n", "\r\n") + "\r\n\r\nHei\r\n"
        )
    if len(parts) == 1:
        return (head + text).encode()
    kind = "multipart/report; report-type=delivery-status" if report else "multipart/mixed"
    body = "".join(f"--raja\r\n{part}\r\n" for part in parts)
    return f"{head}Content-Type: {kind}; boundary=raja\r\n\r\n{body}--raja--\r\n".encode()
