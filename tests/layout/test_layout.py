from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from layout.sources import PACKAGES, REPOSITORY, refuse

PRODUCT_CEILING = 400
TEST_CEILING = 600
CODE = {".py", ".js", ".css", ".html", ".sh", ""}
TEXT = CODE | {".toml", ".md"}
# Words that name a drawer, not a thing.
DRAWERS = re.compile(r"(^|_)(utils?|helpers?|common|misc|manager|base)(_|$)")

roots = pytest.mark.parametrize("package", PACKAGES)


def files_below(folder: Path, suffixes: set[str]) -> list[Path]:
    return [
        path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts and path.suffix in suffixes
    ]


def too_long(paths: list[Path], ceiling: int) -> list[str]:
    lengths = {path: len(path.read_text("utf-8").splitlines()) for path in paths}
    return [
        f"{path.relative_to(REPOSITORY)}: {length}" for path, length in lengths.items() if length > ceiling
    ]


@roots
def test_a_root_folder_holds_its_package_and_nothing_else(package: str) -> None:
    root = PACKAGES[package].parent
    assert {entry.name for entry in root.iterdir()} - {"__pycache__"} == {package}
    assert root.name == package.removeprefix("heji_")


@roots
def test_a_package_is_typed_and_each_of_its_folders_says_in_one_sentence_what_it_is(package: str) -> None:
    assert (PACKAGES[package] / "py.typed").is_file()
    folders = {path.parent for path in PACKAGES[package].rglob("*.py")}
    refuse(
        str(folder)
        for folder in folders
        if not (folder / "__init__.py").is_file()
        or not (folder / "__init__.py").read_text("utf-8").startswith('"""')
    )


def test_no_file_of_the_product_is_longer_than_its_ceiling() -> None:
    product = [path for root in PACKAGES.values() for path in files_below(root, CODE)]
    refuse(too_long([*product, REPOSITORY / "run"], PRODUCT_CEILING))


def test_no_file_of_the_tests_is_longer_than_its_ceiling() -> None:
    refuse(too_long([path for path in files_below(REPOSITORY / "tests", CODE) if path.suffix], TEST_CEILING))


def test_no_module_is_named_for_a_drawer() -> None:
    everything = [path for root in (*PACKAGES.values(), REPOSITORY / "tests") for path in root.rglob("*.py")]
    refuse(str(path) for path in everything if DRAWERS.search(path.stem))


def test_tests_are_no_packages() -> None:
    assert list((REPOSITORY / "tests").rglob("__init__.py")) == []


@roots
def test_every_test_module_mirrors_a_module_in_a_folder_of_the_same_name(package: str) -> None:
    root, tests = PACKAGES[package], REPOSITORY / "tests" / PACKAGES[package].parent.name
    # Name a test after the module it tests: test_<module>.py or test_<module>_<more>.py; what is about all doors
    # stands beside the folders, as app.py does.
    refuse(
        str(path.relative_to(REPOSITORY))
        for path in tests.rglob("test_*.py")
        if not any(
            f"{path.stem}_".startswith(f"test_{module}_") for module in modules(root, path.parent.name)
        )
    )


def modules(root: Path, folder: str) -> set[str]:
    """What a test may be named after: the modules and folders below one folder, or those of the whole package."""
    below = root / folder if (root / folder).is_dir() else root
    return {path.stem for path in below.rglob("*") if path.suffix == ".py" or path.is_dir()}


def test_no_test_module_stands_beside_the_folders() -> None:
    assert list((REPOSITORY / "tests").glob("test_*.py")) == []


def test_no_text_names_a_path_of_the_machine_it_was_written_on() -> None:
    folders = [
        *(root.parent for root in PACKAGES.values()),
        *map(REPOSITORY.joinpath, ("tests", "docs", ".ci")),
    ]
    # In a second worktree `.git` is a file, which names where the first one is.
    loose = [
        path
        for path in REPOSITORY.iterdir()
        if path.is_file() and path.suffix in {"", ".md", ".toml"} and path.name != ".git"
    ]
    texts = [path for folder in folders for path in files_below(folder, TEXT)] + loose
    elsewhere = re.compile(
        "|".join("/" + path for path in ("work/main", "work/shared", "tmp/heji", "root/.pyenv"))
    )
    refuse(str(path) for path in texts if elsewhere.search(path.read_text("utf-8", errors="replace")))


def test_pyproject_lists_the_four_packages_for_the_wheel() -> None:
    pyproject = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))
    listed = pyproject["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert [REPOSITORY / entry for entry in listed] == list(PACKAGES.values())
