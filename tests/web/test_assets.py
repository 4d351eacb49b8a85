"""The files of the pages: what the templates name is what `make assets` brings."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from basira.render.catalogs import load_catalog
from basira.web.assets import VENDOR, find_missing, load_assets
from basira.web.forms import own_path
from basira.web.render import LOCALE
from tests.support.tree import ROOT

WEB = ROOT / "src" / "basira" / "web"


def test_the_templates_name_own_files_and_those_of_other_projects_that_are_listed() -> None:
    named = set(re.findall(r"'([\w./-]+\.(?:css|js|svg|woff2))'", (WEB / "templates/base.html").read_text("utf-8")))
    own = {name for name in named if not name.startswith("vendor/")}
    assert all((WEB / "static" / name).is_file() for name in own)
    style = (WEB / "static/basira.css").read_text("utf-8")
    assert (named - own) | set(re.findall(r'url\("(vendor/[^"]+)"\)', style)) == set(VENDOR)


def test_the_makefile_copies_each_of_them() -> None:
    recipe = (ROOT / "Makefile").read_text("utf-8")
    assert [name for name in VENDOR if Path(name).name not in recipe] == []


def test_every_package_is_pinned_by_its_hash_and_no_address() -> None:
    lock = json.loads((ROOT / "package-lock.json").read_text("utf-8"))
    packages = {name: one for name, one in lock["packages"].items() if name}
    assert all(one["integrity"].startswith("sha512-") and "resolved" not in one for one in packages.values())
    wanted = json.loads((ROOT / "package.json").read_text("utf-8"))
    versions = {**wanted["dependencies"], **wanted["devDependencies"]}
    assert {name: packages[f"node_modules/{name}"]["version"] for name in versions} == versions


def test_a_file_has_its_digest_and_is_packed_where_that_saves(tmp_path: Path) -> None:
    (tmp_path / "long.css").write_text("a { color: red }\n" * 100)
    (tmp_path / "page.html").write_text("no file that a page loads")
    found = load_assets(tmp_path)
    assert list(found) == ["long.css"]
    assert found["long.css"].packed is not None
    assert len(found["long.css"].packed) < len(found["long.css"].content)
    assert re.fullmatch("[0-9a-f]{12}", found["long.css"].digest)
    assert find_missing(found) == list(VENDOR)


def test_no_template_has_a_script_or_a_style_within() -> None:
    for path in (WEB / "templates").glob("*.html"):
        text = path.read_text("utf-8")
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|<script(?![^>]*\ssrc=)|javascript:|\|\s*safe", text), (
            path.name
        )
        assert "hx-on" not in text, path.name


def test_the_templates_and_the_code_use_no_word_that_is_missing() -> None:
    known = load_catalog(LOCALE, "fr").ids
    source = "\n".join(p.read_text("utf-8") for p in [*(WEB / "templates").glob("*.html"), *WEB.rglob("*.py")])
    used = set(re.findall(r'\btn?\(\s*"([\w.]+)"\s*[,)]', source)) | set(re.findall(r'"(fault\.\w+)"', source))
    assert used
    assert used - known == set()


@pytest.mark.parametrize(
    "path", ["//elsewhere.example", "/\\elsewhere", "https://elsewhere.example", "queue", "", "/a b"]
)
def test_no_way_leads_to_another_site(path: str) -> None:
    assert own_path(path) == "/"
