"""A policy looked at before it is in force: every version of its folder checked, two versions held side by side.

Enters: a folder of TOML files, or two policies. Leaves: what each file is and what is wrong with it; the fields that
differ. Never here: a file changed; a default for what a file forgot.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from basira.schema.errors import NOTHING, Phrase, PolicyError
from basira.selection.policy.load import load_version
from basira.selection.policy.model import Policy

# By what entries of a list are one and the same in two versions.
_NAMES = ("id", "office", "name")


@dataclass(frozen=True)
class CheckedVersion:
    """One file. ``valid_from``, ``valid_until``: None where the file is not valid, or has no end. ``fault``, ``hint``:
    empty of a valid file. ``gap_until``: the last day of those before this version on which none is in force; None: no
    such day."""

    file: str
    version: str
    valid_from: date | None
    valid_until: date | None
    lanes: int
    offices: int
    mandatory: int
    fault: Phrase
    hint: Phrase
    gap_until: date | None = None


@dataclass(frozen=True)
class PolicyChange:
    """A field that differs. ``field``: as a TOML path, entries by their name; ``before``, ``after``: as JSON; None: not
    there."""

    field: str
    before: str | None
    after: str | None


def check_policy(folder: Path) -> tuple[CheckedVersion, ...]:
    """Every version of a folder, valid ones by their first day, then the others by file.

    Two versions of one first day are a fault of the later file. Raises PolicyError when the folder has no TOML file.
    """
    paths = sorted(folder.glob("*.toml"))
    if not paths:
        raise PolicyError(
            "Expected a policy folder with a .toml file in it at '{folder}', found none.",
            hint="Give a folder such as policies/morocco, or copy it and adapt it.",
            folder=folder,
        )
    valid: dict[date, CheckedVersion] = {}
    faulty = []
    for path in paths:
        try:
            policy = load_version(path)
        except PolicyError as error:
            faulty.append(_fault(path, error.message_phrase, error.hint_phrase))
            continue
        if policy.valid_from in valid:
            other = valid[policy.valid_from].file
            message = Phrase(
                "{file}: expected a first day of its own, found {begins}, which {other} has too.",
                file=path.name,
                begins=policy.valid_from,
                other=other,
            )
            hint = Phrase("Give the later version the day on which it replaces the other.")
            faulty.append(_fault(path, message, hint))
            continue
        valid[policy.valid_from] = CheckedVersion(
            path.name, policy.version, policy.valid_from, policy.valid_until, len(policy.lanes), len(policy.offices),
            len(policy.mandatory), NOTHING, NOTHING,
        )  # fmt: skip
    return (*_with_gaps([valid[day] for day in sorted(valid)]), *faulty)


def _fault(path: Path, message: Phrase, hint: Phrase) -> CheckedVersion:
    return CheckedVersion(path.name, "", None, None, 0, 0, 0, message, hint)


def _with_gaps(versions: list[CheckedVersion]) -> Iterator[CheckedVersion]:
    ended: date | None = None
    for place, one in enumerate(versions):
        begins = one.valid_from or date.min
        has_gap = place > 0 and ended is not None and ended + timedelta(days=1) < begins
        yield CheckedVersion(**{**vars(one), "gap_until": begins - timedelta(days=1) if has_gap else None})
        ended = one.valid_until


def compare_policies(before: Policy, after: Policy) -> tuple[PolicyChange, ...]:
    """The fields that differ, in the order of the policy; defaults count as written.

    Entries of a list are held beside those of the same name (`id`, `office`, `name`); the order of other lists counts.
    """
    old, new = (dict(_fields("", json.loads(one.model_dump_json()))) for one in (before, after))
    return tuple(
        PolicyChange(field, old.get(field), new.get(field))
        for field in dict.fromkeys([*old, *new])
        if old.get(field) != new.get(field)
    )


def _fields(at: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for name, one in value.items():
            yield from _fields(f"{at}.{name}" if at else name, one)
    elif isinstance(value, list) and value and all(_name(one) for one in value):
        seen: dict[str, int] = {}
        for one in value:
            name = _name(one)
            # An office may have an entry for some weekdays and one for the others.
            seen[name] = seen.get(name, 0) + 1
            yield from _fields(f"{at}[{name}]" if seen[name] == 1 else f"{at}[{name}, {seen[name]}]", one)
    else:
        yield at, json.dumps(value, ensure_ascii=False)


def _name(entry: Any) -> str:
    if not isinstance(entry, Mapping):
        return ""
    return next((str(entry[name]) for name in _NAMES if name in entry), "")
