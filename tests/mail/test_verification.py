"""SPF, DKIM, DMARC and ARC together: one verdict on the From domain, within bounds."""

import dkim
import pytest
from name_server import SILENT, NameServer
from signed_mail import AINO, BORDER, LETTER, NOW, judge, key_record, private_pem, publish, signed

from mail.message import Envelope, RawMessage
from mail.resolver import Resolver, Unanswered
from mail.understand import Trust, understand
from mail.worker import Workers


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


async def test_a_worker_checks_a_large_mail_within_its_limits(names: NameServer) -> None:
    publish(names)
    letter = LETTER + b"rivi ja toinen\r\n" * 1_250_000
    workers = Workers(count=1)
    try:
        raw = RawMessage("email", "smtp", signed(letter), "message/rfc822", Envelope(AINO), NOW)
        message = await workers.run(understand, raw, Trust(verify=True, nameservers=(names.address,)))
    finally:
        await workers.close()
    assert message.authentication.verdict == "pass"
    assert "Tietopyyntö" in message.subject


async def test_a_silent_name_server_costs_a_mail_its_verdict_but_not_its_reading(names: NameServer) -> None:
    publish(names)
    names.faults |= dict.fromkeys(("k1._domainkey.posti.test", "posti.test"), SILENT)
    workers = Workers(count=1)
    try:
        trust = Trust(verify=True, nameservers=(names.address,), own_hosts=("mx.lampo.test",))
        raw = RawMessage("email", "smtp", BORDER.encode() + signed(), "message/rfc822", Envelope(AINO), NOW)
        message = await workers.run(understand, raw, trust)
    finally:
        await workers.close()
    assert message.authentication.reasons == ("VERIFIED_HERE", "DNS_UNANSWERED")
    assert message.subject
