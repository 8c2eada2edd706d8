"""What the controller has settled, as the plain values that the parts get: `explain` and the app read it alike."""

from pathlib import Path

from bot.config import ConfigError, Settings, resolve
from bot.intake.prepare import Preparing
from bot.rules.verdicts import Policy
from mail.addresses import normalise_address
from mail.understand import Trust
from replies.notice import Notice, load_notice, names_telegram


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


def trust_of(settings: Settings) -> Trust:
    """Whose word on a mail's origin counts at the SMTP door."""
    own = tuple(settings.controller.addresses)
    domains = (settings.controller.domain,)
    if settings.smtp is None:
        return Trust(own_addresses=own, own_domains=domains)
    return Trust(
        authserv_id=settings.smtp.authserv_id,
        own_hosts=tuple(settings.smtp.own_hosts),
        results_position=settings.smtp.results_position,
        own_addresses=own,
        own_domains=domains,
    )


def preparing_of(settings: Settings, notice: Notice) -> Preparing:
    """The part that `explain` and intake share."""
    return Preparing(policy=policy_of(settings), notice=notice, on_call=settings.controller.on_call_number)


def notice_of(settings: Settings, config_path: Path) -> Notice:
    """The controller's notice. A configuration that breaks its word raises `ConfigError`, a bad one `NoticeError`."""
    notice = load_notice(resolve(config_path, settings.controller.notice))
    if settings.telegram is not None and settings.telegram.customers and not names_telegram(notice):
        raise ConfigError(
            f"{config_path}: [telegram] customers = true, but the notice names no Telegram among its recipients; "
            "amend the notice (its sections 7 and 8) or set customers = false"
        )
    return notice
