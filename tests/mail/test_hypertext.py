"""HTML as a person reads it, also where it is too much for a tree."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail.hypertext import MAX_HTML, text_of


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>a</p><p>b</p>", "a\n\nb"),
        ("<div>a</div><div><br></div><div>b</div>", "a\n\nb"),
        ("<ul><li>a</li><li>b</li></ul>", "- a\n- b"),
        ("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a b\nc"),
        ("<pre>a  b\nc</pre>", "a  b\nc"),
        ("&auml &#146; &#xe4; AT&T &lt;b&gt; a&nbsp;b", "ä ’ ä AT&T <b> a b"),
        ("<!--[if mso]><p>x</p><![endif]--><![if !mso]><p>y</p><![endif]>", "y"),
        ("<a href='https://x.test'>tästä</a> <img alt='Kuva' src=x>", "tästä [Kuva]"),
        ("<head><title>t</title><base href='//x.test'></head><style>p{}</style><script>a()</script>a", "a"),
        ("<blockquote type=cite>a<blockquote type=cite>b</blockquote></blockquote>c", "> a\n> >\n> > b\n\nc"),
        ("<p hidden>a</p><span style='display:none;font-size:0'>b</span>", "a\n\nb"),
    ],
)
def test_a_page_is_read(html: str, text: str) -> None:
    assert text_of(html) == text


def test_what_is_too_deep_for_a_tree_is_read_without_one() -> None:
    html = (
        "<STYLE>p{}</STYLE><!-- a <b> -->" + "<font>" * 100_000 + "Pyyd&auml;n<br>tiedot<script>x()</script>&nbsp;pian"
    )
    assert text_of(html).split() == ["Pyydän", "tiedot", "pian"]
    assert "\n" in text_of(html)


def test_what_is_too_long_for_a_tree_is_read_without_one() -> None:
    html = "<p>İstanbul</p><Script>x()</sCript>" + "<p>moi</p>" * (MAX_HTML // 10) + "<style>never closed"
    text = text_of(html)
    assert text.startswith(" İstanbul")
    assert "x()" not in text
    assert text.endswith("never closed")


@given(st.text(alphabet="<>/!-&;#aäbp \"='x", max_size=200))
def test_any_text_is_survived(html: str) -> None:
    assert isinstance(text_of(html), str)
    assert isinstance(text_of("<b>" * 500 + html), str)
