"""The named reasons carry the score: without their features it falls, and by more than without others."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
from explain_faithfulness import families_of, family_of, removed
from explain_kinds import Chosen

from basira.explain.strongest import strongest_reasons
from basira.schema.days import day_of
from basira.storage.engine import open_engine
from basira.storage.history.store import register
from basira.workflows.targeting.assess import assess, with_reasons
from basira.workflows.targeting.score import items_declared
from tests.support.workflow_world import AS_OF, ENGINE

# The share of the items with the highest probability that stands for what is selected.
SHARE = 0.12
# 28 of 29 were measured of this small world; larger ones: benchmarks/explain_faithfulness.py.
FLOOR = 0.8


def selected(history, model) -> Chosen:
    snapshot = history.verified_snapshot()
    with open_engine(reads=snapshot.all_files(), memory=ENGINE.memory, threads=ENGINE.threads) as con:
        register(con, snapshot)
        items_declared(con, AS_OF + timedelta(days=1), AS_OF + timedelta(days=20), into="wanted", office=None)
        assessed = assess(con, "wanted", as_of_day=day_of(AS_OF), model=model)
        order = sorted(range(len(assessed.rows)), key=lambda p: -assessed.assessments[p].fraud_probability)
        places = order[: int(len(order) * SHARE)]
        wanted = dict.fromkeys(assessed.rows[p]["declaration_id"] for p in places)
        assessed = with_reasons(con, assessed, list(wanted), model=model, as_of_day=day_of(AS_OF))
    return Chosen(model, [], assessed.features[places], assessed.features, [assessed.assessments[p] for p in places])


def test_without_the_named_reasons_the_score_falls_more_than_without_as_many_others(history, model):
    chosen = selected(history, model)
    families = families_of(chosen)
    x, every = (model.encoding.matrix(features) for features in (chosen.features, chosen.others))
    rng = np.random.default_rng(1)
    won = named = 0
    for row, item in zip(x, chosen.assessments, strict=True):
        own = list(dict.fromkeys(family_of(reason, chosen) for reason in strongest_reasons(item)))
        if not own:
            continue
        named += 1
        drawn = every[rng.choice(len(every), 8, replace=False)]
        others = [name for name in families if name not in own]
        taken = [others[place] for place in rng.choice(len(others), len(own), replace=False)]
        mine, theirs = removed(chosen, row, drawn, [[p for name in g for p in families[name]] for g in (own, taken)])
        won += mine < theirs
    assert named > 10
    assert won / named >= FLOOR, (won, named)
