"""What the quarantine keeps may come from any sender: every reader shows it, and no terminal obeys it."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from typer.testing import CliRunner

from basira.cli.quarantine import app as quarantine_app
from basira.storage.history.store import History
from tests.support.api_world import Desk

pytestmark = pytest.mark.both_databases

JSON = {"Content-Type": "application/json"}
# As they stand between the quotes of a JSON string.
TEXTS = (
    r"\ud800",
    r"a\udfffb",
    r"\u0000",
    r"\u001b[2J\u001b]0;owned\u0007",
    r"\u009b31m",
    "\x7f",
    r"\u202eabc",
    r"\u2028",
    "é" * 300,
    r"\uffff",
    r"\"\\",
    "\u202e",
    "=cmd|' /C calc'!A0",
    r"\r\n\r\nHTTP/1.1 200",
    "🙂" * 50,
    r"\u200b",
    "\ud800",
)
NUMBERS = ("1e999", "-1e999", "NaN", "Infinity", "9" * 4000, "-" + "9" * 4000, "1e-999", "0." + "1" * 3000, "-0")
DEPTHS = (5, 30, 60)


def hostile_bodies() -> list[bytes]:
    """Bodies that Python's parser of JSON takes, none of them a declaration."""
    whole = [f'"{text}"' for text in TEXTS] + list(NUMBERS)
    whole += ["[" * depth + "]" * depth for depth in DEPTHS] + ['{"a":' * depth + "1" + "}" * depth for depth in DEPTHS]
    made = []
    for n, value in enumerate(whole):
        made.append(f'{{"declaration_id":{value},"n":{n},"items":[]}}')
        made.append(f'{{"declaration_id":"H-{n}","x_text":{value},"items":[{{"net_mass_kg":{value}}}]}}')
        made.append(f'{{"declaration_id":"H-{n}","office":{value},"items":[{{"x_more":{value}}}]}}')
        made.append(f'{{"declaration_id":"H-{n}","items":{value}}}')
        if value.startswith('"'):
            made.append(f'{{{value}:1,"n":{n},"items":[{{}}]}}')
            made.append(f'{{"declaration_id":"H-{n}","items":[{{{value}:1}}]}}')
            made.append(f'{{"declaration_id":"H-{n}","items":[{{"x_{value[1:]}:{{}}}}]}}')
    draw = random.Random(12)
    for n in range(40):
        parts = (draw.choice(TEXTS), draw.choice(whole), draw.choice(TEXTS), draw.choice(whole))
        made.append('{{"declaration_id":{},"{}":{},"items":[{{"{}":{}}}]}}'.format(n, *parts))
    return [text.encode("utf-8", "surrogatepass") for text in made]


def is_calm(text: str) -> bool:
    """Whether a terminal takes it as text alone."""
    return all(sign.isprintable() or sign == "\n" for sign in text)


@pytest.fixture
def where(desk: Desk, tmp_path: Path) -> list[str]:
    """A store beside the desk's database, as options of a command."""
    History.create(tmp_path / "store")
    place = str(desk.service.database.place)
    return ["--store", str(tmp_path / "store"), "--database", place if "://" in place else f"sqlite:///{place}"]


def test_whatever_was_sent_is_shown_by_every_reader(desk: Desk, where: list[str]) -> None:
    sent = hostile_bodies()
    for n, body in enumerate(sent):
        key = {"Idempotency-Key": f"k-{n}"} if n % 3 == 0 else {}
        answer = desk.client.post("/api/v1/declarations", content=body, headers={**JSON, **key})
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid"), body[:80]
    batch = desk.client.post("/api/v1/declarations", content=b"[" + b",".join(sent[:50]) + b"]", headers=JSON)
    assert {one["problem"]["status"] for one in batch.json()["results"]} == {422}
    page = desk.get("quarantine", limit="1000", state="all")
    assert page.status_code == 200
    assert page.content.isascii()
    names = [row["quarantine_id"] for row in page.json()["rows"]]
    assert len(names) == len({json.dumps(json.loads(body)) for body in sent})
    for name in names:
        shown = desk.get(f"quarantine/{name}")
        assert shown.status_code == 200
        assert shown.content.isascii()
        assert (shown.json()["body"] is None) != (shown.json()["body_text"] is None)
    run = CliRunner()
    for options in (["list", "--limit", "1000"], ["list", "--limit", "1000", "--json"]):
        done = run.invoke(quarantine_app, [*options, *where])
        assert done.exit_code == 0, done.exception
        assert is_calm(done.stdout)
    for name in names[::9]:
        done = run.invoke(quarantine_app, ["show", name, *where])
        assert done.exit_code == 0, done.exception
        assert is_calm(done.stdout)
        assert json.loads(done.stdout) == desk.get(f"quarantine/{name}").json()


def test_what_is_no_plain_json_is_given_as_an_escaped_text(desk: Desk) -> None:
    for value in (r'"\ud800"', r'"\u0000"', "1e999", "NaN", "9" * 400, "[" * 40 + "]" * 40):
        body = f'{{"declaration_id":"H","items":[],"x_text":{value}}}'
        desk.client.post("/api/v1/declarations", content=body, headers=JSON)
        (row,) = desk.get("quarantine").json()["rows"]
        shown = desk.get(f"quarantine/{row['quarantine_id']}").json()
        assert shown["body"] is None
        assert json.dumps(json.loads(shown["body_text"])) == json.dumps(json.loads(body))
        with desk.service.database.write() as connection:
            connection.exec_driver_sql("DELETE FROM refused_body")


@pytest.mark.parametrize("levels", [65, 200, 900, 5_000])
@pytest.mark.parametrize("key", ["", "k-1"])
def test_too_many_levels_are_rejected_at_the_door(desk: Desk, levels: int, key: str) -> None:
    headers = {**JSON, **({"Idempotency-Key": key} if key else {})}
    for body in ("[" * levels + "]" * levels, '{"a":' * levels + "1" + "}" * levels):
        answer = desk.client.post("/api/v1/declarations", content=body, headers=headers)
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["code"] == "json_invalid"
    assert desk.get("quarantine").json()["total"] == 0


def test_text_that_is_no_utf_8_is_rejected_and_not_kept(desk: Desk) -> None:
    for body in (b'{"declaration_id":"\xff\xfe"}', b'{"declaration_id":"\xc3"}', b"\x80", b'{"a":"\xf5\x80\x80\x80"}'):
        assert desk.client.post("/api/v1/declarations", content=body, headers=JSON).status_code == 422
    assert desk.get("quarantine").json()["total"] == 0
