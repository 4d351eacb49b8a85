"""The page shell: one HTML file that needs no network and no script, for screen and for A4.

Enters: a room's template folder, a language, its catalog and the values to show. Leaves: HTML text.
Never here: unescaped text (autoescape is on; only charts made by `basira.render.charts` pass as markup).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from basira.render import numbers
from basira.render.catalogs import Catalog, load_catalog
from basira.render.languages import direction
from basira.render.shown import shown

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

_HERE = Path(__file__).parent
_TEMPLATES = _HERE / "templates"
SHELL_LOCALE = _HERE / "locale"
# What a reader does not see as text, and the text between.
_PARTS = re.compile(r"(<(style|script|svg|pre)\b.*?</\2>|<[^>]*>)|[^<]+", re.DOTALL)
_BOUND = re.compile(r"(?<=\S) (?=[:;?!»])|(?<=«) ")


def render_page(template: str, folder: Path, *, catalog: Catalog, values: Mapping[str, object]) -> str:
    """Fill ``folder/template``, which extends "page.html".

    In the template: ``t(id, **values)`` and ``tn(id, count, **values)`` say messages of the room's
    catalog; ``shell(id)`` those of the page shell; ``number``, ``count``, ``money``, ``percent``,
    ``quantity``, ``unit_value``, ``day``, ``country`` write figures in the page's language.
    A value that the template names and ``values`` lacks raises.
    """
    language = catalog.language
    shell = load_catalog(SHELL_LOCALE, language, strict=catalog.strict)

    def in_language(formatter: Any) -> Any:
        return lambda *args, **options: formatter(*args, language=language, **options)

    words = {
        "t": catalog.say,
        "tn": catalog.say_count,
        "shell": shell.say,
        "language": language,
        "direction": direction(language),
        "number": in_language(numbers.format_number),
        "count": in_language(numbers.format_count),
        "money": in_language(numbers.format_money),
        "percent": in_language(numbers.format_percent),
        "quantity": in_language(numbers.format_quantity),
        "unit_value": in_language(numbers.format_unit_value),
        "day": in_language(numbers.format_date),
        "country": in_language(numbers.country_name),
        "css": mark_safe((_TEMPLATES / "page.css").read_text(encoding="utf-8")),
    }
    text = _environment(folder).get_template(template).render({**words, **values}) + "\n"
    return bind_punctuation(text) if language == "fr" else text


def bind_punctuation(page: str) -> str:
    """A French page whose double signs stay on the line of the word before them: the space there becomes unbreakable.
    Tags, styles and charts stay as they are.

    >>> bind_punctuation('<p title="a : b">Lot : 2 ; « oui »</p>').replace("\\u00a0", "_")
    '<p title="a : b">Lot_: 2_; «_oui_»</p>'
    """
    return _PARTS.sub(lambda found: found[1] or _BOUND.sub("\u00a0", found[0]), page)


def mark_safe(markup: str) -> Markup:
    """Mark text made by this package (a chart, the style sheet) as safe to put in a page unescaped."""
    from markupsafe import Markup

    return Markup(markup)  # noqa: S704 - only charts of basira.render.charts and the shipped style sheet come here


@cache
def _environment(folder: Path) -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader([folder, _TEMPLATES]),
        autoescape=True,
        finalize=lambda value: shown(value) if type(value) is str else value,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
