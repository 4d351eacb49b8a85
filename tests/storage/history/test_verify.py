"""The history is proven by hashes: what was changed is found, and what CURRENT does not explain is never removed."""

from __future__ import annotations

import json
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from basira.schema.errors import NotFoundError, StoreError
from basira.storage.history.repair import repair
from basira.storage.history.store import History
from basira.storage.history.verify import HistoryHead, head_of, verify_history
from basira.storage.private_files import find_open
from tests.storage.history.test_store import commit, rows


@pytest.fixture
def history(tmp_path: Path) -> History:
    made = History.create(tmp_path / "s")
    for day in (1, 2, 40):
        commit(made, day)
    return made


def tree(history: History) -> dict[str, bytes]:
    paths = (path for path in history.root.rglob("*") if path.is_file() and path.suffix != ".lock")
    return {path.relative_to(history.root).as_posix(): path.read_bytes() for path in paths}


def flip(path: Path) -> None:
    """Change one byte in the middle; the size stays."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def manifest(history: History, number: int) -> Path:
    return history.root / "manifests" / f"{number:08d}.json"


def rewrite(history: History, number: int, **changes: object) -> None:
    path = manifest(history, number)
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | changes), encoding="utf-8")


def make_older(history: History, *numbers: int) -> None:
    """Manifests as versions before the chained ones wrote them."""
    for number in numbers:
        body = json.loads(manifest(history, number).read_text(encoding="utf-8"))
        del body["parent_digest"], body["adopted"]
        manifest(history, number).write_text(json.dumps(body, indent=1, sort_keys=True), encoding="utf-8")


# Hashes.


def test_an_untouched_history_is_whole(history: History) -> None:
    found = verify_history(history)
    assert (found.faults, found.snapshots, found.files, found.adopted, found.older) == ((), 3, 3, 0, 0)
    assert found.head == head_of(history)
    assert found.size_bytes == sum(path.stat().st_size for path in history.snapshot().files("items"))


def test_a_file_changed_at_the_same_size_is_found_and_decides_nothing(history: History) -> None:
    path = history.snapshot().files("items")[1]
    flip(path)
    (fault,) = verify_history(history).faults
    assert path.name in fault
    with pytest.raises(StoreError, match=path.name):
        history.verified_snapshot()


@pytest.mark.parametrize("number", [1, 2])
def test_a_changed_manifest_is_found_by_its_successor(history: History, number: int) -> None:
    rewrite(history, number, sources=[])
    manifest(history, number).write_text(manifest(history, number).read_text(encoding="utf-8") + " ", encoding="utf-8")
    assert any(f"snapshot {number} was changed" in fault for fault in verify_history(history).faults)


def test_a_file_forged_with_its_manifest_and_all_after_it_is_found_by_the_exported_head(history: History) -> None:
    kept = head_of(history)
    rewrite(history, 3, tables={**json.loads(manifest(history, 3).read_text())["tables"], "items": []})
    assert verify_history(history).is_whole
    (fault,) = verify_history(history, kept=kept).faults
    assert "snapshot 3" in fault


def test_a_tail_cut_off_with_current_is_found_by_the_exported_head(history: History) -> None:
    kept = head_of(history)
    manifest(history, 3).unlink()
    (history.root / "CURRENT").write_text("2\n")
    assert verify_history(history).is_whole
    (fault,) = verify_history(history, kept=kept).faults
    assert "gone" in fault
    assert verify_history(history, kept=HistoryHead(2, head_of(history).digest)).is_whole


def test_a_manifest_that_lost_the_link_of_its_kind_is_found(history: History) -> None:
    make_older(history, 2)
    assert any("no longer names" in fault for fault in verify_history(history).faults)


@pytest.mark.parametrize("path", ["/etc/passwd", "data/../../x/00000001-a.parquet", "data/items/*.parquet"])
def test_a_path_that_leads_elsewhere_is_rejected(history: History, path: str) -> None:
    tables = json.loads(manifest(history, 3).read_text())["tables"]
    tables["items"][0]["path"] = path
    rewrite(history, 3, tables=tables)
    with pytest.raises(StoreError, match="data file"):
        history.snapshot()


def test_a_mapping_that_is_not_the_one_of_its_name_is_rejected(history: History) -> None:
    import hashlib

    digest = hashlib.sha256(b"name = 'x'").hexdigest()
    path = history.root / "mappings" / f"{digest}.toml"
    path.write_text("name = 'x'")
    assert history.mapping_text(digest) == "name = 'x'"
    path.write_text("name = 'y'")
    with pytest.raises(StoreError, match="mapping"):
        history.mapping_text(digest)


# Stores of earlier versions.


def test_manifests_of_the_older_kind_are_read_and_adopted_by_the_next_commit(history: History) -> None:
    make_older(history, 1, 2, 3)
    found = verify_history(history)
    assert (found.faults, found.adopted, found.older) == ((), 0, 3)
    commit(history, 50)
    found = verify_history(history)
    assert (found.faults, found.adopted, found.older) == ((), 3, 0)
    rewrite(history, 1, sources=[{}])
    assert verify_history(history).faults
    assert rows(history) == 4


def test_an_adopted_manifest_that_is_changed_is_found(history: History) -> None:
    make_older(history, 1, 2, 3)
    commit(history, 50)
    path = manifest(history, 1)
    path.write_text(path.read_text() + "\n")
    (fault,) = verify_history(history).faults
    assert "snapshot 1" in fault


# CURRENT.


@pytest.mark.parametrize("number", [0, 1, 2, 9])
def test_with_a_current_that_went_elsewhere_nothing_is_read_written_or_removed(history: History, number: int) -> None:
    (history.root / "CURRENT").write_text(f"{number}\n")
    before = tree(history)
    with pytest.raises(StoreError) as error:
        commit(history, 60)
    assert "history repair" in error.value.hint
    with pytest.raises(StoreError):
        history.snapshot()
    assert not verify_history(history).is_whole
    assert tree(history) == before


def test_a_repair_puts_the_last_whole_snapshot_in_force(history: History) -> None:
    (history.root / "CURRENT").write_text("1\n")
    done = repair(history)
    assert (done.before, done.number, done.set_aside) == (1, 3, 0)
    assert rows(history) == 3
    assert commit(history, 60) == 4


def test_a_lost_current_is_not_taken_for_a_new_store(history: History) -> None:
    (history.root / "CURRENT").unlink()
    with pytest.raises(StoreError, match="CURRENT"):
        History.create(history.root)
    assert repair(history).number == 3
    assert rows(history) == 3


def test_a_snapshot_that_lacks_a_file_is_set_aside_with_what_is_left_of_it(history: History) -> None:
    (lost,) = (history.root / "data").rglob("00000003-*.parquet")
    lost.unlink()
    done = repair(history)
    assert (done.number, done.set_aside) == (2, 1)
    assert rows(history) == 2
    assert commit(history, 60) == 3


def test_going_back_on_purpose_keeps_what_was_later(history: History) -> None:
    later = {name: content for name, content in tree(history).items() if "0000000" in name and "00000001" not in name}
    done = repair(history, to=1)
    assert (done.number, done.set_aside) == (1, 4)
    assert rows(history) == 1
    assert done.folder is not None
    aside = {p.relative_to(done.folder).as_posix(): p.read_bytes() for p in done.folder.rglob("*") if p.is_file()}
    assert aside == later
    assert commit(history, 60) == 2
    assert {p.relative_to(done.folder).as_posix() for p in done.folder.rglob("*") if p.is_file()} == later.keys()
    with pytest.raises(NotFoundError):
        repair(history, to=7)


def test_a_copy_made_while_something_was_taken_in_is_repaired(history: History, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    current = (history.root / "CURRENT").read_bytes()
    commit(history, 60)
    commit(history, 70)
    shutil.copytree(history.root, copy)
    (copy / "CURRENT").write_bytes(current)
    restored = History.open(copy)
    with pytest.raises(StoreError):
        restored.snapshot()
    assert repair(restored).number == 5
    assert verify_history(restored).is_whole


# Rights.


@pytest.fixture
def usual_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def test_a_store_is_its_owners_alone_whatever_the_umask(usual_umask: None, tmp_path: Path) -> None:
    history = History.create(tmp_path / "s")
    with history.writing() as draft:
        assert stat.S_IMODE(draft.scratch().stat().st_mode) == 0o700
    commit(history, 1, 40)
    modes = {stat.S_IMODE(p.stat().st_mode) for p in history.root.rglob("*") if p.suffix not in (".lock", ".by")}
    assert modes == {0o600, 0o700}
    assert stat.S_IMODE(history.root.stat().st_mode) == 0o700


def test_what_every_user_may_read_is_found_unless_none_may_enter(usual_umask: None, history: History) -> None:
    path = manifest(history, 1)
    path.chmod(0o644)
    assert find_open(history.root) == []
    history.root.chmod(0o755)
    assert path in find_open(history.root)
