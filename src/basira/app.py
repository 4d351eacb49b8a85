"""The composition root of the service: environment and clock enter here, and nowhere else.

Enters: the environment (docs/reference/api.md). Leaves: the application of one worker process. Never here: a rule.
"""

from __future__ import annotations

import logging
import os
import sys
from datetime import date, datetime
from pathlib import Path

from fastapi import FastAPI

from basira.api.access import by_key
from basira.api.application import make_application
from basira.api.middleware import JsonLines
from basira.schema.errors import UsageError
from basira.workflows.serve_context import MOST_PROFILE_DAYS, open_service

# Setting to its default; "" where it must be given or may be absent.
SETTINGS = {
    "BASIRA_STORE": "basira-store",
    "BASIRA_POLICY": "",
    "BASIRA_DATABASE": "",
    "BASIRA_MODEL": "",
    "BASIRA_LANGUAGE": "fr",
    "BASIRA_MOST_PROFILE_DAYS": str(MOST_PROFILE_DAYS),
}


def from_environment() -> FastAPI:
    """The application that the environment describes. Raises UsageError, StoreError, PolicyError."""
    given = {name: os.environ.get(name) or default for name, default in SETTINGS.items()}
    if not given["BASIRA_POLICY"]:
        raise UsageError("BASIRA_POLICY: expected a policy folder, found nothing.", hint="Set it, or use --policy.")
    if not given["BASIRA_MOST_PROFILE_DAYS"].isdecimal():
        raise UsageError("BASIRA_MOST_PROFILE_DAYS: expected a number of days.", hint="Give 0 or more.")
    log_json()
    service = open_service(
        Path(given["BASIRA_STORE"]),
        Path(given["BASIRA_POLICY"]),
        today=date.today(),
        database=given["BASIRA_DATABASE"],
        model=given["BASIRA_MODEL"],
        language=given["BASIRA_LANGUAGE"],
        most_profile_days=int(given["BASIRA_MOST_PROFILE_DAYS"]),
    )
    return make_application(service, recognise=by_key(service.database, datetime.now), clock=datetime.now)


def log_json() -> None:
    """One JSON line an event on standard output, of the service and of the server alike."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonLines())
    for name, level in (("basira.service", logging.INFO), ("uvicorn", logging.INFO)):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(level)
