"""From files to an explained, replayable list, by commands alone; and --json, valid and alone on standard output."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from basira.decisions.day_hash import hash_of_day
from basira.decisions.records import Decision
from basira.storage.history.store import History
from basira.storage.record.runs import Operations
from basira.workflows.targeting.record import operations_of
from tests.support.command_line import ran, run

PROGRAM = Path(sys.executable).with_name("basira")


def test_everything_that_came_in_was_taken(walk):
    for name in ("ingest", "feedback"):
        files = walk.outcomes[name].json["files"]
        assert len(files) == 12
        assert sum(f["quarantined"] for f in files) == 0
        assert sum(f["accepted"] for f in files) > 0


def test_training_prints_the_card(walk):
    card = walk.outcomes["train"].json
    assert card["as_of"] == "2023-10-31"
    assert card["training"]["irregular"] > 50
    assert {"auc", "auc_low", "auc_high", "brier"} <= set(card["later_items"])


def test_scoring_writes_one_row_an_item(walk):
    body = walk.outcomes["score"].json
    table = pl.read_parquet(body["out"])
    assert (table.height, table["model_version"].unique().to_list()) == (body["items"], [body["model_version"]])
    assert table.select("declaration_id", "item_number").is_unique().all()
    assert body["trained_now"] is False


def test_scoring_before_there_is_a_model_trains_one_first(walk, tmp_path):
    found = ran(
        "score",
        "--from",
        "2023-11-02",
        "--to",
        "2023-11-02",
        "--as-of",
        "2023-09-30",
        "--out",
        tmp_path / "s.csv",
        "--store",
        walk.store,
        "--json",
    ).json
    assert found["trained_now"] is True
    assert found["model_as_of"] == "2023-09-30"
    assert pl.read_csv(tmp_path / "s.csv").height == found["items"]


def test_targeting_shows_reasons_and_records_what_it_shows(walk):
    shown = walk.outcomes["target"].json
    assert shown["is_simulated"] is True
    assert shown["as_of"] == "2023-11-01"
    assert all(item["assessment"]["verify"] for line in shown["lines"] for item in line["items"])
    with Operations(operations_of(History.open(walk.store)), create=False) as operations:
        recorded = {row["declaration_id"]: row for row in operations.decisions_of(walk.run_id)}
        assert operations.verify_chain().is_whole
    for line in shown["lines"]:
        assert recorded[line["declaration_id"]]["lane"] == line["selection"]["lane"]
        assert recorded[line["declaration_id"]]["fraud_probability"] == line["fraud_probability"]
    assert len(recorded) == len(shown["lines"]) + sum(shown["released"].values())
    assert shown["day_hash"] == hash_of_day(Decision.from_row(row) for row in recorded.values())


def test_the_list_is_written_in_every_form(walk):
    folder = walk.store.parent
    assert walk.declaration_id in (folder / "l.csv").read_text(encoding="utf-8-sig")
    assert walk.declaration_id in (folder / "l.html").read_text(encoding="utf-8")
    assert (folder / "l.xlsx").read_bytes().startswith(b"PK")


def test_the_same_seed_gives_the_same_lanes(walk):
    again = ran("target", "--day", walk.day, "--seed", 5, "--preview", "--store", walk.store, "--json").json
    lanes = [(line["declaration_id"], line["selection"]["lane"]) for line in again["lines"]]
    assert lanes == [
        (line["declaration_id"], line["selection"]["lane"]) for line in walk.outcomes["target"].json["lines"]
    ]
    assert again["day_hash"] == walk.outcomes["target"].json["day_hash"]


def test_a_preview_records_nothing(walk):
    def runs() -> int:
        with Operations(operations_of(History.open(walk.store)), create=False) as operations:
            return operations.verify_chain().runs

    before = runs()
    found = ran("target", "--day", walk.day, "--preview", "--store", walk.store, "--policy", "example", "--json")
    assert found.json["run_id"] is None
    assert runs() == before


def test_explain_says_in_three_languages_what_was_recorded(walk):
    said = {
        language: ran("explain", walk.declaration_id, "--store", walk.store, "-l", language, "--json").json
        for language in ("fr", "en", "ar")
    }
    assert len({json.dumps(body["items"][0]["verify"], ensure_ascii=False) for body in said.values()}) == 3
    assert {body["run_id"] for body in said.values()} == {walk.run_id}
    assert walk.outcomes["explain"].json["fraud_probability"] == said["en"]["fraud_probability"]


def test_replay_checks_every_decision(walk):
    body = walk.outcomes["replay"].json
    assert (body["is_same"], body["differences"]) == (True, [])
    assert body["checked"] == sum(walk.outcomes["target"].json["released"].values()) + len(
        walk.outcomes["target"].json["lines"]
    )


def test_models_are_listed_and_shown(walk):
    cards = ran("models", "list", "--store", walk.store, "--json").json
    version = walk.outcomes["train"].json["version"]
    assert version in [card["version"] for card in cards]
    assert ran("models", "show", version, "--store", walk.store, "--json").json["version"] == version


@pytest.mark.parametrize(
    "arguments",
    [
        ("models", "list"),
        ("target", "--day", "2023-11-02", "--preview"),
        ("quarantine", "list"),
        ("replay", "RUN"),
        ("explain", "DECLARATION"),
    ],
)
def test_for_people_the_same_commands_print_words(arguments, walk):
    found = ran(
        *(a.replace("RUN", walk.run_id).replace("DECLARATION", walk.declaration_id) for a in arguments),
        "--store",
        walk.store,
    )
    assert found.out.strip()
    with pytest.raises(ValueError, match=r"Expecting|Extra"):
        json.loads(found.out)


@pytest.mark.parametrize(
    "arguments", [("schema",), ("quarantine", "list", "--store", "STORE"), ("mapping", "suggest", "FILE", "--json")]
)
def test_other_commands_print_json_alone(arguments, walk, tmp_path):
    (tmp_path / "file.csv").write_text(
        "Declaration ID,Date,HS6 Code,Net Mass\nD1,2021-01-04,851713,1.5\nD2,2021-01-05,851713,2\n"
    )
    given = [a.replace("STORE", str(walk.store)).replace("FILE", str(tmp_path / "file.csv")) for a in arguments]
    assert ran(*given, *([] if "--json" in given else ["--json"])).json is not None


def test_the_demo_says_what_it_would_replace_and_stops(tmp_path):
    (tmp_path / "mine").mkdir()
    found = run("demo", "--out", tmp_path / "mine")
    assert (found.code, (tmp_path / "mine").is_dir()) == (2, True)
    assert "--out" in found.err


# As processes of their own: what a person's shell sees.


def test_the_installed_program_replays(walk):
    found = subprocess.run(
        [PROGRAM, "replay", walk.run_id, "--store", walk.store, "--json"], capture_output=True, text=True, check=False
    )
    assert (found.returncode, found.stderr) == (0, "")
    assert json.loads(found.stdout)["is_same"] is True


def test_the_installed_program_says_an_error_in_two_lines(tmp_path):
    found = subprocess.run(
        [PROGRAM, "target", "--day", "2023-11-02", "--store", tmp_path / "none"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 5
    assert found.stdout == ""
    first, second = found.stderr.strip().splitlines()
    assert first.startswith("store: Base attendue")
    assert second.startswith("  → ")


def test_help_is_quick_and_loads_no_booster():
    probe = (
        "import sys, basira.cli.program; print(sorted(m for m in"
        " ('lightgbm', 'xgboost', 'sklearn', 'scipy', 'matplotlib', 'pycountry', 'polars') if m in sys.modules))"
    )
    found = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
