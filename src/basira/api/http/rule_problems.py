"""A fault of a rule, a list or a risk as a problem, in the language that is asked for, or else that of the service.

Enters: what a route does. Leaves: a `ProblemException` in the place of a `RuleError`. Never here: a fault of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from basira.api.http.answer_language import ASKED_LANGUAGE
from basira.api.http.problems import ProblemException
from basira.schema.errors import RuleError
from basira.serving.rules import said_in

# What a person may lack that another one has: no reason to look at the body again.
_FORBIDDEN = frozenset({"no_right", "same_person"})
# Another person was faster: look again, then repeat.
_CONFLICT = frozenset({"list_changed", "list_exists", "risk_changed"})


@contextmanager
def rule_problems(language: str) -> Iterator[None]:
    """Raise a RuleError of the block as a problem: 403 without the right, 409 when it was changed meanwhile, else
    422."""
    try:
        yield
    except RuleError as error:
        detail, hint = said_in(error, ASKED_LANGUAGE.get() or language)
        status = 403 if error.reason in _FORBIDDEN else 409 if error.reason in _CONFLICT else 422
        raise ProblemException(status, error.code, detail, hint=hint) from None
