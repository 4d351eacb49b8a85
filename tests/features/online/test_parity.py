"""Online as in the batch, to the last bit, whatever the history and the declaration."""

from __future__ import annotations

import math
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from basira.features.catalog.catalog import CATALOG, ONLY_EVIDENCE
from basira.features.online.lookup import OnlineFeatures, online_features
from basira.features.online.plan import catalog_digest
from basira.schema.errors import StoreError, UsageError
from basira.storage.engine import fetch_frame
from basira.storage.profiles.reader import ProfileReader
from tests.support.online_world import (
    MemoryProfiles,
    Row,
    batch_rows,
    by_declaration,
    differences,
    engine,
    item,
    moment,
    online_rows,
    outcome,
    publish,
    random_history,
)

AS_OF = 10_500


def compare(items: list[Row], outcomes: list[Row], *, as_of_day: int = AS_OF) -> tuple[int, list[str]]:
    with engine(items, outcomes) as con:
        profiles = MemoryProfiles(con, as_of_day=as_of_day)
        online, _ = online_rows(by_declaration(items), profiles)
        return len(online), differences(online, batch_rows(con, list(online), as_of_day=as_of_day)) if online else []


@pytest.mark.parametrize("as_of_day", [9_999, 10_200, 10_700])
def test_random_histories_with_ties_nulls_amendments_and_corrections(as_of_day: int) -> None:
    compared = 0
    for seed in range(2):
        count, found = compare(*random_history(seed, declarations=80), as_of_day=as_of_day)
        assert found == []
        compared += count
    assert compared > 20


texts = st.one_of(
    st.none(), st.text(max_size=12), st.sampled_from(["İSTANBUL", "ΣΟΦΙΑΣ", "ß 3 abc", "\x00nul nul", "a\nbcd"])
)
amounts = st.one_of(
    st.none(),
    st.sampled_from([0.0, -0.0, 1e-300, 1e15, 5e-324, 0.005, 10_000.0, 999_999.99]),
    st.floats(0, 1e15, allow_subnormal=False).map(lambda x: round(x, 2)),
    st.floats(0, 1e6),
)
masses = st.one_of(st.none(), st.sampled_from([0.0, 0.0005, 1e9]), st.floats(0, 1e9))
rates = st.one_of(st.none(), st.floats(0, 1))
codes = st.sampled_from(["85", "8517", "851713", "8517130000", "851713000012"])


@st.composite
def rows(draw: st.DrawFn, declaration: str, day: int, number: int) -> Row:
    fields: dict[str, Any] = {"item_number": number, "commodity_code": draw(codes)}
    fields["declared_at"] = moment(day, draw(st.integers(0, 23)))
    for name in ("importer_id", "exporter_id", "declarant_id", "description", "office", "quantity_unit", "preference"):
        fields[name] = draw(texts)
    fields["origin_country"], fields["dispatch_country"] = draw(st.tuples(*[st.sampled_from([None, "CN", "MA"])] * 2))
    for name in ("customs_value_amount", "total_tax_amount", "excise_amount", "invoice_amount", "freight_amount"):
        fields[name] = draw(amounts)
    for name in ("net_mass_kg", "gross_mass_kg", "quantity", "exchange_rate"):
        fields[name] = draw(masses)
    fields["duty_rate"], fields["vat_rate"] = draw(rates), draw(rates)
    fields["is_oea"] = draw(st.sampled_from([None, True, False]))
    return item(declaration, day, **fields)


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[Row], list[Row]]:
    pool = [draw(rows(f"P{n}", AS_OF, 1)) for n in range(draw(st.integers(1, 3)))]
    items: list[Row] = []
    for n in range(draw(st.integers(0, 14))):
        day = AS_OF - draw(st.sampled_from([0, 1, 29, 30, 31, 364, 365, 366, 800]))
        own = (
            draw(rows(f"H{n}", day, 1))
            if draw(st.booleans())
            else {**draw(st.sampled_from(pool)), "declaration_id": f"H{n}"}
        )
        items.append({**own, "declared_day": day, "declared_at": moment(day)})
    results = [
        outcome(
            row["declaration_id"],
            row["declared_day"] + draw(st.sampled_from([-1, 0, 1, 40])),
            draw(st.sampled_from([True, False, None])),
            source_row=n,
            additional_revenue_amount=draw(amounts),
        )
        for n, row in enumerate(items)
        if draw(st.booleans())
    ]
    later = AS_OF + draw(st.integers(1, 3))
    new = [draw(rows("N", later, number)) for number in range(1, draw(st.integers(1, 3)) + 1)]
    new += [
        {**row, "declaration_id": f"M{n}", "declared_day": later, "declared_at": moment(later)}
        for n, row in enumerate(pool)
    ]
    return items + new, results


@settings(max_examples=8, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(histories())
def test_any_small_history_any_declaration(world: tuple[list[Row], list[Row]]) -> None:
    count, found = compare(*world)
    assert count > 0
    assert found == []


def test_a_key_never_seen_is_counted_zero_and_a_missing_key_is_unknown() -> None:
    items = [item("H", AS_OF, importer_id="I"), item("N", AS_OF + 1, importer_id="other"), item("M", AS_OF + 1)]
    with engine(items, []) as con:
        online, _ = online_rows(by_declaration(items), MemoryProfiles(con, as_of_day=AS_OF))
    seen = {
        key[0]: (row["importer_items"], row["importer_days_since_last"], row["code_items"])
        for key, row in online.items()
    }
    assert seen == {"N": (0.0, None, 1.0), "M": (None, None, 1.0)}


def test_the_history_s_own_columns_are_categories_too() -> None:
    items = [item("H", AS_OF, x_zone="a"), item("N", AS_OF + 1, x_zone="é"), item("M", AS_OF + 1, x_zone=None)]
    count, found = compare(items, [])
    assert (count, found) == (2, [])


def test_a_declaration_of_the_history_is_left_to_the_batch() -> None:
    items = [item("H", AS_OF), item("H", AS_OF + 1, declaration_version=2), item("L", AS_OF)]
    with engine(items[:1], []) as con:
        profiles = MemoryProfiles(con, as_of_day=AS_OF)
    _, left = online_rows(by_declaration(items), profiles)
    assert [answer.code for answer in left] == ["earlier_day", "known_declaration", "earlier_day"]


def test_an_amendment_of_a_declaration_of_the_day_is_described_like_the_batch_does() -> None:
    items = [item("H", AS_OF, importer_id="I"), item("N", AS_OF + 1, importer_id="I")]
    items.append(item("N", AS_OF + 1, importer_id="I", declaration_version=2, net_mass_kg=5.0))
    assert compare(items, []) == (2, [])


def test_the_frame_has_the_columns_and_types_of_the_batch() -> None:
    items, outcomes = random_history(5)
    new = [item("N", 10_801, item_number=n, description="abc", net_mass_kg=2.5) for n in (2, 1)]
    with engine(items + new, outcomes) as con:
        profiles = MemoryProfiles(con, as_of_day=10_800)
        answer = online_features(new, profiles)
        assert isinstance(answer, OnlineFeatures)
        batch_rows(con, [("N", 1, 1), ("N", 1, 2)], as_of_day=10_800)
        batch = fetch_frame(con, "select * from features order by item_number")
    frame = answer.frame()
    assert frame.schema == batch.schema
    assert frame.equals(batch, null_equal=True)
    assert len(CATALOG) == len(frame.columns) - 3


def test_evidence_is_computed_apart_and_changes_nothing_else() -> None:
    items, outcomes = random_history(5)
    new = [item("N", 10_801, item_number=n, net_mass_kg=2.5, customs_value_amount=100.0 * n) for n in (1, 2)]
    with engine(items, outcomes) as con:
        answer = online_features(new, MemoryProfiles(con, as_of_day=10_800))
    assert isinstance(answer, OnlineFeatures)
    whole = answer.complete
    assert answer.all_names == whole.names == whole.all_names
    assert set(whole.names) - set(answer.names) == ONLY_EVIDENCE
    assert [name for name in whole.names if name not in ONLY_EVIDENCE] == list(answer.names)
    priced = [dict(zip(whole.names, row, strict=True)) for row in whole.rows]
    assert all(isinstance(row["expected_value_per_kg_deviation"], float) for row in priced)
    kept = [tuple(row[name] for name in answer.names) for row in priced]
    assert repr(kept) == repr(list(answer.rows))
    assert whole.complete is whole
    assert answer.complete is whole, "computed once"


def test_through_the_file_as_in_memory(tmp_path: Path) -> None:
    items, outcomes = random_history(8, declarations=40)
    publish(tmp_path, items, outcomes, as_of_day=AS_OF)
    profiles = ProfileReader(tmp_path, catalog=catalog_digest()).profiles()
    online, _ = online_rows(by_declaration(items), profiles)
    with engine(items, outcomes) as con:
        assert differences(online, batch_rows(con, list(online), as_of_day=AS_OF)) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"customs_value_amount": "12"}, "customs_value_amount is of type str"),
        ({"description": 5}, "description is of type int"),
        ({"declared_at": "2020-01-01"}, "naive local time"),
        ({"description": "\ud800\ud800\ud800"}, "surrogate"),
        ({"customs_value_amount": math.nan}, "figures"),
        ({"item_number": 2}, "numbered once"),
        ({"declaration_id": "other"}, "2 declarations"),
    ],
)
def test_what_is_not_a_declaration_is_rejected_in_words(change: Row, words: str) -> None:
    with engine([item("H", AS_OF)], []) as con:
        profiles = MemoryProfiles(con, as_of_day=AS_OF)
    new = [item("N", AS_OF + 1) | change, item("N", AS_OF + 1, item_number=2)]
    with pytest.raises(UsageError, match=words):
        online_features(new, profiles)


def test_no_item_and_a_missing_column_are_rejected() -> None:
    with engine([item("H", AS_OF)], []) as con:
        profiles = MemoryProfiles(con, as_of_day=AS_OF)
    with pytest.raises(UsageError, match="0 rows"):
        online_features([], profiles)
    with pytest.raises(UsageError, match="without"):
        online_features([{"declaration_id": "N", "item_number": 1, "declared_at": datetime(2020, 1, 1)}], profiles)


def test_profiles_of_another_catalog_are_rejected() -> None:
    with engine([item("H", AS_OF)], []) as con:
        profiles = MemoryProfiles(con, as_of_day=AS_OF)
    profiles.catalog = "0" * 16
    with pytest.raises(StoreError, match="catalog"):
        online_features([item("N", AS_OF + 1)], profiles)


def test_no_identifier_is_in_the_file(tmp_path: Path) -> None:
    items = [item("DECLARATION-77", AS_OF, importer_id="IMPORTER-77", description="secret goods")]
    manifest = publish(tmp_path, items, [], as_of_day=AS_OF)
    content = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert manifest.metadata.counts["importer"] == 1
    assert not any(word in content for word in (b"IMPORTER", b"DECLARATION", b"secret"))
