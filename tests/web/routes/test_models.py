"""Models on pages: proposed by one person, approved by another, brought back; each step on record with its motive."""

from __future__ import annotations

import csv
import io
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from basira.monitor.estimate import Estimate
from basira.monitor.off_policy import OffPolicy, Support
from basira.schema.access import Grant, Role
from basira.serving.service import Service
from basira.storage.database.connection import Database
from basira.storage.model_store import Models
from basira.storage.record.activity import find_audit
from basira.workflows.models.stages import read_steps, stage_of
from basira.workflows.proof.compare import Compared, Comparison, Verdict
from tests.support.access_world import House
from tests.support.model_pages import adopt, store_with_candidate
from tests.support.web_world import form_of, house_with_pages
from tests.web.routes.test_people import send


@dataclass
class Staged:
    """A house whose store has a live model and another one."""

    house: House
    live: str
    other: str

    def stages(self) -> dict[str, str]:
        service = self.house.service
        assert service.store is not None
        with service.database.read() as connection:
            steps = read_steps(Models(service.store), connection)
        return {version: stage_of(steps, version) for version in (self.live, self.other)}

    def person(self, login: str, role: Role) -> TestClient:
        return self.house.person(login, Grant(role))


@pytest.fixture(scope="module")
def prepared(whole: Service, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    return store_with_candidate(whole, tmp_path_factory.mktemp("models"))


@pytest.fixture
def staged(whole: Service, prepared: tuple[Path, str], prepared_file: Path, tmp_path: Path) -> Iterator[Staged]:
    root, other = prepared
    database = Database(shutil.copy(prepared_file, tmp_path / "operations.sqlite"))
    service = replace(whole, database=database, store=Path(shutil.copytree(root, tmp_path / "store")))
    assert whole.model is not None
    adopt(service, whole.model.version)
    yield Staged(house_with_pages(service), whole.model.version, other)
    service.close()


def take(client: TestClient, version: str, act: str, motive: str = "Finds more.") -> Any:
    path = f"/models/{version}/{act}"
    return send(client, path, **{**form_of(client, path, path), "motive": motive})


def test_one_proposes_another_approves_and_the_one_before_comes_back(staged: Staged) -> None:
    amina, badr = staged.person("amina", "data_scientist"), staged.person("badr", "manager")
    other = staged.other
    assert staged.stages() == {staged.live: "live", other: "candidate"}
    assert "Two persons are needed" in badr.get(f"/models/{other}").text
    assert badr.get(f"/models/{other}/live").status_code == 403
    assert take(amina, other, "shadow").headers["location"] == "/models?done=shadow"
    assert amina.get(f"/models/{other}/live").status_code == 403
    preview = badr.get(f"/models/{other}/live").text
    assert staged.live in preview
    assert staged.stages()[other] == "shadow"  # a preview does nothing
    assert take(badr, other, "live").status_code == 303
    assert staged.stages() == {staged.live: "retired", other: "live"}
    assert take(badr, other, "rollback", "It finds less.").status_code == 303
    assert staged.stages() == {staged.live: "live", other: "retired"}
    page = badr.get(f"/models/{staged.live}").text
    assert "It finds less." in page
    with staged.house.service.database.read() as connection:
        motives = [row["motive"] for row in find_audit(connection) if other in str(row)]
    assert set(motives) >= {"Finds more.", "It finds less."}


def test_a_manager_alone_promotes_nothing(staged: Staged) -> None:
    badr = staged.person("badr", "manager")
    assert take(badr, staged.other, "shadow").status_code == 303
    assert "Two persons are needed" in badr.get(f"/models/{staged.other}").text
    sent = {"seen": form_of(badr, f"/models/{staged.other}/retired", f"/models/{staged.other}/retired")["seen"]}
    answer = send(badr, f"/models/{staged.other}/live", motive="I want it", **sent)
    assert answer.status_code == 422
    assert "no longer possible" in answer.text
    assert staged.stages()[staged.other] == "shadow"


def test_a_step_needs_a_motive_and_sees_a_step_meanwhile(staged: Staged) -> None:
    amina, badr = staged.person("amina", "data_scientist"), staged.person("badr", "manager")
    path = f"/models/{staged.other}/shadow"
    fields = form_of(amina, path, path)
    assert "Give the motive" in take(amina, staged.other, "shadow", " ").text
    assert take(badr, staged.other, "shadow").status_code == 303
    late = send(amina, path, **{**fields, "motive": "mine"})
    assert late.status_code == 422
    assert "Another person changed the stage" in late.text


def test_the_last_live_model_can_be_retired_after_the_page_said_what_decides_then(staged: Staged) -> None:
    badr = staged.person("badr", "manager")
    assert "fallback" in badr.get(f"/models/{staged.live}/retired").text
    assert take(badr, staged.live, "retired").status_code == 303
    assert "No model is live" in badr.get("/models").text


def test_the_files_say_what_the_pages_say(staged: Staged) -> None:
    leila = staged.person("leila", "auditor")
    text = leila.get("/models.csv").content.decode("utf-8-sig")
    lines = {line["Version"]: line for line in csv.DictReader(io.StringIO(text), delimiter=";")}
    assert {version: line["Stage"] for version, line in lines.items()} == {
        staged.live: "Live",
        staged.other: "Candidate",
    }
    page = leila.get(f"/models/{staged.live}").text
    features = leila.get(f"/models/{staged.live}/features.csv").content.decode("utf-8-sig").splitlines()
    assert features[1].split(";")[0] in page
    for path in ("/models.xlsx", f"/models/{staged.live}/features.xlsx", f"/models/{staged.other}/comparison.xlsx"):
        assert leila.get(path).content[:2] == b"PK"
    assert 'href="/models/' + staged.other + "/shadow" not in leila.get(f"/models/{staged.other}").text


def test_a_comparison_without_runs_says_what_to_do(staged: Staged) -> None:
    amina = staged.person("amina", "data_scientist")
    assert "No comparison for these days." in amina.get(f"/models/{staged.other}/comparison").text
    assert amina.get(f"/models/{staged.other}/comparison?from=2020-01-01&to=2023-01-01").status_code == 422
    assert amina.get("/models/none/comparison").status_code == 404
    assert amina.get("/models/none").status_code == 404


def comparison(version: str, verdict: Verdict) -> Comparison:
    """Of made-up figures, to be shown."""
    support = Support(inspections=40.0, unreachable=0.0, effective=25.0, largest_share=0.1, refusal="")
    found = Estimate(total=37.5, low=20.25, high=54.75, error=8.0, effective=25.0)
    side = OffPolicy(support, found, found, found)
    gain = None if verdict == "refused" else Estimate(total=4.5, low=1.5, high=7.5, error=1.5, effective=25.0)
    compared = Compared(side, side if gain else OffPolicy(support, None, None, None), gain, verdict)
    day = date(2023, 10, 1)
    return Comparison(version, day, day, day, "MAD", True, 1200, 90, 1, compared, compared)


@pytest.mark.parametrize("verdict", ["more", "fewer", "not shown", "refused"])
def test_a_comparison_is_shown_and_written(staged: Staged, monkeypatch: pytest.MonkeyPatch, verdict: Verdict) -> None:
    monkeypatch.setattr("basira.serving.models.compare_shadow", lambda *_, **__: comparison(staged.other, verdict))
    amina = staged.person("amina", "data_scientist")
    for language in ("fr", "ar", "en"):
        amina.cookies.set("basira-language", language, domain="basira.test", path="/")
        page = amina.get(f"/models/{staged.other}/comparison")
        assert page.status_code == 200
    says = {
        "more": "finds more: 4.5 more (1.5 to 7.5)",
        "fewer": "finds less: 4.5",
        "not shown": "No difference is shown: 4.5",
        "refused": "No estimate: the results of the period say too little",
    }
    assert says[verdict] in page.text
    assert "Simulated data" in page.text
    lines = amina.get(f"/models/{staged.other}/comparison.csv").content.decode("utf-8-sig").splitlines()
    assert len(lines) == 1 + 2 * (2 * 3 + 1)
    assert lines[1] == "Irregularities found;Live;Inverse probability;37,5000;20,2500;54,7500"
    assert lines[7] == "Irregularities found;Gain;;" + (";;" if verdict == "refused" else "4,5000;1,5000;7,5000")


def test_a_model_whose_files_are_gone_is_shown_as_such(staged: Staged) -> None:
    store = staged.house.service.store
    assert store is not None
    amina = staged.person("amina", "data_scientist")
    take(amina, staged.other, "shadow")
    shutil.rmtree(store / "models" / staged.other)
    assert "files gone" in amina.get("/models").text
    page = amina.get(f"/models/{staged.other}")
    assert (page.status_code, "no longer in the store" in page.text) == (200, True)
