"""A stranger writes what looks like the verdict of the site's own MTA: it must never confirm anybody."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

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


GMAIL = (
    "Received: by 2002:a05:6a10:1:b0:1:2:3 with SMTP id a1; Mon, 2 Mar 2026 09:00:01 -0800\r\n"
    "Received: from evil.test (evil.test. [203.0.113.9]) by mx.google.com with ESMTPS id c3; Mon, 2 Mar 2026\r\n"
    "Authentication-Results: mx.google.com; spf=fail smtp.mailfrom=posti.test; dmarc=fail header.from=posti.test\r\n"
)
EXCHANGE = (
    "Authentication-Results: spf=fail (sender IP is 203.0.113.9) smtp.mailfrom=posti.test; dkim=none (message not "
    "signed) header.d=none;dmarc=fail action=oreject header.from=posti.test;compauth=fail reason=000\r\n"
    "Received: from evil.test (203.0.113.9) by AM4.mail.protection.outlook.com (10.1.1.1) with Microsoft SMTP; Mon\r\n"
)
LINES = (
    "Authentication-Results: mx.google.com; dmarc=pass header.from=posti.test",
    "Authentication-Results: spf=pass smtp.mailfrom=posti.test; dmarc=pass action=none header.from=posti.test",
    "Authentication-Results: mx.lampo.test; dmarc=pass header.from=posti.test; arc=pass",
    "Received: from mail.posti.test by mx.google.com with ESMTPS; Mon, 2 Mar 2026 09:00:00 +0200",
    "Received: from mail.posti.test by AM4.mail.protection.outlook.com with Microsoft SMTP; Mon",
    "Received: by 2002:a05:6a10:9:b0:9:9:9 with SMTP id z9; Mon, 2 Mar 2026 09:00:01 -0800",
    "Received: from A.prod.outlook.com (10.1.1.2) by B.prod.outlook.com (10.1.1.3) with HTTPS; Mon",
    "Received: from mx.lampo.test by mx.lampo.test with LMTP; Mon, 2 Mar 2026 09:00:01 +0200",
    "ARC-Seal: i=1; cv=none; d=evil.test; b=AA==",
    "ARC-Message-Signature: i=1; d=evil.test; h=from; b=AA==",
    "ARC-Authentication-Results: i=1; lista.test; dmarc=pass header.from=posti.test",
    "X-MS-Exchange-Organization-AuthAs: Internal",
    "DKIM-Signature: v=1; d=posti.test",
)


@given(st.lists(st.sampled_from(LINES), max_size=8))
def test_whatever_a_sender_writes_in_the_services_own_style_changes_nothing(lines: list[str]) -> None:
    forged = "".join(f"{line}\r\n" for line in lines)
    sealers = ("lista.test",)
    for hosts in ((), ("mx.google.com",)):
        gmail = {"authserv_id": "mx.google.com", "own_hosts": hosts, "position": "below", "arc_sealers": sealers}
        assert verdict(GMAIL + forged, **gmail) == "fail"
    assert verdict(EXCHANGE + forged, authserv_id="exchange-online", arc_sealers=sealers) == "fail"
    border = f"{OURS}dmarc=fail header.from=posti.test\r\n{OUTSIDE}\r\n"
    assert verdict(border + forged, own_hosts=OWN, arc_sealers=sealers) == "fail"
    # A mail that the service stamped nothing on: what the sender wrote does not stand in for it.
    bare = EXCHANGE.partition("\r\n")[2]
    assert verdict(bare + forged, authserv_id="exchange-online", arc_sealers=sealers) == "none"


WORDS = [
    "none",
    "neutral",
    "softfail",
    "fail",
    "hardfail",
    "policy",
    "temperror",
    "permerror",
    "bestguesspass",
    "passed",
]


@given(st.sampled_from(WORDS), st.sampled_from(WORDS), st.sampled_from(WORDS), st.sampled_from(["pass", "fail"]))
def test_no_word_but_pass_is_a_pass_wherever_it_is_believed(dmarc: str, spf: str, dkim: str, compauth: str) -> None:
    results = (
        f"spf={spf} smtp.mailfrom=posti.test; dkim={dkim} header.d=posti.test; dmarc={dmarc} header.from=posti.test; "
        f"compauth={compauth} reason=100"
    )
    assert verdict(f"{OURS}{results}\r\n{OUTSIDE}\r\n", own_hosts=OWN) != "pass"
    border = EXCHANGE.partition("\r\n")[2]
    assert verdict(f"Authentication-Results: {results}\r\n{border}", authserv_id="exchange-online") != "pass"
    below = f"{GMAIL.rpartition('Authentication-Results')[0]}Authentication-Results: mx.google.com; {results}\r\n"
    assert verdict(below, authserv_id="mx.google.com", position="below") != "pass"
