"""Every command line that a command prints can be copied as it stands: quoted, with its store, no placeholder."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import polars as pl
import pytest

from basira.cli.next_command import next_command
from tests.support.command_line import ran, run

MAPPING = """
version = 1
name = "labelled"
[constants]
value_currency = "MAD"
[fields]
declaration_id = "id"
declared_at = "date"
commodity_code = "code"
net_mass_kg = "mass"
customs_value_amount = "value"
[outcome]
known_after_days = 3
is_irregular = "illicit"
"""
RESULTS = """
version = 1
name = "results"
[outcome]
declaration_id = "id"
known_at = "date"
is_irregular = "illicit"
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a space and an apostrophe in its name, in which commands run; no store by the environment."""
    place = tmp_path / "a year's files"
    place.mkdir()
    monkeypatch.chdir(place)
    monkeypatch.delenv("BASIRA_STORE", raising=False)
    (place / "m y.toml").write_text(MAPPING, encoding="utf-8")
    (place / "results.toml").write_text(RESULTS, encoding="utf-8")
    rows = [
        {
            "id": f"D{n:03}",
            "date": f"2023-01-{1 + n // 10:02}",
            "code": "851713",
            "mass": str(1 + n % 7),
            "value": "100",
            "illicit": int(n % 3 == 0),
        }
        for n in range(120)
    ]
    rows[5]["mass"] = "#N/A"
    pl.DataFrame(rows).write_csv(place / "the file.csv")
    pl.DataFrame(rows).select("id", pl.lit("2023-02-01").alias("date"), "illicit").write_csv(place / "results.csv")
    return place


def printed(text: str) -> list[list[str]]:
    """The words of every command line in a text: from `basira ` to the end of its line."""
    return [shlex.split(line)[1:] for line in re.findall(r"basira (?:[a-z]+ )+.*$", text, flags=re.MULTILINE)]


def test_rejected_rows_their_export_and_their_retry_lead_on(folder: Path) -> None:
    out = ran("ingest", "the file.csv", "--mapping", "m y.toml", "--store", "my store").out
    listing, export = printed(out)
    assert "#N/A" in ran(*listing).out
    [retry] = printed(ran(*export).out)
    assert retry[-1] == "my store"
    assert "1 ligne reste en quarantaine." in ran(*retry).out


def test_a_training_leads_to_its_evaluation(folder: Path) -> None:
    ran("ingest", "the file.csv", "--mapping", "m y.toml", "--store", "my store")
    [no_model] = printed(ran("models", "list", "--store", "my store").out)
    evaluate, target = printed(ran(*no_model).out)
    assert (evaluate[0], target[0], target[-1]) == ("evaluate", "target", "my store")
    assert "metrics.json" in ran(*evaluate, "--resamples", "20").out


def test_after_a_file_of_results_the_next_step_is_feedback(folder: Path) -> None:
    ran("ingest", "the file.csv", "--mapping", "m y.toml", "--store", "my store")
    refused = run("ingest", "results.csv", "--mapping", "results.toml", "--store", "my store")
    assert refused.code != 0
    [feedback] = printed(refused.err)
    assert feedback[0] == "feedback"
    assert "results.csv" in ran(*feedback).out


@pytest.mark.parametrize(
    ("columns", "command"),
    [
        ("declaration_id,declared_at,commodity_code,customs_value_amount\nD1,2023-01-01,851713,10\n", "ingest"),
        ("declaration_id,known_at,is_irregular\nD1,2023-01-01,1\n", "feedback"),
    ],
)
def test_a_suggested_mapping_leads_to_the_command_that_takes_the_file(columns: str, command: str, folder: Path) -> None:
    (folder / "a file.csv").write_text(columns, encoding="utf-8")
    [line] = printed(ran("mapping", "suggest", "a file.csv", "--out", "its mapping.toml").out)
    assert line == [command, "a file.csv", "--mapping", "its mapping.toml"]


def test_the_store_is_named_unless_the_command_takes_it_anyway(monkeypatch: pytest.MonkeyPatch) -> None:
    assert next_command("models", "list", store=Path("basira-store")) == "basira models list"
    assert next_command("models", "list", store=Path("x;y")) == "basira models list --store 'x;y'"
    monkeypatch.setenv("BASIRA_STORE", "elsewhere")
    assert next_command("models", "list", store=Path("basira-store")) == "basira models list --store basira-store"


def test_a_changed_identifier_is_not_taken_without_an_answer(folder: Path) -> None:
    """Standard input of the tests is no terminal: no user can be asked."""
    ran("ingest", "the file.csv", "--mapping", "m y.toml")
    ran("quarantine", "export", "--out", "q.csv")
    text = Path("q.csv").read_text(encoding="utf-8-sig").replace(";D005;", ";D999;").replace("#N/A", "3")
    Path("q.csv").write_text(text, encoding="utf-8-sig")
    refused = run("quarantine", "retry", "--corrected", "q.csv", "--json")
    assert "D005" in refused.err
    assert "--allow-new-identifiers" in refused.err
    body = ran("quarantine", "retry", "--corrected", "q.csv", "--json", "--allow-new-identifiers").json
    assert [(c["before"], c["after"]) for c in body["new_identifiers"]] == [("D005", "D999")]
