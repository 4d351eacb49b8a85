"""The framework's faults of a request, in words: what was expected with its limits, what was found.

Enters: the framework's faults. Leaves: the members of a problem. Never here: a value of a body or of a header, which
may be a person's or a secret; the framework's own sentences, which change with its version.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from basira.render.error_texts import say_phrase
from basira.render.numbers import format_count
from basira.schema.errors import Phrase

_LONGEST_FOUND = 60
_OF_THE_DOCUMENT = "what the OpenAPI document describes"
_JSON = "JSON in UTF-8, to its end, of at most 64 levels"
_DAY = "a day written YYYY-MM-DD, such as 2026-03-31"
# By the framework's name of a fault; its own figures fill the braces.
_EXPECTED: Mapping[str, str] = {
    "missing": "a value: it is required",
    "string_type": "a text",
    "string_too_short": "at least {min_length} characters",
    "string_too_long": "at most {max_length} characters",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_parsing_size": "a whole number of fewer digits",
    "int_from_float": "a whole number",
    "greater_than_equal": "{ge} or more",
    "greater_than": "more than {gt}",
    "less_than_equal": "{le} or less",
    "less_than": "less than {lt}",
    "date_type": _DAY,
    "date_parsing": _DAY,
    "date_from_datetime_parsing": _DAY,
    "date_from_datetime_inexact": _DAY,
    "literal_error": "{expected}",
    "enum": "{expected}",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "extra_forbidden": "no such member",
    "unknown_parameter": "a parameter of this list: {expected}",
    "json_invalid": _JSON,
    "model_attributes_type": "a JSON object",
    "model_type": "a JSON object",
    "dict_type": "a JSON object",
    "list_type": "a list",
}
# Where the framework's own figures are less clear.
_OF_FIELD: Mapping[str, str] = {"idempotency-key": "1 to 200 printable ASCII characters, no space among them"}
_ONE_CHARACTER = {
    "string_too_short": "at least 1 character",
    "string_too_long": "at most 1 character",
}
_KINDS: tuple[tuple[type | tuple[type, ...], str], ...] = (
    (bool, "true or false"),
    ((int, float), "a number"),
    (dict, "an object"),
    (list, "a list"),
)


def is_other_content(faults: Sequence[Any]) -> bool:
    """Whether the body was not read because its Content-Type is not JSON: then it is passed on as bytes."""
    return any(fault["type"] == "json_type" or isinstance(fault.get("input"), bytes) for fault in faults)


def error_list(faults: Sequence[Any], *, language: str) -> list[dict[str, str]]:
    """The ``errors`` of a problem: ``field`` (where, and its name), ``code``, ``expected`` and ``found`` in words."""
    return [
        {
            "field": _field(fault),
            "code": fault["type"],
            "expected": say_phrase(_expected(fault, language), language),
            "found": say_phrase(_describe_found(fault), language),
        }
        for fault in faults
    ]


def detail_of(errors: Sequence[Mapping[str, str]]) -> Phrase:
    """The first of them as a sentence.

    >>> str(detail_of([{"field": "query.limit", "expected": "1 or more", "found": "'0'"}]))
    "Expected limit: 1 or more; found '0'."
    """
    first = errors[0]
    place, _, name = first["field"].partition(".")
    return Phrase(
        "Expected {field}: {expected}; found {found}.",
        field=name or place,
        expected=first["expected"],
        found=first["found"],
    )


def _field(fault: Any) -> str:
    # The position where JSON ends is not a field.
    where = fault["loc"][:1] if fault["type"] == "json_invalid" else fault["loc"]
    return ".".join(map(str, where))


def _expected(fault: Any, language: str) -> Phrase:
    own = _OF_FIELD.get(str(fault["loc"][-1]).lower())
    if own is not None:
        return Phrase(own)
    figures = dict(fault.get("ctx") or {})
    if 1 in (figures.get("min_length"), figures.get("max_length")) and fault["type"] in _ONE_CHARACTER:
        return Phrase(_ONE_CHARACTER[fault["type"]])
    text = _EXPECTED.get(fault["type"], _OF_THE_DOCUMENT)
    named = {name: _figure(value, language) for name, value in figures.items() if f"{{{name}}}" in text}
    return Phrase(text, **named) if named or "{" not in text else Phrase(_OF_THE_DOCUMENT)


def _figure(value: object, language: str) -> str:
    return format_count(value, language=language) if isinstance(value, int) else str(value)


def _describe_found(fault: Any) -> Phrase:
    kind, place, value = fault["type"], fault["loc"][0], fault.get("input")
    if kind == "missing":
        return Phrase("none")
    if kind == "json_invalid":
        return Phrase("invalid JSON")
    if place in ("query", "path"):
        text = str(value)
        shown = repr(text) if len(text) <= _LONGEST_FOUND else repr(text[:_LONGEST_FOUND] + "...")
        return Phrase("{text}", text=shown)
    if isinstance(value, str):
        return Phrase("{size:,} characters", size=len(value))
    return Phrase(next((word for types, word in _KINDS if isinstance(value, types)), "something else"))
