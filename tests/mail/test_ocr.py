"""Scans drawn by the test and read back by the real engine."""

import random
from collections.abc import Callable
from io import BytesIO

import pytest
from PIL import Image, ImageDraw, ImageFont

from mail import ocr
from mail.ocr import media_type_of, read_pages

FONT = "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"
FINNISH = [
    "Kalajoen Lämpö Oy, tietosuoja-asiat",
    "Hyvä vastaanottaja,",
    "pyydän saada tiedot, joita teillä on minusta.",
    "Asiakasnumeroni on 100234.",
    "Äidilläni on sama sähköposti kuin minulla.",
    "Ystävällisin terveisin Aino Esimerkkilä",
]
SWEDISH = ["Jag begär tillgång till mina uppgifter.", "Kundnummer 100240", "Med vänlig hälsning Astrid Påhitt"]


def sheet(lines: list[str], *, mode: str = "L", size: tuple[int, int] = (1240, 900)) -> Image.Image:
    image = Image.new(mode, size, "white")
    draw = ImageDraw.Draw(image)
    font = ImageFont.truetype(FONT, 36)
    for number, line in enumerate(lines):
        draw.text((80, 80 + 70 * number), line, font=font, fill="black")
    return image


def as_bytes(image: Image.Image, kind: str, **settings: object) -> bytes:
    file = BytesIO()
    image.save(file, kind, **settings)
    return file.getvalue()


def read(content: bytes) -> tuple[str, tuple[str, ...]]:
    pages, problems = read_pages(content, media_type_of(content))
    return "\n".join(page.text for page in pages), problems


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "PDF"])
def test_a_scanned_letter_in_finnish_is_read_with_its_umlauts(kind: str) -> None:
    settings = {"resolution": 150.0} if kind == "PDF" else {"dpi": (150, 150)}
    text, problems = read(as_bytes(sheet(FINNISH), kind, **settings))
    for word in ("Lämpö", "pyydän saada tiedot", "100234", "Äidilläni", "Ystävällisin", "Esimerkkilä"):
        assert word in text
    assert problems == ()


def test_all_pages_of_a_scan_are_read_in_their_order() -> None:
    content = as_bytes(sheet(FINNISH), "TIFF", save_all=True, append_images=[sheet(SWEDISH)])
    text, problems = read(content)
    assert text.index("Esimerkkilä") < text.index("tillgång") < text.index("100240")
    assert problems == ()


def test_a_page_on_its_side_is_turned() -> None:
    text, _ = read(as_bytes(sheet(FINNISH * 2, size=(1240, 1100)).rotate(90, expand=True), "PNG"))
    assert "pyydän saada tiedot" in text


def test_a_transparent_page_is_paper_white() -> None:
    image = sheet(FINNISH, mode="RGBA")
    image.putalpha(image.convert("L").point(lambda value: 255 - value))
    assert "pyydän saada tiedot" in read(as_bytes(image, "PNG"))[0]


def text_pdf(pages: list[str]) -> bytes:
    """A PDF whose pages have text and no image, written by hand."""
    objects = ["<< /Type /Catalog /Pages 2 0 R >>", ""]
    kids = []
    for page in pages:
        stream = f"BT /F1 12 Tf 50 700 Td ({page}) Tj ET"
        kids.append(f"{len(objects) + 1} 0 R")
        objects += [
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents {len(objects) + 2} 0 R"
            " /Resources << /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica"
            " /Encoding /WinAnsiEncoding >> >> >> >>",
            f"<< /Length {len(stream.encode('cp1252'))} >>\nstream\n{stream}\nendstream",
        ]
    objects[1] = f"<< /Type /Pages /Kids [{' '.join(kids)}] /Count {len(kids)} >>"
    body = "%PDF-1.4\n" + "".join(f"{number} 0 obj\n{text}\nendobj\n" for number, text in enumerate(objects, 1))
    return (body + f"trailer << /Root 1 0 R /Size {len(objects) + 1} >>\n%%EOF\n").encode("cp1252")


def test_a_text_layer_is_taken_as_it_is() -> None:
    pages, problems = read_pages(text_pdf(["Pyydän pääsyä tietoihini, åäö ÅÄÖ"]), "application/pdf")
    assert pages == [ocr.Page("Pyydän pääsyä tietoihini, åäö ÅÄÖ", 100)]
    assert problems == ()


def test_beyond_the_page_limit_staff_are_told() -> None:
    text = "Sivu jolla on tarpeeksi tekstiä "
    pages, problems = read_pages(text_pdf([text + "a" * number for number in range(ocr.PAGE_LIMIT)]), "application/pdf")
    assert (len(pages), problems) == (ocr.PAGE_LIMIT, ())
    pages, problems = read_pages(text_pdf([text] * (ocr.PAGE_LIMIT + 1)), "application/pdf")
    assert (len(pages), problems) == (ocr.PAGE_LIMIT, ("PAGES_LEFT_OUT",))


def test_an_empty_sheet_is_unreadable_and_a_blurred_one_is_doubtful() -> None:
    assert read(as_bytes(sheet([]), "PNG")) == ("", ("UNREADABLE_SCAN",))
    tiny = sheet(FINNISH).resize((150, 108)).resize((1240, 900))
    assert read(as_bytes(tiny, "PNG"))[1] in (("LOW_OCR_CONFIDENCE",), ("UNREADABLE_SCAN",))


def cut(content: bytes) -> bytes:
    return content[: len(content) // 3]


def bomb() -> bytes:
    return as_bytes(Image.new("1", (20_000, 20_000)), "PNG")


UNREADABLE: dict[str, Callable[[], bytes]] = {
    "nothing": lambda: b"",
    "junk": lambda: random.Random(3).randbytes(100_000),
    "pdf head and junk": lambda: b"%PDF-1.7\n" + random.Random(3).randbytes(100_000),
    "half a pdf": lambda: cut(as_bytes(sheet(FINNISH), "PDF")),
    "half a png": lambda: cut(as_bytes(sheet(FINNISH), "PNG")),
    "png head": lambda: b"\x89PNG\r\n\x1a\n",
    "jpeg head and junk": lambda: b"\xff\xd8\xff\xe0" + random.Random(3).randbytes(50_000),
    "tiff head and junk": lambda: b"II*\x00" + random.Random(3).randbytes(50_000),
    "four hundred million pixels": bomb,
    "a text": "Hyvää päivää".encode,
    "a zip": lambda: b"PK\x03\x04" + bytes(1000),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_cannot_be_read_is_named_and_nothing_is_raised(name: str) -> None:
    text, problems = read(UNREADABLE[name]())
    assert text == ""
    assert problems == ("UNREADABLE_SCAN",)


def test_a_page_as_large_as_a_house_is_made_smaller_first() -> None:
    content = text_pdf([""]).replace(b"[0 0 595 842]", b"[0 0 14400 14400]")
    assert read(content) == ("", ("UNREADABLE_SCAN",))


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("PNG", "image/png"), ("JPEG", "image/jpeg"), ("TIFF", "image/tiff"), ("PDF", "application/pdf")],
)
def test_a_file_is_known_by_its_octets(kind: str, expected: str) -> None:
    assert media_type_of(as_bytes(sheet([]), kind)) == expected
