"""What a day's allocation must report to the person in charge, in French, Arabic or English.

Enters: a code and figures. Leaves: a sentence. Never here: a decision on what is worth a notice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from basira.selection.policy.model import Wording

SENTENCES: Mapping[str, Mapping[str, str]] = {
    "mandatory_over_capacity": {
        "fr": "Bureau {office} : {count} déclaration(s) à contrôle obligatoire dépassent la capacité ; "
        "placées en « {lane} » au lieu de « {wanted} ».",
        "ar": "المكتب {office}: {count} تصريح(ات) خاضعة لمراقبة إلزامية تتجاوز الطاقة؛ "
        "وُضعت في «{lane}» بدل «{wanted}».",
        "en": "Office {office}: {count} declaration(s) under mandatory control exceed the capacity; "
        "put in “{lane}” instead of “{wanted}”.",
    },
    "mandatory_beyond_capacity": {
        "fr": "Bureau {office} : {count} déclaration(s) à contrôle obligatoire placées en « {lane} » au-delà de sa "
        "capacité, faute de place en « {wanted} » et en dessous.",
        "ar": "المكتب {office}: {count} تصريح(ات) خاضعة لمراقبة إلزامية وُضعت في «{lane}» فوق طاقته "
        "لعدم وجود مكان في «{wanted}» وما دونه.",
        "en": "Office {office}: {count} declaration(s) under mandatory control put in “{lane}” beyond its capacity, "
        "for want of a place in “{wanted}” and below.",
    },
    "random_reduced": {
        "fr": "Bureau {office} : contrôle aléatoire réduit à {count} déclaration(s) au lieu de {wanted}, "
        "faute de capacité.",
        "ar": "المكتب {office}: خُفّضت المراقبة العشوائية إلى {count} تصريح(ات) بدل {wanted} لنقص الطاقة.",
        "en": "Office {office}: random control reduced to {count} declaration(s) instead of {wanted}, "
        "for want of capacity.",
    },
    "fallback_used": {
        "fr": "Bureau {office} : {count} déclaration(s) sans score placées en « {lane} » par la règle de repli.",
        "ar": "المكتب {office}: {count} تصريح(ات) بدون تقييم وُضعت في «{lane}» بموجب القاعدة الاحتياطية.",
        "en": "Office {office}: {count} declaration(s) without a score put in “{lane}” by the fallback rule.",
    },
    "fallback_over_capacity": {
        "fr": "Bureau {office} : {count} déclaration(s) sans score placées en « {lane} », "
        "la capacité de « {wanted} » étant épuisée.",
        "ar": "المكتب {office}: {count} تصريح(ات) بدون تقييم وُضعت في «{lane}» بعد استنفاد طاقة «{wanted}».",
        "en": "Office {office}: {count} declaration(s) without a score put in “{lane}”, "
        "the capacity of “{wanted}” being used up.",
    },
    "fallback_beyond_capacity": {
        "fr": "Bureau {office} : {count} déclaration(s) sans score placées en « {lane} » au-delà de sa capacité.",
        "ar": "المكتب {office}: {count} تصريح(ات) بدون تقييم وُضعت في «{lane}» فوق طاقته.",
        "en": "Office {office}: {count} declaration(s) without a score put in “{lane}” beyond its capacity.",
    },
    "offices_unlisted": {
        "fr": "{count} déclaration(s) sans décision : leur bureau n’est pas dans la liste de la politique ({found}). "
        "Corriger la déclaration, ou compléter la liste.",
        "ar": "{count} تصريح(ات) بدون قرار: مكتبها غير وارد في قائمة السياسة ({found}). صحّح التصريح أو أكمل القائمة.",
        "en": "{count} declaration(s) left undecided: their office is not in the policy’s list ({found}). "
        "Correct the declaration, or complete the list.",
    },
    "offices_open": {
        "fr": "Aucune liste de bureaux ne s’applique : tout code est pris pour un bureau ({count} ce jour). "
        "Une liste « offices » dans la politique l’empêche.",
        "ar": "لا تُطبَّق أي قائمة للمكاتب: كل رمز يُعدّ مكتبًا ({count} في هذا اليوم). قائمة «offices» في السياسة تمنع ذلك.",
        "en": "No list of offices holds: any code is taken for an office ({count} on this day). "
        "A list “offices” in the policy closes that.",
    },
    "stake_unknown": {
        "fr": "Bureau {office} : {count} déclaration(s) sans enjeu connu (aucune valeur déclarée), classées d’après "
        "leur seule probabilité.",
        "ar": "المكتب {office}: {count} تصريح(ات) بدون مبلغ معروف معرّض للخطر (لا قيمة مصرّحًا بها)، "
        "رُتّبت حسب الاحتمال وحده.",
        "en": "Office {office}: {count} declaration(s) with nothing known to be at stake (no declared value), ranked "
        "by their probability alone.",
    },
    "stake_not_weighed": {
        "fr": "Bureau {office} : le modèle n’a pas d’échelle des enjeux ; {count} déclaration(s) classées d’après leur "
        "seule probabilité. Entraîner un nouveau modèle.",
        "ar": "المكتب {office}: ليس للنموذج سلّم للمبالغ المعرّضة للخطر؛ رُتّبت {count} تصريح(ات) حسب الاحتمال "
        "وحده. درّب نموذجًا جديدًا.",
        "en": "Office {office}: the model has no scale of stakes; {count} declaration(s) ranked by their probability "
        "alone. Train a new model.",
    },
    "score_unusable": {
        "fr": "Bureau {office} : {count} déclaration(s) dont le score n’est pas un nombre possible, "
        "traitées comme sans score.",
        "ar": "المكتب {office}: {count} تصريح(ات) بتقييم غير ممكن، عوملت كأنها بدون تقييم.",
        "en": "Office {office}: {count} declaration(s) whose score is not a possible number, "
        "treated as without a score.",
    },
}


@dataclass(frozen=True)
class Notice:
    """One message: ``code`` names the sentence, ``figures`` fills it; a lane's name is said in the reader's language.

    >>> Notice("random_reduced", {"office": "A", "count": 1, "wanted": 3}).text("en")
    'Office A: random control reduced to 1 declaration(s) instead of 3, for want of capacity.'
    """

    code: str
    figures: Mapping[str, str | int | Wording]

    def text(self, language: str) -> str:
        """The sentence in ``language``: fr, ar or en."""
        said = {
            name: value.text(language) if isinstance(value, Wording) else value for name, value in self.figures.items()
        }
        return SENTENCES[self.code][language].format_map(said)
