"""The text of a booster looked at before LightGBM reads it.

Enters: the bytes of a file, the features that it may ask for. Leaves: nothing, or a ModelError. Never here: a
prediction.

LightGBM trusts its own text: a child that points back makes it walk for ever, an index out of range makes it read
another's memory, a size that is wrong ends the process. So everything that it follows is compared first, in one pass
and in a bounded time: sizes, lengths, ranges, and that every node but the first has exactly one parent before it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from itertools import pairwise

from basira.schema.errors import ModelError

# Far above what `trees` fits: a thousand trees of 31 leaves and a depth of 6, some 5 MB.
MOST_BYTES = 32 * 2**20
MOST_TREES = 5_000
MOST_LEAVES = 255
MOST_LEAVES_OF_ALL = 250_000
MOST_DEPTH = 16
_MOST_TREE_BYTES = 2**18
_MOST_TAIL_BYTES = 2**20
_MOST_CATEGORY_WORDS = 64  # of 32 categories each
# Log-odds or shares; beyond, sums over all trees could pass what a double holds.
_LARGEST_LEAF = 1e6

_OBJECTIVES = frozenset({b"binary sigmoid:1", b"regression"})
_HEADER = frozenset(
    {
        b"version",
        b"num_class",
        b"num_tree_per_iteration",
        b"label_index",
        b"max_feature_idx",
        b"objective",
        b"feature_names",
        b"feature_infos",
        b"tree_sizes",
    }
)
_OF_NODES_WHOLE = (b"split_feature", b"decision_type", b"left_child", b"right_child", b"internal_count")
# Infinite where what is missing is split from all the rest; a threshold is compared with and nothing else.
_OF_NODES_BOUNDLESS = (b"split_gain", b"threshold")
_OF_NODES_REAL = (b"internal_value", b"internal_weight")
_OF_LEAVES = (b"leaf_value", b"leaf_weight", b"leaf_count")
_OF_CATEGORIES = (b"cat_boundaries", b"cat_threshold")
_SINGLE = (b"Tree", b"num_leaves", b"num_cat", b"is_linear", b"shrinkage")
_TREE = frozenset((*_OF_NODES_WHOLE, *_OF_NODES_BOUNDLESS, *_OF_NODES_REAL, *_OF_LEAVES, *_OF_CATEGORIES, *_SINGLE))
_IS_CATEGORY, _MOST_DECISION = 1, 11  # bits of a decision: category, default left, missing none, zero or NaN
_NUMBERS = b"0123456789+-.e "
_BOUNDLESS = _NUMBERS + b"inf"
_TAIL = re.compile(
    rb"|feature_importances:|parameters:|end of parameters|pandas_categorical:null|\[\w+: [^\[\]]*\]|[^=\s]+=[\d.e+]+"
)


class _AbsurdError(Exception):
    """What is wrong, in words."""


def require_sound(content: bytes, *, features: Sequence[str], name: str) -> None:
    """Raise ModelError unless ``content`` is a booster over ``features`` that LightGBM can read and walk.

    ``name``: of the file, for the message.
    """
    try:
        _look(content, features)
    except (_AbsurdError, ValueError) as error:
        raise ModelError(
            "Expected trees that can be walked in {name}, found that {error}.",
            hint="Restore the model folder from backup, or train again.",
            name=name,
            error=error,
        ) from None


def _look(content: bytes, features: Sequence[str]) -> None:
    _require(len(content) <= MOST_BYTES, f"it has {len(content):,} bytes, more than {MOST_BYTES:,}")
    head, mark, _ = content.partition(b"\n\nTree=0\n")
    _require(bool(mark) and head.startswith(b"tree\n"), "it has no trees")
    _require(len(head) <= _MOST_TAIL_BYTES, "its head is too long")
    header = _fields(head.split(b"\n")[1:], _HEADER)
    _require(header.keys() == _HEADER, "its head lacks a line")
    _require(header[b"version"] in (b"v3", b"v4"), "it is of another format")
    for field, expected in ((b"num_class", 1), (b"num_tree_per_iteration", 1), (b"max_feature_idx", len(features) - 1)):
        _require(header[field] == b"%d" % expected, f"{field.decode()} is not {expected}")
    _whole(header, b"label_index", 1)
    _require(header[b"objective"] in _OBJECTIVES, "its objective is not one of Basira's")
    names = [one.replace(" ", "_").encode() for one in features]
    _require(header[b"feature_names"].split(b" ") == names, "its features are not those of the card")
    _require(len(header[b"feature_infos"].split(b" ")) == len(features), "its features are described otherwise")
    count = header[b"tree_sizes"].count(b" ") + 1
    _require(count <= MOST_TREES, f"it has {count:,} trees, more than {MOST_TREES:,}")
    position, leaves = len(head) + 2, 0
    for number, size in enumerate(_whole(header, b"tree_sizes", count)):
        _require(0 < size <= _MOST_TREE_BYTES, f"tree {number} is too long")
        block = content[position : position + size]
        _require(block.startswith(b"Tree=%d\n" % number) and block.endswith(b"\n\n"), f"tree {number} begins elsewhere")
        tree = _fields(block.split(b"\n"), _TREE)
        leaves += _require_tree(tree, len(features), number)
        _require(leaves <= MOST_LEAVES_OF_ALL, f"it has more than {MOST_LEAVES_OF_ALL:,} leaves")
        position += size
    tail = content[position:]
    _require(tail.startswith(b"end of trees\n") and len(tail) <= _MOST_TAIL_BYTES, "its trees end elsewhere")
    for line in tail.split(b"\n")[1:]:
        _require(_TAIL.fullmatch(line) is not None, "its last part holds a line that is not LightGBM's")


def _require_tree(tree: Mapping[bytes, bytes], features: int, number: int) -> int:
    """Number of leaves of a tree that can be walked."""
    where = f"of tree {number}"
    (leaves,), (categories,), (linear,) = (
        _whole(tree, field, 1) for field in (b"num_leaves", b"num_cat", b"is_linear")
    )
    _require(1 <= leaves <= MOST_LEAVES, f"the number of leaves {where} is {leaves:,}")
    _require(linear == 0, f"the leaves {where} are functions")
    values = _real(tree, b"leaf_value", leaves)
    _require(all(abs(value) <= _LARGEST_LEAF for value in values), f"a leaf {where} is beyond {_LARGEST_LEAF:,.0f}")
    _real(tree, b"shrinkage", 1)
    if leaves == 1:
        nodes = _TREE - {*_SINGLE, *_OF_LEAVES}
        _require(categories == 0 and not any(tree.get(field) for field in nodes), f"one leaf {where} has nodes")
        return leaves
    for field in _OF_LEAVES[1:]:
        _real(tree, field, leaves)
    for field in _OF_NODES_REAL:
        _real(tree, field, leaves - 1)
    _texts(tree, b"split_gain", leaves - 1, _BOUNDLESS)
    whole = {field: _whole(tree, field, leaves - 1) for field in _OF_NODES_WHOLE}
    _require(all(0 <= one < features for one in whole[b"split_feature"]), f"a feature {where} does not exist")
    thresholds = [float(text) for text in _texts(tree, b"threshold", leaves - 1, _BOUNDLESS)]
    _require_categories(tree, thresholds, whole[b"decision_type"], categories, where)
    _require_paths(whole[b"left_child"], whole[b"right_child"], where)
    return leaves


def _require_paths(left: Sequence[int], right: Sequence[int], where: str) -> None:
    """Every node but the first, and every leaf, has one parent, which comes before it: there is no way back."""
    nodes = len(left)
    depth = [0] * nodes
    seen = bytearray(nodes), bytearray(nodes + 1)
    for node, children in enumerate(zip(left, right, strict=True)):
        _require(depth[node] < MOST_DEPTH, f"a path {where} is longer than {MOST_DEPTH}")
        for child in children:
            is_leaf = child < 0
            at = ~child if is_leaf else child
            _require(
                at <= nodes if is_leaf else node < at < nodes, f"a child {where} stands nowhere or before its parent"
            )
            _require(not seen[is_leaf][at], f"a child {where} has two parents")
            seen[is_leaf][at] = 1
            if not is_leaf:
                depth[at] = depth[node] + 1


def _require_categories(
    tree: Mapping[bytes, bytes], thresholds: Sequence[float], decisions: Sequence[int], count: int, where: str
) -> None:
    _require(all(0 <= one <= _MOST_DECISION for one in decisions), f"a decision {where} is unknown")
    sets = [value for value, one in zip(thresholds, decisions, strict=True) if one & _IS_CATEGORY]
    _require(sorted(sets) == list(range(count)), f"a set of categories {where} does not exist")
    if count:
        bounds = _whole(tree, b"cat_boundaries", count + 1)
        is_rising = all(0 < after - before <= _MOST_CATEGORY_WORDS for before, after in pairwise(bounds))
        _require(bounds[0] == 0 and is_rising, f"a set of categories {where} has no end")
        words = _whole(tree, b"cat_threshold", bounds[-1])
        _require(all(0 <= word < 2**32 for word in words), f"a set of categories {where} is too large")


def _fields(lines: Sequence[bytes], known: frozenset[bytes]) -> dict[bytes, bytes]:
    found: dict[bytes, bytes] = {}
    for line in lines:
        if not line:
            continue
        field, mark, value = line.partition(b"=")
        _require(bool(mark) and field in known and field not in found, "a line is not LightGBM's, or comes twice")
        found[field] = value
    return found


def _texts(fields: Mapping[bytes, bytes], field: bytes, count: int, letters: bytes = _NUMBERS) -> list[bytes]:
    """The values of a line, whose number is compared before they are taken apart."""
    value = fields.get(field, b"")
    _require(value.count(b" ") + 1 == count and bool(value), f"{field.decode()} has not {count:,} values")
    _require(not value.translate(None, letters), f"{field.decode()} holds what is no number")
    return value.split(b" ")


def _whole(fields: Mapping[bytes, bytes], field: bytes, count: int) -> list[int]:
    return [int(text) for text in _texts(fields, field, count)]


def _real(fields: Mapping[bytes, bytes], field: bytes, count: int) -> list[float]:
    found = [float(text) for text in _texts(fields, field, count)]
    _require(all(map(math.isfinite, found)), f"{field.decode()} holds what is not finite")
    return found


def _require(holds: bool, fault: str) -> None:
    if not holds:
        raise _AbsurdError(fault)
