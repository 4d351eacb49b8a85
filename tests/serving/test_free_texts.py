"""What a sender writes as they like: not in what is hashed, back where it was when read, gone when it is erased."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from basira.cli.program import app
from basira.serving import message as serve_body
from basira.serving.replay import replay_online
from basira.serving.service import Service
from basira.serving.sync import sync_history
from basira.storage.database.connection import Database
from basira.storage.database.tables import EVENT
from basira.storage.history.store import History
from basira.workflows.records.audit import Erasure, Record, erase
from tests.support.api_world import TODAY, Desk, at, desk_of, is_whole

Body = dict[str, Any]
PERSON = "Zineb-MARQUÉE-9"


@pytest.fixture
def desk(whole: Service, tmp_path: Path) -> Iterator[Desk]:
    service = replace(whole, database=Database(tmp_path / "operations.sqlite"))
    yield desk_of(service)
    service.close()


def naming(body: Body, name: str = "D-TEXT") -> Body:
    first, *others = body["items"]
    items = [{**first, "description": f"effets de {PERSON}", "x_chauffeur": PERSON}, *others]
    return {**body, "declaration_id": name, "transport_document": f"CMR {PERSON}", "items": items}


def payloads(desk: Desk) -> str:
    with desk.service.database.read() as connection:
        return " ".join(connection.execute(sa.select(EVENT.c.payload)).scalars())


def erased(desk: Desk) -> int:
    record = Record(desk.service.database.place, None)
    return erase(record, Erasure("dpo", "m", person=PERSON), now=lambda: at(20)).count


def shown(desk: Desk, name: str = "D-TEXT") -> tuple[Body, bool]:
    step = desk.get(f"declarations/{name}").json()["history"][0]
    return step["content"], step["is_text_erased"]


def test_texts_are_not_hashed_and_are_shown_until_they_are_erased(desk: Desk, arrivals: list[Body]) -> None:
    body = naming(arrivals[0])
    assert desk.post(body).status_code == 200
    assert PERSON not in payloads(desk)
    content, is_erased = shown(desk)
    assert content["items"][0]["x_chauffeur"] == PERSON
    assert content["items"][0]["description"] == f"effets de {PERSON}"
    assert content["header"]["transport_document"] == f"CMR {PERSON}"
    assert not is_erased
    assert erased(desk) == 1
    content, is_erased = shown(desk)
    assert is_erased
    assert PERSON not in json.dumps(content, ensure_ascii=False)
    assert content["items"][0]["commodity_code"] == body["items"][0]["commodity_code"]
    assert is_whole(desk.service)


def test_the_same_again_is_the_same_decision_before_and_after_an_erasure(desk: Desk, arrivals: list[Body]) -> None:
    body = naming(arrivals[0])
    first = desk.post(body).json()
    assert desk.post(body).json() == first
    other = {**body, "transport_document": "CMR 2"}
    assert desk.post(other).json()["declaration_version"] == 2
    assert desk.post(body).json()["declaration_version"] == 3
    erased(desk)
    again = desk.post(body).json()
    assert again["declaration_version"] == 3


def test_a_record_of_an_earlier_version_is_read_and_answers_the_same(desk: Desk, arrivals: list[Body]) -> None:
    body = naming(arrivals[0])
    with pytest.MonkeyPatch.context() as earlier:
        earlier.setattr(serve_body.Declaration, "texts", lambda _self: {})
        earlier.setattr(serve_body.Declaration, "content_without_texts", serve_body.Declaration.content)
        first = desk.post(body).json()
    assert PERSON in payloads(desk)
    assert shown(desk)[0]["items"][0]["x_chauffeur"] == PERSON
    assert desk.post(body).json() == first
    assert erased(desk) == 0
    found = CliRunner().invoke(
        app,
        [
            "audit",
            "where",
            "--store",
            str(Path(desk.service.database.place).parent),
            "--database",
            desk.service.database.place,
        ],
        input=f"{PERSON}\n",
    )
    assert found.exit_code == 11
    assert "table event, column payload" in found.output
    assert "hashed record, for good" in " ".join(found.output.split())


def test_replay_says_that_an_input_was_erased(desk: Desk, history: History, arrivals: list[Body]) -> None:
    desk.post(naming(arrivals[0]))
    office = arrivals[0]["office"]
    assert replay_online(desk.service, history.root, office, TODAY).scores == 1
    erased(desk)
    report = replay_online(desk.service, history.root, office, TODAY)
    assert (report.scores, report.lanes, report.is_same) == (0, 1, True)
    assert report.missing == {"a score: personal values or texts were erased": 1}


def test_the_history_gets_the_texts_or_what_is_left(desk: Desk, arrivals: list[Body], tmp_path: Path) -> None:
    store = History.create(tmp_path / "store")
    desk.post(naming(arrivals[0]))
    sync_history(store, desk.service.database, now=datetime(TODAY.year, TODAY.month, TODAY.day, 22))
    desk.post(naming(arrivals[1], "D-ERASED"))
    erased(desk)
    sync_history(store, desk.service.database, now=datetime(TODAY.year, TODAY.month, TODAY.day, 23))
    rows = pl.concat([pl.read_parquet(path) for path in store.snapshot().files("items")], how="diagonal_relaxed")
    first = {name: rows.filter(pl.col("declaration_id") == name).row(0, named=True) for name in ("D-TEXT", "D-ERASED")}
    assert (first["D-TEXT"]["x_chauffeur"], first["D-TEXT"]["description"]) == (PERSON, f"effets de {PERSON}")
    assert (first["D-ERASED"]["x_chauffeur"], first["D-ERASED"]["description"]) == (None, None)


def test_the_proof_lists_every_place_and_then_none(desk: Desk, arrivals: list[Body], tmp_path: Path) -> None:
    store = History.create(tmp_path / "store")
    place = str(desk.service.database.place)
    desk.post({**naming(arrivals[0]), "importer_id": PERSON})
    desk.post({**naming(arrivals[1]), "declared_at": "hier"})
    sync_history(store, desk.service.database, now=datetime(TODAY.year, TODAY.month, TODAY.day, 22))
    build = ["profiles", "build", "--as-of", str(TODAY), "--memory", "512MB", "--store", str(store.root), "--keep", "1"]
    assert CliRunner().invoke(app, build).exit_code == 0
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists" / "red.csv").write_text(f"D-TEXT;{PERSON}\n", encoding="utf-8")
    of = ["--store", str(store.root), "--database", place]
    why = ["--by", "dpo", "--motive", "CNDP 12"]

    def said(*words: str) -> tuple[int, str]:
        done = CliRunner().invoke(app, [*words, *of], input=f"{PERSON}\n", env={"BASIRA_LANGUAGE": "en"})
        assert PERSON not in done.output
        return done.exit_code, done.output

    where = ("audit", "where", "--also", str(tmp_path / "lists"))
    code, before = said(*where)
    assert code == 11
    for expected in (
        "table personal_value, column value",
        "table refused_body, column body",
        "data/items/",
        ".lmdb, as a digest",
        "red.csv",
    ):
        assert expected in before
    assert "Rows that would be rid of the value: 1" in said("history", "erase", *why, "--preview")[1]
    assert said(*where) == (code, before)
    assert said("audit", "erase", "--person", "-", *why)[0] == 0
    assert "audit event" not in said("history", "erase", *why)[1]
    assert CliRunner().invoke(app, build).exit_code == 0
    code, after = said(*where)
    assert (code, after.count("red.csv"), len(after.splitlines())) == (11, 1, 2)
    (tmp_path / "lists" / "red.csv").unlink()
    assert said(*where) == (0, "No place that was searched holds it.\n")
    assert is_whole(desk.service)
    trail = CliRunner().invoke(app, ["audit", "list", *of]).output
    assert all(action in trail for action in ("personal.erased", "refused_body.erased", "history.erased"))
    assert PERSON not in trail
