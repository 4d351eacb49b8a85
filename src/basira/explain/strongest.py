"""The strongest reasons of an item: the few that an officer is shown, out of all that are recorded.

Enters: an item's recorded reasons, what is verified first, its reference values. Leaves: reasons to show, the
strongest first. Never here: a word, a figure of its own; a reason that speaks against what is verified.

The record holds all evidence that raised an item, with its figures. An officer is shown at most three reasons:

- one of each family (prices per kilogram and per unit are one family; newness is shown once, of the trader first);
- none whose figure is near the usual one, such as 4.0 % of irregularities against 3.4 %, or a value inside the
  interval that stands beside it;
- none that speaks against the kind that is verified first, such as a high price where a low value is looked for;
- at most one without a figure and a comparison: a declared field that is associated with irregularities, and says so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from basira.explain.kinds import MOST_KINDS
from basira.schema.records import Figure, ItemAssessment, Reason, Reference

MOST_REASONS = 3
_TRADERS = frozenset({"importer", "exporter", "declarant"})
# Both say that this importer has not declared these goods; one of them is enough of an item.
_NEVER_UNDER_THE_CODE = {"code_unusual_for_importer", "new_importer_code"}
# A price is given by mass or by unit.
PRICE_MEASURES = ("value_per_kg", "value_per_unit")
# A rate of irregularities is shown when it is half as high again as the usual one.
LIFT = 1.5
# A measure is shown when it lies a seventh or more from its median, with five comparables at least.
GAP = 0.15
FEWEST_COMPARABLES = 5
# An expected price rests on ten prices of its code, and the count shown beside it may be of those of its origin alone.
FEWEST_OF_EXPECTED = 3
# A preference is shown when its supplier claims one for half of its items at most.
SELDOM = 0.5
# A trader with fewer items a year is a rare one; its last item lies longer back than a month.
FEW_ITEMS = 10
LONG_AGO_DAYS = 30
# An entity first seen longer ago is not new.
NEW_DAYS = 90

# Of what a reason speaks; codes that are not listed are a family for themselves.
_FAMILIES: Mapping[str, tuple[str, ...]] = {
    "price": ("value_per_kg_low", "value_per_kg_high", "value_per_unit_low", "value_per_unit_high", "usual_price_low"),
    "size": ("small_consignment", "large_consignment"),
    "mass": ("kg_per_unit_low", "kg_per_unit_high", "mass_ratio"),
    "tax": (
        "duty_rate_low", "duty_rate_high", "tax_inconsistent",
        "high_duty_importer", "high_duty_chapter", "low_duty_importer", "low_duty_chapter",
    ),
    "activity": ("activity_importer", "activity_declarant", "activity_exporter", "volume_jump_importer"),
    "origin": ("origin_differs_from_dispatch", "origin_unusual", "preference_claimed"),
    "trader": (
        "history_importer", "history_declarant", "history_exporter", "history_importer_code",
        "history_declarant_importer", "history_exporter_code", "history_importer_exporter",
        "never_inspected_importer", "never_inspected_declarant", "never_inspected_exporter",
    ),
    "association": ("declared_profile",),
    "goods": ("history_code", "history_chapter", "history_code_origin", "history_description", "history_origin"),
    "newness": (
        "new_importer", "new_exporter", "new_declarant", "new_importer_exporter", "new_importer_code",
        "new_exporter_code", "new_declarant_importer",
    ),
    "amount": ("round_value", "below_threshold"),
    "habit": (
        "price_habit_importer", "price_habit_declarant", "price_habit_exporter", "price_habit_importer_exporter",
    ),
    "usual_duty": ("usual_duty_heading", "usual_duty_chapter", "usual_duty_importer"),
}  # fmt: skip
FAMILY_OF: Mapping[str, str] = {code: family for family, codes in _FAMILIES.items() for code in codes}

# The kinds that a reason speaks for; those that are not listed speak for none in particular. A high price is that of
# a mass or a number declared too small, or of another article: no sign of a value declared too low.
SPEAKS_FOR: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(("value_per_kg_low", "value_per_unit_low", "small_consignment"), frozenset({"value"})),
    **dict.fromkeys(("value_per_kg_high", "value_per_unit_high"), frozenset({"quantity", "classification"})),
    **dict.fromkeys(("round_value", "below_threshold", "invoice_differs", "usual_price_low"), frozenset({"value"})),
    **dict.fromkeys(("kg_per_unit_low", "kg_per_unit_high"), frozenset({"quantity", "classification"})),
    "mass_ratio": frozenset({"quantity"}),
    "duty_rate_low": frozenset({"classification", "origin"}),
    "tax_inconsistent": frozenset({"classification", "documents", "value", "origin"}),
    "description_unusual": frozenset({"classification", "prohibited"}),
    **dict.fromkeys(_FAMILIES["habit"], frozenset({"value"})),
    **dict.fromkeys(_FAMILIES["usual_duty"], frozenset({"classification"})),
    **dict.fromkeys(("low_duty_importer", "low_duty_chapter"), frozenset({"classification"})),
    **dict.fromkeys(("origin_differs_from_dispatch", "origin_unusual", "preference_claimed"), frozenset({"origin"})),
}
# The kind that is verified for a reason which speaks for several.
_FIRST_OF_SEVERAL: Mapping[str, str] = {
    "kg_per_unit_low": "quantity",
    "kg_per_unit_high": "quantity",
    "duty_rate_low": "classification",
    "tax_inconsistent": "documents",
    "description_unusual": "classification",
}
# They say little, or nothing about this item: a number without a comparison, the officer's own office, a large amount,
# which the stakes show, or a payment above the usual one.
NEVER_SHOWN = frozenset({"other_profile", "history_office", "large_consignment", "duty_rate_high"})
# A declared field that results go with is worded as an association, once an item, and shown where it weighs: a tenth
# on the odds. The officer's own office is none, nor is a number.
ASSOCIATION = 0.1
_NO_ASSOCIATION = frozenset({"office", "duty_rate"})
# As sources write that no preference is claimed.
_NO_PREFERENCE = frozenset({"N", "NO", "NON", "0", "00", "000", "NONE", "AUCUNE", "SANS"})


def strongest_reasons(item: ItemAssessment, *, already: Sequence[Reason] = ()) -> tuple[Reason, ...]:
    """The reasons to show of an item, at most `MOST_REASONS`, in the order of their weight.

    ``already``: shown of other items of the declaration: the same reason with the same figures is not shown twice, and
    a price of the same goods stands in the same measure where it speaks in both.
    """
    shown: dict[str, Reason] = {}
    wanted = frozenset(item.verify)
    before = {_as_shown(reason) for reason in already}
    measures = measures_of(already)
    for reason in item.reasons:
        family = FAMILY_OF.get(reason.code, reason.code)
        if not _speaks(reason, wanted, item.verify) or not is_worth_showing(reason, item.references):
            continue
        if _as_shown(reason) in before or any(_covers(other, reason) for other in already):
            continue
        if any({reason.code, other.code} == _NEVER_UNDER_THE_CODE for other in shown.values()):
            continue
        if family not in shown or _goes_before(reason, shown[family], measures):
            shown[family] = reason
    return tuple(shown.values())[:MOST_REASONS]


def _as_shown(reason: Reason) -> tuple[object, ...]:
    """What a reader sees of a reason: shares are written in whole percent."""
    figures = sorted(reason.figures.items(), key=str)
    return reason.code, *(
        (name, round(value, 2) if isinstance(value, float) and abs(value) <= 1 else value) for name, value in figures
    )


def _covers(other: Reason, reason: Reason) -> bool:
    """Whether a reason of another item leaves nothing to say for this one.

    A trader that is new is new in each of its pairs. And a second usual price of the same goods, in the same measure
    but found in another way (expected here, comparables there), would stand against the first.
    """
    if FAMILY_OF.get(other.code) == FAMILY_OF.get(reason.code) == "newness":
        trader = other.code.removeprefix("new_")
        return trader in _TRADERS and trader in reason.code.removeprefix("new_").split("_")
    measure = reason.code.rpartition("_")[0]
    return (
        measure in PRICE_MEASURES
        and other.code.startswith(measure)
        and other.figures.get("commodity_code") == reason.figures.get("commodity_code")
        and (other.figures.get("expected") is None) != (reason.figures.get("expected") is None)
    )


def measures_of(reasons: Sequence[Reason]) -> dict[str, str]:
    """The measure in which a price of each good is given: by commodity code, of the first reason that gives one."""
    found: dict[str, str] = {}
    for reason in reasons:
        measure = reason.code.rpartition("_")[0]
        if measure in PRICE_MEASURES:
            found.setdefault(str(reason.figures.get("commodity_code") or ""), measure)
    return found


def _goes_before(reason: Reason, other: Reason, measures: Mapping[str, str]) -> bool:
    """Whether a reason takes the place of another one of its family, which weighs more."""
    if FAMILY_OF.get(reason.code) == "newness":
        return _rank(reason) < _rank(other)
    measure = measures.get(str(reason.figures.get("commodity_code") or ""), "?")
    return reason.code.startswith(measure) and not other.code.startswith(measure)


def with_kinds_of(
    reasons: Sequence[Reason], verify: tuple[str, ...], references: Sequence[Reference]
) -> tuple[str, ...]:
    """What to verify of an item, and after it what its strongest reasons speak for, `MOST_KINDS` in all: what moved the
    score is looked at too, and its reason shown. ``verify``: the most probable kinds; the first of them stays first.
    """
    found = list(verify)
    families: set[str] = set()
    for reason in reasons:
        if len(found) >= MOST_KINDS or len(families) == MOST_REASONS:
            break
        kinds = SPEAKS_FOR.get(reason.code, frozenset())
        # Nothing is verified for a reason that needs another kind to come first, or that is not shown anyway.
        if not _speaks(reason, kinds, verify) or not is_worth_showing(reason, references):
            continue
        families.add(FAMILY_OF.get(reason.code, reason.code))
        if kinds and kinds.isdisjoint(found):
            found.append(_FIRST_OF_SEVERAL.get(reason.code) or next(iter(kinds)))
    return tuple(found)


def _rank(reason: Reason) -> int:
    return _FAMILIES["newness"].index(reason.code)


def _speaks(reason: Reason, wanted: frozenset[str], verify: Sequence[str]) -> bool:
    """Whether it speaks for something that is verified (``wanted``), and not against what is verified first."""
    if reason.code in NEVER_SHOWN or reason.contribution <= 0:
        return False
    if reason.code == "declared_profile":
        return reason.contribution >= ASSOCIATION and reason.figures.get("field") not in _NO_ASSOCIATION
    kinds = SPEAKS_FOR.get(reason.code)
    if kinds is None:
        return True
    is_high_price = reason.code.startswith("value_per_") and reason.code.endswith("_high")
    if is_high_price or reason.code == "small_consignment":
        return bool(verify) and verify[0] in kinds
    return bool(kinds & wanted)


def is_worth_showing(reason: Reason, references: Sequence[Reference] = ()) -> bool:
    """Whether the figures of a reason differ enough from those that they are compared with."""
    if not _holds_against(reason, references):
        return False
    test = _TESTS.get(reason.code)
    if test is None and reason.code.startswith("history_"):
        test = _is_lifted
    return test is None or test(reason.figures)


def _holds_against(reason: Reason, references: Sequence[Reference]) -> bool:
    """Whether the intervals on the page agree: a low price lies under its interval, a high price over it, and a small
    consignment has no price over an interval."""
    if reason.code == "small_consignment":
        return all(reference.declared <= reference.high for reference in references)
    if reason.code == "usual_price_low":
        return all(reference.declared < reference.low for reference in references)
    for measure in PRICE_MEASURES:
        if reason.code.startswith(measure):
            for reference in references:
                if reference.measure == measure:
                    low = reason.code.endswith("_low")
                    return reference.declared < reference.low if low else reference.declared > reference.high
    return True


def _number(figures: Mapping[str, Figure], name: str) -> float:
    value = figures.get(name)
    return float(value) if isinstance(value, int | float) else float("nan")


def _is_lifted(figures: Mapping[str, Figure]) -> bool:
    irregular, inspected = _number(figures, "irregular"), _number(figures, "inspected")
    usual, smoothed = _number(figures, "usual_rate"), _number(figures, "rate")
    if not inspected > 0 or not irregular > 0 or not usual > 0:
        return False
    # The counts are shown and the smoothed rate is believed: both must be lifted.
    return irregular / inspected >= LIFT * usual and smoothed >= LIFT * usual


def _is_repeat_lifted(figures: Mapping[str, Figure]) -> bool:
    irregular, inspected = _number(figures, "irregular"), _number(figures, "inspected")
    return inspected > 0 and irregular / inspected >= 0.1


def _is_far(figures: Mapping[str, Figure]) -> bool:
    fewest = FEWEST_COMPARABLES if figures.get("expected") is None else FEWEST_OF_EXPECTED
    return abs(_number(figures, "gap")) >= GAP and _number(figures, "count") >= fewest


def _is_habit_low(figures: Mapping[str, Figure]) -> bool:
    # Prices above the usual ones speak for the trader.
    return _number(figures, "gap") <= -GAP and _number(figures, "count") >= FEWEST_OF_EXPECTED


def _is_rate_low(figures: Mapping[str, Figure]) -> bool:
    return (
        _number(figures, "rate") <= (1 - GAP) * _number(figures, "usual_rate")
        and _number(figures, "count") >= FEWEST_COMPARABLES
    )


def _is_underpaid(figures: Mapping[str, Figure]) -> bool:
    return _number(figures, "declared") <= 0.97 * _number(figures, "expected")


def _is_small(figures: Mapping[str, Figure]) -> bool:
    return _number(figures, "count") >= FEWEST_COMPARABLES


def _is_new(figures: Mapping[str, Figure]) -> bool:
    # The days stop at half a year: an entity seen seldom for longer is not new.
    return figures.get("days") is None or _number(figures, "days") <= NEW_DAYS


def _is_claimed(figures: Mapping[str, Figure]) -> bool:
    if str(figures.get("preference") or "").strip().upper() in _NO_PREFERENCE | {""}:
        return False
    # Records of earlier versions do not say how often this supplier claims one.
    return figures.get("usual_share") is None or (
        _number(figures, "usual_share") <= SELDOM and _number(figures, "count") >= FEWEST_COMPARABLES
    )


def _is_activity_unusual(figures: Mapping[str, Figure]) -> bool:
    # Few items in a year, none for a month, or a month unlike the others.
    year, month, usual = (_number(figures, name) for name in ("count_365d", "count_30d", "usual_30d"))
    is_month_unusual = month >= LIFT * usual or month <= usual / LIFT
    return year < FEW_ITEMS or _number(figures, "days") >= LONG_AGO_DAYS or is_month_unusual


def _is_duty_high(figures: Mapping[str, Figure]) -> bool:
    return _number(figures, "rate") >= (1 + GAP) * _number(figures, "usual_rate")


def _is_duty_low(figures: Mapping[str, Figure]) -> bool:
    return _number(figures, "rate") <= (1 - GAP) * _number(figures, "usual_rate")


def _is_jump(figures: Mapping[str, Figure]) -> bool:
    return _number(figures, "count_30d") >= LIFT * _number(figures, "usual_30d") > 0


_TESTS: Mapping[str, Callable[[Mapping[str, Figure]], bool]] = {
    **dict.fromkeys(("value_per_kg_low", "value_per_kg_high", "value_per_unit_low", "value_per_unit_high"), _is_far),
    **dict.fromkeys(("kg_per_unit_low", "kg_per_unit_high"), _is_far),
    "usual_price_low": _is_far,
    **dict.fromkeys(_FAMILIES["habit"], _is_habit_low),
    **dict.fromkeys(("activity_importer", "activity_declarant", "activity_exporter"), _is_activity_unusual),
    **dict.fromkeys(("high_duty_importer", "high_duty_chapter"), _is_duty_high),
    **dict.fromkeys(("low_duty_importer", "low_duty_chapter"), _is_duty_low),
    "duty_rate_low": _is_rate_low,
    "tax_inconsistent": _is_underpaid,
    "small_consignment": _is_small,
    "repeat_consignment": _is_repeat_lifted,
    "preference_claimed": _is_claimed,
    "volume_jump_importer": _is_jump,
    **dict.fromkeys(_FAMILIES["newness"], _is_new),
}
