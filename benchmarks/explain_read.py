"""What it costs to read an inspected decision from the record as an answer: its words, and its length.

    .venv/bin/python benchmarks/explain_read.py [--decisions 400] [--turns 5] [--language fr]

The decisions are drawn as those of `explain_property.py` are; each is written as the record holds it, and made an
answer of by `decision_body` and JSON, for the unit and for an inspector. Printed: CPU microseconds an answer, the best
of the turns, and characters an answer in the mean. To compare two commits, run it in turns on both (`PYTHONPATH`).
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from basira.decisions.recorded import item_values
from basira.decisions.records import Decision
from basira.schema.records import Basis
from basira.serving.views.decision import decision_body
from tests.support.explained_cases import make_case

_BASES: tuple[Basis, ...] = ("model", "random", "mandatory")


def drawn_decisions(count: int) -> list[Decision]:
    """Decisions of lanes that inspect."""
    rng = np.random.default_rng(11)
    found: list[Decision] = []
    while len(found) < count:
        case = make_case(rng).case
        if case.basis not in _BASES:
            continue
        found.append(
            Decision(
                event_id=f"d-{len(found)}",
                declaration_id=f"D{len(found)}",
                declaration_version=1,
                office="CASA",
                lane="yellow",
                basis=case.basis,
                detail="",
                inclusion_probability=0.5,
                fraud_probability=case.fraud_probability,
                expected_revenue=case.expected_revenue,
                items=[item_values(item) for item in case.items],
                inspects=True,
                examines=case.examines,
                currency=case.currency,
                decided_at="2026-03-02T09:14:03",
            )
        )
    return found


def main() -> None:
    """Draw, measure, print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--decisions", type=int, default=400)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--language", default="fr")
    options = parser.parse_args()
    decisions = drawn_decisions(options.decisions)
    items = [item for one in decisions for item in one.items]
    reasons = sum(len(item["reasons"]) for item in items)
    print(f"decisions {len(decisions):,}, items {len(items):,}, recorded reasons an item {reasons / len(items):.1f}")
    for reader, is_secret_hidden in (("unit", False), ("inspector", True)):
        best, length = float("inf"), 0
        for _ in range(options.turns):
            started = time.process_time()
            length = sum(
                len(
                    json.dumps(
                        decision_body(one, language=options.language, is_secret_hidden=is_secret_hidden),
                        ensure_ascii=False,
                        separators=(",", ":"),
                    )
                )
                for one in decisions
            )
            best = min(best, time.process_time() - started)
        print(
            f"  {reader:<9} {best / len(decisions) * 1e6:6.0f} us an answer, {length / len(decisions):6,.0f} characters"
        )


if __name__ == "__main__":
    main()
