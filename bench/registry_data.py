"""An invented register of any size, laid straight into the database: 35 caisses × partners × users."""

import hashlib
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import psycopg

from services.kit.config import DatabaseSettings
from services.kit.database import connection_parameters
from services.kit.identifiers import new_uuid7
from services.partners.caisses import load_caisses
from services.partners.partners.domain import Partner, PartnerProfile, Seat, StructureKind, search_text

_SYLLABLES = (
    "mont",
    "val",
    "ro",
    "che",
    "brune",
    "fau",
    "celle",
    "vert",
    "saint",
    "ol",
    "mier",
    "gran",
    "dour",
    "lac",
)
_KINDS = (
    "Mairie de",
    "Centre de loisirs de",
    "CCAS de",
    "Communauté de communes de",
    "Association Les Amis de",
)


@dataclass(frozen=True)
class Filled:
    """What was laid in: the ids of some of the users, and communes that are there to be found."""

    habilitation_ids: list[UUID]
    communes: list[str]
    size: int


def fill(settings: DatabaseSettings, partners_per_caisse: int, users_per_partner: int, seed: int) -> Filled:
    """Lays the register in, with statistics as PostgreSQL would have gathered them. `settings`: the owner's."""
    draw = random.Random(seed)  # noqa: S311  # repeatable on purpose
    partners = list(_partners(draw, partners_per_caisse))
    conventions = {partner.partner_id: new_uuid7(_instant(number)) for number, partner in enumerate(partners)}
    users: list[UUID] = []
    with psycopg.connect(**connection_parameters(settings)) as connection, connection.cursor() as cursor:
        with cursor.copy(_COPY_PARTNERS) as copy:
            for partner in partners:
                copy.write_row(_partner_row(partner))
        with cursor.copy(_COPY_CONVENTIONS) as copy:
            for partner in partners:
                signed = _signed(draw)
                copy.write_row(
                    (conventions[partner.partner_id], partner.partner_id, partner.caisse_code, signed, signed,
                     partner.create_time)
                )  # fmt: skip
        with cursor.copy(_COPY_HABILITATIONS) as copy:
            for number, convention_id in enumerate(conventions.values()):
                for user in range(users_per_partner):
                    habilitation_id = new_uuid7(_instant(number * users_per_partner + user))
                    users.append(habilitation_id)
                    copy.write_row(_user_row(habilitation_id, convention_id, user))
    with psycopg.connect(**connection_parameters(settings), autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")
    communes = [partner.seat.commune for partner in draw.sample(partners, min(500, len(partners)))]
    return Filled(draw.sample(users, min(20_000, len(users))), communes, len(users))


_COPY_PARTNERS = """
    COPY partners (partner_id, caisse_code, numero_tiers, denomination, create_time, seat_commune, search_text)
    FROM STDIN
"""
_COPY_CONVENTIONS = """
    COPY conventions (convention_id, partner_id, caisse_code, signature_date, cnil_declaration_date, create_time)
    FROM STDIN
"""
_COPY_HABILITATIONS = """
    COPY habilitations (habilitation_id, convention_id, nom, prenom, email, bouquet, create_time, lapse_date)
    FROM STDIN
"""


def _partners(draw: random.Random, per_caisse: int) -> Iterator[Partner]:
    number = 0
    for caisse in load_caisses().all():
        for place in range(per_caisse):
            commune = "-".join(
                "".join(draw.choices(_SYLLABLES, k=2)).title() for _ in range(draw.randint(1, 2))
            )
            yield Partner(
                partner_id=new_uuid7(_instant(number)),
                caisse_code=caisse.code,
                numero_tiers=f"T{place:06d}",
                denomination=f"{draw.choice(_KINDS)} {commune}",
                create_time=_instant(number),
                profile=PartnerProfile(structure_kind=StructureKind.COMMUNE),
                seat=Seat(commune=commune),
            )
            number += 1


def _partner_row(partner: Partner) -> tuple[object, ...]:
    return (
        partner.partner_id,
        partner.caisse_code,
        partner.numero_tiers,
        partner.denomination,
        partner.create_time,
        partner.seat.commune,
        search_text(partner),
    )


def _user_row(habilitation_id: UUID, convention_id: UUID, number: int) -> tuple[object, ...]:
    mark = hashlib.sha256(habilitation_id.bytes).hexdigest()[:12]
    return (
        habilitation_id,
        convention_id,
        f"Nom{number}",
        "Zoé",
        f"{mark}@vallombreuse.example",
        "QUOTIENT_FAMILIAL",
        _instant(number),
        date.max,
    )


def _instant(number: int) -> datetime:
    return datetime(2025, 1, 1, tzinfo=UTC) + timedelta(milliseconds=number)


def _signed(draw: random.Random) -> date:
    return date(2024, 1, 1) + timedelta(days=draw.randrange(600))
