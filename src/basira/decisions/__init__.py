"""Decisions: what is recorded of each, in one written form, and whether it comes out the same again.

Enters: selections and assessments. Leaves: records, rows, digests, differences. Never here: the database.
"""

from basira.decisions.records import Decision, TargetingRun, decide
from basira.decisions.replay import Difference, ReplayReport, compare
from basira.schema.canonical import canonical_json, digest

__all__ = [
    "Decision",
    "Difference",
    "ReplayReport",
    "TargetingRun",
    "canonical_json",
    "compare",
    "decide",
    "digest",
]
