"""What is said without a person's approval: acknowledgements, the receipt in a chat, the call to whoever is on duty.

An acknowledgement is the same for everyone but for date and reference, holds no register data, says nothing about
whether the writer is a customer, and echoes nothing (INV-7; OKV/2156/1/2014). The words are those of DOMAIN 8.
"""

from datetime import date

from replies.context import ReplyContext, view_notice
from replies.notice import Notice, ReplyLanguage
from replies.render import Words, render


def write_acknowledgement(
    language: ReplyLanguage,
    *,
    reference: str,
    received_on: date,
    due_on: date | None,
    notice: Notice,
    on_call: str,
) -> Words:
    """That a message came, when (local date), and by when it is answered; `due_on` None says "within a month".

    `on_call` is the number for urgent faults; empty leaves its sentence out.
    """
    return render(
        "acknowledgement", _context("acknowledgement", language, reference, received_on, due_on, notice, on_call)
    )


def write_summary(
    language: ReplyLanguage,
    *,
    reference: str,
    received_on: date,
    due_on: date | None,
    notice: Notice,
    on_call: str,
) -> Words:
    """The one last acknowledgement of a day for an address that has had its three: no more come, all messages count."""
    template = "acknowledgement_summary"
    return render(template, _context(template, language, reference, received_on, due_on, notice, on_call))


def write_duty_alert(language: ReplyLanguage, *, reference: str, desk_url: str) -> Words:
    """To whoever is on duty: a message may tell of an urgent fault. No personal data; what it says is on the desk."""
    return render("duty_alert", _context("duty_alert", language, reference, desk_url=desk_url))


def write_chat_receipt(language: ReplyLanguage, *, reference: str) -> Words:
    """To a customer who wrote by chat: received, and the answer comes by another way (DOMAIN 1.2)."""
    return render("chat_receipt", _context("chat_receipt", language, reference))


def _context(
    template: str,
    language: ReplyLanguage,
    reference: str,
    received_on: date | None = None,
    due_on: date | None = None,
    notice: Notice | None = None,
    on_call: str = "",
    desk_url: str = "",
) -> ReplyContext:
    return ReplyContext(
        language=language,
        template=template,
        rights=False,
        reference=reference,
        received_on=received_on,
        today=None,
        due_on=due_on,
        on_call=on_call,
        desk_url=desk_url,
        notice=view_notice(notice, language) if notice else None,
        held=None,
    )
