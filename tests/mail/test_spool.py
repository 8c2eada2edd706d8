"""The print spool: complete letters only, each once."""

import re
from pathlib import Path

import pytest

from mail.spool import PrintSpool, write_durably


def files(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def test_a_letters_name_is_always_the_same_and_holds_nothing_but_its_reference(tmp_path: Path) -> None:
    spool = PrintSpool(tmp_path)
    name = spool.name_of("KIR-7QK4", "<aino@lampo.test>")
    assert re.fullmatch(r"KIR-7QK4-[0-9a-f]{16}\.pdf", name)
    assert spool.name_of("KIR-7QK4", "<aino@lampo.test>") == name
    assert spool.name_of("KIR-7QK4", "<other@lampo.test>") != name


@pytest.mark.parametrize("reference", ["../../etc/x", "a/b", "", "\x00", ".hidden", "ä ö", "x" * 500])
async def test_no_reference_leads_out_of_the_spool(tmp_path: Path, reference: str) -> None:
    spool = PrintSpool(tmp_path / "letters")
    name = spool.name_of(reference, "<1@lampo.test>")
    await spool.put(name, b"%PDF")
    assert files(tmp_path / "letters") == [name]
    assert files(tmp_path) == ["letters"]
    assert not name.startswith(".")


async def test_what_is_there_is_left_as_it_is(tmp_path: Path) -> None:
    spool = PrintSpool(tmp_path)
    await spool.put("a.pdf", b"first")
    await spool.put("a.pdf", b"second")
    assert (tmp_path / "a.pdf").read_bytes() == b"first"
    assert await spool.holds("a.pdf")
    assert not await spool.holds("b.pdf")


def test_the_halves_that_a_death_has_left_are_swept_away_and_nothing_else(tmp_path: Path) -> None:
    spool = PrintSpool(tmp_path)
    for name in (".a.pdf.part", "b.pdf", ".profile", "c.part"):
        (tmp_path / name).write_bytes(b"%PDF")
    spool.sweep()
    assert files(tmp_path) == [".profile", "b.pdf", "c.part"]
    PrintSpool(tmp_path / "not there yet").sweep()


def test_a_name_appears_only_with_the_whole_content(tmp_path: Path) -> None:
    draft, final = tmp_path / ".a.part", tmp_path / "a.pdf"
    draft.write_bytes(b"left over from a crash, and longer than the letter")
    write_durably(draft, final, b"letter")
    assert final.read_bytes() == b"letter"
    assert final.stat().st_nlink == 1
    assert files(tmp_path) == ["a.pdf"]
