"""Makes the letter that tells a person who consulted her QF, and what is kept of her (art. 6-3, RGPD art. 15)."""

import re
from collections.abc import Iterator, Mapping
from datetime import date

from cli.letters.french import (
    NO_BREAK_SPACE,
    PURPOSES,
    euros,
    in_words,
    moment_in_words,
    month_in_words,
    span_in_words,
    validity_in_words,
)
from cli.letters.records import (
    CaisseIdentity,
    ConsultationEntry,
    DossierEntry,
    OppositionEntry,
    QuotientEntry,
    StatementLetter,
)
from cli.statements import (
    Allocataire,
    Consultation,
    Coordonnees,
    Dossier,
    Erasure,
    KnownQuotient,
    Opposition,
    Partner,
    Quotient,
    Statement,
    Withdrawal,
)
from services.kit.clock import paris_date

# What a partner was shown where it was shown no QF.
_NOT_SHOWN: Mapping[str | None, str] = {
    "OPPOSED": "Rien de votre dossier. Le partenaire a appris qu’une opposition est enregistrée.",
    "NOT_FOUND": "Rien : aucun dossier ne répondait à votre numéro.",
    "NO_QUOTIENT": "Vos coordonnées. Aucun QF n’était connu.",
    "DOSSIER_CLOSED": "Rien : votre dossier était clos.",
    "OUTSIDE_WINDOW": "Rien : ce mois ne peut pas être consulté.",
}
_CHANNELS: Mapping[str | None, str] = {
    "LETTER": "par courrier",
    "COUNTER": "à l’accueil",
    "TELEPHONE": "par téléphone",
    "ONLINE": "en ligne",
}
_FRANCE = "FRANCE"
# "12 RUE DES ALISIERS" is not broken after its number.
_NUMBER_AND_NAME = re.compile(r"(?<=\d) (?=\D)")


def statement_letter(caisse: CaisseIdentity, statement: Statement) -> StatementLetter:
    """The statement as a letter to the person, at the address of the dossier that she holds."""
    current = next((dossier for dossier in statement.dossiers if dossier.held_to is None), None)
    address = _address_lines(current.coordonnees) if current and current.coordonnees else ()
    return StatementLetter(
        written_date=paris_date(statement.written_time),
        caisse=caisse,
        recipient_lines=address,
        numero_dossier=current.numero_dossier if current else "",
        moment=moment_in_words(statement.written_time),
        consultations=tuple(map(_consultation, statement.consultations)),
        dossiers=tuple(map(_dossier, statement.dossiers)),
        oppositions=tuple(map(_opposition, statement.oppositions)),
        erasures=tuple(map(_erasure, statement.erasures)),
        journal_retention_months=statement.journal_retention_months,
    )


def _consultation(consultation: Consultation) -> ConsultationEntry:
    return ConsultationEntry(
        moment=moment_in_words(consultation.disclose_time),
        partner=_partner_name(consultation.partner),
        purpose=_purpose(consultation),
        case_reference=consultation.case_reference,
        month=month_in_words(date.fromisoformat(f"{consultation.month}-01")),
        shown_lines=tuple(_shown_lines(consultation)),
        shows_quotient=consultation.outcome == "AVAILABLE",
    )


def _purpose(consultation: Consultation) -> str:
    said = PURPOSES.get(consultation.purpose, "Motif non précisé")
    return f"{said} : {consultation.purpose_text}" if consultation.purpose_text else said


def _shown_lines(consultation: Consultation) -> Iterator[str]:
    if consultation.outcome != "AVAILABLE":
        yield _NOT_SHOWN.get(consultation.outcome, "Rien.")
        return
    yield "Vos coordonnées et votre QF :"
    for quotient in consultation.quotients_shown:
        yield _amount_and_validity(quotient)
    kept = {quotient.valid_from for quotient in consultation.quotients_shown}
    for start in consultation.quotient_starts:
        if start not in kept:
            yield f"un montant qui n’est plus conservé, valable à partir du {in_words(start)}"


def _amount_and_validity(quotient: Quotient) -> str:
    return f"{euros(quotient.amount_cents)} ({validity_in_words(quotient.valid_from, quotient.valid_to)})"


def _dossier(dossier: Dossier) -> DossierEntry:
    coordonnees = dossier.coordonnees
    return DossierEntry(
        numero=dossier.numero_dossier,
        held=span_in_words(dossier.held_from, dossier.held_to),
        closed_date=dossier.closed_from,
        allocataires=tuple(map(_full_name, coordonnees.allocataires)) if coordonnees else (),
        address_lines=_address_lines(coordonnees) if coordonnees else (),
        quotients=tuple(map(_quotient, dossier.quotients)),
    )


def _full_name(person: Allocataire) -> str:
    if not person.nom_usage or person.nom_usage == person.nom_naissance:
        return f"{person.prenoms} {person.nom_naissance}".strip()
    return f"{person.prenoms} {person.nom_usage}, nom de naissance {person.nom_naissance}"


def _address_lines(coordonnees: Coordonnees) -> tuple[str, ...]:
    """In the order of NF Z 10-011; the country only where it is another one."""
    lines = (
        coordonnees.destinataire,
        coordonnees.complement_information,
        coordonnees.complement_information_geographique,
        coordonnees.numero_libelle_voie,
        coordonnees.lieu_dit,
        coordonnees.code_postal_ville,
        "" if coordonnees.pays.upper() == _FRANCE else coordonnees.pays,
    )
    return tuple(_NUMBER_AND_NAME.sub(NO_BREAK_SPACE, line) for line in lines if line)


def _quotient(quotient: KnownQuotient) -> QuotientEntry:
    return QuotientEntry(
        validity=validity_in_words(quotient.valid_from, quotient.valid_to),
        amount=euros(quotient.amount_cents),
        known=span_in_words(quotient.known_from, quotient.known_to),
        origin=_origin(quotient),
        is_current=quotient.known_to is None,
    )


def _origin(quotient: KnownQuotient) -> str:
    if quotient.publication_kind != "RECTIFICATION":
        return "Fichier de la caisse"
    return _with_reference("Rectification demandée", quotient.publication_reference)


def _opposition(opposition: Opposition) -> OppositionEntry:
    return OppositionEntry(
        scope=_partner_name(opposition.partner)
        if opposition.partner
        else "Tous les partenaires de la caisse",
        recorded=_expressed(opposition, f"Enregistrée le {moment_in_words(opposition.record_time)}"),
        withdrawn=_withdrawn(opposition.withdrawal) if opposition.withdrawal else "",
    )


def _withdrawn(withdrawal: Withdrawal) -> str:
    return _expressed(withdrawal, f"Retirée le {moment_in_words(withdrawal.withdraw_time)}")


def _expressed(request: Opposition | Withdrawal, done: str) -> str:
    """What was done, and how it was asked for: on which day, by whom, how, under which reference."""
    how = ["exprimée"]
    if request.received_on:
        how.append(f"le {in_words(request.received_on)}")
    if request.channel:
        how.append(_CHANNELS.get(request.channel, ""))
    if request.requester == "REPRESENTATIVE":
        how.append("par une personne qui vous représente")
    if isinstance(request, Opposition) and request.declarant == "PARTNER":
        how.append("auprès de ce partenaire")
    said = f"{done}, {' '.join(filter(None, how))}" if len(how) > 1 else done
    return _with_reference(said, request.reference)


def _erasure(erasure: Erasure) -> str:
    dossiers = "aucun dossier" if not erasure.dossier_count else _counted(erasure.dossier_count, "dossier")
    said = f"Le {moment_in_words(erasure.erase_time)} : {dossiers}"
    if erasure.period_count:
        said += f" et {_counted(erasure.period_count, 'montant')} de QF"
    return _with_reference(said, erasure.reference)


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'s' if count > 1 else ''}"


def _with_reference(said: str, reference: str) -> str:
    return f"{said} (réf. {reference})" if reference else said


def _partner_name(partner: Partner) -> str:
    return partner.denomination or f"Partenaire qui n’est plus au registre (identifiant {partner.partner_id})"
