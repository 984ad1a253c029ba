from hashlib import sha256
from uuid import UUID

import pytest
from cryptography.exceptions import InvalidTag
from hypothesis import given
from hypothesis import strategies as st
from stdnum.fr.nir import calc_check_digits

from services.kit import vault as kit_vault
from services.kit.nir import Nir
from services.quotient.secrecy import (
    BEFORE_DATA_KEYS,
    KeysOutdated,
    PersonIndexer,
    Vault,
    fingerprint,
    new_data_key,
    unwrap,
    wrap,
)

KEY = bytes(range(32))
DOSSIER = UUID("01900000-0000-7000-8000-000000000001")
OTHER_DOSSIER = UUID("01900000-0000-7000-8000-000000000002")
CLEAR = b"Madame Capucine Mirabelle"


def test_a_person_is_the_same_however_the_nir_is_written() -> None:
    indexer = PersonIndexer([KEY])
    assert indexer.index(Nir.parse("2 69 05 49 588 157 80")) == indexer.index(Nir.parse("269054958815780"))


def test_the_index_needs_the_key() -> None:
    nir = Nir.parse("269054958815780")
    assert PersonIndexer([KEY]).index(nir) != PersonIndexer([bytes(32)]).index(nir)


def test_what_is_sealed_opens_for_its_dossier() -> None:
    vault = Vault({1: KEY}, KEY)
    assert vault.open(1, DOSSIER, vault.seal(DOSSIER, CLEAR)) == CLEAR


def test_a_ciphertext_of_another_dossier_is_refused() -> None:
    vault = Vault({1: KEY}, KEY)
    with pytest.raises(InvalidTag):
        vault.open(1, OTHER_DOSSIER, vault.seal(DOSSIER, CLEAR))


def test_a_ciphertext_of_another_purpose_under_the_same_key_is_refused() -> None:
    other = kit_vault.Vault(KEY, b"msa.tests.other")
    with pytest.raises(InvalidTag):
        Vault({1: KEY}, KEY).open(1, DOSSIER, other.seal(DOSSIER, CLEAR))


def test_what_the_first_release_sealed_still_opens_and_has_the_same_digest() -> None:
    sealed = bytes.fromhex(
        "016465666768696a6b6c6d6e6f057aba07148c76dd5f122a8bb30b0fdd0fab746be9099f1ec2579a4913d3021c9e0e39e2975f60fb82"
    )
    digest = bytes.fromhex("4596781ac9eb800e1228f722eb77e16079f3469f30ad38765761bb3f08fed437")
    assert Vault({}, KEY).open(BEFORE_DATA_KEYS, DOSSIER, sealed) == CLEAR
    assert Vault({}, KEY).digest(BEFORE_DATA_KEYS, DOSSIER, CLEAR) == digest


def test_the_digest_does_not_tell_that_two_dossiers_say_the_same() -> None:
    vault = Vault({1: KEY}, KEY)
    assert vault.digest(1, DOSSIER, CLEAR) == vault.digest(1, DOSSIER, CLEAR)
    assert vault.digest(1, DOSSIER, CLEAR) != vault.digest(1, OTHER_DOSSIER, CLEAR)


def test_a_person_can_be_indexed_anew_without_the_nir() -> None:
    nir = Nir.parse("269054958815780")
    before, after = PersonIndexer([KEY]), PersonIndexer([KEY, bytes(32), KEY[::-1]])
    assert after.reindexed(before.index(nir), 1) == after.index(nir)
    assert after.every(nir)[0] == before.index(nir)


def test_during_a_rotation_a_person_is_looked_for_under_both_keys() -> None:
    nir = Nir.parse("269054958815780")
    keys = [KEY, bytes(32)]
    assert PersonIndexer(keys, rotating=True).candidates(nir) == (
        PersonIndexer(keys).index(nir),
        PersonIndexer([KEY]).index(nir),
    )
    assert PersonIndexer(keys).candidates(nir) == (PersonIndexer(keys).index(nir), None)


key_lists = st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=6)


@given(key_lists, st.data())
def test_whatever_the_generation_a_person_is_indexed_anew_to_what_the_nir_gives(
    keys: list[bytes], data: st.DataObject
) -> None:
    nir = Nir.parse("269054958815780")
    indexer = PersonIndexer(keys)
    generation = data.draw(st.integers(1, len(keys)))
    assert indexer.reindexed(PersonIndexer(keys[:generation]).index(nir), generation) == indexer.index(nir)
    assert list(indexer.every(nir)) == [
        PersonIndexer(keys[:count]).index(nir) for count in range(1, len(keys) + 1)
    ]


@given(key_lists, st.lists(st.integers(0, 98), unique=True, min_size=2, max_size=8))
def test_two_people_never_share_an_index_and_a_later_one_does_not_tell_the_nir(
    keys: list[bytes], orders: list[int]
) -> None:
    texts = [f"2690549588{order + 1:03}" for order in orders]
    nirs = [Nir.parse(text + calc_check_digits(text)) for text in texts]
    indexes = [PersonIndexer(keys).index(nir) for nir in nirs]
    assert len(set(indexes)) == len(nirs)
    assert not set(indexes) & {sha256(nir.reveal().encode()).digest() for nir in nirs}


def test_a_wrapped_key_opens_for_its_row_and_under_its_key_only() -> None:
    data_key = new_data_key()
    wrapped = wrap(KEY, 2, data_key)
    assert unwrap(KEY, 2, wrapped) == data_key
    assert data_key not in wrapped
    for wrapping_key, data_key_id in ((KEY, 3), (bytes(32), 2)):
        with pytest.raises(InvalidTag):
            unwrap(wrapping_key, data_key_id, wrapped)


def test_new_coordonnees_are_enciphered_under_the_newest_key_and_the_former_ones_open() -> None:
    before, after = Vault({1: KEY}, KEY), Vault({1: KEY, 2: bytes(32)}, KEY)
    sealed = after.seal(DOSSIER, CLEAR)
    assert after.data_key_id == 2
    assert after.open(2, DOSSIER, sealed) == after.open(1, DOSSIER, before.seal(DOSSIER, CLEAR)) == CLEAR
    with pytest.raises(InvalidTag):
        after.open(1, DOSSIER, sealed)
    assert after.digest(2, DOSSIER, CLEAR) != after.digest(1, DOSSIER, CLEAR)


def test_who_lacks_a_data_key_knows_that_it_is_behind() -> None:
    vault = Vault({1: KEY}, KEY)
    with pytest.raises(KeysOutdated):
        vault.open(2, DOSSIER, vault.seal(DOSSIER, CLEAR))
    with pytest.raises(KeysOutdated):
        vault.digest(2, DOSSIER, CLEAR)


def test_a_fingerprint_tells_two_keys_apart_and_holds_nothing_of_them() -> None:
    assert len(fingerprint(KEY)) == 8
    assert fingerprint(KEY) != fingerprint(bytes(32))
    assert fingerprint(KEY) not in KEY
