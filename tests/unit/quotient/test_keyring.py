"""The keys in use are the right ones, or there is no start; who is behind catches up, or answers nothing (N5, N8)."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from services.kit.errors import DependencyUnavailable
from services.kit.nir import Nir
from services.quotient.keys.domain import (
    DataKey,
    IndexKey,
    generations_to_index,
    is_anything_due,
    overview,
)
from services.quotient.keys.files import KeyFileError, KeyFiles
from services.quotient.keys.keyring import Keyring
from services.quotient.keys.store import KeyStore
from services.quotient.secrecy import Keys, KeysOutdated, PersonIndexer, fingerprint, new_data_key, wrap
from tests.clock import FakeClock

NOW = datetime(2026, 11, 24, 8, tzinfo=UTC)
LATER = datetime(2026, 12, 1, 8, tzinfo=UTC)
NIR = Nir.parse("269054958815780")


def key(number: int) -> bytes:
    return bytes([number]) * 32


@dataclass
class Folders:
    """Key files, as an operator puts them there."""

    person_index: Path
    wrapping: Path

    def put(self, folder: Path, *keys: bytes) -> None:
        folder.mkdir(exist_ok=True)
        for generation, content in enumerate(keys, start=1):
            (folder / f"{generation}.key").write_bytes(content)

    @property
    def files(self) -> KeyFiles:
        return KeyFiles(self.person_index, self.wrapping)


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    one = Folders(tmp_path / "person_index", tmp_path / "wrapping")
    one.put(one.person_index, key(1))
    one.put(one.wrapping, key(101))
    return one


@dataclass
class Tables(KeyStore):
    """The tables, in memory."""

    index: list[IndexKey] = field(default_factory=list)
    data: list[DataKey] = field(default_factory=list)
    reads: int = 0

    async def index_keys(self) -> Sequence[IndexKey]:
        self.reads += 1
        await asyncio.sleep(0)
        return list(self.index)

    async def data_keys(self) -> Sequence[DataKey]:
        return list(self.data)

    async def begin_index(self, key: IndexKey) -> None:
        self.index.append(key)

    async def begin_data(self, key: DataKey) -> None:
        self.data.append(key)

    def take(self, generation: int, content: bytes, complete_time: datetime | None = None) -> None:
        """As another replica does."""
        self.index.append(IndexKey(generation, fingerprint(content), LATER, complete_time))


@pytest.fixture
def tables() -> Tables:
    return Tables()


@pytest.fixture
def keyring(folders: Folders, tables: Tables) -> Keyring:
    return Keyring(folders.files, tables, FakeClock(NOW))


async def test_an_empty_database_takes_the_first_keys_into_use(keyring: Keyring, tables: Tables) -> None:
    await keyring.refresh()
    (index,), (data,) = tables.index, tables.data
    assert (index.generation, index.fingerprint, index.complete_time) == (1, fingerprint(key(1)), NOW)
    assert (data.wrapping_generation, data.wrapping_fingerprint) == (1, fingerprint(key(101)))
    assert keyring.keys.indexer == PersonIndexer([key(1)])
    assert keyring.keys.vault.data_key_id == 1


async def test_before_the_keys_were_read_nothing_is_answered(keyring: Keyring) -> None:
    with pytest.raises(DependencyUnavailable):
        await keyring.using(lambda keys: asyncio.sleep(0, keys.indexer))


async def test_what_is_read_again_is_the_same(keyring: Keyring, tables: Tables) -> None:
    await keyring.refresh()
    before = list(tables.index), list(tables.data)
    await keyring.refresh()
    assert (tables.index, tables.data) == before


@pytest.mark.parametrize(
    ("kind", "held", "remedy"),
    [
        (
            "person_index",
            [key(9)],
            "the person index key 1.key is not the one that the database was written with",
        ),
        ("wrapping", [key(9)], "the wrapping key 1.key is not the one that the database was written with"),
    ],
)
async def test_a_key_file_that_is_another_one_is_refused(
    folders: Folders, keyring: Keyring, kind: str, held: Sequence[bytes], remedy: str
) -> None:
    await keyring.refresh()
    folders.put(getattr(folders, kind), *held)
    with pytest.raises(KeyFileError, match=remedy):
        await keyring.refresh()


async def test_a_key_in_use_that_is_missing_is_refused(keyring: Keyring, tables: Tables) -> None:
    await keyring.refresh()
    tables.take(2, key(2))
    with pytest.raises(KeyFileError, match=r"person index key 2\.key is in use and missing here"):
        await keyring.refresh()


@pytest.mark.parametrize(
    ("names", "problem"),
    [
        ([], "without a gap"),
        (["2.key"], "without a gap"),
        (["1.key", "3.key"], "without a gap"),
        (["0.key"], "without a gap"),
    ],
)
def test_a_folder_with_a_gap_is_refused(tmp_path: Path, names: Sequence[str], problem: str) -> None:
    for number, name in enumerate(names):
        (tmp_path / name).write_bytes(key(number))
    with pytest.raises(KeyFileError, match=problem):
        KeyFiles(tmp_path, tmp_path).wrapping_keys()


def test_what_is_no_key_file_is_not_looked_at(folders: Folders) -> None:
    for name in ("README", "2.key.bak", ".2.key", "02.key"):
        (folders.wrapping / name).write_bytes(b"")
    assert folders.files.wrapping_keys() == [key(101)]


def test_a_key_of_another_length_is_refused(folders: Folders) -> None:
    folders.put(folders.wrapping, key(101), b"short")
    with pytest.raises(KeyFileError, match="exactly 32 bytes"):
        folders.files.wrapping_keys()


def test_a_copy_of_a_former_key_is_refused(folders: Folders) -> None:
    folders.put(folders.wrapping, key(101), key(102), key(101))
    with pytest.raises(KeyFileError, match=r"key 3\.key is a copy of one before"):
        folders.files.wrapping_keys()


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match="cannot be read"):
        KeyFiles(tmp_path / "nowhere", tmp_path).person_index_keys()


async def test_files_that_are_not_in_use_yet_change_nothing(folders: Folders, keyring: Keyring) -> None:
    folders.put(folders.person_index, key(1), key(2))
    folders.put(folders.wrapping, key(101), key(102))
    await keyring.refresh()
    assert keyring.keys.indexer == PersonIndexer([key(1)])


async def _index_of(keys: Keys, tables: Tables) -> bytes:
    """As every store does: refused unless the caller knows the newest generation."""
    await asyncio.sleep(0)
    if keys.indexer.generation != tables.index[-1].generation:
        raise KeysOutdated
    return keys.indexer.index(NIR)


async def test_who_is_behind_catches_up_and_tries_again(
    folders: Folders, keyring: Keyring, tables: Tables
) -> None:
    await keyring.refresh()
    folders.put(folders.person_index, key(1), key(2))
    tables.take(2, key(2))
    assert await keyring.using(lambda keys: _index_of(keys, tables)) == PersonIndexer([key(1), key(2)]).index(
        NIR
    )
    assert keyring.keys.indexer.rotating


async def test_of_many_that_are_behind_at_once_one_reads_the_keys(
    folders: Folders, keyring: Keyring, tables: Tables
) -> None:
    await keyring.refresh()
    folders.put(folders.person_index, key(1), key(2))
    tables.take(2, key(2))
    before = tables.reads
    found = await asyncio.gather(*(keyring.using(lambda keys: _index_of(keys, tables)) for _ in range(50)))
    assert len(set(found)) == 1
    assert tables.reads == before + 1


async def test_a_rotation_right_after_another_one_is_caught_up_with(
    folders: Folders, keyring: Keyring, tables: Tables
) -> None:
    await keyring.refresh()
    folders.put(folders.person_index, key(1), key(2), key(3))
    tables.take(2, key(2), LATER)

    async def work(keys: Keys) -> int:
        if keys.indexer.generation == 2:
            tables.take(3, key(3))
        await _index_of(keys, tables)
        return keys.indexer.generation

    assert await keyring.using(work) == 3


async def test_who_lacks_the_newest_key_answers_nothing_and_says_why_in_the_log(
    keyring: Keyring, tables: Tables
) -> None:
    await keyring.refresh()
    tables.take(2, key(2))
    with capture_logs() as logs, pytest.raises(DependencyUnavailable):
        await keyring.using(lambda keys: _index_of(keys, tables))
    assert [(line["event"], line["kind"], line["generation"]) for line in logs] == [
        ("key_files_unusable", "person index", 2)
    ]


async def test_a_periodic_look_finds_a_key_that_is_missing_and_leaves_the_keys_as_they_are(
    keyring: Keyring, tables: Tables
) -> None:
    await keyring.refresh()
    before = keyring.keys
    tables.take(2, key(2))
    with capture_logs() as logs:
        await keyring.keep_fresh()
    assert [line["event"] for line in logs] == ["key_files_unusable"]
    assert keyring.keys is before


async def test_only_a_rotation_that_is_over_ends_the_look_up_under_the_key_before(
    folders: Folders, keyring: Keyring, tables: Tables
) -> None:
    await keyring.refresh()
    folders.put(folders.person_index, key(1), key(2))
    tables.take(2, key(2))
    await keyring.keep_fresh()
    assert keyring.keys.indexer.candidates(NIR)[1] is not None
    tables.index[-1] = replace(tables.index[-1], complete_time=LATER)
    await keyring.keep_fresh()
    assert keyring.keys.indexer.candidates(NIR)[1] is None


def index_key(generation: int, *, complete: bool = True) -> IndexKey:
    return IndexKey(generation, fingerprint(key(generation)), NOW, NOW if complete else None)


def data_key(data_key_id: int, wrapping_generation: int = 1, *, complete: bool = True) -> DataKey:
    wrapped = wrap(key(100 + wrapping_generation), data_key_id, new_data_key())
    wrapping_fingerprint = fingerprint(key(100 + wrapping_generation))
    return DataKey(
        data_key_id, wrapped, wrapping_generation, wrapping_fingerprint, LATER, LATER if complete else None
    )


@pytest.mark.parametrize(
    ("in_use", "held", "generations"),
    [
        ([index_key(1)], 1, []),
        ([index_key(1)], 2, [2]),
        ([index_key(1)], 3, [2, 3]),
        ([index_key(1), index_key(2, complete=False)], 2, [2]),
        ([index_key(1), index_key(2, complete=False)], 3, [2, 3]),
        ([index_key(1), index_key(2)], 2, []),
    ],
)
def test_generations_are_taken_one_after_another_and_a_cut_one_first(
    in_use: Sequence[IndexKey], held: int, generations: Sequence[int]
) -> None:
    assert list(generations_to_index(in_use, held)) == list(generations)


@pytest.mark.parametrize(
    ("in_use", "data_keys", "held_index", "held_wrapping", "due"),
    [
        ([index_key(1)], [data_key(1)], 1, 1, False),
        ([index_key(1)], [data_key(1)], 2, 1, True),
        ([index_key(1)], [data_key(1)], 1, 2, True),
        ([index_key(1)], [data_key(1), data_key(2, complete=False)], 1, 1, True),
        ([index_key(1)], [data_key(1, complete=False), data_key(2)], 1, 1, False),
        ([index_key(1), index_key(2, complete=False)], [data_key(1)], 2, 1, True),
    ],
)
def test_there_is_something_to_do_while_a_file_is_newer_or_a_rotation_is_not_over(
    in_use: Sequence[IndexKey],
    data_keys: Sequence[DataKey],
    held_index: int,
    held_wrapping: int,
    due: bool,
) -> None:
    assert is_anything_due(in_use, data_keys, held_index, held_wrapping) is due


def test_the_overview_tells_former_keys_those_in_use_and_those_that_wait() -> None:
    found = overview(
        [index_key(1), index_key(2, complete=False)],
        [data_key(1, 2), data_key(2, 2)],
        [fingerprint(key(generation)) for generation in (1, 2, 3)],
        [fingerprint(key(100 + generation)) for generation in (1, 2, 3)],
    )
    assert [(k.generation, k.begin_time, k.complete_time) for k in found.person_index_keys] == [
        (1, NOW, NOW),
        (2, NOW, None),
        (3, None, None),
    ]
    assert [(k.generation, k.begin_time) for k in found.wrapping_keys] == [(1, None), (2, LATER), (3, None)]
    assert [k.fingerprint for k in found.wrapping_keys] == [fingerprint(key(n)) for n in (101, 102, 103)]
