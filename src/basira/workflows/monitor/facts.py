"""What there is to be watched, counted in one pass over the history and one over the record.

Enters: a store, the record, two days. Leaves: `Facts`. Never here: a test; a row of a later day.
"""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import polars as pl

from basira.engines.engine import Engine
from basira.monitor.drift import Facts
from basira.schema.codes import IRREGULARITY_KINDS
from basira.schema.days import day_of
from basira.selection.policy.load import restore_policy
from basira.storage.engine import fetch_frame, open_engine
from basira.storage.history.store import History, register
from basira.storage.record.events import find_range, record_identity
from basira.storage.record.runs import Operations
from basira.storage.record.scores import ScoredDecision, find_scores
from basira.workflows.engine import EngineBounds

_PART = 2_000
# How far a duty rate is from the usual one of its code and preference to be another.
OTHER_RATE = 0.004
# Days whose prices and rates of each code are the usual ones.
USUAL_DAYS = 90
# `price`: null without a value or a mass. The first version that the history holds is not 1 where a source sent only an
# amendment; nearly every declaration has one version, so the first ones are looked for among the others alone.
_WATCHED = """with first_version as (
  select declaration_id, min(declaration_version) as first_number from items
  where declaration_id in (select declaration_id from items where declaration_version <> 1) group by declaration_id
)
select declared_day, declaration_id, commodity_code, duty_rate,
  ln(case when customs_value_amount > 0 and net_mass_kg > 0 then customs_value_amount / net_mass_kg end) as price,
  left(commodity_code, 2) as chapter, coalesce(origin_country, '') as origin, coalesce(procedure, '') as procedure,
  coalesce(office, '') as office, coalesce(transport_mode, '') as transport_mode,
  coalesce(preference, '') as preference, importer_id is null as without_importer,
  declarant_id is null as without_declarant, origin_country is null as without_origin,
  net_mass_kg is null as without_mass, description is null as without_description
from items left join first_version using (declaration_id)
where declared_day between $first and $last and (first_number is null or declaration_version = first_number)"""
_USUAL = """select commodity_code as code, preference as claims, median(price) as price, median(duty_rate) as rate
from watched where declared_day < $before group by all"""
_MIXES = """select declared_day as day,
  case when grouping(chapter) = 0 then 'chapter' when grouping(origin) = 0 then 'origin'
    when grouping(procedure) = 0 then 'procedure' when grouping(office) = 0 then 'office'
    when grouping(transport_mode) = 0 then 'transport_mode' else 'preference' end as attribute,
  coalesce(chapter, origin, procedure, office, transport_mode, preference) as value, count(*) as items
from watched group by grouping sets ((declared_day, chapter), (declared_day, origin), (declared_day, procedure),
  (declared_day, office), (declared_day, transport_mode), (declared_day, preference)) order by all"""
_LEVELS = """select declared_day as day, count(*) as items, count(distinct declaration_id) as declarations,
  median(w.price - u.price) as price, avg(cast(abs(w.duty_rate - u.rate) > $other as integer)) as other_rate,
  count_if(without_importer) as missing_importer_id, count_if(without_declarant) as missing_declarant_id,
  count_if(without_origin) as missing_origin_country, count_if(without_mass) as missing_net_mass_kg,
  count_if(without_description) as missing_description
from watched w left join usual u on u.code = w.commodity_code and u.claims = w.preference
group by declared_day order by declared_day"""
_RESULTS = """select declaration_id, min(known_day) as row_day,
  min(known_day) filter (is_irregular is not null) as known_day,
  min(known_day) filter (is_irregular) as irregular_day,
  coalesce(bool_or(is_irregular_value), false) as kind_value,
  coalesce(bool_or(is_irregular_classification), false) as kind_classification,
  coalesce(bool_or(is_irregular_origin), false) as kind_origin,
  coalesce(bool_or(is_irregular_quantity), false) as kind_quantity,
  coalesce(bool_or(is_irregular_prohibited), false) as kind_prohibited,
  coalesce(bool_or(is_irregular_documents), false) as kind_documents
from outcomes where known_day between $first and $last group by declaration_id order by declaration_id"""
_DECIDED = {
    "declaration_id": pl.String,
    "day": pl.Int32,
    "decided_at": pl.String,
    "office": pl.String,
    "lane": pl.String,
    "inspects": pl.Boolean,
    "basis": pl.String,
    "inclusion_probability": pl.Float64,
    "fraud_probability": pl.Float64,
    "model_version": pl.String,
    "policy_digest": pl.String,
}


def read_facts(
    history: History, place: str | Path, *, first: date, as_of: date, engine: EngineBounds | None = None
) -> Facts:
    """What was declared, decided and found from ``first`` to ``as_of``, as it was known at the end of that day.

    Items are those of first registrations: an amendment may be the fruit of an inspection. Of several decisions on a
    declaration the last one counts; cancelled ones are left out. A store without a record has no decisions.
    """
    bounds = engine or EngineBounds()
    snapshot = history.verified_snapshot()
    decided = read_decided(place, first=first, last=as_of)
    with open_engine(reads=snapshot.all_files(), memory=bounds.memory, threads=bounds.threads) as con:
        register(con, snapshot)
        days = {"first": day_of(first), "last": day_of(as_of)}
        mixes, levels = count_items(con, days)
        results = first_results(con, days)
    return Facts(mixes, levels, join_results(decided, results))


def count_items(con: Engine, days: dict[str, int]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The compositions and the levels of days, see `Facts`, of the view `items`. ``days``: ``first`` and ``last``."""
    con.create_table("watched", _WATCHED, days)
    con.create_table("usual", _USUAL, {"before": days["first"] + USUAL_DAYS})
    return fetch_frame(con, _MIXES), fetch_frame(con, _LEVELS, {"other": OTHER_RATE})


def first_results(con: Engine, days: dict[str, int]) -> pl.DataFrame:
    """Of each declaration with a row in the view `outcomes`: when which result was known, see `Facts`."""
    return fetch_frame(con, _RESULTS, days)


def read_decided(place: str | Path, *, first: date, last: date) -> pl.DataFrame:
    """The last decision on each declaration of a period, without cancelled ones; empty without a record."""
    if not str(place).startswith(("postgres", "sqlite:")) and not Path(place).exists():
        return pl.DataFrame(schema=_DECIDED | {"is_selected": pl.Boolean})
    with Operations(place, create=False) as operations:
        inspecting = {
            run["policy_digest"]: frozenset(one.id for one in restore_policy(run["policy_text"]).lanes if one.inspects)
            for run in operations.find_runs()
        }
        with operations.database.read() as connection:
            rows = list(find_scores(connection, first.isoformat(), (last + timedelta(days=1)).isoformat()))
        cancelled = _cancelled(operations, last)
    frame = pl.DataFrame(rows, schema=list(ScoredDecision._fields), orient="row", infer_schema_length=None)
    frame = frame.with_columns(pl.col("day").cast(pl.String).str.to_date().to_physical()).cast(_DECIDED)  # type: ignore[arg-type]
    selected = [
        lane in inspecting.get(digest, frozenset()) if inspects is None else inspects
        for inspects, lane, digest in frame.select("inspects", "lane", "policy_digest").iter_rows()
    ]
    return (
        frame.with_columns(pl.Series("is_selected", selected, dtype=pl.Boolean))
        .with_row_index("order")
        .sort("decided_at", "order")
        .unique("declaration_id", keep="last", maintain_order=True)
        .filter(~pl.col("declaration_id").is_in(cancelled))
        .drop("order")
    )


def join_results(decided: pl.DataFrame, results: pl.DataFrame) -> pl.DataFrame:
    """Decisions with what became known of each, as `Facts` has them."""
    kinds = [pl.col(f"kind_{kind}").fill_null(value=False) for kind in IRREGULARITY_KINDS]
    return decided.join(results, on="declaration_id", how="left", maintain_order="left").with_columns(kinds)


def _cancelled(operations: Operations, last: date) -> list[str]:
    """The declarations that were cancelled up to the end of a day."""
    found: list[str] = []
    after = 0
    with operations.database.read() as connection:
        _, end = record_identity(connection)
        while rows := find_range(connection, ("cancellation",), after=after, until=end, limit=_PART):
            found += [row["declaration_id"] for row in rows if row["recorded_at"][:10] <= last.isoformat()]
            after = rows[-1]["sequence"]
    return found
