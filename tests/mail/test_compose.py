"""What leaves as a mail: read back with the standard library, octet by octet where it matters."""

import email
import email.policy
from dataclasses import replace
from datetime import UTC, datetime
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail.compose import compose, mailbox
from mail.message import OutboundAttachment, OutboundMessage

NOW = datetime(2026, 11, 23, 8, 30, tzinfo=UTC)
REPLY = OutboundMessage(
    kind="reply",
    channel="email",
    language="fi",
    subject="Tietopyyntönne käsittely: vastaus ja liitteet (KIR-7QK4)",
    text="Hyvä Aino Esimerkkilä,\n\n.piste rivin alussa\nÄänekoskella yötä päivää.\n" + "pitkä rivi " * 200 + "\n",
    reference="KIR-7QK4",
    message_id="<kir-7qk4.1@lampo.test>",
    to="aino.esimerkkila@posti.test",
    from_name="Kalajoen Lämpö Oy, tietosuoja",
    from_address="tietosuoja@lampo.test",
    envelope_sender="tietosuoja@lampo.test",
    in_reply_to="<pyynto.1@posti.test>",
    references=("<aiempi@posti.test>", "<pyynto.1@posti.test>"),
)


def read(octets: bytes) -> EmailMessage:
    message = email.message_from_bytes(octets, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return message


def test_a_reply_is_read_as_it_was_meant() -> None:
    octets = compose(REPLY, NOW)
    message = read(octets)
    assert message["Subject"] == REPLY.subject
    assert message["From"].addresses[0].display_name == "Kalajoen Lämpö Oy, tietosuoja"
    assert message["From"].addresses[0].addr_spec == "tietosuoja@lampo.test"
    assert message["To"] == "aino.esimerkkila@posti.test"
    assert message["Date"].datetime == NOW
    assert message["Message-ID"] == "<kir-7qk4.1@lampo.test>"
    assert message["In-Reply-To"] == "<pyynto.1@posti.test>"
    assert message["References"].split() == ["<aiempi@posti.test>", "<pyynto.1@posti.test>"]
    assert message["Content-Language"] == "fi"
    assert message["Auto-Submitted"] is None
    assert message.get_content().replace("\r\n", "\n") == REPLY.text


def test_every_octet_is_ascii_and_every_line_short_and_ended_with_crlf() -> None:
    octets = compose(
        replace(REPLY, attachments=(OutboundAttachment("tiedot.pdf", "application/pdf", b"\x00\xff\n" * 999),)), NOW
    )
    assert octets.isascii()
    assert octets.replace(b"\r\n", b"").count(b"\n") == 0
    assert octets.replace(b"\r\n", b"").count(b"\r") == 0
    assert max(len(line) for line in octets.split(b"\r\n")) <= 998
    assert compose(REPLY, NOW) == compose(REPLY, NOW)


def test_an_acknowledgement_says_that_a_machine_wrote_it() -> None:
    assert read(compose(replace(REPLY, automatic=True), NOW))["Auto-Submitted"] == "auto-replied"


def test_attachments_keep_their_names_and_octets() -> None:
    attachments = (
        OutboundAttachment("tiedot.json", "application/json", b'{"a": "\xc3\xa4"}'),
        OutboundAttachment("sähkölasku äö " + "pitkä" * 20 + ".pdf", "application/pdf", bytes(range(256))),
        OutboundAttachment("taulu.csv", "text/csv", b"a;b\n1;2\n"),
    )
    message = read(compose(replace(REPLY, attachments=attachments), NOW))
    parts = list(message.iter_attachments())
    assert [part.get_filename() for part in parts] == [attachment.name for attachment in attachments]
    assert [part.get_content_type() for part in parts] == [attachment.media_type for attachment in attachments]
    assert [part.get_payload(decode=True) for part in parts] == [attachment.content for attachment in attachments]
    body = message.get_body()
    assert body is not None
    assert body.get_content().replace("\r\n", "\n") == REPLY.text
    assert message["In-Reply-To"] == "<pyynto.1@posti.test>"


def test_long_identifiers_are_not_turned_into_encoded_words() -> None:
    long = "<" + "x" * 200 + "@posti.test>"
    octets = compose(replace(REPLY, message_id=long, in_reply_to=long, references=(long,) * 50), NOW)
    assert b"\r\nMessage-ID: " + long.encode() + b"\r\n" in octets
    assert b"\r\nIn-Reply-To: " + long.encode() + b"\r\n" in octets
    assert read(octets)["References"].split() == [long] * 20


def test_a_strange_identifier_of_the_customers_mail_is_left_out_and_the_answer_goes() -> None:
    octets = compose(
        replace(REPLY, in_reply_to="ei tunnistetta", references=("<ä@posti.test>", "<a b@posti.test>")), NOW
    )
    message = read(octets)
    assert message["In-Reply-To"] is None
    assert message["References"] is None


@pytest.mark.parametrize("bad", ["\r\nBcc: x@evil.test", "\n", "\r", "\x00", "\x1b", "\x85", "\u2028", "\ud800"])
@pytest.mark.parametrize(
    "field", ["subject", "from_name", "from_address", "to", "message_id", "in_reply_to", "references", "text"]
)
def test_no_value_can_begin_a_second_field(field: str, bad: str) -> None:
    if field == "text" and bad in ("\n", "\r\nBcc: x@evil.test", "\x85", "\u2028"):
        assert b"\r\nBcc" not in compose(replace(REPLY, text="a" + bad), NOW).partition(b"\r\n\r\n")[0]
        return
    secret = "salaisuus"
    whole = {"to": f"{secret}{bad}@posti.test", "references": (f"<{secret}{bad}@x.test>",)}
    value = whole.get(field, f"<{secret}{bad}@posti.test>")
    with pytest.raises(ValueError, match=f"^{field}: ") as caught:
        compose(replace(REPLY, **{field: value}), NOW)  # type: ignore[arg-type]  # the field is chosen by its name
    assert secret not in str(caught.value)
    assert caught.value.__cause__ is None


def test_no_attachment_can_begin_a_second_field_either() -> None:
    for name, media_type in (("a\r\nX: y", "text/csv"), ("a", "text/csv\r\nX: y"), ("a", "multipart/mixed")):
        with pytest.raises(ValueError, match=r"^attachment "):
            compose(replace(REPLY, attachments=(OutboundAttachment(name, media_type, b"x"),)), NOW)


@given(st.text(), st.text(), st.text())
def test_whatever_the_values_hold_the_header_has_the_fields_that_we_wrote(subject: str, name: str, text: str) -> None:
    try:
        octets = compose(replace(REPLY, subject=subject, from_name=name, text=text), NOW)
    except ValueError:
        return
    assert octets.isascii()
    fields = [
        line.partition(b":")[0] for line in octets.partition(b"\r\n\r\n")[0].split(b"\r\n") if line[:1] not in b" \t"
    ]
    assert sorted(fields) == sorted(
        b"Date Message-ID From To Subject In-Reply-To References Content-Language"
        b" Content-Type Content-Transfer-Encoding MIME-Version".split()
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("aino@Posti.TEST", "aino@posti.test"),
        ("aino@sähkö.test", "aino@xn--shk-qla6g.test"),
        ("päivi@posti.test", "päivi@posti.test"),
        ("o'neil+tag@posti.test", "o'neil+tag@posti.test"),
    ],
)
def test_a_mailbox_has_its_domain_in_ascii(text: str, expected: str) -> None:
    assert mailbox(text, "to").casefold() == expected


@pytest.mark.parametrize(
    "text", ["", "aino", "@posti.test", "aino@", "a b@posti.test", "a@b@c.test", "a,b@posti.test", "<a@b.test>"]
)
def test_what_is_no_mailbox_is_refused_without_naming_it(text: str) -> None:
    with pytest.raises(ValueError, match=r"^to: not an address$"):
        mailbox(text, "to")


def test_a_recipient_whose_name_is_not_ascii_is_written_in_utf8() -> None:
    assert "\r\nTo: päivi@posti.test\r\n".encode() in compose(replace(REPLY, to="päivi@posti.test"), NOW)


def test_an_answer_is_asked_for_at_our_own_signed_address_and_from_stays_plain() -> None:
    signed = "tietosuoja+abcdefghijklmnopqrstuvwxyz234567@lampo.test"
    message = read(compose(replace(REPLY, reply_to=signed), NOW))
    assert [one.addr_spec for one in message["Reply-To"].addresses] == [signed]
    assert [one.addr_spec for one in message["From"].addresses] == ["tietosuoja@lampo.test"]
    assert read(compose(REPLY, NOW))["Reply-To"] is None
    for wrong in ("no address", "a@lampo.test\r\nBcc: b@lampo.test", "a@lampo.test, b@lampo.test"):
        with pytest.raises(ValueError, match="reply_to"):
            compose(replace(REPLY, reply_to=wrong), NOW)
