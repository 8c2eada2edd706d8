"""What an ordinary request is about: phrases in three languages, and what none of them may be taken for."""

from datetime import date

import pytest

from bot.rules.classification import classify
from bot.rules.topics import SENT_IN, named_in, topic_of, topics
from bot.rules.verdicts import Policy
from store.models import STATUTORY, RequestKind
from tests.rules.people import POLICY, mail

ABOUT = [
    ("invoice_copy", "Hei, voisitteko lähettää kopion laskusta 2025123? T. Aino"),
    ("invoice_copy", "Lasku on hukassa, saisinko sen uudelleen? Se oli maaliskuulta."),
    ("invoice_copy", "Hej, kan ni skicka en kopia av fakturan 20261002361?"),
    ("invoice_copy", "Hi, please send me a copy of my last invoice."),
    ("invoice_copy", "En ole saanut laskua, voitteko lähettää sen uudestaan?"),
    ("balance", "Onko maksuni tullut perille?"),
    ("balance", "Paljonko minulla on avoimia laskuja ja mikä on eräpäivä?"),
    ("balance", "Vilka obetalda fakturor har jag?"),
    ("balance", "Har min betalning kommit fram?"),
    ("balance", "What is my balance and when is it due?"),
    ("balance", "Did you receive my payment of the invoice? I paid it last week."),
    ("consumption", "Paljonko lämmönkulutukseni oli viime vuonna kuukausittain?"),
    ("consumption", "Hur stor var min förbrukning per månad i år jämfört med i fjol?"),
    ("consumption", "How much heat consumption have I had by month, compared with last year?"),
    ("meter_reading", "Mittarilukema 1.3.2026: 123,45 MWh"),
    ("meter_reading", "Mikä on viimeisin mittarilukemani?"),
    ("meter_reading", "Mätaravläsning: mätarställningen är 234,5 MWh."),
    ("meter_reading", "What was my last meter reading?"),
    ("owner_change", "Myimme talon Testikuja 3 ja omistaja vaihtuu 1.4. Mitä teidän pitää tietää?"),
    ("owner_change", "Muutan pois, tarvitsen loppulaskun."),
    ("owner_change", "Vi har sålt huset, ägarbytet sker den 1 april."),
    ("owner_change", "We sold the house, please send the final bill."),
    ("contact_change", "Muutan Mallikadulle, uusi osoitteeni on Mallikatu 5."),
    ("contact_change", "Laskutusosoite vaihtuu, uusi laskutusosoite on Koepolku 3."),
    ("contact_change", "Min adress har ändrats, ny faktureringsadress är Provgränden 5."),
    ("contact_change", "My billing address has changed, new address for the invoice is Test Street 1"),
    ("fault_follow_up", "Ilmoitin viasta viime viikolla, milloin se korjataan? Lämpö ei toimi vieläkään."),
    ("fault_follow_up", "Jag anmälde felet förra veckan, när kommer montören? Det är fortfarande kallt."),
    ("fault_follow_up", "I reported the fault last week, when will it be repaired? Still no heat."),
    ("outage", "Milloin lämpökatko loppuu?"),
    ("outage", "Hur länge varar avbrottet i värmen?"),
    ("outage", "How long is the heat outage expected to last?"),
    ("connection_offer", "Haluaisimme tarjouksen kaukolämpöliittymästä uuteen omakotitaloon."),
    ("connection_offer", "Vi vill ha en offert på anslutning till fjärrvärme."),
    ("connection_offer", "Could you send a quote for a district heating connection to our new house?"),
]
ABOUT_NOTHING_SURE = [
    "Laskuni on mielestäni liian suuri. Voitteko tarkistaa laskun summan?",
    "Patterit ovat kylmät, lämpöä ei tule.",
    "Kiitos!",
    "Voinko saada lisäaikaa laskun maksamiseen?",
    "Haluan laskut verkkolaskuna, uusi verkkolaskuosoite on 0037...",
    "Isännöinti vaihtuu 1.4., uusi isännöitsijä on Koe Oy, laskut uuteen osoitteeseen.",
    "Mitä tietoja teillä on minusta?",
    "Sopimusvesivirta pienemmäksi, kiitos.",
    "Lähettäkää kopio laskusta ja kertokaa, onko edellinen maksuni tullut perille.",
]
ON = date(2026, 3, 2)


def told(text: str) -> set[str]:
    found = (topic_of(text, one.kind) for one in classify(text).kinds)
    return {topic.name for topic in found if topic is not None}


@pytest.mark.parametrize(("topic", "text"), ABOUT)
def test_a_plain_request_is_about_one_thing(topic: str, text: str):
    assert told(text) == {topic}


@pytest.mark.parametrize("text", ABOUT_NOTHING_SURE)
def test_what_is_not_sure_keeps_its_plain_answer(text: str):
    assert told(text) == set()


@pytest.mark.parametrize("kind", sorted(STATUTORY))
def test_a_right_has_no_topic(kind: RequestKind):
    assert [topic_of(text, kind) for _, text in ABOUT if topic_of(text, kind)] == []


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("Kopio laskusta 2026 1002 341, kiitos.", ("20261002341",)),
        ("Saisinko maaliskuun 2025 laskun kopion?", ("2025-03",)),
        ("En kopia av fakturan från december, tack.", ("2025-12",)),
        ("Please send the May 2025 bill again, may I have it soon?", ("2025-05",)),
        ("Laskun päiväys oli 9.2.2026, kopio kiitos.", ("2026-02",)),
        ("Laskun 01/2026 kopio, kiitos.", ("2026-01",)),
        ("Viimeisin lasku kopiona, kiitos.", ()),
    ],
)
def test_an_invoice_is_named_by_its_number_or_its_month(text: str, named: tuple[str, ...]):
    assert named_in(text, "invoice_copy", ON) == named


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("Mittarilukema 1.3.2026: 123,45 MWh", True),
        ("Lukema on 12345.", True),
        ("Mikä on viimeisin mittarilukemani?", False),
        ("Onko lukemani 123 MWh vai jotain muuta?", False),
        ("Lukema luettiin 1.3.2026.", False),
    ],
)
def test_a_reading_that_is_sent_in_is_known_from_one_that_is_asked_for(text: str, sent: bool):
    assert named_in(text, "meter_reading", ON) == ((SENT_IN,) if sent else ())


def test_the_target_of_a_topic_orders_the_queue(judge):
    copy = "Hei, voisitteko lähettää kopion laskusta? T. Aino Esimerkkilä"
    assert judge(mail(copy)).requests[0].target_on == date(2026, 3, 5), "three working days"
    slow = Policy(own_addresses=POLICY.own_addresses, target_working_days={"invoice_copy": 8})
    assert judge(mail(copy), policy=slow).requests[0].target_on == date(2026, 3, 12)
    quick = Policy(own_addresses=POLICY.own_addresses, target_working_days={"billing": 1})
    assert judge(mail(copy), policy=quick).requests[0].target_on == date(2026, 3, 3), "the sooner of the two"


def test_the_reason_of_a_topic_stands_among_those_of_its_request(judge):
    request = judge(mail("Mittarilukema 1.3.2026: 123,45 MWh, t. Aino Esimerkkilä")).requests[0]
    assert request.topic == "meter_reading"
    assert {"SPEAKS_OF_A_METER_READING", "READING_SENT_IN"} <= set(request.reasons)


def test_no_long_text_makes_the_look_slow():
    found = topic_of("lasku kopio " * 200_000, RequestKind.BILLING)
    assert found is not None
    assert found.name == "invoice_copy"
    assert len({topic.name for topic in topics()}) == 9
