from __future__ import annotations

from base64 import b64encode
from hashlib import sha256

import pytest

from heji_trace.errors import BadProof, BadSignature
from heji_trace.proving import checkpoint
from heji_trace.proving.keys import Signer
from heji_trace.proving.merkle import EMPTY_ROOT

SIGNER = Signer("heji.example/log", bytes(range(32)))
OTHER = Signer("witness.example", bytes(32))
ROOT = sha256(b"root").digest()
TEXT = checkpoint.dump_checkpoint(SIGNER.name, 42, ROOT)
NOTE = checkpoint.sign_note(TEXT, SIGNER)
SIGNATURE = NOTE.splitlines()[-1]


def test_a_checkpoint_is_three_lines() -> None:
    assert f"heji.example/log\n42\n{b64encode(ROOT).decode()}\n" == TEXT
    assert checkpoint.parse_checkpoint(TEXT) == checkpoint.Checkpoint("heji.example/log", 42, ROOT)


def test_the_empty_log_has_a_checkpoint() -> None:
    text = checkpoint.dump_checkpoint("a", 0, EMPTY_ROOT)
    assert checkpoint.parse_checkpoint(text) == checkpoint.Checkpoint("a", 0, EMPTY_ROOT)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        TEXT[:-1],
        TEXT + "\n",
        TEXT + "extension\n",
        "\n" + TEXT,
        TEXT.replace("42", "042"),
        TEXT.replace("42", "-1"),
        TEXT.replace("42", "4２"),
        TEXT.replace("42", "42 "),
        TEXT.replace("42", ""),
        TEXT.replace("42", "9" * 17),
        TEXT.replace("=", ""),
        TEXT.replace("\n", "\r\n"),
        TEXT.replace("heji.example/log", ""),
        TEXT.replace("heji.example/log", "heji example"),
        TEXT.replace("heji.example/log", "heji+example"),
        TEXT.replace("heji.example/log", "heji\u200bexample"),
        f"a\n1\n{b64encode(ROOT[:31]).decode()}\n",
        f"a\n1\n{b64encode(ROOT + b'x').decode()}\n",
        "a\n1\n" + "A" * 42 + "B=\n",
    ],
)
def test_any_other_text_is_no_checkpoint(text: str) -> None:
    with pytest.raises(BadProof) as refusal:
        checkpoint.parse_checkpoint(text)
    assert refusal.value.code == "checkpoint-form"


def test_a_signed_note_opens_with_its_key_parsed_or_as_text() -> None:
    assert checkpoint.open_note(NOTE, [SIGNER.verifier_key]) == TEXT
    assert checkpoint.open_note(NOTE, [OTHER.verifier, SIGNER.verifier]) == TEXT
    assert checkpoint.open_checkpoint(NOTE, [SIGNER.verifier]).size == 42


def test_the_signature_line_is_of_the_specified_form() -> None:
    dash, name, encoded = SIGNATURE.split(" ")
    assert (dash, name) == ("\u2014", SIGNER.name)
    key_id = sha256(b"heji.example/log\n\x01" + SIGNER.verifier.public).digest()[:4]
    assert encoded == b64encode(key_id + SIGNER.sign(TEXT.encode())).decode()


def test_the_example_of_the_specification_opens() -> None:
    # From the documentation of golang.org/x/mod/sumdb/note, where this form of note comes from.
    key = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
    note = (
        "If you think cryptography is the answer to your problem,\n"
        "then you don't know what your problem is.\n\n"
        "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
    )
    assert checkpoint.open_note(note, [key]).startswith("If you think cryptography")
    assert checkpoint.dump_verifier_key(checkpoint.parse_verifier_key(key)) == key
    with pytest.raises(BadSignature):
        checkpoint.open_note(note.replace("answer", "Answer"), [key])


def test_signatures_of_unknown_keys_are_passed_over() -> None:
    both = NOTE + checkpoint.sign_note(TEXT, OTHER).splitlines()[-1] + "\n"
    assert checkpoint.open_note(both, [SIGNER.verifier]) == TEXT
    assert checkpoint.open_note(both, [OTHER.verifier]) == TEXT
    stranger = f"— {SIGNER.name} {b64encode(b'none' + bytes(64)).decode()}\n"
    assert checkpoint.open_note(NOTE + stranger, [SIGNER.verifier]) == TEXT


def test_a_note_may_hold_empty_lines_itself() -> None:
    text = "one\n\n\ntwo\n\n"
    assert checkpoint.open_note(checkpoint.sign_note(text, SIGNER), [SIGNER.verifier]) == text


def test_a_note_that_no_known_key_signed_is_refused() -> None:
    for keys in ([], [OTHER.verifier], [checkpoint.VerifierKey("another", SIGNER.verifier.public)]):
        with pytest.raises(BadSignature) as refusal:
            checkpoint.open_note(NOTE, keys)
        assert refusal.value.code == "signature-unknown"


def test_a_bad_signature_of_a_known_key_refuses_the_whole_note() -> None:
    wrong = f"— {OTHER.name} {b64encode(OTHER.key_id + bytes(64)).decode()}\n"
    short = f"— {OTHER.name} {b64encode(OTHER.key_id + bytes(63)).decode()}\n"
    for line in (wrong, short):
        assert checkpoint.open_note(NOTE + line, [SIGNER.verifier]) == TEXT
        with pytest.raises(BadSignature) as refusal:
            checkpoint.open_note(NOTE + line, [SIGNER.verifier, OTHER.verifier])
        assert refusal.value.code == "bad-signature"


@pytest.mark.parametrize("old, new", [("42", "43"), ("heji.example/log\n42", "heji.example/l0g\n42")])
def test_a_changed_text_is_refused(old: str, new: str) -> None:
    with pytest.raises(BadSignature):
        checkpoint.open_note(NOTE.replace(old, new, 1), [SIGNER.verifier])


@pytest.mark.parametrize(
    "note",
    [
        "",
        "\n\n",
        "\n\n" + SIGNATURE + "\n",
        TEXT,
        TEXT + "\n",
        TEXT + SIGNATURE + "\n",
        NOTE[:-1],
        NOTE + "\n",
        NOTE + "junk\n",
        NOTE.replace("\n\n", "\n\njunk\n"),
        NOTE.replace("— ", "- "),
        NOTE.replace("— ", "—  "),
        NOTE.replace("— ", "\u2013 "),
        NOTE.replace(SIGNATURE, SIGNATURE + " "),
        NOTE.replace(SIGNATURE, SIGNATURE.rstrip("=")),
        NOTE.replace("\n", "\r\n"),
        NOTE + "\0",
        "\ud800" + NOTE,
        NOTE + "— x AAAA\n",
        NOTE + "— x A\n",
        NOTE + "— x AAAAAA==\n",
        NOTE + "— a+b AAAAAAA=\n",
        NOTE + (SIGNATURE + "\n") * 64,
    ],
)
def test_what_is_no_signed_note_is_refused(note: str) -> None:
    with pytest.raises(BadSignature) as refusal:
        checkpoint.open_note(note, [SIGNER.verifier])
    assert refusal.value.code == "note-form"


def test_sixteen_signatures_are_taken() -> None:
    more = "".join(f"— w{n} {b64encode(bytes(68)).decode()}\n" for n in range(16))
    assert checkpoint.open_note(NOTE + more, [SIGNER.verifier]) == TEXT


def test_spare_bits_of_base64_are_refused() -> None:
    assert SIGNATURE.endswith("=")
    for last in "BCDEFGHIJKLMNOPQRSTUVWXYZabcdef":
        changed = SIGNATURE[:-2] + last + "="
        if changed != SIGNATURE:
            with pytest.raises(BadSignature):
                checkpoint.open_note(NOTE.replace(SIGNATURE, changed), [SIGNER.verifier])


def test_a_witness_does_not_speak_for_the_log() -> None:
    note = checkpoint.sign_note(TEXT, OTHER)
    assert checkpoint.open_note(note, [OTHER.verifier]) == TEXT
    with pytest.raises(BadSignature) as refusal:
        checkpoint.open_checkpoint(note, [OTHER.verifier, SIGNER.verifier])
    assert refusal.value.code == "signature-unknown"


def test_a_verifier_key_is_written_and_read() -> None:
    text = SIGNER.verifier_key
    assert text.startswith(f"heji.example/log+{SIGNER.key_id.hex()}+")
    assert checkpoint.parse_verifier_key(text) == SIGNER.verifier


def encoded(data: bytes) -> str:
    return b64encode(data).decode()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a+b",
        SIGNER.verifier_key + "\n",
        SIGNER.verifier_key.replace("heji", "Heji"),
        SIGNER.verifier_key.replace(SIGNER.key_id.hex(), "00000000"),
        SIGNER.verifier_key.replace(SIGNER.key_id.hex(), SIGNER.key_id.hex().upper()),
        f"a+{sha256(b'a' + bytes([10, 4]) + bytes(32)).hexdigest()[:8]}+{encoded(bytes([4]) + bytes(32))}",
        f"a+{checkpoint.key_id('a', bytes(31)).hex()}+{encoded(bytes([1]) + bytes(31))}",
        "\ud800+00000000+AAAA",
        "a+00000000+A",
    ],
)
def test_any_other_text_is_no_verifier_key(text: str) -> None:
    with pytest.raises(BadSignature) as refusal:
        checkpoint.parse_verifier_key(text)
    assert refusal.value.code == "verifier-key-form"


def test_a_proof_is_written_and_read() -> None:
    hashes = (ROOT, bytes(32))
    text = checkpoint.dump_proof(7, hashes, NOTE)
    assert text == (f"c2sp.org/tlog-proof@v1\nindex 7\n{encoded(ROOT)}\n{encoded(bytes(32))}\n\n{NOTE}")
    assert checkpoint.parse_proof(text) == checkpoint.Proof(7, hashes, NOTE)


def test_a_proof_without_hashes_is_of_a_log_of_one() -> None:
    assert checkpoint.parse_proof(checkpoint.dump_proof(0, [], NOTE)) == checkpoint.Proof(0, (), NOTE)


PROOF = checkpoint.dump_proof(7, [ROOT], NOTE)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n\n",
        PROOF.partition("\n\n")[0],
        PROOF.partition("\n\n")[0] + "\n\n",
        "\n" + PROOF,
        PROOF.replace("v1", "v2"),
        PROOF.replace("\nindex", "\nextra AAAA\nindex"),
        PROOF.replace("index 7", "index 07"),
        PROOF.replace("index 7", "index -7"),
        PROOF.replace("index 7", "index ７"),
        PROOF.replace("index 7", "index"),
        PROOF.replace("index 7\n", ""),
        "c2sp.org/tlog-proof@v1\n\n" + NOTE,
        PROOF.replace("index 7", "index 7 "),
        PROOF.replace(encoded(ROOT), encoded(ROOT[:31])),
        PROOF.replace(encoded(ROOT), encoded(ROOT) + " "),
        PROOF.replace(encoded(ROOT), "x"),
        checkpoint.dump_proof(7, [ROOT] * 65, NOTE),
    ],
)
def test_any_other_text_is_no_proof(text: str) -> None:
    with pytest.raises(BadProof) as refusal:
        checkpoint.parse_proof(text)
    assert refusal.value.code == "proof-form"
