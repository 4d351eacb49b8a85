"""A block as Arrow tables: declarations and outcomes in the schema's words, and the truth apart.

Enters: a block, findings, traders, state. Leaves: three tables. Never here: files. The declarations
table holds nothing that the trader did not declare; the outcomes table nothing that was not found.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from basira.country.arithmetic import Bools, Floats, Ints
from basira.country.conduct import CONDUCTS, Plan
from basira.country.falsification import Block
from basira.country.inspection import DETECTION_ERRORS, Findings
from basira.country.markets import AGREEMENTS, Markets
from basira.country.nomenclature import Nomenclature
from basira.country.scenario import DELIBERATE, SCHEMES
from basira.country.selectivity import BASES, LANES
from basira.country.state import State
from basira.country.text_columns import digits, encode_text, join_text, letters, literal
from basira.country.traders import INCOTERMS, Traders
from basira.schema.codes import IRREGULARITY_KINDS
from basira.schema.fields import DECLARATION_FIELDS, ITEM_FIELDS, OUTCOME_FIELDS
from basira.schema.tables import ITEMS, OUTCOMES

DECLARATIONS = pa.schema([ITEMS.field(f.name) for f in DECLARATION_FIELDS + ITEM_FIELDS])
RESULTS = pa.schema([OUTCOMES.field(f.name) for f in OUTCOME_FIELDS])
TRUTH = pa.schema(
    [
        pa.field("declaration_id", pa.string(), nullable=False),
        pa.field("item_number", pa.int32(), nullable=False),
        pa.field("declared_at", pa.timestamp("us"), nullable=False),
        pa.field("is_irregular", pa.bool_(), nullable=False),
        pa.field("kind", pa.string()),  # of IRREGULARITY_KINDS; null: regular
        pa.field("scheme", pa.string()),  # of SCHEMES; null: regular
        pa.field("conduct", pa.string(), nullable=False),  # of CONDUCTS
        pa.field("evaded_amount", pa.float64(), nullable=False),  # MAD
        pa.field("is_detectable", pa.bool_(), nullable=False),
        pa.field("true_commodity_code", pa.string(), nullable=False),
        pa.field("true_origin_country", pa.string(), nullable=False),
        pa.field("true_value_amount", pa.float64(), nullable=False),  # MAD, CIF
        pa.field("true_quantity", pa.float64(), nullable=False),
        pa.field("true_net_mass_kg", pa.float64(), nullable=False),
        pa.field("was_inspected", pa.bool_(), nullable=False),
        pa.field("selected_by", pa.string(), nullable=False),  # of BASES
        pa.field("detection_error", pa.string()),  # of DETECTION_ERRORS; null: none
        pa.field("trader_number", pa.int32(), nullable=False),  # the firm behind the identifier
    ]
)


@dataclass(frozen=True)
class Lists:
    """The code lists of a world as Arrow arrays, made once."""

    code: pa.Array
    description: pa.Array
    country: pa.Array
    ice: pa.Array
    supplier: pa.Array
    declarant: pa.Array
    office: pa.Array
    unit: pa.Array
    unit_of_code: Ints

    @classmethod
    def of(cls, nomenclature: Nomenclature, markets: Markets, traders: Traders) -> Lists:
        """Make the lists of a world."""
        units = sorted(set(nomenclature.unit))
        return cls(
            code=pa.array(nomenclature.code),
            description=pa.array(nomenclature.descriptions),
            country=pa.array((*markets.country, "MA")),
            ice=pa.array(traders.ice),
            supplier=pa.array(traders.supplier),
            declarant=pa.array(traders.declarant),
            office=pa.array(traders.office_code),
            unit=pa.array(units),
            unit_of_code=np.array([units.index(u) for u in nomenclature.unit]),
        )


def declaration_ids(block: Block, state: State) -> pa.Array:
    """Identifiers by declaration: office number, year, running number of the office and year."""
    s = block.shipments
    years = (s.day * 86400).astype("datetime64[s]").astype("datetime64[Y]").astype(np.int64) + 1970
    number = np.zeros(len(s.tie), np.int64)
    group = s.office * 10000 + years
    for value in np.unique(group).tolist():
        rows = np.flatnonzero(group == value)
        key = (value // 10000, value % 10000)
        last = state.sequence.get(key, 0)
        number[rows] = last + 1 + np.arange(len(rows))
        state.sequence[key] = last + len(rows)
    n = len(s.tie)
    return join_text(digits(s.office + 301, 3), literal("-", n), digits(years, 4), literal("-", n), digits(number, 7))


def declarations_table(
    block: Block, ids: pa.Array, *, traders: Traders, markets: Markets, lists: Lists, rng: np.random.Generator
) -> pa.Table:
    """The items as declared, their header repeated: exactly the columns of `DECLARATIONS`."""
    s = block.shipments
    of, n = s.declaration, len(s.tie)
    procedure = traders.tie_procedure[s.tie]
    outward = np.isin(procedure, [i for i, p in enumerate(traders.procedures) if p == "060"])
    mode = traders.tie_mode[s.tie]
    inland = len(markets.country)  # the place of MA in the list of countries
    boxed = (mode == 1) & (rng.random(n) < 0.85)
    document = rng.integers(0, 10**10, n)
    manifest = rng.integers(0, 400, n)
    box = rng.integers(0, 26**3 * 10**7, n)
    number = np.arange(len(of)) - s.first_item[of] + 1
    packages = np.maximum(1.0, np.rint(block.gross_kg / (8 + 22 * rng.random(len(of)))))
    header = {
        "declaration_id": ids,
        "declaration_version": pa.array(np.ones(n, np.int32)),
        "declared_at": _moments(s.day * 86400 + s.second),
        "office": encode_text(s.office, lists.office),
        "procedure": encode_text(procedure, traders.procedures),
        "declarant_id": encode_text(s.declarant, lists.declarant),
        "importer_id": encode_text(s.identity, lists.ice),
        "exporter_id": encode_text(traders.tie_supplier[s.tie], lists.supplier),
        "transport_mode": encode_text(mode, ("00", "01", "02", "03", "04")),
        "dispatch_country": encode_text(np.where(outward, inland, traders.tie_country[s.tie]), lists.country),
        "invoice_currency": encode_text(s.currency, markets.currencies),
        "exchange_rate": pa.array(s.exchange_rate),
        "incoterm": encode_text(traders.tie_incoterm[s.tie], INCOTERMS),
        "freight_amount": _amounts(block.freight),
        "insurance_amount": _amounts(block.insurance),
        "payment_mode": encode_text(traders.trader_payment[s.trader], ("01", "02")),
        "transport_document": join_text(literal("BL", n), digits(document, 10)),
        "manifest_id": join_text(digits(s.office + 301, 3), literal("M", n), digits(s.day, 5), digits(manifest, 3)),
        "container_id": join_text(letters(box // 10**7, 3), literal("U", n), digits(box, 7), is_null=~boxed),
        "is_oea": pa.array(traders.trader_is_oea[s.trader] & (s.identity == s.trader)),
    }
    place = pa.array(of.astype(np.int32))
    columns = {name: _spread(values, place) for name, values in header.items()}
    taxes = block.taxes
    columns |= {
        "item_number": pa.array(number.astype(np.int32)),
        "commodity_code": encode_text(block.code, lists.code),
        "description": encode_text(block.wording, lists.description),
        "origin_country": encode_text(np.where(outward[of], inland, block.origin), lists.country),
        "preference": encode_text(block.agreement, AGREEMENTS, is_null=block.agreement == 0),
        "quantity": pa.array(block.quantity),
        "quantity_unit": encode_text(lists.unit_of_code[block.code], lists.unit),
        "package_count": pa.array(packages),
        "gross_mass_kg": pa.array(block.gross_kg),
        "net_mass_kg": pa.array(block.net_kg),
        "invoice_amount": pa.array(block.invoice),
        "customs_value_amount": pa.array(block.value),
        "value_currency": encode_text(np.zeros(len(of), np.int64), ("MAD",)),
        "duty_rate": pa.array(taxes.duty_rate),
        "vat_rate": pa.array(taxes.vat_rate),
        "duty_amount": pa.array(taxes.duty),
        "vat_amount": pa.array(taxes.vat),
        "excise_amount": pa.array(taxes.excise),
        "total_tax_amount": pa.array(taxes.total),
    }
    return _as_schema(columns, DECLARATIONS)


def outcomes_table(
    block: Block, findings: Findings, lane: Ints, ids: pa.Array, *, lists: Lists, not_done: Bools | None = None
) -> pa.Table:
    """One row per inspected item whose result was recorded, in the order in which they become known.

    An item selected but not inspected has a row that marks it so, and nothing about its compliance.
    """
    s, f = block.shipments, findings
    of = s.declaration
    skipped = np.zeros(len(of), np.bool_) if not_done is None else not_done[of]
    kept = (f.is_inspected & (f.is_recorded | f.leaves_blank)[of]) | skipped
    rows = np.flatnonzero(kept)
    rows = rows[np.argsort(f.known_second[of[rows]], kind="stable")]
    d = of[rows]
    done = f.is_inspected[rows]
    blank = ~f.is_recorded[d] | ~done
    found = f.is_found[rows]
    # A false finding is a doubt about the value.
    kind = np.where(f.detection_error[rows] == 3, IRREGULARITY_KINDS.index("value"), block.kind[rows])
    number = rows - s.first_item[d] + 1
    false = f.detection_error[rows] == 3
    columns = {
        "declaration_id": ids.take(pa.array(d)),
        "item_number": pa.array(number.astype(np.int32)),
        "known_at": _moments(f.known_second[d]),
        "inspected_at": pc.if_else(
            pa.array(done), _moments(f.inspected_second[d]), pa.scalar(None, pa.timestamp("us"))
        ),
        "inspection_lane": encode_text(lane[d], LANES),
        "inspector_id": _inspectors(s.office[d], f.inspector[d]),
        "is_inspected": pa.array(done),
        "is_irregular": pa.array(found, mask=blank),
    }
    for index, name in enumerate(IRREGULARITY_KINDS):
        columns[f"is_irregular_{name}"] = pa.array(found & (kind == index), mask=blank)
    prohibited = kind == IRREGULARITY_KINDS.index("prohibited")
    columns["severity"] = pa.array(np.where(found, np.where(prohibited, 2, 1), 0).astype(np.int32), mask=blank)
    seen = found & ~blank

    def only(which: Bools, values: Floats) -> pa.Array:
        return pa.array(values, mask=~(seen & which))

    on_class = (kind == IRREGULARITY_KINDS.index("classification")) | prohibited
    on_origin = kind == IRREGULARITY_KINDS.index("origin")
    on_quantity = kind == IRREGULARITY_KINDS.index("quantity")
    on_value = kind == IRREGULARITY_KINDS.index("value")
    doubted = np.round(block.value[rows] * 1.1, 2)
    columns |= {
        "found_commodity_code": encode_text(s.code[rows], lists.code, is_null=~(seen & on_class)),
        "found_origin_country": encode_text(s.origin[rows], lists.country, is_null=~(seen & on_origin)),
        "found_quantity": only(on_quantity, block.true_quantity[rows]),
        "found_net_mass_kg": only(on_quantity, block.true_net_kg[rows]),
        "found_value_amount": only(on_value, np.where(false, doubted, block.true_value[rows])),
        "additional_revenue_amount": pa.array(f.recovered[rows], mask=blank),
    }
    return _as_schema(columns, RESULTS)


def truth_table(block: Block, findings: Findings, basis: Ints, ids: pa.Array, *, plan: Plan, lists: Lists) -> pa.Table:
    """What each item really was: exactly the columns of `TRUTH`."""
    s, f = block.shipments, findings
    of = s.declaration
    place = pa.array(of.astype(np.int32))
    regular = block.scheme < 0
    trader = s.trader[of]
    # A deliberate item of a trader without a spell of his own is a wave's: he was an opportunist that day.
    deliberate = (block.scheme >= 0) & (block.scheme < len(DELIBERATE))
    conduct = np.where(deliberate & (plan.trader_conduct[trader] < 2), 2, plan.trader_conduct[trader])
    columns = {
        "declaration_id": ids.take(place),
        "item_number": pa.array((np.arange(len(of)) - s.first_item[of] + 1).astype(np.int32)),
        "declared_at": _moments(s.day * 86400 + s.second).take(place),
        "is_irregular": pa.array(~regular),
        "kind": encode_text(block.kind, IRREGULARITY_KINDS, is_null=regular),
        "scheme": encode_text(block.scheme, SCHEMES, is_null=regular),
        "conduct": encode_text(conduct, CONDUCTS),
        "evaded_amount": pa.array(block.evaded),
        "is_detectable": pa.array(f.is_detectable),
        "true_commodity_code": encode_text(s.code, lists.code),
        "true_origin_country": encode_text(s.origin, lists.country),
        "true_value_amount": pa.array(block.true_value),
        "true_quantity": pa.array(block.true_quantity),
        "true_net_mass_kg": pa.array(block.true_net_kg),
        "was_inspected": pa.array(f.is_inspected),
        "selected_by": encode_text(basis[of], BASES),
        "detection_error": encode_text(f.detection_error, DETECTION_ERRORS, is_null=f.detection_error == 0),
        "trader_number": pa.array(trader.astype(np.int32)),
    }
    return _as_schema(columns, TRUTH)


def known_before(outcomes: pa.Table, moment: date) -> Bools:
    """Which rows are known before the first instant of a day."""
    limit = (moment - date(1970, 1, 1)).days * 86400 * 10**6
    known = outcomes.column("known_at").cast(pa.int64()).to_numpy()
    return np.asarray(known < limit)


def _inspectors(office: Ints, number: Ints) -> pa.Array:
    n = len(office)
    return join_text(literal("I", n), digits(office + 301, 3), literal("-", n), digits(number + 1, 3))


def _moments(seconds: Ints) -> pa.Array:
    return pa.array(seconds * 10**6, pa.int64()).cast(pa.timestamp("us"))


def _amounts(values: Floats) -> pa.Array:
    return pa.array(values, mask=np.isnan(values))


def _spread(values: pa.Array, place: pa.Array) -> pa.Array:
    """Repeat a header's value on each of its items."""
    if isinstance(values, pa.DictionaryArray):
        return pa.DictionaryArray.from_arrays(pc.take(values.indices, place), values.dictionary)
    return pc.take(values, place)


def _as_schema(columns: dict[str, pa.Array], schema: pa.Schema) -> pa.Table:
    """Columns in the schema's order and types; coded columns become plain text."""
    arrays = [columns[f.name].cast(f.type) if columns[f.name].type != f.type else columns[f.name] for f in schema]
    return pa.table(arrays, schema=schema)
