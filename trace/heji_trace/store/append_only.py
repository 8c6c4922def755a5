"""What makes the database itself refuse to change the ledger.

Rows of the ledger's tables are inserted and stay. The one exception are disclosures: a sealed value and its salt can be
deleted once a row of `erasures` names them, and such a row can be inserted only where an entry of kind `erasure` names
the same event and pointer. So a value never vanishes by SQL without an event that says so, and that event is under the
next signed checkpoint.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Table

from heji_trace.store.tables import LEDGER, disclosures, entries, erasures

_REFUSAL = "the ledger is append-only"
_UNFOUNDED = "no erasure names this value"
PINNED = "SET search_path = pg_catalog, pg_temp"
"""What functions, operators and types mean inside of ours, whatever the caller has made of these names."""
BEFORE_ERASURES = tuple(table for table in LEDGER if table is not erasures)
"""The ledger's tables of the first revision."""

_SQLITE_NAMED = """
    SELECT 1 FROM entries AS told JOIN entries AS erased ON erased.seq = NEW.seq,
    json_each(CAST(told.record AS TEXT), '$.event.details.values') AS part,
    json_each(part.value, '$.pointers') AS pointer
    WHERE told.seq = NEW.by_seq AND erased.seq < told.seq
    AND json_extract(CAST(told.record AS TEXT), '$.event.kind') = 'erasure'
    AND json_extract(part.value, '$.event') = erased.event_id AND pointer.value = NEW.pointer
"""
_ERASED = "SELECT 1 FROM erasures WHERE seq = OLD.seq AND pointer = OLD.pointer"
# Of $1 the row, in the schema of the table on which the trigger stands: a bare name would be looked up among the
# temporary tables of whoever asks first, and those may say anything.
_POSTGRESQL_NAMED = """
    SELECT 1 FROM %1$I.entries AS told JOIN %1$I.entries AS erased ON erased.seq = ($1).seq,
    jsonb_array_elements(convert_from(told.record, 'UTF8')::jsonb #> '{event,details,values}') AS part
    WHERE told.seq = ($1).by_seq AND erased.seq < told.seq
    AND convert_from(told.record, 'UTF8')::jsonb #>> '{event,kind}' = 'erasure'
    AND part ->> 'event' = erased.event_id AND part -> 'pointers' ? ($1).pointer
"""
_POSTGRESQL_ERASED = "SELECT 1 FROM %1$I.erasures WHERE seq = ($1).seq AND pointer = ($1).pointer"


def ledger_triggers(dialect: str) -> tuple[str, ...]:
    """All statements that make the database refuse to change the ledger, for "sqlite" or "postgresql"."""
    return (*append_only_triggers(dialect, BEFORE_ERASURES), *erasure_triggers(dialect))


def append_only_triggers(dialect: str, tables: Sequence[Table]) -> tuple[str, ...]:
    """The statements by which rows of these tables stay as they were inserted; disclosures may still be deleted."""
    if dialect == "sqlite":
        return _sqlite_triggers(tables)
    body = f"BEGIN RAISE EXCEPTION '{_REFUSAL}' USING ERRCODE = 'integrity_constraint_violation'; END"
    function = f"CREATE FUNCTION heji_append_only() RETURNS trigger LANGUAGE plpgsql AS $$ {body} $$"
    return (function, *_postgresql_triggers(tables))


def erasure_triggers(dialect: str) -> tuple[str, ...]:
    """The statements by which only an erasure's own words delete a disclosure."""
    if dialect == "sqlite":
        refused = f"BEGIN SELECT RAISE(ABORT, '{_UNFOUNDED}'); END"
        return (
            *_sqlite_triggers((erasures,)),
            f"CREATE TRIGGER erasures_named BEFORE INSERT ON erasures WHEN NOT EXISTS ({_SQLITE_NAMED}) {refused}",
            f"CREATE TRIGGER disclosures_erased BEFORE DELETE ON disclosures WHEN NOT EXISTS ({_ERASED}) {refused}",
        )
    return (
        *_postgresql_triggers((erasures,)),
        *erasure_functions(),
        (
            "CREATE TRIGGER erasures_named BEFORE INSERT ON erasures "
            "FOR EACH ROW EXECUTE FUNCTION heji_erasure_named()"
        ),
        (
            "CREATE TRIGGER disclosures_erased BEFORE DELETE ON disclosures "
            "FOR EACH ROW EXECUTE FUNCTION heji_value_erased()"
        ),
    )


def erasure_functions() -> tuple[str, ...]:
    """The statements that make, or make anew, what the triggers of erasures call on PostgreSQL."""
    return (
        _postgresql_function("heji_erasure_named", _POSTGRESQL_NAMED, "NEW"),
        _postgresql_function("heji_value_erased", _POSTGRESQL_ERASED, "OLD"),
    )


def _refused(table: Table) -> tuple[str, ...]:
    return ("UPDATE",) if table is disclosures else ("UPDATE", "DELETE")


def _sqlite_triggers(tables: Sequence[Table]) -> tuple[str, ...]:
    raised = f"BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END"
    changes = [
        f"CREATE TRIGGER {table.name}_no_{verb.lower()} BEFORE {verb} ON {table.name} {raised}"
        for table in tables
        for verb in _refused(table)
    ]
    # `INSERT OR REPLACE` deletes without firing a DELETE trigger unless `recursive_triggers` is on.
    replacements = [
        f"CREATE TRIGGER {table.name}_no_replace BEFORE INSERT ON {table.name} WHEN {_is_taken(table)} {raised}"
        for table in tables
    ]
    return (*changes, *replacements)


def _is_taken(table: Table) -> str:
    same = " AND ".join(f"{column.name} = NEW.{column.name}" for column in table.primary_key)
    if table is entries:
        same += " OR event_id = NEW.event_id"
    return f"EXISTS (SELECT 1 FROM {table.name} WHERE {same})"  # noqa: S608  the names are our own


def _postgresql_triggers(tables: Sequence[Table]) -> tuple[str, ...]:
    return (
        *(
            f"CREATE TRIGGER {table.name}_append_only BEFORE {' OR '.join(_refused(table))} ON {table.name} "
            f"FOR EACH ROW EXECUTE FUNCTION heji_append_only()"
            for table in tables
        ),
        *(
            f"CREATE TRIGGER {table.name}_no_truncate BEFORE TRUNCATE ON {table.name} "
            f"FOR EACH STATEMENT EXECUTE FUNCTION heji_append_only()"
            for table in tables
        ),
    )


def _postgresql_function(name: str, found: str, row: str) -> str:
    asked = f"EXECUTE format($sql$SELECT EXISTS ({found})$sql$, TG_TABLE_SCHEMA) INTO founded USING {row}"
    refused = f"RAISE EXCEPTION '{_UNFOUNDED}' USING ERRCODE = 'integrity_constraint_violation'"
    body = f"DECLARE founded boolean; BEGIN {asked}; IF NOT founded THEN {refused}; END IF; RETURN {row}; END"
    return f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql {PINNED} AS $$ {body} $$"
