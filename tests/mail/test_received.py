"""When the site's own MTA took a mail: its own stamp counts, nobody else's."""

from datetime import UTC, datetime

import pytest

from mail.fields import split_header
from mail.received import accepted_at

BORDER = b"Received: from out.muualta.test by mx.lampo.test with ESMTP id 1; Sat, 31 Jan 2026 23:59:30 +0200\r\n"
INNER = b"Received: from mx.lampo.test by store.lampo.test with LMTP; Sun, 1 Feb 2026 08:00:00 +0200\r\n"
FORGED = b"Received: from a by b.test; Thu, 1 Jan 2026 00:00:00 +0200\r\n"
OWN = ("mx.lampo.test", "store.lampo.test")


def header(*lines: bytes):  # type: ignore[no-untyped-def]
    return split_header(b"".join(lines) + b"From: a@b.test\r\n\r\nx")[0]


def test_the_border_hosts_stamp_counts_not_the_inner_ones() -> None:
    assert accepted_at(header(INNER, BORDER, FORGED), OWN) == datetime(2026, 1, 31, 21, 59, 30, tzinfo=UTC)


def test_a_stamp_below_the_border_is_anybodys() -> None:
    assert accepted_at(header(FORGED, BORDER), OWN) is None
    assert accepted_at(header(BORDER), ()) is None


@pytest.mark.parametrize("stamp", [b"", b"; yesterday", b"; 31 Feb 2026", b"; Sat, 31 Jan 2026 23:59:30"])
def test_a_stamp_that_cannot_be_read_or_has_no_zone_is_none(stamp: bytes) -> None:
    assert accepted_at(header(b"Received: from x by mx.lampo.test" + stamp + b"\r\n"), OWN) is None
