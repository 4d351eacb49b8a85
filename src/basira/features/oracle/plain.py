"""The features once more, slow and obvious: a plain loop over every earlier item, for every item wanted.

Enters: items and outcomes as rows, the items wanted, `as_of`. Leaves: one dictionary of features per item.
Never here: SQL, a running sum, an index. It is the oracle of `basira.features.batch.compute`: written from the
documented meaning, it shares with the SQL only the names, parents, weights and windows of the catalog.
Some thousand items take a second; use it to check a sample, never to serve.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from basira.features.catalog import catalog, feature, habits
from basira.features.catalog.arithmetic import CATEGORIES
from basira.features.catalog.entities import ENTITIES, Entity
from basira.features.catalog.references import BACK_OFF, LEVELS, MINIMUM_COUNT, WINDOW_DAYS
from basira.features.oracle.item import Figure, Row, item_figures, measures
from basira.schema.tables import ITEM_KEY

Key = tuple[Any, ...] | None
ItemKey = tuple[str, int, int]


@dataclass(frozen=True)
class _Past:
    """An item of the history, on the day it was declared."""

    item: Row
    day: int
    keys: Mapping[str, Key]
    levels: Mapping[str, Key]
    measures: Mapping[str, int | None]


@dataclass(frozen=True)
class _Event:
    """What one result added to what was known, on the day it became known."""

    past: _Past
    day: int
    inspected: int
    irregular: int
    cents: int


def plain_features(
    items: Sequence[Row], outcomes: Sequence[Row], wanted: Iterable[ItemKey], *, as_of_day: int
) -> list[dict[str, Figure]]:
    """The features of the items wanted, knowing nothing after ``as_of_day``.

    Parameters
    ----------
    items, outcomes : rows of the schema's tables `ITEMS` and `OUTCOMES`, as dictionaries; None for null.
    wanted : (declaration_id, declaration_version, item_number); repeated or unknown ones are left out.
    as_of_day : last day of history allowed, days since 1970-01-01.

    Returns one dictionary per item wanted, in the order of its key: the key, then the catalog's
    features in 64-bit floats (`compute_features` keeps all but amounts in 32 bits).
    """
    history = _history(items, as_of_day)
    results: dict[str, list[Row]] = defaultdict(list)
    for row in outcomes:
        results[row["declaration_id"]].append(row)
    events = [event for past in history for event in _events(past, results[past.item["declaration_id"]], as_of_day)]
    registered = {past.item["declaration_id"]: past.day for past in history}
    stored = {(row["declaration_id"], row["declaration_version"], row["item_number"]): row for row in items}
    kg, unit = (_market(history, measure) for measure in ("value_per_kg", "value_per_unit"))
    found = []
    for key in sorted(set(wanted) & stored.keys()):
        row = stored[key]
        # As of the day before the first registration, and at the latest as of the end of as_of.
        day = min(row["declared_day"], as_of_day + 1, registered.get(row["declaration_id"], as_of_day + 1))
        known = [event for event in events if event.day < day]
        earlier = [past for past in history if past.day < day]
        siblings = [other for other in items if _document(other) == _document(row)]
        figures: dict[str, Figure] = dict(zip(ITEM_KEY, key, strict=True))
        figures |= _profiles(row, earlier, known, day)
        figures |= _prices(row, day, kg)
        figures |= _expected(row, day, kg)
        figures |= _expected(row, day, unit)
        figures |= _references(row, [past for past in earlier if past.day >= day - WINDOW_DAYS])
        figures |= item_figures(row, siblings)
        figures |= _habits(row, earlier, day, figures)
        figures["potential_duties_amount"] = _potential(row, figures)
        figures |= {f"category_{name}": row[name] for name in CATEGORIES}
        found.append(figures)
    return found


def _document(row: Row) -> tuple[Any, ...]:
    return row["declaration_id"], row["declaration_version"]


# --- what is known, and when -----------------------------------------------------------------------


def _history(items: Sequence[Row], as_of_day: int) -> list[_Past]:
    """Every declaration as first registered, when that was not after ``as_of_day``."""
    first: dict[str, int] = {}
    for row in items:
        if row["declared_day"] <= as_of_day:
            name, version = row["declaration_id"], row["declaration_version"]
            first[name] = min(first.get(name, version), version)
    return [
        _Past(row, row["declared_day"], entity_keys(row), level_keys(row), measures(row))
        for row in items
        if row["declared_day"] <= as_of_day and first[row["declaration_id"]] == row["declaration_version"]
    ]


def _events(past: _Past, outcomes: Sequence[Row], as_of_day: int) -> list[_Event]:
    """The first result counts in full, each later one (a correction) as its difference from the one before.

    ``outcomes``: those of the declaration.
    """
    results = [
        o
        for o in outcomes
        if o["item_number"] in (None, past.item["item_number"])
        and o["is_irregular"] is not None
        and o["known_day"] <= as_of_day
    ]
    results.sort(key=lambda o: (o["known_at"], o["received_at"], o["source"], o["source_row"]))
    events = []
    irregular_before = cents_before = 0
    for n, o in enumerate(results):
        irregular = int(o["is_irregular"])
        cents = int((o["additional_revenue_amount"] or 0) * 100 + 0.5) if irregular else 0
        day = max(o["known_day"], past.day)
        events.append(_Event(past, day, int(n == 0), irregular - irregular_before, cents - cents_before))
        irregular_before, cents_before = irregular, cents
    return events


# --- profiles --------------------------------------------------------------------------------------


def _all_of(*parts: Any) -> Key:
    return None if any(part is None for part in parts) else parts


def _first_word(row: Row) -> str | None:
    """The first run of three or more characters that are neither digits, spaces nor punctuation."""
    # One character for one, as the engine does: no final sigma, and a dotted capital I becomes a plain i.
    text = "".join(c.lower()[0] for c in row["description"] or "")
    for separator in '-0123456789 ,.;:/()+_*"%':
        text = text.replace(separator, " ")
    return next((word for word in text.split(" ") if len(word) >= 3), None)


def entity_keys(row: Row) -> dict[str, Key]:
    """The key of the item under each entity; None when a part of it is missing."""
    code, origin = row["commodity_code"], row["origin_country"]
    importer, exporter, declarant = row["importer_id"], row["exporter_id"], row["declarant_id"]
    mass, word, hs6 = row["net_mass_kg"], _first_word(row), code[:6]
    return {
        "chapter": (code[:2],),
        "heading": (code[:4],),
        "hs6": (hs6,),
        "code": (code,),
        "origin": _all_of(origin),
        "office": _all_of(row["office"]),
        "importer": _all_of(importer),
        "declarant": _all_of(declarant),
        "exporter": _all_of(exporter),
        "importer_code": _all_of(importer, hs6),
        "code_origin": _all_of(code, origin),
        "declarant_importer": _all_of(declarant, importer),
        "exporter_code": _all_of(exporter, hs6),
        "importer_exporter": _all_of(importer, exporter),
        "code_mass": None if mass is None else (code, int(mass * 1000 + 0.5)),  # to the gram
        "word": _all_of(word),
        "word_code": _all_of(word, hs6),
    }


def _profiles(row: Row, earlier: list[_Past], known: list[_Event], day: int) -> dict[str, Figure]:
    everything = catalog.PRIOR_RATE * catalog.PRIOR_WEIGHT + sum(event.irregular for event in known)
    rate = {"all": everything / (catalog.PRIOR_WEIGHT + sum(event.inspected for event in known))}
    figures: dict[str, Figure] = {"all_hit_rate": rate["all"]}
    own = entity_keys(row)
    counted: dict[str, int] = {}
    for entity in ENTITIES:
        key = own[entity.name]
        if key is None:
            figures |= dict.fromkeys(_profile_names(entity))
            continue
        past = [p.day for p in earlier if p.keys[entity.name] == key]
        found = [event for event in known if event.past.keys[entity.name] == key]
        counted[entity.name] = len(past)
        profile = _one_profile(entity, past, found, day, rate[entity.parent])
        rate[entity.name] = profile["hit_rate"]
        figures |= {f"{entity.name}_{name}": value for name, value in profile.items() if name in _measures_of(entity)}
    shares = (("origin_share_of_code", "code_origin", "code"), ("code_share_of_word", "word_code", "word"))
    for name, part, whole in shares:
        figures[name] = (counted[part] + 0.5) / (counted[whole] + 5) if part in counted else None
    return figures


def _one_profile(entity: Entity, past: list[int], known: list[_Event], day: int, parent_rate: float) -> dict[str, Any]:
    """``past``: days of the earlier items of this key. ``known``: its results known by now."""
    inspected = sum(event.inspected for event in known)
    irregular = sum(event.irregular for event in known)
    cents = sum(event.cents for event in known)
    last_year = [event for event in known if event.day >= day - feature.YEAR_DAYS]
    items_year = sum(d >= day - feature.YEAR_DAYS for d in past)
    items_month = sum(d >= day - catalog.MONTH_DAYS for d in past)
    hit_rate = (irregular + entity.weight * parent_rate) / (inspected + entity.weight)
    # Irregularities less retractions of one day: a result corrected the day it came is no irregularity.
    net: dict[int, int] = defaultdict(int)
    for event in known:
        net[event.day] += event.irregular
    bad_days = [d for d, total in net.items() if total > 0]
    return {
        "items": len(past),
        "inspected": inspected,
        "irregular": irregular,
        "hit_rate": hit_rate,
        "items_365d": items_year,
        "hit_rate_365d": (sum(event.irregular for event in last_year) + entity.weight * hit_rate)
        / (sum(event.inspected for event in last_year) + entity.weight),
        "revenue_per_inspection": cents / 100 / (inspected + entity.weight),
        "items_30d": items_month,
        "volume_jump": (items_month + 1) / (items_year / 12 + 1),
        "days_since_last": min(day - max(past), catalog.NEW_DAYS) if past else None,
        "times_seen": min(len(past), catalog.MANY),
        "times_inspected": min(inspected, catalog.MANY),
        "days_since_first": min(day - min(past), catalog.NEW_DAYS) if past else None,
        "days_since_irregular": min(day - max(bad_days), feature.YEAR_DAYS) if bad_days else None,
    }


def _measures_of(entity: Entity) -> set[str]:
    found = {"items", "inspected", "irregular", "hit_rate"}
    is_trader = entity.name in ("importer", "declarant", "exporter")
    if entity.is_long:
        found |= {"items_365d", "hit_rate_365d", "revenue_per_inspection"}
    if is_trader:
        found |= {"items_30d", "volume_jump", "days_since_last"}
    is_pair = entity.name in (
        "importer_code",
        "declarant_importer",
        "exporter_code",
        "importer_exporter",
        "code_mass",
    )
    if is_trader or is_pair:
        found |= {"times_seen", "times_inspected", "days_since_first", "days_since_irregular"}
    return found


def _profile_names(entity: Entity) -> list[str]:
    return [f"{entity.name}_{name}" for name in _measures_of(entity)]


# --- usual and expected prices ---------------------------------------------------------------------

# Of each measure of price: the keys of its levels, from wide to narrow.
_PRICE_KEYS = {
    "value_per_kg": ("heading", "code", "code_origin"),
    "value_per_unit": ("unit_code", "unit_code_origin"),
}


@dataclass(frozen=True)
class _Priced:
    """A price of the history as it counts: in the mean of the widest level, and in those of the narrower ones."""

    keys: Mapping[str, Key]
    week: int
    in_widest: int
    in_others: int


@dataclass(frozen=True)
class _Gapped:
    """An item of the history with a price and a usual one. ``residual``: less its supplier's part on its own day."""

    past: _Past
    week: int
    gap: int
    residual: int


@dataclass(frozen=True)
class _Market:
    """What the history says of one measure of price."""

    measure: str
    priced: Sequence[_Priced]
    gapped: Sequence[_Gapped]


def _market(history: Sequence[_Past], measure: str) -> _Market:
    priced = _prices_of(history, measure)
    gaps = []
    for past in history:
        gap = price_gap(past.item, usual_price(price_keys(past.item, measure), past.day, priced, measure), measure)
        if gap is not None:
            gaps.append(_Gapped(past, past.day // habits.WEEK_DAYS, gap, 0))
    return _Market(
        measure,
        priced,
        [replace(g, residual=_half_away(g.gap - _part(g.past.keys["exporter"], g.week, gaps))) for g in gaps],
    )


def price_keys(row: Row, measure: str) -> dict[str, Key]:
    """The key of the item at each level of a measure's usual price."""
    keys = entity_keys(row) if measure == "value_per_kg" else level_keys(row)
    return {name: keys[name] for name in _PRICE_KEYS[measure]}


def _prices_of(history: Sequence[_Past], measure: str) -> list[_Priced]:
    widest = _PRICE_KEYS[measure][0]
    plain = [
        _Priced(price_keys(past.item, measure), past.day // habits.WEEK_DAYS, price, price)
        for past in history
        if (price := past.measures[measure]) is not None and abs(price) < habits.LARGEST_PRICE
    ]
    found = []
    for own in plain:
        around = [p.in_widest for p in _weeks_before(plain, widest, own.keys[widest], own.week)]
        price = own.in_widest
        if around:
            mean = sum(around) / len(around)
            price = _half_away(mean + _clip(price - mean, habits.PRICE_CLIP))
        found.append(replace(own, in_others=price))
    return found


def _weeks_before(past: Sequence[_Priced], name: str, key: Key, week: int) -> list[_Priced]:
    """The prices of the 52 weeks before ``week`` under this key; none where a part of the key is missing."""
    return [p for p in past if key is not None and p.keys[name] == key and week - habits.WEEKS <= p.week < week]


def _gaps_before(gapped: Sequence[_Gapped], name: str, key: Key, week: int) -> list[_Gapped]:
    """The same of gaps, by an entity's key."""
    return [g for g in gapped if key is not None and g.past.keys[name] == key and week - habits.WEEKS <= g.week < week]


def _clip(x: float, most: int) -> float:
    return max(-most, min(most, x))


def _half_away(x: float) -> int:
    return math.floor(x + 0.5) if x >= 0 else math.ceil(x - 0.5)


def usual_price(keys: Mapping[str, Key], day: int, past: Sequence[_Priced], measure: str) -> float | None:
    """Thousandths of ln: the mean of the widest level, then of each narrower one, shrunk towards the one before."""
    week = day // habits.WEEK_DAYS
    widest, *narrower = _PRICE_KEYS[measure]
    around = [p.in_widest for p in _weeks_before(past, widest, keys[widest], week)]
    if not around:
        return None
    usual = sum(around) / len(around)
    for name in narrower:
        own = [p.in_others for p in _weeks_before(past, name, keys[name], week)]
        usual = (sum(own) + habits.PRICE_WEIGHT * usual) / (len(own) + habits.PRICE_WEIGHT)
    return usual


def price_gap(row: Row, usual: float | None, measure: str) -> int | None:
    price = measures(row)[measure]
    return None if price is None or usual is None else _half_away(_clip(price, habits.LARGEST_PRICE) - usual)


def _part(supplier: Key, week: int, gapped: Sequence[_Gapped]) -> float:
    """What a supplier adds to the usual price, thousandths of ln: its mean gap of 52 weeks, shrunk towards 0."""
    own = _gaps_before(gapped, "exporter", supplier, week)
    return sum(_clip(g.gap, habits.GAP_CLIP) for g in own) / (len(own) + habits.PART_WEIGHT)


def _deviation(code: Key, week: int, gapped: Sequence[_Gapped]) -> float:
    own = [abs(_clip(g.residual, habits.GAP_CLIP)) for g in _gaps_before(gapped, "code", code, week)]
    mean = (sum(own) + habits.SPREAD_WEIGHT * habits.USUAL_SPREAD) / (len(own) + habits.SPREAD_WEIGHT)
    return max(habits.DEVIATION * mean, habits.LEAST_DEVIATION)


def _expected(row: Row, day: int, market: _Market) -> dict[str, Figure]:
    """One measure's expected price, and how far the item is from it."""
    measure, week = market.measure, day // habits.WEEK_DAYS
    keys, own = price_keys(row, measure), entity_keys(row)
    # An item without a price has nothing to compare, and looks nothing up.
    is_compared = measures(row)[measure] is not None
    priced = market.priced if is_compared else ()
    usual = usual_price(keys, day, priced, measure)
    part, deviation = _part(own["exporter"], week, market.gapped), _deviation(own["code"], week, market.gapped)
    gap = price_gap(row, usual, measure)
    residual = None if gap is None else _half_away(gap - part)
    code, origin = _PRICE_KEYS[measure][-2:]
    counts = {
        "code": len(_weeks_before(priced, code, keys[code], week)),
        "origin": len(_weeks_before(priced, origin, keys[origin], week)),
        "supplier": len(_gaps_before(market.gapped, "exporter", own["exporter"], week)) if is_compared else 0,
    }
    name = f"expected_{measure}"
    figures: dict[str, Figure] = {
        name: None if usual is None else (usual + part) / 1000,
        f"{name}_deviation": deviation / 1000,
        f"{measure}_vs_expected": None if residual is None else residual / 1000,
        f"{measure}_expected_z": None if residual is None else residual / deviation,
    }
    return figures | {f"{name}_{whose}_count": count for whose, count in counts.items()}


def _prices(row: Row, day: int, market: _Market) -> dict[str, Figure]:
    """``market``: of the value per kg."""
    usual = usual_price(price_keys(row, "value_per_kg"), day, market.priced, "value_per_kg")
    gap, own = price_gap(row, usual, "value_per_kg"), entity_keys(row)
    figures: dict[str, Figure] = {
        "usual_price": None if usual is None else usual / 1000,
        "price_gap": None if gap is None else gap / 1000,
    }
    for name in habits.GAP_TRADERS:
        if own[name] is None:
            figures |= dict.fromkeys(
                f"{name}_{ending}" for ending in ("price_habit", "low_price_rate", "price_gap", "prices", "low_prices")
            )
            continue
        past = [g.gap for g in market.gapped if g.past.day < day and g.past.keys[name] == own[name]]
        weight = len(past) + habits.GAP_WEIGHT
        habit = sum(_clip(g, habits.GAP_CLIP) for g in past) / 1000 / weight
        low = sum(g < habits.LOW_GAP for g in past)
        figures[f"{name}_price_habit"] = habit
        figures[f"{name}_low_price_rate"] = (low + habits.GAP_WEIGHT * habits.LOW_RATE) / weight
        figures |= {f"{name}_prices": len(past), f"{name}_low_prices": low}
        figures[f"{name}_price_gap"] = None if gap is None else gap / 1000 - habit
    return figures


# --- habits ----------------------------------------------------------------------------------------


def _habits(row: Row, earlier: Sequence[_Past], day: int, figures: Mapping[str, Any]) -> dict[str, Figure]:
    own = entity_keys(row)

    def of(name: str, *, is_year: bool = True) -> list[Row] | None:
        if own[name] is None:
            return None
        first = day - feature.YEAR_DAYS if is_year else -math.inf
        return [past.item for past in earlier if past.keys[name] == own[name] and past.day >= first]

    def usual_duty(name: str) -> float | None:
        past = of(name)
        if past is None or len(past) < feature.MINIMUM_OWN_COUNT:
            return None
        rates = [r["duty_rate"] for r in past if r["duty_rate"] is not None and r["duty_rate"] < 1000]
        return sum(_half_away(rate * habits.DUTY_PARTS) for rate in rates) / habits.DUTY_PARTS / len(past)

    found: dict[str, Figure] = {}
    for name in habits.PREFERENCE_HOLDERS:
        past = of(name)
        claimed = None if past is None else sum(r["preference"] is not None for r in past)
        found[f"preference_vs_{name}"] = (
            None
            if past is None or claimed is None
            else int(row["preference"] is not None) - (claimed + habits.PREFERENCE_RATE) / (len(past) + 1)
        )
    code = usual_duty("code")
    for name in ("chapter", "heading", "importer"):
        found[f"usual_duty_vs_{name}"] = _less(code, usual_duty(name))
    found |= {f"{name}_usual_duty": usual_duty(name) for name in habits.DUTY_HOLDERS}
    found["duty_vs_usual"] = _less(figures["duty_rate_declared"], code)
    mine, all_of_importer = of("importer_code", is_year=False), of("importer", is_year=False)
    found["code_share_of_importer"] = (
        None if mine is None or all_of_importer is None else (len(mine) + 0.5) / (len(all_of_importer) + 2)
    )
    ratios = [r for name in ("kg", "unit") if (r := figures[f"value_per_{name}_vs_reference"]) is not None]
    found["lower_price_ratio"] = min(ratios) if ratios else None
    distance = figures["kg_per_unit_vs_unit_code"]
    found["kg_per_unit_distance"] = None if distance is None else abs(distance)
    return found


def _less(a: float | None, b: float | None) -> float | None:
    return None if a is None or b is None else a - b


# --- reference values ------------------------------------------------------------------------------


def level_keys(row: Row) -> dict[str, Key]:
    """The key of the item at each level of comparables; None when a part of it is missing."""
    code, unit = row["commodity_code"], row["quantity_unit"] or ""
    return {
        "code_origin": _all_of(code, row["origin_country"]),
        "code": (code,),
        "heading": (code[:4],),
        "code_dispatch": _all_of(code, row["dispatch_country"]),
        "exporter_code": _all_of(row["exporter_id"], code[:6]),
        "importer_code": _all_of(row["importer_id"], code[:6]),
        "unit_code_origin": _all_of(code, row["origin_country"], unit),
        "unit_code": (code, unit),
    }


def _quartile(ordered: list[int], quarters: int) -> int:
    """The smallest value that at least ``quarters`` quarters of the values do not exceed."""
    return ordered[-(-len(ordered) * quarters // 4) - 1]


def _references(row: Row, comparables: list[_Past]) -> dict[str, Figure]:
    """``comparables``: items of the 365 days before the item's day."""
    own, keys = measures(row), level_keys(row)
    values: dict[tuple[str, str], list[int]] = {}
    for level in LEVELS:
        key = keys[level.name]
        # An item with none of the level's measures has nothing to compare, and looks nothing up.
        is_compared = key is not None and any(own[m] is not None for m in level.measures)
        pool = [p for p in comparables if p.levels[level.name] == key] if is_compared else []
        for m in level.measures:
            values[level.name, m] = sorted(value for p in pool if (value := p.measures[m]) is not None)
    figures: dict[str, Figure] = {}
    for level in LEVELS:
        for m in level.measures:
            ordered, mine = values[level.name, m], own[m]
            median = _quartile(ordered, 2) if len(ordered) >= feature.MINIMUM_OWN_COUNT else None
            figures[f"{m}_vs_{level.name}"] = None if median is None or mine is None else (mine - median) / 1000
            figures[f"{m}_{level.name}_count"] = len(ordered)
            if m not in level.quartiles:
                figures[f"{m}_{level.name}_median"] = median
    for m, chain in BACK_OFF.items():
        figures |= _reference(m, own[m], [values[name, m] for name in chain])
    return figures


def _reference(m: str, own: int | None, chain: list[list[int]]) -> dict[str, Figure]:
    """The narrowest level with enough comparables; ``chain``: the ordered values, narrowest first."""
    names = ("count", "low", "median", "high", "level")
    index = next((i for i, ordered in enumerate(chain) if len(ordered) >= MINIMUM_COUNT), None)
    if index is None:
        return dict.fromkeys([*(f"{m}_reference_{name}" for name in (*names, "z")), f"{m}_vs_reference"])
    low, median, high = (_quartile(chain[index], quarters) for quarters in (1, 2, 3))
    spread = max((high - low) / catalog.IQR_TO_SIGMA, catalog.SPREAD_FLOOR)
    found = zip(names, (len(chain[index]), low, median, high, index), strict=True)
    return {
        **{f"{m}_reference_{name}": value for name, value in found},
        f"{m}_vs_reference": None if own is None else (own - median) / 1000,
        f"{m}_reference_z": None if own is None else (own - median) / spread,
    }


def _exp(x: float) -> float:
    return math.exp(min(x, 700))


def _potential(row: Row, figures: Mapping[str, Any]) -> float:
    """Duties and taxes at stake: the value, or what the mass is worth at the reference, times the tax share."""
    value = row["customs_value_amount"] or 0
    ratio, usual = figures["value_per_kg_vs_reference"], figures["tax_share_code_median"]
    declared = next((x for x in (figures["tax_share_declared"], figures["duty_rate_declared"]) if x is not None), 1)
    scale = 1.0 if ratio is None else max(1.0, min(20.0, _exp(-ratio)))
    share = max(declared, 0.01, 0 if usual is None or usual >= 10_000 else _exp(usual / 1000))
    return float(value * scale * share)
