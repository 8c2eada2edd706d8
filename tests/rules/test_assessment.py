"""Stories of messages: who wrote what, and what the service would do with it."""

from dataclasses import replace
from datetime import date, timedelta
from typing import get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.rules.assessment import assess
from bot.rules.policy import TEMPLATES
from bot.rules.verdicts import Thread
from mail.message import Authentication, Automatic, ChannelName, InboundMessage, Language, Verdict
from store.models import (
    STATUTORY,
    Candidate,
    ContactKind,
    ContactStatus,
    CustomerKind,
    Level,
    RecipientKind,
    RequestKind,
)
from tests.rules.people import (
    AINO,
    ASTRID,
    EINO,
    HOUSING,
    MANAGER,
    NOW,
    OLD,
    POLICY,
    RECENT,
    Judge,
    contact,
    customer,
    mail,
)

ACCESS = "Pyydän kopion kaikista tiedoistani. Aino Esimerkkilä"


def test_a_customer_who_writes_from_the_address_on_file_gets_the_copy_there_and_is_asked_nothing(judge: Judge) -> None:
    result = judge(mail(ACCESS))
    (draft,) = result.drafts
    assert result.identification.level is Level.CONFIRMED_CHANNEL
    assert (draft.template, draft.holds_data, draft.recipient.kind) == ("access", True, RecipientKind.EMAIL)
    assert draft.recipient.value == "aino.esimerkkila@posti.test"
    assert result.due_on == date(2026, 4, 2)
    assert result.requests[0].target_on == date(2026, 3, 16)
    assert result.acknowledgement is not None
    assert result.acknowledgement.to == "aino.esimerkkila@posti.test"
    assert result.acknowledgement.states_due_date


def test_a_stranger_gets_an_answer_without_data(judge: Judge) -> None:
    result = judge(mail("Pyydän kaikki tietoni. Seija Koekäyttäjä", "seija@tuntematon.test"))
    (draft,) = result.drafts
    assert result.identification.level is Level.NONE
    assert (draft.template, draft.holds_data) == ("nothing_held", False)
    assert (draft.recipient.kind, draft.recipient.value) == (RecipientKind.SENDER, "seija@tuntematon.test")


def test_a_mail_without_authentication_is_answered_to_the_contact_on_file_all_the_same(judge: Judge) -> None:
    result = judge(mail(ACCESS, verdict="none"))
    assert result.identification.level is Level.CLAIMED
    assert result.drafts[0].recipient.value == "aino.esimerkkila@posti.test"
    assert result.drafts[0].holds_data


def test_a_new_address_with_name_and_number_is_a_claim_answered_to_the_address_on_file(judge: Judge) -> None:
    result = judge(mail(f"{ACCESS}, asiakasnumero 100234", "aino@uusi.test"))
    assert (result.identification.level, result.identification.customer) == (Level.CLAIMED, "100234")
    assert result.drafts[0].recipient.value == "aino.esimerkkila@posti.test"


def test_a_name_alone_names_nobody(judge: Judge) -> None:
    result = judge(mail(ACCESS, "aino@uusi.test"))
    assert result.identification.level is Level.AMBIGUOUS
    assert "SINGLE_CLUE" in result.identification.reasons
    # The words of a stranger, for whoever tries names must not learn which of them are in the register.
    assert (result.drafts[0].template, result.drafts[0].holds_data) == ("nothing_held", False)


def test_forged_mail_is_ticketed_and_nothing_goes_back_to_it(judge: Judge) -> None:
    result = judge(mail(ACCESS, verdict="fail"))
    assert result.placement == "new"
    assert result.acknowledgement is None
    assert "AUTHENTICATION_FAILED" in result.flags
    assert result.identification.level is Level.NONE
    assert all(not draft.holds_data and draft.recipient.kind is not RecipientKind.SENDER for draft in result.drafts)


def test_an_address_that_is_no_longer_in_use_identifies_nobody(judge: Judge) -> None:
    ended = replace(AINO, contacts=tuple(replace(one, status=ContactStatus.ENDED) for one in AINO.contacts))
    result = judge(mail("Lähettäkää tietoni."), [ended])
    assert result.identification.level in {Level.NONE, Level.AMBIGUOUS}
    assert "INACTIVE_ADDRESS" in result.identification.reasons
    assert not result.drafts[0].holds_data


def test_an_address_changed_last_week_neither_confirms_nor_receives(judge: Judge) -> None:
    new = contact(7, ContactKind.EMAIL, "aino@uusi.test", on_file_since=RECENT, usable_from=NOW + timedelta(days=80))
    result = judge(mail(ACCESS, "aino@uusi.test"), [replace(AINO, contacts=(new, *AINO.contacts))])
    assert result.identification.level is Level.CLAIMED
    assert "RECENT_CONTACT" in result.identification.reasons
    assert result.drafts[0].recipient.value == "aino.esimerkkila@posti.test"


def test_a_couple_with_one_mailbox_is_ambiguous_until_the_text_names_one(judge: Judge) -> None:
    shared = contact(8, ContactKind.EMAIL, "perhe@posti.test")
    both = [replace(one, contacts=(shared, *one.contacts[1:])) for one in (AINO, EINO)]
    silent = judge(mail("Lähettäkää tietoni.", "perhe@posti.test"), both)
    assert silent.identification.level is Level.AMBIGUOUS
    assert silent.drafts[0].template == "identity"
    signed = judge(mail("Lähettäkää tietoni. Eino Mallikas", "perhe@posti.test"), both)
    assert (signed.identification.level, signed.identification.customer) == (Level.CONFIRMED_CHANNEL, "100236")


def test_the_address_of_one_with_the_number_of_another_is_a_conflict(judge: Judge) -> None:
    result = judge(mail("Lähettäkää tietoni, asiakasnumeroni on 100236."))
    assert result.identification.level is Level.AMBIGUOUS
    assert "CONFLICT" in result.identification.reasons
    assert not result.drafts[0].holds_data


def test_a_property_manager_writes_for_the_housing_company_it_has_a_role_for(judge: Judge) -> None:
    result = judge(mail("As Oy Malliranta: lasku on väärin.", "toimisto@isannointi.test"))
    assert result.identification.customer == "200010"
    assert "ACTS_FOR" in result.identification.reasons


def test_a_company_has_no_right_of_access_and_gets_told_so_without_data(judge: Judge) -> None:
    result = judge(mail("Pyydämme yhtiömme tiedot.", "toimisto@isannointi.test"))
    assert (result.drafts[0].template, result.drafts[0].holds_data) == ("access_legal_person", False)


def test_a_sole_trader_is_a_person(judge: Judge) -> None:
    trader = replace(EINO, kind=CustomerKind.SOLE_TRADER)
    assert judge(mail("Pyydän tietoni. Tmi Mallikas", "eino.mallikas@posti.test"), [trader]).drafts[0].holds_data


def test_the_estate_of_a_dead_customer_is_asked_who_writes(judge: Judge) -> None:
    estate = replace(EINO, kind=CustomerKind.ESTATE)
    assert judge(mail("Lähettäkää tietoni.", "eino.mallikas@posti.test"), [estate]).drafts[0].template == "identity"


@pytest.mark.parametrize(
    "text",
    [
        "Uusi sähköpostini on aino.e@toinen.test, lähettäkää siihen laskukopio ja kaikki tietoni.",
        "Pyydän kaikki tietoni osoitteeseen aino.e@toinen.test.",
    ],
)
def test_data_wanted_at_another_address_are_held_until_it_is_clear_who_asks(judge: Judge, text: str) -> None:
    result = judge(mail(text))
    access = next(draft for draft in result.drafts if draft.kind is RequestKind.ACCESS)
    assert {"ELSEWHERE", "CONTACT_CHANGE_WITH_REQUEST"} & set(result.flags)
    assert (access.template, access.holds_data) == ("identity", False)


@pytest.mark.parametrize(
    "text",
    [
        "Mieheni on matkoilla, lähettäkää hänen tietonsa minulle.",
        "Ostimme talon, lähettäkää edellisen omistajan kulutustiedot viideltä vuodelta.",
        "Asiamiehenä pyydän päämieheni Eino Mallikkaan tiedot, valtakirja liitteenä.",
        "Olen isäni edunvalvoja, pyydän hänen tietonsa.",
    ],
)
def test_who_asks_for_another_is_asked_for_the_mandate(judge: Judge, text: str) -> None:
    result = judge(mail(text))
    access = next(draft for draft in result.drafts if draft.kind is RequestKind.ACCESS)
    assert "THIRD_PARTY" in result.flags
    assert (access.template, access.holds_data) == ("mandate", False)


def test_a_protected_customer_is_answered_by_letter_only(judge: Judge) -> None:
    hidden = replace(AINO, turvakielto=True)
    (draft,) = judge(mail(ACCESS), [hidden]).drafts
    assert draft.recipient.kind is RecipientKind.POSTAL
    without_post = replace(hidden, contacts=hidden.contacts[:1])
    assert judge(mail(ACCESS), [without_post]).drafts[0].template == "identity"


def test_a_letter_is_answered_to_the_postal_address_on_file(judge: Judge) -> None:
    letter = mail(ACCESS + "\nMallitie 34\n85100 Kalajoki", "", "none", channel="letter", from_text="")
    result = judge(letter)
    assert result.identification.level is Level.CLAIMED
    assert "POSTAL_ADDRESS" in result.identification.reasons
    assert result.drafts[0].recipient.kind is RecipientKind.POSTAL
    assert result.acknowledgement is None


def test_a_chat_gets_a_receipt_and_never_a_draft(judge: Judge) -> None:
    chat = mail(f"{ACCESS} 100234", "", "none", channel="chat", from_text="")
    result = judge(chat, envelope_sender="4711")
    assert result.acknowledgement is not None
    assert result.acknowledgement.to == "4711"
    assert result.drafts[0].recipient.value == "aino.esimerkkila@posti.test"
    assert (
        judge(replace(chat, text="Tietoni", new_text="haluan tietoni"), envelope_sender="4711")
        .drafts[0]
        .recipient.value
        == ""
    )


def test_a_machine_gets_nothing(judge: Judge) -> None:
    automatic = Automatic("auto_reply", may_acknowledge=False)
    result = judge(replace(mail("Laskunne on vastaanotettu."), automatic=automatic))
    assert (result.placement, result.requests, result.acknowledgement, result.drafts) == ("none", (), None, ())
    asks = judge(replace(mail(ACCESS), automatic=automatic))  # a plain request is never hidden; a person looks at it
    assert (asks.placement, asks.acknowledgement, asks.drafts) == ("new", None, ())


@pytest.mark.parametrize("envelope_sender", ["", "muu@toinen.test"])
def test_unauthenticated_mail_is_acknowledged_only_when_the_envelope_agrees(judge: Judge, envelope_sender: str) -> None:
    assert judge(mail(ACCESS, verdict="none"), envelope_sender=envelope_sender).acknowledgement is None
    assert judge(mail(ACCESS, verdict="none")).acknowledgement is not None


def test_our_own_address_is_never_acknowledged(judge: Judge) -> None:
    assert judge(mail("Hei", "asiakaspalvelu@lampo.test")).acknowledgement is None


MINE = Thread(5, "100234", "aino.esimerkkila@posti.test")


def test_a_confirmed_customer_joins_the_own_ticket_and_is_not_acknowledged_again(judge: Judge) -> None:
    result = judge(mail("Kiitos, selvä."), thread=MINE)
    assert (result.placement, result.joins, result.acknowledgement, result.requests) == ("join", 5, None, ())


def test_a_reminder_in_the_own_thread_starts_no_clock(judge: Judge) -> None:
    result = judge(mail("Pyysin tietojani 3.2. enkä ole saanut vastausta."), thread=MINE)
    assert result.placement == "join"
    assert "REMINDER" in result.flags
    assert (result.due_on, result.drafts) == (None, ())


def test_nobody_joins_the_ticket_of_another(judge: Judge) -> None:
    other = mail("Lähettäkää tietoni.", "eino.mallikas@posti.test")
    forged = mail("Lähettäkää tietoni.", verdict="fail")
    for message in (other, forged):
        result = judge(message, thread=MINE)
        assert (result.placement, result.joins) == ("new", None)
        assert "REFERS_TO_ANOTHER_TICKET" in result.flags


def test_a_stranger_joins_the_ticket_that_the_same_address_opened_and_raises_nothing(judge: Judge) -> None:
    thread = Thread(6, None, "seija@tuntematon.test")
    result = judge(mail("Lisätietona vielä tämä.", "seija@tuntematon.test"), thread=thread)
    assert (result.placement, result.identification.level) == ("join", Level.NONE)
    assert "JOINED_UNVERIFIED" in result.flags
    assert judge(mail("Hei", "seija@tuntematon.test", "none"), thread=thread).placement == "new"


def test_bait_without_any_request_waits_in_quarantine(judge: Judge) -> None:
    bait = "Hyvä asiakas, teille on saapunut maksu, klikatkaa tästä."
    result = judge(mail(bait, "x@tuntematon.test"))
    assert (result.placement, result.acknowledgement, result.drafts) == ("quarantine", None, ())
    assert judge(mail(bait)).placement == "new"


def test_an_empty_message_is_a_ticket(judge: Judge) -> None:
    result = judge(mail(""))
    assert result.placement == "new"
    assert result.requests[0].reasons == ("NOTHING_READABLE",)


def test_a_request_that_stands_only_in_the_quotation_is_still_seen(judge: Judge) -> None:
    result = judge(mail("ks. alla\n> Pyydän kopion kaikista tiedoistani", new_text="ks. alla"))
    assert any(one.kind is RequestKind.ACCESS for one in result.requests)
    assert "POSSIBLE_RIGHTS_REQUEST" in result.flags


@pytest.mark.parametrize(
    "text", ["Palun saatke mulle koopia minu andmetest.", "Прошу предоставить копию моих персональных данных."]
)
def test_a_right_in_another_language_is_kept_for_a_person(judge: Judge, text: str) -> None:
    result = judge(mail(text, language="other"))
    assert {"OTHER_LANGUAGE", "POSSIBLE_RIGHTS_REQUEST"} <= set(result.flags)
    assert result.due_on is not None
    assert not any(draft.holds_data for draft in result.drafts)


def test_an_identity_code_is_flagged_and_is_no_clue(judge: Judge) -> None:
    result = judge(mail("Tässä kopio passistani ja hetuni 010180-9015.", "seija@tuntematon.test"))
    assert {"IDENTITY_CODE", "IDENTITY_DOCUMENT"} <= set(result.flags)
    assert result.identification.level is Level.NONE


def test_a_baby_in_a_cold_house_is_a_possible_fault(judge: Judge) -> None:
    result = judge(mail("Vesi on ihan kylmää ja vauva talossa, koska lämpö palaa??"))
    assert "POSSIBLE_FAULT" in result.flags
    assert result.requests[0].target_on == date(2026, 3, 3)
    assert result.due_on is None


def test_no_customer_can_be_told_from_a_stranger_by_the_acknowledgement(judge: Judge) -> None:
    known, unknown = judge(mail(ACCESS)), judge(mail(ACCESS), register=())
    assert known.acknowledgement == unknown.acknowledgement
    assert known.placement == unknown.placement
    assert known.due_on == unknown.due_on


@given(st.sampled_from(get_args(Verdict)), st.booleans(), st.booleans())
def test_only_a_pass_confirms(verdict: Verdict, settled: bool, named: bool) -> None:
    since = OLD if settled else NOW
    aino = replace(AINO, contacts=tuple(replace(one, on_file_since=since, usable_from=since) for one in AINO.contacts))
    matched = ("ADDRESS", "NAME") if named else ("ADDRESS",)
    result = assess(mail(ACCESS, verdict=verdict), [replace(aino, matched=matched)], None, POLICY, NOW)
    assert (result.identification.level is Level.CONFIRMED_CHANNEL) == (verdict == "pass" and settled)
    assert settled or not any(draft.holds_data for draft in result.drafts)


@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=150)
@given(
    text=st.text(max_size=300)
    | st.lists(st.sampled_from([*ACCESS.split(), "poistakaa", "lasku", "hänen", "x@y.test"])).map(" ".join),
    verdict=st.sampled_from(get_args(Verdict)),
    language=st.sampled_from(get_args(Language)),
    channel=st.sampled_from(get_args(ChannelName)),
    known=st.sampled_from([(), (AINO,), (AINO, EINO), (MANAGER, HOUSING), (ASTRID, AINO)]),
)
def test_no_text_brings_the_rules_down_or_sends_data_anywhere_but_to_a_contact_on_file(
    text: str, verdict: Verdict, language: Language, channel: ChannelName, known: tuple[Candidate, ...]
) -> None:
    address = "aino.esimerkkila@posti.test" if channel == "email" else ""
    message = InboundMessage(
        channel=channel,
        subject=text[:40],
        from_text=text,
        from_address=address,
        language=language,
        text=text,
        new_text=text,
        authentication=Authentication(verdict, "posti.test"),
    )
    candidates = [replace(one, matched=("NAME", "IDENTIFIER:customer_number")) for one in known]
    result = assess(message, candidates, None, POLICY, NOW, envelope_sender=address)
    own = {point.id for one in candidates for point in one.contacts}
    assert result.requests or result.placement == "quarantine"
    for draft in result.drafts:
        assert draft.template in TEMPLATES
        if draft.holds_data:
            assert draft.recipient.kind is not RecipientKind.SENDER
            assert draft.recipient.contact_point_id in own
            assert result.identification.customer_id is not None
        if draft.recipient.kind is RecipientKind.SENDER:
            assert draft.recipient.value in {"", address}
    for one in result.requests:
        assert (one.due_on is not None) == (one.kind in STATUTORY)


def test_a_namesake_does_not_spoil_a_confirmed_channel(judge: Judge) -> None:
    namesake = customer(100999, "Aino Esimerkkilä", "toinen.aino@posti.test")
    result = judge(mail(ACCESS), [AINO, namesake])
    assert (result.identification.level, result.identification.customer) == (Level.CONFIRMED_CHANNEL, "100234")


def test_a_scan_that_was_misread_is_looked_at_as_a_possible_right(judge: Judge) -> None:
    result = judge(mail("t@rk4stusPyyntö E.M@llik4s", "", "none", channel="letter", from_text=""))
    assert result.requests[0].kind is RequestKind.ACCESS
    assert {"POSSIBLE_RIGHTS_REQUEST", "HARD_TO_READ"} <= set(result.flags)
    assert not any(draft.holds_data for draft in result.drafts)


def test_a_thank_you_above_the_quoted_request_starts_no_new_clock(judge: Judge) -> None:
    thanks = mail("Kiitos!\n> Pyydän kopion tiedoistani", new_text="Kiitos!", subject="Re: Tietopyyntö")
    result = judge(thanks, thread=MINE)
    assert (result.placement, result.requests, result.due_on) == ("join", (), None)


def test_the_number_of_another_is_a_conflict_even_under_the_own_name(judge: Judge) -> None:
    result = judge(mail("Lähettäkää tietoni. Aino Esimerkkilä, asiakasnumero 100236"))
    assert result.identification.level is Level.AMBIGUOUS
    assert "CONFLICT" in result.identification.reasons


def test_who_asks_for_the_data_of_a_company_gets_no_copy_of_the_own_ones(judge: Judge) -> None:
    (draft,) = judge(mail("Pyydämme GDPR:n nojalla yhtiömme Koe Oy:n tiedot.")).drafts
    assert (draft.template, draft.holds_data) == ("access_legal_person", False)


def test_a_stranger_is_not_told_from_a_customer_when_a_company_is_asked_for(judge: Judge) -> None:
    text = "Pyydämme GDPR:n nojalla yhtiömme Koe Oy:n tiedot."
    assert judge(mail(text)).drafts == judge(mail(text), register=()).drafts


def test_naming_the_address_on_file_from_a_new_one_raises_no_doubt(judge: Judge) -> None:
    text = f"{ACCESS}, 100234. Vastatkaa osoitteeseen aino.esimerkkila@posti.test."
    result = judge(mail(text, "aino@uusi.test"))
    assert "ELSEWHERE" not in result.flags
    assert result.drafts[0].recipient.value == "aino.esimerkkila@posti.test"
