"""The verdicts of rules on recorded declarations, made again by the versions that held then.

Enters: a service opened on the record, a candidate made of what was recorded, its decision. Leaves: every verdict that
comes out otherwise, or why it can't be compared. Never here: a rule of today in the place of one of then.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date

from basira.decisions.records import Decision
from basira.decisions.replay import Difference
from basira.schema.canonical import canonical_values
from basira.schema.errors import BasiraError
from basira.schema.records import Candidate
from basira.serving.service import Service
from basira.workflows.rules.in_force import find_rule_set, with_lists
from basira.workflows.rules.judge import RuleJudge


class VerdictReplay:
    """Judges again. The rules of each digest are made once from the steps of their lives."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._judges: dict[tuple[str, date, str], RuleJudge | None] = {}

    def compare(
        self, candidate: Candidate, decision: Decision, *, has_features: bool
    ) -> tuple[Sequence[Difference], str]:
        """What differs, and why nothing could be compared; "" when it could.

        ``has_features``: the candidate has those that it was decided with.
        """
        digest = decision.versions.get("rules_digest")
        if digest is None:
            return (), ""
        day, lists = decision.moment.date(), decision.versions.get("rule_lists") or "{}"
        judge = self._judge(digest, day, lists)
        if judge is None:
            return (), f"rules of digest {digest[:12]}"
        if judge.rules.erased_entries:
            return (), "entries of lists that were erased"
        if judge.reads_features and not has_features:
            return (), "verdicts of rules: features of then"
        made = [dict(one) for one in judge.judge(candidate, day)]
        if not any("is_least" in one for one in decision.rules):  # recorded by a version that did not say it
            made = [{name: value for name, value in one.items() if name != "is_least"} for one in made]
        if canonical_values(made) == canonical_values(list(decision.rules)):
            return (), ""
        return (Difference(decision.declaration_id, "rules", list(decision.rules), made),), ""

    def _judge(self, digest: str, day: date, lists: str) -> RuleJudge | None:
        """``lists``: JSON, of each list the last change that counted."""
        key = (digest, day, lists)
        if key not in self._judges:
            try:
                with self._service.database.read() as connection:
                    rules = find_rule_set(connection, digest)
                    if rules is not None:
                        rules = with_lists(connection, rules, day, changes=json.loads(lists))
                policy = self._service.policy(day)
                self._judges[key] = None if rules is None else RuleJudge(rules, policy, seed=self._service.seed)
            except BasiraError:
                self._judges[key] = None
        return self._judges[key]
