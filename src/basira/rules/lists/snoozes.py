"""Operators for whom a rule is put to sleep.

Enters: a rule, the facts of a declaration, the operators of a day. Leaves: whether the rule acts. Never here: another
verdict: a hit stays a hit, and is recorded as one that did not act; a mandatory rule that sleeps.
"""

from __future__ import annotations

from collections.abc import Mapping

from basira.rules.model import Rule
from basira.rules.names import LIST_FIELDS
from basira.rules.values import Facts, ListValues, read_text

PREFIX = "snooze:"  # of the name of a rule's list of snoozes; no list that a rule names has a colon


def list_of(rule_id: str) -> str:
    """The name of the list that holds a rule's snoozes."""
    return f"{PREFIX}{rule_id}"


def find_snooze(rule: Rule, facts: Facts, snoozes: Mapping[str, ListValues]) -> str | None:
    """The field whose operator the rule sleeps for; None: it acts as always.

    ``snoozes``: of the day, by the name of the rule's list. Of several items the operators are the same: header values.
    """
    listed = snoozes.get(list_of(rule.rule_id))
    if listed is None or rule.effect.is_mandatory:
        return None
    for name in sorted(LIST_FIELDS["operators"]):
        value = read_text(facts.items[0].get(name))
        if value is not None and listed.holds(value):
            return name
    return None
