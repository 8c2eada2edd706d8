"""What a template may see of an ordinary matter: the customer's own data of that one topic, ready to print."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date

    from replies.context import FieldView


@dataclass(frozen=True, slots=True)
class ThingView:
    """One thing held, as its fields with their labels."""

    fields: tuple[FieldView, ...]


@dataclass(frozen=True, slots=True)
class OpenView:
    """An invoice on which something is left to pay, or to pay back (`credit`)."""

    number: str
    due: str
    """Empty where the register has none."""
    left: str
    credit: bool
    overdue: bool


@dataclass(frozen=True, slots=True)
class PaymentView:
    """A payment that was received."""

    on: str
    amount: str


@dataclass(frozen=True, slots=True)
class MonthView:
    """A month's use of heat, and that of the same month a year before; empty where the meters do not tell."""

    month: str
    used: str
    before: str


@dataclass(frozen=True, slots=True)
class MatterView:
    """The data of one topic; what does not belong to it is empty."""

    named: bool = False
    """Whether the message names an invoice."""
    sent_in: bool = False
    """Whether the message gives a meter reading."""
    things: tuple[ThingView, ...] = ()
    """What is held of the topic: the invoice, the newest readings, the contracts, the contact details, the fault."""
    open: tuple[OpenView, ...] = ()
    open_sum: str = ""
    """Empty where an amount cannot be read, so that no sum is right."""
    paid_told: bool = True
    """False where the register holds neither payments nor whether an invoice is paid."""
    payments: tuple[PaymentView, ...] = ()
    payments_since: date | None = None
    payments_sum: str = ""
    months: tuple[MonthView, ...] = ()
    """The twelve months before this one, the oldest first."""
    compared: int = 0
    """How many of them are known for both years."""
    used_sum: str = ""
    """Of the months that are known for both years, like `before_sum`."""
    before_sum: str = ""


MATTER_VIEWS = (ThingView, OpenView, PaymentView, MonthView, MatterView)
"""Every class of these whose fields a template may read."""
