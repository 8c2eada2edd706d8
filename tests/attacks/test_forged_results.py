"""A stranger writes what looks like the verdict of the site's own MTA: it must never confirm anybody."""

import pytest

from mail.authentication import authenticate
from mail.fields import split_header
from mail.received import accepted_at

AINO = "aino.esimerkkila@posti.test"
OURS = "Authentication-Results: mx.lampo.test; "
FORGED_PASS = OURS + "dmarc=pass header.from=posti.test\r\n"
OUTSIDE = (
    "Received: from evil.test (evil.test [203.0.113.9]) by mx.lampo.test with ESMTPS; Mon, 2 Mar 2026 09:00:00 +0200"
)
HELO_LIES = OUTSIDE.replace("from evil.test ", "from store.lampo.test ")
HELO_IS_LOOPBACK = OUTSIDE.replace("from evil.test ", "from [127.0.0.1] ")
HELO_IS_BORDER = OUTSIDE.replace("from evil.test ", "from mx.lampo.test ")
NOT_RESOLVED = HELO_LIES.replace("(evil.test [", "(unknown [")
FORGED_HOP = "Received: from evil.test by mx.lampo.test with ESMTP; Thu, 1 Jan 2026 00:00:00 +0200\r\n"
OWN = ("mx.lampo.test", "store.lampo.test")


def verdict(block: str, **settings: object) -> str:
    header, _ = split_header(block.encode() + b"\r\n")
    return authenticate(header, AINO, **{"authserv_id": "mx.lampo.test", **settings}).verdict  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "results",
    [
        'spf=pass smtp.mailfrom="aino@posti.test"@evil.test',
        'spf=pass smtp.mailfrom="aino@posti.test "@evil.test',
        'spf=pass smtp.mailfrom="aino@posti.test\\""@evil.test',
        "spf=pass smtp.mailfrom=aino@posti.test @evil.test",
        "spf=pass smtp.mailfrom=aino@posti.test (x)@evil.test",
        'dkim=pass header.i="@posti.test"@evil.test',
        "dmarc=pass header.from=posti.test evil.test",
    ],
)
def test_an_envelope_sender_that_quotes_the_customers_domain_is_not_of_it(results: str) -> None:
    assert verdict(f"{OURS}{results}\r\n{OUTSIDE}\r\n") != "pass"


@pytest.mark.parametrize("outside", [OUTSIDE, HELO_LIES, HELO_IS_LOOPBACK, HELO_IS_BORDER, NOT_RESOLVED])
@pytest.mark.parametrize("honest", ["", OURS + "spf=none smtp.mailfrom=evil.test\r\n"])
def test_a_received_field_in_our_borders_name_does_not_move_the_border(outside: str, honest: str) -> None:
    block = f"{honest}{outside}\r\n{FORGED_PASS}{FORGED_HOP}"
    assert verdict(block, own_hosts=OWN) == "none"
    header, _ = split_header(block.encode() + b"\r\n")
    received = accepted_at(header, OWN)
    assert received is not None
    assert (received.month, received.day) == (3, 2)


@pytest.mark.parametrize(
    "handed_over",
    [
        "from mx.lampo.test by store.lampo.test with ESMTP",
        "from mx.lampo.test (mx.lampo.test [203.0.113.1]) by store.lampo.test (Postfix) with ESMTP",
        "from mx.lampo.test (unknown [10.0.0.2]) by store.lampo.test (Postfix) with ESMTP",
        "from mx (10.0.0.2) by store.lampo.test (10.0.0.3) with Microsoft SMTP Server",
        "from localhost (localhost [127.0.0.1]) by mx.lampo.test (Postfix) with ESMTP",
        "from localhost ([::1]) by mx.lampo.test with LMTP",
        "from mx.lampo.test by mx.lampo.test with LMTP",
        "by store.lampo.test (Postfix, from userid 110)",
    ],
)
def test_a_mail_that_went_through_our_own_hosts_keeps_its_pass(handed_over: str) -> None:
    block = f"Received: {handed_over}; Mon, 2 Mar 2026 09:00:01 +0200\r\n{FORGED_PASS}{OUTSIDE}\r\n"
    assert verdict(block, own_hosts=OWN) == "pass"
