"""A model of a later part knows nothing of it: what changes there, or is learned there, changes no rank."""

from __future__ import annotations

from datetime import date

import pyarrow as pa
import pyarrow.compute as pc

from basira.models.risk.settings import FitSettings
from basira.schema.days import day_of
from basira.workflows.diagnose.possible import hide_selection, parts_of, rank_later
from basira.workflows.diagnose.read import prepare
from basira.workflows.diagnose.roles import choose_roles
from tests.support.diagnose_world import YEAR, engine_of, make_tables

QUICK = FitSettings(most_rounds=20, bags=(), sizes=("small",))


def ranks(declarations: pa.Table, outcomes: pa.Table) -> dict[str, float]:
    with engine_of(declarations, outcomes) as con:
        prepare(con, first_day=day_of(YEAR[0]), last_day=day_of(YEAR[1]))
        hide_selection(con, choose_roles(con.columns("items")))
        assert not any(name.startswith("x_") for name in con.columns("items"))
        found = rank_later(con, parts_of(*YEAR)[:1], seed=1, settings=QUICK)
    assert set(found["fold"]) == {"2023-07-02"}
    return dict(found.select("declaration_id", "value").iter_rows())


def test_the_parts_cover_the_later_half() -> None:
    [one, *_, other] = parts_of(*YEAR)
    assert one[0] == date(2023, 7, 2)
    assert other[1] == YEAR[1]
    days = [(end - begin).days for begin, end in parts_of(*YEAR)]
    assert max(days) - min(days) <= 2


def test_results_learned_in_a_part_change_no_rank_of_it() -> None:
    declarations, outcomes, _ = make_tables({"administration.inspection_rate": 0.6}, seed=1, items=2_500)
    before = pc.less(outcomes.column("known_at"), pa.scalar(date(2023, 7, 2)).cast(pa.timestamp("us")))
    whole = ranks(declarations, outcomes)
    early = outcomes.filter(before)
    late = outcomes.filter(pc.invert(before))
    place = late.column_names.index("is_irregular")
    turned = late.set_column(place, "is_irregular", pc.invert(late.column("is_irregular")))
    assert len(whole) > 100
    assert len(set(whole.values())) > 20
    assert ranks(declarations, pa.concat_tables([early, turned])) == whole
