"""django-helpdesk's mail-to-ticket, the other side of the whole path. Runs in an environment of its own.

    build/bench-venv/bin/python tests/bench/their_desk.py FOLDER MAILS

MAILS holds one JSON string a line, each a mail. Every number read from standard input is how many of the next mails to
take in by `helpdesk.email.extract_email_metadata`, as its `get_email` command does for each; what it cost in seconds,
by the clock and of the processor, is printed. SQLite on disk as Django sets it up, its own templates, the automatic
answer on, sent into memory.
"""

import json
import logging
import sys
import time
from pathlib import Path

import django
from django.conf import settings
from django.core import mail
from django.core.management import call_command
from django.urls import include
from django.urls import path as urls


def main(folder: Path, mails: Path) -> None:
    """Answer every number until the end of input."""
    settings.configure(
        SECRET_KEY="for a measurement only",
        INSTALLED_APPS=[
            "django.contrib.admin",
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.sessions",
            "django.contrib.messages",
            "django.contrib.sites",
            "django.contrib.humanize",
            "rest_framework",
            "helpdesk",
        ],
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": folder / "helpdesk.db"}},
        EMAIL_BACKEND="django.core.mail.backends.locmem.EmailBackend",
        DEFAULT_FROM_EMAIL="asiakaspalvelu@lampo.test",
        DEFAULT_AUTO_FIELD="django.db.models.AutoField",
        MEDIA_ROOT=folder / "media",
        TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}],
        SITE_ID=1,
        USE_TZ=True,
        HELPDESK_TEAMS_MODE_ENABLED=False,
        HELPDESK_AUTO_SUBSCRIBE_ON_TICKET_RESPONSE=False,
        LOGGING_CONFIG=None,
    )
    django.setup()
    settings.ROOT_URLCONF = (urls("", include("helpdesk.urls")),)
    logging.disable(logging.CRITICAL)
    call_command("migrate", verbosity=0)
    call_command("loaddata", "emailtemplate.json", verbosity=0)
    _serve(mails)


def _serve(mails: Path) -> None:
    # Models can be imported only once Django is set up.
    from helpdesk.email import extract_email_metadata  # noqa: PLC0415
    from helpdesk.models import Queue, Ticket  # noqa: PLC0415

    queue = Queue.objects.create(
        title="Asiakaspalvelu",
        slug="ap",
        email_address="asiakaspalvelu@lampo.test",
        allow_email_submission=True,
        email_box_type="local",
    )
    mail.outbox = []
    log = logging.getLogger("helpdesk")
    waiting = (json.loads(line) for line in mails.open(encoding="utf-8"))
    print("ready", flush=True)
    for line in sys.stdin:
        count = int(line)
        tickets, answers = Ticket.objects.count(), len(mail.outbox)
        begun, spent = time.perf_counter(), time.process_time()
        for _ in range(count):
            extract_email_metadata(next(waiting), queue, log)
        seconds, spent = time.perf_counter() - begun, time.process_time() - spent
        done = Ticket.objects.count() - tickets, len(mail.outbox) - answers
        if min(done) < count:
            raise SystemExit(f"of {count} mails came {done[0]} tickets and {done[1]} answers")
        print(seconds, spent, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
