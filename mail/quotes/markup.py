"""What the HTML says about quotation that its text does not: elements that mail programs name.

The names are facts about programs (`gmail_attr`, `divRplyFwdMsg`, `yahoo_quoted` ...), also with the `x_` that Outlook
puts before names when it copies. Only what is certain is used. A container around quotation is not cut as such, for
people answer inside it; only the quotation in it is. A signature's element is marked, not cut: people write in it too.
"""

from typing import TYPE_CHECKING

from mail import hypertext
from mail.quotes.page import CUT, SIGNATURE_BEGINS, SIGNATURE_ENDS, SOFT_SIGNATURE_BEGINS, without_marks

if TYPE_CHECKING:
    from selectolax.lexbor import LexborHTMLParser, LexborNode

_MOST_NODES = 200
_MOST_LEVELS = 400

_HEADS = (
    '[id$="divRplyFwdMsg"], [class*="OutlookMessageHeader"], [id$="OutlookMessageHeader"], [id$="replyForwardHeader"], '
    '[id$="mail-editor-reference-message"]'
)
_ATTRIBUTIONS = '[class*="gmail_attr"], [class*="moz-cite-prefix"], [id$="reply-intro"], [class*="iosymail-cite"]'
_QUOTED = (
    '[class*="yahoo_quoted"], [id*="yahoo_quoted"], [class*="protonmail_quote"], [class*="tutanota_quote"], '
    '[class*="zmail_extra"], [class*="mail_android_quote"], [class*="qt-quote"], [data-marker="__QUOTED_TEXT__"], '
    'div[name="quote"], div[name="quoted-content"]'
)
_SIGNATURES = (
    '[class$="gmail_signature"], [class*="gmail_signature "], [class*="moz-signature"], '
    '[class*="protonmail_signature_block"], [class*="tutanota_signature"], [data-smartmail="gmail_signature"]'
)
_SOFT_SIGNATURES = (
    '[id$="Signature"], [id$="ms-outlook-mobile-signature"], [id*="AppleMailSignature"], [class*="AppleMailSignature"]'
)


def text_of(html: str) -> str:
    """The readable text of `html`, with the marks of `mail.quotes.page` where its elements say more than its text."""
    html = without_marks(html)
    if not hypertext.is_tree(html):
        return hypertext.text_of(html)
    from selectolax.lexbor import LexborHTMLParser  # noqa: PLC0415 - only a reading worker needs it

    tree = LexborHTMLParser(html)
    changed = _attributions(tree)
    changed = _quoted(tree) or changed
    changed = _signatures(tree) or changed
    for node in tree.css(_HEADS)[:1]:
        if not _is_inside(node, set()):
            node.insert_before(CUT)
            changed = True
    text = hypertext.text_of((tree.html or "") if changed else html)
    return without_marks(text, "\n{}\n")


def _attributions(tree: "LexborHTMLParser") -> bool:
    """An attribution that stands right before its quotation goes with it, whatever language it is in."""
    changed = False
    for node in tree.css(_ATTRIBUTIONS)[:_MOST_NODES]:
        following = node.next
        while following is not None and (following.tag == "br" or not (following.text(deep=True) or "").strip()):
            following = following.next
        if following is not None and following.tag == "blockquote":
            node.decompose()
            changed = True
    return changed


def _quoted(tree: "LexborHTMLParser") -> bool:
    """A container goes whole when no blockquote in it says more exactly what is quoted, and text stands outside it."""
    for node in tree.css(_QUOTED)[:_MOST_NODES]:
        if node.tag != "blockquote" and node.css_first("blockquote") is None:
            root = tree.body
            if root is not None and _length(root) > _length(node):
                node.decompose()
                return True
    return False


def _length(node: "LexborNode") -> int:
    return len("".join((node.text(deep=True) or "").split()))


def _signatures(tree: "LexborHTMLParser") -> bool:
    """The outermost elements that hold a signature get marks around them."""
    found: set[int] = set()
    for selector, begins in ((_SIGNATURES, SIGNATURE_BEGINS), (_SOFT_SIGNATURES, SOFT_SIGNATURE_BEGINS)):
        for node in tree.css(selector)[:_MOST_NODES]:
            if not _is_inside(node, found):
                node.insert_before(begins)
                node.insert_after(SIGNATURE_ENDS)
                found.add(node.mem_id)
    return bool(found)


def _is_inside(node: "LexborNode", found: set[int]) -> bool:
    """Whether the element stands inside a quotation, or in one of those `found`."""
    above = node.parent
    for _ in range(_MOST_LEVELS):
        if above is None:
            return False
        if above.tag == "blockquote" or above.mem_id in found:
            return True
        above = above.parent
    return True
