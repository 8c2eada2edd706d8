"""What the service would do with a message, and why: the same understanding and the same assessment, nothing written.

The message comes from a file, so there is no envelope: its Return-Path stands for the envelope sender, and where there
is none, the From address does. Without a configuration the demo's register, notice and policy are used.
"""

import asyncio
import logging
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from bot.intake.prepare import Preparing, plain_assessment
from bot.rules.verdicts import Assessment, DraftPlan
from bot.understanding import understood
from mail.envelope import return_path
from mail.message import Envelope, InboundMessage, RawMessage
from mail.understand import Trust
from mail.worker import Workers
from store.database import Database, is_away
from store.sample import load_sample
from store.schema import upgrade

log = logging.getLogger(__name__)

BATCH = 16
DEMO_CUSTOMERS = 40


class Explainer:
    """Explains messages against one register."""

    def __init__(self, *, database: Database, preparing: Preparing, trust: Trust, workers: Workers) -> None:
        self._database = database
        self._preparing = preparing
        self._trust = trust
        self._workers = workers

    async def explain(self, files: Sequence[Path], received_at: datetime) -> AsyncIterator[dict[str, Any]]:
        """One object for each file, in order, whatever the files hold; what trips the rules is a plain ticket.

        Raises `OSError` for one that is not there.
        """
        for start in range(0, len(files), BATCH):
            chosen = files[start : start + BATCH]
            contents = await asyncio.gather(*(asyncio.to_thread(path.read_bytes) for path in chosen))
            raws = [_raw(content, received_at) for content in contents]
            messages = await understood(self._workers, [(raw, self._trust) for raw in raws])
            for path, raw, message in zip(chosen, raws, messages, strict=True):
                yield await self._one(path, raw, message)

    async def _one(self, path: Path, raw: RawMessage, message: InboundMessage) -> dict[str, Any]:
        sender = raw.envelope.sender if return_path(raw.content) is not None else message.from_address
        try:
            assessment, _ = await self._database.read(
                lambda session: self._preparing.judge(session, message, sender, raw.received_at)
            )
        except Exception as error:
            if is_away(error):
                raise
            log.warning("message could not be judged error=%s", type(error).__name__)
            assessment = plain_assessment(message, raw.received_at)
        return as_object(str(path), message, assessment)


def _raw(content: bytes, received_at: datetime) -> RawMessage:
    sender = return_path(content)
    # An unknown envelope sender must not look like the null one, which only machines use (RFC 5321, 4.5.5).
    envelope = Envelope(sender=UNKNOWN_SENDER if sender is None else sender)
    return RawMessage("email", "smtp", content, "message/rfc822", envelope, received_at)


UNKNOWN_SENDER = "unknown@invalid"


def as_object(file: str, message: InboundMessage, assessment: Assessment) -> dict[str, Any]:
    """The stable keys of DESIGN 3."""
    who = assessment.identification
    acknowledgement = assessment.acknowledgement
    return {
        "file": file,
        "message": {
            "subject": message.subject,
            "from": message.from_text,
            "from_address": message.from_address,
            "to": list(message.to),
            "cc": list(message.cc),
            "reply_to": list(message.reply_to),
            "date": message.date,
            "message_id": message.message_id,
            "in_reply_to": message.in_reply_to,
            "references": list(message.references),
            "language": message.language,
            "text": message.text,
            "new_text": message.new_text,
            "attachments": [
                {"name": one.name, "type": one.media_type, "size": one.size, "sha256": one.sha256}
                for one in message.attachments
            ],
        },
        "automatic": {
            "kind": assessment.automatic.kind,
            "failed_recipients": list(assessment.automatic.failed_recipients),
            "may_acknowledge": assessment.automatic.may_acknowledge,
            "reasons": list(assessment.automatic.reasons),
        },
        "authentication": {
            "verdict": assessment.authentication.verdict,
            "domain": assessment.authentication.domain,
            "reasons": list(assessment.authentication.reasons),
        },
        "identification": {
            "level": who.level.value,
            "customer": who.customer,
            "candidates": list(who.candidates),
            "reasons": list(who.reasons),
        },
        "requests": [
            {"type": one.kind.value, "confidence": one.confidence, "reasons": list(one.reasons)}
            for one in assessment.requests
        ],
        "due_at": assessment.due_on.isoformat() if assessment.due_on else None,
        "ticket": assessment.placement,
        "acknowledgement": {
            "to": acknowledgement.to if acknowledgement else None,
            "language": acknowledgement.language if acknowledgement else _speakable(message.language),
        },
        "draft": _draft(assessment.drafts[0]) if assessment.drafts else None,
        "flags": [*assessment.flags, *message.problems],
    }


def _speakable(language: str) -> str | None:
    return language if language != "other" else None


def _draft(plan: DraftPlan) -> dict[str, Any]:
    return {
        "template": plan.template,
        "language": plan.language,
        "recipient": {"kind": plan.recipient.kind.value, "contact_point": plan.recipient.contact_point_id},
        "holds_data": plan.holds_data,
    }


@asynccontextmanager
async def explainer(preparing: Preparing, trust: Trust, database_url: str | None) -> AsyncIterator[Explainer]:
    """An explainer on the database at `database_url`, or on a fresh copy of the demo's register."""
    workers = Workers(count=1)
    with tempfile.TemporaryDirectory(prefix="kirjaamo-") as folder:
        database = Database(database_url or f"sqlite:///{folder}/demo.db")
        try:
            if database_url is None:
                upgrade(database)
                load_sample(database, DEMO_CUSTOMERS)
            yield Explainer(database=database, preparing=preparing, trust=trust, workers=workers)
        finally:
            await workers.close()
            database.close()
