"""The names of models and slices, as the report says them.

Enters: a name of metrics.json, a catalog. Leaves: words; the name itself where the catalog has none.
Never here: figures.
"""

from __future__ import annotations

from pathlib import Path

from basira.evaluate.agreement import Group
from basira.render.catalogs import Catalog

LOCALE = Path(__file__).parent / "locale"


def model_name(name: str, catalog: Catalog) -> str:
    """A model's name for readers; "basira" is ours."""
    return catalog.say(f"model.{name}") if catalog.has(f"model.{name}") else name


def slice_name(name: str, catalog: Catalog) -> str:
    """A slice's name for readers; "office:20" is the slice "office" with its value."""
    kind, _, value = name.partition(":")
    if value:
        return catalog.say(f"slice.{kind}", value=value) if catalog.has(f"slice.{kind}") else name
    return catalog.say(f"slice.{name}") if catalog.has(f"slice.{name}") else name


def circuit_name(name: str, catalog: Catalog) -> str:
    """A lane as the administration's own files name it; those that ADII names have their words.

    >>> from basira.render.catalogs import load_catalog
    >>> circuit_name("ROUGE_PARTIEL", load_catalog(LOCALE, "en")), circuit_name("L7", load_catalog(LOCALE, "en"))
    ('Partial red', 'L7')
    """
    message = f"circuit.{name.casefold()}"
    return catalog.say(message) if catalog.has(message) else name


def group_name(group: Group, catalog: Catalog) -> str:
    """The name of a group of `basira.evaluate.agreement` for readers; a tenth and a lane with its value."""
    by, name = group["by"], group["group"]
    if catalog.has(f"group.{by}.{name}"):
        return catalog.say(f"group.{by}.{name}")
    return catalog.say(f"group.{by}", value=name) if catalog.has(f"group.{by}") else f"{by}: {name}"
