"""What columns are called: the vocabulary of `mapping suggest`.

Enters: nothing. Leaves: phrases by field, in French and English; and in Arabic, Spanish, Portuguese and Turkish, with
the words of systems that files come from: BADR, ASYCUDA, Indian bills of entry, US entries, Chile's DIN, Colombia's
and Brazil's files. Never here: how well a header fits a phrase (`headers`).
"""

from __future__ import annotations

# Phrases between commas. `headers.tokens` cuts them as it cuts headers: accents and small words don't count.
_FRENCH_AND_ENGLISH: dict[str, str] = {
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

_OTHERS: dict[str, str] = {
    "declaration_id": (
        "رقم البيان, رقم البيان الجمركي, رقم التصريح, رقم التصريح الفريد للبضائع, رقم التصريح المفرد, رقم "
        "الإقرار, رقم الإقرار الجمركي, رقم التسجيل, التصريح, البيان الجمركي, numero de declaracion, "
        "declaracion, numero de aceptacion, numero de formulario, formulario, numero despacho, numero de "
        "pedimento, pedimento, numero din, din, numencriptado, numero de identificacion, numero da "
        "declaracao, declaracao, numero di, numero da di, duimp, numero duimp, numero du imp, numero due, "
        "numero registo, beyanname, beyanname no, beyanname tescil no, tescil no, beyanname numarasi, be "
        "no, be number, boe no, boe number, bill of entry, bill of entry no, bill of entry number, sb no, "
        "entry no, entry summary number, entry summary no, customs entry number, ucr, customs reference "
        "number, sad reg no, sad registration number, reg number, registration reference, reg reference, "
        "ide reg nbr, c number, e number"
    ),
    "declared_at": (
        "تاريخ التسجيل, تاريخ البيان, تاريخ التصريح, التاريخ, تاريخ الإيداع, تاريخ القبول, تاريخ الإقرار, "
        "fecha, fecha de aceptacion, fecha aceptacion, fecha declaracion, fecha de declaracion, fecha de "
        "registro, fecha registro, fecha de numeracion, fecha presentacion, fecha de pago pedimento, "
        "fecha de levante, fecacep, fech, data, data do registro, data registro, data de registo, data da "
        "declaracao, data declaracao, data da di, data de aceitacao, tarih, tescil tarihi, beyanname "
        "tarihi, beyanname tescil tarihi, be date, boe date, bill of entry date, bill of entry dt, be dt, "
        "entry summary date, date of entry, sad reg date, reg date, date of registration, sad date, ide "
        "reg dat, assessment date, lodged on"
    ),
    "office": (
        "المكتب, مكتب الجمارك, المكتب الجمركي, رمز المكتب, مكتب الجمركة, المركز الجمركي, المنفذ, المنفذ "
        "الجمركي, ميناء الدخول, مكتب التخليص, مكتب التعشير, المديرية, aduana, codigo aduana, aduana de "
        "ingreso, aduana de despacho, aduana tramitacion, administracion aduana, administracion de "
        "aduanas, codigo administracion, seccional, adu, adua, unidade de despacho, unidade despacho, "
        "urf, urf de despacho, co urf, unidade da rfb, unidade rfb, alfandega, recinto, recinto "
        "aduaneiro, estancia aduaneira, gumruk, gumruk idaresi, gumruk mudurlugu, gumruk kodu, gumruk "
        "idare, port code, custom house, custom house code, port, location code, port of entry, port "
        "entry code, entry port, port of entry code, district port, customs station, station, station "
        "code, customs office code, entry office, ide cuo cod, cuo code, port of discharge code"
    ),
    "procedure": (
        "النظام الجمركي, النظام, رمز النظام, نوع البيان, نوع التصريح, الوضع الجمركي, regimen, regimen "
        "aduanero, codigo regimen, modalidad, tipo de declaracion, tipo de operacion, clave de pedimento, "
        "regime aduaneiro, regime de tributacao, tipo de declaracao, modalidade, rejim, rejim kodu, "
        "beyanname rejimi, be type, entry type, entry type code, customs procedure code, model of "
        "declaration"
    ),
    "declarant_id": (
        "المعشر, المصرح, المخلص, المخلص الجمركي, الوسيط, وكيل العبور, agente de aduana, agente aduanal, "
        "agente, agencia de aduanas, despachante, declarante, despachante aduaneiro, musavir, gumruk "
        "musaviri, beyan sahibi, temsilci, cha, cha no, cha name, cha number, filer code, entry filer, "
        "clearing agent, declarant tin, customs agent"
    ),
    "importer_id": (
        "importer name address, المستورد, اسم المستورد, رمز المستورد, رقم المستورد, معرف المستورد, المرسل "
        "إليه, التعريف الموحد للمقاولة, المعرف الموحد, رقم التعريف الموحد, importador, nit importador, "
        "nit, rut importador, rut, ruc importador, ruc, rfc importador, rfc, razon social importador, "
        "consignatario, num unico importador, numero importador, identificacion importador, codigo "
        "importador, cnpj, cnpj importador, cnpj do importador, nome importador, adquirente, ithalatci, "
        "ithalatci vergi no, ithalatci firma, ithalatci unvani, vergi no, alici, iec, iec no, iec code, "
        "ie code, importer exporter code, importer name, importer of record, importer of record number, "
        "ior, ior number, importer number, pin, importer pin, consignee pin, kra pin, consignee name, cmp "
        "con cod, consignee id, importer code tin"
    ),
    "exporter_id": (
        "المصدر, المورد, المرسل, اسم المورد, اسم المصدر, المزود, exportador, proveedor, nombre proveedor, "
        "remitente, vendedor, proveedor extranjero, exportador estrangeiro, fornecedor, fabricante "
        "exportador, ihracatci, gonderici, satici, ihracatci firma, supplier name, exporter name, foreign "
        "exporter, shipper name, manufacturer id, mid"
    ),
    "transport_mode": (
        "وسيلة النقل, نوع النقل, طريقة النقل, نمط النقل, via de transporte, via transporte, modo de "
        "transporte, medio de transporte, via tran, viatrans, via de transporte codigo, co via, modal, "
        "modal de transporte, tasima sekli, tasima turu, nakliye sekli, mot, mode of transportation"
    ),
    "dispatch_country": (
        "بلد المصدر, بلد الإرسال, بلد التصدير, بلد الشحن, بلد القدوم, بلد المورد, pais de procedencia, "
        "pais procedencia, procedencia, pais de adquisicion, pais adquisicion, pa adq, pais de embarque, "
        "paispro, pais de compra, paiscom, pais exportador, pais vendedor, pais de procedencia codigo, "
        "pais de aquisicao, pais de exportacao, pais de proveniencia, cikis ulke, cikis ulkesi, sevk "
        "ulkesi, ticaret yapilan ulke, gonderen ulke, ihracat ulkesi, country of consignment, country of "
        "export, country of shipment, exporting country, country of supply, country of last consignment"
    ),
    "invoice_currency": (
        "العملة, عملة الفاتورة, رمز العملة, moneda, codigo moneda, moneda de factura, divisa, moeda, "
        "moeda da fatura, moeda vmle, doviz, doviz cinsi, para birimi, doviz kodu, inv currency, invoice "
        "curr"
    ),
    "exchange_rate": (
        "سعر الصرف, سعر العملة, tipo de cambio, tasa de cambio, taxa de cambio, doviz kuru, kur, exch "
        "rate, rate of exchange"
    ),
    "incoterm": (
        "شروط التسليم, شرط التسليم, clausula de compra, clausula compra, cl compra, termino de "
        "negociacion, condicao de venda, teslim sekli, terms of delivery, terms of invoice, toi"
    ),
    "freight_amount": (
        "الشحن, أجور الشحن, تكلفة الشحن, مصاريف النقل, flete, valor flete, valor del flete, frete, valor "
        "do frete, vl frete, navlun, navlun bedeli"
    ),
    "insurance_amount": (
        "التأمين, قيمة التأمين, مصاريف التأمين, seguro, valor seguro, valor del seguro, valor do seguro, "
        "vl seguro, sigorta, sigorta bedeli"
    ),
    "payment_mode": (
        "طريقة الدفع, طريقة الأداء, وسيلة الدفع, forma de pago, form pago, modo de pago, forma de "
        "pagamento, odeme sekli, terms of payment"
    ),
    "transport_document": (
        "سند الشحن, بوليصة الشحن, رقم البوليصة, سند النقل, conocimiento de embarque, documento de "
        "transporte, numero conocimiento, num conoc, conhecimento de embarque, conhecimento de carga, "
        "konsimento, tasima belgesi, tasima belgesi no, master bl, house bl, mbl, hbl, mawb, hawb, bl no, "
        "mawb no"
    ),
    "manifest_id": (
        "المانيفست, رقم المانيفست, بيان الحمولة, manifiesto, numero manifiesto, manifiesto de carga, num "
        "manif, manifesto, manifesto de carga, ozet beyan, ozet beyan no, igm, igm no"
    ),
    "container_id": (
        "الحاوية, رقم الحاوية, contenedor, numero contenedor, contentor, conteiner, numero conteiner, "
        "konteyner, konteyner no, container no"
    ),
    "is_oea": (
        "المتعامل الاقتصادي المعتمد, الفاعل الاقتصادي المعتمد, متعامل معتمد, operador economico "
        "autorizado, oea importador, yys, yetkilendirilmis yukumlu, authorised economic operator, "
        "authorized economic operator"
    ),
    "item_number": (
        "رقم السطر, الرتبة, رقم السلعة, رقم الصنف, item numero, numero de item, numero item, secuencia, "
        "num item, numero da adicao, adicao, numero adicao, kalem, kalem no, sira no, kalem sira no, item "
        "sno, item serial no, invoice item no, entry line, entry line number, line no"
    ),
    "commodity_code": (
        "البند التعريفي, البند الجمركي, رمز البند, بند التعرفة, رمز التعريفة, التعريفة الجمركية, رمز "
        "النظام المنسق, النظام المنسق, الرمز المنسق, الرمز الجمركي, رمز السلعة, رمز المنتج, التصنيف "
        "التعريفي, partida arancelaria, partida, subpartida nandina, htsus subheading, code ndp, "
        "subpartida, subpartida arancelaria, posicion arancelaria, posicion, fraccion arancelaria, codigo "
        "arancelario, arancel, clasificacion arancelaria, item arancelario, codigo sa, arancel nacional, "
        "aranc nac, naban, posar, poarlic, nandina, ncm, codigo ncm, co ncm, ncm codigo, subitem ncm, "
        "codigo pautal, posicao pautal, posicao tarifaria, classificacao fiscal, nomenclatura, gtip, g t "
        "i p, gtip no, gtip kodu, gumruk tarife pozisyonu, tarife pozisyonu, tarife, hs kodu, cth, cth "
        "no, customs tariff heading, ritc, ritc code, hs cd, tariff heading, hts, hts number, htsus, "
        "htsus number, hts no, hts10, harmonized tariff number, harmonized code, hsn, hsn code, tariff "
        "no, tariff number, tariff item, commodity, classification code, classification, tar hsc nb1, hs "
        "code commodity"
    ),
    "description": (
        "product name, hs code description, وصف البضاعة, وصف السلعة, وصف البضائع, البضاعة, تعيين البضاعة, "
        "نوع البضاعة, التسمية, وصف, تسمية البضاعة, بيان البضاعة, descripcion, descripcion de la "
        "mercancia, descripcion mercancia, descripcion mercancias, descripcion de mercancias, descripcion "
        "del producto, mercancia, mercaderia, descripcion mercaderia, descripcion comercial, dnombre, "
        "nombre producto, glosa, descricao, descricao da mercadoria, descricao do produto, descricao "
        "mercadoria, descricao detalhada, mercadoria, produto, designacao, designacao da mercadoria, "
        "esya, esya tanimi, esyanin tanimi, ticari tanim, ticari tanimi, esya cinsi, malin cinsi, mal "
        "tanimi, item desc, full item description, merchandise description, commercial description, gds "
        "ds3, tariff description, cargo description"
    ),
    "origin_country": (
        "بلد المنشأ, المنشأ, دولة المنشأ, بلد الأصل, الأصل, رمز بلد المنشأ, المصدر الأصلي, pais de "
        "origen, pais origen, origen, pais, codigo pais origen, pa orig, paisgen, pais de origen codigo, "
        "pais de origem, pais origem, origem, co pais, codigo pais origem, mense, mense ulke, mense "
        "ulkesi, mensei, ulke, mense ulke kodu, coo code, origin cntry, cty origin, gds org cty, country "
        "of manufacture, country of origin code, orig"
    ),
    "preference": (
        "الأفضلية, الاتفاقية, التفضيل, اتفاقية تفضيلية, acuerdo, acuerdo comercial, preferencia, codigo "
        "acuerdo, tratado, acordo, acordo tarifario, preferencia tarifaria, anlasma, tercih, tercih kodu, "
        "tercihli rejim, spi, special program indicator, notification no, fta, trade preference"
    ),
    "quantity": (
        "الكمية, العدد, cantidad, cant merc, cantidad mercancia, cantidad comercial, cantidad "
        "estadistica, canu, unidades fisicas, quantidade, quantidade estatistica, qt estat, quantidade "
        "comercializada, miktar, miktari, istatistiki miktar, adet, unit quantity, std qty"
    ),
    "quantity_unit": (
        "الوحدة, وحدة القياس, وحدة الكمية, unidad, unidad de medida, unidad medida, unidad comercial, "
        "medida, coduni, codigo unidad, unidade, unidade de medida, unidade estatistica, co unid, birim, "
        "olcu birimi, miktar birimi, unit quantity code, uqc"
    ),
    "package_count": (
        "عدد الطرود, الطرود, عدد الأكياس, bultos, numero de bultos, cantidad de bultos, volumes, "
        "quantidade de volumes, kap, kap adedi, kap sayisi, no of packages, pkgs, number of pieces"
    ),
    "gross_mass_kg": (
        "الوزن القائم, الوزن الإجمالي, الوزن الخام, peso bruto, peso bruto kg, peso bruto kgs, pbk, massa "
        "bruta, brut agirlik, brut kg, brut agirlik kg, gross weight kg, gross wt kg, vit wgt gr, vit wgt "
        "grs"
    ),
    "net_mass_kg": (
        "الوزن الصافي, الوزن, الوزن الصافي كغ, الوزن الصافي كلغ, peso neto, peso neto kg, peso neto kgs, "
        "peso, pnk, peso neto kilos, kilos netos, peso liquido, peso liquido kg, kg liquido, quilograma "
        "liquido, massa liquida, net agirlik, net agirlik kg, net kg, agirlik, net weight kg, net wt kg, "
        "vit wgt net, net mass kgs"
    ),
    "invoice_amount": (
        "قيمة الفاتورة, مبلغ الفاتورة, القيمة فوب, valor factura, valor fob, valor de factura, valor fob "
        "usd, vafodo, monto factura, fob item, valor fatura, valor da fatura, vl fob, vmle, vmcv, valor "
        "fob us, valor transaccion, fatura bedeli, fatura tutari, fatura degeri, fob kiymet, invoice "
        "value fc, invoice amt, item invoice value"
    ),
    "customs_value_amount": (
        "القيمة, القيمة الجمركية, القيمة المصرح بها, القيمة لدى الجمارك, القيمة للجمارك, القيمة بالدرهم, "
        "قيمة البضاعة, القيمة سيف, valor en aduana, valor aduana, valor aduana usd, valor, valor "
        "aduanero, valor cif, cif item, vacid, vacip, valor declarado, valor imponible, valor cif usd, "
        "base imponible, valor aduaneiro, vmld, valor no local de descarga, valor da mercadoria, valor "
        "tributavel, gumruk kiymeti, kiymet, deger, cif kiymet, istatistiki kiymet, gumruk vergi matrahi, "
        "cif bedel, cif deger, assessable value, assess value, ass value, assessable val, av, accessible "
        "value, entered value, entered val, line value, total entered value, appraised value, cif amount, "
        "item cif, total cif, customs val, taxable value, statistical value, vit cif, vit stv, value for "
        "duty, vfd, value for customs, dutiable value, cif kes, cif value kes, customs value kes"
    ),
    "value_currency": ("عملة القيمة, moneda valor, moneda del valor, moeda do valor, kiymet dovizi"),
    "duty_rate": (
        "نسبة الرسم, فئة الرسم, معدل الرسم, نسبة رسم الاستيراد, نسبة الرسوم, tasa arancel, tarifa "
        "arancel, tasa advalorem, porcentaje arancel, gravamen, porcentaje gravamen, advalorem, aliquota "
        "ii, aliquota do ii, aliquota de importacao, taxa de direitos, gumruk vergisi orani, vergi orani, "
        "gv orani, bcd rate, basic duty rate, duty rt, ad valorem rate"
    ),
    "vat_rate": (
        "نسبة الضريبة على القيمة المضافة, نسبة ضريبة القيمة المضافة, tasa iva, tarifa iva, porcentaje "
        "iva, aliquota icms, taxa iva, kdv orani, igst rate, gst rate"
    ),
    "duty_amount": (
        "رسم الاستيراد, مبلغ الرسم, الرسوم الجمركية, الرسم الجمركي, رسوم الاستيراد, derechos de aduana, "
        "derecho, derechos, arancel pagado, arancel liquidado, valor arancel, valad, valor advalorem, "
        "imposto de importacao, imposto importacao, valor ii, direitos aduaneiros, direitos, gumruk "
        "vergisi, gumruk vergisi tutari, bcd, bcd amount, basic customs duty, import duty amount, duty "
        "amt"
    ),
    "vat_amount": (
        "الضريبة على القيمة المضافة, ضريبة القيمة المضافة, iva, valor iva, monto iva, iva liquidado, "
        "icms, valor icms, kdv, kdv tutari, igst, igst amount, gst amount"
    ),
    "excise_amount": (
        "الضريبة الداخلية على الاستهلاك, ضريبة الاستهلاك, impuesto al consumo, impuesto especial, ipi, "
        "valor ipi, otv, otv tutari, excise duty"
    ),
    "total_tax_amount": (
        "مجموع الرسوم, إجمالي الرسوم, مجموع الرسوم والضرائب, الرسوم والمكوس, الرسوم والضرائب, total "
        "tributos, total impuestos, total derechos, tributos aduaneros, impuestos, gravamenes, total "
        "tributos e taxas, total de tributos, total impostos, toplam vergi, vergiler toplami, toplam "
        "vergiler, total duty, duty payable, total duty payable, total duty amount, total taxes payable"
    ),
    "known_at": (
        "تاريخ النتيجة, تاريخ المحضر, fecha resultado, fecha del resultado, fecha acta, data resultado, "
        "data do resultado, sonuc tarihi, tutanak tarihi"
    ),
    "inspected_at": (
        "تاريخ المعاينة, تاريخ التفتيش, تاريخ المراقبة, تاريخ الفحص, fecha inspeccion, fecha de aforo, "
        "fecha reconocimiento, data da inspecao, data da conferencia, data conferencia, muayene tarihi, "
        "kontrol tarihi, exam date"
    ),
    "inspection_lane": (
        "المسار, المسرب, قناة المراقبة, القناة, مسار المراقبة, canal de control, canal de aforo, tipo de "
        "aforo, canal de parametrizacao, canal parametrizacao, canal de conferencia, selectividad, hat, "
        "muayene hatti, kontrol hatti, kirmizi hat, rms channel, examination channel, inspection channel, "
        "selectivity lane, lane colour, lane color"
    ),
    "inspector_id": (
        "المفتش, مفتش الجمارك, inspector, funcionario, vista, fiscalizador, auditor fiscal, fiscal, "
        "muayene memuru, examining officer"
    ),
    "is_inspected": (
        "معاينة, تفتيش, خضع للتفتيش, inspeccionado, aforo fisico, inspecionado, conferido, muayene "
        "edildi, muayene, examined"
    ),
    "is_irregular": (
        "مخالفة, المخالفة, النتيجة, الغش, غش, نتيجة المعاينة, نتيجة التفتيش, نتيجة المراقبة, مطابقة, "
        "fraude detectado, resultado, resultado inspeccion, resultado del aforo, irregularidad, "
        "infraccion, hallazgo, irregularidade, resultado da inspecao, resultado conferencia, usulsuzluk, "
        "sonuc, muayene sonucu, kacak, aykirilik, examination result, seizure"
    ),
    "severity": ("خطورة, درجة الخطورة, gravedad, gravidade, agirlik derecesi"),
    "found_value_amount": (
        "القيمة المثبتة, القيمة المعدلة, valor ajustado, valor determinado, valor constatado, valor "
        "apurado, tespit edilen kiymet, reassessed value"
    ),
    "additional_revenue_amount": (
        "الرسوم الإضافية, الرسوم المسترجعة, الرسوم المتملص منها, tributos adicionales, tributos omitidos, "
        "mayor valor recaudado, tributos adicionais, credito tributario, diferenca de tributos, ek "
        "tahakkuk, ek vergi, additional duty collected, duty recovered"
    ),
}

VOCABULARY: dict[str, tuple[str, ...]] = {
    field: tuple(f"{phrases}, {_OTHERS[field]}".split(", ") if field in _OTHERS else phrases.split(", "))
    for field, phrases in _FRENCH_AND_ENGLISH.items()
}
