"""One by one as in the batch, whatever the order, the files, the runs and the day asked."""

from __future__ import annotations

import random
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from basira.engines.duckdb import open_duckdb
from basira.features.batch import compute
from basira.features.catalog.catalog import EXPECTED_PRICES
from basira.schema.tables import ITEMS, OUTCOMES
from basira.storage.history.views import create_view
from tests.support.features_world import Key, Row, computed, computed_on, engine, key_of, random_history

AS_OF = 10_600
KEY = ("declaration_id", "declaration_version", "item_number")


@pytest.fixture(scope="module")
def world() -> tuple[list[Row], list[Row], list[Key]]:
    items, outcomes = random_history(21)
    return items, outcomes, [key_of(row) for row in items]


@pytest.fixture(scope="module")
def batch(world: tuple[list[Row], list[Row], list[Key]]) -> dict[Key, str]:
    items, outcomes, wanted = world
    return {key: repr(row) for key, row in computed(items, outcomes, wanted, as_of_day=AS_OF).items()}


World = tuple[list[Row], list[Row], list[Key]]


def test_one_item_alone_gives_the_features_of_the_batch(world: World, batch: dict[Key, str]) -> None:
    items, outcomes, wanted = world
    with engine(items, outcomes) as con:
        for key in wanted[:: len(wanted) // 5]:
            assert {k: repr(row) for k, row in computed_on(con, [key], as_of_day=AS_OF).items()} == {key: batch[key]}


def test_the_order_of_the_rows_does_not_matter(world: World, batch: dict[Key, str]) -> None:
    items, outcomes, wanted = world
    rng = random.Random(3)
    shuffled = (rng.sample(rows, len(rows)) for rows in (items, outcomes, wanted))
    found = computed(*shuffled, as_of_day=AS_OF)  # type: ignore[arg-type]
    assert {key: repr(row) for key, row in found.items()} == batch


def test_the_split_into_files_and_the_number_of_threads_do_not_matter(
    world: World, batch: dict[Key, str], tmp_path: Path
) -> None:
    items, outcomes, wanted = world
    parts = [tmp_path / f"{name}{n}.parquet" for name in ("items", "outcomes") for n in range(3)]
    with open_duckdb(reads=parts, threads=4) as con:
        for name, rows, schema in (("items", items, ITEMS), ("outcomes", outcomes, OUTCOMES)):
            paths = [tmp_path / f"{name}{n}.parquet" for n in range(3)]
            for n, path in enumerate(paths):
                pq.write_table(pa.Table.from_pylist(rows[n::3], schema=schema), path, row_group_size=7)
            create_view(con, name, schema, paths)
        found = computed_on(con, wanted, as_of_day=AS_OF)
    assert {key: repr(row) for key, row in found.items()} == batch


@pytest.mark.parametrize("rows_a_run", [1, 40])
def test_the_number_of_join_runs_does_not_matter(
    world: World, batch: dict[Key, str], rows_a_run: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    items, outcomes, wanted = world
    monkeypatch.setattr(compute, "ROWS_A_RUN", rows_a_run)
    some = wanted if rows_a_run > 1 else wanted[:10]
    found = computed(items, outcomes, some, as_of_day=AS_OF)
    assert {key: repr(row) for key, row in found.items()} == {key: batch[key] for key in some}


@pytest.mark.parametrize("is_narrow", [True, False])
def test_the_narrow_plan_gives_the_features_of_the_wide_one(
    world: World, batch: dict[Key, str], is_narrow: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    items, outcomes, wanted = world
    monkeypatch.setattr(compute, "NARROW_SHARE", 0)
    monkeypatch.setattr(compute, "NARROW_DAYS", 10_000 if is_narrow else -1)
    found = computed(items, outcomes, wanted, as_of_day=AS_OF)
    assert {key: repr(row) for key, row in found.items()} == batch


def test_a_later_as_of_leaves_the_items_already_described_as_they_were(world: World, batch: dict[Key, str]) -> None:
    items, outcomes, wanted = world
    earlier = [key_of(row) for row in items if row["declared_day"] <= AS_OF + 1]
    assert 20 < len(earlier) < len(wanted)
    found = computed(items, outcomes, wanted, as_of_day=AS_OF + 120)
    assert {key: repr(found[key]) for key in earlier} == {key: batch[key] for key in earlier}
    assert any(repr(found[key]) != batch[key] for key in wanted)


def test_a_second_call_on_the_same_connection_gives_the_same(world: World, batch: dict[Key, str]) -> None:
    items, outcomes, wanted = world
    with engine(items, outcomes) as con:
        computed_on(con, wanted[:3], as_of_day=AS_OF - 90)
        found = computed_on(con, wanted, as_of_day=AS_OF)
    assert {key: repr(row) for key, row in found.items()} == batch


@pytest.mark.parametrize("is_narrow", [False, True])
def test_without_expected_prices_all_other_features_are_the_same_to_the_bit(
    world: World, is_narrow: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    items, outcomes, wanted = world
    monkeypatch.setattr(compute, "NARROW_SHARE", 0)
    monkeypatch.setattr(compute, "NARROW_DAYS", 10_000 if is_narrow else -1)
    with engine(items, outcomes) as con:
        con.register("asked", pa.table(dict(zip(KEY, map(list, zip(*wanted, strict=True)), strict=True))))
        compute.compute_features(con, "asked", as_of_day=AS_OF, into="whole")
        compute.compute_features(con, "asked", as_of_day=AS_OF, into="less", has_expected=False)
        kept = con.columns("less")
        assert set(con.columns("whole")) - set(kept) == EXPECTED_PRICES
        names = ", ".join(kept)
        rows = [con.fetch_rows(f"select {names} from {table} order by {', '.join(KEY)}") for table in ("whole", "less")]
    assert len(rows[0]) == len(wanted)
    assert repr(rows[0]) == repr(rows[1])
