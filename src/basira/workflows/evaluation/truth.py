"""Evaluation against the simulated truth: what no administration can have.

Enters: a store filled from a simulated world, the world's truth, two days. Leaves: metrics over every
item of the days between, inspected or not. Never here: the truth in a feature or a model; it is read
after the models have been given everything that they may know.
"""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

from basira.schema.codes import IRREGULARITY_KINDS
from basira.schema.days import day_of
from basira.schema.errors import UsageError
from basira.storage.engine import fetch_value, open_engine
from basira.storage.history.store import History, register
from basira.workflows.engine import EngineBounds, Progress, silent
from basira.workflows.evaluation.evaluate import Contest, Evaluation, Terms, run_contest


def evaluate_against_truth(
    history: History,
    truth: Path,
    terms: Terms,
    *,
    as_of: date,
    last: date,
    engine: EngineBounds | None = None,
    progress: Progress = silent,
) -> Evaluation:
    """Learn from the results known at ``as_of``, test on every item declared after it up to ``last``.

    ``truth``: the world's folder of truth files. Revenue is the amount evaded in truth.
    """
    files = sorted(truth.glob("*.parquet"))
    if not files:
        raise UsageError(
            "Expected the truth of a simulated world in {truth!r}, found no Parquet file.",
            hint="Make a world with `basira country make`; its truth lies in OUT/truth.",
            truth=str(truth),
        )
    engine = engine or EngineBounds()
    kinds = ", ".join(f"case when t.kind = '{k}' then 1 else 0 end as kind_{k}" for k in IRREGULARITY_KINDS)
    snapshot = history.snapshot()
    reads = [*snapshot.all_files(), *files]
    with open_engine(reads=reads, memory=engine.memory, threads=engine.threads) as con:
        register(con, snapshot)
        con.execute(f"create temp view simulated_truth as select * from {con.files(files)}")
        con.execute(
            f"""create temp table truth as
with inspected as (
  select distinct declaration_id, max(inspection_lane) over (partition by declaration_id) as inspection_lane
  from outcomes where coalesce(is_inspected, false) or is_irregular is not null
)
select i.declaration_id, i.declaration_version, i.item_number, i.declared_day, t.is_irregular, 1.0 as weight,
  case when t.is_irregular then t.evaded_amount else 0 end as revenue, n.inspection_lane,
  n.declaration_id is not null as is_inspected, {kinds}
from items i join simulated_truth t using (declaration_id, item_number)
left join inspected n on n.declaration_id = i.declaration_id
where i.declared_day > $first and i.declared_day <= $last
qualify row_number() over (partition by i.declaration_id, i.item_number order by i.declaration_version) = 1""",
            {"first": day_of(as_of), "last": day_of(last)},
        )
        inspected = fetch_value(
            con,
            "select avg(case when o.declaration_id is null then 0 else 1 end) from truth left join"
            " (select distinct declaration_id, item_number from outcomes) o using (declaration_id, item_number)",
        )
        contest = Contest(
            as_of_day=day_of(as_of),
            late=None,
            dataset=f"simulated truth: every item declared after {as_of}, up to {last}",
            extras={
                "quarantined": [],
                "unlabelled_rows": 0,
                "is_simulated": True,
                "tested": {"kind": "truth", "first": (as_of + timedelta(days=1)).isoformat(), "last": last.isoformat()},
                "legacy_inspected_share": inspected,
            },
            terms=terms,
            has_uninspected=True,
        )
        return run_contest(con, contest, progress)
