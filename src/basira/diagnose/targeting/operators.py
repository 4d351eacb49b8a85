"""Operators that controls pass by, and pairs of inspector and declarant that meet too often.

Enters: declarations as `prepare_declarations` leaves them. Leaves: tables, findings. Never here: a verdict on a person:
a chance, and what else could explain it.

What an operator's controls should be is not the mean: the rules that hit it, its goods, offices, values and programme
explain most of it. A logistic regression on those gives each declaration a chance; the sum over an operator's is what
is expected of it. What that leaves unexplained between operators widens every interval.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from scipy.sparse import csr_matrix, hstack
from scipy.stats import nbinom, poisson

from basira.diagnose.findings import Cell, Column, Finding, Said, Table, Unjudged
from basira.diagnose.statistics import Floats, adjust, at_least, share_of

RARE = 0.01
# Of operators: what rules and goods don't explain is only partly known.
RARE_OPERATOR = 0.003
# Controlled less than this part of what is expected.
PASSED_BY = 0.2
FEWEST_DECLARATIONS = 30
FEWEST_EXPECTED = 4.0
# Of pairs: this many times what chance gives, and at least so many meetings.
TOO_OFTEN = 2.0
FEWEST_MEETINGS = 6
_MOST_FITTED = 200_000
_MOST_RULES = 300


def judge_operators(
    declared: pl.DataFrame, *, seed: int
) -> tuple[tuple[Table, ...], tuple[Finding, ...], tuple[Unjudged, ...]]:
    """Tables of operators and pairs, findings, what could not be judged. ``seed``: of the sample fitted on."""
    tables: list[Table] = []
    findings: list[Finding] = []
    unjudged = []
    concentration = _concentration(declared)
    tables += [concentration] if concentration.rows else []
    if 0 < int(declared["is_selected"].sum()) < declared.height:
        passed, passed_findings = _passed_by(declared, _chances(declared, seed=seed))
        tables.append(passed)
        findings += passed_findings
    if declared["inspector"].null_count() == declared.height or declared["declarant"].null_count() == declared.height:
        unjudged.append(Unjudged("pairs", ("inspector_id", "declarant_id")))
    else:
        pairs, pair_findings = _pairs(declared)
        tables.append(pairs)
        findings += pair_findings
    return tuple(tables), tuple(findings), tuple(unjudged)


def _concentration(declared: pl.DataFrame) -> Table:
    """What the operators with the most declarations have of declarations, controls and findings."""
    rows: list[tuple[Cell, ...]] = []
    for kind in ("importer", "declarant", "exporter"):
        known = declared.filter(pl.col(kind).is_not_null())
        if known.is_empty():
            continue
        counted = (
            known.group_by(kind)
            .agg(pl.len().alias("n"), pl.col("is_selected").sum(), (pl.col("is_known") & pl.col("is_irregular")).sum())
            .sort("n", kind, descending=True)
        )
        for part in (0.01, 0.1):
            head = counted.head(max(1, round(part * counted.height)))
            totals = [int(counted[name].sum()) for name in ("n", "is_selected", "is_known")]
            own = [int(head[name].sum()) for name in ("n", "is_selected", "is_known")]
            shares = [a / b if b else None for a, b in zip(own, totals, strict=True)]
            rows.append((f"operator.{kind}", part, head.height, *shares))
    columns = (
        *(Column("operator", "word"), Column("largest", "share"), Column("operators", "count")),
        *(Column("of_declarations", "share"), Column("of_controls", "share"), Column("of_findings", "share")),
    )
    return Table("targeting.concentration", columns, tuple(rows))


def _chances(declared: pl.DataFrame, *, seed: int) -> Floats:
    """Of each declaration to be selected, by what is known of it and by which rules hit it."""
    from sklearn.linear_model import LogisticRegression

    matrix = csr_matrix(hstack(_columns(declared)))
    target = declared["is_selected"].to_numpy()
    rows = np.arange(declared.height)
    if len(rows) > _MOST_FITTED:
        rows = np.sort(np.random.default_rng(seed).choice(rows, _MOST_FITTED, replace=False))
    fitted = LogisticRegression(C=1.0, max_iter=200).fit(matrix[rows], target[rows])
    chances: Floats = fitted.predict_proba(matrix)[:, 1]
    return np.clip(chances, 1e-6, 1 - 1e-6)


def _columns(declared: pl.DataFrame) -> list[csr_matrix]:
    def one_hot(codes: np.ndarray[tuple[int], np.dtype[np.int64]]) -> csr_matrix:
        n = len(codes)
        return csr_matrix((np.ones(n), (np.arange(n), codes)), shape=(n, int(codes.max()) + 1))

    found = []
    for name in ("office", "chapter", "origin", "transport", "procedure"):
        found.append(one_hot(declared[name].fill_null("").rank("dense").to_numpy().astype(np.int64) - 1))
    for name in ("value", "tax"):
        rank = declared[name].fill_null(0.0).rank("average") / declared.height
        found.append(one_hot(np.minimum(9, (rank.to_numpy() * 10).astype(np.int64))))
    found.append(csr_matrix(declared["is_oea"].cast(pl.Float64).fill_null(0.0).to_numpy()[:, None]))
    if declared["rule_list"].null_count() < declared.height:
        hits = declared.select("rule_list").with_row_index("row").explode("rule_list").drop_nulls()
        common = hits["rule_list"].value_counts(sort=True)["rule_list"].head(_MOST_RULES).to_list()
        place = {name: n for n, name in enumerate(sorted(common))}
        hits = hits.filter(pl.col("rule_list").is_in(common))
        columns = np.array([place[name] for name in hits["rule_list"].to_list()], dtype=np.int64)
        shape = (declared.height, max(1, len(place)))
        found.append(csr_matrix((np.ones(len(columns)), (hits["row"].to_numpy(), columns)), shape=shape))
    return found


def _passed_by(declared: pl.DataFrame, chances: Floats) -> tuple[Table, list[Finding]]:
    frame = declared.with_columns(pl.Series("chance", chances))
    tested: list[tuple[str, str, int, int, float, float]] = []
    for kind in ("importer", "declarant"):
        counted = (
            frame.filter(pl.col(kind).is_not_null())
            .group_by(kind)
            .agg(
                pl.len().alias("n"),
                pl.col("is_selected").sum().alias("own"),
                pl.col("chance").sum().alias("expected"),
                (pl.col("chance") * (1 - pl.col("chance"))).sum().alias("variance"),
            )
            .sort(kind)
        )
        spread = _unexplained(counted)
        enough = counted.filter((pl.col("n") >= FEWEST_DECLARATIONS) & (pl.col("expected") >= FEWEST_EXPECTED))
        for name, n, own, expected in enough.select(kind, "n", "own", "expected").iter_rows():
            tested.append((kind, name, n, own, expected, _low_tail(own, expected, spread)))
    chances_of = adjust([one[5] for one in tested])
    order = sorted(range(len(tested)), key=lambda n: (chances_of[n], tested[n][1]))
    rows: list[tuple[Cell, ...]] = []
    findings = []
    for n in order:
        kind, name, count, own, expected, _ = tested[n]
        rows.append((f"operator.{kind}", name, count, own, expected, own / expected, chances_of[n]))
        if chances_of[n] < RARE_OPERATOR and own < PASSED_BY * expected:
            values = {
                "operator": Said(f"operator.{kind}", "word"),
                "name": Said(name, "code"),
                "declarations": Said(count, "count"),
                "own": Said(own, "count"),
                "expected": Said(round(expected, 1), "number"),
                "chance": Said(chances_of[n], "chance"),
            }
            findings.append(Finding("passed_by", "high", "targeting.passed_by", values))
    columns = (
        *(Column("operator", "word"), Column("name", "code"), Column("declarations", "count")),
        *(Column("controls", "count"), Column("expected", "number"), Column("ratio", "ratio")),
        Column("chance", "chance"),
    )
    return Table("targeting.passed_by", columns, tuple(rows), shown=10), findings


def _unexplained(counted: pl.DataFrame) -> float:
    """How many times the variance between operators is that of independent declarations, 1 or more; the outermost
    twentieths, which may be what is looked for, are left out."""
    enough = counted.filter(pl.col("expected") >= 2.0)
    if enough.height < 20:
        return 1.5
    squares = np.sort((((enough["own"] - enough["expected"]) ** 2) / enough["variance"]).to_numpy())
    kept = squares[: max(1, int(0.9 * len(squares)))]
    # The mean of the lower nine tenths of a chi-squared variable of one degree is .62 of its mean.
    return max(1.0, float(kept.mean()) / 0.62)


def _low_tail(own: int, expected: float, spread: float) -> float:
    """Probability of as few: negative binomial with ``spread`` times the variance of a Poisson variable."""
    if spread <= 1.001:
        return float(poisson.cdf(own, expected))
    return float(nbinom.cdf(own, expected / (spread - 1), 1 / spread))


def _pairs(declared: pl.DataFrame) -> tuple[Table, list[Finding]]:
    met = declared.filter(pl.col("inspector").is_not_null() & pl.col("declarant").is_not_null()).with_columns(
        month=pl.col("declared_at").dt.truncate("1q")
    )
    stratum = ["office", "month"]
    sizes = met.group_by(stratum).agg(pl.len().alias("all"))
    inspector = met.group_by([*stratum, "inspector"]).agg(pl.len().alias("of_inspector"))
    declarant = met.group_by([*stratum, "declarant"]).agg(pl.len().alias("of_declarant"))
    expected = (
        inspector.join(declarant, on=stratum)
        .join(sizes, on=stratum)
        .group_by("inspector", "declarant")
        .agg((pl.col("of_inspector") * pl.col("of_declarant") / pl.col("all")).sum().alias("expected"))
    )
    counted = met.group_by("inspector", "declarant").agg(
        pl.len().alias("n"),
        pl.col("office").first(),
        pl.col("is_known").sum().alias("known"),
        (pl.col("is_known") & pl.col("is_irregular")).sum().alias("found"),
    )
    whole = met.group_by("declarant").agg(
        pl.col("is_known").sum().alias("all_known"),
        (pl.col("is_known") & pl.col("is_irregular")).sum().alias("all_found"),
    )
    tested = (
        expected.filter(pl.col("expected") >= 0.5)
        .join(counted, on=["inspector", "declarant"], how="inner")
        .join(whole, on="declarant")
        .sort("inspector", "declarant")
    )
    chances = adjust([at_least(n, e) for n, e in tested.select("n", "expected").iter_rows()])
    rows: list[tuple[Cell, ...]] = []
    findings = []
    for row, chance in zip(tested.iter_rows(named=True), chances, strict=True):
        others_known, others_found = row["all_known"] - row["known"], row["all_found"] - row["found"]
        own, others = share_of(row["found"], row["known"]), share_of(others_found, others_known)
        ratio = row["n"] / row["expected"]
        rows.append(
            (row["inspector"], row["declarant"], row["office"], row["n"], row["expected"], ratio, chance, own, others)
        )
        if chance < RARE and ratio >= TOO_OFTEN and row["n"] >= FEWEST_MEETINGS:
            values = {
                "inspector": Said(row["inspector"], "code"),
                "declarant": Said(row["declarant"], "code"),
                "office": Said(row["office"], "code"),
                "meetings": Said(row["n"], "count"),
                "expected": Said(round(row["expected"], 1), "number"),
                "own": Said(own.value, "share"),
                "others": Said(others.value, "share"),
                "chance": Said(chance, "chance"),
            }
            findings.append(Finding("steered_pair", "high", "targeting.pairs", values))
    rows.sort(key=lambda row: (float(str(row[6])), -float(str(row[5])), str(row[0]), str(row[1])))
    columns = (
        *(Column("inspector", "code"), Column("declarant", "code"), Column("office", "code")),
        *(Column("meetings", "count"), Column("expected", "number"), Column("ratio", "ratio")),
        *(Column("chance", "chance"), Column("hit_rate", "share"), Column("hit_rate_elsewhere", "share")),
    )
    return Table("targeting.pairs", columns, tuple(rows), shown=10), findings
