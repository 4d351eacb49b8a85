"""One request of a page, as the functions behind a route pass it on.

Enters: what the route was given. Leaves: one value. Never here: what the page shows.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from fastapi import Request

from basira.serving.service import Service
from basira.web.access import Visitor


@dataclass(frozen=True, slots=True)
class Call:
    """Who asks, for which page, of which service, when."""

    request: Request
    visitor: Visitor
    service: Service
    now: datetime

    @property
    def today(self) -> date:
        """The administration's day."""
        return self.now.date()
