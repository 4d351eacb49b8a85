"""Every error that Basira raises on purpose: what was expected, what was found, what to do.

A bad *row* is data and goes to quarantine. A bad file, mapping, policy, store or model raises one
of these. Codes are stable: they are documented in docs/reference/errors.md, and a test keeps that
page complete.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from string import Formatter
from typing import Any, ClassVar

JsonPhrase = dict[str, Any]
# As messages write numbers: {count:,} {share:.1%} {seconds:g}.
_SPEC = re.compile(r",?(\.\d[f%])?|g")


class Phrase:
    """Words in English with the values that they name, kept apart so that they can be said in another language.

    ``text``: a template as `str.format` reads it. Without a value it stays as it is, braces too. A value may be a
    phrase itself. As text, a phrase is English.

    >>> str(Phrase("found {size:,} bytes", size=1200)), str(Phrase("a folder"))
    ('found 1,200 bytes', 'a folder')
    """

    __slots__ = ("template", "values")

    def __init__(self, text: str, /, **values: object) -> None:
        self.template = text
        # Of an exception or a path its text alone: it may hold more than the reader is to see, and lives as long.
        self.values: Mapping[str, object] = {
            name: str(value) if isinstance(value, BaseException | PurePath) else value for name, value in values.items()
        }

    def pack(self) -> JsonPhrase:
        """The phrase as JSON, for another process; a value that JSON does not know goes as its text."""
        return {
            "text": self.template,
            "values": {
                name: value.pack()
                if isinstance(value, Phrase)
                else value
                if value is None or isinstance(value, str | int | float)
                else str(value)
                for name, value in self.values.items()
            },
        }

    @classmethod
    def unpack(cls, packed: JsonPhrase) -> Phrase:
        """The phrase that `pack` made.

        Raises ValueError for a template that asks for more than a value as text or as a number: the other process may
        have read a hostile file, and a template can reach into its values and fill the memory.
        """
        text = str(packed["text"])
        values = {
            str(name): cls.unpack(value) if isinstance(value, dict) else value
            for name, value in packed["values"].items()
        }
        for _, name, spec, conversion in Formatter().parse(text) if values else ():
            if name is not None and not (
                name in values and _SPEC.fullmatch(spec or "") and conversion in (None, "r", "s")
            ):
                raise ValueError(f"unknown form of a value: {name!r}")
        return cls(text, **values)

    def __str__(self) -> str:
        return self.template.format(**self.values) if self.values else self.template

    def __bool__(self) -> bool:
        return bool(self.template)

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Phrase) and (self.template, self.values) == (other.template, other.values)

    def __hash__(self) -> int:
        return hash(str(self))

    def __repr__(self) -> str:
        return f"Phrase({str(self)!r})"


# No phrase: false, and no text.
NOTHING = Phrase("")


def join_phrases(phrases: Sequence[Phrase], between: str) -> Phrase:
    """Phrases one after another, with a mark such as "; " between them.

    >>> str(join_phrases([Phrase("one"), Phrase("{n} more", n=2)], ", "))
    'one, 2 more'
    """
    names = [f"part_{number}" for number in range(len(phrases))]
    return Phrase(between.join(f"{{{name}}}" for name in names), **dict(zip(names, phrases, strict=True)))


class BasiraError(Exception):
    """Root of the family.

    Parameters
    ----------
    message : what was expected and what was found, one or two sentences, in English, as the template of a phrase.
    hint : what the person can do now; never empty; a template too.
    values : those that message and hint name, each for both.

    ``message`` and ``hint`` are the English text, for logs and programs; ``message_phrase`` and ``hint_phrase`` are
    what `render.error_texts` says in the reader's language.

    >>> error = StoreError("Expected a store in {store!r}, found no folder.", hint="Run ingest first.", store="x")
    >>> error.code, error.exit_code, error.message
    ('store', 5, "Expected a store in 'x', found no folder.")
    """

    code: ClassVar[str] = "basira"
    exit_code: ClassVar[int] = 1

    def __init__(self, message: str | Phrase, /, *, hint: str | Phrase, **values: object) -> None:
        self.message_phrase = message if isinstance(message, Phrase) else Phrase(message, **values)
        self.hint_phrase = hint if isinstance(hint, Phrase) else Phrase(hint, **values)
        self.message, self.hint = str(self.message_phrase), str(self.hint_phrase)
        super().__init__(self.message)


class UsageError(BasiraError):
    """An argument, option or date that can't be taken."""

    code = "usage"
    exit_code = 2


class SourceError(BasiraError):
    """A file that can't be read as a whole: truncated, empty, encrypted, wrong encoding, XML bomb."""

    code = "source"
    exit_code = 3


class MappingError(BasiraError):
    """A mapping that is not valid, or that does not fit its file (missing column, unknown field)."""

    code = "mapping"
    exit_code = 4


class StoreError(BasiraError):
    """A store that is absent, locked, full, of another format, or whose files don't match."""

    code = "store"
    exit_code = 5


class PolicyError(BasiraError):
    """A policy folder that is not valid: unknown lane, negative capacity, missing fallback."""

    code = "policy"
    exit_code = 6


class ModelError(BasiraError):
    """A model that can't be fitted or used: no labels, one class only, other feature list."""

    code = "model"
    exit_code = 7


class NotFoundError(BasiraError):
    """A declaration, decision, model, run or quarantined row that does not exist."""

    code = "not_found"
    exit_code = 8


class ReplayError(BasiraError):
    """A recorded decision that did not come out the same."""

    code = "replay"
    exit_code = 9


class ScenarioError(BasiraError):
    """A scenario of the simulated country with an impossible value."""

    code = "scenario"
    exit_code = 10


class RuleError(BasiraError):
    """A risk profile that can't be taken: unknown name, wrong type or unit, a contradiction, a step out of order.

    Besides the message, in English, what it is made of, for the other languages (`rules.faults`). ``reason``: code of
    the message; ``place``: in a text the character from 1 and how many, in JSON the path, None for the rule as a whole;
    ``nearest``: what was probably meant; ``values``: those of the message, as they are shown.
    """

    code = "rule"
    exit_code = 12

    def __init__(
        self,
        message: str,
        /,
        *,
        hint: str,
        reason: str,
        place: tuple[int, int] | str | None = None,
        nearest: str = "",
        values: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.reason, self.place, self.nearest = reason, place, nearest
        self.values: Mapping[str, str] = values or {}


ALL_ERRORS: tuple[type[BasiraError], ...] = (
    BasiraError,
    UsageError,
    SourceError,
    MappingError,
    StoreError,
    PolicyError,
    ModelError,
    NotFoundError,
    ReplayError,
    ScenarioError,
    RuleError,
)
