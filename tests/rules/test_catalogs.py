"""The three catalogs of rules: the same messages with the same values, every message used."""

from __future__ import annotations

import re
from pathlib import Path

from basira.rules.faults import LOCALE, catalog_of


def test_the_languages_have_the_same_messages_and_values() -> None:
    catalogs = {language: catalog_of(language) for language in ("fr", "en", "ar")}
    assert catalogs["fr"].ids == catalogs["en"].ids == catalogs["ar"].ids
    for message in catalogs["fr"].ids:
        values = {
            language: sorted(re.findall(r"\{(\w+)\}", one.translations.gettext(message)))
            for language, one in catalogs.items()
        }
        assert values["fr"] == values["en"] == values["ar"], message


def test_every_fault_that_is_raised_has_words() -> None:
    source = [p.read_text(encoding="utf-8") for p in Path(LOCALE).parents[1].joinpath("rules").glob("*.py")]
    raised = set(re.findall(r'RuleError\(\s*"(\w+)"', "\n".join(source)))
    assert raised - {one.removeprefix("fault.") for one in catalog_of("fr").ids} == set()
