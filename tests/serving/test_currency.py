"""A declaration's values are of one currency, and of the history's with which they are compared; as in files."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from basira.serving.message import Declaration, read_declaration
from basira.serving.service import Service
from basira.storage.history.store import History
from basira.storage.profiles.files import manifest_path
from basira.storage.profiles.publish import Description, publish_profiles
from basira.storage.profiles.reader import ProfileReader
from basira.workflows.profiles import build_profiles, read_profiles
from tests.support.api_world import AS_OF, NOW, Desk, desk_of

Body = dict[str, Any]


def in_currencies(body: Body, *currencies: str | None) -> Body:
    """A body whose items are of these currencies; None: not stated."""
    bare = {name: value for name, value in body["items"][0].items() if name not in ("item_number", "value_currency")}
    items = [bare if one is None else {**bare, "value_currency": one} for one in currencies]
    return {**body, "items": items}


@pytest.mark.parametrize("currencies", [("MAD", "EUR", "MAD"), ("EUR", "MAD", "EUR"), (None, "EUR", None)])
def test_two_currencies_in_one_declaration_are_rejected(
    desk: Desk, arrivals: list[Body], currencies: tuple[str | None, ...]
) -> None:
    answer = desk.post(in_currencies(arrivals[0], *currencies))
    assert answer.status_code == 422
    (fault,) = answer.json()["errors"]
    assert (fault["item"], fault["field"], fault["code"]) == (2, "value_currency", "currency_conflict")
    first, second = (one or "MAD" for one in currencies[:2])
    assert fault["expected"] == f"one currency in a declaration: {first} as in item 1, not {second}"


def test_both_ways_of_reading_reject_the_same(desk: Desk, arrivals: list[Body]) -> None:
    plain = in_currencies(arrivals[0], "MAD", "EUR")
    odd = {**plain, "declared_at": f" {plain['declared_at']} "}  # read by columns
    one, other = desk.post(plain), desk.post(odd)
    assert (one.status_code, other.status_code) == (422, 422)
    assert one.json()["errors"] == other.json()["errors"]
    unsaid = in_currencies(arrivals[0], None, "MAD")
    assert isinstance(read_declaration(unsaid, received_at=NOW + timedelta(days=400)), Declaration)


def test_another_currency_than_the_history_s_is_rejected(desk: Desk, arrivals: list[Body]) -> None:
    answer = desk.post(in_currencies(arrivals[0], "EUR", "EUR"))
    assert answer.status_code == 422
    (fault,) = answer.json()["errors"]
    assert (fault["item"], fault["field"], fault["code"]) == (None, "value_currency", "other_currency")
    assert fault["expected"] == "values in MAD, as the history's; found EUR"
    assert answer.json()["detail"].startswith("Expected values in the currency of the history")
    assert desk.post(in_currencies(arrivals[0], "MAD", None)).status_code == 200
    again = desk.post([in_currencies(arrivals[1], "EUR")]).json()["results"][0]["problem"]
    assert again["errors"][0]["code"] == "other_currency"


def test_without_profiles_nothing_is_compared_and_nothing_rejected(
    service: Service, arrivals: list[Body], tmp_path: Path
) -> None:
    alone = desk_of(replace(service, profiles=read_profiles(tmp_path / "none")))
    answer = alone.post(in_currencies(arrivals[0], "EUR"))
    assert (answer.status_code, answer.json()["fallback"], answer.json()["currency"]) == (200, "no_profiles", "EUR")


def test_profiles_of_an_older_version_serve_and_say_nothing(tmp_path: Path) -> None:
    entries = [("r", [b"\x01k"], [b"v"])]
    description = Description(20_000, 1, "c", (), True, {"basira": "0"})
    manifest = publish_profiles(tmp_path, entries, description=description, built_at=NOW)
    # As it was written before.
    path = manifest_path(tmp_path, manifest.name)
    body = json.loads(path.read_text(encoding="utf-8"))
    del body["check"], body["metadata"]["currencies"]
    check = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
    path.write_text(json.dumps(body | {"check": check}), encoding="utf-8")
    loaded = ProfileReader(tmp_path, catalog="c").profiles()
    assert (loaded.currencies, loaded.find([b"\x01k"])) == ((), [b"v"])
    assert "currencies" not in loaded.metadata.to_json()


def test_profiles_say_of_which_currency_they_are(whole: Service, tmp_path: Path) -> None:
    assert whole.profiles.profiles().currencies == ("MAD",)
    assert whole.store is not None
    empty = History.create(tmp_path / "store")
    build_profiles(empty, as_of=AS_OF, now=NOW)
    assert read_profiles(empty.root).profiles().currencies == ()
