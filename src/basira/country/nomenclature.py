"""The simulated tariff: commodity codes with prices, masses, dated rates and descriptions.

Enters: a scenario and a random stream. Leaves: a frozen `Nomenclature`, arrays of one entry per code.
Never here: an official tariff. Headings (4 digits) are the Harmonized System's; what follows the
heading, the rates, prices and wording are invented for the simulation.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import date
from importlib import resources

import numpy as np

from basira.country.arithmetic import Floats, Ints, draw, exp, log, offsets
from basira.country.scenario import RateChange, Scenario

# Sectors of trade: first letter of `strong_in` in data/countries.csv, and the chapters they cover.
SECTORS: tuple[tuple[str, str, int, int], ...] = (
    ("F", "agro-alimentaire", 1, 24),
    ("E", "énergie et minerais", 25, 27),
    ("C", "chimie et plastiques", 28, 40),
    ("W", "cuir, bois et papier", 41, 49),
    ("T", "textile et habillement", 50, 67),
    ("S", "pierres et métaux", 68, 83),
    ("M", "machines et électronique", 84, 85),
    ("V", "véhicules", 86, 89),
    ("O", "divers", 90, 97),
)
DUTY_STEPS = (0.025, 0.10, 0.175, 0.30, 0.40)
_QUALIFIERS = (
    "NEUF",
    "1ER CHOIX",
    "2EME CHOIX",
    "GRAND MODELE",
    "PETIT MODELE",
    "EN CARTONS",
    "EN VRAC",
    "ASSORTIS",
    "QUALITE STANDARD",
    "QUALITE SUPERIEURE",
    "TYPE A",
    "TYPE B",
    "SERIE 200",
    "SERIE 500",
    "MODELE EXPORT",
    "POUR USAGE PROFESSIONNEL",
    "POUR USAGE DOMESTIQUE",
    "EN SACS",
    "EN ROULEAUX",
    "DIVERSES TAILLES",
)
_FILLERS = ("", "", "", " SELON FACTURE", " - DIVERS", " ET ACCESSOIRES", " (LOT)", " AUTRES", " N.D.A.")
_ARABIC = {
    "F": "مواد غذائية",
    "E": "مواد معدنية",
    "C": "مواد كيماوية",
    "W": "جلد وخشب وورق",
    "T": "منسوجات وألبسة",
    "S": "معادن ومصنوعاتها",
    "M": "آلات وأجهزة",
    "V": "مركبات وأجزاؤها",
    "O": "بضائع متنوعة",
}
WORDINGS = 8  # wordings per code: 0-5 French, 6 English, 7 Arabic


@dataclass(frozen=True)
class Nomenclature:
    """One entry per commodity code, ordered by sector (so that a sector is a slice)."""

    code: tuple[str, ...]  # 10 digits
    sector: Ints
    sector_start: Ints  # offsets of the sectors' slices
    chapter: Ints
    cumulative_weight: Floats  # of use, within sectors; one entry more than codes
    log_value_per_kg: Floats  # log MAD per kg, before origin, tier, supplier and time
    kg_per_unit: Floats
    unit: tuple[str, ...]
    duty: Floats  # (periods, codes): rate in each period
    vat: Floats  # (periods, codes)
    excise_per_unit: Floats  # MAD per supplementary unit, specific
    period_starts: Ints  # day numbers (days since 1970-01-01) from which each period's rates hold
    sibling_start: Ints  # slice of codes with the same heading
    sibling_end: Ints
    descriptions: tuple[str, ...]  # code * WORDINGS + wording

    def period_of(self, days: Ints) -> Ints:
        """Which period's rates hold on each day."""
        return np.searchsorted(self.period_starts, days, side="right") - 1


def make_nomenclature(scenario: Scenario, rng: np.random.Generator) -> Nomenclature:
    """Draw the tariff of a scenario."""
    headings = _headings()
    weight = np.array([float(h["weight"]) for h in headings])
    # At least two codes a heading, so that every code has a sibling to be misclassified to.
    extra = max(0, scenario.trade.codes - 2 * len(headings))
    if scenario.trade.codes < 2 * len(headings):
        kept = np.sort(rng.permutation(len(headings))[: scenario.trade.codes // 2])
        headings, weight = [headings[i] for i in kept], weight[kept]
    counts = 2 + np.bincount(draw(rng, weight, extra), minlength=len(headings))
    heading_of = np.repeat(np.arange(len(headings)), counts)
    n = len(heading_of)
    starts = offsets(counts)
    order = np.arange(n) - starts[heading_of]

    base = np.array([float(h["value_per_kg"]) for h in headings])
    log_value = log(base)[heading_of] + rng.standard_normal(n) * 0.40
    unit = tuple(headings[h]["unit"] for h in heading_of)
    kg = np.array([float(headings[h]["kg_per_unit"]) for h in heading_of]) * exp(rng.standard_normal(n) * 0.3)
    kg[np.array([u == "KG" for u in unit])] = 1.0

    # The duty of a code is its heading's, or one or two steps beside it: what misclassification lives on.
    steps = np.array(DUTY_STEPS)
    step = np.array([DUTY_STEPS.index(float(headings[h]["duty_percent"]) / 100) for h in heading_of])
    moved = np.clip(step + rng.choice(np.array([-2, -1, 0, 0, 0, 1]), size=n), 0, len(steps) - 1)
    duty = steps[moved]
    vat = np.array([float(headings[h]["vat_percent"]) / 100 for h in heading_of])
    excise = np.array([float(headings[h]["excise_per_unit"]) for h in heading_of])

    chapter = np.array([int(headings[h]["heading"][:2]) for h in heading_of])
    bounds = np.array([last for _, _, _, last in SECTORS])
    sector = np.searchsorted(bounds, chapter)
    use = weight[heading_of] / counts[heading_of] * _zipf(rng, sector, scenario.trade.code_concentration)
    code = tuple(_ten_digits(headings[h]["heading"], int(k)) for h, k in zip(heading_of, order, strict=True))
    starts_at, duties, vats = _periods(scenario, chapter, duty, vat)
    return Nomenclature(
        code=code,
        sector=sector,
        sector_start=offsets(np.bincount(sector, minlength=len(SECTORS))),
        chapter=chapter,
        cumulative_weight=np.concatenate(([0.0], np.cumsum(use))),
        log_value_per_kg=log_value,
        kg_per_unit=kg,
        unit=unit,
        duty=duties,
        vat=vats,
        excise_per_unit=excise,
        period_starts=starts_at,
        sibling_start=starts[heading_of],
        sibling_end=starts[heading_of + 1],
        descriptions=_descriptions(rng, headings, heading_of, sector),
    )


def _headings() -> list[dict[str, str]]:
    source = resources.files("basira.country").joinpath("data", "headings.csv")
    return list(csv.DictReader(source.read_text(encoding="utf-8").splitlines(), delimiter=";"))


def _zipf(rng: np.random.Generator, sector: Ints, exponent: float) -> Floats:
    """Weight 1 / rank^exponent within each sector, ranks drawn at random."""
    weight = np.ones(len(sector))
    for group in np.unique(sector):
        members = np.flatnonzero(sector == group)
        rank = rng.permutation(len(members)).astype(np.float64) + 1.0
        weight[members] = exp(-exponent * log(rank))
    return weight


def _ten_digits(heading: str, order: int) -> str:
    """Heading, two digits of subheading, four national digits: invented but shaped like a tariff's."""
    subheading = (11, 19, 20, 31, 39, 90, 12, 41, 49, 50, 60, 70, 80, 13)[order % 14]
    national = ("0000", "0010", "0090", "1000", "2000", "9000", "0020", "0030")[order // 14 % 8]
    return f"{heading}{subheading:02d}{national}"


def _periods(scenario: Scenario, chapter: Ints, duty: Floats, vat: Floats) -> tuple[Ints, Floats, Floats]:
    changes: list[RateChange] = sorted(scenario.rate_changes, key=lambda change: change.on)
    starts, duties, vats = [0], [duty], [vat]
    for change in changes:
        concerned = np.isin(chapter, np.array([int(c) for c in change.chapters]))
        duties.append(np.where(concerned, duties[-1] if change.duty_rate is None else change.duty_rate, duties[-1]))
        vats.append(np.where(concerned, vats[-1] if change.vat_rate is None else change.vat_rate, vats[-1]))
        starts.append((change.on - date(1970, 1, 1)).days)
    return np.array(starts), np.array(duties), np.array(vats)


def _descriptions(
    rng: np.random.Generator, headings: list[dict[str, str]], heading_of: Ints, sector: Ints
) -> tuple[str, ...]:
    """Noisy wordings: abbreviations, qualifiers, a dropped letter; all from our own vocabulary."""
    words: list[str] = []
    for code, heading in enumerate(heading_of):
        french, english = headings[heading]["french"].upper(), headings[heading]["english"].upper()
        qualifier, filler = rng.integers(0, len(_QUALIFIERS), 3), rng.integers(0, len(_FILLERS), 6)
        q = [_QUALIFIERS[i] for i in qualifier]
        f = [_FILLERS[i] for i in filler]
        cut = int(rng.integers(1, max(2, len(french) - 1)))
        words += [
            f"{french} {q[0]}{f[0]}",
            f"{french}{f[1]}",
            f"{q[1]} {french}{f[2]}",
            french[:cut] + french[cut + 1 :] + f" {q[0]}",  # one letter lost in typing
            " ".join(w if len(w) < 7 else w[:5] + "." for w in french.split()) + f[4],
            f"{french} {q[2]} REF {int(rng.integers(100, 9999))}{f[5]}",
            f"{english} {'' if code % 2 else 'ASSORTED'}".strip(),
            f"{_ARABIC[SECTORS[sector[code]][0]]} {french if code % 3 else ''}".strip(),
        ]
    return tuple(words)
