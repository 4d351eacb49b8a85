"""Which declaration goes to which lane, under each office's capacity of the day.

Enters: candidates with their scores, a policy, the day, a seed. Leaves: one `Selection` each, in the order
given, with its basis and its inclusion probability; the use of capacity; what the person in charge must know.
Never here: a lane over capacity, but for mandatory controls, and for declarations without a score where the policy says
so; a mandatory control released; a declaration without a lane; a draw whose probability is not recorded; one office's
declarations changing another's.

In every office, step by step (`selection.steps`): the mandatory list, then analysts' rules, then the random control,
then declarations without a score, then the model's ranking, then release. docs/explanation/selection.md explains why,
and derives the probabilities.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

import numpy as np

from basira.schema.errors import UsageError
from basira.schema.records import Basis, Candidate, CapacityUse, Selection
from basira.selection.batch.design import LOWEST, design_levels, stratum_weights
from basira.selection.batch.draw import DrawPlan, draw, hash_key, plan_draw, wanted_size
from basira.selection.batch.inclusion import PlacesLeft, Pool, inclusion_probability
from basira.selection.batch.least import raise_least
from basira.selection.batch.notices import Notice
from basira.selection.batch.reach import Places, Ranking
from basira.selection.places import OfficePlaces
from basira.selection.policy.model import Policy, Wording
from basira.selection.ranking import Ranked, eligibility, heaviest_for_oea, rank
from basira.selection.steps import STEPS, Step, StepClaims, stratum_values


@dataclass(frozen=True)
class Allocation:
    """A day's allocation.

    ``selections``: one per candidate, in input order. ``capacity``: one per office and inspecting lane.
    ``notices``: what to report, in any language; ``warnings``: the same in the policy's language.
    """

    selections: tuple[Selection, ...]
    capacity: tuple[CapacityUse, ...]
    warnings: tuple[str, ...]
    notices: tuple[Notice, ...]


def allocate(
    candidates: Sequence[Candidate], policy: Policy, *, day: date, seed: int, steps: Sequence[Step] = STEPS
) -> Allocation:
    """Put every declaration of a day in one lane.

    Parameters
    ----------
    candidates : one per declaration; a None score means that the model gave no answer.
    policy : the version in force on ``day``.
    day : decides weekday capacities and the entries of the mandatory list in force.
    seed : of the random draws. It predicts the draw: keep it secret before the day.
    steps : in which order slots are given out.

    The order of ``candidates`` changes nothing but the order of the answer. Raises UsageError when a declaration
    occurs twice.
    """
    twice = [name for name, times in Counter(c.declaration_id for c in candidates).items() if times > 1]
    if twice:
        raise UsageError(
            "Expected each declaration once, found {twice_count} of them several times, first {twice!r}.",
            hint="Give only the latest version of each declaration.",
            twice_count=len(twice),
            twice=min(twice),
        )
    by_office: dict[str, list[int]] = {}
    for position, candidate in enumerate(candidates):
        by_office.setdefault(candidate.office, []).append(position)
    claims = StepClaims(steps, policy, day)
    selections: dict[int, Selection] = {}
    capacity: list[CapacityUse] = []
    notices: list[Notice] = []
    for office, unordered in sorted(by_office.items()):
        positions = sorted(unordered, key=lambda i: candidates[i].declaration_id)
        one = _Office(office, [candidates[i] for i in positions], policy, claims, day=day, seed=seed)
        selections.update(zip(positions, one.allocate(), strict=True))
        capacity.extend(one.capacity_use())
        notices.extend(one.notices)
    return Allocation(
        selections=tuple(selections[position] for position in range(len(candidates))),
        capacity=tuple(capacity),
        warnings=tuple(notice.text(policy.language) for notice in notices),
        notices=tuple(notices),
    )


@dataclass(frozen=True)
class _Drawing:
    """The random control's plan, and the slots that were left before it."""

    plan: DrawPlan
    before: OfficePlaces


class _Office:
    """One office's day, allocated in steps; candidates are known by their position, in order of declaration id."""

    def __init__(
        self, office: str, candidates: list[Candidate], policy: Policy, claims: StepClaims, *, day: date, seed: int
    ) -> None:
        self.office, self.candidates, self.policy, self.day, self.seed = office, candidates, policy, day, seed
        self.steps = claims.steps
        self.heaviest = len(policy.lanes) - 1
        self.capacity: list[int | None] = [
            policy.capacity_of(office, lane.id, day=day, day_total=len(candidates)) if lane.inspects else None
            for lane in policy.lanes
        ]
        self.places = OfficePlaces(list(self.capacity))
        # Ties are broken by a hash without the seed: it is not a draw, so it does not enter the probabilities.
        self.ties = [hash_key("tie", day, office, c.declaration_id, c.declaration_version) for c in candidates]
        self.ranked: Ranked = rank(candidates, self.ties, policy.objective)
        self.rank_of = {position: place for place, position in enumerate(self.ranked.order, start=1)}
        found = ((position, claims.find(candidate)) for position, candidate in enumerate(candidates))
        claimed = {position: by_step for position, by_step in found if by_step is not None}
        self.claims = {position: claim for position, (_, claim) in claimed.items()}
        self.claimed_by = {position: basis for position, (basis, _) in claimed.items()}
        self._drop_claims_without_slot()
        self.pool = [position for position in range(len(candidates)) if position not in self.claims]
        self.lane: dict[int, int] = {}
        self.basis: dict[int, Basis] = {}
        self.is_full: set[int] = set()
        self.beyond: set[int] = set()
        self.notices: list[Notice] = []
        # Where relief limits the lane of authorised operators, slots that they may not use are counted apart.
        self.oea_heaviest = heaviest_for_oea(policy)
        self.may = {position: eligibility(candidates[position], policy) for position in self.pool}
        self.eligible = [p for p in self.ranked.order if self.may.get(p) in ("eligible", "lane_limited")]
        control = policy.random_control
        self.wanted_draw = wanted_size(control.share, control.minimum, len(self.pool))
        self.strata, self.stratum_of, self.weights = self._strata()
        self.drawing: _Drawing

    # -- what may select a declaration ----------------------------------------------------------------

    def _is_capped(self, position: int) -> bool:
        return self.candidates[position].is_oea and self.oea_heaviest < self.heaviest

    def _strata(self) -> tuple[list[int], dict[int, int], list[Fraction]]:
        """Sizes of the strata of the random control, the stratum of each declaration of the pool, and the weight of one
        declaration of each.

        The policy's strata are divided further by whether there is a score and, where relief limits their lane, by
        authorised operator: the number left for the fallback and for the ranking is then certain once sizes are.
        Strata that expect less than one draw are put together: they could not be represented each, and every stratum
        costs time in the probabilities.
        """
        keys: dict[int, tuple[str, ...]] = {}
        scores = [self._score_of(position) for position in self.pool]
        levels = design_levels(self.policy.random_control.design, scores)
        for position, level in zip(self.pool, levels, strict=True):
            values = stratum_values(self.candidates[position], self.policy)
            scored = self.ranked.value[position] is not None
            keys[position] = (str(scored), str(scored and self._is_capped(position)), str(level - LOWEST), *values)
        small = {key for key, size in Counter(keys.values()).items() if self.wanted_draw * size < len(self.pool)}
        keys = {position: key[:3] if key in small else key for position, key in keys.items()}
        numbers = {key: number for number, key in enumerate(sorted(set(keys.values())))}
        stratum_of = {position: numbers[key] for position, key in keys.items()}
        counted = Counter(stratum_of.values())
        sizes = [counted[number] for number in range(len(numbers))]
        most = min(len(self.pool), math.ceil(self.wanted_draw))
        weights = stratum_weights(sizes, [int(key[2]) + LOWEST for key in sorted(numbers)], most=most)
        return sizes, stratum_of, weights

    def _score_of(self, position: int) -> tuple[float, float] | None:
        candidate = self.candidates[position]
        if self.ranked.value[position] is None or candidate.fraud_probability is None:
            return None
        return candidate.fraud_probability, candidate.expected_revenue or 0.0

    # -- the steps ------------------------------------------------------------------------------------

    def allocate(self) -> list[Selection]:
        """All the steps in order; one selection per candidate."""
        place: Mapping[Basis, Callable[[], None]] = {
            "random": self._place_random,
            "fallback": self._place_by_fallback,
            "model": self._place_by_rank,
            "none": self._release,
        }
        for step in self.steps:
            if step.claims is not None:
                self._place_claims(step.basis)
            else:
                place[step.basis]()
        self._raise_claims()
        self._notice_claims()
        probability = self._inclusion()
        self._notice_unusable()
        return [
            Selection(
                declaration_id=candidate.declaration_id,
                declaration_version=candidate.declaration_version,
                office=self.office,
                lane=self.policy.lanes[self.lane[position]].id,
                basis=self.basis[position],
                inclusion_probability=probability[position],
                rank=self.rank_of.get(position),
                rule_id=self.claims[position].rule_id if position in self.claims else "",
                is_lane_full=position in self.is_full,
                is_beyond_capacity=position in self.beyond,
            )
            for position, candidate in enumerate(self.candidates)
        ]

    def _put(self, position: int, lane: int, basis: Basis) -> None:
        self.lane[position], self.basis[position] = lane, basis

    def _order_claims(self, basis: Basis) -> list[int]:
        """Those that a step claims: most intensive lane first; within it, without a score, then by falling value."""

        def order(position: int) -> tuple[int, int, int]:
            return (-self.claims[position].lane, self.rank_of.get(position, 0), self.ties[position])

        return sorted((position for position, by in self.claimed_by.items() if by == basis), key=order)

    def _drop_claims_without_slot(self) -> None:
        """Take back the claims that hold within capacity alone and get no slot: such a declaration is in the pool.

        The slots that the random control may need stay: what rules want must not end what measures them.
        """
        if all(claim.beyond is not None for claim in self.claims.values()):
            return
        control = self.policy.random_control
        lightest = self.policy.intensity[control.lane]
        reserve = wanted_size(control.share, control.minimum, len(self.candidates))
        places = self.places.copy()
        for step in self.steps:
            for position in self._order_claims(step.basis):
                claim, tried = self.claims[position], places.copy()
                place = tried.take_inspecting(claim.lane)
                is_reserved = place is not None and place <= lightest and tried.count(lightest) < reserve
                if claim.beyond is None and (place is None or is_reserved):
                    del self.claims[position], self.claimed_by[position]
                else:
                    places = tried

    def _place_claims(self, basis: Basis) -> None:
        for position in self._order_claims(basis):
            claim = self.claims[position]
            place = self.places.take_inspecting(claim.lane)
            # Without a free slot it is not released: it is inspected beyond capacity, and takes no other's slot.
            lane = claim.beyond if place is None else place
            if lane is None:
                raise UsageError(
                    "Expected the claims that hold within capacity before the random control, found them after it.",
                    hint="Take the steps of `selection.steps.STEPS`.",
                )
            self._put(position, lane, basis)
            if place is None:  # in whatever lane: no slot was left in the claimed one either
                self.beyond.add(position)

    def _raise_claims(self) -> None:
        """Where a claim's lane is the least and the ranking gives a more intensive one, the declaration has that."""
        raisable = [p for p in self.ranked.order if p in self.claims and self.claims[p].is_least]
        may = {position: eligibility(self.candidates[position], self.policy) for position in raisable}
        reach = {
            position: self.oea_heaviest if self._is_capped(position) else self.heaviest
            for position in raisable
            if may[position] in ("eligible", "lane_limited")
        }
        if not reach:
            return
        raised = raise_least(
            self.lane,
            self.places,
            order=self.ranked.order,
            reach=reach,
            by_model=[position for position, basis in self.basis.items() if basis == "model"],
            beyond=sorted(self.beyond),
        )
        self.lane.update(raised)
        self.beyond -= {position for position in raised if position in reach}

    def _notice_claims(self) -> None:
        """Which claims did not get their lane; first of all notices, in the order of the steps."""
        others, self.notices = self.notices, []
        for step in self.steps:
            moved: Counter[tuple[int, int, bool]] = Counter()
            for position in self._order_claims(step.basis):
                wanted, lane, is_beyond = self.claims[position].lane, self.lane[position], position in self.beyond
                if lane < wanted and not is_beyond:
                    self.is_full.add(position)
                if lane < wanted or is_beyond:
                    moved[wanted, lane, is_beyond] += 1
            for (wanted, lane, is_beyond), count in sorted(moved.items()):
                code = "mandatory_beyond_capacity" if is_beyond else "mandatory_over_capacity"
                self._notice(code, count=count, wanted=self._label(wanted), lane=self._label(lane))
        self.notices += others

    def _place_random(self) -> None:
        lane, wanted = self.policy.intensity[self.policy.random_control.lane], self.wanted_draw
        available = self.places.count(lane)
        key = (self.seed, self.day, self.office)
        plan = plan_draw(self.strata, wanted, available=available, key=key, weights=self.weights)
        self.drawing = _Drawing(plan, self.places.copy())
        if wanted > available:
            self._notice("random_reduced", count=available, wanted=f"{float(wanted):g}")
        members: dict[int, list[tuple[int, int]]] = {number: [] for number in range(len(self.strata))}
        for position in self.pool:
            members[self.stratum_of[position]].append((self._key("random", position), position))
        for position in draw(members, plan.drawn):
            self._put(position, self.places.take(lane), "random")

    def _place_by_fallback(self) -> None:
        wanted = self.policy.intensity[self.policy.fallback.lane]
        waiting = [p for p in self.pool if self.ranked.value[p] is None and p not in self.lane]
        got: Counter[tuple[int, bool]] = Counter()
        ordered = [position for _, position in sorted((self._key("fallback", p), p) for p in waiting)]
        for position, (lane, is_beyond) in zip(ordered, self._serve_fallback(self.places, len(ordered)), strict=True):
            self._put(position, lane, "fallback")
            if is_beyond:
                self.beyond.add(position)
            got[lane, is_beyond] += 1
        for (lane, is_beyond), count in sorted(got.items(), reverse=True):
            if is_beyond:
                self._notice("fallback_beyond_capacity", count=count, lane=self._label(lane))
            elif lane == wanted:
                self._notice("fallback_used", count=count, lane=self._label(lane))
            else:
                self._notice("fallback_over_capacity", count=count, lane=self._label(lane), wanted=self._label(wanted))

    def _place_by_rank(self) -> None:
        """Down the ranking, each to the most intensive lane open to it; this order makes the best total value."""
        for position in self.eligible:
            if position in self.lane:
                continue
            lane = self.places.take_inspecting(self.oea_heaviest if self._is_capped(position) else self.heaviest)
            if lane is not None:
                self._put(position, lane, "model")

    def _release(self) -> None:
        for position in self.pool:
            if position not in self.lane:
                self._put(position, 0, "exempt" if self.may[position] == "exempt" else "none")

    # -- probabilities --------------------------------------------------------------------------------

    def _inclusion(self) -> Sequence[float]:
        """Probability of an inspecting lane, for every candidate."""
        probability = np.zeros(len(self.candidates))
        probability[list(self.claims)] = 1.0
        if self.pool:
            unscored = [p for p in self.pool if self.ranked.value[p] is None]
            first = len({self.stratum_of[p] for p in unscored})
            pool = Pool(
                strata=np.array(self.strata, dtype=np.int64),
                unscored_strata=first,
                unscored=np.array([self.stratum_of[p] for p in unscored], dtype=np.int64),
                ranking=Ranking(
                    stratum=np.array([self.stratum_of[p] - first for p in self.eligible], dtype=np.int64),
                    is_capped=np.array([self._is_capped(p) for p in self.eligible], dtype=np.bool_),
                ),
                weights=self.weights,
            )

            def places_left(drawn: int, waiting: int) -> PlacesLeft:
                places = self.drawing.before.copy()
                for _ in range(drawn):
                    places.take_inspecting(self.policy.intensity[self.policy.random_control.lane])
                given: list[tuple[int, bool]] = []
                for step in self._between("random", "model"):
                    if step.claims is not None:
                        for position in self._order_claims(step.basis):
                            places.take_inspecting(self.claims[position].lane)
                    else:
                        given = self._serve_fallback(places, waiting)
                heavy, light = places.count(self.heaviest, self.oea_heaviest + 1), places.count(self.oea_heaviest)
                return PlacesLeft(sum(self.policy.lanes[lane].inspects for lane, _ in given), Places(heavy, light))

            drawn, of_unscored, of_ranked = inclusion_probability(pool, self.drawing.plan, places_left=places_left)
            probability[self.pool] = drawn[[self.stratum_of[p] for p in self.pool]]
            probability[unscored] = of_unscored
            probability[self.eligible] = of_ranked
        return [float(value) for value in probability]

    def _between(self, first: Basis, last: Basis) -> list[Step]:
        names = [step.basis for step in self.steps]
        return list(self.steps[names.index(first) + 1 : names.index(last)])

    def _serve_fallback(self, places: OfficePlaces, waiting: int) -> list[tuple[int, bool]]:
        """The lanes that so many declarations without a score get, in order, and which of them are beyond capacity."""
        wanted, beyond = self.policy.intensity[self.policy.fallback.lane], self.policy.beyond_capacity
        if not self.policy.lanes[wanted].inspects:
            return [(wanted, False)] * waiting
        places_found = [places.take_inspecting(wanted) for _ in range(waiting)]
        is_beyond = self.policy.lanes[beyond].inspects
        return [(beyond, is_beyond) if lane is None else (lane, False) for lane in places_found]

    # -- what to report -------------------------------------------------------------------------------

    def capacity_use(self) -> list[CapacityUse]:
        """Capacity and its use, by inspecting lane; above the capacity by those beyond it."""
        used = Counter(self.lane.values())
        return [
            CapacityUse(self.office, lane.id, capacity, used[number])
            for number, (lane, capacity) in enumerate(zip(self.policy.lanes, self.capacity, strict=True))
            if capacity is not None
        ]

    def _notice_unusable(self) -> None:
        if self.ranked.unusable:
            self._notice("score_unusable", count=len(self.ranked.unusable))
        objective = self.policy.objective
        if objective.order == "balanced" and objective.stake_exponent != 0:
            scored = [self.candidates[position] for position in self.ranked.order]
            without_scale = sum(one.stake_scale is None for one in scored)
            if without_scale:
                self._notice("stake_not_weighed", count=without_scale)
            unknown = sum(one.stake_scale is not None and not one.expected_revenue for one in scored)
            if unknown:
                self._notice("stake_unknown", count=unknown)

    def _notice(self, code: str, **figures: str | int | Wording) -> None:
        self.notices.append(Notice(code, {"office": self.office, **figures}))

    def _label(self, lane: int) -> Wording:
        return self.policy.lanes[lane].label

    def _key(self, purpose: str, position: int) -> int:
        candidate = self.candidates[position]
        return hash_key(
            purpose, self.seed, self.day, self.office, candidate.declaration_id, candidate.declaration_version
        )
