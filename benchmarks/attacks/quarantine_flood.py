"""The quarantine under one key that sends nothing but bodies to be rejected.

    .venv/bin/python benchmarks/attacks/quarantine_flood.py [--seconds 10] [--kilobytes 400]

Reads and keeps different bodies as the service does, one after the other, in a SQLite database of its own, for the
seconds given. Prints how many were rejected, how many of them kept, how many megabytes the database has, and the time
of a rejection while there was room and after. Ends with 1 when the database is larger than three times the quota.
"""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path

from basira.serving.message import Rejected, read_declaration
from basira.serving.views.rejected import Quarantine, Quota
from basira.storage.database.connection import Database


def main() -> None:
    """Flood and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--kilobytes", type=int, default=400)
    given = parser.parse_args()
    logging.disable(logging.CRITICAL)
    quota, spent, counts = Quota(), {True: 0.0, False: 0.0}, {True: 0, False: 0}
    with tempfile.TemporaryDirectory() as folder, Database(Path(folder) / "operations.sqlite") as database:
        quarantine = Quarantine(quota)
        until = time.monotonic() + given.seconds
        while (begun := time.monotonic()) < until:
            number = counts[True] + counts[False]
            body = {"declaration_id": f"F-{number}", "items": [], "x_text": "x" * (given.kilobytes << 10)}
            rejected = read_declaration(body, received_at=datetime.now())
            assert isinstance(rejected, Rejected)
            (not_kept,) = quarantine.keep(database, [(body, rejected)], client="k-1", now=datetime.now())
            spent[not_kept is None] += time.monotonic() - begun
            counts[not_kept is None] += 1
        megabytes = sum(path.stat().st_size for path in Path(folder).iterdir()) / (1 << 20)
    print(f"{counts[True] + counts[False]:,} rejected, {counts[True]:,} kept, {megabytes:.0f} MB on the disk")
    for is_kept, words in ((True, "kept"), (False, "not kept")):
        print(f"{words}: {spent[is_kept] / max(1, counts[is_kept]) * 1000:.1f} ms each")
    sys.exit(megabytes > 3 * quota.megabytes)


if __name__ == "__main__":
    main()
