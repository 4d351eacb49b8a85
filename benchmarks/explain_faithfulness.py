"""Do the named reasons carry the score? Their features are removed, and any other three families instead.

    .venv/bin/python benchmarks/explain_faithfulness.py [--scenario small] [--items 20000] [--seed 7] [--share 0.12]

A world as in `explain_kinds.py`. Of each selected item, the features of the families of its named reasons are removed:
their values are replaced by those of other items of the same days, `DRAWS` of them, and the mean score (log-odds) is
taken. Then the same with other families, as many as three: those that lower the score most, one by one, removed
together. Printed: the share of items where the named reasons lower the score more; the same against as many other
families as there are reasons. Each share is of all selected items, where one without a named reason counts as not
faithful, and of those with a named reason: the others say that no reason is worth naming, and are ordered last.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
from explain_kinds import Chosen, choose
from numpy.typing import NDArray

from basira.explain.strongest import FAMILY_OF, strongest_reasons
from basira.features.catalog.catalog import REASONS
from basira.models.risk.trees import predict_raw
from basira.schema.records import Reason

DRAWS = 16
OTHERS = 3
Matrix = NDArray[np.float32]


def families_of(chosen: Chosen) -> dict[str, list[int]]:
    """What officers are shown at most one reason of, each with the columns of its features; a feature that no reason
    speaks of is one for itself."""
    found: dict[str, list[int]] = {}
    for place, name in enumerate(chosen.model.encoding.names):
        found.setdefault(_family(name, chosen), []).append(place)
    return found


def family_of(reason: Reason, chosen: Chosen) -> str:
    """The family of a reason: that of its features."""
    return _family(reason.features[0], chosen)


def _family(feature: str, chosen: Chosen) -> str:
    """The unit value by kilogram and by unit are one family, as they are for an officer (`explain.strongest`)."""
    known = REASONS.with_categories(chosen.model.encoding.categories).families.get(feature) or feature
    return next((FAMILY_OF[code] for code in (known, f"{known}_low") if code in FAMILY_OF), known)


def removed(chosen: Chosen, row: Matrix, drawn: Matrix, groups: list[list[int]]) -> NDArray[np.float64]:
    """The mean score of one item without each group of columns, in the groups' order."""
    copies = np.repeat(row[None, :], len(groups) * len(drawn), axis=0)
    for number, columns in enumerate(groups):
        at = slice(number * len(drawn), (number + 1) * len(drawn))
        copies[at, columns] = drawn[:, columns]
    raw = predict_raw(chosen.model.boosters, copies)
    return np.asarray(raw.reshape(len(groups), len(drawn)).mean(axis=1))


def main() -> None:
    """Make a world, measure, print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--scenario", default="small")
    parser.add_argument("--items", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--share", type=float, default=0.12)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        chosen = choose(
            Path(folder), scenario=options.scenario, items=options.items, seed=options.seed, share=options.share
        )
    families = families_of(chosen)
    x, every = chosen.model.encoding.matrix(chosen.features), chosen.model.encoding.matrix(chosen.others)
    rng = np.random.default_rng(options.seed)
    won, won_alike, count, instead = 0, 0, Counter[int](), Counter[str]()
    for row, item in zip(x, chosen.assessments, strict=True):
        drawn = every[rng.choice(len(every), DRAWS, replace=False)]
        own = [family_of(reason, chosen) for reason in strongest_reasons(item)]
        count[len(own)] += 1
        if not own:
            continue
        others = [name for name in families if name not in own]
        alone = removed(chosen, row, drawn, [families[name] for name in others])
        first = [others[place] for place in np.argsort(alone, kind="stable")[:OTHERS]]
        groups = [own, first, first[: len(own)]]
        named, three, alike = removed(chosen, row, drawn, [[p for name in g for p in families[name]] for g in groups])
        won += named < three
        won_alike += named < alike
        if named >= three:
            instead.update(first)
    total, named_count = len(x), max(1, len(x) - count[0])
    print(f"{options.scenario}, seed {options.seed}: selected {total:,}; named reasons {dict(sorted(count.items()))}")
    for what, times in (("any other three families", won), ("as many other families", won_alike)):
        print(f"  lower the score more than {what}: {times / total:.3f}, of those named {times / named_count:.3f}")
    print("  stronger than what is named:", ", ".join(f"{name} {times}" for name, times in instead.most_common(12)))


if __name__ == "__main__":
    main()
