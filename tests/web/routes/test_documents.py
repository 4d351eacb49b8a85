"""Documents of a result: taken by their content, kept apart, held by the chain, given for download to those who may."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient

from basira.schema.access import Grant
from basira.serving.service import Service
from basira.storage.database.tables import AUDIT_EVENT
from basira.storage.documents import is_whole as has_bytes
from basira.storage.record.documents import list_documents
from basira.storage.record.runs import Operations
from basira.storage.record.verify import verify
from tests.support.api_world import is_whole
from tests.support.postgres import tamper
from tests.support.web_world import Decided, decide_all, house_with_pages

PDF = b"%PDF-1.7\n1 0 obj <<>> endobj\nSIM invoice\r\n\x00\xff\ntrailer\n%%EOF\n"
PNG = b"\x89PNG\r\n\x1a\n" + b"SIM" * 9 + b"\x00\x00\x00\x00IEND\xaeB`\x82"
JPEG = b"\xff\xd8\xff\xe0SIM\xff\xd9"


@pytest.fixture
def decided(blank: Service, arrivals: Any, tmp_path: Path) -> Decided:
    """A day whose documents have a folder of their own."""
    (tmp_path / "store").mkdir()
    return decide_all(house_with_pages(replace(blank, store=tmp_path / "store")), arrivals)


@pytest.fixture
def nadia(decided: Decided) -> TestClient:
    return decided.house.person("nadia", Grant("inspector", decided.waiting[1]))


def send(client: TestClient, decided: Decided, content: bytes, name: str = "facture.pdf") -> Any:
    return client.post(f"{decided.page}/documents", data={"x": "1"}, files={"file": (name, content, "text/html")})


def documents(decided: Decided) -> list[Any]:
    with decided.house.service.database.read() as connection:
        return list_documents(connection, decided.waiting[0])


def test_a_document_is_kept_apart_and_comes_back_to_the_byte(decided: Decided, nadia: TestClient) -> None:
    for content in (PDF, PNG, JPEG, PDF):  # the same again is the one that is there
        answer = send(nadia, decided, content, name="..\\..\\Facture n° 7.pdf")
        assert answer.headers["location"] == f"{decided.page}?done=document#documents"
    kept = documents(decided)
    assert [one.kind for one in kept] == ["pdf", "png", "jpeg"]
    assert kept[0].digest == hashlib.sha256(PDF).hexdigest()
    store = decided.house.service.store
    assert store is not None
    (path,) = (store / "documents").rglob(kept[0].digest)
    assert (path.read_bytes(), path.stat().st_mode & 0o077) == (PDF, 0)
    page = nadia.get(decided.page).text
    assert page.count("Facture n° 7.pdf") == 3
    back = nadia.get(f"{decided.page}/documents/{kept[0].document_id}")
    assert (back.content, back.headers["content-type"]) == (PDF, "application/pdf")
    assert back.headers["x-content-type-options"] == "nosniff"
    assert back.headers["content-security-policy"] == "sandbox; default-src 'none'"
    assert back.headers["content-disposition"].startswith("attachment;")
    assert back.headers["content-disposition"].endswith("filename*=UTF-8''Facture%20n%C2%B0%207.pdf")
    png = nadia.get(f"{decided.page}/documents/{kept[1].document_id}")
    assert png.headers["content-disposition"].endswith("7.pdf.png")  # what it is, whatever it was called
    with decided.house.service.database.read() as connection:
        query = sa.select(AUDIT_EVENT.c.after).where(AUDIT_EVENT.c.action == "document.attached")
        held = [str(row[0]) for row in connection.execute(query)]
    assert len(held) == 3
    assert kept[0].digest in held[0]
    assert "Facture" not in "".join(held)  # a name may be a person's, and the chain keeps for ever
    assert is_whole(decided.house.service)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "choose a file that is not empty"),
        (b"<html><script>alert(1)</script>%%EOF", "not a whole PDF"),
        (b"MZ\x90" + PDF, "not a whole PDF"),
        (PDF[:20], "not a whole PDF"),
        (PNG[:-3], "not a whole PDF"),
        (JPEG[:-1], "not a whole PDF"),
        (PDF[:-6] + b" " * (8 << 20) + b"%%EOF", "8 MiB at most"),
    ],
)
def test_what_a_file_is_says_its_content(decided: Decided, nadia: TestClient, content: bytes, words: str) -> None:
    answer = send(nadia, decided, content)
    assert (answer.status_code, words in answer.text) == (422, True)
    assert documents(decided) == []
    assert send(nadia, decided, b"%PDF-" + b"x" * (9 << 20)).status_code == 413


def test_twenty_are_enough(decided: Decided, nadia: TestClient) -> None:
    answers = [send(nadia, decided, PDF + str(number).encode()).status_code for number in range(21)]
    assert answers == [303] * 20 + [422]


def test_only_those_with_the_right_have_it(decided: Decided, nadia: TestClient) -> None:
    send(nadia, decided, PDF)
    address = f"{decided.page}/documents/{documents(decided)[0].document_id}"
    house = decided.house
    assert house.person("lina", Grant("manager")).get(address).status_code == 200
    assert house.person("tarik", Grant("data_scientist")).get(address).status_code == 403
    stranger = house.person("sami", Grant("inspector", "ELSEWHERE"))
    assert (stranger.get(address).status_code, send(stranger, decided, PDF).status_code) == (404, 404)
    other = next(one for one in decided.all if one["declaration_id"] != decided.waiting[0])
    moved = address.replace(decided.waiting[0], other["declaration_id"])
    assert house.person("mina", Grant("manager")).get(moved).status_code == 404
    assert house.person("omar", Grant("auditor")).get(decided.page).text.count(address) == 1
    token = nadia.headers.pop("X-CSRF-Token")
    assert send(nadia, decided, PNG).status_code == 403
    form = {"csrf_token": token}
    sent = nadia.post(f"{decided.page}/documents", data=form, files={"file": ("x.png", PNG, "image/png")})
    assert sent.status_code == 303


def test_another_officers_declaration_takes_no_document(decided: Decided, nadia: TestClient) -> None:
    omar = decided.house.person("omar", Grant("inspector", decided.waiting[1]))
    nadia.post(f"{decided.page}/take", data={"x": "1"})
    assert 'id="document-file"' not in omar.get(decided.page).text
    answer = send(omar, decided, PDF)
    assert (answer.status_code, "another officer has this declaration in hand" in answer.text) == (422, True)


def test_a_document_that_was_changed_is_found(decided: Decided, nadia: TestClient) -> None:
    send(nadia, decided, PDF)
    send(nadia, decided, PNG)
    first, second = documents(decided)
    store = decided.house.service.store
    assert store is not None
    (path,) = (store / "documents").rglob(first.digest)
    path.write_bytes(PDF.replace(b"SIM", b"sim"))
    assert not has_bytes(store, first.digest)
    answer = nadia.get(f"{decided.page}/documents/{first.document_id}")
    assert answer.status_code == 503
    assert PDF not in answer.content
    place = f"sqlite:///{decided.house.service.database.place}"
    for statement, words in (
        (f"UPDATE document SET digest = '{second.digest}' WHERE document_id = '{first.document_id}'", "expected what"),
        ("UPDATE document SET attached_by = 'u-9'", "expected what"),
        ("DELETE FROM document", "its row is gone"),
    ):
        tamper(place, statement)
        with Operations(place) as operations:
            faults = verify(operations).faults
        assert any(re.search(f"the document .*{words}", one) for one in faults), faults
