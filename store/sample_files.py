"""The invented heat company as the files that a customer system would give: tables, and the mapping to import them.

Written customer by customer, so that a million of them take no more memory than one.
"""

import csv
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

_LOCAL = ZoneInfo("Europe/Helsinki")
_WORDS = {
    "person": "henkilö", "sole_trader": "toiminimi", "company": "yritys", "housing_company": "taloyhtiö",
    "public_body": "julkinen", "estate": "kuolinpesä", "fi": "suomi", "sv": "ruotsi", "en": "englanti",
    "business_id": "y-tunnus", "contract": "sopimus", "property": "kiinteistö", "meter": "mittari",
    "invoice": "lasku", "payment_reference": "viite", "property_manager": "isännöitsijä",
    "active": "voimassa", "ended": "päättynyt",
}  # fmt: skip
"""The register's words as the invented system says them."""
_RECORDS: dict[tuple[str, str], tuple[str, dict[str, str], str]] = {
    ("property", "site"): (
        "kohteet",
        {"Osoite": "address", "Kiinteistötunnus": "property_id", "Rakennusvuosi": "building_year", "Ala": "floor_area"},
        "property_id",
    ),
    ("contracts", "heat_contract"): (
        "sopimukset",
        {
            "Sopimusnro": "number", "Allekirjoitettu": "signed_on", "Mittari": "meter",
            "Sopimusvesivirta": "contract_flow", "Ehdot": "terms",
        },
        "number",
    ),
    ("invoices", "invoice"): (
        "laskut",
        {
            "Laskunro": "number", "Viite": "reference", "Laskupäivä": "invoiced_on", "Eräpäivä": "due_on",
            "Summa": "total", "Toimitus": "delivery",
        },
        "number",
    ),
    ("invoices", "payment"): (
        "maksut", {"Maksettu": "paid_on", "Viite": "reference", "Määrä": "amount"}, "reference"
    ),
    ("contacts", "call"): ("yhteydenotot", {"Tapa": "channel", "Päivä": "on", "Asia": "summary"}, ""),
    ("faults", "fault_report"): (
        "viat", {"Ilmoitettu": "reported_on", "Oire": "symptom", "Lopputulos": "outcome"}, ""
    ),
    ("consents", "consent"): ("suostumukset", {"Tarkoitus": "purpose", "Annettu": "given_on"}, ""),
    ("consents", "prohibition"): ("kiellot", {"Tarkoitus": "purpose", "Annettu": "given_on"}, ""),
}  # fmt: skip
"""File, columns and key of each kind of record."""
_NUMBERS = frozenset({"total", "amount", "contract_flow"})
_HEADS = {
    "asiakkaat": "Asiakasnro;Tyyppi;Nimi;Kieli;Turvakielto;Asiakas alkaen;Päättynyt",
    "osoitteet": "Asiakasnro;Katuosoite;Postinumero;Postitoimipaikka;Tila",
    "yhteystiedot": "Asiakasnro;Sähköpostit;Puhelin",
    "tunnisteet": "Asiakasnro;Laji;Tunniste",
    "roolit": "Toimija;Päämies;Rooli;Valtuus",
    "lukemat": "Asiakasnro;Mittari;Aika;MWh;m3",
    "luovutukset": "Asiakasnro;Saaja;Tarkoitus;Ryhmät;Alkaen;Viimeksi",
} | {
    name: ";".join(("Asiakasnro", *columns, "Lähde", "Kirjattu", "Voimassa saakka"))
    for name, columns, _ in _RECORDS.values()
}


def write_tables(customers: Iterable[Mapping[str, Any]], folder: Path) -> list[Path]:
    """Write the tables and `mapping.toml` into `folder`; return the tables' paths, in the order to import them."""
    paths = [folder / f"{name}.csv" for name in _HEADS]
    with ExitStack() as open_files:
        writers = {}
        for path in paths:
            file = open_files.enter_context(path.open("w", encoding="utf-8", newline=""))
            writers[path.stem] = csv.writer(file, delimiter=";")
            writers[path.stem].writerow(_HEADS[path.stem].split(";"))
        for customer in customers:
            for name, row in _rows(customer):
                writers[name].writerow(row)
    (folder / "mapping.toml").write_text(mapping_text(), "utf-8")
    return paths


def _rows(customer: Mapping[str, Any]) -> Iterator[tuple[str, list[Any]]]:
    number = customer["customer_number"]
    protected = "kyllä" if customer["turvakielto"] else ""
    since, until = _day(customer["recorded_at"]), _day(customer.get("ended_on"))
    who = [_WORDS[customer["kind"]], customer["name"], _WORDS[customer["language"]]]
    yield "asiakkaat", [number, *who, protected, since, until]
    reached: dict[str, list[str]] = {"email": [], "phone": []}
    for contact in customer["contacts"]:
        if contact["kind"] == "postal":
            street, _, town = contact["value"].partition("\n")
            code, _, place = town.partition(" ")
            yield "osoitteet", [number, street, code, place, _WORDS[contact.get("status", "active")]]
        else:
            reached[contact["kind"]].append(contact["value"])
    if any(reached.values()):
        yield "yhteystiedot", [number, "; ".join(reached["email"]), "".join(reached["phone"][:1])]
    for identifier in customer["identifiers"]:
        yield "tunnisteet", [number, _WORDS[identifier["kind"]], identifier["value"]]
    for role in customer.get("roles", ()):
        yield "roolit", [number, role["for"], _WORDS[role["kind"]], role["mandate"]]
    for record in customer["records"]:
        name, columns, _ = _RECORDS[record["category"], record["kind"]]
        values = [_cell(field, record["fields"][field]) for field in columns.values()]
        yield name, [number, *values, record["source"], _day(record["recorded_at"]), _day(record.get("valid_to"))]
    for reading in customer["readings"]:
        moment = datetime.fromisoformat(reading["read_at"]).astimezone(_LOCAL)
        figures = [_comma(reading["mwh"]), _comma(reading["cubic_metres"])]
        yield "lukemat", [number, reading["meter"], f"{moment:%d.%m.%Y %H:%M}", *figures]
    for told in customer["disclosures"]:
        to = [told["recipient"], told["purpose"], ",".join(told["categories"])]
        yield "luovutukset", [number, *to, _day(told["first_on"]), _day(told["last_on"])]


def _cell(field: str, value: Any) -> Any:
    if field in _NUMBERS:
        return _comma(value)
    return _day(value) if field == "on" or field.endswith("_on") else value


def _comma(value: Any) -> str:
    return str(value).replace(".", ",")


def _day(value: str | None) -> str:
    """A date, or the local date of a moment, as Finns write it."""
    if not value:
        return ""
    if len(value) == 10:
        return f"{date.fromisoformat(value):%d.%m.%Y}"
    return f"{datetime.fromisoformat(value).astimezone(_LOCAL):%d.%m.%Y}"


def mapping_text() -> str:
    """The mapping by which the tables are imported."""
    whose = '"Asiakasnro" = "customer_number"'
    parts = [
        "# How the columns of this made-up customer system become fields of the register.\n"
        'decimal = ","\ndates = ["dd.mm.yyyy", "dd.mm.yyyy hh:MM"]\ntime_zone = "Europe/Helsinki"\n',
        _entry("asiakkaat", "customers", "", whose, '"Tyyppi" = "kind"', '"Nimi" = "name"', '"Kieli" = "language"',
               '"Turvakielto" = "turvakielto"', '"Asiakas alkaen" = "recorded_at"', '"Päättynyt" = "ended_on"')
        + _values("Tyyppi", "person", "sole_trader", "company", "housing_company", "public_body", "estate")
        + _values("Kieli", "fi", "sv", "en"),
        _entry("osoitteet", "contacts", 'constant = { kind = "postal" }\n'
               'join = { value = "{Katuosoite}\\n{Postinumero} {Postitoimipaikka}" }\n', whose, '"Tila" = "status"')
        + _values("Tila", "active", "ended"),
        _entry("yhteystiedot", "contacts", 'constant = { kind = "email", source = "customer" }\n'
               'split = { "Sähköpostit" = { by = ";" } }\n', whose, '"Sähköpostit" = "value"'),
        _entry("yhteystiedot", "contacts", 'constant = { kind = "phone", source = "customer" }\n',
               whose, '"Puhelin" = "value"'),
        _entry("tunnisteet", "identifiers", "", whose, '"Laji" = "kind"', '"Tunniste" = "value"')
        + _values("Laji", "business_id", "contract", "property", "meter", "invoice", "payment_reference"),
        _entry("roolit", "roles", "", '"Toimija" = "customer_number"', '"Päämies" = "for"', '"Rooli" = "kind"',
               '"Valtuus" = "mandate"') + _values("Rooli", "property_manager"),
        _entry("lukemat", "readings", "", whose, '"Mittari" = "meter"', '"Aika" = "read_at"', '"MWh" = "mwh"',
               '"m3" = "cubic_metres"'),
        _entry("luovutukset", "disclosures", "", whose, '"Saaja" = "recipient"', '"Tarkoitus" = "purpose"',
               '"Ryhmät" = "categories"', '"Alkaen" = "first_on"', '"Viimeksi" = "last_on"'),
        *(_records(category, kind) for category, kind in _RECORDS),
    ]  # fmt: skip
    return "\n".join(parts)


def _entry(name: str, table: str, more: str, *columns: str) -> str:
    return f'[[file]]\nname = "{name}.csv"\ntable = "{table}"\n{more}\n[file.columns]\n' + "\n".join(columns) + "\n"


def _values(column: str, *words: str) -> str:
    said = "\n".join(f'"{_WORDS[word]}" = "{word}"' for word in words)
    return f'\n[file.values."{column}"]\n{said}\n'


def _records(category: str, kind: str) -> str:
    name, columns, key = _RECORDS[category, kind]
    types = [f'"fields.{field}" = "number"' for field in columns.values() if field in _NUMBERS]
    types += [f'"fields.{field}" = "date"' for field in columns.values() if field == "on" or field.endswith("_on")]
    more = f'constant = {{ category = "{category}", kind = "{kind}" }}\n'
    more += f'key = ["fields.{key}"]\n' if key else ""
    more += f"types = {{ {', '.join(types)} }}\n" if types else ""
    own = [f'"{column}" = "fields.{field}"' for column, field in columns.items()]
    told = ('"Lähde" = "source"', '"Kirjattu" = "recorded_at"', '"Voimassa saakka" = "valid_to"')
    return _entry(name, "records", more, '"Asiakasnro" = "customer_number"', *own, *told)
