"""What Pydantic expected of a value, as a phrase that can be said in another language.

Enters: one fault of a validation. Leaves: a phrase. Never here: the sentence around it, which names the place.
"""

from __future__ import annotations

from pydantic_core import ErrorDetails

from basira.schema.errors import Phrase

_BOOLEAN, _DATE, _TABLE, _LIST = Phrase("true or false"), Phrase("a date"), Phrase("a table"), Phrase("a list")
_NUMBER, _WHOLE, _TEXT = Phrase("a number"), Phrase("a whole number"), Phrase("a text")
# By Pydantic's type of fault.
_PHRASES = {
    "bool_type": _BOOLEAN,
    "bool_parsing": _BOOLEAN,
    "date_type": _DATE,
    "date_from_datetime_parsing": _DATE,
    "dict_type": _TABLE,
    "model_type": _TABLE,
    "list_type": _LIST,
    "tuple_type": _LIST,
    "float_type": _NUMBER,
    "float_parsing": _NUMBER,
    "int_type": _WHOLE,
    "int_parsing": _WHOLE,
    "int_from_float": _WHOLE,
    "string_type": _TEXT,
}


def phrase_of(error: ValueError) -> Phrase:
    """What a validator of ours raised: `ValueError(Phrase(...))`; the text of any other as a phrase."""
    words = error.args[0] if error.args else ""
    return words if isinstance(words, Phrase) else Phrase("{words}", words=str(error))


def expected_of(fault: ErrorDetails) -> Phrase:
    """What was expected. A kind of fault that has no phrase here is said in Pydantic's own words, which are English."""
    kind, context = fault["type"], fault.get("ctx", {})
    if kind in _PHRASES:
        return _PHRASES[kind]
    if kind == "greater_than":
        return Phrase("more than {limit}", limit=_short(context["gt"]))
    if kind == "greater_than_equal":
        return Phrase("at least {limit}", limit=_short(context["ge"]))
    if kind == "less_than":
        return Phrase("less than {limit}", limit=_short(context["lt"]))
    if kind == "less_than_equal":
        return Phrase("at most {limit}", limit=_short(context["le"]))
    if kind == "literal_error":
        return Phrase("one of {names}", names=str(context["expected"]).replace(" or ", ", "))
    if kind == "string_too_short":
        return Phrase("a text of at least {least} characters", least=context["min_length"])
    if kind == "string_too_long":
        return Phrase("a text of at most {most} characters", most=context["max_length"])
    return Phrase("{words}", words=fault["msg"].removeprefix("Input should be "))


def _short(limit: float) -> float | int:
    return int(limit) if limit == int(limit) else limit
