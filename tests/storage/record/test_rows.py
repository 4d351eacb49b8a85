"""The rows that records are read from have the columns of the tables, by name, type and nullability."""

from __future__ import annotations

from typing import Any, NotRequired, get_args, get_origin, get_type_hints

import pytest
import sqlalchemy as sa

from basira.schema.rows import AuditRow, DecisionRow, EventRow, RunRow
from basira.storage.database.tables import (
    AUDIT_EVENT,
    DECISION,
    DECISION_COLUMNS_MADE,
    EVENT,
    REFUSED_BODY,
    RUN_COLUMNS_MADE,
    TARGETING_RUN,
)
from basira.storage.online.rejected import RejectedRow

ROWS = [
    (EventRow, EVENT, {"personal", "is_text_erased"}),
    (AuditRow, AUDIT_EVENT, set()),
    (RunRow, TARGETING_RUN, set()),
    (DecisionRow, DECISION, set()),
    (RejectedRow, REFUSED_BODY, {"resolved_at"}),
]
# Texts in the tables, and opened in the rows.
OPENED = {"payload", "before", "after", "faults"}


@pytest.mark.parametrize(("row", "table", "more"), ROWS, ids=lambda one: getattr(one, "__name__", ""))
def test_a_row_has_the_columns_of_its_table(row: Any, table: sa.Table, more: set[str]):
    hints = get_type_hints(row)
    columns = {column.name: column for column in table.columns}
    assert hints.keys() == columns.keys() | more
    for name, column in columns.items():
        if name in OPENED:
            continue
        kinds = set(get_args(hints[name]) or [hints[name]])
        assert (type(None) in kinds) == column.nullable, name
        value = float if isinstance(column.type, sa.Double) else int if isinstance(column.type, sa.Integer) else str
        literal = all(isinstance(kind, str) for kind in kinds)  # the values of a Literal
        assert literal or kinds - {type(None)} == {value}, name


def test_what_the_store_makes_is_all_that_a_new_row_lacks():
    assert optional_columns(RunRow) == RUN_COLUMNS_MADE
    assert optional_columns(DecisionRow) == DECISION_COLUMNS_MADE


def optional_columns(row: Any) -> set[str]:
    # Not `__optional_keys__`, which Python 3.11 fills wrongly where annotations are texts.
    hints = get_type_hints(row, include_extras=True)
    return {name for name, hint in hints.items() if get_origin(hint) is NotRequired}
