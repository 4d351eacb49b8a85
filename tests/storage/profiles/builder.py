"""A build in a process of its own, to be killed, starved of disk, or raced by the tests."""

from __future__ import annotations

import argparse
import resource
import signal
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from basira.schema.errors import StoreError
from basira.storage.profiles.publish import Description, Entries, publish_profiles


def entries(rows: int, slow: float) -> Iterator[Entries]:
    """``rows`` records, each its own number, in ten batches."""
    for start in range(0, rows, rows // 10):
        numbers = [n.to_bytes(16, "big") for n in range(start, start + rows // 10)]
        time.sleep(slow / 10)
        yield "importer", numbers, numbers


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("rows", type=int)
    parser.add_argument("--day", type=int, default=20_000)
    parser.add_argument("--slow", type=float, default=0.0)
    parser.add_argument("--wait", type=float, default=30.0)
    parser.add_argument("--limit", type=int)
    options = parser.parse_args()
    if options.limit:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (options.limit, options.limit))
    description = Description(options.day, 1, "catalog", (), True, {"basira": "test"})
    try:
        manifest = publish_profiles(
            options.folder,
            entries(options.rows, options.slow),
            description=description,
            built_at=datetime(2026, 1, 1),
            wait_seconds=options.wait,
        )
    except StoreError as error:
        print(error.message)
        return error.exit_code
    print(manifest.name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
