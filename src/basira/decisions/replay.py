"""Whether a recorded run, made again, comes out the same.

Enters: what was recorded, and what was computed anew from the recorded inputs. Leaves: every difference, field by
field. Never here: the computing (that is a workflow), a tolerance: the same bits, or a difference.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from basira.decisions.records import Decision, TargetingRun
from basira.schema.canonical import canonical_json
from basira.schema.errors import Phrase, ReplayError

# Not compared: who and when of a run, and what the store adds.
_RUN_OWN = frozenset(
    {
        "run_id",
        "created_at",
        "software_version",
        "sequence",
        "decision_count",
        "previous_hash",
        "opening_hash",
        "closing_hash",
    }
)
_DECISION_OWN = frozenset({"run_id", "decision_id"})
_JSON_COLUMNS = frozenset({"assessment", "options", "policy_text"})


@dataclass(frozen=True)
class Difference:
    """One field that came out otherwise. ``declaration_id`` is None for a field of the run itself.

    ``field``: a path such as "lane" or "assessment[0].reasons[1].code"; a value that is absent is None.
    """

    declaration_id: str | None
    field: str
    recorded: object
    replayed: object


@dataclass(frozen=True, kw_only=True)
class Replay(ABC):
    """What came of making recorded decisions again, those of a run (`ReplayReport`) or the service's (`OnlineReplay`).

    ``differences``: field by field.
    """

    differences: tuple[Difference, ...]

    @property
    def is_same(self) -> bool:
        """True when nothing that could be compared differs."""
        return self.fault() is None

    def require_same(self) -> None:
        """Raise ReplayError, with the first difference, unless everything that could be compared is the same."""
        fault = self.fault()
        if fault is not None:
            raise fault

    @abstractmethod
    def fault(self) -> ReplayError | None:
        """What differs first, as an error; None when nothing does."""


@dataclass(frozen=True, kw_only=True)
class ReplayReport(Replay):
    """What `compare` found. ``checked``: decisions on both sides; ``missing``: recorded and not replayed."""

    checked: int
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]

    def fault(self) -> ReplayError | None:
        """What differs first; None when nothing does."""
        if not (self.differences or self.missing or self.unexpected):
            return None
        if self.differences:
            first = self.differences[0]
            example = Phrase(
                "declaration {declaration}: {field}: recorded {recorded!r}, replayed {replayed!r}"
                if first.declaration_id
                else "the run: {field}: recorded {recorded!r}, replayed {replayed!r}",
                declaration=first.declaration_id,
                field=first.field,
                recorded=first.recorded,
                replayed=first.replayed,
            )
        elif self.missing:
            example = Phrase("declaration {declaration}: recorded, not replayed", declaration=self.missing[0])
        else:
            example = Phrase("declaration {declaration}: replayed, never recorded", declaration=self.unexpected[0])
        count = len(self.differences) + len(self.missing) + len(self.unexpected)
        return ReplayError(
            "Expected the recorded decisions, found {count} difference(s); first, {example}.",
            hint="Check that the software version, the model and the history are those that the run names.",
            count=count,
            example=example,
        )


def compare(
    recorded: Sequence[Decision],
    replayed: Sequence[Decision],
    *,
    recorded_run: TargetingRun | None = None,
    replayed_run: TargetingRun | None = None,
) -> ReplayReport:
    """Compare the decisions of a recorded run with the same ones made again; the runs' headers too, when given.

    Decisions are matched by declaration and version, whatever their order. Run ids, moments of recording and hashes are
    not compared; everything else is, bit for bit, down to each figure of each reason.
    """
    before, after = _by_declaration(recorded), _by_declaration(replayed)
    differences: list[Difference] = []
    if recorded_run is not None and replayed_run is not None:
        differences.extend(
            Difference(None, *found)
            for found in _differences(_values(recorded_run.row(), _RUN_OWN), _values(replayed_run.row(), _RUN_OWN))
        )
    for key in sorted(before.keys() & after.keys()):
        old: Mapping[str, object] = before[key].row()
        new: Mapping[str, object] = after[key].row()
        if any(old[name] != new[name] for name in old if name not in _DECISION_OWN):
            found = _differences(_values(old, _DECISION_OWN), _values(new, _DECISION_OWN))
            differences.extend(Difference(key[0], *one) for one in found)
    return ReplayReport(
        checked=len(before.keys() & after.keys()),
        differences=tuple(differences),
        missing=tuple(sorted(key[0] for key in before.keys() - after.keys())),
        unexpected=tuple(sorted(key[0] for key in after.keys() - before.keys())),
    )


def _by_declaration(decisions: Sequence[Decision]) -> dict[tuple[str, int], Decision]:
    return {(one.declaration_id, one.declaration_version): one for one in decisions}


def _values(row: Mapping[str, object], own: frozenset[str]) -> dict[str, object]:
    """A row without its own identity, its JSON texts opened."""
    return {
        name: json.loads(value) if name in _JSON_COLUMNS and isinstance(value, str) and value else value
        for name, value in row.items()
        if name not in own
    }


def _differences(old: object, new: object, path: str = "") -> Iterator[tuple[str, object, object]]:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for name in sorted(old.keys() | new.keys()):
            yield from _differences(old.get(name), new.get(name), f"{path}.{name}" if path else str(name))
    elif isinstance(old, list) and isinstance(new, list):
        for place in range(max(len(old), len(new))):
            yield from _differences(
                old[place] if place < len(old) else None, new[place] if place < len(new) else None, f"{path}[{place}]"
            )
    elif canonical_json(old) != canonical_json(new):
        yield path, old, new
