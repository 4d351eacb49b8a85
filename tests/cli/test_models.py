"""`basira models`: stages shown, and changed by persons."""

from __future__ import annotations

import re
import shutil
from datetime import datetime
from pathlib import Path

import pytest

from basira.schema.access import Grant
from basira.storage.accounts.users import NewUser, create_user
from basira.storage.database.connection import Database
from basira.workflows.stores import OPERATIONS
from tests.support.command_line import Walk, ran, run

NOW = datetime(2024, 1, 2, 8)
WHY = ("--motive", "Found more in the shadow.")


@pytest.fixture
def store(walk: Walk, tmp_path: Path) -> Path:
    copied = Path(shutil.copytree(walk.store, tmp_path / "store"))
    with Database(copied / OPERATIONS) as opened, opened.write() as connection:
        create_user(connection, NewUser("amina", "amina", [Grant("data_scientist")]), actor="t", now=NOW)
        create_user(connection, NewUser("badr", "badr", [Grant("manager")]), actor="t", now=NOW)
    return copied


def test_the_first_model_of_a_store_is_live_and_the_next_a_candidate_until_it_is_promoted(
    walk: Walk, store: Path
) -> None:
    at = ("--store", store)
    first = walk.outcomes["train"].json
    assert first["stage"] == "live"
    # An experiment: it knows more than the live model, and decides nothing.
    said = ran("train", "--as-of", "2023-11-01", "--seed", "2", "--by", "amina", *at).out
    assert "Il est candidat : le modèle en service continue de décider." in said
    staged = {one["version"]: one["stage"] for one in ran("models", "list", *at, "--json").json}
    (newer,) = [version for version, stage in staged.items() if version.startswith("m20231101") and stage != "live"]
    assert staged[first["version"]] == "live"
    decided = ran("target", "--day", walk.day, "--seed", "5", "--again", *at, "--json").json
    assert decided["model_version"] == first["version"]
    refused = run("target", "--day", walk.day, "--model", newer, *at)
    assert refused.code == 7
    assert "Seul un modèle en service décide" in refused.err
    looked = ran("target", "--day", walk.day, "--model", newer, "--preview", *at, "--json").json
    assert (looked["model_version"], looked["run_id"]) == (newer, None)

    # A version is copied into the next command: it is whole on a narrow screen.
    assert {first["version"], newer} <= set(re.findall(r"m\d{8}-\w{8}", ran("models", "list", *at).out))
    assert run("models", "promote", newer, "--by", "amina", *WHY, *at).code == 7
    assert f"{newer} est en service" in ran("models", "promote", newer, "--by", "badr", *WHY, *at).out
    assert ran("target", "--day", walk.day, "--again", *at, "--json").json["model_version"] == newer
    shown = ran("models", "show", newer, *at).out
    assert "amina" in shown
    assert "Found more in the shadow." in shown

    back = ran("models", "rollback", "--by", "badr", *WHY, *at, "--language", "en").out
    assert f"{first['version']} is live again. {newer} is retired." in back
    assert ran("target", "--day", walk.day, "--again", *at, "--json").json["model_version"] == first["version"]
    # A run that the other model decided is made again with it.
    assert ran("replay", decided["run_id"], *at, "--json").json["is_same"]


def test_without_a_live_model_the_list_says_so_and_no_day_is_decided(walk: Walk, store: Path) -> None:
    at = ("--store", store)
    version = walk.outcomes["train"].json["version"]
    for one in ran("models", "list", *at, "--json").json:
        ran("models", "retire", one["version"], "--by", "badr", *WHY, *at)
    assert "Aucun modèle n’est en service" in ran("models", "list", *at).out
    stopped = run("target", "--day", walk.day, *at)
    assert stopped.code == 7
    assert "basira models list" in stopped.err
    assert run("models", "promote", version, "--by", "badr", *WHY, *at).code == 7
