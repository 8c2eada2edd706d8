"""`winmail.dat` is opened as far as it goes, and never further."""

from hypothesis import given
from hypothesis import strategies as st
from outlook import SIGNATURE, attribute, file_of, message_of, packed, properties

from mail.tnef import MAX_DEPTH, contents


def test_files_and_text_are_found_in_the_code_page_that_is_said() -> None:
    stream = packed(attribute(1, 0x800C, "Привет\0".encode("cp1251")), file_of("договор.pdf", b"PDF"), code_page=1251)
    found = contents(stream)
    assert found is not None
    assert found.text == "Привет"
    assert [(file.name, file.data) for file in found.files] == [("договор.pdf", b"PDF")]


def test_an_old_short_name_serves_where_there_is_no_other() -> None:
    stream = packed(attribute(2, 0x9002, bytes(14)), attribute(2, 0x8010, b"LASKU.PDF\0"), attribute(2, 0x800F, b"PDF"))
    found = contents(stream)
    assert found is not None
    assert [file.name for file in found.files] == ["LASKU.PDF"]


def test_a_message_within_is_opened_too() -> None:
    found = contents(packed(message_of("Vanha viesti", packed(file_of("a.pdf", b"PDF")))))
    assert found is not None
    inner = found.files[0]
    assert (inner.name, inner.media_type) == ("Vanha viesti", "application/ms-tnef")
    assert inner.message is not None
    assert [file.name for file in inner.message.files] == ["a.pdf"]


def test_messages_within_messages_are_opened_to_a_depth() -> None:
    stream = packed(file_of("a.pdf", b"PDF"))
    for _ in range(MAX_DEPTH + 3):
        stream = packed(message_of("m", stream))
    depth, found = 0, contents(stream)
    while found is not None and found.files:
        depth, found = depth + 1, found.files[0].message
    assert depth == MAX_DEPTH + 1


def test_a_property_of_an_unknown_type_ends_the_list_and_no_more() -> None:
    rows = properties((0x1000, 0x001E, b"Moi\0"), (0x1234, 0x0777, b"??"), (0x1000, 0x001E, b"Hei\0"))
    found = contents(packed(attribute(1, 0x9003, rows), file_of("a.pdf", b"PDF")))
    assert found is not None
    assert found.text == "Moi"
    assert len(found.files) == 1


def test_what_is_no_stream_is_none() -> None:
    assert contents(b"") is None
    assert contents(b"PK\x03\x04") is None


@given(st.binary(max_size=600))
def test_any_bytes_behind_the_signature_are_survived(data: bytes) -> None:
    found = contents(SIGNATURE + data)
    assert found is not None
    assert sum(len(file.data) for file in found.files) <= len(data)
