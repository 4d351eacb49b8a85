"""The documentation: every link leads somewhere, every page is reachable, what is public is documented."""

from __future__ import annotations

import re
import runpy
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote

from markdown_it import MarkdownIt

from basira.schema.errors import ALL_ERRORS

PARSER = MarkdownIt("commonmark").enable("table")


def pages(root: Path, tree_files: list[Path]) -> dict[Path, str]:
    return {p: (root / p).read_text(encoding="utf-8") for p in tree_files if p.suffix == ".md"}


def links(text: str) -> Iterator[str]:
    """Where the links and pictures of a page lead; code is not a link."""
    for token in PARSER.parse(text):
        for child in token.children or []:
            target = child.attrGet("href") or child.attrGet("src")
            if target:
                yield str(target)


def anchors(text: str) -> set[str]:
    """The names of a page's headings, as the forges make them."""
    found: set[str] = set()
    seen: dict[str, int] = {}
    for before, token in pairwise(PARSER.parse(text)):
        if before.type == "heading_open":
            words = "".join(c.content for c in token.children or [] if c.type in {"text", "code_inline"})
            name = re.sub(r"[^\w\- ]", "", words.lower()).replace(" ", "-")
            count = seen[name] = seen.get(name, -1) + 1
            found.add(f"{name}-{count}" if count else name)
    return found


def broken(root: Path, page: Path, text: str) -> Iterator[str]:
    for link in links(text):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = unquote(link).partition("#")
        target = (root / page.parent / path).resolve() if path else root / page
        if not target.is_relative_to(root) or not target.exists():
            yield f"{page}: {link}: no such file"
        elif anchor and target.suffix == ".md" and anchor not in anchors(target.read_text(encoding="utf-8")):
            yield f"{page}: {link}: no such heading"


def test_every_link_leads_somewhere(root: Path, tree_files: list[Path]) -> None:
    assert [b for page, text in pages(root, tree_files).items() for b in broken(root, page, text)] == []


def test_the_search_finds_a_broken_link(tmp_path: Path) -> None:
    text = "# A `b` c\n\n[good](#a-b-c) [bad](#d) [absent](e.md) `[code](f.md)`\n"
    (tmp_path / "page.md").write_text(text)
    assert list(broken(tmp_path, Path("page.md"), text)) == [
        "page.md: #d: no such heading",
        "page.md: e.md: no such file",
    ]


def test_every_page_is_one_click_from_the_index(root: Path, tree_files: list[Path]) -> None:
    text = (root / "docs/README.md").read_text(encoding="utf-8")
    index = {(root / "docs" / link.partition("#")[0]).resolve() for link in links(text)}
    wanted = {root / p for p in pages(root, tree_files) if p.parts[0] == "docs" and p != Path("docs/README.md")}
    assert sorted(str(p.relative_to(root)) for p in wanted - index) == []


def test_the_index_is_one_click_from_the_readme(root: Path) -> None:
    assert "docs/README.md" in set(links((root / "README.md").read_text(encoding="utf-8")))


def test_every_error_code_is_documented(root: Path) -> None:
    page = (root / "docs/reference/errors.md").read_text(encoding="utf-8")
    assert [e.code for e in ALL_ERRORS if f"`{e.code}`" not in page] == []


def test_every_error_of_the_program_is_in_the_list(root: Path) -> None:
    raised = set()
    for path in (root / "src").rglob("*.py"):
        raised |= set(re.findall(r"^class (\w+)\((?:\w*Error)\)", path.read_text(encoding="utf-8"), flags=re.M))
    assert raised - {e.__name__ for e in ALL_ERRORS} == set()


def test_every_command_is_documented(root: Path) -> None:
    pages = runpy.run_path(str(root / "docs" / "generate"))["PAGES"]
    committed = (root / "docs/reference/commands.md").read_text(encoding="utf-8")
    is_current = committed == pages["commands.md"]()  # the difference itself would fill screens
    assert is_current, "run `make docs`"


def test_decisions_are_numbered_and_say_why(root: Path) -> None:
    records = sorted((root / "docs/decisions").glob("*.md"))
    assert [int(r.name[:4]) for r in records] == list(range(1, len(records) + 1))
    for record in records:
        headings = re.findall(r"^## (.+)$", record.read_text(encoding="utf-8"), flags=re.M)
        assert [h for h in ("Context", "Decision", "Consequences") if h not in headings] == [], record.name


def test_every_make_target_says_what_it_does(root: Path) -> None:
    text = (root / "Makefile").read_text(encoding="utf-8")
    phony = " ".join(re.findall(r"^\.PHONY: (.+)$", text, flags=re.M)).split()
    told = set(re.findall(r"^([a-z-]+):.*## ", text, flags=re.M))
    assert set(phony) - told == {"python", "system-packages"}  # steps of others, not commands
