"""Amounts of other currencies are converted by dated rates: the last one up to the declaration's day, never a later."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from basira.ingest.mapping.model import Mapping, load_mapping
from basira.ingest.rates import parse_rates, read_rates
from basira.schema.days import day_of
from basira.schema.errors import BasiraError, MappingError
from basira.storage.history.store import History
from basira.storage.history.verify import verify_history
from basira.workflows.intake.ingest import IngestReport, ingest_files
from basira.workflows.intake.mapping import check_mapping
from basira.workflows.intake.quarantine import retry_quarantine
from tests.support.ingest_world import PLAIN_MAPPING, RECEIVED, rows_text

Query = Callable[[str], list[tuple[Any, ...]]]
HEADER = "id,date,office,item,code,origin,mass,value,currency,freight"
MAPPING = PLAIN_MAPPING + 'value_currency = "currency"\nfreight_amount = "freight"\n[rates]\nfile = "rates.csv"\n'
RATES = "currency,date,rate\nUSD,2024-01-01,9.87\nUSD,2024-01-05,10.5\nEUR,2024-01-02,10.93\n"
AMOUNTS = (
    "SELECT declaration_id, customs_value_amount, value_currency, freight_amount, declared_value_amount,"
    " declared_currency, conversion_rate, conversion_rate_on FROM items ORDER BY 1, item_number, declaration_version"
)
FOUND = "SELECT source_row, field, code, value, expected FROM quarantine ORDER BY 1"


def row(name: str, day: str, value: str, currency: str, freight: str = "", item: int = 1) -> str:
    return f"{name},{day},10,{item},851713,CN,12.5,{value},{currency},{freight}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "m.toml").write_text(MAPPING, encoding="utf-8")
    (tmp_path / "rates.csv").write_text(RATES, encoding="utf-8")
    return tmp_path


@pytest.fixture
def take(folder: Path, store: History) -> Callable[..., IngestReport]:
    def run(name: str, *rows: str) -> IngestReport:
        (folder / name).write_text(rows_text(*rows, header=HEADER), encoding="utf-8")
        return ingest_files(store, [folder / name], load_mapping(folder / "m.toml"), received_at=RECEIVED)

    return run


def test_amounts_are_converted_and_say_from_what(take: Callable[..., IngestReport], query: Query) -> None:
    report = take("a.csv", row("D1", "2024-01-03", "1000", "USD", "10"), row("D2", "2024-01-03", "7", "MAD"))
    assert (report.accepted, report.quarantined) == (2, 0)
    assert query(AMOUNTS) == [
        ("D1", 1000 * 9.87, "MAD", 10 * 9.87, 1000.0, "USD", 9.87, datetime(2024, 1, 1)),
        ("D2", 7.0, "MAD", None, None, None, None, None),
    ]


def test_where_no_rate_is_known_the_row_is_rejected_with_what_there_is(
    take: Callable[..., IngestReport], query: Query
) -> None:
    report = take(
        "a.csv",
        row("D1", "2023-12-31", "1", "USD"),  # before the first
        row("D2", "2024-01-12", "1", "USD"),  # seven days after the last: it still holds
        row("D3", "2024-01-13", "1", "USD"),
        row("D4", "2024-01-03", "1", "JPY"),
    )
    assert (report.accepted, report.quarantined) == (1, 3)
    expected = "a rate to MAD of the declaration's day, or of at most 7 days before it; found "
    assert query(FOUND) == [
        (1, "value_currency", "no_rate", "USD", expected + "the first rate of USD of 2024-01-01"),
        (3, "value_currency", "no_rate", "USD", expected + "the last rate of USD before it of 2024-01-05"),
        (4, "value_currency", "no_rate", "JPY", expected + "no rate of JPY"),
    ]


def test_no_rate_of_a_later_day_changes_anything() -> None:
    """The leakage test: whatever stands after a declaration's day, its rate is the same, and by a plain loop."""
    rng = random.Random(14)
    days = sorted(rng.sample(range(400), 90))
    lines = [(date(2024, 1, 1) + timedelta(days=n), round(rng.uniform(5, 12), 4)) for n in days]
    whole = parse_rates(written(lines), name="r", currency="MAD", most_days=7)
    for n in range(-5, 420):
        on = date(2024, 1, 1) + timedelta(days=n)
        before = [(day, rate) for day, rate in lines if day <= on]
        later = [(day, rate * 100) for day, rate in lines if day > on]
        found = whole.find("USD", day_of(on))
        assert found == parse_rates(written(before), name="r", currency="MAD", most_days=7).find("USD", day_of(on))
        assert found == parse_rates(written(before + later), name="r", currency="MAD", most_days=7).find(
            "USD", day_of(on)
        )
        last = before[-1] if before and (on - before[-1][0]).days <= 7 else None
        assert found == (None if last is None else (last[1], day_of(last[0])))


def written(lines: list[tuple[date, float]]) -> str:
    return "currency,date,rate\n" + "".join(f"USD,{day},{rate!r}\n" for day, rate in lines)


def test_items_of_one_declaration_in_several_currencies_are_converted_each(
    take: Callable[..., IngestReport], query: Query
) -> None:
    rows = (row("D1", "2024-01-03", "1", "USD"), row("D1", "2024-01-03", "1", "EUR", item=2))
    assert take("a.csv", *rows).accepted == 2
    assert query("SELECT customs_value_amount FROM items ORDER BY item_number") == [(9.87,), (10.93,)]
    # Of which currency the whole declaration's freight is, nothing says.
    freight = (row("D2", "2024-01-03", "1", "USD", "5"), row("D2", "2024-01-03", "1", "EUR", "5", item=2))
    assert take("b.csv", *freight).files[0].reasons == {"header_conflict": 2}


def test_results_in_the_same_row_are_in_its_currency(folder: Path, store: History, query: Query) -> None:
    (folder / "m.toml").write_text(
        MAPPING.replace("[rates]", '[outcome]\nis_irregular = "bad"\nadditional_revenue_amount = "extra"\n[rates]'),
        encoding="utf-8",
    )
    line = row("D1", "2024-01-03", "1000", "USD") + ",1,50"
    (folder / "a.csv").write_text(rows_text(line, header=f"{HEADER},bad,extra"), encoding="utf-8")
    ingest_files(store, [folder / "a.csv"], load_mapping(folder / "m.toml"), received_at=RECEIVED)
    assert query("SELECT additional_revenue_amount FROM outcomes") == [(50 * 9.87,)]


def test_the_way_back_takes_the_rate_that_was_added(
    take: Callable[..., IngestReport], folder: Path, store: History, query: Query
) -> None:
    take("a.csv", row("D1", "2024-01-03", "2", "GBP"), row("D2", "2024-01-03", "1", "USD"))
    # By the rates that it was read with it can't be taken; they are kept.
    assert retry_quarantine(store, received_at=RECEIVED).left == 1
    (folder / "rates.csv").write_text(f"{RATES}GBP,2024-01-02,12.6\n", encoding="utf-8")
    done = retry_quarantine(store, received_at=RECEIVED, mapping=load_mapping(folder / "m.toml"))
    assert done.left == 0
    assert query("SELECT customs_value_amount, conversion_rate FROM items ORDER BY 1") == [(9.87, 9.87), (25.2, 12.6)]


def test_the_rates_are_kept_with_the_store_and_proven(
    take: Callable[..., IngestReport], folder: Path, store: History
) -> None:
    take("a.csv", row("D1", "2024-01-03", "2", "USD"))
    digest = hashlib.sha256(RATES.encode()).hexdigest()
    assert [source.rates_digest for source in store.sources()] == [digest]
    kept = store.root / "mappings" / f"{digest}.csv"
    assert (kept.read_text(encoding="utf-8"), verify_history(store).faults) == (RATES, ())
    kept.write_text(RATES.replace("9.87", "98.7"), encoding="utf-8")
    assert verify_history(store).faults == (f"the table of rates {digest[:12]} is absent or was changed",)


def test_the_same_file_with_other_rates_is_read_again(
    take: Callable[..., IngestReport], folder: Path, query: Query
) -> None:
    rows = (row("D1", "2024-01-03", "2", "USD"), row("D2", "2024-01-03", "2", "GBP"))
    assert take("a.csv", *rows).accepted == 1
    (folder / "rates.csv").write_text(f"{RATES}GBP,2024-01-02,12.6\n", encoding="utf-8")
    report = take("a.csv", *rows)
    assert (report.accepted, report.already_known, report.quarantined) == (1, 1, 0)
    # A rate that was corrected makes another amount: a new version, as any other correction.
    (folder / "rates.csv").write_text(f"{RATES}GBP,2024-01-02,12.5\n", encoding="utf-8")
    assert take("a.csv", *rows).files[0].amended == 1
    assert query("SELECT max(declaration_version), arg_max(conversion_rate, declaration_version) FROM items") == [
        (2, 12.5)
    ]


def test_a_check_says_the_same_without_a_store(folder: Path) -> None:
    (folder / "a.csv").write_text(
        rows_text(row("D1", "2024-01-03", "2", "USD"), row("D2", "2024-01-03", "2", "GBP"), header=HEADER),
        encoding="utf-8",
    )
    found = check_mapping(folder / "a.csv", load_mapping(folder / "m.toml"))
    assert (found.accepted, found.reasons) == (1, {"no_rate": 1})


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("currency,date\nUSD,2024-01-01\n", "Expected the columns currency, date, rate"),
        ("currency,date,rate\nUSD,2024-01-01,0\n", "line 2 of the table of rates rates.csv, found: '0'"),
        ("currency,date,rate\nUSD,2024-01-01,nan\n", "found: 'nan'"),
        ('currency,date,rate\nUSD,2024-01-01,"9,87"\n', "found: '9,87'"),
        ("currency,date,rate\nUSD,01/02/2024,9.87\n", "found: '01/02/2024'"),
        ("currency,date,rate\nUSD,2024-02-30,9.87\n", "line 2"),
        ("currency,date,rate\nDOL,2024-01-01,9.87\n", "'DOL', which is no currency"),
        ("currency,date,rate\nUSD,2024-01-01,9.87\nUSD,2024-01-01,9.88\n", "a second rate of USD for 2024-01-01"),
        ("currency,date,rate\nUSD,2024-01-01,9.87,1\n", "line 2"),
    ],
)
def test_a_table_that_can_be_read_in_two_ways_is_rejected_with_its_line(folder: Path, text: str, found: str) -> None:
    (folder / "rates.csv").write_text(text, encoding="utf-8")
    with pytest.raises(MappingError) as raised:
        load_mapping(folder / "m.toml")
    assert found in raised.value.message


def test_a_table_of_semicolons_and_a_mark_is_read(folder: Path) -> None:
    (folder / "rates.csv").write_text("\ufeffDate;Currency;Rate\r\n2024-01-01;usd;9.87\r\n\r\n", encoding="utf-8")
    table = read_rates(folder / "rates.csv", currency="MAD", most_days=7)
    assert table.find("USD", day_of(date(2024, 1, 2))) == (9.87, day_of(date(2024, 1, 1)))


def test_a_mapping_whose_rates_are_not_there_is_rejected(folder: Path) -> None:
    (folder / "rates.csv").unlink()
    with pytest.raises(MappingError, match="Expected the table of rates"):
        load_mapping(folder / "m.toml")


def test_rates_do_not_change_the_digest_of_a_mapping(folder: Path) -> None:
    before = load_mapping(folder / "m.toml").digest
    (folder / "rates.csv").write_text(f"{RATES}GBP,2024-01-02,12.6\n", encoding="utf-8")
    assert load_mapping(folder / "m.toml").digest == before


def test_without_rates_another_currency_is_rejected_as_before(folder: Path, store: History, plain: Mapping) -> None:
    (folder / "a.csv").write_text(
        rows_text(row("D1", "2024-01-03", "2", "USD"), row("D2", "2024-01-03", "2", "MAD"), header=HEADER),
        encoding="utf-8",
    )
    (folder / "m.toml").write_text(MAPPING.partition("[rates]")[0], encoding="utf-8")
    report = ingest_files(store, [folder / "a.csv"], load_mapping(folder / "m.toml"), received_at=RECEIVED)
    assert report.files[0].reasons == {"other_currency": 1}
    assert issubclass(MappingError, BasiraError)
