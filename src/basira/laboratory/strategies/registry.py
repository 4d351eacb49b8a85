"""The strategies by name.

Enters: a name. Leaves: a `Strategy`. Never here: how one works (see `strategies.scored`,
`strategies.mixed`, `strategies.ours`, and ``deep_...`` for those of the optional extra).
"""

from __future__ import annotations

from basira.laboratory.deep import explore
from basira.laboratory.deep.date import learn_date, learn_date_log_revenue, learn_date_revenue
from basira.laboratory.deep.ecod import learn_ecod
from basira.laboratory.deep.extra import PYOD, TABNET, TORCH
from basira.laboratory.deep.tabnet import learn_tabnet
from basira.laboratory.deep.unlabelled import learn_autoencoder, learn_deep_sad
from basira.laboratory.strategies import comparators, ours, published, scored
from basira.laboratory.strategies.ceiling import ORACLE
from basira.laboratory.strategies.mixed import explore_by_bandit, explore_by_drift, mix
from basira.laboratory.worlds.view import Strategy
from basira.schema.errors import NotFoundError, UsageError

_DATE = "Kim and others, DATE, KDD 2020"
_SIMULATOR = "Kim and others, Active Learning for Human-in-the-Loop Customs Inspection, IEEE TKDE 2022"
_BADGE = "Ash and others, BADGE, ICLR 2020"
_DEEP_SAD = "Ruff and others, Deep SAD, ICLR 2020"
_TABNET = "Arik and Pfister, TabNet, AAAI 2021"
_DRIFT = "Mai and others, Customs Fraud Detection in the Presence of Concept Drift, ICDM Workshops 2021"

_XGBOOST = scored.by_score(scored.learn_xgboost)
_BY_DATE = scored.by_score(learn_date())

STRATEGIES: tuple[Strategy, ...] = (
    Strategy(
        "basira", "The weekly model: findings first, the larger of like probability; 5 % random control.", "ours",
        ours.choose_by_model("balanced"), uses_features=True,
    ),
    Strategy(
        "basira_revenue", "The weekly model: revenue weighs more; 5 % random control.", "ours",
        ours.choose_by_model("revenue"), uses_features=True,
    ),
    Strategy(
        "basira_balanced", "The weekly model by both orders in turn; 5 % random control.", "ours",
        ours.choose_by_model("turns"), uses_features=True,
    ),
    # Beside ours, not one of them: without random draws, what is never chosen can't be estimated, nor its changes seen.
    Strategy(
        "basira_no_control", "The same as basira without random control: what the control costs.",
        "ours, not for use", ours.choose_by_model("balanced", control=0.0), uses_features=True,
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
        "xgboost_published", "Boosted trees of the published simulator, its columns and settings as published.",
        _SIMULATOR, scored.by_score(published.learn_xgboost_published),
    ),
    Strategy(
        "xgboost_leaves_published", "Logistic regression on their leaves, columns and settings as published.",
        _SIMULATOR, scored.by_score(published.learn_xgboost_leaves_published),
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
    Strategy("date", "Attention over the leaves of boosted trees: probability.", _DATE, _BY_DATE, needs=TORCH),
    Strategy(
        "date_revenue", "The same network's second head: expected revenue.", _DATE,
        scored.by_score(learn_date_revenue), needs=TORCH,
    ),
    Strategy(
        "date_log_revenue", "Both heads: probability × log of expected revenue.", "their network, both heads",
        scored.by_score(learn_date_log_revenue), needs=TORCH,
    ),
    Strategy(
        "diversity", "The items nearest the centres of clusters of DATE's embeddings.", _SIMULATOR,
        explore.explore(explore.pick_diverse), needs=TORCH,
    ),
    Strategy(
        "badge", "Items spread out by what each would teach DATE.", _BADGE, explore.explore(explore.pick_badge),
        needs=TORCH,
    ),
    Strategy(
        "bate", "The same, the unsure and the valuable sooner.", _SIMULATOR, explore.explore(explore.pick_bate),
        needs=TORCH,
    ),
    Strategy(
        "gate", "The same while DATE finds revenue, else random.", _SIMULATOR, explore.choose_gate, needs=TORCH
    ),
    Strategy(
        "date_random", "90 % DATE, 10 % random.", _SIMULATOR,
        mix([(_BY_DATE, 0.9), (scored.choose_random, 0.1)]), needs=TORCH,
    ),
    Strategy(
        "date_gate", "90 % DATE, 10 % gATE.", _SIMULATOR, mix([(_BY_DATE, 0.9), (explore.choose_gate, 0.1)]),
        needs=TORCH,
    ),
    Strategy(
        "tabnet", "Attention that picks columns in steps: probability.", _TABNET, scored.by_score(learn_tabnet),
        needs=TABNET,
    ),
    Strategy(
        "autoencoder", "A classifier on a code that must also rebuild items without a result.", _SIMULATOR,
        scored.by_score(learn_autoencoder), needs=TORCH,
    ),
    Strategy(
        "deep_sad", "Distance from where all but known irregular items are drawn together.", _DEEP_SAD,
        scored.by_score(learn_deep_sad), needs=TORCH,
    ),
    Strategy(
        "ecod", "Items in the tails of many columns; no label is used.", "Li and others, ECOD, IEEE TKDE 2022",
        scored.by_score(learn_ecod), needs=PYOD,
    ),
    Strategy(
        "date_our_features", "DATE on Basira's features.", "their network, our features",
        scored.by_score(learn_date(on_our_features=True)), uses_features=True, needs=TORCH,
    ),
    Strategy(
        "xgboost_our_features", "The published trees on Basira's features.", "their trees, our features",
        scored.by_score(scored.learn_xgboost_our_features), uses_features=True,
    ),
    Strategy(
        "xgboost_our_features_revenue", "The same: probability × revenue if irregular.", "their trees, our features",
        scored.by_score(comparators.learn_revenue), uses_features=True,
    ),
    Strategy(
        "xgboost_our_features_log_revenue", "The same: probability × log of revenue if irregular.",
        "their trees, our features", scored.by_score(comparators.learn_log_revenue), uses_features=True,
    ),
)  # fmt: skip

# The ceiling is found by its name and is not in the table: it knows the truth, so it competes with no strategy.
_BY_NAME = {s.name: s for s in (*STRATEGIES, ORACLE)}
# Groups that the command names: ours; and the published ones on their own columns. What gives one the other's features,
# or the truth, is in neither.
OURS: tuple[str, ...] = tuple(s.name for s in STRATEGIES if s.source == "ours" and not s.is_told)
PUBLISHED: tuple[str, ...] = tuple(
    s.name for s in STRATEGIES if s.source != "ours" and not s.uses_features and not s.is_told
)


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
            "Expected a strategy, found {name!r}.",
            hint="Known: {by_name}; or hybrid:A=0.9+B=0.1.",
            name=name,
            by_name=", ".join(_BY_NAME),
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
                "{name!r}: expected NAME=SHARE, found {part!r}.",
                hint="For example hybrid:xgboost=0.9+random=0.1.",
                name=name,
                part=part,
            ) from None
    if any(not 0 < share <= 1 for _, share in parts) or abs(sum(share for _, share in parts) - 1) > 1e-9:
        raise UsageError(
            "{name!r}: expected shares over 0 that add up to 1, found {parts}.",
            hint="For example hybrid:xgboost=0.9+random=0.1.",
            name=name,
            parts=", ".join((f"{s:g}" for _, s in parts)),
        )
    return Strategy(
        name,
        " and ".join(f"{share:.0%} {s.name}" for s, share in parts) + ".",
        "a mixture",
        mix([(s.choose, share) for s, share in parts]),
        uses_features=any(s.uses_features for s, _ in parts),
        needs=tuple(dict.fromkeys(library for s, _ in parts for library in s.needs)),
    )
