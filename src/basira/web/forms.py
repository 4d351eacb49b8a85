"""The fields of a form, as a browser sends them.

Enters: a body of the kind application/x-www-form-urlencoded. Leaves: its fields, the first of each name. Never here: a
file; a field that is too long to be typed.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated
from urllib.parse import parse_qsl

from fastapi import Depends, Request

from basira.api.http.problems import ProblemException
from basira.schema.errors import Phrase

MOST_FIELDS = 8_000
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_KIND = "application/x-www-form-urlencoded"
# A path and perhaps a query of this service. Browsers read "//host" and "/\host" as another site.
_PATH = re.compile(r"/(?![/\\])[A-Za-z0-9._~!$&'()*+,;=:@%/?-]{0,399}")

Fields = dict[str, str]


async def read_form(request: Request) -> Fields:
    """The fields of a request's form. Raises 415 for another kind of body, 400 for one that is no form."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _KIND:
        raise ProblemException(
            415, "unsupported_media_type", Phrase("Expected a form ({kind}), found another body.", kind=_KIND)
        )
    try:
        pairs = parse_qsl(
            (await request.body()).decode("utf-8"), keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="strict"
        )
    except ValueError:
        raise ProblemException(400, "bad_request", "Expected a form in UTF-8, found something else.") from None
    fields: Fields = {}
    for name, value in pairs:
        fields.setdefault(name, value.replace("\r\n", "\n"))
    if any("\x00" in value for value in fields.values()):
        raise ProblemException(400, "bad_request", "Expected a form without NUL, found one.")
    return fields


Form = Annotated[Fields, Depends(read_form)]


def read_day(text: str, name: str) -> date | None:
    """A day as browsers send it, YYYY-MM-DD; None for "". ``name``: of its field. Raises 422 for another text."""
    if not text:
        return None
    try:
        if not _DAY.fullmatch(text):
            raise ValueError(text)
        return date.fromisoformat(text)
    except ValueError:
        detail = Phrase("Expected a day in {name}, found {text!r}.", name=name, text=text[:40])
        raise ProblemException(422, "invalid", detail, hint="Write it as 2026-03-01.") from None


def read_seen(form: Fields) -> int:
    """The number of the version, or change, that the person saw when the form was made. Raises 422 without one."""
    text = form.get("seen", "")
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        detail = Phrase("Expected the version that you saw, found {text!r}.", text=text[:40])
        raise ProblemException(422, "invalid", detail, hint="Open the page again, then repeat the change.")
    return int(text)


def own_path(text: str, default: str = "/") -> str:
    """A path of this service to go to; the default where the text is none.

    >>> own_path("/queue?day=2026-11-30"), own_path("//elsewhere.example")
    ('/queue?day=2026-11-30', '/')
    """
    return text if _PATH.fullmatch(text) else default
