"""What columns are called, in English and in French: the vocabulary of `mapping suggest`.

Enters: a header. Leaves: how well it names each field, 0 to 1. Never here: the column's contents.
"""

from __future__ import annotations

import re
import unicodedata
from difflib import SequenceMatcher

# Phrases between commas, written as `tokens` would cut them: no accents, no small words.
VOCABULARY: dict[str, str] = {
    "declaration_id": (
        "id, "
        "declaration id, declaration number, n dum, dum, n declaration, numero declaration, num decl, reference "
        "declaration, ref dum, sgd id, sad id, sad number, entry number, dau, numero dau, identifiant "
        "declaration, id dum, numero enregistrement, registration number, ddm, n ddm, unipass id, declaration "
        "ref, customs declaration, code declaration, reference dum, cle declaration, mrn"
    ),
    "declaration_version": "declaration version, version, version declaration, numero version, amendment number",
    "declared_at": (
        "date, declaration date, date declaration, date enregistrement, registration date, date dum, declared at, "
        "date enreg, sgd date, date depot, date ddm, entry date, clearance date, date validation, lodgement date, "
        "acceptance date, date acceptation, jour declaration, declared on, date heure enregistrement, timestamp"
    ),
    "office": (
        "office, bureau, code bureau, office id, customs office, bureau douane, bureau dedouanement, office code, "
        "bureau enregistrement, clearance office, id bureau, port entree, bdo, site, bureau declaration"
    ),
    "procedure": (
        "procedure, regime, code regime, procedure code, process type, regime douanier, customs procedure, cpc, "
        "type regime, type procedure, type processus, type traitement, type declaration, reg douanier, regime "
        "economique, declaration type, type operation"
    ),
    "declarant_id": (
        "commissionnaire douane, "
        "declarant, declarant id, code declarant, broker, transitaire, customs broker, agent, identifiant "
        "declarant, id declarant, commissionnaire, declarant code, broker id, n declarant, agrement declarant, "
        "agent douane, filer"
    ),
    "importer_id": (
        "importer, importateur, ice, importer id, ice importateur, consignee, destinataire, code importateur, "
        "importer tin, identifiant importateur, id importateur, operateur, consignee code, "
        "consignee tin, importer code, rc "
        "importateur, if importateur, nif, nif importateur, tin, operateur economique, client, redevable"
    ),
    "exporter_id": (
        "exporter, fournisseur, seller, seller id, supplier, exportateur, expediteur, vendeur, exporter id, "
        "supplier id, shipper, consignor, nom fournisseur, id fournisseur, code fournisseur, id vendeur, "
        "fournisseur etranger, nom exportateur, identifiant vendeur, identifiant fournisseur"
    ),
    "transport_mode": (
        "mode transport, transport mode, mode of transport, moyen transport, mode acheminement, transport type, "
        "type transport, code transport, transport"
    ),
    "dispatch_country": (
        "pays provenance, country departure, dispatch country, country dispatch, provenance, export country, "
        "country consignment, country export, pays depart, pays expedition, code pays provenance, pays "
        "exportation, country shipment, pays embarquement, departure country"
    ),
    "invoice_currency": (
        "devise, invoice currency, currency, code devise, monnaie facture, devise facture, currency code, "
        "monnaie, devise facturation"
    ),
    "exchange_rate": "taux change, exchange rate, currency rate, cours devise, taux conversion, cours change",
    "incoterm": "incoterm, incoterms, delivery terms, conditions livraison, condition livraison, code incoterm",
    "freight_amount": "fret, freight, freight amount, montant fret, frais transport, cout fret",
    "insurance_amount": "assurance, insurance, insurance amount, montant assurance, frais assurance",
    "payment_mode": (
        "mode paiement, payment type, payment mode, payment method, type paiement, moyen paiement, mode "
        "reglement, payment, mode of payment, paiement"
    ),
    "transport_document": (
        "titre transport, transport document, bill lading, connaissement, lta, awb, bl number, n bl, document "
        "transport, n titre transport, cmr, air waybill"
    ),
    "manifest_id": "manifeste, manifest, manifest id, n manifeste, manifest number, ds manifeste, num manifeste",
    "container_id": "conteneur, container, n conteneur, container id, container number, num conteneur",
    "is_oea": "oea, aeo, statut oea, is oea, aeo status, operateur agree, operateur economique agree, est oea",
    "item_number": (
        "article, n article, numero article, item number, item, num article, item no, line number, rang article, "
        "ligne, ordre article, sequence number, item id, no ligne, sequence, rang"
    ),
    "commodity_code": (
        "code sh, nomenclature, hs code, commodity code, tariff code, hs6 code, code ngp, sh, hs6, hs, position "
        "tarifaire, espece tarifaire, code produit, ngp, sh6, code sh6, hs 6, code tarifaire, hs10, sh10, code "
        "marchandise, hts code, code nomenclature, code nsh, tarif, product code, hscode, espece, sous position, "
        "position sh, cn code, taric"
    ),
    "description": (
        "designation, description, goods description, designation marchandise, libelle, marchandise, description "
        "marchandise, designation commerciale, libelle marchandise, product description, description goods, "
        "nature marchandise, item description"
    ),
    "origin_country": (
        "pays origine, country origin, origin, origine, origin country, code pays origine, origin code, country, "
        "pays, po, coo"
    ),
    "preference": (
        "preference, accord, code preference, preference code, accord preferentiel, franchise, code accord, trade "
        "agreement, regime preferentiel, convention"
    ),
    "quantity": (
        "quantite, quantity, qte, qty, quantite complementaire, supplementary quantity, qte compl, nombre unites, "
        "statistical quantity, quantite statistique, qte normalisee"
    ),
    "quantity_unit": (
        "unite, unit, quantity unit, unite quantite, uqn, unite mesure, unite complementaire, unit measure, uom, "
        "code unite"
    ),
    "package_count": (
        "nombre colis, packages, package count, number packages, nb colis, colis, nbre colis, package number"
    ),
    "gross_mass_kg": (
        "masse brute, poids brut, gross mass, gross weight, pb, gross mass kg, poids brut kg, gross wt, masse brute kg"
    ),
    "net_mass_kg": (
        "masse nette, poids net, net mass, net weight, pn, net mass kg, poids net kg, net wt, masse nette kg, "
        "poids, weight, mass"
    ),
    "invoice_amount": (
        "montant facture, invoice amount, invoice value, valeur facture, fob value, valeur fob, fob, montant "
        "devise, invoice price, prix facture, ptfn, valeur devise, montant factures"
    ),
    "customs_value_amount": (
        "valeur douane, customs value, valeur declaree, cif value, valeur caf, valeur cif, declared value, "
        "customs value amount, value, valeur, item price, prix article, valeur dh, valeur imposable, cif, caf, "
        "valeur article, prix, price, val douane, valeur mad, valeur dirhams, assiette, amount"
    ),
    "value_currency": "value currency, devise valeur, monnaie valeur",
    "duty_rate": (
        "taux di, taux droit, duty rate, tax rate, taux droits importation, taux taxe, taux imposition, import "
        "duty rate, di taux, taux droit importation, tariff rate, quotite di, quotite, taux, taux droits douane, "
        "taux droit douane"
    ),
    "vat_rate": "taux tva, vat rate, tva taux, quotite tva",
    "duty_amount": (
        "montant di, duty amount, droits importation, import duty, droit importation, duty, duties, droits "
        "douane, di, droit douane, montant droits, di liquide"
    ),
    "vat_amount": "montant tva, vat amount, tva, vat, tva liquidee, tva importation, tva import",
    "excise_amount": "tic, excise amount, excise, montant tic, taxe interieure consommation, accise",
    "total_tax_amount": (
        "total taxes, droits taxes, total droits taxes, total taxes amount, total duties taxes, montant liquide, "
        "droits taxes liquides, montant total droits taxes, dt, total tax, total liquide, total tax amount, "
        "montant droits taxes, montant taxes"
    ),
    "known_at": (
        "date resultat, result date, known at, date pv, date constat, date visite, date connaissance, date "
        "cloture, outcome date, date decision, date resultat visite, finding date, date certificat visite, known "
        "on, date resultat controle"
    ),
    "inspected_at": (
        "date inspection, inspection date, date controle, inspected at, examination date, date verification"
    ),
    "inspection_lane": (
        "circuit, lane, couloir, canal, inspection lane, circuit selectivite, channel, selectivite, type "
        "controle, couleur, circuit controle, mode controle, admission"
    ),
    "inspector_id": (
        "inspecteur, inspector, agent verificateur, inspector id, verificateur, matricule inspecteur, examiner, "
        "inspecteur verificateur, id inspecteur, code inspecteur"
    ),
    "is_inspected": "visite, inspected, is inspected, controle, inspecte, controle effectue, visite effectuee",
    "is_irregular": (
        "fraude, fraud, irregularite, resultat, illicit, is irregular, irregular, result, infraction, label, "
        "resultat controle, conformite, conforme, compliant, resultat visite, outcome, is fraud, "
        "inspection result, inspection outcome, constat, "
        "irregulier, anomalie, fraude constatee, contentieux, fraude averee, cible, illicite"
    ),
    "is_irregular_value": (
        "undervaluation, fraude valeur, sous evaluation, irregularite valeur, is irregular value, minoration "
        "valeur, value fraud, redressement valeur, infraction valeur"
    ),
    "is_irregular_classification": (
        "misclassification, fausse espece, irregularite espece, is irregular classification, fraude espece, "
        "infraction espece, erreur classement"
    ),
    "is_irregular_origin": (
        "false origin, fausse origine, irregularite origine, is irregular origin, fraude origine, infraction origine"
    ),
    "is_irregular_quantity": (
        "quantity fraud, irregularite quantite, excedent, is irregular quantity, fraude quantite, deficit, "
        "infraction quantite, irregularite poids"
    ),
    "is_irregular_prohibited": (
        "prohibited, marchandise prohibee, prohibition, contrefacon, is irregular prohibited, counterfeit, prohibee"
    ),
    "is_irregular_documents": "missing documents, irregularite documents, documents, is irregular documents",
    "severity": (
        "niveau fraude, niveau infraction, infraction grave, infraction critique, irregularite grave, "
        "fraude severe, degre fraude, serious fraud, "
        "severity, gravite, critical fraud, fraude critique, fraude grave, niveau gravite, criticite, fraude "
        "majeure, gravite fraude"
    ),
    "found_commodity_code": (
        "code sh constate, found commodity code, espece constatee, code sh reconnu, code rectifie"
    ),
    "found_origin_country": "origine constatee, found origin country, origine reconnue, origine rectifiee",
    "found_quantity": "quantite constatee, found quantity, quantite reconnue",
    "found_net_mass_kg": "poids constate, found net mass kg, found net mass, masse constatee, poids reconnu",
    "found_value_amount": (
        "valeur constatee, found value, valeur retenue, valeur redressee, found value amount, adjusted value, "
        "valeur rectifiee, valeur reconnue"
    ),
    "additional_revenue_amount": (
        "droits redresses, additional revenue, revenue, redressement, recettes additionnelles, montant redresse, "
        "raised tax amount, droits compromis, additional revenue amount, droits eludes, recouvrement, recettes "
        "supplementaires, montant redressement, droits taxes compromis, dt compromis, uplift, droits recuperes, "
        "additional duties"
    ),
}

_SMALL_WORDS = frozenset(
    [
        "a",
        "au",
        "aux",
        "d",
        "de",
        "des",
        "du",
        "en",
        "et",
        "for",
        "from",
        "in",
        "l",
        "la",
        "le",
        "les",
        "of",
        "on",
        "par",
        "pour",
        "sur",
        "the",
        "to",
        "un",
        "une",
        "dh",
    ]
)
# Words that say a column is an identifier, whatever of: they weigh less than what it identifies.
_LIGHT = {
    **dict.fromkeys(("code", "id", "n", "nb", "nom", "name", "statut", "status", "indicateur", "indicator"), 0.3),
    **dict.fromkeys(("flag", "etiquette", "label", "averee"), 0.3),
    **{"ref": 0.4, "kg": 0.15, "mad": 0.2, "is": 0.3, "est": 0.3, "amount": 0.5, "montant": 0.5, "type": 0.8},
}
_SAME = {
    "md": "mode",
    "tp": "type",
    "ind": "indicateur",
    "no": "n",
    "num": "n",
    "numero": "n",
    "number": "n",
    "nr": "n",
    "nbre": "nb",
    "nombre": "nb",
    "identifiant": "id",
    "identifier": "id",
    "reference": "ref",
    "qte": "quantite",
    "qty": "quantity",
    "decl": "declaration",
    "wt": "weight",
    "kgs": "kg",
    "kilogrammes": "kg",
    "dest": "destinataire",
    "fourn": "fournisseur",
    "imp": "importateur",
    "val": "valeur",
    "cd": "code",
    "dt": "dt",
    "dte": "date",
    "nomencl": "nomenclature",
    "pays": "pays",
    "orig": "origine",
    "prov": "provenance",
    "desc": "description",
    "desig": "designation",
    "libel": "libelle",
    "bur": "bureau",
    "mnt": "montant",
    "mt": "montant",
    "tx": "taux",
    "pds": "poids",
    "ctry": "country",
    "cntry": "country",
    "amt": "amount",
    "curr": "currency",
    "enreg": "enregistrement",
    "exp": "expediteur",
    "tonnes": "t",
    "tonne": "t",
    "tons": "t",
}


_YES_NO = re.compile(r"\(\s*(?:o|y|oui|yes|0|1)\s*[/,-]\s*(?:n|non|no|0|1)\s*\)", re.IGNORECASE)


def tokens(header: str) -> tuple[str, ...]:
    """The words of a header: no accents, no case, no small words, camel case and dots cut.

    >>> tokens("N° DUM"), tokens("Date d'enregistrement"), tokens("tariffCode"), tokens("gross.weight")
    (('n', 'dum'), ('date', 'enregistrement'), ('tariff', 'code'), ('gross', 'weight'))
    """
    header = _YES_NO.sub(" ", header)
    text = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", header.replace("°", " ").replace("º", " "))
    plain = unicodedata.normalize("NFKD", text.replace("\u2019", "'")).encode("ascii", "ignore").decode().lower()
    words = [word for word in re.split(r"[^a-z0-9]+", plain) if word and word not in _SMALL_WORDS]
    return tuple(_SAME.get(word, word) for word in words)


_PHRASES = {
    field: tuple(tokens(phrase) for phrase in (field.replace("_", " "), *phrases.split(", ")))
    for field, phrases in VOCABULARY.items()
}


_RESULT_STEMS = (
    "fraud",
    "irregul",
    "infract",
    "illicit",
    "illicite",
    "resultat",
    "result",
    "outcome",
    "redress",
    "contentieux",
    "litig",
    "constat",
    "penal",
    "amende",
    "gravit",
    "sever",
    "critiqu",
    "critical",
    "anomal",
    "conform",
    "complian",
    "suspect",
    "sanction",
    "saisi",
    "seiz",
    "label",
    "verdict",
    "finding",
    "recouvr",
)


def sounds_like_a_result(header: str) -> bool:
    """A word of the header speaks of what an inspection found: no such column may pass for a declared one.

    >>> sounds_like_a_result("Niveau_Fraude"), sounds_like_a_result("Type de taxe")
    (True, False)
    """
    return any(word.startswith(_RESULT_STEMS) for word in tokens(header))


def name_score(header: str, field: str) -> float:
    """How well a header names a field: 1 for a known phrase, less for a part of one, 0 for nothing in common.

    >>> name_score("Pays d'origine", "origin_country"), name_score("Courier ID", "origin_country")
    (1.0, 0.0)
    """
    words = tokens(header)
    best = max((_overlap(words, phrase) for phrase in _PHRASES[field]), default=0.0)
    if "%" in header:  # "Droit de douane (%)" is the rate, not the amount
        if field.endswith("_rate") and "taux" not in words:
            best = max(best, *(_overlap(("taux", *words), phrase) for phrase in _PHRASES[field]))
        elif field.endswith("_amount"):
            best *= 0.5
    return round(best, 3)


def _overlap(words: tuple[str, ...], phrase: tuple[str, ...]) -> float:
    if words == phrase:
        return 1.0
    if not words or not phrase:
        return 0.0
    free = list(phrase)
    common = 0.0
    for word in words:
        match = max(free, key=lambda other, word=word: _alike(word, other), default=None)  # type: ignore[misc]
        if match is not None and (alike := _alike(word, match)) > 0:
            common += alike * min(_weight(word), _weight(match))
            free.remove(match)
    total = sum(_weight(word) for word in words) + sum(_weight(word) for word in phrase) - common
    return 0.97 * common / total


def _weight(word: str) -> float:
    return _LIGHT.get(word, 1.0)


def _alike(word: str, other: str) -> float:
    if word == other:
        return 1.0
    shorter, longer = sorted((word, other), key=len)
    if len(shorter) >= 4 and longer.startswith(shorter):
        return 0.9  # an abbreviation, a plural
    if len(shorter) >= 5 and word[:4] == other[:4] and SequenceMatcher(None, word, other).ratio() >= 0.86:
        return 0.85  # a misspelling, the other language
    return 0.0
