"""An operator that controls pass by: named when it is never controlled, noted when a criterion may explain it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

import basira
from basira.diagnose.findings import Finding
from basira.diagnose.targeting.passed_by import judge_passed_by
from basira.render.catalogs import load_catalog

DAYS, PER_DAY, OPERATORS = 200, 40, 40


def country(*, spared: float, drawn_too: bool) -> pl.DataFrame:
    """Declarations of forty importers, five a day drawn by chance and five more; of importer 7 only ``spared`` of those
    that were chosen are inspected, and of those drawn too when ``drawn_too``."""
    generator = np.random.default_rng(4)
    rows = DAYS * PER_DAY
    day = np.repeat(np.arange(DAYS), PER_DAY)
    importer = generator.integers(0, OPERATORS, rows)
    order = generator.random(rows).reshape(DAYS, PER_DAY).argsort(axis=1).argsort(axis=1).ravel()
    is_random, chosen = order < 5, (order >= 5) & (order < 10)
    is_spared = (importer == 7) & (generator.random(rows) >= spared)
    is_random &= ~(is_spared & drawn_too)
    chosen &= ~is_spared
    text = np.full(rows, "A")
    return pl.DataFrame(
        {
            **dict.fromkeys(("office", "chapter", "origin", "transport", "procedure"), text),
            "day": day,
            "importer": [f"I{n}" for n in importer],
            "declarant": [f"D{n}" for n in generator.integers(0, 5, rows)],
            "value": generator.random(rows),
            "tax": generator.random(rows),
            "is_oea": np.zeros(rows, bool),
            "is_random": is_random,
            "is_selected": is_random | chosen,
            "rule_list": pl.Series([[]] * rows, dtype=pl.List(pl.String)),
        }
    )


def named(findings: tuple[Finding, ...]) -> list[tuple[str, object]]:
    return [(one.code, one.values["name"].value) for one in findings]


def test_an_importer_never_controlled_is_named() -> None:
    assert named(judge_passed_by(country(spared=0.0, drawn_too=True), seed=1)[1]) == [("passed_by", "I7")]


def test_one_that_the_random_control_passes_by_too_is_named_though_it_has_a_few_controls() -> None:
    found = judge_passed_by(country(spared=0.1, drawn_too=True), seed=1)[1]
    assert named(found) == [("passed_by", "I7")]
    assert int(str(found[0].values["own"].value)) > 0
    # What makes it an alarm stands beside it.
    drawn, expected = (float(str(found[0].values[name].value)) for name in ("drawn", "drawn_expected"))
    assert found[0].severity == "high"
    assert drawn < 0.3 * expected


def test_the_sentence_says_how_many_random_controls_there_were_in_each_language() -> None:
    (found,) = judge_passed_by(country(spared=0.0, drawn_too=True), seed=1)[1]
    expected = found.values["drawn_expected"].value
    assert found.values["drawn"].value == 0
    assert float(str(expected)) > 10
    for language in ("en", "fr", "ar"):
        said = load_catalog(Path(basira.__file__).parent / "diagnose" / "locale", language)
        for code in ("passed_by", "less_controlled"):
            sentence = said.template(f"finding.{code}")
            assert "{drawn}" in sentence
            assert "{drawn_expected}" in sentence


def test_one_that_the_random_control_reaches_raises_no_alarm() -> None:
    """Here half of all controls are random, so that an importer which rules spare has half of those expected."""
    assert named(judge_passed_by(country(spared=0.0, drawn_too=False), seed=1)[1]) == []


def test_without_a_spared_importer_nothing_is_named() -> None:
    assert judge_passed_by(country(spared=1.0, drawn_too=False), seed=1)[1] == ()
