"""Dates and times as the reader of the desk writes them, in the controller's time zone."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from bot.words import say

_DAYS = {
    "fi": ("ma", "ti", "ke", "to", "pe", "la", "su"),
    "sv": ("mån", "tis", "ons", "tors", "fre", "lör", "sön"),
    "en": ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
}
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def day_words(day: date, language: str) -> str:
    """`ti 22.12.2026`, `tis 22.12.2026`, `Tue 22 Dec 2026`."""
    name = _DAYS[language][day.weekday()]
    if language == "en":
        return f"{name} {day.day} {_MONTHS[day.month - 1]} {day.year}"
    return f"{name} {day.day}.{day.month}.{day.year}"


def time_words(moment: datetime, language: str, zone: ZoneInfo, *, seconds: bool = False) -> str:
    """The day and the time of day in `zone`; Finnish writes `klo 9.05`."""
    local = moment.astimezone(zone)
    return f"{day_words(local.date(), language)}{_AT[language]}{clock_words(moment, language, zone, seconds=seconds)}"


_AT = {"fi": " klo ", "sv": " kl. ", "en": ", "}


def clock_words(moment: datetime, language: str, zone: ZoneInfo, *, seconds: bool = False) -> str:
    """The time of day alone."""
    local = moment.astimezone(zone)
    dot = "." if language == "fi" else ":"
    words = f"{local.hour}{dot}{local.minute:02}"
    return f"{words}{dot}{local.second:02}" if seconds else words


def days_left_words(due: date, today: date, language: str) -> str:
    """How far off the date is, in words: `3 päivää jäljellä`, `tänään`, `myöhässä 2 päivää`."""
    days = (due - today).days
    if days == 0:
        return say("desk.due_today", language)
    if days in {1, -1}:
        return say("desk.due_tomorrow" if days == 1 else "desk.overdue_by_one", language)
    return say("desk.due_in" if days > 0 else "desk.overdue_by", language, days=abs(days))


def urgency(due: date | None, today: date) -> str:
    """`overdue`, `soon` (within five days), `calm`, or `none` without a date: names a colour, never only a colour."""
    if due is None:
        return "none"
    days = (due - today).days
    return "overdue" if days < 0 else "soon" if days <= 5 else "calm"
