"""`qf status`: whether the services answer (grpc.health.v1)."""

import typer
from grpc_health.v1 import health_pb2

from cli.application import Qf, command
from cli.connection import Service
from cli.errors import CommandFailed, ExitStatus
from cli.output import Row


def add_to(root: typer.Typer, panel: str) -> None:
    """Adds the command, which has no group of its own."""
    command(root, "status", examples=["qf status", "qf status --json"], panel=panel)(status)


def status(qf: Qf) -> None:
    """Tells of each service whether it serves. Exit status 4 when one does not."""
    services = qf.services
    rows = [_check(service) for service in (services.identity, services.partners, services.quotient)]
    qf.output.records("Services", rows, "")
    if any(row["state"] != "SERVING" for row in rows):
        raise CommandFailed(
            "Not every service serves.",
            "Start what is away (`make up` for the local stack) and see its log.",
            ExitStatus.AWAY,
        )


def _check(service: Service) -> Row:
    check = service.channel.unary_unary(
        "/grpc.health.v1.Health/Check",
        request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
        response_deserializer=health_pb2.HealthCheckResponse.FromString,
    )
    try:
        reply = service.call(check, health_pb2.HealthCheckRequest())
        state, explanation = health_pb2.HealthCheckResponse.ServingStatus.Name(reply.status), ""
    except CommandFailed as failed:
        state, explanation = failed.reason or "FAILED", failed.message
    return {
        "service": service.name,
        "address": service.address,
        "state": state,
        "explanation": explanation,
    }
