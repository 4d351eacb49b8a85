"""Columns of text in their one written form (`schema/text.py`), and the rows that can't have one.

Enters: a field and its column, trimmed. Leaves: the column folded, and a fault for values that hold a character
without a place in an identifier. Never here: what a value means; prose, which stays as it is written.

Nearly every column is plain ASCII, of which every text is in its form already. One look at its bytes says so; of others
each distinct value that is not plain is folded once, by the same functions that messages go through.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
import polars as pl

from basira.ingest.rows.faults import Fault
from basira.schema.fields import CHECKED, IDENTIFIERS, Field
from basira.schema.text import ALLOWED, escape, find_odd, fold_digits, fold_figure, fold_identifier

_NOT_PLAIN = r"[^ -~]|  "
_FORMULA = r'(?s)^="((?:[^"]|"")*)"$'
_APOSTROPHE = r"^['\u2018\u2019][^'\u2018\u2019]+$"


def without_formula(raw: pl.Series) -> pl.Series:
    """The quoted text of cells that are a formula of one text, as exports write codes to keep their zeros.

    >>> without_formula(pl.Series(['="0805100000"', "=A1"])).to_list()
    ['0805100000', '=A1']
    """
    where = raw.str.starts_with('="') & raw.str.contains(_FORMULA)
    if not where.any():
        return raw
    inner = raw.str.replace(_FORMULA, "$1").str.replace_all('""', '"', literal=True).str.strip_chars()
    return inner.set(inner == "", None).zip_with(where.fill_null(False), raw)


def without_apostrophe(raw: pl.Series) -> pl.Series:
    """Codes, numbers and dates without the apostrophe that makes a spreadsheet's cell a text.

    >>> without_apostrophe(pl.Series(["'0805100000", "'", "d'abord"])).to_list()
    ['0805100000', "'", "d'abord"]
    """
    data = _bytes(raw)
    if not ((data == 0x27) | (data == 0xE2)).any():  # of the three marks, the first bytes
        return raw
    where = raw.str.contains(_APOSTROPHE)
    return raw.str.slice(1).str.strip_chars().zip_with(where.fill_null(False), raw) if where.any() else raw


def fold_text(field: Field, raw: pl.Series, *, decimal: str = ".", thousands: str = "") -> pl.Series:
    """The column in its written form; a text of which nothing stays becomes null."""
    if field.is_prose or _is_plain(raw):
        return raw
    fold = _folding(field, decimal, thousands)
    folded = {text: fold(text) or None for text in _odd_ones(raw)}
    changed = {text: one for text, one in folded.items() if one != text}
    return raw.replace(list(changed), pl.Series(list(changed.values()), dtype=pl.String)) if changed else raw


def fold_words(field: Field, words: Mapping[str, str], *, decimal: str = ".", thousands: str = "") -> dict[str, str]:
    """A mapping's translations, in small letters as they are looked for, both sides in the form of the column."""
    fold: Callable[[str], str] = str if field.is_prose else _folding(field, decimal, thousands)
    return {fold(word.strip()).lower(): fold(value) for word, value in words.items()}


def find_odd_rows(field: Field, folded: pl.Series, as_found: pl.Series) -> Fault | None:
    """The rows whose value holds a character that has no place in it; None when there is none.

    The value is shown with codes in place of invisible characters; the position is that in ``as_found``.
    """
    if field.is_prose or field.type not in CHECKED or _is_plain(folded):
        return None
    odd = [text for text in _odd_ones(folded) if find_odd(text) is not None]
    if not odd:
        return None
    mask = folded.is_in(odd).fill_null(False)
    found = as_found.set(~mask, None)
    # What is rejected is distinct in a hostile file, and no more than the rows of a batch.
    places = {text: odd_one.place for text in found.drop_nulls().unique() if (odd_one := find_odd(text)) is not None}
    shown = found.replace({text: escape(text) for text in places})
    return Fault(field.name, "bad_character", ALLOWED, mask, shown, found.replace(places))


def _folding(field: Field, decimal: str, thousands: str) -> Callable[[str], str]:
    if field.type in IDENTIFIERS:
        return fold_identifier
    if field.type in ("commodity", "flag"):
        return fold_digits
    return partial(fold_figure, decimal=decimal, thousands=thousands.strip(" "))


def _odd_ones(raw: pl.Series) -> list[str]:
    return raw.filter(raw.str.contains(_NOT_PLAIN).fill_null(False)).unique().to_list()


def _is_plain(raw: pl.Series) -> bool:
    """Whether the whole column is printable ASCII with single spaces. One look at the bytes of all rows: a quarter of
    what a regular expression takes."""
    data = _bytes(raw)
    if bool(((data - np.uint8(0x20)) > 0x5E).any()):
        return False
    spaces = data == 0x20
    return not bool((spaces[1:] & spaces[:-1]).any())


def _bytes(raw: pl.Series) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """The bytes of all rows, one behind the other."""
    text = raw.to_arrow(compat_level=pl.CompatLevel.oldest()).buffers()[2]
    return np.frombuffer(b"" if text is None else text, np.uint8)
