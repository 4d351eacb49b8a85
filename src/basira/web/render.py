"""A page of a request: template, words, figures, headers.

Enters: a request, perhaps its visitor, a template's name and values. Leaves: an HTML answer that no cache keeps and
that loads nothing from elsewhere. Never here: unescaped text; a script or a style within the page.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastapi import Request
from fastapi.responses import HTMLResponse, PlainTextResponse, Response

from basira.render import numbers
from basira.render.catalogs import Catalog, load_catalog
from basira.render.languages import LANGUAGES, direction, locale_of
from basira.render.shown import shown
from basira.web.access import Visitor
from basira.web.assets import HINT, Asset, find_missing
from basira.web.language import language_of

if TYPE_CHECKING:
    from jinja2 import Environment

_HERE = Path(__file__).parent
LOCALE = _HERE / "locale"
# Nothing but files of this service; no script and no style within a page; pictures of the style sheet are data.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
# Without any referrer a browser sends a form with "Origin: null", which is no page of this service.
_HEADERS = {"Content-Security-Policy": POLICY, "Referrer-Policy": "same-origin"}
# What each language calls itself.
LANGUAGE_NAMES: Mapping[str, str] = {"fr": "Français", "ar": "العربية", "en": "English"}
_HOUR, _DAY = 60, 24 * 60


def page(
    request: Request,
    template: str,
    *,
    visitor: Visitor | None = None,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    **values: Any,
) -> Response:
    """The page ``template`` with these values, in the visitor's language. 503 in plain text while the package lacks
    the files that pages load."""
    assets: Mapping[str, Asset] = request.app.state.assets
    if find_missing(assets):
        return PlainTextResponse(f"The pages lack their files. {HINT}\nThe API goes on.\n", 503)
    language = language_of(request)
    state = request.app.state
    words = _words(language, assets)
    shared = {
        "visitor": visitor,
        "languages": [(code, LANGUAGE_NAMES[code], direction(code)) for code in ("fr", "ar", "en")],
        "is_simulated": state.service.is_simulated,
        "here": _here(request),
        "now": state.clock(),
    }
    text = _environment().get_template(template).render({**words, **shared, **values})
    return HTMLResponse(text, status, headers={**_HEADERS, **(headers or {})})


def words_of(language: str) -> Catalog:
    """The catalog of the pages' words."""
    return load_catalog(LOCALE, language)


def _here(request: Request) -> str:
    query = request.url.query
    return f"{request.url.path}?{query}" if query else request.url.path


def _words(language: str, assets: Mapping[str, Asset]) -> dict[str, Any]:
    catalog = words_of(language)

    def in_language(formatter: Any) -> Any:
        return lambda *args, **options: formatter(*args, language=language, **options)

    return {
        "t": catalog.say,
        "tn": catalog.say_count,
        "has": catalog.has,
        "language": language,
        "direction": direction(language),
        "number": in_language(numbers.format_number),
        "count": in_language(numbers.format_count),
        "money": in_language(numbers.format_money),
        "percent": in_language(numbers.format_percent),
        "quantity": in_language(numbers.format_quantity),
        "day": in_language(numbers.format_date),
        "month": in_language(numbers.format_month),
        "country": in_language(numbers.country_name),
        "moment": in_language(format_moment),
        "wait": lambda since, now: say_wait(since, now, catalog),
        "asset": lambda name: f"/static/{name}?v={assets[name].digest}",
    }


def format_moment(moment: str | datetime | None, *, language: str) -> str:
    """A local moment to the minute, in the language's short form; "–" for none.

    >>> format_moment("2026-11-30T09:05:00", language="fr")
    '30/11/2026 09:05'
    """
    if moment is None:
        return numbers.UNKNOWN
    from babel.dates import format_datetime

    at = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    pattern = "yyyy-MM-dd HH:mm" if language == "en" else "dd/MM/yyyy HH:mm"
    return str(format_datetime(at, pattern, locale=locale_of(language)))


def say_wait(since: str, now: datetime, catalog: Catalog) -> str:
    """How long something has waited, in two units at most. A moment ahead of the clock counts as now."""
    minutes = max(0, int((now - datetime.fromisoformat(since)).total_seconds()) // 60)
    if minutes < _HOUR:
        return catalog.say("wait.minutes", minutes=str(minutes))
    if minutes < _DAY:
        return catalog.say("wait.hours", hours=str(minutes // _HOUR), minutes=f"{minutes % _HOUR:02d}")
    return catalog.say("wait.days", days=str(minutes // _DAY), hours=str(minutes % _DAY // _HOUR))


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        finalize=lambda value: shown(value) if type(value) is str else value,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def load_templates() -> None:
    """Read every template and catalog once, so that a fault in one ends the start and not a request."""
    environment = _environment()
    for name in environment.list_templates():
        environment.get_template(name)
    for language in LANGUAGES:
        words_of(language)
