"""How hard is a simulated world? Plain trees, profile trees, and the best possible, against the truth.

Command: python benchmarks/country_learnability.py WORLD [--train-share 0.75] [--json FILE]

Trees on the raw columns, label-encoded, are fitted on the recorded legacy results of the first part of
the period, and scored on every item of the rest against the truth. "profiles" adds ratios of unit values
and masses to medians over earlier declarations, inspected or not: a rough stand-in for Basira's features.
"told" is the same with every true label; "best" ranks by the truth itself.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import duckdb
import lightgbm
import numpy as np
from sklearn.metrics import average_precision_score, roc_auc_score

RAW_TEXT = (
    "office",
    "procedure",
    "declarant_id",
    "importer_id",
    "exporter_id",
    "transport_mode",
    "dispatch_country",
    "invoice_currency",
    "incoterm",
    "payment_mode",
    "commodity_code",
    "origin_country",
    "preference",
    "quantity_unit",
)
RAW_NUMBER = (
    "is_oea",
    "quantity",
    "package_count",
    "gross_mass_kg",
    "net_mass_kg",
    "invoice_amount",
    "customs_value_amount",
    "duty_rate",
    "vat_rate",
    "duty_amount",
    "vat_amount",
    "excise_amount",
    "total_tax_amount",
    "freight_amount",
)
TECHNICAL = (
    "t_id_last",
    "t_second",
    "t_minute",
    "t_row",
    "t_version",
    "t_document",
    "t_manifest",
    "t_container",
    "t_cents_value",
    "t_cents_invoice",
    "t_decimals_net",
    "t_decimals_gross",
    "t_weekday",
)


def load(world: Path, until_share: float) -> tuple[duckdb.DuckDBPyConnection, str, str]:
    """A DuckDB connection with tables items, truth, outcomes; the split day, and the day labels are known by."""
    con = duckdb.connect()
    con.execute("SET threads = 1")
    con.execute(f"""
        CREATE TABLE items AS
        SELECT d.*, t.trader_number, t.is_irregular, t.evaded_amount, t.kind, t.is_detectable,
               o.label, d.declared_at::DATE AS day
        FROM read_parquet('{world}/declarations/*.parquet') d
        JOIN read_parquet('{world}/truth/*.parquet') t USING (declaration_id, item_number)
        LEFT JOIN (SELECT declaration_id, item_number, is_irregular AS label, known_at
                   FROM read_parquet('{world}/outcomes/*.parquet')) o USING (declaration_id, item_number)
        ORDER BY d.declared_at, d.declaration_id, d.item_number
    """)
    first, last = con.execute("SELECT min(day), max(day) FROM items").fetchall()[0]
    split = first + (last - first) * until_share
    return con, str(split), str(first)


def profile_columns(con: duckdb.DuckDBPyConnection, split: str) -> list[str]:
    """Add rough profile features: ratios to the medians of the training period."""
    con.execute(f"""
        CREATE TABLE reference AS
        SELECT commodity_code, origin_country, median(ln(customs_value_amount / net_mass_kg)) AS m, count(*) AS n
        FROM items WHERE day < '{split}' GROUP BY ALL HAVING count(*) >= 5;
        CREATE TABLE reference_code AS
        SELECT commodity_code, median(ln(customs_value_amount / net_mass_kg)) AS m,
               median(ln(net_mass_kg / quantity)) AS k, median(gross_mass_kg / net_mass_kg) AS g
        FROM items WHERE day < '{split}' GROUP BY ALL;
        CREATE TABLE reference_supplier AS
        SELECT exporter_id, commodity_code, median(ln(customs_value_amount / net_mass_kg)) AS m
        FROM items WHERE day < '{split}' GROUP BY ALL
    """)
    con.execute("""
        CREATE TABLE profiled AS
        SELECT i.*,
               ln(customs_value_amount / net_mass_kg) AS p_unit,
               ln(customs_value_amount / net_mass_kg) - coalesce(r.m, c.m) AS p_ratio_origin,
               ln(customs_value_amount / net_mass_kg) - c.m AS p_ratio_code,
               ln(customs_value_amount / net_mass_kg) - s.m AS p_ratio_supplier,
               ln(net_mass_kg / quantity) - c.k AS p_mass, gross_mass_kg / net_mass_kg - c.g AS p_gross
        FROM items i
        LEFT JOIN reference r USING (commodity_code, origin_country)
        LEFT JOIN reference_code c USING (commodity_code)
        LEFT JOIN reference_supplier s USING (exporter_id, commodity_code)
        ORDER BY declared_at, declaration_id, item_number
    """)
    return [row[0] for row in con.execute("DESCRIBE profiled").fetchall() if row[0].startswith("p_")]


def frame(con: duckdb.DuckDBPyConnection, table: str, columns: list[str]) -> np.ndarray:
    """Columns as one float matrix; text is label-encoded in order of appearance, nulls are NaN."""
    data = con.sql(f"SELECT {', '.join(columns)} FROM {table} ORDER BY declared_at, declaration_id, item_number")
    table_ = data.to_arrow_table()
    out = np.empty((table_.num_rows, len(columns)))
    for i, name in enumerate(columns):
        column = table_.column(name).combine_chunks()
        if str(column.type) in ("string", "string_view", "large_string"):
            column = column.dictionary_encode().indices
        out[:, i] = column.cast("float64").to_numpy(zero_copy_only=False)
    return out


def fit_score(x: np.ndarray, y: np.ndarray, rows: np.ndarray, seed: int = 1) -> np.ndarray:
    """Plain boosted trees, fixed size, one thread."""
    model = lightgbm.LGBMClassifier(
        n_estimators=150,
        num_leaves=15,
        learning_rate=0.05,
        min_child_samples=20,
        subsample=0.8,
        subsample_freq=1,
        colsample_bytree=0.7,
        n_jobs=1,
        random_state=seed,
        verbose=-1,
    )
    model.fit(x[rows], y[rows])
    return np.asarray(model.predict_proba(x))[:, 1]


def technical(con: duckdb.DuckDBPyConnection) -> np.ndarray:
    """Columns without any meaning for risk: identifiers' digits, order, times, decimals."""
    con.execute("""
        CREATE OR REPLACE TABLE technical AS SELECT declared_at, declaration_id, item_number,
            right(declaration_id, 2)::INT AS t_id_last,
            second(declared_at) AS t_second, minute(declared_at) AS t_minute,
            row_number() OVER (ORDER BY declared_at, declaration_id, item_number) % 1000 AS t_row,
            declaration_version AS t_version, right(transport_document, 4)::INT AS t_document,
            right(manifest_id, 3)::INT AS t_manifest,
            coalesce(right(container_id, 4)::INT, hash(declaration_id) % 10000) AS t_container,
            round(customs_value_amount * 100)::BIGINT % 100 AS t_cents_value,
            round(invoice_amount * 100)::BIGINT % 100 AS t_cents_invoice,
            round(net_mass_kg * 10)::BIGINT % 10 AS t_decimals_net,
            round(gross_mass_kg * 10)::BIGINT % 10 AS t_decimals_gross,
            dayofweek(declared_at) AS t_weekday
        FROM items
    """)
    return frame(con, "technical", list(TECHNICAL))


def technical_auc(con: duckdb.DuckDBPyConnection, y: np.ndarray) -> float:
    """AUC of trees on technical columns with the truth of one part of the traders, on the others; mean of 4 turns.

    Split by trader: what a trader always writes recalls a trader already seen, which is memory and no leak.
    One AUC a turn: pooled scores would carry the parts' different base rates, in reverse.
    """
    part = frame(con, "items", ["trader_number"])[:, 0].astype(int) * 7919 % 4
    x = technical(con)
    found = [roc_auc_score(y[part == k], fit_score(x, y, part != k)[part == k]) for k in range(4)]
    return float(np.mean(found))


def measure(world: Path, train_share: float = 0.75) -> dict[str, object]:
    """All the figures of one world."""
    con, split, _ = load(world, train_share)
    names = profile_columns(con, split)
    day, truth, label, evaded, detectable = (
        np.array(v)
        for v in con.execute(f"""
            SELECT (day < '{split}'), is_irregular, CASE WHEN label IS NULL THEN -1 ELSE label::INT END, evaded_amount,
                   is_detectable
            FROM items ORDER BY declared_at, declaration_id, item_number
        """)
        .fetchnumpy()
        .values()
    )
    before = day.astype(bool)
    y, later = truth.astype(int), ~before
    known = before & (label >= 0)
    raw = frame(con, "items", [*RAW_TEXT, *RAW_NUMBER])
    rich = np.hstack((raw, frame(con, "profiled", names)))
    rng = np.random.default_rng(0)
    scores = {
        "random": rng.random(len(y)),
        "price_order": -raw[:, len(RAW_TEXT) + RAW_NUMBER.index("customs_value_amount")],
        "plain": fit_score(raw, label, known),
        "profiles": fit_score(rich, label, known),
        "plain_told": fit_score(raw, y, before),
        "profiles_told": fit_score(rich, y, before),
        "best": y * (1 + evaded) + 0.5 * detectable,
    }
    out: dict[str, object] = {
        "rows_later": int(later.sum()),
        "irregular_later": int(y[later].sum()),
        "known_results": int(known.sum()),
        "known_irregular": int(label[known].sum()),
        "hit_rate": round(float(label[known].mean()), 4),
        "irregular_rate": round(float(y.mean()), 4),
    }
    out["technical_auc"] = round(technical_auc(con, y), 3)
    top = max(1, int(later.sum() * 0.05))
    for name, score in scores.items():
        ranked = np.argsort(-score[later], kind="stable")[:top]
        out[name] = {
            "auc": round(float(roc_auc_score(y[later], score[later])), 3),
            "average_precision": round(float(average_precision_score(y[later], score[later])), 3),
            "precision_5": round(float(y[later][ranked].mean()), 3),
            "revenue_5": round(float(evaded[later][ranked].sum() / max(1e-9, evaded[later].sum())), 3),
        }
    return out


def main() -> None:
    """Print the figures of the worlds named."""
    parser = argparse.ArgumentParser()
    parser.add_argument("worlds", nargs="+", type=Path)
    parser.add_argument("--train-share", type=float, default=0.75)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    results = {}
    for world in arguments.worlds:
        begun = time.process_time()
        results[str(world.name)] = measure(world, arguments.train_share)
        sys.stdout.write(f"{world.name}  ({time.process_time() - begun:.0f} CPU-s)\n")
        for name, value in results[world.name].items():
            sys.stdout.write(f"  {name:20} {value}\n")
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
