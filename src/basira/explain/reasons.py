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
from basira.explain.figures import count_of, from_log_of, number_of, ratio_of
from basira.explain.kinds import kinds_to_verify
from basira.explain.prices import (
    ENOUGH_OF_OWN,
    MOST_LOGGED,
    USUAL_GAP,
    YEAR_MONTHS,
    in_order_of,
    references_of,
    unit_value,
    without_hiding,
)
from basira.explain.strongest import with_kinds_of
from basira.schema.reasons import PastResults, ReasonCatalog
from basira.schema.records import ItemRow, Reason, Reference

Row = ItemRow
Built = tuple[str, dict[str, Any]] | None

# Versions of what is recorded as evidence; a run names its own. 0: what to verify follows the reasons. 1: it is ranked
# by `basira.explain.kinds`, and a description names its word. 2: kinds are tempered, and circumstances are reasons too
# (`basira.explain.circumstances`). 3: no expected price hides what comparables show, more reasons are kept, and what
# the strongest of them speak for is verified too.
KINDS_RANKED = 1
CIRCUMSTANCES = 2
STRONGEST_VERIFIED = 3
EVIDENCE = STRONGEST_VERIFIED
# Evidence weaker than a twentieth of a unit of log-odds (about 5 % on the odds) is not worth a line.
FAINTEST = 0.05
# Reasons that are recorded of an item. Five before version 3: where some were not worth showing, a strong one fell out.
MOST_REASONS = 8
_MOST_BEFORE = 5
# How many items without a gap stand beside a trader's own in its habit (`GAP_WEIGHT` of the features).
GAP_WEIGHT = 3
LOWER_DUTY = 0.02
# A history is worth a line when its rate is a tenth above its parent's.
WORSE = 1.1
# An entity seen on ten items or more, over more than three months, is not new.
NEW_ITEMS = 10
NEW_DAYS = 90


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
    most = MOST_REASONS if version >= STRONGEST_VERIFIED else _MOST_BEFORE
    total = np.stack([contributions[:, groups[f]].sum(axis=1) for f in labels], axis=1) if labels else None
    found = []
    for i, declared in enumerate(rows):
        row = without_hiding(declared) if version >= STRONGEST_VERIFIED else declared
        reasons: list[Reason] = []
        point_at: list[str] = []
        if total is not None:
            for g in np.argsort(-total[i], kind="stable"):
                weight = float(total[i, g])
                if weight < FAINTEST or len(reasons) == most:
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
        references = in_order_of(reasons, references_of(row, comparables or {}, catalog))
        verify = (
            kinds_to_verify(kinds[i], row, is_model_tempered=version >= CIRCUMSTANCES)
            if version >= KINDS_RANKED
            else _to_verify(point_at, kinds[i])
        )
        if version >= STRONGEST_VERIFIED:
            verify = with_kinds_of(reasons, verify, references)
        found.append(Evidence(tuple(reasons), verify, references))
    return found


# As the entity "word" of the catalog takes it; a test holds the two together.
_WORD = re.compile(r'[^-0-9 ,.;:/()+_*"%]{3,}')


def _comparison(code: str, row: Row) -> dict[str, Any]:
    """What a reason is compared with, where its builder gives no figure: the word of a description; how often this
    supplier claims a preference, as a share of its items of the past year (smoothed), and their number."""
    if code == "description_unusual":
        return {"word": _first_word(row)}
    habit, claimed = number_of(row, "preference_vs_exporter"), number_of(row, "is_preference_claimed")
    if code != "preference_claimed" or habit is None or claimed is None or count_of(row, "exporter_items_365d") == 0:
        return {}
    usual = min(1.0, max(0.0, claimed - habit))
    return {"usual_share": usual, "count": count_of(row, "exporter_items_365d"), "window_months": YEAR_MONTHS}


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


def _kg_per_unit(row: Row) -> Built:
    value = ratio_of(row, "net_mass_kg", "quantity")
    median = from_log_of(row, "kg_per_unit_unit_code_median")
    if value is None or not median or abs(value / median - 1) < USUAL_GAP:
        return None
    return f"kg_per_unit_{'low' if value < median else 'high'}", {
        "value": value,
        "unit": row.get("quantity_unit") or "unit",
        "median": median,
        "gap": value / median - 1,
        "count": count_of(row, "kg_per_unit_unit_code_count"),
        "commodity_code": row.get("commodity_code"),
        "origin_country": None,
        "window_months": YEAR_MONTHS,
    }


def _duty_rate(row: Row) -> Built:
    rate = ratio_of(row, "total_tax_amount", "customs_value_amount")
    for level in ("code_origin", "code"):
        usual = from_log_of(row, f"tax_share_{level}_median")
        if rate is None or usual is None or abs(rate / usual - 1) < USUAL_GAP / 2:
            continue
        by_origin = level == "code_origin"
        code = str(row.get("commodity_code") or "")
        return f"duty_rate_{'low' if rate < usual else 'high'}", {
            "rate": rate,
            "usual_rate": usual,
            "count": count_of(row, f"tax_share_{level}_count"),
            "commodity_code": code,
            "origin_country": row.get("origin_country") if by_origin else None,
            "window_months": YEAR_MONTHS,
        }
    declared = number_of(row, "duty_rate")
    return None if declared is None else ("declared_profile", {"field": "duty_rate", "value": declared})


def _history(past: Sequence[PastResults], row: Row) -> Built:
    """The results of the narrowest entity that has some: five at least, or else any from the widest on."""
    seen = [e for e in past if count_of(row, f"{e.entity}_inspected") >= 5] or [
        e for e in reversed(past) if count_of(row, f"{e.entity}_inspected") > 0
    ]
    return _results(seen[0], row) if seen else None


def _results(one: PastResults, row: Row) -> Built:
    irregular, inspected = count_of(row, f"{one.entity}_irregular"), count_of(row, f"{one.entity}_inspected")
    rate, usual = number_of(row, f"{one.entity}_hit_rate"), number_of(row, f"{one.parent}_hit_rate")
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
    share, count = number_of(row, "code_share_of_word"), count_of(row, "word_items")
    # A word seen often, and rarely under this code: the description and the code may disagree.
    if share is not None and count >= 20 and share < 0.2:
        return "description_unusual", {
            "seen": count_of(row, "word_code_items"),
            "count": count,
            "commodity_code": str(row.get("commodity_code") or "")[:6],
            "window_months": None,
        }
    return next((built for one in past if (built := _results(one, row)) is not None), None)


def _new(entity: str, row: Row) -> Built:
    count, days = count_of(row, f"{entity}_items"), number_of(row, f"{entity}_days_since_first")
    if count >= NEW_ITEMS and days is not None and days > NEW_DAYS:
        return None
    return f"new_{entity}", {"days": None if days is None else int(days), "count": count}


def _repeat(past: Sequence[PastResults], row: Row) -> Built:
    (one,) = past
    # Repeats no worse than their code say nothing against this one.
    if (built := _results(one, row)) is None:
        return None
    return one.code, {
        "repeats": count_of(row, f"{one.entity}_items"),
        "inspected": built[1]["inspected"],
        "irregular": built[1]["irregular"],
        "commodity_code": row.get("commodity_code"),
        "net_mass_kg": number_of(row, "net_mass_kg"),
    }


# Families of past results that are worded otherwise than by their rate.
_PAST: Mapping[str, Callable[[Sequence[PastResults], Row], Built]] = {
    "description": _description,
    "repeat_consignment": _repeat,
}


def _volume_jump(row: Row) -> Built:
    month, year = count_of(row, "importer_items_30d"), number_of(row, "importer_items_365d") or 0.0
    if month < 3 or month <= 1.5 * year / 12:
        return None
    return "volume_jump_importer", {"count_30d": month, "usual_30d": year / 12}


def _origin_unusual(row: Row) -> Built:
    share, count = number_of(row, "origin_share_of_code"), count_of(row, "code_items")
    if share is None or count < 20 or share > 0.2 or row.get("origin_country") is None:
        return None
    return "origin_unusual", {
        "origin_country": row["origin_country"],
        "commodity_code": row.get("commodity_code"),
        # The share is smoothed for the model: no number of imports gives it.
        "seen": count_of(row, "code_origin_items"),
        "count": count,
        "window_months": None,
    }


def _origin_differs(row: Row) -> Built:
    if number_of(row, "origin_differs_from_dispatch") != 1:
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
    value, median = number_of(row, "customs_value_amount"), from_log_of(row, "item_value_code_median")
    if value is None or not median or 0.5 < value / median < 2:
        return None
    return f"{'small' if value < median else 'large'}_consignment", {
        "value_amount": value,
        "median": median,
        "count": count_of(row, "item_value_code_count"),
        "commodity_code": row.get("commodity_code"),
        "window_months": YEAR_MONTHS,
    }


def _price_habit(entity: str) -> Callable[[Row], Built]:
    def build(row: Row) -> Built:
        count, habit = count_of(row, f"{entity}_prices"), number_of(row, f"{entity}_price_habit")
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
            "low_count": count_of(row, f"{entity}_low_prices"),
            "window_months": None,
        }

    return build


def _usual_duty(row: Row) -> Built:
    own = number_of(row, "code_usual_duty")
    others = [
        (other, entity)
        for entity in ("heading", "chapter", "importer")
        if (other := number_of(row, f"{entity}_usual_duty")) is not None
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
    seen, count = count_of(row, "importer_code_items"), count_of(row, "importer_items")
    if row.get("importer_id") is None or count < 20 or seen > 0.2 * count:
        return None
    return "code_unusual_for_importer", {
        "seen": seen,
        "count": count,
        "commodity_code": str(row.get("commodity_code") or "")[:6],
        "window_months": None,
    }


def _round_value(row: Row) -> Built:
    return (
        ("round_value", {"value": row["customs_value_amount"]}) if count_of(row, "value_trailing_zeros") >= 2 else None
    )


def _below_threshold(row: Row) -> Built:
    near, value = number_of(row, "value_to_next_round"), number_of(row, "customs_value_amount")
    # Within 3 % under a round amount; on the amount itself it is a round value, not one below it.
    if near is None or value is None or not 0.97 <= near < 1:
        return None
    return "below_threshold", {"value": value, "threshold": round(value / near, 2)}


def _mass_ratio(row: Row) -> Built:
    ratio = ratio_of(row, "net_mass_kg", "gross_mass_kg")
    if ratio is None or 0.6 <= ratio <= 1:
        return None
    return "mass_ratio", {"ratio": ratio}


def _tax_inconsistent(row: Row) -> Built:
    gap, declared = number_of(row, "tax_gap"), number_of(row, "total_tax_amount")
    if gap is None or declared is None or abs(gap) < 0.02 or gap <= -1:
        return None
    return "tax_inconsistent", {"declared": declared, "expected": declared / (1 + gap)}


_BUILDERS: dict[str, Callable[[Row], Built]] = {
    "value_per_kg": unit_value("value_per_kg", "net_mass_kg"),
    "value_per_unit": unit_value("value_per_unit", "quantity_unit"),
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
