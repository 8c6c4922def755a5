"""What the service's role may do on PostgreSQL: add to the ledger, and never change or delete what stands there.

Disclosures alone it may delete, where a trigger that it cannot take away finds an erasure that names them.

The statements are made from the tables' metadata, so that a new table of the ledger is guarded from its first day.
The triggers refuse the same things; a role that does not own the tables cannot take those away either.
"""

from __future__ import annotations

from sqlalchemy import Connection, Table, text

from heji_trace.errors import Misconfigured
from heji_trace.store.sweep import SWEPT
from heji_trace.store.tables import LEDGER, disclosures, metadata

# What would change, or take away, what stands in a table; of a single column too.
_FORBIDDEN = ("UPDATE", "DELETE", "TRUNCATE", "TRIGGER")
_TABLE = """
    SELECT DISTINCT privilege || ' ' || c.relname
    FROM pg_class c CROSS JOIN unnest(CAST(:forbidden AS text[])) AS privilege JOIN pg_roles r
    ON pg_has_role(CAST(:role AS name), r.oid, 'MEMBER')
    WHERE c.oid = to_regclass(:table) AND (
        has_table_privilege(r.oid, c.oid, privilege)
        OR privilege = 'UPDATE' AND has_any_column_privilege(r.oid, c.oid, privilege)
        OR r.oid = c.relowner)
    ORDER BY 1
"""
# What reaches the tables without any right to them: whose the schema and the guards' functions are, who may switch
# triggers off, join other roles (any role, before version 16) or write the server's files.
_AROUND = """
    SELECT 'OWNER OF SCHEMA ' || n.nspname FROM pg_namespace n
    WHERE n.oid = current_schema()::regnamespace AND pg_has_role(CAST(:role AS name), n.nspowner, 'MEMBER')
    UNION ALL SELECT DISTINCT 'OWNER OF FUNCTION ' || p.proname FROM pg_proc p JOIN pg_trigger t ON t.tgfoid = p.oid
    WHERE t.tgrelid = ANY (CAST(CAST(:tables AS text[]) AS regclass[]))
    AND pg_has_role(CAST(:role AS name), p.proowner, 'MEMBER')
    UNION ALL SELECT 'SET session_replication_role'
    WHERE has_parameter_privilege(CAST(:role AS name), 'session_replication_role', 'SET')
    UNION ALL SELECT 'CREATEROLE' FROM pg_roles r
    WHERE r.rolcreaterole AND pg_has_role(CAST(:role AS name), r.oid, 'MEMBER')
    UNION ALL SELECT r.rolname FROM pg_roles r
    WHERE r.rolname IN ('pg_execute_server_program', 'pg_write_server_files')
    AND pg_has_role(CAST(:role AS name), r.oid, 'MEMBER')
"""
_REVISION = "alembic_version"
_MAINTAIN_SINCE = 170_000


def grants_to(connection: Connection, role: str) -> tuple[str, ...]:
    """The statements that let `role` serve: ledger tables to read and add to, all others to write."""
    prepare = connection.dialect.identifier_preparer
    name = prepare.quote_identifier(role)
    schema = prepare.quote_identifier(str(connection.scalar(text("SELECT current_schema()"))))
    version = int(str(connection.scalar(text("SHOW server_version_num"))))
    maintained = (f"GRANT MAINTAIN ON {_names(SWEPT)} TO {name}",) if version >= _MAINTAIN_SINCE else ()
    others = [table for table in metadata.sorted_tables if table not in LEDGER]
    return (
        f"REVOKE ALL ON {_names(LEDGER)} FROM {name}",
        f"GRANT USAGE ON SCHEMA {schema} TO {name}",
        f"GRANT SELECT, INSERT ON {_names(LEDGER)} TO {name}",
        f"GRANT DELETE ON {disclosures.name} TO {name}",
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON {_names(others)} TO {name}",
        f"GRANT SELECT ON {_REVISION} TO {name}",
        *maintained,
    )


def grant(connection: Connection, role: str) -> None:
    """Let `role` serve, inside the caller's transaction.

    Raises Misconfigured on SQLite, for a role that does not exist, and for one that could change the ledger all the
    same: the tables' owner, a superuser, or a member of such a role, whether it inherits or not.
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
    found: list[str] = []
    for table in LEDGER:
        forbidden = [each for each in _FORBIDDEN if (table, each) != (disclosures, "DELETE")]
        asked = {"role": who, "table": table.name, "forbidden": forbidden}
        found += connection.execute(text(_TABLE), asked).scalars()
    asked = {"role": who, "tables": [table.name for table in LEDGER]}
    return [*found, *connection.execute(text(_AROUND), asked).scalars()]


def _may(connection: Connection, role: str, table: str, privilege: str) -> bool:
    query = text("SELECT has_table_privilege(CAST(:role AS name), CAST(:table AS text), :privilege)")
    asked = {"role": role, "table": table, "privilege": privilege}
    return bool(connection.scalar(query, asked))


def _names(tables: tuple[Table, ...] | list[Table]) -> str:
    return ", ".join(table.name for table in tables)
