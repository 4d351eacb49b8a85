"""The threads of a worker share two heaps of the C library: each thread's own would keep what it once needed."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from pathlib import Path

import pytest

# How many heaps the C library has after eight threads took memory at once, as it says itself.
_HEAPS_OF_EIGHT_THREADS = """
import ctypes, sys, threading
{first}
barrier = threading.Barrier(8)
def work():
    barrier.wait()
    kept = [bytearray(100_000) for _ in range(20)]
    barrier.wait()
threads = [threading.Thread(target=work) for _ in range(8)]
[one.start() for one in threads]
[one.join() for one in threads]
library = ctypes.CDLL(None)
library.fopen.restype = ctypes.c_void_p
file = ctypes.c_void_p(library.fopen(sys.argv[1].encode(), b"w"))
library.malloc_info(0, file)
library.fclose(file)
"""


def heaps(path: Path, first: str) -> int:
    program = _HEAPS_OF_EIGHT_THREADS.format(first=first)
    bare = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    subprocess.run([sys.executable, "-c", program, str(path)], check=True, env=bare)
    return path.read_text().count("<heap nr=")


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_info"), reason="needs glibc")
def test_eight_threads_of_a_worker_share_two_heaps(tmp_path: Path) -> None:
    assert heaps(tmp_path / "own.xml", "") > 2
    assert heaps(tmp_path / "shared.xml", "from basira.cli.serve import share_heaps; share_heaps()") <= 2
