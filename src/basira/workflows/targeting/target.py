"""Targeting: a day's declarations into lanes, with reasons, recorded for ever.

Enters: a store, the day, `as_of`, a model, a policy, a seed, the time. Leaves: the inspection list, and a
recorded run with one decision a declaration. Never here: a decision that is shown and not recorded.
"""

from __future__ import annotations

import hashlib
import math
import secrets
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime, time, timedelta

import basira
from basira.decisions.day_hash import hash_of_day
from basira.decisions.judged import JudgedValues
from basira.decisions.records import Decision, TargetingRun, decide
from basira.engines.engine import Engine
from basira.explain.explanation import Surroundings, large_stakes, potential_of
from basira.explain.reasons import EVIDENCE, KINDS_RANKED
from basira.explain.words import conversion_of
from basira.models.risk.risk_model import RiskModel
from basira.schema.days import day_of
from basira.schema.errors import Phrase, UsageError
from basira.schema.json_values import JsonObject
from basira.schema.records import Candidate, DeclarationLine, Examines, InspectionList, ItemLine, Selection
from basira.schema.text import escape
from basira.selection.batch.allocate import Allocation, allocate
from basira.selection.batch.notices import Notice
from basira.selection.mandatory import in_one_form
from basira.selection.policy.model import Policy
from basira.selection.ranking import in_force
from basira.storage.history.store import History, Snapshot
from basira.workflows.engine import EngineBounds, Progress, silent
from basira.workflows.rules.in_force import NO_RULES, RuleSet
from basira.workflows.rules.judge import RuleJudge
from basira.workflows.rules.said import say_ground, say_notes
from basira.workflows.snapshot_engine import open_snapshot
from basira.workflows.targeting.assess import Assessed, assess, with_reasons
from basira.workflows.targeting.score import items_declared

# Of offices that the policy does not list, those that are named.
_MOST_OFFICES = 10
_SHOWN = ("importer_id", "declarant_id", "exporter_id", "procedure", "transport_mode", "dispatch_country")


@dataclass(frozen=True)
class Order:
    """What is to be done: a day, what may be known, whose declarations (None: every office's), a seed.

    ``any_office``: codes that the policy's list lacks are offices too. ``is_folded``: lists and offices are compared
    with the declared values in their one written form (`schema/text.py`), which values taken in before there was one
    may not have; only a run recorded then is made again without. ``is_catalog_digested``: so is only a run whose
    digests are of the whole catalog of then, not of what the model reads. ``evidence``: its version
    (`basira.explain.reasons`); older ones make runs of then again. ``rules``: of analysts, in force.
    """

    day: date
    as_of: date
    seed: int
    office: str | None = None
    any_office: bool = False
    is_folded: bool = True
    is_catalog_digested: bool = False
    evidence: int = EVIDENCE
    rules: RuleSet = NO_RULES


def order_day(
    day: date,
    *,
    as_of: date | None = None,
    seed: int | None = None,
    office: str | None = None,
    any_office: bool = False,
    rules: RuleSet = NO_RULES,
    name: str = "--as-of",
) -> Order:
    """The order of a day's targeting, checked and completed.

    Parameters
    ----------
    as_of : last day whose facts may be used; None: the day before.
    seed : of the random control; None: drawn afresh, so that it can't be predicted.
    office : code of the only office, as intake writes it; None: every office.
    rules : of analysts, in force (`workflows.rules.in_force`).
    name : the option that ``as_of`` came from, for its error.

    Raises
    ------
    UsageError : ``as_of`` is not before ``day``.
    """
    known = day - timedelta(days=1) if as_of is None else as_of
    if known >= day:
        raise UsageError(
            "{name}: expected a day before the targeted day {day}, found {known}.",
            hint="History is as of the previous midnight: leave {name} out, or give an earlier day.",
            name=name,
            day=day,
            known=known,
        )
    drawn = secrets.randbelow(2**31) if seed is None else seed
    return Order(day, known, drawn, office=office, any_office=any_office, rules=rules)


@dataclass(frozen=True)
class Targeted:
    """``listing``: for people. ``run``, ``decisions``: for the record."""

    listing: InspectionList
    run: TargetingRun
    decisions: tuple[Decision, ...]

    @property
    def day_hash(self) -> str:
        """One hash over what was decided, see `decisions.day_hash`. The same on DuckDB and Sail; on Spark
        with Java one amount may differ in its last bit, so two declarations that are all but equal may change places.
        """
        return hash_of_day(self.decisions)


def target(
    history: History,
    order: Order,
    *,
    model: RiskModel,
    policy: Policy,
    now: datetime,
    language: str = "fr",
    snapshot: Snapshot | None = None,
    engine: EngineBounds | None = None,
    progress: Progress = silent,
) -> Targeted:
    """Assess the day's declarations and put each in a lane. Nothing is recorded yet (see `record`).

    A declaration of an office that the policy does not list is left undecided, because no queue would hold it; the
    list reports it. Raises UsageError when the day has no declarations, or none of an office of the list; PolicyError
    when a live rule wants a lane that the policy lacks.
    """
    snapshot = snapshot or history.verified_snapshot()
    engine = engine or EngineBounds()
    as_of_day = day_of(order.as_of)
    with open_snapshot(history, snapshot, engine) as con:
        if items_declared(con, order.day, order.day, into="to_target", office=order.office) == 0:
            raise UsageError(
                "Expected declarations of {day} in this store, found none."
                if order.office is None
                else "Expected declarations of {day} of office {office}, found none.",
                hint=_nearest_days(con, order) or Phrase("Ingest the day's declarations first."),
                day=order.day,
                office=order.office,
            )
        assessed = assess(
            con,
            "to_target",
            as_of_day=as_of_day,
            model=model,
            is_catalog_digested=order.is_catalog_digested,
            progress=progress,
        )
        candidates = assessed.candidates()
        notices: tuple[Notice, ...] = ()
        if order.is_folded:
            candidates, notices = _of_offices([in_one_form(one) for one in candidates], policy, order)
        candidates, judged = _judge(candidates, assessed, policy, order)
        allocation = allocate(candidates, policy, day=order.day, seed=order.seed)
        inspecting = {lane.id for lane in policy.lanes if lane.inspects}
        chosen = [s.declaration_id for s in allocation.selections if s.lane in inspecting]
        progress(0, 1, "reasons")
        assessed = with_reasons(con, assessed, chosen, model=model, as_of_day=as_of_day, version=order.evidence)
        progress(1, 1, "reasons")
    around = _surroundings(allocation, assessed, candidates)
    by_id = {c.declaration_id: c for c in candidates}
    day = _Day(order, snapshot, policy, assessed, by_id, allocation, judged, around)
    run = _run(day, model, now)
    decisions = tuple(
        decide(
            run.run_id,
            s,
            candidate=by_id[s.declaration_id],
            items=[assessed.assessments[p] for p in assessed.of[s.declaration_id]],
            inputs_digest=assessed.digests[s.declaration_id],
            rules=judged.get(s.declaration_id, ()),
        )
        for s in allocation.selections
    )
    listing = _listing(run, day, language=language)
    listing = replace(listing, warnings=(*(one.text(language) for one in notices), *listing.warnings))
    return Targeted(listing, run, decisions)


def _of_offices(
    candidates: list[Candidate], policy: Policy, order: Order
) -> tuple[list[Candidate], tuple[Notice, ...]]:
    """The candidates that a queue will hold, and the notices about the others or about an open list."""
    if order.any_office or not policy.offices:
        return candidates, (Notice("offices_open", {"count": len({one.office for one in candidates})}),)
    listed = [one for one in candidates if one.office in policy.offices]
    others = Counter(one.office for one in candidates if one.office not in policy.offices)
    if not others:
        return candidates, ()
    most = [f"{escape(office)}: {count:,}" for office, count in others.most_common(_MOST_OFFICES)]
    found = ", ".join(most + ["..."] * (len(others) > _MOST_OFFICES))
    if not listed:
        raise UsageError(
            "Expected declarations of the offices that the policy {policy!r} lists, found {others:,} of others "
            "({found}).",
            hint="Give a policy with your own offices (--policy FOLDER; `offices` in docs/reference/policy.md), or "
            "take every code for an office with --any-office.",
            policy=policy.name,
            others=others.total(),
            found=found,
        )
    return listed, (Notice("offices_unlisted", {"count": others.total(), "found": found}),)


def _nearest_days(con: Engine, order: Order) -> Phrase | None:
    rows = con.fetch_rows(
        "select min(declared_at)::date, max(declared_at)::date from items where $office is null or office = $office",
        {"office": order.office},
    )
    if not rows or not rows[0][0]:
        return None
    return Phrase("Declarations run from {first} to {last}.", first=rows[0][0], last=rows[0][1])


@dataclass(frozen=True)
class _Day:
    """A day whose declarations are in their lanes. ``candidates``, ``judged``: by declaration."""

    order: Order
    snapshot: Snapshot
    policy: Policy
    assessed: Assessed
    candidates: Mapping[str, Candidate]
    allocation: Allocation
    judged: Mapping[str, Sequence[JudgedValues]]
    around: Surroundings


def _run(day: _Day, model: RiskModel, now: datetime) -> TargetingRun:
    order, snapshot, policy, assessed, around = day.order, day.snapshot, day.policy, day.assessed, day.around
    options: JsonObject = {"office": order.office, "digests": {"history": snapshot.digest, "model": model.digest}}
    if order.is_folded:
        options |= {"is_folded": True, "any_office": order.any_office}
    if not order.is_catalog_digested:
        options["inputs"] = "model"
    if order.evidence >= KINDS_RANKED:
        options |= {"verify": "kinds", "explained_beside": asdict(around)}
    if order.evidence > KINDS_RANKED:
        options["evidence"] = order.evidence
    if order.rules.rules:
        options["rules"] = {
            "digest": order.rules.digest,
            "in_force": [one.recorded() for one in order.rules.rules],
            **({"is_least": True} if order.rules.is_least else {}),
            # Runs without lists say nothing of them, as those before there were any.
            **({"lists": dict(order.rules.list_changes)} if order.rules.list_changes else {}),
        }
    if policy.objective.order == "balanced":
        # Runs of other orders were recorded before there was this one, and say nothing here.
        scale = in_force(model.stake_scale, policy.objective)
        options["order"] = None if scale is None else asdict(scale)
    inputs = hashlib.sha256("".join(assessed.digests[d] for d in assessed.of).encode()).hexdigest()
    named = "|".join([order.day.isoformat(), inputs, model.version, policy.digest, str(order.seed), now.isoformat()])
    return TargetingRun(
        run_id=f"t{order.day:%Y%m%d}-{hashlib.sha256(named.encode()).hexdigest()[:10]}",
        created_at=now,
        day=order.day,
        as_of=datetime.combine(order.as_of, time.max.replace(microsecond=0)),
        snapshot=snapshot.number,
        model_version=model.version,
        policy_digest=policy.digest,
        policy_text=policy.canonical,
        seed=order.seed,
        software_version=basira.__version__,
        options=options,
        inputs_digest=inputs,
        source_digest="",
        candidate_count=len(day.candidates),
    )


def _listing(run: TargetingRun, day: _Day, *, language: str) -> InspectionList:
    snapshot, policy, allocation, judged = day.snapshot, day.policy, day.allocation, day.judged
    order = {lane.id: n for n, lane in enumerate(policy.lanes)}
    inspecting = {lane.id for lane in policy.lanes if lane.inspects}
    selected = [s for s in allocation.selections if s.lane in inspecting]
    # Most intensive lane first, then rank; random controls and mandatory ones are where their value puts them, and
    # those without a score come last.
    selected.sort(
        key=lambda s: (
            s.office,
            -order[s.lane],
            math.inf if s.rank is None else s.rank,
            s.declaration_id,
        )
    )
    released = Counter(s.office for s in allocation.selections if s.lane not in inspecting)
    return InspectionList(
        run_id=run.run_id,
        day=run.day.isoformat(),
        as_of=run.as_of.date().isoformat(),
        model_version=run.model_version,
        policy=f"{policy.name} {policy.version}",
        snapshot=snapshot.number,
        is_simulated=snapshot.is_simulated,
        lines=tuple(
            _line(
                s,
                day.assessed,
                day.candidates[s.declaration_id],
                ground=_ground(s, policy, judged.get(s.declaration_id, ()), language),
                notes=say_notes(
                    judged.get(s.declaration_id, ()),
                    rule_id=s.rule_id if s.basis == "rule" else "",
                    language=language,
                ),
                examines=policy.lane(s.lane).examines,
            )
            for s in selected
        ),
        capacity=allocation.capacity,
        released=dict(released),
        warnings=tuple(notice.text(language) for notice in allocation.notices),
        average_probability=day.around.average_probability,
        large_stakes=day.around.large_stakes,
    )


def _judge(
    candidates: list[Candidate], assessed: Assessed, policy: Policy, order: Order
) -> tuple[list[Candidate], dict[str, tuple[JudgedValues, ...]]]:
    """The candidates with what the rules in force want, and by declaration what these said, where they said anything.

    A rule sees the declaration's office as selection does.
    """
    if not order.rules.rules:
        return candidates, {}
    judge = RuleJudge(order.rules, policy, seed=order.seed)
    judge.require_fit()
    wanted = [position for one in candidates for position in assessed.of[one.declaration_id]]
    said = judge.judge_day(candidates, assessed.declared[wanted], assessed.features[wanted], order.day)
    return (
        [judge.with_wish(one, verdicts) for one, verdicts in zip(candidates, said, strict=True)],
        {one.declaration_id: verdicts for one, verdicts in zip(candidates, said, strict=True) if verdicts},
    )


def _ground(selection: Selection, policy: Policy, judged: Sequence[JudgedValues], language: str) -> str:
    """Why a mandatory entry or a rule asks for the inspection; "" for every other basis."""
    if selection.basis == "rule":
        return say_ground(judged, selection.rule_id, language=language)
    return policy.ground_of(selection, language=language)


def _surroundings(allocation: Allocation, assessed: Assessed, candidates: Sequence[Candidate]) -> Surroundings:
    """What a declaration of the day is explained beside; recorded with the run, for later explanations."""
    known = [one.fraud_probability for one in candidates if one.fraud_probability is not None]
    potentials = [
        potential_of([assessed.assessments[p] for p in assessed.of[s.declaration_id]]) for s in allocation.selections
    ]
    return Surroundings(math.fsum(known) / len(known) if known else None, large_stakes(potentials))


def _line(
    selection: Selection,
    assessed: Assessed,
    candidate: Candidate,
    *,
    ground: str,
    notes: tuple[str, ...],
    examines: Examines | None,
) -> DeclarationLine:
    positions = assessed.of[selection.declaration_id]
    first = assessed.rows[positions[0]]
    ranked = sorted(positions, key=lambda p: -assessed.assessments[p].expected_revenue)
    return DeclarationLine(
        declaration_id=selection.declaration_id,
        declaration_version=selection.declaration_version,
        declared_at=first["declared_at"].isoformat(sep=" ", timespec="minutes"),
        office=selection.office,
        header={name: None if first[name] is None else str(first[name]) for name in _SHOWN},
        value_currency=first["value_currency"] or "MAD",
        fraud_probability=candidate.fraud_probability,
        expected_revenue=candidate.expected_revenue,
        selection=selection,
        items=tuple(
            ItemLine(
                commodity_code=assessed.rows[p]["commodity_code"],
                description=assessed.rows[p]["description"],
                origin_country=assessed.rows[p]["origin_country"],
                customs_value_amount=assessed.rows[p]["customs_value_amount"],
                net_mass_kg=assessed.rows[p]["net_mass_kg"],
                quantity=assessed.rows[p]["quantity"],
                quantity_unit=assessed.rows[p]["quantity_unit"],
                assessment=assessed.assessments[p],
                conversion=conversion_of(assessed.rows[p]),
            )
            for p in ranked
        ),
        ground=ground,
        notes=notes,
        examines=examines,
    )
