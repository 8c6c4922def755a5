"""The archive: a file that holds the ledger and the service's own tables, the same for SQLite and PostgreSQL.

A zip with one member a table, each line a row as a JSON array in the order of the columns, bytes in base64, rows by
primary key; and `manifest`, a note signed by the log's key over the members' hashes and the newest checkpoint. Read
tables are not in it: a restore makes them again from the ledger, whatever version wrote the archive.
"""

from __future__ import annotations

import re
import zlib
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self
from zipfile import ZIP_DEFLATED, BadZipFile, ZipFile, ZipInfo

import orjson
from sqlalchemy import BigInteger, Connection, Integer, LargeBinary, Table, Text, select

from heji_trace.errors import BadProof, HejiError, Misconfigured
from heji_trace.proving import canonical
from heji_trace.proving.checkpoint import NoteSigner, VerifierKey, dump_verifier_key, open_note, sign_note
from heji_trace.store import tables

MANIFEST = "manifest"
KEY = "signing.key"

_HEADER = "heji.backup.v1\n"
_AT_ONCE = 2000
_MOST_MANIFEST = 4 * 2**20
# Sessions are not to come back to life, and attempts are counted anew.
_PASSING = (tables.sessions, tables.throttles)
_NAME = re.compile(r"[a-z][a-z_0-9]{0,62}")
_TYPES: Mapping[str, type] = {"bytes": bytes, "integer": int, "text": str}

Rows = list[list[Any]]


def kept_tables() -> tuple[Table, ...]:
    """The tables that go into an archive."""
    passing = {*tables.PROJECTIONS, *_PASSING}
    return tuple(table for table in tables.metadata.sorted_tables if table not in passing)


@dataclass(frozen=True, slots=True)
class Part:
    """One member: the table's columns with their types ("bytes", "integer", "text"), and what its bytes must be."""

    table: str
    columns: tuple[tuple[str, str], ...]
    rows: int
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an archive says of itself; `note` is the newest signed checkpoint in it, `revision` that of its schema."""

    origin: str
    verifier_key: str
    made_ms: int
    revision: str
    size: int
    note: str
    parts: tuple[Part, ...]
    has_key: bool


def dump_manifest(manifest: Manifest, signer: NoteSigner) -> str:
    """The manifest as a note that the log's key signs."""
    facts = {
        "has_key": manifest.has_key,
        "made_ms": manifest.made_ms,
        "note": manifest.note,
        "origin": manifest.origin,
        "parts": [
            {
                "columns": [list(column) for column in part.columns],
                "rows": part.rows,
                "sha256": part.sha256,
                "size": part.size,
                "table": part.table,
            }
            for part in manifest.parts
        ],
        "revision": manifest.revision,
        "size": manifest.size,
        "verifier_key": manifest.verifier_key,
    }
    return sign_note(f"{_HEADER}{canonical.dump(facts).decode()}\n", signer)


def parse_manifest(note: str, key: VerifierKey | None) -> Manifest:
    """The manifest in a note; without a `key` the one that it names itself is believed.

    Raises BadProof for another text, BadSignature where it is not of the key.
    """
    try:
        claimed = _manifest_of(note.rpartition("\n\n")[0] + "\n")
    except (HejiError, KeyError, TypeError, ValueError) as error:
        raise BadProof("backup-form") from error
    manifest = _manifest_of(open_note(note, [key or claimed.verifier_key]))
    if key is not None and manifest.verifier_key != dump_verifier_key(key):
        raise BadProof("backup-form")
    return manifest


def _manifest_of(text: str) -> Manifest:
    if not text.startswith(_HEADER):
        raise BadProof("backup-form")
    facts = canonical.load(text.removeprefix(_HEADER).encode())
    parts = tuple(
        Part(
            _name(part["table"]),
            tuple((_name(name), _type(kind)) for name, kind in part["columns"]),
            int(part["rows"]),
            int(part["size"]),
            str(part["sha256"]),
        )
        for part in facts["parts"]
    )
    return Manifest(
        str(facts["origin"]),
        str(facts["verifier_key"]),
        int(facts["made_ms"]),
        str(facts["revision"]),
        int(facts["size"]),
        str(facts["note"]),
        parts,
        facts["has_key"] is True,
    )


def _name(text: str) -> str:
    """A name that goes into a statement: nothing else may stand there."""
    if not _NAME.fullmatch(text):
        raise BadProof("backup-form")
    return text


def _type(kind: str) -> str:
    if kind not in _TYPES:
        raise BadProof("backup-form")
    return kind


class Writer:
    """Writes an archive into an open file, member by member; at the end of its block the file is a whole zip."""

    def __init__(self, file: IO[bytes]) -> None:
        self._zip = ZipFile(file, "w", ZIP_DEFLATED, compresslevel=1)
        self.parts: list[Part] = []

    def add_table(self, connection: Connection, table: Table) -> None:
        """All rows of a table, in bounded memory."""
        columns = tuple((str(column.name), _type_of(column.type)) for column in table.columns)
        blobs = [at for at, (_, kind) in enumerate(columns) if kind == "bytes"]
        digest = sha256()
        rows = size = 0
        query = select(table).order_by(*table.primary_key).execution_options(yield_per=_AT_ONCE)
        with self._zip.open(_member(table.name), "w", force_zip64=True) as member:
            for part in connection.execute(query).partitions():
                lines = b"".join(_dump_row(row, blobs) for row in part)
                digest.update(lines)
                member.write(lines)
                rows += len(part)
                size += len(lines)
        self.parts.append(Part(str(table.name), columns, rows, size, digest.hexdigest()))

    def add_text(self, name: str, text: str) -> None:
        """A member that is a text."""
        with self._zip.open(_member(name), "w") as member:
            member.write(text.encode())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._zip.close()


def _member(name: str) -> ZipInfo:
    # Without a moment of its own the same rows give the same bytes.
    info = ZipInfo(name)
    info.compress_type = ZIP_DEFLATED
    info.external_attr = 0o600 << 16
    return info


def _type_of(kind: object) -> str:
    if isinstance(kind, LargeBinary):
        return "bytes"
    if isinstance(kind, BigInteger | Integer):
        return "integer"
    if isinstance(kind, Text):
        return "text"
    raise TypeError(kind)


def _dump_row(row: Sequence[Any], blobs: Sequence[int]) -> bytes:
    values = list(row)
    for at in blobs:
        if values[at] is not None:
            values[at] = b64encode(values[at]).decode("ascii")
    return orjson.dumps(values, option=orjson.OPT_APPEND_NEWLINE)


class Reader:
    """An archive that is open for reading; nothing in it is believed before its hash."""

    def __init__(self, path: Path, key: VerifierKey | None = None) -> None:
        """Open the archive and its manifest; raises BadProof, BadSignature, and Misconfigured for no such file."""
        try:
            self._zip = ZipFile(path)
        except OSError as error:
            raise Misconfigured("backup-unreadable", path=path, reason=error.strerror) from error
        except BadZipFile as error:
            raise BadProof("backup-form") from error
        try:
            self.manifest = parse_manifest(self._text(MANIFEST), key)
        except BaseException:
            self._zip.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._zip.close()

    def key_text(self) -> str | None:
        """The signing key's file, where the archive was made with it."""
        return self._text(KEY) if self.manifest.has_key else None

    def rows(self, part: Part) -> Iterator[Rows]:
        """The rows of a part in runs; raises BadProof, after the last at the latest, where they are not those signed."""
        digest = sha256()
        rows = size = 0
        blobs = [at for at, (_, kind) in enumerate(part.columns) if kind == "bytes"]
        try:
            with self._zip.open(part.table) as member:
                # A member that grows beyond what was signed is not read to its end.
                while lines := member.readlines(2**20):
                    run = b"".join(lines)
                    digest.update(run)
                    rows, size = rows + len(lines), size + len(run)
                    if size > part.size:
                        break
                    yield [_parse_row(line, part, blobs) for line in lines]
        except (
            BadZipFile,
            KeyError,
            EOFError,
            OSError,
            ValueError,
            zlib.error,
            NotImplementedError,
        ) as error:
            raise BadProof("backup-part-differs", table=part.table) from error
        if (rows, size, digest.hexdigest()) != (part.rows, part.size, part.sha256):
            raise BadProof("backup-part-differs", table=part.table)

    def _text(self, name: str) -> str:
        try:
            if self._zip.getinfo(name).file_size > _MOST_MANIFEST:
                raise BadProof("backup-form")
            return self._zip.read(name).decode()
        except (
            BadZipFile,
            KeyError,
            EOFError,
            OSError,
            ValueError,
            zlib.error,
            NotImplementedError,
        ) as error:
            raise BadProof("backup-form") from error


def _parse_row(line: bytes, part: Part, blobs: Sequence[int]) -> list[Any]:
    """The values of a line; raises ValueError."""
    values = orjson.loads(line)
    if not isinstance(values, list) or len(values) != len(part.columns):
        raise ValueError(part.table)
    for at in blobs:
        if values[at] is not None:
            try:
                values[at] = b64decode(values[at], validate=True)
            except (TypeError, Base64Error) as error:
                raise ValueError(part.table) from error
    for value, (_, kind) in zip(values, part.columns, strict=True):
        if value is not None and type(value) is not _TYPES[kind]:
            raise ValueError(part.table)
    return values
