"""Uploads that wait for a person's confirmation: the file as it came, and what was chosen for it since.

They are the service's own and no part of the ledger: each is forgotten after a week.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from sqlalchemy import Connection, delete, insert, select, update

from heji_trace.errors import Unknown
from heji_trace.store.tables import imports

KEPT_MS = 7 * 86_400_000


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a person chose for a file.

    `kind` is the name of a kind, or "" where the file says it; `organisation` answers for rows that name none;
    `targets` are the sample or batch of lines of an instrument's file, and `left_out` lines that shall not be recorded;
    `acknowledged` are codes by event, and `everywhere` those confirmed for all events that are asked about them.
    """

    kind: str = ""
    organisation: str = ""
    targets: Mapping[str, str] = field(default_factory=dict)
    acknowledged: Mapping[str, list[str]] = field(default_factory=dict)
    everywhere: Sequence[str] = field(default_factory=list)
    left_out: Sequence[str] = field(default_factory=list)

    @property
    def settled(self) -> dict[str, str]:
        """What was chosen for lines of an instrument's file; "" for those left out."""
        named = {line: text for line, text in self.targets.items() if text}
        return named | dict.fromkeys(self.left_out, "")


@dataclass(frozen=True, slots=True)
class Pending:
    """An upload with its content and what was chosen for it."""

    import_id: str
    file_name: str
    data: bytes
    chosen: Chosen


def keep_import(
    connection: Connection, account: str, file_name: str, data: bytes, chosen: Chosen, now_ms: int
) -> str:
    """Keep a file for confirmation; its id.

    The same file from the same account has the same id, so that a second upload leads to the first, whatever has
    been chosen there.
    """
    connection.execute(delete(imports).where(imports.c.created_ms < now_ms - KEPT_MS))
    content = sha256(data).hexdigest()
    import_id = sha256(f"{account} {content} {file_name} {chosen.kind}".encode()).hexdigest()[:32]
    if connection.execute(select(imports.c.import_id).where(imports.c.import_id == import_id)).first():
        return import_id
    values = {
        "import_id": import_id,
        "account": account,
        "file_name": file_name,
        "data": data,
        "choices": _dump(chosen),
        "created_ms": now_ms,
    }
    connection.execute(insert(imports), values)
    return import_id


def import_of(connection: Connection, account: str, import_id: str) -> Pending:
    """An upload of this account; raises Unknown where there is none, or it is somebody else's."""
    row = connection.execute(
        select(imports).where(imports.c.import_id == import_id, imports.c.account == account)
    ).first()
    if row is None:
        raise Unknown
    return Pending(import_id, row.file_name, row.data, Chosen(**json.loads(row.choices)))


def check_import(connection: Connection, account: str, import_id: str) -> None:
    """Raise Unknown where `import_of` would, without the file being read: pages that wait ask again and again."""
    mine = (imports.c.import_id == import_id, imports.c.account == account)
    if connection.execute(select(imports.c.import_id).where(*mine)).first() is None:
        raise Unknown


def choose(connection: Connection, import_id: str, chosen: Chosen) -> None:
    """Write down what was chosen for an upload."""
    connection.execute(update(imports).where(imports.c.import_id == import_id).values(choices=_dump(chosen)))


def _dump(chosen: Chosen) -> str:
    return json.dumps(
        {
            "kind": chosen.kind,
            "organisation": chosen.organisation,
            "targets": dict(chosen.targets),
            "acknowledged": dict(chosen.acknowledged),
            "everywhere": list(chosen.everywhere),
            "left_out": list(chosen.left_out),
        },
        ensure_ascii=False,
    )
