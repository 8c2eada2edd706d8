"""From the bytes of a scan to its text: the text layer of a PDF where it has one, otherwise optical recognition.

These functions run in a worker process of their own, under `OCR_SECONDS` and `OCR_MEMORY`: a scan is a stranger's
file, and the libraries that read it are large. Inside, every page has its own limits of time and pixels, so that one
bad page costs one page (INV-8, THREATS 50). Nothing here opens a file that a scan names.

The libraries are imported where they are used: the service itself never loads them.
"""

import os
import time
import unicodedata
import warnings
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from PIL.Image import Image

OCR_SECONDS: Final = 150.0
"""For a whole letter in a worker; reading stops by itself at `LETTER_SECONDS`."""
OCR_MEMORY: Final = 1024 * 1024 * 1024
LETTER_SECONDS: Final = 120.0
PAGE_SECONDS: Final = 10.0
PAGE_LIMIT: Final = 20
PIXEL_LIMIT: Final = 100_000_000
"""Pixels of an image that is decoded at all: A3 at 600 dpi has 70 million."""
PAGE_PIXELS: Final = 40_000_000
"""Pixels of a page that is recognised; a larger one is made smaller first."""
DPI: Final = 300
LANGUAGES: Final = "fin+swe+eng"
LOW_CONFIDENCE: Final = 60
LETTERS_OF_A_TEXT_LAYER: Final = 20


class Page(NamedTuple):
    """The text of one page; `confidence` from 0 to 100, and 100 for a text layer."""

    text: str
    confidence: int


def media_type_of(content: bytes) -> str:
    """What a file is by its first octets; `application/octet-stream` when it is no scan that we know."""
    if b"%PDF-" in content[:1024]:
        return "application/pdf"
    for magic, media_type in (
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"\xff\xd8\xff", "image/jpeg"),
        (b"II*\x00", "image/tiff"),
        (b"MM\x00*", "image/tiff"),
    ):
        if content.startswith(magic):
            return media_type
    return "application/octet-stream"


def read_pages(content: bytes, media_type: str) -> tuple[list[Page], tuple[str, ...]]:
    """The pages of a scan in order, and the named defects met. Never raises, whatever the bytes are."""
    pages: list[Page] = []
    problems: list[str] = []
    until = time.monotonic() + LETTER_SECONDS
    try:
        for page in _pages(content, media_type):
            if len(pages) >= PAGE_LIMIT or time.monotonic() > until:
                problems.append("PAGES_LEFT_OUT")
                break
            pages.append(page())
    except Exception:  # noqa: BLE001 - three libraries in C, each with errors of its own; all mean the same to staff
        problems.append("UNREADABLE_SCAN")
    if not any(page.text for page in pages) and "UNREADABLE_SCAN" not in problems:
        problems.append("UNREADABLE_SCAN")
    elif any(page.confidence < LOW_CONFIDENCE for page in pages):
        problems.append("LOW_OCR_CONFIDENCE")
    return pages, tuple(problems)


def _pages(content: bytes, media_type: str) -> Iterator[Callable[[], Page]]:
    """For each page the work that reads it, so that a page beyond the limits costs nothing."""
    if media_type == "application/pdf":
        yield from _pdf_pages(content)
    elif media_type in ("image/png", "image/jpeg", "image/tiff"):
        yield from _image_pages(content)


def _pdf_pages(content: bytes) -> Iterator[Callable[[], Page]]:
    import pypdfium2  # noqa: PLC0415 - see the module's docstring

    with closing(pypdfium2.PdfDocument(content)) as document:
        for number in range(len(document)):
            yield partial(_pdf_page, document, number)


def _pdf_page(document: Any, number: int) -> Page:
    try:
        with closing(document[number]) as page:
            with closing(page.get_textpage()) as layer:
                text = _clean(layer.get_text_bounded())
            if sum(character.isalpha() for character in text) >= LETTERS_OF_A_TEXT_LAYER:
                return Page(text, 100)
            width, height = page.get_size()
            inches = max(width * height / 72 / 72, 1e-6)
            scale = min(DPI, (PAGE_PIXELS / inches) ** 0.5) / 72
            return _recognise(page.render(scale=scale, grayscale=True).to_pil())
    except Exception:  # noqa: BLE001 - one bad page costs one page
        return Page("", 0)


def _image_pages(content: bytes) -> Iterator[Callable[[], Page]]:
    from PIL import Image, ImageSequence  # noqa: PLC0415

    Image.MAX_IMAGE_PIXELS = PIXEL_LIMIT
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # Between once and twice its limit the library only warns.
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        with Image.open(BytesIO(content), formats=("PNG", "JPEG", "TIFF")) as image:
            for frame in ImageSequence.Iterator(image):
                yield partial(_image_page, frame)


def _image_page(frame: "Image") -> Page:
    from PIL import ImageOps  # noqa: PLC0415

    if frame.width * frame.height > PIXEL_LIMIT:
        return Page("", 0)
    upright = ImageOps.exif_transpose(frame)
    flat = upright.convert("L") if "A" not in upright.getbands() else _on_white(upright)
    while flat.width * flat.height > PAGE_PIXELS:
        flat = flat.reduce(2)
    return _recognise(flat)


def _on_white(image: "Image") -> "Image":
    from PIL import Image  # noqa: PLC0415

    paper = Image.new("RGBA", image.size, "white")
    paper.alpha_composite(image.convert("RGBA"))
    return paper.convert("L")


def _recognise(image: "Image") -> Page:
    # More threads than one make it slower, and the worker has one processor's worth of time. Read when it is loaded.
    os.environ["OMP_THREAD_LIMIT"] = "1"
    import tesserocr  # noqa: PLC0415

    with tesserocr.PyTessBaseAPI(path=str(_data_folder()), lang=LANGUAGES) as engine:
        page = _run(engine, image)
        if page.confidence >= LOW_CONFIDENCE:
            return page
        # A page that lies on its side or upside down reads as nonsense: let the engine find out which way is up.
        engine.SetPageSegMode(tesserocr.PSM.AUTO_OSD)
        turned = _run(engine, image)
        return turned if turned.confidence > page.confidence else page


def _run(engine: Any, image: "Image") -> Page:
    engine.SetImage(image)
    engine.SetSourceResolution(DPI)
    engine.Recognize(int(PAGE_SECONDS * 1000))
    text = _clean(engine.GetUTF8Text())
    return Page(text, int(engine.MeanTextConf()) if text else 0)


def _data_folder() -> Path:
    """Where the engine's language data lies: Debian's folder, whatever the version's number."""
    for folder in sorted(Path("/usr/share/tesseract-ocr").glob("*/tessdata"), reverse=True):
        if (folder / "fin.traineddata").exists():
            return folder
    return Path(os.environ.get("TESSDATA_PREFIX", "/usr/share/tessdata"))


def missing_languages() -> tuple[str, ...]:
    """Languages that the host's recognition engine lacks; all of them where it is not installed."""
    wanted = LANGUAGES.split("+")
    try:
        folder = _data_folder()
    except (OSError, RuntimeError):
        return tuple(wanted)
    return tuple(language for language in wanted if not (folder / f"{language}.traineddata").is_file())


def _clean(text: str) -> str:
    """NFC, `\\n` line ends, and neither control characters nor the marks that PDF readers put for hyphens."""
    plain = text.replace("\r\n", "\n").replace("\r", "\n").replace("\f", "\n").replace("\ufffe", "").replace("\x02", "")
    kept = (
        character for character in plain if character in "\n\t" or unicodedata.category(character) not in ("Cc", "Cs")
    )
    return unicodedata.normalize("NFC", "".join(kept)).strip()
