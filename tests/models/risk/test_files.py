"""A model as files: what is read back is what was fitted, to the last bit, or it is rejected."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

import numpy as np
import pytest

from basira.models.risk.amounts import AmountCalibration
from basira.models.risk.files import CARD, read_card, read_model, write_model
from basira.models.risk.fit import version_of
from basira.schema.errors import ModelError, NotFoundError, StoreError
from basira.storage.model_store import Models
from tests.support.models_items import fit


@pytest.fixture
def folder(model, tmp_path):
    write_model(model, tmp_path)
    return tmp_path


def test_what_is_read_back_predicts_bit_for_bit_the_same(model, folder, later):
    again = read_model(folder)
    before, after = model.predict(later.features), again.predict(later.features)
    for name in ("fraud_probability", "revenue_if_fraud", "expected_revenue"):
        assert np.array_equal(getattr(before, name), getattr(after, name)), name
    assert list(before.kind_probabilities) == list(after.kind_probabilities)
    for kind, values in before.kind_probabilities.items():
        assert np.array_equal(values, after.kind_probabilities[kind])
    assert np.array_equal(model.contributions(later.features), again.contributions(later.features))


def test_what_is_read_back_has_the_same_card_and_encoding(model, folder):
    again = read_model(folder)
    assert again.encoding == model.encoding
    assert json.dumps(again.card, sort_keys=True) == json.dumps(model.card, sort_keys=True)


def test_a_model_without_kinds_or_revenue_is_read_back_too(items, tmp_path, later):
    model = fit(replace(items, kinds={}, revenue=np.full(len(items.is_irregular), np.nan)))
    write_model(model, tmp_path)
    again = read_model(tmp_path)
    assert again.share == model.share
    assert np.array_equal(
        model.predict(later.features).expected_revenue, again.predict(later.features).expected_revenue
    )


def test_a_model_of_before_amounts_were_corrected_is_read_as_it_was(model, folder, later):
    card = json.loads((folder / CARD).read_text(encoding="utf-8"))
    assert read_model(folder).share.amount == model.share.amount != AmountCalibration()
    del card["held"]
    texts = {name: (folder / name).read_text(encoding="utf-8") for name in card["files"]}
    card["version"] = version_of(card, texts)
    (folder / CARD).write_text(json.dumps(card), encoding="utf-8")
    older = read_model(folder)
    assert older.share.amount == AmountCalibration()
    plain = replace(model, share=replace(model.share, amount=AmountCalibration()))
    assert np.array_equal(
        older.predict(later.features).revenue_if_fraud, plain.predict(later.features).revenue_if_fraud
    )


def test_the_files_are_text_and_no_pickle(folder):
    for path in folder.iterdir():
        path.read_text(encoding="utf-8")
    assert {p.suffix for p in folder.iterdir()} == {".txt", ".json"}


@pytest.mark.parametrize("name", ["probability-0.txt", "probability-1.txt", "share.txt", "kind-value.txt"])
def test_a_changed_booster_is_rejected(name, folder):
    path = folder / name
    path.write_bytes(path.read_bytes().replace(b"leaf_value=", b"leaf_value=1", 1))
    with pytest.raises(ModelError, match=name):
        read_model(folder)


def test_an_absent_booster_is_rejected(folder):
    (folder / "share.txt").unlink()
    with pytest.raises(ModelError, match=r"share\.txt is absent"):
        read_model(folder)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("calibration", "intercept"), 3.0),
        (("share", "scale"), 2.0),
        (("kinds", "value", "share"), 0.9),
        (("as_of",), "2020-01-01"),
        (("later_items", "auc"), 0.99),
        (("version",), "m20221231-00000000"),
    ],
)
def test_a_changed_figure_of_the_card_is_rejected(path, value, folder):
    card = json.loads((folder / CARD).read_text(encoding="utf-8"))
    place = card
    for part in path[:-1]:
        place = place[part]
    assert place[path[-1]] != value
    place[path[-1]] = value
    (folder / CARD).write_text(json.dumps(card), encoding="utf-8")
    with pytest.raises(ModelError, match="card differs"):
        read_model(folder)


@pytest.mark.parametrize("name", ["probability-0.txt", "share.txt", "kind-origin.txt"])
def test_a_booster_changed_together_with_its_hash_is_rejected(name, folder):
    path = folder / name
    path.write_bytes(path.read_bytes().replace(b"leaf_value=", b"leaf_value=1", 1))
    card = json.loads((folder / CARD).read_text(encoding="utf-8"))
    card["files"][name] = hashlib.sha256(path.read_bytes()).hexdigest()
    (folder / CARD).write_text(json.dumps(card), encoding="utf-8")
    with pytest.raises(ModelError, match="card differs"):
        read_model(folder)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 99}'])
def test_a_card_that_is_not_one_is_rejected(text, folder):
    (folder / CARD).write_text(text, encoding="utf-8")
    with pytest.raises(ModelError):
        read_model(folder)


def test_a_folder_without_a_card_is_rejected(tmp_path):
    with pytest.raises(ModelError, match="card"):
        read_card(tmp_path)


# In the store.


def card(version: str, as_of: str, created_at: str = "2024-01-01T00:00:00"):
    text = json.dumps({"version": version, "as_of": as_of, "created_at": created_at})
    return lambda folder: (folder / "card.json").write_text(text, encoding="utf-8")


def test_the_latest_that_knows_nothing_later_is_found(tmp_path):
    models = Models(tmp_path)
    for version, as_of in (("a", "2023-01-31"), ("b", "2023-03-31"), ("c", "2023-02-28")):
        models.save(version, card(version, as_of))
    assert [models.find_latest(as_of=d) for d in ("2022-12-31", "2023-01-31", "2023-03-30", "2024-01-01")] == [
        None,
        "a",
        "c",
        "b",
    ]


def test_of_two_of_one_day_the_later_made_is_found(tmp_path):
    models = Models(tmp_path)
    models.save("old", card("old", "2023-01-31", "2023-02-02T00:00:00"))
    models.save("anew", card("anew", "2023-01-31", "2023-02-03T00:00:00"))
    assert models.find_latest(as_of="2023-06-30") == "anew"


def test_a_model_is_in_the_store_whole_or_not_at_all(tmp_path):
    def fails(folder):
        (folder / "card.json").write_text("{}")
        raise RuntimeError("the light went out")

    with pytest.raises(RuntimeError):
        Models(tmp_path).save("m", fails)
    assert Models(tmp_path).cards() == []
    assert list((tmp_path / "models").iterdir()) == []


def test_an_unknown_version_names_the_known(tmp_path):
    Models(tmp_path).save("m1", card("m1", "2023-01-31"))
    with pytest.raises(NotFoundError, match="m1"):
        Models(tmp_path).folder("m2")


@pytest.mark.parametrize("text", ["{", "[]", "{}"])
def test_a_card_that_can_not_be_read_is_named(text, tmp_path):
    Models(tmp_path).save("m1", lambda folder: (folder / "card.json").write_text(text))
    with pytest.raises(StoreError, match="m1"):
        Models(tmp_path).cards()
