"""The check finds what must not leave, and lets what is written by the templates pass."""

import dataclasses

import pytest

from replies.catalogue import TEMPLATES
from replies.check import problems
from replies.notice import LANGUAGES
from replies.render import Words

REFERENCE = "KL-7F3K-92QD"


@pytest.fixture
def check(notice, aino):
    def found(words: Words, template: str, *, others: tuple[str, ...] = ()) -> tuple[str, ...]:
        return problems(
            words,
            template=template,
            holds_data=TEMPLATES[template].holds_data,
            reference=REFERENCE,
            notice=notice,
            dossier=aino,
            other_identifiers=others,
        )

    return found


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("template", TEMPLATES)
def test_what_the_templates_write_passes(write_any, check, template, language):
    assert check(write_any(template, language), template, others=("100240", "astrid.pahitt@post.test")) == ()


def amended(words: Words, addition: str) -> Words:
    return dataclasses.replace(words, text=words.text + addition + "\n")


@pytest.mark.parametrize(
    ("addition", "finding"),
    [
        ("Sopimuksenne on LS-2011-77.", "REGISTER_DATA:contracts.contract_number"),
        ("Asiakasnumeronne on 100234.", "REGISTER_DATA:customer_number"),
        ("Kirjoitamme osoitteeseen aino.esimerkkila@posti.test.", "REGISTER_DATA:basic.email"),
        ("Hetunne on 010190-999X.", "IDENTITY_CODE"),
        ("Hyvä {{ name }}!", "PLACEHOLDER"),
        ("Kuten asiakkaalla 100240.", "OTHER_CUSTOMER"),
    ],
)
def test_what_a_clerk_adds_to_a_reply_without_data_is_found(write_any, check, addition, finding):
    assert finding in check(amended(write_any("billing", "fi"), addition), "billing", others=("100240",))


def test_the_name_may_stand_and_a_longer_number_is_another_number(write_any, check):
    words = amended(write_any("billing", "fi"), "Hyvä Aino Esimerkkilä, laskunne 91002345 on kunnossa.")
    assert check(words, "billing", others=("00234",)) == ()


def test_a_section_the_reference_the_complaint_and_the_subject_are_missed(write_any, check):
    words = write_any("access", "sv")
    cut = words.text.replace("5. Rätten att klaga", "Rätten att klaga").replace("tietosuoja@om.fi", "")
    found = check(Words(subject="", text=cut.replace(REFERENCE, "")), "access")
    assert found == ("NO_SUBJECT", "NO_REFERENCE", "NO_COMPLAINT", "MISSING_SECTION:5")


def test_another_customers_number_in_an_access_reply_is_found(write_any, check):
    assert check(amended(write_any("access", "en"), "See LS-2012-99."), "access", others=("LS-2012-99",)) == (
        "OTHER_CUSTOMER",
    )


def test_findings_hold_no_personal_data(write_any, check):
    found = check(write_any("access", "fi"), "other")
    assert found
    assert not any(value in " ".join(found) for value in ("Aino", "100234", "posti.test", "LS-2011"))
