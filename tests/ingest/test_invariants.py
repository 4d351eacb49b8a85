"""Whatever files come in whatever order: every row is accounted for, and nothing accepted is ever lost."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from basira.ingest.mapping.model import Mapping
from basira.storage.history.store import History
from basira.workflows.intake.ingest import IngestReport
from tests.support.ingest_world import tree

Take = Callable[..., IngestReport]
Query = Callable[[str], list[tuple[Any, ...]]]


def some_rows(draw: random.Random) -> list[str]:
    """A few rows over few keys and contents, so that repetitions, amendments and conflicts all happen; some bad."""
    return [
        f"D{draw.randint(1, 4)},2024-0{draw.randint(1, 2)}-02,{draw.choice(['10', '10', '11'])},{draw.randint(1, 2)},"
        f"851713,{draw.choice(['CN', 'CN', 'CN', '#N/A'])},{draw.randint(1, 2)},1"
        for _ in range(draw.randint(1, 6))
    ]


def expected_refusals(rows: list[str]) -> set[int]:
    """The plain loop: rows rejected within one file, by their numbers."""
    good = {number: row.split(",") for number, row in enumerate(rows, start=1) if "#N/A" not in row}
    refused = set(range(1, len(rows) + 1)) - set(good)
    for number, row in good.items():
        for other in good.values():
            same_item = (row[0], row[3]) == (other[0], other[3])
            same_header = (row[0], row[1], row[2]) == (other[0], other[1], other[2])
            if (same_item and row != other) or (row[0] == other[0] and not same_header):
                refused.add(number)
    return refused


@pytest.mark.parametrize("seed", range(7))
def test_rows_are_accounted_for_and_a_second_time_changes_nothing(
    seed: int, take: Take, store: History, query: Query, plain: Mapping
) -> None:
    draw = random.Random(seed)
    contents: set[tuple[str, str]] = set()
    for number in range(3):
        rows = some_rows(draw)
        refused = expected_refusals(rows)
        report = take(f"{number}.csv", plain, *rows)
        assert report.accepted + report.already_known + report.quarantined == report.rows == len(rows)
        assert report.quarantined == len(refused)
        contents |= {(r.split(",")[0], r) for n, r in enumerate(rows, start=1) if n not in refused}
        stored = query(
            "SELECT declaration_id, concat_ws(',', declaration_id, strftime(declared_at, '%Y-%m-%d'), office, "
            "item_number, commodity_code, origin_country, net_mass_kg::INT, customs_value_amount::INT) FROM items"
        )
        assert set(stored) == contents
        keys = query("SELECT declaration_id, declaration_version, item_number FROM items")
        assert len(set(keys)) == len(keys)
        headers = query(
            "SELECT count(DISTINCT (declared_at, office)) FROM items GROUP BY declaration_id, declaration_version"
        )
        assert {count for (count,) in headers} <= {1}
        before = tree(store.root)
        again = take(f"{number}-again.csv", plain, *rows, "")  # other bytes, so the digest does not help
        if not refused:
            assert (again.accepted, tree(store.root)) == (0, before)
        assert again.accepted == 0
