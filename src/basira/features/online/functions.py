"""DuckDB's scalar functions once more in Python, one value at a time, to the same bit.

Enters: numbers and texts, None for null (callers propagate nulls; only `least` and `greatest` see them).
Leaves: what DuckDB's function of the same name gives. Never here: SQL, profiles, a feature.

Both sides end in the same IEEE arithmetic and the same C library, so ln, log10, exp and pow agree to the
last bit on one machine; `basira.features.online.check` proves it on the machine at hand before anything
is served. Where Python raises (overflow, domain) DuckDB goes on with infinity or NaN, and so do these.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from ctypes import c_float
from datetime import datetime

from basira.schema.errors import UsageError


def f32(x: float) -> float:
    """The nearest 32-bit float; infinite beyond its range, as 32-bit arithmetic is."""
    return c_float(x).value


def cast_f32(x: float) -> float:
    """A cast to a 32-bit float. Raises UsageError where DuckDB's cast stops the batch."""
    found = c_float(x).value
    if math.isinf(found) and not math.isinf(x):
        raise UsageError(
            "Expected figures that a 32-bit number can hold, found {x!r}.",
            hint="Validate the declaration first.",
            x=x,
        )
    return found


def cast_integer(x: float) -> int:
    """A cast of a 64-bit float to an integer: to the nearest, halves to even."""
    if not math.isfinite(x):
        raise UsageError(
            "Expected a finite figure, found {x!r}.",
            hint="Validate the declaration first.",
            x=x,
        )
    return round(x)


def divide(a: float, b: float) -> float:
    """IEEE division: a number over zero is infinite, zero over zero is not a number."""
    if b:
        return a / b
    if not a or math.isnan(a) or math.isnan(b):
        return math.nan
    return math.copysign(math.inf, a) * math.copysign(1.0, b)


def add32(a: float, b: float) -> float:
    return c_float(a + b).value


def sub32(a: float, b: float) -> float:
    return c_float(a - b).value


def mul32(a: float, b: float) -> float:
    return c_float(a * b).value


def divide32(a: float, b: float) -> float:
    return c_float(a / b if b else divide(a, b)).value


# DuckDB's NaN equals itself and is greater than any number.


def equal(a: float, b: float) -> bool:
    return a == b or (a != a and b != b)


def unequal(a: float, b: float) -> bool:
    return not equal(a, b)


def less(a: float, b: float) -> bool:
    return a < b or (b != b and a == a)


def at_most(a: float, b: float) -> bool:
    return a <= b or b != b


def greater(a: float, b: float) -> bool:
    return a > b or (a != a and b == b)


def at_least(a: float, b: float) -> bool:
    return a >= b or a != a


def ln(x: float) -> float:
    if x > 0:
        return math.log(x)
    return -math.inf if x == 0 else math.nan


def log10(x: float) -> float:
    if x > 0:
        return math.log10(x)
    return -math.inf if x == 0 else math.nan


def exp(x: float) -> float:
    try:
        return math.exp(x)
    except OverflowError:
        return math.inf


def power(a: float, b: float) -> float:
    try:
        return math.pow(a, b)
    except OverflowError:
        return math.inf if a > 0 or math.fmod(b, 2) == 0 else -math.inf
    except ValueError:
        # A negative base with a fraction, or zero to a negative power.
        return math.inf if a == 0 else math.nan


def floor(x: float) -> float:
    return float(math.floor(x)) if math.isfinite(x) and x else x


def round_half_away(x: float) -> float:
    """To the nearest whole number, halves away from zero."""
    if not math.isfinite(x):
        return x
    whole = math.floor(abs(x))
    return math.copysign(whole + (abs(x) - whole >= 0.5), x)


def fmod(a: float, b: float) -> float:
    """The remainder as DuckDB takes it, which for quotients beyond 2**53 is not C's."""
    if b == 0 or not math.isfinite(a) or math.isnan(b):
        return math.nan
    if math.isinf(b):
        return math.nan if a == 0 else a
    quotient = a / b
    return a - math.copysign(math.trunc(abs(quotient)), quotient) * b


def greatest(*values: float | None) -> float | None:
    """The greatest, nulls passed over; NaN is greater than any number."""
    found = [v for v in values if v is not None]
    if not found:
        return None
    nan = next((v for v in found if v != v), None)
    return max(found) if nan is None else nan


def least(*values: float | None) -> float | None:
    """The least, nulls passed over; NaN is greater than any number."""
    found = [v for v in values if v is not None]
    if not found:
        return None
    return min((v for v in found if v == v), default=math.nan)


def weekday(moment: datetime) -> int:
    """0 is Sunday."""
    return moment.isoweekday() % 7


def extractor(pattern: str) -> Callable[[str], str]:
    """The first match of the pattern in a text; empty when there is none."""
    search = re.compile(pattern).search

    def extract(text: str) -> str:
        found = search(text)
        return found.group() if found else ""

    return extract


def lower(text: str) -> str:
    """One character for one: a dotted capital I becomes a plain i, and a final sigma is an ordinary one."""
    return text.lower() if text.isascii() else "".join([c.lower()[0] for c in text])
