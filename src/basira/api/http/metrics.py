"""What the service counts of itself, for Prometheus; and a line of the log for what should alarm.

Enters: requests and decisions as they end, faults, the state of the profiles. Leaves: the text format. Never here: a
label or a field that names a person, a trader or a declaration.

With PROMETHEUS_MULTIPROC_DIR in the environment every process writes its figures into that folder, and any process
reports those of all. Counters include workers that have ended; gauges are those of living workers: the worst value, or
the sum.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from sqlalchemy.exc import OperationalError

from basira.schema.detail import NO_STATE, read_detail
from basira.schema.errors import BasiraError
from basira.serving.views.answers import DecisionBody

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.001, 0.002, 0.004, 0.008, 0.016, 0.04, 0.1, 0.25, 1.0, 5.0)
_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
# A day without a state concerns every declaration of it: the counter counts them, and the log has a line a minute.
_LOG_SECONDS = 60.0
# More offices than a country has: a client that makes names up must not fill the memory.
_MOST_OFFICES = 2_000
_LOG = logging.getLogger("basira.service")


class Metrics:
    """The figures of one process, or of all that share a folder."""

    def __init__(self, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._registry = CollectorRegistry()
        self._monotonic, self._logged_until = monotonic, float("-inf")
        # Offices whose latest decision here was made without a state, and on which day, YYYY-MM-DD.
        self._without_state: dict[str, str] = {}
        self._requests = self._counter("basira_requests", "Requests answered.", "method", "route", "status")
        self._seconds = Histogram(
            "basira_request_seconds", "Time to answer.", ("route",), buckets=_SECONDS, registry=self._registry
        )
        self._decisions = self._counter("basira_decisions", "Decisions recorded.", "lane", "basis")
        self._fallbacks = self._counter(
            "basira_fallbacks", "Decisions without the model's answer: alarm on them.", "reason"
        )
        self._beyond = self._counter(
            "basira_beyond_capacity",
            "Inspections that the list or the fallback gave beyond a lane's capacity: alarm on them.",
            "lane",
        )
        self._moved = self._counter(
            "basira_mandatory_moved",
            "Mandatory controls in a less intensive lane than their list asks for, which had no place: alarm on them.",
            "lane",
        )
        self._unavailable = self._counter(
            "basira_unavailable",
            "Requests, and parts of a batch, that could not be served: database, policy, model, a fault of ours "
            "(internal). Alarm on them.",
            "code",
        )
        self._not_kept = self._counter(
            "basira_rejected_not_kept",
            "Rejected bodies that the quarantine did not keep: quota of a key, its total, a fault of the database.",
            "cause",
        )
        self._ended = self._counter(
            "basira_connections_ended", "Connections that were ended for breaking a limit.", "cause"
        )
        self._age = self._gauge(
            "basira_profile_age_days", "Days the online profiles lack; -1 when none can serve.", "livemax"
        )
        self._can_serve = self._gauge("basira_profiles_can_serve", "1 when there are profiles to look up.", "livemin")
        self._newest = self._gauge(
            "basira_profiles_newest", "0 when the newest profiles are damaged or absent: alarm.", "livemin"
        )
        self._large: Gauge | None = None
        self._waiting = self._gauge("basira_declarations_waiting", "Declarations that wait for their turn.", "livesum")
        self._is_newest: bool | None = None

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(name, text, labels, registry=self._registry)

    def _gauge(self, name: str, text: str, mode: Literal["livemax", "livemin", "livesum"]) -> Gauge:
        return Gauge(name, text, registry=self._registry, multiprocess_mode=mode)

    def count_answer(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request that has ended."""
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def count_decision(self, decision: DecisionBody) -> None:
        """Count a recorded decision."""
        self._decisions.labels(decision["lane"], decision["basis"]).inc()
        reason, detail = decision["fallback"], read_detail(decision["detail"])
        if reason and reason != NO_STATE:
            self._fallbacks.labels(reason).inc()
            _LOG.warning("fallback", extra={"fields": {"reason": reason}})
        if reason == NO_STATE or detail.is_without_state:
            self._count_without_state(decision)
        elif not decision["detail"]:  # one of an older record, of the list or with its lane kept, may have had none
            self._without_state.pop(decision["office"], None)
        if detail.is_beyond_capacity:
            self._beyond.labels(decision["lane"]).inc()
        if detail.is_lane_full:
            self._moved.labels(decision["lane"]).inc()

    def _count_without_state(self, decision: DecisionBody) -> None:
        self._fallbacks.labels(NO_STATE).inc()
        if len(self._without_state) >= _MOST_OFFICES:
            self._without_state.clear()
        self._without_state[decision["office"]] = (decision["decided_at"] or "")[:10]
        now = self._monotonic()
        if now >= self._logged_until:
            self._logged_until = now + _LOG_SECONDS
            _LOG.error("fallback", extra={"fields": {"reason": NO_STATE}})

    def lacks_state(self, day: str) -> bool:
        """Whether this process decided without a state for an office on the day, YYYY-MM-DD, and for none of its later
        declarations with one."""
        return day in list(self._without_state.values())  # copied at once: another thread calls this

    def waiting(self, count: int) -> None:
        """Set how many declarations wait in this process, after one was answered or rejected."""
        self._waiting.set(count)

    def unavailable(self, error: Exception) -> None:
        """Count a part of the service that does not answer; or, within a batch, a fault of the service."""
        if not isinstance(error, BasiraError):
            self._unavailable.labels("internal").inc()
            _LOG.error("fault", extra={"fields": {"error": type(error).__name__}})
            return
        self._unavailable.labels(error.code).inc()
        cause = error.__cause__
        fields = {"code": error.code, "cause": type(cause or error).__name__}
        if isinstance(cause, OperationalError):  # out of reach, full, locked: words of the driver, no values
            fields["message"] = error.message
        _LOG.error("unavailable", extra={"fields": fields})

    def large_worker(self, is_there: bool) -> None:
        """Set whether the large worker answers. Without a large worker there is no figure."""
        if self._large is None:
            text = "0 when the large worker does not answer: alarm on it."
            self._large = self._gauge("basira_large_worker", text, "livemin")
        self._large.set(is_there)

    def count_not_kept(self, cause: str) -> None:
        """Count a rejected body that was answered and not kept."""
        self._not_kept.labels(cause).inc()

    def count_ended_connection(self, cause: str) -> None:
        """Count a connection that was ended for breaking a limit."""
        self._ended.labels(cause).inc()

    def profiles(self, *, age_days: int | None, alarm: str | None) -> None:
        """Set the status of this process's profiles. ``age_days``: None when none can serve."""
        self._age.set(-1 if age_days is None else age_days)
        self._can_serve.set(age_days is not None)
        self._newest.set(alarm is None)
        if self._is_newest is not (alarm is None):
            if alarm is not None:
                _LOG.error("profiles_not_the_newest", extra={"fields": {"reason": alarm}})
            elif self._is_newest is not None:
                _LOG.info("profiles_are_the_newest")
        self._is_newest = alarm is None

    def text(self) -> bytes:
        """All of it, in the text format."""
        folder = os.environ.get(_FOLDER)
        if not folder:
            return generate_latest(self._registry)
        for path in Path(folder).glob("gauge_live*_*.db"):
            pid = path.stem.rpartition("_")[2]
            if not Path("/proc", pid).is_dir():
                mark_process_dead(pid, folder)  # type: ignore[no-untyped-call]  # published without types
        shared = CollectorRegistry()
        MultiProcessCollector(shared, folder)  # type: ignore[no-untyped-call]  # likewise
        return generate_latest(shared)
