"""What the service counts of itself, for Prometheus.

Enters: requests and decisions as they end. Leaves: the text format. Never here: a label that names a person, a trader
or a declaration. One set a process: with several workers each answers for itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.001, 0.002, 0.004, 0.008, 0.016, 0.04, 0.1, 0.25, 1.0, 5.0)


class Metrics:
    """The counters of one process."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "basira_requests", "Requests answered.", ("method", "route", "status"), registry=self._registry
        )
        self._seconds = Histogram(
            "basira_request_seconds", "Time to answer.", ("route",), buckets=_SECONDS, registry=self._registry
        )
        self._decisions = Counter("basira_decisions", "Decisions recorded.", ("lane", "basis"), registry=self._registry)
        self._fallbacks = Counter(
            "basira_fallbacks", "Decisions without the model's answer: alarm on them.", ("reason",),
            registry=self._registry,
        )  # fmt: skip
        self._age = Gauge(
            "basira_profile_age_days", "Days the online profiles lack; -1 when none can serve.",
            registry=self._registry,
        )  # fmt: skip

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """A request is over."""
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def decided(self, decision: Mapping[str, Any]) -> None:
        """A decision was recorded."""
        self._decisions.labels(decision["lane"], decision["basis"]).inc()
        if decision["fallback"]:
            self._fallbacks.labels(decision["fallback"]).inc()

    def text(self, *, profile_age_days: int | None) -> bytes:
        """All of it, in the text format."""
        self._age.set(-1 if profile_age_days is None else profile_age_days)
        return generate_latest(self._registry)
