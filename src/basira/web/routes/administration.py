"""Offices and settings, as an administrator reads them.

Enters: a request. Leaves: pages, the same as files. Never here: a change: offices are policy, settings are the
deployment's.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

import basira
from basira.api.http.dependencies import InService, KnownQuery, Now
from basira.render.workbook import Cell
from basira.serving.service import Service
from basira.serving.views.offices import list_offices
from basira.web.access import Visitor, visit
from basira.web.errors import PageRoute
from basira.web.lanes import lanes_on
from basira.web.render import page, words_of
from basira.web.settings_shown import SettingShown
from basira.web.tables import Ending, Table, as_file

router = APIRouter(route_class=PageRoute)
Reader = Annotated[Visitor, Depends(visit("access:read"))]


@router.get("/offices")
def get_offices(request: Request, visitor: Reader, _known: KnownQuery, service: InService, now: Now) -> Response:
    """Every office: inspectors, what waits, the capacity of today."""
    lanes = lanes_on(service, now.date(), visitor.language)
    return page(
        request,
        "offices.html",
        visitor=visitor,
        lines=list_offices(service, now.date()),
        lanes=[lanes.of(one.id) for one in lanes.policy.lanes if one.inspects] if lanes.policy else [],
        policy=lanes.policy,
    )


@router.get("/offices.csv")
def get_offices_csv(visitor: Reader, _known: KnownQuery, service: InService, now: Now) -> Response:
    """The same for a spreadsheet."""
    return _offices_file(visitor, service, now, "csv")


@router.get("/offices.xlsx")
def get_offices_xlsx(visitor: Reader, _known: KnownQuery, service: InService, now: Now) -> Response:
    """The same as a workbook."""
    return _offices_file(visitor, service, now, "xlsx")


def _offices_file(visitor: Visitor, service: Service, now: datetime, ending: Ending) -> Response:
    words = words_of(visitor.language)
    lanes = lanes_on(service, now.date(), visitor.language)
    inspecting = [lanes.of(one.id) for one in lanes.policy.lanes if one.inspects] if lanes.policy else []
    header = [words.say(f"office.column.{name}") for name in ("code", "name", "inspectors", "waiting", "declared")]
    header += [words.say("office.column.capacity", lane=lane.label) for lane in inspecting]
    rows: list[Sequence[Cell]] = [
        [
            one.code,
            one.name,
            one.inspectors,
            one.waiting,
            one.declared,
            *(one.capacity.get(lane.id) for lane in inspecting),
        ]
        for one in list_offices(service, now.date())
    ]
    table = Table("offices", words.say("offices.title"), header, rows)
    return as_file(table, ending, today=now.date(), language=visitor.language)


@router.get("/settings")
def get_settings(request: Request, visitor: Reader, _known: KnownQuery, service: InService, now: Now) -> Response:
    """What the service runs with: versions, and each setting in effect."""
    lanes = lanes_on(service, now.date(), visitor.language)
    return page(
        request,
        "settings.html",
        visitor=visitor,
        settings=_settings(request),
        software=basira.__version__,
        policy=lanes.policy,
        model=service.model.version if service.model else "",
        profile_age=service.profile_age_days(now.date()),
        database="SQLite" if service.database.is_sqlite else "PostgreSQL",
    )


@router.get("/settings.csv")
def get_settings_csv(request: Request, visitor: Reader, _known: KnownQuery, now: Now) -> Response:
    """The settings for a spreadsheet."""
    return _settings_file(request, visitor, now, "csv")


@router.get("/settings.xlsx")
def get_settings_xlsx(request: Request, visitor: Reader, _known: KnownQuery, now: Now) -> Response:
    """The settings as a workbook."""
    return _settings_file(request, visitor, now, "xlsx")


def _settings(request: Request) -> Sequence[SettingShown]:
    shown: Sequence[SettingShown] = request.app.state.settings_shown
    return shown


def _settings_file(request: Request, visitor: Visitor, now: datetime, ending: Ending) -> Response:
    words = words_of(visitor.language)
    header = [words.say(f"setting.column.{name}") for name in ("name", "value", "origin", "meaning")]

    def cells(one: SettingShown) -> list[Cell]:
        origin = words.say("setting.default" if one.is_default else "setting.set")
        message = f"setting.{one.name}"
        return [one.name, one.value, origin, words.say(message) if words.has(message) else one.meaning]

    table = Table("settings", words.say("settings.title"), header, [cells(one) for one in _settings(request)])
    return as_file(table, ending, today=now.date(), language=visitor.language)
