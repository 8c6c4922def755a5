"""What the service's role may do on PostgreSQL: add to the ledger, and never change or delete what stands there.

Disclosures alone it may delete, where a trigger that it cannot take away finds an erasure that names them.

The statements are made from the tables' metadata, so that a new table of the ledger is guarded from its first day.
The triggers refuse the same things; a role that does not own the tables cannot take those away either.
"""

from __future__ import annotations

from sqlalchemy import Connection, Table, text

from heji_trace.errors import Misconfigured
from heji_trace.store.tables import LEDGER, disclosures, metadata

_FORBIDDEN = ("UPDATE", "DELETE", "TRUNCATE")
_TRIGGERS = "TRIGGER"
_REVISION = "alembic_version"


def grants_to(connection: Connection, role: str) -> tuple[str, ...]:
    """The statements that let `role` serve: ledger tables to read and add to, all others to write."""
    prepare = connection.dialect.identifier_preparer
    name = prepare.quote_identifier(role)
    schema = prepare.quote_identifier(str(connection.scalar(text("SELECT current_schema()"))))
    others = [table for table in metadata.sorted_tables if table not in LEDGER]
    return (
        f"REVOKE ALL ON {_names(LEDGER)} FROM {name}",
        f"GRANT USAGE ON SCHEMA {schema} TO {name}",
        f"GRANT SELECT, INSERT ON {_names(LEDGER)} TO {name}",
        f"GRANT DELETE ON {disclosures.name} TO {name}",
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON {_names(others)} TO {name}",
        f"GRANT SELECT ON {_REVISION} TO {name}",
    )


def grant(connection: Connection, role: str) -> None:
    """Let `role` serve, inside the caller's transaction.

    Raises Misconfigured on SQLite, for a role that does not exist, and for one that could change the ledger all the
    same: the tables' owner, a superuser, or a member of such a role.
    """
    if connection.dialect.name != "postgresql":
        raise Misconfigured("roles-need-postgresql")
    if connection.scalar(text("SELECT 1 FROM pg_roles WHERE rolname = :role"), {"role": role}) is None:
        raise Misconfigured("role-unknown", role=role)
    for statement in grants_to(connection, role):
        connection.exec_driver_sql(statement)
    excess = find_excess(connection, role)
    if excess:
        raise Misconfigured("role-too-strong", role=role, privileges=", ".join(excess))
    missing = [name for name in metadata.tables if not _may(connection, role, name, "INSERT")]
    if missing:
        # Who may use a table without owning it is told by a warning only that nothing was granted.
        raise Misconfigured("role-not-granted", role=role, tables=", ".join(missing))


def find_excess(connection: Connection, role: str | None = None) -> list[str]:
    """What a role, by default the one that asks, could do to the ledger that the service never does."""
    who = role if role is not None else str(connection.scalar(text("SELECT current_user")))
    return [
        f"{privilege} {table.name}"
        for table in LEDGER
        for privilege in (*_FORBIDDEN, _TRIGGERS)
        if (table, privilege) != (disclosures, "DELETE") and _may(connection, who, table.name, privilege)
    ]


def _may(connection: Connection, role: str, table: str, privilege: str) -> bool:
    query = text("SELECT has_table_privilege(CAST(:role AS name), CAST(:table AS text), :privilege)")
    asked = {"role": role, "table": table, "privilege": privilege}
    return bool(connection.scalar(query, asked))


def _names(tables: tuple[Table, ...] | list[Table]) -> str:
    return ", ".join(table.name for table in tables)
