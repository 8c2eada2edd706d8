"""What the controller has settled, as the plain values that the parts get: `explain` and the app read it alike."""

import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from bot.canary import Canary
from bot.config import ConfigError, Settings, resolve
from bot.copies import CopyOrder, make_copy
from bot.intake.prepare import Preparing
from bot.mail_tables import DoorTable, split_nameserver
from bot.packing import Packing
from bot.rules.policy import SPOKEN
from bot.rules.verdicts import Policy
from mail.addresses import normalise_address
from mail.signed_address import OwnAddresses
from mail.understand import Trust
from mail.worker import Workers
from replies.notice import Notice, ReplyLanguage, load_notice, names_telegram
from store.database import Database
from store.draft_files import FilesOrder

if TYPE_CHECKING:
    from replies.package import PackedFile


def policy_of(settings: Settings) -> Policy:
    """What the rules need of the configuration, as plain values."""
    return Policy(
        time_zone=settings.controller.time_zone,
        language=settings.controller.language,
        own_addresses=tuple(normalise_address(one) for one in settings.controller.addresses),
        eves_closed=settings.policy.eves_closed,
        target_working_days=dict(settings.policy.target_working_days),
        customer_number_pattern=settings.policy.customer_number_pattern,
    )


def trusts_of(settings: Settings) -> dict[str, Trust]:
    """Whose word on a mail's origin counts, by the name of the door it came by."""
    doors: dict[str, DoorTable] = {}
    if settings.smtp is not None:
        doors["smtp"] = settings.smtp
    doors |= {f"imap.{name}": table for name, table in settings.imap.items()}
    return {name: _trust(settings, table) for name, table in doors.items()}


def trust_of(settings: Settings) -> Trust:
    """The trust for a mail out of a file: the SMTP door's, else the first mailbox's, else that of nobody."""
    trusts = trusts_of(settings)
    return trusts.get("smtp") or next(iter(trusts.values()), _trust(settings, DoorTable()))


def _trust(settings: Settings, door: DoorTable) -> Trust:
    return Trust(
        authserv_id=door.authserv_id,
        own_hosts=tuple(door.own_hosts),
        results_position=door.results_position,
        verify=door.verify,
        nameservers=tuple(split_nameserver(one) for one in door.nameservers),
        arc_sealers=tuple(door.arc_sealers),
        own_addresses=tuple(settings.controller.addresses),
        own_domains=(settings.controller.domain,),
    )


def own_addresses_of(settings: Settings) -> OwnAddresses:
    """The addresses that customers write to, to be signed and to be known again."""
    return OwnAddresses(tuple(settings.controller.addresses))


def preparing_of(settings: Settings, notice: Notice) -> Preparing:
    """The part that `explain` and intake share."""
    return Preparing(
        policy=policy_of(settings),
        notice=notice,
        on_call=settings.controller.on_call_number,
        addresses=own_addresses_of(settings),
    )


def packing_of(
    settings: Settings,
    notice: Notice,
    *,
    database: Database,
    workers: Workers,
    clock: Callable[[], datetime],
    wake: Callable[[], None],
) -> Packing:
    """The part that gives access drafts their files; `workers` are its own."""
    controller = settings.controller

    async def make(order: FilesOrder) -> "tuple[PackedFile, ...]":
        copy = copy_order(order, controller.language, controller.time_zone)
        return await workers.run(make_copy, database.url, copy, notice)

    return Packing(database=database, make=make, clock=clock, wake=wake)


def copy_order(order: FilesOrder, language: ReplyLanguage, time_zone: str) -> CopyOrder:
    """The order of a draft as the worker gets it; `language` is the controller's own, for a draft in none of ours."""
    portable = order.template == "portability_copy"
    kind = "portability" if portable else "access"
    return CopyOrder(
        customer_id=order.customer_id,
        as_of=order.as_of,
        portable=portable,
        language=SPOKEN.get(order.language, language),
        reference=order.reference,
        name=f"{kind}-{order.reference}",
        time_zone=time_zone,
        request_id=order.request_id,
    )


def canary_of(
    settings: Settings, *, database: Database, clock: Callable[[], datetime], new_message_id: Callable[[], str]
) -> Canary:
    """The canary, or one that flies nowhere where none is configured: then what an earlier one left is ended."""
    table = settings.canary
    return Canary(
        database=database,
        clock=clock,
        addresses=table.addresses if table else (),
        every=timedelta(minutes=table.every_minutes if table else 60),
        alarm_after=timedelta(minutes=table.alarm_after_minutes if table else 15),
        language=settings.controller.language,
        time_zone=settings.controller.time_zone,
        staff=settings.controller.digest_addresses,
        desk_url=settings.web.public_url,
        new_message_id=new_message_id,
        new_token=partial(secrets.token_hex, 16),
    )


def notice_of(settings: Settings, config_path: Path) -> Notice:
    """The controller's notice. A configuration that breaks its word raises `ConfigError`, a bad one `NoticeError`."""
    notice = load_notice(resolve(config_path, settings.controller.notice))
    if settings.telegram is not None and settings.telegram.customers and not names_telegram(notice):
        raise ConfigError(
            f"{config_path}: [telegram] customers = true, but the notice names no Telegram among its recipients; "
            "amend the notice (its sections 7 and 8) or set customers = false"
        )
    return notice
