"""A store's period diagnosed: each planted fault is found and named, a clean country raises no alarm."""

from __future__ import annotations

from datetime import date

import pyarrow as pa
import pytest

from basira.diagnose.findings import Diagnosis
from basira.schema.errors import UsageError
from basira.workflows.diagnose.diagnose import Question, diagnose_tables
from basira.workflows.diagnose.roles import choose_roles
from tests.support.diagnose_world import YEAR, diagnosis_of, engine_of, make_tables


def codes(found: Diagnosis) -> set[str]:
    return {one.code for one in found.findings}


def about(found: Diagnosis, code: str) -> list[dict[str, object]]:
    return [{name: said.value for name, said in one.values.items()} for one in found.findings if one.code == code]


# A year of 20,000 items has few results: that is said, and is no fault.
HARMLESS = {"few_findings"}


def test_a_clean_country_raises_no_alarm() -> None:
    assert {one.code for one in diagnosis_of("").findings if one.severity != "low"} - HARMLESS == set()


def test_overwritten_values_are_found() -> None:
    [found] = about(diagnosis_of("files"), "overwritten")
    assert found["field"] == "pair.value"
    assert 0.3 < float(str(found["share"])) < 0.7
    assert float(str(found["paid"])) > 0.9 * float(str(found["equal"]))


def test_blank_results_are_found_at_their_office() -> None:
    assert [one["office"] for one in about(diagnosis_of("files"), "blank_results")] == ["AGADIR"]


def test_a_late_office_is_found() -> None:
    assert [one["office"] for one in about(diagnosis_of("agadir"), "late_office")] == ["AGADIR"]


def test_a_jump_of_the_unit_is_found_where_and_when_it_is() -> None:
    [found] = about(diagnosis_of("files"), "unit_jumps_down")
    assert found["office"] == "CASA-PORT"
    assert {heading[:2] for heading in str(found["headings"]).split(", ")} <= {"84", "85", "87"}
    assert (found["cause"], found["month"]) == ("cause.thousand", 202306)


def test_a_jump_of_the_currency_is_found_for_the_whole_office() -> None:
    [found] = about(diagnosis_of("agadir"), "unit_jump_office_down")
    assert (found["office"], found["month"], found["cause"]) == ("AGADIR", 202305, "cause.currency")


def test_a_random_control_that_is_picked_is_doubted() -> None:
    [found] = about(diagnosis_of("files"), "random_not_random")
    assert found["attribute"] in {"attribute.value", "attribute.tax"}
    assert float(str(found["chance"])) < 1e-3
    assert float(str(found["drawn"])) < float(str(found["expected"]))


def test_a_rule_that_repeats_another_is_named_with_it() -> None:
    found = about(diagnosis_of("files"), "overlapping_rules")
    assert found
    assert all(str(one["rule"])[2:] == str(one["other"])[2:] for one in found)


def test_dead_rules_are_found_among_many() -> None:
    found = {one["rule"] for one in about(diagnosis_of("conduct", 2, items=60_000), "dead_rule")}
    assert found == {"X-1", "X-2", "X-3"}


def test_an_operator_that_controls_pass_by_is_found() -> None:
    found = about(diagnosis_of("conduct", 2, items=60_000), "passed_by")
    assert len(found) >= 2
    assert {one["own"] for one in found} == {0}


def test_pairs_that_meet_too_often_are_found() -> None:
    found = about(diagnosis_of("conduct", 2, items=60_000), "steered_pair")
    assert len(found) >= 2
    assert all(float(str(one["meetings"])) >= 2 * float(str(one["expected"])) for one in found)


def test_without_the_source_s_own_fields_it_says_which_are_missing() -> None:
    declarations, outcomes, _ = make_tables({"faults.records_selection": False}, seed=1, items=2_000)
    with engine_of(declarations, outcomes) as con:
        found = diagnose_tables(con, Question(*YEAR, has_model=False))
    assert {"random", "rules", "release", "lanes"} <= {one.code for one in found.unjudged}
    assert found.find_table("targeting.rates") is not None


def test_a_period_without_declarations_is_rejected() -> None:
    declarations, outcomes, _ = make_tables({}, seed=1, items=500)
    question = Question(date(2021, 1, 1), date(2021, 12, 31))
    with engine_of(declarations, outcomes) as con, pytest.raises(UsageError, match="found none"):
        diagnose_tables(con, question)


def test_without_results_or_masses_it_says_what_is_missing() -> None:
    declarations, outcomes, _ = make_tables({}, seed=1, items=2_000)
    place = declarations.column_names.index("net_mass_kg")
    bare = declarations.set_column(place, "net_mass_kg", pa.nulls(declarations.num_rows, pa.float64()))
    with engine_of(bare, outcomes.slice(0, 0)) as con:
        found = diagnose_tables(con, Question(*YEAR, has_model=False))
    assert {"absent_fields", "levels", "results"} <= {one.code for one in found.unjudged}
    absent = next(one for one in found.unjudged if one.code == "absent_fields")
    assert absent.fields == ("net_mass_kg",)
    assert found.scope.results == 0


def test_a_result_learned_after_the_period_counts_and_a_later_declaration_does_not() -> None:
    declarations, outcomes, _ = make_tables({}, seed=1, items=2_000)
    with engine_of(declarations, outcomes) as con:
        spring = diagnose_tables(con, Question(date(2023, 1, 1), date(2023, 3, 31), has_model=False))
        year = diagnose_tables(con, Question(*YEAR, has_model=False))
    assert 0 < spring.scope.declarations < year.scope.declarations
    assert 0 < spring.scope.results < year.scope.results


def test_roles_are_named_or_usual() -> None:
    columns = ("declaration_id", "x_basis", "x_motif")
    assert choose_roles(columns).basis == "x_basis"
    assert choose_roles(columns, named=["basis=x_motif"]).basis == "x_motif"
    assert choose_roles(columns).lane is None
    with pytest.raises(UsageError, match="x_absent"):
        choose_roles(columns, named=["basis=x_absent"])
    with pytest.raises(UsageError, match="a role of"):
        choose_roles(columns, named=["colour=x_motif"])
