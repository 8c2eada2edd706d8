"""Workbooks as tables, and workbooks that are none: a small file that would fill the memory is refused."""

import zipfile
from pathlib import Path

import pytest

from store.database import Database
from store.importing import sheets
from store.importing.sheets import UnreadableFile, open_xlsx
from store.models import Customer
from tests.store.importing_files import counts, mapped, rows, take

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
PARTS = {
    "[Content_Types].xml": f'<Types xmlns="{PACKAGE}/content-types">'
    '<Default Extension="xml" ContentType="application/xml"/></Types>',
    "_rels/.rels": f'<Relationships xmlns="{PACKAGE}/relationships">'
    f'<Relationship Id="r" Type="{RELATIONS}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
    "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{RELATIONS}"><sheets>'
    '<sheet name="Asiakkaat" sheetId="1" r:id="s"/></sheets></workbook>',
    "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{PACKAGE}/relationships">'
    f'<Relationship Id="s" Type="{RELATIONS}/worksheet" Target="worksheets/sheet1.xml"/>'
    f'<Relationship Id="t" Type="{RELATIONS}/styles" Target="styles.xml"/></Relationships>',
    "xl/styles.xml": f'<styleSheet xmlns="{MAIN}"><cellXfs count="2"><xf numFmtId="0"/><xf numFmtId="14"/></cellXfs>'
    "</styleSheet>",
}
PEOPLE = {
    "columns": {"Asiakasnro": "customer_number", "Nimi": "name", "Päättynyt": "ended_on"},
    "constant": {"kind": "person"},
}


def workbook(folder: Path, cells: list[list[str]], **parts: str) -> Path:
    """A workbook of one sheet; a cell is its XML's inside: `<v>1</v>` or text."""

    def cell(place: str, inside: str) -> str:
        if inside.startswith("<v"):
            style = ' s="1"' if "46023" in inside else ""
            return f'<c r="{place}"{style}>{inside}</c>'
        return f'<c r="{place}" t="inlineStr"><is><t>{inside}</t></is></c>'

    lines = "".join(
        f'<row r="{row}">' + "".join(cell(f"{'ABCDEF'[at]}{row}", inside) for at, inside in enumerate(line)) + "</row>"
        for row, line in enumerate(cells, start=1)
    )
    sheet = f'<worksheet xmlns="{MAIN}"><sheetData>{lines}</sheetData></worksheet>'
    path = folder / "asiakkaat.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in (PARTS | {"xl/worksheets/sheet1.xml": sheet} | parts).items():
            archive.writestr(name, content)
    return path


HEAD = ["Asiakasnro", "Nimi", "Päättynyt"]


def test_a_workbook_is_read_with_its_numbers_and_dates(sqlite_database: Database, tmp_path: Path) -> None:
    file = workbook(tmp_path, [HEAD, ["<v>100234</v>", "Aino Esimerkkilä", "<v>46023</v>"], [], ["7", "Öö", ""]])
    outcome = take(sqlite_database, file, mapping=mapped("customers", **PEOPLE))
    assert counts(outcome) == {"customer": {"new": 2}}
    assert outcome.found == "workbook, sheet Asiakkaat"
    assert [(one.key, one.name, str(one.ended_on)) for one in rows(sqlite_database, Customer)] == [
        ("100234", "Aino Esimerkkilä", "2026-01-01"), ("7", "Öö", "None")
    ]  # fmt: skip


def test_a_bad_cell_is_named_by_its_row(sqlite_database: Database, tmp_path: Path) -> None:
    file = workbook(tmp_path, [HEAD, ["1", "Aino", "kesällä"], ["2", "Eino", "", "x"]])
    outcome = take(sqlite_database, file, mapping=mapped("customers", **PEOPLE))
    assert [(one.line, one.field) for one in outcome.problems] == [(2, "päättynyt"), (3, "")]


def test_a_sheet_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match="no sheet Muut"):
        open_xlsx(workbook(tmp_path, [HEAD]), sheet="Muut")


def test_a_workbook_that_would_fill_the_memory_is_refused_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sheets, "LARGEST_WORKBOOK", 1 << 20)
    bomb = workbook(tmp_path, [HEAD], **{"xl/sharedStrings.xml": f'<sst xmlns="{MAIN}">' + " " * (1 << 22) + "</sst>"})
    assert bomb.stat().st_size < 20_000
    with pytest.raises(UnreadableFile, match="unpacks to more than"):
        open_xlsx(bomb)


def test_a_workbook_that_lies_about_its_sizes_is_refused(tmp_path: Path) -> None:
    honest = workbook(tmp_path, [HEAD, ["1", "A" * 5_000, ""]])
    octets = bytearray(honest.read_bytes())
    with zipfile.ZipFile(honest) as archive:
        size = archive.getinfo("xl/worksheets/sheet1.xml").file_size.to_bytes(4, "little")
    honest.write_bytes(octets.replace(size, (100).to_bytes(4, "little")))
    with pytest.raises(UnreadableFile, match="is no workbook"):
        open_xlsx(honest)


def test_entities_in_a_workbook_grow_into_nothing(tmp_path: Path) -> None:
    entities = '<!DOCTYPE s [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    sheet = f'{entities}<worksheet xmlns="{MAIN}"><sheetData><row r="1"><c r="A1" t="inlineStr"><is><t>&b;</t></is></c>'
    sheet += "</row></sheetData></worksheet>"
    file = workbook(tmp_path, [HEAD], **{"xl/worksheets/sheet1.xml": sheet})
    try:
        found = "".join(open_xlsx(file).columns)
    except UnreadableFile as error:
        found = str(error)
    assert "aaaa" not in found


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"Asiakasnro;Nimi\n", b"\0" * 100])
def test_what_is_no_workbook_is_said_to_be_none(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.xlsx"
    path.write_bytes(content)
    with pytest.raises(UnreadableFile):
        open_xlsx(path)
