"""docs/reference/features.md, from the catalog.

Enters: `CATALOG`, `ENTITIES`, `LEVELS`, `MEASURES`. Leaves: Markdown. Never here: a feature, a meaning or a
number of its own.
"""

from __future__ import annotations

from collections.abc import Iterable

from basira.features.catalog import catalog
from basira.features.catalog.catalog import CATALOG
from basira.features.catalog.entities import ENTITIES
from basira.features.catalog.feature import MINIMUM_OWN_COUNT, Feature
from basira.features.catalog.references import BACK_OFF, LEVELS, MEASURES, MINIMUM_COUNT, WINDOW_DAYS

_ROLES = (
    ("model", "a number that the model learns from"),
    ("category", "a code that the model learns from, as a category"),
    ("evidence", "not given to the model: kept for reasons, reference intervals and amounts"),
)


def features_page() -> str:
    """docs/reference/features.md."""
    counts = ", ".join(f"{sum(f.role == role for f in CATALOG)} {role}" for role, _ in _ROLES)
    lines = [
        "# Features",
        "",
        "Made from the catalog (`src/basira/features/catalog`) by `make docs`; a test keeps it current. "
        "How and why: [features explained](../explanation/features.md).",
        "",
        f"{len(CATALOG)} features: {counts}. A source's own `x_` columns are added as categories, `category_x_<name>`.",
        "",
        *_table(("role", "is"), _ROLES),
        "",
        "**Window**: the days before the item's day that count; *all* is the whole history, *item* the item alone. No "
        "feature sees the item's own day, or anything that became known on it. **Reason**: the family of reasons "
        "through which a feature speaks to an officer; empty when it has no words of its own. **Verify**: what an "
        "officer is asked to verify when that family is among an item's reasons, after what the likely kinds of "
        "irregularity ask for; empty when it points at nothing in particular. A feature is null (unknown) when what it "
        "needs is missing; zero is a count of none.",
    ]
    for title, text, features in _sections():
        lines += ["", f"## {title}", "", *text, "", *_features(features)]
    return "\n".join(lines) + "\n"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    written = [" | ".join(cell.replace("|", "\\|") for cell in row) for row in rows]
    return [f"| {' | '.join(head)} |", "|" + "---|" * len(head), *(f"| {row} |" for row in written)]


def _features(features: Iterable[Feature]) -> list[str]:
    rows = (
        (f"`{f.name}`", f.entity, _window(f), f.unit, f.role, f.meaning, f.reason and f"`{f.reason}`", f.verify)
        for f in features
    )
    return _table(("feature", "entity", "window", "unit", "role", "meaning", "reason", "verify"), rows)


def _window(f: Feature) -> str:
    if f.window_days is None:
        return "all"
    return f"{f.window_days} days" if f.window_days else "item"


def _sections() -> list[tuple[str, list[str], list[Feature]]]:
    """Title, introduction and features of each section; every feature stands in one of them."""
    measures = tuple(f"{m.name}_" for m in MEASURES)
    own = [f for f in CATALOG if f.entity == "item"]
    references = [f for f in CATALOG if f.entity != "item" and f.name.startswith(measures)]
    profiles = [f for f in CATALOG if f not in own and f not in references]
    return [
        ("Profiles: who and what has been seen before", _profiles_text(), profiles),
        ("Reference values: what comparable imports were declared at", _references_text(), references),
        ("The item's own figures", ["What the declaration says of itself, and its codes."], own),
    ]


def _profiles_text() -> list[str]:
    entities = (
        (f"`{e.name}`", e.meaning, f"`{e.parent}`", f"{e.weight:g}", "yes" if e.is_long else "") for e in ENTITIES
    )
    return [
        "Rates are smoothed: *(irregularities + weight x rate of the parent) / (inspections + weight)*, up to the "
        f"whole history (`all`), itself smoothed towards {catalog.PRIOR_RATE:g} with a weight of "
        f"{catalog.PRIOR_WEIGHT}. A key with a missing part has no profile.",
        "",
        *_table(("entity", "key", "parent", "weight", "windows of a month and a year"), entities),
    ]


def _references_text() -> list[str]:
    measures = ((f"`{m.name}`", m.meaning, m.unit) for m in MEASURES)
    levels = ((f"`{lv.name}`", lv.meaning, ", ".join(lv.measures), ", ".join(lv.quartiles)) for lv in LEVELS)
    chains = "; ".join(f"{measure}: {', then '.join(chain)}" for measure, chain in BACK_OFF.items())
    return [
        f"Medians and quartiles over the {WINDOW_DAYS} days before the item's day, of every declaration, inspected or "
        "not, as round(1000 ln x). A comparison with a level needs "
        f"{MINIMUM_OWN_COUNT} comparables; the reference shown to officers is the narrowest level with "
        f"{MINIMUM_COUNT} ({chains}). An item with none of a level's measures looks nothing up at that level.",
        "",
        *_table(("measure", "meaning", "unit"), measures),
        "",
        *_table(("level", "comparables", "medians", "quartiles"), levels),
    ]
