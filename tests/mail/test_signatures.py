"""DKIM to the letter: what another program signed passes, what was changed or left open does not."""

import base64
import re
from datetime import timedelta
from hashlib import sha256

import dkim
import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from dkim.canonicalization import Relaxed, Simple
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from name_server import FAILS, SILENT, NameServer
from signed_mail import AINO, BORDER, LETTER, NOW, Made, hand_signed, judge, key_record, publish, signed, weak_key

from mail.fields import split_header
from mail.message import Authentication
from mail.resolver import Resolver
from mail.signatures import relaxed_hash, simple_hash
from mail.verification import verify


@pytest.mark.parametrize("canon", ["relaxed", "simple"])
def test_a_mail_that_its_domain_signed_passes(names: NameServer, canon: str) -> None:
    publish(names)
    found = judge(BORDER.encode() + signed(canon=canon), names)
    assert (found.verdict, found.domain) == ("pass", "posti.test")
    assert found.reasons == ("VERIFIED_HERE", "DMARC_PASS", "DKIM_ALIGNED")


def test_a_signature_of_ed25519_is_as_good(names: NameServer) -> None:
    key = ed25519.Ed25519PrivateKey.generate()
    seed = base64.b64encode(key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption()))
    public = base64.b64encode(key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()
    publish(names, record=f"v=DKIM1; k=ed25519; p={public}")
    field = dkim.sign(LETTER, b"k1", b"posti.test", seed, signature_algorithm=b"ed25519-sha256")
    assert judge(field + LETTER, names).verdict == "pass"
    assert judge(field + LETTER.replace(b"Aino\r\n", b"Eino\r\n"), names).verdict == "none"


def test_a_mail_with_bare_line_feeds_is_the_same_mail(names: NameServer) -> None:
    publish(names)
    assert judge(signed().replace(b"\r\n", b"\n"), names).verdict == "pass"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"aino.esimerkkila@posti.test>", b"eino.mallikas@posti.test>"),
        (b"asiakas 100234", b"asiakas 100236"),
        (b"minusta?", b"Einosta?"),
        (b"\r\nAino\r\n", b"\r\nAino\r\nPS. Uusi osoitteeni: ...\r\n"),
        (b"From: Aino", b"From: eino.mallikas@posti.test\r\nFrom: Aino"),
        (b"From: Aino", b"Subject: Uusi aihe\r\nFrom: Aino"),
        (b"From: Aino", b"Content-Type: multipart/mixed; boundary=Aino\r\nFrom: Aino"),
        (b"From: Aino", b"Reply-To: seija@tuntematon.test\r\nReply-To: seija@tuntematon.test\r\nFrom: Aino"),
        (b"d=posti.test", b"d=post.test"),
        (b"s=k1", b"s=k2"),
        (b"v=1;", b"v=2;"),
        (b"To: ", b"To\r: "),
        (b"h=from", b"h=date"),
    ],
)
def test_whatever_is_changed_after_signing_is_no_pass(names: NameServer, old: bytes, new: bytes) -> None:
    publish(names)
    mail = signed()
    assert old in mail
    assert judge(mail.replace(old, new, 1), names).verdict != "pass"


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.data())
def test_any_changed_octet_of_what_a_person_reads_is_no_pass(names: NameServer, data: st.DataObject) -> None:
    publish(names)
    mail = signed()
    start = mail.index(b"From: Aino")
    at = data.draw(st.sampled_from([i for i in range(start, len(mail)) if mail[i : i + 1].isalnum()]))
    new = data.draw(st.sampled_from(b"xyzXYZ789"))
    changed = mail[:at] + bytes([new]) + mail[at + 1 :]
    # The names of fields may change their case; nobody reads these.
    only_case = changed.partition(b"\r\n\r\n")[0].lower() == mail.partition(b"\r\n\r\n")[0].lower()
    assert judge(changed, names).verdict != "pass" or only_case


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (key_record().partition("p=")[0] + "p=", "KEY_REVOKED"),
        (key_record(extra="t=y; "), "KEY_IN_TEST"),
        (key_record(extra="s=tlsrpt; "), "KEY_FOR_OTHER_USE"),
        (key_record(extra="h=sha1; "), "KEY_FOR_OTHER_USE"),
        (key_record(extra="k=ed25519; "), "NO_KEY"),
        ("v=DKIM1; p=" + "A" * 400, "KEY_UNREADABLE"),
        ("v=DKIM1; p=" + "A" * 2000, "KEY_TOO_LARGE"),
        ("hello world", "NO_KEY"),
        (key_record(3072), "SIGNATURE_WRONG"),
    ],
)
def test_a_key_that_may_not_be_used_gives_no_pass(names: NameServer, record: str, reason: str) -> None:
    publish(names, policy="", record=record)
    found = judge(signed(), names)
    assert (found.verdict, found.reasons) == ("none", ("VERIFIED_HERE", "NO_PASS", reason))


@pytest.mark.parametrize("bits", [512, 768, 1000])
def test_a_key_that_can_be_broken_gives_no_pass(names: NameServer, bits: int) -> None:
    pem, record = weak_key(bits)
    publish(names, policy="", record=record)
    found = judge(dkim.sign(LETTER, b"k1", b"posti.test", pem) + LETTER, names)
    assert found.verdict == "none"
    assert found.reasons[-1] == "KEY_TOO_WEAK"


def test_the_same_made_with_a_long_key_passes(names: NameServer) -> None:
    pem, record = weak_key(1024)
    publish(names, policy="", record=record)
    assert judge(dkim.sign(LETTER, b"k1", b"posti.test", pem) + LETTER, names).verdict == "pass"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda: signed(length=True), "LENGTH_TAG"),
        (lambda: signed(include_headers=[b"from", b"date"]), "NOT_COVERED"),
        (lambda: signed(include_headers=[b"from", b"subject"]).replace(b"h=from", b"h=frum"), "NOT_COVERED"),
        (lambda: signed(signature_algorithm=b"rsa-sha1"), "MALFORMED_SIGNATURE"),
        (lambda: signed().replace(b"q=dns/txt", b"q=http/get"), "MALFORMED_SIGNATURE"),
        (lambda: signed().replace(b"c=relaxed/relaxed", b"c=nofws/relaxed"), "MALFORMED_SIGNATURE"),
        (lambda: signed().replace(b"; s=k1", b"; s=k1; x=1000"), "EXPIRED"),
        (lambda: signed().replace(b"; s=k1", b"; s=k1; x=99999999999"), "SIGNATURE_WRONG"),
        (lambda: signed(identity=b"@muuposti.test"), "OTHER_IDENTITY"),
        (lambda: signed(include_headers=[b"from", b"subject", *[b"x-a"] * 300]), "MALFORMED_SIGNATURE"),
        (lambda: signed() + b"PS. Uusi osoitteeni", "BODY_CHANGED"),
    ],
)
def test_a_signature_that_leaves_something_open_is_no_pass(names: NameServer, change: Made, reason: str) -> None:
    publish(names, policy="")
    found = judge(change(), names)
    assert (found.verdict, found.reasons) == ("none", ("VERIFIED_HERE", "NO_PASS", reason))


def test_a_signature_that_ends_later_passes_until_then(names: NameServer) -> None:
    publish(names)
    tomorrow = str(int((NOW + timedelta(days=1)).timestamp())).encode()
    field = hand_signed(b"x=" + tomorrow + b"; ")
    assert judge(field + LETTER, names).verdict == "pass"
    assert judge(field + LETTER, names, now=NOW + timedelta(days=2)).reasons[-1] == "EXPIRED"


def test_a_key_behind_an_alias_is_found_and_a_loop_of_aliases_is_not_followed(names: NameServer) -> None:
    publish(names, policy="")
    del names.records["k1._domainkey.posti.test", "TXT"]
    names.records["k1._domainkey.posti.test", "CNAME"] = ["k1.avaimet.test."]
    names.text("k1.avaimet.test", key_record())
    assert judge(signed(), names).verdict == "pass"
    names.records["k1._domainkey.posti.test", "CNAME"] = ["a.avaimet.test."]
    names.records["a.avaimet.test", "CNAME"] = ["k1._domainkey.posti.test."]
    assert judge(signed(), names).verdict == "none"


def test_a_key_too_long_for_one_datagram_comes_over_tcp(names: NameServer) -> None:
    publish(names, record=key_record(4096, extra=f"n={'x' * 600}; "))
    assert judge(signed(bits=4096), names).verdict == "pass"
    assert names.asked["k1._domainkey.posti.test", "TXT"] == 2


@pytest.mark.parametrize("fault", [SILENT, FAILS])
@pytest.mark.parametrize("name", ["k1._domainkey.posti.test", "_dmarc.posti.test"])
def test_what_dns_does_not_answer_is_no_pass_and_no_reproach(names: NameServer, name: str, fault: str) -> None:
    publish(names)
    names.faults[name] = fault
    found = judge(signed(), names)
    assert (found.verdict, found.reasons) == ("none", ("VERIFIED_HERE", "DNS_UNANSWERED"))


def test_a_huge_record_is_not_read(names: NameServer) -> None:
    publish(names, policy="", record="v=DKIM1; n=" + "x" * 20_000 + "; p=")
    assert judge(signed(), names).reasons == ("VERIFIED_HERE", "DNS_UNANSWERED")


def test_a_mail_with_many_signatures_asks_for_few_keys_and_only_of_its_own_domain(names: NameServer) -> None:
    publish(names, policy="")
    many = b"".join(
        signed().partition(b"From: ")[0].replace(b"s=k1", b"s=k%d" % number).replace(b"posti.test", domain)
        for number in range(40)
        for domain in (b"posti.test", b"tuntematon.test")
    )
    judge(many + LETTER, names)
    keys = [name for name, _ in names.asked if "_domainkey" in name]
    assert len(keys) == 5
    assert all(name.endswith(".posti.test") for name in keys)


@given(st.binary(max_size=300), st.sampled_from([b"", b"DKIM-Signature: v=1; a=rsa-sha256; d=posti.test; s=k1; "]))
def test_any_bytes_are_checked_without_an_error(rubbish: bytes, before: bytes) -> None:
    judge_offline(before + rubbish + b"\r\n" + LETTER)


def judge_offline(content: bytes) -> Authentication:
    """With a name server that nobody runs: a look-up fails at once."""
    header, _ = split_header(content)
    return verify(
        content,
        header,
        AINO,
        sender=AINO,
        received_at=NOW,
        own_hosts=(),
        arc_sealers=("lista.test",),
        resolver=Resolver([("127.0.0.1", 1)], each=0.2, total=0.4),
    )


@given(st.binary(max_size=200), st.integers(0, 5))
def test_the_body_is_made_canonical_as_the_other_program_does(text: bytes, lines: int) -> None:
    body = re.sub(rb"\r|\n", b"\r\n", text) + b"\r\n" + b" \t \r\n" * lines
    assert relaxed_hash(b"xx" + body, 2) == sha256(Relaxed.canonicalize_body(body)).digest()
    assert simple_hash(b"xx" + body, 2) == sha256(Simple.canonicalize_body(body)).digest()


def test_a_large_body_is_made_canonical_piece_by_piece() -> None:
    body = (b"rivi  ja \t valeja  \r\n" * 7 + b"\r\n" * 3) * 20_000 + b"loppu"
    assert relaxed_hash(body, 0) == sha256(Relaxed.canonicalize_body(body)).digest()
