"""One column that names kinds of irregularity, as the flags of the schema.

Enters: trimmed text and the mapping's words. Leaves: a flag a kind, and faults. Never here: a blank that is compliant.
"""

from __future__ import annotations

import re
from collections.abc import Container

import polars as pl

from basira.ingest.mapping.model import IRREGULARITY_FLAGS, Kinds
from basira.ingest.rows.faults import Fault
from basira.schema.text import fold_identifier

SEPARATORS = r"[,;/+|]"


def parse_kinds(kinds: Kinds, raw: pl.Series) -> tuple[dict[str, pl.Series], list[Fault]]:
    """Field to flags: true where a cell names the kind, false where it names others or none, null where it is empty."""
    words = {fold_identifier(word).lower(): kind for word, kind in kinds.values.items()}
    cells = raw.unique().drop_nulls().to_list()
    found = {cell: {words.get(part) for part in parts_of(cell, words)} for cell in cells}
    known = {cell: named for cell, named in found.items() if None not in named}
    flags = {
        field: raw.replace_strict(
            {cell: kind in named for cell, named in known.items()}, default=None, return_dtype=pl.Boolean
        ).alias(field)
        for field, kind in IRREGULARITY_FLAGS.items()
    }
    bad = raw.is_not_null() & ~raw.is_in(list(known))
    expected = "a kind that 'kinds' of the mapping translates: " + ", ".join(kinds.values)
    return flags, [Fault("kinds", "unknown_kind", expected, bad, raw)] if bad.any() else []


def parts_of(cell: str, words: Container[str]) -> list[str]:
    """The words of a cell: the whole when the mapping has it, else what is between separators."""
    whole = fold_identifier(cell).lower()
    if whole in words:
        return [whole]
    return [part.strip() for part in re.split(SEPARATORS, whole) if part.strip()]
