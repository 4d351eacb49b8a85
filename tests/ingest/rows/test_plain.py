"""Rows read one by one are the rows that columns give: same values, same types, or no answer."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from basira.ingest.mapping.columns import without_absent
from basira.ingest.mapping.model import load_mapping, parse_mapping
from basira.ingest.rows.plain import PlainRows
from basira.schema.errors import MappingError
from basira.schema.fields import DECLARATION_FIELDS, EXTRA_PREFIX, ITEM_FIELDS, Field
from basira.serving.message import (
    MOST_AHEAD,
    Declaration,
    Rejected,
    read_by_columns,
    read_declaration,
    read_declarations,
)
from tests.support.tree import KCS

RECEIVED = datetime(2026, 3, 2, 9, 30, 0, 250000)
PLAIN = PlainRows(load_mapping("basira"))
_SPACES = ["\t", "\n", "\x0b", "\x1c", "\x1f", " ", "\x85", "\xa0", "\u1680", "\u2003", "\u202f", "\u3000", "\ufeff"]
_WORDS = [
    "", "A", "a", "é", "ß", "NULL", "null", "nan", "NaN", "\\N", "#N/A", "#REF!", "Err:502", "Erratum", "#1", "-", "0",
    "CASA-PORT", "\u0131", "DÉCLARÉ", "1e5", "oui", "true", "ABC DEF", "half \ud800", "a\x00b", "ﬁ", "Ǆ", "٣",
    "SIM-٣", "ＳＩＭ–３", "SIM  3", "SI\u200bM", "SIM\u202e3", "S\x1bM", "ЅIМ", "АВС", "شركة", "شرکـة",
    "شركة SIM", "SIM-ا",
    "\u0640", "\u0378", "\ue000", "e\u0301", "A\u034fB", "´", "＃REF!", "ＮＵＬＬ", "ͺ",
]  # fmt: skip
_MOMENTS = [
    "2026-03-02",
    "2026-03-02T09:14:00",
    "2026-03-02 09:14:00",
    "2026-03-02T09:14",
    "2026-03-02T09:14:00.123456",
    "2026-03-02T09:14:00.1",
    "2026-03-02T09:14:60",
    "2026-02-30",
    "2026-03-02T24:00:00",
    "1989-12-31T23:59:59.999999",
    "1990-01-01",
    "2079-12-31T23:59:59.999999",
    "2080-01-01",
    "20260302",
    "2026-W10-1",
    "2026-03-02T09:14:00Z",
    "2026-03-02T09:14:00+01:00",
    "2026/03/02",
    "02/03/2026",
    "2026-3-2",
    "0026-03-02",
    "\uff12026-03-02",
    "2024-02-29",
]
_CODES = [
    "01",
    "0101",
    "851713",
    "8517130000",
    "851713000000",
    "85171",
    "00",
    "0001",
    "8517.13",
    "8517 13",
    "8517130000000",
    "851713.0",
    "٨٥١٧",
    "AB",
    "85-17",
    "٩٣٠٢٠٠",
    "۹۳۰۲۰۰",
    "９３０２００",
    "९३०२००",
    "8517\u200b13",
    "8517²1",
]
_PLACES = [
    "MA",
    "ma",
    "CN",
    "CHN",
    "Chine",
    "ZZ",
    "XK",
    "XX",
    "eur",
    "EUR",
    "MAD",
    "USD",
    "XYZ",
    "",
    "ＭＡ",
    "M\u200bA",
    "МА",
    "ＭＡＤ",
]

_spaced = st.tuples(st.sampled_from([*_SPACES, "", ""]), st.sampled_from(_WORDS), st.sampled_from([*_SPACES, "", ""]))
_texts = st.one_of(st.sampled_from(_WORDS), _spaced.map("".join), st.text(max_size=6))
_numbers = st.one_of(
    st.sampled_from([0, -0.0, 1, -1, 0.1, 17.5, 1e-7, 5e-324, 1e15, 1e15 + 1, 2**53 + 1, 1e9, 9999, 10_000, 20.0]),
    st.floats(allow_nan=True, allow_infinity=True), st.floats(0, 1), st.floats(0, 1e15), st.integers(-2, 10**20),
)  # fmt: skip
_any = st.one_of(st.none(), st.booleans(), _numbers, _texts, st.sampled_from(_MOMENTS), st.sampled_from(_CODES))


def _likely(field: Field) -> st.SearchStrategy[Any]:
    if field.type in ("text", "code"):
        return _texts
    if field.type == "commodity":
        return st.sampled_from(_CODES)
    if field.type == "timestamp":
        return st.sampled_from(_MOMENTS)
    if field.type in ("country", "currency"):
        return st.sampled_from(_PLACES)
    if field.type == "flag":
        return st.booleans()
    if field.type == "integer":
        return st.integers(0, 10_001)
    return st.one_of(st.floats(0, min(field.highest or 1.0, 1e6)), _numbers)


def _some(fields: tuple[Field, ...], required: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.lists(st.sampled_from(fields), max_size=5, unique_by=lambda f: f.name).flatmap(
        lambda chosen: st.fixed_dictionaries(
            required | {f.name: st.one_of(_likely(f), _likely(f), st.none(), _any) for f in chosen},
            optional={EXTRA_PREFIX + "own": _texts, EXTRA_PREFIX + "Own": _texts, EXTRA_PREFIX: _texts},
        )
    )


_headers = _some(
    DECLARATION_FIELDS,
    {"declaration_id": st.one_of(st.just("A-1"), _texts), "declared_at": st.sampled_from(["2026-03-02", *_MOMENTS])},
)
_items = st.lists(_some(ITEM_FIELDS, {"commodity_code": st.sampled_from(["851713", *_CODES])}), min_size=1, max_size=3)


def shown(rows: Any) -> list[list[tuple[str, str, str]]]:
    """Names, types and values to the last bit (`repr` tells -0.0 from 0.0)."""
    return [sorted((name, type(value).__name__, repr(value)) for name, value in row.items()) for row in rows]


def is_online(rows: Any) -> bool:
    """Whether nothing that holds for messages alone rejects them."""
    return len(rows[0]["declaration_id"]) <= 200 and rows[0]["declared_at"] <= RECEIVED + MOST_AHEAD


def by_columns(header: dict[str, Any], items: list[dict[str, Any]]) -> Any:
    return read_by_columns(header, items, None, received_at=RECEIVED)


@settings(max_examples=300)
@given(header=_headers, items=_items)
def test_whatever_is_read_by_rows_is_what_columns_give(header: dict[str, Any], items: list[dict[str, Any]]) -> None:
    rows = PLAIN.read(header, items, source="api", received_at=RECEIVED)
    if rows is None or not is_online(rows):
        return
    found = by_columns(header, items)
    assert isinstance(found, Declaration), (header, items, found)
    assert shown(found.rows) == shown(rows)


@pytest.mark.parametrize("field", DECLARATION_FIELDS + ITEM_FIELDS, ids=lambda f: f.name)
@settings(max_examples=12)
@given(data=st.data())
def test_every_field_alone_is_read_as_by_columns(field: Field, data: st.DataObject) -> None:
    header = {"declaration_id": "A-1", "declared_at": "2026-03-02T09:14:00"}
    item: dict[str, Any] = {"commodity_code": "851713"}
    value = data.draw(st.one_of(_likely(field), _any))
    (header if field.table == "declaration" else item)[field.name] = value
    rows = PLAIN.read(header, [item], source="api", received_at=RECEIVED)
    if rows is not None and is_online(rows):
        assert shown(by_columns(header, [item]).rows) == shown(rows)


_bodies = st.one_of(
    st.tuples(_headers, _items).map(lambda parts: {**parts[0], "items": parts[1]}),
    st.sampled_from([None, [], {}, {"items": []}, {"items": [{"item_number": ""}]}, {"items": [{}], "odd": 1}]),
)


@settings(max_examples=150)
@given(bodies=st.lists(_bodies, max_size=6).map(lambda some: [*some, *some[:2]]))
def test_several_are_read_as_each_alone(bodies: list[Any]) -> None:
    together = read_declarations(bodies, received_at=RECEIVED)
    assert len(together) == len(bodies)
    for body, found in zip(bodies, together, strict=True):
        alone = read_declaration(body, received_at=RECEIVED)
        if isinstance(alone, Rejected):
            assert found == alone
        else:
            assert isinstance(found, Declaration)
            assert (shown(found.rows), found.has_version) == (shown(alone.rows), alone.has_version)


def test_faults_of_one_are_not_those_of_its_neighbours() -> None:
    def body(name: str, **change: Any) -> dict[str, Any]:
        good, bad = {"commodity_code": "851713", "duty_rate": "2"}, {"commodity_code": "851713", "duty_rate": "1"}
        return {"declaration_id": name, "declared_at": "2026-03-02", "items": [good, {**bad, **change}]}

    bodies = [body("A"), body("B", duty_rate="-1"), body("C"), {**body("D"), "declared_at": "x"}, body("E", x_own=1)]
    found = read_declarations(bodies, received_at=RECEIVED)
    assert [isinstance(one, Rejected) for one in found] == [False, True, False, True, False]
    assert found == [read_declaration(one, received_at=RECEIVED) for one in bodies]
    refused = found[1]
    assert isinstance(refused, Rejected)
    assert [(fault.item, fault.field) for fault in refused.faults] == [(2, "duty_rate")]


def with_own_columns(number: int) -> dict[str, Any]:
    own = {f"x_a{number}_{n}": f"{number}.{n}" for n in range(5 + number % 7)}
    optional = {"net_mass_kg": "1 000"} if number % 2 else {"duty_rate": "2", "origin_country": "Chine"}
    item = {"commodity_code": "851713", "customs_value_amount": "10 000", **optional, **own}
    return {"declaration_id": f"A-{number}", "declared_at": "2026-03-02", "items": [item, {"commodity_code": "851713"}]}


def test_each_of_own_columns_is_read_as_alone_and_with_its_neighbours() -> None:
    bodies = [with_own_columns(number) for number in range(40)]
    bodies[3]["items"][0]["x_a3_4"] = "#N/A"
    bodies[4]["items"][0] |= {"x_a4_1": "#REF!", "x_a4_2": "#REF!", "duty_rate": "#N/A"}
    batches: list[int] = []
    found = read_declarations(bodies, received_at=RECEIVED, pause=lambda: batches.append(1))
    assert len(batches) == 1  # a batch costs by its columns: one for each would be forty times as much
    for number, (body, one) in enumerate(zip(bodies, found, strict=True)):
        alone = read_declaration(body, received_at=RECEIVED)
        if isinstance(alone, Rejected):
            assert one == alone
        else:
            assert isinstance(one, Declaration)
            assert shown(one.rows) == shown(alone.rows)
            assert one.rows[0][f"x_a{number}_4"] == f"{number}.4"
    assert [number for number, one in enumerate(found) if isinstance(one, Rejected)] == [3, 4]
    assert "x_a4_2" in repr(found[4])


def test_an_ordinary_declaration_is_plain() -> None:
    header = {"declaration_id": "A-1", "declared_at": "2026-03-02T09:14:00.5", "importer_id": "SIM-1", "is_oea": True}
    header["declared_at"] = "2026-03-02T09:14:00.500000"
    items = [
        {
            "commodity_code": "8517130000",
            "description": "Téléphones",
            "origin_country": "CN",
            "duty_rate": 0.025,
            "customs_value_amount": 310_000,
            "net_mass_kg": 96.5,
            "x_lot": "L9",
        }
    ]
    rows = PLAIN.read(header, items, source="api", received_at=RECEIVED)
    assert rows is not None
    assert (rows[0]["customs_value_amount"], rows[0]["value_currency"], rows[0]["x_lot"]) == (310_000.0, "MAD", "L9")
    assert shown(by_columns(header, items).rows) == shown(rows)


@pytest.mark.parametrize(
    "change",
    [
        {"duty_rate": "2.5 %"},
        {"net_mass_kg": "96"},
        {"origin_country": "Chine"},
        {"commodity_code": "85171"},
        {"net_mass_kg": -1},
        {"item_number": 1.0},
        {"nonsense": 1},
    ],
)
def test_what_needs_a_look_is_left_to_the_columns(change: dict[str, Any]) -> None:
    header = {"declaration_id": "A-1", "declared_at": "2026-03-02"}
    items = [{"commodity_code": "851713", **change}]
    assert PLAIN.read(header, items, source="api", received_at=RECEIVED) is None


def test_a_mapping_that_translates_has_no_plain_rows() -> None:
    text = 'version = 1\n[fields]\ndeclaration_id = "NUM"\ndeclared_at = "DATE"\ncommodity_code = "SH"\n'
    with pytest.raises(MappingError):
        PlainRows(parse_mapping(text, name="other"))


def test_without_absent_columns_the_mapping_is_as_plain() -> None:
    PlainRows(without_absent(load_mapping("basira"), ["declaration_id", "declared_at", "commodity_code"]))


def test_the_public_korean_declarations_are_read_alike() -> None:
    path = KCS
    files = sorted(path.glob("*.csv")) if path.is_dir() else []
    if not files:
        pytest.skip("the public Korean data set is absent")
    frame = pl.read_csv(files[0], n_rows=300, infer_schema_length=300)
    texts = [name for name, kind in frame.schema.items() if kind == pl.String]
    numbers = [name for name, kind in frame.schema.items() if kind.is_numeric()]
    compared = 0
    for n, row in enumerate(frame.to_dicts()):
        header = {"declaration_id": f"K-{n}", "declared_at": "2020-01-01", "office": str(row[texts[0]])}
        item = {"commodity_code": "8517130000", "description": str(row[texts[-1]])}
        item |= {"net_mass_kg": row[numbers[-1]], "customs_value_amount": row[numbers[-2]]}
        rows = PLAIN.read(header, [item], source="api", received_at=RECEIVED)
        if rows is not None:
            compared += 1
            assert shown(by_columns(header, [item]).rows) == shown(rows)
    assert compared
