"""Bytes to text the way a patient person would: the declared charset first, then what the bytes themselves say.

Senders leave the charset out, name one that does not exist, or name the wrong one. Yet most texts give themselves away:
a byte order mark, escape sequences, multi-byte UTF-8 that no other charset produces by chance. So a declaration is
believed until the bytes contradict it, and one bad byte is repaired alone: it never turns the rest to mojibake.

`clean` is the last gate of every text that leaves `mail`: NFC, `\\n` line ends, no NUL, no control character but line
end and tab, no lone surrogate.
"""

import codecs
import re
import unicodedata
from contextlib import suppress
from functools import cache

from mail import evidence

UNKNOWN_CHARSET = "UNKNOWN_CHARSET"
WRONG_CHARSET = "WRONG_CHARSET"
BAD_BYTES = "BAD_BYTES"

_MARKS_IN_A_ROW = 30  # Unicode Annex 15, Stream-Safe Text Format: longer runs make normalisation quadratic

_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)

# The labels of the WHATWG Encoding Standard (section 4.2) where they differ from Python's, and names seen in mail.
_ALIASES = {
    "iso-8859-1": "cp1252",
    "latin1": "cp1252",
    "l1": "cp1252",
    "iso8859-1": "cp1252",
    "iso-8859-1-windows-3.1-latin-1": "cp1252",
    "ansi": "cp1252",
    "cp-1252": "cp1252",
    "cp-850": "cp850",
    "iso-8859-9": "cp1254",
    "iso-8859-8-i": "iso-8859-8",
    "iso-8859-11": "cp874",
    "tis-620": "cp874",
    "windows-874": "cp874",
    "ks_c_5601-1987": "cp949",
    "ks_c_5601": "cp949",
    "euc-kr": "cp949",
    "ksc5601": "cp949",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "x-gbk": "gb18030",
    "gb_2312-80": "gb18030",
    "cp936": "gb18030",
    "big5": "big5hkscs",
    "shift_jis": "cp932",
    "shift-jis": "cp932",
    "x-sjis": "cp932",
    "sjis": "cp932",
    "windows-31j": "cp932",
    "ms_kanji": "cp932",
    "iso-2022-jp": "iso2022_jp_ext",
    "x-mac-roman": "mac-roman",
    "macintosh": "mac-roman",
    "x-mac-cyrillic": "mac-cyrillic",
    "x-mac-ce": "mac-latin2",
    "x-mac-centraleurroman": "mac-latin2",
    "x-mac-greek": "mac-greek",
    "x-mac-turkish": "mac-turkish",
    "x-mac-icelandic": "mac-iceland",
    "x-mac-croatian": "mac-croatian",
    "x-mac-romanian": "mac-romanian",
    "unicode-1-1-utf-7": "utf-7",
    "unicode-1-1-utf-8": "utf-8",
    "utf8mb4": "utf-8",
    "utf-16": "utf-16-le",
    "unicode": "utf-16-le",
    "ucs-2": "utf-16-le",
}
# No charset at all: what a broken program wrote in its place. The bytes decide.
_SAYS_NOTHING = frozenset(
    {"", "us-ascii", "ascii", "ansi_x3.4-1968", "unknown-8bit", "x-unknown", "unknown", "default", "binary", "none"}
    | {"utf-8", "utf8", "7bit", "8bit", "_iso-2022-jp$esc", "x-user-defined"}
)
_STATEFUL = frozenset({"utf-7", "hz"})
_NOT_TEXT = frozenset({"base64", "bz2", "hex", "quopri", "uu", "zlib", "rot13", "punycode", "idna", "unicode_escape"})
_NOT_TEXT_EITHER = frozenset({"raw_unicode_escape", "undefined", "mbcs", "oem"})

_JAPANESE = re.compile(rb"\x1b(?:\$[@B]|\$\([D@]|\([IJ])")
_KOREAN = re.compile(rb"\x1b\$\)C")
_CHINESE = re.compile(rb"\x1b\$\)[AGE]")
_SEQUENCE = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
_HALF = re.compile(rb"\xed[\xa0-\xbf][\x80-\xbf]")
_HALVES = re.compile("[\ud800-\udbff][\udc00-\udfff]")
_HZ = re.compile(rb"~\{(?:[!-w][!-~])+~\}")
# How many continuation bytes make UTF-8 certain though something else is declared; the others need more.
_CONVINCING = {"cp1252": 1, "iso8859-15": 1}
_CLEARLY = 15.0
_RUN = re.compile(rb"[\x80-\xff]+")
_LOOKED_AT = 64 * 1024

_BREAKS = re.compile("\r\n|[\r\x0b\x0c\x85\u2028\u2029]")
_CONTROLS = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\ufeff]")
_COMBINING = (
    "\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u0610-\u061a\u064b-\u065f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff"
    "\u302a-\u302f\u3099\u309a\ufe20-\ufe2f"
)
_MARKS = re.compile(f"([{_COMBINING}]{{{_MARKS_IN_A_ROW}}})[{_COMBINING}]+")
_UNCLEAN = re.compile(f"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff{_COMBINING}]")
_SURROGATES = re.compile("[\ud800-\udfff]")


def decode(data: bytes, declared: str = "") -> tuple[str, str]:
    """The text of `data`, not yet cleaned, and the defect met (`UNKNOWN_CHARSET` ...) or "". Never raises."""
    if not declared and data.isascii() and b"\x1b" not in data and b"~{" not in data:
        return data.decode("ascii"), ""
    for mark, codec in _BYTE_ORDER_MARKS:
        if data.startswith(mark) and not (mark == codecs.BOM_UTF32_LE and len(data) % 4):
            return data[len(mark) :].decode(codec, "replace"), ""
    name = _normal(declared)
    says_nothing = name in _SAYS_NOTHING
    codec = "" if says_nothing else _python_codec(name)
    defect = "" if says_nothing or codec else UNKNOWN_CHARSET
    if (b"\x1b" in data or b"~{" in data) and (escaped := _by_escapes(data) or _by_tildes(data, codec)):
        return escaped, defect
    if data.isascii() and not codec.startswith(("utf-16", "utf-32", "utf-7", "hz", "iso2022", "cp037", "cp500")):
        return data.decode("ascii"), defect
    if codec and not codec.startswith("utf-8"):
        text, trouble = (_wide if codec.startswith(("utf-16", "utf-32")) else _as_declared)(data, codec)
        return text, trouble or defect
    text, trouble = _by_evidence(data)
    return text, defect or (trouble if name in {"utf-8", "utf8"} else "")


def likely(data: bytes) -> str:
    """The codec that undeclared text seems to be in, or "" for ASCII and UTF-8: a hint for what stands beside it."""
    if data.isascii() or _is_utf8(data, at_least=1) or _is_mended_utf8(data[:_LOOKED_AT]):
        return ""
    return evidence.best(data).codec


def clean(text: str) -> str:
    """`text` with `\\n` line ends, in NFC, and nothing in it that is not for reading."""
    if not _UNCLEAN.search(text):
        return text if text.isascii() or unicodedata.is_normalized("NFC", text) else unicodedata.normalize("NFC", text)
    text = _CONTROLS.sub("", _BREAKS.sub("\n", text))
    text = _MARKS.sub(r"\1", text)
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        text = _SURROGATES.sub("\ufffd", text)
    return text if unicodedata.is_normalized("NFC", text) else unicodedata.normalize("NFC", text)


def clean_line(text: str) -> str:
    """Like `clean`, and on one line: for subjects, names and addresses."""
    return clean(text).replace("\n", " ").replace("\t", " ").strip()


def _normal(declared: str) -> str:
    name = declared.strip().strip("\"'").strip().lower()
    name = name.split("*", 1)[0]  # RFC 2231, 5: a language may follow
    return re.sub(r"^(?:charset=|x-)?(?=cp|win|iso|utf|koi|big5|gb|euc)", "", name)[:40].replace(" ", "-")


def _python_codec(name: str) -> str:
    """Python's name of the codec, or "" when there is none that makes text."""
    wanted = _ALIASES.get(name) or re.sub(r"^(?:win|windows|dos)[-_]?(\d{3,4})$", r"cp\1", name)
    if not re.fullmatch(r"[a-z0-9_.:+-]+", wanted):
        return ""
    try:
        found = codecs.lookup(wanted).name
    except (LookupError, ValueError):
        return ""
    found = "cp1252" if found == "iso8859-1" else found
    return "" if found.replace("-", "_") in _NOT_TEXT | _NOT_TEXT_EITHER else found


def _by_escapes(data: bytes) -> str:
    """ISO 2022 announces itself (RFC 1468, 1557); no other text holds these sequences."""
    for pattern, codecs_to_try in (
        (_JAPANESE, ("iso2022_jp_ext", "iso2022_jp_2004")),
        (_KOREAN, ("iso2022_kr",)),
        (_CHINESE, ("iso2022_cn",)),
    ):
        if pattern.search(data):
            for codec in codecs_to_try:
                try:
                    return data.decode(codec)
                except (UnicodeDecodeError, LookupError):
                    continue
            if pattern is _JAPANESE:
                return data.decode("iso2022_jp_ext", "replace")
    return ""


def _by_tildes(data: bytes, declared: str) -> str:
    """HZ (RFC 1843): Chinese in seven bits between `~{` and `~}`."""
    if declared not in {"", "cp1252"} or not data.isascii() or not _HZ.search(data):
        return ""
    with suppress(UnicodeDecodeError):
        text = data.decode("hz")
        return text if evidence.is_common_chinese(text) else ""
    return ""


def _as_declared(data: bytes, codec: str) -> tuple[str, str]:
    single_byte = codec.startswith(("cp125", "iso8859", "koi8", "mac", "cp85", "cp86", "cp437", "cp874"))
    if _is_utf8(data, at_least=_CONVINCING.get(codec, 2 if single_byte else 6)):
        return data.decode("utf-8"), WRONG_CHARSET
    other = _better_codec(data, codec)
    if single_byte or other:
        return _in_codec(data, other or codec), WRONG_CHARSET if other else ""
    with suppress(UnicodeDecodeError):
        return data.decode(codec), ""
    repaired = data.decode(codec, "replace")
    if not _is_utf8(data, at_least=1) and repaired.count("\ufffd") * 10 <= len(repaired):
        return repaired, BAD_BYTES
    return _by_evidence(data)[0], WRONG_CHARSET


def _wide(data: bytes, codec: str) -> tuple[str, str]:
    """Two or four octets a character; without one NUL it is not so, for every text has a blank or a line end."""
    if b"\0" not in data:
        return _by_evidence(data)[0], WRONG_CHARSET
    if codec in {"utf-16", "utf-16-le", "utf-16-be"} and data[:200:2].count(0) > data[1:200:2].count(0):
        codec = "utf-16-be"
    return data.decode(codec, "replace"), ""


def _better_codec(data: bytes, codec: str) -> str:
    """Another codec that makes a far likelier text of `data` than the declared one, or ""."""
    if data.isascii() or not evidence.is_doubtful(data, codec):
        return ""
    found = evidence.best(data)
    declared = evidence.weighed(evidence.sampled(data), codec)
    return found.codec if found.score > declared.score + _CLEARLY else ""


def _in_codec(data: bytes, codec: str) -> str:
    return _single(data, codec) if codec.startswith("cp125") else data.decode(codec, "replace")


def _single(data: bytes, codec: str) -> str:
    """A one-byte charset; the few bytes it leaves undefined stand for themselves in Latin-1, to be cleaned away."""
    return codecs.charmap_decode(data, "strict", _table(codec))[0]


@cache
def _table(codec: str) -> str:
    return "".join(chr(b) if (c := bytes([b]).decode(codec, "replace")) == "\ufffd" else c for b in range(256))


def _is_utf8(data: bytes, at_least: int) -> bool:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return len(data) - len(text) >= at_least


def _by_evidence(data: bytes) -> tuple[str, str]:
    """Undeclared, or declared as UTF-8 with bytes that are not."""
    try:
        return data.decode("utf-8"), ""
    except UnicodeDecodeError:
        pass
    if b"\0" in data and data.count(0) * 3 > len(data):
        return _wide(data, "utf-16-le")
    if _is_mended_utf8(data[:_LOOKED_AT]):
        return _joined_surrogates(data.decode("utf-8", "kirjaamo-latin")), BAD_BYTES
    return _in_codec(data, evidence.best(data).codec), WRONG_CHARSET


def _is_mended_utf8(data: bytes) -> bool:
    """Whether `data` is UTF-8 with faults: a few bad bytes, or lines of an older charset among it."""
    good = bad = stray = 0
    for run in _RUN.findall(data):
        inside = sum(map(len, _SEQUENCE.findall(run)))
        if inside * 4 >= len(run) * 3:
            good += inside
        elif len(run) < 3:
            stray += 1
        else:
            bad += len(run)
    return good > 3 * bad and good * 4 >= stray


def _joined_surrogates(text: str) -> str:
    """Some programs write each half of a UTF-16 pair as if it were a character (CESU-8)."""
    if not _HALVES.search(text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _latin_for_bad_bytes(error: UnicodeError) -> tuple[str, int]:
    """Codec error handler: what is not UTF-8 inside UTF-8 came from an older program, so it is read as such."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    if half := _HALF.match(error.object, error.start):
        return half[0].decode("utf-8", "surrogatepass"), half.end()
    return _single(error.object[error.start : error.end], "cp1252"), error.end


codecs.register_error("kirjaamo-latin", _latin_for_bad_bytes)
