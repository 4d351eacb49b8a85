"""The operational database copied while it is in use, and put back where there is none.

Enters: a database and an empty folder; a backup and an empty place. Leaves: `operations.sqlite` (SQLite's own online
copy) or `operations.sql` (pg_dump), its owner's alone, with `backup.json` written last: a folder without it is no
backup. Never here: a file or a database that is overwritten; the history's data files (they never change once written:
copy the folder).

`backup.json` says which snapshot of the history the record goes with, and where every chain stood.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa

from basira.schema.errors import StoreError, UsageError
from basira.schema.json_values import JsonObject
from basira.storage.database.connection import database_errors, engine_of, format_of, moment_text
from basira.storage.database.sqlite_file import reading_address
from basira.storage.history.files import digest_file, replace_file, storage_errors, sync_file
from basira.storage.private_files import make_private
from basira.storage.record.chain import Head
from basira.storage.record.verify import export_heads

MANIFEST = "backup.json"
BACKUP_FORMAT = 1
_OWNER_ALONE = 0o077  # what a file that is made must not let others do
_FILES = {"sqlite": "operations.sqlite", "postgresql": "operations.sql"}


@dataclass(frozen=True)
class HistoryState:
    """The history's manifest in force: its number, and the SHA-256 of its file; None when there is no history here."""

    snapshot: int | None = None
    manifest_digest: str | None = None


@dataclass(frozen=True)
class Backup:
    """The contents of `backup.json`. ``snapshot``, ``manifest_digest``: as in `HistoryState`.

    ``heads``: the head of every chain when the copy began; none from a format that had no heads.
    """

    made_at: str
    software_version: str
    backend: str
    database_format: int
    file: str
    size_bytes: int
    sha256: str
    snapshot: int | None
    manifest_digest: str | None
    heads: tuple[Head, ...]
    format: int = BACKUP_FORMAT


def back_up(
    place: str | Path, folder: Path, *, now: datetime, software_version: str, history: Callable[[], HistoryState]
) -> Backup:
    """Copy a database, of this format or an earlier one, into a folder that is empty or absent.

    ``history``: asked after the copy, so that no run of the copy names a snapshot later than the one written down.
    Raises StoreError when the folder holds something, the disk is full, or the copy is not sound.
    """
    engine = engine_of(place, create=False)
    try:
        with database_errors(), engine.connect() as connection:
            found = format_of(connection)
            # The heads come first: the copy may hold more than they name, and never less.
            heads = tuple(export_heads(connection)) if sa.inspect(connection).has_table("chain_head") else ()
    finally:
        engine.dispose()
    if found is None:
        raise StoreError("Expected a database to back up, found it empty.", hint="Name another with --database.")
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise StoreError(
                "Expected an empty folder for the backup, found files in '{folder}'.",
                hint="Name another.",
                folder=folder,
            )
        backend = engine.dialect.name
        path = folder / _FILES[backend]
        if backend == "sqlite":
            _copy_sqlite(Path(engine.url.database or ""), path)
        else:
            _dump(engine.url, path)
        sync_file(path)
        state = history()
        made = Backup(
            made_at=moment_text(now),
            software_version=software_version,
            backend=backend,
            database_format=found,
            file=path.name,
            size_bytes=path.stat().st_size,
            sha256=digest_file(path),
            snapshot=state.snapshot,
            manifest_digest=state.manifest_digest,
            heads=heads,
        )
        replace_file(folder / MANIFEST, json.dumps(asdict(made), indent=1) + "\n")
    return made


def read_backup(folder: Path) -> Backup:
    """The description of a backup, its file checked. Raises StoreError when it is not whole."""
    path = folder / MANIFEST
    if not path.is_file():
        raise StoreError(
            "Expected a backup in '{folder}', found no {manifest}.",
            hint="It is written last: a folder without it is a backup that did not end. Take another.",
            folder=folder,
            manifest=MANIFEST,
        )
    try:
        body: JsonObject = json.loads(path.read_text(encoding="utf-8"))
        if body["format"] > BACKUP_FORMAT:
            raise ValueError(f"format {body['format']}")
        found = Backup(**{**body, "heads": tuple(Head(**head) for head in body["heads"])})
        if found.file != _FILES[found.backend]:
            raise ValueError(f"file {found.file!r}")
    except (KeyError, TypeError, ValueError) as error:
        raise StoreError(
            "Expected the manifest of a backup in '{path}', found something else ({error}).",
            hint="Take another backup, or the version of Basira that made this one.",
            path=path,
            error=error,
        ) from None
    copy = folder / found.file
    if not copy.is_file() or copy.stat().st_size != found.size_bytes or digest_file(copy) != found.sha256:
        raise StoreError(
            "Expected '{copy}' as the backup's manifest describes it, found it absent, cut or changed.",
            hint="Take another backup.",
            copy=copy,
        )
    return found


def restore(folder: Path, place: str | Path) -> Backup:
    """Put a backup where there is nothing; the backup's description.

    A backup of an earlier format is restored as it is: upgrade it afterwards, by name. Raises StoreError when the
    backup is not whole or of the other kind of database, or the place holds anything.
    """
    found = read_backup(folder)
    url = sa.make_url(str(place) if "://" in str(place) else f"sqlite:///{place}")
    if url.get_backend_name() != found.backend:
        raise StoreError(
            "Expected a {backend} database to restore into, found {get_backend_name}.",
            hint="Restore into the kind of database that the backup was made of.",
            backend=found.backend,
            get_backend_name=url.get_backend_name(),
        )
    if found.backend == "sqlite":
        _place_sqlite(folder / found.file, Path(url.database or ""))
    else:
        _require_empty(place)
        _load(url, folder / found.file)
    return found


def _copy_sqlite(source: Path, target: Path) -> None:
    """SQLite's online copy: one state of the database, whatever is written meanwhile."""
    try:
        address = reading_address(source)
        make_private(target)
        with (
            closing(sqlite3.connect(address or source, uri=address is not None)) as live,
            closing(sqlite3.connect(target)) as copy,
        ):
            live.backup(copy, pages=10_000)
            found = copy.execute("PRAGMA integrity_check(1)").fetchone()[0]
    except sqlite3.Error as error:
        raise StoreError(
            "Expected to copy '{source}', found: {error}.",
            hint="Check free space and permissions, and try again.",
            source=source,
            error=error,
        ) from error
    if found != "ok":
        raise StoreError(
            "Expected a sound database, found: {found}.",
            hint="Restore the last backup that is sound.",
            found=found,
        )


def _place_sqlite(source: Path, target: Path) -> None:
    with storage_errors(target.parent):
        if not target.parent.is_dir():
            raise StoreError(
                "Expected the folder '{parent}', found none.",
                hint="Create it, or name another.",
                parent=target.parent,
            )
        # A journal without its database belongs to one that was there: SQLite would play it into the new one.
        if journals := [p.name for end in ("-journal", "-wal") if (p := Path(f"{target}{end}")).exists()]:
            raise StoreError(
                "Expected nothing at '{target}', found {journals}: nothing is overwritten.",
                hint="Move it away with the database that it belongs to, or restore elsewhere.",
                target=target,
                journals=journals[0],
            )
        aside = target.with_name(f".{target.name}.writing")
        try:
            aside.unlink(missing_ok=True)  # one that was left behind would keep its rights
            make_private(aside)
            shutil.copyfile(source, aside)
            sync_file(aside)
            # A link and not a rename: it fails when another process made the file meanwhile.
            os.link(aside, target)
        except FileExistsError:
            raise StoreError(
                "Expected nothing at '{target}', found a file: nothing is overwritten.",
                hint="Move it away first, with its -wal file if there is one, or restore elsewhere.",
                target=target,
            ) from None
        finally:
            aside.unlink(missing_ok=True)
        sync_file(target.parent)


def _require_empty(place: str | Path) -> None:
    engine = engine_of(place, create=False)
    try:
        with database_errors(), engine.connect() as connection:
            found = format_of(connection)
    finally:
        engine.dispose()
    if found is not None:
        raise StoreError(
            "Expected an empty database, found a record of format {found}: nothing is overwritten.",
            hint="Restore into a new database.",
            found=found,
        )


def _dump(url: sa.URL, target: Path) -> None:
    # Owners and rights are the place's own (postgresql_roles.sql), not the backup's.
    command = ["pg_dump", "--format=plain", "--no-owner", "--no-privileges", "--encoding=UTF8", f"--file={target}"]
    _run(command, url)


def _load(url: sa.URL, source: Path) -> None:
    command = ["psql", "--no-psqlrc", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1", f"--file={source}"]
    _run(command, url)


def _run(command: Sequence[str], url: sa.URL) -> None:
    """Run one of PostgreSQL's programs. The password goes by the environment: a command line is for all to see."""
    program = shutil.which(command[0])
    if program is None:
        raise UsageError(
            "Expected PostgreSQL's program {command}, found none.",
            hint="Install the client of the server's version (Debian: apt-get install postgresql-client).",
            command=command[0],
        )
    done = subprocess.run(  # noqa: S603 - our own words, no shell
        [program, *command[1:]],
        env={**os.environ, **_connection(url)},
        capture_output=True,
        text=True,
        check=False,
        umask=_OWNER_ALONE,
    )
    if done.returncode != 0:
        output = " ".join(done.stderr.split())[-500:] or f"exit code {done.returncode}"
        raise StoreError(
            "Expected {command} to do its work, found: {output}.",
            hint="Nothing was changed. Its version must not be older than the server's.",
            command=command[0],
            output=output,
        )


def _connection(url: sa.URL) -> Mapping[str, str]:
    query = {name: value if isinstance(value, str) else ",".join(value) for name, value in url.query.items()}
    given = {
        "PGHOST": url.host or query.get("host"),
        "PGPORT": str(url.port) if url.port else query.get("port"),
        "PGUSER": url.username,
        "PGPASSWORD": url.password,
        "PGDATABASE": url.database,
        "PGSSLMODE": query.get("sslmode"),
        "PGSSLROOTCERT": query.get("sslrootcert"),
    }
    return {name: str(value) for name, value in given.items() if value}
