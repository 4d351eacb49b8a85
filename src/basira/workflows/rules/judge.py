"""What the rules in force say of declarations, for every surface: batch, online, dry run, shadow, replay.

Enters: a set of rules, the policy, the seed, candidates with what was declared of them. Leaves: verdicts as decisions
record them, and candidates with the wish of the rules that act. Never here: a slot; a rule that acts without its draw;
a verdict of a shadow rule that changes something.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date

import polars as pl

from basira.decisions.judged import ConditionValues, JudgedValues, ReadValue, wish_of
from basira.rules import model
from basira.rules.book import RuleBook
from basira.rules.bulk import DECLARATION, NO_HIT, judge_many
from basira.rules.derived import DERIVED
from basira.rules.evaluate import Verdict
from basira.rules.findings import find_reasons
from basira.rules.fires import draw_firing
from basira.rules.json_form import write_condition, write_effect
from basira.rules.lists.snoozes import find_snooze
from basira.rules.values import Facts
from basira.schema.errors import PolicyError
from basira.schema.json_values import JsonObject
from basira.schema.records import Candidate, Figure
from basira.selection.policy.model import Policy
from basira.workflows.rules.in_force import RuleSet
from basira.workflows.rules.vocabulary import make_vocabulary

# Scores of a declaration, by the names that rules have for them.
_SCORES = ("fraud_probability", "expected_revenue")


class RuleJudge:
    """The rules of a set, compiled once, under one policy and one seed of the draws."""

    def __init__(self, rules: RuleSet, policy: Policy, *, seed: int) -> None:
        """Raises RuleError when a rule names a list that the set lacks."""
        self.rules, self._policy, self._seed = rules, policy, seed
        self._vocabulary = make_vocabulary(rules.lists.keys())
        self._book = RuleBook([one.rule for one in rules.rules], self._vocabulary, rules.lists)
        self._inspecting = {lane.id: number for number, lane in enumerate(policy.lanes) if lane.inspects}
        read = {
            name
            for one in rules.rules
            for condition in model.walk(one.rule.condition)
            for name in model.field_names(condition)
        }
        # Of each rule what it wants, and of each condition its JSON: the same for every declaration.
        self._wants = [_wanted(one.rule.effect) for one in rules.rules]
        self._written: dict[int, tuple[model.Condition, JsonObject]] = {}
        self._read = frozenset(read | {given for name in read if name in DERIVED for given in DERIVED[name].inputs})

    @property
    def unfit(self) -> tuple[str, ...]:
        """Ids of live rules that want a lane which the policy lacks, or which does not inspect: they want no lane."""
        return tuple(
            one.rule.rule_id
            for one in self.rules.rules
            if not one.is_shadow and one.rule.effect.lane and one.rule.effect.lane not in self._inspecting
        )

    def require_fit(self) -> None:
        """Raise PolicyError when a live rule wants a lane that the policy lacks."""
        if self.unfit:
            raise PolicyError(
                "Expected the rules to want lanes of the policy that inspect, found another of {unfit!r}.",
                hint="Write a new version of the rule with a lane of this policy, or retire it.",
                unfit=self.unfit[0],
            )

    @property
    def reads_features(self) -> bool:
        """Whether a rule reads a feature of the catalog, by itself or in a derived value."""
        names = self._vocabulary.names
        return any(name in names and names[name].source == "feature" for name in self._read)

    def judge(self, candidate: Candidate, day: date) -> tuple[JudgedValues, ...]:
        """What each rule says that hits, or of which it is unknown. Empty when the candidate carries no items."""
        if not self.rules.rules or not len(candidate.items):
            return ()
        facts = _facts(candidate)
        asked = [number for number, _ in self._book.find(facts, day=day, office=candidate.office)]
        return self._values_of(asked, facts, candidate.declaration_id)

    def without_verdict(self, candidate: Candidate, day: date) -> tuple[JudgedValues, ...]:
        """An error of each rule that holds for the candidate: what is recorded when none could be asked."""
        return tuple(
            JudgedValues(
                rule_id=one.rule.rule_id,
                version=one.version,
                digest=one.digest,
                is_shadow=one.is_shadow,
                outcome="error",
                fields=[],
            )
            for one in self.rules.rules
            if one.rule.holds_on(day, candidate.office)
        )

    def judge_day(
        self, candidates: Sequence[Candidate], declared: pl.DataFrame, features: pl.DataFrame, day: date
    ) -> list[tuple[JudgedValues, ...]]:
        """The same of many: those of which an expression over all of them says "no hit" are looked at no further.

        ``declared``, ``features``: one row an item, in the same order, the declarations in that of ``candidates``.
        """
        if not self.rules.rules or not candidates:
            return [() for _ in candidates]
        items = self._items(candidates, declared, features)
        conditions = [one.rule.condition for one in self.rules.rules]
        outcomes = judge_many(items, conditions, self._vocabulary, self.rules.lists)
        asked: list[list[int]] = [[] for _ in candidates]
        for number, one in enumerate(self.rules.rules):
            for position in (outcomes[str(number)] != NO_HIT).arg_true():
                if one.rule.holds_on(day, candidates[position].office):
                    asked[position].append(number)
        return [
            self._values_of(numbers, _facts(candidate), candidate.declaration_id) if numbers else ()
            for candidate, numbers in zip(candidates, asked, strict=True)
        ]

    def with_wish(self, candidate: Candidate, judged: Sequence[JudgedValues]) -> Candidate:
        """The candidate with what the rules that act want of it."""
        return replace(candidate, wish=wish_of(judged, self._inspecting))

    def _items(self, candidates: Sequence[Candidate], declared: pl.DataFrame, features: pl.DataFrame) -> pl.DataFrame:
        """A row an item, with the columns that the rules read."""
        positions = declared["declaration_id"].rle_id().alias(DECLARATION)
        columns = [positions, *(declared[name] for name in sorted(self._read & set(declared.columns)))]
        if "value_currency" in declared.columns and "value_currency" not in self._read:
            columns.append(declared["value_currency"])
        taken = {column.name for column in columns}
        columns += [features[name] for name in sorted(self._read & set(features.columns) - taken)]
        for score in _SCORES:
            if score in self._read:
                of_each = pl.Series(score, [getattr(one, score) for one in candidates], dtype=pl.Float64)
                columns.append(of_each.gather(positions))
        return pl.DataFrame(columns)

    def _values_of(self, numbers: Sequence[int], facts: Facts, declaration_id: str) -> tuple[JudgedValues, ...]:
        found = ((number, self._book.verdict_of(number, facts)) for number in numbers)
        return tuple(
            self._values(number, verdict, facts, declaration_id)
            for number, verdict in found
            if verdict.outcome != "no_hit"
        )

    def _values(self, number: int, verdict: Verdict, facts: Facts, declaration_id: str) -> JudgedValues:
        one, outcome = self.rules.rules[number], verdict.outcome
        assert outcome != "no_hit", "what is no hit is not recorded"  # noqa: S101 - of the caller, not of the input
        values = JudgedValues(
            rule_id=one.rule.rule_id,
            version=one.version,
            digest=one.digest,
            is_shadow=one.is_shadow,
            outcome=outcome,
        )
        if outcome != "hit":
            values["fields"] = list(verdict.fields)
            return values
        firing = draw_firing(
            one.rule, declaration_id, seed=self._seed, fire_probability=self._policy.rules.fire_probability
        )
        values["items"] = [position + 1 for position in verdict.items]
        sleeps = find_snooze(one.rule, facts, self.rules.lists) is not None
        values["probability"] = 0.0 if one.is_shadow or sleeps else firing.probability
        values["acts"] = firing.acts and not one.is_shadow and not sleeps
        if sleeps:
            values["sleeps"] = True
        values["wants"] = self._wants[number]
        if self.rules.is_least and one.rule.effect.lane:
            values["is_least"] = True
        values["title"] = one.rule.title
        values["conditions"] = self._conditions(one.rule, facts)
        return values

    def _conditions(self, rule: model.Rule, facts: Facts) -> list[ConditionValues]:
        found = []
        reasons = find_reasons(rule.condition, facts, self._vocabulary, self.rules.lists, compiled=self._book.compiled)
        for one in reasons:
            values = ConditionValues(
                condition=self._json_of(one.condition),
                truth=one.truth,
                item=one.item,
                read=[self._read_value(name, value) for name, value in one.read],
            )
            if one.counted is not None:
                values["counted"] = list(one.counted)
            found.append(values)
        return found

    def _json_of(self, condition: model.Condition) -> JsonObject:
        found = self._written.get(id(condition))
        if found is None:  # with the condition itself: as long as it is held, no other has its identity
            self._written[id(condition)] = found = (condition, write_condition(condition))
        return found[1]

    def _read_value(self, name: str, value: object) -> ReadValue:
        known = self._vocabulary.names[name]
        if known.is_personal or known.kind == "prose":
            return {"name": name, "is_withheld": True}
        if value is None or isinstance(value, str | bool):
            return {"name": name, "value": value}
        if isinstance(value, int | float):
            number = float(value)
            return {
                "name": name,
                "value": number if math.isfinite(number) else None if number != number else str(number),
            }
        return {"name": name, "value": value.isoformat() if isinstance(value, date) else str(value)}


# The effect of a rule that wants nothing: a record is without what is as here.
_NOTHING = write_effect(model.Effect())


def _wanted(effect: model.Effect) -> JsonObject:
    return {name: value for name, value in write_effect(effect).items() if value != _NOTHING[name]}


class _Remembered(Mapping[str, Sequence[Figure]]):
    """Features, each looked up once: many rules read the same ones."""

    def __init__(self, features: Mapping[str, Sequence[Figure]]) -> None:
        self._features = features
        self._known: dict[str, Sequence[Figure]] = {}

    def __getitem__(self, name: str) -> Sequence[Figure]:
        found = self._known.get(name)
        if found is None:
            self._known[name] = found = self._features[name]
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._features)

    def __len__(self) -> int:
        return len(self._features)


def _facts(candidate: Candidate) -> Facts:
    scores = {"fraud_probability": candidate.fraud_probability, "expected_revenue": candidate.expected_revenue}
    return Facts(candidate.items, _Remembered(candidate.features), scores)
