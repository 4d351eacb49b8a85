"""What a room never holds: a clock, the environment, hidden randomness, code made from data."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

ROOMS = (
    "schema",
    "render",
    "ingest",
    "features",
    "models",
    "rules",
    "selection",
    "explain",
    "decisions",
    "feedback",
    "evaluate",
    "diagnose",
    "country",
)
# Calls by their written name. `time.process_time` is allowed: it measures work, and decides nothing.
CLOCK_AND_ENVIRONMENT = {
    "datetime.now",
    "datetime.utcnow",
    "datetime.today",
    "date.today",
    "time.time",
    "time.time_ns",
    "os.getenv",
    "os.environ.get",
    "os.getlogin",
    "uuid.uuid1",
    "uuid.uuid4",
}
GLOBAL_RANDOMNESS = re.compile(r"(?:random|secrets|np\.random|numpy\.random)\.\w+")
CODE_FROM_DATA = {"eval", "exec", "compile", "pickle.load", "pickle.loads", "joblib.load", "marshal.loads"}

NETWORK = {"ssl", "http", "ftplib", "smtplib", "requests", "httpx", "httpx2", "aiohttp", "urllib3"}
MAKES_SOCKET = ("socket.socket(", "socket.create_connection(")
# The first asks the OpenID provider that the settings name, no other host; the second the service's own large worker,
# over a Unix socket.
CONNECTS = {"src/basira/api/auth/oidc.py", "src/basira/api/http/large_worker.py", "src/basira/engines/spark.py"}


def calls(path: Path) -> Iterator[tuple[str, ast.Call]]:
    """Each call with the name it is written by, for example `np.random.default_rng`."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def modules(root: Path, *rooms: str) -> list[Path]:
    return sorted(p for room in rooms for p in (root / "src" / "basira" / room).rglob("*.py"))


def places(root: Path, found: Sequence[tuple[Path, ast.expr | ast.stmt]]) -> list[str]:
    return [f"{path.relative_to(root)}:{node.lineno}" for path, node in found]


def test_rooms_hold_no_clock_and_no_environment(root: Path) -> None:
    found = [(p, call) for p in modules(root, *ROOMS) for name, call in calls(p) if name in CLOCK_AND_ENVIRONMENT]
    assert places(root, found) == []


def test_rooms_draw_only_from_seeded_generators(root: Path) -> None:
    found = []
    for path in modules(root, *ROOMS):
        for name, call in calls(path):
            is_seeded = name.endswith(("default_rng", "SeedSequence", "PCG64", "Philox", "Generator")) and call.args
            if GLOBAL_RANDOMNESS.fullmatch(name) and not is_seeded:
                found.append((path, call))
    assert places(root, found) == []


def test_nothing_runs_code_from_data(root: Path) -> None:
    source = sorted((root / "src").rglob("*.py"))
    found = [(p, call) for p in source for name, call in calls(p) if name in CODE_FROM_DATA]
    found += [(p, c) for p in source for _, c in calls(p) for k in c.keywords if k.arg == "shell" and _is_true(k.value)]
    assert places(root, found) == []


def _is_true(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is True


def test_nothing_opens_a_connection(root: Path) -> None:
    """docs/how-to/install.md promises it, but for the OpenID provider that an operator sets up, the Spark that a
    command names, and between its own processes over a Unix socket."""
    found: list[tuple[Path, ast.expr | ast.stmt]] = []
    for path in sorted((root / "src").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            if isinstance(node, ast.stmt) and any(
                name.partition(".")[0] in NETWORK or name.startswith("urllib.request") for name in names
            ):
                found.append((path, node))
            text = ast.unparse(node) if isinstance(node, ast.Call) else ""
            is_local = text.startswith("socket.socket(socket.AF_UNIX")
            if isinstance(node, ast.Call) and text.startswith(MAKES_SOCKET) and not is_local:
                found.append((path, node))
    found = [(path, node) for path, node in found if str(path.relative_to(root)) not in CONNECTS]
    assert places(root, found) == []


@pytest.mark.parametrize(
    ("code", "is_found"), [("import time\ntime.time()", True), ("import time\ntime.sleep(1)", False)]
)
def test_the_search_finds_a_clock(tmp_path: Path, code: str, is_found: bool) -> None:
    (tmp_path / "module.py").write_text(code)
    assert any(name in CLOCK_AND_ENVIRONMENT for name, _ in calls(tmp_path / "module.py")) is is_found
