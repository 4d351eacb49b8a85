"""One hash over the decisions of a day: equal hashes, equal decisions, whichever engine computed them.

Enters: decisions, in any order. Leaves: a SHA-256. Never here: when, by whom, by which version of the software a day
was decided, nor the scores and reasons behind it: `decisions.replay` compares these.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from basira.decisions.records import Decision
from basira.schema.canonical import canonical_json


def hash_of_day(decisions: Iterable[Decision]) -> str:
    """SHA-256, in hexadecimal, over declaration and version, office, lane, basis, inclusion probability and rank.

    One line of canonical JSON a decision, by declaration and version: the order of ``decisions`` does not count, and a
    probability counts to its last bit. A ``rank`` of None, of what is not ranked, is null. Of no decision: the hash of
    nothing.
    """
    digest = hashlib.sha256()
    for one in sorted(decisions, key=lambda decision: (decision.declaration_id, decision.declaration_version)):
        line = [
            one.declaration_id,
            one.declaration_version,
            one.office,
            one.lane,
            one.basis,
            float(one.inclusion_probability),
            one.rank,
        ]
        digest.update(canonical_json(line).encode() + b"\n")
    return digest.hexdigest()
