"""The files to start from are read by what they are for."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from basira.diagnose.start import features_text, mapping_text
from basira.ingest.mapping.model import load_mapping
from basira.selection.policy.load import load_policy
from tests.support.diagnose_world import diagnosis_of


def test_the_first_policy_loads_with_the_lanes_and_offices_seen(tmp_path: Path) -> None:
    starting = dict(diagnosis_of("files").starting)
    (tmp_path / "policy.toml").write_text(starting["policy/policy.toml"], encoding="utf-8")
    policy = load_policy(tmp_path, date(2024, 1, 2))
    assert {lane.id: lane.inspects for lane in policy.lanes} == {
        "vert": False,
        "orange": True,
        "rouge_partiel": True,
        "rouge_integral": True,
    }
    assert {one.office for one in policy.capacity} == {"*", "AGADIR", "CASA-PORT", "NOUACEUR-FRET", "TNG-MED"}


def test_the_skeleton_of_a_mapping_loads(tmp_path: Path) -> None:
    path = tmp_path / "mapping.toml"
    path.write_text(dict(diagnosis_of("files").starting)["mapping.toml"], encoding="utf-8")
    assert load_mapping(str(path)).name == "first"
    text = mapping_text({"office": 1.0, "net_mass_kg": 0.0, "commodity_code": 0.5})
    assert '# not filled: net_mass_kg = "net_mass_kg"' in text
    assert 'commodity_code = "commodity_code" # filled for 50%' in text


def test_features_say_which_field_they_wait_for() -> None:
    text = features_text({"commodity_code": 1.0, "customs_value_amount": 1.0, "net_mass_kg": 0.2})
    assert "price_per_kg: waits for net_mass_kg (filled for 20%)" in text
