"""A world on disk: the schema's columns, the same bytes for the same seed, nothing half-made."""

import hashlib
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from basira.country import load_scenario, make_world, read_description
from basira.country.live import LiveCountry
from basira.country.tables import DECLARATIONS, RESULTS, TRUTH
from basira.schema.errors import UsageError
from basira.schema.fields import DECLARATION_FIELDS, FIELDS, ITEM_FIELDS

SMALL = load_scenario("small", changes={"items": 4000, "ends_on": "2023-04-15", "trade.importers": 300})


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("country") / "world"
    make_world(SMALL, seed=5, out=out)
    return out


def _read(folder: Path) -> object:
    return pq.read_table(folder)


def _digest(folder: Path) -> dict[str, str]:
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def test_the_same_seed_makes_the_same_bytes(world: Path, tmp_path: Path) -> None:
    make_world(SMALL, seed=5, out=tmp_path / "again")
    assert _digest(tmp_path / "again") == _digest(world)


def test_another_seed_makes_another_world(world: Path, tmp_path: Path) -> None:
    make_world(SMALL, seed=6, out=tmp_path / "other")
    assert _digest(tmp_path / "other")["declarations/2023-01.parquet"] != _digest(world)["declarations/2023-01.parquet"]


def test_the_columns_are_the_schemas(world: Path) -> None:
    for name, schema in (("declarations", DECLARATIONS), ("outcomes", RESULTS), ("truth", TRUTH)):
        read = pq.read_table(world / name)
        assert read.schema.names == schema.names, name
        assert [f.type for f in read.schema] == [f.type for f in schema], name
    assert DECLARATIONS.names == [f.name for f in DECLARATION_FIELDS + ITEM_FIELDS]


def test_every_value_is_in_the_range_of_its_field(world: Path) -> None:
    for name in ("declarations", "outcomes"):
        read = pq.read_table(world / name)
        for field in FIELDS:
            if field.name not in read.schema.names or field.lowest is None or field.highest is None:
                continue
            values = read.column(field.name).drop_null().to_numpy()
            if len(values):
                assert values.min() >= field.lowest, field.name
                assert values.max() <= field.highest, field.name


def test_countries_and_currencies_are_iso(world: Path) -> None:
    from basira.schema.codes import country_codes, currency_codes

    read = pq.read_table(world / "declarations")
    assert set(read.column("origin_country").to_pylist()) <= country_codes()
    assert set(read.column("dispatch_country").to_pylist()) <= country_codes()
    assert set(read.column("invoice_currency").to_pylist()) <= currency_codes()


def test_commodity_codes_have_ten_digits_in_real_chapters(world: Path) -> None:
    codes = set(pq.read_table(world / "declarations").column("commodity_code").to_pylist())
    assert all(len(code) == 10 and code.isdigit() for code in codes)
    assert {code[:2] for code in codes} <= {f"{n:02d}" for n in range(1, 98) if n != 77}


def test_an_item_is_declared_once(world: Path) -> None:
    read = pq.read_table(world / "declarations")
    keys = list(zip(read.column("declaration_id").to_pylist(), read.column("item_number").to_pylist(), strict=True))
    assert len(set(keys)) == len(keys)
    assert max(n for _, n in keys) <= 40


def test_taxes_follow_from_value_and_rates(world: Path) -> None:
    for row in pq.read_table(world / "declarations").slice(0, 1500).to_pylist():
        if row["procedure"] not in ("010", "023"):
            assert row["total_tax_amount"] == 0
            continue
        value, duty = row["customs_value_amount"], row["duty_amount"]
        assert duty == pytest.approx(value * row["duty_rate"], abs=0.01)
        levy = value * 0.0025
        vat = (value + duty + levy + row["excise_amount"]) * row["vat_rate"]
        assert row["vat_amount"] == pytest.approx(vat, abs=0.02)
        assert row["total_tax_amount"] == pytest.approx(
            duty + levy + row["excise_amount"] + row["vat_amount"], abs=0.03
        )


def test_a_result_is_known_after_the_inspection_and_that_after_the_declaration(world: Path) -> None:
    declared = {r["declaration_id"]: r["declared_at"] for r in pq.read_table(world / "declarations").to_pylist()}
    for row in pq.read_table(world / "outcomes").to_pylist():
        assert row["known_at"] > declared[row["declaration_id"]]
        if row["inspected_at"] is not None:
            assert declared[row["declaration_id"]] < row["inspected_at"] < row["known_at"]


def test_a_blank_result_has_no_findings(world: Path) -> None:
    rows = pq.read_table(world / "outcomes").to_pylist()
    blanks = [r for r in rows if r["is_irregular"] is None]
    assert blanks
    for row in blanks:
        assert row["is_irregular_value"] is None
        assert row["additional_revenue_amount"] is None
        assert row["found_value_amount"] is None


def test_the_description_says_simulated_and_counts_right(world: Path) -> None:
    description = read_description(world)
    assert description["is_simulated"] is True
    assert "imulated" in description["notice"]
    assert description["items"] == pq.read_table(world / "declarations").num_rows
    assert description["outcomes"] == pq.read_table(world / "outcomes").num_rows
    # A world without faults says nothing of them.
    assert description["scenario_parameters"] == json.loads(SMALL.model_dump_json(exclude={"faults"}))


def test_a_folder_with_files_is_rejected_and_kept(tmp_path: Path) -> None:
    out = tmp_path / "mine"
    out.mkdir()
    (out / "letter.txt").write_text("keep", encoding="utf-8")
    for replace in (False, True):
        with pytest.raises(UsageError):
            make_world(SMALL, seed=1, out=out, replace=replace)
    assert (out / "letter.txt").read_text(encoding="utf-8") == "keep"


def test_a_world_is_replaced_on_demand(world: Path, tmp_path: Path) -> None:
    out = tmp_path / "w"
    make_world(SMALL, seed=6, out=out)
    make_world(SMALL, seed=5, out=out, replace=True)
    assert _digest(out) == _digest(world)


def test_an_interrupted_world_leaves_nothing(tmp_path: Path) -> None:
    def stop(made: int, expected: int) -> None:
        if made > 1000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_world(SMALL, seed=5, out=tmp_path / "w", progress=stop)
    assert list(tmp_path.iterdir()) == []


def test_an_absent_parent_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="to exist"):
        make_world(SMALL, seed=5, out=tmp_path / "no" / "w")


def test_the_world_is_the_live_country_with_the_legacy_choice(world: Path) -> None:
    import pyarrow as pa

    country, parts, results = LiveCountry(SMALL, 5), [], []
    while not country.is_over:
        result = country.step_legacy()
        parts.append(result.declarations)
        results.append(result.outcomes)
    assert pa.concat_tables(parts).to_pydict() == pq.read_table(world / "declarations").to_pydict()
    assert pa.concat_tables(results).to_pydict() == pq.read_table(world / "outcomes").to_pydict()
