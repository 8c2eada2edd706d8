"""HTML to the text a person would read, without ever fetching, running or trusting any of it.

All text is shown, also what a style hides: staff must see what was written, and instructions hidden from them are
the more worth seeing. Quoted mail gets `> ` before its lines, as every mail program does when it answers in plain
text, so that `mail.quotes` need know only one form. Sizes are capped before parsing (INV-8).
"""

import re
from html import unescape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from selectolax.lexbor import LexborNode

MAX_HTML = 1024 * 1024
"""Longest HTML, in characters, that is parsed as a tree; a longer one only has its tags removed."""

_SKIPPED = frozenset({"script", "style", "head", "template"})
_SPACED = frozenset({"p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "table", "pre", "blockquote"})
_BLOCKS = _SPACED | {"address", "article", "aside", "body", "center", "dd", "details", "div", "dl", "dt", "fieldset"}
_BLOCKS |= {"figcaption", "figure", "footer", "form", "header", "hr", "html", "li", "main", "nav", "section", "summary"}
_BLOCKS |= {"tbody", "tfoot", "thead", "tr"}
_QUOTE_CLASSES = re.compile(r"gmail_quote|yahoo_quoted|protonmail_quote|moz-cite|zmail_extra|tutanota_quote|cite", re.I)
_MAX_TREE_DEPTH = 400
_TAG = re.compile(r"<[^<>]{0,20000}>")
_BREAK = re.compile(r"<(?:br|/p|/div|/tr|/li|/h[1-6])\b[^<>]{0,200}>", re.I)
_CODE = re.compile(r"<!--|<(?:style|script)(?=[\s>])")
_LOWER = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")
_SPACES = re.compile(r"[ \t\r\n\f]+")
_OPENING = re.compile(r"<(?![/!])")
_CLOSING = re.compile(r"</|<(?:br|hr|img|meta|link|input|col|p|li|td|tr|th)\b", re.I)


def text_of(html: str) -> str:
    """The readable text of an HTML document or fragment; quoted mail is marked with `> `. Never raises."""
    if not is_tree(html):
        return _without_tags(html)
    from selectolax.lexbor import LexborHTMLParser  # noqa: PLC0415 - only a reading worker needs it

    root = LexborHTMLParser(html).root
    if root is None:
        return ""
    writer = _Writer()
    _walk(root, writer)
    return writer.text()


def is_tree(html: str) -> bool:
    """Whether `html` is small and flat enough to be parsed as a tree within the limits of INV-8."""
    if len(html) > MAX_HTML:
        return False
    few = html.count("<") <= _MAX_TREE_DEPTH
    return few or len(_OPENING.findall(html)) - len(_CLOSING.findall(html)) <= _MAX_TREE_DEPTH


class _Writer:
    """Collects words into lines, with blank lines between paragraphs and quotation marks before quoted lines."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._line: list[str] = []
        self._gap = 0
        self.depth = 0
        self.pre = 0

    def words(self, text: str) -> None:
        if self.pre:
            first, *rest = text.split("\n")
            self._line.append(first)
            for line in rest:
                self.end_line(force=True)
                self._line.append(line)
            return
        text = _SPACES.sub(" ", text)
        if not self._line or self._line[-1].endswith((" ", "\t")):
            text = text.lstrip(" ")
        if text:
            self._line.append(text)

    def end_line(self, *, force: bool = False) -> None:
        line = "".join(self._line).rstrip()
        self._line = []
        if not line and not force:
            return
        mark = "> " * self.depth
        if line and self._gap and self._lines:
            self._lines.extend([mark.rstrip()] * self._gap)
        if line:
            self._gap = 0
            self._lines.append(mark + line)
        else:
            self._gap = min(self._gap + 1, 2)

    def gap(self) -> None:
        self.end_line()
        self._gap = max(self._gap, 1)

    def text(self) -> str:
        self.end_line()
        return _seen("\n".join(self._lines))


def _walk(root: "LexborNode", writer: _Writer) -> None:
    """Depth first without recursion: however deep the tree, the stack of the interpreter is not."""
    stack: list[tuple[LexborNode | None, str]] = [(root, "")]
    while stack:
        node, closing = stack.pop()
        if node is None:
            _close(closing, writer)
            continue
        tag = node.tag or ""
        if tag == "-text":
            writer.words(node.text_content or "")
            continue
        if tag in _SKIPPED or tag.startswith(("-", "_")):
            continue
        quoted = tag == "blockquote" and _is_quotation(node)
        _open(tag, node, writer, quoted)
        stack.append((None, "quotation" if quoted else tag))
        child = node.last_child
        while child is not None:
            stack.append((child, ""))
            child = child.prev


def _open(tag: str, node: "LexborNode", writer: _Writer, quoted: bool) -> None:
    if tag == "br":
        writer.end_line(force=True)
    elif tag in _SPACED:
        writer.gap()
    elif tag in _BLOCKS:
        writer.end_line()
    if tag == "li":
        writer.words("- ")
    elif tag in {"td", "th"}:
        writer.words(" ")
    elif tag == "img" and (alt := (node.attributes.get("alt") or "").strip()):
        writer.words(f"[{alt}]")
    elif tag == "pre":
        writer.pre += 1
    elif tag == "hr":
        writer.words("________________________________")
        writer.end_line()
    writer.depth += 1 if quoted else 0


def _close(tag: str, writer: _Writer) -> None:
    if tag == "quotation":
        writer.end_line()
        writer.depth -= 1
        writer.gap()
        return
    if tag == "pre":
        writer.end_line()
        writer.pre -= 1
    if tag in _SPACED:
        writer.gap()
    elif tag in _BLOCKS:
        writer.end_line()


def _is_quotation(node: "LexborNode") -> bool:
    """Mail programs mark what they quote; a bare blockquote is only an indented paragraph."""
    attributes = node.attributes
    marks = f"{attributes.get('type') or ''} {attributes.get('class') or ''} {attributes.get('id') or ''}"
    if _QUOTE_CLASSES.search(marks) or attributes.get("cite") is not None:
        return True
    if "border-left" in (attributes.get("style") or "").lower():
        return True
    parent = node.parent
    return parent is not None and bool(_QUOTE_CLASSES.search(parent.attributes.get("class") or ""))


def _seen(text: str) -> str:
    """Where a line may break, a page shows nothing; left in, `tieto&shy;suoja` would be no word."""
    return text.replace("\xa0", " ").replace("\xad", "").replace("\u200b", "")


def _without_tags(html: str) -> str:
    """The plain way for what is too big or too deep to parse: line breaks kept, tags gone, entities read."""
    lines = _TAG.sub(" ", _BREAK.sub("\n", _without_code(html)))
    return _seen(unescape(lines))


def _without_code(html: str) -> str:
    """Styles, scripts and comments left out; what is opened and never closed is taken for text."""
    out: list[str] = []
    at = 0
    lowered = html.translate(_LOWER)  # unlike `lower`, this keeps every offset
    while match := _CODE.search(lowered, at):
        closing = "-->" if match[0] == "<!--" else f"</{match[0][1:]}"
        end = lowered.find(closing, match.end())
        if end < 0:
            break
        out.append(html[at : match.start()])
        at = end if closing != "-->" else end + 3
    return "".join(out) + html[at:]
