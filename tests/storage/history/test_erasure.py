"""A person is taken out of the history: no row lost, figures still of one importer, earlier files gone and reported."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

from basira.ingest.mapping.model import load_mapping
from basira.schema.errors import StoreError
from basira.storage.history import erasure as history_erasure
from basira.storage.history.erased import note_erased
from basira.storage.history.erasure import ErasedHistory, erase_from_history, find_holding
from basira.storage.history.store import History
from basira.storage.history.verify import verify_history
from basira.workflows.intake.ingest import ingest_files

PERSON = "ICE-77"
NOW = datetime(2026, 3, 2, 12)
Rows = list[dict[str, object]]


def row(number: int, day: str, **values: object) -> dict[str, object]:
    return {"declaration_id": f"D{number}", "declared_at": day, "commodity_code": "851713", **values}


def taken(store: Path, name: str, rows: Rows) -> History:
    path = store.with_name(f"{name}.parquet")
    pl.DataFrame(rows, infer_schema_length=None).write_parquet(path)
    history = History.create(store)
    ingest_files(history, [path], load_mapping("basira"), received_at=NOW)
    return history


@pytest.fixture
def history(tmp_path: Path) -> History:
    """Three commits: one that names no person, one that names the person everywhere, one with another x_ column."""
    taken(tmp_path / "store", "first", [row(1, "2025-01-03", importer_id="ICE-770", description="coton")])
    taken(
        tmp_path / "store",
        "second",
        [
            row(2, "2025-02-03", importer_id=PERSON, declarant_id="B", description=f"effets de {PERSON}"),
            row(3, "2025-02-04", importer_id="ICE-1", declarant_id=PERSON, description="coton"),
            row(4, "2025-02-05", importer_id="ICE-770", declarant_id="B", transport_document=f"CMR/{PERSON}/1"),
            row(5, "never", importer_id=PERSON, declarant_id=None, description=f"pour {PERSON}, à lui"),
        ],
    )
    return taken(tmp_path / "store", "third", [row(6, "2025-02-09", importer_id=PERSON, exporter_id="E", is_oea=True)])


def items(history: History, number: int | None = None) -> pl.DataFrame:
    files = history.snapshot(number).files("items")
    return pl.concat([pl.read_parquet(path) for path in files], how="diagonal_relaxed").sort("declaration_id")


def erased(history: History, value: str = PERSON) -> tuple[ErasedHistory, list[ErasedHistory]]:
    audited: list[ErasedHistory] = []
    return erase_from_history(history, value, now=NOW, audit=audited.append), audited


def test_identifiers_become_one_pseudonym_and_texts_are_emptied(history: History) -> None:
    before = items(history)
    done, audited = erased(history)
    after = items(history)
    assert (done.rows, done.rewritten, done.removed, done.left, done.snapshot) == (5, 3, 3, 0, 4)
    assert audited == [done]
    assert find_holding(history, PERSON) == []
    named = set(after["importer_id"]) | set(after["declarant_id"]) - {None}
    (pseudonym,) = {one for one in named if one and one.startswith("erased:")}
    assert after["importer_id"].to_list() == ["ICE-770", pseudonym, "ICE-1", "ICE-770", pseudonym]
    assert after["declarant_id"].to_list() == [None, "B", pseudonym, "B", None]
    assert after["description"].to_list() == ["coton", None, "coton", None, None]
    assert after["transport_document"].to_list() == [None] * 5
    touched = ["importer_id", "declarant_id", "description", "transport_document"]
    assert after.drop(touched).equals(before.select(after.columns).drop(touched))


def test_rows_of_the_quarantine_stay_without_it(history: History) -> None:
    erased(history)
    (path,) = history.snapshot().files("quarantine")
    (kept,) = pl.read_parquet(path).to_dicts()
    cells = json.loads(kept["row_json"])
    assert cells["importer_id"].startswith("erased:")
    assert cells["description"] == ""
    assert (cells["declaration_id"], kept["value"]) == ("D5", "never")


def test_a_snapshot_that_held_it_says_that_it_was_erased_and_one_that_did_not_is_whole(history: History) -> None:
    erased(history)
    assert items(history, 1).height == 1
    for number in (2, 3):
        with pytest.raises(StoreError, match="was erased on 2026-03-02") as raised:
            history.snapshot(number)
        assert "can't be made again" in raised.value.hint
    (history.root / history.manifest().tables["items"][0].path).unlink()
    with pytest.raises(StoreError, match="found nothing"):
        history.snapshot()


def test_the_proof_counts_what_was_erased_and_finds_what_is_only_claimed_to_be(history: History) -> None:
    done, _ = erased(history)
    proof = verify_history(history)
    assert (proof.faults, proof.erased) == ((), done.removed)
    lost = history.snapshot().files("items")[0]
    note_erased(history.root, [lost.relative_to(history.root).as_posix()], now=NOW)
    lost.unlink()
    assert not verify_history(history).is_whole


def test_no_other_person_is_touched_and_nothing_to_erase_makes_no_snapshot(history: History) -> None:
    before = items(history)
    done, audited = erased(history, "ICE-7700")
    assert (done, audited) == (ErasedHistory(0, 0, 0, 0, 3), [])
    assert items(history).equals(before)


def test_a_number_that_names_the_person_stays_and_is_reported(history: History, tmp_path: Path) -> None:
    taken(history.root, "fourth", [{**row(7, "2025-03-03"), "declaration_id": f"BL {PERSON}"}])
    done, _ = erased(history)
    assert done.left == 1
    assert [one.rows for one in find_holding(history, PERSON)] == [1]
    again, audited = erased(history)
    assert (again.rewritten, again.removed, again.left, audited) == (0, 0, 1, [])


def stopped(*_arguments: object, **_named: object) -> None:
    raise KeyboardInterrupt


def at_commit(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("basira.storage.history.draft.Draft.commit", stopped)


def before_the_list(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(history_erasure, "note_erased", stopped)


def at_removal(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(history_erasure, "sync_folder", stopped)


@pytest.mark.parametrize(("where", "number"), [(at_commit, 3), (before_the_list, 4), (at_removal, 4)])
def test_one_that_is_cut_off_leaves_a_whole_history_and_goes_on(
    history: History, where: Callable[[pytest.MonkeyPatch], None], number: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        where(patch)
        with pytest.raises(KeyboardInterrupt):
            erased(history)
    assert history.current_number() == number
    assert items(history).height == 5
    assert find_holding(history, PERSON)
    done, audited = erased(history)
    assert audited == [done]
    assert find_holding(history, PERSON) == []
    assert (items(history).height, history.current_number()) == (5, 4)
