"""`basira evaluate` by files: every way of giving them, and what it writes."""

from __future__ import annotations

import json
import random

import pytest

from basira.schema.errors import UsageError
from basira.workflows.evaluation import evaluate as evaluation
from tests.support.command_line import ran, run

MAPPING = """
version = 1
name = "tiny"
[source]
date_formats = ["%Y-%m-%d"]
[fields]
declaration_id = "id"
declared_at = "date"
commodity_code = "code"
importer_id = "importer"
net_mass_kg = "mass"
customs_value_amount = "value"
[outcome]
known_after_days = 0
is_irregular = "illicit"
"""


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("evaluate")
    (folder / "tiny.toml").write_text(MAPPING)
    rng = random.Random(4)
    for name, count, month in (("a", 250, 1), ("b", 250, 2), ("v", 100, 3), ("t", 150, 4)):
        lines = ["id,date,code,importer,mass,value,illicit"]
        for i in range(count):
            mass, bad = rng.randint(10, 400), rng.random() < 0.25
            value = round(mass * rng.uniform(8, 12) * (0.4 if bad and rng.random() < 0.6 else 1), 2)
            day = 1 + i * 27 // count
            lines.append(
                f"{name}{i},2022-{month:02d}-{day:02d},{rng.choice(['851713', '610910'])},"
                f"I{i % 30},{mass},{value},{int(bad)}"
            )
        (folder / f"{name}.csv").write_text("\n".join(lines) + "\n")
    return folder


def given(files, *names: str):
    return [files / f"{name}.csv" for name in names]


def arguments(files, out, *train: object) -> tuple[object, ...]:
    mapping, valid, test = files / "tiny.toml", given(files, "v"), given(files, "t")
    named = ("--mapping", mapping, *train, "--valid", *valid, "--test", *test)
    return ("evaluate", *named, "--out", out, "--seed", 3, "--resamples", 20, "--json")


@pytest.mark.parametrize("form", ["apart", "together", "equals"])
def test_several_files_are_given_one_by_one_or_together(form, files, tmp_path, monkeypatch):
    a, b = given(files, "a", "b")
    train = {"apart": ["--train", a, "--train", b], "together": ["--train", a, b], "equals": [f"--train={a}", b]}[form]
    asked: list[tuple[evaluation.SplitFiles, evaluation.Terms]] = []

    def stop(split: evaluation.SplitFiles, terms: evaluation.Terms, **_: object) -> None:
        asked.append((split, terms))
        raise UsageError("asked", hint="enough")

    monkeypatch.setattr(evaluation, "evaluate_files", stop)
    assert run(*arguments(files, tmp_path / "out", *train)).code == UsageError.exit_code
    [(split, terms)] = asked
    assert (split.train, split.valid, split.test) == ([a, b], given(files, "v"), given(files, "t"))
    assert (terms.seed, terms.resamples) == (3, 20)


def test_what_it_writes_is_what_it_prints(files, tmp_path):
    found = ran(*arguments(files, tmp_path / "out", "--train", *given(files, "a", "b"))).json
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text(encoding="utf-8"))
    assert {k: v for k, v in found.items() if k != "out"} == metrics
    assert metrics["trained_rows"] == 600
    assert metrics["model"]["later_items"]["rows"] == 100
    assert metrics["models"]["basira"]["slices"]["all"]["rows"] == 150
    assert metrics["seed"] == 3
    assert "<html" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")


def test_for_people_a_table_of_the_models(files, tmp_path):
    out = ran(
        "evaluate",
        "--mapping",
        files / "tiny.toml",
        "--train",
        *given(files, "a", "b"),
        "--test",
        *given(files, "t"),
        "--out",
        tmp_path / "new" / "out",
        "--resamples",
        20,
    ).out
    assert "LightGBM" in out
    assert "metrics.json" in out


def test_a_file_on_both_sides_is_rejected(files, tmp_path):
    found = run(
        "evaluate",
        "--mapping",
        files / "tiny.toml",
        "--train",
        *given(files, "a", "t"),
        "--test",
        *given(files, "t"),
        "--out",
        tmp_path / "out",
    )
    assert (found.code, found.out) == (2, "")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("name", "code"), [("absent.csv", 3), ("empty.csv", 3)])
def test_a_file_that_can_not_be_read_is_named(name, code, files, tmp_path):
    (tmp_path / "empty.csv").write_text("")
    found = run(
        "evaluate",
        "--mapping",
        files / "tiny.toml",
        "--train",
        *given(files, "a"),
        "--test",
        tmp_path / name,
        "--out",
        tmp_path / "out",
    )
    assert found.code == code
    assert name in found.err


def test_another_mapping_says_what_does_not_fit(files, tmp_path):
    found = run(
        "evaluate",
        "--mapping",
        "kcs",
        "--train",
        *given(files, "a"),
        "--test",
        *given(files, "t"),
        "--out",
        tmp_path / "out",
    )
    assert found.code == 4


def test_a_store_is_back_tested_on_its_own_results(walk, tmp_path):
    found = ran(
        "evaluate",
        "--as-of",
        "2023-12-01",
        "--store",
        walk.store,
        "--out",
        tmp_path / "back",
        "--resamples",
        20,
        "--json",
    ).json
    assert found["as_of"] < found["first_test_day"]
    assert (tmp_path / "back" / "report.html").is_file()
