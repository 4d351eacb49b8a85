"""The reference pages that are made from the program: write them, or say which are out of date.

    .venv/bin/python docs/write_pages.py [--check]

Enters: the command line's own definition, the public names' docstrings, the fields, errors, reasons and features.
Leaves: the pages of `PAGES` in docs/reference. Never here: a word about a command or a field that the program does not
say itself.
"""

from __future__ import annotations

import argparse
import inspect
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from enum import Enum
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

REFERENCE = Path(__file__).parent / "reference"
ROOT_NAME = "basira"


def commands_page() -> str:
    """docs/reference/commands.md: every command, its arguments and options, as the program defines them."""
    import typer

    from basira.cli.program import app

    root = typer.main.get_command(app)
    lines = [
        "# Commands",
        "",
        "Made from the program by `make docs`. `basira COMMAND --help` shows the same on the terminal; what a command",
        "returns to the shell is in [errors and exit codes](errors.md).",
        "",
    ]
    found = list(_walk(root, ROOT_NAME))
    lines += [f"- [`{path}`](#{path.replace(' ', '-')}): {_first_sentence(command)}" for path, command in found]
    for path, command in found:
        lines += ["", f"## {path}", "", _paragraphs(command.help or ""), ""]
        arguments = [p for p in command.params if p.param_type_name == "argument"]
        options = [p for p in command.params if p.param_type_name == "option" and "--help" not in p.opts]
        usage = " ".join([path, *(_metavar(a) for a in arguments), *(["[options]"] if options else [])])
        lines += ["```", usage, "```"]
        if arguments or options:
            lines += ["", "| argument or option | default | meaning |", "|---|---|---|"]
            lines += [_row(p) for p in (*arguments, *options)]
    return "\n".join(lines) + "\n"


def _walk(command: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Every command that does something, depth first; groups are only passed through."""
    children = getattr(command, "commands", None)
    if not children:
        yield path, command
        return
    for name in sorted(children):
        if not children[name].hidden:
            yield from _walk(children[name], f"{path} {name}")


def _first_sentence(command: Any) -> str:
    text = " ".join((command.help or "").split())
    return re.split(r"(?<=\.) ", text, maxsplit=1)[0]


def _paragraphs(text: str) -> str:
    return "\n\n".join(" ".join(part.split()) for part in re.split(r"\n\s*\n", text.strip()))


def _metavar(argument: Any) -> str:
    name = argument.name.upper() + ("…" if _is_repeated(argument) else "")
    return name if argument.required else f"[{name}]"


def _is_repeated(parameter: Any) -> bool:
    return parameter.multiple or parameter.nargs == -1 or get_origin(parameter.type_descriptor.annotation) is list


def _row(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        name = f"`{_metavar(parameter)}`"
    else:
        name = ", ".join(f"`{o}`" for o in (*parameter.opts, *parameter.secondary_opts))
    meaning = " ".join((parameter.help or "").split())
    annotation = parameter.type_descriptor.annotation
    choices = get_args(annotation) if get_origin(annotation) is Literal else ()
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        choices = tuple(member.value for member in annotation)
    if choices:
        meaning += f" One of: {', '.join(map(str, choices))}."
    if parameter.param_type_name == "option" and _is_repeated(parameter) and "repeated" not in meaning:
        meaning += " May be repeated."
    if parameter.envvar:
        meaning += f" Environment: `{parameter.envvar}`."
    cells = (name, _default(parameter), meaning.strip())
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _default(parameter: Any) -> str:
    shown = getattr(parameter, "show_default", None)
    if isinstance(shown, str):
        return f"`{shown}`"
    value = parameter.default
    if parameter.required:
        return "required"
    if callable(value) or value is None or value is False or value in ("", ()) or "Sentinel" in type(value).__name__:
        return ""
    return f"`{getattr(value, 'value', value)}`"


def settings_page() -> str:
    """docs/reference/settings.md: every variable of the environment, from the service's own table."""
    from basira.app import SETTINGS

    rows = [f"| `{s.name}` | {f'`{s.default}`' if s.default else ''} | {s.meaning} |" for s in SETTINGS]
    return _SETTINGS_PAGE.replace("ROWS", "\n".join(rows))


_SETTINGS_PAGE = """# Settings of the service

Made from the program by `make docs`. `basira serve` reads them from its environment; an option given on the command
line goes first. Any ASGI server can start `basira.app:from_environment` with them. A value that can't be used ends
the start with one sentence: the setting, what was expected, what was found. So does a variable `BASIRA_...` that is
nearly one of these, with the nearest name; what resembles none, and those of `deploy/basira-nightly`, are left alone.
`basira serve --check` says so without serving, and makes nothing.

| variable | default | meaning |
|---|---|---|
ROWS

Of the libraries below: `PROMETHEUS_MULTIPROC_DIR` names a folder in which several workers keep their figures, so that
`/metrics` speaks for all. `basira serve --workers` makes one by itself, in memory (systemd's `RuntimeDirectory`, else
`/dev/shm`); give one, empty at each start, to another server. On a disk that is full, workers end. `OMP_WAIT_POLICY`
is set to `PASSIVE` when it is not set.

The seed of the draws is no setting: it is in the store, in `online-seed`, made at the first start, readable by its
owner alone. Keep it secret; it is in no answer and no event.
"""


def _printed(module: str) -> Callable[[], str]:
    def run() -> str:
        done = subprocess.run([sys.executable, "-m", module], stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603
        return done.stdout

    return run


def _roles_page() -> str:
    from basira.api.auth.permissions import roles_page

    return roles_page()


def _published(name: str) -> Callable[[], str]:
    def run() -> str:
        from basira.ingest import published

        return str(getattr(published, name)())

    return run


def python_page() -> str:
    """docs/reference/python.md: every public name of the package, its signature and docstring."""
    import basira

    names = [name for name in basira.__all__ if not name.startswith("__")]
    lines = [
        "# Python",
        "",
        "Made from the program by `make docs`. `import basira as bs` loads none of this before it is asked for. A walk",
        "through it: [tutorial](../tutorial/python.md).",
        "",
        *(f"- [`{name}`](#{name.lower()})" for name in names),
    ]
    for name in names:
        value = getattr(basira, name)
        lines += ["", f"## {name}", ""]
        if not inspect.isclass(value):
            lines += ["```", _signature(name, value), "```", ""]
        lines += [_docstring(value)]
        for method, function in vars(value).items() if inspect.isclass(value) else ():
            if inspect.isfunction(function) and not method.startswith("_"):
                lines += ["", f"### {name}.{method}", "", "```", _signature(method, function), "```", ""]
                lines += [_docstring(function)]
    return "\n".join(lines) + "\n"


def _signature(name: str, function: Callable[..., Any]) -> str:
    """One parameter a line where they are many; types as they are written."""
    signature = inspect.signature(function)
    shown, is_keyword = [], False
    for p in signature.parameters.values():
        if p.name == "self":
            continue
        if p.kind is p.KEYWORD_ONLY and not is_keyword:
            shown.append("*")
            is_keyword = True
        shown.append(f"{p.name}: {p.annotation}" + ("" if p.default is p.empty else f" = {p.default!r}"))
    whole = f"{name}({', '.join(shown)}) -> {signature.return_annotation}"
    if len(whole) <= 100:
        return whole
    return f"{name}(\n    " + ",\n    ".join(shown) + f",\n) -> {signature.return_annotation}"


def _docstring(value: object) -> str:
    """A docstring in numpydoc's form as Markdown: sections bold, examples as code."""
    text = re.sub(r" +# doctest: \+SKIP", "", inspect.getdoc(value) or "")
    text = text.replace("``", "`")
    parts = re.split(r"^(\w+)\n-{3,}\n", text, flags=re.M)
    lines = [parts[0].strip()]
    for title, body in zip(parts[1::2], parts[2::2], strict=True):
        lines += ["", f"**{title}**", ""]
        if title == "Examples":
            lines += ["```pycon", body.strip(), "```"]
            continue
        body, code, examples = body.partition("\n>>>")
        # A name or a type at the margin, what it means below it, deeper; or behind a colon.
        for entry in re.split(r"\n(?=\S)", body.strip()):
            head, *meaning = (part.strip() for line in entry.splitlines() for part in line.split(" : ", 1))
            names = ", ".join(f"`{one}`" for one in head.split(", "))
            lines += [f"- {names}" + (": " + " ".join(m for m in meaning if m) if meaning else "")]
        if code:
            lines += ["", "```pycon", f">>>{examples.rstrip()}", "```"]
    return "\n".join(lines)


PAGES: dict[str, Callable[[], str]] = {
    "commands.md": commands_page,
    "errors.md": _published("errors_page"),
    "features.md": _printed("basira.features.document"),
    "python.md": python_page,
    "quarantine.md": _published("quarantine_page"),
    "roles.md": _roles_page,
    "schema.md": _published("schema_page"),
    "settings.md": settings_page,
}


def main() -> int:
    """Write every page, or with ``--check`` return 1 when one is not what the program would write."""
    options = argparse.ArgumentParser(description="Write the generated reference pages.")
    options.add_argument("--check", action="store_true", help="Write nothing; name the pages that are out of date.")
    check = options.parse_args().check
    stale = []
    for name, page in PAGES.items():
        path, text = REFERENCE / name, page()
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            stale.append(name)
            if not check:
                path.write_text(text, encoding="utf-8")
    if check and stale:
        sys.stderr.write(f"Out of date in docs/reference: {', '.join(stale)}. Run `make docs`.\n")
        return 1
    sys.stdout.write(f"{len(PAGES)} pages {'current' if check or not stale else 'written'}.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
