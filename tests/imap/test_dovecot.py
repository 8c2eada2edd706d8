"""Mailboxes on a real Dovecot: read, moved, numbered anew, cut at random; none lost, none twice."""

from pathlib import Path
from random import Random

import pytest

from mail.imap.session import Plan
from mail.tokens import CommandToken, FileToken
from tests.imap.mailroom import Mailroom, digest, mail
from tests.stand_ins.cutting_proxy import CuttingProxy
from tests.stand_ins.dovecot import Dovecot

KEEP = Plan(done="", poll_seconds=0.1)


async def test_two_thousand_mails_over_a_way_that_breaks_again_and_again(
    mailroom: Mailroom, dovecot: Dovecot, office: str
) -> None:
    chance = Random(20)
    mails = [mail(number, size=chance.choice((0, 2_000, 8_000, 20_000))) for number in range(2_000)]
    dovecot.drop(office, mails)
    with CuttingProxy(dovecot.port, seed=20, cuts=40, longest=700_000) as proxy:
        await mailroom.open(proxy.port, user=office)
        await mailroom.until("all stored", lambda: len(mailroom.kept()) >= len(mails), 90)
        await mailroom.until_balanced(present=0, waiting=0, here=0)
        await mailroom.close()
        assert proxy.cut >= 25
    assert sorted(one.sha256 for one in mailroom.kept()) == sorted(map(digest, mails))
    with dovecot.client(office) as client:
        assert client.select_folder("INBOX")[b"EXISTS"] == 0
        assert client.select_folder("Kirjaamo.Done")[b"EXISTS"] == len(mails)
    # Moved and not counted is what was cut between the server's deed and its word; all that we were told is counted.
    assert mailroom.balance().moved <= len(mails)


async def test_what_a_person_has_read_or_marked_is_taken_all_the_same(
    mailroom: Mailroom, dovecot: Dovecot, office: str
) -> None:
    mails = [mail(number) for number in range(4)]
    dovecot.deliver(office, mails)
    with dovecot.client(office) as client:
        client.select_folder("INBOX")
        client.add_flags([1], [rb"\Seen"])
        client.add_flags([2], [rb"\Flagged", rb"\Answered"])
        client.add_flags([3], [rb"\Deleted"])
    await mailroom.open(dovecot.port, user=office, plan=KEEP)
    await mailroom.until_kept(mails)
    with dovecot.client(office) as client:
        client.select_folder("INBOX")
        flags = client.get_flags([1, 2, 3, 4])
    assert [rb"\Seen" in flags[uid] for uid in (1, 2, 3, 4)] == [True, False, False, False]


async def test_the_envelope_sender_is_the_one_that_final_delivery_wrote(
    mailroom: Mailroom, dovecot: Dovecot, office: str
) -> None:
    dovecot.deliver(office, [mail(1, sender="astrid.pahitt@post.test"), b"Subject: none\r\n\r\nHej\r\n"])
    await mailroom.open(dovecot.port, user=office, name="office")
    await mailroom.until("both", lambda: len(mailroom.kept()) == 2)
    kept = mailroom.kept()
    assert {one.sender for one in kept} == {"astrid.pahitt@post.test", ""}
    assert {one.door for one in kept} == {"imap.office"}


async def test_a_folder_that_is_made_anew_is_read_anew(mailroom: Mailroom, dovecot: Dovecot, office: str) -> None:
    mails = [mail(number) for number in range(5)]
    dovecot.deliver(office, mails, "Tilaukset")
    await mailroom.open(
        dovecot.port, user=office, name="office", plan=Plan(folders=("Tilaukset",), done="", poll_seconds=0.1)
    )
    await mailroom.until_kept(mails)
    others = [mail(number) for number in range(10, 13)]
    with dovecot.client(office) as client:
        client.delete_folder("Tilaukset")
        client.create_folder("Tilaukset")
        for content in [*others, mails[0]]:
            client.append("Tilaukset", content)
    await mailroom.until_kept([*mails, *others])
    balance = await mailroom.until_balanced("Tilaukset", present=4, here=4, waiting=0)
    assert (balance.stored, balance.duplicate) == (8, 1)


async def test_the_junk_folder_is_read_too_and_left_as_it_is(mailroom: Mailroom, dovecot: Dovecot, office: str) -> None:
    dovecot.deliver(office, [mail(1)])
    dovecot.deliver(office, [mail(2)], "Junk")
    await mailroom.open(dovecot.port, user=office)
    await mailroom.until_kept([mail(1), mail(2)])
    assert {one.sha256: one.junk for one in mailroom.kept()} == {digest(mail(1)): False, digest(mail(2)): True}
    await mailroom.until_balanced("Junk", present=1, here=1, waiting=0)


async def test_a_mail_in_two_folders_and_twice_in_one_is_stored_once(
    mailroom: Mailroom, dovecot: Dovecot, office: str
) -> None:
    dovecot.deliver(office, [mail(1), mail(1), mail(2)])
    dovecot.deliver(office, [mail(1)], "Laskut")
    await mailroom.open(dovecot.port, user=office, plan=Plan(folders=("INBOX", "Laskut"), poll_seconds=0.1))
    await mailroom.until_kept([mail(1), mail(2)])
    await mailroom.until_balanced(present=0, stored=2, duplicate=1)
    await mailroom.until_balanced("Laskut", present=0, stored=0, duplicate=1)


async def test_a_mail_of_fifty_mebibytes_comes_whole_and_a_larger_one_is_parked(
    mailroom: Mailroom, dovecot: Dovecot, office: str
) -> None:
    large, small = mail(1, size=50 * 1024 * 1024), mail(2)
    larger = mail(3, size=51 * 1024 * 1024)
    dovecot.drop(office, [large, larger, small])
    door = await mailroom.open(dovecot.port, user=office, size_limit=len(large) + 1)
    await mailroom.until_kept([large, small])
    balance = await mailroom.until_balanced(present=1, waiting=0)
    assert balance.parked == (("TOO_LARGE", 1),)
    await mailroom.until("the alarm", lambda: door.problems == ("PARKED",))
    with dovecot.client(office) as client:
        assert client.select_folder("INBOX")[b"EXISTS"] == 1


async def test_two_mailboxes_are_read_side_by_side(mailroom: Mailroom, dovecot: Dovecot, office: str) -> None:
    other = next(dovecot.free)
    dovecot.deliver(office, [mail(1)])
    dovecot.deliver(other, [mail(2)])
    await mailroom.open(dovecot.port, user=office)
    await mailroom.open(dovecot.port, name="privacy", user=other)
    await mailroom.until_kept([mail(1), mail(2)])
    assert {one.door for one in mailroom.kept()} == {"imap.office", "imap.privacy"}
    dovecot.deliver(other, [mail(3)])  # told by IDLE, or found at the next look
    await mailroom.until_kept([mail(1), mail(2), mail(3)])


@pytest.mark.parametrize("tls", ["tls", "starttls"])
async def test_tls_is_checked_against_the_name_and_the_authority(
    mailroom: Mailroom, dovecot: Dovecot, office: str, tls: str
) -> None:
    dovecot.deliver(office, [mail(1)])
    port = dovecot.tls_port if tls == "tls" else dovecot.port
    kind = "tls" if tls == "tls" else "starttls"
    unknown = await mailroom.open(port, user=office, host="localhost", tls=kind)
    misnamed = await mailroom.open(port, user=office, host="127.0.0.1", tls=kind, authority=dovecot.authority)
    await mailroom.until("the alarms", lambda: (unknown.problems, misnamed.problems) == (("TLS",), ("TLS",)))
    assert mailroom.attempts == []
    await mailroom.open(port, user=office, host="localhost", tls=kind, authority=dovecot.authority)
    await mailroom.until_kept([mail(1)])


async def test_a_password_that_was_changed_is_an_alarm_until_it_is_right_again(
    mailroom: Mailroom, dovecot: Dovecot, office: str
) -> None:
    dovecot.deliver(office, [mail(1)])  # now: for a moment the server may refuse the new password to anybody
    door = await mailroom.open(dovecot.port, user=office, password="käännös-ö")
    await mailroom.until("the alarm", lambda: door.problems == ("LOG_IN_REFUSED",))
    dovecot.people[office] = "käännös-ö"
    dovecot.write_people()
    await mailroom.until_kept([mail(1)])
    await mailroom.until("no alarm", lambda: door.problems == ())


async def test_a_token_from_a_file_or_a_command_lets_us_in(
    mailroom: Mailroom, dovecot: Dovecot, office: str, tmp_path: Path
) -> None:
    file = tmp_path / "token"
    file.write_text("ended\n")
    dovecot.deliver(office, [mail(1)])
    door = await mailroom.open(dovecot.port, user=office, tokens=FileToken(file))
    await mailroom.until("the alarm", lambda: door.problems == ("LOG_IN_REFUSED",))
    dovecot.tokens["fresh-token"] = office
    file.write_text("fresh-token\n")
    await mailroom.until_kept([mail(1)])
    await door.close()
    dovecot.deliver(office, [mail(2)])
    await mailroom.open(dovecot.port, user=office, tokens=CommandToken(["printf", "fresh-token\\n"]))
    await mailroom.until_kept([mail(1), mail(2)])


async def test_a_server_that_is_restarted_is_read_on(mailroom: Mailroom, dovecot: Dovecot, office: str) -> None:
    dovecot.deliver(office, [mail(1)])
    await mailroom.open(dovecot.port, user=office)
    await mailroom.until_kept([mail(1)])
    dovecot.throw_out()
    dovecot.deliver(office, [mail(2)])
    await mailroom.until_kept([mail(1), mail(2)])
