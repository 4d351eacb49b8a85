"""What live rules were worth: hits, controls, findings, and what was gained by letting them act.

Enters: a store with its record, a period, the last day whose results count. Leaves: one row a rule, the one that gained
most first. Never here: a rate where nothing was inspected; the end of a rule (a person decides); a decision of the
service, whose results are counted elsewhere.

The gain is the difference between what was found of the hits that acted and of those that the draw let go, each
weighted by the inverse of its probability (Horvitz and Thompson): unbiased for what acting on every hit finds, less
what acting on none does, whatever the office's capacity made of it. Its interval is normal; under thirty hits, and
where nothing was found at all, there is none.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from basira.decisions.judged import JudgedValues
from basira.decisions.records import Decision
from basira.rules.evidence import Evidence, KnownResult, weigh
from basira.rules.worth import FEWEST_INSPECTED, HitRate, Inspected, estimate_hit_rate
from basira.selection.policy.load import restore_policy
from basira.storage.history.store import History
from basira.storage.record.runs import Operations
from basira.workflows.engine import EngineBounds, Progress, silent
from basira.workflows.rules.period import PeriodDays, read_period
from basira.workflows.rules.vocabulary import make_vocabulary
from basira.workflows.stores import operations_of


@dataclass(frozen=True)
class Result:
    """The result of an inspected declaration, as far as it is known. ``revenue``: in the value currency."""

    is_irregular: bool
    revenue: float


@dataclass(frozen=True)
class Hit:
    """A hit of a live rule. ``acted``: the draw let it act; ``probability``: with which, before the draw.
    ``inclusion``: probability of inspection; ``is_control``: its lane inspects; ``result``: None: not known."""

    acted: bool
    probability: float
    inclusion: float
    is_control: bool
    day: date
    result: Result | None


@dataclass(frozen=True)
class Gain:
    """Findings gained a hit by letting the rule act, with its interval of 95 %."""

    findings: float
    low: float
    high: float


@dataclass(frozen=True)
class RuleWorth:
    """One version of a rule in the period.

    ``controls``: hits that it acted on in a lane that inspects; ``let_go``: by the draw. ``rate``: of its hits, see
    `rules.worth`; ``revenue``: a control with a result, in the value currency; None: no result. ``gain``: None of a
    mandatory rule, and where the hits are too few. ``last_hit_on``: None: silent for the whole period. ``evidence``: of
    its controls beside the random control of the same office: whether retirement is proposed; a person decides.
    """

    rule_id: str
    version: int
    title: str
    hits: int
    acted: int
    let_go: int
    controls: int
    rate: HitRate
    revenue: float | None
    gain: Gain | None
    last_hit_on: date | None
    evidence: Evidence = field(default_factory=lambda: weigh([], []))


def watch_rules(
    history: History,
    days: PeriodDays,
    *,
    engine: EngineBounds | None = None,
    progress: Progress = silent,
) -> tuple[RuleWorth, ...]:
    """The live rules of the runs of a period, by what was gained by them; those of an unknown gain last.

    Of several runs on a declaration the last one counts. Raises UsageError for a period without declarations,
    StoreError for a store without a record.
    """
    found: dict[str, tuple[date, Decision, bool]] = {}
    in_force: dict[tuple[str, int], str] = {}
    with Operations(operations_of(history), create=False) as operations:
        runs = [run for run in operations.find_runs() if days.first.isoformat() <= run["day"] <= days.last.isoformat()]
        for run in sorted(runs, key=lambda one: one["sequence"]):
            policy = restore_policy(run["policy_text"])
            for row in operations.decisions_of(run["run_id"]):
                decision = Decision.from_row(row)
                is_control = policy.lane(decision.lane).inspects
                found[decision.declaration_id] = (date.fromisoformat(run["day"]), decision, is_control)
    period = read_period(history, [], make_vocabulary(), days, engine=engine, progress=progress)
    results = {
        row["declaration_id"]: Result(bool(row["is_irregular"]), float(row["revenue"] or 0.0))
        for row in period.declarations.iter_rows(named=True)
        if row["is_irregular"] is not None
    }
    known_on = dict(period.declarations.select("declaration_id", "known_on").iter_rows())
    hits: dict[tuple[str, int], list[Hit]] = {}
    of_rules: dict[tuple[str, int], list[KnownResult]] = {}
    drawn: list[KnownResult] = []
    for day, decision, is_control in found.values():
        result = results.get(decision.declaration_id)
        known = None
        if is_control and result is not None:
            name = decision.declaration_id
            known = KnownResult(decision.office, known_on[name], result.is_irregular, name)
        if known is not None and decision.basis == "random":
            drawn.append(known)
        for one in decision.rules:
            if one["outcome"] == "hit" and not one["is_shadow"]:
                key = (one["rule_id"], one["version"])
                in_force[key] = one.get("title", "")
                hits.setdefault(key, []).append(_hit(one, decision, day, results, is_control=is_control))
                # A random control that the rule hits is no control of the rule's.
                if known is not None and one.get("acts", False) and decision.basis != "random":
                    of_rules.setdefault(key, []).append(known)
    worths = [
        replace(worth_of(*key, in_force[key], ones), evidence=weigh(of_rules.get(key, ()), drawn))
        for key, ones in hits.items()
    ]
    return tuple(sorted(worths, key=lambda one: -math.inf if one.gain is None else one.gain.findings, reverse=True))


def _hit(one: JudgedValues, decision: Decision, day: date, results: Mapping[str, Result], *, is_control: bool) -> Hit:
    return Hit(
        acted=one.get("acts", False),
        probability=one.get("probability", 0.0),
        inclusion=decision.inclusion_probability,
        is_control=is_control,
        day=day,
        result=results.get(decision.declaration_id),
    )


def worth_of(rule_id: str, version: int, title: str, hits: Sequence[Hit]) -> RuleWorth:
    """What a rule was worth by its hits."""
    known = [one for one in hits if one.result is not None]
    controls = [one for one in hits if one.acted and one.is_control]
    revenues = [one.result.revenue for one in controls if one.result is not None]
    return RuleWorth(
        rule_id=rule_id,
        version=version,
        title=title,
        hits=len(hits),
        acted=sum(one.acted for one in hits),
        let_go=sum(not one.acted for one in hits),
        controls=len(controls),
        rate=estimate_hit_rate(len(hits), _inspected(known)),
        revenue=math.fsum(revenues) / len(revenues) if revenues else None,
        gain=gain_of(hits),
        last_hit_on=max((one.day for one in hits), default=None),
    )


def _inspected(known: Iterable[Hit]) -> list[Inspected]:
    return [Inspected(one.result.is_irregular, one.inclusion or None) for one in known if one.result is not None]


def gain_of(hits: Sequence[Hit]) -> Gain | None:
    """The findings gained a hit; None where a hit could not be let go, or too few were drawn or found to say.

    >>> gain_of([Hit(True, 1.0, 1.0, True, date(2026, 1, 1), None)] * 50) is None
    True
    """
    if len(hits) < FEWEST_INSPECTED or any(not 0 < one.probability < 1 for one in hits):
        return None
    if not any(not one.acted for one in hits):
        return None
    parts = [
        (1.0 / one.probability if one.acted else -1.0 / (1.0 - one.probability))
        if one.result is not None and one.result.is_irregular
        else 0.0
        for one in hits
    ]
    mean = math.fsum(parts) / len(parts)
    if not any(parts):
        return None
    variance = math.fsum((part - mean) ** 2 for part in parts) / (len(parts) - 1)
    half = 1.96 * math.sqrt(variance / len(parts))
    return Gain(mean, mean - half, mean + half)
