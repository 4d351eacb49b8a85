"""What an administrator does in a real browser: a new person who enters, a key, an account ended and brought back.

Needs Chromium and the files of `make assets`, as `test_workbench.py`.
"""

from __future__ import annotations

import pytest

from basira.app import SETTINGS
from basira.schema.access import Grant
from basira.web.settings_shown import setting_shown
from tests.browser.test_workbench import AXE, LANGUAGES, Bench, assert_accessible, bench, keep

__all__ = ["bench"]


def test_a_person_is_made_enters_and_is_put_out_of_use(bench: Bench) -> None:
    _, office = bench.decided.waiting
    page = bench.person("rachid", Grant("administrator"))
    page.wait_for_url("**/people")
    page.get_by_role("link", name="Nouveau compte").click()
    page.locator("#new-login").fill("nadia")
    page.locator("#name").fill("Nadia El Fassi")
    page.get_by_role("checkbox", name="inspecteur").check()
    page.get_by_role("button", name="Créer le compte").click()
    page.get_by_role("alert").wait_for()
    assert page.evaluate("document.activeElement.id") == "person-fault"
    assert page.locator("#name").input_value() == "Nadia El Fassi"
    page.locator("#offices").fill(office)
    page.get_by_role("button", name="Créer le compte").click()
    page.locator("#secret").wait_for()
    password = page.locator("#secret").input_value()
    page.get_by_role("link", name="Voir le compte").click()
    page.wait_for_url("**/people/u-*")
    account = page.url
    page.goto(f"{bench.running.address}/people/new")
    assert page.locator("#new-login").input_value() == ""  # what is recorded is no draft

    other = bench.page()
    other.goto(f"{bench.running.address}/login")
    other.locator("#login").fill("nadia")
    other.locator("#password").fill(password)
    other.get_by_role("button", name="Se connecter", exact=True).click()
    other.wait_for_url("**/account")

    page.goto(account)
    page.get_by_role("link", name="Désactiver le compte").click()
    page.get_by_role("button", name="Désactiver le compte").click()
    page.wait_for_url("**done=deactivate")
    other.reload()
    other.wait_for_url("**/login**")
    page.get_by_role("link", name="Revenir en arrière").click()
    page.get_by_role("button", name="Réactiver le compte").click()
    page.wait_for_url("**done=activate")
    assert [one for one in bench.heard if "422" not in one] == []


def test_a_key_is_made_and_revoked_by_keyboard(bench: Bench) -> None:
    page = bench.person("rachid", Grant("administrator"))
    page.wait_for_url("**/people")
    page.goto(f"{bench.running.address}/keys/new")
    page.locator("#name").focus()
    page.keyboard.type("badr")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    page.locator("#days").press("Enter")
    page.locator("#secret").wait_for()
    assert page.evaluate("document.activeElement.id") == "once"
    assert page.locator("#secret").input_value().startswith("basira_")
    page.goto(f"{bench.running.address}/keys?text=badr")
    page.get_by_role("link", name="Révoquer").click()
    page.locator("#motive").fill("essai")
    page.get_by_role("button", name="Révoquer").click()
    page.wait_for_url("**done=revoke")
    assert bench.heard == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_is_accessible_and_fits(bench: Bench, language: str) -> None:
    if not AXE.is_file():
        pytest.skip("axe-core is absent: run `make assets` (Debian: apt-get install npm).")
    bench.running.house.app.state.settings_shown = [
        setting_shown(one.name, one.default, default=one.default, meaning=one.meaning) for one in SETTINGS
    ]
    omar = bench.running.house.user("omar", Grant("inspector", bench.decided.waiting[1]), Grant("manager"))
    page = bench.person("rachid", Grant("administrator"), language=language)
    page.wait_for_url("**/people")
    page.goto(f"{bench.running.address}/keys/new")
    page.locator("#name").fill("badr")
    page.locator("input[type=checkbox]").first.check()
    page.locator("form.card-plain button.btn-primary").click()
    page.locator("#secret").wait_for()
    assert_accessible(page)
    keep(page, f"once-{language}")
    page.goto(f"{bench.running.address}/keys?text=badr")
    key = page.locator("a[href$='/revoke']").get_attribute("href")
    for name, path in (
        ("people", "/people"),
        ("people-empty", "/people?text=nobody"),
        ("person", f"/people/{omar}"),
        ("person-new", "/people/new"),
        ("person-erase", f"/people/{omar}/erase"),
        ("keys", "/keys"),
        ("key-new", "/keys/new"),
        ("key-revoke", key),
        ("offices", "/offices"),
        ("settings", "/settings"),
    ):
        for scheme in ("light", "dark") if language == "fr" else ("light",):
            page.emulate_media(color_scheme=scheme)
            page.goto(f"{bench.running.address}{path}")
            assert_accessible(page)
            keep(page, f"{name}-{language}-{scheme}")
        for width in (1280, 768):
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate("document.documentElement.scrollWidth") <= width, (name, width)
        page.set_viewport_size({"width": 1280, "height": 900})
    assert bench.heard == []
