"""Columns that were filled in during or after an inspection: known by their name, by their contents, by the result.

Enters: a header, its values. Leaves: why the column reveals the result, or "". Never here: a choice of a field.

Such a column among the declared ones gives the answer to every model, so `mapping suggest` leaves it out and says why.
"""

from __future__ import annotations

import re

import polars as pl

from basira.ingest.suggest.headers import tokens
from basira.schema.codes import IRREGULARITY_KINDS

_RESULT_STEMS = (
    "fraud", "irregul", "infract", "illicit", "resultat", "result", "outcome", "redress", "contentieux", "litig",
    "constat", "penal", "amende", "gravit", "sever", "critiqu", "critical", "anomal", "conform", "complian", "suspect",
    "sanction", "saisi", "seiz", "label", "verdict", "finding", "recouvr", "infrac", "hallazgo", "irregular", "multa",
    "gravedad", "gravidade", "usulsuz", "sonuc", "ceza", "kacak", "مخالف", "نتيج", "غش", "غرام", "تهريب", "محضر",
    "reconnu", "reconocid", "rehauss", "majoration", "elud", "compromis", "ecart", "uplift", "shortfall", "ajustad",
    "rectifi", "discrepan", "offence", "violation",
)  # fmt: skip
# Of what the old system or the officer wrote after the declaration came in.
_AFTER_STEMS = (
    "status", "statut", "etat", "estado", "situacao", "situacion", "durum", "حاله", "decision", "karar", "قرار", "risk",
    "risque", "riesgo", "risco", "مخاطر", "خطوره", "observ", "remarque", "remark", "comment",
    "ملاحظ", "aciklama",
    "inspec", "visite", "visita", "verificat", "controle", "control", "aforo", "conferencia", "muayene",
    "kontrol", "معاين",
    "تفتيش", "مراقب", "exam", "scan", "xray", "aforad",
    "cotation", "ciblage", "parametriz", "liquidador", "mufettis",
    "circuit", "couloir", "channel", "canal", "selectiv", "مسار", "مسرب",
    "mainlevee", "levante", "desembarac", "cleared", "clearance", "release", "audit", "alert",
)  # fmt: skip
_AFTER_WORDS = frozenset(
    (
        "nota",
        "cote",
        "cotee",
        "hit",
        "score",
        "lane",
        "hat",
        "hatti",
        "bae",
        "couleur",
        "profil",
        "hold",
        "held",
        "query",
        "ooc",
        "nii",
        "ray",
        "rayons",
        "kanal",
        "مفتش",
        "ecor",
        "pv",
        "dct",
        "admise",
        "retenue",
        "reservee",
        "adjusted",
        "reassessed",
        "target",
    )
)
# What such columns hold: lanes, statuses, levels of risk, decisions.
_TELLING = frozenset(
    re.findall(
        r"[^|]+",
        "clear|cleared|released|release|hold|held|detained|seized|critical|low risk|medium risk|high risk|no risk|"
        "risque faible|risque moyen|risque eleve|faible|eleve|low|medium|high|moyen|red|green|yellow|orange|blue|rouge|"
        "vert|jaune|bleu|rojo|verde|amarillo|naranja|vermelho|amarelo|laranja|kirmizi|yesil|sari|mavi|turuncu|conforme|"
        "non conforme|ras|fraude|infraction|contentieux|mainlevee|bon a enlever|bloque|visite|visite physique|"
        "controle documentaire|admis conforme|admis pour conforme|document check|physical|physical inspection|"
        "physical examination|documentary|scanner|x ray|inspected|not inspected|inspecte|accepted|rejected|approved|"
        "passed|failed|riesgo bajo|riesgo medio|riesgo alto|bajo|medio|alto|baixo|riesgo|levante|despachado|liberado|"
        "retenido|fisico|documental|dusuk|orta|yuksek|"
        "احمر|اخضر|اصفر|برتقالي|مطابق|غير مطابق|مفرج عنه|محجوز|منخفض|متوسط|مرتفع",
    )
)

KIND_WORDS: dict[str, str] = {
    word: kind
    for kind, words in {
        "value": "value valeur valor kiymet قيمه undervaluation evaluation minoration subvaloracion subfaturamento",
        "classification": "classification espece tariff hs classement misclassification clasificacion "
        "classificacao تصنيف tarife nomenclature partida",
        "origin": "origin origine origen origem mense منشا preference",
        "quantity": "quantity quantite cantidad quantidade miktar كميه poids weight peso excedent deficit",
        "prohibited": "prohibited prohibition prohibe contrefacon counterfeit prohibido proibido yasak محظور prohibee "
        "restriction",
        "documents": "documents document documento documentos belge وثائق وثيقه piece papiers",
        "none": "none aucun aucune neant ras conforme rien compliant ninguno nenhum yok لا",
    }.items()
    for word in words.split()
}


def why_telling(header: str, values: pl.Series, result: pl.Series | None) -> str:
    """Why a column must not be declared; "" when nothing says so. ``values``: its cells; ``result``: those of the
    column of results, row by row, None when the file has none."""
    words = tokens(header)
    if any(word.startswith(_RESULT_STEMS) for word in words):
        return "its name speaks of what an inspection found"
    if any(word.startswith(_AFTER_STEMS) or word in _AFTER_WORDS for word in words):
        return "its name speaks of what is written during or after a control"
    filled = values.drop_nulls().str.strip_chars()
    cells = filled.filter(filled != "").unique()
    if 1 < len(cells) <= 12:
        telling = [cell for cell in cells.to_list() if " ".join(tokens(cell)) in _TELLING]
        if 2 * len(telling) > len(cells):
            return f"its values are those of a control ({', '.join(sorted(telling)[:3])})"
    return "each of its values goes with one result only" if _goes_with_one(values, result) else ""


def _goes_with_one(values: pl.Series, result: pl.Series | None) -> bool:
    """20 rows a value at least, results of both kinds."""
    if result is None:
        return False
    pair = pl.DataFrame({"value": values, "result": result}).drop_nulls()
    if not len(pair) or pair["value"].n_unique() * 20 > len(pair):
        return False
    usual = pair["result"].value_counts()["count"].max()
    by_value = pair.group_by("value", "result").len().group_by("value").agg(pl.col("len").max())["len"].sum()
    return isinstance(usual, int) and usual / len(pair) < 0.99 and by_value / len(pair) > 0.995


def find_kinds(values: pl.Series) -> dict[str, str] | None:
    """The words of a column that names kinds of irregularity, each with its kind; None when it is another column.

    Nine rows in ten are understood, and two kinds at least occur.
    """
    filled = values.drop_nulls().str.strip_chars()
    filled = filled.filter(filled != "")
    cells = filled.unique()
    if not 2 <= len(cells) <= 60:
        return None
    found: dict[str, str] = {}
    understood: list[str] = []
    for cell in sorted(cells.to_list()):
        parts = [part.strip() for part in re.split(r"[,;/+|]", cell) if part.strip()]
        kinds = {part: kind for part in parts if (kind := _kind_of(part)) is not None}
        if len(kinds) == len(set(parts)):
            understood.append(cell)
            found |= kinds
    is_known = filled.is_in(understood).sum() >= 0.9 * len(filled)
    return found if is_known and len({*found.values()} & set(IRREGULARITY_KINDS)) >= 2 else None


def _kind_of(text: str) -> str | None:
    kinds = {KIND_WORDS[word] for word in tokens(text) if word in KIND_WORDS}
    others = [
        word for word in tokens(text) if word not in KIND_WORDS and not word.startswith(("faus", "fraud", "irreg"))
    ]
    return next(iter(kinds)) if len(kinds) == 1 and len(others) <= 1 else None
