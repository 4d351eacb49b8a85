"""Operators that controls pass by: controlled far less often than their declarations let expect.

Enters: declarations as `prepare_declarations` leaves them, a seed. Leaves: a table, findings. Never here: a verdict: an
operator may have an authorisation that the files do not show.

What an operator's controls should be is not the mean: the rules that hit it, its goods, offices, values and programme
explain most of it. A logistic regression on those ranks the declarations of each office and day; a second one, on the
rank beside how many were selected there that day, gives each a chance, for a control that another declaration took is
none that was spared. The sum over an operator's declarations is what is expected of it.

Criteria that no file holds leave differences between operators: in simulated countries without a favoured one, of some
500 operators with 4 controls expected one or two have a tenth of them. So an alarm asks for more than rarity: the
random control, which asks no criterion, passes by as well, or not one control of any kind. Anything less is worth a
look and no alarm.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy.sparse import csr_matrix, hstack
from scipy.stats import nbinom, poisson

from basira.diagnose.findings import Cell, Column, Finding, Said, Table
from basira.diagnose.statistics import Flags, Floats, Ints, adjust_possible, at_most, sum_by

# After adjustment: as rare as this among all operators that could show it.
RARE = 0.003
# Controlled less than this part of what is expected: worth a look.
LESS = 0.2
# So rare must few random controls be, of one operator that is already looked at and was controlled at least once.
RARE_DRAW = 0.001
FEWEST_DECLARATIONS = 30
FEWEST_EXPECTED = 4.0
_MOST_FITTED = 200_000
_MOST_RULES = 300
# Rank within office and day over how many were selected there, in classes that are narrow where selection ends.
_PLACES = (0.1, 0.25, 0.5, 0.75, 0.9, 1.0, 1.1, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0, 4.0, 6.0, 10.0, 20.0)
_CHANCE_CLASSES = 20
_MOST_SELECTED = 8
_LEAST = 1e-6


@dataclass(frozen=True)
class _Operator:
    """Of an importer or declarant: declarations, controls, how many are expected; random controls and how many of those
    a draw by chance lets expect; ``chance`` of as few controls, ``smallest`` of none."""

    kind: str
    name: str
    declarations: int
    own: int
    expected: float
    drawn: int
    drawn_expected: float
    chance: float
    smallest: float


def judge_passed_by(declared: pl.DataFrame, *, seed: int) -> tuple[Table, tuple[Finding, ...]]:
    """The table of operators, the least controlled first, and findings. ``declared``: at least one declaration is
    selected and at least one is not. ``seed``: of the sample fitted on."""
    frame = declared.with_columns(
        pl.Series("expected", _chances(declared, seed=seed)), pl.Series("drawn_expected", _draws(declared))
    )
    tested = [one for kind in ("importer", "declarant") for one in _operators(frame, kind)]
    chances = adjust_possible([one.chance for one in tested], [one.smallest for one in tested], rare=RARE)
    order = sorted(range(len(tested)), key=lambda n: (chances[n], tested[n].own / tested[n].expected, tested[n].name))
    rows: list[tuple[Cell, ...]] = []
    findings = []
    for n in order:
        one = tested[n]
        rows.append(
            (
                *(f"operator.{one.kind}", one.name, one.declarations, one.own, one.expected, one.own / one.expected),
                *(chances[n], one.drawn, one.drawn_expected),
            )
        )
        if chances[n] >= RARE or one.own >= LESS * one.expected:
            continue
        is_alarm = one.own == 0 or at_most(one.drawn, one.drawn_expected) < RARE_DRAW
        values = {
            "operator": Said(f"operator.{one.kind}", "word"),
            "name": Said(one.name, "code"),
            "declarations": Said(one.declarations, "count"),
            "own": Said(one.own, "count"),
            "expected": Said(round(one.expected, 1), "number"),
            "chance": Said(chances[n], "chance"),
            "drawn": Said(one.drawn, "count"),
            "drawn_expected": Said(round(one.drawn_expected, 1), "number"),
        }
        if is_alarm:
            findings.append(Finding("passed_by", "high", "targeting.passed_by", values))
        else:
            findings.append(Finding("less_controlled", "low", "targeting.passed_by", values))
    columns = (
        *(Column("operator", "word"), Column("name", "code"), Column("declarations", "count")),
        *(Column("controls", "count"), Column("expected", "number"), Column("ratio", "ratio")),
        *(Column("chance", "chance"), Column("random_controls", "count"), Column("random_expected", "number")),
    )
    return Table("targeting.passed_by", columns, tuple(rows), shown=10), tuple(findings)


def _operators(frame: pl.DataFrame, kind: str) -> list[_Operator]:
    known = frame.filter(pl.col(kind).is_not_null())
    if known.is_empty():
        return []
    names = known[kind].unique().sort()
    place: Ints = known[kind].rank("dense").to_numpy().astype(np.int64) - 1
    size, chance = len(names), known["expected"].to_numpy()
    count, own, drawn = (
        sum_by(place, flags.astype(np.float64), size)
        for flags in (np.ones(known.height), known["is_selected"].to_numpy(), known["is_random"].to_numpy())
    )
    expected, variance = sum_by(place, chance, size), sum_by(place, chance * (1 - chance), size)
    drawn_expected = sum_by(place, known["drawn_expected"].to_numpy(), size)
    differs = _differs(own, expected, variance)
    found = []
    for n in np.flatnonzero((count >= FEWEST_DECLARATIONS) & (expected >= FEWEST_EXPECTED)).tolist():
        tails = [_low_tail(few, float(expected[n]), differs) for few in (int(own[n]), 0)]
        counts = (int(count[n]), int(own[n]), float(expected[n]), int(drawn[n]), float(drawn_expected[n]))
        found.append(_Operator(kind, str(names[n]), *counts, *tails))
    return found


def _chances(declared: pl.DataFrame, *, seed: int) -> Floats:
    """Of each declaration to be selected, by what is known of it, which rules hit it and whom it competes with."""
    target: Flags = declared["is_selected"].to_numpy()
    rows = np.arange(declared.height)
    if len(rows) > _MOST_FITTED:
        rows = np.sort(np.random.default_rng(seed).choice(rows, _MOST_FITTED, replace=False))
    first = _fit(csr_matrix(hstack(_columns(declared))), target, rows)
    logit = np.log(first / (1 - first))
    competing = declared.select("office", "day", "is_selected", logit=pl.Series(logit)).with_columns(
        selected=pl.col("is_selected").sum().over("office", "day"),
        all=pl.len().over("office", "day"),
        place=pl.col("logit").rank("average", descending=True).over("office", "day") - 0.5,
    )
    selected: Ints = competing["selected"].to_numpy().astype(np.int64)
    place = np.digitize(competing["place"].to_numpy() / np.maximum(selected, 0.5), _PLACES)
    level = _classes(pl.Series(logit), _CHANCE_CLASSES)
    crossed = place * (_MOST_SELECTED + 1) + np.minimum(selected, _MOST_SELECTED)
    matrix = csr_matrix(hstack([_one_hot(place), _one_hot(level), csr_matrix(logit[:, None]), _one_hot(crossed)]))
    chances = _fit(matrix, target, rows)
    # On a day without a control none was to be had, on one when all were selected none was to be missed.
    whole: Ints = competing["all"].to_numpy().astype(np.int64)
    return np.where(selected == 0, _LEAST, np.where(selected == whole, 1 - _LEAST, chances))


def _fit(matrix: csr_matrix, target: Flags, rows: Ints) -> Floats:
    from sklearn.linear_model import LogisticRegression

    if target[rows].all() or not target[rows].any():
        return np.full(len(target), np.clip(target.mean(), _LEAST, 1 - _LEAST))
    fitted = LogisticRegression(C=1.0, max_iter=300).fit(matrix[rows], target[rows])
    chances: Floats = fitted.predict_proba(matrix)[:, 1]
    return np.clip(chances, _LEAST, 1 - _LEAST)


def _draws(declared: pl.DataFrame) -> Floats:
    """Of each declaration to be in the random control: as likely as any other of its office and day."""
    found: Floats = declared.select(
        (pl.col("is_random").sum().over("office", "day") / pl.len().over("office", "day")).alias("share")
    )["share"].to_numpy()
    return found


def _one_hot(codes: Ints) -> csr_matrix:
    n = len(codes)
    return csr_matrix((np.ones(n), (np.arange(n), codes)), shape=(n, int(codes.max()) + 1))


def _classes(values: pl.Series, count: int) -> Ints:
    rank: Floats = (values.rank("average") / len(values)).to_numpy()
    found: Ints = np.minimum(count - 1, (rank * count).astype(np.int64))
    return found


def _columns(declared: pl.DataFrame) -> list[csr_matrix]:
    found = []
    for name in ("office", "chapter", "origin", "transport", "procedure"):
        found.append(_one_hot(declared[name].fill_null("").rank("dense").to_numpy().astype(np.int64) - 1))
    for name in ("value", "tax"):
        found.append(_one_hot(_classes(declared[name].fill_null(0.0), 10)))
    found.append(csr_matrix(declared["is_oea"].cast(pl.Float64).fill_null(0.0).to_numpy()[:, None]))
    if declared["rule_list"].null_count() < declared.height:
        hits = declared.select("rule_list").with_row_index("row").explode("rule_list").drop_nulls()
        counted = hits["rule_list"].value_counts().sort("count", "rule_list", descending=[True, False])
        common = counted["rule_list"].head(_MOST_RULES).to_list()
        place = {name: n for n, name in enumerate(sorted(common))}
        hits = hits.filter(pl.col("rule_list").is_in(common))
        columns = np.array([place[name] for name in hits["rule_list"].to_list()], dtype=np.int64)
        shape = (declared.height, max(1, len(place)))
        found.append(csr_matrix((np.ones(len(columns)), (hits["row"].to_numpy(), columns)), shape=shape))
    return found


def _differs(own: Floats, expected: Floats, variance: Floats) -> float:
    """How much operators differ beyond what is known of them: the variance of the ratio of their controls to those
    expected. The outermost tenth, which may be what is looked for, is left out, and the rest widened for it."""
    enough = expected >= FEWEST_EXPECTED
    if int(enough.sum()) < 20:
        return 0.1
    ratio = (own[enough] - expected[enough]) / expected[enough]
    noise = variance[enough] / expected[enough] ** 2
    kept = np.argsort(np.abs(ratio) / np.sqrt(noise), kind="stable")[: max(1, int(0.9 * len(ratio)))]
    # The mean square of the inner nine tenths of a normal variable is .62 of its variance. Each operator counts for
    # what is known of it.
    weight = 1.0 / noise[kept]
    square = float((weight * ratio[kept] ** 2).sum() / weight.sum()) / 0.62
    return max(0.01, square - float(len(kept) / weight.sum()))


def _low_tail(own: int, expected: float, differs: float) -> float:
    """Probability of as few: a Poisson variable whose mean varies between operators as a gamma variable does."""
    if differs <= 1e-6:
        return float(poisson.cdf(own, expected))
    return float(nbinom.cdf(own, 1 / differs, 1 / (1 + differs * expected)))
