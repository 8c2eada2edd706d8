"""Machines are known as machines and people as people."""

from email.message import EmailMessage
from typing import Any

import pytest
from corpora import entries, mail, read, written

from mail.message import Automatic
from mail.understand import Trust, understand


def classified(subject: str, text: str, sender: str = "aino.esimerkkila@posti.test", **fields: str) -> Automatic:
    """How a plain mail is classified; `fields` are header fields with `_` for `-`, `envelope` the reverse-path."""
    envelope = fields.pop("envelope", sender)
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = sender, "asiakaspalvelu@lampo.test", subject
    for name, value in fields.items():
        message[name.replace("_", "-")] = value
    message.set_content(text)
    return read(message.as_bytes(), envelope).automatic


AWAY = [
    ("Automaattinen vastaus: Laskunne", "Olen lomalla 12.7. asti."),
    ("Poissaoloviesti", "Olen poissa toimistolta, palaan maanantaina."),
    ("Autosvar: Er faktura", "Jag är på semester till den 12 juli."),
    ("Frånvaromeddelande", "Jag är åter på kontoret den 3 augusti."),
    ("Automatic reply: Your invoice", "I am out of the office until 12 July."),
    ("Out of Office: Re: Your invoice", "I will be back on Monday."),
    ("Automatische Antwort: Ihre Rechnung", "Ich bin bis zum 12. Juli nicht im Büro."),
    ("Abwesenheitsnotiz", "Ich bin im Urlaub."),
    ("Automatisk svar: Faktura", "Jeg er på ferie til 12. juli."),
    ("Réponse automatique : Votre facture", "Je suis actuellement absent du bureau."),
    ("Respuesta automática: Su factura", "Estoy fuera de la oficina."),
    ("Automaatvastus: arve", "Olen puhkusel."),
]


@pytest.mark.parametrize(("subject", "text"), AWAY)
def test_out_of_office_mail_is_known_without_any_header(subject: str, text: str) -> None:
    found = classified(subject, text)
    assert found.kind == "auto_reply"
    assert not found.may_acknowledge
    assert found.reasons


@pytest.mark.parametrize(
    "fields",
    [
        {"Auto_Submitted": "auto-replied"},
        {"Auto_Submitted": "auto-generated (something)"},
        {"Auto_Submitted": "Auto-Notified; owner-email=a@b.test"},
        {"X_Autoreply": "yes"},
        {"X_Autorespond": "yes"},
        {"Precedence": "auto_reply"},
    ],
)
def test_a_machine_that_says_so_is_believed(fields: dict[str, str]) -> None:
    found = classified("Laskunne", "Kiitos viestistänne.", **fields)
    assert found.kind == "auto_reply"
    assert not found.may_acknowledge


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ("Re: Laskunne", "Hei, olen lomalla 3.8. asti. Kiireellisissä asioissa ottakaa yhteyttä Emiliin."),
        ("SV: Er faktura", "Jag är på semester. I brådskande ärenden kontakta Emil."),
        ("Re: Your invoice", "I am currently out of the office. For urgent matters please call Emil."),
        ("Re: Your invoice", "Hello,\n\nThis is an automated response to let you know we received your message."),
        ("Vastaus", "Tämä on automaattinen vastaus. Palaamme asiaan."),
    ],
)
def test_a_stand_in_is_known_by_its_words_under_any_subject(subject: str, text: str) -> None:
    assert classified(subject, text).kind == "auto_reply"


def test_words_of_absence_count_when_nobody_wants_an_answer() -> None:
    assert classified("Re: Laskunne", "Olen lomalla ja palaan 3.8.", envelope="").kind == "auto_reply"
    assert classified("Re: Er faktura", "Jag är på semester.", Precedence="bulk").kind == "auto_reply"
    assert classified("Hello", "I am out of the office.", X_Auto_Response_Suppress="All").kind == "auto_reply"


PEOPLE = [
    ("Lasku", "Olen lomalla 12.7. asti, voiko laskun eräpäivää siirtää?", {}),
    ("Poissa kotoa", "Miten luen mittarin kun olen poissa?", {}),
    ("Lomalla lämpö pois?", "Voiko lämmön kytkeä pois?", {"Auto_Submitted": "no"}),
    (
        "Re: Automaattinen vastaus: Laskunne",
        "Kiitos, mutta en saanut vastausta kysymykseeni.",
        {"In_Reply_To": "<1@lampo.test>"},
    ),
    ("Palautunut viesti", "Lähetin teille postia ja se tuli takaisin, miksi?", {}),
    (
        "Fwd: Undelivered Mail Returned to Sender",
        "I got this when I wrote to you. Is the address wrong?",
        {"User_Agent": "T"},
    ),
    ("VL: Toimitus epäonnistui", "Sain tämän kun kirjoitin teille.", {"X_Mailer": "Outlook"}),
    ("Delivery", "The meter was not delivered to the following address: Mallitie 1.", {}),
    ("Pyyntö", "Pyydän tietoni.", {"Auto_Submitted": "no"}),
    ("Automatic meter reading", "Is my meter read automatically?", {}),
    ("Kiire", "Olen lomalla ja putki vuotaa, kiireellinen asia, ketä lähetätte?", {}),
    ("Automaatti", "Sain teiltä vain viestin jossa luki: tämä on automaattinen vastaus. Haluan tietoni.", {}),
    ("Lomalla heinäkuun", "Olen lomalla 12.7. asti, voiko mittarin vaihtaa muulloin?", {}),
    ("Out of office hours", "Who answers the phone at night?", {}),
]


@pytest.mark.parametrize(("subject", "text", "fields"), PEOPLE)
def test_people_who_write_about_such_things_are_people(subject: str, text: str, fields: dict[str, str]) -> None:
    found = classified(subject, text, **fields)
    assert found.kind == "none"
    assert found.may_acknowledge


def test_a_person_may_write_from_the_postmaster_address() -> None:
    found = classified(
        "Kysymys laskusta", "Voiko laskun saada sähköisenä? Terveisin Eino", sender="postmaster@muu.test"
    )
    assert found.kind == "none"


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"Precedence": "bulk"}, "BULK_PRECEDENCE"),
        ({"X_Auto_Response_Suppress": "OOF, AutoReply"}, "SUPPRESS_REPLY"),
        ({"X_Auto_Response_Suppress": "All"}, "SUPPRESS_REPLY"),
        ({"envelope": ""}, "NULL_SENDER"),
    ],
)
def test_a_person_whose_mail_wants_no_automatic_answer_gets_none(fields: dict[str, str], reason: str) -> None:
    found = classified("Pyyntö", "Pyydän tietoni.", **fields)
    assert (found.kind, found.may_acknowledge, found.reasons) == ("none", False, (reason,))


def test_other_words_of_suppression_do_not_matter() -> None:
    assert classified("Pyyntö", "Pyydän tietoni.", X_Auto_Response_Suppress="DR, RN, NRN").may_acknowledge


def test_a_mailing_list_is_a_list() -> None:
    assert classified("[lista] Moi", "Moi kaikki", List_Id="<lista.muu.test>").kind == "list"
    assert classified("Uutiskirje", "Moi", List_Unsubscribe="<mailto:pois@muu.test>").kind == "list"


def test_a_group_address_of_ours_is_no_list() -> None:
    own = Trust(own_addresses=("asiakaspalvelu@lampo.test",))
    content = (
        b"From: aino.esimerkkila@posti.test\r\nSubject: Lasku\r\nPrecedence: list\r\n"
        b"Mailing-list: list asiakaspalvelu@lampo.test\r\nList-ID: <asiakaspalvelu.lampo.test>\r\n\r\nMoi"
    )
    found = understand(mail(content), own).automatic
    assert found.kind == "none"
    assert not found.may_acknowledge
    assert understand(mail(content), Trust()).automatic.kind == "list"


def report(
    kind: str, part_type: str, part: str, subject: str = "Report", sender: str = "mailer-daemon@muu.test"
) -> Automatic:
    content = (
        f"From: {sender}\r\nTo: asiakaspalvelu@lampo.test\r\nSubject: {subject}\r\n"
        f"Content-Type: multipart/report; report-type={kind}; boundary=b\r\n\r\n"
        f"--b\r\n\r\nSee below.\r\n--b\r\nContent-Type: {part_type}\r\n\r\n{part}\r\n--b--\r\n"
    )
    return read(content.encode(), "").automatic


def test_a_delivery_report_names_the_failed_recipients_only() -> None:
    found = report(
        "delivery-status",
        "message/delivery-status",
        "Reporting-MTA: dns; mx.muu.test\r\n\r\n"
        "Original-Recipient: rfc822;aino@posti.test\r\nFinal-Recipient: rfc822; aino@sisa.test\r\n"
        "Action: failed\r\nStatus: 5.1.1\r\n\r\n"
        "Final-Recipient: rfc822; eino@posti.test\r\nAction: delayed\r\nStatus: 4.4.1\r\n\r\n"
        "Final-Recipient: rfc822; <Imogen@MAIL.test>\r\nAction: FAILED\r\nStatus: 5.2.2",
    )
    assert found.kind == "bounce"
    assert found.failed_recipients == ("aino@posti.test", "Imogen@mail.test")


def test_read_receipts_complaints_and_aggregate_reports_are_known() -> None:
    receipt = "Final-Recipient: rfc822;a@b.test\r\nDisposition: manual-action/MDN-sent-manually; displayed"
    assert report("disposition-notification", "message/disposition-notification", receipt).kind == "delivery_notice"
    assert report("feedback-report", "message/feedback-report", "Feedback-Type: abuse\r\nVersion: 1").kind == "report"
    assert report("tlsrpt", "application/tlsrpt+gzip", "x", sender="noreply-smtp@muu.test").kind == "report"
    assert classified("Report Domain: lampo.test Submitter: muu.test Report-ID: <1>", "See attached.").kind == "report"


def test_a_calendar_invites_and_answers_by_itself() -> None:
    for method, kind in (("REPLY", "calendar"), ("COUNTER", "calendar"), ("REQUEST", "calendar"), ("PUBLISH", "none")):
        content = (
            "From: aino.esimerkkila@posti.test\r\nSubject: Mittarin vaihto\r\n"
            f"Content-Type: text/calendar; method={method}\r\n\r\n"
            f"BEGIN:VCALENDAR\r\nMETHOD:{method}\r\nEND:VCALENDAR\r\n"
        )
        assert read(content.encode()).automatic.kind == kind


QMAIL = (
    "Hi. This is the qmail-send program at muu.test.\nI'm afraid I wasn't able to deliver your message to the "
    "following "
    "addresses.\nThis is a permanent error; I've given up. Sorry it didn't work out.\n\n<aino@posti.test>:\n"
    "Sorry, no mailbox here by that name. (#5.1.1)\n\n--- Below this line is a copy of the message.\n\n"
    "Return-Path: <asiakaspalvelu@lampo.test>\nTo: eino@posti.test\n"
)
EXIM = (
    "This message was created automatically by mail delivery software.\n\nA message that you sent could not be "
    "delivered to "
    "one or more of its\nrecipients. This is a permanent error. The following address(es) failed:\n\n  "
    "aino@posti.test\n"
    "    host mx.posti.test [192.0.2.9]\n    550 5.1.1 <aino@posti.test>: user unknown\n\n"
    "------ This is a copy of the message, including all the headers. ------\n\nTo: eino@posti.test\n"
)


@pytest.mark.parametrize(
    ("subject", "text"),
    [("failure notice", QMAIL), ("Mail delivery failed: returning message to sender", EXIM)],
)
def test_programs_that_write_no_report_are_understood(subject: str, text: str) -> None:
    found = classified(subject, text, sender="MAILER-DAEMON@muu.test")
    assert found.kind == "bounce"
    assert found.failed_recipients == ("aino@posti.test",)


def test_a_delay_names_no_failed_recipient() -> None:
    text = "Your message has been delayed and will be retried for 5 days.\n\n<aino@posti.test>: connection timed out\n"
    found = classified("Warning: message delayed 4 hours", text, sender="MAILER-DAEMON@muu.test")
    assert (found.kind, found.reasons) == ("bounce", ("DELAY",))
    assert found.failed_recipients == ()


def test_our_own_mail_that_comes_back_is_own() -> None:
    own = Trust(own_addresses=("asiakaspalvelu@lampo.test",), own_domains=("lampo.test",))
    content = b"From: Asiakaspalvelu <Asiakaspalvelu@lampo.test>\r\nSubject: Vastaus\r\n\r\nMoi"
    assert understand(mail(content), own).automatic.kind == "own"
    marked = b"From: laskutus@lampo.test\r\nAuto-Submitted: auto-replied\r\n\r\nMoi"
    assert understand(mail(marked), own).automatic.kind == "own"


PERSONS = entries("people")
RESPONDERS = entries("auto_replies")


@pytest.mark.parametrize("entry", PERSONS, ids=[f"{at} {entry['subject']}" for at, entry in enumerate(PERSONS)])
def test_signs_of_machines_do_not_make_a_person_one(entry: dict[str, Any]) -> None:
    found = read(written(entry), entry.get("envelope", "aino.esimerkkila@posti.test")).automatic
    assert found.kind == "none"
    assert found.failed_recipients == ()


@pytest.mark.parametrize("entry", RESPONDERS, ids=[f"{at} {entry['family']}" for at, entry in enumerate(RESPONDERS)])
def test_a_responder_is_known_in_its_language(entry: dict[str, Any]) -> None:
    found = read(written(entry), entry.get("envelope", "aino.esimerkkila@posti.test")).automatic
    assert found.kind == "auto_reply"
    assert not found.may_acknowledge
    assert set(found.returned_message_ids) == set(entry.get("returned_ids", []))


@pytest.mark.parametrize(
    "prefix", ["Read:", "Luettu:", "Lästes:", "Läst:", "Gelesen:", "Lu :", "Not read:", "開封済み:"]
)
def test_a_read_receipt_in_plain_text_needs_the_mark_of_a_machine(prefix: str) -> None:
    found = classified(f"{prefix} Vastaus", "Viestisi on luettu.", X_MS_Exchange_Inbox_Rules_Loop="a@b.test")
    assert (found.kind, found.may_acknowledge) == ("delivery_notice", False)
    assert classified(f"{prefix} Vastaus", "Mittari on luettu 3.3.").kind == "none"


def test_receipts_and_complaints_name_the_mail_they_speak_of() -> None:
    receipt = "Original-Message-ID: <7@lampo.test>\r\nDisposition: manual-action/MDN-sent-manually; displayed"
    found = report("disposition-notification", "message/disposition-notification", receipt)
    assert (found.kind, found.returned_message_ids) == ("delivery_notice", ("<7@lampo.test>",))
    complaint = "Feedback-Type: abuse\r\nOriginal-Message-ID: <8@lampo.test>"
    assert report("feedback-report", "message/feedback-report", complaint).returned_message_ids == ("<8@lampo.test>",)


def test_a_person_who_attaches_an_appointment_to_a_letter_writes_a_letter() -> None:
    content = (
        "From: aino.esimerkkila@posti.test\r\nSubject: Mittarin vaihto\r\n"
        "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\n"
        "Hei, ehdotan mittarin vaihdolle liitteen aikaa, tulkaa pihan puolelta, koira on kiltti. Terveisin Aino\r\n"
        "--b\r\nContent-Type: text/calendar; method=REQUEST\r\nContent-Disposition: attachment\r\n\r\n"
        "BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nEND:VCALENDAR\r\n--b--\r\n"
    )
    assert read(content.encode()).automatic.kind == "none"


def test_an_automatic_answer_names_what_it_answers() -> None:
    found = classified(
        "Autosvar: Svar", "Semester.", In_Reply_To="<2@lampo.test>", References="<1@lampo.test> <2@lampo.test>"
    )
    assert found.returned_message_ids == ("<2@lampo.test>", "<1@lampo.test>")


@pytest.mark.parametrize(
    ("written_as", "kind"),
    [
        ("no", "none"),
        ("NO", "none"),
        ("(by hand) no", "none"),
        ("auto-replied", "auto_reply"),
        ('(vacation) Auto-Replied; owner-email="a@b.test"', "auto_reply"),
        ("AUTO-GENERATED(cron)", "auto_reply"),
        ("x-tuntematon", "auto_reply"),
    ],
)
def test_the_standard_mark_is_read_in_all_its_forms(written_as: str, kind: str) -> None:
    assert classified("Vastaus", "Hei", Auto_Submitted=written_as).kind == kind
