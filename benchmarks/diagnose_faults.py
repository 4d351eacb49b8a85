"""How often the diagnostic finds each planted fault, and how often a country without faults raises an alarm.

    .venv/bin/python benchmarks/diagnose_faults.py [--seeds 5] [--items 60000] [--first 1] [--faults favoured ...]

Enters: seeds. Leaves: a table on the screen: a row a fault, with the countries in which it is found as it was planted,
and other alarms of the same countries; then the alarms of countries without faults. Never here: a threshold.

An alarm is a finding that says "major" or "to correct". A fault counts as found when a finding names its kind and its
place as it was planted: the office, the rule, the field; of a favoured operator the importer itself, of collusion the
inspector and the declarant. For "random" the kind is enough. "named" is how many of what was planted are named; a
finding of the fault's kind that names another one counts among the other alarms.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))

from basira.diagnose.findings import Diagnosis, Finding
from tests.support.diagnose_world import FAULTS, Planted, diagnose_world, planted_names

# Where a country's size is the reason, and none of the administration's faults.
HARMLESS = {"few_findings", "few_random"}


Sign = Callable[[Finding, Planted], bool]


def _is(code: str, name: str = "", value: str = "") -> Sign:
    return lambda one, _: one.code.startswith(code) and (not name or value in str(one.values[name].value))


def _is_favoured(one: Finding, planted: Planted) -> bool:
    """One of the favoured importers is named."""
    return one.code == "passed_by" and one.values["name"].value in planted.importers


def _is_pair(one: Finding, planted: Planted) -> bool:
    """The inspector and the declarant of one pair are named together."""
    if one.code != "steered_pair":
        return False
    return (str(one.values["inspector"].value), str(one.values["declarant"].value)) in planted.pairs


# What says that a fault was found.
SIGNS: Mapping[str, Sign] = {
    "overwritten": _is("overwritten", "field", "pair.value"),
    "blank": _is("blank_results", "office", "AGADIR"),
    "late": _is("late_office", "office", "AGADIR"),
    "random": _is("random_not_random"),
    "dead": _is("dead_rule", "rule", "X-"),
    "overlapping": _is("overlapping_rules", "other", "P-"),
    "favoured": _is_favoured,
    "unit": _is("unit_jump", "office", "CASA-PORT"),
    "currency": _is("unit_jump", "office", "AGADIR"),
    "collusion": _is_pair,
}


def others(found: Diagnosis, fault: str, planted: Planted) -> list[str]:
    """Alarms that are none of the fault's signs."""
    alarms = [one for one in found.findings if one.severity != "low" and one.code not in HARMLESS]
    return sorted(one.code for one in alarms if fault not in SIGNS or not SIGNS[fault](one, planted))


def main() -> None:
    """Make the countries, diagnose them, print the tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--items", type=int, default=60_000)
    parser.add_argument("--faults", nargs="*", default=list(SIGNS), choices=list(SIGNS), help="which; none: clean only")
    options = parser.parse_args()
    seeds = range(options.first, options.first + options.seeds)
    started = time.process_time()
    print(f"{options.seeds} countries a fault, {options.items:,} items each\n")
    print("| fault | found | named | other alarms |\n|---|---|---|---|")
    for fault in options.faults:
        hits, named, extra = 0, 0, list[str]()
        for seed in seeds:
            found = diagnose_world(FAULTS[fault], seed=seed, items=options.items)
            planted = planted_names(FAULTS[fault], seed=seed, items=options.items)
            signs = sum(SIGNS[fault](one, planted) for one in found.findings)
            hits, named = hits + (signs > 0), named + signs
            extra += others(found, fault, planted)
        print(f"| {fault} | {hits} of {len(seeds)} | {named} | {', '.join(extra) or 'none'} |", flush=True)
    none = Planted(frozenset(), frozenset())
    extra = [code for seed in seeds for code in others(diagnose_world({}, seed=seed, items=options.items), "", none)]
    print(f"\nwithout faults: {len(extra)} alarms in {len(seeds)} countries: {', '.join(extra) or 'none'}")
    print(f"{time.process_time() - started:.0f} CPU-s")


if __name__ == "__main__":
    main()
