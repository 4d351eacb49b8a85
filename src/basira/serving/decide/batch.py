"""Decide on many declarations at once and record them: from the body to the lane.

Enters: JSON bodies, the service, the moment, the caller. Leaves: for each one `Result`. Never here: an answer that is
not recorded; a release because something is missing; a clock; a declaration that fails because of the one beside it.

Those that wait together are read, scored, placed and explained together, and recorded in one transaction: one wait for
the disk. Everything that takes time is done before it. The transaction writes the states at the sequences that they
were made from, the events, the answers under their idempotency keys. When another worker wrote first, all is read
again, this time with the states locked; the draws stay the same. docs/decisions/0011-group-commit.md gives the reasons.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import partial
from types import MappingProxyType
from typing import Any, TypeAlias

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from basira.decisions.recorded import ItemValues
from basira.ingest.rates import RateTable
from basira.schema.errors import StoreError
from basira.selection.policy.model import Policy
from basira.serving.currency import in_history_currency
from basira.serving.decide.events import Origin, build_records
from basira.serving.decide.idempotency import ANSWERS_KEPT, Asked, keyed_answer
from basira.serving.decide.lookup import LookedUp, New, Parsed, look_up, own_office
from basira.serving.decide.placement import (
    OfficeDay,
    OfficeDays,
    PlacedGroup,
    find_office_days,
    offices_of,
    place_in_order,
    state_text,
)
from basira.serving.decide.precedence import Pause, no_pause
from basira.serving.decide.reasons import explain, recorded_items
from basira.serving.decide.result import Ask, Decided, Failed, Replayed, Result, decision_text
from basira.serving.decide.rules import judge_all
from basira.serving.decide.scoring import TIMEOUT, Knowledge, Scored, assess_online, without_scores
from basira.serving.message import Declaration, Rejected, read_declaration
from basira.serving.record import event_of
from basira.serving.service import Service
from basira.storage.database.connection import Database
from basira.storage.database.pipeline import OneByOne, Sender, write_together
from basira.storage.online.office_state import KeyedAnswer, NewAnswers, NewState
from basira.storage.record.commit import keep_answers, record_group
from basira.storage.record.events import Event, EventRows, event_rows

_LOG = logging.getLogger("basira.service")
# Then the states are locked and can't be overtaken; others are for keys and declarations used meanwhile.
UNLOCKED_ATTEMPTS, MAX_ATTEMPTS = 1, 20
# With one of very many items: a try that is not the first has scores and reasons, and is overtaken seldom; one that
# holds the locks has others wait for 50 ms of placing and writing down.
UNLOCKED_ATTEMPTS_LARGE = 4
# Items: more take a tenth of a second to explain.
_EXPLAINED_UNLOCKED = 50

Assess = Callable[[Sequence[Declaration], Knowledge, date], Sequence[Scored]]
# Begins to score somewhere else, and gives what waits for it; None: not now.
Begin = Callable[[Declaration, Knowledge, date], Callable[[], Scored] | None]
# Of a group, by the number of each.
Results: TypeAlias = dict[int, Result]
Scores: TypeAlias = Mapping[int, Scored]
Reasons: TypeAlias = Mapping[int, Sequence[ItemValues]]

_NONE: Mapping[int, Any] = MappingProxyType({})


def assess_at_once(
    declarations: Sequence[Declaration], knowledge: Knowledge, today: date, pause: Pause = no_pause
) -> Sequence[Scored]:
    """Score without a limit of time."""
    return assess_online(declarations, knowledge, today=today, pause=pause)


@dataclass(frozen=True)
class Means:
    """How a process decides. ``days``: the states that it wrote last. ``assess``: how declarations are scored.
    ``begin``: how one alone is scored while the database is asked what it has of it; None: it is not. ``pause``: called
    between slices of the work on many items, never under a lock."""

    days: OfficeDays = field(default_factory=OfficeDays)
    assess: Assess = assess_at_once
    begin: Begin | None = None
    pause: Pause = no_pause


class _OvertakenError(Exception):
    """Another worker wrote first: the transaction is rolled back, and all is read again."""


def decide(body: object, service: Service, *, now: datetime, asked: Asked) -> Decided | Replayed | Rejected:
    """Decide on one declaration and record it, or give the recorded decision again when the same was sent before.

    ``now``: local time without a zone; its day is the day of the office's places. Raises UsageError when an idempotency
    key came with another body, StoreError when the record can't be written (nothing is then decided), PolicyError when
    no policy is in force.
    """
    (result,) = decide_batch([Ask(body, asked)], service, now=now)
    if isinstance(result, Failed):
        raise result.error
    return result


def decide_batch(asks: Sequence[Ask], service: Service, *, now: datetime, means: Means | None = None) -> list[Result]:
    """Decide on several declarations, in this order; the result of each.

    ``now``: as for `decide`. Raises PolicyError when no policy is in force.
    """
    means = means or Means()
    results: Results = {}
    waiting = [parse(number, ask, service.rate_table, now=now) for number, ask in enumerate(asks)]
    while waiting:
        # One declaration twice, or one key: the second one finds the first one on record.
        taken: set[object] = set()
        group: list[Parsed] = []
        later: list[Parsed] = []
        for one in waiting:
            (group if taken.isdisjoint(one.marks) else later).append(one)
            taken |= one.marks
        results |= _decide_group(group, service, means, now=now)
        waiting = later
    return [results[number] for number in range(len(asks))]


def parse(number: int, ask: Ask, rates: RateTable | None, *, now: datetime) -> Parsed:
    """Read a declaration, if that was not done before, in the history's currency, and reject it when its sender is not
    bound to its office. This comes before any look-up, whose time would reveal whether the other office has this
    number. The same ``rates`` hold for all that follows, also when newer ones are read meanwhile."""
    read = ask.read or read_declaration(ask.body, received_at=now)
    if isinstance(read, Declaration):
        read = own_office(in_history_currency(read, rates), ask.asked.offices)
    return Parsed(number, ask.asked, ask.is_late, read, rates)


def _decide_group(
    group: Sequence[Parsed],
    service: Service,
    means: Means,
    *,
    now: datetime,
    scores: Scores = _NONE,
    reasons: Reasons = _NONE,
) -> Results:
    """Decide on declarations of which none shares a mark with another one, and record them together: the path of a
    declaration. ``scores``, ``reasons``: what is known of them from before; they stand for all tries."""
    database, knowledge, days, today = service.database, service.knowledge, means.days, now.date()
    unlocked = UNLOCKED_ATTEMPTS_LARGE if _is_large(group) else UNLOCKED_ATTEMPTS
    fault: Exception | None = None
    for attempt in range(MAX_ATTEMPTS):
        is_locked = attempt >= unlocked
        pause = no_pause if is_locked else means.pause  # the others wait for the locks
        try:
            if is_locked:
                reasons = {**reasons, **explain(_large(scores, reasons), service.model, pause=means.pause)}
            with _reaching(database, is_locked=is_locked) as reach:
                ahead = _no_scores if is_locked else _begin_to_score(group, scores, knowledge, means, today)
                # What is read here may be older than what is read below: see `_commit`.
                try:
                    with reach.look() as connection:
                        known = look_up(connection, group, service, now=now, pause=pause)
                finally:  # also when it failed: the scorer is then free for the next one
                    scores = {**scores, **ahead()}
                if known.new:
                    policy = service.policy(today)
                    scores = {**scores, **score(known.new, scores, knowledge, means, today)}
                    scores = judge_all(known.new, scores, service.rules, policy, today=today)
                    offices = offices_of(known.new, scores, day=today)
                    stood = find_office_days(offices, days, reach.read, policy, day=today, is_locked=is_locked)
                    placed = place_in_order(known.new, scores, stood, policy, now=now, seed=service.seed)
                    reasons = {
                        **reasons,
                        **explain(_inspections_to_explain(placed, policy, reasons), service.model, pause=pause),
                    }
                    made = _build(placed, reasons, policy, service.origin, now=now, pause=pause)
                    pause()
                    written = _write_down(known, made, placed, stood, now=now)
                    with reach.send() as sender:
                        _commit(sender, written, now=now)
            if not known.new:
                _keep(known, database, now=now)
                return dict(known.results)
        except _OvertakenError:
            days.forget()
        except Exception as error:
            days.forget()
            fault = error
            if not isinstance(error.__cause__, IntegrityError):  # else recorded meanwhile: read again
                break
        else:  # committed: only now are answers sent and states kept
            for office, state in placed.states.items():
                days.keep(office, today, OfficeDay(stood[office].sequence + 1, state))
            return {**known.results, **made.results}
    if fault is None:
        fault = StoreError(
            "Expected to record a decision within {max_attempts} tries, found other workers quicker each time.",
            hint="Nothing was recorded; send the declaration again.",
            max_attempts=MAX_ATTEMPTS,
        )
    if len(group) == 1 or isinstance(fault.__cause__, OperationalError | PoolTimeoutError):
        return {one.number: Failed(fault) for one in group}
    # One of them can't be recorded: each for itself, so that the others are.
    results: Results = {}
    for one in group:
        results |= _decide_group([one], service, means, now=now, scores=scores, reasons=reasons)
    return results


@dataclass(frozen=True)
class _Reach:
    """How one try reaches the database: ``look`` and ``read`` open a connection to read with, ``send`` one to write
    with. In a locked try all of them are the one transaction that writes."""

    look: Callable[[], AbstractContextManager[sa.Connection]]
    read: Callable[[], AbstractContextManager[sa.Connection]]
    send: Callable[[], AbstractContextManager[Sender]]


@contextmanager
def _reaching(database: Database, *, is_locked: bool) -> Iterator[_Reach]:
    if not is_locked:
        yield _Reach(database.glance, database.read, partial(write_together, database))
        return
    with database.write() as connection:
        yield _Reach(
            lambda: nullcontext(connection), lambda: nullcontext(connection), lambda: nullcontext(OneByOne(connection))
        )


def _is_large(group: Sequence[Parsed]) -> bool:
    declarations = (one.declaration for one in group)
    return any(isinstance(one, Declaration) and len(one.rows) > _EXPLAINED_UNLOCKED for one in declarations)


def _no_scores() -> Scores:
    return {}


def _begin_to_score(
    group: Sequence[Parsed], scores: Scores, knowledge: Knowledge, means: Means, today: date
) -> Callable[[], Scores]:
    """One alone is scored while the record is asked. A group is not: most of its time is not the look, and what was
    sent before needs no score."""
    one = group[0]
    is_open = one.number not in scores and not one.is_late
    if len(group) != 1 or not is_open or means.begin is None or not isinstance(one.declaration, Declaration):
        return _no_scores
    finish = means.begin(one.declaration, knowledge, today)
    return _no_scores if finish is None else lambda: {one.number: finish()}


def score(new: Sequence[New], scores: Scores, knowledge: Knowledge, means: Means, today: date) -> Scores:
    """The scores of those that have none yet, in one call; of late ones without asking the model."""
    late = {
        one.number: without_scores(one.declaration, TIMEOUT) for one in new if one.is_late and one.number not in scores
    }
    asking = [one for one in new if one.number not in scores and not one.is_late]
    if not asking:
        return late
    assessed = means.assess([one.declaration for one in asking], knowledge, today)
    return late | {one.number: scored for one, scored in zip(asking, assessed, strict=True)}


def _large(scores: Scores, reasons: Reasons) -> Scores:
    """Declarations of very many items, which are explained before the locks, in any lane: explaining them under the
    locks would make the other workers wait."""
    return {
        number: scored
        for number, scored in scores.items()
        if len(scored.items) > _EXPLAINED_UNLOCKED and number not in reasons
    }


def _inspections_to_explain(placed: PlacedGroup, policy: Policy, reasons: Reasons) -> Scores:
    """The declarations whose lane inspects, and that are not explained yet."""
    return {
        new.number: scored
        for new, scored, one in placed.lanes
        if policy.lane(one.selection.lane).inspects and new.number not in reasons
    }


@dataclass(frozen=True)
class _Made:
    """The events and the answer of each decided declaration: two events each."""

    events: Sequence[Event]
    results: Mapping[int, Result]
    answers: Sequence[KeyedAnswer]


def _build(
    placed: PlacedGroup, reasons: Reasons, policy: Policy, origin: Origin, *, now: datetime, pause: Pause
) -> _Made:
    events: list[Event] = []
    results: dict[int, Result] = {}
    answers: list[KeyedAnswer] = []
    for new, scored, one in placed.lanes:
        explained = reasons.get(new.number) if policy.lane(one.selection.lane).inspects else None
        items = recorded_items(scored, explained)
        arrived, decided = build_records(new, scored, one, items, policy=policy, origin=origin, now=now)
        events += [event_of(arrived), event_of(decided)]
        pause()
        body, text = decision_text(decided, language=new.asked.language, pause=pause)
        results[new.number] = Decided(body, text)
        answer = keyed_answer(new.asked, text)
        if answer is not None:
            answers.append(answer)
    return _Made(events, results, answers)


@dataclass(frozen=True)
class _Written:
    """What a group records, as the database takes it. ``known``: how many records the amended declarations had."""

    events: EventRows
    states: Sequence[NewState]
    answers: NewAnswers
    known: Mapping[str, int]


def _write_down(
    known: LookedUp, made: _Made, placed: PlacedGroup, stood: Mapping[str, OfficeDay], *, now: datetime
) -> _Written:
    """Do before the locks what needs no lock."""
    day = now.date().isoformat()
    return _Written(
        event_rows(made.events, now=now),
        [NewState(office, day, state_text(state), stood[office].sequence) for office, state in placed.states.items()],
        NewAnswers([*known.answers, *made.answers], now + ANSWERS_KEPT, known.has_expired),
        {new.declaration.declaration_id: new.known for new in known.new if new.known},
    )


def _commit(sender: Sender, written: _Written, *, now: datetime) -> None:
    # No pause from here on: other workers wait for these locks.
    # What came to an amended declaration since it was looked up (an officer's lane, a cancellation, a result) is an
    # event of another id, and the state may have been read after it: only the count of events shows it. For a new
    # declaration, the id of its registration shows it.
    if not record_group(
        sender,
        written.events,
        states=written.states,
        answers=written.answers,
        now=now,
        known=written.known,
    ):
        raise _OvertakenError


def _keep(known: LookedUp, database: Database, *, now: datetime) -> None:
    """Store replayed answers under their new keys. Best effort: if storing fails, the response is still correct."""
    if not known.answers:
        return
    try:
        with write_together(database) as sender:
            keep_answers(sender, NewAnswers(known.answers, now + ANSWERS_KEPT, known.has_expired), now=now)
    except StoreError as error:
        if isinstance(error.__cause__, IntegrityError):  # the same key at once: read again
            raise
        cause = type(error.__cause__ or error).__name__
        _LOG.warning("answer_not_kept", extra={"fields": {"code": error.code, "cause": cause}})
