"""A declaration in another currency is converted by the rates of its day: as in files, to the bit, and on record."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from typer.testing import CliRunner

from basira.cli.program import app
from basira.ingest.mapping.model import load_mapping
from basira.schema.errors import MappingError
from basira.serving.currency import RatesInForce
from basira.serving.replay import replay_online
from basira.serving.service import Service
from basira.serving.sync import sync_history
from basira.storage.database.connection import Database
from basira.storage.history.store import History
from basira.workflows.intake.ingest import ingest_files
from tests.support.api_world import AS_OF, TODAY, Desk, desk_of

Body = dict[str, Any]
EVENING = datetime(TODAY.year, TODAY.month, TODAY.day, 22)
AMOUNTS = (
    "freight_amount",
    "insurance_amount",
    "exchange_rate",
    "customs_value_amount",
    "duty_amount",
    "vat_amount",
    "excise_amount",
    "total_tax_amount",
)
CONVERSION = ["declared_value_amount", "declared_currency", "conversion_rate", "conversion_rate_on"]
RATE = 9.8735


def rates_text(*lines: str) -> str:
    return "\n".join(["currency,date,rate", *lines, ""])


@pytest.fixture
def rates(tmp_path: Path) -> Path:
    (tmp_path / "rates.csv").write_text(
        rates_text(f"USD,{AS_OF},{RATE}", f"USD,{TODAY + timedelta(days=1)},99", f"EUR,{TODAY},10.91"), encoding="utf-8"
    )
    (tmp_path / "rates.toml").write_text('[rates]\nfile = "rates.csv"\nmost_days = 3\n', encoding="utf-8")
    return tmp_path / "rates.toml"


@pytest.fixture
def exchange(whole: Service, history: History, rates: Path, tmp_path: Path) -> Any:
    """A service with rates, on a copy of the store."""
    store = History.open(shutil.copytree(history.root, tmp_path / "online", ignore=shutil.ignore_patterns("*.sqlite*")))
    database = Database(store.root / "operations.sqlite")
    service = replace(whole, database=database, rates=RatesInForce(rates), store=store.root)
    yield desk_of(service), store
    service.close()


def in_dollars(body: Body, currency: str = "USD") -> Body:
    """The body with its amounts written in dollars."""
    made = {k: round(v / RATE, 2) if k in AMOUNTS else v for k, v in body.items()}
    made["items"] = [
        {**{k: round(v / RATE, 2) if k in AMOUNTS else v for k, v in item.items()}, "value_currency": currency}
        for item in body["items"]
    ]
    return made


def test_it_is_decided_as_if_it_had_come_in_the_historys_currency(
    exchange: tuple[Desk, History], arrivals: list[Body]
) -> None:
    desk, _ = exchange
    sent = in_dollars(arrivals[0])
    found = desk.post(sent).json()
    assert (found["currency"], found["fallback"]) == ("MAD", None)
    converted = {k: v * RATE if k in AMOUNTS else v for k, v in sent.items() if k != "items"}
    converted["items"] = [
        {**{k: v * RATE if k in AMOUNTS else v for k, v in item.items()}, "value_currency": "MAD"}
        for item in sent["items"]
    ]
    other = desk.post({**converted, "declaration_id": "OTHER"}).json()
    assert [item["fraud_probability"] for item in found["items"]] == [
        item["fraud_probability"] for item in other["items"]
    ]
    shown = found["conversion"]
    assert (shown["currency"], len(shown["rates_digest"])) == ("MAD", 64)
    first = shown["items"][0]
    amount = sent["items"][0]["customs_value_amount"]
    assert (first["declared_amount"], first["declared_currency"]) == (amount, "USD")
    assert (first["rate"], first["rate_on"]) == (RATE, AS_OF.isoformat())
    assert first["text"].startswith("declared ")
    assert first["text"].endswith(f"USD × 9.8735 of {AS_OF}")
    assert "conversion" not in other


def test_only_without_a_rate_is_it_rejected(exchange: tuple[Desk, History], arrivals: list[Body]) -> None:
    desk, _ = exchange
    answer = desk.post(in_dollars(arrivals[0], "GBP"))
    assert answer.status_code == 422
    (fault,) = answer.json()["errors"]
    assert (fault["item"], fault["field"], fault["code"]) == (None, "value_currency", "no_rate")
    expected = "a rate to MAD of the declaration's day, or of at most 3 days before it; found no rate of GBP"
    assert fault["expected"] == expected
    assert answer.json()["detail"].startswith("Expected a rate of the declaration's currency")
    early = {**in_dollars(arrivals[1]), "declared_at": f"{AS_OF - timedelta(days=1)}T10:00:00"}
    assert desk.post(early).json()["errors"][0]["code"] == "no_rate"


def test_several_currencies_are_converted_each_unless_the_header_has_amounts(
    exchange: tuple[Desk, History], arrivals: list[Body]
) -> None:
    desk, _ = exchange
    item = {k: v for k, v in arrivals[0]["items"][0].items() if k != "item_number"}
    bare = {k: v for k, v in arrivals[0].items() if k not in AMOUNTS}
    mixed = {**bare, "items": [{**item, "value_currency": code} for code in ("USD", "EUR", "MAD")]}
    found = desk.post(mixed).json()["conversion"]["items"]
    assert [(one["item_number"], one["declared_currency"], one["rate"]) for one in found] == [
        (1, "USD", RATE),
        (2, "EUR", 10.91),
    ]
    answer = desk.post({**mixed, "declaration_id": "M2", "freight_amount": 5.0})
    assert answer.json()["errors"][0]["code"] == "currency_conflict"


def test_sent_again_after_the_rate_changed_it_is_the_decision_on_record(
    exchange: tuple[Desk, History], arrivals: list[Body], rates: Path
) -> None:
    desk, _ = exchange
    sent = in_dollars(arrivals[0])
    first = desk.post(sent).json()
    for text in (rates_text(f"USD,{AS_OF},10.1"), rates_text(f"EUR,{AS_OF},10.1")):
        (rates.parent / "rates.csv").write_text(text, encoding="utf-8")
        desk.service.refresh_profiles()
        assert desk.post(sent).json() == first
    assert desk.post(in_dollars(arrivals[1])).json()["errors"][0]["code"] == "no_rate"


def test_the_history_gets_what_a_file_would_have_given_it(
    exchange: tuple[Desk, History], history: History, arrivals: list[Body], rates: Path, tmp_path: Path
) -> None:
    desk, store = exchange
    sent = [in_dollars(body) if n % 2 else body for n, body in enumerate(arrivals)]
    assert all("decision_id" in desk.post(body).json() for body in sent)
    # What was decided stays, whatever the table says at night.
    (rates.parent / "rates.csv").write_text(rates_text(f"USD,{AS_OF},1.5"), encoding="utf-8")
    report = sync_history(store, desk.service.database, now=EVENING).reports[0]
    assert report.quarantined == 0
    rows = [
        {**{k: v for k, v in body.items() if k != "items"}, "declaration_version": 1, "item_number": n, **item}
        for body in sent
        for n, item in enumerate(body["items"], start=1)
    ]
    (tmp_path / "day.jsonl").write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    (rates.parent / "rates.csv").write_text(rates_text(f"USD,{AS_OF},{RATE}"), encoding="utf-8")
    mapping = tmp_path / "files.toml"
    text = (Path(__file__).parents[2] / "mappings" / "basira.toml").read_text(encoding="utf-8")
    mapping.write_text(text + (tmp_path / "rates.toml").read_text(encoding="utf-8"), encoding="utf-8")
    fed = History.open(shutil.copytree(history.root, tmp_path / "fed"))
    ingest_files(fed, [tmp_path / "day.jsonl"], load_mapping(mapping), received_at=EVENING)
    online, filed = (
        pl.concat([pl.read_parquet(path) for path in one.snapshot().files("items")], how="diagonal_relaxed")
        .filter(pl.col("received_at") == EVENING)
        .drop("source", "source_row")
        .sort("declaration_id", "item_number")
        for one in (store, fed)
    )
    assert online.equals(filed)
    assert online["conversion_rate"].drop_nulls().unique().to_list() == [RATE]
    # The same file after the service: nothing new.
    again = ingest_files(store, [tmp_path / "day.jsonl"], load_mapping(mapping), received_at=EVENING)
    assert (again.accepted, again.already_known) == (0, len(rows))


def test_its_day_comes_out_the_same_from_the_record_alone(
    exchange: tuple[Desk, History], arrivals: list[Body], rates: Path
) -> None:
    desk, store = exchange
    for n in range(3):
        desk.post(
            [{**in_dollars(b), "declaration_id": f"{b['declaration_id']}-{n}", "office": "SIM-A"} for b in arrivals]
        )
    (rates.parent / "rates.csv").write_text(rates_text(f"USD,{AS_OF},1.5"), encoding="utf-8")
    report = replay_online(replace(desk.service, rates=None), store.root, "SIM-A", TODAY)
    assert (report.differences, report.is_state_same) == ((), True)
    assert report.scores == 3 * len(arrivals)


def test_it_is_explained_with_what_was_declared(exchange: tuple[Desk, History], arrivals: list[Body]) -> None:
    desk, store = exchange
    number = desk.post(in_dollars(arrivals[0])).json()["declaration_id"]
    shown = CliRunner().invoke(app, ["explain", number, "--store", str(store.root), "-l", "en", "--full"])
    assert "USD × 9.8735 of " in " ".join(shown.output.split())


def test_rates_that_cannot_be_read_leave_those_in_force_and_end_a_start(rates: Path) -> None:
    in_force = RatesInForce(rates)
    before = in_force.table
    (rates.parent / "rates.csv").write_text("currency,date,rate\nUSD,today,9\n", encoding="utf-8")
    in_force.refresh()
    assert in_force.table is before
    with pytest.raises(MappingError, match="'today', which is no date"):
        RatesInForce(rates)
    rates.write_text("[source]\n", encoding="utf-8")
    with pytest.raises(MappingError, match=r"section \[rates\]"):
        RatesInForce(rates)
