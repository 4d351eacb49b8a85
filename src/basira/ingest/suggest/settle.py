"""What one column leaves open, decided by the others of its file.

Enters: the profiles of all columns. Leaves: the same, with the ways of writing that others prove. Never here: a choice
that nothing proves: it stays in doubt.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from itertools import combinations

import numpy as np
import polars as pl

from basira.ingest.parse.dates import parse_timestamps
from basira.ingest.suggest.dates import DateGuess
from basira.ingest.suggest.numbers import NumberGuess, Style, as_floats, plain_numbers
from basira.ingest.suggest.profile import Profile
from basira.schema.fields import DECLARATION_FIELDS

# Rows and columns that sums and products are tried on.
_ROWS = 2_000
_COLUMNS = 12
_AGREE = 0.95
_MANY = 10
_DECLARED = next(field for field in DECLARATION_FIELDS if field.name == "declared_at")


def settle(profiles: dict[str, Profile]) -> dict[str, Profile]:
    """Decide dates by columns that prove an order and by the order of rows; numbers by sums and products, then by the
    marks of other columns."""
    dated = _settle_dates(profiles)
    counted = _settle_by_arithmetic(dated)
    return _settle_by_marks(counted)


def _settle_dates(profiles: dict[str, Profile]) -> dict[str, Profile]:
    proved: dict[str, str] = {}
    for name, profile in profiles.items():
        guess = profile.dates
        if guess is not None and guess.is_sure and guess.order and guess.share > 0.9:
            proved.setdefault(guess.order, name)
    settled = dict(profiles)
    for name, profile in profiles.items():
        guess = profile.dates
        if guess is None or not guess.orders:
            continue
        proving = [order for order in proved if order in guess.orders]
        rising = _rising_order(profile, guess) if not proving else None
        if len(proved) == 1 and proving:
            note = f"the order of day and month is that of {proved[proving[0]]!r}"
            settled[name] = replace(profile, dates=guess.decide(proving[0], note))
        elif rising is not None:
            settled[name] = replace(profile, dates=guess.decide(rising, "read so, the dates rise from row to row"))
    return settled


def _rising_order(profile: Profile, guess: DateGuess) -> str | None:
    """The only order by which the dates never fall from row to row, while they do by every other one."""
    rising: dict[str, float] = {}
    for order in guess.orders:
        moments, _ = parse_timestamps(
            _DECLARED,
            profile.column.head(_ROWS),
            formats=guess.formats_of(order),
            day_first=False,
            earliest=date(1900, 1, 1),
            latest=date(2100, 1, 1),
        )
        steps = moments.drop_nulls().to_numpy().astype("datetime64[s]").astype(np.int64)
        moves = np.diff(steps)
        moves = moves[moves != 0]
        if len(moves) < _MANY or not isinstance(moments.min(), datetime):
            return None
        rising[order] = float((moves > 0).mean())
    whole = [order for order, share in rising.items() if share == 1.0]
    others = [share for order, share in rising.items() if order not in whole]
    return whole[0] if len(whole) == 1 and all(share < _AGREE for share in others) else None


def _settle_by_marks(profiles: dict[str, Profile]) -> dict[str, Profile]:
    """A file writes decimals in one way: columns that show which decide those that don't."""
    shown = {
        profile.numbers.decimal: name
        for name, profile in profiles.items()
        if profile.numbers.is_evidence and profile.number_share > 0.9 and not _is_code(profile)
    }
    if len(shown) != 1:
        return profiles
    ((decimal, name),) = shown.items()
    return {
        column: _decide(profile, str(decimal), f"decimals are written as in {name!r}", by_marks=True)
        if profile.numbers.other is not None
        else profile
        for column, profile in profiles.items()
    }


def _is_code(profile: Profile) -> bool:
    """Codes with points (6109.10) show nothing of numbers, nor do dates."""
    return bool(profile.codes.lost) or (profile.dates is not None and profile.dates.share > 0.5)


def _decide(profile: Profile, decimal: str, note: str, *, by_marks: bool = False) -> Profile:
    guess = profile.numbers.decide(decimal, note, by_marks=by_marks)
    known = as_floats(plain_numbers(profile.column.drop_nulls().unique())[0], guess.style).drop_nulls().to_numpy()
    if not len(known):
        return profile
    return replace(profile, numbers=guess, lowest=float(known.min()), highest=float(known.max()))


def _settle_by_arithmetic(profiles: dict[str, Profile]) -> dict[str, Profile]:
    """A column that is the sum or the product of others in one of its readings, and not in the other."""
    readings: dict[str, list[tuple[Style, np.ndarray]]] = {}
    numeric = [name for name, profile in profiles.items() if profile.number_share > 0.9 and not _is_code(profile)]
    if not any(profiles[name].numbers.other is not None for name in numeric):
        return profiles
    for name in numeric[:_COLUMNS]:
        text, _ = plain_numbers(profiles[name].column.head(_ROWS))
        guess = profiles[name].numbers
        styles = [guess.style] if guess.other is None else [guess.style, guess.other]
        readings[name] = [(style, _values(text, style, guess)) for style in styles]
    settled = dict(profiles)
    for name, ways in readings.items():
        if len(ways) < 2:
            continue
        sure = {other: found[0][1] for other, found in readings.items() if other != name and len(found) == 1}
        proved = {style[0]: parts for style, values in ways if (parts := _parts_of(values, sure))}
        if len(proved) == 1:
            ((decimal, parts),) = proved.items()
            settled[name] = _decide(profiles[name], decimal, f"so it agrees with {' and '.join(map(repr, parts))}")
    return settled


def _values(text: pl.Series, style: Style, guess: NumberGuess) -> np.ndarray:
    values = as_floats(text, style).cast(pl.Float64).to_numpy().astype(float)
    return values / 100 if guess.has_percent_sign else values


def _parts_of(total: np.ndarray, sure: dict[str, np.ndarray]) -> tuple[str, ...]:
    """The columns of which this one is the product, also in percent, or the sum; empty when there are none."""
    for count in (2, 3):
        for names in combinations(sure, count):
            parts = np.array([sure[name] for name in names])
            candidates = [parts.sum(axis=0)]
            if count == 2:
                candidates += [parts.prod(axis=0), parts.prod(axis=0) / 100]
            if any(_agree(total, made) for made in candidates) and all(len(set(part)) > 2 for part in parts):
                return names
    return ()


def _agree(total: np.ndarray, made: np.ndarray) -> bool:
    both = np.isfinite(total) & np.isfinite(made) & (total != 0)
    if both.sum() < _MANY:
        return False
    near = np.abs(total[both] - made[both]) <= np.maximum(0.005 * np.abs(total[both]), 0.01)
    return bool(near.mean() >= _AGREE)
