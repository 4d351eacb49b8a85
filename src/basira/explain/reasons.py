"""From contributions to reasons: the evidence that raised an item, each piece with its figures.

Enters: exact contributions per feature, the item's features and declared values, the catalog. Leaves: ranked
`Reason` records, what to verify, reference values. Never here: words (see `words`), the model, a list of features or
of what features are about (that is the catalog's), or a reason whose figures say the opposite of what it is listed for.

Features about one thing (four ratios of the same unit value, a rate and its count) are summed
into one family; a family is listed when it raised the item and has figures that show why.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from basira.explain.circumstances import LATER_FAMILIES, circumstance
from basira.explain.kinds import kinds_to_verify
from basira.schema.reasons import PastResults, ReasonCatalog
from basira.schema.records import EXPECTED, ItemRow, Reason, Reference

Row = ItemRow
Built = tuple[str, dict[str, Any]] | None

# Versions of what is recorded as evidence; a run names its own. 0: what to verify follows the reasons. 1: it is ranked
# by `basira.explain.kinds`, and a description names its word. 2: kinds are tempered, and circumstances are reasons too
# (`basira.explain.circumstances`).
KINDS_RANKED = 1
CIRCUMSTANCES = 2
EVIDENCE = CIRCUMSTANCES
# Evidence weaker than a twentieth of a unit of log-odds (about 5 % on the odds) is not worth a line.
FAINTEST = 0.05
MOST_REASONS = 5
# A unit value within 10 % of the median is usual: it may have moved the trees, it is no reason for a person.
USUAL_GAP = 0.10
# A price is expected of a code with ten prices, and named after its origin and supplier with three of their own, which
# count as much as what they are shrunk towards.
ENOUGH_OF_CODE = 10
ENOUGH_OF_OWN = 3
# A quarter of a normal distribution lies beyond so many deviations, on either side. Beyond e to the 20th is no price.
QUARTILE = 0.6745
MOST_LOGGED = 20.0
# How many items without a gap stand beside a trader's own in its habit (`GAP_WEIGHT` of the features).
GAP_WEIGHT = 3
LOWER_DUTY = 0.02
# A history is worth a line when its rate is a tenth above its parent's.
WORSE = 1.1
# An entity seen on ten items or more, over more than three months, is not new.
NEW_ITEMS = 10
NEW_DAYS = 90
YEAR_MONTHS = 12


@dataclass(frozen=True)
class Evidence:
    """One item's reasons, the things to verify, and the reference values behind them."""

    reasons: tuple[Reason, ...]
    verify: tuple[str, ...]
    references: tuple[Reference, ...]


def explain_items(
    contributions: NDArray[np.float64],
    names: Sequence[str],
    catalog: ReasonCatalog,
    rows: Sequence[Row],
    *,
    kinds: Sequence[Mapping[str, float]],
    comparables: Mapping[tuple[str, str | None], tuple[str, ...]] | None = None,
    version: int = EVIDENCE,
) -> list[Evidence]:
    """Reasons of each item.

    Parameters
    ----------
    contributions : items x features, log-odds. names : the features, in that order.
    catalog : the families of the features; those without a family are left out.
    rows : per item its features and its declared values, by name.
    kinds : per item the probability of each kind.
    comparables : (commodity code, origin or None for any) to some earlier "declaration/item" ids.
    version : of the evidence, up to `EVIDENCE`; an older one makes a run of then again.
    """
    groups: dict[str, list[int]] = {}
    for position, name in enumerate(names):
        family = catalog.families.get(name, "")
        if family and (version >= CIRCUMSTANCES or family not in LATER_FAMILIES):
            groups.setdefault(family, []).append(position)
    labels = list(groups)
    total = np.stack([contributions[:, groups[f]].sum(axis=1) for f in labels], axis=1) if labels else None
    found = []
    for i, row in enumerate(rows):
        reasons: list[Reason] = []
        point_at: list[str] = []
        if total is not None:
            for g in np.argsort(-total[i], kind="stable"):
                weight = float(total[i, g])
                if weight < FAINTEST or len(reasons) == MOST_REASONS:
                    break
                built = _build(labels[g], row, catalog)
                if version >= CIRCUMSTANCES:
                    built = circumstance(labels[g], built, row)
                if built is None or not all(math.isfinite(v) for v in built[1].values() if isinstance(v, float)):
                    continue
                ranked = sorted(groups[labels[g]], key=lambda p: -abs(contributions[i, p]))[:3]
                code, figures = built
                if version >= KINDS_RANKED:
                    figures |= _comparison(code, row)
                reasons.append(Reason(code, figures, tuple(names[p] for p in ranked), round(weight, 4)))
                point_at.append(catalog.verify.get(labels[g], ""))
        references = _in_order_of(reasons, _references(row, comparables or {}, catalog))
        verify = (
            kinds_to_verify(kinds[i], row, is_model_tempered=version >= CIRCUMSTANCES)
            if version >= KINDS_RANKED
            else _to_verify(point_at, kinds[i])
        )
        found.append(Evidence(tuple(reasons), verify, references))
    return found


# As the entity "word" of the catalog takes it; a test holds the two together.
_WORD = re.compile(r'[^-0-9 ,.;:/()+_*"%]{3,}')


def _comparison(code: str, row: Row) -> dict[str, Any]:
    """What a reason is compared with, where its builder gives no figure: the word of a description; how often this
    supplier claims a preference, as a share of its items of the past year (smoothed), and their number."""
    if code == "description_unusual":
        return {"word": _first_word(row)}
    habit, claimed = _number(row, "preference_vs_exporter"), _number(row, "is_preference_claimed")
    if code != "preference_claimed" or habit is None or claimed is None or _count(row, "exporter_items_365d") == 0:
        return {}
    usual = min(1.0, max(0.0, claimed - habit))
    return {"usual_share": usual, "count": _count(row, "exporter_items_365d"), "window_months": YEAR_MONTHS}


def _first_word(row: Row) -> str | None:
    """The first word of the description, of three letters at least."""
    found = _WORD.search(str(row.get("description") or "").lower())
    return found.group() if found else None


def _to_verify(point_at: Sequence[str], kinds: Mapping[str, float]) -> tuple[str, ...]:
    """As it was before `kinds`: first what the kinds say where the model knows kinds, then what the reasons point at;
    never empty.

    ``point_at``: by reason, in their order; "" where one points at nothing in particular.
    """
    wanted: list[str] = []
    total = sum(kinds.values())
    if total > 0:
        ranked = sorted(kinds.items(), key=lambda pair: -pair[1])
        # A kind with a quarter of the odds is worth the officer's minute; two kinds at most.
        wanted += [kind for kind, p in ranked[:2] if p >= 0.25 * total]
    wanted += [one for one in dict.fromkeys(point_at) if one and one not in wanted]
    return tuple(wanted[:4]) or ("documents",)


def _number(row: Row, name: str) -> float | None:
    value = row.get(name)
    if value is None:
        return None
    number = float(value)
    return number if math.isfinite(number) else None


def _ratio(row: Row, upper: str, lower: str) -> float | None:
    a, b = _number(row, upper), _number(row, lower)
    ratio = a / b if a is not None and b else math.nan
    # A mass of 1e-320 kg is positive and valid: the value of a kilogram of it is no number to show.
    return ratio if math.isfinite(ratio) else None


def _from_log(row: Row, name: str) -> float | None:
    logged = _number(row, name)
    return None if logged is None else math.exp(logged / 1000)


def _count(row: Row, name: str) -> int:
    return int(_number(row, name) or 0)


def _build(family: str, row: Row, catalog: ReasonCatalog) -> Built:
    if family.startswith("category_"):
        field = family.removeprefix("category_")
        value = row.get(family)
        return None if value is None else ("declared_profile", {"field": field, "value": value})
    if past := catalog.past.get(family):
        describe = _PAST.get(family, _history)
        return describe(past, row)
    if family.startswith("new_"):
        return _new(family.removeprefix("new_"), row)
    builder = _BUILDERS.get(family)
    return None if builder is None else builder(row)


@dataclass(frozen=True)
class _Expected:
    """The price that one item leads to expect, per kg or per unit. ``basis``: of what it is, for `Reference.level`.

    ``low``, ``high``: between them lie half of the normal deviations of the code's items. ``count``: prices of the
    code, or of the code from ``origin_country``, that it rests on.
    """

    value: float
    low: float
    high: float
    basis: str
    count: int
    origin_country: str | None


def _expected(row: Row, measure: str) -> _Expected | None:
    """None without a price of its own, and where the code has too few."""
    name = f"expected_{measure}"
    value, deviation = _number(row, name), _number(row, f"{name}_deviation")
    code, origin, supplier = (_count(row, f"{name}_{whose}_count") for whose in ("code", "origin", "supplier"))
    if value is None or deviation is None or code < ENOUGH_OF_CODE:
        return None
    if abs(value) > MOST_LOGGED or not 0 < deviation < MOST_LOGGED:
        return None
    by_origin = origin >= ENOUGH_OF_OWN and row.get("origin_country") is not None
    basis = "_".join(["code", *(["origin"] if by_origin else []), *(["supplier"] if supplier >= ENOUGH_OF_OWN else [])])
    return _Expected(
        math.exp(value),
        math.exp(value - QUARTILE * deviation),
        math.exp(value + QUARTILE * deviation),
        basis,
        origin if by_origin else code,
        row["origin_country"] if by_origin else None,
    )


def _unit_value(measure: str, unit_field: str) -> Callable[[Row], Built]:
    def build(row: Row) -> Built:
        value = _ratio(row, "customs_value_amount", _BELOW[measure])
        if value is not None and (expected := _expected(row, measure)) is not None:
            gap = value / expected.value - 1
            if abs(gap) < USUAL_GAP:
                return None
            return f"{measure}_{'low' if gap < 0 else 'high'}", {
                "value": value,
                "unit": "kg" if measure == "value_per_kg" else (row.get(unit_field) or "unit"),
                "expected": expected.value,
                "basis": expected.basis,
                "gap": gap,
                "count": expected.count,
                "commodity_code": row.get("commodity_code"),
                "origin_country": expected.origin_country,
                "window_months": YEAR_MONTHS,
            }
        median = _from_log(row, f"{measure}_reference_median")
        count = _count(row, f"{measure}_reference_count")
        level = _number(row, f"{measure}_reference_level")
        if value is None or median is None or not median or count == 0:
            return None
        gap = value / median - 1
        if abs(gap) < USUAL_GAP:
            return None
        is_by_origin = measure == "value_per_kg" and level == 0
        return f"{measure}_{'low' if gap < 0 else 'high'}", {
            "value": value,
            "unit": "kg" if measure == "value_per_kg" else (row.get(unit_field) or "unit"),
            "median": median,
            "gap": gap,
            "count": count,
            "commodity_code": row.get("commodity_code"),
            "origin_country": row.get("origin_country") if is_by_origin else None,
            "window_months": YEAR_MONTHS,
        }

    return build


def _kg_per_unit(row: Row) -> Built:
    value = _ratio(row, "net_mass_kg", "quantity")
    median = _from_log(row, "kg_per_unit_unit_code_median")
    if value is None or not median or abs(value / median - 1) < USUAL_GAP:
        return None
    return f"kg_per_unit_{'low' if value < median else 'high'}", {
        "value": value,
        "unit": row.get("quantity_unit") or "unit",
        "median": median,
        "gap": value / median - 1,
        "count": _count(row, "kg_per_unit_unit_code_count"),
        "commodity_code": row.get("commodity_code"),
        "origin_country": None,
        "window_months": YEAR_MONTHS,
    }


def _duty_rate(row: Row) -> Built:
    rate = _ratio(row, "total_tax_amount", "customs_value_amount")
    for level in ("code_origin", "code"):
        usual = _from_log(row, f"tax_share_{level}_median")
        if rate is None or usual is None or abs(rate / usual - 1) < USUAL_GAP / 2:
            continue
        by_origin = level == "code_origin"
        code = str(row.get("commodity_code") or "")
        return f"duty_rate_{'low' if rate < usual else 'high'}", {
            "rate": rate,
            "usual_rate": usual,
            "count": _count(row, f"tax_share_{level}_count"),
            "commodity_code": code,
            "origin_country": row.get("origin_country") if by_origin else None,
            "window_months": YEAR_MONTHS,
        }
    declared = _number(row, "duty_rate")
    return None if declared is None else ("declared_profile", {"field": "duty_rate", "value": declared})


def _history(past: Sequence[PastResults], row: Row) -> Built:
    """The results of the narrowest entity that has some: five at least, or else any from the widest on."""
    seen = [e for e in past if _count(row, f"{e.entity}_inspected") >= 5] or [
        e for e in reversed(past) if _count(row, f"{e.entity}_inspected") > 0
    ]
    return _results(seen[0], row) if seen else None


def _results(one: PastResults, row: Row) -> Built:
    irregular, inspected = _count(row, f"{one.entity}_irregular"), _count(row, f"{one.entity}_inspected")
    rate, usual = _number(row, f"{one.entity}_hit_rate"), _number(row, f"{one.parent}_hit_rate")
    # A history no worse than its parent's may have moved the trees, but is no reason for an officer.
    if irregular == 0 or rate is None or (usual is not None and rate < WORSE * usual):
        return None
    figures: dict[str, Any] = {
        "irregular": irregular,
        "inspected": inspected,
        "rate": rate,
        "usual_rate": usual,
        "window_months": None,
    }
    if one.code_digits:
        figures["commodity_code"] = str(row.get("commodity_code"))[: one.code_digits]
    if one.has_origin:
        figures["origin_country"] = row.get("origin_country")
    return one.code, figures


def _description(past: Sequence[PastResults], row: Row) -> Built:
    share, count = _number(row, "code_share_of_word"), _count(row, "word_items")
    # A word seen often, and rarely under this code: the description and the code may disagree.
    if share is not None and count >= 20 and share < 0.2:
        return "description_unusual", {
            "seen": _count(row, "word_code_items"),
            "count": count,
            "commodity_code": str(row.get("commodity_code") or "")[:6],
            "window_months": None,
        }
    return next((built for one in past if (built := _results(one, row)) is not None), None)


def _new(entity: str, row: Row) -> Built:
    count, days = _count(row, f"{entity}_items"), _number(row, f"{entity}_days_since_first")
    if count >= NEW_ITEMS and days is not None and days > NEW_DAYS:
        return None
    return f"new_{entity}", {"days": None if days is None else int(days), "count": count}


def _repeat(past: Sequence[PastResults], row: Row) -> Built:
    (one,) = past
    # Repeats no worse than their code say nothing against this one.
    if (built := _results(one, row)) is None:
        return None
    return one.code, {
        "repeats": _count(row, f"{one.entity}_items"),
        "inspected": built[1]["inspected"],
        "irregular": built[1]["irregular"],
        "commodity_code": row.get("commodity_code"),
        "net_mass_kg": _number(row, "net_mass_kg"),
    }


# Families of past results that are worded otherwise than by their rate.
_PAST: Mapping[str, Callable[[Sequence[PastResults], Row], Built]] = {
    "description": _description,
    "repeat_consignment": _repeat,
}


def _volume_jump(row: Row) -> Built:
    month, year = _count(row, "importer_items_30d"), _number(row, "importer_items_365d") or 0.0
    if month < 3 or month <= 1.5 * year / 12:
        return None
    return "volume_jump_importer", {"count_30d": month, "usual_30d": year / 12}


def _origin_unusual(row: Row) -> Built:
    share, count = _number(row, "origin_share_of_code"), _count(row, "code_items")
    if share is None or count < 20 or share > 0.2 or row.get("origin_country") is None:
        return None
    return "origin_unusual", {
        "origin_country": row["origin_country"],
        "commodity_code": row.get("commodity_code"),
        # The share is smoothed for the model: no number of imports gives it.
        "seen": _count(row, "code_origin_items"),
        "count": count,
        "window_months": None,
    }


def _origin_differs(row: Row) -> Built:
    if _number(row, "origin_differs_from_dispatch") != 1:
        return None
    return "origin_differs_from_dispatch", {
        "origin_country": row.get("origin_country"),
        "dispatch_country": row.get("dispatch_country"),
    }


def _preference(row: Row) -> Built:
    if not row.get("preference"):
        return None
    return "preference_claimed", {"preference": row["preference"], "origin_country": row.get("origin_country")}


def _consignment(row: Row) -> Built:
    value, median = _number(row, "customs_value_amount"), _from_log(row, "item_value_code_median")
    if value is None or not median or 0.5 < value / median < 2:
        return None
    return f"{'small' if value < median else 'large'}_consignment", {
        "value_amount": value,
        "median": median,
        "count": _count(row, "item_value_code_count"),
        "commodity_code": row.get("commodity_code"),
        "window_months": YEAR_MONTHS,
    }


def _price_habit(entity: str) -> Callable[[Row], Built]:
    def build(row: Row) -> Built:
        count, habit = _count(row, f"{entity}_prices"), _number(row, f"{entity}_price_habit")
        # With two prices a mean is no habit.
        if habit is None or count < ENOUGH_OF_OWN:
            return None
        # The habit is shrunk for the model; what an officer reads is the mean itself.
        mean = habit * (count + GAP_WEIGHT) / count
        gap = math.exp(mean) - 1 if abs(mean) < MOST_LOGGED else math.inf
        if not USUAL_GAP <= abs(gap) < math.inf:
            return None
        return f"price_habit_{entity}", {
            "gap": gap,
            "count": count,
            "low_count": _count(row, f"{entity}_low_prices"),
            "window_months": None,
        }

    return build


def _usual_duty(row: Row) -> Built:
    own = _number(row, "code_usual_duty")
    others = [
        (other, entity)
        for entity in ("heading", "chapter", "importer")
        if (other := _number(row, f"{entity}_usual_duty")) is not None
    ]
    if own is None or not others:
        return None
    usual, entity = max(others, key=lambda pair: pair[0])
    # Goods are moved to a code with a lower duty: two points and more are worth a look.
    if usual - own < LOWER_DUTY:
        return None
    code = str(row.get("commodity_code") or "")
    return f"usual_duty_{entity}", {
        "rate": own,
        "usual_rate": usual,
        "commodity_code": code,
        "window_months": YEAR_MONTHS,
    }


def _code_of_importer(row: Row) -> Built:
    seen, count = _count(row, "importer_code_items"), _count(row, "importer_items")
    if row.get("importer_id") is None or count < 20 or seen > 0.2 * count:
        return None
    return "code_unusual_for_importer", {
        "seen": seen,
        "count": count,
        "commodity_code": str(row.get("commodity_code") or "")[:6],
        "window_months": None,
    }


def _round_value(row: Row) -> Built:
    return ("round_value", {"value": row["customs_value_amount"]}) if _count(row, "value_trailing_zeros") >= 2 else None


def _below_threshold(row: Row) -> Built:
    near, value = _number(row, "value_to_next_round"), _number(row, "customs_value_amount")
    # Within 3 % under a round amount; on the amount itself it is a round value, not one below it.
    if near is None or value is None or not 0.97 <= near < 1:
        return None
    return "below_threshold", {"value": value, "threshold": round(value / near, 2)}


def _mass_ratio(row: Row) -> Built:
    ratio = _ratio(row, "net_mass_kg", "gross_mass_kg")
    if ratio is None or 0.6 <= ratio <= 1:
        return None
    return "mass_ratio", {"ratio": ratio}


def _tax_inconsistent(row: Row) -> Built:
    gap, declared = _number(row, "tax_gap"), _number(row, "total_tax_amount")
    if gap is None or declared is None or abs(gap) < 0.02 or gap <= -1:
        return None
    return "tax_inconsistent", {"declared": declared, "expected": declared / (1 + gap)}


_BUILDERS: dict[str, Callable[[Row], Built]] = {
    "value_per_kg": _unit_value("value_per_kg", "net_mass_kg"),
    "value_per_unit": _unit_value("value_per_unit", "quantity_unit"),
    "kg_per_unit": _kg_per_unit,
    "duty_rate": _duty_rate,
    "volume_jump_importer": _volume_jump,
    "origin_unusual": _origin_unusual,
    "origin_differs_from_dispatch": _origin_differs,
    "preference_claimed": _preference,
    "consignment_size": _consignment,
    "round_value": _round_value,
    "below_threshold": _below_threshold,
    "mass_ratio": _mass_ratio,
    "tax_inconsistent": _tax_inconsistent,
    **{f"price_habit_{e}": _price_habit(e) for e in ("importer", "declarant", "exporter", "importer_exporter")},
    "usual_duty": _usual_duty,
    "code_of_importer": _code_of_importer,
}


# What a value is divided by.
_BELOW = {"value_per_kg": "net_mass_kg", "value_per_unit": "quantity"}


def _in_order_of(reasons: Sequence[Reason], references: Sequence[Reference]) -> tuple[Reference, ...]:
    """First the reference whose measure the first reason of a value is about: they are read side by side."""
    order = [r.code.rpartition("_")[0] for r in reasons]
    return tuple(sorted(references, key=lambda r: order.index(r.measure) if r.measure in order else len(order)))


def _references(
    row: Row, comparables: Mapping[tuple[str, str | None], tuple[str, ...]], catalog: ReasonCatalog
) -> tuple[Reference, ...]:
    # An amended declaration is no comparable of its own amendment.
    own = f"{row.get('declaration_id')}/"
    found = []
    for measure, levels in catalog.references.items():
        declared = _ratio(row, "customs_value_amount", _BELOW[measure])
        code = str(row.get("commodity_code") or "")
        if declared is not None and (expected := _expected(row, measure)) is not None:
            seen = comparables.get((code, expected.origin_country), ())
            found.append(
                Reference(
                    measure=measure,
                    unit="kg" if measure == "value_per_kg" else str(row.get("quantity_unit") or "unit"),
                    declared=declared,
                    low=expected.low,
                    median=expected.value,
                    high=expected.high,
                    count=expected.count,
                    level=f"{EXPECTED}{expected.basis}",
                    commodity_code=code,
                    origin_country=expected.origin_country,
                    window_days=catalog.window_days,
                    comparables=tuple(c for c in seen if not c.startswith(own)),
                )
            )
            continue
        low, median, high = (_from_log(row, f"{measure}_reference_{c}") for c in ("low", "median", "high"))
        if declared is None or low is None or median is None or high is None:
            continue
        level = levels[_count(row, f"{measure}_reference_level")]
        origin = row.get("origin_country") if level == "code_origin" else None
        found.append(
            Reference(
                measure=measure,
                unit="kg" if measure == "value_per_kg" else str(row.get("quantity_unit") or "unit"),
                declared=declared,
                low=low,
                median=median,
                high=high,
                count=_count(row, f"{measure}_reference_count"),
                level=level,
                commodity_code=code,
                origin_country=origin,
                window_days=catalog.window_days,
                comparables=tuple(c for c in comparables.get((code, origin), ()) if not c.startswith(own)),
            )
        )
    return tuple(found)
