"""The engine that a workflow asks, with the views of a snapshot: DuckDB, or Spark where the bounds name one.

Enters: a history, a snapshot of it, bounds. Leaves: an `Engine` with the views `items`, `outcomes` and `quarantine`,
closed with the block. Never here: a statement on them.
"""

from __future__ import annotations

import logging
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from basira.engines.engine import Engine
from basira.storage.engine import open_engine
from basira.storage.history.store import History, Snapshot, register
from basira.workflows.engine import EngineBounds

# Beside the history: a worker that reads the history reaches this folder too.
_TABLES = "spark-"
# A run that was killed leaves its folder; none takes so long (s).
_LEFT_AFTER = 86_400.0
_log = logging.getLogger(__name__)


@contextmanager
def open_snapshot(history: History, snapshot: Snapshot, bounds: EngineBounds) -> Iterator[Engine]:
    """An engine with the views of ``snapshot``, whose files were verified.

    Spark writes its tables in a folder of its own in the store, which every worker must reach, and which is removed at
    the end, after an error too; what a killed run left there is removed after a day. Spark's work takes long: the files
    are verified once more after it, so that a file that changed meanwhile decides nothing.

    Raises UsageError when the bounds are none (`open_engine`) or Spark is not there (`engines.spark.open_session`);
    StoreError when memory does not suffice, or a file changed while Spark read.
    """
    if not bounds.master:
        with open_engine(reads=snapshot.all_files(), memory=bounds.memory, threads=bounds.threads) as duckdb:
            register(duckdb, snapshot)
            yield duckdb
        return
    # Only here: a plain installation has no Spark.
    from basira.engines.spark import SparkEngine, open_session

    with open_session(bounds.master) as session:
        root = history.root.resolve()
        _remove_left(root)
        folder = Path(tempfile.mkdtemp(prefix=_TABLES, dir=root))
        try:
            spark = SparkEngine(session, folder)
            register(spark, snapshot)
            yield spark
        finally:
            _remove(folder)
    history.verified_snapshot(snapshot.number)


def _remove_left(root: Path) -> None:
    """Remove the folders of runs that were killed: those in which nothing was written for a day."""
    for folder in sorted(root.glob(f"{_TABLES}*")):
        try:
            newest = max(path.stat().st_mtime for path in (folder, *folder.iterdir()))
        except OSError:  # another run removes it
            continue
        if time.time() - newest > _LEFT_AFTER:
            _remove(folder)


def _remove(folder: Path) -> None:
    """Remove a folder of tables; what stays is said in the log, and is no error of the run."""
    try:
        shutil.rmtree(folder)
    except OSError as error:
        _log.warning("could not remove the tables of Spark in %s: %s", folder, error)
