"""The databases of these tests: SQLite and a real PostgreSQL, one server for all that ask for it."""

import postgres
import pytest

# Not a module with doctests to collect: two files of this name can not both be imported as one.
collect_ignore = ["conftest.py"]


def pytest_configure(config: pytest.Config) -> None:
    """Make the fixtures of tests/postgres.py known, once."""
    if not config.pluginmanager.has_plugin("postgres"):
        config.pluginmanager.register(postgres, "postgres")
