"""Who may call what: nobody calls the mailer for anything but its health."""

from services.kit.server import AccessTable

ACCESS: AccessTable = {"/grpc.health.v1.Health/Check": frozenset({"monitoring"})}
