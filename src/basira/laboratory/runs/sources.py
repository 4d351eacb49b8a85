"""What is compared, from what a person names: a scenario, files, a store.

Enters: names and paths. Leaves: a `Plan` that means the same in every process and on every later day: whole paths, the
store's snapshot. Never here: what the files hold.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from basira.laboratory.runs.plan import Plan
from basira.schema.errors import Phrase, UsageError
from basira.storage.history.store import History


def make_plan(
    *,
    scenario: str = "",
    data: Sequence[Path] = (),
    mapping: str = "",
    outcomes: Sequence[Path] = (),
    outcomes_mapping: str = "",
    store: Path | None = None,
    **settings: Any,
) -> Plan:
    """A plan of one world: the simulated country (``scenario``), labelled files (``data``), or a store.

    Parameters
    ----------
    outcomes, outcomes_mapping : results in files of their own, for ``data`` without any.
    settings : the other fields of `Plan`.

    Raises
    ------
    UsageError : no world, or two; see also `Plan`. StoreError : no store there.
    """
    worlds = [name for name, value in (("scenario", scenario), ("data", data), ("store", store)) if value]
    if len(worlds) != 1:
        raise UsageError(
            "Expected one of scenario, data (with its mapping) and store, found {worlds}.",
            hint="Name one world: basira lab run --scenario small --strategies basira,random --out DIR",
            worlds=" and ".join(worlds) if worlds else Phrase("none"),
        )
    return Plan(
        scenario=scenario or (store.resolve().name if store else Path(data[0]).stem),
        data=tuple(str(Path(p).resolve()) for p in data),
        mapping=_whole_name(mapping),
        outcomes=tuple(str(Path(p).resolve()) for p in outcomes),
        outcomes_mapping=_whole_name(outcomes_mapping),
        store=str(store.resolve()) if store else "",
        # As it is now: what is taken in while runs last, or between two of them, changes none.
        snapshot=History.open(store).number_in_force() if store else None,
        **settings,
    )


def _whole_name(mapping: str) -> str:
    """A shipped mapping's name as it is, a file's whole path: the runs are processes of their own."""
    return str(Path(mapping).resolve()) if mapping and Path(mapping).is_file() else mapping
