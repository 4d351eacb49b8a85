"""The sentences that an officer reads: reasons, what to verify, grounds and warnings, from the catalogs.

Enters: reasons and references with their figures, a language, a currency. Leaves: one sentence each,
with its figure and its comparison. Never here: which reasons count, a claim of cause or fault, the
computation of a figure. A figure that is absent shows as a dash; the sentence still comes out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from basira.explain.words_figures import Speaker
from basira.render import numbers
from basira.render.catalogs import Catalog, load_catalog
from basira.schema.errors import NotFoundError
from basira.schema.records import EXPECTED, Conversion, ItemRow, Reason, Reference

LOCALE = Path(__file__).parent / "locale"
# A trader's last item lies longer back than a month: that is said in place of what it declares in a month.
LONG_AGO_DAYS = 30
VERIFY_KINDS: tuple[str, ...] = ("value", "classification", "origin", "quantity", "prohibited", "documents")


def catalog_of(language: str, *, strict: bool = False) -> Catalog:
    """The catalog of officers' words."""
    return load_catalog(LOCALE, language, strict=strict)


def say(reason: Reason, *, language: str, currency: str, strict: bool = False) -> str:
    """One reason as one sentence.

    Parameters
    ----------
    reason : its code is one of `REASON_CODES`; its figures are those that docs name for the code.
    language : fr, en or ar. currency : ISO 4217, of the amounts among the figures.
    strict : raise on an unknown code or message instead of saying its id (tests).

    Raises
    ------
    UsageError : a language that Basira does not speak. NotFoundError : strict, and something is missing.

    >>> figures = {"value": 12.4, "unit": "kg", "median": 32.6, "gap": -0.62, "count": 214,
    ...            "commodity_code": "851713", "origin_country": "CN", "window_months": 12}
    >>> say(Reason("value_per_kg_low", figures, (), 1.0), language="en", currency="MAD").replace("\\xa0", " ")
    'Unit value 12.40 MAD/kg, 62% below the median of 214 comparable imports (HS 8517.13, China, 12 months)'
    """
    catalog = catalog_of(language, strict=strict)
    writer = _WRITERS.get(reason.code)
    if writer is None:
        if strict:
            raise NotFoundError(
                "Expected words for the reason {code!r}, found none.",
                hint="Add them to basira.explain.words.",
                code=reason.code,
            )
        return reason.code
    return writer(reason, Speaker(catalog, currency, reason.figures))


def say_verify(
    kind: str, *, language: str, currency: str, reference: Reference | None = None, strict: bool = False
) -> str:
    """What to verify, as one imperative sentence; with the interval of comparables when a reference is of its kind.

    The value takes a reference of a unit value, the quantity one of the mass per unit; other
    references are left aside.
    """
    catalog = catalog_of(language, strict=strict)
    fits = {"value": ("value_per_kg", "value_per_unit"), "quantity": ("kg_per_unit",)}.get(kind, ())
    if reference is None or reference.measure not in fits:
        return catalog.say(f"verify.{kind}")
    speaker = Speaker(catalog, currency, reference_figures(reference))
    if reference.level.startswith(EXPECTED):
        return catalog.say(
            f"verify.{kind}.expected",
            expected=speaker.say_measure(reference.median, reference.measure),
            basis=speaker.say(f"expected.{reference.level.removeprefix(EXPECTED)}"),
            low=speaker.bare(reference.low),
            high=speaker.bare(reference.high),
            count=speaker.say_count("n.comparable", "count"),
            scope=speaker.scope(wrapped=False),
        )
    return catalog.say(
        f"verify.{kind}.reference",
        count=speaker.say_count("n.comparable", "count"),
        low=speaker.bare(reference.low),
        high=speaker.say_measure(reference.high, reference.measure),
        median=speaker.bare(reference.median),
        scope=speaker.scope(wrapped=False),
    )


def say_reference(reference: Reference, *, language: str, currency: str, strict: bool = False) -> str:
    """What was declared beside the interval, median and number of its comparables, as one line."""
    catalog = catalog_of(language, strict=strict)
    speaker = Speaker(catalog, currency, reference_figures(reference))
    line = "list.expected_line" if reference.level.startswith(EXPECTED) else "list.reference_line"
    return catalog.say(
        line,
        measure=catalog.say(f"measure.{reference.measure}"),
        declared=speaker.say_measure(reference.declared, reference.measure),
        low=speaker.bare(reference.low),
        high=speaker.bare(reference.high),
        median=speaker.bare(reference.median),
        count=speaker.say_count("n.comparable", "count"),
        scope=speaker.scope(wrapped=False),
    )


def say_basis(basis: str, *, language: str, detailed: bool = False, ground: str = "", strict: bool = False) -> str:
    """Why a declaration is where it is: mandatory, rule, random, model, fallback, exempt or none.

    ``ground``: of a mandatory control, why the policy's list asks for it, of a rule's, why that does, in the same
    language; "" where it is not known.
    """
    catalog = catalog_of(language, strict=strict)
    ending = ".detail" if detailed else ""
    if basis in ("mandatory", "rule") and ground:
        return catalog.say(f"basis.{basis}.ground{ending}", ground=ground.rstrip("."))
    return catalog.say(f"basis.{basis}{ending}")


def say_conversion(conversion: Conversion, *, language: str) -> str:
    """How an item's amounts came into the history's currency.

    >>> say_conversion(Conversion(1000.0, "USD", 9.87, "2026-05-01"), language="en").replace("\\xa0", " ")
    'declared 1,000 USD × 9.87 of 2026-05-01'
    """
    amount = conversion.currency
    if conversion.amount is not None:
        amount = numbers.format_money(conversion.amount, conversion.currency, language=language)
    return catalog_of(language).say(
        "list.converted",
        amount=amount,
        rate=numbers.format_rate(conversion.rate, language=language),
        day=conversion.rate_on,
    )


def conversion_of(row: ItemRow) -> Conversion | None:
    """The conversion of a row of the schema's items; None where nothing was converted."""
    if row.get("declared_currency") is None:
        return None
    day = row["conversion_rate_on"].date().isoformat()
    return Conversion(row["declared_value_amount"], row["declared_currency"], row["conversion_rate"], day)


def field_word(field: str, *, language: str, strict: bool = False) -> str:
    """A declared field's name for an officer; a source's own attribute keeps the name its source gave it."""
    return Speaker(catalog_of(language, strict=strict), "", {}).field(field)


def reference_figures(reference: Reference) -> Mapping[str, float | int | str | None]:
    """A reference's figures under the names that reasons use."""
    return {
        "unit": reference.unit,
        "count": reference.count,
        "commodity_code": reference.commodity_code,
        "origin_country": reference.origin_country,
        # 30.44 days a month: 365 days read as 12 months, 90 as 3.
        "window_months": round(reference.window_days / 30.44),
    }


Writer = Callable[[Reason, Speaker], str]


def _unit_value(_reason: Reason, s: Speaker) -> str:
    if s.number_of("expected") is not None:
        return s.say(
            "reason.expected_value",
            value=s.per_unit("value"),
            gap=s.gap(),
            expected=s.bare(s.number_of("expected")),
            # The basis names code and origin, which stand above the reason with the goods.
            basis=s.say(f"expected.{s.figures.get('basis')}"),
            count=s.say_count("n.import", "count"),
            scope=s.scope(with_code=False, with_origin=False),
        )
    return s.say(
        "reason.unit_value",
        value=s.per_unit("value"),
        gap=s.gap(),
        count=s.say_count("n.comparable", "count"),
        scope=s.scope(),
    )


def _kg_per_unit(_reason: Reason, s: Speaker) -> str:
    return s.say(
        "reason.kg_per_unit",
        value=s.kg_per_unit("value"),
        gap=s.gap(),
        count=s.say_count("n.comparable", "count"),
        scope=s.scope(),
    )


def _duty_rate(reason: Reason, s: Speaker) -> str:
    return s.say(
        f"reason.{reason.code}",
        rate=s.percent("rate"),
        usual=s.percent("usual_rate"),
        count=s.say_count("n.import", "count"),
        scope=s.scope(),
    )


def _origin_differs(reason: Reason, s: Speaker) -> str:
    return s.say(f"reason.{reason.code}", origin=s.country("origin_country"), dispatch=s.country("dispatch_country"))


def _origin_unusual(reason: Reason, s: Speaker) -> str:
    return s.say(
        f"reason.{reason.code}",
        origin=s.country("origin_country"),
        seen=_say_sightings(s),
        count=s.say_count("n.import", "count"),
        scope=s.scope(with_origin=False),
    )


def _description_unusual(reason: Reason, s: Speaker) -> str:
    # The count is of the word under any code, so the code is shown with those seen under it.
    # Records of earlier versions do not name the word.
    has_word = bool(s.figures.get("word"))
    return s.say(
        "reason.description_word" if has_word else f"reason.{reason.code}",
        word=s.text("word"),
        seen=_say_sightings(s),
        code=s.code(),
        count=s.say_count("n.import", "count"),
        scope=s.scope(with_code=False),
    )


def _say_sightings(s: Speaker) -> str:
    share, count = s.number_of("share"), s.number_of("count")
    if s.number_of("seen") is not None or share is None or count is None:
        return s.count("seen")
    # Older records have the share that the model reads, (seen + 0.5) / (count + 5).
    return replace(s, figures={"seen": round(share * (count + 5) - 0.5)}).count("seen")


def _preference(reason: Reason, s: Speaker) -> str:
    if s.number_of("usual_share") is not None:
        return s.say(
            "reason.preference_unusual",
            preference=s.text("preference"),
            origin=s.country("origin_country"),
            usual=s.percent("usual_share"),
            count=s.say_count("n.import", "count"),
            scope=s.scope(with_origin=False),
        )
    return s.say(f"reason.{reason.code}", preference=s.text("preference"), origin=s.country("origin_country"))


def _history(reason: Reason, s: Speaker) -> str:
    who = s.say("who." + reason.code.removeprefix("history_"))
    if not s.number_of("inspected"):
        return s.say("reason.history_none", who=who, scope=s.scope(), rate=s.percent("usual_rate"))
    return s.say(
        "reason.history",
        who=who,
        irregular=s.say_count("n.irregular", "irregular"),
        inspected=s.say_count("n.inspected", "inspected"),
        scope=s.scope(),
        own=s.share_of("irregular", "inspected"),
        usual=s.percent("usual_rate"),
    )


def _new(reason: Reason, s: Speaker) -> str:
    who = s.say("who." + reason.code.removeprefix("new_"))
    if s.number_of("days") is None:
        return s.say("reason.new_never", who=who)
    return s.say(
        "reason.new_seen", who=who, days=s.say_count("n.day", "days"), count=s.say_count("n.declaration", "count")
    )


def _repeat(reason: Reason, s: Speaker) -> str:
    return s.say(
        f"reason.{reason.code}",
        mass=s.mass("net_mass_kg"),
        repeats=s.say_count("n.repeat", "repeats"),
        irregular=s.say_count("n.irregular", "irregular"),
        inspected=s.say_count("n.inspected", "inspected"),
        scope=s.scope(),
    )


def _volume(reason: Reason, s: Speaker) -> str:
    return s.say(f"reason.{reason.code}", count=s.count("count_30d"), usual=s.rough("usual_30d"))


def _amounts(*names: str) -> Writer:
    return lambda reason, s: s.say(f"reason.{reason.code}", **{name: s.money(name) for name in names})


def _price_habit(reason: Reason, s: Speaker) -> str:
    return s.say(
        "reason.price_habit",
        who=s.say("who." + reason.code.removeprefix("price_habit_")),
        gap=s.gap(),
        count=s.say_count("n.import", "count"),
        low=s.count("low_count"),
        scope=s.scope(),
    )


def _usual_duty(reason: Reason, s: Speaker) -> str:
    return s.say(f"reason.{reason.code}", rate=s.percent("rate"), usual=s.percent("usual_rate"), scope=s.scope())


def _usual_price(reason: Reason, s: Speaker) -> str:
    return s.say(
        f"reason.{reason.code}",
        value=s.per_unit("value"),
        gap=s.gap(),
        usual=s.bare(s.number_of("expected")),
        count=s.say_count("n.import", "count"),
        scope=s.scope(),
    )


def _activity(reason: Reason, s: Speaker) -> str:
    who, count = s.say("who." + reason.code.removeprefix("activity_")), s.say_count("n.import", "count_365d")
    if (s.number_of("days") or 0) >= LONG_AGO_DAYS:
        return s.say("reason.activity_last", who=who, count=count, days=s.say_count("n.day", "days"))
    return s.say("reason.activity", who=who, count=count, month=s.count("count_30d"), usual=s.rough("usual_30d"))


def _never_inspected(reason: Reason, s: Speaker) -> str:
    who = s.say("who." + reason.code.removeprefix("never_inspected_"))
    return s.say("reason.never_inspected", who=who, count=s.say_count("n.declaration", "count"))


def _code_of_importer(reason: Reason, s: Speaker) -> str:
    # The count is of the importer's items under any code, so the code is shown with those seen under it.
    return s.say(
        f"reason.{reason.code}",
        code=s.code(),
        seen=s.count("seen"),
        count=s.say_count("n.import", "count"),
        scope=s.scope(with_code=False),
    )


def _mass_ratio(reason: Reason, s: Speaker) -> str:
    return s.say(f"reason.{reason.code}", ratio=s.percent("ratio"))


def _consignment(_reason: Reason, s: Speaker) -> str:
    return s.say(
        "reason.consignment",
        value=s.money("value_amount"),
        gap=s.gap(value="value_amount"),
        median=s.money("median"),
        count=s.say_count("n.import", "count"),
        scope=s.scope(),
    )


def _declared_profile(reason: Reason, s: Speaker) -> str:
    field = str(s.figures.get("field"))
    return s.say(f"reason.{reason.code}.{_way(reason)}", field=s.field(field), value=s.field_value(field, "value"))


def _other_profile(reason: Reason, s: Speaker) -> str:
    return s.say(f"reason.{reason.code}.{_way(reason)}", feature=s.text("feature"), value=s.rough("value"))


def _way(reason: Reason) -> str:
    return "more" if reason.contribution >= 0 else "less"


_WRITERS: dict[str, Writer] = {
    **dict.fromkeys(("value_per_kg_low", "value_per_kg_high"), _unit_value),
    **dict.fromkeys(("value_per_unit_low", "value_per_unit_high"), _unit_value),
    **dict.fromkeys(("kg_per_unit_low", "kg_per_unit_high"), _kg_per_unit),
    **dict.fromkeys(("duty_rate_low", "duty_rate_high"), _duty_rate),
    "origin_differs_from_dispatch": _origin_differs,
    "origin_unusual": _origin_unusual,
    "description_unusual": _description_unusual,
    "preference_claimed": _preference,
    **dict.fromkeys(
        (
            "history_importer",
            "history_declarant",
            "history_exporter",
            "history_code",
            "history_chapter",
            "history_origin",
            "history_office",
            "history_importer_code",
            "history_code_origin",
            "history_declarant_importer",
            "history_exporter_code",
            "history_importer_exporter",
            "history_description",
        ),
        _history,
    ),
    **dict.fromkeys(
        (
            "new_importer",
            "new_declarant",
            "new_exporter",
            "new_importer_code",
            "new_exporter_code",
            "new_declarant_importer",
            "new_importer_exporter",
        ),
        _new,
    ),
    **dict.fromkeys(
        (
            "price_habit_importer",
            "price_habit_declarant",
            "price_habit_exporter",
            "price_habit_importer_exporter",
        ),
        _price_habit,
    ),
    **dict.fromkeys(("usual_duty_heading", "usual_duty_chapter", "usual_duty_importer"), _usual_duty),
    **dict.fromkeys(("high_duty_importer", "high_duty_chapter", "low_duty_importer", "low_duty_chapter"), _usual_duty),
    **dict.fromkeys(("activity_importer", "activity_declarant", "activity_exporter"), _activity),
    **dict.fromkeys(
        ("never_inspected_importer", "never_inspected_declarant", "never_inspected_exporter"), _never_inspected
    ),
    "usual_price_low": _usual_price,
    "invoice_differs": _amounts("value", "invoiced"),
    "code_unusual_for_importer": _code_of_importer,
    "repeat_consignment": _repeat,
    "volume_jump_importer": _volume,
    "round_value": _amounts("value"),
    "below_threshold": _amounts("value", "threshold"),
    "mass_ratio": _mass_ratio,
    "tax_inconsistent": _amounts("declared", "expected"),
    **dict.fromkeys(("small_consignment", "large_consignment"), _consignment),
    "declared_profile": _declared_profile,
    "other_profile": _other_profile,
}

REASON_CODES: tuple[str, ...] = tuple(_WRITERS)
