"""Pages of an operator, of goods and of items: the same figures as the history has, for those who may see them."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections import Counter
from typing import Any
from urllib.parse import quote

import polars as pl
import pytest
from fastapi.testclient import TestClient

from basira.schema.access import Grant
from basira.storage.record.activity import find_audit
from basira.storage.register import Register
from basira.web.routes import items, operators
from tests.support.api_world import AS_OF
from tests.support.web_world import Decided

WIDE = {"from": "2023-01-01", "to": "2023-10-31"}


@pytest.fixture(scope="module")
def past(declarations: pl.DataFrame) -> pl.DataFrame:
    """What the store holds, of which no declaration was corrected."""
    return declarations.filter(pl.col("declared_at").dt.date() <= AS_OF)


@pytest.fixture(scope="module")
def largest(past: pl.DataFrame) -> str:
    return str(past["importer_id"].drop_nulls().mode().sort()[0])


@pytest.fixture(scope="module")
def analyst(read_only: Decided) -> TestClient:
    client = read_only.house.person("amina-past", Grant("analyst"))
    client.cookies.set("basira-language", "fr", domain="basira.test", path="/")
    return client


def lines(client: TestClient, path: str, **params: Any) -> list[list[str]]:
    answer = client.get(path, params={**WIDE, **params})
    assert answer.status_code == 200, answer.text
    return list(csv.reader(io.StringIO(answer.text.lstrip("\ufeff")), delimiter=";"))


def test_an_operator_s_page_says_what_the_history_holds(analyst: TestClient, past: pl.DataFrame, largest: str) -> None:
    own = past.filter(pl.col("importer_id") == largest)
    text = analyst.get("/operators", params={"name": largest, **WIDE}).text
    assert f"<strong>{own['declaration_id'].n_unique()}</strong>" in text
    header, whole, *rest = lines(analyst, "/operators.csv", name=largest)
    values = dict(zip(header, whole, strict=True))
    assert int(values["Articles"]) == own.height
    value = float(values["Valeur déclarée"].replace(",", "."))
    assert value == pytest.approx(own["customs_value_amount"].sum(), rel=1e-9)
    groups = Counter(line[0] for line in rest)
    assert groups["Mois"] == 10
    assert groups["Déclarant"] == min(10, own["declarant_id"].drop_nulls().n_unique())
    page = analyst.get("/operators", params={"name": largest.lower(), **WIDE}).text
    assert f"<strong>{own['declaration_id'].n_unique()}</strong>" in page


def test_an_operator_is_asked_for_and_may_have_nothing(analyst: TestClient) -> None:
    assert "Quel opérateur" in analyst.get("/operators").text
    assert "Aucune déclaration de cet opérateur" in analyst.get("/operators?name=NOBODY-1").text
    for address in (
        "/operators?part=office&name=A",
        "/operators?name=A&from=2023-05-01&to=2023-01-01",
        "/operators.csv",
    ):
        assert analyst.get(address).status_code == 422, address
    assert analyst.get("/operators?name=A&from=1900-01-01").status_code == 422
    assert analyst.get("/operators?nom=A").status_code == 422


def test_a_name_is_text_wherever_it_stands(analyst: TestClient) -> None:
    hostile = "\"><script>alert(1)</script>' or 1=1 --"
    for path, field in (("/operators", "name"), ("/items", "operator"), ("/items", "words"), ("/items", "number")):
        answer = analyst.get(path, params={field: hostile})
        assert answer.status_code == 200
        assert "<script>alert" not in answer.text
        assert 'href="/declarations/' not in answer.text


def test_the_declaration_leads_to_its_operators_for_those_who_may(read_only: Decided, analyst: TestClient) -> None:
    text = analyst.get(read_only.page).text
    assert re.search(r'href="/operators\?part=importer_id&amp;name=[^"]+"', text)
    inspector = read_only.house.person("nadia-past", Grant("inspector", read_only.waiting[1]))
    assert "/operators" not in inspector.get(read_only.page).text
    for path in ("/operators?name=A", "/operators.csv?name=A", "/goods", "/goods.csv", "/items", "/items.xlsx"):
        assert inspector.get(path).status_code == 403, path


def test_a_file_that_names_operators_is_in_the_audit_without_them(
    read_only: Decided, analyst: TestClient, largest: str
) -> None:
    database = read_only.house.service.database

    def entries() -> list[Any]:
        with database.read() as connection:
            return [
                one
                for action in ("operator.exported", "items.exported")
                for one in find_audit(connection, action=action)
            ]

    before = len(entries())
    manager = read_only.house.person("badr-past", Grant("manager"))
    assert manager.get("/operators", params={"name": largest}).status_code == 200
    assert ".xlsx" not in manager.get("/operators", params={"name": largest, **WIDE}).text
    assert manager.get("/operators.xlsx", params={"name": largest}).status_code == 403
    assert len(entries()) == before
    analyst.get("/operators.xlsx", params={"name": largest, **WIDE})
    analyst.get("/items.csv", params={"operator": largest, **WIDE})
    made = entries()
    assert len(made) == before + 2
    assert all(largest not in str(one) for one in made)


def test_a_name_of_the_register_stands_beside_its_identifier_and_in_no_file(
    analyst: TestClient, largest: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (operators, items):
        monkeypatch.setattr(module, "names_in", lambda _: Register({largest: "ATLAS SARL"}))
    for path, field in (("/operators", "name"), ("/items", "operator")):
        assert "ATLAS SARL" in analyst.get(path, params={field: largest, **WIDE}).text
        assert "ATLAS SARL" not in analyst.get(f"{path}.csv", params={field: largest, **WIDE}).text


def test_goods_are_those_of_the_history(analyst: TestClient, past: pl.DataFrame) -> None:
    origin = str(past["origin_country"].drop_nulls().mode().sort()[0])
    own = past.filter(pl.col("origin_country") == origin)
    header, whole, *_ = lines(analyst, "/goods.csv", origin=origin.lower())
    assert int(dict(zip(header, whole, strict=True))["Articles"]) == own.height
    text = analyst.get("/goods", params={"origin": origin, **WIDE}).text
    assert 'role="img"' in text
    code = str(own["commodity_code"].mode().sort()[0])
    assert f"code={code}" in text
    _, narrow, *_ = lines(analyst, "/goods.csv", origin=origin, code=f"{code[:4]}.{code[4:6]} {code[6:]}")
    assert int(narrow[2]) == own.filter(pl.col("commodity_code") == code).height
    assert "Aucun article" in analyst.get("/goods?code=9999").text
    for address in ("/goods?code=85a", "/goods?origin=CHN", "/goods?code=%25"):
        assert analyst.get(address).status_code == 422, address
    book = analyst.get("/goods.xlsx", params={"origin": origin, **WIDE})
    assert zipfile.is_zipfile(io.BytesIO(book.content))


def test_items_are_paged_and_lead_to_decided_declarations(
    analyst: TestClient, past: pl.DataFrame, largest: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(items, "PAGE_ROWS", 7)
    own = past.filter(pl.col("importer_id") == largest)
    address, seen = f"/items?operator={quote(largest)}&from=2023-01-01&to=2023-10-31", 0
    while address:
        text = analyst.get(address).text
        seen += text.count('<th scope="row">')
        following = re.search(r'href="([^"]*cursor=[^"]*)"', text)
        address = following[1].replace("&amp;", "&") if following else ""
    assert seen == own.height > 7
    assert analyst.get("/items?cursor=now").status_code == 422
    assert analyst.get("/items", params={"words": "a b c d e f g h i"}).status_code == 422
    monkeypatch.setattr(items, "MOST_ROWS", own.height - 1)
    assert analyst.get("/items.csv", params={"operator": largest, **WIDE}).status_code == 422
    monkeypatch.setattr(items, "MOST_ROWS", own.height)
    assert len(lines(analyst, "/items.csv", operator=largest)) == own.height + 1
