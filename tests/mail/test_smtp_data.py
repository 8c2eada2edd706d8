"""Where a mail ends and what a path says, without a socket."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail.smtp_data import DotDecoder, read_path

OCTETS = st.lists(st.sampled_from([b"\r", b"\n", b".", b"\r\n", b"a", b"\r\n.", b"\xe4"]), max_size=30).map(b"".join)


def encode(content: bytes) -> bytes:
    """What a correct client sends for a content that ends with CRLF (RFC 5321, 4.5.2)."""
    stuffed = (b"\r\n" + content).replace(b"\r\n.", b"\r\n..")[2:]
    return stuffed + b".\r\n"


def decode(pieces: list[bytes], limit: int = 1_000_000) -> DotDecoder:
    decoder = DotDecoder(limit)
    ended = [decoder.feed(piece) for piece in pieces]
    assert ended[-1]
    assert not any(ended[:-1])
    return decoder


@given(OCTETS, st.integers(1, 7))
def test_any_content_comes_back_exactly_however_the_network_cuts_it(octets: bytes, step: int) -> None:
    content = octets + b"\r\n"
    sent = encode(content)
    decoder = decode([sent[at : at + step] for at in range(0, len(sent), step)])
    assert decoder.content() == content


@given(OCTETS)
def test_what_follows_the_end_is_the_next_command(octets: bytes) -> None:
    decoder = decode([encode(octets + b"\r\n") + b"QUIT\r\n"])
    assert decoder.rest == b"QUIT\r\n"
    assert decoder.content() == octets + b"\r\n"


def test_a_mail_without_any_line_is_empty() -> None:
    assert decode([b".\r\n"]).content() == b""


@pytest.mark.parametrize(
    "false_end",
    [b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r\n.\r", b"\r.\r\n", b"\n.\r", b"\r\n\x00.\r\n", b"\r\n.\x00\r\n"],
    ids=repr,
)
def test_only_the_true_end_ends_a_mail(false_end: bytes) -> None:
    decoder = DotDecoder(1_000)
    assert not decoder.feed(b"a" + false_end + b"MAIL FROM:<x@evil.test>\r\n")
    assert decoder.feed(b".\r\n")
    assert b"MAIL FROM:<x@evil.test>" in decoder.content()


def test_beyond_the_limit_nothing_is_kept_but_the_end_is_still_found() -> None:
    decoder = DotDecoder(100)
    assert not decoder.feed(b"x" * 1_000)
    assert decoder.is_too_large
    assert decoder.size == 1_000
    assert decoder.feed(b"\r\n.\r\nRSET\r\n")
    assert decoder.rest == b"RSET\r\n"
    assert decoder.content() == b""


def test_a_mail_of_exactly_the_limit_is_kept() -> None:
    decoder = decode([b"x" * 98 + b"\r\n.\r\n"], limit=100)
    assert not decoder.is_too_large
    assert len(decoder.content()) == 100


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("<aino.esimerkkila@posti.test>", ("aino.esimerkkila@posti.test", "")),
        (" <aino@posti.test> SIZE=4 BODY=8BITMIME", ("aino@posti.test", "SIZE=4 BODY=8BITMIME")),
        ("<>", ("", "")),
        ("<> SIZE=1", ("", "SIZE=1")),
        ("aino@posti.test", ("aino@posti.test", "")),
        ("<@rele.test,@toinen.test:aino@posti.test>", ("aino@posti.test", "")),
        ('<"a b > c"@posti.test>', ('"a b > c"@posti.test', "")),
        ("<päivi@sähkö.test>", ("päivi@sähkö.test", "")),
        ("<aino..x.@posti.test>", ("aino..x.@posti.test", "")),
        ("<Postmaster>", ("Postmaster", "")),
    ],
)
def test_a_path_is_read_leniently(argument: str, expected: tuple[str, str]) -> None:
    assert read_path(argument) == expected


@pytest.mark.parametrize(
    "argument", ["", "<", "<a@b.test", '"a b"@posti.test', "<a@b.test>x", "<a\x00@b.test>", "<a\rb@c.test>"]
)
def test_what_is_no_path_is_refused(argument: str) -> None:
    assert read_path(argument) is None
