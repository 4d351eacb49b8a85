"""A store, from Python.

Enters: paths, mappings, dates. Leaves: reports, frames, models, lists, figures. Never here: work of its own; each
method is a call of a workflow, the same that the command of its name makes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from basira.ingest.mapping.model import load_mapping
from basira.interface.own_estimators import OwnEstimators
from basira.models.heads import FittedHeads
from basira.models.risk.settings import FitSettings
from basira.render.languages import LANGUAGES
from basira.schema.days import check_day
from basira.schema.errors import StoreError, UsageError
from basira.selection.policy.load import find_policy, load_policy
from basira.selection.policy.model import Objective
from basira.serving.admissible import folded_office
from basira.storage.history.store import History
from basira.storage.record.runs import Operations
from basira.workflows.engine import EngineBounds
from basira.workflows.evaluation.evaluate import Terms, backtest
from basira.workflows.intake.feedback import record_feedback
from basira.workflows.intake.ingest import ingest_files
from basira.workflows.models.stages import adopt_models, live_model
from basira.workflows.records.decisions import read_decisions
from basira.workflows.targeting import score as scoring
from basira.workflows.targeting.explanation import explain_decision
from basira.workflows.targeting.record import operations_of, record
from basira.workflows.targeting.target import order_day
from basira.workflows.targeting.target import target as choose
from basira.workflows.train import train

if TYPE_CHECKING:
    import polars as pl

    from basira.models.estimators import Estimator
    from basira.models.risk.risk_model import RiskModel
    from basira.workflows.evaluation.evaluate import Evaluation
    from basira.workflows.intake.ingest import IngestReport
    from basira.workflows.targeting.target import Targeted

PathLike = str | Path
Language = Literal["fr", "en", "ar"]


def open_store(path: PathLike, *, create: bool = False, memory: str = "2GB", threads: int = 2) -> Store:
    """Open a store: the folder that keeps declarations, results, models and decisions.

    Parameters
    ----------
    path
        The store's folder.
    create
        Make a new, empty store when there is none.
    memory
        Memory that the query engine may use, a number and its unit; the process needs some 0.5 GB besides.
    threads
        Threads of the query engine. Neither bound changes a result.

    Returns
    -------
    Store

    Raises
    ------
    StoreError
        There is no store (without ``create``), or the folder holds other things.

    Examples
    --------
    >>> import basira as bs
    >>> bs.open_store("absent")
    Traceback (most recent call last):
    ...
    basira.schema.errors.StoreError: Expected a Basira store in 'absent', found nothing.
    """
    if create:
        return Store(History.create(path), EngineBounds(memory=memory, threads=threads))
    try:
        history = History.open(path)
    except StoreError as error:
        raise StoreError(
            error.message_phrase, hint="Name its folder, or make it: open_store(..., create=True)."
        ) from None
    return Store(history, EngineBounds(memory=memory, threads=threads))


@dataclass(frozen=True)
class Store(OwnEstimators):
    """A store that is open. Made by `open_store`.

    Nothing is kept in memory between two calls, and nothing is locked: other processes may use the same store.
    Days are `datetime.date`; ``as_of`` is the last day whose facts may be used, its end included.
    """

    history: History
    engine: EngineBounds

    def __repr__(self) -> str:
        return f"<Basira store {str(self.history.root)!r}>"

    def ingest(self, files: PathLike | Sequence[PathLike], mapping: PathLike) -> IngestReport:
        """Take files of declarations in, with their results when the mapping has an [outcome] section.

        One commit a file, whole or not at all. Rows that can't be taken go to quarantine with their reason. The same
        file again changes nothing; a declaration that changed becomes a new version.

        Parameters
        ----------
        files
            One path, or several: CSV, Parquet, XLSX, JSON lines, ASYCUDA SAD XML.
        mapping
            A mapping file, or the name of a shipped one, such as ``"kcs"``.

        Returns
        -------
        IngestReport
            ``rows`` = ``accepted`` + ``already_known`` + ``quarantined``, in all and in ``files`` one by one, with the
            reasons; ``snapshot``, the number of the store's state after it.

        Raises
        ------
        MappingError, SourceError, StoreError, NotFoundError
            The mapping is invalid or does not fit, a file can't be read, the store is in use, nothing of that name.
            Files before the faulty one stay taken in.

        Examples
        --------
        >>> store.ingest(["declarations.csv"], "declarations.toml").quarantined  # doctest: +SKIP
        0
        >>> store.ingest("absent.csv", "declarations.toml")  # doctest: +SKIP
        Traceback (most recent call last):
        ...
        basira.schema.errors.SourceError: Expected a file at 'absent.csv', found nothing.
        """
        return ingest_files(self.history, _paths(files), load_mapping(mapping), received_at=_now())

    def feedback(
        self, files: PathLike | Sequence[PathLike], mapping: PathLike, *, known_at: date | None = None
    ) -> IngestReport:
        """Record inspection results from files of their own.

        A result on a declaration that the store does not have goes to quarantine. A blank result is not "compliant":
        it is unknown.

        Parameters
        ----------
        files
            One path, or several.
        mapping
            A mapping file with [outcome] only, or the name of a shipped one, such as ``"basira-outcomes"``.
        known_at
            Day on which the administration learned the results, for files without a column that says so.

        Returns
        -------
        IngestReport
            As `ingest`.

        Raises
        ------
        MappingError, SourceError, StoreError, NotFoundError
            As `ingest`; MappingError also when it is not said when results were known, or twice.

        Examples
        --------
        >>> store.feedback("results.csv", "results.toml").accepted > 0  # doctest: +SKIP
        True
        >>> store.feedback("results.csv", "results.toml", known_at="2024-07-01")  # doctest: +SKIP
        Traceback (most recent call last):
        ...
        basira.schema.errors.UsageError: known_at: expected a datetime.date, found str: '2024-07-01'.
        """
        moment = None if known_at is None else datetime.combine(check_day(known_at, name="known_at"), time.min)
        return record_feedback(self.history, _paths(files), load_mapping(mapping), received_at=_now(), known_at=moment)

    def features(self, start: date, end: date, *, as_of: date) -> pl.DataFrame:
        """Describe the items declared in a period by what was known of them.

        An item sees the days before its own, and none after ``as_of``; results count from the day they became known.
        Neither an item's own day nor its own result is ever in its features.

        Parameters
        ----------
        start, end
            First and last day of declaration, both included. Each declaration stands in its latest version of them.
        as_of
            Last day whose facts may be used. With ``as_of=end`` each item is described as on its own day.

        Returns
        -------
        polars.DataFrame
            One row an item, ordered by declaration, version and item number, which are its first columns; then the
            columns of the catalog (units and meaning: docs/reference/features.md), null where not known; then a
            category column for each of the source's own fields. ``.to_pandas()`` gives a pandas frame where pandas is
            installed.

        Raises
        ------
        UsageError
            No `datetime.date`, a period that ends before it begins, or one without declarations.
        StoreError
            A file of the store is not as it was written; or more memory is needed.

        Examples
        --------
        >>> frame = store.features(date(2024, 6, 1), date(2024, 6, 30), as_of=date(2024, 5, 31))  # doctest: +SKIP
        >>> frame.columns[:4]  # doctest: +SKIP
        ['declaration_id', 'declaration_version', 'item_number', 'all_hit_rate']
        >>> store.features("2024-06-01", "2024-06-30", as_of="2024-05-31")  # doctest: +SKIP
        Traceback (most recent call last):
        ...
        basira.schema.errors.UsageError: start: expected a datetime.date, found str: '2024-06-01'.
        """
        first, last = check_day(start, name="start"), check_day(end, name="end")
        day = check_day(as_of, name="as_of")
        scoring.check_period(first, last, name="start")
        return scoring.features_of_period(self.history, first=first, last=last, as_of=day, engine=self.engine)

    def train(
        self, *, as_of: date, seed: int = 1, half_life_days: float | None = None, positive_weight: float = 1.0
    ) -> RiskModel:
        """Fit Basira's model on the results known at the end of a day, and save it in the store.

        Parameters
        ----------
        as_of
            Last day whose facts may be used.
        seed
            Of everything random: the same seed gives the same model.
        half_life_days
            An item this many days older counts half; None: all count alike.
        positive_weight
            Weight of an irregular item against a regular one.

        Returns
        -------
        RiskModel
            ``version``, its name in the store; ``card``, on what it was fitted and how good it was on later items.

        Raises
        ------
        ModelError
            Fewer than ten irregular or ten regular results were known by then.
        UsageError, StoreError
            As `features`.

        Examples
        --------
        >>> model = store.train(as_of=date(2024, 5, 31))  # doctest: +SKIP
        >>> model.card["as_of"]  # doctest: +SKIP
        '2024-05-31'
        >>> store.train(as_of=date(1999, 12, 31))  # doctest: +SKIP
        Traceback (most recent call last):
        ...
        basira.schema.errors.ModelError: Expected inspection results known by then, found none.
        """
        settings = FitSettings(half_life_days=half_life_days, positive_weight=positive_weight)
        day = check_day(as_of, name="as_of")
        return train(self.history, as_of=day, seed=seed, now=_now(), settings=settings, engine=self.engine)

    def score(self, start: date, end: date, *, as_of: date, model: str | FittedHeads = "") -> pl.DataFrame:
        """Estimate probability and revenue of the items declared in a period.

        Without a model that knows nothing later than ``as_of``, one is trained first and saved.

        Parameters
        ----------
        start, end, as_of
            As `features`.
        model
            Version of a saved model, or what `train_heads` fitted; "": the saved one that knows most without knowing
            anything later than ``as_of``.

        Returns
        -------
        polars.DataFrame
            One row an item: ``declaration_id``, ``item_number``; ``fraud_probability`` (0 to 1, calibrated);
            ``revenue_if_fraud`` and ``expected_revenue`` (amounts in the declarations' currency, 0 where no value was
            declared); ``model_version``; ``probability_<kind>`` for each kind; ``declaration_version``;
            ``balanced_value``, by which the item would rank in the balanced order. No nulls.

        Raises
        ------
        ModelError
            No results to learn from by then, or the model asked for knows later ones.
        UsageError, StoreError, NotFoundError
            As `features`; NotFoundError: no model of that version.

        Examples
        --------
        >>> scores = store.score(date(2024, 6, 1), date(2024, 6, 30), as_of=date(2024, 5, 31))  # doctest: +SKIP
        >>> scores["fraud_probability"].is_between(0, 1).all()  # doctest: +SKIP
        True
        >>> store.score(date(2024, 6, 30), date(2024, 6, 1), as_of=date(2024, 5, 31))  # doctest: +SKIP
        Traceback (most recent call last):
        ...
        basira.schema.errors.UsageError: Expected a period, found one that ends (2024-06-01) before it begins (2024-06-30).
        """  # noqa: E501 - an error is one line
        first, last = check_day(start, name="start"), check_day(end, name="end")
        day = check_day(as_of, name="as_of")
        scoring.check_period(first, last, name="start")
        if not model:
            scoring.train_if_none(self.history, as_of=day, now=_now(), engine=self.engine)
        chosen: RiskModel | FittedHeads = (
            model
            if isinstance(model, FittedHeads)
            else scoring.choose_model(self.history, as_of=day, version=model or None)
        )
        return scoring.score(self.history, first=first, last=last, as_of=day, model=chosen, engine=self.engine).table

    def target(
        self,
        day: date,
        *,
        policy: PathLike = "morocco",
        as_of: date | None = None,
        office: str = "",
        any_office: bool = False,
        model: str = "",
        seed: int | None = None,
        language: Language = "fr",
        preview: bool = False,
    ) -> Targeted:
        """Put a day's declarations in lanes under each office's capacity, with reasons, and record every decision.

        Parameters
        ----------
        day
            Day of declaration.
        policy
            A policy folder, or the name of a shipped one; the version that is in force on ``day``.
        as_of
            Last day whose facts may be used; None: the day before.
        office
            Only this office's declarations; "": every office's.
        any_office
            Take every code for an office, whatever the policy's list says.
        model
            A version; "": the live one, or the last one that it replaced and that knows nothing later than ``as_of``.
            Nothing but a live model decides; a preview may name any. None is trained here.
        seed
            Of the random control; None: drawn afresh, and recorded.
        language
            Of the reasons: "fr", "en" or "ar".
        preview
            Record nothing.

        Returns
        -------
        Targeted
            ``listing``: the inspection list, office by office, with its reasons; ``decisions``: one a declaration,
            released ones too, each with its lane and inclusion probability; ``run``: what they rest on.

        Raises
        ------
        UsageError
            No declarations on that day or of that office, ``as_of`` not before ``day``, no such policy or language.
        PolicyError, ModelError, StoreError
            The policy is not valid on that day; there is no model that may be used; as `features`.

        Examples
        --------
        >>> found = store.target(date(2024, 6, 12), any_office=True, seed=7, preview=True)  # doctest: +SKIP
        >>> len(found.decisions) >= len(found.listing.lines)  # doctest: +SKIP
        True
        >>> store.target(date(2024, 6, 12), as_of=date(2024, 6, 12))  # doctest: +SKIP
        Traceback (most recent call last):
        ...
        basira.schema.errors.UsageError: as_of: expected a day before the targeted day 2024-06-12, found 2024-06-12.
        """
        order = order_day(
            check_day(day, name="day"),
            as_of=None if as_of is None else check_day(as_of, name="as_of"),
            seed=seed,
            office=folded_office(office) or None,
            any_office=any_office,
            name="as_of",
        )
        _check_language(language)
        rules = load_policy(find_policy(policy, option="policy"), order.day)
        chosen = (
            scoring.choose_model(self.history, as_of=order.as_of, version=model)
            if preview and model
            else live_model(self.history, operations_of(self.history), as_of=order.as_of, version=model)
        )
        found = choose(
            self.history, order, model=chosen, policy=rules, now=datetime.now(), language=language, engine=self.engine
        )
        if not preview:
            adopt_models(self.history, operations_of(self.history), now=found.run.created_at)
            record(self.history, found)
        return found

    def evaluate(
        self,
        *,
        as_of: date,
        estimators: Mapping[str, Estimator] | None = None,
        policy: PathLike | None = None,
        seed: int = 1,
        resamples: int = 1000,
    ) -> Evaluation:
        """Compare Basira's model with the usual baselines, and with your own estimators, on the store's own results.

        Each learns from the earlier four fifths of the results known at ``as_of`` and is tested on the latest fifth.
        The test items were inspected: the figures speak of items like those.

        Parameters
        ----------
        as_of
            Last day whose results are used.
        estimators
            Estimators by name, see `train_estimator`; they see the same items, columns and weights as ours.
        policy
            Whose order ``"basira"`` ranks in: a policy folder, or the name of a shipped one, as in force on ``as_of``;
            None: the balanced order. The other orders stand beside it, as ``"basira_findings"`` and the like.
        seed
            Of fitting and of the bootstrap.
        resamples
            Bootstrap resamples for the 95 % intervals.

        Returns
        -------
        Evaluation
            ``metrics``: what docs/reference/metrics.md describes; ``metrics["models"][name]["slices"]["all"]`` holds
            precision and recall by percent inspected, AUC and Brier score, each null where it is not defined;
            ``metrics["differences"]`` ours minus each other, paired. ``curves``: what the report draws. Nothing is
            written to the store.

        Raises
        ------
        UsageError
            A name that is taken, what is no estimator, an estimator that fails.
        ModelError, StoreError
            As `train`.

        Examples
        --------
        >>> from sklearn.ensemble import RandomForestClassifier
        >>> mine = {"forest": RandomForestClassifier(20, random_state=1)}
        >>> found = store.evaluate(as_of=date(2024, 6, 30), estimators=mine, resamples=50)  # doctest: +SKIP
        >>> 0 <= found.metrics["models"]["forest"]["slices"]["all"]["auc"] <= 1  # doctest: +SKIP
        True
        >>> store.evaluate(as_of=date(2024, 6, 30), estimators={"xgboost": mine["forest"]})  # doctest: +SKIP
        Traceback (most recent call last):
        ...
        basira.schema.errors.UsageError: estimator 'xgboost': expected a name of its own, found one that is taken.
        """
        day = check_day(as_of, name="as_of")
        objective = Objective() if policy is None else load_policy(find_policy(policy, option="policy"), day).objective
        terms = Terms(seed, resamples, estimators=estimators or {}, objective=objective)
        return backtest(self.history, terms, as_of=day, engine=self.engine)

    def decisions(self, start: date, end: date, *, database: str = "") -> pl.DataFrame:
        """Every recorded decision on the days of a period, of runs and of the service.

        Parameters
        ----------
        start, end
            First and last day, both included: the days that a run targeted, the days on which the service decided.
        database
            URL of the operational database (``postgresql+psycopg://...``); "": the store's own SQLite file.

        Returns
        -------
        polars.DataFrame
            One row per decision: runs in their order, then the service's. ``source``: "run" or "service".
            Probabilities are 0 to 1; ``expected_revenue`` is an amount in ``currency`` (null of a run: the history's).
            Null where nothing was recorded. Reasons are left out: `explain` has them.

        Raises
        ------
        StoreError
            Nothing was ever recorded.
        UsageError
            One of ``start``, ``end`` is no day, or ``start`` is after ``end``.

        Examples
        --------
        >>> decided = store.decisions(date(2024, 6, 1), date(2024, 6, 30))  # doctest: +SKIP
        >>> by_lane = decided.group_by("lane").len()  # doctest: +SKIP
        >>> store.decisions(date(2024, 6, 9), date(2024, 6, 1))  # doctest: +SKIP
        Traceback (most recent call last):
        ...
        basira.schema.errors.UsageError: Expected a period, found one that ends (2024-06-01) before it begins (2024-06-09).
        """  # noqa: E501 - an error is one line
        import polars as pl

        first, last = check_day(start, name="start"), check_day(end, name="end")
        scoring.check_period(first, last, name="start")
        with Operations(database or operations_of(self.history), create=False) as operations:
            return pl.DataFrame(read_decisions(operations, first=first, last=last))

    def explain(self, declaration_id: str, *, run: str = "", language: Language = "fr") -> dict[str, Any]:
        """Say why a recorded run put a declaration in its lane.

        Parameters
        ----------
        declaration_id
            The declaration's number.
        run
            Which run; "": the latest that decided on it.
        language
            Of the words: "fr", "en" or "ar".

        Returns
        -------
        dict
            What ``basira explain --json`` prints: lane, basis, probability (0 to 1), expected revenue (an amount in
            ``currency``), both null of a declaration without a score; for each item its reasons, what to verify, its
            references.

        Raises
        ------
        NotFoundError
            No run decided on it. What the service decides is in its own record: ``basira explain``.
        StoreError
            Nothing was ever recorded.
        UsageError
            Another language.

        Examples
        --------
        >>> decision = store.target(date(2024, 6, 12), any_office=True).decisions[0]  # doctest: +SKIP
        >>> store.explain(decision.declaration_id, language="en")["lane"] == decision.lane  # doctest: +SKIP
        True
        >>> store.explain("no such number")  # doctest: +SKIP
        Traceback (most recent call last):
        ...
        basira.schema.errors.NotFoundError: Expected a decision on declaration 'no such number', found none.
        """
        return explain_decision(self.history, declaration_id, run=run, language=_check_language(language))


def _paths(files: PathLike | Sequence[PathLike]) -> list[Path]:
    return [Path(files)] if isinstance(files, str | Path) else [Path(one) for one in files]


def _check_language(language: str) -> str:
    if language not in LANGUAGES:
        raise UsageError(
            "language: expected one of {languages}, found {language!r}.",
            hint="Give one of these.",
            languages=", ".join(LANGUAGES),
            language=language,
        )
    return language


def _now() -> datetime:
    return datetime.now().replace(microsecond=0)
