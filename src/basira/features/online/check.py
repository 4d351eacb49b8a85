"""Do Python and DuckDB compute the same bits on this machine?

Enters: nothing. Leaves: nothing, or an error before anything is served. Never here: a declaration.

Logarithms and powers come from the machine's C library. Both sides call the same one wherever this was
tried; should a platform's DuckDB carry its own, the last bit could differ, and then serving must not start.
"""

from __future__ import annotations

import math
import struct
from functools import cache

import numpy as np
import pyarrow as pa

from basira.engines.duckdb import open_duckdb
from basira.features.online import functions as ours
from basira.schema.errors import StoreError

# Enough to find a library that rounds one result in a thousand otherwise; some 10 ms.
SAMPLES = 3000


@cache
def check_functions() -> None:
    """Compare every function whose last bit could differ on a fixed sample. Raises StoreError when one does."""
    rng = np.random.default_rng(20)
    wide = np.exp(rng.uniform(-300, 300, SAMPLES)).tolist()
    money = np.round(np.exp(rng.uniform(-3, 30, SAMPLES)), 2).tolist()
    values = [0.0, -0.0, 1.0, 10.0, 1e15, math.inf, *wide, *money]
    exponents = rng.uniform(-750, 750, len(values)).tolist()
    powers = rng.integers(-30, 30, len(values)).astype(float).tolist()
    with open_duckdb(threads=1) as con:
        con.register("sample", pa.table({"x": values, "e": exponents, "p": powers}))
        rows = con.fetch_rows(
            "select x, e, p, ln(x), log10(x), exp(e), pow(10, p), round(x), fmod(x, 1000), floor(x),"
            " cast(cast(x as double) / 3 as double), case when x < 1e38 then cast(x as float) end from sample"
        )
    for x, e, p, *theirs in rows:
        mine = [
            ours.ln(x),
            ours.log10(x),
            ours.exp(e),
            ours.power(10.0, p),
            ours.round_half_away(x),
            ours.fmod(x, 1000.0),
            ours.floor(x),
            x / 3,
            ours.f32(x) if x < 1e38 else None,
        ]
        if list(map(_bits, mine)) != list(map(_bits, theirs)):
            raise StoreError(
                "Expected Python and DuckDB to agree to the last bit, found {mine} and {theirs} for {value}.",
                hint="Score through the batch on this machine, and report its platform.",
                mine=mine,
                theirs=theirs,
                value=(x, e, p),
            )


def _bits(x: float | None) -> bytes | None:
    if x is None:
        return None
    return b"nan" if math.isnan(x) else struct.pack("<d", x)
