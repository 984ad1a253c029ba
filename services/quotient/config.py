"""The settings of quotient."""

from pathlib import Path

from services.kit.config import DatabaseSettings, InternalServerSettings, Section


class KeySettings(Section):
    """Folders of key files, `1.key`, `2.key`, …, of 32 raw bytes each; the highest is the newest.

    Losing one loses what it protects; none is ever in the database.
    """

    person_index_key_folder: Path
    wrapping_key_folder: Path


class JournalSettings(Section):
    """Who signs the journal's checkpoints, and who time-stamps them, if anybody does."""

    # The first line of every checkpoint, and the name of the key: a schema-less URL that only this journal has.
    origin: str
    # 32 raw bytes: the seed of an Ed25519 key (RFC 8032).
    signing_key_file: Path
    # The C2SP verifier keys under which this journal was signed before; what they signed last is gone on from.
    former_verifier_keys: tuple[str, ...] = ()
    # Of an authority as in RFC 3161; empty: none.
    timestamp_url: str = ""


class QuotientSettings(InternalServerSettings):
    """What quotient's server needs beside what every internal server has."""

    database: DatabaseSettings
    keys: KeySettings
    journal: JournalSettings
