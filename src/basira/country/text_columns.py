"""Arrow text columns made of numbers and code lists, without a Python loop.

Enters: numpy arrays. Leaves: Arrow arrays. Never here: the meaning of the columns.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from basira.country.arithmetic import Bools, Ints


def digits(values: Ints, width: int) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    """The last ``width`` decimal digits of each value as ASCII, one row per value."""
    powers = 10 ** np.arange(width - 1, -1, -1, dtype=np.int64)
    return (values[:, None] // powers % 10 + 48).astype(np.uint8)


def literal(text: str, count: int) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    """The same ASCII text on every row."""
    return np.tile(np.frombuffer(text.encode("ascii"), np.uint8), (count, 1))


def letters(values: Ints, width: int) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    """``width`` letters made of each value in base 26."""
    powers = 26 ** np.arange(width - 1, -1, -1, dtype=np.int64)
    return (values[:, None] // powers % 26 + 65).astype(np.uint8)


def join_text(*parts: np.ndarray[tuple[int, int], np.dtype[np.uint8]], is_null: Bools | None = None) -> pa.Array:
    """Join parts of fixed width side by side into one text per row.

    >>> join_text(literal("A-", 2), digits(np.array([7, 42]), 3)).to_pylist()
    ['A-007', 'A-042']
    """
    block = np.ascontiguousarray(np.hstack(parts))
    rows, width = block.shape
    places = pa.py_buffer((np.arange(rows + 1, dtype=np.int32) * width).tobytes())
    text = pa.StringArray.from_buffers(rows, places, pa.py_buffer(block.tobytes()))
    if is_null is None:
        return text
    return pc.if_else(pa.array(~is_null), text, pa.scalar(None, pa.string()))


def encode_text(indices: Ints, values: Sequence[str] | pa.Array, *, is_null: Bools | None = None) -> pa.DictionaryArray:
    """A text column as indices into a list of values."""
    dictionary = values if isinstance(values, pa.Array) else pa.array(values, pa.string())
    return pa.DictionaryArray.from_arrays(pa.array(indices.astype(np.int32), mask=is_null), dictionary)
