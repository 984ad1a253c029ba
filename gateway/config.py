"""Settings of the policy service."""

from pydantic import Field

from services.kit.client import UpstreamSettings
from services.kit.config import Section, ServerSettings, TlsSettings
from services.kit.hours import HoursSettings


class ServicesSettings(Section):
    """The three services that a consultation needs."""

    identity: UpstreamSettings
    partners: UpstreamSettings
    quotient: UpstreamSettings


class GatewaySettings(ServerSettings):
    """The policy service: a Unix socket for the edge, mutual TLS towards the services."""

    tls: TlsSettings
    services: ServicesSettings
    hours: HoursSettings = HoursSettings()
    # A consultation that takes longer is given up as UNAVAILABLE (N8).
    consultation_budget_seconds: float = Field(default=1.8, gt=0)
    # A password is slow to check by design, and slower when many sign in at once.
    sign_in_timeout_seconds: float = Field(default=4.5, gt=0)
