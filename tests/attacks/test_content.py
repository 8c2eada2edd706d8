"""What a mail holds neither hides a request, nor loses it, nor becomes something that acts (THREATS 16, 26, 45-49)."""

import json
import re
from base64 import b64encode
from datetime import date
from urllib.parse import unquote

import pytest
from sqlmodel import Session, col, select

from bot.chat.allowed import NotAllowed, allowed
from bot.web.shown import content_disposition, one_line, visible
from mail.addresses import a_label
from store.models import Message, RawMessageRow
from store.models.identifiers import find
from tests.bot.house import AINO, House, mail

TODAY = date(2026, 3, 2)
RIGHT = "Pyydän kopion kaikista minua koskevista tiedoista."
SPACED = RIGHT.replace("a", "a\u200b")
HEAD = f"From: {AINO}\nSubject: Asia\nMIME-Version: 1.0\n"


def _bytes(text: str) -> bytes:
    return text.replace("\n", "\r\n").encode()


def _many(kind: str, *parts: str) -> bytes:
    return _bytes(f"{HEAD}Content-Type: multipart/{kind}; boundary=b\n\n--b\n" + "\n--b\n".join(parts) + "\n--b--\n")


HIDDEN = {
    "in the subject alone": _bytes(f"From: {AINO}\nSubject: Tietopyynto: pyydan kaikki tietoni\n\n"),
    "in HTML alone": _many("alternative", f"Content-Type: text/html; charset=utf-8\n\n<p>{RIGHT}</p>"),
    "in HTML, the plain text being empty": _many(
        "alternative", "Content-Type: text/plain\n\n \n", f"Content-Type: text/html; charset=utf-8\n\n<p>{RIGHT}</p>"
    ),
    "in HTML, white on white": _bytes(
        f'{HEAD}Content-Type: text/html; charset=utf-8\n\n<p>Hei</p><p style="color:#fff">{RIGHT}</p>'
    ),
    "below a quotation": _bytes(f"{HEAD}Content-Type: text/plain; charset=utf-8\n\n> vanhaa\n> tekstiä\n\n{RIGHT}\n"),
    "in a quotation alone": _bytes(f"{HEAD}Content-Type: text/plain; charset=utf-8\n\n> {RIGHT}\n"),
    "in the second text part": _many(
        "mixed",
        "Content-Type: text/plain\n\nHei,",
        "Content-Type: image/png; name=a.png\n\nPNG",
        f"Content-Type: text/plain; charset=utf-8\n\n{RIGHT}",
    ),
    "in a mail passed on": _many(
        "mixed",
        "Content-Type: text/plain\n\nks. liite",
        f"Content-Type: message/rfc822\n\n{HEAD}Content-Type: text/plain; charset=utf-8\n\n{RIGHT}",
    ),
    "in base64 without a word of it": _bytes(
        f"{HEAD}Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n\n"
        f"{b64encode(RIGHT.encode()).decode()}"
    ),
    "behind a boundary that never comes": _bytes(f"{HEAD}Content-Type: multipart/mixed; boundary=x\n\n{RIGHT}"),
    "behind a signature mark": _bytes(f"{HEAD}Content-Type: text/plain; charset=utf-8\n\n-- \n{RIGHT}\n"),
    "after ten thousand empty lines": _bytes(
        f"{HEAD}Content-Type: text/plain; charset=utf-8\n\nHei" + "\n" * 10_000 + RIGHT
    ),
    "with a zero-width space in every word": _bytes(f"{HEAD}Content-Type: text/plain; charset=utf-8\n\n{SPACED}"),
    "without dots and in capitals": _bytes(f"{HEAD}\n\nPYYDAN KOPION KAIKISTA MINUA KOSKEVISTA TIEDOISTA"),
}


@pytest.mark.parametrize("content", HIDDEN.values(), ids=HIDDEN)
async def test_threat_45_a_request_is_found_wherever_it_stands(small_house: House, content: bytes) -> None:
    await small_house.intake.take_in(small_house.raw(content))
    await small_house.work()
    (ticket,) = small_house.tickets()
    assert "access" in ticket["kinds"]
    assert ticket["due_at"] == "2026-04-02"


@pytest.mark.parametrize(
    ("name", "kind"),
    [("pyynto.pdf", "application/pdf"), ("pyynto.docx", "application/octet-stream"), ("", "image/jpeg")],
)
async def test_threat_45_a_mail_with_nothing_but_an_attachment_is_a_ticket_that_lists_it(
    small_house: House, name: str, kind: str
) -> None:
    part = f"Content-Type: {kind}" + (f"; name={name}" if name else "") + "\n\nsisältö"
    await small_house.intake.take_in(small_house.raw(_many("mixed", part)))
    await small_house.work()
    (ticket,) = small_house.tickets()
    message = small_house.database.read_now(_newest)
    assert ticket["state"] in {"open", "awaiting_approval"}
    assert [one["name"] for one in message.details["attachments"]] == [name]


DROPPED_ELSEWHERE = {
    "the loop mark of another program": [("X-Loop", "asiakaspalvelu@lampo.test")],
    "a mark of bulk mail": [("Precedence", "bulk")],
    "a token of ours that is none": [("In-Reply-To", "<kirjaamo-000@lampo.test>")],
    "a charset nobody knows": [("X-Charset", "klingon")],
    "hundreds of trace fields": [("Received", f"from a by b{n}; x") for n in range(300)],
}


@pytest.mark.parametrize("headers", DROPPED_ELSEWHERE.values(), ids=DROPPED_ELSEWHERE)
async def test_threat_16_nothing_is_dropped_for_its_marks(small_house: House, headers: list[tuple[str, str]]) -> None:
    ticket = await small_house.receive(RIGHT, headers=headers)
    assert "access" in ticket["kinds"]


async def test_threat_16_only_the_very_same_delivery_is_known_already(small_house: House) -> None:
    first = small_house.raw(mail(RIGHT, message_id="<sama@posti.test>"))
    assert await small_house.intake.take_in(first) is True
    assert await small_house.intake.take_in(first) is False
    changed = small_house.raw(mail(RIGHT + " Kiitos.", message_id="<sama@posti.test>"))
    assert await small_house.intake.take_in(changed) is True, "another mail that bears the same Message-ID"
    other_sender = small_house.raw(mail(RIGHT, message_id="<sama@posti.test>"), envelope_sender="seija@tuntematon.test")
    assert await small_house.intake.take_in(other_sender) is True


@pytest.mark.parametrize("octets", [b"\x00", b"\x00\x01\x02\xff\xfe", b"\r\r\r", b"\xef\xbb\xbf", b"=?", b"From "])
async def test_threat_16_bytes_that_are_no_mail_are_a_ticket(small_house: House, octets: bytes) -> None:
    await small_house.intake.take_in(small_house.raw(octets))
    await small_house.work()
    assert len(small_house.tickets()) == 1
    kept = small_house.database.read_now(lambda session: session.exec(select(RawMessageRow.content)).one())
    assert kept == octets


LOOK_ALIKES = [
    "aino.esimerkkil\u0430@posti.test",  # a Cyrillic a
    "aino.esimerkkila@p\u043esti.test",
    "aino.esimerkkila@posti.test.muu.test",
    "aino.esimerkkila@xn--psti-boa.test",
    "ainoesimerkkila@posti.test",
    "aino.esimerkkila+x@posti.test",
    "aino.esimerkkila@posti\uff0etest",
    "\uff41ino.esimerkkila@posti.test",
    "aino.esimerkkila\u200b@posti.test",
    "aino.esimerkki1a@posti.test",
    "aino.esimerkkila@postі.test",
    '"aino.esimerkkila@posti.test"@muu.test',
]


@pytest.mark.parametrize("address", LOOK_ALIKES)
async def test_threat_26_what_looks_like_an_address_on_file_is_not_it(small_house: House, address: str) -> None:
    domain = a_label(address.rpartition("@")[2])
    content = (
        f"Authentication-Results: demo.lampo.test; dmarc=pass header.from={domain}\r\nFrom: {address}\r\n"
        f"Message-ID: <nakoinen@posti.test>\r\nSubject: Asia\r\n"
        f"Content-Type: text/plain; charset=utf-8\r\n\r\n{RIGHT}\r\n"
    ).encode()
    await small_house.intake.take_in(small_house.raw(content, envelope_sender=address))
    await small_house.work()
    (ticket,) = small_house.tickets()
    assert ticket["identification"] != "confirmed_channel"
    assert not any(draft["holds_data"] for draft in small_house.ticket(ticket["id"])["drafts"])


INJECTIONS = [
    "Asia\r\n Bcc: joku@tuntematon.test",
    "=?utf-8?q?Asia=0D=0ABcc:_joku@tuntematon.test?=",
    "=?utf-8?b?" + b64encode(b"Asia\r\nBcc: joku@tuntematon.test").decode() + "?=",
    "Asia\u2028Bcc: joku@tuntematon.test",
    "{{ config }} {% for x in y %} ${7*7} %s %(name)s {0.__class__}",
]


@pytest.mark.parametrize("subject", INJECTIONS)
async def test_threat_46_nothing_in_a_subject_becomes_a_field_of_ours(small_house: House, subject: str) -> None:
    content = f"From: {AINO}\r\nSubject: {subject}\r\nMessage-ID: <a@posti.test>\r\n\r\n{RIGHT}\r\n".encode()
    await small_house.intake.take_in(small_house.raw(content))
    await small_house.work()
    await small_house.send_all()
    sent = small_house.channels["email"].sent
    assert sent, "the acknowledgement has left"
    for one in sent:
        assert "tuntematon" not in f"{one.subject}{one.text}{one.to}{one.in_reply_to}{one.references}"
        assert "__class__" not in f"{one.subject}{one.text}"
        assert "\n" not in one.subject


async def test_threat_47_marks_that_turn_or_hide_text_do_not_reach_the_desk(small_house: House) -> None:
    text = "Lasku\u202egpj.exe\u202c on v\u00e4\u00e4rin\u200b\u2066. \x1b[31mPunaista\x07"
    await small_house.receive(text, subject="Asia \u202e kääntyy")
    message = small_house.database.read_now(_newest)
    for shown in (one_line(message.subject), visible(message.text), visible(message.new_text)):
        assert not set(shown) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\x1b\x07\x00")


@pytest.mark.parametrize("text", ["<b>Aino</b>", "Aino", "[linkki](http://x.test)", "aino@posti.test"])
def test_threat_47_no_word_of_a_customer_passes_into_a_chat_card(text: str) -> None:
    with pytest.raises(NotAllowed):
        allowed(text, "fi")


@pytest.mark.parametrize(
    "text", ["'; DROP TABLE ticket; --", "=HYPERLINK(1)", '{"event": "x"}\n{"event": "y"}', "\x1b]0;otsikko\x07"]
)
async def test_threat_48_what_is_code_elsewhere_is_text_here(
    small_house: House, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    ticket = await small_house.receive(f"{RIGHT}\n{text}", subject=text.partition("\n")[0].strip("\x1b\x07"))
    assert ticket["state"] == "awaiting_approval"
    assert json.loads(json.dumps(ticket)) == ticket
    assert text not in caplog.text


NAMES = ["../../etc/passwd", "..\\..\\win.ini", "a\r\nX: x=1", "C:\\a.pdf", "\u202egpj.exe", "a" * 5_000, "/", ".."]
DOWNLOAD = re.compile(r"attachment; filename=\"([^\"]*)\"; filename\*=UTF-8''(\S+)")


@pytest.mark.parametrize("name", NAMES)
async def test_threat_49_the_name_of_an_attachment_is_a_word_and_never_a_path(small_house: House, name: str) -> None:
    encoded = b64encode(name.encode()).decode()
    part = f'Content-Type: application/pdf\nContent-Disposition: attachment; filename="=?utf-8?b?{encoded}?="\n\nPDF'
    await small_house.intake.take_in(small_house.raw(_many("mixed", "\nmoi", part)))
    await small_house.work()
    (attachment,) = small_house.database.read_now(_newest).details["attachments"]
    assert not set(attachment["name"]) & set("/\\\r\n\x00")
    assert len(attachment["name"]) <= 255
    saved = DOWNLOAD.fullmatch(content_disposition(attachment["name"]))
    assert saved
    for one in (saved[1], unquote(saved[2])):
        assert one.strip(". ")
        assert not set(one) & set("/\\\r\n\u202e\x00")


def _newest(session: Session) -> Message:
    query = select(Message).where(col(Message.direction) == "in").order_by(col(Message.id).desc())
    message = session.exec(query).first()
    assert message is not None
    session.expunge(message)
    return message


@pytest.mark.parametrize("code", ["010180-9015", "010180\u20139015", "010594Y9032", "0IO18O-9OIS"])
async def test_an_identity_code_is_kept_in_the_message_as_it_came_and_nowhere_else(
    small_house: House, code: str
) -> None:
    """DOMAIN 2.4: never shown needlessly, and never a search term."""
    part = f"Content-Type: application/pdf; name={code.encode('ascii', 'replace').decode()}.pdf\n\nPDF"
    text = f"Content-Type: text/plain; charset=utf-8\n\n{RIGHT} Hetuni on {code}."
    content = _many("mixed", text, part)
    await small_house.intake.take_in(small_house.raw(content))
    await small_house.work()
    message = small_house.database.read_now(_newest)
    assert f"{find(code, TODAY)[0].normalised[:7]}****" in message.text
    assert code not in f"{message.text}{message.new_text}{message.subject}{json.dumps(message.details)}"
    kept = small_house.database.read_now(lambda session: session.exec(select(RawMessageRow.content)).one())
    assert kept is not None
    assert code.encode() in kept
