"""The names of operators and offices beside their identifiers, as `basira register ingest` gave them.

Enters: a service. Leaves: its names, read again when the file has changed. Never here: who may see them: an identifier
that a caller is shown may stand beside its name (docs/decisions/0037-names-on-pages.md); a name in a record or a file.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from basira.schema.errors import StoreError
from basira.serving.service import Service
from basira.storage.register import FILE, Register, read_register

_LOG = logging.getLogger("basira.service")


def names_in(service: Service) -> Register:
    """The names of the service's store, by identifier and by code; none without a store, or where it has no names.

    Names that can't be read are none too, and the log says so: identifiers are enough to work with.
    """
    if service.store is None:
        return Register()
    try:
        found = (service.store / FILE).stat()
        return _read(service.store, (found.st_ino, found.st_mtime_ns, found.st_size))
    except FileNotFoundError:
        return Register()
    except (StoreError, OSError) as error:
        _LOG.error("names_not_read", extra={"fields": {"error": type(error).__name__}})
        return Register()


def names_beside(operators: Mapping[str, str | None], register: Register) -> dict[str, str]:
    """The names of a declaration's operators, by field: those that the register has.

    >>> names_beside({"importer_id": "A1", "exporter_id": None}, Register({"A1": "ATLAS SARL"}))
    {'importer_id': 'ATLAS SARL'}
    """
    return {
        field: register.operators[identifier]
        for field, identifier in operators.items()
        if identifier is not None and identifier in register.operators
    }


# One alone: the names before an erasure are not kept beside those after it.
@lru_cache(maxsize=1)
def _read(store: Path, _stamp: tuple[int, int, int]) -> Register:
    return read_register(store)
