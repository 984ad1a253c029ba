from uuid import UUID

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from services.kit.vault import Vault

KEY = bytes(range(32))
PURPOSE = b"msa.tests.vault"
OWNER = UUID("01900000-0000-7000-8000-000000000001")
OTHER_OWNER = UUID("01900000-0000-7000-8000-000000000002")
CLEAR = b"Madame Capucine Mirabelle"
VAULT = Vault(KEY, PURPOSE)


@given(st.binary(max_size=200), st.uuids())
def test_what_is_sealed_opens_for_its_owner(clear: bytes, owner_id: UUID) -> None:
    assert VAULT.open(owner_id, VAULT.seal(owner_id, clear)) == clear


@pytest.mark.parametrize(
    ("key", "purpose", "owner_id"),
    [
        (KEY[::-1], PURPOSE, OWNER),
        (KEY, b"msa.tests.other", OWNER),
        (KEY, PURPOSE, OTHER_OWNER),
    ],
    ids=["key", "purpose", "owner"],
)
def test_a_ciphertext_of_another_key_purpose_or_owner_is_refused(
    key: bytes, purpose: bytes, owner_id: UUID
) -> None:
    with pytest.raises(InvalidTag):
        VAULT.open(OWNER, Vault(key, purpose).seal(owner_id, CLEAR))


@pytest.mark.parametrize("position", [0, 1, 13, -1], ids=["version", "nonce", "text", "tag"])
def test_an_altered_ciphertext_is_refused(position: int) -> None:
    altered = bytearray(VAULT.seal(OWNER, CLEAR))
    altered[position] ^= 1
    with pytest.raises(InvalidTag):
        VAULT.open(OWNER, bytes(altered))


def test_a_ciphertext_cut_anywhere_is_refused() -> None:
    sealed = VAULT.seal(OWNER, CLEAR)
    for length in range(len(sealed)):
        with pytest.raises(InvalidTag):
            VAULT.open(OWNER, sealed[:length])


def test_the_same_text_is_never_sealed_twice_the_same_way() -> None:
    assert len({VAULT.seal(OWNER, CLEAR) for _ in range(100)}) == 100


def test_the_format_is_version_nonce_and_aes_gcm_over_purpose_version_and_owner() -> None:
    sealed = VAULT.seal(OWNER, CLEAR)
    bound = PURPOSE + b"\x01" + OWNER.bytes
    assert sealed[0] == 1
    assert AESGCM(KEY).decrypt(sealed[1:13], sealed[13:], bound) == CLEAR
