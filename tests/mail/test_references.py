"""Message-IDs as they stand in real mail."""

import pytest

from mail.references import MAX_REFERENCES, in_reply_to, message_id, references


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"<1@posti.test>", "<1@posti.test>"),
        (b"1@posti.test", "<1@posti.test>"),
        (b"  < 1@posti.test > ", "<1@posti.test>"),
        (b"<1.\r\n 2@posti.test>", "<1.2@posti.test>"),
        (b"<1@posti.test> (a comment)", "<1@posti.test>"),
        (b'"Aino\'s message of 3 March" <1@posti.test>', "<1@posti.test>"),
        (b"=?utf-8?q?=3C1=40posti=2Etest=3E?=", "<1@posti.test>"),
        (b"<no-at-sign>", "<no-at-sign>"),
        (b"<1   @   posti(a comment)  .test>", "<1@posti.test>"),
        (b"<1(2)@posti.test>", "<1(2)@posti.test>"),
        (b'<"a b"@posti.test>', '<"a b"@posti.test>'),
        (b"", ""),
        (b"Your message of Tuesday", ""),
        (b"<" + b"a" * 2000 + b"@posti.test>", ""),
    ],
)
def test_an_identifier_is_found_or_not_claimed(value: bytes, expected: str) -> None:
    assert message_id([value] if value else []) == expected
    assert in_reply_to([value] if value else []) == expected


@pytest.mark.parametrize(
    "value",
    [
        b'Message from Aino <aino@posti.test> of "Mon, 02 Mar 2026 10:00:00 +0200" <1@posti.test>',
        b'Your message of "Mon, 02 Mar 2026 10:00:00 +0200" <1@posti.test>',
        b"<1@posti.test> from Aino <aino@posti.test> on Monday",
    ],
)
def test_the_sender_told_beside_an_identifier_is_none(value: bytes) -> None:
    assert in_reply_to([value]) == "<1@posti.test>"


def test_references_keep_their_order_and_stand_once() -> None:
    assert references([b"<1@a.test> <2@a.test>\r\n\t<1@a.test>,<3@a.test>"]) == (
        "<1@a.test>",
        "<2@a.test>",
        "<3@a.test>",
    )


def test_of_too_many_references_the_oldest_and_the_newest_stay() -> None:
    found = references([b" ".join(b"<%d@a.test>" % number for number in range(500))])
    assert len(found) == MAX_REFERENCES
    assert (found[0], found[-1]) == ("<0@a.test>", "<499@a.test>")
