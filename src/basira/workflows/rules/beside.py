"""A rule beside what selects already: the model's order, the other live rules, the slots of each office and day.

Enters: a period, the outcomes of rules on it, what runs recorded of its declarations. Leaves: how many hits would have
been selected anyway, what the others would lose, who is hit for the first time. Never here: a score of today's model
on a past day (it may have learned the day's results); a declaration that no run decided counted as one that the model
let go; a rate where nothing was inspected.

What the model would select is made again from recorded scores: the order of the run's policy fills the slots that
mandatory controls, random controls and those without a score left it that day, as if no rule had acted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import polars as pl

from basira.rules.bulk import HIT
from basira.rules.worth import HitRate, Inspected, estimate_hit_rate
from basira.schema.records import Candidate
from basira.schema.stake import StakeScale
from basira.selection.batch.draw import hash_key
from basira.selection.policy.model import Policy
from basira.selection.ranking import eligibility, rank
from basira.storage.rules.selections import RecordedSelection
from basira.workflows.rules.period import Period

# Bases whose slots are not the model's, whatever rules there are.
_NOT_OF_THE_MODEL = ("mandatory", "random", "fallback")
# An operator with fewer declarations before the period is occasional. A judgement, not a measure.
_REGULAR_FROM = 50


@dataclass(frozen=True)
class RunTerms:
    """Under what a run selected: its day, its policy, and the scale of stakes of its model, None without one."""

    day: date
    policy: Policy
    scale: StakeScale | None


@dataclass(frozen=True)
class OtherRule:
    """Another live rule on the same period. ``common``: declarations that both hit; ``common_findings``: of these, with
    a finding."""

    rule_id: str
    version: int
    hits: int
    common: int
    common_findings: int


@dataclass(frozen=True)
class PushedOut:
    """What a rule would take from the model at one office on one day, if every hit acted.

    ``slots``: that the model had; ``selected``: hits that the model selects too; ``added``: those that it does not;
    ``pushed_out``: declarations of the model, its last ones, that would lose their slot, with the inspected and the
    findings among them.
    """

    office: str
    day: date
    slots: int
    hits: int
    selected: int
    added: int
    pushed_out: int
    inspected: int
    findings: int


@dataclass(frozen=True)
class BesideModel:
    """The hits beside the model.

    ``otherwise``: inspected anyway as a mandatory or random control, or without a score; ``selected``: in the model's
    slots anyway; ``added``: neither; ``undecided``: hits that no recorded run decided, of which nothing is said.
    """

    otherwise: int
    selected: int
    added: int
    undecided: int
    selected_rate: HitRate
    added_rate: HitRate
    office_days: tuple[PushedOut, ...]


@dataclass(frozen=True)
class ClassOfOperator:
    """Hits of one class: authorised, new (no declaration before the period), occasional (under 50), regular, unknown.
    ``false_alarms``: inspected without a finding, of ``rate.inspected``."""

    name: str
    operators: int
    hits: int
    false_alarms: int
    rate: HitRate


@dataclass(frozen=True)
class FirstHits:
    """Operators hit of whom no finding was known the day before the period. ``inspected``, ``findings``: of the first
    hit of each."""

    operators: int
    inspected: int
    findings: int


@dataclass(frozen=True)
class Beside:
    """A rule beside everything else. ``model``: None where no run of the period was recorded. ``alone``: hits that no
    other live rule has, and that would not have been inspected anyway."""

    model: BesideModel | None
    others: tuple[OtherRule, ...]
    alone: int
    alone_rate: HitRate
    classes: tuple[ClassOfOperator, ...]
    first_hits: FirstHits


@dataclass(frozen=True)
class Others:
    """Other live rules by id and version, with their outcomes on the period's declarations, in order."""

    names: Sequence[tuple[str, int]] = ()
    outcomes: Sequence[pl.Series] = ()


@dataclass(frozen=True)
class Recorded:
    """What runs recorded of the declarations of a period. ``terms``: of each run, by its id."""

    selections: Mapping[str, RecordedSelection] = field(default_factory=dict)
    terms: Mapping[str, RunTerms] = field(default_factory=dict)

    @property
    def probabilities(self) -> Mapping[str, float]:
        """Of inspection, by declaration."""
        return {name: one.inclusion_probability for name, one in self.selections.items()}


def put_beside(outcome: pl.Series, period: Period, recorded: Recorded, others: Others, *, takes_slots: bool) -> Beside:
    """A rule, by its outcome on each declaration of the period (see `rules.bulk`), beside everything else.

    ``takes_slots``: it wants a lane; otherwise it pushes nothing out. The period must have been read with operators.
    """
    judged = period.declarations.with_columns(is_hit=outcome == HIT)
    hits = judged.filter("is_hit")
    known = recorded.probabilities
    model = None if not recorded.selections else _beside_model(judged, recorded, takes_slots=takes_slots)
    anyway = pl.Series([], dtype=pl.String)
    if model is not None:
        anyway = pl.Series(sorted(model[1]), dtype=pl.String)
    is_alone, compared = ~judged["declaration_id"].is_in(anyway.implode()) & judged["is_hit"], []
    for name, one in zip(others.names, others.outcomes, strict=True):
        common = judged["is_hit"] & (one == HIT)
        findings = int((common & judged["is_irregular"].fill_null(False)).sum())
        compared.append(OtherRule(*name, int((one == HIT).sum()), int(common.sum()), findings))
        is_alone &= one != HIT
    alone = judged.filter(is_alone)
    return Beside(
        model=None if model is None else model[0],
        others=tuple(sorted(compared, key=lambda one: (-one.common, one.rule_id, one.version))),
        alone=alone.height,
        alone_rate=_rate(alone, known),
        classes=_classes(hits, known),
        first_hits=_first_hits(hits),
    )


def _beside_model(judged: pl.DataFrame, recorded: Recorded, *, takes_slots: bool) -> tuple[BesideModel, frozenset[str]]:
    """With the ids of everything that would have been inspected anyway."""
    rows = {row["declaration_id"]: row for row in judged.iter_rows(named=True)}
    days: dict[tuple[str, str], list[RecordedSelection]] = {}
    for one in recorded.selections.values():
        days.setdefault((one.run_id, one.office), []).append(one)
    chosen: set[str] = set()
    otherwise: set[str] = set()
    found: list[PushedOut] = []
    for (run_id, office), ones in sorted(days.items()):
        terms = recorded.terms[run_id]
        slots, others = _slots_of_model(ones, terms, office)
        otherwise.update(others)
        pool = [one for one in ones if one.basis not in _NOT_OF_THE_MODEL]
        picked = _picks(pool, terms, slots, rows)
        chosen.update(picked)
        hit = {one.declaration_id for one in pool if one.declaration_id in rows and rows[one.declaration_id]["is_hit"]}
        if not hit:
            continue
        added = len(hit - set(picked))
        left = [name for name in picked if name not in hit]
        count = max(0, min(len(left), added + len(picked) - slots)) if takes_slots else 0
        results = [rows[name]["is_irregular"] for name in left[len(left) - count :] if name in rows]
        inspected = [one for one in results if one is not None]
        found.append(
            PushedOut(
                office, terms.day, slots, len(hit), len(hit) - added, added, count, len(inspected), sum(inspected)
            )
        )
    hits = judged.filter("is_hit")
    of_model, of_others, decided = (
        hits["declaration_id"].is_in(list(names)) for names in (chosen, otherwise, recorded.selections)
    )
    selected, added_hits = hits.filter(of_model), hits.filter(decided & ~of_model & ~of_others)
    known = recorded.probabilities
    return BesideModel(
        otherwise=int(of_others.sum()),
        selected=selected.height,
        added=added_hits.height,
        undecided=int((~decided).sum()),
        selected_rate=_rate(selected, known),
        added_rate=_rate(added_hits, known),
        office_days=tuple(sorted(found, key=lambda one: (-one.pushed_out, -one.added, one.office, one.day))),
    ), frozenset(chosen | otherwise)


def _slots_of_model(ones: Sequence[RecordedSelection], terms: RunTerms, office: str) -> tuple[int, list[str]]:
    """How many slots other bases left of an office's day, and the declarations inspected by these."""
    policy = terms.policy
    taken = [one.declaration_id for one in ones if one.basis in _NOT_OF_THE_MODEL and policy.lane(one.lane).inspects]
    capacity = sum(
        policy.capacity_of(office, lane.id, day=terms.day, day_total=len(ones))
        for lane in policy.lanes
        if lane.inspects
    )
    return max(0, capacity - len(taken)), taken


def _picks(
    pool: Sequence[RecordedSelection], terms: RunTerms, slots: int, rows: Mapping[str, Mapping[str, object]]
) -> list[str]:
    """The declarations that the model's order puts in its slots, best first."""
    candidates = [
        Candidate(
            one.declaration_id,
            one.declaration_version,
            one.office,
            one.fraud_probability,
            one.expected_revenue,
            is_oea=bool(rows.get(one.declaration_id, {}).get("is_oea")),
            stake_scale=terms.scale,
        )
        for one in pool
    ]
    ties = [hash_key("tie", terms.day, one.office, one.declaration_id, one.declaration_version) for one in pool]
    ranked = rank(candidates, ties, terms.policy.objective)
    able = [one for one in ranked.order if eligibility(candidates[one], terms.policy) in ("eligible", "lane_limited")]
    return [candidates[one].declaration_id for one in able[:slots]]


def _classes(hits: pl.DataFrame, known: Mapping[str, float]) -> tuple[ClassOfOperator, ...]:
    is_known = pl.col("operator").is_not_null()
    named = hits.with_columns(
        operator_class=pl.when(pl.col("is_oea").fill_null(False))
        .then(pl.lit("authorised"))
        .when(~is_known)
        .then(pl.lit("unknown"))
        .when(pl.col("earlier") == 0)
        .then(pl.lit("new"))
        .when(pl.col("earlier") < _REGULAR_FROM)
        .then(pl.lit("occasional"))
        .otherwise(pl.lit("regular"))
    )
    found = []
    for name in ("authorised", "new", "occasional", "regular", "unknown"):
        one = named.filter(pl.col("operator_class") == name)
        if one.height:
            false_alarms = int((~one["is_irregular"]).sum() or 0)
            found.append(
                ClassOfOperator(
                    name, one["operator"].drop_nulls().n_unique(), one.height, false_alarms, _rate(one, known)
                )
            )
    return tuple(found)


def _first_hits(hits: pl.DataFrame) -> FirstHits:
    of_new = hits.filter(pl.col("operator").is_not_null() & ~pl.col("is_found_before"))
    first = of_new.sort("day", "declaration_id").unique("operator", keep="first", maintain_order=True)
    inspected = first.filter(pl.col("is_irregular").is_not_null())
    return FirstHits(first.height, inspected.height, int(inspected["is_irregular"].sum() or 0))


def _rate(hits: pl.DataFrame, known: Mapping[str, float]) -> HitRate:
    return estimate_hit_rate(hits.height, _inspected(hits, known))


def _inspected(hits: pl.DataFrame, known: Mapping[str, float]) -> Iterable[Inspected]:
    for row in hits.filter(pl.col("is_irregular").is_not_null()).iter_rows(named=True):
        # A probability of 0 says that the inspection came from elsewhere: nothing can be weighted by it.
        yield Inspected(bool(row["is_irregular"]), known.get(row["declaration_id"]) or None)
