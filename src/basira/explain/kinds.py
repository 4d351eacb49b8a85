"""Which kind of irregularity an item's own figures point at, so that the most probable one is verified first.

Enters: an item's features, the probabilities that the model gives the kinds. Leaves: kinds with their shares, the
largest first. Never here: whether the item is irregular; a word.

The model learns a kind where enough results name it, and gives the others one share for all items. Results seldom
name origin or classification, so these would never come first. Four signs in the figures tell the kinds apart, and
they need no result:

    value           a unit value far under its comparables, with the usual mass per unit
    quantity        a mass per unit away from its comparables, or a net mass small for the gross one
    origin          a preference that this supplier and this importer seldom claim, goods sent from elsewhere
    classification  a description seldom declared under this code, a code that pays less than its heading, no low price

Each sign adds to the logarithm of the kind's share. The weights are rounded by hand, and were looked at on two
simulated worlds; `benchmarks/explain_kinds.py` measures them on others.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from basira.schema.codes import IRREGULARITY_KINDS
from basira.schema.records import ItemRow

Row = ItemRow

# Shares of the kinds among irregular items before anything is known: values first by far, as the administration's own
# figures say (domain notes, section 2); the rest is assumed.
USUAL_SHARES: Mapping[str, float] = {
    "value": 0.6,
    "classification": 0.12,
    "quantity": 0.12,
    "origin": 0.1,
    "documents": 0.03,
    "prohibited": 0.01,
}
# A share that the model gives a kind is not believed to be smaller.
SMALLEST_SHARE = 0.01
# The usual shares keep a tenth beside the model's: it has seen few results, and names of kinds are wrong at times.
_USUAL_PART = 0.1
# The signs count less than they say: they are not independent of one another, and where the model knows kinds it has
# read the same figures, so that they would count twice.
_WEIGHT = 0.85
_WEIGHT_BESIDE_MODEL = 0.6
# A kind below this share is not worth an officer's minute; three kinds at most.
WORTH_A_LOOK = 0.06
MOST_KINDS = 3
# A word seen on fewer items says nothing of its usual code.
_FEWEST_WORDS = 10


def rank_kinds(
    kinds: Mapping[str, float], row: Row, *, is_model_tempered: bool = True
) -> tuple[tuple[str, float], ...]:
    """Every kind with its share among the ways in which this item may be irregular, the largest first; they sum to 1.

    Parameters
    ----------
    kinds : the model's probability of each kind; empty, all 0 or all the same: it knows nothing of kinds.
    row : the item's features and declared values by name; what is absent or null is no sign.
    is_model_tempered : the model's shares are held against the usual ones, the signs count less beside them, and the
        usual price stands in for comparables; False: as before, to make a run of then again.
    """
    signs, known = _signs(row, is_usual_price_read=is_model_tempered), _known(kinds)
    shares = USUAL_SHARES if known is None else _shares(known, _USUAL_PART if is_model_tempered else 0.0)
    weight = _WEIGHT_BESIDE_MODEL if is_model_tempered and known is not None else _WEIGHT
    logs = {kind: math.log(share) + weight * signs.get(kind, 0.0) for kind, share in shares.items()}
    most = max(logs.values())
    odds = {kind: math.exp(value - most) for kind, value in logs.items()}
    total = sum(odds.values())
    ranked = sorted(odds.items(), key=lambda pair: (-pair[1], IRREGULARITY_KINDS.index(pair[0])))
    return tuple((kind, value / total) for kind, value in ranked)


def kinds_to_verify(kinds: Mapping[str, float], row: Row, *, is_model_tempered: bool = True) -> tuple[str, ...]:
    """The kinds worth an officer's minute, the most probable first; at least one, at most `MOST_KINDS`."""
    ranked = rank_kinds(kinds, row, is_model_tempered=is_model_tempered)[:MOST_KINDS]
    return tuple(kind for place, (kind, share) in enumerate(ranked) if place == 0 or share >= WORTH_A_LOOK)


def _known(kinds: Mapping[str, float]) -> Mapping[str, float] | None:
    """The model's probabilities of the kinds; None where it knows nothing of kinds."""
    known = {kind: p for kind, p in kinds.items() if kind in USUAL_SHARES and math.isfinite(p)}
    total = sum(known.values())
    # A model without one recorded kind gives all of them the same.
    if total <= 0 or (len(known) > 1 and max(known.values()) - min(known.values()) < 1e-9 * total):
        return None
    return known


def _shares(known: Mapping[str, float], usual_part: float) -> Mapping[str, float]:
    total = sum(known.values())
    return {
        kind: max((1 - usual_part) * known.get(kind, 0.0) / total + usual_part * usual, SMALLEST_SHARE)
        for kind, usual in USUAL_SHARES.items()
    }


def _signs(row: Row, *, is_usual_price_read: bool) -> dict[str, float]:
    """What the figures add to the logarithm of each kind's share."""
    prices = [p for p in (_number(row, f"value_per_{by}_vs_reference") for by in ("kg", "unit")) if p is not None]
    lowest = min(prices, default=_number(row, "price_gap") if is_usual_price_read else None)
    mass = abs(_number(row, "kg_per_unit_vs_unit_code") or 0.0)
    net = _number(row, "net_to_gross_mass")
    value = 0.0
    if lowest is not None:
        # A price at the usual level speaks against a wrong value; ln ratios, -0.5 is 40 % under the median.
        value = 2.2 * _within(-lowest, 0.0, 1.0) if lowest < -0.1 else (-1.0 if lowest > -0.02 else 0.0)
    quantity = 1.0 * _within((mass - 0.08) / 0.15, 0.0, 1.5)
    if net is not None:
        quantity += 2.6 * _within((0.85 - net) / 0.1, -0.3, 1.5)
    classification = _description_signs(row) + 1.2 * _within((mass - 0.08) / 0.15, 0.0, 1.0)
    if lowest is not None and lowest > -0.1:
        classification += 0.7
    return {"value": value, "quantity": quantity, "origin": _origin_signs(row), "classification": classification}


def _description_signs(row: Row) -> float:
    found = 0.0
    share = _number(row, "code_share_of_word")
    if share is not None and (_number(row, "word_items") or 0) >= _FEWEST_WORDS:
        found += 1.5 * _within((0.3 - share) / 0.2, -0.5, 1.2)
    duty = _number(row, "usual_duty_vs_heading")
    if duty is not None:
        found += 1.2 * _within(-duty / 0.04, -0.5, 1.2)
    return found


def _origin_signs(row: Row) -> float:
    if _number(row, "is_preference_claimed") != 1:
        # Without a preference an origin saves nothing, save where a rule forbids it.
        return -3.0
    habits = [h for h in (_number(row, f"preference_vs_{who}") for who in ("exporter", "importer")) if h is not None]
    found = 0.9 if _number(row, "origin_differs_from_dispatch") == 1 else -1.5
    if habits:
        found += 2.0 * _within(max(habits) / 0.5, 0.0, 1.6) + 0.8 * _within(min(habits) / 0.4, 0.0, 1.0)
    return found


def _within(value: float, low: float, high: float) -> float:
    return max(low, min(high, value))


def _number(row: Row, name: str) -> float | None:
    value = row.get(name)
    if value is None:
        return None
    number = float(value)
    return number if math.isfinite(number) else None
