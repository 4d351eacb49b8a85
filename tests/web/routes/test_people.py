"""Accounts on pages: made, given roles, ended; each change is audited, and nothing is shown or done twice."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient

from basira.schema.access import Grant
from basira.storage.accounts.users import find_user
from basira.storage.record.activity import Part, find_audit
from tests.support.access_world import PASSWORD, House
from tests.support.web_world import Decided, form_of

pytestmark = pytest.mark.usefixtures("cheap_passwords")


@pytest.fixture
def house(decided: Decided) -> House:
    return decided.house


@pytest.fixture
def admin(house: House) -> TestClient:
    return house.person("rachid", Grant("administrator"))


def secret_of(text: str) -> str:
    found = re.search(r'id="secret" value="([^"]+)"', text)
    assert found is not None, text
    return found[1]


def send(client: TestClient, path: str, **fields: str) -> Any:
    return client.post(path, data={"csrf_token": client.headers["X-CSRF-Token"], **fields})


def audited(house: House, user_id: str) -> list[tuple[str, str, str | None]]:
    with house.service.database.read() as connection:
        rows = find_audit(connection, Part(limit=50), subject=f"user/{user_id}")
    return [(row["action"], row["actor"], row["motive"]) for row in rows if not row["action"].startswith("login.")]


def user_id_of(house: House, login: str) -> str:
    with house.service.database.read() as connection:
        found = find_user(connection, login=login)
    assert found is not None
    return found.user_id


def test_a_new_person_enters_with_the_password_that_was_shown_and_changes_it(
    decided: Decided, house: House, admin: TestClient
) -> None:
    office = decided.waiting[1]
    fields = {"login": " Nadia ", "name": "Nadia El Fassi", "role-inspector": "yes", "offices": office.lower()}
    made = send(admin, "/people/new", **fields)
    assert made.status_code == 200
    password = secret_of(made.text)
    assert "no-store" in made.headers["cache-control"]
    user_id = user_id_of(house, "nadia")
    assert password not in admin.get(f"/people/{user_id}").text
    entered = house.log_in(house.browser(), "nadia", password)
    assert (entered.status_code, entered.json()["must_change_password"]) == (200, True)
    assert entered.json()["roles"] == [{"role": "inspector", "office": office}]
    me = user_id_of(house, "rachid")
    assert audited(house, user_id) == [("user.created", me, None)]


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"login": ""}, "A login has 1 to 200 signs"),
        ({"login": "x" * 201}, "A login has 1 to 200 signs"),
        ({"login": "RACHID"}, "This login is taken"),
        ({"login": "new", "role-inspector": "yes"}, "An inspector belongs to an office"),
        ({"login": "new", "offices": "TANGER"}, "Only an inspector has an office, or an analyst"),
        ({"login": "new", "role-inspector": "yes", "offices": "\u0000"}, None),
    ],
)
def test_what_can_not_be_made_is_said_and_stays_typed(
    house: House, admin: TestClient, fields: dict[str, str], says: str | None
) -> None:
    answer = send(admin, "/people/new", name="Typed name", **fields)
    if says is None:
        assert answer.status_code == 400
        return
    assert answer.status_code == 422
    assert says in answer.text
    assert 'value="Typed name"' in answer.text


def test_roles_are_replaced_and_a_change_meanwhile_is_noticed(house: House, admin: TestClient) -> None:
    user_id = house.user("omar", Grant("analyst"))
    fields = form_of(admin, f"/people/{user_id}", f"/people/{user_id}/roles")
    assert fields["role-analyst"] == "yes"
    other = {**fields, "role-manager": "yes"}
    assert send(admin, f"/people/{user_id}/roles", **other).status_code == 303
    late = send(admin, f"/people/{user_id}/roles", **{**fields, "role-auditor": "yes"})
    assert late.status_code == 422
    assert "Another person changed these roles meanwhile" in late.text
    with house.service.database.read() as connection:
        found = find_user(connection, login="omar")
    assert found is not None
    assert {grant.role for grant in found.grants} == {"analyst", "manager"}
    assert [action for action, _, _ in audited(house, user_id)] == ["user.roles_changed", "user.created"]


def test_a_role_of_some_offices_is_given_beside_one_of_every_office(
    decided: Decided, house: House, admin: TestClient
) -> None:
    user_id = house.user("sofia", Grant("auditor"))
    fields = form_of(admin, f"/people/{user_id}", f"/people/{user_id}/roles")
    local = {**fields, "role-analyst-of-office": "yes"}
    assert "give at least one code" in send(admin, f"/people/{user_id}/roles", **local).text
    office = decided.waiting[1]
    assert send(admin, f"/people/{user_id}/roles", **{**local, "offices": office}).status_code == 303
    with house.service.database.read() as connection:
        found = find_user(connection, login="sofia")
    assert found is not None
    assert set(found.grants) == {Grant("auditor"), Grant("analyst", office)}
    shown = form_of(admin, f"/people/{user_id}", f"/people/{user_id}/roles")
    assert (shown["role-analyst-of-office"], shown["offices"], "role-analyst" in shown) == ("yes", office, False)


def test_roles_of_different_offices_are_not_widened_by_the_form(
    decided: Decided, house: House, admin: TestClient
) -> None:
    grants = (Grant("analyst", "A-1"), Grant("inspector", "B-2"))
    user_id = house.user("tarik", *grants)
    fields = form_of(admin, f"/people/{user_id}", f"/people/{user_id}/roles")
    office = decided.waiting[1]
    answer = send(admin, f"/people/{user_id}/roles", **{**fields, "offices": office})
    assert answer.status_code == 422
    assert "different offices" in answer.text
    with house.service.database.read() as connection:
        found = find_user(connection, login="tarik")
    assert found is not None
    assert set(found.grants) == set(grants)


def test_the_last_administrator_stays(house: House, admin: TestClient) -> None:
    me = user_id_of(house, "rachid")
    fields = form_of(admin, f"/people/{me}", f"/people/{me}/roles")
    del fields["role-administrator"]
    for path, sent in (
        ("roles", fields),
        ("deactivate", {}),
        ("erase", {"login": "rachid", "motive": "x"}),
    ):
        answer = send(admin, f"/people/{me}/{path}", **sent)
        assert answer.status_code == 422, path
        assert "This is the last active administrator" in answer.text
    assert admin.get("/people").status_code == 200


def test_a_deactivated_person_is_out_at_once_and_comes_back(house: House, admin: TestClient) -> None:
    person = house.person("omar", Grant("manager"))
    user_id = user_id_of(house, "omar")
    assert person.get("/queue").status_code == 200
    preview = admin.get(f"/people/{user_id}/deactivate")
    assert "Open sessions" in preview.text
    assert person.get("/queue").status_code == 200  # a preview does nothing
    done = send(admin, f"/people/{user_id}/deactivate")
    assert done.headers["location"].endswith("done=deactivate")
    assert person.get("/queue").status_code == 303
    assert f"/people/{user_id}/activate" in admin.get(done.headers["location"]).text
    assert send(admin, f"/people/{user_id}/activate").status_code == 303
    assert house.log_in(house.browser(), "omar").status_code == 200


def test_another_password_ends_the_first_one_and_every_session(house: House, admin: TestClient) -> None:
    person = house.person("omar", Grant("manager"))
    user_id = user_id_of(house, "omar")
    password = secret_of(send(admin, f"/people/{user_id}/password").text)
    assert person.get("/queue").status_code == 303
    assert house.log_in(house.browser(), "omar", PASSWORD).status_code == 401
    assert house.log_in(house.browser(), "omar", password).json()["must_change_password"] is True


def test_an_erasure_needs_the_login_and_a_motive(house: House, admin: TestClient) -> None:
    user_id = house.user("omar", Grant("manager"))
    for sent in ({"login": "omar"}, {"login": "nadia", "motive": "asked"}, {"motive": "asked"}):
        assert send(admin, f"/people/{user_id}/erase", **sent).status_code == 422
    assert send(admin, f"/people/{user_id}/erase", login="Omar", motive="asked by letter").status_code == 303
    page = admin.get(f"/people/{user_id}").text
    assert "omar" not in page.lower()
    assert "Erased account" in page
    assert audited(house, user_id)[0] == ("user.erased", user_id_of(house, "rachid"), "asked by letter")
    assert admin.get(f"/people/{user_id}/password").status_code == 404


def test_sessions_end_with_a_motive_and_a_lock_is_ended(house: House, admin: TestClient) -> None:
    person = house.person("omar", Grant("manager"))
    user_id = user_id_of(house, "omar")
    assert send(admin, f"/people/{user_id}/sessions").status_code == 422
    assert send(admin, f"/people/{user_id}/sessions", motive="lost telephone").status_code == 303
    assert person.get("/queue").status_code == 303
    for _ in range(6):
        house.log_in(house.browser(), "omar", "wrong words here")
    assert house.log_in(house.browser(), "omar").status_code == 429
    assert send(admin, f"/people/{user_id}/unlock").status_code == 303
    assert house.log_in(house.browser(), "omar").status_code == 200


def test_the_list_is_found_paged_and_written(house: House, admin: TestClient) -> None:
    for number in range(60):
        house.user(f"agent{number:02d}", Grant("inspector", "AGADIR" if number % 2 else "TANGER"))
    first = admin.get("/people?text=AGENT")
    assert "Accounts found: 60" in first.text
    assert first.text.count("row-link") == 50
    assert admin.get("/people?text=agent&page=2").text.count("row-link") == 10
    found = admin.get("/people?office=agadir&role=inspector").text
    assert "agent01" in found
    assert "agent00" not in found
    lines = list(
        csv.reader(io.StringIO(admin.get("/people.csv?text=agent").content.decode("utf-8-sig")), delimiter=";")
    )
    assert len(lines) == 61
    assert lines[1][:3] == ["agent00", "Agent00", "inspector TANGER"]
    assert admin.get("/people.xlsx").content[:2] == b"PK"
    assert "No person found." in admin.get("/people?text=%25").text  # a sign of the database is a letter here


@pytest.mark.parametrize("path", ["", "/new", "/{user_id}/deactivate"])
def test_an_auditor_sees_and_changes_nothing(house: House, path: str) -> None:
    auditor = house.person("leila", Grant("auditor"))
    user_id = house.user("omar", Grant("manager"))
    answer = auditor.get(f"/people{path.format(user_id=user_id)}")
    assert answer.status_code == (200 if not path else 403)
    page = auditor.get(f"/people/{user_id}").text
    assert '<h2 id="acts-title"' not in page
    assert send(auditor, f"/people/{user_id}/deactivate").status_code == 403


def test_who_grants_reads_names_as_texts(house: House, admin: TestClient) -> None:
    send(admin, "/people/new", login="x", name="<b>=1+1</b>")
    assert "<b>=1" not in admin.get("/people").text
    check: Callable[[str], bool] = admin.get("/people.csv").text.__contains__
    assert check("<b>=1+1</b>")
