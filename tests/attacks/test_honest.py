"""Guards that went too far: honest customers who were asked to prove themselves without a reason."""

import pytest

from store.models import Level
from tests.rules.people import Judge, mail

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
