"""One declaration in, its lane at once: selection paced over an office's day.

Enters: a candidate, the state of its office's day, the policy, the moment, a seed. Leaves: a `Selection` and the next
state. Never here: a lane over capacity, but for a mandatory control, and for one without a score where the policy says
so; a score in the random control, a draw whose probability is not stated, a release because something is missing,
memory between two calls.

The order is that of the batch allocation (`selection.steps`): the mandatory list, analysts' rules, the random control,
then the fallback for one without a score or the model's soft threshold for one with it, then release.
docs/explanation/online-selection.md gives the reasons.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import lru_cache
from typing import NamedTuple

from basira.schema.errors import UsageError
from basira.schema.records import Basis, Candidate, Selection
from basira.selection.batch.draw import hash_key
from basira.selection.online.forecast import Rest, expected_rest
from basira.selection.online.outlook import Arrivals, Outlook, assured_count, look_out
from basira.selection.online.state import Control, OnlineState
from basira.selection.online.tally import Kind, Tally, bin_of
from basira.selection.online.threshold import Rank, lane_chances
from basira.selection.policy.model import Policy
from basira.selection.ranking import eligibility, has_score, heaviest_for_oea, value_of, weight_of
from basira.selection.steps import STEPS, Claim, Step, StepClaims, stratum_values

# The share of the latest arrivals without a score is a moving mean over some twenty of them: a model that fails is
# noticed in as many declarations.
_UNSCORED_MEMORY = 0.05
_MODEL_FAILS = 0.3
# A stratum of the random control that is a declaration behind its share is drawn half as often again, one that is a
# declaration ahead half as often: over a day it stays within a declaration or two of its share. The bounds keep every
# declaration possible, whatever was drawn before it.
_CATCH_UP, _CONTROL_BOUND = 0.5, 0.75


class _Chances(NamedTuple):
    """What may happen to one that a step concerns: a chance by lane; the rest goes to ``other``, or to the next step.

    ``is_beyond``: the other lane inspects, beyond its capacity.
    """

    by_lane: tuple[tuple[int, float], ...]
    other: int | None = None
    is_beyond: bool = False

    @property
    def inspected(self) -> float:
        return 1.0 if self.is_beyond else min(1.0, sum(chance for _, chance in self.by_lane))

    def draw(self, number: float) -> tuple[int, bool] | None:
        """The outcome of a uniform number in [0, 1): the most intensive lanes lie at the lowest numbers."""
        reached = 0.0
        for lane, chance in self.by_lane:
            reached += chance
            if number < reached:
                return lane, False
        return None if self.other is None else (self.other, self.is_beyond)


class _Arrival(NamedTuple):
    """An arrival, with what the steps ask of its day. ``kind``: what pacing counts it as; ``number``: the bin of its
    value; ``today``: counts it; ``latest_unscored``: share of the latest arrivals without a score; ``unscored_rate``:
    of those to come."""

    candidate: Candidate
    policy: Policy
    state: OnlineState
    outlook: Outlook
    kind: Kind
    number: int
    today: Tally
    latest_unscored: float
    unscored_rate: float
    rest: Rest
    stratum: str


class _Slot(NamedTuple):
    """What a declaration gets, and how likely it was to be inspected."""

    lane: int
    basis: Basis
    is_beyond: bool
    probability: float


def decide_online(
    candidate: Candidate,
    state: OnlineState,
    policy: Policy,
    *,
    moment: datetime,
    seed: int,
    is_counted: bool = False,
    steps: tuple[Step, ...] = STEPS,
) -> tuple[Selection, OnlineState]:
    """Put one declaration in a lane, at once.

    Parameters
    ----------
    candidate : a None score means that the model gave no answer. Of an amendment, the caller decides whether it is
        selected again; its draws are the same as the first version's, so that amending is not a second chance.
    state : of the candidate's office on ``moment``'s day.
    policy : the one that the day was planned with.
    moment : arrival, local time. A clock that is behind the latest moment seen is read as that moment.
    seed : of the draws; with it a declaration's number in the draw can be computed, though not the threshold.
    is_counted : an earlier version arrived at this office on this day: it is no arrival more, and in the random control
        no declaration more; the first version's values stay in the sketches.
    steps : in which order slots are given out.

    Returns the selection and the state to write in the same transaction. ``inclusion_probability`` is the probability
    of an inspecting lane given the state: exact, since it is the one that the draw used. ``rank`` is None: the day is
    not over. The same arguments always give the same answer.

    Raises UsageError when the state is of another office, day or policy.
    """
    _require_fitting(candidate, state, policy, moment)
    moment = max(moment, state.latest_at)
    claims = _claims(_Rules(policy.digest, state.plan.day, steps, policy))
    by_right = claims.find(candidate)
    if by_right is not None and by_right[1].beyond is None and not _has_slot(by_right[1], state, policy, moment):
        by_right = None
    claim = None if by_right is None else by_right[1]
    is_counted = is_counted and state.today.count > 0
    arrival = _arrive(candidate, claim, state, policy, moment=moment, is_counted=is_counted)
    control = state.control
    if by_right is not None:
        slot = _slot_of_claim(*by_right, arrival.outlook)
        if by_right[1].is_least:
            by_rank = _arrive(candidate, None, state, policy, moment=moment, is_counted=is_counted)
            slot = _or_by_rank(slot, by_rank, seed)
    else:
        slot = _take_steps(steps, arrival, seed)
        if not is_counted:
            before = control.get(arrival.stratum, Control())
            drawn = before.drawn_count + (slot.basis == "random")
            control = {**control, arrival.stratum: Control(before.pool_count + 1, drawn)}
    lane = policy.lanes[slot.lane]
    used, beyond = state.used, state.beyond
    if slot.is_beyond:
        beyond = _one_more(beyond, lane.id)
    elif lane.inspects:
        used = _one_more(used, lane.id)
    selection = Selection(
        declaration_id=candidate.declaration_id,
        declaration_version=candidate.declaration_version,
        office=candidate.office,
        lane=lane.id,
        basis=slot.basis,
        inclusion_probability=min(1.0, slot.probability),
        rank=None,
        rule_id="" if claim is None else claim.rule_id,
        is_lane_full=claim is not None and not slot.is_beyond and slot.lane < claim.lane,
        is_beyond_capacity=slot.is_beyond,
    )
    return selection, replace(
        state,
        sequence=state.sequence + 1,
        latest_at=moment,
        today=arrival.today,
        used=used,
        control=control,
        unscored_rate=arrival.latest_unscored,
        beyond=beyond,
    )


def _arrive(
    candidate: Candidate,
    claim: Claim | None,
    state: OnlineState,
    policy: Policy,
    *,
    moment: datetime,
    is_counted: bool,
) -> _Arrival:
    """The arrival, with what the steps ask of its day. ``claim``: that by which pacing counts it."""
    kind, number, today, latest = _count(candidate, claim, state, policy, moment)
    if is_counted:
        today, latest = state.today, state.unscored_rate
    plan = state.plan
    unscored = _unscored_share(latest, today, plan.recent)
    rest = expected_rest(plan, moment=moment, arrived=state.today.count, forecast_weight=policy.online.forecast_weight)
    outlook = look_out(
        policy,
        office=plan.office,
        day=plan.day,
        used=state.used,
        beyond=state.beyond,
        arrivals=Arrivals(today, plan.recent, unscored, rest.mean, policy.online.advance * plan.expected_count),
    )
    stratum = " ".join(stratum_values(candidate, policy))
    return _Arrival(candidate, policy, state, outlook, kind, number, today, latest, unscored, rest, stratum)


def _or_by_rank(slot: _Slot, by_rank: _Arrival, seed: int) -> _Slot:
    """The slot of a claim, or the one that the model's order gives the same arrival, where its lane is more intensive.

    The chances and the draw are those of one that nothing claims: what the model would have done without the rule.
    """
    chances = _by_model(by_rank)
    drawn = None if chances is None else chances.draw(_uniform("lane", by_rank.candidate, seed))
    return slot if drawn is None or drawn[0] <= slot.lane else _Slot(drawn[0], slot.basis, False, 1.0)


def _take_steps(steps: Sequence[Step], arrival: _Arrival, seed: int) -> _Slot:
    """The slot of one that no step claims: of the first step that gives it one, each by its own chance."""
    probability, slot = 0.0, None
    for step in steps:
        if step.claims is not None:
            continue
        chances = _CHANCES[step.basis](arrival)
        if chances is None:
            continue
        if slot is None:
            purpose = "random" if step.basis == "random" else "lane"
            slot = chances.draw(_uniform(purpose, arrival.candidate, seed))
            basis = step.basis
        probability += (1 - probability) * chances.inspected
    assert slot is not None, "the last step releases"  # noqa: S101 - of the steps, not of the input
    is_exempt = basis == "none" and arrival.kind == "exempt"
    return _Slot(slot[0], "exempt" if is_exempt else basis, slot[1], probability)


def count_arrival(
    candidate: Candidate, claim: Claim | None, state: OnlineState, policy: Policy, *, moment: datetime
) -> OnlineState:
    """The state after an arrival, without the slot that it got: to make a state again from recorded decisions."""
    _, _, today, unscored_rate = _count(candidate, claim, state, policy, moment)
    return replace(state, sequence=state.sequence + 1, latest_at=moment, today=today, unscored_rate=unscored_rate)


def _count(
    candidate: Candidate, claim: Claim | None, state: OnlineState, policy: Policy, moment: datetime
) -> tuple[Kind, int, Tally, float]:
    """What pacing counts it as, the bin of its value; the tally and the share without a score after it."""
    kind, number = _kind_of(candidate, claim, state, policy)
    today = state.today.add(
        kind,
        hour=moment.hour,
        lane=0 if claim is None else claim.lane,
        number=number,
        score=_score(candidate),
    )
    unscored_rate = state.unscored_rate
    if kind != "by_right":
        unscored_rate += _UNSCORED_MEMORY * ((kind == "unscored") - unscored_rate)
    return kind, number, today, unscored_rate


def _one_more(counts: Mapping[str, int], lane: str) -> dict[str, int]:
    return {**counts, lane: counts.get(lane, 0) + 1}


def decide_without_state(
    candidate: Candidate, policy: Policy, *, day: date, seed: int, steps: tuple[Step, ...] = STEPS
) -> Selection:
    """Decide a declaration whose office's state can't be read, by the policy: claims, random control, fallback.

    It is then unknown which slots are left: claims and the draw keep their lane, and all others get the fallback's
    lane, whatever their score (``is_without_state``). Count the slot with `with_places` once there is a state again.
    """
    by_right = _claims(_Rules(policy.digest, day, steps, policy)).find(candidate)
    if by_right is not None and by_right[1].beyond is None:
        by_right = None  # it has no right without a slot, and which are left is unknown
    share, lane = policy.random_control.share, policy.intensity[policy.fallback.lane]
    probability = 1.0 if policy.lanes[lane].inspects else share
    basis: Basis = "fallback"
    if by_right is not None:
        basis, claim = by_right
        lane, probability = claim.lane, 1.0
    elif _uniform("random", candidate, seed) < share:
        basis, lane = "random", policy.intensity[policy.random_control.lane]
    return Selection(
        declaration_id=candidate.declaration_id,
        declaration_version=candidate.declaration_version,
        office=candidate.office,
        lane=policy.lanes[lane].id,
        basis=basis,
        inclusion_probability=min(1.0, probability),
        rank=None,
        rule_id="" if by_right is None else by_right[1].rule_id,
        is_without_state=by_right is None,
    )


@dataclass(frozen=True)
class _Rules:
    """A policy on a day and the steps, as a cache key: the digest stands for the content."""

    digest: str
    day: date
    steps: tuple[Step, ...]
    policy: Policy = field(compare=False)


@lru_cache(maxsize=16)
def _claims(rules: _Rules) -> StepClaims:
    return StepClaims(rules.steps, rules.policy, rules.day)


def _require_fitting(candidate: Candidate, state: OnlineState, policy: Policy, moment: datetime) -> None:
    plan = state.plan
    for what, expected, found in (
        ("office", plan.office, candidate.office),
        ("day", plan.day, moment.date()),
        ("policy digest", plan.policy_digest, policy.digest),
    ):
        if expected != found:
            raise UsageError(
                "Expected a candidate and a moment that fit the state: {what} {expected}, found {found}.",
                hint="Take the state of the declaration's office and day, and the policy that planned it.",
                what=what,
                expected=expected,
                found=found,
            )


def _score(candidate: Candidate) -> tuple[float, float] | None:
    if not has_score(candidate):
        return None
    return candidate.expected_revenue or 0.0, candidate.fraud_probability or 0.0


def _kind_of(candidate: Candidate, claim: Claim | None, state: OnlineState, policy: Policy) -> tuple[Kind, int]:
    """What pacing counts it as, and the bin of its value."""
    if claim is not None:
        return "by_right", 0
    kind = eligibility(candidate, policy)
    is_ranked = kind in ("eligible", "lane_limited")
    return kind, bin_of(_value(candidate, state, policy)) if is_ranked else 0


def _value(candidate: Candidate, state: OnlineState, policy: Policy) -> float:
    """The value that ranks; the means of a blend are those of recent days and of the day so far, this one included."""
    revenue, probability = candidate.expected_revenue or 0.0, candidate.fraud_probability or 0.0
    objective = policy.objective
    if objective.order != "blend":
        return value_of(candidate, objective)
    recent, today = state.plan.recent, state.today
    count = recent.scored_count + today.scored_count + 1
    revenues = recent.expected_revenue_amount + today.expected_revenue_amount + revenue
    probabilities = recent.fraud_probability + today.fraud_probability + probability
    weight = objective.revenue_weight or 0.0
    return (
        weight_of(candidate)
        * count
        * (
            (weight * revenue / revenues if revenues > 0 else 0.0)
            + ((1 - weight) * probability / probabilities if probabilities > 0 else 0.0)
        )
    )


def _unscored_share(latest: float, today: Tally, recent: Tally) -> float:
    """Share of the declarations to come without a score: the usual one, unless the model seems to have failed."""
    if latest > _MODEL_FAILS:
        return latest
    return (today.unscored_count + recent.unscored_count) / (today.count + recent.count)


def _slot_of_claim(basis: Basis, claim: Claim, outlook: Outlook) -> _Slot:
    """The lane claimed, or the next less intensive one with a slot; else the one beyond its capacity, as in a batch.

    A missing slot is no release.
    """
    place = outlook.open_lane(claim.lane)
    lane = claim.beyond if place is None else place
    assert lane is not None, "a claim within capacity has a slot"  # noqa: S101 - see `_has_slot`
    return _Slot(lane, basis, place is None, 1.0)


def _has_slot(claim: Claim, state: OnlineState, policy: Policy, moment: datetime) -> bool:
    """Whether a claim that holds within capacity alone gets a slot: one that exists now, and that the random control
    is not expected to need for the rest of the day. As `look_out` counts slots."""
    plan, control = state.plan, policy.random_control
    arrived = state.today.count + 1
    rest = expected_rest(plan, moment=moment, arrived=state.today.count, forecast_weight=policy.online.forecast_weight)
    now = assured_count(arrived=arrived, advance=policy.online.advance * plan.expected_count)
    room = [
        max(0, policy.capacity_of(plan.office, lane.id, day=plan.day, day_total=now) - state.used.get(lane.id, 0))
        if lane.inspects
        else 0
        for lane in policy.lanes
    ]
    place = next((lane for lane in range(claim.lane, -1, -1) if room[lane]), None)
    lightest = policy.intensity[control.lane]
    drawn = sum(one.drawn_count for one in state.control.values())
    needed = max(control.share * rest.mean, float(control.minimum - drawn))
    return place is not None and (place > lightest or sum(room[: lightest + 1]) - 1 >= needed)


def _by_control(arrival: _Arrival) -> _Chances:
    """The random control's lane, or the next less intensive one with a slot."""
    policy, state = arrival.policy, arrival.state
    lane = arrival.outlook.open_lane(policy.intensity[policy.random_control.lane])
    if lane is None:
        return _Chances(())
    return _Chances(((lane, _control_chance(arrival.stratum, state, policy, rest=arrival.rest.mean)),))


def _control_chance(stratum: str, state: OnlineState, policy: Policy, *, rest: float) -> float:
    """The chance of the random control, from the policy's share and what was drawn before; never from a score."""
    control = policy.random_control
    drawn = sum(one.drawn_count for one in state.control.values())
    if control.minimum > drawn:
        needed = (control.minimum - drawn) / (1 + rest)
        if needed > control.share:
            return min(1.0, needed)
    one = state.control.get(stratum, Control())
    behind = control.share * one.pool_count - one.drawn_count
    return min(1.0, control.share * (1 + max(-_CONTROL_BOUND, min(_CONTROL_BOUND, _CATCH_UP * behind))))


def _without_score(arrival: _Arrival) -> _Chances | None:
    """One without a score: a slot of the fallback's lane, by chance when more of them are expected than it has
    slots; else the policy's lane beyond capacity. Never a release that the policy does not name."""
    if arrival.kind != "unscored":
        return None
    policy, outlook = arrival.policy, arrival.outlook
    wanted = policy.intensity[policy.fallback.lane]
    if not policy.lanes[wanted].inspects:
        return _Chances((), wanted)
    beyond, place = policy.beyond_capacity, outlook.open_lane(wanted)
    waiting = 1 + arrival.rest.mean * arrival.unscored_rate
    by_lane = () if place is None else ((place, min(1.0, outlook.fallback_free / waiting)),)
    return _Chances(by_lane, beyond, is_beyond=policy.lanes[beyond].inspects)


def _by_model(arrival: _Arrival) -> _Chances | None:
    """One that the model may select: a chance of each lane by its rank among those that are still to come."""
    if arrival.kind not in ("eligible", "lane_limited"):
        return None
    policy, outlook, number = arrival.policy, arrival.outlook, arrival.number
    today, recent = arrival.today, arrival.state.plan.recent
    # Those drawn at random in the rest of the day compete for no slot of the model.
    each = arrival.rest.cautious * (1 - policy.random_control.share) / (today.count + recent.count)
    open_above = today.open_scores.above(number) + recent.open_scores.above_of_many(number)
    open_here = today.open_scores.bins.get(number, 0.0) + recent.open_scores.bins.get(number, 0.0)
    capped_above = today.capped_scores.above(number) + recent.capped_scores.above_of_many(number)
    capped_here = today.capped_scores.bins.get(number, 0.0) + recent.capped_scores.bins.get(number, 0.0)
    chances = lane_chances(
        Rank(
            each * open_above, each * (open_above + open_here), each * capped_above, each * (capped_above + capped_here)
        ),
        outlook.free,
        heaviest_capped=heaviest_for_oea(policy),
        is_capped=arrival.kind == "lane_limited",
        band=policy.online.band,
    )
    by_lane, carried = [], 0.0
    for lane in range(len(chances) - 1, -1, -1):
        # A lane that is closed at this moment hands its chance to the next less intensive one.
        carried += chances[lane]
        if carried > 0 and outlook.open_to_model(lane):
            by_lane.append((lane, carried))
            carried = 0.0
    return _Chances(tuple(by_lane))


def _release(_arrival: _Arrival) -> _Chances:
    return _Chances((), 0)


# How the steps that give out what is left do it: see `selection.steps`.
_CHANCES: Mapping[Basis, Callable[[_Arrival], _Chances | None]] = {
    "random": _by_control,
    "fallback": _without_score,
    "model": _by_model,
    "none": _release,
}


def _uniform(purpose: str, candidate: Candidate, seed: int) -> float:
    """A number in [0, 1) that belongs to the declaration: the same for all its versions, in any state, on any day."""
    return (hash_key("online", purpose, seed, candidate.office, candidate.declaration_id) >> 11) * 2.0**-53
