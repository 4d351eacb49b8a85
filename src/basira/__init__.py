"""Basira: customs risk analysis.

Takes import declarations and the results of past inspections; gives each declaration a lane, the
reasons for it and what to verify. Importing this package loads no web framework and no booster.
"""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("basira")
except PackageNotFoundError:  # a source tree that was never installed
    __version__ = "0+source"

__all__ = ["__version__"]
