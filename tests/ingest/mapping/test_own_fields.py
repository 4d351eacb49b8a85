"""Fields of a source's own, `[extra]`: one rule for their names, a bound for a mapping and for a store."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from basira.ingest.mapping.model import parse_mapping
from basira.ingest.suggest.propose import suggest_mapping
from basira.schema.errors import MappingError
from basira.schema.names import MOST_OF_A_SOURCE, MOST_OF_A_STORE, is_own_name
from basira.storage.history.store import History, own_names
from basira.workflows.intake.ingest import ingest_files
from basira.workflows.intake.quarantine import retry_quarantine
from tests.support.ingest_world import HEADER, PLAIN_MAPPING, RECEIVED, ROW, rows_text

# As stores of earlier versions have them.
LONG = "a" * 60


def mapping_text(extra: dict[str, str]) -> str:
    return PLAIN_MAPPING + "\n[extra]\n" + "".join(f'"{name}" = "{column}"\n' for name, column in extra.items())


@pytest.mark.parametrize(
    "name", ["Lot", "lot-number", "lot number", "1st", "_lot", "é", "", 'a\\"b', "a" * 49, "a\\nb"]
)
def test_a_mapping_with_a_name_that_no_column_may_have_is_rejected(name: str) -> None:
    with pytest.raises(MappingError, match="small letters"):
        parse_mapping(mapping_text({name: "mass"}), name="m")


def test_a_mapping_has_so_many_fields_of_its_own_and_no_more() -> None:
    names = {f"n{n}": "mass" for n in range(MOST_OF_A_SOURCE)}
    assert len(parse_mapping(mapping_text(names), name="m").extra) == MOST_OF_A_SOURCE
    with pytest.raises(MappingError, match=f"at most {MOST_OF_A_SOURCE}"):
        parse_mapping(mapping_text(names | {"one_more": "mass"}), name="m")


def test_a_mapping_that_a_store_keeps_is_read_by_the_rule_of_its_time() -> None:
    many = {f"n{n}": "mass" for n in range(MOST_OF_A_SOURCE)} | {LONG: "mass", "lot-number": "mass"}
    kept = parse_mapping(mapping_text(many), name="m", is_kept=True)
    assert set(kept.extra) == set(many) - {"lot-number"}


def test_a_store_takes_so_many_names_and_rejects_the_file_that_brings_more(tmp_path: Path, store: History) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(rows_text(ROW), encoding="utf-8")
    for start in range(0, MOST_OF_A_STORE, MOST_OF_A_SOURCE):
        extra = {f"n{n}": "mass" for n in range(start, start + MOST_OF_A_SOURCE)}
        path.write_text(rows_text(ROW.replace("D1", f"D{start}")), encoding="utf-8")
        ingest_files(store, [path], parse_mapping(mapping_text(extra), name="m"), received_at=RECEIVED)
    number = store.current_number()
    path.write_text(rows_text(ROW.replace("D1", "LAST")), encoding="utf-8")
    with pytest.raises(MappingError, match=f"at most {MOST_OF_A_STORE}"):
        ingest_files(store, [path], parse_mapping(mapping_text({"more": "mass"}), name="m"), received_at=RECEIVED)
    assert store.current_number() == number
    # Names that it has go on being taken.
    ingest_files(store, [path], parse_mapping(mapping_text({"n0": "mass"}), name="m"), received_at=RECEIVED)
    assert len(own_names(store.snapshot())) == MOST_OF_A_STORE


def test_columns_of_earlier_versions_stand_where_they_can_and_harm_nothing(tmp_path: Path, store: History) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(rows_text(ROW, ROW.replace("D1", "D2")), encoding="utf-8")
    mapping = parse_mapping(mapping_text({"lot": "mass"}), name="m")
    names = {"lot": "mass", LONG: "mass", "Seal": "mass", "lot-number": "mass", 'a"; drop table items; --': "mass"}
    ingest_files(store, [path], mapping.model_copy(update={"extra": names}), received_at=RECEIVED)
    assert own_names(store.snapshot()) == {"x_lot", f"x_{LONG}", "x_seal"}
    # What is read again, or amended, is compared with them.
    path.write_text(rows_text(ROW, ROW.replace("D1", "D2").replace("1000", "1001")), encoding="utf-8")
    (report,) = ingest_files(store, [path], mapping, received_at=RECEIVED).files
    assert report.rows == 2
    assert report.quarantined == 0


def test_the_quarantine_of_a_source_whose_mapping_is_an_earlier_version_s_is_retried(
    tmp_path: Path, store: History
) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(rows_text(ROW, ROW.replace("D1", "D2").replace("851713", "")), encoding="utf-8")
    mapping = parse_mapping(mapping_text({"lot": "mass"}), name="m")
    earlier = mapping.model_copy(update={"extra": {"lot": "mass", LONG: "mass", "lot-number": "mass"}})
    ingest_files(store, [path], earlier, received_at=RECEIVED)
    report = retry_quarantine(store, received_at=RECEIVED)
    assert (len(report.files), report.left) == (1, 1)


def test_a_suggestion_proposes_names_of_the_rule_and_as_many_as_a_mapping_may_have(tmp_path: Path) -> None:
    odd = ['x"; drop table items; --', "Lot-Number", "LOT NUMBER", "lot number", "1er bureau", "é", "", "n" * 200]
    columns = odd + [f"code {n}" for n in range(60)]
    rows = pl.DataFrame({name: ["a", "b"] * 30 for name in columns})
    frame = pl.concat(
        [
            pl.DataFrame(
                {
                    "declaration_id": [f"D{n}" for n in range(60)],
                    "declared_at": ["2024-01-02"] * 60,
                    "commodity_code": ["851713"] * 60,
                }
            ),
            rows,
        ],
        how="horizontal",
    )
    frame.write_csv(tmp_path / "rows.csv")
    extra = suggest_mapping(tmp_path / "rows.csv").extra
    assert len(extra) == MOST_OF_A_SOURCE
    assert all(is_own_name(f"x_{name}") for name in extra)


def test_a_header_that_is_sql_is_a_column_like_any_other(tmp_path: Path, store: History) -> None:
    odd = "x_\";COPY(SELECT 1)TO'taken.csv';--"
    header = f'{HEADER},"{odd.replace(chr(34), chr(34) * 2)}"'
    (tmp_path / "rows.csv").write_text(rows_text(f"{ROW},L1", header=header), encoding="utf-8")
    mapping = parse_mapping(mapping_text({"lot": "mass"}), name="m").model_copy(update={"extra": {"lot": odd}})
    (report,) = ingest_files(store, [tmp_path / "rows.csv"], mapping, received_at=RECEIVED).files
    assert report.accepted == 1
    assert own_names(store.snapshot()) == {"x_lot"}
