"""Which template answers what: every name, whether it holds register data, and whom it speaks to.

A template is a file `templates/<language>/<name>.j2` in each of the three languages; its block `subject` is the subject
line. `bot/rules/policy` picks a name, `replies.draft` and `replies.acknowledgement` write it.
"""

from dataclasses import dataclass
from typing import Literal

from store.models import RequestKind

Audience = Literal["customer", "staff"]


@dataclass(frozen=True, slots=True)
class Template:
    """What is true of a template in every language."""

    name: str
    kinds: frozenset[RequestKind] = frozenset()
    """The requests that it can answer; empty for what answers none (acknowledgements, alerts)."""
    holds_data: bool = False
    """True prints register data: INV-1 and INV-2 then decide where it may go."""
    rights: bool = False
    """True tells how to complain in full (GDPR Art. 77; DOMAIN 2.2); other replies name the authority in one line."""
    automatic: bool = False
    """True leaves without approval, so it must be the same for everyone (INV-7)."""
    topic: bool = False
    """True answers one topic of `bot.rules.topics`; one that holds data sees that topic's data alone."""
    audience: Audience = "customer"


_STATUTORY_ANSWERS = frozenset(
    {
        RequestKind.ACCESS,
        RequestKind.RECTIFICATION,
        RequestKind.ERASURE,
        RequestKind.RESTRICTION,
        RequestKind.PORTABILITY,
        RequestKind.OBJECTION,
    },
)
_CHANGES = frozenset({RequestKind.MOVING, RequestKind.CONTRACT, RequestKind.BILLING})
_EVERY_KIND = frozenset(RequestKind)

TEMPLATES: dict[str, Template] = {
    template.name: template
    for template in (
        Template("access", frozenset({RequestKind.ACCESS}), holds_data=True, rights=True),
        Template("access_legal_person", frozenset({RequestKind.ACCESS}), rights=True),
        Template("nothing_held", _STATUTORY_ANSWERS, rights=True),
        Template("identity", _EVERY_KIND, rights=True),
        Template("mandate", _EVERY_KIND, rights=True),
        Template("confirm_request"),
        Template("rectification", frozenset({RequestKind.RECTIFICATION}), rights=True),
        Template("erasure", frozenset({RequestKind.ERASURE}), rights=True),
        Template("restriction", frozenset({RequestKind.RESTRICTION}), rights=True),
        Template("portability", frozenset({RequestKind.PORTABILITY}), rights=True),
        Template("portability_copy", frozenset({RequestKind.PORTABILITY}), holds_data=True, rights=True),
        Template("objection", frozenset({RequestKind.OBJECTION}), rights=True),
        Template("moving", frozenset({RequestKind.MOVING})),
        Template("billing", frozenset({RequestKind.BILLING})),
        Template("fault", frozenset({RequestKind.FAULT})),
        Template("contract", frozenset({RequestKind.CONTRACT})),
        Template("other", frozenset({RequestKind.OTHER})),
        Template("invoice_copy", frozenset({RequestKind.BILLING}), holds_data=True, topic=True),
        Template("balance", frozenset({RequestKind.BILLING, RequestKind.OTHER}), holds_data=True, topic=True),
        Template("consumption", frozenset({RequestKind.BILLING, RequestKind.OTHER}), holds_data=True, topic=True),
        Template("meter_reading", frozenset({RequestKind.BILLING, RequestKind.OTHER}), holds_data=True, topic=True),
        Template("owner_change", _CHANGES, holds_data=True, topic=True),
        Template("contact_change", _CHANGES | {RequestKind.OTHER}, holds_data=True, topic=True),
        Template("fault_follow_up", frozenset({RequestKind.FAULT, RequestKind.OTHER}), holds_data=True, topic=True),
        Template("outage", frozenset({RequestKind.FAULT, RequestKind.OTHER}), topic=True),
        Template("connection_offer", frozenset({RequestKind.CONTRACT, RequestKind.OTHER}), topic=True),
        Template("acknowledgement", automatic=True),
        Template("acknowledgement_summary", automatic=True),
        Template("chat_receipt", automatic=True),
        Template("duty_alert", automatic=True, audience="staff"),
    )
}
"""Every template by name; a test finds a file for each in every language, and no file besides."""


def answers_to(kind: RequestKind) -> tuple[str, ...]:
    """Names of the templates that may answer a request of `kind`, the plain first answer to it first."""
    fitting = [template.name for template in TEMPLATES.values() if kind in template.kinds]
    return tuple(sorted(fitting, key=lambda name: name != kind.value))
