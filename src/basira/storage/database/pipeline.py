"""Statements sent together: one round trip to PostgreSQL instead of one for each.

Enters: statements of SQLAlchemy, built once, with their parameters. Leaves: for each how many rows it changed and what
it gave. Never here: a table's meaning; a statement that depends on the answer of one sent with it.

A round trip costs as much as the statement. psycopg can send several at a time (libpq's pipeline mode); SQLAlchemy has
no word for it, and takes as long for a statement as PostgreSQL itself, so its connection is taken as it is; errors come
back as SQLAlchemy's. Any other database gets the same statements one by one through SQLAlchemy.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
from typing import Any, NamedTuple, Protocol

import sqlalchemy as sa

from basira.storage.database.connection import Database


class Statement(NamedTuple):
    """``rows``: parameters, one mapping for each time that it is executed; one empty mapping when it has none."""

    what: sa.Executable
    rows: Sequence[Mapping[str, object]]


class Outcome(NamedTuple):
    """``changed``: rows, over all executions; 0 of a query. ``rows``: of a query, what it gave."""

    changed: int
    rows: Sequence[Sequence[Any]]


class Sender(Protocol):
    """Where statements are sent, inside one transaction. ``database``: its kind, such as "postgresql"."""

    @property
    def database(self) -> str: ...

    def send(self, *statements: Statement) -> list[Outcome]:
        """Execute them in this order; what became of each."""

    def send_last(self, *statements: Statement) -> None:
        """Execute them in this order, and nothing after them: their fate is the transaction's."""


class OneByOne:
    """The sender of any connection, in whatever transaction it is."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection
        self.database = connection.dialect.name

    def send(self, *statements: Statement) -> list[Outcome]:
        """See `Sender`."""
        if self._connection.dialect.driver != "psycopg":
            return [_execute(self._connection, one) for one in statements]
        driver: Any = self._connection.connection.driver_connection
        with _errors_of(self._connection, driver):
            return [_outcome(_queue(driver, self._connection.dialect, one)) for one in statements]

    def send_last(self, *statements: Statement) -> None:
        """See `Sender`."""
        self.send(*statements)


def _execute(connection: sa.Connection, statement: Statement) -> Outcome:
    if not statement.rows:
        return Outcome(0, ())
    rows = list(statement.rows)
    found = connection.execute(statement.what, rows if len(rows) > 1 else rows[0])
    return Outcome(0, [tuple(row) for row in found]) if found.returns_rows else Outcome(found.rowcount, ())


@contextmanager
def write_together(database: Database) -> Iterator[Sender]:
    """A transaction whose statements are sent together; as `Database.write`: committed at the end, or undone whole."""
    if database.engine.dialect.driver != "psycopg":
        with database.write() as connection:
            yield OneByOne(connection)
        return
    with database.writing(), database.engine.connect() as connection:
        # The transaction is begun and committed by our own words, on the way of the first and the last statement.
        bare = connection.execution_options(isolation_level="AUTOCOMMIT")
        driver: Any = bare.connection.driver_connection
        try:
            with _errors_of(bare, driver), driver.pipeline() as pipeline:
                driver.execute("BEGIN", prepare=False)
                for bound in database.bounds():
                    driver.execute(bound, prepare=False)
                yield _Pipelined(bare.dialect, driver, pipeline)
                driver.execute("COMMIT", prepare=False)
        except BaseException:
            # What can't even be rolled back is found out when the connection goes back to its pool.
            with suppress(bare.dialect.loaded_dbapi.Error):
                driver.rollback()
            raise


class _Pipelined:
    def __init__(self, dialect: sa.Dialect, driver: Any, pipeline: Any) -> None:
        self._dialect, self._driver, self._pipeline = dialect, driver, pipeline
        self.database = dialect.name

    def send(self, *statements: Statement) -> list[Outcome]:
        sent = [_queue(self._driver, self._dialect, one) for one in statements]
        self._pipeline.sync()
        return [_outcome(cursors) for cursors in sent]

    def send_last(self, *statements: Statement) -> None:
        for one in statements:
            _queue(self._driver, self._dialect, one)


def _queue(driver: Any, dialect: sa.Dialect, statement: Statement) -> list[Any]:
    """The cursors of a statement's executions: done, or on their way when the connection sends several at a time."""
    text, constants = _compile(statement.what, dialect)
    return [driver.execute(text, {**constants, **row}) for row in statement.rows]


def _outcome(cursors: Sequence[Any]) -> Outcome:
    if cursors and cursors[-1].description is not None:
        return Outcome(0, cursors[-1].fetchall())
    return Outcome(sum(cursor.rowcount for cursor in cursors), ())


@lru_cache(maxsize=64)
def _compile(statement: sa.Executable, dialect: sa.Dialect) -> tuple[str, Mapping[str, object]]:
    """The text of a statement, and the parameters that it brings itself."""
    compiled = statement.compile(dialect=dialect)  # type: ignore[attr-defined]
    return str(compiled), {name: value for name, value in compiled.params.items() if value is not None}


@contextmanager
def _errors_of(connection: sa.Connection, driver: Any) -> Iterator[None]:
    """The driver's errors as SQLAlchemy's; a connection that is no more is not given to the next one."""
    dialect = connection.dialect
    try:
        yield
    except dialect.loaded_dbapi.Error as error:
        if driver.closed:
            connection.invalidate(error)
            # What ended one ended most often all of them: the others must not be found out one request after the other.
            connection.engine.dispose()
        raise sa.exc.DBAPIError.instance(None, None, error, dialect.loaded_dbapi.Error, dialect=dialect) from error
