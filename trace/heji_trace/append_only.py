"""What makes the database itself refuse to change the ledger."""

from __future__ import annotations

from heji_trace.tables import LEDGER, disclosures, entries


def ledger_triggers(dialect: str) -> tuple[str, ...]:
    """The statements that make the database itself refuse to change the ledger, for "sqlite" or "postgresql".

    Erasure deletes rows of `disclosures`, so that table refuses only UPDATE. On SQLite the BEFORE INSERT trigger is
    what stops `INSERT OR REPLACE`, which deletes without firing a DELETE trigger unless `recursive_triggers` is on.
    """
    refused = {table: ("UPDATE",) if table is disclosures else ("UPDATE", "DELETE") for table in LEDGER}
    if dialect == "sqlite":
        plain = [
            f"CREATE TRIGGER {table.name}_no_{verb.lower()} BEFORE {verb} ON {table.name} "
            f"BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END"
            for table, verbs in refused.items()
            for verb in verbs
        ]
        keys = {table: [column.name for column in table.primary_key] for table in LEDGER}
        again = [
            f"CREATE TRIGGER {table.name}_no_replace BEFORE INSERT ON {table.name} WHEN EXISTS (SELECT 1 FROM "
            f"{table.name} WHERE {' AND '.join(f'{key} = NEW.{key}' for key in keys[table])}"
            f"{' OR event_id = NEW.event_id' if table is entries else ''}) "
            f"BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END"  # noqa: S608 - names of our own tables
            for table in LEDGER
        ]
        return (*plain, *again)
    body = "BEGIN RAISE EXCEPTION 'the ledger is append-only'; END"
    return (
        f"CREATE FUNCTION heji_append_only() RETURNS trigger LANGUAGE plpgsql AS $$ {body} $$",
        *(
            f"CREATE TRIGGER {table.name}_append_only BEFORE {' OR '.join(verbs)} ON {table.name} "
            f"FOR EACH ROW EXECUTE FUNCTION heji_append_only()"
            for table, verbs in refused.items()
        ),
        *(
            f"CREATE TRIGGER {table.name}_no_truncate BEFORE TRUNCATE ON {table.name} "
            f"FOR EACH STATEMENT EXECUTE FUNCTION heji_append_only()"
            for table in LEDGER
        ),
    )
