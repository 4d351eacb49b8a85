"""Counter-examples of a rule: findings that it leaves by little, needless hits that it takes by little.

Enters: a rule, a period. Leaves: declarations, each with the part of the condition that decides and the value read, in
three languages. Never here: a value that may name a person; a declaration without a known result.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import polars as pl

from basira.render.languages import LANGUAGES
from basira.rules.bulk import DECLARATION, HIT
from basira.rules.evaluate import Compiled, truths_of_items
from basira.rules.findings import Finding, find_reasons, say_finding, without_persons
from basira.rules.json_form import write_condition
from basira.rules.lists.dated import DatedLists
from basira.rules.model import AllItems, AnyItem, Condition, CountItems, Rule, walk
from basira.rules.names import Vocabulary
from basira.rules.near import Loosened, loosen, margin_of
from basira.rules.values import Facts, ListValues
from basira.schema.json_values import JsonObject
from basira.workflows.engine import Pause, no_pause
from basira.workflows.rules.backtest import facts_of, judge_rule
from basira.workflows.rules.dated import judge_period, lists_of
from basira.workflows.rules.period import Period

_EXAMPLES = 10
_QUANTIFIERS = (AnyItem, AllItems, CountItems)
# Of needless hits so many are looked at one by one, the first of the period: a rule that hits everything has thousands.
_MOST_NEEDLESS = 500


@dataclass(frozen=True)
class CounterExample:
    """A declaration that a rule takes or leaves by little.

    ``condition``: the part that decides, as JSON; ``sentences``: it with the value read, by language; ``margin``: of a
    number from its threshold, as a share of the larger of the two; None: the part compares no number, or has no value.
    """

    declaration_id: str
    condition: JsonObject
    sentences: Mapping[str, str]
    margin: float | None


@dataclass(frozen=True)
class CounterExamples:
    """``just_outside``: with a finding, kept out by one part alone, the nearest first; ``outside``: how many there are.
    ``just_inside``: inspected without a finding, nearest to a threshold first; ``inside_seen``: of how many hits
    without a finding, of ``inside``, these were chosen."""

    outside: int
    just_outside: tuple[CounterExample, ...]
    inside: int
    inside_seen: int
    just_inside: tuple[CounterExample, ...]


def find_counter_examples(
    rule: Rule,
    period: Period,
    vocabulary: Vocabulary,
    lists: Mapping[str, ListValues] | DatedLists,
    *,
    outcome: pl.Series | None = None,
    pause: Pause = no_pause,
) -> CounterExamples:
    """The counter-examples of a rule in a period, of whatever dates; its offices count.

    ``outcome``: what `judge_rule` gave for the same, where it is known already; ``pause``: called again and again.
    """
    found = judge_rule(rule, period, vocabulary, lists, pause=pause) if outcome is None else outcome
    judged = period.declarations.with_columns(outcome=found, number=pl.int_range(pl.len()))
    if rule.offices:
        judged = judged.filter(pl.col("office").is_in(rule.offices))
    is_irregular = pl.col("is_irregular")
    missed = judged.filter(is_irregular & (pl.col("outcome") != HIT))
    needless = judged.filter(~is_irregular & (pl.col("outcome") == HIT))
    outside = _outside(rule.condition, missed, period, vocabulary, lists, pause)
    inside = _inside(rule.condition, needless.head(_MOST_NEEDLESS), period, vocabulary, lists, pause)
    return CounterExamples(
        len(outside), _nearest(outside), needless.height, min(needless.height, _MOST_NEEDLESS), _nearest(inside)
    )


def _outside(
    condition: Condition,
    missed: pl.DataFrame,
    period: Period,
    vocabulary: Vocabulary,
    lists: Mapping[str, ListValues] | DatedLists,
    pause: Pause,
) -> list[CounterExample]:
    """Of the missed, those that the condition hits without one of its parts."""
    loosened = loosen(condition)
    if not loosened or missed.is_empty():
        return []
    few = _only(period, missed["number"])
    # What a rule leaves is looked for among the findings alone: most of a period has none.
    numbered = few.items.with_columns(pl.col(DECLARATION).rle_id())
    rests = [one.rest for one in loosened]
    outcomes = judge_period(numbered, missed["day"], rests, vocabulary, lists, pause=pause)
    found: dict[str, CounterExample] = {}
    for number, one in enumerate(loosened):
        for row in missed.filter(outcomes[str(number)] == HIT).iter_rows(named=True):
            pause()
            # Of two of its parts, on different items, the nearer one is shown.
            facts, of_day = facts_of(few, row["number"]), lists_of(lists, row["day"])
            example = _example(row["declaration_id"], _deciding(one, facts, vocabulary, of_day), vocabulary)
            known = found.get(example.declaration_id)
            if known is None or _order(example) < _order(known):
                found[example.declaration_id] = example
    return list(found.values())


def _deciding(one: Loosened, facts: Facts, vocabulary: Vocabulary, lists: Mapping[str, ListValues]) -> Finding:
    """The part that keeps a declaration out, on the item of which everything else is true."""
    item = None
    if one.of_item is not None and not any(isinstance(part, _QUANTIFIERS) for part in walk(one.part)):
        position = truths_of_items(one.of_item, facts, Compiled(vocabulary, lists)).index(True)
        item = position + 1
        features = {name: [values[position]] for name, values in facts.features.items()}
        facts = Facts([facts.items[position]], features, facts.scores)
    reasons = find_reasons(one.part, facts, vocabulary, lists)
    nearest = min((reason for reason in reasons if reason.truth is not True), key=_distance, default=reasons[0])
    return nearest if item is None else replace(nearest, item=item)


def _distance(finding: Finding) -> tuple[bool, float]:
    margin = margin_of(finding)
    return margin is None, margin or 0.0


def _only(period: Period, numbers: pl.Series) -> Period:
    """The period with the items of some declarations alone: of few, one is found sooner."""
    return replace(period, items=period.items.filter(pl.col(DECLARATION).is_in(numbers.implode())))


def _inside(
    condition: Condition,
    needless: pl.DataFrame,
    period: Period,
    vocabulary: Vocabulary,
    lists: Mapping[str, ListValues] | DatedLists,
    pause: Pause,
) -> list[CounterExample]:
    """Of the needless, those with a number, with the one that is nearest to its threshold."""
    found, few = [], _only(period, needless["number"])
    for row in needless.iter_rows(named=True):
        pause()
        reasons = find_reasons(condition, facts_of(few, row["number"]), vocabulary, lists_of(lists, row["day"]))
        near = [(margin, one) for one in reasons if one.truth is True and (margin := margin_of(one)) is not None]
        if near:
            _, nearest = min(near, key=lambda pair: pair[0])
            found.append(_example(row["declaration_id"], nearest, vocabulary))
    return found


def _nearest(found: list[CounterExample]) -> tuple[CounterExample, ...]:
    return tuple(sorted(found, key=_order)[:_EXAMPLES])


def _order(one: CounterExample) -> tuple[bool, float, str]:
    return one.margin is None, one.margin or 0.0, one.declaration_id


def _example(declaration_id: str, finding: Finding, vocabulary: Vocabulary) -> CounterExample:
    shown = without_persons(finding, vocabulary)
    return CounterExample(
        declaration_id,
        write_condition(finding.condition),
        {language: say_finding(shown, vocabulary, language) for language in LANGUAGES},
        margin_of(finding),
    )
