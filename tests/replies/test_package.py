"""The copy of the data in both its forms: everything exactly once, tagged, the same bytes twice, nothing that runs."""

import csv
import ctypes
import io
import json
import re
import zipfile
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pypdfium2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from replies.notice import LANGUAGES, NOTICE_OF_THE_DEMO, ReplyLanguage, load_notice
from replies.package import Answer, build_copy, build_portable, portable
from replies.readable import PRINTED
from replies.schema import CopyOfData, package_schema
from store.models import DisclosedTo, Dossier, Held, HeldCategory, LeftOut

NOTICE = load_notice(NOTICE_OF_THE_DEMO)
DAY = date(2026, 1, 2)


def answer(language: ReplyLanguage = "fi") -> Answer:
    return Answer("7F3K-92QX", NOTICE, language)


def held(kind: str = "call", source: str = "staff", **fields: str) -> Held:
    return Held(kind, tuple(fields.items()), source, DAY)


def dossier_of(*categories: HeldCategory) -> Dossier:
    return Dossier("100236", "Eino Mallikas", datetime(2026, 11, 22, tzinfo=UTC), categories, (), ())


def series(count: int) -> tuple[Held, ...]:
    start = datetime(2025, 1, 1, tzinfo=UTC)
    moments = [start + timedelta(hours=hour) for hour in range(count)]
    return tuple(
        held("reading", "meter", meter="LM1", read_at=moment.isoformat(timespec="minutes"), mwh=f"{100 + hour / 8}")
        for hour, moment in enumerate(moments)
    )


def text_of(pdf: bytes) -> str:
    document = pypdfium2.PdfDocument(pdf)
    text = "\n".join(page.get_textpage().get_text_range() for page in document)
    document.close()
    return " ".join(text.split())


def members(package: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(package)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def tables(package: bytes) -> dict[str, list[list[str]]]:
    return {
        name: list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), delimiter=";"))
        for name, content in members(package).items()
        if name.endswith(".csv")
    }


@settings(max_examples=12, deadline=None)
@given(
    sizes=st.dictionaries(
        st.sampled_from(["basic", "contracts", "contacts", "unknown"]), st.integers(0, 12), max_size=4
    ),
    keys=st.lists(
        st.sampled_from(["name", "email", "text", "note", "amount", "read_at", "status", "new_field", "inner.part"]),
        min_size=1,
        unique=True,
    ),
    language=st.sampled_from(LANGUAGES),
)
def test_every_planted_value_appears_exactly_once_in_each_form(
    sizes: dict[str, int], keys: list[str], language: ReplyLanguage
):
    planted: list[str] = []

    def canary() -> str:
        planted.append(f"kanarialintu{len(planted):04}ä")
        return planted[-1]

    categories = tuple(
        HeldCategory(
            category,
            tuple(Held(f"kind_{n % 3}", tuple((key, canary()) for key in keys), "staff", DAY) for n in range(size)),
        )
        for category, size in sizes.items()
    )
    disclosures = (DisclosedTo(canary(), canary(), date(2026, 1, 1), date(2026, 2, 1)),)
    views = ((date(2026, 1, 1), canary()), (date(2026, 1, 2), canary()))
    dossier = replace(dossier_of(*categories), disclosures=disclosures, views=views)
    pdf, package = build_copy(dossier, answer(language), "access")
    files = members(package.content)
    forms = {
        "pdf": text_of(pdf.content),
        "json": files["dossier.json"].decode(),
        "csv": "\n".join(content.decode() for name, content in files.items() if name.endswith(".csv")),
    }
    for form, text in forms.items():
        assert {value: text.count(value) for value in planted} == dict.fromkeys(planted, 1), form
    about = files["README.txt"] + files["schema.json"]
    assert b"kanarialintu" not in about


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_copy_reads_in_order_by_category_and_says_where_nothing_is_held(aino: Dossier, language: ReplyLanguage):
    pdf, _ = build_copy(aino, answer(language), "access")
    text = text_of(pdf.content)
    places = [text.index(category.label[language], 300) for category in NOTICE.categories]
    assert places == sorted(places)
    nothing = {"fi": "ei ole teitä koskevia tietoja", "sv": "inga uppgifter om er", "en": "We hold nothing about you"}
    empty = sum(1 for one in NOTICE.categories if not any(c.key == one.key and c.items for c in aino.categories))
    assert text.count(nothing[language]) == empty
    number = {"fi": "148,11 €", "sv": "148,11 €", "en": "148.11 €"}
    assert number[language] in text


def test_the_pdf_is_tagged_and_says_what_it_is(aino: Dossier):
    """PDF/A-2a and PDF/UA-1 as far as it can be seen without a validator: marks, language, title, embedded fonts."""
    pdf = build_copy(aino, answer("sv"), "access")[0].content
    for sign in (b"<pdfaid:part>2", b"<pdfaid:conformance>A", b"<pdfuaid:part>1", b"/MarkInfo", b"/StructTreeRoot"):
        assert sign in pdf, sign
    assert b"/Lang (sv)" in pdf or b"/Lang(sv)" in pdf
    assert b"Kopia av era personuppgifter" in pdf
    for font in re.findall(rb"/FontDescriptor\b.*?>>", pdf, re.DOTALL):
        assert b"/FontFile" in font or b"/FontDescriptor " in font
    document = pypdfium2.PdfDocument(pdf)
    assert document.get_metadata_value("Title") == "Kopia av era personuppgifter"
    assert pypdfium2.raw.FPDFCatalog_IsTagged(document)
    kinds = {name for page in document for name in structure_of(page)}
    document.close()
    assert {"H1", "H2", "H3", "L", "LI", "LBody", "Table", "TH", "TD"} <= kinds


def structure_of(page: pypdfium2.PdfPage) -> set[str]:
    """Names of the structure elements of a page."""
    raw = pypdfium2.raw
    tree = raw.FPDF_StructTree_GetForPage(page)
    found: set[str] = set()

    def visit(element) -> None:
        size = raw.FPDF_StructElement_GetType(element, None, 0)
        buffer = ctypes.create_string_buffer(size)
        raw.FPDF_StructElement_GetType(element, buffer, size)
        found.add(bytes(buffer).decode("utf-16-le").rstrip("\0"))
        for place in range(raw.FPDF_StructElement_CountChildren(element)):
            child = raw.FPDF_StructElement_GetChildAtIndex(element, place)
            if child:
                visit(child)

    for place in range(raw.FPDF_StructTree_CountChildren(tree)):
        visit(raw.FPDF_StructTree_GetChildAtIndex(tree, place))
    raw.FPDF_StructTree_Close(tree)
    return found


def test_the_same_dossier_gives_the_same_bytes(aino: Dossier):
    assert build_copy(aino, answer(), "access") == build_copy(aino, answer(), "access")


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_data_keep_the_published_schema(aino: Dossier, language: ReplyLanguage):
    full = replace(
        aino, left_out=(LeftOut("BEFORE_THEIR_TIME", "deliveries", 5), LeftOut("ROLE_OF_ANOTHER:payer", "", 0))
    )
    files = members(build_copy(full, answer(language), "access")[1].content)
    told = CopyOfData.model_validate_json(files["dossier.json"])
    assert (told.kind, told.language, told.reference) == ("access", language, "7F3K-92QX")
    assert json.loads(files["schema.json"]) == package_schema()
    used = {f"{one.key}.{item.kind}.{key}" for one in told.categories for item in one.items for key in item.fields}
    assert used == set(told.labels.fields)
    assert {item.source for one in told.categories for item in one.items} == set(told.labels.sources)


def test_the_schema_is_published_as_it_is_packed():
    published = Path(__file__).parents[2] / "docs" / "kirjaamo-dossier-1.schema.json"
    assert json.loads(published.read_text("utf-8")) == package_schema(), "write it anew from replies.schema"


def test_values_of_a_machine_keep_their_kind():
    item = held("reading", "meter", meter="0012", read_at="2026-01-01T00:00+02:00", mwh="12.50", cubic_metres="-3")
    data = json.loads(
        members(build_copy(dossier_of(HeldCategory("deliveries", (item,))), answer(), "a")[1].content)["dossier.json"]
    )
    fields = data["categories"][0]["items"][0]["fields"]
    assert fields == {"meter": "0012", "read_at": "2026-01-01T00:00+02:00", "mwh": "12.50", "cubic_metres": -3}


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"),
        ("+358400000011", "'+358400000011"),
        ("-2+3", "'-2+3"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\tnimi", "'\tnimi"),
        ("\r=1+1", "'\r=1+1"),
        ("＝1+1", "'＝1+1"),
        ("-12.5", "-12.5"),
        ("-7", "-7"),
        ("nimi; toinen", "nimi; toinen"),
        ('"lainaus"', '"lainaus"'),
        ("Hyvä = hyvä", "Hyvä = hyvä"),
    ],
)
def test_no_cell_runs_in_a_spreadsheet(value: str, cell: str):
    package = build_copy(dossier_of(HeldCategory("contacts", (held(odd=value),))), answer(), "a")[1]
    table = tables(package.content)["csv/contacts-call.csv"]
    assert table[1][0] == cell


def test_a_hostile_key_is_neither_a_path_nor_a_formula():
    item = Held("../../etc/pass wd", (("=evil", "x"),), "staff", DAY)
    package = build_copy(dossier_of(HeldCategory("../up", (item,)), HeldCategory("up", (item,))), answer(), "a")[1]
    found = tables(package.content)
    assert set(found) == {"csv/up-etc-pass-wd.csv", "csv/up-etc-pass-wd-2.csv"}
    assert found["csv/up-etc-pass-wd.csv"][0][0] == "'=evil"


@pytest.mark.parametrize(
    ("language", "head", "number"),
    [
        ("fi", "Mittarilukema, energia (MWh)", "112,375"),
        ("sv", "Mätarställning, energi (MWh)", "112,375"),
        ("en", "Meter reading, energy (MWh)", "112.375"),
    ],
)
def test_tables_speak_the_readers_language(language: ReplyLanguage, head: str, number: str):
    dossier = dossier_of(HeldCategory("deliveries", series(100)))
    package = build_copy(dossier, answer(language), "a")[1]
    table = tables(package.content)["csv/deliveries-reading.csv"]
    assert table[0][2] == head
    assert table[100][2] == number
    raw = members(package.content)["csv/deliveries-reading.csv"]
    assert raw.startswith(b"\xef\xbb\xbf")
    assert raw.count(b"\r\n") == 101


def test_a_long_series_is_whole_in_the_tables_and_by_months_on_paper():
    count = PRINTED + 500
    pdf, package = build_copy(dossier_of(HeldCategory("deliveries", series(count))), answer("en"), "a")
    assert len(tables(package.content)["csv/deliveries-reading.csv"]) == count + 1
    text = text_of(pdf.content)
    assert f"There are {count} readings." in text
    assert "csv/deliveries-reading.csv" in text
    months = re.findall(r"LM1 (\d+ \w+ 2025) \d\d:\d\d", text)
    assert months == ["1 February 2025", "1 March 2025", "4 March 2025"], "the last of each month, in local time"


def test_a_long_row_of_other_things_shows_the_newest_and_names_the_file():
    calls = tuple(held(summary=f"puhelu{number:05}") for number in range(PRINTED + 3))
    pdf, package = build_copy(dossier_of(HeldCategory("contacts", calls)), answer(), "a")
    text = text_of(pdf.content)
    assert "puhelu00002" not in text
    assert "puhelu00003" in text
    assert f"Näitä on {PRINTED + 3}." in text
    assert "puhelu00000" in members(package.content)["csv/contacts-call.csv"].decode()


def test_identity_codes_are_cut_in_every_form():
    call = held(summary="Hetu 010190-999X ja 020290A998Y.")
    pdf, package = build_copy(dossier_of(HeldCategory("contacts", (call,))), answer(), "a")
    whole = text_of(pdf.content) + "".join(content.decode() for content in members(package.content).values())
    assert "999X" not in whole
    assert whole.count("010190-**** ja 020290A****.") == 3
    assert json.loads(members(package.content)["dossier.json"])["categories"][0]["items"][0]["masked"] == {
        "IDENTITY_CODE": 2
    }


@pytest.mark.parametrize("hostile", ["#eval(1)", "$x$ *b* _i_", "\\u{41}", "= Otsikko", "<label> @ref", "a\u202eb\0c"])
def test_a_value_stays_a_value_on_paper(hostile: str):
    pdf, _ = build_copy(dossier_of(HeldCategory("contacts", (held(summary=hostile),))), answer(), "a")
    assert hostile.replace("\u202e", "").replace("\0", "") in text_of(pdf.content)


def test_names_that_a_mapping_gave_head_fields_and_columns():
    labels = {"contacts.call.oma": {"fi": "Oma kenttä", "sv": "Eget fält", "en": "Own field"}}
    dossier = replace(dossier_of(HeldCategory("contacts", (held(oma="arvo"),))), labels=labels)
    pdf, package = build_copy(dossier, answer("sv"), "a")
    assert "Eget fält: arvo" in text_of(pdf.content)
    assert tables(package.content)["csv/contacts-call.csv"][0][0] == "Eget fält"


def test_the_portable_part_is_what_the_person_provided_or_the_meter_saw():
    dossier = dossier_of(
        HeldCategory("basic", (held("email", "customer", email="eino@posti.test"), held("postal", "city", postal="x"))),
        HeldCategory("deliveries", series(3)),
        HeldCategory("invoices", (held("invoice", "contract", number="1"), held("payment", "customer", amount="9"))),
        HeldCategory("contacts", (held("ticket", "customer", reference="r"), held("call", "staff", summary="s"))),
        HeldCategory("consents", (held("consent", "customer", purpose="p"),)),
    )
    told = portable(replace(dossier, views=((DAY, "request"),)), NOTICE)
    assert [(one.key, [item.kind for item in one.items]) for one in told.categories] == [
        ("basic", ["email"]),
        ("deliveries", ["reading"] * 3),
        ("invoices", ["payment"]),
        ("contacts", []),
        ("consents", ["consent"]),
    ]
    assert told.views == ()
    package = build_portable(dossier, answer(), "portability")
    data = CopyOfData.model_validate_json(members(package.content)["dossier.json"])
    assert data.kind == "portability"
    assert "20 artikla" in members(package.content)["README.txt"].decode()
    assert package.name == "portability.zip"
