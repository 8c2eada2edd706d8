"""Our own signed addresses: what we wrote is known again however it comes back, and nobody else can write one."""

from email.utils import parseaddr
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail.addresses import address_list
from mail.compose import mailbox
from mail.signed_address import LOCAL_LIMIT, OwnAddresses, Purpose, address, number_of, read, sign, tokens

KEY, OLD_KEY, STRANGERS = bytes(range(32)), bytes(range(1, 33)), b"\x07" * 32
DESK, PRIVACY = "asiakaspalvelu@lampo.test", "tietosuoja@lampo.test"
BASES = (DESK, PRIVACY)
PURPOSES: tuple[Purpose, ...] = ("reply", "bounce", "canary")
numbers = st.integers(0, 2**64 - 1)


def signed(number: int = 7, purpose: Purpose = "reply", key: bytes = KEY) -> str:
    return address(DESK, sign(key, purpose, number))


@given(number=numbers, purpose=st.sampled_from(PURPOSES), base=st.sampled_from(BASES))
def test_what_was_signed_is_read_again_whatever_became_of_its_case(number: int, purpose: Purpose, base: str) -> None:
    written = address(base, sign(KEY, purpose, number))
    for seen in (written, written.upper(), written.title(), written.replace("lampo", "LAMPO")):
        assert read((KEY,), BASES, purpose, seen) == number


@given(number=numbers, purpose=st.sampled_from(PURPOSES))
def test_every_mail_program_takes_the_address_as_it_is(number: int, purpose: Purpose) -> None:
    written = signed(number, purpose)
    local = written.partition("@")[0]
    assert len(local.encode()) <= LOCAL_LIMIT
    assert not local.startswith(".")
    assert not local.endswith(".")
    assert parseaddr(f"Kalajoen Lämpö Oy <{written}>")[1] == written
    assert address_list(f"Palvelu <{written}>") == (written,)
    assert mailbox(written, "reply_to") == written


def test_an_address_without_room_for_a_token_is_refused() -> None:
    assert address("a" * 31 + "@lampo.test", sign(KEY, "reply", 1))
    with pytest.raises(ValueError, match="longer than 31"):
        address("a" * 32 + "@lampo.test", sign(KEY, "reply", 1))


@given(number=numbers, written=st.sampled_from(PURPOSES), wanted=st.sampled_from(PURPOSES))
def test_a_token_serves_its_own_purpose_only(number: int, written: Purpose, wanted: Purpose) -> None:
    assert number_of((KEY,), wanted, sign(KEY, written, number)) == (number if written == wanted else None)


def test_a_change_of_any_letter_makes_it_nobodys() -> None:
    token = sign(KEY, "bounce", 41)
    for place in range(len(token)):
        for letter in "abcdefghijklmnopqrstuvwxyz234567":
            if letter != token[place]:
                assert number_of((KEY,), "bounce", token[:place] + letter + token[place + 1 :]) is None


def test_half_a_token_two_tokens_and_none_are_nobodys() -> None:
    token = sign(KEY, "reply", 41)
    for wrong in (token[:-1], token[:16], token + token, token + "a", "", "=" * 32, "ı" * 32, "ſ" * 32, "A" * 10_000):
        assert number_of((KEY,), "reply", wrong) is None
        assert read((KEY,), BASES, "reply", f"asiakaspalvelu+{wrong}@lampo.test") is None


def test_another_key_signs_for_nobody_and_an_old_one_still_counts() -> None:
    assert read((KEY,), BASES, "reply", signed(key=STRANGERS)) is None
    assert read((), BASES, "reply", signed()) is None
    assert read((KEY, OLD_KEY), BASES, "reply", signed(key=OLD_KEY)) == 7


@pytest.mark.parametrize(
    "wrong",
    [
        "muu+{}@lampo.test",
        "asiakaspalvelu+{}@lampo.test.evil.test",
        "asiakaspalvelu+{}@evil.test",
        "asiakaspalvelu{}@lampo.test",
        "asiakaspalvelu+x+{}@lampo.test",
        "+{}@lampo.test",
        "{}@lampo.test",
        "{}",
        "asiakaspalvelu.{}@lampo.test",
        "asiakaspalvelu+{}",
    ],
)
def test_a_token_on_anybody_elses_address_is_not_looked_at(wrong: str) -> None:
    assert read((KEY,), BASES, "reply", wrong.format(sign(KEY, "reply", 7))) is None


def test_a_mail_server_may_have_a_separator_of_its_own() -> None:
    assert read((KEY,), BASES, "reply", signed().replace("+", "-")) == 7
    dashed = ("asiakas-palvelu@lampo.test",)
    assert read((KEY,), dashed, "reply", address(dashed[0], sign(KEY, "reply", 7)).replace("+", "-")) == 7


def test_the_number_of_a_row_cannot_be_read_off_its_address() -> None:
    """Whoever has two acknowledgements must not learn how many tickets came in between."""
    neighbours = [sign(KEY, "reply", number) for number in range(1000)]
    same_place = max(sum(one[place] == other[place] for one, other in pairwise(neighbours)) for place in range(32))
    assert same_place < 100  # one of 32 letters agrees by chance: some 31 of 999
    assert len({one[20:] for one in neighbours}) == 1000


def test_looking_for_tokens_is_bounded_and_needs_no_key() -> None:
    many = [signed(number) for number in range(100)]
    assert tokens(BASES, many) == tuple(sign(KEY, "reply", number) for number in range(8))
    assert tokens(BASES, [signed(), signed().upper()]) == (sign(KEY, "reply", 7),)
    assert tokens(BASES, ["x" * 1_000_000, "@" * 1_000_000]) == ()


def test_random_letters_are_nobodys() -> None:
    chance = Random(1)
    for _ in range(20_000):
        token = "".join(chance.choice("abcdefghijklmnopqrstuvwxyz234567") for _ in range(32))
        assert number_of((KEY, OLD_KEY), "reply", token) is None


def test_the_stages_are_handed_the_same() -> None:
    own = OwnAddresses(BASES)
    (token,) = own.tokens([PRIVACY, own.sign(KEY, "bounce", 5)])
    assert own.number_of((KEY,), "bounce", token) == 5
