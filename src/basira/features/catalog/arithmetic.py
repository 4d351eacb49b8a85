"""What an item's own figures say, without any history.

Enters: one item and its declaration. Leaves: ratios, consistency checks and simple signs, as SQL
expressions over the item's columns and the declaration's totals. Never here: other declarations.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ItemFeature:
    """``sql``: over the item's columns, plus ``declaration_items`` and ``declaration_value``. ``reason``, ``verify``: as
    in `Feature`."""

    name: str
    sql: str
    unit: str
    meaning: str
    reason: str = ""
    verify: str = ""


# Round amounts are 1, 2 or 5 times a power of ten: where limits and habits are.
_POWER = "pow(10, floor(log10(customs_value_amount)))"
_NEXT_ROUND = (
    f"case when customs_value_amount <= {_POWER} then {_POWER} when customs_value_amount <= 2 * {_POWER} then 2 * {_POWER} "
    f"when customs_value_amount <= 5 * {_POWER} then 5 * {_POWER} else 10 * {_POWER} end"
)
# Duty, then VAT on value plus duty plus excise: what the declared rates make of the declared value.
_EXPECTED_TAX = (
    "customs_value_amount * duty_rate + coalesce(excise_amount, 0)"
    " + (customs_value_amount * (1 + duty_rate) + coalesce(excise_amount, 0)) * vat_rate"
)

ITEM_FEATURES: tuple[ItemFeature, ...] = (
    ItemFeature("item_value_log", "ln(nullif(customs_value_amount, 0))", "ln amount", "customs value", "consignment_size", "value"),
    ItemFeature("value_per_kg_log", "ln(nullif(customs_value_amount, 0) / nullif(net_mass_kg, 0))", "ln amount/kg", "customs value per kg", "value_per_kg", "value"),
    ItemFeature("value_per_unit_log", "ln(nullif(customs_value_amount, 0) / nullif(quantity, 0))", "ln amount/unit", "customs value per unit", "value_per_unit", "value"),
    ItemFeature("kg_per_unit_log", "ln(nullif(net_mass_kg, 0) / nullif(quantity, 0))", "ln kg/unit", "net mass per unit", "kg_per_unit", "quantity"),
    ItemFeature("net_mass_log", "ln(nullif(net_mass_kg, 0))", "ln kg", "net mass"),
    ItemFeature("net_to_gross_mass", "net_mass_kg / nullif(gross_mass_kg, 0)", "ratio", "net over gross mass", "mass_ratio", "quantity"),
    ItemFeature("duty_rate_declared", "duty_rate", "rate", "duty rate declared", "duty_rate", "classification"),
    ItemFeature("tax_share_declared", "total_tax_amount / nullif(customs_value_amount, 0)", "share", "all taxes over customs value", "duty_rate", "classification"),
    ItemFeature("tax_gap", f"total_tax_amount / nullif({_EXPECTED_TAX}, 0) - 1", "share", "taxes declared against those that the declared rates and value give", "tax_inconsistent", "documents"),
    ItemFeature("invoice_to_customs_value", "invoice_amount * coalesce(exchange_rate, 1) / nullif(customs_value_amount, 0)", "ratio", "invoice over customs value", "invoice_differs", "value"),
    ItemFeature("freight_share", "coalesce(freight_amount, 0) / nullif(declaration_value, 0)", "share", "freight over the declaration's value"),
    ItemFeature("value_trailing_zeros", "case when customs_value_amount is null or customs_value_amount <= 0 then null when fmod(customs_value_amount, 10000) = 0 then 4 when fmod(customs_value_amount, 1000) = 0 then 3 when fmod(customs_value_amount, 100) = 0 then 2 when fmod(customs_value_amount, 10) = 0 then 1 else 0 end", "count", "zeros at the end of the customs value", "round_value", "value"),
    ItemFeature("value_to_next_round", f"case when customs_value_amount > 0 then customs_value_amount / ({_NEXT_ROUND}) end", "ratio", "customs value over the next round amount (1, 2 or 5 times a power of ten)", "below_threshold", "value"),
    ItemFeature("origin_differs_from_dispatch", "case when origin_country is null or dispatch_country is null then null when origin_country <> dispatch_country then 1 else 0 end", "0/1", "origin is not the country of dispatch", "origin_differs_from_dispatch", "origin"),
    ItemFeature("is_preference_claimed", "case when preference is null then 0 else 1 end", "0/1", "a preference is claimed", "preference_claimed", "origin"),
    ItemFeature("is_oea_importer", "case when is_oea is null then null when is_oea then 1 else 0 end", "0/1", "importer is an authorised economic operator"),
    ItemFeature("declaration_items", "declaration_items", "count", "items in the declaration"),
    ItemFeature("share_of_declaration", "customs_value_amount / nullif(declaration_value, 0)", "share", "the item's part of the declaration's value"),
    ItemFeature("description_length", "length(description)", "characters", "length of the description"),
    ItemFeature("declared_weekday", "dayofweek(declared_at)", "0 = Sunday", "day of the week of registration"),
    ItemFeature("declared_hour", "hour(declared_at)", "hour", "hour of registration (0 when the source gives only a day)"),
)  # fmt: skip

# Columns kept as categories: the model learns from the code itself, where there are not too many.
CATEGORIES: tuple[str, ...] = (
    "office",
    "procedure",
    "transport_mode",
    "payment_mode",
    "dispatch_country",
    "origin_country",
    "invoice_currency",
    "incoterm",
    "preference",
    "quantity_unit",
)
