"""When the site's own MTA accepted a mail: the time in the border host's Received field (RFC 5321, 4.4).

A mail that waited in the MTA's queue while we were down was received when the MTA took it, not when we did; the period
of GDPR Art. 12(3) runs from there. Only fields by hosts that the door names count, and only those in an unbroken run
from the top: all below them may be anybody's invention.
"""

import email.utils
from datetime import UTC, datetime

from mail.fields import Header
from mail.hops import own_hops


def accepted_at(header: Header, own_hosts: tuple[str, ...]) -> datetime | None:
    """Aware UTC moment of the lowest Received by one of `own_hosts` at the top; None where there is none to read."""
    values = header.all("received")
    hops = own_hops(values, own_hosts)
    if not hops:
        return None
    border = values[hops - 1]
    stamp = border.decode("ascii", "replace").rpartition(";")[2]
    try:
        moment = email.utils.parsedate_to_datetime(" ".join(stamp.split()))
        return moment.astimezone(UTC) if moment.tzinfo else None
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
