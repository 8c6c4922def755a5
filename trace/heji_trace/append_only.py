"""What makes the database itself refuse to change the ledger."""

from __future__ import annotations

from sqlalchemy import Table

from heji_trace.tables import LEDGER, disclosures, entries

_REFUSAL = "the ledger is append-only"


def ledger_triggers(dialect: str) -> tuple[str, ...]:
    """The statements that make the database itself refuse to change the ledger, for "sqlite" or "postgresql".

    Erasure deletes rows of `disclosures`, so that table refuses only UPDATE.
    """
    return _sqlite_triggers() if dialect == "sqlite" else _postgresql_triggers()


def _refused(table: Table) -> tuple[str, ...]:
    return ("UPDATE",) if table is disclosures else ("UPDATE", "DELETE")


def _sqlite_triggers() -> tuple[str, ...]:
    raised = f"BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END"
    changes = [
        f"CREATE TRIGGER {table.name}_no_{verb.lower()} BEFORE {verb} ON {table.name} {raised}"
        for table in LEDGER
        for verb in _refused(table)
    ]
    # `INSERT OR REPLACE` deletes without firing a DELETE trigger unless `recursive_triggers` is on.
    replacements = [
        f"CREATE TRIGGER {table.name}_no_replace BEFORE INSERT ON {table.name} WHEN {_is_taken(table)} {raised}"
        for table in LEDGER
    ]
    return (*changes, *replacements)


def _is_taken(table: Table) -> str:
    same = " AND ".join(f"{column.name} = NEW.{column.name}" for column in table.primary_key)
    if table is entries:
        same += " OR event_id = NEW.event_id"
    return f"EXISTS (SELECT 1 FROM {table.name} WHERE {same})"  # noqa: S608  the names are our own


def _postgresql_triggers() -> tuple[str, ...]:
    body = f"BEGIN RAISE EXCEPTION '{_REFUSAL}' USING ERRCODE = 'integrity_constraint_violation'; END"
    return (
        f"CREATE FUNCTION heji_append_only() RETURNS trigger LANGUAGE plpgsql AS $$ {body} $$",
        *(
            f"CREATE TRIGGER {table.name}_append_only BEFORE {' OR '.join(_refused(table))} ON {table.name} "
            f"FOR EACH ROW EXECUTE FUNCTION heji_append_only()"
            for table in LEDGER
        ),
        *(
            f"CREATE TRIGGER {table.name}_no_truncate BEFORE TRUNCATE ON {table.name} "
            f"FOR EACH STATEMENT EXECUTE FUNCTION heji_append_only()"
            for table in LEDGER
        ),
    )
