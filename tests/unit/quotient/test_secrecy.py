from uuid import UUID

import pytest
from cryptography.exceptions import InvalidTag

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


@pytest.mark.parametrize("position", [0, 1, 13, -1], ids=["version", "nonce", "text", "tag"])
def test_an_altered_ciphertext_is_refused(position: int) -> None:
    altered = bytearray(Vault(KEY).seal(DOSSIER, CLEAR))
    altered[position] ^= 1
    with pytest.raises(InvalidTag):
        Vault(KEY).open(DOSSIER, bytes(altered))


def test_the_same_text_is_never_sealed_twice_the_same_way() -> None:
    vault = Vault(KEY)
    assert len({vault.seal(DOSSIER, CLEAR) for _ in range(100)}) == 100


def test_the_digest_does_not_tell_that_two_dossiers_say_the_same() -> None:
    vault = Vault(KEY)
    assert vault.digest(DOSSIER, CLEAR) == vault.digest(DOSSIER, CLEAR)
    assert vault.digest(DOSSIER, CLEAR) != vault.digest(OTHER_DOSSIER, CLEAR)
