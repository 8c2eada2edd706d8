"""The front door of replies: a template's name and the facts go in, the words come out.

Pure: no register, no clock, no network. A template that holds no data never gets the dossier, so it cannot leak it.
"""

from collections.abc import Sequence
from datetime import date

from replies.catalogue import TEMPLATES
from replies.context import ReplyContext, view_notice
from replies.held import view_dossier
from replies.matters import view_matter
from replies.notice import Notice, ReplyLanguage
from replies.render import Words, render
from store.models import Dossier

__all__ = ["Words", "write"]


def write(
    template: str,
    language: ReplyLanguage,
    *,
    reference: str,
    received_on: date,
    today: date,
    due_on: date | None,
    notice: Notice,
    on_call: str,
    dossier: Dossier | None = None,
    time_zone: str = "Europe/Helsinki",
    by_letter: bool = False,
    named: Sequence[str] = (),
) -> Words:
    """The words of `template` in `language`. Dates are local dates; `due_on` is None where no date is promised.

    `on_call` is the number for urgent faults, day and night; empty leaves its sentence out. `by_letter` tells where the
    copy of the data is: in files beside a mail, or behind a letter. An outline of a dossier is enough, for a topic
    its own part (`store.dossier.matters`); `named` is what the message names of the topic.
    Raises `ValueError` for an unknown template or language, and when a template that holds data gets no dossier.
    """
    entry = TEMPLATES.get(template)
    if entry is None:
        raise ValueError(f"there is no template {template!r}")
    if entry.holds_data and dossier is None:
        raise ValueError(f"the template {template!r} holds data and needs a dossier")
    shown = dossier if entry.holds_data else None
    matter = None
    if shown is not None and entry.topic:
        matter = view_matter(template, shown, notice, language, time_zone=time_zone, today=today, named=named)
    context = ReplyContext(
        language=language,
        template=template,
        rights=entry.rights,
        reference=reference,
        received_on=received_on,
        today=today,
        due_on=due_on,
        on_call=on_call,
        desk_url="",
        notice=view_notice(notice, language),
        held=view_dossier(shown, notice, language, time_zone) if shown and not entry.topic else None,
        by_letter=by_letter,
        matter=matter,
    )
    return render(template, context)
