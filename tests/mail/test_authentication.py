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
