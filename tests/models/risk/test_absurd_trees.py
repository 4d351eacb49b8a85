"""A model whose files agree with its card and whose trees are absurd is rejected before LightGBM reads them."""

from __future__ import annotations

import hashlib
import json
import re
import time

import pytest

from basira.models.risk.booster_text import require_sound
from basira.models.risk.files import CARD, read_model, write_model
from basira.models.risk.fit import version_of
from basira.schema.errors import ModelError

NAME = "probability-0.txt"


def forge(folder, change):
    """Change the first booster's text, and make card, hash and version agree with it, as an attacker would."""
    card = json.loads((folder / CARD).read_text(encoding="utf-8"))
    texts = {name: (folder / name).read_text(encoding="utf-8") for name in card["files"]}
    texts[NAME] = change(texts[NAME])
    (folder / NAME).write_bytes(texts[NAME].encode("utf-8"))
    card["files"][NAME] = hashlib.sha256(texts[NAME].encode("utf-8")).hexdigest()
    card["version"] = version_of(card, texts)
    (folder / CARD).write_text(json.dumps(card), encoding="utf-8")


def sized(text):
    """The text with the sizes of its trees put right."""
    blocks = re.findall(r"Tree=\d+\n.*?\n\n\n", text, flags=re.DOTALL)
    return re.sub(r"tree_sizes=[\d ]+", "tree_sizes=" + " ".join(str(len(b.encode())) for b in blocks), text)


def line(name, value):
    """The first line of that name with another value, or a value made of the old one."""

    def change(text):
        return re.sub(
            rf"^{name}=(.*)$",
            lambda m: f"{name}={value(m[1]) if callable(value) else value}",
            text,
            count=1,
            flags=re.M,
        )

    return lambda text: sized(change(text))


def first(value):
    return lambda old: " ".join([value, *old.split(" ")[1:]])


HOSTILE = {
    "a child that is its own parent": line("left_child", first("0")),
    "a child before its parent": line("right_child", lambda old: " ".join(["1", *old.split(" ")[1:-1], "1"])),
    "a child out of range": line("left_child", first("99999999")),
    "a leaf out of range": line("left_child", first("-99999999")),
    "a feature out of range": line("split_feature", first("1000000")),
    "a negative feature": line("split_feature", first("-5")),
    "millions of leaves": line("num_leaves", "9000000"),
    "no leaves": line("num_leaves", "0"),
    "fewer values than leaves": line("leaf_value", lambda old: old.rpartition(" ")[0]),
    "a gigantic number of classes": line("num_class", "1000000000"),
    "many trees an iteration": line("num_tree_per_iteration", "65536"),
    "a gigantic number of features": line("max_feature_idx", "2000000000"),
    "other features": line("feature_names", lambda old: " ".join(reversed(old.split(" ")))),
    "sizes that lead beyond the end": lambda text: re.sub(r"tree_sizes=\d+", "tree_sizes=99999999", text),
    "too many trees": lambda text: re.sub(r"tree_sizes=.*", "tree_sizes=" + "9 " * 100_000 + "9", text),
    "an unknown objective": line("objective", "custom"),
    "leaves that are functions": line("is_linear", "1"),
    "a leaf that is no number": line("leaf_value", first("nan")),
    "a leaf beyond all bounds": line("leaf_value", first("1e308")),
    "a threshold that is no number": line("threshold", first("nan")),
    "an infinite value of a node": line("internal_value", first("inf")),
    "a decision of another kind": line("decision_type", first("255")),
    "a set of categories that is not there": line("decision_type", first("1")),
    "a line that is no LightGBM's": lambda text: text.replace("num_class=1", "num_class=1\nplugin=x.so", 1),
    "a tail that is not LightGBM's": lambda text: text.replace("pandas_categorical:null", "pandas_categorical:[[1]]"),
    "no trees": lambda _text: "tree\nversion=v4\n",
    "nothing": lambda _text: "",
}


@pytest.fixture
def folder(model, tmp_path):
    write_model(model, tmp_path)
    return tmp_path


@pytest.mark.parametrize("what", HOSTILE)
def test_absurd_trees_are_rejected_in_a_bounded_time(what, folder):
    before = (folder / NAME).read_bytes()
    forge(folder, HOSTILE[what])
    assert (folder / NAME).read_bytes() != before
    began = time.process_time()
    with pytest.raises(ModelError, match=NAME):
        read_model(folder)
    assert time.process_time() - began < 10


def test_a_forged_model_that_can_be_walked_is_recognised_by_its_digest_alone(model, folder):
    genuine = read_model(folder).digest
    assert genuine == hashlib.sha256((folder / CARD).read_bytes()).hexdigest()
    forge(folder, line("leaf_value", first("0.25")))
    assert read_model(folder).digest != genuine


def test_a_threshold_may_be_infinite(model, folder):
    text = line("threshold", first("inf"))((folder / "share.txt").read_text(encoding="utf-8"))
    require_sound(text.encode(), features=model.encoding.names, name="share.txt")


def test_every_booster_that_is_fitted_is_sound(model, folder):
    for path in folder.glob("*.txt"):
        require_sound(path.read_bytes(), features=model.encoding.names, name=path.name)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("calibration", "slope"), float("nan")),
        (("share", "mean"), "much"),
        (("held", "amount", "level"), [float("inf"), 0.0, 0.0]),
        (("held", "amount", "centre"), 0.0),
        (("chosen", "bags"), 10**9),
        (("kinds",), {"../../x": {"share": 0.5, "is_learned": True}}),
        (("files",), {"../../etc/passwd": "0"}),
        (("files",), None),
        (("numbers",), 5),
    ],
)
def test_an_absurd_card_is_rejected(path, value, folder):
    card = json.loads((folder / CARD).read_text(encoding="utf-8"))
    place = card
    for part in path[:-1]:
        place = place[part]
    place[path[-1]] = value
    (folder / CARD).write_text(json.dumps(card), encoding="utf-8")
    with pytest.raises(ModelError):
        read_model(folder)


@pytest.mark.parametrize("text", ["[" * 100_000, " " * 2_000_000 + "{}"])
def test_a_card_of_any_depth_or_size_is_rejected(text, folder):
    (folder / CARD).write_text(text, encoding="utf-8")
    with pytest.raises(ModelError):
        read_model(folder)
