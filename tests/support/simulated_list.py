"""A small inspection list, made inline for the tests of its files and pages."""

from __future__ import annotations

from basira.schema.records import (
    CapacityUse,
    DeclarationLine,
    InspectionList,
    ItemAssessment,
    ItemLine,
    Reason,
    Reference,
    Selection,
)

LANES = {"rouge": "rouge intégral"}
REFERENCE = Reference("value_per_kg", "kg", 12.4, 28.1, 32.6, 36.4, 214, "code_origin", "851713", "CN", 365, ("A1/1",))


def line(
    name: str,
    office: str = "20",
    *,
    rank: int = 1,
    description: str | None = "Téléphones",
    basis: str = "model",
    probability: float | None = 0.63,
    ground: str = "",
) -> DeclarationLine:
    reason = Reason("round_value", {"value": 100000.0}, ("value_round",), 0.4)
    assessment = ItemAssessment(1, 0.6, 54000.0, 34000.0, {}, (reason,), ("value",), (REFERENCE,))
    quiet = ItemAssessment(2, 0.01, 10.0, 0.1)
    return DeclarationLine(
        name,
        1,
        "2026-03-04T09:12:00",
        office,
        {"importer_id": "ICE1", "declarant_id": "D7", "dispatch_country": "AE"},
        "MAD",
        probability,
        None if probability is None else 34000.0,
        Selection(name, 1, office, "rouge", basis, 0.9, rank),  # type: ignore[arg-type]  # a literal, given as text
        (
            ItemLine("8517130000", description, "CN", 120000.5, 1200.0, 300.0, "U", assessment),
            ItemLine("610910", None, None, None, None, None, None, quiet),
        ),
        ground,
    )


def inspection_list(*lines: DeclarationLine, is_simulated: bool = True) -> InspectionList:
    return InspectionList(
        "run-1",
        "2026-03-05",
        "2026-03-04",
        "m-1",
        "morocco@2026-01",
        17,
        is_simulated,
        lines or (line("2026/1"), line("2026/2", "30")),
        (CapacityUse("20", "rouge", 4, 1), CapacityUse("40", "rouge", 2, 0)),
        {"20": 120, "40": 3},
        ("Un avertissement.",),
    )
