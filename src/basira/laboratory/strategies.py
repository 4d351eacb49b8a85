"""The strategies by name.

Enters: a name. Leaves: a `Strategy`. Never here: how one works (see `strategies_scored`,
`strategies_mixed`, `strategies_ours`).
"""

from __future__ import annotations

from basira.laboratory import strategies_ours as ours
from basira.laboratory import strategies_scored as scored
from basira.laboratory.strategies_mixed import explore_by_bandit, explore_by_drift, mix
from basira.laboratory.view import Strategy
from basira.schema.errors import NotFoundError, UsageError

_DATE = "Kim and others, DATE, KDD 2020"
_SIMULATOR = "Kim and others, Active Learning for Human-in-the-Loop Customs Inspection, IEEE TKDE 2022"
_DRIFT = "Mai and others, Customs Fraud Detection in the Presence of Concept Drift, ICDM Workshops 2021"

_XGBOOST = scored.by_score(scored.learn_xgboost)

STRATEGIES: tuple[Strategy, ...] = (
    Strategy(
        "basira", "The risk model by probability, 5 % random control.", "ours",
        ours.choose_by_model("fraud_probability"), uses_features=True,
    ),
    Strategy(
        "basira_revenue", "The risk model by expected revenue, 5 % random control.", "ours",
        ours.choose_by_model("expected_revenue"), uses_features=True,
    ),
    Strategy(
        "basira_balanced", "The risk model by both in turn, 5 % random control.", "ours",
        ours.choose_by_model("balanced"), uses_features=True,
    ),
    Strategy("random", "A draw, every item alike.", _SIMULATOR, scored.choose_random),
    Strategy("price_order", "Highest customs value first.", _DATE, scored.by_score(scored.learn_price_order)),
    Strategy(
        "importer_history", "The importer's smoothed past rate.", _DATE, scored.by_score(scored.learn_importer_history)
    ),
    Strategy(
        "risk_profile", "How many of an item's values are among the riskiest of their column.", _SIMULATOR,
        scored.by_score(scored.learn_risk_profile),
    ),
    Strategy(
        "logistic_regression", "Logistic regression on numbers and risk-profile flags.", _SIMULATOR,
        scored.by_score(scored.learn_logistic_regression),
    ),
    Strategy("xgboost", "Boosted trees on numbers and risk-profile flags.", _DATE, _XGBOOST),
    Strategy(
        "xgboost_codes", "The same trees with label-encoded columns besides.", _SIMULATOR,
        scored.by_score(scored.learn_xgboost_codes),
    ),
    Strategy(
        "xgboost_revenue", "Boosted trees: probability × revenue if irregular.", _DATE,
        scored.by_score(scored.learn_xgboost_revenue),
    ),
    Strategy(
        "xgboost_log_revenue", "Boosted trees: probability × log of revenue if irregular.", _SIMULATOR,
        scored.by_score(scored.learn_xgboost_log_revenue),
    ),
    Strategy(
        "xgboost_leaves", "Logistic regression on the leaves of boosted trees.", "He and others, ADKDD 2014",
        scored.by_score(scored.learn_xgboost_leaves),
    ),
    Strategy(
        "isolation_forest", "Items that random cuts isolate soonest; no label is used.", "Liu and others, ICDM 2008",
        scored.by_score(scored.learn_isolation_forest),
    ),
    Strategy(
        "uncertainty", "Items of which the trees are least sure.", _SIMULATOR,
        scored.by_score(scored.learn_uncertainty),
    ),
    Strategy(
        "xgboost_random", "90 % boosted trees, 10 % random.", _SIMULATOR,
        mix([(_XGBOOST, 0.9), (scored.choose_random, 0.1)]),
    ),
    Strategy(
        "adaptive", "Boosted trees and random; a bandit draws the share explored.",
        "Auer and others, SIAM J. Comput. 2002", explore_by_bandit(_XGBOOST, scored.choose_random),
    ),
    Strategy(
        "drift_aware", "Boosted trees and random; explores more when new items differ from labelled ones.", _DRIFT,
        explore_by_drift(_XGBOOST, scored.choose_random),
    ),
    Strategy(
        "xgboost_our_features", "The published trees on Basira's features.", "their trees, our features",
        scored.by_score(scored.learn_xgboost_our_features), uses_features=True,
    ),
)  # fmt: skip

_BY_NAME = {s.name: s for s in STRATEGIES}


def find_strategy(name: str) -> Strategy:
    """A strategy of the table, or a mixture ``hybrid:NAME=SHARE+NAME=SHARE``.

    Raises
    ------
    NotFoundError : no strategy of that name. UsageError : a mixture that can't be read, or whose shares are not 1.

    >>> find_strategy("hybrid:xgboost=0.8+random=0.2").name
    'hybrid:xgboost=0.8+random=0.2'
    """
    if name.startswith("hybrid:"):
        return _hybrid(name)
    if name not in _BY_NAME:
        raise NotFoundError(
            f"Expected a strategy, found {name!r}.", hint=f"Known: {', '.join(_BY_NAME)}; or hybrid:A=0.9+B=0.1."
        )
    return _BY_NAME[name]


def _hybrid(name: str) -> Strategy:
    parts = []
    for part in name.removeprefix("hybrid:").split("+"):
        of, _, share = part.partition("=")
        try:
            parts.append((find_strategy(of), float(share)))
        except ValueError:
            raise UsageError(
                f"{name!r}: expected NAME=SHARE, found {part!r}.", hint="For example hybrid:xgboost=0.9+random=0.1."
            ) from None
    if any(not 0 < share <= 1 for _, share in parts) or abs(sum(share for _, share in parts) - 1) > 1e-9:
        raise UsageError(
            f"{name!r}: expected shares over 0 that add up to 1, found {', '.join(f'{s:g}' for _, s in parts)}.",
            hint="For example hybrid:xgboost=0.9+random=0.1.",
        )
    return Strategy(
        name,
        " and ".join(f"{share:.0%} {s.name}" for s, share in parts) + ".",
        "a mixture",
        mix([(s.choose, share) for s, share in parts]),
        uses_features=any(s.uses_features for s, _ in parts),
    )
