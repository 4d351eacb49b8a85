"""A mapping says everything, or is rejected with all its faults named."""

from __future__ import annotations

import pytest

from basira.ingest.mapping.model import load_mapping, parse_mapping
from basira.schema.errors import MappingError, NotFoundError

MINIMAL = '[fields]\ndeclaration_id = "a"\ndeclared_at = "b"\ncommodity_code = "c"\n'


def test_short_and_long_forms_of_a_column_are_the_same() -> None:
    short = parse_mapping(MINIMAL, name="m")
    long = parse_mapping(MINIMAL.replace('"a"', '{ column = "a" }'), name="m")
    assert short.digest == long.digest


def test_canonical_text_reads_back_as_the_same_mapping() -> None:
    for name in ("kcs", "asycuda-sad", "simulator", "basira", "basira-outcomes"):
        mapping = load_mapping(name)
        assert parse_mapping(mapping.canonical_text(), name=name) == mapping


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (MINIMAL + 'net_mas_kg = "d"', "net_mass_kg"),
        (MINIMAL + 'office = { column = "d", percent = true }', "percent"),
        (MINIMAL + 'office = { colum = "d" }', "colum"),
        (MINIMAL + "\n[source]\nseparater = ';'", "separater"),
        (MINIMAL + "\n[source]\ndecimal = ','\nthousands = ','", "same character"),
        ('[fields]\ndeclaration_id = "a"', "declared_at"),
        (MINIMAL + '\n[extra]\n"Bad Name" = "x"', "Bad Name"),
        (MINIMAL + "\n[constants]\nvalue_curency = 'MAD'", "value_currency"),
        ('[outcome]\nis_irregular = "x"', "declaration_id"),
        ("", "[fields]"),
    ],
)
def test_a_faulty_mapping_is_rejected_and_the_fault_named(text: str, said: str) -> None:
    with pytest.raises(MappingError) as caught:
        parse_mapping(text, name="m.toml")
    assert said in caught.value.message


def test_broken_toml_is_reported_as_broken() -> None:
    with pytest.raises(MappingError, match="TOML"):
        parse_mapping("[fields\n", name="m.toml")


def test_an_unknown_mapping_name_lists_the_shipped_ones() -> None:
    with pytest.raises(NotFoundError) as caught:
        load_mapping("no-such-mapping")
    assert "kcs" in caught.value.hint
