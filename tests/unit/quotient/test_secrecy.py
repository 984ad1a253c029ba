from uuid import UUID

import pytest
from cryptography.exceptions import InvalidTag

from services.kit import vault as kit_vault
from services.kit.nir import Nir
from services.quotient.secrecy import PersonIndexer, Vault

KEY = bytes(range(32))
DOSSIER = UUID("01900000-0000-7000-8000-000000000001")
OTHER_DOSSIER = UUID("01900000-0000-7000-8000-000000000002")
CLEAR = b"Madame Capucine Mirabelle"


def test_a_person_is_the_same_however_the_nir_is_written() -> None:
    indexer = PersonIndexer(KEY)
    assert indexer.index(Nir.parse("2 69 05 49 588 157 80")) == indexer.index(Nir.parse("269054958815780"))


def test_the_index_needs_the_key() -> None:
    nir = Nir.parse("269054958815780")
    assert PersonIndexer(KEY).index(nir) != PersonIndexer(bytes(32)).index(nir)


def test_what_is_sealed_opens_for_its_dossier() -> None:
    vault = Vault(KEY)
    assert vault.open(DOSSIER, vault.seal(DOSSIER, CLEAR)) == CLEAR


def test_a_ciphertext_of_another_dossier_is_refused() -> None:
    vault = Vault(KEY)
    with pytest.raises(InvalidTag):
        vault.open(OTHER_DOSSIER, vault.seal(DOSSIER, CLEAR))


def test_a_ciphertext_of_another_purpose_under_the_same_key_is_refused() -> None:
    other = kit_vault.Vault(KEY, b"msa.tests.other")
    with pytest.raises(InvalidTag):
        Vault(KEY).open(DOSSIER, other.seal(DOSSIER, CLEAR))


def test_what_the_first_release_sealed_still_opens_and_has_the_same_digest() -> None:
    sealed = bytes.fromhex(
        "016465666768696a6b6c6d6e6f057aba07148c76dd5f122a8bb30b0fdd0fab746be9099f1ec2579a4913d3021c9e0e39e2975f60fb82"
    )
    digest = bytes.fromhex("4596781ac9eb800e1228f722eb77e16079f3469f30ad38765761bb3f08fed437")
    assert Vault(KEY).open(DOSSIER, sealed) == CLEAR
    assert Vault(KEY).digest(DOSSIER, CLEAR) == digest


def test_the_digest_does_not_tell_that_two_dossiers_say_the_same() -> None:
    vault = Vault(KEY)
    assert vault.digest(DOSSIER, CLEAR) == vault.digest(DOSSIER, CLEAR)
    assert vault.digest(DOSSIER, CLEAR) != vault.digest(OTHER_DOSSIER, CLEAR)
