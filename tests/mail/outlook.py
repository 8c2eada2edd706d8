"""Makes `winmail.dat` streams (MS-OXTNEF) for tests."""

import struct

SIGNATURE = b"\x78\x9f\x3e\x22"


def attribute(level: int, number: int, data: bytes) -> bytes:
    """One attribute: level 1 speaks of the message, 2 of an attachment."""
    return struct.pack("<BHHI", level, number, 6, len(data)) + data + struct.pack("<H", sum(data) & 0xFFFF)


def properties(*rows: tuple[int, int, bytes]) -> bytes:
    """A list of MAPI properties: number, type, value; fixed sizes are the caller's."""
    out = struct.pack("<I", len(rows))
    for number, kind, value in rows:
        out += struct.pack("<HH", kind, number)
        if number >= 0x8000:
            out += bytes(16) + struct.pack("<II", 1, 4) + "aa".encode("utf-16-le")
        if kind in {0x000D, 0x001E, 0x001F, 0x0102}:
            out += struct.pack("<II", 1, len(value))
        out += value + bytes(-len(value) % 4)
    return out


def file_of(name: str, data: bytes, media_type: str = "") -> bytes:
    """An attachment as Outlook writes it: a short name in the old way, the long one as a property."""
    rows = [(0x3705, 0x0003, struct.pack("<I", 1)), (0x8001, 0x001F, "x".encode("utf-16-le"))]
    rows.append((0x3707, 0x001F, name.encode("utf-16-le") + b"\0\0"))
    if media_type:
        rows.append((0x370E, 0x001E, media_type.encode() + b"\0"))
    return (
        attribute(2, 0x9002, bytes(14))
        + attribute(2, 0x8010, b"SHORT~1.DAT\0")
        + attribute(2, 0x800F, data)
        + attribute(2, 0x9005, properties(*rows))
    )


def message_of(name: str, stream: bytes) -> bytes:
    """A whole message as an attachment: its stream stands in a property, behind an interface's identifier."""
    rows = [(0x3001, 0x001E, name.encode("cp1252") + b"\0"), (0x3701, 0x000D, bytes(16) + stream)]
    return attribute(2, 0x9002, bytes(14)) + attribute(2, 0x9005, properties(*rows))


def packed(*attributes: bytes, code_page: int = 1252) -> bytes:
    """A whole stream."""
    return SIGNATURE + b"\x01\x00" + attribute(1, 0x9007, struct.pack("<II", code_page, 0)) + b"".join(attributes)


def stored_rtf(text: bytes) -> bytes:
    """RTF in the form that is not compressed (MS-OXRTFCP, 2.1.3.1.4)."""
    return struct.pack("<II4sI", len(text) + 12, len(text), b"MELA", 0) + text
