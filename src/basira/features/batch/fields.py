"""Which fields of a declaration the features read.

Enters: nothing. Leaves: names of fields. Never here: a list written by hand: it is read off the statements that run.
"""

from __future__ import annotations

import re
from functools import cache

from basira.features.batch.sql import join_statement, prepare_statements
from basira.schema.fields import DECLARATION_FIELDS, ITEM_FIELDS

# What names a row, and is no fact of it.
_KEYS = frozenset({"declaration_id", "declaration_version", "item_number"})


@cache
def split_fields() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The fields of declarations and items that some feature reads, and those that none does, in the schema's order.

    >>> read, unread = split_fields()
    >>> "origin_country" in read, "manifest_id" in unread
    (True, True)
    """
    text = " ".join([*(part for table in prepare_statements("wanted") for part in table), join_statement(())])
    words = frozenset(re.findall(r"\w+", text))
    names = [one.name for one in (*DECLARATION_FIELDS, *ITEM_FIELDS) if one.name not in _KEYS]
    return tuple(name for name in names if name in words), tuple(name for name in names if name not in words)
