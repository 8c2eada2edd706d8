"""The strict reader names the one sender or no one; the lenient one shows what people meant."""

import random
from email import policy
from email.parser import BytesParser
from email.utils import getaddresses

import pytest
from corpora import read
from hypothesis import given
from hypothesis import strategies as st

from mail.addresses import address_list, normalise_address, strict_from
from mail.fields import split_header

SURE = {
    "aino.esimerkkila@posti.test": "aino.esimerkkila@posti.test",
    "Aino Esimerkkilä <Aino.Esimerkkila@POSTI.test>": "Aino.Esimerkkila@posti.test",
    '"Esimerkkilä, Aino" <aino@posti.test>': "aino@posti.test",
    '"aino@muu.test" <aino@posti.test>': "aino@posti.test",
    "<aino@posti.test>": "aino@posti.test",
    "=?utf-8?q?Aino_=3Ceino=40posti=2Etest=3E?= <aino@posti.test>": "aino@posti.test",
    "aino@posti.test (Aino Esimerkkilä)": "aino@posti.test",
    "Aino (koti) <aino@posti.test>": "aino@posti.test",
    "Aino E. O'Malli <aino+lasku@posti.test>": "aino+lasku@posti.test",
    "Aino <aino@lämpö.test>": "aino@xn--lmp-qla6g.test",
    "Aino\t<aino@posti.test> ": "aino@posti.test",
}

DOUBTFUL = {
    "": "NO_FROM",
    "   ": "NO_FROM",
    "Aino": "BAD_ADDRESS",
    "aino@posti.test, eino@posti.test": "SEVERAL_MAILBOXES",
    "Aino <aino@posti.test>, Eino <eino@posti.test>": "SEVERAL_MAILBOXES",
    "Aino <aino@posti.test> <eino@posti.test>": "SEVERAL_MAILBOXES",
    "Aino <aino@posti.test> eino@posti.test": "BAD_ADDRESS",
    "aino@posti.test <eino@posti.test>": "UNQUOTED_AT",
    "Aino <@rele.test:aino@posti.test>": "ROUTE_OR_GROUP",
    "Perhe: aino@posti.test;": "SEVERAL_MAILBOXES",
    "Perhe: Aino <aino@posti.test>;": "BAD_ADDRESS",
    "aino@posti.test (eino@posti.test)": "COMMENT",
    "aino(x)@posti.test": "COMMENT",
    "aino@posti.test(": "COMMENT",
    "aino@posti.test\0": "CONTROL_CHARACTER",
    "aino@posti.test\r\nTo: eino@posti.test": "CONTROL_CHARACTER",
    "ai\u200bno@posti.test": "HIDDEN_CHARACTER",
    "\u202eAino <aino@posti.test>": "HIDDEN_CHARACTER",
    "=?utf-8?q?aino=40posti=2Etest?=": "BAD_ADDRESS",
    "=?utf-8?q?aino?=@posti.test": "BAD_ADDRESS",
    "Aino <aino@posti.test": "BAD_ADDRESS",
    'Aino" <aino@posti.test>': "BAD_ADDRESS",
    "aino@@posti.test": "BAD_ADDRESS",
    '"aino"@posti.test': "BAD_ADDRESS",
    "aino@posti": "BAD_DOMAIN",
    "aino@[192.0.2.1]": "BAD_DOMAIN",
    "aino@posti..test": "BAD_DOMAIN",
    "aino@-posti.test": "BAD_DOMAIN",
    "aino@straße.test": "BAD_DOMAIN",
    "aino@ｐosti.test": "BAD_DOMAIN",
    "ａino@posti.test": "HIDDEN_CHARACTER",
    "a" * 3000 + "@posti.test": "TOO_LONG",
}


@pytest.mark.parametrize("value", SURE)
def test_a_clear_from_field_names_its_sender(value: str) -> None:
    assert strict_from([value.encode()]) == (SURE[value], ())


@pytest.mark.parametrize("value", DOUBTFUL)
def test_a_doubtful_from_field_names_no_one(value: str) -> None:
    assert strict_from([value.encode()]) == ("", (DOUBTFUL[value],))


def test_no_field_and_two_fields_name_no_one() -> None:
    assert strict_from([]) == ("", ("NO_FROM",))
    assert strict_from([b"aino@posti.test", b"aino@posti.test"]) == ("", ("TWO_FROM",))


@pytest.mark.parametrize(
    "value",
    [
        b"Esimerkkil\xe4 <aino@posti.test>",
        b'"Esimerkkil\xe4, Aino" <aino@posti.test>',
    ],
)
def test_an_old_program_writes_a_name_in_bytes_of_its_own_and_the_address_is_as_sure_as_ever(value: bytes) -> None:
    assert strict_from([value]) == ("aino@posti.test", ())


@pytest.mark.parametrize(
    "value",
    [
        b"Aino <aino\xe4@posti.test>",
        b"aino\xe4@posti.test",
        b"aino@posti.test (Esimerkkil\xe4)",
        b"eino@muu.test \xe4 <aino@posti.test>",
        b"\xe4 <eino@muu.test>, Aino <aino@posti.test>",
        b"Aino <aino@posti.test> \xe4",
        b'"\xa5\\" <eino@muu.test>, "\xa5\\" <aino@posti.test>',
        b"Esimerkkil\x84 <aino@posti.test>",
        b"Esimerkkil\xad\xe4 <aino@posti.test>",
    ],
)
def test_bytes_that_are_not_utf8_are_no_part_of_an_address_nor_of_anything_like_one(value: bytes) -> None:
    assert strict_from([value])[0] == ""


def test_a_control_character_at_the_end_is_one_as_well() -> None:
    header, _ = split_header(b"From: aino@posti.test\x0b\r\n\r\n")
    assert strict_from(header.all("from")) == ("", ("CONTROL_CHARACTER",))


def test_addresses_are_compared_in_lower_case_and_with_nothing_else_folded() -> None:
    assert normalise_address("Aino.E+x@POSTI.test") == "aino.e+x@posti.test"
    assert normalise_address("aino@Lämpö.test") == "aino@xn--lmp-qla6g.test"
    assert normalise_address("aino.e@posti.test") != normalise_address("ainoe@posti.test")
    assert normalise_address("а@posti.test") != normalise_address("a@posti.test")  # the first is Cyrillic


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Aino <Aino@POSTI.test>, eino@posti.test", ("Aino@posti.test", "eino@posti.test")),
        ('"Esimerkkilä, Aino" <aino@posti.test>', ("aino@posti.test",)),
        ("Asukkaat: aino@posti.test, Eino <eino@posti.test>;", ("aino@posti.test", "eino@posti.test")),
        ("aino@posti.test; eino@posti.test", ("aino@posti.test", "eino@posti.test")),
        ("undisclosed-recipients:;", ()),
        ("Aino <@rele.test:aino@posti.test>", ("aino@posti.test",)),
        ("Pete(A wonderful \\) chap) <pete(his account)@silly.test(his host)>", ("pete@silly.test",)),
        (", aino@posti.test,", ("aino@posti.test",)),
        ('"Aino <aino@posti.test>, "Eino" <eino@posti.test>', ("aino@posti.test", "eino@posti.test")),
        ("aino@posti.test eino@posti.test", ("aino@posti.test", "eino@posti.test")),
        ("Aino [aino@posti.test]", ("aino@posti.test",)),
        ("aino@[192.0.2.1]", ("aino@[192.0.2.1]",)),
        ("aino@[IPv6:2001:db8::1], eino@posti.test", ("aino@[ipv6:2001:db8::1]", "eino@posti.test")),
        ("Aino <aino@[IPv6:2001:db8::1]>", ("aino@[ipv6:2001:db8::1]",)),
        ("Aino <aino@posti.test> Eino <eino@posti.test>", ("aino@posti.test", "eino@posti.test")),
        ("Esimerkki, Aino <aino@posti.test>", ("aino@posti.test",)),
        ("Aino E. <aino@posti.test>; 'Eino' <eino@posti.test>;", ("aino@posti.test", "eino@posti.test")),
        ("eino@muu.test <aino@posti.test>", ("aino@posti.test",)),
        ("'eino@muu.test' <aino@posti.test>", ("aino@posti.test",)),
        ("=?utf-8?q?Aino_=3Ceino=40muu=2Etest=3E?= <aino@posti.test>", ("aino@posti.test",)),
        ("=?utf-8?q?Esimerkki=2C_Aino?= <aino@posti.test>, eino@posti.test", ("aino@posti.test", "eino@posti.test")),
        ("<<aino@posti.test>>", ("aino@posti.test",)),
        ("aino@posti.test>", ("aino@posti.test",)),
        ("<aino@posti.test", ("aino@posti.test",)),
        ("mailto:aino@posti.test", ("aino@posti.test",)),
        ("<mailto:aino@posti.test>", ("aino@posti.test",)),
        ('"a b"@posti.test', ('"a b"@posti.test',)),
        ("aino", ()),
        ("Aino <aino>", ()),
        ("Ä <ä@lämpö.test>", ("ä@lämpö.test",)),
        ("A: aino@posti.test; B: eino@posti.test;", ("aino@posti.test", "eino@posti.test")),
    ],
)
def test_lists_of_recipients_are_shown_as_meant(value: str, expected: tuple[str, ...]) -> None:
    assert address_list(value.encode()) == expected


PIECES = [
    "aino@posti.test",
    "eino@muu.test",
    "Aino",
    "<",
    ">",
    '"',
    "(",
    ")",
    ",",
    ";",
    ":",
    "@",
    "\\",
    " ",
    "\t",
    "\0",
]
PIECES += ["=?utf-8?q?a=40b=2Etest?=", "\r\n ", "ä", "\u200b", "@rele.test:", "=?", "?=", ".", "\r", "\n"]
SEEDS = ["Aino <aino@posti.test>", "aino@posti.test", '"Aino" <aino@posti.test>', "aino@posti.test (Aino)"]


def test_several_to_fields_are_one_list() -> None:
    assert address_list([b"aino@posti.test", b"Eino <eino@posti.test>"]) == ("aino@posti.test", "eino@posti.test")


def test_a_hundred_thousand_mutations_never_name_a_sender_that_another_reader_does_not() -> None:
    """THREATS 3: the same seed each time; a sender that we name and the standard library does not fails it."""
    chance = random.Random(3)
    sure = 0
    for _ in range(100_000):
        text = chance.choice(SEEDS)
        for _ in range(chance.randint(1, 3)):
            at = chance.randint(0, len(text))
            text = text[:at] + chance.choice(PIECES) + text[at + chance.randint(0, 1) :]
        address, _ = strict_from([text])
        if not address:
            continue
        sure += 1
        assert _named_by_the_standard_library(text) == [normalise_address(address)], text
    assert sure > 5000


def _named_by_the_standard_library(text: str) -> list[str]:
    return [normalise_address(found) for _, found in getaddresses([text])]


@pytest.mark.parametrize("at", range(1, 4))
def test_whole_mails_with_mutated_from_fields_name_no_one_whom_the_newer_standard_parser_does_not(at: int) -> None:
    chance = random.Random(at)
    sure = 0
    for _ in range(1000):
        text = chance.choice(SEEDS)
        for _ in range(chance.randint(1, 3)):
            place = chance.randint(0, len(text))
            text = text[:place] + chance.choice(PIECES) + text[place + chance.randint(0, 1) :]
        content = b"From: " + text.encode() + b"\r\nTo: asiakaspalvelu@lampo.test\r\n\r\nMoi"
        address = read(content).from_address
        if not address:
            continue
        sure += 1
        parsed = BytesParser(policy=policy.SMTP).parsebytes(content)
        fields = parsed.get_all("from", [])
        assert len(fields) == 1, text
        found = [one.addr_spec.encode("utf-8", "surrogateescape").decode() for one in fields[0].addresses]
        assert [normalise_address(one) for one in found] == [normalise_address(address)], text
    assert sure > 50


@given(st.binary(max_size=300))
def test_whatever_the_bytes_a_named_sender_is_one_plain_address(value: bytes) -> None:
    address, reasons = strict_from([value])
    assert bool(address) != bool(reasons)
    assert address.count("@") == (1 if address else 0)
    assert not set(address) & set(' \t\r\n\0<>,;:()"\\')


@given(st.binary(max_size=300))
def test_the_lenient_reader_takes_anything(value: bytes) -> None:
    for address in address_list(value):
        assert address.rpartition("@")[2] == address.rpartition("@")[2].lower()


def test_the_strict_reader_and_the_standard_parser_agree_on_a_whole_mail() -> None:
    content = b"From: Aino <aino@posti.test>\r\n\r\nMoi"
    parsed = BytesParser().parsebytes(content)
    assert strict_from([parsed["from"]])[0] == "aino@posti.test"
