"""What the record has of declarations that arrive: an answer, a version, an earlier lane, a conflict.

Enters: a connection, declarations as they were read, policy and profiles. Leaves: what is answered already, what is
rejected, and what is left to decide. Never here: a write; the content of another office's declaration.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import Protocol

import sqlalchemy as sa

from basira.decisions.events import Registration
from basira.decisions.recorded import Content
from basira.decisions.records import Decision
from basira.ingest.rates import RateTable
from basira.schema.errors import UsageError
from basira.selection.policy.model import Policy
from basira.serving.admissible import unlisted_office
from basira.serving.currency import currency_fault
from basira.serving.decide.idempotency import Asked, given_answers, keyed_answer
from basira.serving.decide.placement import Earlier
from basira.serving.decide.precedence import Pause, no_pause
from basira.serving.decide.result import Failed, Replayed, Result, decision_text
from basira.serving.decide.scoring import OpenProfiles, version_of_files
from basira.serving.message import Declaration, FieldFault, Rejected, claims_none
from basira.serving.record import Known, find_latest_known
from basira.serving.status import cancellation_of, is_inspection, lanes_of
from basira.storage.online.office_state import KeyedAnswer

_OTHER_OFFICE = FieldFault(None, "office", "other_office", "an office that the key is bound to")
_MOVED_OFFICE = FieldFault(
    None, "office", "moved_office", "a declaration that no office but those of the key has had; this one moved"
)


class Rules(Protocol):
    """What the look-up needs to judge a declaration: the policy in force on a day, the profiles."""

    @property
    def profiles(self) -> OpenProfiles:
        """The profiles, which name the history's currencies and versions."""
        ...

    def policy(self, day: date) -> Policy:
        """The policy in force on a day. Raises PolicyError."""
        ...


@dataclass(frozen=True)
class Parsed:
    """One declaration as it was read. ``number``: its place among those that were sent together. ``is_late``: it is
    decided without a score. ``rates``: by which amounts of other currencies were converted."""

    number: int
    asked: Asked
    is_late: bool
    declaration: Declaration | Rejected
    rates: RateTable | None = None

    @property
    def marks(self) -> frozenset[object]:
        """What no other declaration of its group may share: its number, and the key that it was sent under."""
        marks: list[object] = []
        if isinstance(self.declaration, Declaration):
            marks.append(self.declaration.declaration_id)
        if self.asked.key:
            marks.append((self.asked.actor, self.asked.route, self.asked.key))
        return frozenset(marks)


@dataclass(frozen=True)
class New:
    """One to decide on. ``declaration``: with its version. ``known``: how many records there are of it; ``earlier``:
    for an amendment, the lane that it has. The rest as of `Parsed`."""

    number: int
    asked: Asked
    is_late: bool
    declaration: Declaration
    known: int
    earlier: Earlier | None
    rates: RateTable | None = None


@dataclass(frozen=True)
class LookedUp:
    """``results``: of those that are done. ``new``: the others, in their order. ``answers``: replayed results, to store
    under the keys of the new requests. ``has_expired``: some key has an answer that expired."""

    results: Mapping[int, Result]
    new: Sequence[New]
    answers: Sequence[KeyedAnswer]
    has_expired: bool


def look_up(
    connection: sa.Connection, group: Sequence[Parsed], rules: Rules, *, now: datetime, pause: Pause = no_pause
) -> LookedUp:
    """What is answered already, what is rejected, and what is left to decide. None shares a mark with another one.
    Raises PolicyError when one needs a policy and none is in force."""
    given = given_answers(connection, [one.asked for one in group], now=now)
    results: dict[int, Result] = {}
    asking: list[tuple[Parsed, Declaration]] = []
    has_expired = False
    for one in group:
        asked = one.asked
        kept = given.get((asked.actor, asked.route, asked.key or ""))
        if kept is not None:
            has_expired |= kept.is_expired
            try:
                answer = kept.to(asked.digest, key=asked.key or "")
            except UsageError as error:
                results[one.number] = Failed(error)
                continue
            if answer is not None:
                results[one.number] = Replayed(answer.response, answer.status)
                continue
        if isinstance(one.declaration, Declaration):
            asking.append((one, one.declaration))
        else:
            results[one.number] = one.declaration
    versions = {of.declaration_id: of.version if of.has_version else None for _, of in asking}
    recorded = find_latest_known(connection, versions) if asking else {}
    new: list[New] = []
    answers: list[KeyedAnswer | None] = []
    for one, declaration in asking:
        known = recorded[declaration.declaration_id]
        found = _judge(one, declaration, known, rules, today=now.date())
        if isinstance(found, Declaration):
            new.append(New(one.number, one.asked, one.is_late, found, len(known), earlier_lane(known), one.rates))
        elif isinstance(found, Rejected):
            results[one.number] = found  # its key stays free, for the body corrected
        else:
            _, text = decision_text(found, language=one.asked.language, pause=pause)
            results[one.number] = Replayed(text)
            answers.append(keyed_answer(one.asked, text))
    return LookedUp(results, new, [answer for answer in answers if answer is not None], has_expired)


def _judge(
    parsed: Parsed, declaration: Declaration, known: Known, rules: Rules, *, today: date
) -> Declaration | Rejected | Decision:
    """The declaration with its version, when it is to be decided; else why it is rejected, or the recorded decision."""
    foreign = _foreign(declaration, known, parsed.asked.offices)
    if foreign is not None:
        return foreign
    held = partial(version_of_files, declaration.declaration_id, rules.profiles)
    # No other version's content decides which version this is.
    one = number_version(declaration, [record for record in known if record.is_read], held=held)
    if not isinstance(one, Declaration):
        return one
    return unlisted_office(one, rules.policy(today)) or currency_fault(one, rules.profiles, parsed.rates) or one


def own_office(declaration: Declaration, offices: frozenset[str] | None) -> Declaration | Rejected:
    """The declaration, when it is of an office that the sender is bound to."""
    if offices is None or declaration.rows[0]["office"] in offices:
        return declaration
    return Rejected((_OTHER_OFFICE,), declaration.declaration_id)


def _foreign(declaration: Declaration, known: Known, offices: frozenset[str] | None) -> Rejected | None:
    """Why a sender that is bound to offices may not amend it: another office has had it. None when no other office has.

    A sender may learn that a declaration of its own office has moved, never to which office.
    """
    recorded = {one.office for one in lanes_of(known)}
    if offices is None or recorded <= offices:
        return None
    fault = _MOVED_OFFICE if recorded & offices else _OTHER_OFFICE
    return Rejected((fault,), declaration.declaration_id)


def number_version(
    declaration: Declaration, known: Known, *, held: Callable[[], int] = lambda: 0
) -> Declaration | Rejected | Decision:
    """The declaration with its version; or the decision recorded for the same content; or the conflict. ``held``: the
    latest version that a file brought: one without a number comes after it."""
    sent = [one for one in known if isinstance(one, Registration)]
    if not sent:
        before = 0 if declaration.has_version else held()
        return declaration.with_version(before + 1) if before else declaration
    latest = max(one.declaration_version for one in sent)
    version = declaration.version if declaration.has_version else None
    same = [one for one in sent if version in (None, one.declaration_version) and _is_same(declaration, one)]
    # Without a number, what repeats the latest version is that version; what repeats an older one amends back to it.
    for arrived in reversed(same):
        if version is not None or arrived.declaration_version == latest:
            decisions = (one for one in known if isinstance(one, Decision))
            return next(one for one in decisions if one.declaration_version == arrived.declaration_version)
    if cancellation_of(known) is not None:
        fault = FieldFault(None, "declaration_id", "cancelled", "a declaration that is not cancelled")
        return Rejected((fault,), declaration.declaration_id, is_conflict=True)
    if version is None:
        return declaration.with_version(max(latest, held()) + 1)
    if version <= latest:
        fault = FieldFault(None, "declaration_version", "version_conflict", f"the content recorded, or {latest + 1}")
        return Rejected((fault,), declaration.declaration_id, is_conflict=True)
    return declaration


def _is_same(declaration: Declaration, arrived: Registration) -> bool:
    # Erased values can't be compared any more.
    content = declaration.content_without_texts() if arrived.is_text_erased else declaration.content()
    if _normalize_content(arrived.content) != _normalize_content(json.loads(json.dumps(content))):
        return False
    kept, sent = arrived.personal, declaration.personal()
    return kept.keys() == sent.keys() and all(kept[name] in (None, value) for name, value in sent.items())


def _normalize_content(content: Content | None) -> Content | None:
    """Recorded content as it is read now: an earlier version of Basira kept words such as "none" as the code of a
    preference."""
    if content is None or not isinstance(content.get("items"), list):
        return content
    kept = [
        {name: value for name, value in item.items() if name != "preference" or not claims_none(value)}
        for item in content["items"]
    ]
    return {**content, "items": kept}


def earlier_lane(known: Known) -> Earlier | None:
    """The lane that the declaration has already; None when it never had one."""
    lanes = lanes_of(known)
    if not lanes:
        return None
    last = lanes[-1]
    return Earlier(
        last.office,
        last.day,
        last.lane,
        last.basis,
        float(last.inclusion_probability),
        inspects=bool(last.inspects),
        is_inspected=any(is_inspection(one, after=last) for one in known),
        arrivals=frozenset((one.office, one.day) for one in lanes if isinstance(one, Decision)),
        ground=last.ground,
    )
