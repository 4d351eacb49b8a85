"""Files to start from: a first policy, a mapping and a set of features, made of what was found.

Enters: declarations as part B prepares them, counts of fields. Leaves: texts of files. Never here: a figure that nobody
measured without saying so: what is assumed stands in a comment of the file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import polars as pl

from basira.diagnose.data.history import ENOUGH, FAMILIES

_LONGEST = 24


def policy_text(declared: pl.DataFrame, *, valid_from: str) -> str | None:
    """A policy whose lanes are those seen and whose capacities are the middle day's; None without a lane.

    ``valid_from``: YYYY-MM-DD. Of each office and lane: the median number of selected declarations of the days on which
    it selected any; days of the week without a single selection have none.
    """
    seen = declared.filter(pl.col("in_lane").is_not_null())
    if seen.is_empty():
        return None
    lanes = (
        seen.group_by("in_lane")
        .agg(pl.col("is_selected").mean().alias("selected"), pl.len().alias("n"))
        .sort("n", descending=True)
    )
    release = lanes.filter(pl.col("selected") < 0.5)["in_lane"].to_list()[:1] or ["release"]
    inspecting = lanes.filter(pl.col("selected") >= 0.5)["in_lane"].to_list()
    if not inspecting:
        return None
    names = {lane: _identifier(lane) for lane in (*release, *inspecting)}
    lines = [
        "# A first policy, made by `basira diagnose` of the lanes and capacities that the files show. Read each line.",
        'name = "first"',
        'version = "1"',
        f"valid_from = {valid_from}",
        'language = "fr"',
        'status = "Draft: made from past declarations, to be approved."',
        "",
    ]
    for lane in (*release, *inspecting):
        text = _text(lane)
        lines += [
            "[[lanes]]",
            f'id = "{names[lane]}"',
            f"label = {{ fr = {text}, ar = {text}, en = {text} }}",
            f"inspects = {'true' if lane in inspecting else 'false'}",
            *(["effectiveness = 0.7 # assumed", ""] if lane in inspecting else [""]),
        ]
    lines += ["# Of an office that the files do not have.", "[[capacity]]", 'office = "*"', "[capacity.lanes]"]
    for lane in inspecting:
        share = float((seen["in_lane"] == lane).sum()) / declared.height
        lines.append(f"{names[lane]} = {{ share = {max(share, 0.001):.3f}, minimum = 1 }}")
    lines.append("")
    for office, counts in _capacities(declared, inspecting).items():
        lines += ["[[capacity]]", f"office = {_text(office)}", "[capacity.lanes]"]
        lines += [f"{names[lane]} = {{ count = {count} }}" for lane, count in counts.items()]
        lines.append("")
    lines += [
        "# Without it nothing can be said of what is not targeted. The share is a choice.",
        "[random_control]",
        "share = 0.02",
        f'lane = "{names[inspecting[0]]}"',
        "",
        "[objective]",
        'order = "balanced"',
        "",
        "[fallback]",
        f'lane = "{names[inspecting[0]]}"',
        "",
    ]
    return "\n".join(lines)


def _capacities(declared: pl.DataFrame, inspecting: list[str]) -> dict[str, dict[str, int]]:
    chosen = declared.filter(pl.col("is_selected") & pl.col("in_lane").is_in(inspecting) & (pl.col("office") != ""))
    days = declared.filter(pl.col("office") != "").select("office", "day").unique()
    found: dict[str, dict[str, int]] = {}
    for office in sorted(days["office"].unique().to_list()):
        own = days.filter(pl.col("office") == office)
        for lane in inspecting:
            counted = chosen.filter((pl.col("office") == office) & (pl.col("in_lane") == lane)).group_by("day").len()
            joined = own.join(counted, on="day", how="left").with_columns(pl.col("len").fill_null(0))
            middle = joined["len"].median()
            found.setdefault(office, {})[lane] = max(1, round(float(str(middle)))) if counted.height else 0
    return found


def _identifier(lane: str) -> str:
    """A lane's name as a policy's identifier: small letters, digits, underscores."""
    name = re.sub(r"[^a-z0-9]+", "_", lane.lower()).strip("_")[:_LONGEST]
    return name if name and name[0].isalpha() else f"lane_{name or 'x'}"


def _text(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{"".join(one if one.isprintable() else " " for one in escaped)}"'


def features_text(filled: Mapping[str, float]) -> str:
    """Which families of features the fields support, and which field each other one waits for."""
    lines = ["# Families of features that the fields of the period support (docs/reference/features.md)."]
    for family, fields in FAMILIES.items():
        lowest = min(fields, key=lambda name: filled.get(name, 0.0))
        share = filled.get(lowest, 0.0)
        state = "possible" if share >= ENOUGH else f"waits for {lowest} (filled for {share:.0%})"
        lines.append(f"{family}: {state}")
    return "\n".join(lines) + "\n"


def mapping_text(filled: Mapping[str, float]) -> str:
    """The skeleton of a mapping: a line a field that is filled, and as a comment each one that is not.

    The names of the source's columns are not in a store: they are left as the field's own, to be replaced.
    """
    lines = [
        "# The skeleton of a mapping (docs/reference/mapping.md): put the names of your columns on the right.",
        "version = 1",
        'name = "first"',
        'description = "Draft made by basira diagnose"',
        "",
        "[source]",
        'absent_columns = "empty"',
        "",
        "[fields]",
        'declaration_id = "declaration_id"',
        'declared_at = "declared_at"',
        'item_number = "item_number"',
    ]
    for name in sorted(filled, key=lambda one: (filled[one] == 0, one)):
        share = filled[name]
        prefix = "# not filled: " if share == 0 else ""
        lines.append(f'{prefix}{name} = "{name}"' + (f" # filled for {share:.0%}" if 0 < share < 1 else ""))
    lines += [
        "",
        "# What targeting needs and the schema has no field for.",
        "[extra]",
        'lane = "lane"',
        'basis = "basis"',
        'rules = "rules"',
        'released_at = "released_at"',
        "",
    ]
    return "\n".join(lines)
