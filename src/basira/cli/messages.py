"""What commands print, in the reader's language: the catalogs in `locale`, and which language that is.

Enters: a language. Leaves: its messages. Never here: a command; a sentence about a declaration (`basira.explain`).

The language is the one of --language, else of BASIRA_LANGUAGE, else of the machine's locale, else French.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from basira.schema.errors import BasiraError, RuleError

if TYPE_CHECKING:
    from basira.render.catalogs import Catalog

T = TypeVar("T")
LOCALE = Path(__file__).parent / "locale"
# In the order in which POSIX reads them.
_VARIABLES = ("LC_ALL", "LC_MESSAGES", "LANG")
_OWN = "BASIRA_LANGUAGE"
DEFAULT = "fr"


def messages(language: str, *, strict: bool = False) -> Catalog:
    """The messages of the command line; see `load_catalog` for the errors."""
    from basira.render.catalogs import load_catalog

    return load_catalog(LOCALE, language, strict=strict)


# The language of the run: of what has no command at hand, an error or a question.
_LANGUAGE: ContextVar[str] = ContextVar("language", default=DEFAULT)


def begin_reading(language: str) -> None:
    """The language of a run until a command has read its own: that of the environment."""
    _LANGUAGE.set(language)


def keep_language(language: T) -> T:
    """A callback of --language: errors speak the language of the command."""
    _LANGUAGE.set(str(language))
    return language


def reader_language() -> str:
    """The language in which this run speaks."""
    return _LANGUAGE.get()


def say_error(error: BasiraError, language: str) -> tuple[str, str]:
    """What was expected and found, and what to do, in a language."""
    if isinstance(error, RuleError):
        from basira.rules.faults import say_fault, say_hint

        return say_fault(error, language), say_hint(error, language)
    from basira.render.error_texts import say_error as say

    return say(error, language)


def say_number(count: float, language: str) -> str:
    """A count as the language writes it."""
    from basira.render.numbers import format_count

    return format_count(int(count), language=language)


def say_reason(code: str, language: str) -> str:
    """Why a row was rejected: the code, which people filter on, with a few words where it has them."""
    said = messages(language)
    return f"{code} ({said.say(f'reason.{code}')})" if said.has(f"reason.{code}") else code


def system_language(environment: Mapping[str, str]) -> str:
    """The language that the environment asks for: that of BASIRA_LANGUAGE, else of the machine's locale; French where
    Basira does not speak it, or there is none.

    >>> system_language({"LANG": "ar_MA.UTF-8"}), system_language({"LC_ALL": "C", "LANG": "en_US"}), system_language({})
    ('ar', 'fr', 'fr')
    """
    from basira.render.languages import LANGUAGES

    # An empty variable counts as absent, as POSIX has it.
    text = next((environment[name] for name in (_OWN, *_VARIABLES) if environment.get(name)), "")
    language = text.replace("-", "_").partition("_")[0].partition(".")[0].lower()
    return language if language in LANGUAGES else DEFAULT


def language_defaults(command: Any, language: str) -> dict[str, Any]:
    """For each command below a group that has the option, ``language`` as its default: a map as Click takes it."""
    found: dict[str, Any] = {}
    for name, one in getattr(command, "commands", {}).items():
        if below := language_defaults(one, language):
            found[name] = below
        elif any(parameter.name == "language" for parameter in one.params):
            found[name] = {"language": language}
    return found
