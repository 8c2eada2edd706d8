"""The answers to ordinary requests, word by word: what is told, what an empty register tells, what is never summed."""

from datetime import UTC, date, datetime

import pytest

from replies.draft import write
from replies.notice import LANGUAGES, NOTICE_OF_THE_DEMO, ReplyLanguage, load_notice
from store.models import Dossier, Held, HeldCategory

NOTICE = load_notice(NOTICE_OF_THE_DEMO)
TODAY = date(2026, 3, 2)
NOTHING = {
    "invoice_copy": ("ei ole teille lähetettyjä laskuja", "finns inga fakturor till er", "holds no invoices to you"),
    "balance": ("Teillä ei ole avoimia laskuja", "Ni har inga öppna fakturor", "You have no open invoices"),
    "consumption": ("ei ole mittarilukemia", "finns inga mätaravläsningar", "holds no meter readings"),
    "meter_reading": ("ei ole teidän mittarinne", "inga avläsningar av er mätare", "holds no readings of your meter"),
    "owner_change": ("ei ole nimissänne", "inget gällande värmeavtal", "holds no heat contract"),
    "contact_change": ("ei ole teille muita", "inga andra kontaktuppgifter", "no other contact details"),
    "fault_follow_up": ("ei vielä ole teiltä", "ännu ingen felanmälan", "no fault report from you yet"),
}


def held(kind: str, **fields: str) -> Held:
    return Held(kind, tuple(fields.items()), "staff", date(2026, 2, 1))


def dossier(**categories: list[Held]) -> Dossier:
    kept = tuple(HeldCategory(key, tuple(items)) for key, items in categories.items())
    return Dossier("100234", "Aino Esimerkkilä", datetime(2026, 3, 2, 9, tzinfo=UTC), kept, (), ())


def said(topic: str, data: Dossier, language: ReplyLanguage = "fi", named: tuple[str, ...] = ()) -> str:
    words = write(
        topic,
        language,
        reference="7F3K-92QD",
        received_on=TODAY,
        today=TODAY,
        due_on=None,
        notice=NOTICE,
        on_call="",
        dossier=data,
        named=named,
    )
    return words.text


def part(text: str, begin: str, end: str) -> str:
    return text.split(begin)[1].split(end, maxsplit=1)[0].strip("\n")


@pytest.mark.parametrize("topic", sorted(NOTHING))
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_register_that_holds_nothing_of_the_topic_says_so(topic: str, place: int):
    assert NOTHING[topic][place] in said(topic, dossier(), LANGUAGES[place])


INVOICES = [
    held("invoice", number="A1", reference="1009", invoiced_on="2025-11-10", due_on="2025-11-24", total="100.10"),
    held("invoice", number="A2", reference="2008", invoiced_on="2026-02-01", due_on="2026-02-15", total="200.20"),
    held("invoice", number="A3", reference="3007", invoiced_on="2026-02-20", due_on="2026-03-06", total="0.30"),
    held("payment", paid_on="2025-11-20", reference="1009", amount="100.10"),
    held("payment", paid_on="2026-02-10", reference="00 2008", amount="50,05"),
    held("payment", paid_on="2024-02-10", reference="77", amount="9.99"),
]


def test_a_balance_tells_what_is_left_what_is_overdue_and_what_was_paid_in_a_year():
    text = said("balance", dossier(invoices=INVOICES))
    assert part(text, "--------------\n", "\n\nMaksut") == (
        "- A2: 150,15 €, eräpäivä oli 15.2.2026\n- A3: 0,30 €, eräpäivä 6.3.2026\n\nAvoinna yhteensä 150,45 €."
    )
    assert "- 20.11.2025: 100,10 €\n- 10.2.2026: 50,05 €\n\nMaksettu yhteensä 150,15 €." in text
    assert "9,99" not in text, "more than a year ago"


def test_a_balance_reads_so_in_swedish_and_english():
    assert "- A2: 150,15 €, förföll 15.2.2026\n- A3: 0,30 €, förfaller 6.3.2026" in said(
        "balance", dossier(invoices=INVOICES), "sv"
    )
    english = said("balance", dossier(invoices=INVOICES), "en")
    assert "- A2: 150.15 €, was due on 15 February 2026\n- A3: 0.30 €, due on 6 March 2026" in english
    assert "Open in all 150.45 €." in english


def test_one_reference_for_all_invoices_pays_the_oldest_first():
    data = dossier(
        invoices=[
            held("invoice", number="A1", reference="13", due_on="2026-01-01", total="100"),
            held("invoice", number="A2", reference="13", due_on="2026-02-01", total="100"),
            held("payment", paid_on="2026-02-01", reference="13", amount="150"),
        ]
    )
    assert part(said("balance", data), "--------------\n", "\n\nAvoinna") == "- A2: 50,00 €, eräpäivä oli 1.2.2026"


def test_no_sum_is_told_where_an_amount_cannot_be_read():
    data = dossier(invoices=[*INVOICES, held("invoice", number="A9", due_on="2026-05-01", total="noin sata")])
    text = said("balance", data)
    assert "- A9: noin sata, eräpäivä 1.5.2026" in text
    assert "Avoinna yhteensä" not in text


def test_nobody_is_called_a_debtor_where_the_register_does_not_tell_what_was_paid():
    text = said("balance", dossier(invoices=INVOICES[:3]))
    assert "ei näy, mitkä laskuistanne on maksettu" in text
    assert "A1" not in text


def test_a_credit_is_told_as_one():
    data = dossier(invoices=[held("invoice", number="H1", due_on="2026-05-01", total="-12.00", status="open")])
    assert "- H1: hyvitettävää -12,00 €" in said("balance", data)


def readings(*counters: tuple[str, str, str]) -> Dossier:
    items = [
        held("reading", meter=meter, read_at=f"{turn}-01T00:00+02:00", mwh=mwh, boundary=turn)
        for meter, turn, mwh in counters
    ]
    return dossier(deliveries=items)


def test_use_of_heat_is_told_by_month_this_year_against_last():
    data = readings(
        ("M1", "2025-01", "10.0"), ("M1", "2025-02", "13.5"), ("M1", "2025-03", "16.0"),
        ("M1", "2026-01", "40.1"), ("M1", "2026-02", "43.4"), ("M1", "2026-03", "46.0"),
    )  # fmt: skip
    text = said("consumption", data)
    assert "- 12/2025: ei lukemaa\n" in text
    assert "- 1/2026: 3,3 MWh (vuotta aiemmin 3,5 MWh)\n- 2/2026: 2,6 MWh (vuotta aiemmin 2,5 MWh)\n" in text
    assert "(2 kuukautta): 5,9 MWh, vuotta aiemmin 6,0 MWh." in text
    assert "- January 2026: 3.3 MWh (a year before 3.5 MWh)" in said("consumption", data, "en")
    assert "- 1/2026: 3,3 MWh (ett år tidigare 3,5 MWh)" in said("consumption", data, "sv")


def test_a_month_in_which_a_meter_was_changed_or_ran_backwards_is_not_guessed():
    changed = readings(("M1", "2026-01", "10"), ("M2", "2026-02", "1"), ("M2", "2026-03", "3"))
    text = said("consumption", changed)
    assert "- 1/2026: ei lukemaa\n- 2/2026: 2 MWh" in text
    assert "ei ole mittarilukemia" in said("consumption", readings(("M1", "2026-02", "9"), ("M1", "2026-03", "1")))


def test_a_named_invoice_that_is_not_there_is_said_not_to_be():
    assert "Emme löydä laskuistanne" in said("invoice_copy", dossier(), named=("999",))


EVERYTHING = dossier(
    basic=[held("customer", name="Aino"), held("email", email="aino@posti.test", status="active")],
    contracts=[held("heat_contract", number="LS-1")],
    property=[held("site", address="Testikuja 3")],
    deliveries=[held("reading", meter="LM1", read_at="2026-03-01T00:00+02:00", mwh="12.5")],
    invoices=INVOICES,
    contacts=[held("call", summary="Soitti laskusta.")],
    faults=[held("fault_report", symptom="Patterit haaleat")],
)
CANARIES = ("aino@posti.test", "LS-1", "Testikuja 3", "12,5", "100,10", "Soitti", "Patterit haaleat", "LM1", "A3")
TELLS = {
    "invoice_copy": {"A3"},
    "balance": {"100,10", "A3"},
    "consumption": set(),
    "meter_reading": {"12,5", "LM1"},
    "owner_change": {"LS-1", "Testikuja 3", "12,5", "LM1"},
    "contact_change": {"aino@posti.test"},
    "fault_follow_up": {"Patterit haaleat"},
}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("topic", sorted(TELLS))
def test_a_narrow_question_gets_its_own_data_whatever_else_the_dossier_holds(topic: str, language: ReplyLanguage):
    text = said(topic, EVERYTHING, language)
    told = {canary for canary in CANARIES if canary in text or canary.replace(",", ".") in text}
    assert told == TELLS[topic]


def test_a_hostile_value_stays_a_value():
    data = dossier(invoices=[held("invoice", number="{{ 7 * 7 }}\nAvoimet laskut\n-----", due_on="x", total="1")])
    text = said("invoice_copy", data)
    assert "49" not in text
    assert "{{ 7 * 7 }} Avoimet laskut -----" in text
