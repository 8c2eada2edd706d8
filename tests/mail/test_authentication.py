"""Only what the site's own MTA wrote counts, and only a pass passes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail.authentication import authenticate
from mail.fields import split_header
from mail.message import Authentication
from mail.results import parse_results

AINO = "aino.esimerkkila@posti.test"
OURS = "Authentication-Results: mx.lampo.test; "
BORDER = "Received: from mail.posti.test (mail.posti.test [192.0.2.7]) by mx.lampo.test (Postfix) with ESMTPS; Tue\r\n"
INNER = "Received: from mx.lampo.test by store.lampo.test with LMTP; Tue\r\n"
FOREIGN = "Received: from pc.posti.test by mail.posti.test with ESMTPA; Tue\r\n"


def judge(block: str, sender: str = AINO, **settings: object) -> Authentication:
    header, _ = split_header(block.encode() + b"\r\n")
    return authenticate(header, sender, **{"authserv_id": "mx.lampo.test", **settings})  # type: ignore[arg-type]  # as configured


@pytest.mark.parametrize(
    ("results", "verdict", "reason"),
    [
        ("dmarc=pass header.from=posti.test", "pass", "DMARC_PASS"),
        ("dmarc=pass (p=reject dis=none) header.from=POSTI.test", "pass", "DMARC_PASS"),
        ("dmarc=pass", "pass", "DMARC_PASS"),
        ("dmarc=pass header.from=muu.test", "none", "OTHER_DOMAIN"),
        ("dmarc=fail header.from=posti.test; spf=pass smtp.mailfrom=posti.test", "fail", "DMARC_FAIL"),
        ("dmarc=temperror; spf=pass smtp.mailfrom=posti.test", "none", "NO_PASS"),
        ("dmarc=none; spf=pass smtp.mailfrom=posti.test", "pass", "SPF_ALIGNED"),
        ("spf=pass smtp.mailfrom=aino@posti.test", "pass", "SPF_ALIGNED"),
        ("spf=pass smtp.mailfrom=paluu.posti.test", "pass", "SPF_ALIGNED"),
        ("spf=pass smtp.mailfrom=muuposti.test", "none", "NO_PASS"),
        ("spf=pass smtp.mailfrom=test", "none", "NO_PASS"),
        ("spf=pass smtp.helo=posti.test", "none", "NO_PASS"),
        ("dkim=pass header.d=posti.test", "pass", "DKIM_ALIGNED"),
        ("dkim=pass header.i=@posti.test header.s=k1", "pass", "DKIM_ALIGNED"),
        ("dkim=pass header.d=lista.test; dkim=fail header.d=posti.test", "none", "NO_PASS"),
        ("dkim=fail header.d=posti.test; spf=fail smtp.mailfrom=posti.test", "fail", "SPF_AND_DKIM_FAIL"),
        ("spf=softfail smtp.mailfrom=posti.test; dkim=none", "none", "NO_PASS"),
        ("none", "none", "NO_PASS"),
        ('spf=fail reason="dmarc=pass header.from=posti.test"', "none", "NO_PASS"),
        ("spf=fail (; dmarc=pass header.from=posti.test)", "none", "NO_PASS"),
        ("spf=pass smtp.mailfrom=muu.test smtp.mailfrom=posti.test", "none", "NO_PASS"),
        ("dmarc=pass header.from=muu.test; dmarc=pass header.from=posti.test", "none", "OTHER_DOMAIN"),
    ],
)
def test_the_verdict_follows_from_the_trusted_results(results: str, verdict: str, reason: str) -> None:
    found = judge(OURS + results + "\r\n" + BORDER)
    assert (found.verdict, found.reasons, found.domain) == (verdict, (reason,), "posti.test")


PASS = OURS + "dmarc=pass header.from=posti.test\r\n"


@pytest.mark.parametrize(
    ("block", "settings", "verdict"),
    [
        (PASS + BORDER, {}, "pass"),
        (PASS, {}, "pass"),
        (BORDER + PASS, {}, "none"),
        (BORDER + PASS + FOREIGN, {}, "none"),
        (PASS + BORDER, {"authserv_id": ""}, "none"),
        (PASS + BORDER, {"authserv_id": "mx.muu.test"}, "none"),
        (PASS + BORDER, {"own_hosts": ("mx.lampo.test",)}, "pass"),
        (INNER + PASS + BORDER + FOREIGN, {"own_hosts": ("mx.lampo.test", "store.lampo.test")}, "pass"),
        (INNER + BORDER + PASS + FOREIGN, {"own_hosts": ("mx.lampo.test", "store.lampo.test")}, "none"),
        (INNER + PASS + BORDER + FOREIGN, {"own_hosts": ("store.lampo.test",)}, "none"),
        (PASS + FOREIGN, {"own_hosts": ("mx.lampo.test",)}, "none"),
        (FOREIGN + PASS, {"own_hosts": ("mx.lampo.test",)}, "none"),
        (BORDER + PASS + FOREIGN, {"results_position": "below"}, "pass"),
        (BORDER + FOREIGN + PASS, {"results_position": "below"}, "none"),
        (PASS + BORDER + FOREIGN, {"results_position": "below"}, "none"),
    ],
)
def test_a_field_counts_only_where_no_sender_can_put_one(block: str, settings: dict[str, object], verdict: str) -> None:
    renamed = {"position" if name == "results_position" else name: value for name, value in settings.items()}
    assert judge(block, **renamed).verdict == verdict


TWO_HOSTS = ("mx.lampo.test", "store.lampo.test")
ENCRYPTED = "(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits) key-exchange X25519)"
OVER_TLS = f"{ENCRYPTED}\r\n\t(No client certificate requested)"
FILTERED = (
    "Received: from localhost (localhost [127.0.0.1]) by mx.lampo.test (Postfix) with ESMTP; Tue\r\n"
    "Received: from mx.lampo.test ([127.0.0.1]) by localhost (mx.lampo.test [127.0.0.1]) (amavisd-new); Tue\r\n"
)


def passed_on(client: str, more: str, *, by: str = "store.lampo.test") -> str:
    return f"Received: from {client}\r\n\t{more}\r\n\tby {by} (Postfix) with ESMTPS; Tue\r\n"


@pytest.mark.parametrize(
    "inner",
    [
        passed_on("mx.lampo.test (mx.lampo.test [203.0.113.5])", OVER_TLS),
        passed_on("mx.lampo.test (mx.lampo.test. [203.0.113.5])", ""),
        passed_on("mx.lampo.test (unknown [10.0.0.5])", OVER_TLS),
        passed_on("mx (mx.lampo.test [203.0.113.5])", OVER_TLS),
        FILTERED,
    ],
    ids=["by its name", "with a dot", "on the inner net", "by its short name", "through a filter beside it"],
)
def test_a_host_of_ours_that_hands_the_mail_on_is_known(inner: str) -> None:
    assert judge(inner + PASS + BORDER + FOREIGN, own_hosts=TWO_HOSTS).verdict == "pass"


@pytest.mark.parametrize(
    "border",
    [
        passed_on("mx.lampo.test (unknown [198.51.100.66])", '(Client CN "mx.lampo.test")', by="mx.lampo.test"),
        passed_on(
            "mx.lampo.test (unknown [198.51.100.66])", f"{OVER_TLS} (mx.lampo.test [10.0.0.5])", by="mx.lampo.test"
        ),
        passed_on("mx.lampo.test (mx.lampo.test [198.51.100.66] (may be forged))", "", by="mx.lampo.test"),
        passed_on("mx.lampo.test (mx.lampo.test@vieras.test [198.51.100.66])", "", by="mx.lampo.test"),
        passed_on("mx.lampo.test (HELO mx.lampo.test) (198.51.100.66)", "", by="mx.lampo.test"),
        passed_on("mx.lampo.test (unknown [172.17.0.1])", OVER_TLS, by="mx.lampo.test"),
        passed_on("mx (unknown [172.17.0.1])", OVER_TLS, by="mx.lampo.test"),
        passed_on("localhost (unknown [198.51.100.66])", "", by="mx.lampo.test"),
    ],
    ids=["certificate", "comment", "sendmail doubts", "ident", "qmail", "behind NAT", "short behind NAT", "localhost"],
)
@pytest.mark.parametrize("below", [BORDER, FILTERED + BORDER, INNER + BORDER])
def test_a_stranger_who_calls_himself_ours_is_none_of_ours(border: str, below: str) -> None:
    assert judge(border + PASS + below + FOREIGN, own_hosts=TWO_HOSTS).verdict == "none"


SAID = st.one_of(
    st.sampled_from(
        ["mx.lampo.test", "MX.lampo.test.", "mx", "localhost", "[127.0.0.1]", "store.lampo.test", "by", "::1"]
    ),
    st.text(
        st.characters(min_codepoint=33, max_codepoint=126, exclude_characters='<>()\\";@'), min_size=1, max_size=40
    ),
)
"""What Postfix leaves of a HELO or of a name in a certificate: no blanks, no brackets, no quotation marks."""


@given(
    helo=SAID,
    name=SAID,
    host=st.sampled_from(["unknown", "mail.vieras.test", "mx.lampo.test.vieras.test", "127.0.0.1.vieras.test"]),
    address=st.sampled_from(["198.51.100.66", "IPv6:2001:db8::66"]),
    below=st.sampled_from([BORDER, INNER + BORDER, FILTERED + BORDER]),
)
def test_nothing_that_a_stranger_says_of_himself_makes_him_a_host_of_ours(
    helo: str, name: str, host: str, address: str, below: str
) -> None:
    certificate = f'(Client CN "{name}", Issuer "{name}" (not verified))'
    border = passed_on(f"{helo} ({host} [{address}])", certificate, by="mx.lampo.test")
    assert judge(border + PASS + below + FOREIGN, own_hosts=TWO_HOSTS).verdict == "none"


def test_where_hosts_are_named_a_mail_that_none_of_them_let_in_has_no_border() -> None:
    assert judge(PASS, own_hosts=TWO_HOSTS).verdict == "none"
    assert judge(FILTERED.partition("\n")[2] + PASS, own_hosts=TWO_HOSTS).verdict == "none"


def test_fields_of_one_mta_that_disagree_are_no_pass() -> None:
    block = PASS + OURS + "dmarc=fail header.from=posti.test\r\n" + BORDER
    assert judge(block).verdict == "fail"
    assert judge(PASS + OURS + "dmarc=none\r\n" + BORDER).verdict != "pass"


def test_an_mta_may_write_one_field_for_each_method() -> None:
    block = OURS + "spf=none smtp.mailfrom=posti.test\r\n" + OURS + "dkim=pass header.d=posti.test\r\n" + BORDER
    assert judge(block).verdict == "pass"


def test_without_a_sure_sender_nothing_passes() -> None:
    assert judge(PASS + BORDER, sender="").verdict == "none"


def test_nothing_configured_trusts_nothing() -> None:
    assert judge(PASS, authserv_id="").reasons == ("NOTHING_TRUSTED",)


WORDS = ["pass", "fail", "none", "neutral", "softfail", "hardfail", "policy", "temperror"]
WORDS += ["permerror", "unknown", "bestguesspass", "PASSED", "''"]


@given(st.sampled_from(WORDS), st.sampled_from(WORDS), st.sampled_from(WORDS))
def test_of_all_result_words_only_pass_passes(dmarc: str, spf: str, dkim: str) -> None:
    block = OURS + f"dmarc={dmarc}; spf={spf} smtp.mailfrom=posti.test; dkim={dkim} header.d=posti.test\r\n" + BORDER
    found = judge(block)
    assert found.verdict != "pass" or "pass" in {dmarc, spf, dkim}
    assert found.verdict != "pass" or dmarc in {"pass", "none", "bestguesspass"}


@given(st.text(st.characters(blacklist_characters="\r\n\0", blacklist_categories=("Cs",)), max_size=120))
def test_whatever_stands_below_the_border_changes_nothing(forged: str) -> None:
    above = OURS + "dmarc=none\r\n" + BORDER
    below = f"Authentication-Results: {forged}\r\nAuthentication-Results: mx.lampo.test; dmarc=pass {forged}\r\n"
    assert judge(above + below) == judge(above)


@given(st.binary(max_size=200))
def test_any_bytes_are_parsed_without_an_error(value: bytes) -> None:
    parse_results(value)


def test_comments_and_quoted_strings_are_read_as_the_standard_says() -> None:
    name, results = parse_results(
        b'"mx.lampo.test" 1 (ours (nested \\) )); spf=pass (ok) smtp.mailfrom="a b"@posti.test'
    )
    assert name == "mx.lampo.test"
    assert (results[0].method, results[0].word) == ("spf", "pass")


GMAIL_TOP = (
    "Delivered-To: asiakaspalvelu@lampo.test\r\n"
    "Received: by 2002:a05:6a10:1234:b0:1:2:3 with SMTP id a1csp100; Mon, 2 Mar 2026 09:00:01 -0800 (PST)\r\n"
    "X-Received: by 2002:a17:907:1 with SMTP id b2; Mon, 2 Mar 2026 09:00:01 -0800 (PST)\r\n"
    "ARC-Seal: i=1; a=rsa-sha256; cv=none; d=google.com; s=arc; b=AA==\r\n"
    "ARC-Authentication-Results: i=1; mx.google.com; dmarc=pass header.from=posti.test\r\n"
    "Return-Path: <aino.esimerkkila@posti.test>\r\n"
    "Received: from mail.posti.test (mail.posti.test. [192.0.2.7]) by mx.google.com with ESMTPS id c3; Mon, 2 Mar\r\n"
    "Received-SPF: pass (google.com: domain of posti.test designates 192.0.2.7 as permitted sender)\r\n"
)
GMAIL_PASS = (
    "Authentication-Results: mx.google.com;\r\n       dkim=pass header.i=@posti.test header.s=k1 header.b=AbCd;\r\n"
    "       spf=pass (google.com: domain of aino@posti.test designates 192.0.2.7 as permitted sender) "
    "smtp.mailfrom=aino@posti.test;\r\n       dmarc=pass (p=NONE sp=NONE dis=NONE) header.from=posti.test\r\n"
)
GMAIL_FAIL = GMAIL_PASS.replace("=pass", "=fail")


@pytest.mark.parametrize("own_hosts", [(), ("mx.google.com",)])
@pytest.mark.parametrize(
    ("rest", "verdict"),
    [
        (GMAIL_PASS + FOREIGN, "pass"),
        (GMAIL_FAIL + FOREIGN, "fail"),
        (GMAIL_FAIL + GMAIL_PASS + FOREIGN, "fail"),
        (GMAIL_FAIL.replace("dmarc=fail", "dmarc=none") + GMAIL_PASS + FOREIGN, "fail"),
        (GMAIL_FAIL + FOREIGN + GMAIL_PASS, "fail"),
        (FOREIGN + GMAIL_PASS, "none"),
        ("Authentication-Results: mail.posti.test; spf=none\r\n" + GMAIL_PASS + FOREIGN, "none"),
    ],
)
def test_gmails_results_stand_below_its_border_and_nothing_further_down_counts(
    own_hosts: tuple[str, ...], rest: str, verdict: str
) -> None:
    block = GMAIL_TOP + rest + "DKIM-Signature: v=1; d=posti.test\r\n"
    found = judge(block, authserv_id="mx.google.com", own_hosts=own_hosts, position="below")
    assert found.verdict == verdict


EXO_INNER = (
    "Received: from DB9P189MB1.EURP189.PROD.OUTLOOK.COM (2603:10a6:10:1::5) by AM0P189MB2.EURP189.PROD.OUTLOOK.COM "
    "with HTTPS; Mon, 2 Mar 2026 07:00:03 +0000\r\n"
    "Received: from AM4PEPF0001.eurprd04.prod.outlook.com (2603:10a6:20b:1:cafe::7a) by "
    "DB9P189CA3.outlook.office365.com (2603:10a6:10:2::11) with Microsoft SMTP Server id 15.20; Mon\r\n"
)
EXO_RESULTS = (
    "Authentication-Results: spf=pass (sender IP is 192.0.2.7)\r\n smtp.mailfrom=posti.test; dkim=pass "
    "(signature was verified)\r\n header.d=posti.test;dmarc=pass action=none\r\n "
    "header.from=posti.test;compauth=pass reason=100\r\n"
    "Received-SPF: Pass (protection.outlook.com: domain of posti.test designates 192.0.2.7 as permitted sender)\r\n"
)
EXO_BORDER = (
    "Received: from mail.posti.test (192.0.2.7) by AM4PEPF0001.mail.protection.outlook.com (10.167.16.1) with "
    "Microsoft SMTP Server id 15.20 via Frontend Transport; Mon, 2 Mar 2026 07:00:01 +0000\r\n"
)
EXO_LOGGED_IN = EXO_INNER.replace("(2603:10a6:20b:1:cafe::7a)", "(203.0.113.9)")


def exo(results: str) -> str:
    return f"Authentication-Results: {results}\r\n"


@pytest.mark.parametrize(
    ("block", "verdict"),
    [
        (EXO_INNER + EXO_RESULTS + EXO_BORDER + FOREIGN, "pass"),
        (EXO_RESULTS + EXO_BORDER + FOREIGN, "pass"),
        (EXO_INNER.replace("PROD.OUTLOOK", "PROD.EXCHANGELABS") + EXO_RESULTS + EXO_BORDER + FOREIGN, "pass"),
        (EXO_INNER + EXO_BORDER + EXO_RESULTS + FOREIGN, "none"),
        (EXO_INNER + EXO_BORDER + FOREIGN + EXO_RESULTS + EXO_BORDER, "none"),
        (EXO_INNER + EXO_RESULTS + FOREIGN, "none"),
        (EXO_LOGGED_IN + EXO_RESULTS + EXO_BORDER, "none"),
        (EXO_INNER.replace("with HTTPS", "with mapi") + EXO_RESULTS + EXO_BORDER, "none"),
        (FOREIGN + EXO_INNER + EXO_RESULTS + EXO_BORDER, "none"),
        (EXO_RESULTS, "none"),
        (EXO_INNER + EXO_RESULTS.replace("Results:", "Results: x.test; ") + EXO_BORDER, "none"),
        (EXO_INNER + EXO_RESULTS.replace("dmarc=pass", "dmarc=fail") + EXO_BORDER + EXO_RESULTS, "fail"),
        (EXO_INNER + exo("spf=fail smtp.mailfrom=posti.test; compauth=pass reason=116") + EXO_BORDER, "none"),
        (
            EXO_INNER
            + exo(
                "spf=pass smtp.mailfrom=posti.test; dkim=none; dmarc=bestguesspass action=none header.from=posti.test"
            )
            + EXO_BORDER,
            "pass",
        ),
        (
            EXO_INNER
            + exo("spf=pass smtp.mailfrom=muu.test; dkim=none; dmarc=bestguesspass action=none header.from=posti.test")
            + EXO_BORDER,
            "none",
        ),
        (
            EXO_INNER + EXO_RESULTS.replace("Authentication-Results", "Authentication-Results-Original") + EXO_BORDER,
            "none",
        ),
    ],
)
def test_exchange_online_is_believed_at_its_border_alone(block: str, verdict: str) -> None:
    assert judge(block, authserv_id="exchange-online").verdict == verdict


def test_a_nameless_field_is_believed_of_nobody_else() -> None:
    assert judge(EXO_RESULTS + BORDER).verdict == "none"


SEALED = (
    "ARC-Seal: i=1; a=rsa-sha256; cv=none; d=lista.test; s=k1; b=AA==\r\n"
    "ARC-Message-Signature: i=1; a=rsa-sha256; d=lista.test; s=k1; h=from; bh=AA==; b=AA==\r\n"
    "ARC-Authentication-Results: i=1; mx.lista.test; dmarc=pass header.from=posti.test\r\n"
)


@pytest.mark.parametrize(
    ("results", "below", "sealers", "verdict"),
    [
        ("arc=pass; dmarc=fail header.from=posti.test", SEALED, ("lista.test",), "pass"),
        ("arc=pass; dmarc=fail header.from=posti.test", SEALED, (), "fail"),
        ("arc=pass; dmarc=fail header.from=posti.test", SEALED, ("muu.test",), "fail"),
        ("arc=fail; dmarc=fail header.from=posti.test", SEALED, ("lista.test",), "fail"),
        ("dmarc=fail header.from=posti.test", SEALED, ("lista.test",), "fail"),
        ("arc=pass; spf=none", SEALED, ("lista.test",), "pass"),
        ("arc=pass; spf=none", SEALED + SEALED, ("lista.test",), "none"),
        ("arc=pass; spf=none", SEALED.replace("i=1", "i=2"), ("lista.test",), "none"),
        (
            "arc=pass; spf=none",
            SEALED.replace("header.from=posti.test", "header.from=muu.test"),
            ("lista.test",),
            "none",
        ),
        ("arc=pass; spf=none", SEALED.replace(" header.from=posti.test", ""), ("lista.test",), "none"),
        ("arc=pass; spf=none", SEALED.replace("dmarc=pass", "dmarc=none"), ("lista.test",), "none"),
        ("arc=pass; spf=none", SEALED + SEALED.replace("i=1", "i=2").replace("lista", "muu"), ("lista.test",), "none"),
    ],
)
def test_a_named_forwarders_word_counts_when_our_server_found_its_seal_whole(
    results: str, below: str, sealers: tuple[str, ...], verdict: str
) -> None:
    assert judge(OURS + results + "\r\n" + BORDER + below, arc_sealers=sealers).verdict == verdict


@pytest.mark.parametrize(
    ("signer", "sender", "verdict"),
    [
        ("posti.test", "aino@kotka.posti.test", "pass"),
        ("kotka.posti.test", "aino@posti.test", "pass"),
        ("fi", "aino@kalajoki.fi", "none"),
        ("co.uk", "aino@posti.co.uk", "none"),
        ("blogspot.com", "aino@a.blogspot.com", "none"),
        ("b.blogspot.com", "aino@a.blogspot.com", "none"),
        ("b.blogspot.test", "aino@a.blogspot.test", "none"),
    ],
)
def test_who_shares_no_more_than_a_public_suffix_does_not_speak_for_the_other(
    signer: str, sender: str, verdict: str
) -> None:
    assert judge(OURS + f"dkim=pass header.d={signer}\r\n" + BORDER, sender).verdict == verdict


def test_hostile_results_are_read_in_linear_time() -> None:
    for value in (b'\\"' * 30_000, b"(" * 60_000, b'"' * 60_000, b"a=b;" * 15_000, b"=" * 60_000):
        parse_results(b"mx.lampo.test; " + value)
