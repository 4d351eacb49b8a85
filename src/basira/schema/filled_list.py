"""The parts of a list's workbook that an office fills in, by name: what writes them and what reads them agree here.

Enters: nothing. Leaves: names of columns, of the hidden sheet and of results. Never here: a word, a file.
"""

from __future__ import annotations

from collections.abc import Mapping

# The sheet that gives each word of a list to choose from with its code.
CODES_SHEET = "codes"
# A result's code, and the message of its word.
RESULTS: Mapping[str, str] = {
    "compliant": "kind.compliant",
    "irregular": "result.irregular",
    "not_inspected": "kind.not_inspected",
}
KIND_COLUMNS = ("result_kind", "result_kind_2")
# Filled in as they are, by the names of the schema's outcome fields.
FOUND_COLUMNS = (
    "inspector_id",
    "found_value_amount",
    "found_commodity_code",
    "found_origin_country",
    "found_quantity",
    "found_net_mass_kg",
    "additional_revenue_amount",
)
