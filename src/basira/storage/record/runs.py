"""The decision record: every targeting run and every decision of it, appended and never changed.

Enters: a run and its decisions, as rows of `schema.rows`. Leaves: the same, with the hashes that chain them; the state
of the chain. Never here: an UPDATE or a DELETE (the database itself rejects them), a clock.

Any statement here is portable; others are in `database.connection` and in the migrations' triggers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

import sqlalchemy as sa

from basira.schema.errors import NotFoundError, StoreError
from basira.schema.rows import DecisionRow, RunRow
from basira.storage.database.connection import Database, lock_chains
from basira.storage.database.tables import DECISION, DECISION_COLUMNS_MADE, RUN_COLUMNS_MADE, TARGETING_RUN
from basira.storage.record.chain import GENESIS, Head, Row, as_stored, entry_hash, move_head, opening_hash

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

    Raises StoreError when the database is absent, of another format, or is not one. ``database``: for the rest of what
    it records (`record.events`, `record.audit_log`, `users` ...).
    """

    def __init__(self, place: str | Path, *, create: bool = True) -> None:
        self.database = Database(place, create=create)

    def close(self) -> None:
        """Give the connections back; the object is of no use afterwards."""
        self.database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # -- recording ------------------------------------------------------------------------------------

    def record_run(self, run: RunRow, decisions: Iterable[DecisionRow]) -> str:
        """Append one run with all its decisions, or nothing; the run's closing hash.

        Parameters
        ----------
        run : every column but those that the store makes, ``RUN_COLUMNS_MADE``.
        decisions : the same, without ``DECISION_COLUMNS_MADE``; the order is kept.

        Raises StoreError when the run or a decision is there already, a row has other columns, the disk is full.
        """
        header = self._row(TARGETING_RUN, run, RUN_COLUMNS_MADE)
        with self.database.write() as connection:
            lock_chains(connection)
            last = connection.execute(
                sa.select(TARGETING_RUN.c.sequence, TARGETING_RUN.c.closing_hash)
                .order_by(TARGETING_RUN.c.sequence.desc())
                .limit(1)
            ).first()
            sequence, previous = (last.sequence + 1, last.closing_hash) if last else (1, GENESIS)
            header |= {"sequence": sequence, "previous_hash": previous}
            header["opening_hash"] = chained = opening_hash(header, previous)
            count = 0
            # `islice` and not a list: a day may have more decisions than should be in memory.
            source = iter(decisions)
            while batch := list(islice(source, _BATCH)):
                rows = []
                for decision in batch:
                    row = self._row(DECISION, decision, DECISION_COLUMNS_MADE)
                    if row["run_id"] != header["run_id"]:
                        raise StoreError(
                            "Expected decisions of run {run_id!r}, found one of {run_id_2!r}.",
                            hint="Record each run with its own decisions.",
                            run_id=header["run_id"],
                            run_id_2=row["run_id"],
                        )
                    row["position"] = count = count + 1
                    row["previous_hash"] = chained
                    row["entry_hash"] = chained = entry_hash(row, chained)
                    rows.append(row)
                connection.execute(DECISION.insert(), rows)
            connection.execute(TARGETING_RUN.insert(), {**header, "decision_count": count, "closing_hash": chained})
            move_head(connection, Head("targeting", run["created_at"][:10], sequence, chained))
        return chained

    # -- reading --------------------------------------------------------------------------------------

    def get_run(self, run_id: str) -> RunRow:
        """The run of that id; NotFoundError when there is none."""
        rows = self._runs(sa.select(TARGETING_RUN).where(TARGETING_RUN.c.run_id == run_id))
        if not rows:
            raise NotFoundError(
                "Expected a recorded run {run_id!r}, found none.",
                hint="`basira audit runs` lists them.",
                run_id=run_id,
            )
        return rows[0]

    def find_runs(self, *, day: str | None = None, limit: int | None = None) -> list[RunRow]:
        """Recorded runs, the latest first; of one day of targeting (YYYY-MM-DD) when it is given."""
        query = sa.select(TARGETING_RUN).order_by(TARGETING_RUN.c.sequence.desc()).limit(limit)
        return self._runs(query if day is None else query.where(TARGETING_RUN.c.day == day))

    def get_decision(self, decision_id: str) -> DecisionRow:
        """The decision of that id; NotFoundError when there is none."""
        rows = self._decisions(sa.select(DECISION).where(DECISION.c.decision_id == decision_id))
        if not rows:
            raise NotFoundError(
                "Expected a recorded decision {decision_id!r}, found none.",
                hint="Search by declaration: its decisions carry their ids.",
                decision_id=decision_id,
            )
        return rows[0]

    def find_decisions(self, declaration_id: str) -> list[DecisionRow]:
        """Every decision on a declaration, the latest run first; empty when it was never targeted."""
        query = (
            sa.select(DECISION)
            .join(TARGETING_RUN, DECISION.c.run_id == TARGETING_RUN.c.run_id)
            .where(DECISION.c.declaration_id == declaration_id)
            .order_by(TARGETING_RUN.c.sequence.desc(), DECISION.c.position)
        )
        return self._decisions(query)

    def decisions_of(self, run_id: str) -> list[DecisionRow]:
        """All the decisions of a run, in the order recorded; empty when the run had none or does not exist."""
        return self._decisions(sa.select(DECISION).where(DECISION.c.run_id == run_id).order_by(DECISION.c.position))

    def verify_chain(self) -> ChainReport:
        """Recompute every hash from what is stored, and say where it differs; at most one fault per run."""
        faults: list[str] = []
        previous, expected_sequence, runs, decisions = GENESIS, 1, 0, 0
        with self.database.read() as connection:
            query = sa.select(TARGETING_RUN).order_by(TARGETING_RUN.c.sequence)
            recorded = [cast("RunRow", dict(run)) for run in connection.execute(query).mappings()]
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

    def _row(self, table: sa.Table, row: Row, made: frozenset[str]) -> dict[str, object]:
        try:
            return as_stored(table, row, made)
        except (ValueError, TypeError) as error:
            raise StoreError(
                "Expected a row of {table}, found {error}.",
                hint="Nothing was recorded; correct the row.",
                table=table.name,
                error=error,
            ) from None

    def _runs(self, query: sa.Select[Any]) -> list[RunRow]:
        with self.database.read() as connection:
            return [cast("RunRow", dict(row)) for row in connection.execute(query).mappings()]

    def _decisions(self, query: sa.Select[Any]) -> list[DecisionRow]:
        with self.database.read() as connection:
            return [cast("DecisionRow", dict(row)) for row in connection.execute(query).mappings()]


def _mappings(connection: sa.Connection, run_id: str) -> Iterator[DecisionRow]:
    """The decisions of a run in order, a batch at a time."""
    query = sa.select(DECISION).where(DECISION.c.run_id == run_id).order_by(DECISION.c.position)
    result = connection.execution_options(yield_per=_BATCH).execute(query)
    yield from (cast("DecisionRow", dict(row)) for row in result.mappings())
