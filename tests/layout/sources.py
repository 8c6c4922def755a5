"""The product's own text, read as the layout tests judge it: parsed, never imported."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
PACKAGES = {
    "heji_trace": REPOSITORY / "trace/heji_trace",
    "heji_web": REPOSITORY / "web/heji_web",
    "heji_scanners": REPOSITORY / "scanners/heji_scanners",
    "heji_migrations": REPOSITORY / "migrations/heji_migrations",
}


@dataclass(frozen=True)
class Source:
    """One Python file of the product; `folder` is what it stands in below the package: `events` for `events/kinds/form.py`.

    A module beside the folders is its own: `errors` for `errors.py`.
    """

    package: str
    folder: str
    path: Path
    tree: ast.Module

    @property
    def dotted(self) -> str:
        parts = (self.package, *self.path.relative_to(PACKAGES[self.package]).with_suffix("").parts)
        return ".".join(part for part in parts if part != "__init__")

    def place(self, node: ast.AST) -> str:
        return f"{self.path.relative_to(REPOSITORY)}:{getattr(node, 'lineno', 1)}"


@dataclass(frozen=True)
class Import:
    """`name` is what is imported, dotted, as far as it is known to be a module or a name in one."""

    source: Source
    name: str
    place: str

    @property
    def package(self) -> str:
        return self.name.partition(".")[0]

    @property
    def folder(self) -> str:
        return self.name.split(".")[1] if "." in self.name else ""


@cache
def sources() -> tuple[Source, ...]:
    return tuple(
        _read(package, path) for package, root in PACKAGES.items() for path in sorted(root.rglob("*.py"))
    )


@cache
def imports() -> tuple[Import, ...]:
    return tuple(found for source in sources() for found in _imports_of(source))


def refuse(offences: Iterable[str]) -> None:
    """Fail with every line of `offences`, if there is any."""
    lines = sorted(set(offences))
    if lines:
        pytest.fail("\n".join(lines), pytrace=False)


def calls(tree: ast.AST) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def called(call: ast.Call) -> str:
    """The last word of what is called: `commit` for `self.connection.commit()`."""
    return ast.unparse(call.func).rpartition(".")[2]


def _read(package: str, path: Path) -> Source:
    first = path.relative_to(PACKAGES[package]).parts[0]
    folder = "" if first == "__init__.py" else first.removesuffix(".py")
    return Source(package, folder, path, ast.parse(path.read_text("utf-8"), str(path)))


def _imports_of(source: Source) -> Iterator[Import]:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(source, alias.name, source.place(node))
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{source.place(node)}: imports are absolute"
            for alias in node.names:
                yield Import(source, f"{node.module}.{alias.name}", source.place(node))
