"""The tables: the ledger itself, the read tables projected from it, and what the service keeps for itself.

Amounts are integers in millionths of a base unit (`heji_trace.vocabulary.units`), moments are milliseconds since 1970 in UTC,
and composite facts are canonical JSON text, so that SQLite and PostgreSQL hold the same values.

A row of a projection names the entry (`seq`) that proves it. A correction does not delete the row but fills
`withdrawn_seq`, so that what was known at any recorded time can still be asked.
"""

from __future__ import annotations

from heji_trace.store.tables.kinds import (
    conditions,
    conformity,
    cycle_sites,
    environment,
    objections,
    recall_updates,
    series,
)
from heji_trace.store.tables.ledger import (
    LEDGER,
    checkpoints,
    disclosures,
    entries,
    erasures,
    foundation,
    nodes,
)
from heji_trace.store.tables.projections import (
    PROJECTIONS,
    applications,
    batches,
    edges,
    events,
    findings,
    harvests,
    holds,
    labels,
    lines,
    recall_scope,
    register,
    samples,
    stock,
    stock_changes,
    tests,
    warnings,
)
from heji_trace.store.tables.service import accounts, imported, imports, sessions, throttles, tokens
from heji_trace.store.tables.words import ERASABLE, KEPT, Big, metadata

__all__ = [
    "ERASABLE",
    "KEPT",
    "LEDGER",
    "PROJECTIONS",
    "Big",
    "accounts",
    "applications",
    "batches",
    "checkpoints",
    "conditions",
    "conformity",
    "cycle_sites",
    "disclosures",
    "edges",
    "entries",
    "environment",
    "erasures",
    "events",
    "findings",
    "foundation",
    "harvests",
    "holds",
    "imported",
    "imports",
    "labels",
    "lines",
    "metadata",
    "nodes",
    "objections",
    "recall_scope",
    "recall_updates",
    "register",
    "samples",
    "series",
    "sessions",
    "stock",
    "stock_changes",
    "tests",
    "throttles",
    "tokens",
    "warnings",
]
