"""Settings of the partners server."""

from services.kit.config import DatabaseSettings, InternalServerSettings


class PartnersSettings(InternalServerSettings):
    """What every internal server has, and the database of partners."""

    database: DatabaseSettings
