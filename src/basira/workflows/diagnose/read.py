"""What a diagnosis reads of a history, in a few passes: counts of fields, levels, results, declarations.

Enters: an engine with the views `items`, `outcomes` and `quarantine`, a period. Leaves: frames. Never here: a verdict.

Items are those of a declaration's first registration in the period: what was declared before anyone answered.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from basira.diagnose.data.history import Held
from basira.diagnose.data.levels import Jump, find_jumps
from basira.diagnose.data.part import DataFacts
from basira.diagnose.data.validity import Check, Lengths
from basira.engines.engine import Engine
from basira.schema.codes import IRREGULARITY_KINDS
from basira.schema.fields import DECLARATION_FIELDS, ITEM_FIELDS
from basira.schema.sql import quote_identifier
from basira.storage.engine import fetch_frame, fetch_value
from basira.workflows.diagnose.roles import Roles

# Identification and what Basira itself writes are always there.
_ALWAYS = {"declaration_id", "declaration_version", "declared_at", "item_number", "value_currency"}
COUNTED = tuple(f.name for f in DECLARATION_FIELDS + ITEM_FIELDS if f.name not in _ALWAYS)
_MONTH = "(extract(year from declared_at) * 100 + extract(month from declared_at))"
# Of a declaration's items that of the largest value; of equal ones the first.
_OF_LARGEST = "arg_max({value}, (coalesce(customs_value_amount, 0), -item_number)) filter ({value} is not null)"
_COUNTS = ", ".join(f"count({name}) as {name}" for name in COUNTED)
# Whether any kind is recorded; null where no kind ever is.
_HAS_KIND = " or ".join(f"is_irregular_{kind}" for kind in IRREGULARITY_KINDS)

# A check: what fails it, and of which items it can be said.
_CHECKS: dict[str, tuple[str, str]] = {
    "net_above_gross": ("net_mass_kg > gross_mass_kg * 1.001", "net_mass_kg > 0 and gross_mass_kg > 0"),
    "no_value": ("coalesce(customs_value_amount, 0) <= 0", "true"),
    "no_mass": ("coalesce(net_mass_kg, gross_mass_kg, 0) <= 0", "true"),
    "duty_arithmetic": (
        "abs(duty_amount - duty_rate * customs_value_amount) > greatest(1.0, 0.01 * duty_rate * customs_value_amount)",
        "duty_amount > 0 and duty_rate > 0 and customs_value_amount > 0",
    ),
    "unknown_origin": ("origin_country in ('ZZ', 'XX', 'QQ', 'QZ')", "origin_country is not null"),
    "round_value": ("customs_value_amount % 1000 = 0", "customs_value_amount >= 1000"),
    "repeated_declaration": ("is_repeated", "true"),
}


def prepare(con: Engine, *, first_day: int, last_day: int) -> int:
    """Make the table `diagnosed_item`: the items of the period. Returns how many there are."""
    con.create_table(
        "diagnosed_item",
        f"""with first_version as (
  select declaration_id, min(declaration_version) as declaration_version
  from items where declared_day between $first and $last group by declaration_id
)
select i.*, {_MONTH} as month, case when i.customs_value_amount > 0 and i.net_mass_kg > 0
  then ln(i.customs_value_amount / i.net_mass_kg) end as price
from items i join first_version using (declaration_id, declaration_version)
where i.declared_day between $first and $last""",
        {"first": first_day, "last": last_day},
    )
    con.create_table(
        "latest_result",
        """select o.* from outcomes o semi join diagnosed_item using (declaration_id)
qualify row_number() over (
  partition by declaration_id, item_number order by known_at desc, received_at desc, source desc, source_row desc
) = 1""",
    )
    return int(fetch_value(con, "select count(*) from diagnosed_item"))


def read_data_facts(con: Engine, *, last_day: int) -> DataFacts:
    """The facts of part A, after `prepare`."""
    counts = fetch_frame(
        con,
        f"select coalesce(office, '') as at_office, month, count(*) as items, {_COUNTS}"
        " from diagnosed_item group by 1, 2 order by 1, 2",
    )
    levels = _levels(con)
    jumps = find_jumps(levels)
    return DataFacts(
        counts=counts,
        checks=_checks(con),
        lengths=[
            Lengths(int(digits), int(items))
            for digits, items in con.fetch_rows(
                "select length(commodity_code), count(*) from diagnosed_item group by 1 order by 1"
            )
        ],
        rejected=[
            (str(code), int(rows))
            for code, rows in con.fetch_rows("select code, count(*) from quarantine group by 1 order by 2 desc, 1")
        ],
        has_levels=not levels.is_empty(),
        jumps=jumps,
        trades=_trades(con, jumps),
        results=_results(con),
        done=_done(con),
        held=_held(con),
        last_day=last_day,
    )


def _checks(con: Engine) -> list[Check]:
    # A declaration is lodged twice when another one has the same operators, day, goods, value and mass.
    con.create_table(
        "repeated",
        """with whole as (
  select declaration_id, min(declared_day) as day, min(importer_id) as importer, min(declarant_id) as declarant,
    min(exporter_id) as exporter, count(*) as items, sum(customs_value_amount) as value, sum(net_mass_kg) as mass,
    min(commodity_code) as code
  from diagnosed_item where importer_id is not null and customs_value_amount > 0 group by declaration_id
)
select declaration_id from whole
qualify count(*) over (partition by day, importer, declarant, exporter, items, value, mass, code) > 1""",
    )
    parts = ", ".join(f"count_if(({of}) and ({failed})), count_if({of})" for failed, of in _CHECKS.values())
    [row] = con.fetch_rows(
        f"select {parts} from (select i.*, r.declaration_id is not null as is_repeated"
        " from diagnosed_item i left join repeated r using (declaration_id))"
    )
    return [Check(code, int(row[2 * n] or 0), int(row[2 * n + 1] or 0)) for n, code in enumerate(_CHECKS)]


def _levels(con: Engine) -> pl.DataFrame:
    con.create_table(
        "deviation",
        """with middle as (
  select commodity_code, median(price) as middle from diagnosed_item where price is not null
  group by commodity_code having count(*) >= 10
)
select coalesce(office, '') as office, left(commodity_code, 4) as heading, month, price - middle as deviation
from diagnosed_item join middle using (commodity_code) where price is not null""",
    )
    return fetch_frame(
        con,
        """select office, heading, month, count(*) as items, median(deviation) as level
from deviation group by all having count(*) >= 8
union all
select office, '' as heading, month, count(*) as items, median(deviation) as level
from deviation group by office, month having count(*) >= 8
order by office, heading, month""",
    )


def _trades(con: Engine, jumps: Sequence[Jump]) -> pl.DataFrame:
    """Prices of each importer's each code by month, at the offices and headings of the jumps."""
    places = pl.DataFrame(
        {"office": [one.office for one in jumps], "heading": [one.heading for one in jumps]},
        schema={"office": pl.String, "heading": pl.String},
    )
    con.register("jump", places.unique().to_arrow())
    return fetch_frame(
        con,
        """select coalesce(i.office, '') as office, left(i.commodity_code, 4) as heading, i.importer_id as importer,
  i.commodity_code as code, i.month, median(i.price) as price
from diagnosed_item i semi join jump j on j.office = coalesce(i.office, '')
  and j.heading in ('', left(i.commodity_code, 4))
where i.price is not null and i.importer_id is not null
group by 1, 2, 3, 4, 5 order by 1, 2, 3, 4, 5""",
    )


def _results(con: Engine) -> pl.DataFrame:
    """Items with a known result, declared beside found."""
    return fetch_frame(
        con,
        """with middle as (
  select commodity_code, origin_country, median(price) as middle from diagnosed_item where price is not null
  group by commodity_code, origin_country having count(*) >= 5
), single as (
  select declaration_id from diagnosed_item group by declaration_id having count(*) = 1
)
select coalesce(i.office, '') as office, o.is_irregular, o.is_irregular_value, i.customs_value_amount,
  o.found_value_amount, i.quantity, o.found_quantity, i.net_mass_kg, o.found_net_mass_kg, i.commodity_code,
  o.found_commodity_code, i.origin_country, o.found_origin_country, o.additional_revenue_amount as revenue,
  i.price - m.middle as deviation
from latest_result o
join diagnosed_item i on i.declaration_id = o.declaration_id
  and (o.item_number = i.item_number or o.item_number is null)
left join middle m on m.commodity_code = i.commodity_code and m.origin_country = i.origin_country
where o.is_irregular is not null
  and (o.item_number is not null or o.declaration_id in (select declaration_id from single))
order by i.declaration_id, i.item_number, o.item_number""",
    )


def _done(con: Engine) -> pl.DataFrame:
    """Declarations with a row of results."""
    return fetch_frame(
        con,
        f"""with declared as (
  select declaration_id, min(coalesce(office, '')) as office, min(declared_day) as declared_day
  from diagnosed_item group by declaration_id
)
select d.declaration_id, d.office, min(o.inspector_id) as inspector,
  bool_or(coalesce(o.is_inspected, true) or o.is_irregular is not null) as is_carried_out,
  bool_or(o.is_irregular is not null) as is_known, coalesce(bool_or(o.is_irregular), false) as is_irregular,
  bool_or({_HAS_KIND}) filter (o.is_irregular) as has_kind,
  cast(min(coalesce(cast(o.inspected_at as date) - date '1970-01-01', d.declared_day)) as integer) as begun_day,
  max(o.known_day) as known_day
from latest_result o join declared d using (declaration_id)
group by d.declaration_id, d.office order by d.declaration_id""",
    )


def _held(con: Engine) -> Held:
    [row] = con.fetch_rows(
        """with importer as (
  select importer_id, count(distinct declaration_id) as declarations from diagnosed_item
  where importer_id is not null group by importer_id
), result as (
  select declaration_id, bool_or(is_irregular) as is_irregular from latest_result
  where is_irregular is not null group by declaration_id
)
select (select count(distinct month) from diagnosed_item), (select count(*) from result),
  (select count_if(is_irregular) from result), (select count(*) from importer),
  (select count_if(declarations >= 5) from importer)"""
    )
    return Held(*(int(value or 0) for value in row))


def read_declarations(con: Engine, roles: Roles) -> pl.DataFrame:
    """One row a declaration of the period, after `prepare`; what of it the history has not is null.

    The columns are those that `basira.diagnose.targeting.part` names.
    """
    lane, basis, rules, released = (
        "cast(null as varchar)" if column is None else f"min({quote_identifier(column)})"
        for column in (roles.lane, roles.basis, roles.rules, roles.released)
    )
    return fetch_frame(
        con,
        f"""with declared as (
  select declaration_id, min(coalesce(office, '')) as office, min(declared_at) as declared_at,
    min(declared_day) as day, min(importer_id) as importer, min(declarant_id) as declarant,
    min(exporter_id) as exporter, min(transport_mode) as transport, min(procedure) as procedure,
    bool_or(is_oea) as is_oea, count(*) as items, sum(customs_value_amount) as value, sum(total_tax_amount) as tax,
    {_OF_LARGEST.format(value="left(commodity_code, 2)")} as chapter,
    {_OF_LARGEST.format(value="origin_country")} as origin,
    {lane} as lane, {basis} as basis, {rules} as rules, {released} as released
  from diagnosed_item group by declaration_id
), result as (
  select declaration_id, min(inspection_lane) as result_lane, min(inspector_id) as inspector,
    bool_or(coalesce(is_inspected, true) or is_irregular is not null) as is_carried_out,
    bool_or(is_irregular is not null) as is_known, coalesce(bool_or(is_irregular), false) as is_irregular,
    sum(additional_revenue_amount) filter (is_irregular) as revenue, max(known_day) as known_day
  from latest_result group by declaration_id
)
select d.*, r.result_lane, r.inspector, r.declaration_id is not null as has_row,
  coalesce(r.is_carried_out, false) as is_carried_out, coalesce(r.is_known, false) as is_known,
  coalesce(r.is_irregular, false) as is_irregular, r.revenue, r.known_day
from declared d left join result r using (declaration_id) order by d.declared_at, d.declaration_id""",
    )
