"""How a key and a record are written in a profile file, in SQL and in Python, side by side.

Enters: the parts of a key as text; the integers of a profile. Leaves: bytes. Never here: an identifier
in the clear: a file of profiles holds digests of names, not names.

A key is one byte for its relation and 15 of the SHA-256 of its parts, each preceded by its length in
characters, so that ("a", "bc") and ("ab", "c") differ. A record is little-endian, without padding.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from struct import Struct

from basira.features.online.plan import PROFILED, REFERRED, SUMS, profile_columns

# Which declarations the history holds; see `basira.features.online.lookup`.
DECLARATION = "declaration"
RELATIONS: tuple[str, ...] = (*PROFILED, *REFERRED, DECLARATION)
TAGS: dict[str, bytes] = {relation: bytes([n]) for n, relation in enumerate(RELATIONS)}

# Encodes null: a day or a median that does not exist.
NULL = -(2**31)


def key_of(relation: str, parts: Sequence[str]) -> bytes:
    """The key of one relation.

    >>> key_of("importer", ["X"]) == key_of("exporter", ["X"])
    False
    """
    text = "".join([f"{len(part)}:{part}" for part in parts])
    return TAGS[relation] + sha256(text.encode()).digest()[:15]


def key_sql(relation: str, parts: Sequence[str]) -> str:
    """The same as `key_of`, as SQL over the parts' SQL expressions; a blob, null when a part is."""
    text = " || ".join(f"cast(length(cast({p} as varchar)) as varchar) || ':' || cast({p} as varchar)" for p in parts)
    return f"unhex('{TAGS[relation].hex()}' || substr(sha256({text}), 1, 30))"


def record_types(relation: str) -> tuple[tuple[str, str], ...]:
    """Column and NumPy type of each figure of a record."""
    if relation == DECLARATION:
        return (("first_day", "<i4"), ("last_version", "<i4"))
    return tuple((name, "<f8" if name in SUMS else "<i4") for name in profile_columns(relation))


def record_struct(relation: str) -> Struct:
    """Reads a record of this relation."""
    return Struct("<" + "".join("d" if kind == "<f8" else "i" for _, kind in record_types(relation)))
