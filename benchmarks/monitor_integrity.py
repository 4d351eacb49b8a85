"""Power and false discoveries of the pairs that `basira monitor integrity` shows, in simulated worlds.

`collusion` with rings of several sizes (pairs of an inspector and a declarant who look away; most of the declarant's
controls in the inspector's office are steered to him), and the same world without any. Power: of the planted pairs, the
share shown. False: pairs shown that were not planted. Results of the legacy's own controls, all known.

    python benchmarks/monitor_integrity.py [--rings 0 2 6 14 28] [--seeds 1 2 3] [--shift-hours 8] [--items 300000]

Prints a JSON object for each ring and seed, then one for each ring.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

import polars as pl

from basira.country import load_scenario, make_world
from basira.country.live import LiveCountry
from basira.workflows.monitor.assignments import KINDS, encode, pairs_of


@dataclass(frozen=True)
class Found:
    """``guilty``: pairs that were planted; ``able``: of these, with four controls of the declarant or more, in its
    inspector's office; ``shown``: of the guilty, shown; ``false``: shown otherwise, by kind of party."""

    ring: int
    seed: int
    controls: int
    guilty: int
    able: int
    shown: int
    false: dict[str, int]
    tested: dict[str, int]
    cpu_seconds: float


def run(ring: int, seed: int, *, items: int, shift_hours: int, steering: float) -> Found:
    """One world."""
    changes = {
        "items": items,
        "administration.collusive_pairs": ring,
        "administration.steering": steering,
    }
    scenario = load_scenario("collusion", changes=changes)
    with tempfile.TemporaryDirectory() as folder:
        make_world(scenario, seed=seed, out=Path(folder) / "w")
        declared = pl.read_parquet(Path(folder) / "w/declarations/*.parquet").unique("declaration_id")
        outcomes = pl.read_parquet(Path(folder) / "w/outcomes/*.parquet")
    controls = (
        outcomes.filter(pl.col("is_inspected"))
        .group_by("declaration_id")
        .agg(
            pl.col("inspector_id").first(),
            pl.col("inspected_at").first(),
            pl.col("is_irregular").is_not_null().any().alias("is_known"),
            pl.col("is_irregular").fill_null(value=False).any().alias("is_found"),
        )
        .join(declared.select("declaration_id", "office", "declarant_id", "importer_id"), on="declaration_id")
        .sort("declaration_id")
    )
    country = LiveCountry(scenario, seed)
    plan, names = country.plan, country.traders.declarant
    wanted = {
        (f"I{office + 301:03d}-{inspector + 1:03d}", names[declarant])
        for office, inspector, declarant in zip(
            plan.collusive_office.tolist(),
            plan.collusive_inspector.tolist(),
            plan.collusive_declarant.tolist(),
            strict=True,
        )
    }
    offices = controls.select(pl.col("inspector_id").str.head(4), "declarant_id").rows()
    of_declarant = Counter(offices)
    began = time.process_time()
    shown = {kind: pairs_of(encode(controls, kind, shift_hours=shift_hours)) for kind in KINDS}
    seconds = time.process_time() - began
    pairs = {(one.inspector, one.party) for one in shown["declarant"].standing}
    # An importer whom a guilty declarant serves stands out with the inspector for the same reason: not false.
    columns = controls.select("inspector_id", "declarant_id", "importer_id").rows()
    served = {(inspector, importer) for inspector, declarant, importer in columns if (inspector, declarant) in wanted}
    importers = {(one.inspector, one.party) for one in shown["importer"].standing}
    return Found(
        ring=ring,
        seed=seed,
        controls=controls.height,
        guilty=len(wanted),
        able=sum(of_declarant[inspector[:4], party] >= 4 for inspector, party in wanted),
        shown=len(pairs & wanted),
        false={"declarant": len(pairs - wanted), "importer": len(importers - served)},
        tested={kind: one.tested for kind, one in shown.items()},
        cpu_seconds=round(seconds, 2),
    )


def main() -> None:
    """Run all rings and seeds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rings", type=int, nargs="+", default=[0, 2, 6, 14, 28])
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--items", type=int, default=300_000)
    parser.add_argument("--shift-hours", type=int, default=8)
    parser.add_argument("--steering", type=float, default=0.8)
    given = parser.parse_args()
    for ring in given.rings:
        found = []
        for seed in given.seeds:
            found.append(run(ring, seed, items=given.items, shift_hours=given.shift_hours, steering=given.steering))
            print(json.dumps(asdict(found[-1])), flush=True)
        guilty, shown = sum(one.guilty for one in found), sum(one.shown for one in found)
        false = sum(sum(one.false.values()) for one in found)
        power = None if not guilty else round(shown / guilty, 3)
        share = None if not shown + false else round(false / (shown + false), 3)
        print(json.dumps({"ring": ring, "power": power, "false": false, "false_share": share}), flush=True)


if __name__ == "__main__":
    main()
