"""The settings of quotient."""

from pathlib import Path

from services.kit.config import DatabaseSettings, InternalServerSettings, Section


class KeySettings(Section):
    """Files of 32 raw bytes each. Losing one loses what it protects; neither is ever in the database."""

    person_index_key_file: Path
    data_key_file: Path


class QuotientSettings(InternalServerSettings):
    """What quotient's server needs beside what every internal server has."""

    database: DatabaseSettings
    keys: KeySettings
