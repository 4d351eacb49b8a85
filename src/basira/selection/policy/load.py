"""Reading a policy: the version of a folder that is in force on a day, or a recorded text.

Enters: a folder of TOML files, each one version, and a day; or the canonical text of a recorded run.
Leaves: a `Policy`. Never here: a default for what a file forgot.
"""

from __future__ import annotations

import tomllib
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from basira.schema.errors import Phrase, PolicyError, UsageError
from basira.schema.expected import expected_of
from basira.schema.json_values import JsonObject
from basira.schema.shipped import shipped
from basira.selection.policy.model import Policy

_REFERENCE = Phrase("Every field is described in docs/reference/policy.md.")


def find_policy(name: str | Path, *, option: str = "--policy") -> Path:
    """The folder of a policy: by its path, or a shipped one by its name. ``option``: where it was given, for the error.

    Raises UsageError when there is none.
    """
    path = Path(name)
    if path.is_dir():
        return path
    found = shipped("policies") / name
    if not found.is_dir():
        known = ", ".join(sorted(p.name for p in shipped("policies").iterdir() if p.is_dir()))
        raise UsageError(
            "{option}: expected a folder or one of {known}, found {name!r}.",
            hint="Give one of these.",
            option=option,
            known=known,
            name=str(name),
        )
    return found


def load_policy(folder: str | Path, on: date) -> Policy:
    """The version of the policy in force on a day.

    Parameters
    ----------
    folder : holds one TOML file per version, whatever their names; each says ``valid_from``.
    on : the day of targeting. The version with the latest ``valid_from`` not after it is taken.

    Raises PolicyError when the folder has no version for that day, when two begin on the same day, or when
    the version in force is not valid: the message names the file, the field, what was expected and found.
    """
    folder = Path(folder)
    paths = sorted(folder.glob("*.toml")) if folder.is_dir() else []
    if not paths:
        what = (
            Phrase("a folder without any")
            if folder.is_dir()
            else Phrase("a file")
            if folder.exists()
            else Phrase("nothing")
        )
        raise PolicyError(
            "Expected a policy folder with a .toml file in it at '{folder}', found {what}.",
            hint="Give a folder such as policies/morocco, or copy it and adapt it.",
            folder=folder,
            what=what,
        )
    versions: dict[date, tuple[Path, JsonObject]] = {}
    for path in paths:
        content = _read(path)
        begins = content.get("valid_from")
        if type(begins) is not date:
            raise PolicyError(
                "{path}: valid_from: expected a date written without quotes, found {begins}.",
                hint="Write for example valid_from = 2026-01-01.",
                path=path,
                begins=_show(begins),
            )
        if begins in versions:
            raise PolicyError(
                "{folder}: expected one version per day, found {versions} and {file}, both valid_from {begins}.",
                hint="Give the later version the day on which it replaces the other.",
                folder=folder,
                versions=versions[begins][0].name,
                file=path.name,
                begins=begins,
            )
        versions[begins] = (path, content)
    begun = [begins for begins in versions if begins <= on]
    if not begun:
        raise PolicyError(
            "{folder}: expected a version in force on {on}, found the first one valid from {versions}.",
            hint="Choose a later day, or add the version that was in force then.",
            folder=folder,
            on=on,
            versions=min(versions),
        )
    path, content = versions[max(begun)]
    policy = _validate(content, where=str(path))
    if policy.valid_until is not None and on > policy.valid_until:
        raise PolicyError(
            "{folder}: expected a version in force on {on}, found the last one, {file}, valid until {valid_until}.",
            hint="Add the version that follows, or extend valid_until.",
            folder=folder,
            on=on,
            file=path.name,
            valid_until=policy.valid_until,
        )
    return policy


def load_version(path: Path) -> Policy:
    """The version that one TOML file holds, whatever the day; PolicyError when it is not valid."""
    return _validate(_read(path), where=path.name)


def restore_policy(text: str) -> Policy:
    """The policy that a run recorded, from its canonical text; PolicyError when it is not one.

    >>> restore_policy("{}")
    Traceback (most recent call last):
    ...
    basira.schema.errors.PolicyError: recorded policy: name: expected a value, found nothing (8 more after it).
    """
    try:
        return Policy.model_validate_json(text)
    except ValidationError as error:
        raise _describe_faults(error, where="recorded policy") from None


def _read(path: Path) -> JsonObject:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise PolicyError(
            "{path}: expected a TOML file in UTF-8, found an error: {error}.",
            hint="Correct the place named; texts are in quotes, dates without.",
            path=path,
            error=error,
        ) from None
    except OSError as error:
        raise PolicyError(
            "{path}: expected a readable file, found: {error}.",
            hint="Check its permissions.",
            path=path,
            error=error.strerror,
        ) from None


def _validate(content: JsonObject, *, where: str) -> Policy:
    try:
        return Policy.model_validate(content, context={"in_one_form": True})
    except ValidationError as error:
        raise _describe_faults(error, where=where) from None


def _describe_faults(error: ValidationError, *, where: str) -> PolicyError:
    """The first fault in full, and how many others there are."""
    faults = error.errors(include_url=False)
    fault = faults[0]
    field = "".join(f"[{part + 1}]" if isinstance(part, int) else f".{part}" for part in fault["loc"]).lstrip(".")
    expected, found, hint = _expectation(fault)
    return PolicyError(
        "{place}: expected {expected}, found {found}."
        if len(faults) == 1
        else "{place}: expected {expected}, found {found} ({count} more after it).",
        hint="{hint_of_fault} {reference}",
        place=f"{where}: {field}" if field else where,
        expected=expected,
        found=found,
        count=len(faults) - 1,
        hint_of_fault=hint,
        reference=_REFERENCE,
    )


def _expectation(fault: ErrorDetails) -> tuple[Phrase, str | Phrase, Phrase]:
    found = _show(fault["input"])
    if fault["type"] == "policy":
        context = fault["ctx"]
        return context["expected"], context["found"], Phrase("Correct the policy file.")
    if fault["type"] == "extra_forbidden":
        known = _fields_at(fault["loc"][:-1])
        name = str(fault["loc"][-1])
        close = get_close_matches(name, known, n=1)
        hint = Phrase("Did you mean {name!r}?", name=close[0]) if close else Phrase("Remove it.")
        return Phrase("one of {names}", names=", ".join(known)), Phrase("an unknown field {name!r}", name=name), hint
    if fault["type"] == "missing":
        return Phrase("a value"), Phrase("nothing"), Phrase("Add the field.")
    return expected_of(fault), found, Phrase("Correct the value.")


def _fields_at(place: tuple[int | str, ...]) -> list[str]:
    """Names of the fields that the model at ``place`` of a policy knows."""
    model: type[BaseModel] = Policy
    for part in place:
        if isinstance(part, str) and part in model.model_fields:
            for inner in _models_in(model.model_fields[part].annotation):
                model = inner
    return list(model.model_fields)


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for argument in getattr(annotation, "__args__", ()) for model in _models_in(argument)]


def _show(value: object) -> str | Phrase:
    return Phrase("nothing") if value is None else repr(value)[:120]
