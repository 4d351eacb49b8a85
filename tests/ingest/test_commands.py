"""The commands as processes: interrupted, killed, two at once, out of disk, in little memory."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from basira.ingest.mapping.model import parse_mapping
from basira.schema.errors import BasiraError
from basira.storage.history.store import History
from basira.workflows.intake import take_in as intake
from tests.support import ingest_command
from tests.support.ingest_command import app
from tests.support.ingest_world import PLAIN_MAPPING, ROW, rows_text, tree

COMMAND = [sys.executable, ingest_command.__file__]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "m.toml").write_text(PLAIN_MAPPING, encoding="utf-8")
    (tmp_path / "a.csv").write_text(rows_text(ROW, ROW.replace("D1", "D2").replace("12.5", "#N/A")), encoding="utf-8")
    return tmp_path


def run(place: Path, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """A process of its own, where signals and limits matter."""
    return subprocess.run(
        [*COMMAND, *arguments],
        cwd=place,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
        env={**os.environ, "BASIRA_LANGUAGE": "en"},
        **options,
    )


def call(place: Path, *arguments: str) -> Result:
    """The same in this process: quicker."""
    before = Path.cwd()
    os.chdir(place)
    try:
        return CliRunner().invoke(app, list(arguments), env={"BASIRA_LANGUAGE": "en"})
    finally:
        os.chdir(before)


def code_of(result: Result) -> int:
    return result.exception.exit_code if isinstance(result.exception, BasiraError) else result.exit_code


def large(place: Path, rows: int, *, name: str = "large.csv") -> Path:
    path = place / name
    lines = (f"{name}{i},2024-0{i % 9 + 1}-02,10,1,851713,CN,{i % 977}.5,{i % 1013}\n" for i in range(rows))
    with path.open("w", encoding="utf-8") as file:
        file.write(rows_text().rstrip("\n") + "\n")
        file.writelines(lines)
    return path


def test_ingest_list_export_and_retry_in_json(place: Path) -> None:
    done = call(place, "ingest", "a.csv", "--mapping", "m.toml", "--json")
    assert done.exit_code == 0
    [report] = json.loads(done.stdout)["files"]
    assert (report["accepted"], report["quarantined"], report["reasons"]) == (1, 1, {"spreadsheet_error": 1})
    listed = json.loads(call(place, "quarantine", "list", "--json").stdout)
    assert listed["rows"][0]["quarantine_id"].endswith(":2")
    assert json.loads(call(place, "quarantine", "export", "--out", "q.csv", "--json").stdout)["rows"] == 1
    text = (place / "q.csv").read_text(encoding="utf-8-sig")
    (place / "q.csv").write_text(text.replace("CN;#N/A", "CN;3"), encoding="utf-8-sig")
    retried = json.loads(call(place, "quarantine", "retry", "--corrected", "q.csv", "--json").stdout)
    assert retried["left_in_quarantine"] == 0


def test_tables_name_the_file_and_where_to_look(place: Path) -> None:
    done = call(place, "ingest", "a.csv", "--mapping", "m.toml", "--store", "s")
    assert "1 × spreadsheet_error" in done.stdout
    assert "basira quarantine list" in done.stdout
    shown = call(place, "quarantine", "list", "--store", "s")
    assert "#N/A" in shown.stdout


def test_errors_have_their_own_exit_codes(place: Path) -> None:
    (place / "empty.csv").write_bytes(b"")
    assert code_of(call(place, "ingest", "empty.csv", "--mapping", "m.toml")) == 3
    assert code_of(call(place, "ingest", "a.csv", "--mapping", "kcs")) == 4
    assert code_of(call(place, "quarantine", "list", "--store", "nowhere")) == 5
    assert code_of(call(place, "ingest", "a.csv", "--mapping", "nowhere.toml")) == 8


def test_suggest_writes_a_mapping_once_and_check_tries_it(place: Path) -> None:
    head = "N° DUM;Date;Code SH;Masse nette\n"
    (place / "f.csv").write_text(head + "".join(f"D{i};25/01/2024;851713;1,5\n" for i in range(9)), encoding="utf-8")
    assert code_of(call(place, "mapping", "suggest", "f.csv", "--out", "f.toml")) == 0
    assert code_of(call(place, "mapping", "suggest", "f.csv", "--out", "f.toml")) == 2
    assert json.loads(call(place, "mapping", "check", "f.csv", "--mapping", "f.toml", "--json").stdout)["accepted"] == 9
    assert "[fields]" in call(place, "mapping", "suggest", "f.csv").stdout


def test_the_store_is_named_by_the_environment(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BASIRA_STORE", "elsewhere")
    call(place, "ingest", "a.csv", "--mapping", "m.toml")
    assert History.open(place / "elsewhere").current_number() == 1


def test_ctrl_c_says_so_and_leaves_the_store_as_before(place: Path) -> None:
    call(place, "ingest", "a.csv", "--mapping", "m.toml", "--store", "s")
    before = tree(place / "s")
    large(place, 5_000)
    done = _signalled(place, signal.SIGINT, "ingest", "large.csv", "--mapping", "m.toml", "--store", "s")
    assert done.returncode == 130
    assert "Interrompu" in done.stderr
    assert "Traceback" not in done.stderr
    assert tree(place / "s") == before


def test_kill_9_leaves_the_store_readable_and_the_next_ingest_cleans_up(place: Path) -> None:
    call(place, "ingest", "a.csv", "--mapping", "m.toml", "--store", "s")
    before = tree(place / "s")
    large(place, 5_000)
    done = _signalled(place, signal.SIGKILL, "ingest", "large.csv", "--mapping", "m.toml", "--store", "s")
    assert done.returncode == -signal.SIGKILL
    assert tree(place / "s") != before
    assert json.loads(call(place, "quarantine", "list", "--store", "s", "--json").stdout)["total"] == 1
    call(place, "ingest", "a.csv", "--mapping", "m.toml", "--store", "s")
    assert tree(place / "s") == before


# The command as it is, which gets a signal when it has written its first rows: however long it took to come there.
_SIGNALLED = """
import os, runpy, sys
import pyarrow.parquet as pq

write = pq.ParquetWriter.write_table
number, *sys.argv = sys.argv[1:]

def write_and_get_the_signal(*args, **options):
    write(*args, **options)
    os.kill(os.getpid(), int(number))

pq.ParquetWriter.write_table = write_and_get_the_signal
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def _signalled(place: Path, number: signal.Signals, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", _SIGNALLED, str(int(number)), COMMAND[1], *arguments]
    return subprocess.run(command, cwd=place, capture_output=True, text=True, check=False)


def test_two_ingests_at_once_both_end_up_in_the_store(place: Path) -> None:
    large(place, 60_000, name="x.csv")
    large(place, 60_000, name="y.csv")
    processes = [
        subprocess.Popen(
            [*COMMAND, "ingest", name, "--mapping", "m.toml", "--store", "s", "--json"],
            cwd=place,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for name in ("x.csv", "y.csv")
    ]
    for process in processes:
        _, said = process.communicate(timeout=600)
        assert process.returncode == 0, said
    assert History.open(place / "s").snapshot().rows("items") == 120_000
    assert History.open(place / "s").current_number() == 2


def _files_of_at_most_50_kilobytes() -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # the write then fails with EFBIG, as on a full disk
    resource.setrlimit(resource.RLIMIT_FSIZE, (50 << 10, 50 << 10))


def test_a_disk_that_takes_no_more_is_reported_and_leaves_the_store_as_before(place: Path) -> None:
    call(place, "ingest", "a.csv", "--mapping", "m.toml", "--store", "s")
    before = tree(place / "s")
    large(place, 300_000)
    done = run(
        place,
        "ingest",
        "large.csv",
        "--mapping",
        "m.toml",
        "--store",
        "s",
        "--json",
        preexec_fn=_files_of_at_most_50_kilobytes,
    )
    assert done.returncode == 5, done.stderr
    assert "disk is full" in done.stderr
    assert tree(place / "s") == before


def test_a_large_file_is_read_in_the_memory_of_a_small_one(place: Path) -> None:
    """A stand-in for 5 GB: the reader and the checks, whose memory must not grow with the file."""
    path = large(place, 1_600_000)  # 70 MB, nine blocks
    program = (
        "import resource, sys; from pathlib import Path\n"
        "from basira.ingest.mapping.model import load_mapping\n"
        "from basira.workflows.intake.mapping import check_mapping\n"
        "mapping = load_mapping('m.toml')\n"
        "peaks = []\n"
        "for rows in (200_000, None):\n"
        "    seen = check_mapping(Path('large.csv'), mapping, rows=rows).rows\n"
        "    peaks.append((seen, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024))\n"
        "print(peaks[0][0], peaks[0][1], peaks[1][0], peaks[1][1])\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=place, capture_output=True, text=True, check=True)
    first_rows, first_mb, all_rows, all_mb = map(int, done.stdout.split())
    assert path.stat().st_size > 8 * (8 << 20)
    assert first_rows < all_rows == 1_600_000
    assert all_mb - first_mb < 150


def test_a_json_schema_is_printed(place: Path) -> None:
    body = json.loads(call(place, "schema", "--json-schema").stdout)
    assert set(body["$defs"]) == {"declaration", "item", "outcome"}
    assert json.loads(call(place, "schema", "outcome", "--json").stdout)[0]["name"] == "declaration_id"


def test_every_row_is_accounted_for_in_progress_and_report(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from datetime import datetime

    from basira.workflows.intake.ingest import ingest_files

    seen: list[intake.Progress] = []
    history = History.create(place / "s")
    mapping = parse_mapping(PLAIN_MAPPING, name="m")
    report = ingest_files(history, [place / "a.csv"], mapping, received_at=datetime(2024, 1, 1), progress=seen.append)
    assert [event.stage for event in seen] == ["reading", "comparing", "writing"]
    assert (seen[-1].rows, seen[-1].bytes_read) == (2, seen[-1].bytes_total)
    assert report.accepted + report.already_known + report.quarantined == report.rows == 2
