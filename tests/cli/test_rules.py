"""`basira rules`, as a person runs it, from the first draft to the live rule and back."""

from __future__ import annotations

import json
import shutil
from datetime import date, timedelta
from pathlib import Path

import pytest

from basira.storage.history.store import History
from tests.rules.test_json_form import content
from tests.support.command_line import Walk, ran, run

TEXT = "commodity_code commence par ('61', '62') et masse_nette_kg > 100 kg"


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """An empty store with an analyst and a manager."""
    made = History.create(tmp_path / "store").root
    for login, role in (("amina", "analyst"), ("badr", "manager")):
        ran("users", "add", login, "--by", "t", "--role", role, "--oidc-subject", f"i#{login}", "--store", made)
    return made


def test_the_text_is_shown_in_three_languages() -> None:
    found = ran("rules", "check", "--text", TEXT).out
    assert "fr: un article (code_sh commence par ('61', '62') et masse_nette_kg > 100 kg)" in found
    assert "en: any item (hs_code starts with ('61', '62') and net_mass_kg > 100 kg)" in found
    assert "ar: أي بند" in found


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("fr", "Caractère 1 : Champ ou caractéristique attendus, origin_contry trouvé."),
        ("en", "Character 1: Expected a field or a feature, found origin_contry."),
        ("ar", "الحرف 1: المنتظر حقل أو مؤشر"),
    ],
)
def test_a_fault_is_told_in_the_language_of_the_person(language: str, words: str) -> None:
    found = run("rules", "check", "--text", "origin_contry = 'CN'", "--language", language)
    assert found.code == 12
    assert words in found.err
    assert "origin_country" in found.err


def test_a_rule_that_is_over_is_not_recorded(store: Path) -> None:
    found = run(
        "rules", "new", "textiles", "--by", "amina", "--text", TEXT, "--title", "t", "--reason", "r",
        "--lane", "orange", "--starts", "2000-01-01", "--expires", "2000-12-31", "--store", store, "--language", "en",
    )  # fmt: skip
    assert found.code == 12
    assert "ended on 2000-12-31" in found.err
    assert ran("rules", "list", "--store", store, "--json").json == []


def file_of(folder: Path, **changes: object) -> Path:
    """A rule that holds for the lifetime of this test: its dates are far from any clock's."""
    path = folder / f"rule-{len(list(folder.glob('rule-*')))}.json"
    path.write_text(json.dumps(content(starts_on="2999-01-01", expires_on="2999-12-31", **changes)))
    return path


def test_the_way_of_a_rule(walk: Walk, tmp_path: Path) -> None:
    store = tmp_path / "store"
    shutil.copytree(walk.store, store)
    for login, role in (("amina", "analyst"), ("badr", "manager")):
        ran("users", "add", login, "--by", "t", "--role", role, "--oidc-subject", f"i#{login}", "--store", store)
    # It wants no lane: one that wanted a slot for everything would not pass the gate.
    effect = {"tag": "all"}
    everything = {"any_item": {"not": {"is_missing": {"field": "commodity_code"}}}}
    made = ran(
        "rules",
        "import",
        file_of(tmp_path, condition=everything, effect=effect),
        "--by",
        "amina",
        "--store",
        store,
        "--json",
    )
    assert [(one["version"], one["status"]) for one in made.json] == [(1, "draft")]

    early = run("rules", "submit", "phones-cn", "--by", "amina", "--store", store, "--language", "en")
    assert "back-test" in early.err
    period = ("--from", "2000-01-01", "--to", walk.day, "--store", store)
    tested = ran("rules", "backtest", "phones-cn", *period, "--as-of", walk.day, "--by", "amina", "--json").json
    assert tested["hits"] == tested["declarations"] > 0
    assert tested["rate"]["rate"] is None
    assert tested["beside"]["model"]["undecided"] < tested["hits"]
    assert {"just_outside", "just_inside"} <= tested["counter_examples"].keys()
    shown = ran("rules", "backtest", "phones-cn", *period, "--as-of", walk.day, "-l", "en").out
    assert "decided by no recorded run, so unknown" in shown
    tried = ran("rules", "try", "--text", "commodity_code is present", *period, "--most", "2", "--json").json
    assert [one["outcome"] for one in tried] == ["hit", "hit"]
    assert "Code SH" in tried[0]["sentences"][1]

    ran("rules", "submit", "phones-cn", "--by", "amina", "--store", store)
    own = run("rules", "approve", "phones-cn", "--by", "amina", "--motive", "x", "--store", store, "--language", "en")
    assert own.code == 12
    assert "manager" in own.err
    ran("rules", "approve", "phones-cn", "--by", "badr", "--motive", "Findings.", "--store", store)
    ran("rules", "start", "phones-cn", "--by", "badr", "--store", store)
    assert ran("rules", "show", "phones-cn", "--store", store, "--json").json["status"] == "waiting"

    ran(
        "rules",
        "import",
        file_of(tmp_path, title="Others", condition=everything, effect=effect),
        "--by",
        "amina",
        "--store",
        store,
    )
    assert "title" in ran("rules", "compare", "phones-cn", "1", "2", "--store", store).out
    retired = ran(
        "rules", "retire", "phones-cn", "--version", "1", "--by", "badr", "--motive", "Spent.", "--store", store
    )
    assert "phones-cn, version 1 : retirée." in retired.out
    listed = ran("rules", "list", "--store", store, "--json").json
    assert [(one["version"], one["status"]) for one in listed] == [(1, "retired"), (2, "draft")]
    assert [step["state"] for step in listed[0]["steps"]] == [
        "draft", "tested", "submitted", "approved", "live", "retired",
    ]  # fmt: skip
    ran("audit", "verify", "--store", store)


def test_of_several_files_none_is_recorded_when_one_is_wrong(store: Path, tmp_path: Path) -> None:
    good, bad = file_of(tmp_path), tmp_path / "bad.json"
    bad.write_text('{"rule_id": "x"}')
    assert run("rules", "import", good, bad, "--by", "amina", "--store", store).code == 12
    assert ran("rules", "list", "--store", store, "--json").json == []


def test_a_name_without_an_account_takes_no_step(store: Path, tmp_path: Path) -> None:
    found = run("rules", "import", file_of(tmp_path), "--by", "nobody", "--store", store, "-l", "en")
    assert found.code == 8
    assert "account in use" in found.err


def test_criteria_of_another_system_become_files_that_can_be_imported(store: Path, tmp_path: Path) -> None:
    criteria = tmp_path / "criteria.txt"
    criteria.write_text(
        "A1: If HS code = 8517* And Origin = CN Then Lane IS Red 50 %\nA2: If Importer = 0012 Then Lane IS Red\n",
        encoding="utf-8",
    )
    asked = ("rules", "migrate", criteria, "--out", tmp_path / "rules", "--lane", "Red=rouge_integral")
    found = ran(*asked, "--language", "en")
    assert "1 criterion carried over.\n1 criterion left." in found.out
    assert "2  ✗ A2  Expected no identifier of a person" in found.out
    assert [one["reason"] for one in ran(*asked, "--json").json["left"]] == ["personal_value"]
    [made] = ran("rules", "import", tmp_path / "rules" / "a1.json", "--by", "amina", "--store", store, "--json").json
    assert made["rule"]["effect"]["lane"] == "rouge_integral"
    assert made["rule"]["sample_share"] == 0.5


def test_suggestions_are_drafts_made_by_machine_and_pruning_retires_nothing(walk: Walk, tmp_path: Path) -> None:
    store, out = tmp_path / "store", tmp_path / "drafts"
    shutil.copytree(walk.store, store)
    period = ("--from", "2000-01-01", "--to", walk.day, "--as-of", walk.day, "--store", store)
    (store / "operations.sqlite").unlink(missing_ok=True)
    for login, role in (("amina", "analyst"), ("badr", "manager")):
        ran("users", "add", login, "--by", "t", "--role", role, "--oidc-subject", f"i#{login}", "--store", store)
    drafts = ran("rules", "suggest", *period, "--lane", "orange", "--out", out, "--json").json
    assert len(list(out.glob("*.json"))) == len(drafts)
    for draft in drafts:
        assert draft["effect"]["tag"] == "machine-made"
        assert draft["reason"].startswith("Made by machine.")
    # In force today: what is pruned are live rules.
    today = date.today()
    ends = (today + timedelta(days=90)).isoformat()
    everything = {"any_item": {"not": {"is_missing": {"field": "commodity_code"}}}}
    heavy = {"any_item": {"compare": {"left": {"field": "net_mass_kg"}, "comparison": ">", "right": {"number": 0}}}}
    for rule_id, condition in (("everything", everything), ("heavy", heavy)):
        path = tmp_path / f"{rule_id}.json"
        # They want no lane: rules that want a slot for everything would not pass the gate.
        made = content(
            rule_id=rule_id,
            condition=condition,
            effect={"tag": "all"},
            starts_on=today.isoformat(),
            expires_on=ends,
        )
        path.write_text(json.dumps(made))
        ran("rules", "import", path, "--by", "amina", "--store", store)
        ran("rules", "backtest", rule_id, *period, "--by", "amina")
        ran("rules", "submit", rule_id, "--by", "amina", "--store", store)
        ran("rules", "approve", rule_id, "--by", "badr", "--motive", "m", "--store", store)
        ran("rules", "start", rule_id, "--by", "badr", "--store", store)
    found = ran("rules", "prune", *period, "--json").json
    assert (len(found["kept"]), len(found["others"])) == (1, 1)
    assert found["figures"]["share"] >= 0.95
    assert found["figures"]["is_smallest"] is True
    assert {one["status"] for one in ran("rules", "list", "--store", store, "--json").json} == {"live"}
