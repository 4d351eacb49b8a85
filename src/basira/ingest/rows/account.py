"""Every line of a file accounted for: a row, or not data.

Enters: batches, and how many rows were made of each. Leaves: the counts, or a SourceError. Never here: what became of a
row; a line that is in neither count.
"""

from __future__ import annotations

from collections import Counter

from basira.ingest.readers.source import SourceBatch
from basira.ingest.readers.table import NotData
from basira.schema.errors import SourceError

# Lines that are listed one by one; beyond them they are counted only.
MOST_LISTED = 1_000


class LineAccount:
    """The lines of one file. ``listed``: the first of those that are no data, in the order of the file."""

    def __init__(self, file_name: str) -> None:
        self._file_name = file_name
        self.rows = 0
        self.kinds: Counter[str] = Counter()
        self.listed: list[NotData] = []
        self.lines: int | None = None

    @property
    def not_data(self) -> int:
        return self.kinds.total()

    def add(self, batch: SourceBatch, rows: int) -> None:
        """``rows``: of this batch, blank ones not counted."""
        self.rows += rows
        for entry in batch.not_data:
            self.kinds[entry.kind] += entry.count
        self.listed += batch.not_data[: MOST_LISTED - len(self.listed)]
        if blank := len(batch.frame) + len(batch.broken) - rows:
            self.kinds["blank"] += blank
        if batch.lines is not None:
            self.lines = batch.lines

    def check(self) -> None:
        """Raises SourceError when the file has other lines than were accounted for."""
        if self.lines is not None and self.lines != self.rows + self.not_data:
            raise SourceError(
                "Expected each of the {lines:,} lines of {file} to be a row or no data, found {rows:,} rows and "
                "{not_data:,} lines without data. Nothing of it was stored.",
                hint="The file was cut otherwise than its lines: export it again, without line breaks in its cells.",
                lines=self.lines,
                file=self._file_name,
                rows=self.rows,
                not_data=self.not_data,
            )
