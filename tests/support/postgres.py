"""A real PostgreSQL for the tests: Debian's binaries, started as an unprivileged user in a folder of its own.

One server a test process, on a Unix socket and no network port, without fsync; one database a test, dropped after it.
Where the binaries are absent the tests are skipped, and fail when CI=true: `make test` installs them there.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import sqlalchemy as sa

START_SECONDS = 60.0
# Parameters of a fixture that is tried on both databases.
BOTH = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)]


@pytest.hookimpl(tryfirst=True)  # before `-m` chooses
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs the server: `-m "not postgresql"` leaves it out."""
    for item in items:
        if "postgresql" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.postgresql)


def binaries() -> Path | None:
    """Folder of the newest PostgreSQL's programs; None when there are none."""
    found = [p for p in Path("/usr/lib/postgresql").glob("*/bin") if (p / "initdb").exists()]
    if found:
        return max(found, key=lambda p: float(p.parent.name))
    path = shutil.which("initdb")
    return Path(path).parent if path else None


class Server:
    """A running server: databases made and dropped, and the URL of each."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.made = 0

    def url(self, database: str, user: str = "basira_test") -> str:
        """URL of one of its databases."""
        return f"postgresql+psycopg://{user}@/{database}?host={quote(str(self.folder))}"

    def execute(self, *statements: str, database: str = "postgres") -> None:
        """Run statements as the server's owner, each on its own."""
        engine = sa.create_engine(self.url(database), isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
        with engine.connect() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)
        engine.dispose()

    @contextmanager
    def database(self, template: str = "template0") -> Iterator[str]:
        """An own database, as URL; dropped at the end with whatever is connected to it."""
        self.made += 1
        name = f"test_{os.getpid()}_{self.made}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        try:
            yield self.url(name)
        finally:
            self.execute(f"DROP DATABASE {name} WITH (FORCE)")


def run_server() -> Iterator[Server]:
    """Start a server, and stop it at the end."""
    programs = binaries()
    if programs is None:
        message = "PostgreSQL absent: no server to test on (Debian: apt-get install postgresql)"
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail(message)
        pytest.skip(message)
    # Not under pytest's own folder: its parents are closed to other users. The name is short: a socket's path
    # has 107 characters at most.
    folder = Path(tempfile.mkdtemp(prefix="basira-pg-", dir="/tmp"))
    as_user: dict[str, Any] = {}
    if os.geteuid() == 0:  # PostgreSQL does not run as root
        owner = _unprivileged()
        os.chown(folder, owner.pw_uid, owner.pw_gid)
        as_user = {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "HOME": str(folder)}
    data = folder / "data"
    server = None
    log = (folder / "log").open("w")
    try:
        subprocess.run(
            [programs / "initdb", "-D", data, "-U", "basira_test", "-A", "trust", "-E", "UTF8", "--no-sync"],
            check=True,
            capture_output=True,
            env=environment,
            cwd=folder,
            **as_user,
        )
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(folder),
            "fsync": "off",
            "synchronous_commit": "off",
            "full_page_writes": "off",
            "shared_buffers": "32MB",
            "max_connections": "60",
            "autovacuum": "off",
            "wal_level": "minimal",
            "max_wal_senders": "0",
        }
        command = [programs / "postgres", "-D", data, *(f"--{name}={value}" for name, value in settings.items())]
        server = subprocess.Popen(command, stdout=log, stderr=log, env=environment, cwd=folder, **as_user)
        running = Server(folder)
        _wait(running, server)
        yield running
    finally:
        if server is not None:
            server.send_signal(signal.SIGQUIT)  # at once: its files are no longer needed
            server.wait(timeout=START_SECONDS)
        log.close()
        shutil.rmtree(folder, ignore_errors=True)


def _unprivileged() -> pwd.struct_passwd:
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    pytest.skip("no unprivileged user to start PostgreSQL as")


def _wait(server: Server, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + START_SECONDS
    while True:
        try:
            server.execute("SELECT 1")
        except sa.exc.OperationalError:
            if process.poll() is not None or time.monotonic() > until:
                pytest.fail(f"PostgreSQL did not start: {(server.folder / 'log').read_text()[-2000:]}")
            time.sleep(0.1)
        else:
            return


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    """The server of this test process."""
    yield from run_server()


@pytest.fixture(scope="session")
def prepared(postgresql: Server) -> str:
    """URL of a database at the newest revision."""
    from basira.storage.database.upgrade import upgrade

    postgresql.execute("CREATE DATABASE prepared TEMPLATE template0")
    upgrade(postgresql.url("prepared"))
    return postgresql.url("prepared")


@pytest.fixture(scope="session")
def bare(postgresql: Server) -> str:
    """URL of a database with nothing in it."""
    postgresql.execute("CREATE DATABASE bare TEMPLATE template0")
    return postgresql.url("bare")


@pytest.fixture(params=BOTH)
def empty_place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of an empty database, on each of the two."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'empty.sqlite'}"
    return emptied(request.getfixturevalue("bare"))


@pytest.fixture(scope="session")
def prepared_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file at the newest revision, to copy from."""
    from basira.storage.database.upgrade import upgrade

    path = tmp_path_factory.mktemp("prepared") / "operations.sqlite"
    upgrade(path)
    return path


@pytest.fixture(params=BOTH)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of a database at the newest revision with nothing in it, on each of the two."""
    if request.param == "sqlite":
        path = shutil.copy(request.getfixturevalue("prepared_file"), tmp_path / "operations.sqlite")
        return f"sqlite:///{path}"
    from basira.storage.database.tables import FORMAT, METADATA

    url = request.getfixturevalue("prepared")
    tables = [t.name for t in reversed(METADATA.sorted_tables) if t.name != "operations_format"]
    tamper(url, *(f"DELETE FROM {name}" for name in tables), f"UPDATE operations_format SET format = {FORMAT}")
    return url


def until_one_waits_for_the_chain(connection: sa.Connection) -> None:
    """Wait until another transaction asks for the lock that this one holds. PostgreSQL alone."""
    asked = sa.text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
    until = time.monotonic() + 10
    while not connection.execute(asked).scalar():
        assert time.monotonic() < until, "nobody asks for the lock"
        time.sleep(0.01)


def emptied(url: str) -> str:
    """The database without its tables. Making another costs a checkpoint, and a hundred of them patience."""
    _run(url, "DROP SCHEMA public CASCADE", "CREATE SCHEMA public")
    return url


def tamper(place: str, *statements: str) -> None:
    """Do what the triggers reject, as a user with the database's own powers could who hides the traces: the triggers
    are there again afterwards."""
    if place.startswith("sqlite"):
        engine = sa.create_engine(place, poolclass=sa.NullPool)
        with engine.connect() as connection:
            query = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
            triggers = [tuple(row) for row in connection.exec_driver_sql(query)]
        dropped = (f"DROP TRIGGER {name}" for name, _ in triggers)
        _run(place, *dropped, *statements, *(sql for _, sql in triggers))
    else:
        _run(place, "SET session_replication_role = replica", *statements)


def _run(place: str, *statements: str) -> None:
    engine = sa.create_engine(place, poolclass=sa.NullPool)
    with engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
    engine.dispose()
