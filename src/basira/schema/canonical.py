"""One JSON text per value, and its digest: what is recorded, hashed and compared, of runs, events and audit alike.

Enters: records, mappings, sequences, numbers, texts, dates; of an event JSON values alone. Leaves: JSON with sorted
keys, no spaces, and floats in the shortest form that reads back to the same bits. Never here: NaN or infinity, which
JSON has not.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Set
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from typing import Any

from basira.schema.errors import UsageError


def canonical_json(value: object) -> str:
    """The canonical JSON of a value. Raises UsageError on NaN, infinity and what is no record.

    >>> canonical_json({"b": (1, 2.5), "a": None})
    '{"a":null,"b":[1,2.5]}'
    >>> canonical_json(float("nan"))
    Traceback (most recent call last):
    ...
    basira.schema.errors.UsageError: Expected finite numbers in what is recorded, found NaN or infinity.
    """
    try:
        return json.dumps(
            value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False, default=_plain
        )
    except ValueError:
        raise UsageError(
            "Expected finite numbers in what is recorded, found NaN or infinity.",
            hint="Use None where there is no number.",
        ) from None


def canonical_values(values: object) -> str:
    """The canonical JSON of JSON values. Raises TypeError or ValueError on anything else, a record or a date too.

    >>> canonical_values({"b": 1.5, "a": None})
    '{"a":null,"b":1.5}'
    """
    return json.dumps(values, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)


def digest(value: object) -> str:
    """SHA-256 of the canonical JSON, in hexadecimal.

    >>> digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    True
    """
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


def _plain(value: Any) -> object:
    """What JSON does not know, as something that it does."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Set):
        return sorted(value)
    if hasattr(value, "item"):  # a NumPy number
        return value.item()
    raise UsageError(
        "Expected records, numbers, texts, dates or collections of them, found a {name}.",
        hint="Convert it before recording it.",
        name=type(value).__name__,
    )
