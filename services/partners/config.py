"""Settings of the partners server."""

from pydantic import Field

from services.kit.client import UpstreamSettings
from services.kit.config import DatabaseSettings, InternalServerSettings, Section


class ServicesSettings(Section):
    """Who is told of suspensions and ends (N3)."""

    identity: UpstreamSettings


class PropagationSettings(Section):
    """How often is looked whether identity has still to be told of something."""

    every_seconds: float = Field(default=5, gt=0)


class HousekeepingSettings(Section):
    """How often what time has ended is put on record, and reminders are written."""

    every_seconds: float = Field(default=60 * 60, gt=0)


class PartnersSettings(InternalServerSettings):
    """What every internal server has, the database of partners, and identity."""

    database: DatabaseSettings
    services: ServicesSettings
    propagation: PropagationSettings = PropagationSettings()
    housekeeping: HousekeepingSettings = HousekeepingSettings()
