"""The files of deploy/ that systemd and the shell read; that of nginx is in `test_deploy_nginx`."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.tree import ROOT

DEPLOY = ROOT / "deploy"
UNITS = ("basira.service", "basira-nightly.service", "basira-nightly.timer")


def need(program: str, package: str) -> str:
    found = shutil.which(program) or shutil.which(program, path="/usr/sbin:/sbin")
    if found is None:
        pytest.skip(f"{program} absent: this file stays untested here (Debian: apt-get install {package})")
    return found


def test_systemd_takes_the_units(tmp_path: Path) -> None:
    analyze = need("systemd-analyze", "systemd")
    for name in UNITS:
        # The program of an installation that is not there: any that is.
        text = re.sub(r"/opt/basira/bin/basira(-nightly)?", "/bin/true", (DEPLOY / name).read_text(encoding="utf-8"))
        (tmp_path / name).write_text(text, encoding="utf-8")
    done = subprocess.run([analyze, "verify", *(tmp_path / n for n in UNITS)], capture_output=True, text=True)
    ours = [line for line in done.stderr.splitlines() if "basira" in line]
    assert (done.returncode, ours) == (0, []), done.stderr


@pytest.mark.parametrize("name", ["basira.service", "basira-nightly.service"])
def test_the_units_are_locked_in(name: str) -> None:
    analyze = need("systemd-analyze", "systemd")
    command = [analyze, "security", "--offline=true", "--threshold=20", DEPLOY / name]  # 2.0 of 10, the less the better
    done = subprocess.run(command, capture_output=True, text=True)
    if "unrecognized option" in done.stderr:
        pytest.skip("this systemd-analyze judges no files")
    assert done.returncode == 0, done.stdout[-300:]


def test_a_file_that_fills_the_memory_does_not_end_the_night() -> None:
    text = (DEPLOY / "basira-nightly.service").read_text(encoding="utf-8")
    assert re.search("^MemoryMax=", text, flags=re.M)
    assert re.search("^OOMPolicy=continue$", text, flags=re.M)


def test_the_nightly_script_is_one_that_the_shell_reads() -> None:
    assert subprocess.run(["sh", "-n", DEPLOY / "basira-nightly"]).returncode == 0
