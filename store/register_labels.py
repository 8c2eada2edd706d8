"""Names of the fields that records hold, as a mapping gives them: for a reader in their own language.

The notice names the usual ones; a controller's system has others, and whoever maps its columns knows what they mean.
"""

import json
from collections.abc import Mapping

from sqlalchemy import insert, select, update
from sqlmodel import Session

from store.models import Setting, table_of

_NAME = "register_labels"
_SETTING = table_of(Setting)


def keep_labels(session: Session, labels: Mapping[str, Mapping[str, str]]) -> None:
    """Remember names; a newer one takes the place of an older."""
    if not labels:
        return
    connection = session.connection()
    value = json.dumps({**field_labels(session), **labels}, ensure_ascii=False, sort_keys=True)
    changed = connection.execute(update(_SETTING).where(_SETTING.c.key == _NAME).values(value=value))
    if changed.rowcount == 0:
        connection.execute(insert(_SETTING).values(key=_NAME, value=value))


def field_labels(session: Session) -> dict[str, dict[str, str]]:
    """`category.kind.field` (`*` for any) to the name in each language (`fi`, `sv`, `en`)."""
    held = session.connection().execute(select(_SETTING.c.value).where(_SETTING.c.key == _NAME)).scalar_one_or_none()
    found: dict[str, dict[str, str]] = json.loads(held) if held else {}
    return found
