"""The published shape of the machine-readable copy (`dossier.json`), version 1: what may be relied on.

The JSON Schema made from these models lies in every package as `schema.json` and in `docs/`. Keys are added, never
renamed; what would break a reader gets another version.
"""

from datetime import date, datetime
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

FORMAT = "kirjaamo-dossier"
VERSION = 1
SCHEMA_DIALECT = "https://json-schema.org/draft/2020-12/schema"

PackageKind = Literal["access", "portability"]
"""GDPR Art. 15: everything; Art. 20: what the person provided, on contract or consent."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Item(_Part):
    """One thing held."""

    kind: str = Field(description="What it is; named in labels.kinds")
    fields: dict[str, str | int | float] = Field(description="Values as in the register; dates are YYYY-MM-DD")
    source: str = Field(description="Where it came from; named in labels.sources")
    recorded_on: date
    masked: dict[str, int] = Field(default={}, description="Why something was taken out of it, and how often")


class CategoryOfData(_Part):
    """One category of the privacy notice; without items nothing is held in it."""

    key: str
    label: str
    purpose: str
    legal_basis: list[str] = Field(description="Letters of GDPR Art. 6(1)")
    retention: str
    items: list[Item]


class Recipient(_Part):
    """Who has received data."""

    name: str
    purpose: str
    first_on: date
    last_on: date


class Viewed(_Part):
    """A day on which the data were looked at."""

    on: date
    purpose: str


class Omission(_Part):
    """What was left out or masked; without a count where a number would tell of another person."""

    reason: str
    category: str
    count: int | None


class Controller(_Part):
    """Who answers for the register."""

    name: str
    business_id: str
    email: str


class NoticeVersion(_Part):
    """Which privacy notice was in force."""

    version: str
    dated: date
    url: str
    fingerprint: str


class Labels(_Part):
    """Words for keys, in the language of the answer."""

    kinds: dict[str, str]
    fields: dict[str, str] = Field(description="By category.kind.field")
    units: dict[str, str] = Field(description="By category.kind.field")
    sources: dict[str, str]
    reasons: dict[str, str]


class CopyOfData(_Part):
    """All that was held about one person at one moment."""

    format: Literal["kirjaamo-dossier"]
    version: Literal[1]
    kind: PackageKind
    reference: str
    language: Literal["fi", "sv", "en"]
    as_of: AwareDatetime
    controller: Controller
    notice: NoticeVersion
    register_: str = Field(alias="register")
    labels: Labels
    categories: list[CategoryOfData]
    recipients: list[Recipient]
    viewed: list[Viewed]
    left_out: list[Omission]


def package_schema() -> dict[str, Any]:
    """The JSON Schema of `dossier.json`."""
    return {"$schema": SCHEMA_DIALECT, "$id": f"{FORMAT}-{VERSION}.schema.json", **CopyOfData.model_json_schema()}


def moment_text(moment: datetime) -> str:
    """A moment as `dossier.json` writes it."""
    return moment.isoformat(timespec="seconds")
