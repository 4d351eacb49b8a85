"""`basira diagnose`: what it shows and writes in three languages, and what it says of files that lack something."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from zipfile import ZipFile

import polars as pl
import pytest

from basira.diagnose.report.write import ANNEX, DOCUMENT, PAGE
from basira.storage.history.store import History
from tests.support.command_line import ran, run
from tests.support.diagnose_world import make_tables
from tests.support.workflow_world import store_of

PERIOD = ("--from", "2023-01-01", "--to", "2023-12-31")
MISSING = ("x_lane", "x_basis", "x_rules", "x_released_at")


@dataclass(frozen=True)
class Stores:
    """With results and without; neither holds lane, basis or rules."""

    whole: Path
    bare: Path


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Stores:
    folder = tmp_path_factory.mktemp("diagnosed")
    declared, results, _ = make_tables({"faults.records_selection": False}, seed=3, items=900)
    frame = pl.DataFrame(declared)
    store_of(folder / "whole", frame, pl.DataFrame(results))
    store_of(folder / "bare", frame.with_columns(net_mass_kg=pl.lit(None, pl.Float64)))
    return Stores(folder / "whole" / "store", folder / "bare" / "store")


def texts(path: Path) -> str:
    """What a reader of the document sees, tags and all."""
    with ZipFile(path) as archive:
        return archive.read("word/document.xml").decode()


@pytest.mark.parametrize(
    ("language", "title", "direction"),
    [
        ("fr", "Diagnostic du ciblage", "ltr"),
        ("ar", "تشخيص الاستهداف", "rtl"),
        ("en", "Diagnosis of targeting", "ltr"),
    ],
)
def test_it_writes_page_document_and_annex_in_each_language(
    stores: Stores, tmp_path: Path, language: str, title: str, direction: str
) -> None:
    out = tmp_path / language
    shown = ran("diagnose", "--store", stores.whole, *PERIOD, "--no-model", "--out", out, "--language", language).out
    page = (out / PAGE).read_text(encoding="utf-8")
    assert f"<h1>{title}</h1>" in page
    assert f'<html lang="{language}" dir="{direction}">' in page
    assert title in texts(out / DOCUMENT)
    assert ("w:bidi" in texts(out / DOCUMENT)) == (language == "ar")
    assert (out / ANNEX).read_bytes()[:2] == b"PK"
    for name in (PAGE, DOCUMENT, ANNEX):
        assert str(out / name) in shown
    questions = [line for line in shown.splitlines() if line.startswith("? ")]
    assert len(questions) >= 5


def test_the_fields_that_would_answer_are_named(stores: Stores) -> None:
    body = ran("diagnose", "--store", stores.whole, *PERIOD, "--no-model", "--json").json
    unjudged = {one["code"]: one["fields"] for part in body["parts"] for one in part["unjudged"]}
    assert {"lanes", "random", "rules", "release"} <= unjudged.keys()
    assert set(MISSING) <= {name for fields in unjudged.values() for name in fields}


def test_without_results_and_masses_it_says_so_and_writes_the_rest(stores: Stores, tmp_path: Path) -> None:
    done = ran("diagnose", "--store", stores.bare, *PERIOD, "--out", tmp_path, "--json").json
    unjudged = {one["code"]: one["fields"] for part in done["parts"] for one in part["unjudged"]}
    assert {"results", "targeting", "levels", "absent_fields", "possible"} <= unjudged.keys()
    assert unjudged["absent_fields"] == ["net_mass_kg"]
    assert done["scope"]["results"] == 0
    assert (tmp_path / PAGE).exists()


@pytest.mark.parametrize("language", ["fr", "ar", "en"])
def test_a_period_without_declarations_is_an_error_that_names_it(stores: Stores, language: str) -> None:
    outside = ("--from", "2019-01-01", "--to", "2019-12-31", "--language", language)
    found = run("diagnose", "--store", stores.whole, *outside)
    assert found.code != 0
    assert "2019" in found.err
    assert found.out == ""


def test_an_empty_store_and_none_are_errors(tmp_path: Path) -> None:
    History.create(tmp_path / "empty")
    empty = run("diagnose", "--store", tmp_path / "empty", *PERIOD)
    assert empty.code != 0
    assert "2023" in empty.err
    assert run("diagnose", "--store", tmp_path / "absent", *PERIOD).code != 0


def test_a_table_that_is_none_is_an_error_that_lists_them(stores: Stores) -> None:
    found = run("diagnose", "--store", stores.whole, *PERIOD, "--only", "data.nothing")
    assert found.code != 0
    assert "data.completeness" in found.err


def test_the_same_store_gives_the_same_bytes(stores: Stores, tmp_path: Path) -> None:
    written = []
    for name in ("one", "other"):
        ran("diagnose", "--store", stores.whole, *PERIOD, "--no-model", "--out", tmp_path / name)
        written.append(
            {path.name: path.read_bytes() for path in sorted((tmp_path / name).rglob("*")) if path.is_file()}
        )
    assert set(written[0]) >= {PAGE, DOCUMENT, ANNEX}
    assert written[0] == written[1]
