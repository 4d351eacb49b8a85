"""The reference pages say what the code does."""

from __future__ import annotations

import json
import re
import runpy

import pytest

from basira.ingest.json_schema import json_schema_of, json_schemas
from basira.ingest.mapping.model import Column, SourceFormat
from basira.ingest.rows.faults import REASONS
from basira.schema.errors import ALL_ERRORS, BasiraError
from basira.schema.fields import FIELDS
from tests.support.tree import ROOT

REFERENCE = ROOT / "docs/reference"


PAGES = runpy.run_path(str(ROOT / "docs" / "generate"))["PAGES"]


@pytest.mark.parametrize("name", sorted(PAGES))
def test_a_generated_page_is_current(name: str) -> None:
    assert (REFERENCE / name).read_text(encoding="utf-8") == PAGES[name](), (
        f"docs/reference/{name} is out of date: run `make docs`"
    )


def test_every_reason_code_the_code_gives_is_documented_and_every_documented_one_is_given() -> None:
    given: set[str] = set()
    for folder in ("ingest", "feedback", "serving"):
        for path in (ROOT / "src/basira" / folder).rglob("*.py"):
            if path.name != "faults.py":
                given.update(re.findall(r"[\"']([a-z_]+)[\"']", path.read_text(encoding="utf-8")))
    assert set(REASONS) <= given


def test_every_option_of_a_mapping_is_documented() -> None:
    page = (REFERENCE / "mapping.md").read_text(encoding="utf-8")
    for name in [*SourceFormat.model_fields, *Column.model_fields, "known_after_days"]:
        assert f"`{name}`" in page, name


def test_error_codes_and_exit_codes_are_unique() -> None:
    assert len({error.code for error in ALL_ERRORS}) == len(ALL_ERRORS)
    assert len({error.exit_code for error in ALL_ERRORS}) == len(ALL_ERRORS)
    assert set(ALL_ERRORS) == {BasiraError, *BasiraError.__subclasses__()}


def test_the_json_schema_has_every_field_and_its_bounds() -> None:
    schema = json.loads(json.dumps(json_schemas()))
    properties = {name for table in schema["$defs"].values() for name in table["properties"]}
    assert {field.name for field in FIELDS} <= properties
    rate = json_schema_of("item")["properties"]["duty_rate"]
    assert (rate["type"], rate["minimum"], rate["maximum"]) == (["number", "null"], 0, 20)
