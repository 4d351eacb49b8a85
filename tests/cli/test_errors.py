"""Wrong input: the exit code of the documentation, what was expected and found, what to do, and no traceback."""

from __future__ import annotations

import shutil
import sqlite3

import pytest

from basira.storage.history.store import History
from tests.support.command_line import ran, run


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    store = tmp_path_factory.mktemp("empty") / "store"
    History.create(store)
    return store


def refused(code: int, *arguments: object) -> str:
    found = run(*arguments)
    assert "Traceback" not in found.err
    assert found.code == code, found.err
    assert found.out == ""
    return found.err


DAY = ("--from", "2023-11-02", "--to", "2023-11-03", "--as-of", "2023-10-31")


@pytest.mark.parametrize(
    "arguments",
    [
        ("train", "--as-of", "2023-10-31"),
        ("score", *DAY, "--out", "s.csv"),
        ("target", "--day", "2023-11-02"),
        ("explain", "D1"),
        ("replay", "t1"),
        ("models", "list"),
        ("models", "show", "m1"),
        ("evaluate", "--as-of", "2023-11-02"),
    ],
)
@pytest.mark.parametrize("form", [(), ("--json",)])
def test_an_unknown_store_is_named(arguments, form, tmp_path):
    said = refused(5, *arguments, *form, "--store", tmp_path / "nowhere")
    assert "nowhere" in said
    assert "→ " in said


@pytest.mark.parametrize(
    ("arguments", "code", "word"),
    [
        (("train", "--as-of", "2023-10-31"), 7, "basira feedback"),
        (("score", *DAY, "--out", "s.csv"), 7, "basira feedback"),
        (("target", "--day", "2023-11-02"), 7, "basira train --as-of 2023-11-01"),
        (("explain", "D1"), 5, "basira target"),
        (("replay", "t1"), 5, "basira target"),
        (("models", "show", "m1"), 8, "models list"),
        (("evaluate", "--as-of", "2023-11-02"), 7, "résultats"),
    ],
)
def test_an_empty_store_says_what_comes_first(arguments, code, word, empty):
    assert word in refused(code, *arguments, "--store", empty)


def test_an_empty_store_has_no_models_to_list(empty):
    assert "basira train" in ran("models", "list", "--store", empty).out
    assert ran("models", "list", "--store", empty, "--json").json == []


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("train", "--as-of", "10/31/2023"), "--as-of"),
        (("score", "--from", "2023-13-01", "--to", "2023-11-02", "--as-of", "2023-10-31", "--out", "s.csv"), "--from"),
        (("score", "--from", "2023-11-02", "--to", "2023-11-01", "--as-of", "2023-10-31", "--out", "s.csv"), "--from"),
        (("score", *DAY, "--out", "s.xls"), "--out"),
        (("target", "--day", "demain"), "--day"),
        (("target", "--day", "2023-11-02", "--as-of", "2023-11-02"), "--as-of"),
        (("target", "--day", "2023-11-02", "--out", "list.pdf"), "--out"),
        (("target", "--day", "2023-11-02", "--policy", "atlantis"), "--policy"),
        (("target", "--day", "2031-11-02", "--as-of", "2023-10-31"), "2 nov. 2031"),
        (("target", "--day", "2023-11-02", "--office", "NOWHERE"), "NOWHERE"),
        (("train", "--as-of", "2023-10-31", "--memory", "plenty"), "--memory"),
        (("evaluate", "--train", "a.csv"), "--test"),
        (("evaluate", "--valid", "a.csv", "--as-of", "2023-10-31"), "--train"),
        (("evaluate", "--as-of", "2023-10-31", "--out", __file__), "--out"),
        (("evaluate",), "--as-of"),
    ],
)
def test_an_option_that_can_not_be_taken_is_named(arguments, word, walk):
    said = refused(2, *arguments, "--store", walk.store)
    assert word in said
    assert "→ " in said


@pytest.mark.parametrize(
    "arguments", [("train",), ("score",), ("target",), ("explain",), ("nonsense",), ("models", "show")]
)
def test_what_is_missing_is_reported_with_exit_code_2(arguments):
    found = run(*arguments)
    assert found.code == 2
    assert "Traceback" not in found.err


def test_a_model_that_knows_later_results_is_rejected(walk, tmp_path):
    version = walk.outcomes["train"].json["version"]
    said = refused(
        7,
        "score",
        "--from",
        "2023-11-02",
        "--to",
        "2023-11-02",
        "--as-of",
        "2023-10-01",
        "--model",
        version,
        "--out",
        tmp_path / "s.csv",
        "--store",
        walk.store,
    )
    assert "2023-10-31" in said
    assert not (tmp_path / "s.csv").exists()


@pytest.mark.parametrize("arguments", [("explain", "NO-SUCH"), ("replay", "t-none"), ("models", "show", "../models")])
def test_what_does_not_exist_is_not_found(arguments, walk):
    refused(8, *arguments, "--store", walk.store)


def test_a_result_that_can_not_be_written_is_reported(walk, tmp_path):
    (tmp_path / "file").write_text("")
    out = tmp_path / "file" / "s.csv"
    assert "s.csv" in refused(5, "score", *DAY, "--out", out, "--store", walk.store)


@pytest.fixture
def spoiled(walk, tmp_path):
    shutil.copytree(walk.store, tmp_path / "store")
    return tmp_path / "store"


def test_a_record_that_was_altered_fails_to_replay_with_exit_code_9(walk, spoiled):
    with sqlite3.connect(spoiled / "operations.sqlite") as con:
        for (name,) in con.execute("select name from sqlite_master where type = 'trigger'").fetchall():
            con.execute(f'drop trigger "{name}"')
        con.execute("update decision set lane = 'vert' where declaration_id = ?", [walk.declaration_id])
    con.close()
    assert walk.declaration_id in refused(9, "replay", walk.run_id, "--store", spoiled)
    found = run("replay", walk.run_id, "--store", spoiled, "--json")
    assert found.code == 9
    assert found.json["is_same"] is False
    assert "lane" in {d["field"] for d in found.json["differences"]}


def test_a_model_file_that_was_altered_is_rejected_with_exit_code_7(walk, spoiled):
    version = walk.outcomes["train"].json["version"]
    path = spoiled / "models" / version / "probability-0.txt"
    path.write_bytes(path.read_bytes() + b"\n")
    assert "probability-0.txt" in refused(7, "replay", walk.run_id, "--store", spoiled)


def test_a_card_that_can_not_be_read_is_reported(walk, spoiled):
    version = walk.outcomes["train"].json["version"]
    (spoiled / "models" / version / "card.json").write_text("{")
    assert version in refused(5, "models", "list", "--store", spoiled)


@pytest.mark.parametrize("options", [("--engine", "spark"), ("--master", "sail")])
@pytest.mark.parametrize(
    "command",
    [
        ("target", "--day", "2023-11-02"),
        ("score", *DAY, "--out", "s.csv"),
        ("train", "--as-of", "2023-10-31"),
        ("profiles", "build", "--as-of", "2023-10-31"),
    ],
    ids=lambda command: command[0],
)
def test_spark_without_its_address_or_an_address_without_spark_is_rejected(empty, command, options):
    said = refused(2, *command, *options, "--store", empty)
    assert "--engine spark" in said
    assert "--master" in said
