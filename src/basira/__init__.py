"""Basira: customs risk analysis.

Takes import declarations and the results of past inspections; gives each declaration a lane, the
reasons for it and what to verify.

    import basira as bs

    store = bs.open_store("customs", create=True)

Importing this package loads no booster, no data frames, no query engine and no web framework: each public name is
loaded when it is first asked for.
"""

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from basira.interface.comparison import Comparison, compare
    from basira.interface.store import Store, open_store
    from basira.laboratory.worlds.view import Strategy
    from basira.models.estimators import Estimator, FittedEstimator
    from basira.schema.errors import BasiraError

try:
    __version__ = version("basira")
except PackageNotFoundError:  # a source tree that was never installed
    __version__ = "0+source"

__all__ = [
    "BasiraError",
    "Comparison",
    "Estimator",
    "FittedEstimator",
    "Store",
    "Strategy",
    "__version__",
    "compare",
    "open_store",
]

_PLACES = {
    "BasiraError": "basira.schema.errors",
    "Comparison": "basira.interface.comparison",
    "Estimator": "basira.models.estimators",
    "FittedEstimator": "basira.models.estimators",
    "Store": "basira.interface.store",
    "Strategy": "basira.laboratory.worlds.view",
    "compare": "basira.interface.comparison",
    "open_store": "basira.interface.store",
}


def __getattr__(name: str) -> object:
    if name not in _PLACES:
        raise AttributeError(f"module 'basira' has no attribute {name!r}")
    # Kept: the next look finds it without this function.
    found = globals()[name] = getattr(import_module(_PLACES[name]), name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
