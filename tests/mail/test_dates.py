"""The Date field as people and their programs write it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail.dates import iso_date

SAID = "2005-05-02T16:07:05+02:00"


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("Mon, 2 May 2005 16:07:05 +0200", SAID),
        ("mon, 02 may 2005 16:07:05 +0200 (CEST)", SAID),
        ("Monday, May 2, 2005 4:07:05 PM +0200", SAID),
        ("Mon, 02 May 2005 16:07:05 GMT+0200", SAID),
        ("Mon, 02 May 2005 16:07:05 GMT+02:00", SAID),
        ("Mon, 02 May 2005 16:07:05 UTC+2", SAID),
        ("Mon, 02 May 2005 16:07:05 +02:00", SAID),
        ("Mon, 02 May 2005 16:07:05 +200", SAID),
        ("Mon, 02 May 2005 16:07:05 CEST", SAID),
        ("Mon, 02 May 2005 16:07:05 MET DST", SAID),
        ("Mon,02-May-05 16.07.05+0200", SAID),
        ("(a) Mon (b), 2 (c (d)) May 2005 16(e) : 07 : 05 +0200 (\\) f)", SAID),
        ("Mon, 2 May 105 16:07:05 +0200", SAID),
        ("2005-05-02T16:07:05+02:00", SAID),
        ("2005-05-02 16:07:05 +0200", SAID),
        ("2005-05-02T14:07:05.250Z", "2005-05-02T14:07:05.250000+00:00"),
        ("ma, 2 touko 2005 16:07:05 +0200", SAID),
        ("mån, 2 maj 2005 16:07:05 +0200", SAID),
        ("lun., 2 mai 2005 16:07:05 +0200", SAID),
        ("Mo, 2 Mai 2005 16:07:05 +0200", SAID),
        ("to, 3 marras 2005 16:07:05 +0200", "2005-11-03T16:07:05+02:00"),
        ("to, 3 maalis 2005 16:07:05 +0200", "2005-03-03T16:07:05+02:00"),
        ("Mon May  2 16:07:05 2005", "2005-05-02T16:07:05"),
        ("Mon May  2 16:07:05 EST 2005", "2005-05-02T16:07:05-05:00"),
        ("Mon, 2 May 2005 16:07", "2005-05-02T16:07:00"),
        ("Mon, 2 May 2005 16:07:05 -0330", "2005-05-02T16:07:05-03:30"),
        ("Mon, 2 May 2005 16:07:05 -0000", "2005-05-02T16:07:05+00:00"),
        ("Mon, 2 May 2005 16:07:05 Q", "2005-05-02T16:07:05"),
        ("21 Nov 49 09:55:06 GMT", "2049-11-21T09:55:06+00:00"),
        ("21 Nov 50 09:55:06 GMT", "1950-11-21T09:55:06+00:00"),
        ("Sat, 31 Dec 2016 23:59:60 +0000", "2017-01-01T00:00:00+00:00"),
    ],
)
def test_a_date_is_read_in_every_form_that_says_when(written: str, meant: str) -> None:
    assert iso_date(written) == meant


@pytest.mark.parametrize(
    "written",
    [
        "",
        "eilen",
        "05/02/2005 16:07:05 +0200",
        "Pn, 29 paX 2007 21:13:00 +0100",
        "Mon, 2 May 2005 25:07:05 +0200",
        "Mon, 31 Feb 2005 16:07:05 +0200",
        "Mon, 2 May 2005 16:0752 +0200",
        "Mon, 2 May 2005 16:07:05 -07001",
    ],
)
def test_a_date_that_could_mean_two_things_is_shown_as_it_stands(written: str) -> None:
    assert iso_date(written) == written


@given(st.text(alphabet="Mon, 2May05:16+-()\\\"'.TZäPM\t\n", max_size=500) | st.text(max_size=100))
def test_whatever_stands_in_the_field_something_is_shown(written: str) -> None:
    assert bool(iso_date(written)) == bool(written)
