"""Rows against each other and against the store: every row is accepted, known or quarantined."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from basira.ingest.mapping.model import Mapping, parse_mapping
from basira.storage.history.store import History
from basira.workflows.intake.ingest import IngestReport, ingest_files
from tests.support.ingest_world import HEADER, PLAIN_MAPPING, RECEIVED, ROW, rows_text, tree

Take = Callable[..., IngestReport]
Query = Callable[[str], list[tuple[Any, ...]]]
OTHER = ROW.replace("D1", "D2")
VERSIONED = PLAIN_MAPPING.replace('item_number = "item"', 'item_number = "item"\ndeclaration_version = "version"')


def counts(report: IngestReport) -> tuple[int, int, int]:
    assert report.rows == report.accepted + report.already_known + report.quarantined
    return report.accepted, report.already_known, report.quarantined


def test_an_identical_row_in_one_file_is_counted_as_known(take: Take, query: Query, plain: Mapping) -> None:
    assert counts(take("a.csv", plain, ROW, OTHER, ROW)) == (2, 1, 0)
    assert query("SELECT declaration_id, source_row FROM items ORDER BY 1") == [("D1", 1), ("D2", 2)]


def test_one_id_with_two_contents_in_one_file_rejects_both_rows(take: Take, query: Query, plain: Mapping) -> None:
    assert counts(take("a.csv", plain, ROW, OTHER, ROW.replace("12.5", "13"))) == (1, 0, 2)
    assert query("SELECT source_row, code FROM quarantine ORDER BY 1") == [(1, "duplicate_id"), (3, "duplicate_id")]
    assert query("SELECT declaration_id FROM items") == [("D2",)]


def test_items_that_disagree_on_the_header_are_rejected_together(take: Take, query: Query, plain: Mapping) -> None:
    second = "D1,2024-01-02,99,2,851713,CN,1,1"
    assert counts(take("a.csv", plain, ROW, second, OTHER)) == (1, 0, 2)
    assert {code for (code,) in query("SELECT code FROM quarantine")} == {"header_conflict"}


def test_the_same_file_again_changes_nothing(take: Take, store: History, plain: Mapping) -> None:
    take("a.csv", plain, ROW, OTHER, "D3,bad,10,1,851713,CN,1,1")
    before = tree(store.root)
    report = take("a.csv", plain, ROW, OTHER, "D3,bad,10,1,851713,CN,1,1")
    assert counts(report) == (0, 2, 1)
    assert report.files[0].snapshot is None
    assert tree(store.root) == before


def test_the_same_rows_in_another_file_change_nothing(take: Take, store: History, plain: Mapping) -> None:
    take("a.csv", plain, ROW, OTHER)
    before = tree(store.root)
    assert counts(take("b.csv", plain, OTHER, ROW, "")) == (0, 2, 0)
    assert tree(store.root) == before


def test_a_changed_row_in_a_later_file_is_an_amendment_and_the_old_version_stays(
    take: Take, query: Query, plain: Mapping
) -> None:
    take("a.csv", plain, ROW, OTHER)
    report = take("b.csv", plain, ROW.replace("12.5", "13"), OTHER)
    assert counts(report) == (1, 1, 0)
    assert report.files[0].amended == 1
    assert query("SELECT declaration_version, net_mass_kg FROM items WHERE declaration_id = 'D1' ORDER BY 1") == [
        (1, 12.5),
        (2, 13.0),
    ]


def test_an_amendment_restates_the_whole_declaration_of_its_file(take: Take, query: Query, plain: Mapping) -> None:
    second = "D1,2024-01-02,10,2,070820,MA,5,50"
    take("a.csv", plain, ROW, second)
    take("b.csv", plain, ROW.replace("12.5", "13"), second)
    assert query("SELECT declaration_version, item_number, net_mass_kg FROM items ORDER BY 1, 2") == [
        (1, 1, 12.5),
        (1, 2, 5.0),
        (2, 1, 13.0),
        (2, 2, 5.0),
    ]


def test_a_new_item_under_the_same_header_completes_the_version(take: Take, query: Query, plain: Mapping) -> None:
    take("a.csv", plain, ROW)
    report = take("b.csv", plain, "D1,2024-01-02,10,2,070820,MA,5,50")
    assert report.files[0].amended == 0
    assert query("SELECT declaration_version, item_number FROM items ORDER BY 2") == [(1, 1), (1, 2)]


def test_a_changed_date_moves_the_amendment_to_its_own_month(
    take: Take, query: Query, plain: Mapping, store: History
) -> None:
    take("a.csv", plain, ROW)
    take("b.csv", plain, ROW.replace("2024-01-02", "2024-03-05"))
    months = [path.parent.name for path in store.snapshot().files("items")]
    assert months == ["declared_month=2024-01", "declared_month=2024-03"]
    assert query("SELECT max(declaration_version) FROM items") == [(2,)]


def test_versions_given_by_the_source_are_kept_and_a_conflict_is_rejected(take: Take, query: Query) -> None:
    mapping = parse_mapping(VERSIONED, name="versioned")
    header = HEADER + ",version"
    assert counts(take("a.csv", mapping, ROW + ",1", ROW.replace("12.5", "13") + ",2", header=header)) == (2, 0, 0)
    later = take("b.csv", mapping, ROW.replace("12.5", "14") + ",2", ROW + ",1", OTHER + ",1", header=header)
    assert counts(later) == (1, 1, 1)
    assert query("SELECT code, value FROM quarantine") == [("version_conflict", "D1/1 version 2")]


def test_unnumbered_items_are_numbered_as_they_come(take: Take, query: Query) -> None:
    text = PLAIN_MAPPING.replace('item_number = "item"\n', "") + "\n[source]\nnumber_items = true\n"
    rows = [
        "A,2024-01-02,10,,851713,CN,1,1",
        "A,2024-01-02,10,,070820,CN,-2,1",
        "A,2024-01-02,10,,010121,CN,3,1",
        "B,2024-01-02,10,,851713,CN,1,1",
    ]
    take("a.csv", parse_mapping(text, name="numbered"), *rows)
    assert query("SELECT declaration_id, item_number FROM items ORDER BY 1, 2") == [("A", 1), ("A", 3), ("B", 1)]


def test_extra_columns_are_kept_as_text_and_differ_between_sources(take: Take, query: Query, plain: Mapping) -> None:
    with_extra = parse_mapping(PLAIN_MAPPING + '\n[extra]\nimport_type = "type"\n', name="extra")
    take("a.csv", with_extra, ROW + ",11", header=HEADER + ",type")
    take("b.csv", plain, OTHER)
    assert query("SELECT declaration_id, x_import_type FROM items ORDER BY 1") == [("D1", "11"), ("D2", None)]


def test_several_files_are_several_commits_and_the_faulty_one_undoes_only_itself(
    tmp_path: Path, store: History, plain: Mapping
) -> None:
    (tmp_path / "a.csv").write_text(rows_text(ROW), encoding="utf-8")
    (tmp_path / "b.csv").write_text("id,date\nD2,2024-01-02\n", encoding="utf-8")
    from basira.schema.errors import MappingError

    with pytest.raises(MappingError):
        ingest_files(store, [tmp_path / "a.csv", tmp_path / "b.csv"], plain, received_at=RECEIVED)
    assert store.current_number() == 0  # the columns of all files are checked before the first is written


def test_a_corrected_mapping_takes_in_what_the_first_rejected(take: Take, query: Query) -> None:
    strict = parse_mapping(PLAIN_MAPPING, name="m")
    lenient = parse_mapping(
        PLAIN_MAPPING.replace('origin_country = "origin"', 'origin_country = { column = "origin", accept = ["QQ"] }'),
        name="m",
    )
    rows = (ROW, OTHER.replace("CN", "QQ"))
    take("a.csv", strict, *rows)
    assert counts(take("a.csv", lenient, *rows)) == (1, 1, 0)
    assert query("SELECT count(*) FROM quarantine") == [(0,)]
