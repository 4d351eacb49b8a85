"""The models on pages: which one decides, how good each was, and the steps of their lives.

Enters: a version, a form. Leaves: pages, files; a step on record, taken by `serving.models`. Never here: who
may take which step (`monitor.stages`); a model that decides because of anything but its stage.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Annotated, Literal, get_args

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import RedirectResponse, Response

from basira.api.http.dependencies import InService, KnownQuery, Now
from basira.api.http.problems import ProblemException
from basira.monitor.estimate import Estimate
from basira.monitor.stages import Stage, StageStep, check_step, previous_version
from basira.render.catalogs import Catalog
from basira.render.numbers import format_number, format_percent
from basira.render.workbook import Cell
from basira.schema.errors import ModelError, NotFoundError, Phrase
from basira.serving.models import (
    WantedStep,
    compare_service,
    list_service_models,
    list_steps,
    roll_back_service,
    take_service_step,
)
from basira.serving.service import Service
from basira.storage.record.activity import names_of
from basira.web.access import Visitor, send, visit
from basira.web.errors import PageRoute
from basira.web.forms import Fields, Form
from basira.web.model_card import SHARES_SHOWN, Card, card_of
from basira.web.render import page, words_of
from basira.web.routes.figures import Bar
from basira.web.tables import Ending, Table, as_file
from basira.workflows.models.stages import StagedModel
from basira.workflows.proof.compare import Comparison

router = APIRouter(route_class=PageRoute)
PATH = "/models"
Reader = Annotated[Visitor, Depends(visit("models:read"))]
Writer = Annotated[Visitor, Depends(send("models:write"))]
Version = Annotated[str, Path(min_length=1, max_length=80)]
Act = Literal["shadow", "live", "retired", "rollback"]
ACTS: tuple[Act, ...] = get_args(Act)
_OF_MODEL = f"{PATH}/{{version}}"
DEFAULT_DAYS, MOST_DAYS = 28, 92
ESTIMATORS = ("inverse", "self_normalised", "doubly_robust")
# The history of a period is read for a comparison; a second one in the same process waits for the first.
_ONE_AT_A_TIME = threading.Lock()
_WAIT_SECONDS = 20.0


@dataclass(frozen=True)
class ModelLine:
    """A model on a page. ``since``: of its stage, ISO 8601; "" where no step is on record."""

    model: StagedModel
    card: Card
    since: str


def _line(model: StagedModel) -> ModelLine:
    return ModelLine(model, card_of(model), model.steps[-1].taken_at if model.steps else "")


def _lines(service: Service) -> list[ModelLine]:
    return [_line(one) for one in list_service_models(service)]


def _find(service: Service, version: str) -> ModelLine:
    found = next((one for one in _lines(service) if one.model.version == version), None)
    if found is None:
        raise ProblemException(404, "not_found", "Expected a model of this store, found none of this version.")
    return found


@router.get(PATH)
def get_models(
    request: Request,
    visitor: Reader,
    _known: KnownQuery,
    service: InService,
    done: Annotated[str, Query(max_length=20)] = "",
) -> Response:
    """Every model, the latest knowledge first, with its stage and how good it was on later results."""
    lines = _lines(service)
    bars = [
        Bar(one.model.version, one.card.auc, one.card.auc_low, one.card.auc_high, _auc(one.card.auc, visitor))
        for one in lines
        if one.card.auc is not None
    ]
    live = next((one for one in lines if one.model.stage == "live"), None)
    return page(
        request,
        "models.html",
        visitor=visitor,
        lines=lines,
        bars=bars,
        live=live,
        done=done if done in ACTS else "",
    )


@router.get(f"{PATH}.csv")
def get_models_csv(visitor: Reader, _known: KnownQuery, service: InService, now: Now) -> Response:
    """The list for a spreadsheet."""
    return _models_file(visitor, service, now, "csv")


@router.get(f"{PATH}.xlsx")
def get_models_xlsx(visitor: Reader, _known: KnownQuery, service: InService, now: Now) -> Response:
    """The list as a workbook."""
    return _models_file(visitor, service, now, "xlsx")


def _models_file(visitor: Visitor, service: Service, now: datetime, ending: Ending) -> Response:
    words = words_of(visitor.language)
    columns = ("version", "stage", "since", "knows_to", "made", "rows", "irregular", "auc", "low", "high", "brier")
    header = [words.say(f"model.column.{name}") for name in columns]

    def cells(one: ModelLine) -> list[Cell]:
        card, stage = one.card, words.say(f"model.stage.{one.model.stage}")
        first = [one.model.version, stage, one.since, card.knows_to, card.made_at, card.rows, card.irregular]
        return [*first, card.auc, card.auc_low, card.auc_high, card.brier]

    table = Table("models", words.say("models.title"), header, [cells(one) for one in _lines(service)])
    return as_file(table, ending, today=now.date(), language=visitor.language)


@router.get(_OF_MODEL)
def get_model(request: Request, visitor: Reader, version: Version, _known: KnownQuery, service: InService) -> Response:
    """One model: its card, the features that it rests on, the steps of its life, and those that may be taken."""
    one = _find(service, version)
    steps = list_steps(service)
    with service.database.read() as connection:
        names = names_of(connection, {step.actor for step in one.model.steps})
    shares = one.card.importance[:SHARES_SHOWN]
    most = max((share for _, share in shares), default=0.0) or 1.0
    return page(
        request,
        "model.html",
        visitor=visitor,
        one=one,
        names=names,
        offered=_offered(steps, one, visitor),
        needs_second=_needs_second(steps, one, visitor),
        shares=shares,
        bars=[Bar(name, share / most, text=_percent(share, visitor)) for name, share in shares],
    )


def _auc(value: float, visitor: Visitor) -> str:
    return format_number(value, language=visitor.language, digits=3)


def _percent(share: float, visitor: Visitor) -> str:
    return format_percent(share, language=visitor.language, digits=1)


@router.get(f"{_OF_MODEL}/features.csv")
def get_features_csv(visitor: Reader, version: Version, _known: KnownQuery, service: InService, now: Now) -> Response:
    """The share of each feature for a spreadsheet."""
    return _features_file(visitor, service, version, now, "csv")


@router.get(f"{_OF_MODEL}/features.xlsx")
def get_features_xlsx(visitor: Reader, version: Version, _known: KnownQuery, service: InService, now: Now) -> Response:
    """The share of each feature as a workbook."""
    return _features_file(visitor, service, version, now, "xlsx")


def _features_file(visitor: Visitor, service: Service, version: str, now: datetime, ending: Ending) -> Response:
    words = words_of(visitor.language)
    header = [words.say("model.column.feature"), words.say("model.column.share")]
    rows: list[Sequence[Cell]] = [[name, share] for name, share in _find(service, version).card.importance]
    table = Table("features", words.say("model.features"), header, rows)
    return as_file(table, ending, today=now.date(), language=visitor.language)


@dataclass(frozen=True)
class _Days:
    """The period of a comparison."""

    first: date
    last: date

    def address(self, path: str) -> str:
        return f"{path}?from={self.first.isoformat()}&to={self.last.isoformat()}"


def _days(
    now: Now,
    first: Annotated[date | None, Query(alias="from")] = None,
    last: Annotated[date | None, Query(alias="to")] = None,
) -> _Days:
    """The days asked for, four weeks up to today by default. Raises 422 for more than three months."""
    end = last or now.date()
    found = _Days(first or end - timedelta(days=DEFAULT_DAYS - 1), end)
    if not 0 <= (found.last - found.first).days < MOST_DAYS:
        raise ProblemException(
            422, "invalid", Phrase("Expected a period of 1 to {most} days, found another.", most=MOST_DAYS)
        )
    return found


InDays = Annotated[_Days, Depends(_days)]


@router.get(f"{_OF_MODEL}/comparison")
def get_comparison(
    request: Request, visitor: Reader, version: Version, days: InDays, _known: KnownQuery, service: InService, now: Now
) -> Response:
    """What a model in the shadow would have found of the days that it was tried beside, against the live one."""
    one = _find(service, version)
    path = f"{PATH}/{version}/comparison"
    return page(
        request,
        "comparison.html",
        visitor=visitor,
        one=one,
        found=_compare(service, version, days, now),
        days=days,
        estimators=ESTIMATORS,
        csv=days.address(f"{path}.csv"),
        xlsx=days.address(f"{path}.xlsx"),
        today=now.date().isoformat(),
    )


@router.get(f"{_OF_MODEL}/comparison.csv")
def get_comparison_csv(
    visitor: Reader, version: Version, days: InDays, _known: KnownQuery, service: InService, now: Now
) -> Response:
    """The same for a spreadsheet."""
    return _comparison_file(visitor, service, version, days, now, "csv")


@router.get(f"{_OF_MODEL}/comparison.xlsx")
def get_comparison_xlsx(
    visitor: Reader, version: Version, days: InDays, _known: KnownQuery, service: InService, now: Now
) -> Response:
    """The same as a workbook."""
    return _comparison_file(visitor, service, version, days, now, "xlsx")


def _comparison_file(
    visitor: Visitor, service: Service, version: str, days: _Days, now: datetime, ending: Ending
) -> Response:
    words = words_of(visitor.language)
    _find(service, version)
    found = _compare(service, version, days, now)
    rows = list(_comparison_rows(found, words)) if found else []
    columns = ("of", "model", "estimator", "total", "low", "high")
    table = Table(
        "comparison",
        words.say("comparison.title"),
        [words.say(f"comparison.column.{name}") for name in columns],
        rows,
    )
    return as_file(table, ending, today=now.date(), language=visitor.language)


def _comparison_rows(found: Comparison, words: Catalog) -> Iterator[list[Cell]]:
    say = words.say
    for of, compared in (("findings", found.findings), ("revenue", found.revenue)):
        for model, side in (("live", compared.live), ("other", compared.other)):
            for name in ESTIMATORS:
                yield [
                    say(f"comparison.of.{of}"),
                    say(f"comparison.{model}"),
                    say(f"comparison.estimator.{name}"),
                    *_estimate_cells(getattr(side, name)),
                ]
        yield [say(f"comparison.of.{of}"), say("comparison.gain"), "", *_estimate_cells(compared.gain)]


def _estimate_cells(one: Estimate | None) -> list[Cell]:
    return [None, None, None] if one is None else [one.total, one.low, one.high]


def _compare(service: Service, version: str, days: _Days, now: datetime) -> Comparison | None:
    """The comparison; None where there is nothing to compare. Raises 503 while another is made."""
    with _alone():
        return compare_service(service, version, first=days.first, last=days.last, as_of=now.date())


@contextmanager
def _alone() -> Iterator[None]:
    if not _ONE_AT_A_TIME.acquire(timeout=_WAIT_SECONDS):
        raise ProblemException(503, "unavailable", "Expected room for a comparison, found another under way.")
    try:
        yield
    finally:
        _ONE_AT_A_TIME.release()


@router.get(f"{_OF_MODEL}/{{act}}", dependencies=[Depends(visit("models:write"))])
def get_act(
    request: Request, visitor: Reader, version: Version, act: Act, _known: KnownQuery, service: InService
) -> Response:
    """What a step would change, before it is taken."""
    return _preview(request, visitor, service, version, act)


@router.post(f"{_OF_MODEL}/{{act}}")
def post_act(
    request: Request, visitor: Writer, version: Version, act: Act, form: Form, service: InService, now: Now
) -> Response:
    """Take the step, with its motive; the page again with the fault where it can't be taken."""
    motive = form.get("motive", "").strip()
    one = _find(service, version)
    fault = "" if motive else "person.fault.motive"
    if not fault and form.get("seen") != seen_of(list_steps(service)):
        fault = "model.fault.changed"
    if not fault and act in ("shadow", "live") and (one.card.knows_to or "") >= now.date().isoformat():
        fault = "model.fault.today"
    if fault:
        return _preview(request, visitor, service, version, act, fault=fault, fields=form)
    try:
        wanted = WantedStep(visitor.user.login or "", motive, now)
        if act == "rollback":
            roll_back_service(service, wanted)
        else:
            take_service_step(service, version, act, wanted)
    except ModelError:
        return _preview(request, visitor, service, version, act, fault="model.fault.refused", fields=form)
    return RedirectResponse(f"{PATH}?done={act}", 303)


def seen_of(steps: Sequence[StageStep]) -> str:
    """What a form holds of the steps that it was made with, so that a step meanwhile is noticed."""
    return f"{len(steps)}:{steps[-1].version if steps else ''}"


def _offered(steps: Sequence[StageStep], one: ModelLine, visitor: Visitor) -> list[Act]:
    """The steps that this person may take of this model now."""
    if not visitor.may("models:write") or not one.model.is_kept:
        return []
    found: list[Act] = [stage for stage in ("shadow", "live", "retired") if _may_take(steps, one, stage, visitor)]
    if one.model.stage == "live":
        try:
            previous_version(steps, roles=visitor.everything.roles, motive="asked")
            found.append("rollback")
        except (ModelError, NotFoundError):
            pass
    return found


def _may_take(steps: Sequence[StageStep], one: ModelLine, wanted: Stage, visitor: Visitor) -> bool:
    try:
        check_step(
            steps,
            one.model.version,
            wanted,
            actor=visitor.everything.id,
            roles=visitor.everything.roles,
            motive="asked",
        )
    except ModelError:
        return False
    return True


def _needs_second(steps: Sequence[StageStep], one: ModelLine, visitor: Visitor) -> bool:
    """Whether a manager may not promote it because no other person tried it first."""
    is_next = one.model.stage in ("candidate", "shadow") and "manager" in visitor.everything.roles
    return is_next and not _may_take(steps, one, "live", visitor)


def _preview(
    request: Request,
    visitor: Visitor,
    service: Service,
    version: str,
    act: Act,
    *,
    fault: str = "",
    fields: Fields | None = None,
) -> Response:
    one, lines, steps = _find(service, version), _lines(service), list_steps(service)
    if act not in _offered(steps, one, visitor) and not fault:
        raise ProblemException(403, "forbidden", "Expected a step that you may take of this model, found another.")
    live = next((other.model.version for other in lines if other.model.stage == "live"), "")
    back = previous_version(steps, roles=visitor.everything.roles, motive="asked")[1] if act == "rollback" else ""
    return page(
        request,
        "model_act.html",
        visitor=visitor,
        status=422 if fault else 200,
        one=one,
        act=act,
        live=live,
        back=back,
        seen=seen_of(steps),
        fault=fault,
        fields=fields or {},
    )
