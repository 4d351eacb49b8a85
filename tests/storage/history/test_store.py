"""The store survives crashes, full disks and two writers; snapshots never change."""

from __future__ import annotations

import errno
import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from basira.engines.duckdb import open_duckdb
from basira.schema.errors import NotFoundError, StoreError
from basira.schema.tables import ITEMS
from basira.storage.history import draft as history_draft
from basira.storage.history import files as history_files
from basira.storage.history.draft import Draft
from basira.storage.history.store import History, register


def batch(*days: int) -> pa.RecordBatch:
    columns: dict[str, Any] = {field.name: [None] * len(days) for field in ITEMS}
    columns |= {
        "declaration_id": [f"D{day}" for day in days],
        "declared_at": [day * 86_400_000_000 for day in days],
        "commodity_code": ["851713"] * len(days),
        "declared_day": list(days),
        "source": ["s"] * len(days),
        "source_row": list(range(1, len(days) + 1)),
        "received_at": [0] * len(days),
    }
    return pa.RecordBatch.from_pydict(columns, schema=ITEMS)


def commit(history: History, *days: int) -> int:
    with history.writing() as draft:
        writer = draft.writer("items", ITEMS, tag="a")
        writer.write(batch(*days))
        draft.add("items", writer.close())
        return draft.commit([]).number


def rows(history: History, number: int | None = None) -> int:
    snapshot = history.snapshot(number)
    with open_duckdb(reads=snapshot.all_files()) as con:
        register(con, snapshot)
        [(count,)] = con.fetch_rows("SELECT count(*) FROM items")
        return int(count)


def files(history: History) -> Sequence[str]:
    return sorted(str(path) for path in history.root.rglob("*") if path.is_file() and not path.name.endswith(".lock"))


def test_an_empty_store_has_views_with_every_column(tmp_path: Path) -> None:
    history = History.create(tmp_path / "s")
    with open_duckdb() as con:
        register(con, history.snapshot())
        assert con.columns("items") == tuple(ITEMS.names)
        assert con.fetch_rows("SELECT * FROM outcomes") == []


def test_rows_go_to_the_month_of_their_day(tmp_path: Path) -> None:
    history = History.create(tmp_path / "s")
    commit(history, 0, 20, 31, 400)
    assert [p.parent.name for p in history.snapshot().files("items")] == [
        "declared_month=1970-01",
        "declared_month=1970-02",
        "declared_month=1971-02",
    ]
    assert len(history.snapshot().files("items", first_day=32, last_day=400)) == 1


def test_an_old_snapshot_stays_as_it_was(tmp_path: Path) -> None:
    history = History.create(tmp_path / "s")
    assert (commit(history, 1), commit(history, 2, 3)) == (1, 2)
    assert (rows(history, 0), rows(history, 1), rows(history)) == (0, 1, 3)
    with pytest.raises(NotFoundError):
        history.snapshot(7)


def test_a_draft_that_fails_leaves_no_trace(tmp_path: Path) -> None:
    history = History.create(tmp_path / "s")
    commit(history, 1)
    before = files(history)

    def fail() -> None:
        with history.writing() as draft:
            draft.writer("items", ITEMS, tag="a").write(batch(5, 90))
            raise ValueError("boom")

    with pytest.raises(ValueError, match="boom"):
        fail()
    assert files(history) == before


def test_a_full_disk_says_so_and_leaves_the_store_as_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    history = History.create(tmp_path / "s")
    commit(history, 1)
    before = files(history)

    def full(path: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(history_draft, "sync_file", full)
    with pytest.raises(StoreError, match="disk is full"):
        commit(history, 2)
    assert files(history) == before
    assert rows(history) == 1


def test_a_disk_that_fills_up_at_the_last_step_leaves_the_store_as_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    history = History.create(tmp_path / "s")
    commit(history, 1)
    real = history_files.replace_file

    def full(path: Path, text: str) -> None:
        if path.name == "CURRENT":
            raise OSError(errno.ENOSPC, "No space left on device")
        real(path, text)

    monkeypatch.setattr(history_draft, "replace_file", full)
    with pytest.raises(StoreError, match="as it was before"):
        commit(history, 2)
    monkeypatch.undo()
    assert rows(history) == 1
    assert commit(history, 3) == 2
    assert rows(history) == 2


def test_an_interruption_right_after_the_commit_keeps_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    history = History.create(tmp_path / "s")
    real = Draft.commit

    def interrupted(self: Draft, *args: Any, **options: Any) -> Any:
        real(self, *args, **options)
        raise KeyboardInterrupt

    monkeypatch.setattr(Draft, "commit", interrupted)
    with pytest.raises(KeyboardInterrupt):
        commit(history, 1)
    monkeypatch.undo()
    assert rows(history) == 1


def _write_and_die(path: str, where: str) -> None:
    """Killed, as by kill -9, before the manifest is written ("data") or right before CURRENT is ("manifest")."""
    real = history_draft.replace_file

    def killed(path: Path, text: str) -> None:
        if where == "data" or path.name == "CURRENT":
            os.kill(os.getpid(), signal.SIGKILL)
        real(path, text)

    history_draft.replace_file = killed
    commit(History.open(path), 2, 50)


@pytest.mark.parametrize("where", ["data", "manifest"])
def test_a_writer_killed_half_way_leaves_the_store_as_before_and_is_swept(tmp_path: Path, where: str) -> None:
    history = History.create(tmp_path / "s")
    commit(history, 1)
    before = files(history)
    writer = multiprocessing.get_context("spawn").Process(target=_write_and_die, args=(str(history.root), where))
    writer.start()
    writer.join(60)
    assert writer.exitcode == -signal.SIGKILL
    assert len(files(history)) > len(before)
    assert rows(history) == 1
    with history.writing():
        pass
    assert files(history) == before


def _hold(path: str, ready: Any, release: Any) -> None:
    with History.open(path).writing():
        ready.set()
        release.wait(20)


def test_a_second_writer_waits_and_learns_who_holds_the_store(tmp_path: Path) -> None:
    history = History.create(tmp_path / "s")
    context = multiprocessing.get_context("spawn")
    ready, release = context.Event(), context.Event()
    holder = context.Process(target=_hold, args=(str(history.root), ready, release))
    holder.start()
    assert ready.wait(60)
    try:
        with pytest.raises(StoreError, match=f"process {holder.pid}"), history.writing(wait_seconds=0.1):
            pass
        assert history.snapshot().number == 0  # reading needs no lock
    finally:
        release.set()
        holder.join(20)
    with history.writing(wait_seconds=5):
        pass


def test_a_folder_with_other_things_is_not_taken_for_a_store(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("hello", encoding="utf-8")
    with pytest.raises(StoreError, match="other files"):
        History.create(tmp_path)
    with pytest.raises(StoreError, match="another kind of folder"):
        History.open(tmp_path)
    with pytest.raises(StoreError, match="found nothing"):
        History.open(tmp_path / "absent")


def test_a_manifest_of_a_later_format_is_rejected(tmp_path: Path) -> None:
    history = History.create(tmp_path / "s")
    commit(history, 1)
    path = history.root / "manifests/00000001.json"
    path.write_text(
        path.read_text(encoding="utf-8").replace('"format_version": 1', '"format_version": 9'), encoding="utf-8"
    )
    with pytest.raises(StoreError, match="format 9"):
        history.snapshot()


@pytest.mark.parametrize("damage", ["removed", "cut"])
def test_a_file_that_is_gone_or_cut_is_named(tmp_path: Path, damage: str) -> None:
    history = History.create(tmp_path / "s")
    commit(history, 1)
    [path] = history.snapshot().files("items")
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:100])
    else:
        path.unlink()
    with pytest.raises(StoreError, match=path.name):
        history.snapshot()


def test_the_manifest_describes_its_files(tmp_path: Path) -> None:
    history = History.create(tmp_path / "s")
    commit(history, 5, 6)
    [entry] = history.snapshot().tables["items"]
    path = history.root / entry.path
    assert (entry.rows, entry.first_day, entry.last_day, entry.size_bytes) == (2, 5, 6, path.stat().st_size)
    assert history_files.digest_file(path) == entry.sha256


def test_register_says_nothing_on_stderr_when_the_process_ends(tmp_path: Path) -> None:
    history = History.create(tmp_path / "s")
    commit(history, 1)
    program = (
        "import sys, duckdb; from basira.engines.duckdb import DuckDBEngine;"
        "from basira.storage.history.store import History, register;"
        "con = DuckDBEngine(duckdb.connect()); register(con, History.open(sys.argv[1]).snapshot());"
        "print(con.fetch_rows('SELECT count(*) FROM items')[0][0])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(history.root)], capture_output=True, text=True, check=True
    )
    assert (done.stdout.strip(), done.stderr) == ("1", "")
