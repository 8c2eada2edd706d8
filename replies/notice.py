"""The controller's privacy notice as data: read once from TOML, judged, and printed into replies.

The notice has the eleven sections of a Finnish register description (DOMAIN 1) and what GDPR Art. 13-14 ask besides.
`load_notice` refuses a file with one clear sentence; `gaps` names what a notice that can be read still lacks by law.
`NOTICE_OF_THE_DEMO` is the model company's own; `deploy/notice.toml` is the same file, to start from.
"""

import difflib
import re
import tomllib
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from store.models import Source

ReplyLanguage = Literal["fi", "sv", "en"]
LANGUAGES: tuple[ReplyLanguage, ...] = get_args(ReplyLanguage)

NOTICE_OF_THE_DEMO = Path(__file__).parent / "demo" / "notice.toml"

Basis = Literal["6(1)(a)", "6(1)(b)", "6(1)(c)", "6(1)(d)", "6(1)(e)", "6(1)(f)"]
"""Letters of GDPR Art. 6(1): consent, contract, legal obligation, vital and public interest, legitimate interest."""

EEA = frozenset(
    "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IS IT LI LT LU LV MT NL NO PL PT RO SE SI SK".split(),  # noqa: SIM905 - a table
)


class NoticeError(Exception):
    """The notice cannot be used; the text is one sentence that names the file, the place and the mend."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True, str_min_length=1)


class Text(_Part):
    """The same words in the three languages of replies."""

    fi: str
    sv: str
    en: str

    def __getitem__(self, language: ReplyLanguage) -> str:
        return {"fi": self.fi, "sv": self.sv, "en": self.en}[language]


class Controller(_Part):
    """Who answers for the register (section 1; GDPR Art. 13(1)(a))."""

    name: str
    business_id: str
    """Y-tunnus, `1234567-8`, with a right check digit."""
    street: str
    postal_code: str
    city: str

    @field_validator("business_id")
    @classmethod
    def _check_digit(cls, value: str) -> str:
        if not _is_business_id(value):
            raise ValueError("is no Finnish business ID (1234567-8 with a right check digit)")
        return value


class ContactPerson(_Part):
    """Whom to ask (section 2)."""

    name: str
    title: Text
    phone: str
    email: str


class Register(_Part):
    """Which register the notice describes (section 3)."""

    name: Text


class Category(_Part):
    """One kind of data held (section 5): why, on which ground, how long. Records are filed under its `key`."""

    key: str
    label: Text
    legal_basis: tuple[Basis, ...] = Field(min_length=1)
    purpose: Text
    retention: Text
    interest: Text | None = None
    """The legitimate interest, where the ground is 6(1)(f) (Art. 13(1)(d))."""


class Sources(Text):
    """Where data come from (section 6; Art. 14(2)(f)), and the name of every `store.models.Source`."""

    names: dict[str, Text]

    @field_validator("names")
    @classmethod
    def _all_named(cls, value: dict[str, Text]) -> dict[str, Text]:
        missing = [source.value for source in Source if source.value not in value]
        if missing:
            raise ValueError(f"lacks a name for the source `{missing[0]}`")
        return value


class Recipient(_Part):
    """Who gets data as a rule, by name (section 7; C-154/21)."""

    name: str
    role: Text
    categories: tuple[str, ...] = Field(min_length=1)
    country: str
    """ISO 3166-1 alpha-2; outside the EEA it is a transfer."""


class Disclosures(Text):
    """To whom data go as a rule (section 7)."""

    recipients: tuple[Recipient, ...] = ()


class Transfers(Text):
    """Whether data leave the EU and the EEA, and with which safeguards (section 8; Art. 13(1)(f))."""

    outside_eea: bool


class Complaint(_Part):
    """The supervisory authority (Art. 13(2)(d))."""

    name: Text
    address: Text
    phone: str
    email: str
    website: str


class AutomatedDecisions(Text):
    """Whether machines decide (Art. 13(2)(f)); if so the text tells the logic and the consequences (C-203/22)."""

    made: bool


class FieldLabel(Text):
    """How a reply names a field of the register and prints its values."""

    unit: str = ""
    format: Literal["", "date", "number", "address", "text"] = ""
    values: dict[str, Text] = {}


class Labels(_Part):
    """Words for the register's own keys, and for the purposes that its logs of views and disclosures give."""

    kinds: dict[str, Text] = {}
    fields: dict[str, FieldLabel] = {}
    purposes: dict[str, Text] = {}


class SearchPlace(_Part):
    """Somewhere that holds data about customers and that this register does not: each access request asks for it."""

    key: str
    kind: Literal["system", "paper"]
    name: Text
    categories: tuple[str, ...] = Field(min_length=1)
    """What may be found there; it is told under the first."""


class Notice(_Part):
    """The whole notice. Frozen: a changed notice is another version."""

    version: str
    dated: date
    url: str = ""
    """Where customers can read it."""
    controller: Controller
    contact_person: ContactPerson
    register_: Register = Field(alias="register")
    purposes: Text
    categories: tuple[Category, ...] = Field(min_length=1)
    sources: Sources
    disclosures: Disclosures
    transfers: Transfers
    protection: Text
    inspection: Text
    rectification: Text
    complaint: Complaint
    automated_decisions: AutomatedDecisions
    rights: Text | None = None
    provision: Text | None = None
    data_protection_officer: Text | None = None
    search_places: tuple[SearchPlace, ...] = ()
    labels: Labels = Labels()
    fingerprint: str = ""
    """First 12 hex digits of the SHA-256 of the file; set by `load_notice` and printed into replies."""

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> "Notice":
        keys = [category.key for category in self.categories]
        twice = {key for key in keys if keys.count(key) > 1}
        if twice:
            raise ValueError(f"the category `{min(twice)}` stands twice in [[categories]]; keep one")
        places = [place.key for place in self.search_places]
        if len(set(places)) != len(places):
            raise ValueError("a place stands twice in [[search_places]]; keep one of each key")
        for place in self.search_places:
            for key in place.categories:
                if key not in keys:
                    raise ValueError(
                        f"search place `{place.key}` names the unknown category `{key}`{_nearest(key, keys)}"
                    )
        for recipient in self.disclosures.recipients:
            for key in recipient.categories:
                if key not in keys:
                    raise ValueError(
                        f"recipient `{recipient.name}` names the unknown category `{key}`{_nearest(key, keys)}"
                    )
            if recipient.country not in EEA and not self.transfers.outside_eea:
                raise ValueError(
                    f"[transfers] says that nothing leaves the EEA, but recipient `{recipient.name}` is in "
                    f"`{recipient.country}`; set outside_eea = true and tell the safeguards, or remove the recipient",
                )
        return self


def load_notice(path: Path) -> Notice:
    """Read the notice at `path`. Raises `NoticeError` with one sentence that names file, section and mend."""
    try:
        content = path.read_bytes()
        data = tomllib.loads(content.decode("utf-8"))
    except OSError as error:
        raise NoticeError(
            f"{path}: the privacy notice cannot be read ({error.strerror}); give the path of a notice.toml"
        ) from error
    except UnicodeDecodeError as error:
        raise NoticeError(f"{path}: the privacy notice is not UTF-8 (byte {error.start}); save it as UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise NoticeError(f"{path}: the privacy notice is not TOML: {error}; mend that line") from error
    data.pop("fingerprint", None)
    try:
        return Notice(**data, fingerprint=sha256(content).hexdigest()[:12])
    except ValidationError as error:
        raise NoticeError(f"{path}: {_sentence(error, data)}") from error


def names_telegram(notice: Notice) -> bool:
    """Whether the notice tells customers that Telegram gets data (DOMAIN 1.2): as a recipient, outside the EEA."""
    named = any("telegram" in recipient.name.casefold() for recipient in notice.disclosures.recipients)
    return named and notice.transfers.outside_eea


def gaps(notice: Notice) -> tuple[str, ...]:
    """What the notice lacks or says wrongly against GDPR Art. 13-14 (DOMAIN 1.1), one sentence each."""
    found = []
    if notice.rights is None:
        found.append("[rights] is missing: erasure, restriction, portability, objection (Art. 13(2)(b))")
    if notice.provision is None:
        found.append("[provision] is missing: whether giving the data is required (Art. 13(2)(e))")
    if notice.data_protection_officer is None:
        found.append("[data_protection_officer] is missing: who it is, or that there is none (Art. 13(1)(b))")
    if not notice.disclosures.recipients:
        found.append("[[disclosures.recipients]] names nobody: recipients in plain words (Art. 13(1)(e), C-154/21)")
    found += [
        f"category `{category.key}` rests on legitimate interest but names none (Art. 13(1)(d))"
        for category in notice.categories
        if "6(1)(f)" in category.legal_basis and category.interest is None
    ]
    retentions = {category.retention.fi for category in notice.categories}
    if len(notice.categories) > 1 and len(retentions) == 1:
        found.append("all categories have the same retention: justify it for each (Forenom, 2206/171/20)")
    return (*found, *_stale_words(notice))


_OLD_LAW = re.compile(r"henkilötietola|523/1999|personuppgiftslag|personal data act", re.IGNORECASE)
_OLD_REGISTER = re.compile(r"väestörekisterikesku|befolkningsregistercentral", re.IGNORECASE)
_FORM_DEMANDED = re.compile(r"allekirjoitet|omakäti|egenhändig|undertecknad|signed", re.IGNORECASE)


def _stale_words(notice: Notice) -> list[str]:
    found = []
    words = notice.model_dump_json(exclude={"labels"})
    if _OLD_LAW.search(words):
        found.append("cites the repealed personal data act 523/1999: GDPR and act 1050/2018 govern")
    sources = notice.sources.fi
    if _OLD_REGISTER.search(sources) and "Digi- ja väestötietovirasto" not in sources:
        found.append("[sources] names Väestörekisterikeskus: since 2020 Digi- ja väestötietovirasto")
    for name, text in (("inspection", notice.inspection), ("rectification", notice.rectification)):
        if any(_FORM_DEMANDED.search(text[language]) for language in LANGUAGES):
            found.append(f"[{name}] demands a signed request: no form may be required (Art. 12(2))")
    return found


def _is_business_id(value: str) -> bool:
    """Whether `value` is a Y-tunnus: seven digits, weights 7 9 10 5 8 4 2, remainder 1 never given out."""
    if not re.fullmatch(r"\d{7}-\d", value):
        return False
    remainder = sum(int(digit) * weight for digit, weight in zip(value[:7], (7, 9, 10, 5, 8, 4, 2), strict=True)) % 11
    return remainder != 1 and int(value[-1]) == (0 if remainder == 0 else 11 - remainder)


def _sentence(error: ValidationError, data: dict[str, Any]) -> str:
    """One finding of `error` as one sentence about the TOML file: a misspelt key before the one it leaves missing."""
    first = min(error.errors(), key=lambda finding: finding["type"] != "extra_forbidden")
    *path, last = first["loc"] or ("",)
    if isinstance(last, int) and path:
        last = path.pop()
    where = _place(path, data)
    if first["type"] == "missing":
        if not path:
            return f"section [{last}] is missing; add it (see deploy/notice.toml)"
        return f"{where} lacks `{last}`; add it"
    if first["type"] == "extra_forbidden":
        known = _keys_at(tuple(path))
        return f"{where} has the unknown key `{last}`{_nearest(str(last), known)}"
    complaint = first["msg"].removeprefix("Value error, ")
    if not first["loc"]:
        return complaint
    return f"{where}: `{last}` is wrong: {complaint[:1].lower()}{complaint[1:]}; mend it"


def _place(path: list[int | str], data: dict[str, Any]) -> str:
    """`[controller]`, or `[[categories]] "contracts"` for the third of a list."""
    if not path:
        return "the top of the file"
    names: list[str] = []
    which = ""
    node: Any = data
    for step in path:
        node = _step_into(node, step)
        if isinstance(step, int):
            label = node.get("key") or node.get("name") if isinstance(node, dict) else None
            which = f' "{label}"' if isinstance(label, str) else f" number {step + 1}"
        else:
            names.append(step)
    dotted = ".".join(names)
    return f"[[{dotted}]]{which}" if which and isinstance(path[-1], int) else f"[{dotted}]{which}"


def _step_into(node: Any, step: int | str) -> Any:
    """What stands at `step` in a table or a list of the file; None where nothing does."""
    if isinstance(node, dict):
        return node.get(step)
    return node[step] if isinstance(node, list) and isinstance(step, int) and step < len(node) else None


_TABLES: dict[str, type[BaseModel]] = {
    "controller": Controller,
    "contact_person": ContactPerson,
    "register": Register,
    "categories": Category,
    "sources": Sources,
    "disclosures": Disclosures,
    "disclosures.recipients": Recipient,
    "transfers": Transfers,
    "complaint": Complaint,
    "automated_decisions": AutomatedDecisions,
    "search_places": SearchPlace,
    "labels": Labels,
}


def _keys_at(path: tuple[int | str, ...]) -> list[str]:
    dotted = ".".join(step for step in path if isinstance(step, str))
    model = _TABLES.get(dotted, Text) if dotted else Notice
    return [info.alias or name for name, info in model.model_fields.items() if name != "fingerprint"]


def _nearest(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean `{near[0]}`?" if near else f"; known are {', '.join(known)}"
