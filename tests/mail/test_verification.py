"""SPF, DKIM, DMARC and ARC checked here, against a real DNS server and signatures that another program made."""

import base64
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from hashlib import sha256
from random import Random

import dkim
import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from dkim.canonicalization import Relaxed, Simple
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from name_server import FAILS, SILENT, NameServer

from mail.addresses import strict_from
from mail.fields import split_header
from mail.message import Authentication, Envelope, RawMessage
from mail.resolver import Resolver, Unanswered
from mail.signatures import relaxed_hash, simple_hash
from mail.spf import check_host
from mail.understand import Trust, origin, understand
from mail.verification import verify

Made = Callable[[], bytes]
NOW = datetime.now(UTC)
AINO = "aino.esimerkkila@posti.test"
BORDER = "Received: from mail.posti.test (mail.posti.test [192.0.2.7]) by mx.lampo.test (Postfix); Mon, 2 Mar 2026\r\n"
LETTER = (
    b"From: Aino Esimerkkil\xc3\xa4 <aino.esimerkkila@posti.test>\r\n"
    b"To: asiakaspalvelu@lampo.test\r\n"
    b"Subject: Tietopyynt\xc3\xb6,\r\n  asiakas 100234\r\n"
    b"Date: Mon, 2 Mar 2026 08:59:00 +0200\r\n"
    b"Message-ID: <p1@posti.test>\r\n"
    b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n"
    b"\r\n"
    b"Hei,  \r\n\r\nmit\xc3\xa4 tietoja \t teill\xc3\xa4 on minusta?\r\n\r\nAino\r\n\r\n\r\n"
)


@pytest.fixture
def names() -> Iterator[NameServer]:
    with NameServer() as server:
        yield server


@cache
def rsa_key(bits: int) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def private_pem(bits: int) -> bytes:
    return rsa_key(bits).private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())


def key_record(bits: int = 2048, extra: str = "") -> str:
    public = rsa_key(bits).public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return f"v=DKIM1; {extra}p={base64.b64encode(public).decode()}"


def signed(
    letter: bytes = LETTER, domain: str = "posti.test", *, bits: int = 2048, canon: str = "relaxed", **more: object
) -> bytes:
    both = (canon.encode(), canon.encode())
    made: bytes = dkim.sign(letter, b"k1", domain.encode(), private_pem(bits), canonicalize=both, **more)  # type: ignore[arg-type]  # as the case has it
    return made + letter


def judge(content: bytes, names: NameServer, sender: str = AINO, now: datetime = NOW, **more: object) -> Authentication:
    trust = Trust(verify=True, nameservers=(names.address,), own_hosts=("mx.lampo.test",))
    raw = RawMessage("email", "smtp", content, "message/rfc822", Envelope(sender), now)
    header, _ = split_header(content)
    address, _ = strict_from(header.all("from"))
    return origin(raw, header, address, replace(trust, **more))  # type: ignore[arg-type]  # fields of Trust


def publish(names: NameServer, *, policy: str = "v=DMARC1; p=reject", record: str | None = None) -> None:
    names.text("k1._domainkey.posti.test", key_record() if record is None else record)
    if policy:
        names.text("_dmarc.posti.test", policy)


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


@cache
def weak_key(bits: int) -> tuple[bytes, str]:
    """A private key in PEM and its record, shorter than any library makes one; from the same seed each time."""
    dice = Random(bits)
    half = bits // 2

    def prime() -> int:
        while True:
            number = dice.getrandbits(half) | 3 << (half - 2) | 1
            if number % 65537 != 1 and all(pow(base, number - 1, number) == 1 for base in (2, 3, 5, 7)):
                return number

    one, two = prime(), prime()
    private = pow(65537, -1, (one - 1) * (two - 1))
    parts = [0, one * two, 65537, private, one, two, private % (one - 1), private % (two - 1), pow(two, -1, one)]
    made = der(*parts)
    pem = b"-----BEGIN RSA PRIVATE KEY-----\n" + base64.encodebytes(made) + b"-----END RSA PRIVATE KEY-----\n"
    return pem, "v=DKIM1; p=" + base64.b64encode(der(one * two, 65537)).decode()


def der(*numbers: int) -> bytes:
    """A sequence of integers in DER."""
    inner = b"".join(tagged(2, number.to_bytes(number.bit_length() // 8 + 1, "big")) for number in numbers)
    return tagged(0x30, inner)


def tagged(tag: int, content: bytes) -> bytes:
    """One value in DER, its length as short as can be."""
    size = len(content)
    length = [size] if size < 128 else [0x81, size] if size < 256 else [0x82, size >> 8, size & 255]
    return bytes([tag, *length]) + content


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


def hand_signed(extra: bytes) -> bytes:
    """A signature with tags that the other program cannot write."""
    body = LETTER.partition(b"\r\n\r\n")[2]
    assert body.endswith(b"Aino\r\n\r\n\r\n")
    bh = base64.b64encode(sha256(body.rstrip(b"\r\n") + b"\r\n").digest())
    field = b"DKIM-Signature: v=1; a=rsa-sha256; d=posti.test; s=k1; " + extra + b"h=subject:from; bh=" + bh + b"; b="
    parts = dict(part.split(b":", 1) for part in re.sub(rb"\r\n[ ]", b"\0 ", LETTER).split(b"\r\n")[:6])
    covered = b"".join(name + b":" + parts[name].replace(b"\0", b"\r\n") + b"\r\n" for name in (b"Subject", b"From"))
    made = rsa_key(2048).sign(covered + field, PKCS1v15(), SHA256())
    return field + base64.b64encode(made) + b"\r\n"


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


def test_the_time_for_all_questions_is_bounded() -> None:
    moments = iter([0.0, 0.0, 4.9, 5.1, 5.2])
    with NameServer() as server:
        resolver = Resolver((server.address,), clock=lambda: next(moments))
        server.text("yksi.test", "1")
        server.text("kaksi.test", "2")
        assert resolver.text("yksi.test") == [b"1"]
        assert resolver.text("kaksi.test") == [b"2"]
        with pytest.raises(Unanswered):
            resolver.text("kolme.test")
        assert resolver.text("yksi.test") == [b"1"]  # known already
        assert sum(server.asked.values()) == 2


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


def test_what_the_door_does_not_want_is_not_asked(names: NameServer) -> None:
    publish(names)
    assert judge(signed(), names, verify=False).reasons == ("NOTHING_TRUSTED",)
    trusted = b"Authentication-Results: mx.lampo.test; dmarc=fail header.from=posti.test\r\n" + BORDER.encode()
    assert judge(trusted + signed(), names, authserv_id="mx.lampo.test").reasons == ("DMARC_FAIL",)
    assert not names.asked
    assert judge(BORDER.encode() + signed(), names, authserv_id="mx.lampo.test").verdict == "pass"


def test_a_mail_is_read_with_its_origin_checked_on_the_way(names: NameServer) -> None:
    publish(names)
    trust = Trust(verify=True, nameservers=(names.address,))
    raw = RawMessage("email", "smtp", signed(), "message/rfc822", Envelope(AINO), NOW)
    message = understand(raw, trust)
    assert message.subject == "Tietopyyntö,  asiakas 100234"
    assert message.authentication.verdict == "pass"


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


@pytest.mark.parametrize(
    ("records", "address", "word"),
    [
        ({"posti.test": "v=spf1 ip4:192.0.2.0/24 -all"}, "192.0.2.7", "pass"),
        ({"posti.test": "v=spf1 ip4:192.0.2.0/24 -all"}, "203.0.113.9", "fail"),
        ({"posti.test": "v=spf1 ip4:192.0.2.0/24 ~all"}, "203.0.113.9", "softfail"),
        ({"posti.test": "v=spf1 ip4:192.0.2.0/24 ?all"}, "203.0.113.9", "neutral"),
        ({"posti.test": "v=spf1 ip4:192.0.2.0/24"}, "203.0.113.9", "neutral"),
        ({"posti.test": "v=spf1 ip6:2001:db8::/32 -all"}, "2001:db8::7", "pass"),
        ({"posti.test": "v=spf1 ip4:192.0.2.7 -all"}, "::ffff:192.0.2.7", "pass"),
        ({"posti.test": "V=SPF1 IP4:192.0.2.7 -ALL"}, "192.0.2.7", "pass"),
        ({"posti.test": "v=spf1 +all"}, "203.0.113.9", "pass"),
        ({"posti.test": "v=spf10 +all"}, "203.0.113.9", "none"),
        ({}, "192.0.2.7", "none"),
        ({"posti.test": "v=spf1 ip4:192.0.2.300 -all"}, "192.0.2.7", "permerror"),
        ({"posti.test": "v=spf1 ip4:192.0.2.7 nonsense -all"}, "192.0.2.7", "permerror"),
        ({"posti.test": "v=spf1 include: -all"}, "192.0.2.7", "permerror"),
        ({"posti.test": "v=spf1 a/40 -all"}, "192.0.2.7", "permerror"),
        ({"posti.test": "v=spf1 include:muu.test -all"}, "192.0.2.7", "permerror"),
        ({"posti.test": "v=spf1 include:muu.test -all", "muu.test": "v=spf1 ip4:192.0.2.7"}, "192.0.2.7", "pass"),
        ({"posti.test": "v=spf1 include:muu.test ~all", "muu.test": "v=spf1 -all"}, "192.0.2.7", "softfail"),
        ({"posti.test": "v=spf1 redirect=muu.test", "muu.test": "v=spf1 ip4:192.0.2.7 -all"}, "192.0.2.7", "pass"),
        ({"posti.test": "v=spf1 redirect=muu.test", "muu.test": "v=spf1 -all"}, "192.0.2.7", "fail"),
        ({"posti.test": "v=spf1 redirect=muu.test"}, "192.0.2.7", "permerror"),
        ({"posti.test": "v=spf1 redirect=posti.test"}, "192.0.2.7", "permerror"),
        ({"posti.test": "v=spf1 include:posti.test -all"}, "192.0.2.7", "permerror"),
        ({"posti.test": "v=spf1 ptr:posti.test -all"}, "192.0.2.7", "neutral"),
        ({"posti.test": "v=spf1 exists:%{p}.posti.test -all"}, "192.0.2.7", "neutral"),
        ({"posti.test": "v=spf1 exists:%{ir}.%{v}._spf.%{d2} -all"}, "192.0.2.7", "pass"),
        ({"posti.test": "v=spf1 exists:%{l1r-}.lp._spf.%{d} -all"}, "192.0.2.7", "fail"),
        ({"posti.test": "v=spf1 exists:%{x} -all"}, "192.0.2.7", "permerror"),
        ({"posti.test": "v=spf1 a:mail.posti.test -all"}, "192.0.2.9", "pass"),
        ({"posti.test": "v=spf1 a:mail.posti.test/28 -all"}, "192.0.2.14", "pass"),
        ({"posti.test": "v=spf1 mx -all"}, "192.0.2.9", "pass"),
        ({"posti.test": "v=spf1 mx//64 -all"}, "2001:db8::99", "pass"),
        ({"posti.test": "v=spf1 a:x1.test a:x2.test a:x3.test ip4:192.0.2.7 -all"}, "192.0.2.7", "permerror"),
        ({"posti.test": "v=spf1 a:x1.test a:x2.test ip4:192.0.2.7 -all"}, "192.0.2.7", "pass"),
        ({"posti.test": "v=spf1 " + "a:mail.posti.test " * 11 + "+all"}, "203.0.113.9", "permerror"),
        ({"posti.test": "v=spf1 " + "a:mail.posti.test " * 10 + "-all"}, "203.0.113.9", "fail"),
        ({"posti.test": "v=spf1 exp=selitys.posti.test -all"}, "203.0.113.9", "fail"),
        ({"posti.test": "v=spf1 include:hidas.test +all"}, "203.0.113.9", "temperror"),
    ],
)
def test_spf_says_what_the_standard_says(names: NameServer, records: dict[str, str], address: str, word: str) -> None:
    for name, value in records.items():
        names.text(name, value)
    names.records["mail.posti.test", "A"] = ["192.0.2.9"]
    names.records["mail.posti.test", "AAAA"] = ["2001:db8::9"]
    names.records["posti.test", "MX"] = ["10 mail.posti.test."]
    names.records["7.2.0.192.in-addr._spf.posti.test", "A"] = ["127.0.0.2"]
    names.faults["hidas.test"] = FAILS
    resolver = Resolver((names.address,))
    assert check_host(address, "strong-bad@posti.test", "mail.posti.test", resolver) == word
    assert not [kind for _, kind in names.asked if kind not in {"TXT", "A", "AAAA", "MX"}]


def test_two_spf_records_are_none(names: NameServer) -> None:
    names.text("posti.test", "v=spf1 +all", "v=spf1 -all")
    assert check_host("192.0.2.7", AINO, "", Resolver((names.address,))) == "permerror"


@pytest.mark.parametrize("address", ["", "localhost", "999.1.1.1"])
def test_no_address_and_no_sender_authorise_nothing(names: NameServer, address: str) -> None:
    names.text("posti.test", "v=spf1 +all")
    assert check_host(address, AINO, "", Resolver((names.address,))) == "none"
    assert check_host("192.0.2.7", "", "posti.test", Resolver((names.address,))) == "none"


@pytest.mark.parametrize(
    ("spf", "policy", "sender", "verdict", "reason"),
    [
        ("v=spf1 ip4:192.0.2.7 -all", "v=DMARC1; p=reject", AINO, "pass", "SPF_ALIGNED"),
        ("v=spf1 ip4:192.0.2.7 -all", "", AINO, "pass", "SPF_ALIGNED"),
        ("v=spf1 ip4:192.0.2.8 -all", "v=DMARC1; p=none", AINO, "fail", "DMARC_FAIL"),
        ("v=spf1 ip4:192.0.2.8 -all", "v=DMARC1; p=reject; pct=0; sp=none", AINO, "fail", "DMARC_FAIL"),
        ("v=spf1 ip4:192.0.2.8 ~all", "v=DMARC1; p=quarantine", AINO, "fail", "DMARC_FAIL"),
        ("v=spf1 ip4:192.0.2.8 -all", "", AINO, "none", "NO_PASS"),
        ("v=spf1 ip4:192.0.2.8 ~all", "", AINO, "none", "NO_PASS"),
        ("", "", AINO, "none", "NO_PASS"),
        ("", "v=DMARC1; p=none", AINO, "fail", "DMARC_FAIL"),
        ("v=spf1 ip4:192.0.2.7 -all", "v=DMARC1; p=reject", "seija@tuntematon.test", "fail", "DMARC_FAIL"),
        ("v=spf1 ip4:192.0.2.7 -all", "", "seija@tuntematon.test", "none", "NO_PASS"),
        ("v=spf1 ip4:192.0.2.7 -all", "", "", "none", "NO_PASS"),
        ("v=spf1 ip4:192.0.2.7 -all", "v=DMARC1; p=banana", AINO, "pass", "SPF_ALIGNED"),
    ],
)
def test_an_unsigned_mail_is_judged_by_where_it_came_from(
    names: NameServer, spf: str, policy: str, sender: str, verdict: str, reason: str
) -> None:
    names.text("tuntematon.test", "v=spf1 +all")
    if spf:
        names.text("posti.test", spf)
    if policy:
        names.text("_dmarc.posti.test", policy)
    found = judge(BORDER.encode() + LETTER, names, sender)
    assert found.verdict == verdict
    assert reason in found.reasons


@pytest.mark.parametrize(
    ("tag", "verdict"), [("", "pass"), ("aspf=r; ", "pass"), ("aspf=s; ", "fail"), ("adkim=s; ", "pass")]
)
def test_the_domain_says_how_strictly_its_name_is_matched(names: NameServer, tag: str, verdict: str) -> None:
    names.text("paluu.posti.test", "v=spf1 ip4:192.0.2.7 -all")
    names.text("_dmarc.posti.test", f"v=DMARC1; {tag}p=reject")
    assert judge(BORDER.encode() + LETTER, names, "b1@paluu.posti.test").verdict == verdict


def test_the_record_of_the_organisation_holds_for_a_name_below_it(names: NameServer) -> None:
    letter = LETTER.replace(b"aino.esimerkkila@posti.test", b"aino@kotka.posti.test")
    names.text("_dmarc.posti.test", "v=DMARC1; p=none; sp=reject; adkim=s")
    names.text("k1._domainkey.posti.test", key_record())
    names.text("k1._domainkey.kotka.posti.test", key_record())
    assert judge(BORDER.encode() + signed(letter, "kotka.posti.test"), names).verdict == "pass"
    assert judge(BORDER.encode() + signed(letter, "posti.test"), names).verdict == "fail"


def test_names_beside_each_other_speak_for_each_other_only_where_the_owner_wants_it(names: NameServer) -> None:
    letter = LETTER.replace(b"aino.esimerkkila@posti.test", b"aino@kotka.posti.fi")
    names.text("k1._domainkey.uutiset.posti.fi", key_record())
    mail = signed(letter, "uutiset.posti.fi")
    assert judge(mail, names).verdict == "none"
    names.text("_dmarc.posti.fi", "v=DMARC1; p=none")
    assert judge(mail, names).verdict == "pass"


@pytest.mark.parametrize("suffix", ["hotelli.co.uk", "a.blogspot.com", "a.blogspot.test"])
def test_strangers_under_one_suffix_do_not_speak_for_each_other(names: NameServer, suffix: str) -> None:
    parent = suffix.partition(".")[2]
    names.text(f"_dmarc.{parent}", "v=DMARC1; p=none")
    for signer in (f"vieras.{parent}", *([parent] if parent != "blogspot.test" else [])):
        names.text(f"k1._domainkey.{signer}", key_record())
        letter = LETTER.replace(b"posti.test", suffix.encode())
        assert judge(BORDER.encode() + signed(letter, signer), names).verdict != "pass"


def test_a_mail_from_outside_in_the_name_of_the_house_is_not_passed_by_our_own_servers_address(
    names: NameServer,
) -> None:
    names.text("lampo.test", "v=spf1 ip4:198.51.100.25 -all")
    letter = LETTER.replace(b"aino.esimerkkila@posti.test", b"dora@lampo.test")
    raw = RawMessage("email", "smtp", letter, "message/rfc822", Envelope("dora@lampo.test", (), "198.51.100.25"), NOW)
    trust = Trust(verify=True, nameservers=(names.address,))
    assert understand(raw, trust).authentication.verdict == "none"


def listed(names: NameServer, **more: object) -> bytes:
    """A mail that a list changed: Aino's signature is broken, the list has sealed what it found before."""
    results = b"Authentication-Results: lista.test; dmarc=pass header.from=posti.test\r\n"
    mail = results + signed().replace(b"Subject: ", b"Subject: [lista] ").replace(b"minusta?", b"minusta? -- lista")
    names.text("k2._domainkey.lista.test", key_record(3072))
    publish(names)
    domain = more.pop("domain", b"lista.test")
    made = dkim.arc_sign(mail, b"k2", domain, private_pem(3072), b"lista.test", **more)
    return b"".join(made) + mail


def test_a_named_forwarders_seal_mends_what_it_broke(names: NameServer) -> None:
    mail = BORDER.encode() + listed(names)
    found = judge(mail, names, arc_sealers=("lista.test",))
    assert (found.verdict, found.reasons) == ("pass", ("VERIFIED_HERE", "ARC_SEALED"))
    assert judge(mail, names, arc_sealers=("muulista.test",)).verdict != "pass"
    assert judge(mail, names).verdict != "pass"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"minusta? -- lista", b"minusta? -- vieras"),
        (b"dmarc=pass header.from=posti.test", b"dmarc=pass header.from=muut.test"),
        (b"cv=none", b"cv=pass"),
        (b"[lista] ", b"[vieras] "),
        (b"d=lista.test", b"d=muuli.test"),
    ],
)
def test_a_seal_that_does_not_fit_mends_nothing(names: NameServer, old: bytes, new: bytes) -> None:
    mail = listed(names)
    assert old in mail
    assert judge(mail.replace(old, new), names, arc_sealers=("lista.test", "muuli.test")).verdict != "pass"


def test_a_stranger_who_writes_results_without_a_seal_of_his_own_gains_nothing(names: NameServer) -> None:
    mail = listed(names).replace(b"ARC-Seal: i=1", b"X-Seal: i=1")
    assert judge(mail, names, arc_sealers=("lista.test",)).verdict != "pass"


def test_only_the_newest_forwarder_counts(names: NameServer) -> None:
    first = listed(names)
    names.text("k3._domainkey.vieras.test", key_record(1024))
    changed = first.replace(b"minusta? -- lista", b"minusta? -- vieras")
    results = b"Authentication-Results: vieras.test; arc=pass; dmarc=pass header.from=posti.test\r\n"
    mail = results + changed
    both = b"".join(dkim.arc_sign(mail, b"k3", b"vieras.test", private_pem(1024), b"vieras.test")) + mail
    assert judge(both, names, arc_sealers=("lista.test",)).verdict != "pass"
    honest = results + first
    chain = b"".join(dkim.arc_sign(honest, b"k3", b"vieras.test", private_pem(1024), b"vieras.test")) + honest
    assert judge(chain, names, arc_sealers=("vieras.test",)).verdict == "pass"
    assert judge(chain, names, arc_sealers=("lista.test",)).verdict != "pass"
