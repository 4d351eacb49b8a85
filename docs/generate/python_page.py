"""docs/reference/python.md, from the public names of the package.

Enters: `basira.__all__`, signatures, docstrings. Leaves: Markdown. Never here: a word that a docstring does not say.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any

import basira


def python_page() -> str:
    """docs/reference/python.md: every public name of the package, its signature and docstring."""
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
        for method, function in inspect.getmembers(value, inspect.isfunction) if inspect.isclass(value) else ():
            if not method.startswith("_") and function.__module__.startswith("basira."):
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
