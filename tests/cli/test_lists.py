"""`basira lists`, as a person runs it: made, filled in by a table, asked, ended, written out."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from basira.storage.history.store import History
from tests.support.command_line import Walk, ran, run

RULE = ("--title", "t", "--reason", "r", "--lane", "orange", "--starts", "2999-01-01", "--expires", "2999-12-31")
MAKE = ("lists", "new", "origins-to-watch", "--by", "amina", "--kind", "origins", "--title", "t", "--owner", "o")


@pytest.fixture
def store(tmp_path: Path) -> Path:
    made = History.create(tmp_path / "store").root
    ran("users", "add", "amina", "--by", "t", "--role", "analyst", "--oidc-subject", "i#amina", "--store", made)
    return made


def test_a_list_is_filled_in_by_a_table_and_written_out_again(store: Path, tmp_path: Path) -> None:
    ran(*MAKE, "--store", store)
    table = tmp_path / "origins.csv"
    table.write_text("value;from;source;reason\ncn;2026-01-01;s;r\nTR;2026-01-01;s;r\n", encoding="utf-8")
    ran("lists", "import", "origins-to-watch", table, "--by", "amina", "--store", store)
    assert "2 entries" in ran("lists", "list", "--store", store, "--language", "en").out
    assert "2 entrées" in ran("lists", "list", "--store", store).out
    assert "عنصران" in ran("lists", "list", "--store", store, "--language", "ar").out
    asked = ("lists", "match", "origins-to-watch", "CN", "--store", store, "--language", "en")
    assert "CN, 1.000 close." in ran(*asked).out
    ran("lists", "end", "origins-to-watch", 1, "--by", "amina", "--motive", "m", "--store", store)
    assert "Not on the list." in ran(*asked).out
    assert "ajout  2 entrées  par" in ran("lists", "history", "origins-to-watch", "--store", store).out
    written = tmp_path / "out.csv"
    ran("lists", "export", "origins-to-watch", "--out", written, "--on", "2999-01-01", "--store", store)
    assert written.read_text(encoding="utf-8-sig").splitlines()[1:] == ["TR;2026-01-01;;s;r;"]


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("fr", "3, from : Jour au format AAAA-MM-JJ attendu"),
        ("en", "3, from: Expected a day as YYYY-MM-DD, found never."),
        ("ar", "3, from"),
    ],
)
def test_a_broken_row_is_named_in_the_language_of_the_person(
    store: Path, tmp_path: Path, language: str, words: str
) -> None:
    ran(*MAKE, "--store", store)
    table = tmp_path / "origins.csv"
    table.write_text("value;from;source;reason\nCN;2026-01-01;s;r\nTR;never;s;r\nChina;2026-01-01;s;r\n")
    found = run("lists", "import", "origins-to-watch", table, "--by", "amina", "--store", store, "--language", language)
    assert found.code == 12
    assert words in found.err
    assert "4, value" in found.err
    assert ran("lists", "show", "origins-to-watch", "--store", store, "--json").json["entries"] == []


def test_a_rule_may_name_a_list_that_is_there(walk: Walk, tmp_path: Path) -> None:
    store = tmp_path / "store"
    shutil.copytree(walk.store, store)
    ran("users", "add", "amina", "--by", "t", "--role", "analyst", "--oidc-subject", "i#amina", "--store", store)
    text = ("--text", "origin_country in list 'origins-to-watch'")
    missing = run("rules", "new", "watched", "--by", "amina", *text, *RULE, "--store", store, "--language", "en")
    assert "list that exists" in missing.err
    ran(*MAKE, "--store", store)
    ran("lists", "add", "origins-to-watch", "CN", "--by", "amina", "--source", "s", "--reason", "r", "--from",
        "2000-01-01", "--store", store)  # fmt: skip
    ran("rules", "new", "watched", "--by", "amina", *text, *RULE, "--store", store)
    period = ("--from", "2000-01-01", "--to", walk.day, "--store", store)
    asked = ("rules", "backtest", "watched", *period, "--as-of", walk.day, "--json")
    # Recorded today, and the declarations are older: known to none of them.
    assert ran(*asked).json["hits"] == 0
    assert ran(*asked, "--lists-of-today").json["hits"] > 0
    tried = ran("rules", "try", *text, *period, "--lists-of-today", "--language", "en", "--most", 1)
    assert "entry CN of the list, 100 % close" in tried.out
