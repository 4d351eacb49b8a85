"""The engine that compares new rows with the store's: one for all files of a call.

Enters: a draft of the store. Leaves: for each file a session of its own, which opens the store's files of data and no
other. Never here: a table or view of one file that the next can see.

To open a database costs as much as to take some hundreds of rows in: of files of one month each it was a tenth of all.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import TracebackType

from basira.engines.duckdb import DuckDBEngine, open_duckdb
from basira.engines.engine import Engine
from basira.storage.history.draft import Draft


class Comparison:
    """Opens its database with the first file; the block's end closes it."""

    def __init__(self) -> None:
        self._opened = ExitStack()
        self._database: DuckDBEngine | None = None

    def __enter__(self) -> Comparison:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    @contextmanager
    def open_session(self, draft: Draft) -> Iterator[Engine]:
        """An engine for the file of this draft. It spills to the draft's scratch folder."""
        scratch = draft.scratch()
        if self._database is None:
            self._database = self._opened.enter_context(
                open_duckdb(folders=[draft.root / "data"], threads=2, memory="512MB", spill=scratch)
            )
        try:
            with self._database.open_session() as con:
                yield con
        finally:
            if any(scratch.iterdir()):  # it goes with the draft, and a database that spilled would look for it
                self._close()

    def _close(self) -> None:
        self._database = None
        self._opened.close()
