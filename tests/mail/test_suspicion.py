"""What counts as a filter's word that a mail is spam, whose word it is, and what is no such word."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail.fields import split_header
from mail.suspicion import JUNK_FOLDER, SPAM_ACTION, SPAM_FLAG, SPAM_LEVEL, SPAM_STATUS, SPAM_VERDICT, suspected

OWN = ("mx.lampo.test",)
BORDER = (
    b"Received: from out.muualta.test ([198.51.100.7]) by mx.lampo.test with ESMTP id 1; Mon, 2 Mar 2026 10:00:00 +0200"
)
THEIRS = b"Received: from pc by out.muualta.test with ESMTP id 2; Mon, 2 Mar 2026 09:59:00 +0200"
PLAIN = (b"From: seija@tuntematon.test", b"To: asiakaspalvelu@lampo.test", b"Subject: Asia", b"Date: x")


def reasons(*lines: bytes, junk: bool = False, own_hosts: tuple[str, ...] = ()) -> tuple[str, ...]:
    header = split_header(b"\r\n".join(lines) + b"\r\n\r\nx")[0]
    return suspected(header, junk=junk, own_hosts=own_hosts)


def test_a_mail_of_the_junk_folder_is_suspected_whatever_its_header_says() -> None:
    assert reasons(*PLAIN, junk=True) == (JUNK_FOLDER,)
    assert reasons(b"X-Spam-Flag: NO", *PLAIN, junk=True) == (JUNK_FOLDER,)


@pytest.mark.parametrize(
    ("field", "reason"),
    [
        (b"X-Spam-Flag: YES", SPAM_FLAG),
        (b"x-spam-flag:yes", SPAM_FLAG),
        (b"X-Spam_Flag: YES", SPAM_FLAG),
        (b"X-Spam: Yes", SPAM_FLAG),
        (b"X-Barracuda-Spam-Flag: YES", SPAM_FLAG),
        (b"X-Spam-Status: Yes, score=11.2 required=5.0\r\n\ttests=BAYES_99", SPAM_STATUS),
        (b"X-Spamd-Result: default: True [17.40 / 15.00];\r\n\tMISSING_MID(2.50)[]", SPAM_STATUS),
        (b"X-Lampo-MailScanner-SpamCheck: spam, SpamAssassin (score=9)", SPAM_STATUS),
        (b"X-Rspamd-Action: add header", SPAM_ACTION),
        (b"X-Rspamd-Action: rewrite subject", SPAM_ACTION),
        (b"X-MS-Exchange-Organization-SCL: 6", SPAM_LEVEL),
        (b"X-Forefront-Antispam-Report: CIP:198.51.100.7;CTRY:;SCL:5;SFV:SPM;H:x;", SPAM_LEVEL),
        (b"X-Forefront-Antispam-Report: CIP:198.51.100.7;SCL:9;CAT:HPHISH;", SPAM_LEVEL),
        (b"X-Proofpoint-Spam-Details: rule=inbound_spam policy=inbound score=100", SPAM_VERDICT),
        (b"X-VR-SPAMSTATE: SPAM", SPAM_VERDICT),
        (b"X-VADE-SPAMSTATE: spam:high", SPAM_VERDICT),
        (b"X-Yandex-Spam: 4", SPAM_VERDICT),
        (b"X-TM-AS-Result: Yes--12.5-7.0-31-10", SPAM_VERDICT),
        (b"X-Bogosity: Spam, tests=bogofilter, spamicity=1.0", SPAM_VERDICT),
        (b"X-DSPAM-Result: Spam", SPAM_VERDICT),
    ],
)
def test_a_filters_verdict_is_understood(field: bytes, reason: str) -> None:
    assert reasons(field, *PLAIN) == (reason,)


@pytest.mark.parametrize(
    "field",
    [
        b"X-Spam-Flag: NO",
        b"X-Spam-Flag:",
        b"X-Spam-Status: No, score=-1.9 required=5.0 tests=YES_SIR",
        b"X-Spam-Level: *********",
        b"X-Spam-Score: 9.1",
        b"X-Spam-Bar: +++++++",
        b"X-Spam-Report: this is spam, yes",
        b"X-Spam-Checker-Version: SpamAssassin 4.0 on mx.lampo.test",
        b"X-Spamd-Result: default: False [-1.10 / 15.00]; R_SPAM(0.00)[]",
        b"X-Rspamd-Action: no action",
        b"X-Rspamd-Action: greylist",
        b"X-MS-Exchange-Organization-SCL: -1",
        b"X-MS-Exchange-Organization-SCL: 1",
        b"X-Forefront-Antispam-Report: CIP:198.51.100.7;SCL:1;SFV:NSPM;DIR:INB;",
        b"X-Forefront-Antispam-Report: CIP:198.51.100.7;SCL:-1;SFV:SKN;",
        b"X-Microsoft-Antispam: BCL:7;",
        b"X-Proofpoint-Spam-Details: rule=inbound_notspam policy=inbound score=0",
        b"X-Mimecast-Spam-Score: 9",
        b"X-IronPort-Anti-Spam-Filtered: true",
        b"X-VR-SPAMSTATE: OK",
        b"X-Yandex-Spam: 1",
        b"X-Lampo-MailScanner-SpamCheck: not spam, SpamAssassin (score=-1)",
        b"X-Bogosity: Ham, tests=bogofilter",
        b"Precedence: bulk",
        b"Subject: X-Spam-Flag: YES",
    ],
)
def test_a_score_a_sign_of_mass_mail_and_an_acquittal_are_no_verdict(field: bytes) -> None:
    assert reasons(field, *PLAIN) == ()


def test_several_reasons_are_each_named_once() -> None:
    lines = (b"X-Spam-Status: Yes, score=9", b"X-Spam-Flag: YES", b"X-Barracuda-Spam-Flag: YES", *PLAIN)
    assert reasons(*lines, junk=True) == (JUNK_FOLDER, SPAM_FLAG, SPAM_STATUS)


@pytest.mark.parametrize(
    "lines",
    [
        (b"X-Spam-Flag: YES", BORDER, THEIRS, *PLAIN),
        (BORDER, b"X-Spam-Flag: YES", THEIRS, *PLAIN),
        (BORDER, b"X-Spam-Flag: YES", *PLAIN),
        (BORDER, THEIRS, *PLAIN, b"X-Spam-Flag: YES"),
        (BORDER, THEIRS, *PLAIN, b"X-Spam-Flag: NO", b"X-Spam-Flag: YES"),
        (BORDER, THEIRS, *PLAIN, b"X-Spam-Flag: YES", b"MIME-Version: 1.0"),
    ],
    ids=["above the border", "below its line", "no other hop", "appended", "below another's", "above MIME-Version"],
)
def test_a_mark_counts_where_our_own_host_can_have_put_it(lines: tuple[bytes, ...]) -> None:
    assert reasons(*lines, own_hosts=OWN) == (SPAM_FLAG,)


@pytest.mark.parametrize(
    "lines",
    [
        (BORDER, THEIRS, b"X-Spam-Flag: YES", *PLAIN),
        (b"X-Spam-Status: No, score=0.1", BORDER, THEIRS, b"X-Spam-Flag: YES", *PLAIN),
        (b"X-Spam-Status: No, score=0.1", BORDER, THEIRS, *PLAIN, b"X-Spam-Flag: YES"),
        (BORDER, THEIRS, *PLAIN, b"X-Spam-Flag: YES", b"X-Spam-Flag: NO"),
    ],
    ids=["the sender's", "the sender's beside our acquittal", "appended elsewhere", "ours came last"],
)
def test_a_mark_that_the_senders_own_filter_wrote_does_not_count(lines: tuple[bytes, ...]) -> None:
    assert reasons(*lines, own_hosts=OWN) == ()


def test_exchanges_level_counts_wherever_it_stands_for_exchange_lets_no_others_in() -> None:
    lines = (BORDER, THEIRS, b"X-MS-Exchange-Organization-SCL: 6", *PLAIN)
    assert reasons(*lines, own_hosts=OWN) == (SPAM_LEVEL,)
    assert reasons(b"X-Spam-Flag: NO", *lines, own_hosts=OWN) == (SPAM_LEVEL,)


def test_without_a_known_border_every_mark_counts() -> None:
    assert reasons(BORDER, THEIRS, b"X-Spam-Flag: YES", *PLAIN) == (SPAM_FLAG,)
    assert reasons(THEIRS, b"X-Spam-Flag: YES", *PLAIN, own_hosts=OWN) == (SPAM_FLAG,)


@given(st.lists(st.tuples(st.sampled_from(["x-spam-flag", "x-spamd-result", "x-forefront-antispam-report", "received"]),
                          st.binary(max_size=60)), max_size=8), st.booleans())  # fmt: skip
def test_no_header_trips_it(fields: list[tuple[str, bytes]], junk: bool) -> None:
    content = b"".join(name.encode() + b": " + value + b"\r\n" for name, value in fields) + b"\r\nx"
    header = split_header(content)[0]
    for own in ((), OWN):
        found = suspected(header, junk=junk, own_hosts=own)
        assert (JUNK_FOLDER in found) is junk
