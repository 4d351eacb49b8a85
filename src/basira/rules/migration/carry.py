"""Criteria of another system, carried over to rules of ours: whole, or not at all.

Enters: criteria, the names that rules may use, which lane of ours stands for which of theirs, from when. Leaves:
settled rules with notes on what was understood; criteria that could not be carried over, each with its cause. Never
here: a guess that is not noted; an identifier of a person in a rule.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from basira.rules import model
from basira.rules.check import check_dates, check_persons, settle_rule
from basira.rules.faults import catalog_of, rule_fault
from basira.rules.migration.criteria import Clause, Criterion
from basira.rules.model import Condition
from basira.rules.names import TEXTS, Name, Vocabulary, fold_name
from basira.schema.errors import RuleError

# The words of criteria in the clearance systems, folded. Ours come first: see `_name_of`.
_NAMES: Mapping[str, str] = {
    "hs": "commodity_code",
    "hs_code": "commodity_code",
    "tariff": "commodity_code",
    "commodity": "commodity_code",
    "commodity_code": "commodity_code",
    "tariff_code": "commodity_code",
    "ngp": "commodity_code",
    "origin": "origin_country",
    "country_of_origin": "origin_country",
    "origine": "origin_country",
    "country_of_dispatch": "dispatch_country",
    "country_of_export": "dispatch_country",
    "provenance": "dispatch_country",
    "country_of_consignment": "dispatch_country",
    "export_country": "dispatch_country",
    "procedure": "procedure",
    "cpc": "procedure",
    "regime": "procedure",
    "customs_procedure": "procedure",
    "office": "office",
    "customs_office": "office",
    "bureau": "office",
    "importer": "importer_id",
    "consignee": "importer_id",
    "tin": "importer_id",
    "importateur": "importer_id",
    "exporter": "exporter_id",
    "consignor": "exporter_id",
    "exportateur": "exporter_id",
    "declarant": "declarant_id",
    "agent": "declarant_id",
    "broker": "declarant_id",
    "declarant_code": "declarant_id",
    "mode_of_transport": "transport_mode",
    "transport_mode": "transport_mode",
    "container": "container_id",
    "container_number": "container_id",
    "customs_value": "customs_value_amount",
    "cif_value": "customs_value_amount",
    "item_value": "customs_value_amount",
    "statistical_value": "customs_value_amount",
    "cif": "customs_value_amount",
    "value": "customs_value_amount",
    "net_weight": "net_mass_kg",
    "net_mass": "net_mass_kg",
    "gross_weight": "gross_mass_kg",
    "gross_mass": "gross_mass_kg",
    "packages": "package_count",
    "number_of_packages": "package_count",
    "preference": "preference",
    "preference_code": "preference",
    "goods_description": "description",
    "commercial_description": "description",
}
_LONGEST_CODE = 10
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_WORDS = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True)
class Note:
    """What was understood of a criterion and should be looked at. ``code``: of `migration.<code>` in the catalogs."""

    code: str
    value: str


@dataclass(frozen=True)
class Carried:
    """A criterion that became a rule."""

    line: int
    rule: model.Rule
    notes: tuple[Note, ...]


@dataclass(frozen=True)
class Left:
    """A criterion that did not, and why."""

    line: int
    criterion_id: str
    fault: RuleError


@dataclass(frozen=True)
class Migration:
    """Every criterion of a file is in one of the two."""

    carried: tuple[Carried, ...]
    left: tuple[Left, ...]


def carry_over(
    criteria: Iterable[tuple[int, Criterion | RuleError]],
    vocabulary: Vocabulary,
    *,
    lanes: Mapping[str, str],
    today: date,
    days: int = 180,
) -> Migration:
    """Carry criteria over to rules.

    ``lanes``: our lane by the folded name of theirs; one that is not there (green, which releases) is not carried over.
    ``today``: first day of those that began already; ``days``: for how long a rule holds that says no end.
    """
    carried: list[Carried] = []
    left: list[Left] = []
    taken: set[str] = set()
    for line, one in criteria:
        if isinstance(one, RuleError):
            left.append(Left(line, "", one))
            continue
        try:
            made = _carry(one, vocabulary, lanes, today, days, taken)
        except RuleError as error:
            left.append(Left(line, one.criterion_id, error))
            continue
        taken.add(made.rule.rule_id)
        carried.append(made)
    return Migration(tuple(carried), tuple(left))


def say_note(note: Note, language: str, *, strict: bool = False) -> str:
    """A note as a sentence in a language."""
    return catalog_of(language, strict=strict).say(f"migration.{note.code}", value=note.value)


def _carry(
    one: Criterion, vocabulary: Vocabulary, lanes: Mapping[str, str], today: date, days: int, taken: set[str]
) -> Carried:
    notes: list[Note] = []
    lane = lanes.get(fold_name(one.lane))
    if lane is None:
        raise rule_fault("migrated_lane", expected=", ".join(lanes), found=one.lane)
    ways: list[Condition] = []
    for way in one.ways:
        parts = tuple(_condition(clause, vocabulary, notes) for clause in way)
        ways.append(parts[0] if len(parts) == 1 else model.AllOf(parts))
    condition: Condition = ways[0] if len(ways) == 1 else model.AnyOf(tuple(ways))
    if any(vocabulary.names[n].is_of_item for c in model.walk(condition) for n in model.field_names(c)):
        condition = model.AnyItem(condition)  # one item that meets all of it, as their criteria are on items
    starts, ends = _dates(one, today, days, notes)
    if one.share is None:
        notes.append(Note("all_hits", one.lane))
    rule = model.Rule(
        rule_id=_rule_id(one, taken),
        title=one.title[:200],
        condition=condition,
        effect=model.Effect(lane=lane),
        starts_on=starts,
        expires_on=ends,
        reason=f"Carried over, line {one.line}: {one.title}"[:2000],
        sample_share=1.0 if one.share is None else one.share,
    )
    settled = settle_rule(rule, vocabulary, {})
    check_persons(settled.condition, vocabulary)
    check_dates(settled, today=today)
    return Carried(one.line, settled, tuple(dict.fromkeys(notes)))


def _condition(clause: Clause, vocabulary: Vocabulary, notes: list[Note]) -> Condition:
    name = _name_of(clause.name, vocabulary)
    if clause.sign in ("missing", "present"):
        missing = model.IsMissing(name.name)
        return missing if clause.sign == "missing" else model.Not(missing)
    if name.kind == "number":
        return _numbers(clause, name)
    if name.kind in TEXTS and clause.sign in ("=", "!="):
        made = _texts(clause, name, notes)
    elif name.kind == "prose" and clause.sign in ("=", "!="):
        notes.append(Note("contains", clause.name))
        made = model.Contains(name.name, tuple(value.strip("*% ") for value in clause.values))
    else:
        raise rule_fault("wrong_kind", name=clause.name, kind=name.kind)
    return made if clause.sign == "=" else model.Not(made)


def _name_of(written: str, vocabulary: Vocabulary) -> Name:
    found = vocabulary.find(written) or vocabulary.names.get(_NAMES.get(fold_name(written), ""))
    if found is None or found.source not in ("declared", "derived"):
        raise rule_fault("unknown_field", nearest=vocabulary.nearest(written), found=written)
    return found


def _numbers(clause: Clause, name: Name) -> Condition:
    values = [_number(value) for value in clause.values]
    field = model.FieldValue(name.name)
    if clause.sign == "between":
        return model.Between(field, model.Number(values[0]), model.Number(values[1]))
    comparisons = [
        model.Compare(field, comparison, model.Number(value))
        for value in values
        for comparison in model.COMPARISONS
        if comparison == clause.sign
    ]
    if len(comparisons) == 1:
        return comparisons[0]
    if clause.sign == "=":
        return model.AnyOf(tuple(comparisons))
    raise rule_fault("clause_form", found=f"{clause.name} {clause.sign} {', '.join(clause.values)}")


def _number(text: str) -> float:
    """A number without marks for thousands, which could be decimal marks."""
    if not re.fullmatch(r"-?\d+(?:\.\d+)?", text):
        raise rule_fault("number_form", found=text)
    return float(text) + 0.0


def _texts(clause: Clause, name: Name, notes: list[Note]) -> Condition:
    whole, prefixes = [], []
    for value in clause.values:
        bare = value.rstrip("*%")
        if "*" in bare or "%" in bare or "?" in bare or "_" in bare:
            raise rule_fault("pattern", found=value)
        if name.kind == "commodity":
            bare = bare.replace(".", "").replace(" ", "")
        if bare != value.replace(".", "").replace(" ", "") or value.endswith(("*", "%")):
            prefixes.append(bare)
        elif name.kind == "commodity" and len(bare) < _LONGEST_CODE:
            notes.append(Note("prefix", value))
            prefixes.append(bare)
        else:
            whole.append(bare)
    parts: list[Condition] = []
    if whole:
        parts.append(model.OneOf(name.name, tuple(whole)))
    if prefixes:
        parts.append(model.StartsWith(name.name, tuple(prefixes)))
    return parts[0] if len(parts) == 1 else model.AnyOf(tuple(parts))


def _dates(one: Criterion, today: date, days: int, notes: list[Note]) -> tuple[date, date]:
    starts = max(today, _day(one.starts) or today)
    longest = starts + timedelta(days=model.LONGEST_DAYS - 1)
    ends = _day(one.ends)
    if ends is None:
        ends = min(longest, starts + timedelta(days=days - 1))
        notes.append(Note("ends", ends.isoformat()))
    elif ends > longest:
        notes.append(Note("shortened", longest.isoformat()))
        ends = longest
    elif ends < today:
        raise rule_fault("expired", end=ends)
    return starts, ends


def _day(text: str) -> date | None:
    if not text:
        return None
    # In one order alone: 01/02/2026 is two days.
    try:
        return date.fromisoformat(text if _DAY.fullmatch(text) else "")
    except ValueError:
        raise rule_fault("day_form", found=text) from None


def _rule_id(one: Criterion, taken: set[str]) -> str:
    base = _WORDS.sub("-", (one.criterion_id or f"line-{one.line}").lower()).strip("-")[:50]
    if len(base) < 2 or not base[0].isalpha():
        base = f"criterion-{base or one.line}"
    if base in taken:
        raise rule_fault("criterion_twice", found=one.criterion_id or base)
    return base
