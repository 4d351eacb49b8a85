"""Figures of the house: patterns of the code that ought to become rare, long parameter lists, a declaration's path.

Enters: a tree of source, perhaps a folder for a small simulated world. Leaves: one line a figure, to be compared with
another commit's. Never here: a limit (the tests of the house hold those).

    python benchmarks/house_figures.py                          # this tree
    python benchmarks/house_figures.py --tree ../older          # another one, without the path
    python benchmarks/house_figures.py --world /tmp/world       # with the path of a released declaration

The path is what one released declaration of three items passes over HTTP, from the request to the answer, once the
service is warm: the functions of Basira that are entered, and the modules that they stand in.
"""

from __future__ import annotations

import argparse
import ast
import re
import sys
import threading
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from types import FrameType

HERE = Path(__file__).resolve().parents[1]
MOST_PARAMETERS = 7
# By name: where it is looked for below `src/basira` or `tests`, and what.
PATTERNS = {
    '["payload"]': ("src/basira", r'\["payload"\]'),
    "payload.get(": ("src/basira", r"payload(?:\"\])?\.get\("),
    "dict[str, Any] or Mapping[str, Any]": ("src/basira", r"(?:dict|Mapping)\[str, Any\]"),
    "fmt: skip": ("src/basira", r"# fmt: skip"),
    "names bound to `found`": ("src/basira", r"\bfound\b(?:: [^=]+)? = "),
    "patches of private names in tests": ("tests", r"(?:patch\.setattr|patch)\([^)\n]*[\"'.]_[a-z]\w*[\"']"),
}


def sources(tree: Path, below: str) -> Iterator[Path]:
    """The Python files of a part of a tree, in order."""
    yield from sorted((tree / below).rglob("*.py"))


def occurrences(tree: Path, below: str, pattern: str) -> tuple[int, int]:
    """How many lines of how many files have a pattern."""
    counts = [
        sum(1 for line in path.read_text(encoding="utf-8").splitlines() if re.search(pattern, line))
        for path in sources(tree, below)
    ]
    return sum(counts), sum(1 for count in counts if count)


def long_parameter_lists(tree: Path) -> list[tuple[int, str]]:
    """Functions outside the command line with more parameters than `MOST_PARAMETERS`, the longest first. ``self`` and
    ``cls`` are none."""
    found = []
    for path in sources(tree, "src/basira"):
        where = path.relative_to(tree / "src" / "basira")
        if where.parts[0] == "cli":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                given = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
                count = sum(1 for one in given if one.arg not in ("self", "cls"))
                if count > MOST_PARAMETERS:
                    found.append((count, f"{where}:{node.name}"))
    return sorted(found, key=lambda one: (-one[0], one[1]))


class PathHook:
    """What a profile hook saw: functions of the package, on every thread that began after it."""

    def __init__(self, package: Path) -> None:
        self._package, self.is_on = str(package), False
        self.functions: set[tuple[str, str, int]] = set()

    def __call__(self, frame: FrameType, event: str, _argument: object) -> None:
        if event == "call" and self.is_on and frame.f_code.co_filename.startswith(self._package):
            code = frame.f_code
            if not code.co_name.startswith("<"):  # a comprehension belongs to its function
                self.functions.add((code.co_filename, code.co_qualname, code.co_firstlineno))

    @property
    def modules(self) -> set[str]:
        return {name for name, _, _ in self.functions}


def declaration_path(folder: Path) -> tuple[PathHook, str]:
    """The path of the first declaration that is released after some others, and its lane."""
    import basira

    hook = PathHook(Path(basira.__file__).parent)
    threading.setprofile(hook)
    sys.setprofile(hook)
    try:
        return hook, _send(folder, hook)
    finally:
        sys.setprofile(None)
        threading.setprofile(None)


def _send(folder: Path, hook: PathHook) -> str:
    from fastapi.testclient import TestClient
    from serve_world import declarations_of, served_world

    from basira.api.application import Limits, make_application
    from basira.api.auth.authenticate import by_key
    from basira.serving.service import ServiceSettings, open_service
    from basira.storage.accounts.api_keys import create_key

    today = date.today()
    world = served_world(folder, today=today, items=60_000)
    now = datetime(today.year, today.month, today.day, 9)
    record = folder / "figures.sqlite"
    for path in (record, record.with_name(f"{record.name}-wal"), record.with_name(f"{record.name}-shm")):
        path.unlink(missing_ok=True)
    service = open_service(ServiceSettings(world.store, world.policy, database=f"sqlite:///{record}"), today=today)
    with service.database.write() as connection:
        token = create_key(
            connection, "figures", scopes=("declarations:write",), actor="figures", now=now,
            expires_at=now + timedelta(days=1),
        ).token  # fmt: skip
    application = make_application(
        service, recognise=by_key(service.database, lambda: now), clock=lambda: now, limits=Limits(decide_seconds=60.0)
    )
    with TestClient(application) as client:
        client.headers["X-API-Key"] = token
        for number, body in enumerate(declarations_of(world, moment=now, mark="F")):
            hook.functions.clear()
            hook.is_on = number >= 20
            answer = client.post("/api/v1/declarations", json=body).json()
            hook.is_on = False
            if number >= 20 and not answer["inspects"]:
                break
    service.close()
    return str(answer["lane"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tree", type=Path, default=HERE, help="a checkout of Basira")
    parser.add_argument("--world", type=Path, help="folder of the simulated world; without it no path is measured")
    parser.add_argument("--list", action="store_true", help="name what is counted")
    given = parser.parse_args()
    for name, (below, pattern) in PATTERNS.items():
        lines, files = occurrences(given.tree, below, pattern)
        print(f"{name:<45} {lines:>5} lines in {files} files")
    longest = long_parameter_lists(given.tree)
    print(f"{f'functions of more than {MOST_PARAMETERS} parameters, without cli':<45} {len(longest):>5}")
    if given.list:
        print("\n".join(f"  {count:>3} {name}" for count, name in longest))
    if given.world is not None:
        path, lane = declaration_path(given.world)
        print(f"{f'functions that a declaration passes ({lane})':<45} {len(path.functions):>5}")
        print(f"{'modules that it passes':<45} {len(path.modules):>5}")
        if given.list:
            print("\n".join(f"  {name}" for name in sorted(path.modules)))


if __name__ == "__main__":
    main()
