"""The scratch connection: bounded, removed afterwards, and interrupted like anything else."""

from __future__ import annotations

from pathlib import Path

import duckdb
import polars as pl
import pytest

from basira.schema.errors import UsageError
from basira.storage.engine import fetch_value, open_engine


def test_an_interrupted_query_is_a_ctrl_c(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), open_engine(scratch=tmp_path):
        raise RuntimeError("Query interrupted")
    assert not list(tmp_path.iterdir())


def test_another_failure_stays_what_it_is(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="something else"), open_engine(scratch=tmp_path):
        raise RuntimeError("something else")


def test_the_scratch_folder_is_removed(tmp_path: Path) -> None:
    with open_engine(scratch=tmp_path) as con:
        assert fetch_value(con, "select 42") == 42
        assert list(tmp_path.iterdir())
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "statement",
    [
        "copy (select 1) to '{other}/taken.csv'",
        "copy (select 1) to '{allowed}'",
        "export database '{other}/all'",
        "from read_csv('{other}/secret.csv')",
        "from read_text('{other}/secret.csv')",
        "from read_blob('{other}/secret.csv')",
        "from read_parquet('{other}/secret.parquet')",
        "from '{other}/secret.csv'",
        "from glob('{other}/*')",
        "from read_csv('https://localhost/secret.csv')",
        "attach '{other}/other.duckdb'",
        "install httpfs",
        "load httpfs",
        "load '{other}/evil.duckdb_extension'",
        "set enable_external_access = true",
        "set lock_configuration = false",
        "set allowed_directories = ['/']",
        "set temp_directory = '{other}'",
        "pragma enable_logging",
        "create secret (type http, bearer_token 'x')",
        "from a_table_of_python",
    ],
)
def test_a_statement_reaches_nothing_of_the_machine(tmp_path: Path, statement: str) -> None:
    """What a hole in the composing of SQL would be worth: nothing but the rows of the store."""
    other, scratch, allowed = tmp_path / "other", tmp_path / "scratch", tmp_path / "store.parquet"
    other.mkdir()
    scratch.mkdir()
    (other / "secret.csv").write_text("a\n1\n", encoding="utf-8")
    frame = pl.DataFrame({"a": [1]})
    frame.write_parquet(other / "secret.parquet")
    frame.write_parquet(allowed)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    a_table_of_python = frame.to_arrow()
    assert len(a_table_of_python)
    with open_engine(reads=[allowed], scratch=scratch) as con:
        assert fetch_value(con, f"select a from read_parquet('{allowed}')") == 1
        with pytest.raises(duckdb.Error):
            con.execute(statement.format(other=other, allowed=allowed))
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_it_spills_where_it_may(tmp_path: Path) -> None:
    with open_engine(scratch=tmp_path, memory="60MB", threads=1) as con:
        con.execute("create temp table wide as select range as n, hash(range)::varchar as text from range(1_500_000)")
        assert fetch_value(con, "select count(*) from (from wide order by text limit 1_000_000 offset 1)") == 1_000_000


def test_an_invalid_memory_size_is_reported(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--memory"), open_engine(scratch=tmp_path, memory="much"):
        pass
    assert not list(tmp_path.iterdir())
