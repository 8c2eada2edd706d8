"""Makes replies as mail programs of many languages make them, and says what of each was lost and what leaked.

A command too: `python tests/mail/reply_forms.py` prints the table, with `known` or `held_out` the failures of a half.
The halves part by the form (attribution, header block, footer), so that rules written while looking at one half are
judged on forms of the other.
"""

import html
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import wrap
from typing import Any
from zlib import crc32

from mail.hypertext import text_of
from mail.quotes import new_text

DATA = Path(__file__).parent / "data"
ADDRESS = "asiakaspalvelu@lampo.test"
NAMES = ("Dora Koe", "Kalajoen Lämpö Oy / Asiakaspalvelu", "Koe, Dora", "Lämpö Dora-Maria (Kalajoki)")


@dataclass(frozen=True)
class Reply:
    """One reply, with what must be found in its new text and what must not."""

    name: str
    form: str
    text: str
    own: tuple[str, ...]
    other: tuple[str, ...]
    html: str | None = None

    @property
    def held_out(self) -> bool:
        """Whether the form belongs to the half that the rules were not written with."""
        return crc32(self.form.encode()) % 2 == 1

    def verdict(self) -> tuple[list[str], list[str]]:
        """What was lost of the own words, and what leaked of others'."""
        found = _folded(new_text(self.text, self.html))
        lost = [part for part in self.own if _folded(part) not in found]
        return lost, [part for part in self.other if _folded(part) in found]


def _folded(text: str) -> str:
    return " ".join(text.split())


def made() -> Iterator[Reply]:
    """Every form in every shape it occurs in."""
    for language, table in tomllib.loads((DATA / "replies.toml").read_text("utf-8")).items():
        for form in table["attributions"]:
            yield from _attributed(language, form, table)
        for form in table["headers"]:
            yield from _headed(language, form, table)
        for form in table["footers"]:
            yield from _footed(language, form, table)


def odd() -> Iterator[Reply]:
    """What was thought of by hand: real people's ways of writing."""
    for case in tomllib.loads((DATA / "odd_replies.toml").read_text("utf-8"))["reply"]:
        own, other = tuple(case["own"]), tuple(case.get("other", ()))
        text = case.get("text") or text_of(case["html"])
        yield Reply(case["name"], case["name"], text, own, other, case.get("html"))


def _filled(form: str) -> str:
    return form.replace("NAME", NAMES[crc32(form.encode()) % len(NAMES)]).replace("ADDRESS", ADDRESS)


def _marked(lines: list[str]) -> list[str]:
    return [f"> {line}".rstrip() for line in lines]


def _attributed(language: str, form: str, table: dict[str, list[str]]) -> Iterator[Reply]:
    own, quoted, line = table["own"], table["quoted"], _filled(form)
    head = line.removeprefix("> ")
    other = (*quoted, head.split()[-1] if ADDRESS not in head else ADDRESS)
    marked = _marked(quoted)
    shapes = {
        "top": [*own, "", line, "", *marked],
        "narrow": [*own, "", *(wrap(line, 44, break_on_hyphens=False) if " " in line else [line]), *marked],
        "bottom": [line, *marked, "", *own],
        "between": [line, marked[0], own[0], *marked[1:], "", *own[1:]],
        "deep": [*own, "", line, *marked, "> ", "> " + line, *_marked(marked), "", "-- ", "Aino"],
    }
    if form[0] != ">" and any(digit in form for digit in "0123456789") and len(line) > 30:
        shapes["bare"] = [*own, "", line, "", *quoted]
    for shape, lines in shapes.items():
        yield Reply(f"{language} {shape}: {form}", form, "\n".join(lines), tuple(own), other)
    yield from _attributed_html(language, form, table, other)


def _attributed_html(language: str, form: str, table: dict[str, list[str]], other: tuple[str, ...]) -> Iterator[Reply]:
    head = html.escape(_filled(form).removeprefix("> "))
    mine = "".join(f"<div>{html.escape(line)}</div>" for line in table["own"])
    theirs = "".join(f"<p>{html.escape(line)}</p>" for line in table["quoted"])
    shapes = {
        "gmail": f'<div dir="ltr">{mine}</div><br><div class="gmail_quote gmail_quote_container"><div dir="ltr" '
        f'class="gmail_attr">{head}<br></div><blockquote class="gmail_quote" style="margin:0 0 0 .8ex">{theirs}'
        "</blockquote></div>",
        "apple": f"{mine}<div><br><blockquote type=cite><div>{head}</div><br><div>{theirs}</div></blockquote></div>",
        "thunderbird": f'<div class="moz-cite-prefix">{head}<br></div><blockquote type="cite" cite="mid:1@x.test">'
        f"{theirs}</blockquote>{mine}",
        "yahoo": f'{mine}<div id="ydp1yahoo_quoted_1" class="yahoo_quoted"><div>{head}</div><div>{theirs}</div></div>',
        "proton": f'{mine}<div class="protonmail_quote">{head}<br><blockquote class="protonmail_quote" type="cite">'
        f"{theirs}</blockquote></div>",
    }
    for shape, page in shapes.items():
        yield Reply(f"{language} {shape}: {form}", form, text_of(page), tuple(table["own"]), other, page)


def _headed(language: str, form: str, table: dict[str, Any]) -> Iterator[Reply]:
    own, quoted, block = table["own"], table["quoted"], _filled(form)
    other = (*quoted, ADDRESS)
    footer = table["footers"][0] if table["footers"] else ""
    yield Reply(f"{language} head: {form}", form, "\n".join([*own, "", block, "", *quoted]), tuple(own), other)
    text = "\n".join([*own, footer, "", block.replace("\n", " \n"), "", *quoted, "-- ", *quoted])
    yield Reply(f"{language} head footer: {form}", form, text, tuple(own), (*other, footer or ADDRESS))
    lines = [line for line in block.split("\n") if ":" in line]
    rows = "<br>".join(
        f"<b>{html.escape(line.replace(':', ':</b>', 1))}".replace("&lt;/b&gt;", "</b>") for line in lines
    )
    mine = "".join(f"<p class=MsoNormal>{html.escape(line)}</p>" for line in own)
    theirs = "".join(f"<p class=MsoNormal>{html.escape(line)}</p>" for line in quoted)
    pages = {
        "outlook": f"{mine}<div><div style='border:none;border-top:solid #E1E1E1 1.0pt'><p class=MsoNormal>{rows}</p>"
        f"</div></div>{theirs}",
        "owa": f'<div dir="ltr">{mine}</div><div id="appendonsend"></div><hr style="display:inline-block;width:98%">'
        f'<div id="divRplyFwdMsg" dir="ltr"><font>{rows}</font></div><div>{theirs}</div>',
    }
    for shape, page in pages.items():
        yield Reply(f"{language} {shape}: {form}", form, text_of(page), tuple(own), other, page)
    if table["below"]:
        answered = f"{table['below']}\n\n{block}\n\n{quoted[1]}\n{own[1]}\n"
        yield Reply(f"{language} below: {form}", table["below"], answered, (own[1],), ())


def _footed(language: str, form: str, table: dict[str, list[str]]) -> Iterator[Reply]:
    own, quoted = table["own"], table["quoted"]
    head = _filled(table["attributions"][0])
    yield Reply(f"{language} footer: {form}", form, "\n".join([*own, "", form]), tuple(own), (form,))
    text = "\n".join([*own, "", form, "", head, *_marked(quoted)])
    yield Reply(f"{language} footer top: {form}", form, text, tuple(own), (form, *quoted))
    text = "\n".join([own[0], "", form, "", *own[1:]])
    yield Reply(f"{language} footer first: {form}", form, text, tuple(own), ())


def table(replies: list[Reply]) -> Counter[str]:
    """How many there are, and of how many own words were lost or others' leaked."""
    tally = Counter[str]()
    for reply in replies:
        lost, leaked = reply.verdict()
        tally.update(all=1, lost=bool(lost), leaked=bool(leaked))
    return tally


if __name__ == "__main__":
    chosen = sys.argv[1:]
    for title, held in (("known", False), ("held_out", True)):
        half = [reply for reply in (*made(), *odd()) if reply.held_out == held]
        sys.stdout.write(f"{title} {dict(table(half))}\n")
        for reply in half if title in chosen else ():
            lost, leaked = reply.verdict()
            if lost or leaked:
                sys.stdout.write(f"  {reply.name!r}\n     lost {lost} leaked {leaked}\n")
