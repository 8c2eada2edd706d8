"""What a card says, for every value that it can be given and for those that it never should be."""

from datetime import date, timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.chat.allowed import NotAllowed, allowed
from bot.chat.cards import buttons, card_number, card_text, day, due_line, list_line, token_hash
from bot.staff import NEUTRAL_FLAGS, CardFacts
from bot.words import say
from store.lifecycle import DraftState, OutboxState, TicketState
from store.models import Level, RequestKind

LANGUAGES = ("fi", "sv", "en")
NUMBER = "K-7F3QX"
STATES = sorted({state.value for states in (DraftState, OutboxState, TicketState) for state in states})


def facts(**changes: object) -> CardFacts:
    given: dict[str, object] = {
        "number": NUMBER,
        "kinds": ("access",),
        "language": "sv",
        "channel": "email",
        "due_on": date(2026, 4, 2),
        "days_left": 31,
        "state": "draft",
        "level": "claimed",
        "flags": ("THIRD_PARTY",),
    }
    return CardFacts(**given | changes)  # type: ignore[arg-type]  # a test's own choice of fields


def test_a_card_in_swedish_reads_well() -> None:
    assert card_text(facts(), "sv").split("\n") == [
        "K-7F3QX: tillgång till egna uppgifter",
        "Läge: väntar på godkännande",
        "Förfaller 2026-04-02, dagar kvar 31",
        "Kanal: e-post. Språk: svenska",
        "Identifiering: uppgiven, inte bekräftad",
        "Observera: för någon annans räkning",
    ]


def test_an_urgent_card_in_english_says_so_first() -> None:
    text = card_text(facts(kinds=("fault",), urgent=True, flags=("POSSIBLE_FAULT",)), "en")
    assert text.startswith("URGENT K-7F3QX: possible fault (fault)\n")


@pytest.mark.parametrize(
    ("days", "line"),
    [
        (31, "Määräpäivä 2.4.2026, päiviä jäljellä 31"),
        (0, "Määräpäivä 2.4.2026 on tänään"),
        (-3, "MYÖHÄSSÄ: määräpäivä oli 2.4.2026, päiviä sitten 3"),
        (None, "Ei lakisääteistä määräpäivää"),
    ],
)
def test_a_due_date_is_told_as_near_or_far_or_past(days: int | None, line: str) -> None:
    assert due_line(facts(days_left=days), "fi") == line


def test_only_finnish_writes_the_day_first() -> None:
    assert [day(date(2026, 4, 2), language) for language in LANGUAGES] == ["2.4.2026", "2026-04-02", "2026-04-02"]


def test_every_value_of_every_list_has_its_own_word_in_every_language() -> None:
    lists = {
        "kinds": [(kind.value,) for kind in RequestKind],
        "state": STATES,
        "level": [level.value for level in Level],
        "channel": ["email", "letter", "chat"],
        "language": ["fi", "sv", "en", "other"],
        "flags": [(flag,) for flag in sorted(NEUTRAL_FLAGS)],
    }
    for language, (field, values) in product(LANGUAGES, lists.items()):
        texts = [card_text(facts(**{field: value}), language) for value in values]
        assert len(set(texts)) == len(values), (language, field)
        for text in texts:
            assert allowed(text, language) == text


@given(
    st.builds(
        CardFacts,
        number=st.builds(card_number),
        kinds=st.lists(st.sampled_from([kind.value for kind in RequestKind]) | st.text(), max_size=11).map(tuple),
        language=st.sampled_from(["fi", "sv", "en", "other"]) | st.text(),
        channel=st.sampled_from(["email", "letter", "chat"]) | st.text(),
        due_on=st.none() | st.dates(),
        days_left=st.none() | st.integers(-3_000_000, 3_000_000),
        state=st.sampled_from(STATES) | st.text(),
        level=st.sampled_from([level.value for level in Level]) | st.text(),
        flags=st.lists(st.sampled_from(sorted(NEUTRAL_FLAGS)) | st.text(), max_size=8).map(tuple),
        urgent=st.booleans(),
    ),
    st.sampled_from(LANGUAGES),
)
def test_whatever_the_facts_a_card_holds_only_our_own_words(made: CardFacts, language: str) -> None:
    assert allowed(card_text(made, language), language)
    assert allowed(list_line(made, language), language)


@given(st.text(alphabet=st.characters(categories=["L", "N", "P", "S"]), min_size=4), st.sampled_from(LANGUAGES))
def test_a_canary_in_any_field_never_reaches_the_card(canary: str, language: str) -> None:
    planted = f"§{canary}§"
    made = facts(kinds=(planted,), language=planted, channel=planted, state=planted, level=planted, flags=(planted,))
    assert planted not in card_text(made, language)


def test_a_sign_of_turvakielto_is_never_shown() -> None:
    assert card_text(facts(flags=("TURVAKIELTO", "PROTECTED_ADDRESS")), "fi") == card_text(facts(flags=()), "fi")


@pytest.mark.parametrize(
    "text",
    [
        "Aino Esimerkkilä",
        f"{NUMBER}: Aino Esimerkkilä",
        f"{NUMBER}: laskutus, Aino",
        f"{NUMBER}: laskutus\nHei, laskuni 100234 on väärin",
        f"{NUMBER}: laskutus\n",
        f"{NUMBER}:  laskutus",
        f"{NUMBER}: \u202elaskutus",
        f"{NUMBER}: laskutus\u200b",
        "K-7F3Q1X: laskutus",
        "Lisäksi työpöydällä: aino@posti.test",
        "Lisäksi työpöydällä: 0400000011",
        "<b>Hyväksytty. Vastaus lähtee nyt.</b>",
        "https://posti.test/",
        "Luonnoksen on jo hyväksynyt Dora. Toista lähetystä ei tehty.",
        "",
        "\n".join([f"{NUMBER}: laskutus"] * 400),
    ],
)
def test_a_text_with_anything_else_in_it_is_stopped_and_not_repeated(text: str) -> None:
    with pytest.raises(NotAllowed) as caught:
        allowed(text, "fi")
    assert "Aino" not in str(caught.value)


def test_words_of_another_language_are_not_mixed_in() -> None:
    with pytest.raises(NotAllowed):
        allowed(card_text(facts(), "sv"), "fi")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_answer_to_a_press_fits_the_network(language: str) -> None:
    for key in ("approved_now", "returned", "refused", "refused_unbound", "refused_other_chat", "refused_other_card"):
        assert len(allowed(say(f"chat.{key}", language), language)) <= 200
    assert len(allowed(say("chat.approved", language, minutes=1440), language)) <= 200
    for key in ("not_staff", "not_opened", "changed", "recipient_changed", "used_card", "not_entitled"):
        assert len(allowed(say(f"refusal.{key}", language), language)) <= 200
    assert len(allowed(say("refusal.stale", language, seen=11, version=12), language)) <= 200


def test_callback_data_fits_64_bytes_with_a_token_of_128_bits() -> None:
    made = buttons("fi", open_url=f"https://desk.lampo.test/cards/{NUMBER}", token="x" * 22)
    assert [button.text for button in made] == ["Avaa", "Hyväksy", "Palauta"]
    assert all(len(button.data.encode()) <= 64 for button in made)
    assert [button.text for button in buttons("fi", open_url="https://desk.lampo.test/")] == ["Avaa"]


def test_card_numbers_are_random_and_easy_to_read_aloud() -> None:
    numbers = {card_number() for _ in range(500)}
    assert len(numbers) > 490
    assert not set("01IO") & set("".join(numbers).replace("K-", ""))


def test_a_token_is_not_its_hash() -> None:
    assert token_hash("a") != token_hash("b")
    assert len(token_hash("a")) == 64


def test_a_date_far_off_still_fits() -> None:
    far = facts(due_on=date.max, days_left=(date.max - date(2026, 3, 2)) // timedelta(days=1))
    assert allowed(card_text(far, "fi"), "fi")
