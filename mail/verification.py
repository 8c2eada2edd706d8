"""SPF, DKIM and DMARC checked here, for sites whose MTA writes no results.

It runs in the worker that reads the mail, asks DNS within the bounds of `mail.resolver`, and only where the door says
`verify = true`. It ends in the same verdict on the From domain as the MTA's results do. What DNS did not answer is
`none`: no pass, and no reproach either.

The client's address comes from the border host's own Received field, so SPF needs `own_hosts`. The address of whoever
hands mail to our door would not do: that is the site's own MTA, which its own domain's SPF allows to send anything.
Only signatures of domains that could speak for the From domain are looked at: a mail cannot make us ask about others.
"""

from collections.abc import Sequence
from datetime import datetime

from mail.addresses import a_label
from mail.alignment import aligned, aligned_by_record
from mail.arc import newest_set
from mail.authentication import (
    ARC_SEALED,
    DKIM_ALIGNED,
    DMARC_FAIL,
    DMARC_PASS,
    NO_FROM_ADDRESS,
    NO_PASS,
    SPF_ALIGNED,
    SPF_AND_DKIM_FAIL,
    by_sealer,
)
from mail.chain import chain_is_valid
from mail.dmarc import Wishes, wishes_of
from mail.fields import Header
from mail.hops import client_of, is_of_the_house, own_hops
from mail.message import Authentication, Verdict
from mail.resolver import Resolver, Unanswered
from mail.signatures import Signature, SignedMail, check_dkim, read_signed, value_of
from mail.spf import Word, check_host
from mail.tags import tag_list

VERIFIED_HERE = "VERIFIED_HERE"
DNS_UNANSWERED = "DNS_UNANSWERED"
MAX_SIGNATURES = 5


def verify(
    content: bytes,
    header: Header,
    from_address: str,
    *,
    sender: str,
    received_at: datetime,
    own_hosts: Sequence[str],
    arc_sealers: Sequence[str],
    resolver: Resolver,
) -> Authentication:
    """The verdict on the domain of `from_address`; the first reason is `VERIFIED_HERE`.

    `sender` is the envelope's, `received_at` aware UTC; neither they nor the mail need be anything sensible.
    """
    domain = from_address.rpartition("@")[2]
    if not domain:
        return Authentication("none", "", (VERIFIED_HERE, NO_FROM_ADDRESS))
    mail = read_signed(content, header)
    try:
        wishes = wishes_of(domain, resolver)
    except Unanswered:
        return Authentication("none", domain, (VERIFIED_HERE, DNS_UNANSWERED))
    signatures = _signatures(mail, domain, resolver, received_at) if mail else []
    verdict, reasons = _by_signatures(signatures, domain, wishes)
    if verdict != "pass":
        word = _spf(header, sender, own_hosts, resolver)
        verdict, reasons = _by_both(word, a_label(sender.rpartition("@")[2]), signatures, domain, wishes)
    if verdict != "pass" and mail and arc_sealers and _sealed(mail, header, arc_sealers, domain, resolver, received_at):
        verdict, reasons = "pass", (ARC_SEALED,)
    return Authentication(verdict, domain, (VERIFIED_HERE, *reasons))


def _signatures(mail: SignedMail, domain: str, resolver: Resolver, now: datetime) -> list[Signature]:
    raws = [raw for raw in mail.named("dkim-signature") if _could_speak(raw, domain)]
    return [check_dkim(mail, raw, resolver, now) for raw in raws[:MAX_SIGNATURES]]


def _could_speak(raw: bytes, domain: str) -> bool:
    signer = a_label((tag_list(value_of(raw)) or {}).get("d", ""))
    return aligned_by_record(signer, domain, strict=False)


def _by_signatures(
    signatures: Sequence[Signature], domain: str, wishes: Wishes | None
) -> tuple[Verdict, tuple[str, ...]]:
    for one in signatures:
        if one.word == "pass" and _speaks(one.domain, domain, wishes, strict=bool(wishes and wishes.strict_dkim)):
            return "pass", (*((DMARC_PASS,) if wishes else ()), DKIM_ALIGNED)
    return "none", (NO_PASS,)


def _by_both(
    word: Word | None, sender_domain: str, signatures: Sequence[Signature], domain: str, wishes: Wishes | None
) -> tuple[Verdict, tuple[str, ...]]:
    """No signature passed. `word` is None when the client's address is not known."""
    why = tuple(dict.fromkeys(one.reason for one in signatures if one.reason))
    if word == "pass" and _speaks(sender_domain, domain, wishes, strict=bool(wishes and wishes.strict_spf)):
        return "pass", (*((DMARC_PASS,) if wishes else ()), SPF_ALIGNED)
    if word == "temperror" or any(one.word == "none" for one in signatures):
        return "none", (DNS_UNANSWERED,)
    if word is None:
        return "none", (NO_PASS, *why)
    if wishes:
        return "fail", (DMARC_FAIL, *why)
    if word == "fail" and signatures:
        return "fail", (SPF_AND_DKIM_FAIL, *why)
    return "none", (NO_PASS, *why)


def _speaks(signer: str, domain: str, wishes: Wishes | None, *, strict: bool) -> bool:
    return aligned(signer, domain) if wishes is None else aligned_by_record(signer, domain, strict=strict)


def _spf(header: Header, sender: str, own_hosts: Sequence[str], resolver: Resolver) -> Word | None:
    values = header.all("received")
    hops = own_hops(values, own_hosts)
    address, name = client_of(values[hops - 1]) if hops else ("", "")
    if not address or is_of_the_house(address):
        return None
    return check_host(address, sender, name, resolver)


def _sealed(
    mail: SignedMail, header: Header, sealers: Sequence[str], domain: str, resolver: Resolver, now: datetime
) -> bool:
    newest = newest_set(header.fields)
    return (
        newest is not None
        and by_sealer(newest.sealer, newest.results, tuple(sealers), domain)
        and chain_is_valid(mail, newest.instance, resolver, now)
    )
