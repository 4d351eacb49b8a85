"""The schema, field by field: what a declaration, an item and an inspection outcome may carry.

Enters: nothing. Leaves: `FIELDS`, from which the Parquet schema, the JSON Schema, the validation and
the reference page are all made. Never here: how a source names its columns (that is a mapping).

Declared and found values are different fields for ever: a found value never replaces a declared one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Table = Literal["declaration", "item", "outcome"]
FieldType = Literal[
    "text",  # an identifier or a name, in its one written form (schema/text.py); or prose, kept as written
    "code",  # a short code, in its one written form and in capitals
    "commodity",  # commodity code: 2 to 12 digits, even count
    "country",  # ISO 3166-1 alpha-2
    "currency",  # ISO 4217
    "timestamp",  # naive local date and time
    "integer",
    "amount",  # money, in the row's value currency unless the meaning says otherwise
    "measure",  # a physical quantity
    "rate",  # share, 0 to 1
    "flag",  # true, false or unknown
]

# Values of these types are compared and looked up; none of their characters may be invisible.
IDENTIFIERS: frozenset[FieldType] = frozenset({"text", "code", "country", "currency"})
CHECKED: frozenset[FieldType] = IDENTIFIERS | {"commodity"}


@dataclass(frozen=True)
class Field:
    """One field.

    ``required``: without it the row goes to quarantine. ``lowest``/``highest``: the closed range of
    possible values, in ``unit``. ``personal``: personal data under law 09-08, never written to logs. ``is_prose``: people
    read it and nothing is looked up by it, so it may hold any character.
    """

    name: str
    table: Table
    type: FieldType
    meaning: str
    unit: str = ""
    required: bool = False
    lowest: float | None = None
    highest: float | None = None
    personal: bool = False
    is_prose: bool = False


_MONEY = 1e15  # beyond any single customs value in any currency; a larger number is a shifted decimal


def _amount(name: str, table: Table, meaning: str, unit: str = "value currency") -> Field:
    return Field(name, table, "amount", meaning, unit=unit, lowest=0, highest=_MONEY)


def _kg(name: str, table: Table, meaning: str) -> Field:
    return Field(name, table, "measure", meaning, unit="kg", lowest=0, highest=1e9)


DECLARATION_FIELDS: tuple[Field, ...] = (
    Field("declaration_id", "declaration", "text", "Identifier given by the clearance system.", required=True),
    Field(
        "declaration_version", "declaration", "integer",
        "1 as first registered; each amendment adds one. Absent: Basira numbers the versions.",
        lowest=1, highest=9999,
    ),
    Field("declared_at", "declaration", "timestamp", "Registration of the declaration (event time).", required=True),
    Field("office", "declaration", "code", "Customs office of clearance."),
    Field("procedure", "declaration", "code", "Customs procedure (régime) code."),
    Field("declarant_id", "declaration", "text", "Declarant or broker.", personal=True),
    Field("importer_id", "declaration", "text", "Importer or consignee (Morocco: ICE).", personal=True),
    Field("exporter_id", "declaration", "text", "Exporter, seller or supplier.", personal=True),
    Field("transport_mode", "declaration", "code", "Mode of transport at the border, the source's own code."),
    Field("dispatch_country", "declaration", "country", "Country of dispatch (provenance)."),
    Field("invoice_currency", "declaration", "currency", "Currency of the invoice."),
    Field("exchange_rate", "declaration", "measure", "Value currency per unit of invoice currency.", lowest=0, highest=1e7),
    Field("incoterm", "declaration", "code", "Delivery terms (Incoterms)."),
    _amount("freight_amount", "declaration", "Freight to the place of entry, whole declaration."),
    _amount("insurance_amount", "declaration", "Insurance to the place of entry, whole declaration."),
    Field("payment_mode", "declaration", "code", "Mode of payment, the source's own code."),
    Field("transport_document", "declaration", "text", "Bill of lading, air waybill or road document."),
    Field("manifest_id", "declaration", "text", "Manifest reference."),
    Field("container_id", "declaration", "text", "Container number; the first when there are several."),
    Field("is_oea", "declaration", "flag", "The importer is an authorised economic operator (OEA)."),
)  # fmt: skip

ITEM_FIELDS: tuple[Field, ...] = (
    Field("item_number", "item", "integer", "Number of the item in its declaration; 1 when absent.", lowest=1, highest=9999),
    Field("commodity_code", "item", "commodity", "Commodity code at the length given.", required=True),
    Field("description", "item", "text", "Goods description as declared.", is_prose=True),
    Field("origin_country", "item", "country", "Country of origin."),
    Field("preference", "item", "code", "Preference claimed (agreement code); absent, or a word for no (N, non, لا, 0): none."),
    Field("quantity", "item", "measure", "Quantity in the supplementary unit.", unit="quantity_unit", lowest=0, highest=1e12),
    Field("quantity_unit", "item", "code", "Supplementary unit, the source's own code."),
    Field("package_count", "item", "measure", "Number of packages.", lowest=0, highest=1e9),
    _kg("gross_mass_kg", "item", "Gross mass."),
    _kg("net_mass_kg", "item", "Net mass."),
    _amount("invoice_amount", "item", "Invoice value.", unit="invoice currency"),
    _amount("customs_value_amount", "item", "Customs value (CIF at the place of entry)."),
    Field("value_currency", "item", "currency", "Currency of values and taxes; from the mapping, MAD by default."),
    Field("duty_rate", "item", "rate", "Import duty rate.", lowest=0, highest=20),
    Field("vat_rate", "item", "rate", "VAT rate.", lowest=0, highest=1),
    _amount("duty_amount", "item", "Import duty."),
    _amount("vat_amount", "item", "VAT at import."),
    _amount("excise_amount", "item", "Excise (TIC)."),
    _amount("total_tax_amount", "item", "All duties and taxes of the item."),
)  # fmt: skip

OUTCOME_FIELDS: tuple[Field, ...] = (
    Field("declaration_id", "outcome", "text", "Declaration inspected.", required=True),
    Field(
        "item_number", "outcome", "integer", "Item inspected; absent: the result speaks of the whole declaration.",
        lowest=1, highest=9999,
    ),
    Field("known_at", "outcome", "timestamp", "When the administration learned this result.", required=True),
    Field("inspected_at", "outcome", "timestamp", "When the goods or papers were inspected."),
    Field("inspection_lane", "outcome", "code", "Lane or control by which the inspection came."),
    Field("inspector_id", "outcome", "text", "Inspecting officer.", personal=True),
    Field("is_inspected", "outcome", "flag", "False: selected but not inspected; says nothing of compliance."),
    Field("is_irregular", "outcome", "flag", "An irregularity was found. Absent: no result recorded, which is not compliance."),
    Field("is_irregular_value", "outcome", "flag", "Undervaluation or overvaluation found."),
    Field("is_irregular_classification", "outcome", "flag", "Wrong commodity code found."),
    Field("is_irregular_origin", "outcome", "flag", "Wrong origin or preference found."),
    Field("is_irregular_quantity", "outcome", "flag", "Wrong quantity or undeclared goods found."),
    Field("is_irregular_prohibited", "outcome", "flag", "Prohibited, restricted or counterfeit goods found."),
    Field("is_irregular_documents", "outcome", "flag", "Missing or wrong documents found."),
    Field("severity", "outcome", "integer", "0 none, 1 ordinary, 2 threatens public safety.", lowest=0, highest=9),
    Field("found_commodity_code", "outcome", "commodity", "Commodity code established by the inspection."),
    Field("found_origin_country", "outcome", "country", "Origin established by the inspection."),
    Field("found_quantity", "outcome", "measure", "Quantity established.", lowest=0, highest=1e12),
    _kg("found_net_mass_kg", "outcome", "Net mass established."),
    _amount("found_value_amount", "outcome", "Customs value established."),
    _amount("additional_revenue_amount", "outcome", "Duties and taxes recovered on top of those declared, fines apart."),
)  # fmt: skip

# Written by Basira alone, on each item whose amounts were declared in another currency; null on all others.
CONVERSION_FIELDS: tuple[Field, ...] = (
    _amount(
        "declared_value_amount", "item", "Customs value as declared, before its conversion.", unit="declared currency"
    ),
    Field("declared_currency", "item", "currency", "Currency in which values and taxes were declared."),
    Field("conversion_rate", "item", "measure", "Value currency per unit of declared currency.", lowest=0, highest=1e7),
    Field("conversion_rate_on", "item", "timestamp", "Day of this rate, never after that of the declaration."),
)

FIELDS: tuple[Field, ...] = DECLARATION_FIELDS + ITEM_FIELDS + OUTCOME_FIELDS

# A source's own attributes that the schema does not name are kept under this prefix, as text.
EXTRA_PREFIX = "x_"
