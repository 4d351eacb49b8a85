"""What an analyst and a manager do in a real browser: a rule from the form to its end, and the search of declarations.

Needs Chromium and the files of `make assets`, as `test_workbench.py`.
"""

from __future__ import annotations

from datetime import timedelta

import pytest

from basira.rules.lists.model import Entry, ListHeader
from basira.rules.register import Risk
from basira.schema.access import Grant
from basira.serving.views.rules import rule_body
from basira.workflows.rules.life import take_step
from basira.workflows.rules.lists import add_to_list, create_list
from basira.workflows.rules.register import write_entry
from tests.browser.test_workbench import AXE, LANGUAGES, Bench, assert_accessible, bench, keep
from tests.support.api_world import TODAY, at

__all__ = ["bench"]
LATER = TODAY + timedelta(days=30)
RULE = {"rule_id": "phones", "title": "Téléphones sous le prix", "reason": "Trois constats en un mois."}


def test_a_rule_is_written_checked_and_approved_by_another_person(bench: Bench) -> None:
    analyst = bench.person("amina", Grant("analyst"))
    analyst.goto(f"{bench.running.address}/rules")
    analyst.get_by_role("link", name="Nouvelle règle").click()
    for name, text in RULE.items():
        analyst.locator(f"#{name}").fill(text)
    analyst.locator("#text").fill("orign_country = 'CN'")
    analyst.locator("#check .fault").wait_for()
    assert "origin_country" in analyst.locator("#check").inner_text()
    keep(analyst, "rule-check-fault")
    analyst.locator("#text").fill("origin_country = 'CN' and quantity > 10")
    analyst.locator("#check .condition").wait_for()
    analyst.locator("#lane").select_option("red")
    analyst.get_by_role("button", name="Enregistrer le brouillon").click()
    analyst.wait_for_url("**done=draft")
    database = bench.running.house.service.database
    take_step(database, "phones", "tested", login="amina", now=at(9))
    analyst.goto(f"{bench.running.address}/rules/phones")
    analyst.get_by_role("button", name="Soumettre").click()
    analyst.get_by_role("status").wait_for()
    assert analyst.get_by_role("button", name="Approuver").count() == 0

    manager = bench.person("badr", Grant("manager"))
    manager.goto(f"{bench.running.address}/rules?status=submitted")
    manager.get_by_role("link", name=RULE["title"]).click()
    manager.get_by_role("button", name="Approuver").click()
    manager.get_by_role("alert").wait_for()
    assert manager.evaluate("document.activeElement.id") == "rule-fault"
    manager.locator("#motive").fill("Essai lu.")
    manager.get_by_role("button", name="Approuver").click()
    manager.get_by_role("status").wait_for()
    manager.get_by_role("button", name="Mettre en vigueur").click()
    manager.wait_for_url("**done=live")
    found = rule_body(database, "phones", on=TODAY)
    assert found is not None
    assert found["versions"][0]["status"] == "live"
    assert [one for one in bench.heard if "422" not in one] == []


def test_a_list_is_made_filled_in_and_named_by_a_risk(bench: Bench) -> None:
    page = bench.person("amina", Grant("analyst"))
    page.get_by_role("link", name="Règles").click()
    page.get_by_role("link", name="Listes").click()
    page.get_by_role("link", name="Nouvelle liste").click()
    for name, text in (("name", "suivis"), ("title", "Origines suivies"), ("owner", "Valeur")):
        page.locator(f"#{name}").fill(text)
    page.locator("#kind").select_option("origins")
    page.get_by_role("button", name="Créer la liste").click()
    page.wait_for_url("**done=made")
    for name, text in (("value", "Chine"), ("source", "note 12"), ("reason", "trois constats")):
        page.locator(f"#{name}").fill(text)
    page.get_by_role("button", name="Ajouter").click()
    page.get_by_role("alert").wait_for()
    assert page.locator("#reason").input_value() == "trois constats"
    page.locator("#value").fill("cn")
    page.get_by_role("button", name="Ajouter").click()
    page.wait_for_url("**done=added")
    assert page.locator("#reason").input_value() == ""  # what is recorded is no draft
    page.get_by_role("link", name="Terminer CN").click()
    page.locator("#motive").fill("Levé.")
    page.get_by_role("button", name="Terminer").click()
    page.wait_for_url("**done=ended")
    page.get_by_role("link", name="Risques").click()
    page.get_by_role("link", name="Nouveau risque").click()
    for name, text in (("risk_id", "origines"), ("title", "Origine"), ("owner", "Valeur"), ("plan", "Contrôler.")):
        page.locator(f"#{name}").fill(text)
    page.get_by_role("button", name="Enregistrer").click()
    page.wait_for_url("**done=recorded")
    page.locator("#motive").fill("Relu.")
    page.get_by_role("button", name="Enregistrer la revue").click()
    page.wait_for_url("**done=reviewed")
    assert [one for one in bench.heard if "422" not in one] == []


def test_an_analyst_finds_a_declaration(bench: Bench) -> None:
    number, office = bench.decided.waiting
    page = bench.person("amina", Grant("analyst"))
    page.goto(f"{bench.running.address}/declarations")
    page.locator("#office").fill(office)
    page.locator("#status").select_option("waiting")
    page.locator("#find-number").fill(number[:8])
    page.get_by_role("button", name="Filtrer").click()
    page.wait_for_url("**number=*")
    assert page.locator("#status").input_value() == "waiting"
    page.get_by_role("link", name=number).click()
    page.wait_for_url(f"**/declarations/{number}")
    page.go_back()
    assert page.locator("#find-number").input_value() == number[:8]
    assert bench.heard == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_is_accessible_and_fits(bench: Bench, language: str) -> None:
    if not AXE.is_file():
        pytest.skip("axe-core is absent: run `make assets` (Debian: apt-get install npm).")
    page = bench.person("amina", Grant("analyst"), language=language)
    page.wait_for_url("**/queue")
    page.goto(f"{bench.running.address}/rules")
    assert_accessible(page)
    keep(page, f"rules-empty-{language}")
    for text in ("origin_country = 'CN' and quantity > 10", "origin_country = 'TR' and quantity > 10"):
        page.goto(f"{bench.running.address}/rules/new{'?of=phones' if 'TR' in text else ''}")
        if "TR" not in text:
            for name, value in RULE.items():
                page.locator(f"#{name}").fill(value)
        page.locator("#text").fill(text)
        page.locator("#check .condition").wait_for()
        page.locator("#lane").select_option("red")
        page.locator("form.card-plain button.btn-primary").click()
        page.wait_for_url("**done=draft")
    database = bench.running.house.service.database
    header = ListHeader("watched", "operators", "Opérateurs suivis", "Valeur")
    create_list(database, header, login="amina", now=at(9))
    entry = Entry("RC-1207", TODAY, None, "note 12", "trois constats")
    add_to_list(database, "watched", [entry], login="amina", now=at(9))
    risk = Risk("phones", "Téléphones sous-évalués", "Valeur", 4, 4, "reduce", "Comparer aux prix.", LATER)
    write_entry(database, risk, login="amina", now=at(9), expected=0)
    for name, path in (
        ("search", "/declarations"),
        ("search-empty", "/declarations?to=2020-01-01"),
        ("rules", "/rules"),
        ("rule", "/rules/phones"),
        ("rule-form", "/rules/new?of=phones"),
        ("lists", "/lists"),
        ("list-new", "/lists/new"),
        ("list", "/lists/watched"),
        ("list-end", "/lists/watched/entries/1/end"),
        ("risks", "/risks"),
        ("risk", "/risks/phones"),
        ("risk-form", "/risks/phones/change"),
    ):
        for scheme in ("light", "dark") if language == "fr" else ("light",):
            page.emulate_media(color_scheme=scheme)
            page.goto(f"{bench.running.address}{path}")
            if name == "rule-form":
                page.locator("#check .condition").wait_for()
            page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
            assert_accessible(page)
            keep(page, f"{name}-{language}-{scheme}")
        for width in (1280, 768):
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate("document.documentElement.scrollWidth") <= width, (name, width)
        page.set_viewport_size({"width": 1280, "height": 900})
    assert bench.heard == []
