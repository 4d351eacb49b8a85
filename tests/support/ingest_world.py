"""The small mapping, rows and helpers that the tests of ingest share."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

RECEIVED = datetime(2024, 6, 1, 12)

PLAIN_MAPPING = """
[fields]
declaration_id = "id"
declared_at = "date"
office = "office"
item_number = "item"
commodity_code = { column = "code", digits = 6 }
origin_country = "origin"
net_mass_kg = "mass"
customs_value_amount = "value"
"""

HEADER = "id,date,office,item,code,origin,mass,value"
ROW = "D1,2024-01-02,10,1,851713,CN,12.5,1000"


def rows_text(*rows: str, header: str = HEADER) -> str:
    return "\n".join([header, *rows]) + "\n"


def tree(root: Path) -> Sequence[tuple[str, int]]:
    """Every file of a store and its size, the lock apart: what must not change."""
    return sorted(
        (path.relative_to(root).as_posix(), path.stat().st_size)
        for path in root.rglob("*")
        if path.is_file() and path.name not in {"writing.lock", "writing.by", "creating.lock"}
    )
