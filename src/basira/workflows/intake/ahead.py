"""Small files of one call, read and parsed several at a time, before their turn comes.

Enters: the sources of a call, in order. Leaves: of a file, at its turn, what was parsed of it, if it still is what was
read. Never here: a commit; an error: a file that can't be read is read again at its turn, and says so then; more text
in memory than one block of a large file.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from basira.ingest.mapping.columns import without_absent
from basira.ingest.mapping.model import Mapping
from basira.ingest.mapping.numbering import numbered, numbering_mapping
from basira.ingest.readers.source import Source, SourceBatch, digest_source, source_of
from basira.schema.errors import BasiraError
from basira.workflows.intake.parsing import TakenBatch, parse_together

# One block of a large file (`readers.csv`) holds as much.
MOST_BYTES = 8 << 20
MOST_ROWS = 100_000


@dataclass(frozen=True)
class _Parsed:
    digest: str
    batch: SourceBatch
    taken: TakenBatch


class ParsedAhead:
    """The files of a call, by their place in it. ``mapping``: as the person wrote it."""

    def __init__(self, sources: Sequence[Source], mapping: Mapping, received_at: datetime) -> None:
        self._sources, self._mapping, self._received_at = sources, mapping, received_at
        self._parsed: dict[int, _Parsed] = {}
        self._seen = 0  # so many files were looked at

    def take(
        self, place: int, digest: str, is_known: Callable[[str], bool]
    ) -> tuple[tuple[SourceBatch, TakenBatch], ...] | None:
        """What was parsed of the file of this digest; None when it must be read now. ``is_known``: a file of this
        digest was taken in before, and is not read."""
        if place >= self._seen:
            self._read_from(place, is_known)
        found = self._parsed.pop(place, None)
        return ((found.batch, found.taken),) if found is not None and found.digest == digest else None

    def _read_from(self, place: int, is_known: Callable[[str], bool]) -> None:
        """Read and parse as many files from this one on as are small and of one kind."""
        columns = self._sources[place].columns
        read: list[tuple[int, str, SourceBatch]] = []
        left_bytes, left_rows = MOST_BYTES, MOST_ROWS
        self._seen = place + 1
        for at in range(place, len(self._sources)):
            source = self._sources[at]
            left_bytes -= source.size_bytes
            if source.kind != "csv" or source.columns != columns or left_bytes < 0:
                break
            found = self._read(source, is_known)
            self._seen = at + 1
            if found is None:
                continue
            left_rows -= len(found[1].frame)
            if left_rows < 0 and read:
                break
            read.append((at, *found))
        if len(read) < 2:
            return
        reading = without_absent(
            numbering_mapping(self._mapping), numbered(self._sources[place], self._mapping).columns
        )
        taken = parse_together(
            [batch for _, _, batch in read],
            reading,
            self._mapping.rate_table,
            sources=[source_of(digest) for _, digest, _ in read],
            received_at=self._received_at,
        )
        if taken is not None:
            self._parsed = {
                at: _Parsed(digest, batch, rows) for (at, digest, batch), rows in zip(read, taken, strict=True)
            }

    def _read(self, source: Source, is_known: Callable[[str], bool]) -> tuple[str, SourceBatch] | None:
        """Digest and rows of a file of one batch; None for any other."""
        try:
            digest = digest_source(source.path)
            if is_known(digest):
                return None
            batches = numbered(source, self._mapping).batches()
            batch = next(batches)
            return (digest, batch) if batch.lines is not None and next(batches, None) is None else None
        except (BasiraError, StopIteration):
            return None
