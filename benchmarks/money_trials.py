"""Is the money right? Found over expected, for probability and revenue, on simulated worlds with known truth.

    .venv/bin/python benchmarks/money_trials.py [--scenarios small drift] [--items 60000] [--seeds 1 2 3] [--before]

Each world as in model_trials.py: learn from the results known 61 days before its end, predict every item of these days.
Held against it are

    usual      what an inspection as usual would find of each item, in the mean: found by a full inspection or not
               (known to the simulation), times how well the old lanes do in their usual mix and with the officers' mean
               skill. This is what `fraud_probability` and `expected_revenue` mean
    inspected  what was found of the items that were inspected then, whenever it became known; each counts once
    truth      every irregularity and all that it evades, also what no inspection would find

Prints for each world, and for all of them at the end: the ratio with its 95 % interval over all items; the slope of the
log odds (1: neither too bold nor too timid); then ratios of probability and revenue by tenth of probability, of
expected revenue and of the declared value ("1" the highest; the first hundredth apart), and by lane of the old
selectivity.
``out``: how many of the ratios have an interval that lies wholly outside .85 to 1.15. ``lane``: how much each finds, as
the card has it. ``next season``: what the card says of a season to come, and whether it holds: whether the logarithm of
the ratio is within 1.96 of its error, which is the card's and that of the few amounts of these 61 days together.
--before: the same trees with the calibration of before decision 0029 (the late part alone, no correction of amounts).
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from model_trials import Trial, world

from basira.country import load_scenario
from basira.features.catalog.catalog import MODEL_FEATURES
from basira.models.risk import fit as fitting
from basira.models.risk.calibration import fit_calibration
from basira.models.risk.fit import ModelOrigin, fit_risk_model
from basira.models.risk.ratios import Ratio, groups_of, ratio_of
from basira.models.risk.settings import FitSettings

WITHIN = (0.85, 1.15)
TARGETS = ("usual", "inspected", "truth")
_NOT_BY_PAPERS = ("quantity", "prohibited")
_BY_PAPERS_OF_THESE = 0.1  # `basira.country.inspection`

Floats = np.ndarray[Any, np.dtype[np.float64]]
Bools = np.ndarray[Any, np.dtype[np.bool_]]
Held = list[tuple[str, bool | None]]  # probability or revenue, and whether the card's interval of a season held


@dataclass(frozen=True)
class Target:
    """``counted``: rows that are compared; ``found``: irregular, 0 to 1; ``revenue``: amount."""

    counted: Bools
    found: Floats
    revenue: Floats


def targets(scenario: str, trial: Trial) -> dict[str, Target]:
    known, administration = trial.known, load_scenario(scenario).administration
    documentary = 1 - administration.lane_full - administration.lane_partial
    by_kind = {
        kind: administration.lane_full
        + administration.lane_partial * administration.partial_detection
        + documentary
        * (
            _BY_PAPERS_OF_THESE
            if kind in _NOT_BY_PAPERS
            else 1.0
            if kind == "documents"
            else administration.documentary_detection
        )
        for kind in known["kind"].drop_nulls().unique().to_list()
    }
    skill = 1 - administration.inspector_spread / 2
    seen = known["kind"].replace_strict(by_kind, default=0.0, return_dtype=pl.Float64).to_numpy() * skill
    irregular, evaded = trial.irregular.astype(bool), np.nan_to_num(trial.evaded.astype(float))
    usual = np.where(irregular, known["is_detectable"].to_numpy() * seen, administration.false_finding_rate)
    every = np.ones(len(usual), dtype=np.bool_)
    inspected = trial.found.is_not_null().to_numpy()
    return {
        "usual": Target(every, usual, usual * evaded * administration.recovered_share),
        "inspected": Target(
            inspected,
            trial.found.fill_null(value=False).to_numpy().astype(float),
            known["recovered"].fill_null(0.0).to_numpy(),
        ),
        "truth": Target(every, irregular.astype(float), evaded),
    }


def groupings(trial: Trial, probability: Floats, expected: Floats) -> dict[str, Mapping[str, Bools]]:
    value = np.nan_to_num(trial.features["item_value_log"].to_numpy().astype(float))
    lane = trial.known["inspection_lane"].fill_null("not inspected").to_numpy()
    return {
        "probability": groups_of(probability),
        "expected revenue": groups_of(expected),
        "value": groups_of(value),
        "lane": {name: np.asarray(lane == name, dtype=np.bool_) for name in sorted(set(lane))},
    }


def slope_of(probability: Floats, target: Target) -> float:
    """Of a logistic fit of what was found on the log odds; a share found counts as so much of both."""
    p = np.clip(probability[target.counted], 1e-9, 1 - 1e-9)
    odds, found = np.log(p / (1 - p)), target.found[target.counted]
    twice = np.concatenate([odds, odds])
    irregular = np.concatenate([np.ones(len(odds), bool), np.zeros(len(odds), bool)])
    return fit_calibration(twice, irregular, np.concatenate([found, 1 - found])).slope


@contextmanager
def late_part_alone() -> Iterator[None]:
    """The calibration of before: one late part, by the fit that chose, each result for itself."""
    own = fitting._hold  # the one place at which both differ

    def hold(ground: Any, choice: Any) -> Any:
        late = ground.is_late
        calibration = fit_calibration(choice.late_raw, ground.items.is_irregular[late], ground.items.weight[late])
        return fitting._Held(calibration)

    fitting._hold = hold
    try:
        yield
    finally:
        fitting._hold = own


def shown(one: Ratio) -> str:
    if one.value is None:
        return "-"
    high = "?" if one.high is None else f"{one.high:.2f}"
    return f"{one.value:.2f} [{one.low:.2f}, {high}]"


def is_out(one: Ratio) -> bool:
    if one.value is None or one.low is None:
        return False
    return one.low > WITHIN[1] or (one.high is not None and one.high < WITHIN[0])


def holds(one: Ratio, said: Mapping[str, float] | None) -> bool | None:
    """Whether a ratio is where the card says that one of a season to come lies; None where it says nothing."""
    if not one.value or not one.low or not one.high or said is None:
        return None
    own, of_card = (np.log(high / low) / (2 * 1.96) for low, high in ((one.low, one.high), (said["low"], said["high"])))
    return bool(abs(np.log(one.value)) <= 1.96 * np.hypot(own, of_card))


def measure(name: str, scenario: str, trial: Trial, sums: dict[tuple[str, str, str], list[Ratio]], held: Held) -> None:
    origin = ModelOrigin(trial.as_of.isoformat(), "", 0, "")
    model = fit_risk_model(trial.items, numbers=MODEL_FEATURES, settings=FitSettings(), seed=1, origin=origin)
    said = model.predict(trial.features)
    probability, expected = said.fraud_probability, said.expected_revenue
    order = np.argsort(-probability, kind="stable")
    first = [trial.irregular[order[: len(order) * q // 100]].mean() for q in (1, 5, 10)]
    money = np.argsort(-expected, kind="stable")[: len(order) // 20]
    print(
        f"  {name}: P@1/5/10 {first[0]:.3f} {first[1]:.3f} {first[2]:.3f}, revenue in the first 5 %"
        f" {trial.evaded[money].sum() / trial.evaded.sum():.3f}; slope {model.calibration.slope:.2f}, intercept"
        f" {model.calibration.intercept:.2f}, amounts {model.share.amount.level:.2f} {model.share.amount.slope:.2f};"
        f" fit {model.card['fit_cpu_seconds']:.1f} CPU-s"
    )
    for lane, of_kind in model.card["held"].get("detection", {}).items():
        ratios = (f"{kind} {shown(Ratio(**one))}" for kind, one in of_kind.items())
        print(f"    lane {lane} finds, against all lanes: " + ", ".join(ratios))
    ones = np.ones(len(probability))
    for about, target in targets(scenario, trial).items():
        pairs = (("probability", target.found, probability), ("revenue", target.revenue, expected))
        of = target.counted
        whole = {what: ratio_of(found[of], say[of], ones[of]) for what, found, say in pairs}
        out = {what: [0, 0] for what in whole}
        lines = []
        for grouping, groups in groupings(trial, probability, expected).items():
            cells = []
            for group, rows in groups.items():
                at = rows & of
                if not at.any():
                    continue
                both = []
                for what, found, say in pairs:
                    one = ratio_of(found[at], say[at], ones[at])
                    out[what][0] += is_out(one)
                    out[what][1] += 1
                    both.append("-" if one.value is None else f"{one.value:.2f}")
                    sums.setdefault((name, about, f"{grouping}: {group}: {what}"), []).append(one)
                cells.append(f"{group} {'/'.join(both)}")
            lines.append(f"      {grouping:17} " + ", ".join(cells))
        said_of = model.card["held"].get("next_season") or {}
        for what, one in whole.items():
            sums.setdefault((name, about, what), []).append(one)
            if about == "usual" and said_of.get(what):
                low, high = said_of[what]["low"], said_of[what]["high"]
                is_held = holds(one, said_of[what])
                held.append((what, is_held))
                verdict = {True: "holds", False: "does not hold", None: "not judged"}[is_held]
                print(f"    next season: {what} [{low:.2f}, {high:.2f}]", verdict)
        print(
            f"    {about:10} probability {shown(whole['probability'])}, slope {slope_of(probability, target):.2f};"
            f" revenue {shown(whole['revenue'])}; out: "
            + ", ".join(f"{what} {few} of {all_}" for what, (few, all_) in out.items())
        )
        print("\n".join(lines), flush=True)


def together(name: str, sums: Mapping[tuple[str, str, str], list[Ratio]]) -> None:
    """Sums of all worlds: found over expected, each world's expected set to 1, so that none outweighs the others."""
    print(f"\nall worlds, {name}: mean of the ratios [smallest, largest]")
    for about in TARGETS:
        line = []
        for what in ("probability", "revenue"):
            values = [one.value for one in sums[name, about, what] if one.value is not None]
            off = float(np.mean(np.abs(np.log(values)))) if min(values) > 0 else float("nan")
            line.append(f"{what} {np.mean(values):.2f} [{min(values):.2f}, {max(values):.2f}], off by {off:.2f}")
        print(f"  {about:10} " + "; ".join(line))
        for grouping in ("probability", "expected revenue", "value"):
            cells = []
            for group in ("first 1 %", *(str(n) for n in range(1, 11))):
                found = [sums.get((name, about, f"{grouping}: {group}: {w}"), []) for w in ("probability", "revenue")]
                means = ["-" if not f else f"{np.mean([o.value or 0.0 for o in f]):.2f}" for f in found]
                cells.append(f"{group} {'/'.join(means)}")
            print(f"      {grouping:17} " + ", ".join(cells))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenarios", nargs="+", default=["small", "drift"])
    parser.add_argument("--items", type=int, default=60_000)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--before", action="store_true")
    given = parser.parse_args()
    sums: dict[tuple[str, str, str], list[Ratio]] = {}
    held: Held = []
    for scenario in given.scenarios:
        for seed in given.seeds:
            print(f"{scenario}, {given.items:,} items, seed {seed}", flush=True)
            with world(scenario, given.items, seed) as trial:
                measure("as shipped", scenario, trial, sums, held)
                if given.before:
                    with late_part_alone():
                        measure("before", scenario, trial, sums, [])
    for name in ("as shipped", *(["before"] if given.before else [])):
        together(name, sums)
    for what in ("probability", "revenue"):
        of = [is_held for name, is_held in held if name == what and is_held is not None]
        print(f"the card's interval of a season, {what}: holds in {sum(of)} of {len(of)} worlds")


if __name__ == "__main__":
    main()
