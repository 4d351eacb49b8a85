"""Which model of a store decides: the live one, on record, whatever else is trained."""

from __future__ import annotations

import shutil
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from basira.models.risk.risk_model import RiskModel
from basira.schema.access import Grant
from basira.schema.errors import ModelError, NotFoundError
from basira.storage.accounts.users import NewUser, create_user
from basira.storage.database.connection import Database
from basira.storage.history.store import History
from basira.storage.record.activity import find_audit
from basira.storage.record.runs import Operations
from basira.storage.record.verify import verify
from basira.workflows.models.stages import (
    adopt_models,
    enter_candidate,
    list_models,
    live_model,
    name_actors,
    roll_back,
    shadow_versions,
    take_model_step,
)
from basira.workflows.stores import operations_of
from basira.workflows.train import train
from tests.support.workflow_world import AS_OF, ENGINE, NOW, QUICK

LATER = AS_OF + timedelta(days=30)
WHY = "Found more in the shadow."


@pytest.fixture(scope="module")
def trained(history: History, model: RiskModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of its own with one model, as an earlier version of the software left it: nothing on record."""
    root = Path(shutil.copytree(history.root, tmp_path_factory.mktemp("staged") / "store"))
    for place in (root / "models").iterdir():
        if place.name != model.version:
            shutil.rmtree(place)
    for path in root.glob("operations.sqlite*"):
        path.unlink()
    return root


@pytest.fixture
def store(trained: Path, tmp_path: Path) -> History:
    return History.open(Path(shutil.copytree(trained, tmp_path / "store")))


def train_another(store: History, *, as_of: date = LATER, now: datetime = NOW) -> str:
    return train(store, as_of=as_of, seed=2, now=now, settings=QUICK, engine=ENGINE).version


def add_people(store: History) -> Path:
    place = operations_of(store)
    people = (("amina", "data_scientist"), ("badr", "manager"), ("chama", "manager"), ("driss", "inspector"))
    with Database(place) as opened, opened.write() as connection:
        for login, role in people:
            grant = Grant("inspector", "101") if role == "inspector" else Grant(role)  # type: ignore[arg-type]  # of ROLES
            create_user(connection, NewUser(login, login, [grant]), actor="t", now=NOW)
    return place


def stages(store: History) -> dict[str, str]:
    return {one.version: one.stage for one in list_models(store, operations_of(store))}


def test_a_store_of_an_earlier_version_goes_on_with_its_newest_model(store: History, model: RiskModel) -> None:
    assert live_model(store, operations_of(store), as_of=LATER).version == model.version
    assert stages(store) == {model.version: "live"}
    assert not operations_of(store).is_file()  # reading writes nothing down


def test_a_newer_model_does_not_decide_until_a_second_person_promotes_it(store: History, model: RiskModel) -> None:
    newer = train_another(store)
    assert stages(store) == {model.version: "live", newer: "candidate"}
    assert live_model(store, operations_of(store), as_of=LATER).version == model.version
    place = add_people(store)
    with pytest.raises(ModelError, match="two persons"):
        take_model_step(store, place, newer, "live", login="badr", now=NOW, motive=WHY)
    with pytest.raises(ModelError, match="live"):
        live_model(store, place, as_of=LATER, version=newer)
    take_model_step(store, place, newer, "shadow", login="badr", now=NOW, motive=WHY)
    assert shadow_versions(store, place, as_of=LATER) == (newer,)
    assert shadow_versions(store, place, as_of=AS_OF) == ()  # it knows later results
    with pytest.raises(ModelError, match="two persons"):
        take_model_step(store, place, newer, "live", login="badr", now=NOW, motive=WHY)
    take_model_step(store, place, newer, "live", login="chama", now=NOW, motive=WHY)
    assert stages(store) == {newer: "live", model.version: "retired"}
    assert live_model(store, place, as_of=LATER).version == newer
    # A day that the live one knows too much of goes to the one that was live before it.
    assert live_model(store, place, as_of=AS_OF).version == model.version
    with pytest.raises(ModelError, match="nothing later than 2023-01-31"):
        live_model(store, place, as_of=date(2023, 1, 31))


def test_every_step_is_audited_with_its_person_and_motive(store: History, model: RiskModel) -> None:
    place = add_people(store)
    newer = train_another(store)
    enter_candidate(store, place, newer, login="amina", now=NOW)
    take_model_step(store, place, newer, "live", login="badr", now=NOW, motive=WHY)
    assert roll_back(store, place, login="chama", now=NOW, motive="Alarms.") == (newer, model.version)
    with Database(place, create=False) as opened, opened.read() as connection:
        rows = [row for row in reversed(find_audit(connection)) if row["subject"] == "models"]
    with Operations(place, create=False) as operations:
        assert verify(operations).is_whole
    shown = [(row["action"], (row["after"] or {})["version"], row["motive"]) for row in rows]
    assert shown == [
        ("model.live", model.version, "in the store before stages were recorded, or its first model"),
        ("model.candidate", newer, "trained"),
        ("model.live", newer, WHY),
        ("model.retired", newer, "Alarms."),
        ("model.live", model.version, "Alarms."),
    ]
    steps = [one for model_ in list_models(store, place) for one in model_.steps]
    assert set(name_actors(place, steps).values()) == {"amina", "badr", "chama"}
    assert stages(store) == {newer: "retired", model.version: "live"}
    assert live_model(store, place, as_of=LATER).version == model.version
    # Retired by a rollback: it decides no more, and a further one has nothing to bring back.
    with pytest.raises(NotFoundError):
        roll_back(store, place, login="chama", now=NOW, motive="Again.")


def test_retiring_the_live_model_leaves_none(store: History, model: RiskModel) -> None:
    place = add_people(store)
    take_model_step(store, place, model.version, "retired", login="badr", now=NOW, motive="Wrong labels.")
    with pytest.raises(ModelError, match="1 of other stages"):
        live_model(store, place, as_of=LATER)


def test_a_model_of_today_or_torn_or_unknown_is_not_promoted(store: History) -> None:
    place = add_people(store)
    newer = train_another(store)
    enter_candidate(store, place, newer, login="amina", now=NOW)
    today = datetime(LATER.year, LATER.month, LATER.day, 12)
    with pytest.raises(ModelError, match="nothing of today"):
        take_model_step(store, place, newer, "live", login="badr", now=today, motive=WHY)
    with pytest.raises(NotFoundError):
        take_model_step(store, place, "9999-unknown", "live", login="badr", now=NOW, motive=WHY)
    with pytest.raises(NotFoundError, match="login"):
        take_model_step(store, place, newer, "live", login="nobody", now=NOW, motive=WHY)
    next(path for path in (store.root / "models" / newer).iterdir() if path.name != "card.json").unlink()
    with pytest.raises((ModelError, NotFoundError)):
        take_model_step(store, place, newer, "live", login="badr", now=NOW, motive=WHY)
    assert stages(store)[newer] == "candidate"


def test_adoption_is_recorded_once(store: History, model: RiskModel) -> None:
    place = operations_of(store)
    (step,) = adopt_models(store, place, now=NOW)
    assert (step.version, step.stage, step.actor) == (model.version, "live", "basira")
    assert adopt_models(store, place, now=NOW) == ()


def test_a_model_whose_files_are_gone_is_still_listed(store: History, model: RiskModel) -> None:
    place = operations_of(store)
    adopt_models(store, place, now=NOW)
    shutil.rmtree(store.root / "models" / model.version)
    (gone,) = list_models(store, place)
    assert (gone.version, gone.is_kept) == (model.version, False)
    with pytest.raises(ModelError, match="no card"):
        live_model(store, place, as_of=LATER)
