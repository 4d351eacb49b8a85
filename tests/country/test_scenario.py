"""Scenarios: what is shipped is valid, what is impossible is rejected by name, every parameter is documented."""

from pathlib import Path

import pytest

from basira.country import load_scenario, scenario_names
from basira.country.scenario import (
    Administration,
    Answers,
    Conduct,
    Detection,
    Faults,
    Office,
    PriceRule,
    RateChange,
    Scenario,
    Trade,
    UnitJump,
    Wave,
)
from basira.schema.errors import ScenarioError
from tests.support.tree import ROOT

PARTS = (
    Scenario,
    Trade,
    Office,
    Conduct,
    Answers,
    Administration,
    Detection,
    PriceRule,
    Wave,
    RateChange,
    Faults,
    UnitJump,
)


def test_the_shipped_scenarios_are_the_eight_announced() -> None:
    additive = ("cold-start", "collusion", "drift", "morocco-like", "new-fraud", "small")
    assert scenario_names() == tuple(sorted((*additive, "contracts", "qualities")))


@pytest.mark.parametrize("name", scenario_names())
def test_a_shipped_scenario_is_valid_and_named_after_its_file(name: str) -> None:
    assert load_scenario(name).name == name


@pytest.mark.parametrize(
    ("changes", "field", "found", "allowed"),
    [
        (
            {"administration.inspection_rate": -0.1},
            "administration.inspection_rate",
            "-0.1",
            "greater than or equal to 0",
        ),
        ({"conduct.irregular_rate": 1.5}, "conduct.irregular_rate", "1.5", "less than or equal to 1"),
        ({"items": 0}, "items", "0", "greater than or equal to 100"),
        ({"ends_on": "2022-12-31"}, "ends_on 2022-12-31", "before starts_on 2023-01-01", ""),
        ({"administration.capacity": {"NOWHERE": 5}}, "administration.capacity", "NOWHERE", "trade.offices"),
        (
            {"administration.capacity": {"AGADIR": -5}},
            "administration.capacity.AGADIR",
            "-5",
            "greater than or equal to 0",
        ),
        ({"faults.blank_results": {"NOWHERE": 0.5}}, "faults.blank_results", "NOWHERE", "trade.offices"),
        ({"faults.late_offices": {"AGADIR": 0.5}}, "faults.late_offices", "0.5", "greater than or equal to 1"),
        ({"trade.offices": []}, "trade.offices", "list", "at least 1"),
        ({"trade.procedures": {"40": 1.0}}, "trade", "'40'", "010"),
        ({"conduct.answers": {"stop": 0.9, "shrink": 0.9}}, "conduct.answers", "add up to", "at most 1"),
        ({"conduct.cut_lowest": 0.99}, "cut_lowest 0.99", "above", "cut_highest"),
        ({"conduct.bribes": 1}, "conduct.bribes", "unknown parameter", "docs/reference/country.md"),
    ],
)
def test_an_impossible_value_is_rejected_with_field_value_and_what_is_allowed(
    changes: dict[str, object], field: str, found: str, allowed: str
) -> None:
    with pytest.raises(ScenarioError) as refused:
        load_scenario("small", changes=changes)
    assert field in refused.value.message
    assert found in refused.value.message
    assert allowed in refused.value.message


def test_a_missing_parameter_is_named(tmp_path: Path) -> None:
    path = tmp_path / "bare.toml"
    path.write_text('name = "bare"\ntitle = "t"\nstarts_on = 2023-01-01\nends_on = 2023-02-01\n', encoding="utf-8")
    with pytest.raises(ScenarioError, match="items: absent"):
        load_scenario(path)


def test_a_file_that_is_not_toml_is_rejected(tmp_path: Path) -> None:
    path = tmp_path / "broken.toml"
    path.write_text("name = [", encoding="utf-8")
    with pytest.raises(ScenarioError, match="expected TOML"):
        load_scenario(path)


def test_an_unknown_name_lists_the_shipped_ones() -> None:
    with pytest.raises(ScenarioError) as refused:
        load_scenario("smal")
    assert "small" in refused.value.hint


@pytest.mark.parametrize("part", PARTS)
def test_every_parameter_says_its_meaning_unit_and_source(part: type[Scenario]) -> None:
    for name, field in part.model_fields.items():
        assert field.description is not None, name
        assert field.description.endswith("]"), f"{name}: the description ends with its unit in brackets"
        assert isinstance(field.json_schema_extra, dict), name
        assert field.json_schema_extra["source"], name


@pytest.mark.parametrize("part", PARTS)
def test_the_reference_page_has_every_parameter(part: type[Scenario]) -> None:
    page = (ROOT / "docs/reference/country.md").read_text(encoding="utf-8")
    section = page.split(f"\n### {part.__name__}\n", 1)[1].split("\n### ", 1)[0]
    for name, field in part.model_fields.items():
        meaning, unit = str(field.description).rsplit(" [", 1)
        rows = [line for line in section.splitlines() if line.startswith(f"| `{name}` |")]
        assert len(rows) == 1, name
        assert meaning in rows[0], f"{name}: the page says something else than the model"
        assert unit.rstrip("]") in rows[0], name
        assert isinstance(field.json_schema_extra, dict)
        assert str(field.json_schema_extra["source"]) in rows[0], name
