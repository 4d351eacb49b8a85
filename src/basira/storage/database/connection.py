"""The operational database: reached, checked, read and written in transactions.

Enters: a path or a URL. Leaves: connections inside a transaction, with the driver's errors in the house's words.
Never here: a table's meaning; an upgrade (`database.upgrade.upgrade` is called by name).
"""

from __future__ import annotations

import copy
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypedDict

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from basira.schema.errors import StoreError
from basira.storage.database.migrations.run import run_migrations
from basira.storage.database.sqlite_file import reading_address
from basira.storage.database.tables import FORMAT, OPERATIONS_FORMAT
from basira.storage.private_files import make_private

# Of one process: shared connections and, apart, reserved ones, which a long report can't use up.
_CONNECTIONS, _MORE_CONNECTIONS = 5, 10
_RESERVED, _MORE_RESERVED = 3, 3
_BUSY_MILLISECONDS = 30_000
_NO_RIGHT = "42501"  # insufficient_privilege, of PostgreSQL's codes
# One lock for every chain: a transaction that appends holds it until the commit. So no transaction reads a head that is
# about to move, and two never wait for each other's chain. The number only has to be ours.
CHAIN_LOCK = 4_209_001
TAKE_CHAIN_LOCK = sa.select(sa.func.pg_advisory_xact_lock(CHAIN_LOCK))
# Between two statements of a transaction that writes, a process works for milliseconds. One that is silent for so long
# is stopped or cut off: PostgreSQL ends its session, and the transactions that wait for its locks go on. It must be
# less than `DATABASE_SECONDS`, after which those give up.
SILENT_SECONDS = 3
# A migration may compute on a whole table between two statements; nothing else writes meanwhile.
SILENT_UPGRADE_SECONDS = 60
# Of commands: a service holds the lock for milliseconds, another command for a part of its work.
_COMMAND_LOCK_SECONDS = 60
# A peer that is gone (a cable, a power cut) is noticed within some 10 seconds, on either side. Unix sockets have none.
_KEEPALIVES = {"idle": 4, "interval": 2, "count": 3}
_HAS_TRANSACTION_TIMEOUT = (17,)


@dataclass
class Fate:
    """Of writes, over all connections of a process: see `database.writable`.

    ``fault``: of the last write, None when it went well; ``written_at``: when one last did. ``seen``: what the last
    look found, at ``looked_at``. Both of a clock that never goes back.
    """

    fault: StoreError | None = None
    written_at: float = float("-inf")
    seen: StoreError | None = None
    looked_at: float = float("-inf")
    looking: threading.Lock = field(default_factory=threading.Lock)


class Database:
    """The operational database, at the format of this version.

    Parameters
    ----------
    place : path of a SQLite file, or a SQLAlchemy URL ("sqlite:///...", "postgresql+psycopg://...").
    create : make the file, its owner's alone, and the tables when there are none; without it their absence is an
        error, and a file in a folder where nothing can be written is read all the same.
    wait_seconds : a statement, a lock or a connection that takes longer is given up, and so is the turn to have one of
        this process. By default PostgreSQL waits for a statement as long as its own settings let it, and either for a
        lock for a while (a minute, 30 seconds).

    ``reserved`` is the same database over a few connections of its own, for what must not wait until a long
    report is read: decisions, and the check of who asks for them. ``is_new``: it was empty, and its tables were just
    made.

    Raises StoreError when the database is absent, of another format, or is not one. An earlier format is never
    upgraded here.
    """

    def __init__(self, place: str | Path, *, create: bool = True, wait_seconds: float | None = None) -> None:
        self.place = str(place)
        self._is_closed = threading.Event()
        self.engine = self._open_engine(place, create=create, wait_seconds=wait_seconds)
        self.reserved = self
        self.fate = Fate()
        self._wait_seconds = wait_seconds
        self.is_sqlite = self.engine.dialect.name == "sqlite"
        try:
            found = self._format()
            self.is_new = found is None
            if found is None and create:
                prepare_file(self.engine)
                with self.write() as connection:
                    lock_chains(connection)  # two that make it at once: the second finds the work done
                    if not self.is_sqlite:
                        connection.exec_driver_sql(
                            f"SET LOCAL idle_in_transaction_session_timeout = '{SILENT_UPGRADE_SECONDS}s'"
                        )
                    run_migrations(connection, format_of(connection))
                found = self._format()
            _require(found, self.place)
            if not _is_in_memory(self.engine.url):
                self.reserved = copy.copy(self)
                self.reserved.engine = self._open_engine(
                    place, create=create, wait_seconds=wait_seconds, is_reserved=True
                )
                self.reserved.reserved = self.reserved
        except BaseException:
            self.close()
            raise

    def _open_engine(self, place: str | Path, **options: Any) -> sa.Engine:
        """An engine whose connections that are still in use at `close` are closed as soon as they come back."""
        engine = engine_of(place, **options)

        def close_late(_connection: object, record: sa.PoolProxiedConnection) -> None:
            if self._is_closed.is_set():
                record.invalidate()

        sa.event.listen(engine, "checkin", close_late)
        return engine

    def _format(self) -> int | None:
        with self.read() as connection:
            return format_of(connection)

    def close(self) -> None:
        """Close the connections, those that another thread still uses as soon as it ends; the object is of no use
        afterwards."""
        self._is_closed.set()
        self.engine.dispose()
        self.reserved.engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """A connection to read with: one state of the database from beginning to end."""
        with database_errors(), self.engine.connect() as connection:
            if not self.is_sqlite:
                # A report that reads several tables must not see one before and one after another commit.
                connection = connection.execution_options(isolation_level="REPEATABLE READ")
            yield connection

    @contextmanager
    def glance(self) -> Iterator[sa.Connection]:
        """A connection for statements that need not see one state of the database: no transaction around them."""
        if self.is_sqlite:
            with self.read() as connection:
                yield connection
        else:
            with database_errors(), self.engine.connect() as connection:
                yield connection.execution_options(isolation_level="AUTOCOMMIT")

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """A transaction: committed at the end, undone whole when anything is raised."""
        with self.writing(), self.engine.connect() as connection:
            writing = connection.execution_options(basira_writes=True)
            with writing.begin():
                for statement in self.bounds():
                    writing.exec_driver_sql(statement)
                yield writing

    def bounds(self) -> tuple[str, ...]:
        """What a transaction that writes begins with, so that no frozen process keeps its locks: nothing on SQLite.

        PostgreSQL ends a session that is silent inside it for `SILENT_SECONDS`. Of a database with ``wait_seconds``
        (the service's) its whole length is bound too where the server can (17 and later). A command may write for
        long, and is never silent.
        """
        if self.is_sqlite:
            return ()
        found = [f"SET LOCAL idle_in_transaction_session_timeout = '{SILENT_SECONDS}s'"]
        version = self.engine.dialect.server_version_info or ()
        if self._wait_seconds is not None and version >= _HAS_TRANSACTION_TIMEOUT:
            milliseconds = round((self._wait_seconds + SILENT_SECONDS) * 1000)
            found.append(f"SET LOCAL transaction_timeout = '{milliseconds}ms'")
        return tuple(found)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Around whatever writes: the driver's errors as ours, and its fate remembered (`database.writable`)."""
        try:
            with database_errors():
                yield
        except StoreError as error:
            if isinstance(error.__cause__, DBAPIError) and not isinstance(error.__cause__, IntegrityError):
                self.fate.fault = error
            raise
        # A few bytes find room on a disk that is full for decisions: that it went well says nothing of a fault before.
        self.fate.written_at = time.monotonic()


def engine_of(
    place: str | Path, *, create: bool, wait_seconds: float | None = None, is_reserved: bool = False
) -> sa.Engine:
    """The engine of a place. Raises StoreError when the file, its folder or the driver is absent, and for an invalid
    URL.

    ``wait_seconds``: see `Database`. ``is_reserved``: with the few connections of `Database.reserved`.
    """
    url = _url_of(place)
    if url.get_backend_name() == "sqlite" and url.database:
        path = Path(url.database)
        if not create and not path.is_file():
            raise StoreError(
                "Expected the decision record at '{path}', found nothing.",
                hint="Correct the path; `basira target`, `basira serve` or `basira db upgrade` makes one.",
                path=path,
            )
        if not path.parent.is_dir():
            raise StoreError(
                "Expected the folder '{parent}', found none.",
                hint="Create it, or correct the path.",
                parent=path.parent,
            )
    try:
        engine = sa.create_engine(
            url, connect_args=_patience(url, wait_seconds), **_pool(url, wait_seconds, is_reserved=is_reserved)
        )
    except ImportError as error:
        raise StoreError(
            "Expected the driver of {drivername}, found none ({error}).",
            hint="Install it: pip install 'basira[postgres]'.",
            drivername=url.drivername,
            error=error,
        ) from None
    if engine.dialect.name == "sqlite":
        _for_sqlite(engine, wait_seconds, create=create)
    return engine


def _url_of(place: str | Path) -> sa.URL:
    """Where a place is, of those that are supported; the message never holds a password."""
    text = str(place)
    if "://" not in text:
        return sa.URL.create("sqlite", database=text)
    try:
        url = sa.make_url(text)
    except (ArgumentError, ValueError):
        raise StoreError(
            "Expected a database's URL such as postgresql+psycopg://user@host:5432/basira, found one that can't be "
            "read.",
            hint="Look at the port, which is a number, and write special characters of a password as %40.",
        ) from None
    if url.drivername not in ("sqlite", "sqlite+pysqlite", "postgresql+psycopg"):
        raise StoreError(
            "Expected a URL that names the driver, postgresql+psycopg:// or sqlite:///, found {drivername}://.",
            hint="Write it postgresql+psycopg://user@host/database.",
            drivername=url.drivername,
        )
    return url


def _is_in_memory(url: sa.URL) -> bool:
    return url.get_backend_name() == "sqlite" and url.database in (None, "", ":memory:")


class _PoolSize(TypedDict, total=False):
    pool_size: int
    max_overflow: int
    pool_timeout: float


def _pool(url: sa.URL, seconds: float | None, *, is_reserved: bool) -> _PoolSize:
    """How many connections a process has, and how long one waits for its turn; SQLite in memory has one."""
    if _is_in_memory(url):
        return {}
    size, more = (_RESERVED, _MORE_RESERVED) if is_reserved else (_CONNECTIONS, _MORE_CONNECTIONS)
    sizes: _PoolSize = {"pool_size": size, "max_overflow": more}
    return sizes if seconds is None else {**sizes, "pool_timeout": seconds}


def _patience(url: sa.URL, seconds: float | None) -> dict[str, str]:
    """PostgreSQL's own limits of time, and how either side notices that the other is gone; nothing for another
    database. The service's limits come after whatever options the URL gives, and hold; a command's come before."""
    if url.get_backend_name() != "postgresql":
        return {}
    given = url.query.get("options", "")
    asked = given if isinstance(given, str) else " ".join(given)
    alive = " ".join(f"-c tcp_keepalives_{name}={value}" for name, value in _KEEPALIVES.items())
    ours = {
        f"keepalives_{name}": str(url.query.get(f"keepalives_{name}", value)) for name, value in _KEEPALIVES.items()
    }
    if seconds is None:
        return {"options": f"{alive} -c lock_timeout={_COMMAND_LOCK_SECONDS}s {asked}".strip(), **ours}
    limit = max(1, round(seconds * 1000))
    return {
        "options": f"{alive} {asked} -c statement_timeout={limit} -c lock_timeout={limit}".strip(),
        "connect_timeout": str(url.query.get("connect_timeout", max(2, round(seconds)))),
        # A server that is cut off sends no error: without this, a statement waits for minutes.
        "tcp_user_timeout": str(limit),
        **ours,
    }


def file_of(engine: sa.Engine) -> Path | None:
    """The file of a SQLite database; None for one in memory, and for another database."""
    if engine.dialect.name != "sqlite" or _is_in_memory(engine.url) or "uri" in engine.url.query:
        return None
    return Path(str(engine.url.database))


def prepare_file(engine: sa.Engine) -> None:
    """Let a SQLite file be read while it is written (WAL), for good; nothing on another database.

    A commit then waits for the disk once instead of several times, and a proof of an hour delays no other reader or
    writer. The file must be on a local disk.
    """
    if engine.dialect.name != "sqlite":
        return
    tries = _BUSY_MILLISECONDS // 100
    while True:
        raw = engine.raw_connection()
        try:
            raw.cursor().execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            # SQLite does not wait for its lock here: another process opens the same file for the first time.
            tries -= 1
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or not tries:
                raise StoreError(
                    "Expected to prepare the decision record, found: {error}.",
                    hint="See what holds the file, and whether it can be written.",
                    error=error,
                ) from error
            time.sleep(0.1)
        finally:
            raw.close()


def format_of(connection: sa.Connection) -> int | None:
    """The format of a database; None when it is empty.

    Raises StoreError when it holds something else.
    """
    tables = sa.inspect(connection).get_table_names()
    if OPERATIONS_FORMAT.name in tables:
        found = connection.execute(sa.select(sa.func.max(OPERATIONS_FORMAT.c.format))).scalar()
        return 0 if found is None else int(found)
    if tables:
        raise StoreError(
            "Expected an operational database of Basira or an empty one, found tables {tables}.",
            hint="Give Basira a database, or a PostgreSQL schema, of its own.",
            tables=", ".join(tables[:5]),
        )
    return None


def is_empty(place: str | Path) -> bool:
    """Whether `Database` would make a new one there: no file, or no tables. Makes nothing, and raises as that does."""
    engine = engine_of(place, create=True)
    try:
        if engine.dialect.name == "sqlite" and not Path(engine.url.database or "").is_file():
            return True
        with database_errors(), engine.connect() as connection:
            return format_of(connection) is None
    finally:
        engine.dispose()


def shown_place(place: str | Path) -> str:
    """A path, or a URL without its password."""
    text = str(place)
    return sa.make_url(text).render_as_string(hide_password=True) if "://" in text else text


def _require(found: int | None, place: str) -> None:
    shown = shown_place(place)
    if found is None:
        raise StoreError(
            "Expected the decision record at '{shown}', found an empty database.",
            hint="Make its tables: basira db upgrade.",
            shown=shown,
        )
    if found != FORMAT:
        hint = (
            "Make a backup, then upgrade it: basira db backup, basira db upgrade."
            if found < FORMAT
            else "Use the version of Basira that wrote it, or a newer one."
        )
        raise StoreError(
            "Expected a decision record of format {format} at '{shown}', found format {found}.",
            hint=hint,
            format=FORMAT,
            shown=shown,
            found=found,
        )


@contextmanager
def database_errors() -> Iterator[None]:
    """Turns the driver's errors into ours; whatever was begun is rolled back by then."""
    try:
        yield
    except PoolTimeoutError as error:
        raise StoreError(
            "Expected a connection to the decision record, found all of this process in use.",
            hint="Nothing was recorded. Send it again; when it lasts, look for what reads for so long.",
        ) from error
    except IntegrityError as error:
        raise StoreError(
            "Expected rows not recorded before, found: {error}.",
            hint="Nothing was recorded. Take a new id; if another process was recording, try again.",
            error=_driver_message(error),
        ) from error
    except OperationalError as error:
        raise StoreError(
            "Expected to read and write the decision record, found: {error}.",
            hint="Nothing was recorded. Check free space, permissions, that no other program holds the file, and that "
            "the server answers.",
            error=_driver_message(error),
        ) from error
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) == _NO_RIGHT:
            raise StoreError(
                "Expected a user of the database who may do this, found: {error}.",
                hint="Connect as the user for this work (docs/how-to/postgresql.md); after an upgrade, run the SQL of "
                "`basira db grants` again.",
                error=_driver_message(error),
            ) from error
        raise StoreError(
            "Expected a decision record of Basira, found: {error}.",
            hint="Check that the database is the right one; restore it from a backup if it is damaged.",
            error=_driver_message(error),
        ) from error


def _driver_message(error: DBAPIError) -> str:
    return " ".join(str(error.orig).split()).rstrip(".")


def lock_chains(connection: sa.Connection) -> None:
    """Be the only one to append until this transaction ends. On SQLite its write lock does it already."""
    if connection.dialect.name == "postgresql":
        connection.execute(TAKE_CHAIN_LOCK)


def moment_text(moment: datetime) -> str:
    """A moment as the tables hold it: texts that sort as the moments do.

    A moment with a zone is written in UTC; one without, as it is: use one kind in a database.

    >>> moment_text(datetime(2026, 3, 1, 9, 30))
    '2026-03-01T09:30:00.000000'
    """
    if moment.tzinfo is not None:
        moment = moment.astimezone(UTC).replace(tzinfo=None)
    return moment.isoformat(timespec="microseconds")


def _for_sqlite(engine: sa.Engine, wait_seconds: float | None, *, create: bool) -> None:
    """SQLite's own settings: a new file its owner's alone, foreign keys on, and a write lock taken before a run reads
    the end of the chain."""
    wait = _BUSY_MILLISECONDS if wait_seconds is None else max(1, round(wait_seconds * 1000))

    @sa.event.listens_for(engine, "do_connect")
    def _open(_dialect: Any, _record: Any, places: list[Any], options: dict[str, object]) -> None:
        path = file_of(engine)
        if path is None:
            return
        if create:
            make_private(path)
        elif address := reading_address(path):
            places[0] = address
            options["uri"] = True

    @sa.event.listens_for(engine, "connect")
    def _connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver must not begin transactions by itself
        cursor = connection.cursor()
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.execute("PRAGMA secure_delete = ON")  # what was erased must not stay in free pages
        cursor.execute(f"PRAGMA busy_timeout = {wait}")
        cursor.close()

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        writes = connection.get_execution_options().get("basira_writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
