"""Part B put together.

Enters: declarations, the words of a random control, a seed. Leaves: the part "targeting". Never here: a test of its
own.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from basira.diagnose.findings import Part, Unjudged
from basira.diagnose.targeting.operators import judge_operators
from basira.diagnose.targeting.prepare import prepare_declarations
from basira.diagnose.targeting.randomness import judge_randomness
from basira.diagnose.targeting.rates import judge_rates
from basira.diagnose.targeting.rules import judge_rules
from basira.diagnose.targeting.times import judge_never, judge_times


def judge_targeting(declared: pl.DataFrame, *, random_words: Sequence[str], seed: int) -> Part:
    """The part "targeting". ``declared``: see `prepare_declarations`; ``seed``: of samples and redraws."""
    ready = prepare_declarations(declared, random_words)
    if not ready["is_selected"].any():
        return Part("targeting", unjudged=(Unjudged("targeting", ("is_inspected", "inspection_lane")),))
    rates, rate_findings, charts = judge_rates(ready)
    random, random_findings, random_unjudged = judge_randomness(ready, seed=seed)
    operators, operator_findings, operator_unjudged = judge_operators(ready, seed=seed)
    rules, rule_findings, rule_unjudged = judge_rules(ready)
    times, time_findings, time_unjudged = judge_times(ready)
    never, never_findings = judge_never(ready)
    unjudged = [*random_unjudged, *operator_unjudged, *rule_unjudged, *time_unjudged]
    if ready["lane"].null_count() == ready.height:
        unjudged.append(Unjudged("lanes", ("x_lane",)))
    if ready["revenue"].null_count() == ready.height:
        unjudged.append(Unjudged("revenue", ("additional_revenue_amount",)))
    return Part(
        "targeting",
        (*rates, *random, *operators, *rules, *times, never),
        (
            *(*rate_findings, *random_findings, *operator_findings),
            *(*rule_findings, *time_findings, *never_findings),
        ),
        tuple(unjudged),
        charts,
    )
