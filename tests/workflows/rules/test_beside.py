"""A rule beside the model and the other rules: figures of a day that can be counted by hand."""

from __future__ import annotations

from datetime import date

import polars as pl

from basira.rules.bulk import HIT, NO_HIT
from basira.schema.shipped import shipped
from basira.selection.policy.load import load_policy
from basira.storage.rules.selections import RecordedSelection
from basira.workflows.rules.beside import Beside, Others, Recorded, RunTerms, put_beside
from basira.workflows.rules.period import Period

DAY = date(2026, 3, 2)
COUNT = 20
POLICY = load_policy(shipped("policies") / "morocco", DAY)


def selection(number: int, *, basis: str = "none", lane: str = "") -> RecordedSelection:
    """The lower the number, the surer the model."""
    return RecordedSelection(
        f"D{number:02d}", 1, "run", "A", lane or POLICY.lanes[0].id, basis, 0.5, (COUNT - number) / 100, 100.0
    )


def period(irregular: dict[int, bool]) -> Period:
    """Twenty declarations of one office and day; each operator declares two of them."""
    return Period(
        DAY,
        DAY,
        pl.DataFrame({"declaration_position": range(COUNT)}),
        pl.DataFrame(
            {
                "declaration_id": [f"D{number:02d}" for number in range(COUNT)],
                "office": ["A"] * COUNT,
                "day": [DAY] * COUNT,
                "is_irregular": pl.Series([irregular.get(number) for number in range(COUNT)], dtype=pl.Boolean),
                "revenue": [0.0] * COUNT,
                "operator": [f"O{number // 2}" for number in range(COUNT)],
                "is_oea": [number < 2 for number in range(COUNT)],
                "earlier": [0 if number < 4 else 60 for number in range(COUNT)],
                "is_found_before": [number in (18, 19) for number in range(COUNT)],
            }
        ),
    )


def outcome(hits: set[int]) -> pl.Series:
    return pl.Series([HIT if number in hits else NO_HIT for number in range(COUNT)], dtype=pl.Int8)


def beside(
    hits: set[int],
    selections: list[RecordedSelection],
    *,
    irregular: dict[int, bool] | None = None,
    others: Others | None = None,
    takes_slots: bool = True,
) -> Beside:
    recorded = Recorded({one.declaration_id: one for one in selections}, {"run": RunTerms(DAY, POLICY, None)})
    return put_beside(outcome(hits), period(irregular or {}), recorded, others or Others(), takes_slots=takes_slots)


def slots() -> int:
    lanes = [lane.id for lane in POLICY.lanes if lane.inspects]
    return sum(POLICY.capacity_of("A", lane, day=DAY, day_total=COUNT) for lane in lanes)


def test_what_the_model_selects_anyway_is_no_merit_of_the_rule() -> None:
    capacity = slots()
    assert 1 < capacity < COUNT - 2
    last = COUNT - 1
    found = beside({0, last}, [selection(number) for number in range(COUNT)])
    assert found.model is not None
    assert (found.model.selected, found.model.added, found.model.otherwise, found.model.undecided) == (1, 1, 0, 0)
    (day,) = found.model.office_days
    # The slots are full: the hit that the model does not select takes one of a declaration that it does.
    assert (day.slots, day.hits, day.pushed_out) == (capacity, 2, 1)
    assert found.alone == 1


def test_the_last_of_the_model_are_pushed_out_with_what_they_found() -> None:
    capacity = slots()
    irregular = {capacity - 1: True, 0: False}
    found = beside({COUNT - 1}, [selection(number) for number in range(COUNT)], irregular=irregular)
    assert found.model is not None
    (day,) = found.model.office_days
    assert (day.pushed_out, day.inspected, day.findings) == (1, 1, 1)
    free = beside({COUNT - 1}, [selection(number) for number in range(COUNT)], takes_slots=False)
    assert free.model is not None
    assert free.model.office_days[0].pushed_out == 0


def test_a_hit_that_is_a_random_control_anyway_is_neither_added_nor_alone() -> None:
    inspects = next(lane.id for lane in POLICY.lanes if lane.inspects)
    selections = [selection(number) for number in range(COUNT - 1)]
    found = beside({COUNT - 1}, [*selections, selection(COUNT - 1, basis="random", lane=inspects)])
    assert found.model is not None
    assert (found.model.otherwise, found.model.selected, found.model.added, found.alone) == (1, 0, 0, 0)


def test_what_no_run_decided_is_unknown_and_never_added() -> None:
    found = beside({3, 5}, [selection(3)])
    assert found.model is not None
    assert (found.model.undecided, found.model.added) == (1, 0)
    assert beside({3}, []).model is None


def test_no_rate_where_nothing_was_inspected() -> None:
    found = beside({0, COUNT - 1}, [selection(number) for number in range(COUNT)])
    assert found.model is not None
    for rate in (found.alone_rate, found.model.added_rate, found.model.selected_rate):
        assert (rate.rate, rate.reason, rate.high) == (None, "none_inspected", 1.0)


def test_hits_in_common_with_other_rules_are_not_alone() -> None:
    others = Others([("old", 2), ("idle", 1)], [outcome({17, 18, 1}), outcome(set())])
    selections = [selection(number) for number in range(COUNT)]
    found = beside({17, 19}, selections, irregular={17: True}, others=others)
    (first, second) = found.others
    assert (first.rule_id, first.version, first.hits, first.common, first.common_findings) == ("old", 2, 3, 1, 1)
    assert second.common == 0
    assert found.alone == 1


def test_false_alarms_by_class_and_first_hits() -> None:
    irregular = {0: False, 2: True, 3: False, 6: False, 18: True}
    found = beside({0, 2, 3, 6, 7, 18}, [], irregular=irregular)
    classes = {one.name: (one.operators, one.hits, one.false_alarms) for one in found.classes}
    assert classes == {"authorised": (1, 1, 1), "new": (1, 2, 1), "regular": (2, 3, 1)}
    # O9 was found before the period; of O1 and O3 the first hit counts.
    assert (found.first_hits.operators, found.first_hits.inspected, found.first_hits.findings) == (3, 3, 1)


def test_a_probability_of_nothing_makes_no_rate() -> None:
    selections = [selection(number)._replace(inclusion_probability=0.0) for number in range(COUNT)]
    found = beside(set(range(COUNT)), selections, irregular=dict.fromkeys(range(10), True))
    assert found.alone_rate.rate is None
