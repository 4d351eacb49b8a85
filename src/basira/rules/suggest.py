"""Short rules learned from results, held against later ones.

Enters: declarations with their results and the weight of each, in two periods, one after the other. Leaves: conditions
of at most four parts with what they were worth in both. Never here: a rule on record (a suggestion is a draft that a
person takes up); an identifier of a person, a free text or a score in a condition; a later period that chooses a rule
instead of rejecting one.

A beam search over conditions on one item. Worth is the weighted excess of findings over the usual rate, by the lower
end of its interval: a small sample is worth little. A condition stays only when it is worth something in each third
of the first period; a suggestion only when its rate in the second period is above the usual one, by its lower end.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from basira.rules import model
from basira.rules.bulk import DECLARATION, HIT, judge_many
from basira.rules.model import Condition
from basira.rules.names import Name, Vocabulary

MOST_PARTS = 4
_BEAM = 12
_FEWEST_HITS = 30
_FEWEST_LATER = 15
_THIRDS = 3
_MOST_VALUES = 30
_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
_PREFIXES = (2, 4)
# A further part must be worth so much more.
_WORTH_A_PART = 1.1
_DEVIATIONS = 1.645  # one-sided, 95 %
_TEXTS = frozenset({"code", "commodity", "country"})

_Items = NDArray[np.bool_]


@dataclass(frozen=True)
class Results:
    """Declarations that were inspected, in the order of their days. ``items``: for `judge_many`, numbered from 0;
    ``is_irregular``, ``weight`` (1 over the probability of inspection): one each."""

    items: pl.DataFrame
    is_irregular: Sequence[bool]
    weight: Sequence[float]


@dataclass(frozen=True)
class Worth:
    """``hits``, ``findings``: counted; ``rate``, ``low``: weighted, and the lower end of its interval (95 %,
    one-sided); ``usual``: the rate of all."""

    hits: int
    findings: int
    rate: float
    low: float
    usual: float


@dataclass(frozen=True)
class Suggestion:
    """A condition, with what it was worth where it was learned and later."""

    condition: Condition
    learned: Worth
    later: Worth


def candidate_names(vocabulary: Vocabulary, columns: Iterable[str]) -> list[Name]:
    """The names that a suggestion may read: of no person, no free text, no score."""
    there = set(columns)
    return [
        name
        for name in vocabulary.names.values()
        if name.name in there
        and not name.is_personal
        and name.source in ("declared", "feature")
        and name.kind in (_TEXTS | {"number"})
        and name.name not in ("item_number", "exchange_rate")
    ]


def suggest(first: Results, later: Results, vocabulary: Vocabulary, *, most: int = 10) -> list[Suggestion]:
    """At most ``most`` suggestions, the most valuable first; each looks at what those before it left."""
    search = _Search(first, vocabulary)
    found: list[Suggestion] = []
    for condition in search.run(2 * most):
        worth = worth_of(condition, later, vocabulary)
        if worth.hits >= _FEWEST_LATER and worth.low > worth.usual and len(found) < most:
            found.append(Suggestion(condition, worth_of(condition, first, vocabulary), worth))
    return found


def worth_of(condition: Condition, results: Results, vocabulary: Vocabulary) -> Worth:
    """What a condition is worth on results."""
    hits = (judge_many(results.items, [condition], vocabulary, {})["0"] == HIT).to_numpy()
    irregular, weight = np.asarray(results.is_irregular, dtype=np.bool_), np.asarray(results.weight, dtype=np.float64)
    rate, low = _rate(hits, irregular, weight)
    usual = float((weight * irregular).sum() / weight.sum()) if len(weight) else 0.0
    return Worth(int(hits.sum()), int((hits & irregular).sum()), rate, low, usual)


@dataclass(frozen=True)
class _Rule:
    parts: tuple[int, ...]
    items: _Items
    worth: float


class _Search:
    def __init__(self, results: Results, vocabulary: Vocabulary) -> None:
        self._of_item = results.items[DECLARATION].to_numpy()
        self._irregular = np.asarray(results.is_irregular, dtype=np.bool_)
        self._weight = np.asarray(results.weight, dtype=np.float64)
        self._third = np.arange(len(self._irregular)) * _THIRDS // max(1, len(self._irregular))
        self._left = np.ones(len(self._irregular), dtype=np.bool_)
        # Each item as a declaration of its own: which items meet a part.
        single = results.items.with_columns(pl.int_range(pl.len(), dtype=pl.UInt32).alias(DECLARATION))
        self._parts = list(_literals(single, vocabulary))
        self._names = [next(model.field_names(part)) for part in self._parts]
        judged = judge_many(single, [model.AnyItem(part) for part in self._parts], vocabulary, {})
        self._met = [(judged[str(number)] == HIT).to_numpy() for number in range(len(self._parts))]

    def run(self, most: int) -> list[Condition]:
        found: list[Condition] = []
        for _ in range(most):
            best = self._best()
            if best is None:
                break
            parts = tuple(self._parts[number] for number in best.parts)
            found.append(model.AnyItem(parts[0] if len(parts) == 1 else model.AllOf(parts)))
            self._left &= ~self._hits(best.items)
        return found

    def _best(self) -> _Rule | None:
        beam = [_Rule((), np.ones(len(self._of_item), dtype=np.bool_), 0.0)]
        best: _Rule | None = None
        for _ in range(MOST_PARTS):
            grown: dict[tuple[int, ...], _Rule] = {}
            for rule in beam:
                for number, met in enumerate(self._met):
                    parts = tuple(sorted((*rule.parts, number)))
                    if parts in grown or self._is_double(rule.parts, number):
                        continue
                    items = rule.items & met
                    worth = self._worth(items)
                    if worth > max(0.0, _WORTH_A_PART * rule.worth):
                        grown[parts] = _Rule(parts, items, worth)
            beam = sorted(grown.values(), key=lambda one: (-one.worth, one.parts))[:_BEAM]
            for rule in beam:
                if (best is None or rule.worth > best.worth) and self._is_stable(rule.items):
                    best = rule
            if not beam:
                break
        return best

    def _is_double(self, parts: tuple[int, ...], number: int) -> bool:
        """A part that is there already, or a third one on the same field."""
        return number in parts or sum(self._names[one] == self._names[number] for one in parts) > 1

    def _hits(self, items: _Items) -> _Items:
        return np.bincount(self._of_item[items], minlength=len(self._irregular)) > 0

    def _worth(self, items: _Items) -> float:
        hits = self._hits(items) & self._left
        if hits.sum() < _FEWEST_HITS:
            return 0.0
        _, low = _rate(hits, self._irregular, self._weight)
        return (low - self._usual(self._left)) * float(self._weight[hits].sum())

    def _is_stable(self, items: _Items) -> bool:
        hits = self._hits(items) & self._left
        for third in range(_THIRDS):
            of_third = self._third == third
            rate, _ = _rate(hits & of_third, self._irregular, self._weight)
            if rate <= self._usual(self._left & of_third):
                return False
        return True

    def _usual(self, which: _Items) -> float:
        weight = self._weight[which]
        return float((weight * self._irregular[which]).sum() / weight.sum()) if weight.sum() else 0.0


def _rate(hits: _Items, irregular: _Items, weight: NDArray[np.float64]) -> tuple[float, float]:
    """The weighted rate of what is hit and its lower end (Wilson, with the effective number of hits); 0 without any."""
    chosen = weight[hits]
    total = float(chosen.sum())
    if total == 0.0:
        return 0.0, 0.0
    rate, count = float(chosen[irregular[hits]].sum()) / total, total**2 / float((chosen**2).sum())
    spread = _DEVIATIONS**2 / count
    middle = (rate + spread / 2) / (1 + spread)
    half = math.sqrt(spread * (rate * (1 - rate) + spread / 4)) / (1 + spread)
    return rate, max(0.0, middle - half)


def _literals(items: pl.DataFrame, vocabulary: Vocabulary) -> Iterable[Condition]:
    for name in candidate_names(vocabulary, items.columns):
        column = items[name.name]
        if name.kind == "number":
            if column.dtype.is_numeric():
                yield from _bounds(name.name, column)
            continue
        if column.dtype != pl.String:
            continue
        if name.kind == "commodity":
            for length in _PREFIXES:
                for value in _common(column.str.slice(0, length)):
                    if len(value) == length:
                        yield model.StartsWith(name.name, (value,))
            continue
        for value in _common(column):
            yield model.OneOf(name.name, (value,))


def _common(column: pl.Series) -> list[str]:
    """The most frequent values, of those that are frequent enough; of two as frequent the first by name."""
    counts: Mapping[str, int] = dict(column.drop_nulls().value_counts().iter_rows())
    frequent = sorted((-count, value) for value, count in counts.items() if count >= _FEWEST_HITS and value)
    return [value for _, value in frequent[:_MOST_VALUES]]


def _bounds(name: str, column: pl.Series) -> Iterable[Condition]:
    values = column.cast(pl.Float64).fill_nan(None).drop_nulls()
    values = values.filter(values.is_finite() & (values.abs() < model.LARGEST))
    if len(values) < _FEWEST_HITS:
        return
    bounds = {float(f"{value:.3g}") for q in _QUANTILES if (value := values.quantile(q)) is not None}
    for bound in sorted(bounds):
        field, number = model.FieldValue(name), model.Number(bound + 0.0)
        yield model.Compare(field, ">=", number)
        yield model.Compare(field, "<", number)
