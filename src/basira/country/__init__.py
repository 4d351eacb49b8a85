"""The country: a simulated customs administration whose truth is known.

Enters: a scenario and a seed. Leaves: declarations and outcomes in the schema's words, and apart from
them the truth. Never here: real data; reading the truth outside evaluation.

Everything made here is simulated: traders, codes beyond the heading, offices, prices and results.
"""

from basira.country.live import DayResult, LiveCountry
from basira.country.realism import Realism, measure_realism
from basira.country.report import write_report
from basira.country.scenario import Scenario, load_scenario, scenario_names
from basira.country.world import WorldDescription, make_world, read_description

__all__ = [
    "DayResult",
    "LiveCountry",
    "Realism",
    "Scenario",
    "WorldDescription",
    "load_scenario",
    "make_world",
    "measure_realism",
    "read_description",
    "scenario_names",
    "write_report",
]
