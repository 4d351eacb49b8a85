"""The decision record: every targeting run and every decision of it, appended and never changed.

Enters: a run and its decisions, as mappings from column to value. Leaves: the same, with the hashes that chain
them; the state of the chain. Never here: an UPDATE or a DELETE (the database itself refuses them), a clock.

SQLite in a file of the store today; any statement here is portable, and what is not stands in
`operations_tables.append_only_statements` and `_for_sqlite`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from basira.schema.errors import NotFoundError, StoreError
from basira.storage.operations_chain import GENESIS, as_stored, entry_hash, opening_hash
from basira.storage.operations_tables import (
    DECISION,
    DECISION_COLUMNS_MADE,
    FORMAT,
    METADATA,
    OPERATIONS_FORMAT,
    RUN_COLUMNS_MADE,
    TARGETING_RUN,
    append_only_statements,
)

Row = dict[str, Any]

_BATCH = 5_000  # rows per statement: enough to be fast, few enough to stay small in memory


@dataclass(frozen=True)
class ChainReport:
    """What `Operations.verify_chain` found. ``head``: closing hash of the last run, worth keeping elsewhere."""

    runs: int
    decisions: int
    head: str
    faults: tuple[str, ...]

    @property
    def is_whole(self) -> bool:
        """True when every hash is as it must be."""
        return not self.faults


class Operations:
    """The decision record in a database.

    Parameters
    ----------
    place : path of a SQLite file, or a SQLAlchemy URL ("sqlite:///...", "postgresql+psycopg://...").
    create : make the file and the tables when they are absent; without it their absence is an error.

    Raises StoreError when the database is absent, of another format, or is not one.
    """

    def __init__(self, place: str | Path, *, create: bool = True) -> None:
        url = str(place) if "://" in str(place) else f"sqlite:///{place}"
        self._url = sa.make_url(url)
        self._is_sqlite = self._url.get_backend_name() == "sqlite"
        if self._is_sqlite and self._url.database:
            path = Path(self._url.database)
            if not create and not path.is_file():
                raise StoreError(
                    f"Expected the decision record at '{path}', found nothing.", hint="Run `basira target` first."
                )
            if not path.parent.is_dir():
                raise StoreError(
                    f"Expected the folder '{path.parent}', found none.", hint="Create it, or correct the path."
                )
        self._engine = sa.create_engine(self._url)
        if self._is_sqlite:
            _for_sqlite(self._engine)
        with self._write() if create else self._read() as connection:
            if create:
                METADATA.create_all(connection)
                for statement in append_only_statements(connection.dialect.name):
                    connection.execute(sa.text(statement))
                if connection.execute(sa.select(OPERATIONS_FORMAT)).first() is None:
                    connection.execute(OPERATIONS_FORMAT.insert(), {"format": FORMAT})
            found = connection.execute(sa.select(sa.func.max(OPERATIONS_FORMAT.c.format))).scalar()
        if found != FORMAT:
            raise StoreError(
                f"Expected a decision record of format {FORMAT} at '{place}', found format {found}.",
                hint="Use the version of Basira that wrote it, or a newer one.",
            )

    def close(self) -> None:
        """Give the connections back; the object is of no use afterwards."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # -- recording ------------------------------------------------------------------------------------

    def record_run(self, run: Mapping[str, Any], decisions: Iterable[Mapping[str, Any]]) -> str:
        """Append one run with all its decisions, or nothing; the run's closing hash.

        Parameters
        ----------
        run : every column of ``targeting_run`` but those in ``RUN_COLUMNS_MADE``.
        decisions : every column of ``decision`` but those in ``DECISION_COLUMNS_MADE``; the order is kept.

        Raises StoreError when the run or a decision is there already, a row has other columns, the disk is full.
        """
        header = self._row(TARGETING_RUN, run, RUN_COLUMNS_MADE)
        with self._write() as connection:
            last = connection.execute(
                sa.select(TARGETING_RUN.c.sequence, TARGETING_RUN.c.closing_hash)
                .order_by(TARGETING_RUN.c.sequence.desc())
                .limit(1)
            ).first()
            header["sequence"] = last.sequence + 1 if last else 1
            header["previous_hash"] = last.closing_hash if last else GENESIS
            header["opening_hash"] = chained = opening_hash(header, header["previous_hash"])
            count = 0
            # `islice` and not a list: a day may have more decisions than should stand in memory.
            source = iter(decisions)
            while batch := list(islice(source, _BATCH)):
                rows = []
                for decision in batch:
                    row = self._row(DECISION, decision, DECISION_COLUMNS_MADE)
                    if row["run_id"] != header["run_id"]:
                        raise StoreError(
                            f"Expected decisions of run {header['run_id']!r}, found one of {row['run_id']!r}.",
                            hint="Record each run with its own decisions.",
                        )
                    row["position"] = count = count + 1
                    row["previous_hash"] = chained
                    row["entry_hash"] = chained = entry_hash(row, chained)
                    rows.append(row)
                connection.execute(DECISION.insert(), rows)
            connection.execute(TARGETING_RUN.insert(), {**header, "decision_count": count, "closing_hash": chained})
        return chained

    # -- reading --------------------------------------------------------------------------------------

    def get_run(self, run_id: str) -> Row:
        """The run of that id; NotFoundError when there is none."""
        rows = self._rows(sa.select(TARGETING_RUN).where(TARGETING_RUN.c.run_id == run_id))
        if not rows:
            raise NotFoundError(
                f"Expected a recorded run {run_id!r}, found none.",
                hint="List the runs with their days, and choose one.",
            )
        return rows[0]

    def find_runs(self, *, day: str | None = None, limit: int | None = None) -> list[Row]:
        """Recorded runs, the latest first; of one day of targeting (YYYY-MM-DD) when it is given."""
        query = sa.select(TARGETING_RUN).order_by(TARGETING_RUN.c.sequence.desc()).limit(limit)
        return self._rows(query if day is None else query.where(TARGETING_RUN.c.day == day))

    def get_decision(self, decision_id: str) -> Row:
        """The decision of that id; NotFoundError when there is none."""
        rows = self._rows(sa.select(DECISION).where(DECISION.c.decision_id == decision_id))
        if not rows:
            raise NotFoundError(
                f"Expected a recorded decision {decision_id!r}, found none.",
                hint="Search by declaration: its decisions carry their ids.",
            )
        return rows[0]

    def find_decisions(self, declaration_id: str) -> list[Row]:
        """Every decision on a declaration, the latest run first; empty when it was never targeted."""
        query = (
            sa.select(DECISION)
            .join(TARGETING_RUN, DECISION.c.run_id == TARGETING_RUN.c.run_id)
            .where(DECISION.c.declaration_id == declaration_id)
            .order_by(TARGETING_RUN.c.sequence.desc(), DECISION.c.position)
        )
        return self._rows(query)

    def decisions_of(self, run_id: str) -> list[Row]:
        """All the decisions of a run, in the order recorded; empty when the run had none or does not exist."""
        return self._rows(sa.select(DECISION).where(DECISION.c.run_id == run_id).order_by(DECISION.c.position))

    def verify_chain(self) -> ChainReport:
        """Recompute every hash from what is stored, and say where it differs; at most one fault per run."""
        faults: list[str] = []
        previous, expected_sequence, runs, decisions = GENESIS, 1, 0, 0
        with self._read() as connection:
            query = sa.select(TARGETING_RUN).order_by(TARGETING_RUN.c.sequence)
            recorded = [dict(run) for run in connection.execute(query).mappings()]
            known = {run["run_id"] for run in recorded}
            for run in recorded:
                runs += 1
                fault = ""
                if run["sequence"] != expected_sequence:
                    fault = f"run {expected_sequence} is missing before {run['run_id']}"
                elif run["previous_hash"] != previous:
                    fault = f"run {run['run_id']} does not follow the run before it"
                elif run["opening_hash"] != opening_hash(run, run["previous_hash"]):
                    fault = f"run {run['run_id']}: the header was changed"
                chained, count = run["opening_hash"], 0
                for row in _mappings(connection, run["run_id"]):
                    count += 1
                    if not fault and row["position"] != count:
                        fault = f"run {run['run_id']}: decision {count} is missing"
                    if not fault and (row["previous_hash"], row["entry_hash"]) != (chained, entry_hash(row, chained)):
                        fault = f"run {run['run_id']}: decision {row['decision_id']} was changed"
                    chained = row["entry_hash"]
                if not fault and (count, chained) != (run["decision_count"], run["closing_hash"]):
                    fault = f"run {run['run_id']}: {run['decision_count']} decisions were recorded, {count} are there"
                if fault:
                    faults.append(fault)
                decisions += count
                previous, expected_sequence = run["closing_hash"], run["sequence"] + 1
            stray = connection.execute(sa.select(DECISION.c.run_id).distinct()).scalars().all()
        faults.extend(f"decisions of run {run_id}, which is not recorded" for run_id in stray if run_id not in known)
        return ChainReport(runs, decisions, previous, tuple(faults))

    # -- inside ---------------------------------------------------------------------------------------

    def _row(self, table: sa.Table, row: Mapping[str, Any], made: frozenset[str]) -> Row:
        try:
            return as_stored(table, row, made)
        except (ValueError, TypeError) as error:
            raise StoreError(
                f"Expected a row of {table.name}, found {error}.", hint="Nothing was recorded; correct the row."
            ) from None

    def _rows(self, query: sa.Select[Any]) -> list[Row]:
        with self._read() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]

    @contextmanager
    def _read(self) -> Iterator[sa.Connection]:
        with self._explained(), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def _write(self) -> Iterator[sa.Connection]:
        with self._explained(), self._engine.connect() as connection:
            writing = connection.execution_options(basira_writes=True)
            with writing.begin():
                yield writing

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turns the driver's errors into ours; whatever was begun is rolled back by then."""
        try:
            yield
        except IntegrityError as error:
            raise StoreError(
                f"Expected a run and decisions not recorded before, found: {error.orig}.",
                hint="Nothing was recorded. Take a new run id; if another run was being recorded, try again.",
            ) from error
        except OperationalError as error:
            raise StoreError(
                f"Expected to read and write the decision record, found: {error.orig}.",
                hint="Nothing was recorded. Check free space, permissions, and that no other program holds the file.",
            ) from error
        except DBAPIError as error:
            raise StoreError(
                f"Expected a decision record of Basira, found: {error.orig}.",
                hint="Check that the file is the right one; restore it from a backup if it is damaged.",
            ) from error


def _mappings(connection: sa.Connection, run_id: str) -> Iterator[Row]:
    """The decisions of a run in order, a batch at a time."""
    query = sa.select(DECISION).where(DECISION.c.run_id == run_id).order_by(DECISION.c.position)
    result = connection.execution_options(yield_per=_BATCH).execute(query)
    yield from (dict(row) for row in result.mappings())


def _for_sqlite(engine: sa.Engine) -> None:
    """SQLite's own settings: foreign keys on, and a write lock taken before a run reads the end of the chain."""

    @sa.event.listens_for(engine, "connect")
    def _connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver must not begin transactions by itself
        cursor = connection.cursor()
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.execute("PRAGMA busy_timeout = 30000")
        cursor.close()

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        writes = connection.get_execution_options().get("basira_writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
