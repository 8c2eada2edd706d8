"""Whether all seals on a mail are genuine: the validation of an ARC chain (RFC 8617, 5.2).

The newest forwarder's signature must still fit the mail, and every seal must fit the sets up to its own. Each costs a
look-up of a key, so a chain longer than any real one is not followed.
"""

from datetime import datetime

from mail.arc import RESULTS, SEAL, SIGNATURE, instance_of
from mail.resolver import Resolver, Unanswered
from mail.signatures import (
    SignedMail,
    Unfit,
    canonical,
    check_key,
    check_message_signature,
    value_of,
    without_signature,
)
from mail.tags import tag_list, unfolded

LONGEST = 10


def chain_is_valid(mail: SignedMail, newest: int, resolver: Resolver, now: datetime) -> bool:
    """Whether the sets 1 to `newest`, each complete and given once, are all genuine. Unanswered means no."""
    if not 0 < newest <= LONGEST:
        return False
    sets = [
        {kind: _field(mail, kind, number) for kind in (RESULTS, SIGNATURE, SEAL)} for number in range(1, newest + 1)
    ]
    try:
        _check_signature(mail, sets[-1][SIGNATURE], resolver, now)
        for number in range(newest, 0, -1):
            _check_seal(sets[:number], resolver)
    except (Unfit, Unanswered):
        return False
    return True


def _field(mail: SignedMail, kind: str, number: int) -> bytes:
    return next((raw for raw in mail.named(kind) if instance_of(kind, value_of(raw).strip()) == number), b"")


def _check_signature(mail: SignedMail, raw: bytes, resolver: Resolver, now: datetime) -> None:
    tags = tag_list(value_of(raw)) or {}
    if SEAL in unfolded(tags.get("h", "")).lower().split(":") or "v" in tags:
        raise Unfit("MALFORMED_SIGNATURE")
    # In both fields `i` is the set's number, not an identity.
    named = {name: value for name, value in tags.items() if name != "i"}
    check_message_signature(mail, raw, {"c": "relaxed/relaxed"} | named, resolver, now)


def _check_seal(sets: list[dict[str, bytes]], resolver: Resolver) -> None:
    seal = sets[-1][SEAL]
    tags = tag_list(value_of(seal)) or {}
    if tags.get("cv", "").lower() != ("none" if len(sets) == 1 else "pass") or "h" in tags or "bh" in tags:
        raise Unfit("CHAIN_BROKEN")
    pieces = [one[kind] for one in sets for kind in (RESULTS, SIGNATURE, SEAL)]
    pieces[-1] = without_signature(seal)
    signed = b"".join(canonical(piece, "relaxed") for piece in pieces)
    check_key({name: value for name, value in tags.items() if name != "i"}, signed.removesuffix(b"\r\n"), resolver)
