"""The explanation of a decision for one reader: why it was selected, what is at stake, the reasons, what to verify.

Enters: what a decision is known by, and who reads. Leaves: an `Explanation`, without a word: `sentences` says it in a
language. Never here: a new assessment, a figure of its own, a store.

The list, `basira explain`, `basira show` and the service all make this one, so that they never say different things of
one declaration.

    unit        who targets: everything
    inspector   who inspects: nothing that distinguishes a random control from another one
                (docs/decisions/0013-what-an-inspector-is-told.md)
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from basira.explain.disclosure import basis_for_inspectors
from basira.explain.strongest import PRICE_MEASURES, measures_of, strongest_reasons
from basira.schema.records import EXPECTED, Examines, Figure, ItemAssessment, Reason, Reference

Reader = Literal["unit", "inspector"]
WhyCode = Literal[
    "likely", "large", "ranked", "rule", "analyst", "random", "unscored", "officer", "control", "exempt", "none"
]

# "More probable than the average" holds from what reads as twice the average on.
_TWICE = 1.75
# By the policy's own list, or by a rule that an analyst wrote.
_BY_RIGHT: Mapping[str, WhyCode] = {"mandatory": "rule", "rule": "analyst"}
# What a verification may show: the references of its kind.
_MEASURES: Mapping[str, tuple[str, ...]] = {
    "value": PRICE_MEASURES,
    "quantity": ("kg_per_unit",),
}


@dataclass(frozen=True)
class Surroundings:
    """The day's figures beside which a declaration is explained. ``average_probability``: mean of the declarations that
    have one, 0 to 1; ``large_stakes``: the amount if irregular that a quarter of them reach. None: not known."""

    average_probability: float | None = None
    large_stakes: float | None = None


@dataclass(frozen=True)
class Case:
    """A decision as an explanation needs it.

    ``examines``: what its lane looks at; None: not known. ``around``: the day's figures. ``is_officers``: an
    officer gave the lane. ``has_answer``: the model gave one. ``ground``: of a mandatory rule, or of an analyst's, in
    the language of the reader; "": none. ``notes``: what analysts' rules add for the inspector, in that language.
    Probabilities are 0 to 1, amounts in ``currency``.
    """

    basis: str
    currency: str
    fraud_probability: float | None
    expected_revenue: float | None
    items: Sequence[ItemAssessment]
    examines: Examines | None = None
    around: Surroundings = Surroundings()
    ground: str = ""
    is_officers: bool = False
    has_answer: bool = True
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Why:
    """Why a declaration was selected. ``figures``: those that its sentence names."""

    code: WhyCode
    figures: Mapping[str, Figure]


@dataclass(frozen=True)
class Stakes:
    """``potential``: duties and taxes recovered if all its items are irregular; ``expected``: the same, weighted by the
    probability. ``average``: the mean probability of the day; None: not known."""

    potential: float
    expected: float
    probability: float
    average: float | None


@dataclass(frozen=True)
class Verification:
    """One thing to verify. ``examines``: as the lane does, papers or goods; None: not known.

    ``reference``: the interval of comparables beside which the declared value stands; None where no measure is of
    the kind. ``worth``: duties and taxes recovered if it is irregular; None: withheld, or not known.
    """

    kind: str
    examines: Examines | None
    reference: Reference | None = None
    worth: float | None = None


@dataclass(frozen=True)
class ItemExplanation:
    """One item. ``reasons``: none where none is worth telling, or where there is nothing to be read into a control.

    ``references``: all of them, on demand.
    """

    item_number: int
    reasons: tuple[Reason, ...]
    verify: tuple[Verification, ...]
    references: tuple[Reference, ...]

    @property
    def comparables(self) -> tuple[str, ...]:
        """Earlier declarations to compare with, each once."""
        return tuple(dict.fromkeys(one for reference in self.references for one in reference.comparables))


@dataclass(frozen=True)
class Explanation:
    """The explanation of one decision for one reader.

    ``has_reasons``: False for a random control: there is nothing to be read into it, and no reason is shown.
    ``stakes``: None without an answer of the model, and for an inspector.
    ``items``: those with a reason first, then by what they are expected to bring. ``notes``: of analysts' rules.
    """

    reader: Reader
    why: Why
    stakes: Stakes | None
    items: tuple[ItemExplanation, ...]
    currency: str
    has_reasons: bool
    notes: tuple[str, ...] = ()

    @property
    def is_telling(self) -> bool:
        """Whether any item has a reason."""
        return any(item.reasons for item in self.items)


def explain(case: Case, *, reader: Reader) -> Explanation:
    """The explanation of a decision for one reader."""
    is_unit = reader == "unit"
    stakes = _stakes(case) if is_unit else None
    why = _why(case, stakes) if is_unit else _why_for_inspectors(case)
    # An inspector is shown the reasons of random controls too, as of all others: without them they would stand out.
    has_reasons = why.code != "random"
    ordered = sorted(case.items, key=lambda one: (-one.expected_revenue, one.item_number))
    shown: list[Reason] = []
    reasons_of: dict[int, tuple[Reason, ...]] = {}
    for item in ordered:
        reasons_of[item.item_number] = strongest_reasons(item, already=shown) if has_reasons else ()
        shown.extend(reasons_of[item.item_number])
    ordered.sort(key=lambda one: not reasons_of[one.item_number])
    intervals = _Intervals(measures_of(shown))
    explained = [
        ItemExplanation(
            item.item_number,
            reasons_of[item.item_number],
            _verifications(item, reasons_of[item.item_number], case.examines, intervals, is_unit=is_unit),
            item.references,
        )
        for item in ordered
    ]
    return Explanation(reader, why, stakes, tuple(explained), case.currency, has_reasons, case.notes)


def large_stakes(potentials: Sequence[float]) -> float | None:
    """The amount that a quarter of the declarations reach, of what each brings if irregular; None of none.

    >>> large_stakes([10.0, 40.0, 20.0, 30.0]), large_stakes([])
    (40.0, None)
    """
    return sorted(potentials)[len(potentials) * 3 // 4] if potentials else None


def potential_of(items: Sequence[ItemAssessment]) -> float:
    """Duties and taxes recovered if every item is irregular."""
    return float(sum(item.revenue_if_fraud for item in items))


def _stakes(case: Case) -> Stakes | None:
    if case.fraud_probability is None or case.expected_revenue is None or not case.has_answer:
        return None
    return Stakes(
        potential_of(case.items), case.expected_revenue, case.fraud_probability, case.around.average_probability
    )


def _why(case: Case, stakes: Stakes | None) -> Why:
    if case.is_officers:
        return Why("officer", {})
    if case.basis in _BY_RIGHT:
        return Why(_BY_RIGHT[case.basis], {"ground": case.ground})
    if case.basis == "random":
        return Why("random", {})
    if case.basis == "exempt":
        return Why("exempt", {})
    if case.basis == "fallback" or (stakes is None and case.basis == "model"):
        return Why("unscored", {})
    if case.basis != "model" or stakes is None:
        return Why("none", {})
    figures: dict[str, Figure] = {
        "probability": stakes.probability,
        "average": stakes.average,
        "potential": stakes.potential,
        "expected": stakes.expected,
    }
    return Why(_model_code(stakes, case.around.large_stakes), figures)


def _model_code(stakes: Stakes, large: float | None) -> WhyCode:
    """What holds of a declaration that the model chose; "ranked" always does."""
    if times_the_average(stakes.probability, stakes.average) >= _TWICE:
        return "likely"
    if large is not None and 0 < large <= stakes.potential:
        return "large"
    return "ranked"


def _why_for_inspectors(case: Case) -> Why:
    if case.is_officers:
        return Why("officer", {})
    if case.basis in _BY_RIGHT:
        return Why(_BY_RIGHT[case.basis], {"ground": case.ground})
    shown = basis_for_inspectors(case.basis, has_answer=case.has_answer)
    if shown == "control":
        return Why("control", {})
    return Why("unscored" if shown == "fallback" else "exempt" if shown == "exempt" else "none", {})


def times_the_average(probability: float, average: float | None) -> float:
    """How many times the average a probability is; 0 where the average is not known.

    >>> times_the_average(0.12, 0.02), times_the_average(0.12, None)
    (6.0, 0.0)
    """
    if average is None or not average > 0 or not math.isfinite(average):
        return 0.0
    return probability / average


class _Intervals:
    """The intervals that stand on one declaration: of one good in one measure, and one interval in it.

    An officer who reads that the same goods are worth 30 to 50 a kilogram here, and 900 to 1,200 a unit or 25 to 45 a
    kilogram there, believes neither. ``measures``: by commodity code, those of the reasons that are shown. The first
    item of a code chooses where no reason does.
    """

    def __init__(self, measures: Mapping[str, str]) -> None:
        self._measures = dict(measures)
        self._is_expected: dict[tuple[str, str], bool] = {}
        self._chosen: dict[tuple[str | None, ...], tuple[float, float]] = {}

    def choose(self, kind: str, references: Sequence[Reference], reasons: Sequence[Reason]) -> Reference | None:
        """The reference of a kind in the measure of the reason that is shown, or else the one under whose interval the
        declared value lies furthest; None where it would stand against another one, of this item or of the same
        goods in another item."""
        found = self._of_kind(kind, references, reasons)
        if found is None:
            return None
        if found.measure in PRICE_MEASURES:
            if self._measures.setdefault(found.commodity_code, found.measure) != found.measure:
                return None
            is_expected = found.level.startswith(EXPECTED)
            if self._is_expected.setdefault((found.commodity_code, found.measure), is_expected) != is_expected:
                return None
            goods = (found.commodity_code, found.measure, found.unit, found.origin_country)
            if self._chosen.setdefault(goods, (found.low, found.high)) != (found.low, found.high):
                return None
        return found

    def _of_kind(self, kind: str, references: Sequence[Reference], reasons: Sequence[Reason]) -> Reference | None:
        fitting = [one for one in references if one.measure in _MEASURES.get(kind, ())]
        for reason in reasons:
            for one in fitting:
                if reason.code.startswith(one.measure):
                    return one
        # A reason in a measure that has no interval: an interval in another one would stand against it.
        if any(reason.code.startswith(_MEASURES.get(kind, ("?",))) for reason in reasons):
            return None
        agreed = [one for one in fitting if self._measures.get(one.commodity_code) == one.measure]
        return min(agreed or fitting, key=lambda one: one.declared / one.low if one.low > 0 else 1.0, default=None)


def _verifications(
    item: ItemAssessment,
    reasons: Sequence[Reason],
    examines: Examines | None,
    intervals: _Intervals,
    *,
    is_unit: bool,
) -> tuple[Verification, ...]:
    worth = item.revenue_if_fraud if is_unit and item.revenue_if_fraud > 0 else None
    return tuple(
        Verification(kind, examines, intervals.choose(kind, item.references, reasons), worth if place == 0 else None)
        for place, kind in enumerate(item.verify)
    )
