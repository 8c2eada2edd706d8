"""Guards that went too far: honest customers who were asked to prove themselves without a reason."""

import pytest

from bot.rules.verdicts import Thread
from mail.message import Automatic, Verdict
from store.models import Level, RequestKind
from tests.rules.people import Judge, mail

OLD_THREAD = Thread(7, "100234", "aino.esimerkkila@posti.test")
SIGNED = "Pyydän omat tietoni.\n\nTerveisin\nAino Esimerkkilä\n{}"


@pytest.mark.parametrize(
    "text",
    [
        SIGNED.format("aino.esimerkkila@tyo.test | 040 000 0011\nwww.tyo.test"),
        SIGNED.format("Puh. 040 000 0011, sähköposti: aino@tyo.test"),
        "Sain viestin osoitteesta noreply@lampo.test. Haluan kaikki tietoni. Aino",
        "Pyydän omat tietoni GDPR:n mukaan. Sukunimeni on vaihtunut avioliiton myötä.\nAino Keksitty, os. Esimerkkilä",
    ],
)
def test_a_signature_our_own_address_and_a_new_name_are_no_reason_to_doubt(judge: Judge, text: str) -> None:
    result = judge(mail(text, from_text="Aino Esimerkkilä <aino.esimerkkila@posti.test>"))
    assert result.identification.level is Level.CONFIRMED_CHANNEL
    draft = next(one for one in result.drafts if one.template in {"access", "identity"})
    assert (draft.template, draft.recipient.value) == ("access", "aino.esimerkkila@posti.test")


@pytest.mark.parametrize(
    "text",
    [
        "Pyydän omat tietoni osoitteeseen aino@muualta.test.",
        "Pyydän omat tietoni. Lähettäkää ne tänne:\naino@muualta.test",
        "Pyydän omat tietoni. Uusi osoitteeni on Testikuja 9.",
        "Uusi sähköpostini on aino.e@toinen.test, lähettäkää siihen kaikki tietoni.",
    ],
)
def test_data_wanted_elsewhere_are_still_held(judge: Judge, text: str) -> None:
    result = judge(mail(text, from_text="Aino Esimerkkilä <aino.esimerkkila@posti.test>"))
    assert not any(draft.holds_data for draft in result.drafts)


@pytest.mark.parametrize("verdict", ["pass", "none"])
def test_a_request_that_stands_in_the_new_subject_of_an_old_thread_has_its_date(judge: Judge, verdict: Verdict) -> None:
    subject = "Pyydän kopion kaikista tiedoistani"
    result = judge(mail("T. Aino", verdict=verdict, subject=subject), thread=OLD_THREAD)
    assert [one.kind for one in result.requests] == [RequestKind.ACCESS]
    assert result.due_on is not None


def test_the_repeated_subject_of_an_answer_asks_for_nothing_anew(judge: Judge) -> None:
    result = judge(mail("Kiitos!", subject="VS: Pyydän kopion kaikista tiedoistani"), thread=OLD_THREAD)
    assert (result.placement, result.requests) == ("join", ())


ASKS = "Pyydän itseäni koskevat tiedot.\n\nAino Esimerkkilä\n\n"
FOOTERS = [
    "Tämä viesti on luottamuksellinen. Jos olet saanut viestin vahingossa, ilmoita siitä lähettäjälle ja tuhoa viesti.",
    "Jos ette ole viestin oikea vastaanottaja, poistakaa viesti.\nÄlkää tallentako liitteitä.",
    "Detta meddelande är konfidentiellt. Om du fått det av misstag, vänligen radera det.",
    "This e-mail is confidential. If you are not the intended recipient, please delete it. Delete all copies of the "
    "message too.",
    "If you have received this e-mail in error,\nplease notify the sender and delete this message.",
]


@pytest.mark.parametrize("footer", FOOTERS)
@pytest.mark.parametrize("language", ["fi", "sv", "en"])
def test_what_the_firm_writes_below_every_mail_asks_for_no_erasure(judge: Judge, footer: str, language: str) -> None:
    result = judge(mail(ASKS + footer, language=language))
    assert [one.kind for one in result.requests] == [RequestKind.ACCESS]


@pytest.mark.parametrize("footer", FOOTERS)
def test_below_a_mere_thank_you_it_asks_for_nothing_either(judge: Judge, footer: str) -> None:
    result = judge(mail(f"Kiitos avusta!\n\nAino\n\n{footer}"))
    assert [one.kind for one in result.requests] == [RequestKind.OTHER]


@pytest.mark.parametrize(
    "text",
    [
        "Sain teiltä laskun vahingossa. Poistakaa tietoni.",
        "Jos olette saaneet tietoni vahingossa, poistakaa minun tietoni.",
        "Jag har fått er faktura av misstag. Radera mina uppgifter.",
        "If you got my data by mistake, delete my data.",
    ],
)
def test_who_wants_own_data_deleted_because_of_a_mistake_is_heard(judge: Judge, text: str) -> None:
    language = "sv" if "Jag" in text else "en" if "delete" in text else "fi"
    assert RequestKind.ERASURE in [one.kind for one in judge(mail(text, language=language)).requests]


FORM = "Lomake verkkosivuilta\n\nNimi: Aino Esimerkkilä\nAsiakasnumero: 100234\n\nPyydän kopion kaikista tiedoistani."


def test_what_a_web_form_writes_in_our_own_name_is_a_customers_request(judge: Judge) -> None:
    """Nothing may be lost because a form, or a forger, put our address into From; nothing is written back to it."""
    ours = Automatic("own", may_acknowledge=False, reasons=("OWN_ADDRESS",))
    result = judge(mail(FORM, from_address="asiakaspalvelu@lampo.test", automatic=ours))
    assert (result.placement, result.acknowledgement) == ("new", None)
    assert "OWN_ADDRESS" in result.flags
    assert result.identification.customer == "100234"
    assert [draft.recipient.value for draft in result.drafts] == ["aino.esimerkkila@posti.test"]


PLAIN = (
    "Hei, pyydän kopion kaikista minua koskevista tiedoista, joita teillä on.",
    "Hej, jag vill ha en kopia av alla uppgifter ni har om mig.",
    "I am writing to request that you delete my personal data under article 17 GDPR.",
    "Poistakaa kaikki minun tietoni rekisteristänne.",
)
MENTIONS = (
    "Uutiskirje. Sinulla on oikeus tarkastaa tietosi ja pyytää tietojesi poistamista. Peruuta tilaus tästä.",
    "Nyhetsbrev. Du kan när som helst begära ut dina uppgifter eller be oss radera dina personuppgifter.",
    "Newsletter. If you want to access or delete your personal data, contact privacy@kauppa.test. Unsubscribe here.",
    "I am out of office. To request access to your personal data write to privacy@yritys.test.",
    "[#12345] Thank you. We have received your request for a copy of your personal data.",
    "Olen lomalla 3.8. asti. Kiireellisissä asioissa ottakaa yhteys Eino Mallikkaaseen.",
    "Tilauksenne on vastaanotettu. Lasku lähetetään erikseen.",
)
BY_PROGRAMS = (Automatic("auto_reply", reasons=("AUTO_SUBMITTED",)), Automatic("list", reasons=("LIST_FIELD",)))


@pytest.mark.parametrize("automatic", BY_PROGRAMS, ids=lambda one: one.kind)
@pytest.mark.parametrize("text", PLAIN)
def test_a_plain_request_is_heard_whatever_the_program_that_sent_it_wrote_above(
    judge: Judge, text: str, automatic: Automatic
) -> None:
    """Services that ask in people's names, forms and groups mark all that they send; the law knows no such mark."""
    result = judge(mail(text, automatic=automatic))
    assert (result.placement, result.acknowledgement) == ("new", None)
    assert "AUTOMATIC_MAIL" in result.flags
    assert result.automatic == automatic
    assert result.due_on is not None


@pytest.mark.parametrize("automatic", BY_PROGRAMS, ids=lambda one: one.kind)
@pytest.mark.parametrize("text", MENTIONS)
def test_a_machine_that_speaks_of_rights_asks_for_nothing(judge: Judge, text: str, automatic: Automatic) -> None:
    result = judge(mail(text, automatic=automatic))
    assert (result.placement, result.requests, result.flags) == ("none", (), ())


@pytest.mark.parametrize("proof", ["OWN_MARK", "OWN_MESSAGE_ID"])
def test_what_we_wrote_ourselves_opens_nothing(judge: Judge, proof: str) -> None:
    ours = Automatic("own", may_acknowledge=False, reasons=("OWN_ADDRESS", proof))
    result = judge(mail(FORM, from_address="asiakaspalvelu@lampo.test", automatic=ours))
    assert (result.placement, result.requests) == ("none", ())
