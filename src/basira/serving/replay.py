"""Replay an office's online day from its record, and compare: same scores, same lanes, same state.

Enters: a store, the operational database, policies, an office and a day. Leaves: every difference, and what could not
be compared because it is not kept. Never here: a write; a tolerance; a score that is guessed where its inputs are gone.

Lanes are replayed from the day's plan and the recorded scores, in the order of the events; scores from the recorded
content, where the profiles of that night and the model are still kept.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Literal

from basira.decisions.events import Cancellation, Reselection, read_records
from basira.decisions.judged import wish_of
from basira.decisions.recorded import item_values
from basira.decisions.records import Decision
from basira.decisions.replay import Difference, Replay
from basira.features.online.plan import catalog_digest
from basira.models.risk.files import read_model
from basira.models.risk.risk_model import RiskModel
from basira.schema.detail import detail_text
from basira.schema.errors import BasiraError, NotFoundError, Phrase, ReplayError, StoreError
from basira.selection.online.state import OnlineState, begin_day
from basira.selection.policy.load import load_policy
from basira.selection.policy.model import Policy
from basira.serving.changes.capacity import move_state
from basira.serving.changes.reassess import assess_with, other_digests, recorded_declaration
from basira.serving.decide.lookup import earlier_lane
from basira.serving.decide.placement import left_office, place, restore_state, without_slot
from basira.serving.decide.scoring import Scored, without_scores
from basira.serving.message import Declaration
from basira.serving.record import Known, find_known_of_many
from basira.serving.replay_rules import VerdictReplay
from basira.serving.service import SEED_FILE, Service, read_seed
from basira.serving.status import status_of
from basira.storage.database.connection import Database
from basira.storage.model_store import Models
from basira.storage.online.office_state import find_state
from basira.storage.profiles.files import read_manifest
from basira.storage.profiles.reader import LoadedProfiles, open_profiles
from basira.storage.record.events import find_office_day
from basira.workflows.profiles import profiles_of, read_profiles

_Scored = Literal["fraud_probability", "revenue_if_fraud", "expected_revenue", "kind_probabilities"]

_SELECTED = ("lane", "basis", "detail", "inclusion_probability")
_SCORED: tuple[_Scored, ...] = ("fraud_probability", "revenue_if_fraud", "expected_revenue", "kind_probabilities")
_AT_A_TIME = 200


@dataclass(frozen=True, kw_only=True)
class OnlineReplay(Replay):
    """The result of a replay. ``lanes``, ``scores``: how many decisions had their lane, their scores replayed.
    ``missing``: why others were not, each reason once, with their count. ``is_state_same``: whether the day ends in the
    state that is kept; None when the lanes were not replayed."""

    office: str
    day: date
    lanes: int
    scores: int
    missing: Mapping[str, int]
    is_state_same: bool | None

    def fault(self) -> ReplayError | None:
        """The first difference; None when all that could be compared is the same."""
        if not self.differences and self.is_state_same is not False:
            return None
        first = self.differences[0] if self.differences else None
        what = (
            Phrase("the state of the day at its end")
            if first is None
            else Phrase(
                "{field} {recorded!r} of {declaration}, and {replayed!r} replayed",
                field=first.field,
                recorded=first.recorded,
                declaration=first.declaration_id,
                replayed=first.replayed,
            )
        )
        return ReplayError(
            "Expected the day of {office} on {day} to come out the same, found another {what}.",
            hint="Prove the record with `basira audit verify`; compare policy, model and profiles with that day's.",
            office=self.office,
            day=self.day,
            what=what,
        )


class _Account:
    """What was compared so far, in the terms of `OnlineReplay`."""

    def __init__(self, day: date) -> None:
        self.day, self.lanes, self.scores = day, 0, 0
        self.differences: list[Difference] = []
        self.missing: Counter[str] = Counter()

    def lacks(self, what: str) -> None:
        """Count a decision that could not be compared."""
        self.missing[what] += 1


def open_record(root: Path, database: Database, policies: Path) -> Service:
    """A service that reads the record: it decides nothing, and makes no seed where there is none.

    Raises StoreError when the store has no seed of online draws: nothing was decided online with it.
    """
    if not (root / SEED_FILE).is_file():
        raise StoreError(
            "Expected the seed of online draws in {seed_file!r} of the store, found none.",
            hint="Name the store that `basira serve` works on; restore the file from backup if it is lost.",
            seed_file=SEED_FILE,
        )
    return Service(database=database, policies=policies, profiles=read_profiles(root), model=None, seed=read_seed(root))


def replay_online(
    service: Service, root: Path, office: str, day: date, *, declaration_id: str | None = None
) -> OnlineReplay:
    """Replay an office's day. ``service``: opened on the store in ``root``; its model and profiles are not used.

    ``declaration_id``: compare only this declaration; lanes depend on the whole day, so the whole day is replayed.
    Raises NotFoundError when the office decided nothing on that day.
    """
    with service.database.read() as connection:
        events = read_records(find_office_day(connection, office, day.isoformat()))
        stored = find_state(connection, office, day.isoformat())
        names = list(dict.fromkeys(one.declaration_id for one in events))
        known: dict[str, Known] = {}
        for start in range(0, len(names), _AT_A_TIME):
            known.update(find_known_of_many(connection, names[start : start + _AT_A_TIME]))
    if not any(isinstance(one, Decision) for one in events):
        raise NotFoundError(
            "Expected decisions of {office!r} on {day}, found none.",
            hint="Check the office's code and the day.",
            office=office,
            day=day,
        )
    report = _Account(day)
    states = _States(service, office, report, stored.state if stored else None)
    scorer = _Scorer(root, report, VerdictReplay(service))
    for one in sorted([*events, *_elsewhere(known, office, day)], key=lambda one: one.sequence):
        is_wanted = declaration_id in (None, one.declaration_id)
        before = [other for other in known[one.declaration_id] if other.sequence < one.sequence]
        if isinstance(one, Decision) and one.office != office:
            states.leave(one, before)
        elif isinstance(one, Decision):
            declaration, is_complete = recorded_declaration(before, one)
            if declaration is None:
                states.give_up("declarations that can't be read again")
                continue
            if is_wanted and is_complete:
                scorer.compare(declaration, one)
            elif is_wanted:
                report.lacks("a score: personal values or texts were erased")
            states.decide(declaration, one, before, is_wanted=is_wanted)
        elif isinstance(one, Reselection | Cancellation):
            states.change(one, before)
    return OnlineReplay(
        office=office,
        day=day,
        lanes=report.lanes,
        scores=report.scores,
        differences=tuple(report.differences),
        missing=dict(report.missing),
        is_state_same=states.is_same(),
    )


def _elsewhere(known: Mapping[str, Known], office: str, day: date) -> list[Decision]:
    """Another office's decisions of that day on the declarations of this one, which may have left by an amendment."""
    return [
        one
        for records in known.values()
        for one in records
        if isinstance(one, Decision) and one.day == day.isoformat() and one.office != office
    ]


class _States:
    """The day's state, event by event."""

    def __init__(self, service: Service, office: str, report: _Account, text: str | None) -> None:
        self._service, self._office, self._report = service, office, report
        self._policy: Policy | None = None
        self._state: OnlineState | None = None
        self._kept: OnlineState | None = None
        self._has_changed = False
        try:
            self._policy = load_policy(service.policies, report.day)
            if text is not None:
                self._kept = restore_state(text)
                if self._kept.plan.policy_digest == self._policy.digest:
                    self._state = begin_day(self._kept.plan)
                else:  # another policy replaced the plan that this policy began with
                    report.lacks("plan of the day under this policy")
        except BasiraError as error:
            report.lacks(f"plan or policy of the day: {error.message}")
        if text is None:
            report.lacks("plan of the day")

    def give_up(self, why: str) -> None:
        """Replay no lane from here on."""
        if self._state is not None:
            self._report.lacks(why)
        self._state = None

    def decide(self, declaration: Declaration, decision: Decision, before: Known, *, is_wanted: bool) -> None:
        """Place a declaration, and compare it with its record."""
        policy = self._policy
        if policy is None:
            return
        versions = decision.versions
        if versions["policy_digest"] != policy.digest:
            if is_wanted:
                self._report.lacks(f"policy {versions['policy']} of digest {str(versions['policy_digest'])[:12]}")
            self._state, self._has_changed = None, True
            return
        if self._state is None:
            if is_wanted and self._has_changed:
                self._report.lacks("a lane: decided on a day that another policy decided on before")
            return
        scored = recorded_scores(declaration, decision)
        inspecting = {lane.id: number for number, lane in enumerate(policy.lanes) if lane.inspects}
        candidate = replace(
            scored.candidate,
            declaration_version=decision.declaration_version,
            wish=wish_of(decision.rules, inspecting),
        )
        placed = place(
            candidate,
            policy,
            state=self._state,
            earlier=earlier_lane(before),
            now=decision.moment,
            seed=self._service.seed,
        )
        self._state = placed.state
        if not is_wanted:
            return
        self._report.lanes += 1
        for name in _SELECTED:
            recorded = getattr(decision, name)
            made = detail_text(placed.selection) if name == "detail" else getattr(placed.selection, name)
            if made != recorded:
                self._report.differences.append(Difference(decision.declaration_id, name, recorded, made))

    def leave(self, decision: Decision, before: Known) -> None:
        """Give back the slot of a declaration that another office decided on."""
        earlier = earlier_lane(before)
        if self._state is None or earlier is None:
            return
        if left_office(earlier, office=decision.office, day=self._report.day) == self._office:
            self._state = without_slot(self._state, earlier)

    def change(self, change: Reselection | Cancellation, before: Known) -> None:
        """Move the slots that a re-selection or a cancellation moved."""
        status = status_of(before)
        if self._state is not None and self._policy is not None and status is not None:
            if change.lane is not None and change.lane not in self._policy.intensity:
                self.give_up(f"lane {change.lane} of another policy")
                return
            self._state = move_state(self._state, status, self._policy, taken=change.lane, day=self._report.day)

    def is_same(self) -> bool | None:
        """Whether the day ends as it is kept."""
        return None if self._state is None or self._kept is None else self._state == self._kept


def recorded_scores(declaration: Declaration, decision: Decision) -> Scored:
    """The candidate with the recorded scores; without features, which no step of selection reads."""
    bare = without_scores(declaration, str(decision.fallback))
    candidate = replace(
        bare.candidate,
        fraud_probability=decision.fraud_probability,
        expected_revenue=decision.expected_revenue,
        stake_scale=decision.stake_scale,
    )
    return replace(bare, candidate=candidate)


class _Scorer:
    """Replay scores from the recorded profiles and model, where they are kept."""

    def __init__(self, root: Path, report: _Account, rules: VerdictReplay) -> None:
        self._root, self._report, self._rules = root, report, rules
        self._models: dict[str, RiskModel | None] = {}
        self._builds: dict[str, LoadedProfiles | None] = {}

    def compare(self, declaration: Declaration, decision: Decision) -> None:
        """Score a declaration again, and compare every figure; then ask the rules of then again."""
        scored = self._score(declaration, decision)
        candidate = recorded_scores(declaration, decision).candidate
        if scored is not None:
            candidate = replace(candidate, features=scored.candidate.features)
        differences, missing = self._rules.compare(candidate, decision, has_features=scored is not None)
        self._report.differences.extend(differences)
        if missing:
            self._report.lacks(missing)

    def _score(self, declaration: Declaration, decision: Decision) -> Scored | None:
        """The declaration scored again, and compared; None when it can't be."""
        name, versions = decision.declaration_id, decision.versions
        if decision.fraud_probability is None:
            self._report.lacks(f"a score: {decision.fallback}")
            return None
        model, profiles = self._model(str(versions["model"])), self._profiles(str(versions["profiles"]))
        if model is None or profiles is None:
            return None
        others = other_digests(decision, model, profiles)
        self._report.differences.extend(
            Difference(name, f"versions.{which}", recorded, found) for which, recorded, found in others
        )
        if others:
            return None
        scored = assess_with(declaration, model=model, profiles=profiles, today=self._report.day)
        self._report.scores += 1
        if scored.fallback is not None:
            self._report.differences.append(Difference(name, "fallback", None, scored.fallback))
            return None
        for column in ("fraud_probability", "expected_revenue"):
            self._differs(name, column, getattr(decision, column), getattr(scored.candidate, column))
        for recorded, made in zip(decision.items, scored.items, strict=True):
            values = item_values(made)
            for column in _SCORED:
                self._differs(name, f"items[{made.item_number}].{column}", recorded[column], values[column])
        return scored

    def _differs(self, name: str, column: str, recorded: object, made: object) -> None:
        if recorded != made:
            self._report.differences.append(Difference(name, column, recorded, made))

    def _model(self, version: str) -> RiskModel | None:
        if version not in self._models:
            try:
                self._models[version] = read_model(Models(self._root).folder(version))
            except BasiraError:
                self._models[version] = None
        if self._models[version] is None:
            self._report.lacks(f"model {version}")
        return self._models[version]

    def _profiles(self, name: str) -> LoadedProfiles | None:
        if name not in self._builds:
            folder = profiles_of(self._root)
            try:
                manifest = read_manifest(folder, name)
                # Profiles of another catalog of features can't be read any more: their decisions are not compared.
                is_served = manifest.metadata.catalog == catalog_digest()
                self._builds[name] = open_profiles(folder, manifest) if is_served else None
            except (BasiraError, OSError):
                self._builds[name] = None
        if self._builds[name] is None:
            self._report.lacks(f"profiles {name}")
        return self._builds[name]
