"""Charts: inline, deterministic, described in words, readable without colour."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from basira.render.charts import Series, calibration_chart, line_chart, use_chart

LINES = [
    Series("Basira", (1.0, 10.0, 100.0), (0.9, 0.8, 0.2), (0.8, 0.7, 0.2), (1.0, 0.9, 0.2)),
    Series("القيم", (1.0, 10.0, 100.0), (0.2, 0.2, 0.2)),
]


def drawn(language: str = "en", name: str = "precision") -> str:
    return line_chart(LINES, name=name, label="A <label>", x_label="x", y_label="y", language=language)


def test_chart_is_one_svg_element_described_in_words() -> None:
    root = ElementTree.fromstring(drawn())  # noqa: S314 - our own text
    assert root.tag.endswith("svg")
    assert root.get("role") == "img"
    assert root.get("aria-label") == "A <label>"


def test_same_chart_same_bytes() -> None:
    assert drawn() == drawn()


def test_chart_carries_no_date_and_no_page_style() -> None:
    assert "<style" not in drawn()
    assert "<metadata" not in drawn()
    assert not re.search(r"20\d\d-\d\d-\d\d", drawn())


def test_text_stays_text_so_that_the_browser_joins_arabic() -> None:
    assert "القيم" in drawn()


def test_axis_is_written_in_the_language() -> None:
    assert "80%" in drawn("en")
    assert "80\u00a0%" in drawn("fr")


def test_ids_of_two_charts_differ() -> None:
    ids = [set(re.findall(r'id="([^"]+)"', drawn(name=name))) for name in ("one", "two")]
    assert ids[0].isdisjoint(ids[1])


def test_calibration_and_use_are_drawn() -> None:
    calibration = calibration_chart(LINES, name="c", label="c", x_label="x", y_label="y", language="fr")
    use = use_chart([("orange", 5, 6), ("rouge", 0, 0)], name="u", label="u", x_label="x")
    assert "5 / 6" in use
    assert calibration.startswith("<svg")


def test_no_lanes_still_draw() -> None:
    assert use_chart([], name="u", label="u", x_label="x").startswith("<svg")
