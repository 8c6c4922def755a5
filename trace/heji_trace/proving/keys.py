"""The log's signing key: made, kept in a file that only its owner reads, printed on paper and typed in again."""

from __future__ import annotations

import os
import re
import stat
from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from unicodedata import normalize

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from heji_trace import sentences
from heji_trace.errors import InvalidEvent, Misconfigured, Problem
from heji_trace.proving import checkpoint

SEED_SIZE = 32

# Of 32 random bytes fewer are different once in 10^20 keys; a passphrase, a counter of zeros or a pattern has fewer.
_LEAST_DIFFERENT = 14

_FILE = re.compile(r"PRIVATE\+KEY\+(?P<name>[^\s+]+)\+(?P<id>[0-9a-f]{8})\+(?P<seed>[A-Za-z0-9+/]{44})\n?")
_SHEET_ROW_SIZE = 8
_SHEET_ROW = re.compile(r"(?P<row>[1-4]): *(?P<digits>(?:[0-9a-f] *){16})- *(?P<check>(?:[0-9a-f] *){4})")
_SHEET_NAME = re.compile(r"heji key +(?P<name>\S+)\+(?P<id>[0-9A-Fa-f]{8})")
_MISREAD = str.maketrans("oil", "011")


@dataclass(frozen=True)
class Signer:
    """An Ed25519 key under the name that its notes carry; equal to the log's origin."""

    name: str
    seed: bytes = field(repr=False)

    @cached_property
    def _key(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.seed)

    @cached_property
    def verifier(self) -> checkpoint.VerifierKey:
        """The public half."""
        return checkpoint.VerifierKey(self.name, self._key.public_key().public_bytes_raw())

    @cached_property
    def key_id(self) -> bytes:
        """The four bytes that this key's signatures carry."""
        return self.verifier.id

    @property
    def verifier_key(self) -> str:
        """The public half as text, as `/log/key` serves it."""
        return checkpoint.dump_verifier_key(self.verifier)

    def sign(self, message: bytes) -> bytes:
        """The 64 bytes of an Ed25519 signature (RFC 8032)."""
        return self._key.sign(message)


def generate_signer(name: str, random: Callable[[int], bytes]) -> Signer:
    """A new key from 32 bytes of `random`; raises Misconfigured for a name that notes cannot carry."""
    if not checkpoint.is_key_name(name):
        raise Misconfigured("key-name", name=name)
    return Signer(name, random(SEED_SIZE))


def write_signer(path: Path, signer: Signer) -> None:
    """Write the key file, mode 0600 and durable; raises Misconfigured when something stands there already."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        draft.unlink(missing_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(dump_signer(signer).encode())
            file.flush()
            os.fsync(descriptor)
        try:
            # A link, unlike a rename, never takes the place of a key that is already there.
            os.link(draft, path)
        finally:
            draft.unlink()
        _sync_folder(path.parent)
    except FileExistsError:
        raise Misconfigured("key-exists", path=path) from None
    except OSError as error:
        raise Misconfigured("key-unwritable", path=path, reason=error.strerror) from None


def retire_signer(path: Path, signer: Signer) -> Path:
    """Give the file of a key that is to sign no more another name, durably; where it lies then."""
    retired = path.with_name(f"{path.name}.{signer.key_id.hex()}.retired")
    try:
        path.replace(retired)
        _sync_folder(path.parent)
    except OSError as error:
        raise Misconfigured("key-unwritable", path=path, reason=error.strerror) from None
    return retired


def list_retired(path: Path) -> list[Path]:
    """The files of keys that signed before the one whose file is `path`, as `retire_signer` names them."""
    return sorted(path.parent.glob(f"{path.name}.*.retired"))


def dump_signer(signer: Signer) -> str:
    """The text of a key file: the private half, to be shown to nobody."""
    encoded = b64encode(checkpoint.ED25519 + signer.seed).decode("ascii")
    return f"PRIVATE+KEY+{signer.name}+{signer.key_id.hex()}+{encoded}\n"


def parse_signer(text: str, path: Path) -> Signer:
    """The key that `dump_signer` wrote; raises Misconfigured, naming `path`, for anything else."""
    found = _FILE.fullmatch(text)
    if not found or not checkpoint.is_key_name(found["name"]):
        raise Misconfigured("key-damaged", path=path)
    encoded = b64decode(found["seed"])
    signer = Signer(found["name"], encoded[1:])
    if encoded[:1] != checkpoint.ED25519 or signer.key_id.hex() != found["id"]:
        raise Misconfigured("key-damaged", path=path)
    return signer


def read_signer(path: Path) -> Signer:
    """The key in a file.

    Raises Misconfigured when it is absent, damaged, readable by anybody but its owner, or was not drawn at random.
    """
    try:
        # Without O_NONBLOCK a named pipe in the key's place would stop the start for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            mode = os.fstat(descriptor).st_mode
            if not stat.S_ISREG(mode):
                raise Misconfigured("key-damaged", path=path)
            if mode & 0o077:
                raise Misconfigured("key-readable", path=path, mode=f"{stat.S_IMODE(mode):04o}")
            data = file.read(4096)
    except OSError as error:
        raise Misconfigured("key-unreadable", path=path, reason=error.strerror) from None
    signer = parse_signer(data.decode("utf-8", "replace"), path)
    if len(set(signer.seed)) < _LEAST_DIFFERENT:
        raise Misconfigured("key-weak", path=path)
    return signer


def recovery_sheet(signer: Signer) -> str:
    """The key as text to print and lock away, in Chinese and English; each row has its own check digits."""
    rows = [
        f"{row}: {_grouped(part)} - {_row_check(row, part)}"
        for row, part in enumerate(_parts(signer.seed), 1)
    ]
    return "\n".join(
        [
            *(sentences.say("recovery-sheet-title", language) for language in sentences.LANGUAGES),
            "",
            *(sentences.say("recovery-sheet-keep", language) for language in sentences.LANGUAGES),
            "",
            f"heji key {signer.name}+{signer.key_id.hex()}",
            *rows,
            "",
            *(sentences.say("recovery-sheet-use", language) for language in sentences.LANGUAGES),
            "",
        ]
    )


def restore_signer(sheet_text: str) -> Signer:
    """The key typed in from its sheet, in any case and spacing; raises InvalidEvent naming the row that is wrong."""
    name = key_id = ""
    parts: dict[int, bytes] = {}
    problems: list[Problem] = []
    for number, line in enumerate(normalize("NFKC", sheet_text).splitlines(), 1):
        if named := _SHEET_NAME.fullmatch(line.strip()):
            name, key_id = named["name"], named["id"].lower()
        elif found := _SHEET_ROW.fullmatch(line.strip().lower().translate(_MISREAD)):
            row, part = int(found["row"]), bytes.fromhex(found["digits"])
            if _row_check(row, part) != found["check"].replace(" ", ""):
                problems.append(Problem("", "recovery-sheet-row", {"row": row}, line=number))
            parts[row] = part
    missing = [row for row in range(1, SEED_SIZE // _SHEET_ROW_SIZE + 1) if row not in parts]
    problems += [Problem("", "recovery-sheet-row", {"row": row}) for row in missing]
    if problems:
        raise InvalidEvent(problems)
    signer = Signer(name, b"".join(parts[row] for row in sorted(parts)))
    if not checkpoint.is_key_name(name) or signer.key_id.hex() != key_id:
        raise InvalidEvent([Problem("", "recovery-sheet-key")])
    return signer


def _parts(seed: bytes) -> list[bytes]:
    return [seed[at : at + _SHEET_ROW_SIZE] for at in range(0, len(seed), _SHEET_ROW_SIZE)]


def _grouped(part: bytes) -> str:
    return part.hex(" ", 2)


def _row_check(row: int, part: bytes) -> str:
    return sha256(bytes([row]) + part).hexdigest()[:4]


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
