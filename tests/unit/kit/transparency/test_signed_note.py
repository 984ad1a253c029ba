"""Signed notes and checkpoints of C2SP, against the vectors of Go's implementation."""

import base64
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.kit.transparency.signed_note import (
    Checkpoint,
    NoteRefused,
    Signer,
    VerifierKey,
    open_checkpoint,
    open_note,
)

# golang.org/x/mod/sumdb/note, its example.
NEUMANN = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
NEUMANN_SEED = base64.b64decode("AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz")[1:]
TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
NOTE = (
    f"{TEXT}\n— PeterNeumann "
    "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
ORIGIN = "qf.example/journal"
OURS = Signer(ORIGIN, bytes(range(32)))
GUIDE = Path(__file__).resolve().parents[4] / "docs" / "guides" / "journal.md"
HEAD = Checkpoint(ORIGIN, 20_852_163, bytes(range(32)))


def test_the_key_and_the_note_of_go_s_example_are_made_byte_for_byte() -> None:
    signer = Signer("PeterNeumann", NEUMANN_SEED)
    assert str(signer.verifier_key) == NEUMANN
    assert signer.sign(TEXT) == NOTE


def test_the_note_of_go_s_example_is_opened() -> None:
    assert open_note(NOTE, VerifierKey.parse(NEUMANN)) == TEXT


def test_a_verifier_key_is_refused_in_part_or_altered() -> None:
    parts = {NEUMANN[begin:end] for begin in range(len(NEUMANN)) for end in range(begin, len(NEUMANN) + 1)}
    altered = {
        NEUMANN[:place] + chr(ord(NEUMANN[place]) + 1) + NEUMANN[place + 1 :] for place in range(len(NEUMANN))
    }
    for text in (parts | altered) - {NEUMANN}:
        with pytest.raises(NoteRefused):
            VerifierKey.parse(text)


def test_a_key_of_another_kind_is_refused() -> None:
    ecdsa = base64.b64encode(b"\x02" + bytes(32)).decode()
    with pytest.raises(NoteRefused, match="not one of Ed25519"):
        VerifierKey.parse(f"other+00000000+{ecdsa}")


@pytest.mark.parametrize("name", ["", "two words", "a+b", "line\n"])
def test_the_name_of_a_signer_has_no_space_and_no_plus(name: str) -> None:
    with pytest.raises(NoteRefused, match="no space"):
        Signer(name, bytes(32))


@given(st.integers(0, len(TEXT) - 2))
def test_a_text_that_was_altered_is_refused(place: int) -> None:
    altered = NOTE[:place] + ("x" if NOTE[place] != "x" else "y") + NOTE[place + 1 :]
    with pytest.raises(NoteRefused):
        open_note(altered, VerifierKey.parse(NEUMANN))


def test_signatures_of_others_are_left_alone() -> None:
    witness = Signer("witness.example", bytes(32)).sign(TEXT).splitlines()[-1]
    for cosigned in (f"{NOTE}{witness}\n", NOTE.replace("— Peter", f"{witness}\n— Peter")):
        assert open_note(cosigned, VerifierKey.parse(NEUMANN)) == TEXT


def test_a_note_that_another_signed_is_refused() -> None:
    with pytest.raises(NoteRefused, match=r"not signed with the key PeterNeumann\+c74f20a3"):
        open_note(OURS.sign(TEXT), VerifierKey.parse(NEUMANN))


def test_a_second_signature_of_ours_that_does_not_hold_is_refused() -> None:
    forged = NOTE.replace("x08go/ZJ", "x08go/ZK").splitlines()[-1]
    with pytest.raises(NoteRefused, match="does not hold"):
        open_note(f"{NOTE}{forged}\n", VerifierKey.parse(NEUMANN))


@pytest.mark.parametrize(
    "note",
    [
        "",
        TEXT,
        f"{TEXT}\n",
        NOTE.removesuffix("\n"),
        NOTE.replace("\n\n", "\n"),
        NOTE.replace("— ", "- "),
        NOTE.replace("— ", "—"),
        NOTE.replace("PeterNeumann ", "Peter Neumann "),
        f"{NOTE}\n",
        f"{NOTE}— PeterNeumann x08g\n",
        f"{NOTE}— PeterNeumann !!!!\n",
        NOTE.replace("you think", "you\tthink"),
        NOTE + "— someone AAAAAAAA\n" * 100,
    ],
)
def test_a_malformed_note_is_refused(note: str) -> None:
    with pytest.raises(NoteRefused):
        open_note(note, VerifierKey.parse(NEUMANN))


def test_a_checkpoint_is_three_lines() -> None:
    assert HEAD.encode() == f"{ORIGIN}\n20852163\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n"
    assert open_checkpoint(OURS.sign(HEAD.encode()), OURS.verifier_key) == HEAD


def test_lines_that_extend_a_checkpoint_are_left_alone() -> None:
    assert Checkpoint.parse(f"{HEAD.encode()}an extension\n") == HEAD


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        f"{ORIGIN}\n5\n",
        HEAD.encode().removesuffix("\n"),
        HEAD.encode().replace(ORIGIN, ""),
        HEAD.encode().replace("\n208", "\n0208"),
        HEAD.encode().replace("\n208", "\n-208"),
        HEAD.encode().replace("20852163", "9" * 20),
        HEAD.encode().replace("AAEC", "AAE"),
        HEAD.encode().replace("AAEC", ""),
        HEAD.encode().replace("Hh8=", "Hh9="),
        f"{HEAD.encode()}\nafter an empty line\n",
    ],
)
def test_a_malformed_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(NoteRefused):
        Checkpoint.parse(text)


def test_a_checkpoint_of_another_log_is_refused() -> None:
    other = Checkpoint("other.example/journal", 5, bytes(32))
    with pytest.raises(NoteRefused, match="another log"):
        open_checkpoint(OURS.sign(other.encode()), OURS.verifier_key)


def test_the_checkpoint_in_the_guide_is_signed_with_the_key_in_the_guide() -> None:
    guide = GUIDE.read_text(encoding="utf-8")
    [note] = re.findall(r"^```\n([^`]+\n\n— [^`]+\n)```$", guide, re.MULTILINE)
    [key] = re.findall(r"The key of this one is `(.+)`", guide)
    assert open_checkpoint(note, VerifierKey.parse(key)).tree_size == 20_852_163
