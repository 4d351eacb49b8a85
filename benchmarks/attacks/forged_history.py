"""Whether a forged, cut or set-back history is found before it decides anything, and how fast a proof reads.

Makes a store of ROWS simulated rows in 12 commits in a temporary folder, then tries on copies of it: a byte of a
Parquet file changed at the same size; the same with the manifest in force rewritten to match; an earlier manifest
rewritten; a CURRENT that went back to the first snapshot, followed by an ingest. Prints for each what found it (or "not
found"), the files that are left of those that were there, and the megabytes a second of `verify_history`.

    .venv/bin/python benchmarks/attacks/forged_history.py --rows 60000
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from ingest_csv import write_simulated

from basira.ingest.mapping.model import load_mapping
from basira.schema.errors import BasiraError
from basira.storage.history.store import History
from basira.storage.history.verify import head_of, verify_history
from basira.workflows.intake.ingest import ingest_files

COMMITS = 12
NOW = datetime(2026, 1, 1)


def take(history: History, path: Path) -> None:
    ingest_files(history, [path], load_mapping("kcs"), received_at=NOW)


def change_a_byte(history: History) -> Path:
    path = history.root / history.manifest().tables["items"][0].path
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    return path


def change_with_its_manifest(history: History) -> None:
    path = change_a_byte(history)
    manifest = history.root / "manifests" / f"{history.current_number():08d}.json"
    body = json.loads(manifest.read_text(encoding="utf-8"))
    for entry in body["tables"]["items"]:
        if entry["path"] == path.relative_to(history.root).as_posix():
            entry["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    manifest.write_text(json.dumps(body), encoding="utf-8")


def change_an_earlier_manifest(history: History) -> None:
    path = history.root / "manifests" / "00000003.json"
    path.write_text(path.read_text(encoding="utf-8") + " ", encoding="utf-8")


def found_by(action: Callable[[], object]) -> str:
    try:
        action()
    except BasiraError as error:
        return error.message[:160]
    return "not found"


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rows", type=int, default=60_000)
    arguments = options.parse_args()
    result: dict[str, object] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        history = History.create(folder / "store")
        for number in range(COMMITS):
            path = folder / f"{number}.csv"
            write_simulated(path, arguments.rows // COMMITS, seed=number + 1)
            lines = path.read_text(encoding="utf-8").split("\n")
            path.write_text("\n".join([lines[0], *(f"{number}{line}" for line in lines[1:] if line)]), encoding="utf-8")
            take(history, path)
        kept = head_of(history)
        began = time.perf_counter()
        proof = verify_history(history)
        seconds = time.perf_counter() - began
        result["verify"] = {
            "is_whole": proof.is_whole,
            "files": proof.files,
            "mb": round(proof.size_bytes / 1e6, 1),
            "mb_per_second": round(proof.size_bytes / 1e6 / seconds),
        }
        attacks: dict[str, Callable[[History], object]] = {
            "a byte of a file": change_a_byte,
            "a byte of a file, with the last manifest": change_with_its_manifest,
            "an earlier manifest": change_an_earlier_manifest,
        }
        for what, attack in attacks.items():
            shutil.copytree(history.root, folder / "copy")
            copy = History.open(folder / "copy")
            attack(copy)
            result[what] = {
                "before training": found_by(copy.verified_snapshot),
                "verify": found_by(verify_history(copy).require_whole),
                "verify with the head kept elsewhere": found_by(verify_history(copy, kept=kept).require_whole),
            }
            shutil.rmtree(folder / "copy")
        (history.root / "CURRENT").write_text("1\n", encoding="ascii")
        there = set((history.root / "data").rglob("*.parquet"))
        write_simulated(folder / "new.csv", 100, seed=99)
        said = found_by(lambda: take(history, folder / "new.csv"))
        left = len(there & set((history.root / "data").rglob("*.parquet")))
        result["CURRENT set back, then an ingest"] = {"ingest": said, "files_left": left, "files_before": len(there)}
    json.dump(result, sys.stdout, indent=1)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
