"""Finvoice invoices as records with their lines, and as the numbers by which a customer may be named."""

from pathlib import Path

import pytest

from store.database import Database
from store.models import Identifier, Record
from tests.store.importing_files import LATER, aino, counts, jsonl, rows, take

INVOICE = """<?xml version="1.0" encoding="{encoding}"?>
<Finvoice Version="3.0">
 <MessageTransmissionDetails><MessageReceiverDetails>
  <ToIdentifier>FI9399999900000014</ToIdentifier><ToIntermediator>TESTFIHH</ToIntermediator>
 </MessageReceiverDetails></MessageTransmissionDetails>
 <BuyerPartyDetails>{buyer}<BuyerOrganisationName>Aino Esimerkkilä</BuyerOrganisationName>
  <BuyerPostalAddressDetails><BuyerStreetName>Testikuja 3</BuyerStreetName><BuyerTownName>Kalajoki</BuyerTownName>
  <BuyerPostCodeIdentifier>85100</BuyerPostCodeIdentifier></BuyerPostalAddressDetails></BuyerPartyDetails>
 <InvoiceDetails><InvoiceTypeCode>INV01</InvoiceTypeCode><InvoiceTypeText>LASKU</InvoiceTypeText>
  <InvoiceNumber>{number}</InvoiceNumber><InvoiceDate Format="CCYYMMDD">{day}</InvoiceDate>{seller}
  <InvoiceTotalVatIncludedAmount AmountCurrencyIdentifier="EUR">{total}</InvoiceTotalVatIncludedAmount>
  <InvoiceFreeText>Hyvää päivää</InvoiceFreeText></InvoiceDetails>
 <InvoiceRow><ArticleName>Energiamaksu</ArticleName><DeliveredQuantity QuantityUnitCode="MWh">8,2</DeliveredQuantity>
  <RowAmount AmountCurrencyIdentifier="EUR">677,48</RowAmount></InvoiceRow>
 <InvoiceRow><ArticleName>Vesivirtamaksu</ArticleName></InvoiceRow>
 <EpiDetails><EpiPartyDetails><EpiBeneficiaryPartyDetails>
  <EpiAccountID IdentificationSchemeName="IBAN">FI7199999900000022
  </EpiAccountID></EpiBeneficiaryPartyDetails></EpiPartyDetails><EpiPaymentInstructionDetails>
  <EpiRemittanceInfoIdentifier IdentificationSchemeName="SPY">1002340</EpiRemittanceInfoIdentifier>
  <EpiDateOptionDate Format="CCYYMMDD">20260223</EpiDateOptionDate></EpiPaymentInstructionDetails></EpiDetails>
</Finvoice>
"""
ENVELOPE = """<?xml version="1.0" encoding="UTF-8"?>
<SOAP-ENV:Envelope xmlns:SOAP-ENV="http://schemas.xmlsoap.org/soap/envelope/"><SOAP-ENV:Header/></SOAP-ENV:Envelope>
"""


def invoice(number: str = "20261", total: str = "1 148,11", **given: str) -> str:
    """One invoice."""
    said = {"encoding": "ISO-8859-15", "buyer": "", "day": "20260209"}
    said |= {"seller": "<SellersBuyerIdentifier>100234</SellersBuyerIdentifier>"} | given
    return INVOICE.format(number=number, total=total, **said)


def file_of(folder: Path, *texts: str, encoding: str = "iso-8859-15") -> Path:
    """A file of one document after the other."""
    path = folder / "laskut.xml"
    path.write_bytes("".join(texts).encode(encoding))
    return path


@pytest.fixture
def known(sqlite_database: Database, tmp_path: Path) -> Database:
    """A register with Aino and a company in it."""
    company = {"customer_number": "300010", "kind": "company", "name": "Koepaja Oy"}
    company["identifiers"] = [{"kind": "business_id", "value": "9999991-7"}]  # type: ignore[assignment]
    take(sqlite_database, jsonl(tmp_path, aino(), company))
    return sqlite_database


def test_an_invoice_is_a_record_with_its_lines_and_numbers(known: Database, tmp_path: Path) -> None:
    file = file_of(tmp_path, ENVELOPE, invoice(), ENVELOPE, invoice("20262"))
    assert counts(take(known, file, LATER)) == {"identifier": {"new": 5}, "record": {"new": 2}}
    fields = rows(known, Record)[0].fields
    assert (fields["total"], fields["currency"], fields["due_on"]) == ("1148.11", "EUR", "2026-02-23")
    assert (fields["buyer"], fields["free_text"]) == ("Aino Esimerkkilä", "Hyvää päivää")
    assert fields["paid_to"] == "FI7199999900000022"
    assert fields["rows"] == [
        {"name": "Energiamaksu", "quantity": "8.2", "unit": "MWh", "total": "677.48"}, {"name": "Vesivirtamaksu"}
    ]  # fmt: skip
    assert {(one.kind.value, one.normalised) for one in rows(known, Identifier)[1:]} == {
        ("invoice", "20261"), ("invoice", "20262"), ("payment_reference", "1002340"),
        ("einvoice_address", "FI9399999900000014"), ("iban", "FI9399999900000014"),
    }  # fmt: skip


def test_the_same_invoice_again_is_the_same_and_a_changed_one_its_successor(known: Database, tmp_path: Path) -> None:
    take(known, file_of(tmp_path, invoice()))
    assert counts(take(known, file_of(tmp_path, invoice()), LATER))["record"] == {"unchanged": 1}
    assert counts(take(known, file_of(tmp_path, invoice(total="5")), LATER))["record"] == {"changed": 1}


def test_a_company_is_known_by_its_business_id(known: Database, tmp_path: Path) -> None:
    buyer = "<BuyerPartyIdentifier>99999917</BuyerPartyIdentifier>"
    take(known, file_of(tmp_path, invoice(seller="", buyer=buyer)))
    assert rows(known, Record)[0].customer_id == 2


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (invoice(seller=""), (1, "SellersBuyerIdentifier")),
        (invoice(seller="<SellersBuyerIdentifier>77</SellersBuyerIdentifier>"), (1, "customer_number")),
        (invoice(seller="", buyer="<BuyerPartyIdentifier>9999992-5</BuyerPartyIdentifier>"), (1, "customer_number")),
        (ENVELOPE + invoice(day="eilen"), (3, "InvoiceDate")),
        (invoice(total="paljon"), (1, "InvoiceTotalVatIncludedAmount")),
        (invoice(number=""), (1, "InvoiceNumber")),
        (invoice()[:300], (1, "")),
        (ENVELOPE, (1, "")),
        ("", (1, "")),
        ("<html/>", (1, "")),
        (invoice().replace("<Finvoice", '<!DOCTYPE f [<!ENTITY a SYSTEM "file:///etc/passwd">]><Finvoice'), (1, "")),
        (invoice().replace("<Finvoice", '<!DOCTYPE f [<!ENTITY a "aaa">]><Finvoice'), (1, "")),
    ],
)
def test_what_cannot_be_taken_in_is_named_and_nothing_of_the_file_stays(
    known: Database, tmp_path: Path, text: str, problem: tuple[int, str]
) -> None:
    outcome = take(known, file_of(tmp_path, text))
    assert (outcome.problems[0].line, outcome.problems[0].field) == problem
    assert rows(known, Record) == []
