"""The words of an RTF body, and nothing of its fonts."""

from hypothesis import given
from hypothesis import strategies as st
from outlook import stored_rtf

from mail.rtf import MAX_RTF, text_of


def test_the_examples_of_the_specification_are_unpacked() -> None:
    """MS-OXRTFCP, 4.1: one plain, one in which a run copies itself."""
    plain = "2d0000002b0000004c5a4675f1c5c7a703000a007263706731323542320af32068656c090020627705b06c647d0a800fa0"
    assert text_of(bytes.fromhex(plain)) == "hello world"
    crossing = "1a0000001c0000004c5a4675e2d44b51410004205758595a0d6e7d010eb0"
    assert text_of(bytes.fromhex(crossing)) == "WXYZWXYZWXYZWXYZWXYZ"


def test_letters_line_ends_and_hidden_groups_are_told_apart() -> None:
    head = rb"{\rtf1\ansi\ansicpg1252{\fonttbl{\f0 Arial;}}{\*\generator Riched;}"
    rtf = head + rb"\pard Pyyd\'e4n \u8364?\par tiet\~oni\{\}}"
    assert text_of(stored_rtf(rtf)) == "Pyydän €\ntiet oni{}"


def test_html_within_rtf_leaves_its_tags_aside() -> None:
    rtf = rb"{\rtf1\ansi\fromhtml1{\*\htmltag64 <p>}Moi{\*\htmltag72 </p>}\par Aino}"
    assert text_of(stored_rtf(rtf)) == "Moi\nAino"


def test_a_small_body_does_not_become_a_large_one() -> None:
    packed = bytes(8) + b"LZFu" + bytes(4) + b"\xff" + bytes([0, 0x0F] * 8) + (b"\xff" + bytes([0, 0x0F] * 8)) * 200_000
    assert len(text_of(packed)) <= MAX_RTF + 200


@given(st.binary(max_size=300))
def test_any_bytes_are_survived(data: bytes) -> None:
    text_of(data)
    text_of(stored_rtf(data))
    text_of(bytes(8) + b"LZFu" + bytes(4) + data)
