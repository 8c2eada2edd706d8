"""SPF as RFC 7208 has it, asked of a real name server."""

import pytest
from name_server import FAILS, NameServer
from signed_mail import AINO

from mail.resolver import Resolver
from mail.spf import check_host


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
