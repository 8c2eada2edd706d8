"""Invoices out of Finvoice 3.0 files: each becomes a record of category `invoices`, its numbers become identifiers.

Whose an invoice is: the seller's number of the buyer (`SellersBuyerIdentifier`), else `BuyerCode`, else the buyer's
business id, which the register must know. A file may hold many invoices, each with its own XML declaration and a SOAP
envelope before it, as banks and operators pass them on. The parser knows no document types, so no entity can grow or
fetch anything (THREATS 50), and no invoice is larger than 16 MiB. (Finvoice 3.0 Implementation Guidelines, 10-14.)
"""

import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, ParseError

from pydantic import ValidationError

from store.importing.mapped import Found
from store.models import IdentifierKind
from store.register_lines import Problem
from store.register_shape import IdentifierEntry, RecordEntry

LARGEST_INVOICE = 16 << 20
_BEGIN = re.compile(rb"<\?xml\b[^>]*\?>")
_ROOT = re.compile(rb"<(?:[\w.-]+:)?(Finvoice|Envelope)\b")
_CHUNK = 1 << 20
BUSINESS = "business_id:"
"""Before a customer number that is a business id, to be looked up."""

_FIELDS = (
    ("number", "InvoiceDetails/InvoiceNumber", "text"),
    ("type", "InvoiceDetails/InvoiceTypeText", "text"),
    ("type_code", "InvoiceDetails/InvoiceTypeCode", "text"),
    ("invoiced_on", "InvoiceDetails/InvoiceDate", "date"),
    ("due_on", "EpiDetails/EpiPaymentInstructionDetails/EpiDateOptionDate", "date"),
    ("reference", "EpiDetails/EpiPaymentInstructionDetails/EpiRemittanceInfoIdentifier", "text"),
    ("period_from", "InvoiceDetails/InvoicingPeriodStartDate", "date"),
    ("period_to", "InvoiceDetails/InvoicingPeriodEndDate", "date"),
    ("total_without_vat", "InvoiceDetails/InvoiceTotalVatExcludedAmount", "amount"),
    ("vat", "InvoiceDetails/InvoiceTotalVatAmount", "amount"),
    ("total", "InvoiceDetails/InvoiceTotalVatIncludedAmount", "amount"),
    ("currency", "InvoiceDetails/InvoiceTotalVatIncludedAmount", "currency"),
    ("paid_to", "EpiDetails/EpiPartyDetails/EpiBeneficiaryPartyDetails/EpiAccountID", "text"),
    ("free_text", "InvoiceDetails/InvoiceFreeText", "lines"),
    ("buyer", "BuyerPartyDetails/BuyerOrganisationName", "lines"),
    ("buyer_street", "BuyerPartyDetails/BuyerPostalAddressDetails/BuyerStreetName", "lines"),
    ("buyer_postal_code", "BuyerPartyDetails/BuyerPostalAddressDetails/BuyerPostCodeIdentifier", "text"),
    ("buyer_town", "BuyerPartyDetails/BuyerPostalAddressDetails/BuyerTownName", "text"),
    ("einvoice_address", "MessageTransmissionDetails/MessageReceiverDetails/ToIdentifier", "text"),
    ("einvoice_operator", "MessageTransmissionDetails/MessageReceiverDetails/ToIntermediator", "text"),
)
_LINE = (
    ("article", "ArticleIdentifier", "text"),
    ("name", "ArticleName", "text"),
    ("quantity", "DeliveredQuantity", "amount"),
    ("unit", "DeliveredQuantity", "unit"),
    ("unit_price", "UnitPriceAmount", "amount"),
    ("vat_percent", "RowVatRatePercent", "amount"),
    ("without_vat", "RowVatExcludedAmount", "amount"),
    ("vat", "RowVatAmount", "amount"),
    ("total", "RowAmount", "amount"),
    ("free_text", "RowFreeText", "lines"),
)


def invoices(path: Path) -> Iterator[Found | Problem]:
    """What the invoices of a file say; lines count the invoices' own first lines."""
    seen = 0
    for line, octets in _documents(path):
        root = _ROOT.search(octets)
        if root is None:
            if octets.strip():
                yield Problem(line, "", "is neither a Finvoice invoice nor an envelope")
            continue
        if root.group(1) == b"Envelope" and b"<Finvoice" not in octets:
            continue
        seen += 1
        parsed = _parse(octets)
        if isinstance(parsed, str):
            yield Problem(line, "", parsed)
        else:
            yield from _invoice(line, parsed)
    if not seen:
        yield Problem(1, "", "holds no Finvoice invoice")


def _documents(path: Path) -> Iterator[tuple[int, bytes]]:
    """The XML documents of a file, each from its declaration to the next, with the number of its first line."""
    held, line = b"", 1
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            held += chunk
            at = 0
            for begin in (match.start() for match in _BEGIN.finditer(held)):
                if begin > at:
                    yield line, held[at:begin]
                    line += held[at:begin].count(b"\n")
                    at = begin
            held = held[at:]
            if len(held) > LARGEST_INVOICE:
                break
    yield line, held


def _parse(octets: bytes) -> Element | str:
    """The invoice's root, or why there is none."""
    if len(octets) > LARGEST_INVOICE:
        return f"is larger than {LARGEST_INVOICE >> 20} MiB"
    from defusedxml import DefusedXmlException  # noqa: PLC0415 - only an import loads it
    from defusedxml.ElementTree import fromstring  # noqa: PLC0415

    try:
        root: Element = fromstring(octets, forbid_dtd=True)
    except DefusedXmlException:
        return "declares a document type or entities, which no invoice needs"
    except (ParseError, ValueError, LookupError, RecursionError):
        return "is not XML that can be read"
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    found = root if root.tag == "Finvoice" else root.find(".//Finvoice")
    return found if found is not None else "holds no Finvoice invoice"


def _invoice(line: int, root: Element) -> Iterator[Found | Problem]:
    customer = _customer(root)
    if not customer:
        yield Problem(line, "SellersBuyerIdentifier", "names no customer")
        return
    fields: dict[str, Any] = {}
    for name, place, kind in _FIELDS:
        try:
            if value := _value(root, place, kind):
                fields[name] = value
        except ValueError as error:
            yield Problem(line, place.rpartition("/")[2], str(error))
            return
    if "number" not in fields:
        yield Problem(line, "InvoiceNumber", "is empty")
        return
    rows = [{n: v for n, p, k in _LINE if (v := _row_value(row, p, k))} for row in root.findall("InvoiceRow")]
    if rows:
        fields["rows"] = [row for row in rows if row]
    try:
        yield (
            line,
            "records",
            customer,
            RecordEntry.model_validate(
                {
                    "category": "invoices",
                    "kind": "invoice",
                    "fields": fields,
                    "external_id": fields["number"],
                    "recorded_at": f"{fields['invoiced_on']}T00:00:00Z" if "invoiced_on" in fields else None,
                }
            ),
        )
    except ValidationError:
        yield Problem(line, "InvoiceDetails", "cannot be kept as a record")
        return
    for kind, name in (
        (IdentifierKind.INVOICE, "number"),
        (IdentifierKind.PAYMENT_REFERENCE, "reference"),
        (IdentifierKind.EINVOICE_ADDRESS, "einvoice_address"),
    ):
        if value := str(fields.get(name, "")):
            yield line, "identifiers", customer, IdentifierEntry(kind=kind, value=value)
            if kind is IdentifierKind.EINVOICE_ADDRESS and re.fullmatch(r"[A-Z]{2}\d\d[A-Z0-9]{11,30}", value):
                yield line, "identifiers", customer, IdentifierEntry(kind=IdentifierKind.IBAN, value=value)


def _customer(root: Element) -> str:
    """The customer's number, or their business id marked as one."""
    for place in ("InvoiceDetails/SellersBuyerIdentifier", "BuyerPartyDetails/BuyerCode"):
        if number := _text(root, place):
            return number
    business = _text(root, "BuyerPartyDetails/BuyerPartyIdentifier")
    return f"{BUSINESS}{business}" if business else ""


def _text(root: Element, place: str) -> str:
    return " ".join((root.findtext(place) or "").split())


def _row_value(row: Element, place: str, kind: str) -> str:
    try:
        return _value(row, place, kind)
    except ValueError:
        return _text(row, place)  # a line's figure is kept as it stands: it is detail, no key


def _value(root: Element, place: str, kind: str) -> str:
    if kind == "lines":
        return " ".join(filter(None, (" ".join((part.text or "").split()) for part in root.findall(place))))
    if kind in {"currency", "unit"}:
        found = root.find(place)
        name = "AmountCurrencyIdentifier" if kind == "currency" else "QuantityUnitCode"
        return (found.get(name) or "") if found is not None else ""
    text = _text(root, place)
    if not text or kind == "text":
        return text
    if kind == "date":
        try:
            return datetime.strptime(text, "%Y%m%d").date().isoformat()  # noqa: DTZ007 - CCYYMMDD, a date
        except ValueError:
            raise ValueError("is no date CCYYMMDD") from None
    amount = text.replace(" ", "").replace(",", ".")
    if not re.fullmatch(r"[+-]?\d+(\.\d+)?", amount):
        raise ValueError("is no amount")
    return amount
