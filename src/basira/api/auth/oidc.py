"""OpenID Connect, authorization code with PKCE: the address of the provider, and the verified claims of a login.

Enters: the settings, the provider's answers. Leaves: an address to go to; verified claims of an id token. Never here: a
claim that is not signed by a key of the provider; an algorithm that the token chooses for itself; a redirect followed;
a reason of rejection for the client (the log has a short one, without a value).

OpenID Connect Core 1.0, sections 3.1.2 and 3.1.3.7; RFC 7636 (PKCE, S256); RFC 9207 (issuer in the answer).
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import logging
import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from basira.api.auth.oidc_settings import ALGORITHMS, OidcSettings, is_safe_url
from basira.api.http.problems import ProblemException
from basira.schema.json_values import JsonObject
from basira.storage.record.chain import is_storable

if TYPE_CHECKING:
    from joserfc.jwk import KeySet

BEGUN_FOR = timedelta(minutes=10)
_LOG = logging.getLogger("basira.service")
TIMEOUT_SECONDS = 5.0
_MOST_BYTES = 1 << 20
_LEEWAY_SECONDS = 60
# What is known of the provider is asked again after an hour; keys also when a token names one that is not known, but
# not for every forged token that names another.
_FRESH_SECONDS, KEYS_AGAIN_SECONDS = 3600.0, 30.0


@dataclass(frozen=True)
class Begun:
    """A login about to go to the provider. ``browser``: the cookie's secret, of which nonce and verifier are made."""

    state: str
    browser: str
    address: str


@dataclass(frozen=True)
class _Description:
    """What a provider says of itself: its addresses; whether a client sends its secret by HTTP Basic."""

    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    is_basic: bool


class Provider:
    """One provider, as it describes itself; asked at a login, not when the service starts."""

    def __init__(self, settings: OidcSettings, redirect_uri: str) -> None:
        self.settings, self._redirect_uri = settings, redirect_uri
        self._lock = threading.Lock()
        self._known: tuple[float, _Description] | None = None
        self._keys: tuple[float, KeySet] | None = None

    def begin(self) -> Begun:
        """Where to send the browser: to the provider, with state, nonce and challenge. Raises 503."""
        state, browser = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        verifier = derive(browser, "verifier", state)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        asked = {
            "response_type": "code",
            "client_id": self.settings.client_id,
            "redirect_uri": self._redirect_uri,
            "scope": " ".join(self.settings.scopes),
            "state": state,
            "nonce": derive(browser, "nonce", state),
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        endpoint = self._describe().authorization_endpoint
        return Begun(state, browser, f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(asked)}")

    def claims(self, code: str, *, state: str, browser: str, issuer: str | None, now: datetime) -> JsonObject:
        """The verified claims of the person who came back with this code. Raises 401 when a check fails, 503 when the
        provider does not answer. ``issuer``: the parameter ``iss`` of the answer, when there was one."""
        if issuer is not None and issuer != self.settings.issuer:
            raise rejection("issuer of the answer")
        description = self._describe()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._redirect_uri,
            "code_verifier": derive(browser, "verifier", state),
        }
        token = self._exchange_code(description, form).get("id_token")
        if not isinstance(token, str):
            raise rejection("no id token")
        return self._verify_token(token, nonce=derive(browser, "nonce", state), now=now)

    def _verify_token(self, token: str, *, nonce: str, now: datetime) -> JsonObject:
        from joserfc import jwt
        from joserfc.errors import InvalidKeyIdError, JoseError
        from joserfc.jwt import JWTClaimsRegistry

        settings = self.settings
        try:
            try:
                decoded = jwt.decode(token, self._key_set(), algorithms=list(ALGORITHMS))
            except InvalidKeyIdError:
                decoded = jwt.decode(token, self._key_set(is_again=True), algorithms=list(ALGORITHMS))
            registry = JWTClaimsRegistry(
                now=int(now.timestamp()),
                leeway=_LEEWAY_SECONDS,
                iss={"essential": True, "value": settings.issuer},
                aud={"essential": True, "value": settings.client_id},
                sub={"essential": True},
                exp={"essential": True},
                iat={"essential": True},
                nonce={"essential": True, "value": nonce},
            )
            registry.validate(decoded.claims)
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise rejection(type(error).__name__) from None
        claims: JsonObject = decoded.claims
        several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
        if claims.get("azp", None if several else settings.client_id) != settings.client_id:
            raise rejection("authorized party")
        subject = claims["sub"]
        if not isinstance(subject, str) or not 1 <= len(subject) <= 255 or not is_storable(subject):
            raise rejection("subject")
        return claims

    def _describe(self) -> _Description:
        with self._lock:
            if self._known is not None and time.monotonic() - self._known[0] < _FRESH_SECONDS:
                return self._known[1]
        issuer = self.settings.issuer
        found = _request_json("GET", f"{issuer.rstrip('/')}/.well-known/openid-configuration")
        endpoints = ("authorization_endpoint", "token_endpoint", "jwks_uri")
        if found.get("issuer") != issuer or not all(is_safe_url(found.get(name)) for name in endpoints):
            raise unavailable("the provider describes itself as another issuer, or without https")
        methods = found.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        description = _Description(
            authorization_endpoint=found["authorization_endpoint"],
            token_endpoint=found["token_endpoint"],
            jwks_uri=found["jwks_uri"],
            is_basic=isinstance(methods, list | str) and "client_secret_basic" in methods,
        )
        with self._lock:
            self._known = (time.monotonic(), description)
        return description

    def _key_set(self, *, is_again: bool = False) -> KeySet:
        from joserfc.jwk import KeySet

        with self._lock:
            if self._keys is not None:
                age = time.monotonic() - self._keys[0]
                if age < (KEYS_AGAIN_SECONDS if is_again else _FRESH_SECONDS):
                    return self._keys[1]
        found = _request_json("GET", self._describe().jwks_uri)
        keys = found.get("keys")
        # A symmetric key among them would not be secret.
        public = [key for key in keys if isinstance(key, dict) and key.get("kty") != "oct"] if keys else []
        made = KeySet.import_key_set({"keys": public})
        with self._lock:
            self._keys = (time.monotonic(), made)
        return made

    def _exchange_code(self, description: _Description, form: Mapping[str, str]) -> JsonObject:
        """The token endpoint's answer to a code; the client authenticates as the provider wants it."""
        settings = self.settings
        headers, body = {}, dict(form)
        if description.is_basic:
            pair = f"{quote(settings.client_id, safe='')}:{quote(settings.client_secret, safe='')}"
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        else:
            body |= {"client_id": settings.client_id, "client_secret": settings.client_secret}
        return _request_json("POST", description.token_endpoint, form=body, headers=headers)


def derive(browser: str, what: str, state: str) -> str:
    """A value derived from the browser's cookie, so that it is not kept here."""
    digest = hmac.new(browser.encode(errors="replace"), f"{what} {state}".encode(errors="replace"), hashlib.sha256)
    return base64.urlsafe_b64encode(digest.digest()).rstrip(b"=").decode()


def rejection(reason: str) -> ProblemException:
    """The one problem of every failed login; the reason is only logged."""
    _LOG.warning("openid refused", extra={"fields": {"reason": reason}})
    return ProblemException(401, "login_refused", "The login was rejected.", hint="Begin again.")


def unavailable(reason: str) -> ProblemException:
    """The provider can't be asked now."""
    _LOG.error("openid unavailable", extra={"fields": {"reason": reason}})
    return ProblemException(
        503, "openid_unavailable", "The OpenID provider does not answer as it should.", headers={"Retry-After": "5"}
    )


def _request_json(
    method: str, url: str, *, form: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
) -> JsonObject:
    """The JSON object that an address answers. Raises 503; 401 when the token endpoint rejects the request."""
    import httpx2

    async def within() -> bytes:
        # A limit for the whole answer: a server that sends a byte now and then never exceeds a limit for each read.
        async with asyncio.timeout(TIMEOUT_SECONDS):
            return await _fetch(method, url, form=form, headers=headers)

    try:
        found = json.loads(asyncio.run(within()))
    except TimeoutError:
        raise unavailable("too slow") from None
    except (httpx2.HTTPError, ValueError) as error:
        raise unavailable(type(error).__name__) from None
    if not isinstance(found, dict):
        raise unavailable("answer is no object")
    return found


async def _fetch(method: str, url: str, *, form: Mapping[str, str] | None, headers: Mapping[str, str] | None) -> bytes:
    import httpx2

    async with (
        httpx2.AsyncClient(timeout=TIMEOUT_SECONDS, follow_redirects=False, trust_env=True) as client,
        client.stream(
            method,
            url,
            data=None if form is None else dict(form),
            headers={"Accept": "application/json", **(headers or {})},
        ) as answer,
    ):
        if form is not None and answer.status_code in (400, 401):
            raise rejection("token endpoint")
        if answer.status_code != 200:
            raise unavailable(f"status {answer.status_code}")
        content = b""
        async for piece in answer.aiter_bytes():
            content += piece
            if len(content) > _MOST_BYTES:
                raise unavailable("answer too large")
    return content
