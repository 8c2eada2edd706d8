"""What no keyboard writes never reaches the store: one database would keep it and another refuse the whole form."""

from sqlalchemy import select
from sqlmodel import col

from store.models import Message


async def test_a_note_with_a_nul_and_a_terminals_escape_is_kept_without_them(dora, arrange, sqlite_database):
    arrange.ticket()
    answer = await dora.send_form("/tickets/1/note", note="Soitti\0 eilen\x1b[2J,\r\nodottaa.")
    assert answer.status_code in {200, 303}
    notes = select(col(Message.text)).where(col(Message.direction) == "note")
    (text,) = sqlite_database.read_now(lambda session: list(session.execute(notes).scalars()))
    assert "\0" not in text
    assert "\x1b" not in text
    assert text.split() == ["Soitti", "eilen[2J,", "odottaa."]
