"""Is a source wholly new? Asked of what was parsed of it, before an engine is opened to compare it with the store.

Enters: the rows that can be taken, batch by batch; then the store's files, by the first and last number of each.
Leaves: True where nothing can be repeated, contradictory or amended. Never here: a verdict on a row; a guess: whatever
is not plainly new is compared by the engine.

A file of a month has, most often, numbers that no other has, once each. To compare it with a store through an engine
costs as much as to read some thousand rows of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from basira.feedback.overwritten import FOUND_COLUMNS
from basira.schema.codes import DEFAULT_CURRENCY
from basira.storage.history.store import Snapshot
from basira.storage.history.views import files_near, one_currency

# The numbers of so many rows are held, some 20 MB. Of longer files the engine's share is small.
MOST_ROWS = 250_000


class Novelty:
    """What must be known of a source's rows to say that none of them was there before.

    ``amended``: rows whose source numbers their version above 1.
    """

    def __init__(self) -> None:
        self._numbers: list[pa.Array] = []
        self._rows = 0
        self._currencies: set[str | None] = set()
        self._is_plain = True
        self.amended = 0

    def add(self, items: pa.RecordBatch | None, results: pa.RecordBatch | None) -> None:
        """Rows of the history's tables: declarations, and the results that stand on them."""
        if results is not None and (items is None or _has_findings(results)):
            self._is_plain = False  # of declarations that are elsewhere; or they may equal what was declared
        if items is None:
            return
        self._rows += len(items)
        if not self._is_plain or self._rows > MOST_ROWS:
            self._is_plain, self._numbers = False, []
            return
        self._numbers.append(items.column("declaration_id"))
        self._currencies.update(pc.unique(items.column("value_currency")).to_pylist())
        self.amended += pc.sum(pc.greater(items.column("declaration_version"), 1)).as_py()

    def holds(self, base: Snapshot, written: Sequence[Path]) -> bool:
        """No declaration occurs twice here, none can be in ``base``, and all values are of its one currency.

        ``written``: the files of this source's rows.
        """
        if not self._is_plain or not self._numbers or len(self._currencies) > 1:
            return False
        if pc.count_distinct(pa.chunked_array(self._numbers)).as_py() < self._rows:
            return False
        stored = base.files("items")
        if files_near((*stored, *base.files("outcomes")), written):
            return False
        known, others = one_currency(stored)
        return not others and (
            not stored
            or {name or DEFAULT_CURRENCY for name in self._currencies} <= {name or DEFAULT_CURRENCY for name in known}
        )


def _has_findings(results: pa.RecordBatch) -> bool:
    """Some result gives a figure that was found."""
    return any(results.column(name).null_count < len(results) for name in FOUND_COLUMNS)
