"""Frauds planted in copies of declarations: what each kind does to a declaration is known, so examples can be made.

Enters: declared items that are not known to be irregular. Leaves: changed copies of some of them, with the kind and the
duties that each would evade. Never here: features (the same SQL computes them from the copies), a result of an
inspection, a declaration of the copy's own day or later, randomness (what is drawn follows from the item's key).

    value           the value falls to 30 to 85 %; mass, quantity, traders and papers stay
    quantity        quantity and value fall to 30 to 85 %, the mass less far or as far; mostly the gross mass stays
    classification  the code becomes another of its chapter, mostly one with a lower duty, half with its description
    origin          the origin becomes one for which a preference was claimed for such goods, with its duty

Taxes follow: they change as the declared rates make them change. Values and masses are rounded as the original was, so
that no artefact of form tells a copy. A copy is an example, not a truth: how much the trees listen to it is chosen on
later results (`basira.models.risk.fit`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# Part of the copies by kind: undervaluation is the first fraud in number and in revenue (domain notes).
PLANTED_KINDS: dict[str, float] = {"value": 0.5, "quantity": 0.15, "classification": 0.2, "origin": 0.15}
# Less than 30 % kept anyone sees; more than 85 % drowns in the spread of honest prices.
LEAST_KEPT, MOST_KEPT = 0.3, 0.85
# A donor of a code or an origin is an item of the year before: its rates were those of the time.
DONOR_DAYS = 365
# So often a false code has a lower duty, and so often the description is written for it.
LOWER_DUTY, REWRITTEN = 0.8, 0.5
# Where taxes are due fraud pays; where none are, seldom.
LEAST_TAX = 0.05
# No registered version has so high a number (`schema.fields`: 9999), so a copy is never the first version.
FIRST_COPY = 10_000

# What a copy may declare otherwise.
CHANGED: tuple[str, ...] = (
    "commodity_code",
    "description",
    "origin_country",
    "preference",
    "quantity",
    "net_mass_kg",
    "gross_mass_kg",
    "customs_value_amount",
    "invoice_amount",
    "duty_rate",
    "vat_rate",
    "duty_amount",
    "vat_amount",
    "excise_amount",
    "total_tax_amount",
)
# What `plant_copies` reads besides.
READ: tuple[str, ...] = (
    "declaration_id",
    "declaration_version",
    "item_number",
    "declared_day",
    "quantity_unit",
    "key",
    "is_eligible",
)
_NUMBERS = frozenset(CHANGED) - {"commodity_code", "description", "origin_country", "preference"}


@dataclass(frozen=True)
class PlantedItems:
    """Copies and as many unlabelled items beside them, one entry per row of ``features``.

    ``features``: as `TrainingItems` has them, computed as of each item's day. ``declared_day``: of the original.
    ``kind``: what was planted, "" in an unlabelled item. ``evaded``: duties and taxes that a copy would evade; NaN
    where unknown, and in unlabelled items.
    """

    features: pl.DataFrame
    declared_day: Ints
    kind: NDArray[np.str_]
    evaded: Floats

    def only(self, rows: NDArray[np.bool_]) -> PlantedItems:
        """Some of the rows."""
        return PlantedItems(
            self.features.filter(pl.Series(rows)), self.declared_day[rows], self.kind[rows], self.evaded[rows]
        )

    @property
    def is_copy(self) -> NDArray[np.bool_]:
        return np.asarray(self.kind != "")


@dataclass(frozen=True)
class _Pool:
    """The items as arrays; NaN where a number, None where a text is missing."""

    frame: pl.DataFrame
    numbers: dict[str, Floats]
    texts: dict[str, NDArray[np.object_]]
    day: Ints
    key: NDArray[np.uint64]

    def drawn(self, rows: Ints, purpose: int) -> Floats:
        return draw_of_keys(self.key[rows], purpose)


def plant_copies(items: pl.DataFrame, *, count: int) -> pl.DataFrame:
    """Plant about ``count`` frauds in copies of ``items``.

    Parameters
    ----------
    items : a sample of first registrations, with the columns `CHANGED` and `READ`. ``key``: a number of the item
        (its hash with the seed, any 60 bits) from which all that is drawn follows. ``is_eligible``: not known to be
        irregular; the others are only donors of codes and origins.
    count : how many; fewer where a kind finds too few items that it could happen to.

    Returns one row per copy, at most one of a kind per declaration: ``declaration_id``, ``item_number``,
    ``of_version`` (the original's), ``declaration_version`` (the copy's, `FIRST_COPY` and above), ``planted_kind``,
    ``evaded_amount`` (duties and taxes less than the original's, never negative; null where those are unknown), and
    `CHANGED` as the copy declares them. By declaration, version.
    """
    pool = _pool(items)
    value, eligible = pool.numbers["customs_value_amount"], items["is_eligible"].to_numpy().astype(bool)
    with np.errstate(all="ignore"):
        tax = np.nan_to_num(pool.numbers["total_tax_amount"] / value, nan=0.0, posinf=0.0, neginf=0.0)
    all_rows = np.arange(len(items))
    # Efraimidis and Spirakis (2006): the smallest of these are a sample weighted by what there is to evade.
    order_key = -np.log(np.maximum(pool.drawn(all_rows, 1), 1e-300)) / (LEAST_TAX + np.clip(tax, 0.0, 1.0))
    of_kind = np.searchsorted(np.cumsum(list(PLANTED_KINDS.values())), pool.drawn(all_rows, 2), side="right")
    found = []
    for number, (kind, share) in enumerate(PLANTED_KINDS.items()):
        can = eligible & (of_kind == number) & (value > 0)
        rows = np.flatnonzero(can)
        rows = _one_a_declaration(pool, rows[np.argsort(order_key[rows], kind="stable")])
        copies = _PLANT[kind](pool, rows, round(count * share))
        found.append(
            copies.with_columns(planted_kind=pl.lit(kind), declaration_version=pl.lit(FIRST_COPY + number, pl.Int32))
        )
    return pl.concat(found).sort("declaration_id", "declaration_version")


def draw_of_keys(key: NDArray[np.uint64], purpose: int) -> Floats:
    """A number from 0 to 1 (not included) for each key, another for each purpose (SplitMix64, Steele 2014).

    >>> draw_of_keys(np.array([7, 7, 8], np.uint64), 1).round(3).tolist()
    [0.39, 0.39, 0.619]
    """
    with np.errstate(over="ignore"):
        z = key.astype(np.uint64) + np.uint64(purpose) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
    return np.asarray((z >> np.uint64(11)).astype(np.float64) * 2.0**-53, dtype=np.float64)


def _pool(items: pl.DataFrame) -> _Pool:
    numbers = {
        c: items[c].cast(pl.Float64).fill_null(float("nan")).to_numpy().astype(np.float64) for c in sorted(_NUMBERS)
    }
    texts = {
        c: np.array(items[c].cast(pl.String).to_list(), dtype=object)
        for c in ("commodity_code", "description", "origin_country", "preference", "quantity_unit", "declaration_id")
    }
    return _Pool(
        items,
        numbers,
        texts,
        items["declared_day"].to_numpy().astype(np.int64),
        items["key"].to_numpy().astype(np.uint64),
    )


def _one_a_declaration(pool: _Pool, rows: Ints) -> Ints:
    """The first row of each declaration: two items of one version can't both be changed alone."""
    _, first = np.unique(pool.texts["declaration_id"][rows].astype(str), return_index=True)
    return rows[np.sort(first)]


def _plant_value(pool: _Pool, rows: Ints, count: int) -> pl.DataFrame:
    rows = rows[:count]
    kept = LEAST_KEPT + (MOST_KEPT - LEAST_KEPT) * pool.drawn(rows, 3)
    return _copies(
        pool, rows, {"customs_value_amount": _as_round(pool.numbers["customs_value_amount"][rows], kept)}, {}
    )


def _plant_quantity(pool: _Pool, rows: Ints, count: int) -> pl.DataFrame:
    quantity, mass = pool.numbers["quantity"], pool.numbers["net_mass_kg"]
    rows = rows[(quantity[rows] > 0) | (mass[rows] > 0)][:count]
    kept = LEAST_KEPT + (MOST_KEPT - LEAST_KEPT) * pool.drawn(rows, 3)
    is_mass = np.isclose(quantity[rows], mass[rows]) | ~(quantity[rows] > 0)
    # Papers may follow the false quantity or the scales: the mass falls by none to all of it. One number declared
    # twice, and a mass without a quantity, fall together.
    mass_kept = np.where(is_mass, kept, kept ** pool.drawn(rows, 4))
    gross_kept = np.where(pool.drawn(rows, 5) < 0.25, mass_kept, 1.0)
    numbers = {
        "customs_value_amount": _as_round(pool.numbers["customs_value_amount"][rows], kept),
        "quantity": _as_round(quantity[rows], kept),
        "net_mass_kg": _as_round(mass[rows], mass_kept),
        "gross_mass_kg": _as_round(pool.numbers["gross_mass_kg"][rows], gross_kept),
        "excise_amount": np.round(pool.numbers["excise_amount"][rows] * kept, 2),
    }
    return _copies(pool, rows, numbers, {})


def _plant_classification(pool: _Pool, rows: Ints, count: int) -> pl.DataFrame:
    code, unit, claims = pool.texts["commodity_code"], pool.texts["quantity_unit"], pool.texts["preference"]
    group = np.array([f"{c[:2]}|{u}|{p is not None}" for c, u, p in zip(code, unit, claims, strict=True)], dtype=object)
    duty, lower = pool.numbers["duty_rate"], pool.drawn(np.arange(len(code)), 6) < LOWER_DUTY

    def rank(row: int, donors: Ints) -> Ints:
        fits = code[donors] != code[row]
        if lower[row] and np.isfinite(duty[row]):
            fits &= duty[donors] < duty[row]
        return np.where(fits, 0, -1)

    rows, donors = _with_donors(pool, rows, np.arange(len(code)), group, rank, count)
    is_rewritten = pool.drawn(rows, 7) < REWRITTEN
    value = pool.numbers["customs_value_amount"]
    # Excise of the other goods, for this value.
    with np.errstate(all="ignore"):
        excise = np.round(pool.numbers["excise_amount"][donors] / value[donors] * value[rows], 2)
    excise = np.where(np.isfinite(excise), excise, np.nan)
    numbers = {n: pool.numbers[n][donors] for n in ("duty_rate", "vat_rate")} | {"excise_amount": excise}
    description = np.where(is_rewritten, pool.texts["description"][donors], pool.texts["description"][rows])
    return _copies(pool, rows, numbers, {"commodity_code": code[donors], "description": description})


def _plant_origin(pool: _Pool, rows: Ints, count: int) -> pl.DataFrame:
    code, origin, claims = pool.texts["commodity_code"], pool.texts["origin_country"], pool.texts["preference"]
    group = np.array([c[:2] for c in code], dtype=object)
    duty = pool.numbers["duty_rate"]
    has_claim = np.array([p is not None for p in claims], dtype=bool)
    may_give = np.flatnonzero(has_claim & np.array([o is not None for o in origin], dtype=bool))
    rows = rows[~has_claim[rows] & ~(duty[rows] <= 0)]

    def rank(row: int, donors: Ints) -> Ints:
        """The same code first, then its heading, then its chapter."""
        near = np.fromiter(
            ((code[d] != code[row]) + (code[d][:4] != code[row][:4]) for d in donors), np.int64, len(donors)
        )
        fits = (origin[donors] != origin[row]) & ~(duty[donors] >= duty[row])
        return np.where(fits, near, -1)

    rows, donors = _with_donors(pool, rows, may_give, group, rank, count)
    texts = {"origin_country": origin[donors], "preference": claims[donors]}
    return _copies(pool, rows, {"duty_rate": duty[donors]}, texts)


_PLANT: dict[str, Callable[[_Pool, Ints, int], pl.DataFrame]] = {
    "value": _plant_value,
    "quantity": _plant_quantity,
    "classification": _plant_classification,
    "origin": _plant_origin,
}


def _with_donors(
    pool: _Pool,
    rows: Ints,
    may_give: Ints,
    group: NDArray[np.object_],
    rank: Callable[[int, Ints], Ints],
    count: int,
) -> tuple[Ints, Ints]:
    """The first ``count`` of ``rows`` that have a donor, and each one's.

    A donor is of the same group and of the year before the row's day. Of those of the lowest rank (below 0: none), the
    one whose key mixed with the row's is the least: it depends on no order.
    """
    by_group: dict[str, tuple[Ints, Ints]] = {}
    ordered = may_give[np.lexsort((pool.key[may_give], pool.day[may_give]))]
    names, starts = np.unique(group[ordered].astype(str), return_inverse=True)
    for number, name in enumerate(names):
        members = ordered[starts == number]
        by_group[name] = (members, pool.day[members])
    taken: list[Ints] = []
    given: list[Ints] = []
    for row in rows:
        if len(taken) == count:
            break
        members, days = by_group.get(group[row], (ordered[:0], pool.day[:0]))
        low, high = np.searchsorted(days, (pool.day[row] - DONOR_DAYS, pool.day[row]))
        donors = members[low:high]
        ranks = rank(int(row), donors)
        if not (ranks >= 0).any():
            continue
        donors = donors[ranks == ranks[ranks >= 0].min()]
        drawn = draw_of_keys(pool.key[donors] ^ pool.key[row], 8)
        taken.append(row)
        given.append(donors[np.argmin(drawn)])
    return np.array(taken, dtype=np.int64), np.array(given, dtype=np.int64)


def _copies(pool: _Pool, rows: Ints, numbers: dict[str, Floats], texts: dict[str, NDArray[np.object_]]) -> pl.DataFrame:
    """The rows as they declare ``numbers`` and ``texts`` instead, invoice and taxes following."""
    before = {n: pool.numbers[n][rows] for n in _NUMBERS}
    after = before | numbers
    kept = after["customs_value_amount"] / before["customs_value_amount"]
    after["invoice_amount"] = np.round(before["invoice_amount"] * kept, 2)
    (duty, vat, taxes), (was_duty, was_vat, was_taxes) = _taxes(after), _taxes(before)
    # Each as it was declared, times what the declared rates make of the change: what was suspended stays so.
    for name, is_due, was_due in (
        ("duty_amount", duty, was_duty),
        ("vat_amount", vat, was_vat),
        ("total_tax_amount", taxes, was_taxes),
    ):
        changed = np.where(np.isfinite(is_due) & (was_due > 0), is_due / np.where(was_due > 0, was_due, 1.0), kept)
        after[name] = np.round(before[name] * changed, 2)
    evaded = np.maximum(0.0, before["total_tax_amount"] - after["total_tax_amount"])
    frame = pool.frame[rows].select(
        "declaration_id", "item_number", pl.col("declaration_version").alias("of_version"), *CHANGED
    )
    new = [pl.Series(n, after[n], dtype=pl.Float64, nan_to_null=True) for n in sorted(_NUMBERS)]
    new += [pl.Series(n, list(values), dtype=pl.String) for n, values in texts.items()]
    return frame.with_columns(*new, pl.Series("evaded_amount", evaded, dtype=pl.Float64, nan_to_null=True))


def _taxes(of: dict[str, Floats]) -> tuple[Floats, Floats, Floats]:
    """Duty, VAT on value, duty and excise, and all of them together; NaN where a rate is unknown."""
    value, excise = of["customs_value_amount"], np.nan_to_num(of["excise_amount"])
    duty = value * of["duty_rate"]
    vat = (value + duty + excise) * of["vat_rate"]
    return duty, vat, duty + excise + vat


def _as_round(amount: Floats, kept: Floats) -> Floats:
    """A share of each amount, as round as the amount is and never nothing: whole pieces stay whole.

    >>> _as_round(np.array([1000.0, 7.0, 12.34]), np.array([0.337, 0.4, 0.5])).tolist()
    [340.0, 3.0, 6.17]
    """
    unit = np.full(len(amount), 0.001)
    for power in (0.01, 0.1, 1.0, 10.0, 100.0, 1000.0):
        divides = np.abs(amount / power - np.round(amount / power)) < 1e-6
        # Of larger units only those that leave it two figures or three: a share of 1,000 is some tens.
        unit = np.where(divides & ((power <= 1) | (amount >= 100 * power)), power, unit)
    return np.asarray(np.round(np.maximum(unit, np.round(amount * kept / unit) * unit), 3), dtype=np.float64)
