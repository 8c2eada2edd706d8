"""A believable heat company's customers, all of them invented: for the demo, for trying an import, for measuring.

The first are the named people whom tests and the demo know by number; the rest are drawn from a seed, the same for the
same seed. Everything is synthetic: `.test` domains, numbers +358 40 000 ..., streets that Kalajoki does not have.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import chain, islice
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from store.database import Database
from store.models import Source
from store.register_import import Imported, import_entries

CARRIER = "Välittäjä Oy"
"""To whom the invoices go for delivery, in every disclosure of the sample."""
_LOCAL = ZoneInfo("Europe/Helsinki")
KEYS = {"site": "property_id", "heat_contract": "number", "invoice": "number", "payment": "reference"}
"""By which field the invented system knows its records again."""
_MANAGED = 60
"""Housing companies of one property manager."""


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_GIVEN = _words(
    "Aada Aatos Anja Antti Arvo Birgitta Eero Elina Emma Erik Esko Greta Hannu Heidi Helmi Henrik Hilkka Ilona "
    "Irma Jalmari Johanna Juhani Kaarina Kalle Katri Lauri Leena Lotta Matti Maija Mikael Minna Niilo Olavi "
    "Oskari Paavo Pirkko Raija Reino Riitta Saara Sakari Sanna Sofia Taina Tapio Terttu Toivo Tuomas Ulla Urho "
    "Valma Veikko Venla Vilho Väinö Ylermi Åke Örjan"
)
_SURNAMES = _words(
    "Esimerkkilä Harjoitus Keksitty Koekäyttäjä Kokeilainen Kuviteltu Kuvitelma Leikkinen Mallikas Mallinen "
    "Mallström Näytönen Oletettu Placeholder Provström Påhitt Sepitys Sepitelmä Tarulainen Tekaistu Testinen "
    "Testström Tyhjänpää Utopia Vaikkapa Valelainen Äksön Öinen"
)
_ROOTS = _words(
    "Ahjo Esimerkki Harjo Hiekka Järki Keksi Koe Kuvi Leikki Malli Oletus Ote Sepi Taru Testi Tyyli Utu Vaihto"
)
_ENDINGS = _words(
    "harju joki järvi kallio kangas korpi koski lahti lehto maa mäki niemi perä ranta saari salo suo vuori"
)
_STREETS = ("Testikuja", "Mallitie", "Keksitynkatu", "Koepolku", "Esimerkintie", "Provgränden", "Kuvitelmanraitti")
_HOUSES = ("Malliranta", "Keksintola", "Koepuisto", "Testilinna", "Sepityspiha", "Utopianpelto", "Harjoitusmäki")


@dataclass(frozen=True, slots=True)
class _Amounts:
    """How much of each thing a customer has."""

    months: int
    invoices: int
    until: date


def sample_customers(
    count: int, seed: int = 1, *, months: int = 24, invoices: int = 4, until: date = date(2026, 3, 1)
) -> Iterator[dict[str, Any]]:
    """`count` customers in the shape of `store.register_shape.Entry`, the named people first.

    Each has `months` monthly readings and `invoices` invoices up to `until`. A small `count` leaves the last of the
    named people out; nobody is left out whom a role of another names.
    """
    amounts = _Amounts(months, invoices, until)
    yield from islice(chain(_named(amounts), _drawn(seed, amounts)), count)


def load_sample(
    database: Database, count: int, *, seed: int = 1, months: int | None = None, now: datetime | None = None
) -> Imported:
    """Fill an empty register with `count` customers in one transaction; return what was written.

    Without `months` a big register has no readings: they would be nine rows of ten.
    """
    small = count <= 2_000
    months = (24 if small else 0) if months is None else months
    moment = now or datetime.now(UTC)
    entries = sample_customers(count, seed, months=months, invoices=4 if small else 1)
    return database.write_now(lambda session: import_entries(session, entries, Source.MIGRATION, now=moment))


def _named(amounts: _Amounts) -> Iterator[dict[str, Any]]:
    people: list[dict[str, Any]] = [
        _party("100234", "person", "Aino Esimerkkilä", 11, "Testikuja 3", email="aino.esimerkkila@posti.test"),
        _party(
            "100240", "person", "Astrid Påhitt", 12, "Provgränden 4",
            email="astrid.pahitt@post.test", language="sv",
        ),
        _party("100236", "person", "Eino Mallikas", 13, "Mallitie 12", email="eino.mallikas@posti.test"),
        _party(
            "100250", "person", "Imogen Placeholder", 14, "Keksitynkatu 7 B 5",
            email="imogen.placeholder@mail.test", language="en",
        ),
        _party("200010", "housing_company", "As Oy Malliranta", 0, "Mallitie 1", business=9999010),
        _party(
            "200020", "company", "Isännöinti Koe Oy", 15, "Keksitynkatu 1",
            email="toimisto@isannointikoe.test", business=9999020, manages=("200010",),
        ),
        _party("100235", "person", "Onni Esimerkkilä", 16, "Testikuja 3", email="onni.esimerkkila@posti.test"),
        _party("100237", "person", "Eino Mallikas", 17, "Mallitie 12", email="eino.nuorempi@mail.test"),
        _party("100260", "person", "Kerttu Keksitty", 18, "Koepolku 9", email="kerttu@suojattu.test", protected=True),
        _party(
            "300010", "sole_trader", "Koepaja Urho Kuvitelma", 19, "Esimerkintie 22",
            email="urho@koepaja.test", business=9999030,
        ),
        _party("400010", "estate", "Vilho Tarulaisen kuolinpesä", 0, "Kuvitelmanraitti 2"),
        _party("500010", "public_body", "Testikunnan koulu", 20, "Esimerkintie 1", email="koulu@testikunta.test"),
    ]  # fmt: skip
    for party in people:
        yield _with_matters(party, Random(f"named {party['customer_number']}"), amounts)  # noqa: S311 - a sample, no secret


def _drawn(seed: int, amounts: _Amounts) -> Iterator[dict[str, Any]]:
    chance = Random(f"sample {seed}")  # noqa: S311 - a sample, no secret
    unmanaged: list[str] = []
    before: dict[str, Any] = {}
    for index in range(1_000_000_000):
        number = str(1_000_001 + index)
        sort = chance.random()
        if sort < 0.84:
            party = _lived(_person(number, index, chance), before, chance)
            before = party
        elif sort < 0.88:
            party = _sole_trader(number, index, chance)
        elif sort < 0.93:
            party = _housing_company(number, index, chance)
            unmanaged.append(number)
        elif sort < 0.94 and (index < 200 or len(unmanaged) >= _MANAGED):
            party = _manager(number, index, chance, tuple(unmanaged))
            unmanaged.clear()
        elif sort < 0.98:
            party = _company(number, index, chance)
        else:
            party = _estate(number, chance)
        yield _with_matters(party, chance, amounts)


def _lived(party: dict[str, Any], before: dict[str, Any], chance: Random) -> dict[str, Any]:
    """What happens in life: couples, some with one mailbox; namesakes; movers; houses that were sold."""
    sort, shares = chance.random(), chance.random()
    if not before or before["turvakielto"] or party["turvakielto"]:
        return party
    home = before["contacts"][-1 if before["contacts"][-1]["kind"] == "postal" else 0]
    if sort < 0.10:
        given, own = party["name"].split(" ", 1)
        party["name"] = f"{given} {before['name'].rpartition(' ')[2] or own}"
        party["contacts"][0] = dict(home)
        mails = [one for one in before["contacts"] if one["kind"] == "email"]
        if mails and shares < 0.3:
            party["contacts"] = [one for one in party["contacts"] if one["kind"] != "email"] + [dict(mails[0])]
    elif sort < 0.16:
        party["contacts"].append({"kind": "postal", "value": f"{_street(chance)}\n85100 Kalajoki", "status": "ended"})
    elif sort < 0.19:
        party["ended_on"] = date(2019 + int(5 * shares), 5, 31).isoformat()
    elif sort < 0.21:
        party["name"] = before["name"]
    elif "ended_on" in before:
        party["contacts"][0] = dict(home)
        party["site_of"] = before["customer_number"]
    return party


def _person(number: str, index: int, chance: Random) -> dict[str, Any]:
    given, surname = chance.choice(_GIVEN), _surname(chance)
    language = chance.choices(("fi", "sv", "en"), (88, 9, 3))[0]
    has_mail = chance.random() < 0.8
    return _party(
        number, "person", f"{given} {surname}", 1000 + index % 9_000, _street(chance),
        email=f"{_plain(given)}.{_plain(surname)}.{number}@posti.test" if has_mail else "",
        language=language, protected=chance.random() < 0.004,
    )  # fmt: skip


def _sole_trader(number: str, index: int, chance: Random) -> dict[str, Any]:
    name = f"Tmi {chance.choice(_GIVEN)} {_surname(chance)}"
    return _party(
        number, "sole_trader", name, 1000 + index % 9_000, _street(chance),
        email=f"tmi{number}@yritys.test", business=2 * index + 1000,
    )  # fmt: skip


def _housing_company(number: str, index: int, chance: Random) -> dict[str, Any]:
    name = f"As Oy {chance.choice(_HOUSES)} {chance.randint(1, 99)}"
    return _party(number, "housing_company", name, 0, _street(chance), business=2 * index + 1000)


def _manager(number: str, index: int, chance: Random, manages: tuple[str, ...]) -> dict[str, Any]:
    name = f"Isännöinti {chance.choice(_SURNAMES)} Oy"
    return _party(
        number, "company", name, 1000 + index % 9_000, _street(chance),
        email=f"toimisto{number}@isannointi.test", business=2 * index + 1000, manages=manages,
    )  # fmt: skip


def _company(number: str, index: int, chance: Random) -> dict[str, Any]:
    name = f"{chance.choice(_HOUSES)}n {chance.choice(('Saha', 'Leipomo', 'Kauppa', 'Korjaamo'))} Oy"
    return _party(
        number, "company", name, 1000 + index % 9_000, _street(chance),
        email=f"talous{number}@yritys.test", business=2 * index + 1000,
    )  # fmt: skip


def _estate(number: str, chance: Random) -> dict[str, Any]:
    name = f"{chance.choice(_GIVEN)} {_surname(chance)}, kuolinpesä"
    return _party(number, "estate", name, 0, _street(chance))


def _surname(chance: Random) -> str:
    """As in life, many bear a few names and most a rare one."""
    if chance.random() < 0.1:
        return chance.choice(_SURNAMES)
    return chance.choice(_ROOTS) + chance.choice(_ENDINGS)


def _street(chance: Random) -> str:
    return f"{chance.choice(_STREETS)} {chance.randint(1, 120)}"


def _plain(word: str) -> str:
    return word.lower().translate(str.maketrans("äöå", "aoa"))


def _party(
    number: str,
    kind: str,
    name: str,
    phone: int,
    street: str,
    *,
    email: str = "",
    language: str = "fi",
    business: int = 0,
    protected: bool = False,
    manages: tuple[str, ...] = (),
) -> dict[str, Any]:
    """The party itself: who it is and how to reach it. `phone` 0 has none."""
    contacts = [{"kind": "postal", "value": f"{street}\n85100 Kalajoki"}]
    if email:
        contacts.append({"kind": "email", "value": email, "source": "customer"})
    if phone:
        contacts.append({"kind": "phone", "value": f"+3584000{phone:05d}", "source": "customer"})
    party: dict[str, Any] = {
        "customer_number": number,
        "kind": kind,
        "name": name,
        "language": language,
        "turvakielto": protected,
        "contacts": contacts,
        "identifiers": [{"kind": "business_id", "value": _business_id(business)}] if business else [],
    }
    if manages:
        mandate = "Isännöintisopimus, kansio 12"
        party["roles"] = [{"kind": "property_manager", "for": key, "mandate": mandate} for key in manages]
    return party


def _with_matters(party: dict[str, Any], chance: Random, amounts: _Amounts) -> dict[str, Any]:
    """`party` with its contract, property, meter, invoices and all else that a heat company holds."""
    number = int(party["customer_number"])
    contract, meter = f"LS-{number}", f"LM{number:08d}"
    number = int(party.pop("site_of", number))  # a house that was sold keeps its property id
    place = f"999-401-{number % 9000 + 1}-{number // 9000 % 9000 + 1}"
    number = int(party["customer_number"])
    began = date(2005 + number % 14, 1 + number % 12, 1 + number % 28)
    big = party["kind"] in {"housing_company", "public_body", "company"}
    yearly = chance.uniform(200, 800) if big else chance.uniform(14, 25)
    party["recorded_at"] = _moment(began)
    party["identifiers"] += [
        {"kind": "contract", "value": contract, "source": "contract"},
        {"kind": "property", "value": place, "source": "city"},
        {"kind": "meter", "value": meter},
    ]
    street = party["contacts"][0]["value"].split("\n")[0]
    site = {"address": street, "property_id": place, "building_year": 1950 + number % 70, "floor_area": int(yearly * 7)}
    flow = 6.0 if big else 0.4
    terms = {"number": contract, "signed_on": began.isoformat(), "meter": meter, "contract_flow": flow}
    records = [
        _record("property", "site", site, "city", began),
        _record("contracts", "heat_contract", {**terms, "terms": "T1/2021"}, "contract", began),
        *_invoices(party, yearly, amounts),
    ]
    if "ended_on" in party:
        for record in records[:2]:
            record["valid_to"] = party["ended_on"]
    if chance.random() < 0.4 or number < 1_000_000:
        day = amounts.until - timedelta(days=chance.randint(30, 700))
        note = {"channel": "phone", "on": day.isoformat(), "summary": "Asiakas kysyi laskun eräpäivää."}
        records.append(_record("contacts", "call", note, "staff", day))
    if chance.random() < 0.15:
        day = amounts.until - timedelta(days=chance.randint(30, 700))
        fault = {
            "reported_on": day.isoformat(),
            "symptom": "Patterit haaleat",
            "outcome": "Lämmönjakokeskuksen pumppu vaihdettu.",
        }
        records.append(_record("faults", "fault_report", fault, "customer", day))
    if chance.random() < 0.3 or number < 1_000_000:
        sort = "consent" if chance.random() < 0.8 else "prohibition"
        consent = {"purpose": "Häiriötiedotteet tekstiviestillä", "given_on": began.isoformat()}
        records.append(_record("consents", sort, consent, "customer", began))
    party["records"] = records
    party["readings"] = _readings(meter, yearly, amounts, chance)
    party["disclosures"] = [
        {
            "recipient": CARRIER,
            "purpose": "laskujen välitys",
            "categories": ["basic", "invoices"],
            "first_on": max(began, date(2018, 1, 1)).isoformat(),
            "last_on": (amounts.until - timedelta(days=20)).isoformat(),
        }
    ]
    return party


def _invoices(party: dict[str, Any], yearly: float, amounts: _Amounts) -> Iterator[dict[str, Any]]:
    """Quarterly invoices up to `amounts.until`, all but the newest paid; their numbers become identifiers."""
    for back in range(amounts.invoices):
        sent = amounts.until - timedelta(days=20 + 91 * back)
        number = f"{sent.year}{party['customer_number']}{back + 1}"
        reference = _reference(number)
        euros = f"{yearly / 4 * 82.62 + 3 * 97.60:.2f}"
        due = sent + timedelta(days=14)
        party["identifiers"].append({"kind": "invoice", "value": number})
        party["identifiers"].append({"kind": "payment_reference", "value": reference})
        fields = {"number": number, "reference": reference, "invoiced_on": sent.isoformat(), "due_on": due.isoformat()}
        yield _record("invoices", "invoice", {**fields, "total": euros, "delivery": "paper"}, "staff", sent)
        if back:
            payment = {"paid_on": due.isoformat(), "reference": reference, "amount": euros}
            yield _record("invoices", "payment", payment, "customer", due)


def _readings(meter: str, yearly: float, amounts: _Amounts, chance: Random) -> list[dict[str, Any]]:
    """Counter readings at local midnight on the first of each month, oldest first."""
    energy, volume = chance.uniform(50, 150), chance.uniform(900, 3000)
    readings = []
    for back in range(amounts.months - 1, -1, -1):
        months = amounts.until.year * 12 + amounts.until.month - 1 - back
        day = date(months // 12, months % 12 + 1, 1)
        energy += yearly * (0.15 if day.month in {1, 2, 3, 12} else 0.05)
        volume += yearly * 1.9
        readings.append(
            {"meter": meter, "read_at": _moment(day), "mwh": round(energy, 3), "cubic_metres": round(volume, 1)}
        )
    return readings


def _record(category: str, kind: str, fields: dict[str, Any], source: str, day: date) -> dict[str, Any]:
    record = {"category": category, "kind": kind, "fields": fields, "source": source, "recorded_at": _moment(day)}
    return record | ({"external_id": fields[KEYS[kind]]} if kind in KEYS else {})


def _moment(day: date) -> str:
    """Local midnight of `day`, in UTC, as ISO 8601."""
    return datetime.combine(day, time(), _LOCAL).astimezone(UTC).isoformat()


def _business_id(serial: int) -> str:
    """A Y-tunnus with a right check digit (DOMAIN 4) from seven digits or the next that have one."""
    while True:
        digits = f"{serial:07d}"
        rest = sum(int(d) * w for d, w in zip(digits, (7, 9, 10, 5, 8, 4, 2), strict=True)) % 11
        if rest != 1:
            return f"{digits}-{0 if rest == 0 else 11 - rest}"
        serial += 1


def _reference(digits: str) -> str:
    """A payment reference: `digits` and their check digit (DOMAIN 4)."""
    weighed = sum(int(digit) * (7, 3, 1)[place % 3] for place, digit in enumerate(reversed(digits)))
    return f"{digits}{-weighed % 10}"
