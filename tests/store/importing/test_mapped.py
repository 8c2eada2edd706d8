"""Tables as customer systems write them, by a mapping of a clerk; whatever is wrong named by line and column."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.database import Database
from store.importing.mapping import MappingRefused, load_mapping, parse_mapping
from store.models import ContactPoint, Customer, Identifier, Reading, Record
from store.register_labels import field_labels
from tests.store.importing_files import LATER, aino, counts, jsonl, mapped, rows, take, take_all

Table = Callable[..., Path]
PEOPLE = {
    "columns": {"Asiakasnro": "customer_number", "Nimi": "name", "Kieli": "language"},
    "constant": {"kind": "person"},
    "values": {"Kieli": {"suomi": "fi", "ruotsi": "sv"}},
}
EXAMPLE = Path(__file__).parents[3] / "deploy/register-mapping.toml"


@pytest.fixture
def table(tmp_path: Path) -> Table:
    """Writes a file of lines."""

    def write(*lines: str, name: str = "asiakkaat.csv", encoding: str = "utf-8", end: str = "\n") -> Path:
        path = tmp_path / name
        path.write_bytes("".join(line + end for line in lines).encode(encoding))
        return path

    return write


@pytest.mark.parametrize(
    ("encoding", "label"),
    [
        ("utf-8", "UTF-8"),
        ("utf-8-sig", "UTF-8 with a byte order mark"),
        ("utf-16", "UTF-16"),
        ("utf-16-le", "UTF-16"),
        ("utf-16-be", "UTF-16"),
        ("iso-8859-1", "ISO-8859-1"),
    ],
)
@pytest.mark.parametrize(("separator", "name"), [(";", "semicolon"), (",", "comma"), ("\t", "tab")])
def test_encoding_and_separator_are_told_by_looking(
    sqlite_database: Database, table: Table, encoding: str, label: str, separator: str, name: str
) -> None:
    lines = [["Asiakasnro", "Nimi", "Kieli"], ["100240", "Astrid Påhitt", "ruotsi"], ["100234", "Aino Öö", "SUOMI"]]
    file = table(*(separator.join(line) for line in lines), encoding=encoding, end="\r\n")
    outcome = take(sqlite_database, file, mapping=mapped("customers", **PEOPLE))
    assert counts(outcome) == {"customer": {"new": 2}}
    assert outcome.found.startswith(f"{label}, {name}")
    assert [(one.name, one.language) for one in rows(sqlite_database, Customer)] == [
        ("Astrid Påhitt", "sv"), ("Aino Öö", "fi")
    ]  # fmt: skip


def test_windows_1252_is_told_by_the_signs_that_iso_has_not(sqlite_database: Database, table: Table) -> None:
    file = table("Asiakasnro;Nimi;Kieli", "1;Kahvila “Ääri” – €;", encoding="cp1252")
    outcome = take(sqlite_database, file, mapping=mapped("customers", **PEOPLE))
    assert outcome.found.startswith("Windows-1252")
    assert rows(sqlite_database, Customer)[0].name == "Kahvila “Ääri” – €"


def test_quotes_and_line_breaks_inside_a_cell_are_read(sqlite_database: Database, table: Table) -> None:
    file = table("asiakasnro ; NIMI;kieli", '1;"Koe; ""Oy""\nToinen rivi";', "2;x;klingon")
    outcome = take(sqlite_database, file, mapping=mapped("customers", **PEOPLE))
    assert [(one.line, one.field) for one in outcome.problems] == [(4, "kieli")]
    file = table("asiakasnro ; NIMI;kieli", '1;"Koe; ""Oy""\nToinen rivi";')
    take(sqlite_database, file, mapping=mapped("customers", **PEOPLE))
    assert rows(sqlite_database, Customer)[0].name == 'Koe; "Oy"\nToinen rivi'


@pytest.mark.parametrize(
    ("lines", "problems"),
    [
        (["Asiakasnro;Nimi;Kieli", "1;Aino;", "2;;suomi", ";Eino;"], [(3, "nimi"), (4, "asiakasnro")]),
        (["Asiakasnro;Nimi;Kieli", "1;Aino;suomi;x"], [(2, "")]),
        (["Asiakasnro;Nimi;Kieli", "1;Aino;", "1;Eino;"], [(3, "customer")]),
        (["Asiakasnro;Nimi;Kieli", '1;"Aino;'], [(2, "")]),
        (["Asiakasnro;Nimi;Kieli;Puhelin", "1;Aino;;"], [(1, "")]),
        (["Asiakasnro;Nimi", "1;Aino"], [(1, "")]),
        (["Asiakasnro;Nimi;Nimi", "1;Aino;"], [(1, "")]),
        ([], [(1, "")]),
    ],
)
def test_what_is_wrong_is_named_by_line_and_column(
    sqlite_database: Database, table: Table, lines: list[str], problems: list[tuple[int, str]]
) -> None:
    outcome = take(sqlite_database, table(*lines), mapping=mapped("customers", **PEOPLE))
    assert [(one.line, one.field) for one in outcome.problems] == problems
    assert rows(sqlite_database, Customer) == []
    assert "Aino" not in repr(outcome.problems)


def test_an_unknown_column_is_refused_with_the_nearest_name_unless_it_is_ignored(
    sqlite_database: Database, table: Table
) -> None:
    file = table("Asiakasnro;Nimmi;Kieli", "1;Aino;")
    (unknown, missing) = take(sqlite_database, file, mapping=mapped("customers", **PEOPLE)).problems
    assert "nimmi" in unknown.reason
    assert "did you mean nimi?" in unknown.reason
    assert "there is no column nimi" in missing.reason
    file = table("Asiakasnro;Nimi;Kieli;Muistiinpano", "1;Aino;;x")
    assert counts(take(sqlite_database, file, mapping=mapped("customers", ignore=["MUISTIINPANO"], **PEOPLE)))


def test_only_the_first_hundred_problems_are_listed_and_all_are_counted(
    sqlite_database: Database, table: Table
) -> None:
    file = table("Asiakasnro;Nimi;Kieli", *(f"{number};;" for number in range(250)))
    outcome = take(sqlite_database, file, mapping=mapped("customers", **PEOPLE))
    assert (len(outcome.problems), outcome.problem_count) == (100, 250)


def test_columns_are_joined_split_and_told_apart(sqlite_database: Database, tmp_path: Path, table: Table) -> None:
    take(sqlite_database, jsonl(tmp_path, aino()))
    mapping = parse_mapping(
        {
            "file": [
                {
                    "name": "*.csv", "table": "contacts", "constant": {"kind": "postal"},
                    "columns": {"Nro": "customer_number"}, "join": {"value": "{Katu}\n{Postinro} {Paikka}"},
                },
                {
                    "name": "*.csv", "table": "contacts", "constant": {"kind": "email"},
                    "columns": {"Nro": "customer_number", "Sähköpostit": "value"},
                    "split": {"Sähköpostit": {"by": ";"}},
                },
                {
                    "name": "*.csv", "table": "contacts", "constant": {"kind": "phone"},
                    "columns": {"Nro": "customer_number", "Puhelin": "value"},
                },
            ]
        }
    )  # fmt: skip
    file = table(
        "Nro\tKatu\tPostinro\tPaikka\tSähköpostit\tPuhelin",
        "100234\tTestikuja 3\t85100\tKalajoki\ta@posti.test; b@posti.test\t040 000 0011",
        "100234\t\t\t\t\t",
        name="yhteystiedot.csv",
    )
    assert counts(take(sqlite_database, file, LATER, mapping=mapping)) == {"contact_point": {"new": 4}}
    assert [one.normalised for one in rows(sqlite_database, ContactPoint)] == [
        "testikuja 3 / 85100 kalajoki", "a@posti.test", "b@posti.test", "+358400000011"
    ]  # fmt: skip


def test_numbers_and_dates_are_read_as_finns_write_them(
    sqlite_database: Database, tmp_path: Path, table: Table
) -> None:
    take(sqlite_database, jsonl(tmp_path, aino()))
    invoices = mapped(
        "records",
        "laskut.csv",
        constant={"category": "invoices", "kind": "invoice"},
        columns={"Nro": "customer_number", "Lasku": "fields.number", "Summa": "fields.total", "Pvm": "recorded_at"},
        types={"fields.total": "number"},
        dates=["d.m.yyyy"],
        decimal=",",
        key=["fields.number"],
        labels={"number": {"fi": "Laskun numero"}},
    )
    lines = ["Nro;Lasku;Summa;Pvm", "100234;20261;1 148,11;9.2.2026", "100234;20262;-5;2026-02-10"]
    take(sqlite_database, table(*lines, name="laskut.csv"), mapping=invoices)
    first, second = rows(sqlite_database, Record)
    assert (first.fields, second.fields["total"]) == ({"number": "20261", "total": "1148.11"}, "-5")
    assert first.recorded_at == datetime(2026, 2, 8, 22, tzinfo=UTC), "a date begins at local midnight"
    assert sqlite_database.read_now(field_labels)["invoices.invoice.number"] == {"fi": "Laskun numero"}
    lines[1] = "100234;20261;1.148,11;9.2.2026"
    assert [
        one.field for one in take(sqlite_database, table(*lines, name="laskut.csv"), mapping=invoices).problems
    ] == ["summa"]
    lines[1] = "100234;20261;1 200,00;9.2.2026"
    found = take(sqlite_database, table(*lines, name="laskut.csv"), LATER, mapping=invoices)
    assert counts(found) == {"record": {"changed": 1, "unchanged": 1}}


def test_readings_of_the_autumn_hour_and_of_another_zone(
    sqlite_database: Database, tmp_path: Path, table: Table
) -> None:
    take(sqlite_database, jsonl(tmp_path, aino()))
    mapping = mapped(
        "readings",
        columns={"Nro": "customer_number", "Mittari": "meter", "Aika": "read_at", "MWh": "mwh"},
        dates=["dd.mm.yyyy hh:MM"],
        decimal=",",
    )
    take(sqlite_database, table("Nro;Mittari;Aika;MWh", "100234;LM1;01.07.2026 00:00;12,5"), mapping=mapping)
    assert rows(sqlite_database, Reading)[0].read_at == datetime(2026, 6, 30, 21, tzinfo=UTC)


def test_a_number_of_a_wrong_form_is_refused_or_kept_out_of_every_search(
    sqlite_database: Database, tmp_path: Path, table: Table
) -> None:
    take(sqlite_database, jsonl(tmp_path, aino()))
    mapping = mapped("identifiers", columns={"Nro": "customer_number", "Y": "value"}, constant={"kind": "business_id"})
    file = table("Nro;Y", "100234;9999991-7", "100234;9999991-8")
    (problem,) = take(sqlite_database, file, mapping=mapping).problems
    assert (problem.line, problem.reason) == (3, "has not the form of business_id")
    outcome = take(sqlite_database, file, mapping=mapping, accept_invalid=True)
    assert [one.line for one in outcome.invalid] == [3]
    assert [(one.value, one.normalised) for one in rows(sqlite_database, Identifier)] == [
        ("9999991-7", "9999991-7"), ("9999991-8", "")
    ]  # fmt: skip
    contacts = mapped("contacts", columns={"Nro": "customer_number", "S": "value"}, constant={"kind": "email"})
    file = table("Nro;S", "100234;ei ole")
    assert take(sqlite_database, file, mapping=contacts).problem_count == 1
    take(sqlite_database, file, mapping=contacts, accept_invalid=True)
    assert rows(sqlite_database, ContactPoint)[0].status == "inactive", "nothing is ever sent to it"
    again = take(sqlite_database, file, LATER, mapping=contacts, accept_invalid=True)
    assert counts(again) == {"contact_point": {"unchanged": 1}}


def test_a_row_for_nobody_is_named(sqlite_database: Database, table: Table) -> None:
    mapping = mapped("contacts", columns={"Nro": "customer_number", "S": "value"}, constant={"kind": "email"})
    (problem,) = take(sqlite_database, table("Nro;S", "77;a@posti.test"), mapping=mapping).problems
    assert (problem.line, problem.field) == (2, "customer_number")


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ({"tabel": "customers"}, "did you mean table?"),
        ({"table": "customer"}, "did you mean customers?"),
        ({"columns": {"a": "customer_numbr"}}, "did you mean customer_number?"),
        ({"columns": {"a": "customer_number", "b": "name"}}, "nothing fills the field kind"),
        ({"columns": {"a": "customer_number", "b": "customer_number"}}, "filled twice"),
        ({"constant": {"kind": "person", "source": "mars"}}, "no source mars"),
        ({"time_zone": "Europe/Kalajoki"}, "no time zone"),
        ({"decimal": ";"}, "decimal"),
        ({"key": ["fields.x"]}, "key names fields.x"),
    ],
)
def test_a_mapping_is_checked_before_any_file_is_opened(entry: dict[str, Any], told: str) -> None:
    whole = {"name": "*", "table": "customers", "columns": {"a": "customer_number", "b": "name"}}
    whole["constant"] = {"kind": "person"}
    if "columns" in entry:
        whole.pop("constant")
    with pytest.raises(MappingRefused, match=told.replace("?", r"\?")):
        parse_mapping({"file": [whole | entry]})


def test_the_example_for_the_clerk_can_be_used(sqlite_database: Database, table: Table) -> None:
    mapping = load_mapping(EXAMPLE)
    people = table(
        "ASIAKASNRO;Tyyppi;Nimi;Kieli;Turvakielto;Päättynyt;Sisäinen merkintä",
        "100234;henkilö;Aino Esimerkkilä;suomi;kyllä;;x",
    )
    reached = table(
        "Asiakasnro;Sähköpostit;Puhelin", "100234;aino.esimerkkila@posti.test;+358400000011", name="yhteystiedot.csv"
    )
    outcomes = take_all(sqlite_database, reached, people, mapping=mapping)
    assert [getattr(one, "problems", None) for one in outcomes] == [[], []]
    assert rows(sqlite_database, Customer)[0].turvakielto
    assert len(rows(sqlite_database, ContactPoint)) == 2


@given(content=st.binary(max_size=300))
def test_whatever_a_file_holds_it_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    from store.importing.sources import open_source  # noqa: PLC0415

    path = tmp_path_factory.mktemp("any") / "asiakkaat.csv"
    path.write_bytes(content)
    for _ in open_source(path, mapped("customers", **PEOPLE)).found_rows:
        pass
