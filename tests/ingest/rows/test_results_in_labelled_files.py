"""Results beside declarations, and results in files of their own."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from basira.ingest.mapping.model import Mapping, parse_mapping
from basira.schema.errors import MappingError
from basira.storage.history.store import History
from basira.workflows.intake.feedback import record_feedback
from basira.workflows.intake.ingest import IngestReport
from basira.workflows.intake.quarantine import retry_quarantine
from tests.support.ingest_world import HEADER, PLAIN_MAPPING, RECEIVED, ROW

Take = Callable[..., IngestReport]
Query = Callable[[str], list[tuple[Any, ...]]]

LABELLED = PLAIN_MAPPING + '\n[outcome]\nknown_after_days = 3\nis_irregular = "fraud"\nseverity = "level"\n'
LABELLED_HEADER = HEADER + ",fraud,level"
RESULTS = """
[outcome]
declaration_id = "id"
item_number = "item"
known_at = "known"
is_irregular = "fraud"
is_irregular_value = "value"
is_irregular_origin = "origin"
additional_revenue_amount = "revenue"
is_inspected = "inspected"
"""
RESULT_HEADER = "id,item,known,fraud,value,origin,revenue,inspected"


@pytest.fixture
def labelled() -> Mapping:
    return parse_mapping(LABELLED, name="labelled")


@pytest.fixture
def tell(tmp_path: Path, store: History) -> Callable[..., IngestReport]:
    """Write a file of results and record it."""

    def run(name: str, *rows: str, header: str = RESULT_HEADER, mapping: str = RESULTS, **options: Any) -> IngestReport:
        path = tmp_path / name
        path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
        return record_feedback(store, [path], parse_mapping(mapping, name="results"), received_at=RECEIVED, **options)

    return run


def test_a_labelled_row_becomes_an_item_and_an_outcome_known_later(take: Take, query: Query, labelled: Mapping) -> None:
    report = take("a.csv", labelled, ROW + ",1,2", header=LABELLED_HEADER)
    assert report.files[0].results == 1
    assert query(
        "SELECT declaration_id, item_number, known_at, is_irregular, is_inspected, severity FROM outcomes"
    ) == [("D1", 1, datetime(2024, 1, 5), True, True, 2)]


def test_a_blank_result_is_no_outcome_and_never_compliant(take: Take, query: Query, labelled: Mapping) -> None:
    take("a.csv", labelled, ROW + ",,", ROW.replace("D1", "D2") + ",0,0", header=LABELLED_HEADER)
    assert query("SELECT declaration_id, is_irregular FROM outcomes") == [("D2", False)]
    assert query("SELECT count(*) FROM items") == [(2,)]


def test_a_contradictory_result_rejects_the_row(take: Take, query: Query, labelled: Mapping) -> None:
    take("a.csv", labelled, ROW + ",0,2", ROW.replace("D1", "D2") + ",1,0", header=LABELLED_HEADER)
    assert query("SELECT source_row, field, code FROM quarantine") == [(1, "severity", "contradiction")]
    assert query("SELECT declaration_id FROM items") == [("D2",)]


def test_another_label_for_the_same_known_date_is_a_conflict_not_an_overwriting(
    take: Take, query: Query, labelled: Mapping
) -> None:
    take("a.csv", labelled, ROW + ",0,0", header=LABELLED_HEADER)
    report = take("b.csv", labelled, ROW + ",1,1", header=LABELLED_HEADER)
    assert report.files[0].reasons == {"result_conflict": 1}
    assert query("SELECT is_irregular FROM outcomes") == [(False,)]


def test_labels_that_come_with_a_later_file_are_added_to_known_items(
    take: Take, query: Query, plain: Mapping, labelled: Mapping
) -> None:
    take("a.csv", plain, ROW)
    report = take("b.csv", labelled, ROW + ",1,1", header=LABELLED_HEADER)
    assert (report.accepted, report.files[0].results) == (1, 1)
    assert query("SELECT (SELECT count(*) FROM items), (SELECT count(*) FROM outcomes)") == [(1, 1)]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("D1,1,2024-02-01,1,,,500,", (True, None, True)),
        ("D1,1,2024-02-01,,1,0,,", (True, True, True)),
        ("D1,1,2024-02-01,,0,0,,", (False, False, True)),
        ("D1,1,2024-02-01,,0,,,", (None, False, None)),  # origin is blank: not known to be compliant
        ("D1,1,2024-02-01,,,,,0", (None, None, False)),
    ],
)
def test_what_follows_from_a_result_and_what_does_not(
    row: str, expected: tuple[Any, ...], take: Take, tell: Take, query: Query, plain: Mapping
) -> None:
    take("a.csv", plain, ROW)
    tell("r.csv", row)
    assert query("SELECT is_irregular, is_irregular_value, is_inspected FROM outcomes") == [expected]


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ("D1,1,2024-02-01,0,1,,,", "contradiction"),
        ("D1,1,2024-02-01,1,,,,0", "contradiction"),
        ("D1,1,2024-01-01,1,,,,", "known_before_declared"),
        ("D7,1,2024-02-01,1,,,,", "unknown_declaration"),
        ("D1,2,2024-02-01,1,,,,", "unknown_declaration"),
        ("D1,1,,1,,,,", "missing"),
        ("D1,1,2024-02-01,peut-être,,,,", "bad_flag"),
    ],
)
def test_a_result_that_cannot_stand_is_quarantined(
    row: str, code: str, take: Take, tell: Take, query: Query, plain: Mapping
) -> None:
    take("a.csv", plain, ROW)
    tell("r.csv", row)
    assert query('SELECT "table", code FROM quarantine') == [("outcomes", code)]
    assert query("SELECT count(*) FROM outcomes") == [(0,)]


def test_a_row_without_any_result_says_nothing(take: Take, tell: Take, query: Query, plain: Mapping) -> None:
    take("a.csv", plain, ROW)
    tell("r.csv", "D1,1,2024-02-01,,,,,")
    assert query("SELECT count(*) FROM outcomes") == [(0,)]


def test_a_result_on_the_whole_declaration_needs_no_item(take: Take, tell: Take, query: Query, plain: Mapping) -> None:
    take("a.csv", plain, ROW)
    tell("r.csv", "D1,,2024-01-02,1,,,,")
    assert query("SELECT item_number, is_irregular FROM outcomes") == [(None, True)]


def test_repeated_results_change_nothing_and_a_correction_is_one_more_row(
    take: Take, tell: Take, query: Query, plain: Mapping, store: History
) -> None:
    take("a.csv", plain, ROW)
    tell("r.csv", "D1,1,2024-02-01,0,,,,")
    number = store.current_number()
    assert tell("r2.csv", "D1,1,2024-02-01,0,,,,", "").already_known == 1
    assert store.current_number() == number
    tell("r3.csv", "D1,1,2024-03-01,1,,,500,")
    assert query("SELECT is_irregular FROM outcomes ORDER BY known_at") == [(False,), (True,)]


def test_a_result_is_taken_in_again_once_its_declaration_is_there(
    take: Take, tell: Take, query: Query, plain: Mapping, store: History
) -> None:
    tell("r.csv", "D1,1,2024-02-01,1,,,,")
    assert retry_quarantine(store, received_at=RECEIVED).left == 1
    take("a.csv", plain, ROW)
    report = retry_quarantine(store, received_at=RECEIVED)
    assert (report.left, report.files[0].accepted) == (0, 1)
    assert query("SELECT source_row, is_irregular FROM outcomes") == [(1, True)]


def test_one_known_date_for_a_whole_file_is_given_by_the_caller(
    take: Take, tell: Take, query: Query, plain: Mapping
) -> None:
    take("a.csv", plain, ROW)
    mapping = '[outcome]\ndeclaration_id = "id"\nis_irregular = "fraud"\n'
    with pytest.raises(MappingError, match="known_at"):
        tell("r.csv", "D1,oui", header="id,fraud", mapping=mapping)
    tell("r.csv", "D1,oui", header="id,fraud", mapping=mapping, known_at=datetime(2024, 2, 3))
    assert query("SELECT known_at, known_day FROM outcomes") == [(datetime(2024, 2, 3), 19756)]
