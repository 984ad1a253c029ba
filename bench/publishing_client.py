"""An internal system that publishes invented dossiers over one stream: `bench.publishing` starts it.

`python -m bench.publishing_client ROOT PORTS FIRST COUNT` prints the seconds that it took.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from time import perf_counter

import uvloop
from google.type.date_pb2 import Date

from cli.people import COMMUNES, GIVEN_NAMES, NAMES, STREETS, synthetic_nir
from deploy.local.channels import internal_channel
from deploy.local.layout import Layout
from deploy.local.settings import Ports
from msa.quotient.v1 import dossier_service_pb2 as pb
from msa.quotient.v1.dossier_service_pb2_grpc import DossierServiceStub

CHUNK = 500
CHUNKS_IN_FLIGHT = 8
CAISSE = "21"
_WOMAN = 2


def record(number: int) -> pb.DossierRecord:
    """The dossier of an invented person, another for each number."""
    name = NAMES[number % len(NAMES)]
    given_name = GIVEN_NAMES[_WOMAN][number % len(GIVEN_NAMES[_WOMAN])]
    return pb.DossierRecord(
        caisse_code=CAISSE,
        numero_dossier=f"D{number:09d}",
        nir=synthetic_nir(number, _WOMAN),
        coordonnees=pb.Coordonnees(
            allocataires=[pb.Allocataire(nom_naissance=name, prenoms=given_name)],
            destinataire=f"Madame {given_name} {name}",
            numero_libelle_voie=f"{number % 120} {STREETS[number % len(STREETS)]}",
            code_postal_ville=COMMUNES[number % len(COMMUNES)],
            pays="FRANCE",
        ),
        quotient_period=pb.QuotientPeriod(
            valid_from=Date(year=2026, month=11, day=1), amount_cents=number % 300_000
        ),
    )


async def publish(layout: Layout, ports: Ports, first: int, count: int) -> float:
    """Seconds until the last of these dossiers was acknowledged."""
    window = asyncio.Semaphore(CHUNKS_IN_FLIGHT)

    async def chunks() -> AsyncIterator[pb.PublishDossiersRequest]:
        for start in range(first, first + count, CHUNK):
            await window.acquire()
            numbers = range(start, min(start + CHUNK, first + count))
            yield pb.PublishDossiersRequest(records=map(record, numbers))

    acknowledged = 0
    async with internal_channel(layout, ports, "quotient") as channel:
        started = perf_counter()
        async for response in DossierServiceStub(channel).PublishDossiers(chunks()):
            window.release()
            acknowledged += sum(
                result.outcome == pb.PUBLICATION_OUTCOME_CREATED for result in response.results
            )
        seconds = perf_counter() - started
    if acknowledged != count:
        raise AssertionError("not every dossier was new")
    return seconds


def main() -> None:
    """The command line."""
    root, ports, first, count = sys.argv[1:]
    settings = Ports.model_validate_json(ports)
    print(uvloop.run(publish(Layout(Path(root)), settings, int(first), int(count))))  # what its caller reads


if __name__ == "__main__":
    main()
