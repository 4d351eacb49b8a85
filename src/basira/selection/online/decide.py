"""One declaration in, its lane at once: selection paced over an office's day.

Enters: a candidate, the state of its office's day, the policy, the moment, a seed. Leaves: a `Selection` and the next
state. Never here: a lane over capacity, but for a mandatory control, and for one without a score where the policy says
so; a score in the random control, a draw whose probability is not stated, a release because something is missing,
memory between two calls.

The order is that of the batch allocation: the mandatory list, the random control, then the fallback for one without a
score or the model's soft threshold for one with it, then release. docs/explanation/online-selection.md tells why.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import lru_cache

from basira.schema.errors import UsageError
from basira.schema.records import Basis, Candidate, Selection
from basira.selection.batch.draw import hash_key
from basira.selection.mandatory import MandatoryList
from basira.selection.online.forecast import Rest, expected_rest
from basira.selection.online.outlook import Outlook, look_out
from basira.selection.online.state import Control, OnlineState
from basira.selection.online.tally import Kind, Tally, bin_of
from basira.selection.online.threshold import Rank, lane_chances
from basira.selection.places import BEYOND_CAPACITY, mandatory_detail
from basira.selection.policy.model import Mandatory, Policy
from basira.selection.ranking import has_score, is_relieved, passes

NO_STATE = "no_state"  # `Selection.detail` of a decision made without a state

# The share of the latest arrivals without a score is a moving mean over some twenty of them: a model that fails is
# noticed in as many declarations.
_UNSCORED_MEMORY = 0.05
_MODEL_FAILS = 0.3
# A stratum of the random control that is a declaration behind its share is drawn half as often again, one that is a
# declaration ahead half as often: over a day it stays within a declaration or two of its share. The bounds keep every
# declaration possible, whoever was drawn before it.
_CATCH_UP, _CONTROL_BOUND = 0.5, 0.75


@dataclass(frozen=True)
class _Chances:
    """What may happen to one that the random control did not take: a chance by lane; the rest is ``other``.

    ``is_beyond``: the other lane inspects, beyond its capacity.
    """

    by_lane: tuple[tuple[int, float], ...]
    basis: Basis
    other: int
    other_basis: Basis
    is_beyond: bool = False

    @property
    def inspected(self) -> float:
        return 1.0 if self.is_beyond else min(1.0, sum(chance for _, chance in self.by_lane))

    def draw(self, number: float) -> tuple[int, Basis, bool]:
        """The outcome of a uniform number in [0, 1): the most intensive lanes lie at the lowest numbers."""
        reached = 0.0
        for lane, chance in self.by_lane:
            reached += chance
            if number < reached:
                return lane, self.basis, False
        return self.other, self.other_basis, self.is_beyond


def decide_online(
    candidate: Candidate, state: OnlineState, policy: Policy, *, moment: datetime, seed: int, is_counted: bool = False
) -> tuple[Selection, OnlineState]:
    """Put one declaration in a lane, at once.

    Parameters
    ----------
    candidate : a None score means that the model gave no answer. Of an amendment, the caller decides whether it is
        selected again; its draws are the same as the first version's, so that amending is not a second chance.
    state : of the candidate's office on ``moment``'s day.
    policy : the one that the day was planned with.
    moment : arrival, local time. A clock that is behind the latest moment seen is read as that moment.
    seed : of the draws; whoever knows it knows his number in the draw, though not the threshold.
    is_counted : an earlier version arrived at this office on this day: it is no arrival more, and in the random control
        no declaration more; the first version's values stay in the sketches.

    Returns the selection and the state to write in the same transaction. ``inclusion_probability`` is the probability
    of an inspecting lane given the state: exact, since it is the one that the draw used. ``rank`` is None: the day is
    not over. The same arguments always give the same answer.

    Raises UsageError when the state is of another office, day or policy.
    """
    _require_fitting(candidate, state, policy, moment)
    moment = max(moment, state.latest_at)
    entry = _listed(_Rules(policy.digest, state.plan.day, policy)).find(candidate)
    kind, number, today, unscored_rate = _arrival(candidate, entry, state, policy, moment)
    is_counted = is_counted and state.today.count > 0
    if is_counted:
        today, unscored_rate = state.today, state.unscored_rate
    plan = state.plan
    unscored = _unscored_share(unscored_rate, today, plan.recent)
    rest = expected_rest(plan, moment=moment, arrived=state.today.count, forecast_weight=policy.online.forecast_weight)
    outlook = look_out(
        policy, office=plan.office, day=plan.day, used=state.used, beyond=state.beyond, today=today, recent=plan.recent,
        unscored_rate=unscored, rest=rest.mean, advance=policy.online.advance * plan.expected_count,
    )  # fmt: skip
    control = state.control
    basis: Basis = "mandatory"
    if entry is not None:
        lane, is_beyond = _mandatory(entry, outlook, policy)
        probability = 1.0
        detail = mandatory_detail(entry.id, is_beyond=is_beyond, is_full=lane < policy.intensity[entry.lane])
    else:
        stratum = _stratum(candidate, policy)
        drawable = outlook.open_lane(policy.intensity[policy.random_control.lane])
        chance = 0.0 if drawable is None else _control_chance(stratum, state, policy, rest=rest.mean)
        chances = _chances(candidate, kind, number, outlook=outlook, state=state, today=today, policy=policy,
                           unscored_rate=unscored, rest=rest)  # fmt: skip
        is_drawn = drawable is not None and _uniform("random", candidate, seed) < chance
        lane, basis, is_beyond = (drawable, "random", False) if is_drawn and drawable is not None else chances.draw(
            _uniform("lane", candidate, seed)
        )  # fmt: skip
        probability = chance + (1 - chance) * chances.inspected
        detail = BEYOND_CAPACITY if is_beyond else ""
        before = control.get(stratum, Control())
        if not is_counted:
            control = {**control, stratum: Control(before.pool_count + 1, before.drawn_count + is_drawn)}
    used, beyond = state.used, state.beyond
    if is_beyond:
        beyond = _one_more(beyond, policy.lanes[lane].id)
    elif policy.lanes[lane].inspects:
        used = _one_more(used, policy.lanes[lane].id)
    selection = _selection(candidate, policy, lane, basis, probability, detail=detail)
    return selection, replace(
        state, sequence=state.sequence + 1, latest_at=moment, today=today, used=used, control=control,
        unscored_rate=unscored_rate, beyond=beyond,
    )  # fmt: skip


def arrived(
    candidate: Candidate, entry: Mandatory | None, state: OnlineState, policy: Policy, *, moment: datetime
) -> OnlineState:
    """The state after an arrival, without the place that it got: to make a state again from recorded decisions."""
    _, _, today, unscored_rate = _arrival(candidate, entry, state, policy, moment)
    return replace(
        state, sequence=state.sequence + 1, latest_at=moment, today=today, unscored_rate=unscored_rate
    )  # fmt: skip


def _arrival(
    candidate: Candidate, entry: Mandatory | None, state: OnlineState, policy: Policy, moment: datetime
) -> tuple[Kind, int, Tally, float]:
    """What pacing counts it as, the bin of its value; the tally and the share without a score after it."""
    kind, number = _kind_of(candidate, entry, state, policy)
    today = state.today.added(
        kind,
        hour=moment.hour,
        lane=0 if entry is None else policy.intensity[entry.lane],
        number=number,
        score=_score(candidate),
    )
    unscored_rate = state.unscored_rate
    if kind != "mandatory":
        unscored_rate += _UNSCORED_MEMORY * ((kind == "unscored") - unscored_rate)
    return kind, number, today, unscored_rate


def _one_more(counts: Mapping[str, int], lane: str) -> dict[str, int]:
    return {**counts, lane: counts.get(lane, 0) + 1}


def decide_without_state(candidate: Candidate, policy: Policy, *, day: date, seed: int) -> Selection:
    """The policy's words for a declaration whose office's state can't be read: list, random control, fallback.

    Nobody knows then which places are left: the list and the draw keep their lane, and all others get the fallback's
    lane, whatever their score. ``detail`` says so (`NO_STATE`). Count the place with `with_places` once there is a
    state again.
    """
    entry = _listed(_Rules(policy.digest, day, policy)).find(candidate)
    if entry is not None:
        return _selection(candidate, policy, policy.intensity[entry.lane], "mandatory", 1.0, detail=entry.id)
    share, fallback = policy.random_control.share, policy.intensity[policy.fallback.lane]
    probability = 1.0 if policy.lanes[fallback].inspects else share
    if _uniform("random", candidate, seed) < share:
        drawn = policy.intensity[policy.random_control.lane]
        return _selection(candidate, policy, drawn, "random", probability, detail=NO_STATE)
    return _selection(candidate, policy, fallback, "fallback", probability, detail=NO_STATE)


@dataclass(frozen=True)
class _Rules:
    """A policy on a day, as a cache key: the digest stands for the content."""

    digest: str
    day: date
    policy: Policy = field(compare=False)


@lru_cache(maxsize=16)
def _listed(rules: _Rules) -> MandatoryList:
    return MandatoryList(rules.policy, rules.day)


def _require_fitting(candidate: Candidate, state: OnlineState, policy: Policy, moment: datetime) -> None:
    plan = state.plan
    for what, expected, found in (
        ("office", plan.office, candidate.office),
        ("day", plan.day, moment.date()),
        ("policy digest", plan.policy_digest, policy.digest),
    ):
        if expected != found:
            raise UsageError(
                f"Expected a candidate and a moment that fit the state: {what} {expected}, found {found}.",
                hint="Take the state of the declaration's office and day, and the policy that planned it.",
            )


def _score(candidate: Candidate) -> tuple[float, float] | None:
    if not has_score(candidate):
        return None
    return candidate.expected_revenue or 0.0, candidate.fraud_probability or 0.0


def _kind_of(candidate: Candidate, entry: Mandatory | None, state: OnlineState, policy: Policy) -> tuple[Kind, int]:
    """What pacing counts it as, and the bin of its value."""
    if entry is not None:
        return "mandatory", 0
    if not has_score(candidate):
        return "unscored", 0
    capped_at = _heaviest_capped(policy)
    if not passes(candidate, policy.objective) or (
        candidate.is_oea
        and (is_relieved(candidate, policy.oea) or not any(lane.inspects for lane in policy.lanes[: capped_at + 1]))
    ):
        return "barred", 0
    is_capped = candidate.is_oea and capped_at < len(policy.lanes) - 1
    return ("capped" if is_capped else "open"), bin_of(_value(candidate, state, policy))


def _value(candidate: Candidate, state: OnlineState, policy: Policy) -> float:
    """The value that ranks; the means of a blend are those of recent days and of the day so far, this one included."""
    revenue, probability = candidate.expected_revenue or 0.0, candidate.fraud_probability or 0.0
    objective = policy.objective
    if objective.rank_by == "revenue":
        return revenue
    if objective.rank_by == "findings":
        return probability
    recent, today = state.plan.recent, state.today
    count = recent.scored_count + today.scored_count + 1
    revenues = recent.expected_revenue_amount + today.expected_revenue_amount + revenue
    probabilities = recent.fraud_probability + today.fraud_probability + probability
    weight = objective.revenue_weight or 0.0
    return count * (
        (weight * revenue / revenues if revenues > 0 else 0.0)
        + ((1 - weight) * probability / probabilities if probabilities > 0 else 0.0)
    )


def _unscored_share(latest: float, today: Tally, recent: Tally) -> float:
    """Share of the declarations to come without a score: the usual one, unless the model seems to have failed."""
    if latest > _MODEL_FAILS:
        return latest
    return (today.unscored_count + recent.unscored_count) / (today.count + recent.count)


def _heaviest_capped(policy: Policy) -> int:
    maximum = policy.oea.maximum_lane
    return len(policy.lanes) - 1 if maximum is None else policy.intensity[maximum]


def _mandatory(entry: Mandatory, outlook: Outlook, policy: Policy) -> tuple[int, bool]:
    """The entry's lane, or the next less intensive one with a place; else one beyond its capacity, as in a batch.

    Whether it is beyond capacity stands beside it. A missing place is no release.
    """
    place = outlook.open_lane(policy.intensity[entry.lane])
    return (policy.mandatory_beyond_capacity(entry), True) if place is None else (place, False)


def _stratum(candidate: Candidate, policy: Policy) -> str:
    return " ".join(
        str(candidate.is_oea) if name == "is_oea" else "|".join(candidate.attributes.get(name, ()))
        for name in policy.random_control.strata
    )


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


def _chances(
    candidate: Candidate, kind: Kind, number: int, *, outlook: Outlook, state: OnlineState, today: Tally,
    policy: Policy, unscored_rate: float, rest: Rest,
) -> _Chances:  # fmt: skip
    """What may happen to a declaration outside the list that the random control does not take."""
    if kind == "unscored":
        return _fallback(outlook, policy, waiting=1 + rest.mean * unscored_rate)
    if kind == "barred":
        is_exempt = candidate.is_oea and passes(candidate, policy.objective)
        return _Chances((), "model", 0, "exempt" if is_exempt else "none")
    recent = state.plan.recent
    # Those drawn at random in the rest of the day compete for no place of the model.
    each = rest.cautious * (1 - policy.random_control.share) / (today.count + recent.count)
    open_above = today.open_scores.above(number) + recent.open_scores.above_of_many(number)
    open_here = today.open_scores.bins.get(number, 0.0) + recent.open_scores.bins.get(number, 0.0)
    capped_above = today.capped_scores.above(number) + recent.capped_scores.above_of_many(number)
    capped_here = today.capped_scores.bins.get(number, 0.0) + recent.capped_scores.bins.get(number, 0.0)
    chances = lane_chances(
        Rank(
            each * open_above, each * (open_above + open_here), each * capped_above, each * (capped_above + capped_here)
        ),
        outlook.free,
        heaviest_capped=_heaviest_capped(policy),
        is_capped=kind == "capped",
        band=policy.online.band,
    )
    by_lane, carried = [], 0.0
    for lane in range(len(chances) - 1, -1, -1):
        # A lane that is closed at this moment hands its chance to the next less intensive one.
        carried += chances[lane]
        if carried > 0 and outlook.open_to_model(lane):
            by_lane.append((lane, carried))
            carried = 0.0
    return _Chances(tuple(by_lane), "model", 0, "none")


def _fallback(outlook: Outlook, policy: Policy, *, waiting: float) -> _Chances:
    """One without a score: a place of the fallback's lane, by chance when more of them are expected than it has
    places; else the policy's lane beyond capacity. Never a release that the policy does not name."""
    wanted = policy.intensity[policy.fallback.lane]
    if not policy.lanes[wanted].inspects:
        return _Chances((), "fallback", wanted, "fallback")
    beyond, place = policy.beyond_capacity, outlook.open_lane(wanted)
    by_lane = () if place is None else ((place, min(1.0, outlook.fallback_free / waiting)),)
    return _Chances(by_lane, "fallback", beyond, "fallback", is_beyond=policy.lanes[beyond].inspects)


def _uniform(purpose: str, candidate: Candidate, seed: int) -> float:
    """A number in [0, 1) that belongs to the declaration: the same for all its versions, in any state, on any day."""
    return (hash_key("online", purpose, seed, candidate.office, candidate.declaration_id) >> 11) * 2.0**-53


def _selection(
    candidate: Candidate, policy: Policy, lane: int, basis: Basis, probability: float, *, detail: str
) -> Selection:
    return Selection(
        declaration_id=candidate.declaration_id,
        declaration_version=candidate.declaration_version,
        office=candidate.office,
        lane=policy.lanes[lane].id,
        basis=basis,
        inclusion_probability=min(1.0, probability),
        rank=None,
        detail=detail,
    )
