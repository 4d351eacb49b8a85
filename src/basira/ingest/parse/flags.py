"""Truth values, in the words of six languages.

Enters: trimmed text. Leaves: true, false or null, and faults. Never here: a blank that is false.
"""

from __future__ import annotations

import polars as pl

from basira.ingest.rows.faults import Fault
from basira.schema.fields import Field

_TRUE = (
    "1",
    "1.0",
    "true",
    "t",
    "yes",
    "y",
    "oui",
    "o",
    "vrai",
    "نعم",
    "si",
    "sí",
    "s",
    "sim",
    "verdadero",
    "verdadeiro",
    "evet",
    "e",
    "var",
)
_FALSE = (
    "0",
    "0.0",
    "false",
    "f",
    "no",
    "n",
    "non",
    "faux",
    "لا",
    "não",
    "nao",
    "falso",
    "hayır",
    "hayir",
    "h",
    "yok",
)
FLAG_WORDS: dict[str, bool] = {**dict.fromkeys(_TRUE, True), **dict.fromkeys(_FALSE, False)}


def parse_flag(field: Field, raw: pl.Series) -> tuple[pl.Series, list[Fault]]:
    """True, false, or null when there is nothing."""
    values = raw.str.to_lowercase().replace_strict(FLAG_WORDS, default=None, return_dtype=pl.Boolean)
    bad = raw.is_not_null() & values.is_null()
    return values, [
        Fault(field.name, "bad_flag", "yes or no (1/0, oui/non, true/false)", bad, raw)
    ] if bad.any() else []
