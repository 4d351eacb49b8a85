"""The composition root of the service: only here do environment and clock enter.

Enters: the environment (docs/reference/settings.md). Leaves: the application of one worker process. Never here: a rule.
"""

from __future__ import annotations

import atexit
import gc
import os
import sys
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import NamedTuple

from fastapi import FastAPI

from basira.api.application import Limits, make_application, make_large_application
from basira.api.auth.authenticate import by_key
from basira.api.auth.settings import read_access_settings
from basira.api.http.connection import Guard
from basira.api.http.logs import log_json
from basira.render.languages import LANGUAGES
from basira.schema.errors import UsageError
from basira.serving.check import check_service, prepare_service
from basira.serving.decide.worker import DECIDE_SECONDS
from basira.serving.service import DATABASE_SECONDS, MOST_PROFILE_DAYS, Service, ServiceSettings, open_service
from basira.serving.views.rejected import Quota
from basira.web.application import add_pages
from basira.web.assets import HINT, missing_assets
from basira.web.settings_shown import setting_shown


class Setting(NamedTuple):
    """A variable of the environment. ``default``: "" where it must be given or may be absent."""

    name: str
    default: str
    meaning: str


# Every setting is here; docs/reference/settings.md lists them.
SETTINGS: tuple[Setting, ...] = (
    Setting("BASIRA_STORE", "basira-store", "folder of the store"),
    Setting(
        "BASIRA_POLICY",
        "",
        "policy folder; required, except by `basira serve`: when empty, it takes the shipped `morocco` and reports it",
    ),
    Setting("BASIRA_DATABASE", "", "URL of the database; the store's SQLite file when empty"),
    Setting("BASIRA_MODEL", "", "model version; the latest that knows nothing of today when empty"),
    Setting("BASIRA_LANGUAGE", "fr", "language of sentences: fr, en or ar"),
    Setting("BASIRA_MOST_PROFILE_DAYS", str(MOST_PROFILE_DAYS), "days that the profiles may lack"),
    Setting(
        "BASIRA_RATES",
        "",
        "TOML file with a section `[rates]`, such as a mapping: by its table other currencies are converted; "
        "rejected when empty",
    ),
    Setting(
        "BASIRA_DECIDE_TIMEOUT_SECONDS",
        f"{DECIDE_SECONDS:g}",
        "seconds after which a declaration is decided without a score",
    ),
    Setting(
        "BASIRA_DATABASE_SECONDS",
        f"{DATABASE_SECONDS:g}",
        "seconds that a statement, a lock or a connection of the database may take",
    ),
    Setting("BASIRA_ORIGIN", "", "address at which browsers reach the service, such as https://basira.example"),
    Setting("BASIRA_HOSTS", "", "hosts that a request may name, parted by commas; any when empty"),
    Setting("BASIRA_PROXIES", "", "addresses or networks of the proxies whose X-Forwarded-For is believed"),
    Setting("BASIRA_DEVELOPMENT", "no", "yes: cookies over plain HTTP, on localhost alone"),
    Setting("BASIRA_SESSION_HOURS", "8", "hours after which a session ends"),
    Setting("BASIRA_SESSION_IDLE_MINUTES", "30", "minutes without a request after which a session ends"),
    Setting("BASIRA_LOGIN_FAILURES", "5", "failed logins of one account before it is locked"),
    Setting("BASIRA_LOGIN_ADDRESS_FAILURES", "50", "failed logins from one address before it is locked"),
    Setting("BASIRA_LOGIN_MINUTES", "15", "minutes over which they are counted, and after which a lock ends"),
    Setting("BASIRA_RATE_KEY", "500", "requests a second of one key, in each worker; 0: no limit"),
    Setting("BASIRA_RATE_USER", "20", "requests a second of one person, in each worker; 0: no limit"),
    Setting("BASIRA_RATE_ADDRESS", "20", "requests a second of one address without valid credentials; 0: no limit"),
    Setting("BASIRA_CONNECTIONS", "1000", "connections that a worker holds at a time"),
    Setting("BASIRA_CONNECTIONS_ADDRESS", "256", "of them from one address; the proxies of `BASIRA_PROXIES` have all"),
    Setting(
        "BASIRA_READ_SECONDS",
        "10",
        "seconds in which a request's head must come, and its body, which gets a second more for each 4 KiB",
    ),
    Setting("BASIRA_QUARANTINE_BODIES", str(Quota.bodies), "rejected bodies kept of one key a day"),
    Setting("BASIRA_QUARANTINE_MEGABYTES", str(Quota.megabytes), "megabytes of rejected bodies kept of one key a day"),
    Setting(
        "BASIRA_QUARANTINE_TOTAL_MEGABYTES", str(Quota.total_megabytes), "megabytes of rejected bodies kept in all"
    ),
    Setting(
        "BASIRA_QUARANTINE_DAYS",
        str(Quota.days),
        "days without being sent again after which `basira quarantine expire` erases a rejected body, every night",
    ),
    Setting(
        "BASIRA_LARGE_SOCKET",
        "",
        "Unix socket of the large worker, `basira.app:large_from_environment`; set by `basira serve`. When empty, the "
        "workers decide large requests themselves",
    ),
    Setting("BASIRA_OIDC", "", "TOML file of the OpenID provider; no such login when empty"),
)

_PREFIX = "BASIRA_"
_MOST_DIGITS = 640  # the least that Python allows
# Of deploy/basira-nightly, which shares the file of settings.
_OF_THE_NIGHT = frozenset(
    {"BASIRA_INBOX", "BASIRA_MAPPING", "BASIRA_METRICS", "BASIRA_PROGRAM", "BASIRA_RESULTS_MAPPING"}
)


def read_settings() -> dict[str, str]:
    """Every setting with its text. Raises UsageError, naming the setting, what was expected and what was found.

    Also raises for a variable whose name is nearly a setting's: a limit whose name is misspelt is no limit.
    """
    _require_known(name for name in os.environ if name.startswith(_PREFIX))
    given = {setting.name: os.environ.get(setting.name) or setting.default for setting in SETTINGS}
    if not given["BASIRA_POLICY"]:
        raise UsageError("BASIRA_POLICY: expected a policy folder, found nothing.", hint="Set it, or use --policy.")
    days, language = given["BASIRA_MOST_PROFILE_DAYS"], given["BASIRA_LANGUAGE"]
    if not (days.isascii() and days.isdecimal() and len(days) < 6):
        raise UsageError(
            "BASIRA_MOST_PROFILE_DAYS: expected a number of days, found {days!r}.",
            hint="Give 0 or more.",
            days=days,
        )
    if language not in LANGUAGES:
        raise UsageError(
            "BASIRA_LANGUAGE: expected one of {languages}, found {language!r}.",
            hint="Give one of these.",
            languages=", ".join(LANGUAGES),
            language=language,
        )
    for name in ("BASIRA_DECIDE_TIMEOUT_SECONDS", "BASIRA_DATABASE_SECONDS"):
        _seconds(given, name)
    read_access_settings(given)
    read_quota(given)
    return given


def read_quota(given: Mapping[str, str]) -> Quota:
    """The quota of the quarantine, from the settings' texts. Raises UsageError, naming the setting."""

    def number(name: str) -> int:
        text = given[name]
        if not (text.isascii() and text.isdecimal() and 0 < len(text) < 8):
            raise UsageError(
                "{name}: expected a whole number, found {text!r}.",
                hint="Give 0 or more.",
                name=name,
                text=text,
            )
        return int(text)

    return Quota(
        bodies=number("BASIRA_QUARANTINE_BODIES"),
        megabytes=number("BASIRA_QUARANTINE_MEGABYTES"),
        total_megabytes=number("BASIRA_QUARANTINE_TOTAL_MEGABYTES"),
        days=number("BASIRA_QUARANTINE_DAYS"),
    )


def quota_of_environment() -> Quota:
    """The quota from the environment, for commands that need no other setting."""
    return read_quota({setting.name: os.environ.get(setting.name) or setting.default for setting in SETTINGS})


def _require_known(names: Iterable[str]) -> None:
    known = {setting.name for setting in SETTINGS} | _OF_THE_NIGHT
    for name in sorted(set(names) - known):
        near = get_close_matches(name.removeprefix(_PREFIX), [one.removeprefix(_PREFIX) for one in known], n=2)
        # A name that resembles no setting belongs to another program: Kubernetes gives every pod BASIRA_SERVICE_HOST
        # and the like, where a service is called basira.
        if near:
            words = " or ".join(f"{_PREFIX}{one}" for one in near)
            raise UsageError(
                "{name}: expected the name of a setting, found an unknown name.",
                hint="Perhaps {words}?",
                name=name,
                words=words,
            )


def _seconds(given: Mapping[str, str], name: str) -> float:
    text = given[name]
    try:
        found = float(text)
    except ValueError:
        found = 0.0
    if not 0 < found <= 600:
        raise UsageError(
            "{name}: expected seconds above 0, at most 600, found {text!r}.",
            hint="Correct the setting.",
            name=name,
            text=text,
        )
    return found


def _service_settings(given: Mapping[str, str]) -> ServiceSettings:
    return ServiceSettings(
        Path(given["BASIRA_STORE"]),
        Path(given["BASIRA_POLICY"]),
        database=given["BASIRA_DATABASE"],
        model=given["BASIRA_MODEL"],
        language=given["BASIRA_LANGUAGE"],
        most_profile_days=int(given["BASIRA_MOST_PROFILE_DAYS"]),
        wait_seconds=_seconds(given, "BASIRA_DATABASE_SECONDS"),
        rates=Path(given["BASIRA_RATES"]) if given["BASIRA_RATES"] else None,
    )


def check_environment() -> list[str]:
    """Check a start: raise the fault that would end it, and return what the service would lack. Makes nothing."""
    given = read_settings()
    return check_service(_service_settings(given), today=date.today(), quota=read_quota(given))


def prepare_environment() -> list[str]:
    """Make what is made once, before several workers start, and return it in words. Raises the fault that would end
    each worker."""
    given = read_settings()
    return prepare_service(
        Path(given["BASIRA_STORE"]), Path(given["BASIRA_POLICY"]), today=date.today(), database=given["BASIRA_DATABASE"]
    )


def _limits(given: Mapping[str, str]) -> Limits:
    return Limits(decide_seconds=_seconds(given, "BASIRA_DECIDE_TIMEOUT_SECONDS"), quota=read_quota(given))


def pages_fault() -> str:
    """Why no page can be served, and what to do; "" when nothing is missing. The API goes on without pages."""
    missing = missing_assets()
    return f"the pages lack {', '.join(missing)}. {HINT}" if missing else ""


def guard_of_environment() -> Guard:
    """The guard with which each worker's server makes connections."""
    access = read_access_settings(read_settings())
    return Guard(access.connections, access.proxies)


def from_environment() -> FastAPI:
    """The application that the environment describes. Raises UsageError, StoreError, PolicyError."""
    given, service = _open()
    application = make_application(
        service,
        recognise=by_key(service.database, datetime.now),
        clock=datetime.now,
        settings=read_access_settings(given),
        limits=_limits(given),
        large_socket=given["BASIRA_LARGE_SOCKET"],
    )
    shown = [setting_shown(one.name, given[one.name], default=one.default, meaning=one.meaning) for one in SETTINGS]
    add_pages(application, shown)
    _exempt_start_from_collection()
    return application


def large_from_environment() -> FastAPI:
    """The application of the large worker beside it: only for the socket of BASIRA_LARGE_SOCKET. It trusts the
    principal that each request names. Raises as `from_environment`."""
    given, service = _open()
    application = make_large_application(
        service,
        clock=datetime.now,
        limits=_limits(given),
    )
    _exempt_start_from_collection()
    return application


def _open() -> tuple[dict[str, str], Service]:
    """The settings, and the service of a process."""
    given = read_settings()
    log_json()
    # The time to read a number grows with the square of its digits, and stops every other thread. No field has so many.
    sys.set_int_max_str_digits(_MOST_DIGITS)
    return given, open_service(_service_settings(given), today=date.today())


def _exempt_start_from_collection() -> None:
    """Have the garbage collector never walk what the process has by now: code, libraries, model.

    They are some 250,000 objects, and last as long as the process. To walk them all takes 0.2 s, in which no other
    thread does anything; a large body makes enough objects for that.
    """
    gc.collect()
    gc.freeze()
    # At the end of the process the collector walks them once more: a library reports remaining objects as a leak.
    atexit.register(gc.unfreeze)
