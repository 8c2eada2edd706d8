"""What the tests of replies share: the demo's notice, Aino's dossier, one way to write anything."""

from collections.abc import Callable
from datetime import UTC, date, datetime

import pytest

from replies.acknowledgement import write_acknowledgement, write_chat_receipt, write_duty_alert, write_summary
from replies.draft import write
from replies.notice import NOTICE_OF_THE_DEMO, Notice, ReplyLanguage, load_notice
from replies.render import Words
from store.models import DisclosedTo, Dossier, Held, HeldCategory

REFERENCE = "KL-7F3K-92QD"
DESK = "https://desk.lampo.test/t/7"
ON_CALL = "+358 40 000 0011"
ANY_DUE_DATE = date(2026, 12, 22)

Write = Callable[..., Words]


@pytest.fixture(scope="session")
def notice() -> Notice:
    return load_notice(NOTICE_OF_THE_DEMO)


@pytest.fixture(scope="session")
def aino() -> Dossier:
    """What the register holds about Aino Esimerkkilä, customer 100234."""

    def held(kind: str, source: str, **fields: str) -> Held:
        return Held(kind, tuple(fields.items()), source, date(2024, 3, 1))

    readings = tuple(
        held(
            "reading",
            "meter",
            meter="M-4471",
            read_at=f"2026-{month:02}-01",
            mwh=f"{100 + month}.5",
            quality="measured",
        )
        for month in range(1, 11)
    )
    return Dossier(
        customer_key="100234",
        customer_name="Aino Esimerkkilä",
        as_of=datetime(2026, 11, 22, 22, 30, tzinfo=UTC),
        categories=(
            HeldCategory(
                "basic",
                (
                    held(
                        "customer",
                        "migration",
                        name="Aino Esimerkkilä",
                        customer_number="100234",
                        customer_kind="person",
                    ),
                    held("email", "customer", email="aino.esimerkkila@posti.test"),
                    held("postal", "population_register", postal="Mallikatu 1 A 2\n85100 Kalajoki"),
                ),
            ),
            HeldCategory("contracts", (held("heat_contract", "contract", contract_number="LS-2011-77", flow="0.25"),)),
            HeldCategory("deliveries", readings),
            HeldCategory("invoices", (held("invoice", "contract", invoice="L-881", amount="148.11", status="paid"),)),
            HeldCategory(
                "contacts", (held("call", "staff", date="2025-02-03", text="Soitti laskusta.\nLuvattiin kopio."),)
            ),
            HeldCategory("faults", ()),
        ),
        disclosures=(DisclosedTo("Välittäjä Oy", "laskujen välitys", date(2024, 1, 1), date(2026, 11, 1)),),
        views=((date(2026, 11, 23), "tarkastuspyyntöön vastaaminen"),),
    )


@pytest.fixture(scope="session")
def write_any(notice: Notice, aino: Dossier) -> Write:
    """Writes whatever the catalogue names, with Aino's dossier for those who may see it."""

    def written(
        template: str, language: ReplyLanguage, due_on: date | None = ANY_DUE_DATE, on_call: str = ON_CALL
    ) -> Words:
        received_on = date(2026, 11, 22)
        if template == "duty_alert":
            return write_duty_alert(language, reference=REFERENCE, desk_url=DESK)
        if template == "chat_receipt":
            return write_chat_receipt(language, reference=REFERENCE)
        if template in {"acknowledgement", "acknowledgement_summary"}:
            automatic = write_acknowledgement if template == "acknowledgement" else write_summary
            return automatic(
                language, reference=REFERENCE, received_on=received_on, due_on=due_on, notice=notice, on_call=on_call
            )
        return write(
            template,
            language,
            reference=REFERENCE,
            received_on=received_on,
            today=date(2026, 11, 23),
            due_on=due_on,
            notice=notice,
            on_call=on_call,
            dossier=aino,
        )

    return written
