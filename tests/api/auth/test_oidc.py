"""OpenID Connect: only a person that the provider vouches for enters, with the roles of the mapping."""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response
from joserfc.jwk import KeySet, RSAKey

from basira.api.auth.cookies import NAME
from basira.api.auth.oidc_settings import OidcSettings, RoleRule, load_oidc
from basira.api.auth.settings import AccessSettings
from basira.api.routes import oidc as oidc_routes
from basira.api.routes.oidc import CALLBACK
from basira.schema.access import Grant
from basira.schema.errors import UsageError
from basira.serving.service import Service
from basira.storage.accounts.users import find_user, list_users, set_active
from basira.storage.record.activity import find_audit
from tests.support.access_world import ORIGIN, House
from tests.support.api_world import at
from tests.support.oidc_provider import CLIENT, EC, RSA, SECRET, STRANGER, FakeProvider, forged, running, unsigned

BEGIN, SESSION = "/api/v1/session/oidc", "/api/v1/session"
RULES = (
    RoleRule("basira-managers", "manager"),
    RoleRule("basira-admins", "administrator"),
    RoleRule("basira-inspectors-*", "inspector"),
)


@pytest.fixture
def provider() -> Iterator[FakeProvider]:
    with running(FakeProvider(at(9))) as one:
        yield one


def house_of(service: Service, provider: FakeProvider, **changed: Any) -> House:
    settings = OidcSettings(provider.issuer, CLIENT, SECRET, roles=RULES, **{"unknown": "create", **changed})
    return House(service, AccessSettings(origin=ORIGIN, oidc=settings))


@pytest.fixture
def house(blank: Service, provider: FakeProvider) -> House:
    return house_of(blank, provider)


def begun(browser: TestClient, provider: FakeProvider, path: str = BEGIN) -> dict[str, str]:
    """Go to the provider, agree there; what the browser comes back with."""
    answer = browser.get(path)
    assert answer.status_code == 303, answer.text
    return provider.authorize(answer.headers["location"])


def entered(browser: TestClient, provider: FakeProvider) -> Response:
    return browser.get(CALLBACK, params=begun(browser, provider))


def is_refused(answer: Response, browser: TestClient) -> bool:
    is_out = NAME not in browser.cookies and browser.get(SESSION).status_code == 401
    return is_out and answer.status_code == 401 and answer.json()["code"] == "login_refused"


def test_who_the_provider_vouches_for_enters_with_the_roles_of_the_mapping(
    house: House, provider: FakeProvider
) -> None:
    provider.user["groups"] = ["basira-managers", "basira-inspectors-TANGER", "staff", 7]
    browser = house.browser()
    answer = entered(browser, provider)
    assert answer.status_code == 200, answer.text
    assert "url=/api/v1/session" in answer.text
    me = browser.get(SESSION).json()
    assert (me["login"], me["display_name"], me["must_change_password"]) == ("ali", "Ali B.", False)
    assert me["roles"] == [{"role": "inspector", "office": "TANGER"}, {"role": "manager", "office": None}]
    assert browser.delete(SESSION, headers={"X-CSRF-Token": me["csrf_token"]}).status_code == 204


def test_the_browser_goes_to_the_provider_with_state_nonce_and_challenge(house: House, provider: FakeProvider) -> None:
    first, second = house.browser().get(BEGIN), house.browser().get(BEGIN)
    address = urlsplit(first.headers["location"])
    asked = {name: values[0] for name, values in parse_qs(address.query).items()}
    assert f"{address.scheme}://{address.netloc}{address.path}" == f"{provider.issuer}/authorize"
    assert asked["redirect_uri"] == ORIGIN + CALLBACK
    assert (asked["response_type"], asked["code_challenge_method"], asked["client_id"]) == ("code", "S256", CLIENT)
    assert {"openid"} <= set(asked["scope"].split())
    other = {name: values[0] for name, values in parse_qs(urlsplit(second.headers["location"]).query).items()}
    assert [asked[name] == other[name] for name in ("state", "nonce", "code_challenge")] == [False] * 3
    cookie = first.headers["set-cookie"].lower()
    assert cookie.startswith("__host-basira-login=")
    assert all(part in cookie for part in ("httponly", "secure", "samesite=lax", "max-age=600"))
    assert asked["nonce"] not in cookie


def test_the_session_of_a_provider_is_strict_and_the_begun_login_is_cleared(
    house: House, provider: FakeProvider
) -> None:
    browser = house.browser()
    cookies = entered(browser, provider).headers.get_list("set-cookie")
    session, begun_one = sorted(cookies, key=lambda cookie: "login" in cookie)
    assert all(part in session.lower() for part in ("samesite=strict", "httponly", "secure"))
    assert "max-age=0" in begun_one.lower()


@pytest.mark.parametrize(
    "lies",
    [
        {"iss": "https://other.test"},
        {"iss": None},
        {"aud": "another-client"},
        {"aud": None},
        {"aud": []},
        {"aud": [CLIENT, "another-client"]},  # several, and it does not say for whom
        {"aud": [CLIENT, "another-client"], "azp": "another-client"},
        {"azp": "another-client"},
        {"nonce": "of another login"},
        {"nonce": None},
        {"exp": int(at(8).timestamp())},
        {"exp": None},
        {"exp": "tomorrow"},
        {"iat": None},
        {"iat": int(at(11).timestamp())},
        {"nbf": int(at(11).timestamp())},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
        {"sub": True},
        {"sub": 1.5},
        {"sub": ["subject-1"]},
        {"sub": {"id": "subject-1"}},
        {"sub": "a\x00b"},
        {"sub": "x" * 256},
    ],
)
def test_a_token_with_a_claim_that_is_not_right_is_rejected(
    house: House, provider: FakeProvider, lies: dict[str, Any]
) -> None:
    provider.lies = lies
    browser = house.browser()
    assert is_refused(entered(browser, provider), browser)
    with house.service.database.read() as connection:
        assert list_users(connection) == []


def test_an_account_put_out_of_use_right_after_the_login_has_no_session_left(
    house: House, provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered = oidc_routes.with_session

    def late(request: Any, user_id: str, token: str, **named: Any) -> Any:
        for is_active in (False, True):
            with house.service.database.write() as connection:
                set_active(connection, user_id, is_active, actor="admin", now=house.clock[0])
        return answered(request, user_id, token, **named)

    monkeypatch.setattr(oidc_routes, "with_session", late)
    browser = house.browser()
    assert entered(browser, provider).status_code == 200
    assert browser.get(SESSION).status_code == 401


def test_a_token_for_several_is_taken_when_it_says_that_it_is_for_us(house: House, provider: FakeProvider) -> None:
    provider.lies = {"aud": [CLIENT, "another-client"], "azp": CLIENT}
    assert entered(house.browser(), provider).status_code == 200


def test_a_token_of_an_elliptic_key_is_taken(house: House, provider: FakeProvider) -> None:
    provider.key, provider.header = EC, {"alg": "ES256", "kid": "ec-1"}
    assert entered(house.browser(), provider).status_code == 200


def test_a_token_that_another_key_signed_is_rejected(house: House, provider: FakeProvider) -> None:
    provider.key = STRANGER
    browser = house.browser()
    assert is_refused(entered(browser, provider), browser)


def test_a_token_of_a_key_that_the_provider_does_not_show_is_rejected(house: House, provider: FakeProvider) -> None:
    provider.key, provider.header = STRANGER, {"alg": "RS256", "kid": "stranger"}
    browser = house.browser()
    assert is_refused(entered(browser, provider), browser)


@pytest.mark.parametrize("header", [{"jwk": STRANGER.as_dict(private=False)}, {"jku": "http://127.0.0.1:1/keys"}])
def test_a_token_does_not_bring_its_own_key(house: House, provider: FakeProvider, header: dict[str, Any]) -> None:
    provider.key, provider.header = STRANGER, {**provider.header, **header}
    browser = house.browser()
    assert is_refused(entered(browser, provider), browser)


def other_payload(token: str) -> str:
    header, payload, signature = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    return f"{header}.{unsigned({**claims, 'sub': 'root'}).split('.')[1]}.{signature}"


@pytest.mark.parametrize(
    "spoil",
    [
        other_payload,
        lambda token: token.rpartition(".")[0] + ".",
        lambda token: token.rpartition(".")[0],
        lambda token: token[:-8] + "AAAAAAAA",
        lambda token: "",
        lambda token: "....",
        lambda token: token + "." + token,
        lambda token: "x" * 200_000,
    ],
)
def test_a_token_whose_text_was_changed_is_rejected(
    house: House, provider: FakeProvider, spoil: Callable[[str], str]
) -> None:
    provider.spoil = spoil
    browser = house.browser()
    assert is_refused(entered(browser, provider), browser)


def right_claims(provider: FakeProvider, code: str) -> dict[str, Any]:
    seconds = int(at(9).timestamp())
    nonce = provider.codes[code]["nonce"]
    return {
        "iss": provider.issuer,
        "aud": CLIENT,
        "sub": "subject-1",
        "iat": seconds,
        "exp": seconds + 300,
        "nonce": nonce,
    }


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "HS256"])
def test_an_unsigned_token_is_rejected(house: House, provider: FakeProvider, algorithm: str) -> None:
    browser = house.browser()
    back = begun(browser, provider)
    provider.raw_token = unsigned(right_claims(provider, back["code"]), algorithm)
    assert is_refused(browser.get(CALLBACK, params=back), browser)


@pytest.mark.parametrize("kid", ["rsa-1", "ec-1"])
def test_the_public_key_is_no_shared_secret(house: House, provider: FakeProvider, kid: str) -> None:
    browser = house.browser()
    back = begun(browser, provider)
    provider.raw_token = forged(right_claims(provider, back["code"]), kid)
    assert is_refused(browser.get(CALLBACK, params=back), browser)


def test_coming_back_twice_works_once(house: House, provider: FakeProvider) -> None:
    browser = house.browser()
    back = begun(browser, provider)
    codes = dict(provider.codes)
    assert browser.get(CALLBACK, params=back).status_code == 200
    provider.codes |= codes  # the provider would give another token
    again = browser.get(CALLBACK, params=back)
    assert (again.status_code, again.json()["code"]) == (401, "login_refused")


def test_a_code_of_another_login_is_rejected(house: House, provider: FakeProvider) -> None:
    victim, attacker = house.browser(), house.browser()
    stolen, own = begun(victim, provider), begun(attacker, provider)
    assert is_refused(attacker.get(CALLBACK, params={**own, "code": stolen["code"]}), attacker)


def test_a_login_begun_in_one_browser_does_not_end_in_another(house: House, provider: FakeProvider) -> None:
    attacker, victim = house.browser(), house.browser()
    begun(victim, provider)
    assert is_refused(victim.get(CALLBACK, params=begun(attacker, provider)), victim)
    without_cookie = house.browser()
    assert is_refused(without_cookie.get(CALLBACK, params=begun(attacker, provider)), without_cookie)


@pytest.mark.parametrize(
    "changed", [{"state": "another"}, {"state": ""}, {"code": ""}, {"code": "made-up"}, {"iss": "https://other.test"}]
)
def test_an_answer_that_was_tampered_with_is_rejected(
    house: House, provider: FakeProvider, changed: dict[str, str]
) -> None:
    browser = house.browser()
    assert is_refused(browser.get(CALLBACK, params={**begun(browser, provider), **changed}), browser)


def test_a_rejection_by_the_provider_is_a_rejection(house: House, provider: FakeProvider) -> None:
    browser = house.browser()
    back = begun(browser, provider)
    query = {"error": "access_denied", "error_description": "<script>", "state": back["state"]}
    answer = browser.get(CALLBACK, params=query)
    assert is_refused(answer, browser)
    assert "script" not in answer.text


def test_a_login_must_come_back_within_ten_minutes(house: House, provider: FakeProvider) -> None:
    browser = house.browser()
    back = begun(browser, provider)
    house.clock[0] += timedelta(minutes=10)
    provider.now = house.clock[0]  # its token is fresh: it is ours that is over
    assert is_refused(browser.get(CALLBACK, params=back), browser)


@pytest.mark.parametrize("path", ["/", "/api/v1/queue?office=TANGER&day=2026-03-02"])
def test_a_login_ends_at_a_path_of_this_service(house: House, provider: FakeProvider, path: str) -> None:
    browser = house.browser()
    answer = browser.get(BEGIN, params={"next": path})
    page = browser.get(CALLBACK, params=provider.authorize(answer.headers["location"]))
    assert f'content="0; url={path.replace("&", "&amp;")}"' in page.text


@pytest.mark.parametrize(
    "path",
    [
        "https://evil.test",
        "//evil.test",
        "/\\evil.test",
        "\\\\evil.test",
        "javascript:alert(1)",
        "/x\r\nSet-Cookie: a=b",
        '/"><script>',
        "",
        "evil",
        "/" + "a" * 400,
        "/\u202eevil",
    ],
)
def test_a_login_ends_nowhere_else(house: House, path: str) -> None:
    answer = house.browser().get(BEGIN, params={"next": path})
    assert answer.status_code in (400, 422)
    assert "location" not in answer.headers


def test_the_providers_address_does_not_come_from_the_request(house: House) -> None:
    answer = house.browser().get(BEGIN, headers={"Host": "evil.test", "X-Forwarded-Host": "evil.test"})
    assert "evil" not in answer.headers["location"]


def test_roles_follow_the_provider_at_every_login(house: House, provider: FakeProvider) -> None:
    provider.user["groups"] = ["basira-admins"]
    entered(house.browser(), provider)
    provider.user["groups"] = ["basira-managers"]
    browser = house.browser()
    entered(browser, provider)
    assert browser.get(SESSION).json()["roles"] == [{"role": "manager", "office": None}]
    with house.service.database.read() as connection:
        changed = find_audit(connection, action="user.roles_changed")
    assert [(c["before"], c["after"]) for c in changed] == [({"roles": ["administrator"]}, {"roles": ["manager"]})]


@pytest.mark.parametrize(
    "groups", [[], None, "staff", {"basira-managers": True}, ["basira-inspectors-"], ["BASIRA-MANAGERS"]]
)
def test_who_has_no_group_of_the_mapping_has_no_role(house: House, provider: FakeProvider, groups: Any) -> None:
    provider.user["groups"] = groups
    browser = house.browser()
    assert entered(browser, provider).status_code == 200
    assert browser.get(SESSION).json()["roles"] == []
    assert browser.get("/api/v1/metrics").status_code == 403


@pytest.mark.parametrize(
    "group", ["basira-inspectors-tanger", "basira-inspectors- TANGER", "basira-inspectors-" + "X" * 81]
)
def test_a_group_that_names_no_office_gives_no_role(house: House, provider: FakeProvider, group: str) -> None:
    provider.user["groups"] = [group]
    browser = house.browser()
    entered(browser, provider)
    assert browser.get(SESSION).json()["roles"] == []


def test_an_unknown_person_is_rejected_where_the_settings_say_so(blank: Service, provider: FakeProvider) -> None:
    house = house_of(blank, provider, unknown="refuse")
    browser = house.browser()
    assert is_refused(entered(browser, provider), browser)
    house.user("known", password=False, oidc_subject=f"{provider.issuer}#subject-1")
    assert entered(browser, provider).status_code == 200
    assert browser.get(SESSION).json()["login"] == "known"


def test_an_account_put_out_of_use_stays_out(house: House, provider: FakeProvider) -> None:
    entered(house.browser(), provider)
    with house.service.database.write() as connection:
        user = find_user(connection, login="ali")
        assert user is not None
        set_active(connection, user.user_id, False, actor="test", now=at(9))
    browser = house.browser()
    assert is_refused(entered(browser, provider), browser)


def test_a_name_opens_no_account_that_is_there(house: House, provider: FakeProvider) -> None:
    local = house.user("ali", Grant("administrator"))
    browser = house.browser()
    entered(browser, provider)
    me = browser.get(SESSION).json()
    assert me["user_id"] != local
    assert me["login"].startswith("openid-")
    assert me["roles"] == []


def test_the_same_subject_of_another_provider_is_another_person(house: House, provider: FakeProvider) -> None:
    house.user("other", Grant("administrator"), password=False, oidc_subject="https://other.test#subject-1")
    browser = house.browser()
    entered(browser, provider)
    assert browser.get(SESSION).json()["login"] == "ali"


def test_every_login_is_audited_without_a_name(house: House, provider: FakeProvider) -> None:
    browser = house.browser()
    entered(browser, provider)
    user_id = browser.get(SESSION).json()["user_id"]
    with house.service.database.read() as connection:
        granted = find_audit(connection, action="login.granted")
        everything = str(find_audit(connection))
    assert [(g["subject"], g["after"]) for g in granted] == [(f"user/{user_id}", {"by": "openid"})]
    assert not [word for word in ("Ali", "ali", "subject-1") if word in everything]


def test_a_session_from_before_the_login_ends(house: House, provider: FakeProvider) -> None:
    browser = house.person("boss", Grant("manager"))
    before = browser.cookies[NAME]
    entered(browser, provider)
    assert browser.cookies[NAME] != before
    browser.cookies.set(NAME, before, domain="basira.test", path="/")
    assert browser.get(SESSION).status_code == 401


def test_a_new_key_of_the_provider_is_fetched_once_it_is_named(
    house: House, provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    entered(house.browser(), provider)
    new = RSAKey.generate_key(2048, {"kid": "rsa-2", "use": "sig"})
    provider.keys, provider.key, provider.header = KeySet([RSA, new]), new, {"alg": "RS256", "kid": "rsa-2"}
    browser = house.browser()
    assert is_refused(entered(browser, provider), browser)  # keys were fetched a moment ago
    assert provider.asked.count("/keys") == 1
    monkeypatch.setattr("basira.api.auth.oidc.KEYS_AGAIN_SECONDS", 0.0)
    assert entered(house.browser(), provider).status_code == 200
    assert provider.asked.count("/keys") == 2


@pytest.mark.parametrize(
    "lies",
    [
        {"issuer": "https://other.test"},
        {"token_endpoint": "http://provider.test/token"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"jwks_uri": None},
    ],
)
def test_a_provider_that_describes_itself_as_another_is_not_asked(
    house: House, provider: FakeProvider, lies: dict[str, Any]
) -> None:
    provider.metadata_lies = lies
    answer = house.browser().get(BEGIN)
    assert (answer.status_code, answer.json()["code"]) == (503, "openid_unavailable")
    assert "provider.test" not in answer.text


def test_a_provider_that_does_not_answer_is_a_problem_that_passes(blank: Service) -> None:
    gone = FakeProvider(at(9))
    with running(gone):
        pass
    answer = house_of(blank, gone).browser().get(BEGIN)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")


def test_a_provider_that_fails_at_the_last_step_lets_no_one_in(house: House, provider: FakeProvider) -> None:
    provider.token_status = 500
    browser = house.browser()
    assert entered(browser, provider).status_code == 503
    assert NAME not in browser.cookies


def test_no_log_has_a_code_a_state_or_the_clients_secret(
    house: House, provider: FakeProvider, caplog: pytest.LogCaptureFixture
) -> None:
    browser = house.browser()
    with caplog.at_level(logging.INFO, logger="basira"):
        back = begun(browser, provider)
        browser.get(CALLBACK, params=back)
        browser.get(CALLBACK, params=back)
    kept = "".join(str(vars(record)) for record in caplog.records if record.name.startswith("basira"))
    assert kept
    assert [secret for secret in (*back.values(), SECRET, "subject-1") if secret in kept] == []
    assert SECRET not in repr(house.settings)


def write(folder: Path, text: str) -> Path:
    (folder / "secret").write_text("s3cret\n", encoding="utf-8")
    path = folder / "oidc.toml"
    path.write_text(text, encoding="utf-8")
    return path


GOOD = """
issuer = "https://idp.example/realms/customs"
client_id = "basira"
client_secret_file = "secret"
claim = "realm_access.roles"
unknown = "create"

[[roles]]
value = "basira-managers"
role = "manager"

[[roles]]
value = "basira-inspectors-*"
role = "inspector"

[[roles]]
value = "bureau-tanger"
role = "inspector"
office = "TANGER-PORT"
"""


def test_the_settings_of_a_provider_are_read_from_their_file(tmp_path: Path) -> None:
    found = load_oidc(write(tmp_path, GOOD))
    assert (found.client_secret, found.scopes, found.unknown) == ("s3cret", ("openid", "profile"), "create")
    claims = {"realm_access": {"roles": ["basira-managers", "basira-inspectors-AGADIR", "bureau-tanger"]}}
    assert found.grants(claims) == (
        Grant("inspector", "AGADIR"),
        Grant("inspector", "TANGER-PORT"),
        Grant("manager"),
    )
    assert found.grants({"realm_access": ["basira-managers"]}) == ()


def test_a_group_of_an_office_makes_a_manager_of_that_office_alone(tmp_path: Path) -> None:
    open_value = 'value = "basira-managers-*"'
    found = load_oidc(write(tmp_path, GOOD.replace('value = "basira-managers"', open_value, 1)))
    for group, grants in (("AGADIR", (Grant("manager", "AGADIR"),)), ("", ()), ("agadir x", ())):
        assert found.grants({"realm_access": {"roles": [f"basira-managers-{group}"]}}) == grants


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ('issuer = "https://', 'issuer = "http://', "issuer"),
        ('client_id = "basira"', "client_id = 7", "client_id"),
        ('client_secret_file = "secret"', 'client_secret_file = "absent"', "client_secret_file"),
        ('unknown = "create"', 'unknown = "admit"', "unknown"),
        ('unknown = "create"', 'unkown = "create"', "unkown"),
        ('unknown = "create"', 'scopes = ["profile"]', "scopes"),
        ('role = "manager"', 'role = "system"', "role"),
        ('role = "manager"', 'role = "boss"', "role"),
        ('value = "basira-managers"\nrole = "manager"', 'value = "basira-*"\nrole = "auditor"', "roles"),
        ('value = "basira-inspectors-*"', 'value = "*"', "roles"),
        ('value = "bureau-tanger"', 'value = "bureau-*"', "roles"),
        ('office = "TANGER-PORT"', 'office = "tanger-port"', "office"),
        ('office = "TANGER-PORT"', "", "office"),
        ('office = "TANGER-PORT"', "office = 7", "roles"),
        ("[[roles]]", "[[roles", "TOML"),
    ],
)
def test_a_file_that_is_not_right_is_rejected_by_name(tmp_path: Path, old: str, new: str, named: str) -> None:
    with pytest.raises(UsageError, match=named):
        load_oidc(write(tmp_path, GOOD.replace(old, new, 1)))
