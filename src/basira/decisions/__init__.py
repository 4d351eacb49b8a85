"""Decisions: what is recorded of each, in one written form, and whether it comes out the same again.

Enters: selections and assessments. Leaves: records, rows, digests, differences. Never here: the database.
"""

from basira.decisions.canonical import canonical_json, digest
from basira.decisions.records import DecisionRecord, TargetingRun, decide
from basira.decisions.replay import Difference, ReplayReport, compare

__all__ = [
    "DecisionRecord",
    "Difference",
    "ReplayReport",
    "TargetingRun",
    "canonical_json",
    "compare",
    "decide",
    "digest",
]
