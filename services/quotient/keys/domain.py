"""Which keys there are, what is left to be done with newer ones, and what keeps a rotation from it (N5)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum

from services.kit.errors import DomainError, Reason


class RotationStep(IntEnum):
    """What a rotation does, one after another; numbered as in the protos."""

    DATA_KEYS = 1
    PERSON_INDEX = 2
    COORDONNEES = 3
    DONE = 4


@dataclass(frozen=True)
class Progress:
    """How far a step is: rows done, and rows in all as they were counted when it began."""

    step: RotationStep
    done_count: int
    total_count: int


@dataclass(frozen=True)
class IndexKey:
    """A key of the person index; without `complete_time` people are still indexed under the one before."""

    generation: int
    fingerprint: bytes
    begin_time: datetime
    complete_time: datetime | None


@dataclass(frozen=True)
class DataKey:
    """A key of coordonnées, enciphered under a wrapping key."""

    data_key_id: int
    wrapped_key: bytes
    wrapping_generation: int
    wrapping_fingerprint: bytes
    create_time: datetime
    # When all coordonnées stood under it.
    complete_time: datetime | None = None


@dataclass(frozen=True)
class KeyGeneration:
    """A key file: without `begin_time` not in use yet, or no longer; see `KeyOverview`."""

    generation: int
    fingerprint: bytes
    begin_time: datetime | None = None
    complete_time: datetime | None = None


@dataclass(frozen=True)
class KeyOverview:
    """Every key of a kind, oldest first. Of the wrapping keys one is in use: that which wraps the data keys."""

    person_index_keys: Sequence[KeyGeneration]
    wrapping_keys: Sequence[KeyGeneration]
    data_keys: Sequence[DataKey]


def overview(
    index_keys: Sequence[IndexKey],
    data_keys: Sequence[DataKey],
    person_index_fingerprints: Sequence[bytes],
    wrapping_fingerprints: Sequence[bytes],
) -> KeyOverview:
    """What the tables and the files (by the fingerprints of their keys, oldest first) say together."""
    in_use = {
        key.generation: KeyGeneration(key.generation, key.fingerprint, key.begin_time, key.complete_time)
        for key in index_keys
    }
    # A newer wrapping key brings a new data key, in one transaction: that is when it was taken into use.
    newest = data_keys[-1]
    wrapping = KeyGeneration(
        newest.wrapping_generation, newest.wrapping_fingerprint, newest.create_time, newest.create_time
    )
    return KeyOverview(
        [in_use.get(key.generation, key) for key in _files(person_index_fingerprints)],
        [wrapping if key.generation == wrapping.generation else key for key in _files(wrapping_fingerprints)],
        data_keys,
    )


def _files(fingerprints: Sequence[bytes]) -> Sequence[KeyGeneration]:
    return [KeyGeneration(generation, each) for generation, each in enumerate(fingerprints, start=1)]


def generations_to_index(index_keys: Sequence[IndexKey], held_count: int) -> Sequence[int]:
    """The generations under which people are to be indexed anew, one after another: whoever looks a person up asks by
    two indexes at most. `held_count`: key files there are.
    """
    newest = index_keys[-1]
    first = newest.generation if newest.complete_time is None else newest.generation + 1
    return range(first, held_count + 1)


def is_anything_due(
    index_keys: Sequence[IndexKey],
    data_keys: Sequence[DataKey],
    held_index_count: int,
    held_wrapping_count: int,
) -> bool:
    """Whether a key file (they are counted) is newer than the key in use, or a rotation has not come to its end."""
    return (
        bool(generations_to_index(index_keys, held_index_count))
        or any(key.wrapping_generation < held_wrapping_count for key in data_keys)
        or data_keys[-1].complete_time is None
    )


class NothingToRotate(DomainError):
    """No key file is newer than the keys in use, and everything stands under these."""

    reason = Reason.RECORD_STATE
    message = (
        "No key file here is newer than the keys in use, and everything stands under these. "
        "Put the next one into the folder of every replica first: `qf keys new FOLDER`."
    )


class RotationIsRunning(DomainError):
    """One rotation at a time: it may be another replica's."""

    reason = Reason.RECORD_STATE
    message = (
        "The keys are being rotated already. `qf keys show` tells how far it is; call again when it is over."
    )


class KeyFilesUnusable(DomainError):
    """A key file that is in use is missing here, or another one, or the folder is out of order."""

    reason = Reason.RECORD_STATE
    message = (
        "The key files of this server cannot be used. Its log tells which one and why (key_files_unusable): "
        "put the same files into the folders of every replica."
    )


class CoordonneesUnreadable(DomainError):
    """The coordonnées of a dossier were altered, or enciphered under a key that was lost."""

    reason = Reason.RECORD_STATE
    message = (
        "The coordonnées of a dossier open under none of the keys. The server's log names it "
        "(coordonnees_unreadable): restore that row from a backup, then call again; all others before it are done."
    )
