"""Declarations decided and recorded, many at once: from the body to the lane, for ever on record.

Enters: JSON bodies, the service, the moment, who asks. Leaves: for each the decision as recorded, or `Refused`, or the
error. Never here: an answer that is not recorded; a release because something is missing; a clock; a declaration that
fails because of the one beside it.

Those that wait together are read, scored, placed and explained together, and recorded in one transaction: one wait for
the disk. Everything that takes time is done before it; in it are the states at the sequences that they were
made from, the events, the answers under their idempotency keys. When another worker wrote first, all is read again,
this time with the states locked; the draws stay the same. docs/decisions/0011-group-commit.md tells why.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from basira.ingest.rates import RateTable
from basira.schema.errors import StoreError, UsageError
from basira.schema.records import ItemAssessment
from basira.selection.online.state import OnlineState
from basira.selection.policy.model import Policy
from basira.serving.admissible import unlisted_office
from basira.serving.currency import currency_fault, in_history_currency
from basira.serving.decide.events import decision_events, earlier_lane, event_id, item_values, numbered
from basira.serving.decide.placement import (
    Earlier,
    OfficeDay,
    OfficeDays,
    Placed,
    left_office,
    place,
    read_office_day,
    state_text,
    without_place,
)
from basira.serving.decide.precedence import Pause, in_slices, no_pause
from basira.serving.decide.scoring import TIMEOUT, Scored, assess_online, explained_items, unscored, version_of_files
from basira.serving.message import Declaration, FieldFault, Refused, read_declaration
from basira.serving.service import Service
from basira.serving.views.decision import decision_body
from basira.storage.database.pipeline import OneByOne, Sender, write_together
from basira.storage.online.office_state import (
    Answer,
    GivenAnswer,
    KeyedAnswer,
    NewState,
    find_answer,
    find_answers,
    purge_answers,
    save_answer,
)
from basira.storage.record.commit import keep_answers, record_group
from basira.storage.record.events import Event, EventRows, event_rows, find_latest_of_many

__all__ = [
    "Ask", "Asked", "Decision", "Found", "decide", "decide_many", "event_id", "given_answer", "purge_given",
    "save_given",
]  # fmt: skip

_LOG = logging.getLogger("basira.service")

Row = Mapping[str, Any]
# In the second try the states are locked and can't be overtaken; others are for keys and declarations used meanwhile.
_TRIES = 20
# With one of very many items: a try that is not the first has scores and reasons, and is overtaken seldom; one that
# holds the locks has others wait for 50 ms of placing and writing down.
_TRIES_UNLOCKED_LARGE = 4
_ANSWERS_KEPT = timedelta(days=1)
# Items: more take a tenth of a second to explain.
_EXPLAINED_UNLOCKED = 50
# Items written as JSON values: some ten milliseconds.
_BETWEEN_PAUSES = 200


@dataclass(frozen=True)
class Asked:
    """Who asks, and under which idempotency key, when there is one. ``digest``: SHA-256 of the request's body.

    ``offices``: those whose declarations it may send; None: every one.
    """

    actor: str
    route: str = ""
    key: str | None = None
    digest: str = ""
    offices: frozenset[str] | None = None


@dataclass(frozen=True)
class Decision:
    """``body``: what is answered, JSON values; ``text``: the same as JSON. ``is_new``: decided now, not before."""

    body: Mapping[str, Any]
    is_new: bool
    text: str


@dataclass(frozen=True)
class Ask:
    """One declaration to decide on. ``is_late``: it waited too long, and is decided without a score. ``read``: what its
    body was read as, where that was done before; None: it is still to be read."""

    body: object
    asked: Asked
    is_late: bool = False
    read: Declaration | Refused | None = None


# What becomes of one: decided, answered under its key before, refused, or an error (then nothing of it is recorded).
Found = Decision | Answer | Refused | Exception
Assess = Callable[[Sequence[Declaration], Service, date], Sequence[Scored]]
# Begins to score somewhere else, and gives what waits for it; None: not now.
Begin = Callable[[Declaration, Service, date], Callable[[], Scored] | None]


def assess_at_once(
    declarations: Sequence[Declaration], service: Service, today: date, pause: Pause = no_pause
) -> Sequence[Scored]:
    """Score without a limit of time."""
    return assess_online(declarations, service, today=today, pause=pause)


def decide(body: object, service: Service, *, now: datetime, asked: Asked) -> Decision | Answer | Refused:
    """Decide on one declaration and record it, or give the recorded decision again when the same was sent before.

    ``now``: local time without a zone; its day is the day of the office's places. Raises UsageError when an idempotency
    key came with another body, StoreError when the record can't be written (nothing is then decided), PolicyError when
    no policy is in force.
    """
    (found,) = decide_many([Ask(body, asked)], service, now=now)
    if isinstance(found, Exception):
        raise found
    return found


def decide_many(
    asks: Sequence[Ask], service: Service, *, now: datetime, days: OfficeDays | None = None,
    assess: Assess = assess_at_once, begin: Begin | None = None, pause: Pause = no_pause,
) -> list[Found]:  # fmt: skip
    """Decide on several declarations, in this order; what became of each, as `decide` says.

    ``days``: the states that this process wrote last. ``assess``: how declarations are scored. ``begin``: how one alone
    is scored while the database is asked what it has of it. ``pause``: called between slices of the work on many items,
    never under a lock.
    """
    known = OfficeDays() if days is None else days
    found: dict[int, Found] = {}
    waiting = [_Case(n, ask, now, service.rate_table) for n, ask in enumerate(asks)]
    while waiting:
        # One declaration twice, or one key: the second one finds the first one on record.
        taken: set[object] = set()
        group: list[_Case] = []
        later: list[_Case] = []
        for case in waiting:
            (group if taken.isdisjoint(case.marks) else later).append(case)
            taken |= case.marks
        found |= _decided(group, _Means(service, now, known, assess, begin, pause))
        waiting = later
    return [found[n] for n in range(len(asks))]


@dataclass(frozen=True)
class _Means:
    """What every step needs."""

    service: Service
    now: datetime
    days: OfficeDays
    assess: Assess
    begin: Begin | None
    pause: Pause

    @property
    def policy(self) -> Policy:
        return self.service.policy(self.now.date())


class _Case:
    """One declaration on its way. ``marks``: what no other one of its group may share."""

    def __init__(self, number: int, ask: Ask, now: datetime, rates: RateTable | None) -> None:
        self.number, self.asked, self.is_late = number, ask.asked, ask.is_late
        # All that becomes of one is by the same rates, whatever is read meanwhile.
        self.rates = rates
        read = ask.read or read_declaration(ask.body, received_at=now)
        # Before anything is looked up: how long that takes would tell whether the other office has this number.
        if isinstance(read, Declaration):
            read = _own_office(in_history_currency(read, rates), ask.asked.offices)
        self.declaration = read
        self.items = len(self.declaration.rows) if isinstance(self.declaration, Declaration) else 0
        self.scored: Scored | None = None
        # Its items as recorded, with reasons; None: not explained yet. Like the scores they stand for all tries.
        self.explained: list[dict[str, Any]] | None = None
        marks: list[object] = []
        if isinstance(self.declaration, Declaration):
            marks.append(self.declaration.declaration_id)
        if self.asked.key:
            marks.append((self.asked.actor, self.asked.route, self.asked.key))
        self.marks = frozenset(marks)


@dataclass(frozen=True)
class _New:
    """One to decide on. ``declaration``: with its version. ``known``: what the record has of it; ``earlier``: the lane
    that it has, of an amendment."""

    case: _Case
    declaration: Declaration
    known: Sequence[Row]
    earlier: Earlier | None

    def left_office(self, means: _Means) -> str | None:
        """The office that gets a place back because this one, scored by now, goes elsewhere."""
        if self.case.scored is None:
            return None
        office = self.case.scored.candidate.office
        return left_office(self.earlier, office=office, day=means.now.date())


@dataclass
class _Round:
    """What one try has found and made so far. ``standings``: by office, as read; ``states``: the next ones."""

    found: dict[int, Found] = field(default_factory=dict)
    new: list[_New] = field(default_factory=list)
    standings: dict[str, OfficeDay] = field(default_factory=dict)
    states: dict[str, OnlineState] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    answers: list[KeyedAnswer] = field(default_factory=list)
    has_expired: bool = False

    def answer(self, case: _Case, decision: Decision) -> None:
        """What is answered, and kept under the key that it was asked under."""
        self.found[case.number] = decision
        asked = case.asked
        if asked.key:
            answer = Answer(200, decision.text)
            self.answers.append(KeyedAnswer(asked.actor, asked.route, asked.key, asked.digest, answer))


class _OvertakenError(Exception):
    """Another worker wrote first: the transaction is rolled back, and all is read again."""


def _decided(group: Sequence[_Case], means: _Means) -> dict[int, Found]:
    fault: Exception = StoreError(
        f"Expected to record a decision within {_TRIES} tries, found other workers quicker each time.",
        hint="Nothing was recorded; send the declaration again.",
    )
    is_large = max(case.items for case in group) > _EXPLAINED_UNLOCKED
    for attempt in range(_TRIES):
        try:
            return _attempt(group, means, is_locked=attempt >= (_TRIES_UNLOCKED_LARGE if is_large else 1))
        except _OvertakenError:
            means.days.forget()
        except Exception as error:
            means.days.forget()
            fault = error
            if not isinstance(error.__cause__, IntegrityError):  # else recorded meanwhile: read again
                break
    if len(group) == 1 or isinstance(fault.__cause__, OperationalError | PoolTimeoutError):
        return dict.fromkeys((case.number for case in group), fault)
    # One of them can't be recorded: each for itself, so that the others are.
    found: dict[int, Found] = {}
    for case in group:
        found |= _decided([case], means)
    return found


def _keep(made: _Round, means: _Means) -> None:
    """Keep answers to what was recorded before, under their new keys. They are right without, on a full disk too."""
    if not made.answers:
        return
    try:
        with write_together(means.service.database) as sender:
            keep_answers(
                sender, made.answers, now=means.now, expires_at=means.now + _ANSWERS_KEPT, has_expired=made.has_expired
            )
    except StoreError as error:
        if isinstance(error.__cause__, IntegrityError):  # the same key at once: looked at again
            raise
        cause = type(error.__cause__ or error).__name__
        _LOG.warning("answer_not_kept", extra={"fields": {"code": error.code, "cause": cause}})


def _attempt(group: Sequence[_Case], means: _Means, *, is_locked: bool) -> dict[int, Found]:
    database = means.service.database
    if is_locked:
        _explain_large(group, means)
        means = replace(means, pause=no_pause)  # the others wait for the locks
        with database.write() as connection:
            made = _looked_up(connection, group, means)
            _score(made, means)
            _stand(connection, made, means, is_locked=True)
            _place(made, means)
            _write(OneByOne(connection), _written(made, means), made, means)
    else:
        # What is read here may be older than what is read below: see `_write`.
        with _scored_meanwhile(group, means), database.glance() as connection:
            made = _looked_up(connection, group, means)
        if not made.new:
            _keep(made, means)
            return made.found
        _score(made, means)
        if any(means.days.find(office, means.now.date()) is None for office in _offices(made, means)):
            with database.read() as connection:
                _stand(connection, made, means)
        else:
            _stand(None, made, means)
        _place(made, means)
        means.pause()
        written = _written(made, means)
        with write_together(database) as sender:
            _write(sender, written, made, means)
    # Committed: only now is anything answered or remembered.
    for office, state in made.states.items():
        means.days.keep(office, means.now.date(), OfficeDay(made.standings[office].sequence + 1, state))
    return made.found


@contextmanager
def _scored_meanwhile(group: Sequence[_Case], means: _Means) -> Iterator[None]:
    """One alone is scored while the block runs. A group is not: most of its time is not the look, and what was sent
    before needs no score. Nor is what a try before has scored."""
    case, finish = group[0], None
    is_open = case.scored is None and not case.is_late
    if len(group) == 1 and is_open and means.begin and isinstance(case.declaration, Declaration):
        finish = means.begin(case.declaration, means.service, means.now.date())
    try:
        yield
    finally:
        if finish is not None:  # also when the block failed: whoever scores is free for the next one
            case.scored = finish()


def _looked_up(connection: sa.Connection, group: Sequence[_Case], means: _Means) -> _Round:
    """What is answered already, what is refused, and what is left to decide."""
    made = _Round()
    given = _answers_of(connection, group, means)
    asking: list[tuple[_Case, Declaration]] = []
    for case in group:
        kept = given.get((case.asked.actor, case.asked.route, case.asked.key or ""))
        if kept is not None:
            made.has_expired |= kept.is_expired
            try:
                answer = kept.to(case.asked.digest, key=case.asked.key or "")
            except UsageError as error:
                made.found[case.number] = error
                continue
            if answer is not None:
                made.found[case.number] = answer
                continue
        if isinstance(case.declaration, Refused):
            made.found[case.number] = case.declaration
        else:
            asking.append((case, case.declaration))
    versions = {one.declaration_id: one.version if one.has_version else None for _, one in asking}
    known = find_latest_of_many(connection, versions) if asking else {}
    for case, declaration in asking:
        events = known[declaration.declaration_id]
        foreign = _foreign(declaration, events, case.asked.offices)
        if foreign is not None:
            made.found[case.number] = foreign
            continue
        # The content of no other version decides which one it is.
        read = [event for event in events if event["payload"] is not None]
        one = numbered(
            declaration, read, held=partial(version_of_files, declaration.declaration_id, means.service)
        )  # fmt: skip
        if isinstance(one, Declaration):
            one = unlisted_office(one, means.policy) or currency_fault(one, means.service.profiles, case.rates) or one
        if isinstance(one, Declaration):
            made.new.append(_New(case, one, events, earlier_lane(events)))
        elif isinstance(one, Refused):
            made.found[case.number] = one  # its key stays free, for the body corrected
        else:
            made.answer(case, _answered(one, means, is_new=False))
    return made


def _own_office(declaration: Declaration, offices: frozenset[str] | None) -> Declaration | Refused:
    """The declaration, when it is of an office that the asker is bound to."""
    if offices is None or declaration.rows[0]["office"] in offices:
        return declaration
    return Refused((_OTHER_OFFICE,), declaration.declaration_id)


def _foreign(declaration: Declaration, known: Sequence[Row], offices: frozenset[str] | None) -> Refused | None:
    """Why whoever is bound to offices may not amend it: another office has had it. None when no other one has.

    What was once of an office of the asker's, it may know to have moved; never to which office.
    """
    recorded = {event["office"] for event in known if event["lane"] is not None}
    if offices is None or recorded <= offices:
        return None
    fault = _MOVED_OFFICE if recorded & offices else _OTHER_OFFICE
    return Refused((fault,), declaration.declaration_id)


_OTHER_OFFICE = FieldFault(None, "office", "other_office", "an office that the key is bound to")
_MOVED_OFFICE = FieldFault(
    None, "office", "moved_office", "a declaration that no office but those of the key has had; this one moved"
)


def _answers_of(
    connection: sa.Connection, group: Sequence[_Case], means: _Means
) -> dict[tuple[str, str, str], GivenAnswer]:
    keys: dict[tuple[str, str], list[str]] = {}
    for case in group:
        if case.asked.key:
            keys.setdefault((case.asked.actor, case.asked.route), []).append(case.asked.key)
    return {
        (client, route, key): answer
        for (client, route), asked in keys.items()
        for key, answer in find_answers(connection, asked, client=client, route=route, now=means.now).items()
    }


def _score(made: _Round, means: _Means) -> None:
    # Of a second try, what was scored in the first one stands.
    for new in made.new:
        if new.case.is_late:
            new.case.scored = unscored(new.declaration, TIMEOUT)
    open_cases = [new for new in made.new if new.case.scored is None]
    if open_cases:
        scored = means.assess([new.declaration for new in open_cases], means.service, means.now.date())
        for new, one in zip(open_cases, scored, strict=True):
            new.case.scored = one


def _offices(made: _Round, means: _Means) -> dict[str, None]:
    """Those whose days change: of the declarations, and of what went elsewhere by an amendment."""
    offices = dict.fromkeys(new.case.scored.candidate.office for new in made.new if new.case.scored is not None)
    left = [new.left_office(means) for new in made.new if new.earlier is not None]
    return offices | dict.fromkeys(office for office in left if office is not None)


def _stand(connection: sa.Connection | None, made: _Round, means: _Means, *, is_locked: bool = False) -> None:
    """The offices' days: those that this process wrote last, else as the database has them."""
    day = means.now.date()
    # In this order all take their locks: see `state_statements`.
    for office in sorted(_offices(made, means)):
        kept = means.days.find(office, day)
        if kept is None and connection is not None:
            kept = read_office_day(connection, office, means.policy, day=day, is_locked=is_locked)
            if kept.state is None:  # to try again for each group would hold all offices up
                means.days.keep(office, day, kept)
        if kept is not None:
            made.standings[office] = kept


def _place(made: _Round, means: _Means) -> None:
    """A lane for each, one after the other; then what is recorded and answered of all."""
    policy, service = means.policy, means.service
    lanes: list[tuple[_New, Scored, Placed]] = []
    for new in made.new:
        scored = new.case.scored
        assert scored is not None, "scored before it is placed"  # noqa: S101 - of the order above, not of the input
        candidate = replace(scored.candidate, declaration_version=new.declaration.version)
        standing = made.standings[candidate.office]
        placed = place(
            candidate, policy, state=made.states.get(candidate.office, standing.state),
            earlier=new.earlier, now=means.now, seed=service.seed,
        )  # fmt: skip
        if placed.state is not None:
            made.states[candidate.office] = placed.state
        if new.earlier is not None and (left := new.left_office(means)) is not None:
            before = made.states.get(left, made.standings[left].state)
            if before is not None:
                made.states[left] = without_place(before, new.earlier)
        lanes.append((new, scored, placed))
    inspected = [(new, scored) for new, scored, placed in lanes if policy.lane(placed.selection.lane).inspects]
    _explain([(new.case, scored) for new, scored in inspected], means)
    for new, scored, placed in lanes:
        items: Sequence[Row] = ()
        if scored.fallback is None:
            is_inspected = policy.lane(placed.selection.lane).inspects
            items = (new.case.explained if is_inspected else None) or [item_values(item) for item in scored.items]
        made.events += decision_events(
            new.declaration, scored, placed, policy, service, items, actor=new.case.asked.actor,
            now=means.now, is_first=not new.known, earlier=new.earlier, rates=new.case.rates,
        )  # fmt: skip
        means.pause()
        event = made.events[-1]
        row = {name: getattr(event, name) for name in _ANSWERED}
        made.answer(new.case, _answered(row, means, is_new=True))


def _explain_large(group: Sequence[_Case], means: _Means) -> None:
    """Explain those of very many items before the locks, whatever lane they get: under them the others would wait."""
    known = [(case, case.scored) for case in group if case.scored is not None]
    _explain([(case, scored) for case, scored in known if len(scored.items) > _EXPLAINED_UNLOCKED], means)


def _explain(scored: Sequence[tuple[_Case, Scored]], means: _Means) -> None:
    unexplained = [(case, one) for case, one in scored if case.explained is None]
    if not unexplained:
        return
    for (case, _), items in zip(unexplained, _reasons([one for _, one in unexplained], means), strict=True):
        case.explained = [item_values(item) for item in in_slices(items, means.pause, size=_BETWEEN_PAUSES)]


def _reasons(inspected: Sequence[Scored], means: _Means) -> list[tuple[ItemAssessment, ...]]:
    """Items with their reasons, all in one call; when it fails one after the other, and what fails then goes without:
    a lane is worth more than why."""
    try:
        return explained_items(inspected, means.service.model, pause=means.pause)
    except Exception as error:  # whatever they raise
        if len(inspected) > 1:
            return [items for one in inspected for items in _reasons([one], means)]
        _LOG.error("reasons_failed", extra={"fields": {"error": type(error).__name__}})
        return [inspected[0].items]


# Of an event, what `decision_body` shows.
_ANSWERED = ("event_id", "declaration_id", "declaration_version", "office", "lane", "payload")


def _answered(row: Row, means: _Means, *, is_new: bool) -> Decision:
    body = decision_body(row, language=means.service.language)
    means.pause()
    return Decision(body, is_new, json.dumps(body, ensure_ascii=False, separators=(",", ":")))


@dataclass(frozen=True)
class _Written:
    """What a round records, as the database takes it."""

    events: EventRows
    states: Sequence[NewState]


def _written(made: _Round, means: _Means) -> _Written:
    day = means.now.date().isoformat()
    states = [
        NewState(office, day, state_text(state), made.standings[office].sequence)
        for office, state in made.states.items()
    ]
    return _Written(event_rows(made.events, now=means.now), states)


def _write(sender: Sender, written: _Written, made: _Round, means: _Means) -> None:
    # Nothing gives way from here on: the others wait for this one's locks.
    # What came to an amended declaration since it was looked up (an officer's lane, a cancellation, a result) is an
    # event of another id, and the state may have been read after it: only their number tells. Of a new declaration the
    # id of its registration tells.
    known = {new.declaration.declaration_id: len(new.known) for new in made.new if new.known}
    if not record_group(
        sender, written.events, states=written.states, answers=made.answers, now=means.now,
        expires_at=means.now + _ANSWERS_KEPT, has_expired=made.has_expired, known=known,
    ):  # fmt: skip
        raise _OvertakenError


def given_answer(service: Service, asked: Asked, *, now: datetime) -> Answer | None:
    """The answer given under the key before; None without a key, or when it is new."""
    if not asked.key:
        return None
    with service.database.read() as connection:
        return find_answer(
            connection, asked.key, client=asked.actor, route=asked.route, request_digest=asked.digest, now=now
        )


def purge_given(service: Service, *, now: datetime) -> int:
    """Remove answers whose day is over; how many. To be called now and then."""
    with service.database.write() as connection:
        return purge_answers(connection, now=now)


def save_given(connection: sa.Connection, asked: Asked, answer: Answer, *, now: datetime) -> None:
    """Keep an answer under its key for a day, in the caller's transaction."""
    save_answer(
        connection, asked.key or "", answer, client=asked.actor, route=asked.route, request_digest=asked.digest,
        now=now, expires_at=now + _ANSWERS_KEPT,
    )  # fmt: skip
